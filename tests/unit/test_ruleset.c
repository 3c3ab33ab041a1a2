/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "ruleset.h"

static struct elem *element(struct ruleset *r, const char *set, uint8_t key)
{
	struct elem *e = ruleset_add_elem(r);

	e->set = set;
	e->key_type = TYPE_PORT;
	e->key_len = 2;
	e->key[1] = e->key_end[1] = key;
	return e;
}

/* Out of order and with twins; more than one growth. */
static struct ruleset *sample(void)
{
	static const char *const names[] = {"m", "a", "z", "m", "b"};
	struct ruleset *r = ruleset_new();

	for (size_t i = 0; i < 5; i++) {
		ruleset_add_set(r)->name = names[i];
		ruleset_add_chain(r)->name = names[i];
	}
	for (unsigned i = 0; i < 300; i++)
		element(r, i % 2 ? "b" : "a", (uint8_t)(i * 7));
	ruleset_sort(r);
	return r;
}

static void test_sort(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *r = sample();

	(void)state;
	assert_int_equal(r->n_sets, 4);
	assert_int_equal(r->n_chains, 4);
	assert_int_equal(r->n_elems, 256); /* 300 keys, counted modulo 256, alternate between the sets */
	for (size_t i = 1; i < r->n_sets; i++)
		assert_true(strcmp(r->sets[i - 1].name, r->sets[i].name) < 0);
	for (size_t i = 1; i < r->n_chains; i++)
		assert_true(strcmp(r->chains[i - 1].name, r->chains[i].name) < 0);
	for (size_t i = 1; i < r->n_elems; i++)
		assert_true(elem_cmp_key(&r->elems[i - 1], &r->elems[i]) < 0);
}

static void test_find(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *r = sample(), *none = ruleset_new();
	struct elem like = r->elems[77];

	(void)state;
	assert_string_equal(ruleset_set(r, "m")->name, "m");
	assert_string_equal(ruleset_chain(r, "z")->name, "z");
	assert_null(ruleset_set(r, "mm"));
	assert_null(ruleset_chain(r, ""));
	assert_ptr_equal(ruleset_elem(r, &like), &r->elems[77]);
	like.key_end[1]++;
	assert_null(ruleset_elem(r, &like));
	assert_null(ruleset_set(none, "m"));
	assert_null(ruleset_chain(none, "m"));
	assert_null(ruleset_elem(none, &like));
}

/* ---- Equality: every field that matters, alone ---------------------------------------------------- */

static void test_elem_same(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
	const struct elem a = *element(r, "a", 1);
	struct elem b[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(b); i++)
		b[i] = a;
	b[0].set = "b";
	b[1].key[31] = 1;
	b[2].key_end[0] = 1;
	b[3].data[19] = 1;
	b[4].data_len = 1;
	b[5].verdict = NFT_GOTO;
	b[6].chain = "c";
	b[7].comment = "c";
	for (size_t i = 0; i < ARRAY_SIZE(b); i++) {
		assert_false(elem_same(&a, &b[i]));
		assert_false(elem_same(&b[i], &a));
		assert_true(elem_same(&b[i], &b[i]));
	}
	b[0] = a; /* what does not matter */
	b[0].loc = (struct loc){"gwd.yaml", 1, 1};
	b[0].interval = true;
	b[0].key_type = TYPE_IPV4;
	assert_true(elem_same(&a, &b[0]));
}

static bool same_end(int64_t a, int64_t b)
{
	const struct elem x = {.set = "s", .expires = a}, y = {.set = "s", .expires = b};

	return elem_same(&x, &y);
}

static void test_elem_same_expires(void **state)
{
	(void)state;
	assert_true(same_end(1000, 1000 + ELEM_EXPIRES_SLACK));
	assert_true(same_end(1000 + ELEM_EXPIRES_SLACK, 1000));
	assert_false(same_end(1000, 1001 + ELEM_EXPIRES_SLACK));
	assert_false(same_end(0, 1));
	assert_false(same_end(1, 0));
}

static void test_set_same(void **state)
{
	const struct set a = {.name = "a"};
	struct set b[9] = {a, a, a, a, a, a, a, a, a};

	(void)state;
	b[0].name = "b";
	b[1].flags = NFT_SET_MAP;
	b[2].key_type = TYPE_IPV4;
	b[3].key_len = 4;
	b[4].data_type = TYPE_IPV4;
	b[5].data_len = 4;
	b[6].size = 1;
	b[7].timeout = 1;
	b[8].fields[3] = 1;
	assert_true(set_same(&a, &(struct set){.name = "a"}));
	for (size_t i = 0; i < ARRAY_SIZE(b); i++)
		assert_false(set_same(&a, &b[i]));
}

