/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What forwards with guards, limits and several targets are made of, there and back through the real kernel: every kind
 * of expression, set and element that sample_ruleset.h has not. Each test in a network namespace of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_place.h"
#include "sample_ruleset.h"

/* ---- Words -------------------------------------------------------------------------------------- */

#define NOT_IN(from, set) {.kind = EXPR_LOOKUP, .op = NFT_LOOKUP_F_INV, .sreg = (from), .name = (set)}
#define RATE(r, p, b) .rate = (r), .per = (p), .burst = (b)
#define SADDR4(to) PAYLOAD(NETWORK, 12, 4, to)
#define SADDR6(to) PAYLOAD(NETWORK, 8, 16, to)
#define DPORT(to) PAYLOAD(TRANSPORT, 2, 2, to)
#define TCP META(L4PROTO, 0), EQ1(0, IPPROTO_TCP)
#define IMMEDIATE4(to, last) {.kind = EXPR_IMMEDIATE, .dreg = (to), .len = 4, .data = {10, 0, 0, (last)}}
#define DROP VERDICT(NF_DROP, NULL)
#define LABEL(to) {.kind = EXPR_CT, .key = NFT_CT_LABELS, .dreg = (to)}
#define LABEL_MASK {.kind = EXPR_BITWISE, .len = 16, .data = {[4] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
#define JHASH(from, n, to) {.kind = EXPR_HASH, .sreg = (from), .len = (n), .dreg = (to), .count = 16, .burst = 0x1234}
#define NUMGEN(how, to) {.kind = EXPR_NUMGEN, .key = NFT_NG_##how, .dreg = (to), .count = 16}
#define SNAT(fam, addr) {.kind = EXPR_NAT, .key = NFT_NAT_SNAT, .op = (fam), .sreg = (addr)}

static struct ruleset *empty_table(void)
{
	struct ruleset *r = ruleset_new();

	r->table = true;
	return r;
}

static void dynamic_set(struct ruleset *r, const char *name, uint32_t flags, uint32_t timeout)
{
	struct set *s = sample_set(r, name, NFT_SET_EVAL | flags, TYPE_IPV4, 4);

	s->size = 4000; /* not what the kernel takes by itself */
	s->timeout = timeout;
}

/* A label with these two bits: a bitmap of unsigned long, like the kernel's. Valid until the next call. */
static const uint8_t *label(unsigned a, unsigned b)
{
	enum { BITS = 8 * sizeof(unsigned long) };
	static unsigned long words[16 / sizeof(unsigned long)];

	memset(words, 0, sizeof(words));
	words[a / BITS] |= 1UL << a % BITS;
	words[b / BITS] |= 1UL << b % BITS;
	return (const uint8_t *)words;
}

/* ---- Guards ------------------------------------------------------------------------------------- */

static struct ruleset *guards(void)
{
	struct ruleset *r = empty_table();
	struct set s =
		*sample_map(r, "any4_f", NFT_SET_TIMEOUT, TYPE_CONCAT(TYPE_PROTO, TYPE_PORT), 8, NFT_DATA_VERDICT, 0);
	struct chain *c;

