/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nft_put.c writes, nft_get.c reads back as the same, without a kernel between them; and an error's offset leads
 * back to the element that it is about. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft_get.h"
#include "nft_put.h"
#include "sample_ruleset.h"

static const struct nlmsghdr *message(const struct nft_batch *b, size_t i)
{
	return (const void *)(b->buf.data + b->messages[i].offset);
}

/* ---- Round trip --------------------------------------------------------------------------------- */

static const struct set *set_of_message(const struct nlmsghdr *nlh, const struct ruleset *r)
{
	const char *name = NULL;
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_SET)
			name = mnl_attr_get_str(attr);
	for (size_t i = 0; i < r->n_sets; i++)
		if (str_same(r->sets[i].name, name))
			return &r->sets[i];
	fail_msg("elements of an unknown set");
	return NULL;
}

static void take_message(const struct nlmsghdr *nlh, struct ruleset *r)
{
	struct nft_elems elems = {.ruleset = r};
	int ok = MNL_CB_OK;

	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
		ok = nft_get_table(nlh, r);
		break;
	case NFT_MSG_NEWSET:
		ok = nft_get_set(nlh, r);
		break;
	case NFT_MSG_NEWCHAIN:
		ok = nft_get_chain(nlh, r);
		break;
	case NFT_MSG_NEWRULE:
		ok = nft_get_rule(nlh, r);
		break;
	case NFT_MSG_NEWSETELEM:
		elems.set = set_of_message(nlh, r);
		ok = nft_get_elems(nlh, &elems);
		break;
	default:
		fail_msg("unexpected message %u", nlh->nlmsg_type);
	}
	assert_int_equal(ok, MNL_CB_OK);
}

/* Intervals are paired set by set, as kernel.c does it. */
static struct ruleset *read_back(const struct nft_batch *b)
{
	struct ruleset *r = ruleset_new();
	const struct set *set = NULL, *last = NULL;
	size_t first = 0;

	for (size_t i = 1; i + 1 < b->n; i++) {
		bool elements = (message(b, i)->nlmsg_type & 0xff) == NFT_MSG_NEWSETELEM;

		set = elements ? set_of_message(message(b, i), r) : NULL;
		if (last && last != set)
			nft_get_intervals(r, last, first);
		if (last != set)
			first = r->n_elems;
		take_message(message(b, i), r);
		last = set;
	}
	if (last)
		nft_get_intervals(r, last, first);
	ruleset_sort(r);
	return r;
}

static struct nft_batch *batch_of(const struct ruleset *want, struct plan **ret_plan)
{
	_cleanup_(ruleset_freep) struct ruleset *nothing = ruleset_new();

	*ret_plan = plan_diff(nothing, want);
	return nft_put_plan(*ret_plan, 0);
}

static void assert_same(const struct ruleset *have, const struct ruleset *want)
{
	_cleanup_(plan_freep) struct plan *p = plan_diff(have, want);
	struct buf text = {0};

	plan_text(&text, p);
	if (p->n)
		fail_msg("differs:\n%s", text.data);
	buf_free(&text);
}

static void test_round_trip(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *have = NULL;
	_cleanup_(nft_batch_freep) struct nft_batch *b = NULL;
	_cleanup_(plan_freep) struct plan *p = NULL;

	(void)state;
	want->table_flags = NFT_TABLE_F_DORMANT;
	b = batch_of(want, &p);
	have = read_back(b);
	assert_same(have, want);
	assert_int_equal(have->table_flags, NFT_TABLE_F_DORMANT);
	assert_int_equal(have->n_elems, want->n_elems);
	assert_int_equal(b->elements, want->n_elems);
}