static void test_rule_same(void **state)
{
	char name[] = "set"; /* equal by text, not by address */
	const struct expr a = {.kind = EXPR_LOOKUP, .name = "set"};
	struct expr same = {.kind = EXPR_LOOKUP, .name = name};
	struct expr b[19];
	struct expr x = a, two[2] = {a, a};
	const struct rule one = {.comment = "c", .exprs = &x, .n = 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(b); i++)
		b[i] = a;
	b[0].kind = EXPR_META;
	b[1].key = b[2].op = b[3].offset = 1;
	b[4].verdict = 1;
	b[5].dreg = b[6].sreg = b[7].has_dreg = b[8].has_dir = b[9].dir = b[10].len = 1;
	b[11].data[15] = 1;
	b[12].name = "other";
	b[13].name = NULL;
	b[14].kind = EXPR_OTHER;
	b[15].rate = b[16].per = b[17].burst = b[18].count = 1;
	assert_true(rule_same(&one, &(struct rule){.comment = "c", .exprs = &same, .n = 1, .handle = 7}));
	for (size_t i = 0; i < ARRAY_SIZE(b); i++)
		assert_false(rule_same(&one, &(struct rule){.comment = "c", .exprs = &b[i], .n = 1}));
	assert_false(rule_same(&one, &(struct rule){.comment = "d", .exprs = &x, .n = 1}));
	assert_false(rule_same(&one, &(struct rule){.exprs = &x, .n = 1}));
	assert_false(rule_same(&one, &(struct rule){.comment = "c", .exprs = two, .n = 2}));
	x.kind = EXPR_OTHER; /* what we do not know is equal to nothing, itself included */
	assert_false(rule_same(&one, &one));
}

/* ---- Text ----------------------------------------------------------------------------------------- */

static void assert_elem(const struct elem *e, const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};

	elem_text(&out, e);
	assert_string_equal(out.data, expected);
}

static void test_elem_text(void **state)
{
	const struct elem range = {.set = "r", .key = {0x1f, 0x40}, .key_end = {0x1f, 0x4a}, .key_type = TYPE_PORT,
				   .data = {10, 0, 0, 2}, .data_type = TYPE_IPV4, .comment = "web"};
	const struct elem jump = {.set = "v", .key = "eth0", .key_end = "eth0", .key_type = TYPE_IFNAME,
				  .data_type = NFT_DATA_VERDICT, .verdict = NFT_GOTO, .chain = "c"};
	struct elem pin = {.set = "p", .key_type = TYPE_CONCAT(TYPE_CONCAT(TYPE_IPV6, TYPE_PROTO), TYPE_PORT),
			   .key = {0xfd, [15] = 1, [16] = 132, [20] = 0, 80}};

	(void)state;
	memcpy(pin.key_end, pin.key, sizeof(pin.key));
	assert_elem(&range, "element r { 8000-8010 : 10.0.0.2 } # web\n");
	assert_elem(&jump, "element v { \"eth0\" : goto c }\n");
	assert_elem(&pin, "element p { fd00::1 . sctp . 80 }\n");
}

static void test_elem_text_of_intervals(void **state)
{
	struct elem two = {.set = "h", .key_type = TYPE_CONCAT(TYPE_CONCAT(TYPE_IPV4, TYPE_PROTO), TYPE_PORT),
			   .key = {10, 0, 0, 0, 6, 0, 0, 0, 0, 80}, .key_end = {10, 0, 0, 255, 6, 0, 0, 0, 0, 90},
			   .concat = true, .data_type = NFT_DATA_VERDICT, .verdict = NF_ACCEPT, .comment = "hole",
			   .expires = 1798761599};
	struct elem slot = {.set = "s", .key_type = TYPE_INTEGER};
	struct elem label = {.set = "l", .key_type = TYPE_CT_LABEL, .key = {[12] = 0x80, 1}, .key_end = {[12] = 0x80, 1}};
	const uint32_t number = 300;

	(void)state;
	memcpy(slot.key, &number, sizeof(number));
	memcpy(slot.key_end, &number, sizeof(number));
	assert_elem(&two, "element h { 10.0.0.0-10.0.0.255 . tcp . 80-90 : accept } expires 1798761599 # hole\n");
	assert_elem(&slot, "element s { 300 }\n");
	assert_elem(&label, "element l { 00000000000000000000000080010000 }\n");
}