	sample_verdict(r, &s, "\6\0\0\0\0\x50\0\0", NFT_GOTO, "f_web")->comment = "web";
	s = *sample_set(r, "from_web", NFT_SET_INTERVAL, TYPE_IPV4, 4);
	memcpy(sample_elem(r, &s, "\xc6\x33\x64\0", NULL, NULL)->key_end, "\xc6\x33\x64\xff", 4);
	dynamic_set(r, "rate_web", NFT_SET_TIMEOUT, 60);
	dynamic_set(r, "conns_web", 0, 0);
	c = sample_chain(r, "f_web", NULL, 0, 0);
	SAMPLE_RULE(r, c, "from", IS_IPV4, SADDR4(0), NOT_IN(0, "from_web"), DROP);
	SAMPLE_RULE(r, c, "rate", IS_IPV4, SADDR4(0),
		    {.kind = EXPR_DYNSET,
		     .key = EXPR_LIMIT,
		     .op = NFT_DYNSET_OP_UPDATE,
		     .name = "rate_web",
		     RATE(20, 60, 40)},
		    DROP);
	SAMPLE_RULE(
		r, c, "connections", IS_IPV4, SADDR4(0),
		{.kind = EXPR_DYNSET, .key = EXPR_CONNLIMIT, .op = NFT_DYNSET_OP_ADD, .name = "conns_web", .count = 50},
		DROP);
	SAMPLE_RULE(r, c, "connections of all", {.kind = EXPR_CONNLIMIT, .count = 500, .op = NFT_CONNLIMIT_F_INV},
		    DROP);
	SAMPLE_RULE(r, c, "rate of all", {.kind = EXPR_LIMIT, RATE(5, 86400, 7), .op = NFT_LIMIT_F_INV}, DROP);
	SAMPLE_RULE(r, c, "log", {.kind = EXPR_LIMIT, RATE(10, 1, 5)},
		    {.kind = EXPR_LOG, .key = 4711, .offset = 80, .name = "web"});
	SAMPLE_RULE(r, c, "log bare", {.kind = EXPR_LOG, .key = 1});
	SAMPLE_RULE(r, c, "dnat", TCP, IMMEDIATE4(0, 10),
		    {.kind = EXPR_IMMEDIATE, .dreg = 1, .len = 2, .data = {0x1f, 0x90}}, DNAT_PORT(NFPROTO_IPV4, 0, 1));
	c = sample_chain(r, "pre", "nat", NF_INET_PRE_ROUTING, -101);
	SAMPLE_RULE(r, c, "any4", META(L4PROTO, 0), DPORT(1), MAP(0, "any4_f", REG_VERDICT));
	ruleset_sort(r);
	return r;
}

/* ---- Several targets ---------------------------------------------------------------------------- */

static void slot_elem(struct ruleset *r, const struct set *s, uint32_t slot, const char *chain)
{
	sample_verdict(r, s, &slot, NFT_GOTO, chain);
}

static struct ruleset *balance(void)
{
	struct ruleset *r = empty_table();
	struct set s = *sample_map(r, "slots", 0, TYPE_INTEGER, 4, NFT_DATA_VERDICT, 0);
	struct chain *c;

	for (uint32_t i = 0; i < 16; i++)
		slot_elem(r, &s, i, i % 3 ? "target0" : "target1");
	s = *sample_map(r, "ports", 0, TYPE_CONCAT(TYPE_PROTO, TYPE_PORT), 8, TYPE_PORT, 2);
	sample_elem(r, &s, "\6\0\0\0\0\x50\0\0", "\x1f\x90", "balanced");
	c = sample_chain(r, "target0", NULL, 0, 0);
	SAMPLE_RULE(r, c, "dnat", TCP, IMMEDIATE4(8, 10), META(L4PROTO, 0), DPORT(1), MAP(0, "ports", 9),
		    DNAT_PORT(NFPROTO_IPV4, 8, 9));
	c = sample_chain(r, "target1", NULL, 0, 0);
	SAMPLE_RULE(r, c, "dnat", IMMEDIATE4(0, 11), DNAT(NFPROTO_IPV4, 0));
	SAMPLE_RULE(r, c, "else", VERDICT(NFT_GOTO, "target0"));
	c = sample_chain(r, "f_source", NULL, 0, 0);
	SAMPLE_RULE(r, c, "source", IS_IPV4, SADDR4(0), JHASH(0, 4, 4), MAP(4, "slots", REG_VERDICT));
	SAMPLE_RULE(r, c, "source6", IS_IPV6, SADDR6(0), JHASH(0, 16, 4), MAP(4, "slots", REG_VERDICT));
	SAMPLE_RULE(r, c, "random", NUMGEN(RANDOM, 0), MAP(0, "slots", REG_VERDICT));
	SAMPLE_RULE(r, c, "round-robin", NUMGEN(INCREMENTAL, 0), MAP(0, "slots", REG_VERDICT));
	c = sample_chain(r, "pre", "nat", NF_INET_PRE_ROUTING, -101);
	SAMPLE_RULE(r, c, "jump", VERDICT(NFT_JUMP, "f_source"));
	ruleset_sort(r);
	return r;
}

/* ---- Source addresses, MSS, concatenations of intervals ----------------------------------------- */

