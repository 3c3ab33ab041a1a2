/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small rulesets are written as text, a line per object; the fake kernel says what a plan makes of one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "fake_kernel.h"
#include "kernel.h"
#include "plan.h"

/* ---- Rulesets out of text -------------------------------------------------------------------------
 * "table FLAGS" · "set NAME LEN" · "map NAME" (verdict map) · "chain NAME" · "base NAME PRIORITY POLICY"
 * "rule WORD" (of the chain before; looks into the set @WORD, adds to the set +WORD) · "elem SET KEY" · "goto MAP KEY CHAIN" · comment "#WORD" */

static void read_rule(struct ruleset *r, const char *word)
{
	struct chain *c = &r->chains[r->n_chains - 1];
	struct rule *all = arena_alloc(r->arena, (c->n + 1) * sizeof(*all));

	if (c->n)
		memcpy(all, c->rules, c->n * sizeof(*all));
	c->rules = all;
	all[c->n].comment = word;
	all[c->n].n = 1;
	all[c->n].exprs = arena_alloc(r->arena, sizeof(struct expr));
	all[c->n].exprs->kind = *word == '@' ? EXPR_LOOKUP : *word == '+' ? EXPR_DYNSET : EXPR_COUNTER;
	all[c->n].exprs->name = *word == '@' || *word == '+' ? word + 1 : NULL;
	c->n++;
}

static void read_elem(struct ruleset *r, char *const *words, size_t n)
{
	struct elem *e = ruleset_add_elem(r);
	unsigned long key = strtoul(words[2], NULL, 10);

	e->set = words[1];
	e->key_type = TYPE_PORT;
	e->key_len = 2;
	e->key[0] = e->key_end[0] = (uint8_t)(key >> 8);
	e->key[1] = e->key_end[1] = (uint8_t)key;
	if (*words[n - 1] == '#')
		e->comment = words[n - 1] + 1;
	if (*words[0] != 'g')
		return;
	e->data_type = NFT_DATA_VERDICT;
	e->verdict = NFT_GOTO;
	e->chain = words[3];
}

static void read_line(struct ruleset *r, char *const *words, size_t n)
{
	if (streq(words[0], "table")) {
		r->table = true;
		r->table_flags = (uint32_t)atoi(words[1]);
	} else if (streq(words[0], "set")) {
		*ruleset_add_set(r) = (struct set){
			.name = words[1], .key_type = TYPE_PORT, .key_len = (uint32_t)atoi(words[2])};
	} else if (streq(words[0], "map")) {
		*ruleset_add_set(r) = (struct set){.name = words[1], .flags = NFT_SET_MAP, .key_type = TYPE_PORT,
						   .key_len = 2, .data_type = NFT_DATA_VERDICT};
	} else if (streq(words[0], "chain")) {
		*ruleset_add_chain(r) = (struct chain){.name = words[1]};
	} else if (streq(words[0], "base")) {
		*ruleset_add_chain(r) = (struct chain){.name = words[1], .base = true, .type = "filter",
						       .hook = NF_INET_FORWARD, .priority = atoi(words[2]),
						       .policy = (uint32_t)atoi(words[3])};
	} else if (streq(words[0], "rule")) {
		read_rule(r, words[1]);
	} else {
		read_elem(r, words, n);
	}
}

static struct ruleset *parse(const char *text)
{
	struct ruleset *r = ruleset_new();
	char *copy = arena_strdup(r->arena, text), *line, *word;

	while ((line = strsep(&copy, "\n"))) {
		char *words[8];
		size_t n = 0;

		while ((word = strsep(&line, " ")))
			if (*word)
				words[n++] = word;
		if (n)
			read_line(r, words, n);
	}
	ruleset_sort(r);
	return r;
}

static void assert_plan(const char *have, const char *want, const char *expected)
{
	_cleanup_(ruleset_freep) struct ruleset *a = parse(have), *b = parse(want);
	_cleanup_(plan_freep) struct plan *p = plan_diff(a, b);
	_cleanup_(buf_free) struct buf out = {0};

	buf_printf(&out, "%s", "");
	plan_text(&out, p);
	assert_string_equal(out.data, expected);
	for (size_t i = 1; i < p->n; i++)
		assert_true(p->ops[i - 1].kind <= p->ops[i].kind);
}

#define WHOLE "table 0\nset s 2\nmap v\nchain c\nrule one\nrule two\nbase b 0 1\nrule @s\nelem s 1 #x\nelem s 2\ngoto v 1 c\n"

/* ---- Cases ---------------------------------------------------------------------------------------- */

static void test_same_is_empty(void **state)
{
	(void)state;
	assert_plan(WHOLE, WHOLE, "");
	assert_plan("elem s 1", "elem s 1", "");
	assert_plan("", "", "");
}