static void test_batch_frame(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset();
	_cleanup_(plan_freep) struct plan *p = NULL;
	_cleanup_(nft_batch_freep) struct nft_batch *b = NULL, *insists = NULL;
	const struct nlattr *attr;
	bool exact;

	(void)state;
	b = batch_of(want, &p);
	insists = nft_put_plan(p, 0x01020304);
	assert_int_equal(message(b, 0)->nlmsg_type, NFNL_MSG_BATCH_BEGIN);
	assert_int_equal(message(b, b->n - 1)->nlmsg_type, NFNL_MSG_BATCH_END);
	assert_int_equal(mnl_nlmsg_get_payload_len(message(b, 0)), sizeof(struct nfgenmsg));
	attr = mnl_nlmsg_get_payload_offset(message(insists, 0), sizeof(struct nfgenmsg));
	assert_int_equal(mnl_attr_get_type(attr), NFNL_BATCH_GENID);
	assert_int_equal(ntohl(mnl_attr_get_u32(attr)), 0x01020304);
	for (size_t i = 0; i < b->n; i++) {
		assert_int_equal(message(b, i)->nlmsg_seq, i);
		assert_int_equal(!!(message(b, i)->nlmsg_flags & NLM_F_ACK), i == b->n - 2);
	}
	assert_int_equal(nft_batch_op(b, 0, 0, &exact), -1);
	assert_int_equal(nft_batch_op(b, (uint32_t)b->n - 1, 0, &exact), -1);
	assert_int_equal(nft_batch_op(b, (uint32_t)b->n, 0, &exact), -1);
}

/* ---- Many elements ------------------------------------------------------------------------------ */

static struct ruleset *ports(size_t n, bool ranges, const char *comment)
{
	struct ruleset *r = sample_ruleset();
	struct set any4 = *ruleset_set(r, "any4"), range = *ruleset_set(r, "any4_tcp_range");

	r->n_elems = 0;
	for (size_t i = 0; i < n; i++)
		if (ranges)
			sample_range(r, &range, (uint16_t)(i * 4 + 1), (uint16_t)(i * 4 + 3), 1, comment);
		else
			sample_forward(r, &any4, (uint16_t)(i + 1), 1, comment);
	ruleset_sort(r);
	return r;
}

/* nla_len has 16 bits: nothing in a message may come near, and nothing may be lost. */
static void test_lists_stay_small(void **state)
{
	static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123"
				      "012345678901234567890123456789012345678901234567890123456789012";
	_cleanup_(ruleset_freep) struct ruleset *want = ports(5000, false, longest), *have = NULL;
	_cleanup_(plan_freep) struct plan *p = NULL;
	_cleanup_(nft_batch_freep) struct nft_batch *b = NULL;
	size_t lists = 0;

	(void)state;
	b = batch_of(want, &p);
	for (size_t i = 0; i < b->n; i++) {
		assert_true(message(b, i)->nlmsg_len < 40000);
		lists += b->messages[i].n_ops > 1;
	}
	assert_true(lists > 10);
	have = read_back(b);
	assert_int_equal(have->n_elems, 5000);
	assert_same(have, want);
}

/* Every element's own offset, and any inside of it, is that of its op; an interval's end belongs to its start. */
static void check_offsets(const struct ruleset *want, size_t attrs_per_op)
{
	_cleanup_(plan_freep) struct plan *p = NULL;
	_cleanup_(nft_batch_freep) struct nft_batch *b = batch_of(want, &p);
	size_t found = 0;

	for (size_t i = 1; i + 1 < b->n; i++) {
		struct nlattr *list, *elem;
		size_t n = 0;

		if ((message(b, i)->nlmsg_type & 0xff) != NFT_MSG_NEWSETELEM)
			continue;
		mnl_attr_for_each(list, message(b, i), sizeof(struct nfgenmsg)) {
			if (mnl_attr_get_type(list) != NFTA_SET_ELEM_LIST_ELEMENTS)
				continue;
			mnl_attr_for_each_nested(elem, list) {
				uint32_t offset = (uint32_t)((char *)elem - (const char *)message(b, i));
				bool exact = false;

				assert_int_equal(nft_batch_op(b, (uint32_t)i, offset + n % 5 * 4, &exact),
						 b->messages[i].first_op + n / attrs_per_op);
				assert_true(exact);
				found += n++ % attrs_per_op == 0;
			}
		}
	}
	assert_int_equal(found, want->n_elems);
}