static void concat_sets(struct ruleset *r)
{
	struct set *s = sample_set(r, "nets4", NFT_SET_INTERVAL, TYPE_CONCAT(TYPE_IPV4, TYPE_PORT), 8);
	struct elem *e;

	memcpy(s->fields, "\4\2", 2);
	e = sample_elem(r, s, "\x0a\0\0\0\0\x50\0\0", NULL, NULL);
	memcpy(e->key_end, "\x0a\xff\xff\xff\0\x5a\0\0", 8);
	e->concat = true;
	sample_elem(r, s, "\xc0\xa8\1\1\0\x16\0\0", NULL, "one")->concat = true;
	s = sample_map(r, "pairs", NFT_SET_INTERVAL, TYPE_CONCAT(TYPE_CONCAT(TYPE_PROTO, TYPE_PORT), TYPE_IPV6), 24,
		       NFT_DATA_VERDICT, 0);
	memcpy(s->fields, "\1\2\x10", 3);
	e = sample_verdict(r, s, "\6\0\0\0\0\x50\0\0\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", NFT_GOTO, "in_pairs");
	memcpy(e->key_end, "\6\0\0\0\0\x50\0\0\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 24);
	e->concat = true;
}

static void label_maps(struct ruleset *r)
{
	struct set s = *sample_map(r, "by_label", 0, TYPE_CT_LABEL, 16, NFT_DATA_VERDICT, 0);

	sample_verdict(r, &s, label(104, 104), NFT_GOTO, "in_pairs");
	sample_verdict(r, &s, label(7, 7), NF_ACCEPT, NULL);
	s = *sample_map(r, "snat_to4", NFT_SET_TIMEOUT, TYPE_CT_LABEL, 16, TYPE_IPV4, 4);
	sample_elem(r, &s, label(32, 45), "\x0a\0\0\1", "many bits");
	s = *sample_map(r, "snat_to6", 0, TYPE_CT_LABEL, 16, TYPE_IPV6, 16);
	sample_elem(r, &s, label(33, 95), "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", NULL);
}

static struct ruleset *others(void)
{
	struct ruleset *r = empty_table();
	struct chain *c;

	concat_sets(r);
	label_maps(r);
	c = sample_chain(r, "in_pairs", NULL, 0, 0);
	SAMPLE_RULE(r, c, "snat", IS_IPV4, IMMEDIATE4(0, 1), SNAT(NFPROTO_IPV4, 0));
	c = sample_chain(r, "post", "nat", NF_INET_POST_ROUTING, 99);
	SAMPLE_RULE(r, c, "nets", IS_IPV4, TCP, SADDR4(0), DPORT(1), LOOKUP(0, "nets4"), VERDICT(NFT_GOTO, "in_pairs"));
	SAMPLE_RULE(r, c, "pairs", IS_IPV6, TCP, DPORT(1), SADDR6(2), MAP(0, "pairs", REG_VERDICT));
	SAMPLE_RULE(r, c, "label", LABEL(0), MAP(0, "by_label", REG_VERDICT));
	SAMPLE_RULE(r, c, "snat4", IS_IPV4, LABEL(0), LABEL_MASK, MAP(0, "snat_to4", 4), SNAT(NFPROTO_IPV4, 4));
	SAMPLE_RULE(r, c, "snat6", IS_IPV6, LABEL(0), LABEL_MASK, MAP(0, "snat_to6", 4), SNAT(NFPROTO_IPV6, 4));
	c = sample_chain(r, "forward", "filter", NF_INET_FORWARD, 0);
	SAMPLE_RULE(r, c, "mss", TCP, PAYLOAD(TRANSPORT, 13, 1, 0), {.kind = EXPR_BITWISE, .len = 1, .data = {6}},
		    EQ1(0, 2), {.kind = EXPR_RT, .key = NFT_RT_TCPMSS}, {.kind = EXPR_BYTEORDER},
		    {.kind = EXPR_MSS_SET});
	SAMPLE_RULE(r, c, "fixed mss", TCP, {.kind = EXPR_IMMEDIATE, .dreg = 3, .len = 2, .data = {5, 0x78}},
		    {.kind = EXPR_MSS_SET, .sreg = 3});
	ruleset_sort(r);
	return r;
}

static struct ruleset *(*const kinds[])(void) = {empty_table, guards, balance, others};

/* ---- There and back ------------------------------------------------------------------------------ */

/* From each to each: what is new comes before what refers to it, and what goes is let go of before. */
static void test_from_each_to_each(void **state)
{
	struct kernel *k = opened(state);

	for (size_t from = 0; from < ARRAY_SIZE(kinds); from++) {
		for (size_t to = 0; to < ARRAY_SIZE(kinds); to++) {
			_cleanup_(ruleset_freep) struct ruleset *a = kinds[from](), *b = kinds[to]();

			must_reach(k, a);
			must_reach(k, b);
		}
	}
}

/* What nft writes anew, having loaded a listing: it takes other registers, and the code for labels that it does not know
 * itself. */
static void assert_nfts_own(const struct plan *p, const struct ruleset *want)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct op *op = &p->ops[i];
		const struct set *set = op->elem  ? ruleset_set(want, op->elem->set)
					: op->set ? ruleset_set(want, op->set->name)
						  : NULL;

		assert_true(op->kind == OP_FLUSH_CHAIN || op->kind == OP_ADD_RULE ||
			    (set && set->key_type == TYPE_CT_LABEL));
	}
}

