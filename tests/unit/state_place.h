/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of its own for each test of the state database, and the calls that must work in all of them. */
#ifndef STATE_PLACE_H
#define STATE_PLACE_H

#include <grp.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "state.h"
#include "util.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define OK(call) assert_int_equal(call, 0)

static const struct caller root = {0, 1};

struct place {
	char base[64];
	char dir[80]; /* base/state: not there at first */
};

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int setup(void **ctx)
{
	struct place *place = xcalloc(1, sizeof(*place));
	const char *tmp = getenv("TMPDIR");

	snprintf(place->base, sizeof(place->base), "%s/gwd-state-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (!mkdtemp(place->base))
		return -1;
	snprintf(place->dir, sizeof(place->dir), "%s/state", place->base);
	*ctx = place;
	return 0;
}

static inline int teardown(void **ctx)
{
	struct place *place = *ctx;
	int r = nftw(place->base, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(place);
	return r;
}

static inline char *in_dir(void **ctx, const char *name)
{
	return xasprintf("%s/%s", ((struct place *)*ctx)->dir, name);
}

static inline struct state *open_again(void **ctx)
{
	struct diag diag = {0};
	struct state *state = NULL;

	assert_int_equal(state_open(((struct place *)*ctx)->dir, &state, &diag), 0);
	assert_int_equal(diag.n + diag.n_warnings, 0);
	return state;
}

/* The diag of a refusal: kind, and words that its text has. Frees it. */
static inline void assert_refused(struct diag *diag, enum diag_kind kind, const char *words)
{
	assert_int_equal(diag->n, 1);
	assert_int_equal(diag->kind, kind);
	if (!strstr(diag->mistakes[0].message, words))
		fail_msg("'%s' does not say '%s'", diag->mistakes[0].message, words);
	diag_free(diag);
}

static inline int join_runtime(void *ctx, const char *name, const char *service, const char *boot)
{
	buf_printf(ctx, "%s=%s%s%s ", name, service, boot ? "@" : "", boot ? boot : "");
	return 0;
}

static inline void assert_runtime(struct state *state, const char *expected)
{
	_cleanup_(buf_free) struct buf buf = {0};
	struct diag diag = {0};

	buf_printf(&buf, "%s", "");
	OK(state_each_runtime(state, join_runtime, &buf, &diag));
	assert_string_equal(buf.data, expected);
}

static inline void put_runtime(struct state *state, const char *name, const char *service)
{
	struct diag diag = {0};

	OK(state_put_runtime(state, name, service, NULL, &root, &diag));
}

static inline void begin(struct state *state)
{
	struct diag diag = {0};

	OK(state_begin(state, &diag));
}

static inline void commit(struct state *state)
{
	struct diag diag = {0};

	OK(state_commit(state, &diag));
}

enum { NOBODY = 65534 };
enum { CANNOT_DROP = 77 }; /* root of a user namespace that has no other user */

static inline int drop_root(void)
{
	return geteuid() != 0 || (setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0) ? 0 : -1;
}

#endif