/* Starts and ends in the list for the sample's four ranges, of which the last stays open. */
static void test_open_interval_has_no_end(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset();
	_cleanup_(plan_freep) struct plan *p = NULL;
	_cleanup_(nft_batch_freep) struct nft_batch *b = batch_of(want, &p);
	size_t n = 0;

	(void)state;
	for (size_t i = 1; i + 1 < b->n; i++) {
		const struct op *op = &p->ops[b->messages[i].first_op];
		struct nlattr *list, *elem;

		if (op->kind != OP_ADD_ELEM || !streq(op->elem->set, "any4_tcp_range"))
			continue;
		mnl_attr_for_each(list, message(b, i), sizeof(struct nfgenmsg))
			if (mnl_attr_get_type(list) == NFTA_SET_ELEM_LIST_ELEMENTS)
				mnl_attr_for_each_nested(elem, list)
					n++;
	}
	assert_int_equal(n, 7);
}

static void test_offset_leads_to_op(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *exact = ports(2500, false, "web"), *ranges = ports(2500, true, NULL);
	_cleanup_(plan_freep) struct plan *p = NULL;
	_cleanup_(nft_batch_freep) struct nft_batch *b = NULL;
	bool is_exact = true;

	(void)state;
	check_offsets(exact, 1);
	check_offsets(ranges, 2);
	b = batch_of(exact, &p);
	for (size_t i = 0; i < b->n; i++) {
		if (b->messages[i].n_ops < 2)
			continue;
		assert_int_equal(nft_batch_op(b, (uint32_t)i, 0, &is_exact), b->messages[i].first_op);
		assert_false(is_exact);
	}
}

/* An element that may go by itself is there when it is deleted: every list is added before. */
static void test_leases_are_added_before_they_go(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *have = ports(2500, true, "a lease"), *nothing = ruleset_new();
	_cleanup_(nft_batch_freep) struct nft_batch *b = NULL;
	_cleanup_(plan_freep) struct plan *p = NULL;
	size_t ops = 0;

	(void)state;
	have->table = false;
	have->n_sets = have->n_chains = 0;
	for (size_t i = 0; i < have->n_elems; i++)
		have->elems[i].expires = i < 2000;
	p = plan_diff(have, nothing);
	b = nft_put_plan(p, 0);
	assert_int_equal(b->elements, 2500);
	for (size_t i = 1; i + 1 < b->n; i++) {
		const struct nft_message *m = &b->messages[i], *before = m - 1;

		if ((message(b, i)->nlmsg_type & 0xff) != NFT_MSG_DELSETELEM)
			continue;
		assert_int_equal(m->first_op, ops);
		assert_int_equal((message(b, i - 1)->nlmsg_type & 0xff) == NFT_MSG_NEWSETELEM, ops < 2000);
		assert_true(ops >= 2000 || (before->first_op == m->first_op && before->n_ops == m->n_ops));
		ops += m->n_ops;
	}
	assert_int_equal(ops, 2500);
}

/* ---- What others wrote -------------------------------------------------------------------------- */

static char buffer[1 << 14];

static struct nftnl_rule *their_rule(void)
{
	struct nftnl_rule *r = nftnl_rule_alloc();

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, RULESET_TABLE);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, "theirs");
	return r;
}

/* The rule as we read it, then freed; it lives in `into`. */
static struct rule *read_rule(struct nftnl_rule *rule, struct ruleset *into)
{
	struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_NEWRULE, NFPROTO_INET, 0, 1);
	struct chain *c = into->n_chains ? &into->chains[0] : sample_chain(into, "theirs", NULL, 0, 0);

	nftnl_rule_nlmsg_build_payload(nlh, rule);
	nftnl_rule_free(rule);
	assert_int_equal(nft_get_rule(nlh, into), MNL_CB_OK);
	return &c->rules[c->n - 1];
}

static struct nftnl_expr *their_expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *x = nftnl_expr_alloc(name);

	nftnl_rule_add_expr(r, x);
	return x;
}