/* A listing that was saved loads again, also after we have put right what loading it has changed. */
static void test_listing_reloads(void **state)
{
	struct kernel *k = opened(state);

	need_nft();
	for (size_t i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		_cleanup_(ruleset_freep) struct ruleset *want = kinds[i / 2](), *have = NULL;
		_cleanup_(plan_freep) struct plan *p = NULL;

		must_reach(k, want);
		netns_run("l=$(nft list ruleset) && nft flush ruleset && echo \"$l\" | nft -f -");
		have = read_all(k, NULL);
		p = plan_diff(have, want);
		assert_nfts_own(p, want);
	}
}

/* ---- Changes in place ---------------------------------------------------------------------------- */

static uint64_t handle_of(struct kernel *k, const char *chain)
{
	_cleanup_(ruleset_freep) struct ruleset *r = read_all(k, NULL);

	return ruleset_chain(r, chain)->rules[0].handle;
}

/* Another limit makes another set: it comes anew with what looks into it, and everything else stays. */
static void test_redefined_set(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *minute = guards(), *hour = guards();
	uint64_t own, other;

	must_reach(k, minute);
	own = handle_of(k, "f_web");
	other = handle_of(k, "pre");
	for (size_t i = 0; i < hour->n_sets; i++)
		if (hour->sets[i].timeout)
			hour->sets[i].timeout = 3600;
	must_reach(k, hour);
	assert_true(handle_of(k, "f_web") != own);
	assert_int_equal(handle_of(k, "pre"), other);
}

static void test_policy_in_place(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *accept = others(), *drop = others();
	uint64_t handle;

	must_reach(k, accept);
	handle = handle_of(k, "forward");
	for (size_t i = 0; i < drop->n_chains; i++)
		if (streq(drop->chains[i].name, "forward"))
			drop->chains[i].policy = NF_DROP;
	must_reach(k, drop);
	assert_int_equal(handle_of(k, "forward"), handle);
}

static void send_to_itself(void)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(sendto(fd, "", 1, 0, (const void *)&to, sizeof(to)), 1);
}

/* What packets put into a dynamic set is nobody's business. */
static void test_dynamic_elements_are_left_alone(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = empty_table(), *other = empty_table(), *have = NULL;
	struct chain *c;

	need_nft();
	for (int i = 0; i < 2; i++) {
		struct ruleset *r = i ? other : want;

		dynamic_set(r, "seen", NFT_SET_TIMEOUT, i ? 60 : 3600);
		c = sample_chain(r, "out", "filter", NF_INET_LOCAL_OUT, 0);
		SAMPLE_RULE(r, c, "seen", IS_IPV4, SADDR4(0),
			    {.kind = EXPR_DYNSET,
			     .key = EXPR_LIMIT,
			     .op = NFT_DYNSET_OP_UPDATE,
			     .name = "seen",
			     .rate = 1,
			     .per = 1,
			     .burst = 1},
			    DROP);
	}
	must_reach(k, want);
	netns_run("ip link set lo up");
	send_to_itself();
	netns_run("nft list set inet gwd seen | grep -q 127.0.0.1");
	have = read_all(k, NULL);
	assert_int_equal(have->n_elems, 0);
	assert_nothing_to_do(have, want);
	must_reach(k, other);
	netns_run("! nft list set inet gwd seen | grep -q 127.0.0.1");
}