static void test_from_nothing_and_to_nothing(void **state)
{
	(void)state;
	assert_plan("", WHOLE, "add table inet gwd\n"
			       "add set s type inet_service\n"
			       "add map v type inet_service : verdict\n"
			       "add chain b type filter hook forward priority 0 policy accept\n"
			       "add chain c\n"
			       "add rule b [0 in s] # @s\n"
			       "add rule c [counter] # one\n"
			       "add rule c [counter] # two\n"
			       "add element s { 1 } # x\n"
			       "add element s { 2 }\n"
			       "add element v { 1 : goto c }\n");
	assert_plan("table 0", WHOLE "set t 2", "add set s type inet_service\n"
						"add set t type inet_service\n"
						"add map v type inet_service : verdict\n"
						"add chain b type filter hook forward priority 0 policy accept\n"
						"add chain c\n"
						"add rule b [0 in s] # @s\n"
						"add rule c [counter] # one\n"
						"add rule c [counter] # two\n"
						"add element s { 1 } # x\n"
						"add element s { 2 }\n"
						"add element v { 1 : goto c }\n");
	assert_plan(WHOLE, "", "delete table inet gwd\n");
}

/* Nothing is deleted while something refers to it. */
static void test_order_of_deletes(void **state)
{
	(void)state;
	assert_plan(WHOLE, "table 0\nset s 2\nelem s 2", "delete element s { 1 } # x\n"
							 "delete element v { 1 : goto c }\n"
							 "flush chain b\n"
							 "flush chain c\n"
							 "delete map v type inet_service : verdict\n"
							 "delete chain b type filter hook forward priority 0 policy accept\n"
							 "delete chain c\n");
}

static void test_changes(void **state)
{
	(void)state;
	/* an element is deleted and added, whatever of it changed */
	assert_plan("elem s 1 #x", "elem s 1 #y", "delete element s { 1 } # x\nadd element s { 1 } # y\n");
	assert_plan("goto v 1 c", "goto v 1 d",
		    "delete element v { 1 : goto c }\nadd element v { 1 : goto d }\n");
	/* all rules of a chain, or none */
	assert_plan("table 0\nchain c\nrule one\nrule two", "table 0\nchain c\nrule one\nrule three",
		    "flush chain c\nadd rule c [counter] # one\nadd rule c [counter] # three\n");
	assert_plan("table 0\nchain c\nrule one\nrule two", "table 0\nchain c\nrule two\nrule one",
		    "flush chain c\nadd rule c [counter] # two\nadd rule c [counter] # one\n");
	assert_plan("table 0\nchain c\nrule one", "table 0\nchain c", "flush chain c\n");
	assert_plan("table 0\nchain c", "table 0\nchain c\nrule one", "add rule c [counter] # one\n");
	/* a policy alone changes in place */
	assert_plan("table 0\nbase b 0 1", "table 0\nbase b 0 0",
		    "add chain b type filter hook forward priority 0 policy drop\n");
}

static void test_rebuild(void **state)
{
	static const char *const other[] = {
		"table 2\nset s 2\nbase b 0 1\nelem s 1",
		"table 0\nset s 2\nbase b 9 1\nelem s 1",
		"table 0\nset s 2\nchain b\nelem s 1",
	};
	const char *have = "table 0\nset s 2\nbase b 0 1\nelem s 1\nelem s 2";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		_cleanup_(ruleset_freep) struct ruleset *a = parse(have), *b = parse(other[i]);
		_cleanup_(plan_freep) struct plan *p = plan_diff(a, b);

		assert_int_equal(p->n, 5);
		assert_int_equal(p->ops[0].kind, OP_DEL_TABLE);
		assert_int_equal(p->ops[1].kind, OP_ADD_TABLE);
		assert_int_equal(p->table_flags, b->table_flags);
		assert_int_equal(p->ops[4].kind, OP_ADD_ELEM);
	}
	/* flags again: an orphan is adopted, and an owner's table is his */
	assert_plan("table 4\nset s 2", "table 6\nset s 2\nset t 2",
		    "add table inet gwd\nadd set t type inet_service\n");
	assert_plan("table 6\nset s 2", "table 6\nset s 2", "");
	assert_plan("table 4", "table 0", "delete table inet gwd\nadd table inet gwd\n");
	/* but one that goes, or comes, needs no rebuilding */
	assert_plan("table 0\nset s 2", "table 0\nset t 2", "delete set s type inet_service\nadd set t type inet_service\n");
}