/* What we write, but with a twist that struct expr cannot say. */
static void twisted_matches(struct nftnl_rule *r)
{
	struct nftnl_expr *x;

	x = their_expr(r, "meta"); /* sets a mark */
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_SREG, NFT_REG_1);
	x = their_expr(r, "lookup"); /* of another kernel */
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, "any4");
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV << 1);
	x = their_expr(r, "bitwise"); /* with xor */
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, 4);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, "\1\2\3\4", 4);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, "\0\0\1", 4);
	x = their_expr(r, "byteorder"); /* the other way */
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_NTOH);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_LEN, 2);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SIZE, 2);
	x = their_expr(r, "hash"); /* a seed of the kernel's own */
	nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS);
	nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_MODULUS, 16);
	x = their_expr(r, "hash"); /* symhash */
	nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_TYPE, NFT_HASH_SYM);
	nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_SEED, 0);
	x = their_expr(r, "numgen"); /* from 7 on */
	nftnl_expr_set_u32(x, NFTNL_EXPR_NG_OFFSET, 7);
	x = their_expr(r, "exthdr"); /* the window's scale */
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
	nftnl_expr_set_u8(x, NFTNL_EXPR_EXTHDR_TYPE, 3);
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OFFSET, 2);
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_LEN, 2);
}

static struct nftnl_expr *their_dynset(struct nftnl_rule *r, const char *state)
{
	struct nftnl_expr *x = their_expr(r, "dynset"), *s = nftnl_expr_alloc(state);

	nftnl_expr_set_str(x, NFTNL_EXPR_DYNSET_SET_NAME, "seen");
	if (streq(state, "connlimit")) {
		nftnl_expr_set_u32(s, NFTNL_EXPR_CONNLIMIT_COUNT, 1);
		nftnl_expr_set_u32(s, NFTNL_EXPR_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV);
	}
	nftnl_expr_set(x, NFTNL_EXPR_DYNSET_EXPR, s, 0);
	return x;
}

static void twisted_actions(struct nftnl_rule *r)
{
	struct nftnl_expr *x;

	x = their_expr(r, "nat"); /* random */
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_PROTO_RANDOM);
	x = their_expr(r, "masq");
	nftnl_expr_set_u32(x, NFTNL_EXPR_MASQ_FLAGS, NF_NAT_RANGE_PERSISTENT);
	x = their_expr(r, "limit"); /* bytes */
	nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_RATE, 1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
	x = their_expr(r, "log"); /* to the kernel's log */
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOG_LEVEL, 4);
	x = their_expr(r, "log"); /* in heaps */
	nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, 1);
	nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_QTHRESHOLD, 9);
	their_dynset(r, "counter");
	nftnl_expr_set_u64(their_dynset(r, "connlimit"), NFTNL_EXPR_DYNSET_TIMEOUT, 1000);
	nftnl_expr_set_u32(their_dynset(r, "connlimit"), NFTNL_EXPR_DYNSET_SREG_DATA, NFT_REG_1);
	nftnl_expr_set_u32(their_dynset(r, "connlimit"), NFTNL_EXPR_DYNSET_FLAGS, NFT_DYNSET_F_INV);
}