/* ---- Elements with an end ------------------------------------------------------------------------ */

/* One in a hash, one interval, one interval of several fields; all end at `expires`. */
static struct ruleset *leases(int64_t expires)
{
	struct ruleset *r = empty_table();
	struct set s;

	s = *sample_map(r, "any4", NFT_SET_TIMEOUT, TYPE_CONCAT(TYPE_PROTO, TYPE_PORT), 8,
			TYPE_CONCAT(TYPE_IPV4, TYPE_PORT), 8);
	sample_forward(r, &s, 80, 10, "lease");
	s = *sample_map(r, "any4_tcp", NFT_SET_TIMEOUT | NFT_SET_INTERVAL, TYPE_PORT, 2, TYPE_IPV4, 4);
	sample_range(r, &s, 8000, 8010, 1, "lease");
	s = *sample_map(r, "hole4", NFT_SET_TIMEOUT | NFT_SET_INTERVAL, TYPE_CONCAT(TYPE_IPV4, TYPE_PORT), 8,
			NFT_DATA_VERDICT, 0);
	memcpy(s.fields, "\4\2", 2);
	r->sets[r->n_sets - 1] = s;
	sample_chain(r, "own", NULL, 0, 0);
	sample_verdict(r, &s, "\x0a\0\0\1\0\x50\0\0", NFT_GOTO, "own")->concat = true;
	for (size_t i = 0; i < r->n_elems; i++)
		r->elems[i].expires = expires;
	ruleset_sort(r);
	return r;
}

static int64_t in_seconds(int64_t seconds)
{
	return clock_ms() / 1000 + seconds;
}

static size_t elements_there(struct kernel *k)
{
	_cleanup_(ruleset_freep) struct ruleset *r = read_all(k, NULL);

	return r->n_elems;
}

static void wait_until_gone(struct kernel *k)
{
	int64_t late = clock_ms() + 20000;

	while (elements_there(k)) {
		assert_true(clock_ms() < late);
		usleep(20000);
	}
}

static void commit_diff(struct kernel *k, const struct ruleset *have, const struct ruleset *want)
{
	_cleanup_(plan_freep) struct plan *p = plan_diff(have, want);
	struct diag d = {0};

	if (kernel_commit(k, p, 0, &d) < 0)
		fail_msg("%s", diag_text(&d));
}

static void test_expires(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *lease = leases(in_seconds(100)), *longer = leases(in_seconds(90000)),
						*always = leases(0), *bare = leases(0);

	bare->n_elems = 0;
	must_reach(k, bare);
	must_reach(k, lease); /* reads back the same end */
	must_reach(k, longer);
	must_reach(k, always);
	must_reach(k, lease);
	must_reach(k, bare);
}

/* What has gone by itself can be deleted and changed like what is there. */
static void test_gone_by_itself(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *bare = leases(0), *lease = NULL, *again = NULL, *always = leases(0);

	bare->n_elems = 0;
	must_reach(k, bare);
	lease = leases(in_seconds(1));
	commit_diff(k, bare, lease);
	wait_until_gone(k);
	commit_diff(k, lease, bare);
	assert_int_equal(elements_there(k), 0);

	commit_diff(k, bare, lease); /* its end is past: it goes at once, it does not stay for ever */
	wait_until_gone(k);
	again = leases(in_seconds(100));
	commit_diff(k, lease, again);
	must_reach(k, again);
	commit_diff(k, lease, always); /* there, and not as remembered */
	assert_int_equal(elements_there(k), 3);
	must_reach(k, always);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_KERNEL_PLACE(test_from_each_to_each),
		IN_KERNEL_PLACE(test_listing_reloads),
		IN_KERNEL_PLACE(test_redefined_set),
		IN_KERNEL_PLACE(test_policy_in_place),
		IN_KERNEL_PLACE(test_dynamic_elements_are_left_alone),
		IN_KERNEL_PLACE(test_expires),
		IN_KERNEL_PLACE(test_gone_by_itself),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