/* A set of the same name with another definition goes and comes again, and with it what looks into it, and no more. */
static void test_redefined_set(void **state)
{
	const char *remade = "delete element s { 1 }\n"
			     "flush chain c\n"
			     "flush chain d\n"
			     "delete set s type inet_service\n"
			     "add set s type inet_service\n"
			     "add rule c [counter] # one\n"
			     "add rule c [0 in s] # @s\n"
			     "add rule d [add 0 in s limit 0/0 s burst 0 over] # +s\n"
			     "add element s { 1 }\n";

	(void)state;
	assert_plan("table 0\nset s 2\nset t 2\nchain c\nrule one\nrule @s\nchain d\nrule +s\nchain e\nrule @t\nelem s 1\nelem t 1",
		    "table 0\nset s 4\nset t 2\nchain c\nrule one\nrule @s\nchain d\nrule +s\nchain e\nrule @t\nelem s 1\nelem t 1",
		    remade);
	/* of a part too: a forward's own sets change with it */
	assert_plan("set s 2\nchain c\nrule one\nrule @s\nchain d\nrule +s\nelem s 1",
		    "set s 4\nchain c\nrule one\nrule @s\nchain d\nrule +s\nelem s 1", remade);
	assert_plan("table 0\nmap s\nchain c\ngoto s 1 c", "table 0\nset s 2\nelem s 1",
		    "delete element s { 1 : goto c }\n"
		    "delete map s type inet_service : verdict\n"
		    "delete chain c\n"
		    "add set s type inet_service\n"
		    "add element s { 1 }\n");
}

/* A part never touches the table, not even when it is empty. */
static void test_part(void **state)
{
	(void)state;
	assert_plan("elem s 1", "", "delete element s { 1 }\n");
	assert_plan("", "chain c\nset s 2\nelem s 1", "add set s type inet_service\nadd chain c\nadd element s { 1 }\n");
	assert_plan("set s 2\nchain c\nrule one", "set s 2", "flush chain c\ndelete chain c\n");
}

/* ---- Any two rulesets ------------------------------------------------------------------------------ */

static unsigned below(unsigned n)
{
	static uint32_t seed = 7;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static char *random_ruleset(void)
{
	struct buf out = {0};
	bool sets[4], chains[4];

	if (below(12) == 0)
		return xstrdup("");
	buf_printf(&out, "table %u\n", below(8) ? 0 : 2);
	for (unsigned i = 0; i < 4; i++) {
		sets[i] = below(3);
		if (sets[i])
			buf_printf(&out, "set s%u %u\n", i, below(15) ? 2 : 4);
		chains[i] = below(3);
		if (chains[i])
			buf_printf(&out, below(2) ? "chain c%u\n" : i < 2 ? "base c%u 0 1\n" : "chain c%u\n", i);
		for (unsigned k = below(3); chains[i] && k; k--)
			buf_printf(&out, sets[i] && below(2) ? "rule @s%u\n" : "rule r%u\n", i);
	}
	buf_printf(&out, "map v\n");
	for (unsigned i = 0; i < below(20); i++) {
		unsigned at = below(4);

		if (sets[at])
			buf_printf(&out, "elem s%u %u%s\n", at, below(8), below(2) ? " #x" : "");
		if (chains[at])
			buf_printf(&out, "goto v %u c%u\n", below(8), at);
	}
	return buf_take(&out);
}

static void assert_text(const struct ruleset *have, const struct ruleset *want)
{
	_cleanup_(buf_free) struct buf a = {0}, b = {0};

	buf_printf(&a, "%s", "");
	buf_printf(&b, "%s", "");
	ruleset_text(&a, have);
	ruleset_text(&b, want);
	assert_string_equal(a.data, b.data);
}

/* Every plan leads from where the one before ended; what comes out is what was wanted, and there is nothing left to do. */
static void test_any_two(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct kernel *kernel;

	(void)state;
	fake_kernel_reset();
	assert_int_equal(kernel_open(&kernel, &diag), 0);
	for (unsigned i = 0; i < 3000; i++) {
		_cleanup_(freep) char *text = random_ruleset();
		_cleanup_(ruleset_freep) struct ruleset *want = parse(text), *have = NULL, *now = NULL;
		_cleanup_(plan_freep) struct plan *plan = NULL, *rest = NULL;
		uint32_t generation;

		assert_int_equal(kernel_read(kernel, &have, &generation, &diag), 0);
		plan = plan_diff(have, want);
		if (kernel_commit(kernel, plan, generation, &diag) < 0)
			fail_msg("%s\n%s", diag.mistakes[0].message, text);
		assert_int_equal(kernel_read(kernel, &now, &generation, &diag), 0);
		assert_text(now, want);
		rest = plan_diff(now, want);
		assert_int_equal(rest->n, 0);
	}
	kernel_close(kernel);
	fake_kernel_reset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_is_empty),
		cmocka_unit_test(test_from_nothing_and_to_nothing),
		cmocka_unit_test(test_order_of_deletes),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_rebuild),
		cmocka_unit_test(test_redefined_set),
		cmocka_unit_test(test_part),
		cmocka_unit_test(test_any_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