/* What does not say its name. */
static void nameless(struct nftnl_rule *r)
{
	nftnl_expr_set_u32(their_expr(r, "lookup"), NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(their_expr(r, "dynset"), NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
}

/* Messages that lack what a kernel always says are not understood. */
static void test_nameless_objects(void **state)
{
	static int (*const readers[])(const struct nlmsghdr *, void *) = {nft_get_set, nft_get_chain, nft_get_rule};
	static const uint16_t types[] = {NFT_MSG_NEWSET, NFT_MSG_NEWCHAIN, NFT_MSG_NEWRULE};
	_cleanup_(ruleset_freep) struct ruleset *into = ruleset_new();
	_Alignas(struct nlmsghdr) char room[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(room, types[i], NFPROTO_INET, 0, 0);

		mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, RULESET_TABLE);
		assert_int_equal(readers[i](nlh, into), MNL_CB_ERROR);
	}
	assert_int_equal(into->n_sets + into->n_chains, 0);
}

static void test_other_expressions(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *into = ruleset_new();
	struct nftnl_rule *r = their_rule();
	const struct rule *rule;

	(void)state;
	twisted_matches(r);
	twisted_actions(r);
	nameless(r);
	rule = read_rule(r, into);
	assert_int_equal(rule->n, 19);
	for (size_t i = 0; i < rule->n; i++)
		if (rule->exprs[i].kind != EXPR_OTHER)
			fail_msg("expression %zu is taken for one of ours", i);
	assert_false(rule_same(rule, rule));
}

/* The kernel's words: old register names, flags that nobody gave, the upper end of a range that is none. */
static void test_kernels_own_words(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *into = ruleset_new();
	struct expr want = DNAT_PORT(NFPROTO_IPV4, 4, 9);
	struct nftnl_rule *r = their_rule();
	struct nftnl_expr *x = their_expr(r, "nat");
	const struct expr *e;

	(void)state;
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_2);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MAX, NFT_REG_2);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MIN, NFT_REG32_09);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MAX, NFT_REG32_09);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED);
	e = &read_rule(r, into)->exprs[0];
	assert_memory_equal(e, &want, sizeof(want));
}

static const char *comment_read(const void *userdata, uint32_t len, struct ruleset *into)
{
	struct nftnl_rule *r = their_rule();

	nftnl_rule_set_data(r, NFTNL_RULE_USERDATA, userdata, len);
	return read_rule(r, into)->comment;
}

static void test_comments_of_others(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *into = ruleset_new();

	(void)state;
	assert_string_equal(comment_read("\0\4web", 6, into), "web");
	assert_string_equal(comment_read("\1\4\1\2\3\4\0\4web", 12, into), "web"); /* after something else */
	assert_string_equal(comment_read("\0\5\033[2J", 7, into), "?[2J");        /* never to a terminal as it is */
	assert_string_equal(comment_read("\0\4\xc2\x9b\xff", 6, into), "???");
	assert_string_equal(comment_read("\0\3web", 5, into), "web");              /* without its NUL */
	assert_null(comment_read("\0\4web", 5, into));                             /* says it is longer than it is */
	assert_null(comment_read("\0", 1, into));
	assert_null(comment_read("\1\2web", 5, into));
}

/* As nft writes them: in any order, with an end at key 0 that ends nothing. */
static void test_intervals(void **state)
{
	struct set ports_set = {.name = "r", .flags = NFT_SET_INTERVAL, .key_type = TYPE_PORT, .key_len = 2};
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
	static const struct {
		uint8_t key[2];
		bool end;
	} entries[] = {{{0xfd, 0xe8}, false}, {{0, 101}, true}, {{0, 91}, false}, {{0, 91}, true}, {{0, 80}, false}, {{0, 0}, true}};

	(void)state;
	sample_elem(r, &ports_set, "\0\1", NULL, "another set's, before");
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (entries[i].end) /* nft_get.c's mark */
			sample_elem(r, &ports_set, entries[i].key, NULL, NULL)->data_len = 0xff;
		else
			sample_elem(r, &ports_set, entries[i].key, NULL, NULL);
	nft_get_intervals(r, &ports_set, 1);
	assert_int_equal(r->n_elems, 4);
	assert_memory_equal(r->elems[1].key, "\0\120", 2);
	assert_memory_equal(r->elems[1].key_end, "\0\132", 2);
	assert_memory_equal(r->elems[2].key, "\0\133", 2);
	assert_memory_equal(r->elems[2].key_end, "\0\144", 2);
	assert_memory_equal(r->elems[3].key_end, "\377\377", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),         cmocka_unit_test(test_batch_frame),
		cmocka_unit_test(test_lists_stay_small),   cmocka_unit_test(test_offset_leads_to_op),
		cmocka_unit_test(test_open_interval_has_no_end),
		cmocka_unit_test(test_leases_are_added_before_they_go),
		cmocka_unit_test(test_other_expressions),  cmocka_unit_test(test_kernels_own_words),
		cmocka_unit_test(test_comments_of_others), cmocka_unit_test(test_nameless_objects), cmocka_unit_test(test_intervals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
