/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real kernel.c in a network namespace of its own, for tests of what the kernel makes of a ruleset. */
#ifndef KERNEL_PLACE_H
#define KERNEL_PLACE_H

#include "kernel.h"
#include "own_netns.h"

/* Setup and teardown of a test; *state is its kernel. */
static inline int kernel_place_setup(void **state)
{
	struct diag d = {0};

	*state = NULL;
	if (!netns_allowed)
		return 0;
	return netns_fresh(state) < 0 ? -1 : kernel_open((struct kernel **)state, &d);
}

static inline int kernel_place_teardown(void **state)
{
	kernel_close(*state);
	return 0;
}

#define IN_KERNEL_PLACE(test) cmocka_unit_test_setup_teardown(test, kernel_place_setup, kernel_place_teardown)

static inline struct kernel *opened(void **state)
{
	NEED_NETNS();
	return *state;
}

static inline void need_nft(void)
{
	if (system("command -v nft >/dev/null") == 0)
		return;
	print_message("SKIP: there is no nft here\n");
	skip();
}

static inline struct ruleset *read_all(struct kernel *k, uint32_t *generation)
{
	struct diag d = {0};
	struct ruleset *r = NULL;
	uint32_t any;

	if (kernel_read(k, &r, generation ? generation : &any, &d) < 0)
		fail_msg("%s", diag_text(&d));
	return r;
}

static inline void assert_nothing_to_do(const struct ruleset *have, const struct ruleset *want)
{
	_cleanup_(plan_freep) struct plan *p = plan_diff(have, want);
	_cleanup_(buf_free) struct buf text = {0};

	plan_text(&text, p);
	if (p->n)
		fail_msg("still to do:\n%s", text.data);
}

/* Brings the kernel to `want`. */
static inline int reach(struct kernel *k, const struct ruleset *want, struct diag *d)
{
	_cleanup_(ruleset_freep) struct ruleset *have = NULL;
	_cleanup_(plan_freep) struct plan *p = NULL;
	uint32_t generation;

	have = read_all(k, &generation);
	p = plan_diff(have, want);
	return kernel_commit(k, p, generation, d);
}

/* ... and what is read back equals it. */
static inline void must_reach(struct kernel *k, const struct ruleset *want)
{
	_cleanup_(ruleset_freep) struct ruleset *have = NULL;
	struct diag d = {0};

	if (reach(k, want, &d) < 0)
		fail_msg("%s", diag_text(&d));
	have = read_all(k, NULL);
	assert_nothing_to_do(have, want);
	assert_nothing_to_do(want, have);
	assert_int_equal(have->n_elems, want->n_elems);
}

#endif