static void assert_expr(struct expr e, const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};

	rule_text(&out, &(struct rule){.exprs = &e, .n = 1});
	assert_string_equal(out.data, expected);
}

static void test_expr_text(void **state)
{
	(void)state;
	assert_expr((struct expr){.kind = EXPR_LOOKUP, .sreg = 1, .name = "s", .op = NFT_LOOKUP_F_INV}, "[1 not in s]\n");
	assert_expr((struct expr){.kind = EXPR_LIMIT, .rate = 5, .per = 60, .burst = 7, .op = NFT_LIMIT_F_INV},
		    "[limit 5/60 s burst 7 over]\n");
	assert_expr((struct expr){.kind = EXPR_CONNLIMIT, .count = 9}, "[ct count 9]\n");
	assert_expr((struct expr){.kind = EXPR_DYNSET, .key = EXPR_CONNLIMIT, .count = 9, .name = "s", .sreg = 1},
		    "[add 1 in s ct count 9 over]\n");
	assert_expr((struct expr){.kind = EXPR_DYNSET, .key = EXPR_LIMIT, .op = NFT_DYNSET_OP_UPDATE, .rate = 1, .per = 1,
				  .burst = 2, .name = "s"},
		    "[update 0 in s limit 1/1 s burst 2 over]\n");
	assert_expr((struct expr){.kind = EXPR_LOG, .key = 7, .offset = 80, .name = "web"},
		    "[log group 7 prefix \"web\" snaplen 80]\n");
	assert_expr((struct expr){.kind = EXPR_HASH, .len = 4, .sreg = 1, .count = 16, .burst = 3, .dreg = 2},
		    "[jhash 4 of 1 mod 16 seed 3 => 2]\n");
	assert_expr((struct expr){.kind = EXPR_NUMGEN, .key = NFT_NG_RANDOM, .count = 16, .dreg = 2},
		    "[numgen random mod 16 => 2]\n");
	assert_expr((struct expr){.kind = EXPR_RT, .key = NFT_RT_TCPMSS, .dreg = 1}, "[rt mtu => 1]\n");
	assert_expr((struct expr){.kind = EXPR_BYTEORDER, .sreg = 1, .dreg = 2}, "[hton 1 => 2]\n");
	assert_expr((struct expr){.kind = EXPR_MSS_SET, .sreg = 2}, "[tcp option maxseg = 2]\n");
	assert_expr((struct expr){.kind = EXPR_NAT, .key = NFT_NAT_SNAT, .op = NFPROTO_IPV6, .sreg = 4}, "[snat ip6 addr 4]\n");
}

static void test_ruleset_text(void **state)
{
	struct expr exprs[] = {{.kind = EXPR_META, .key = NFT_META_IIFNAME},
			       {.kind = EXPR_LOOKUP, .name = "wan"},
			       {.kind = EXPR_IMMEDIATE, .dreg = REG_VERDICT, .verdict = NFT_JUMP, .name = "c"}};
	struct rule rule = {.comment = "r", .exprs = exprs, .n = 3};
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();
	_cleanup_(buf_free) struct buf out = {0};

	(void)state;
	r->table = true;
	r->table_flags = 2;
	*ruleset_add_set(r) = (struct set){.name = "m", .flags = NFT_SET_MAP | NFT_SET_INTERVAL, .key_type = TYPE_PORT,
					   .data_type = NFT_DATA_VERDICT};
	*ruleset_add_set(r) = (struct set){.name = "d", .flags = NFT_SET_EVAL | NFT_SET_TIMEOUT, .key_type = TYPE_INTEGER,
					   .size = 100, .timeout = 60};
	*ruleset_add_chain(r) = (struct chain){.name = "f", .base = true, .type = "filter", .hook = NF_INET_FORWARD,
					       .priority = -5, .policy = NF_ACCEPT, .rules = &rule, .n = 1};
	ruleset_text(&out, r);
	assert_string_equal(out.data, "table inet gwd flags 2\n"
				      "map m type inet_service : verdict interval\n"
				      "set d type integer dynamic timeout 60 s size 100\n"
				      "chain f type filter hook forward priority -5 policy accept\n"
				      "  [meta iifname => 0][0 in wan][jump c] # r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_elem_same),
		cmocka_unit_test(test_elem_same_expires),
		cmocka_unit_test(test_set_same),
		cmocka_unit_test(test_rule_same),
		cmocka_unit_test(test_elem_text),
		cmocka_unit_test(test_elem_text_of_intervals),
		cmocka_unit_test(test_expr_text),
		cmocka_unit_test(test_ruleset_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
