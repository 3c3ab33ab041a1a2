/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forwards are compared as the text of what they add; the frame by what of it depends on settings and topology. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <ctype.h>

#include "compile.h"
#include "util.h"

static struct link links[] = {
	{.index = 1, .name = "lo", .up = true, .carrier = true, .loopback = true, .l3 = true},
	{.index = 2, .name = "eth0", .up = true, .carrier = true, .l3 = true},
	{.index = 3, .name = "br0", .up = true, .carrier = true, .l3 = true},
	{.index = 4, .name = "port1", .up = true, .carrier = true, .l3 = false},
};
static struct address addresses[] = {
	{2, {AF_INET, {203, 0, 113, 5}}, 24},
	{2, {AF_INET6, {0x20, 1, 0xd, 0xb8, [15] = 5}}, 64},
	{3, {AF_INET, {192, 168, 1, 1}}, 24},
};
static const struct facts facts = {.links = links, .n_links = 4, .addresses = addresses, .n_addresses = 3};

/* ---- Declared sets out of YAML -------------------------------------------------------------------- */

static struct config *config_of(const char *yaml)
{
	struct document d = {.path = "gwd.yaml", .text = (char *)(uintptr_t)yaml, .len = strlen(yaml)};
	const struct documents docs = {&d, 1};
	_cleanup_(diag_free) struct diag diag = {0};
	struct config *config = config_read(&docs, &diag);

	if (!config)
		fail_msg("%s: %s", yaml, diag.mistakes[0].message);
	return config;
}

static char *text_of(struct ruleset *r)
{
	struct buf out = {0};

	ruleset_sort(r);
	buf_printf(&out, "%s", "");
	ruleset_text(&out, r);
	return buf_take(&out);
}

/* What one service adds. */
static void assert_forward(const char *service, const char *expected)
{
	_cleanup_(freep) char *yaml = xasprintf("services: [%s]\n", service), *text = NULL;
	_cleanup_(config_freep) struct config *config = config_of(yaml);
	_cleanup_(ruleset_freep) struct ruleset *r = ruleset_new();

	compile_forward(r, forwards_first(config->forwards)->forward);
	assert_false(r->table);
	for (size_t i = 0; i < r->n_elems; i++)
		assert_int_equal(r->elems[i].loc.line, 1);
	text = text_of(r);
	assert_string_equal(text, expected);
}

static void test_forwards(void **state)
{
	(void)state;
	/* a simple forward is exactly one element */
	assert_forward("{name: a, port: 80, to: 10.0.0.2}", "element any4 { tcp . 80 : 10.0.0.2 . 80 } # a\n");
	assert_forward("{name: a, port: 80, to: '10.0.0.2:8080'}", "element any4 { tcp . 80 : 10.0.0.2 . 8080 } # a\n");
	assert_forward("{name: a, port: 80, to: '[fd00::2]:8080'}", "element any6 { tcp . 80 : fd00::2 . 8080 } # a\n");
	assert_forward("{name: a, port: 80, to: 10.0.0.2, listen: 203.0.113.5}",
		       "element pin4 { 203.0.113.5 . tcp . 80 : 10.0.0.2 . 80 } # a\n");
	assert_forward("{name: a, port: 80, to: 'fd00::2', listen: '2001:db8::5'}",
		       "element pin6 { 2001:db8::5 . tcp . 80 : fd00::2 . 80 } # a\n");
	assert_forward("{name: a, port: 80, to: 10.0.0.2, listen: eth0}",
		       "element on4_eth0 { tcp . 80 : 10.0.0.2 . 80 } # a\n");
	/* one per protocol, one per port of a list */
	assert_forward("{name: a, port: 53, to: 10.0.0.2, proto: tcp+udp}",
		       "element any4 { tcp . 53 : 10.0.0.2 . 53 } # a\n"
		       "element any4 { udp . 53 : 10.0.0.2 . 53 } # a\n");
	assert_forward("{name: a, port: 38412, to: 10.0.0.2, proto: sctp}",
		       "element any4 { sctp . 38412 : 10.0.0.2 . 38412 } # a\n");
	assert_forward("{name: a, port: '80,443', to: '10.0.0.2:8080'}",
		       "element any4 { tcp . 80 : 10.0.0.2 . 8080 } # a\n"
		       "element any4 { tcp . 443 : 10.0.0.2 . 8080 } # a\n");
}

static void test_ranges(void **state)
{
	(void)state;
	/* that keep their ports: one interval per protocol */
	assert_forward("{name: a, port: 8000-8010, to: 10.0.0.2}", "element any4_tcp { 8000-8010 : 10.0.0.2 } # a\n");
	assert_forward("{name: a, port: 1-65535, to: 10.0.0.2, proto: tcp+udp}",
		       "element any4_tcp { 1-65535 : 10.0.0.2 } # a\n"
		       "element any4_udp { 1-65535 : 10.0.0.2 } # a\n");
	assert_forward("{name: a, port: 1-9, to: 'fd00::2', listen: '2001:db8::5', proto: udp}",
		       "element at6_2001-db8--5_udp { 1-9 : fd00::2 } # a\n");
	assert_forward("{name: a, port: 1-9, to: 10.0.0.2, listen: eth0}", "element on4_eth0_tcp { 1-9 : 10.0.0.2 } # a\n");
	/* mixed with a port */
	assert_forward("{name: a, port: '22,1-9', to: 10.0.0.2}", "element any4 { tcp . 22 : 10.0.0.2 . 22 } # a\n"
								  "element any4_tcp { 1-9 : 10.0.0.2 } # a\n");
	/* that are shifted: port by port, at an address too */
	assert_forward("{name: a, port: 1-3, to: '10.0.0.2:11-13'}", "element any4 { tcp . 1 : 10.0.0.2 . 11 } # a\n"
								     "element any4 { tcp . 2 : 10.0.0.2 . 12 } # a\n"
								     "element any4 { tcp . 3 : 10.0.0.2 . 13 } # a\n");
	assert_forward("{name: a, port: 65534-65535, to: '10.0.0.2:1-2', listen: 203.0.113.5}",
		       "element pin4 { 203.0.113.5 . tcp . 65534 : 10.0.0.2 . 1 } # a\n"
		       "element pin4 { 203.0.113.5 . tcp . 65535 : 10.0.0.2 . 2 } # a\n");
	/* that name the ports they keep */
	assert_forward("{name: a, port: 1-3, to: '10.0.0.2:1-3'}", "element any4_tcp { 1-3 : 10.0.0.2 } # a\n");
}

/* ---- Names ---------------------------------------------------------------------------------------- */

/* nft: a letter, then letters, digits and "/\_.-" (its scanner's {string}); here without "/" and "\". */
static void assert_nft_name(const char *name)
{
	assert_true(isalpha((unsigned char)*name));
	for (const char *p = name; *p; p++)
		assert_true((unsigned char)*p < 0x80 && (isalnum((unsigned char)*p) || strchr("_.-", *p)));
	assert_true(strlen(name) + strlen("_sctp") < 128); /* NFT_NAME_MAXLEN of old kernels */
}

static void test_listen_names(void **state)
{
	static const char *const ifnames[] = {
		"eth0", "eth0.7", "eth0_7", "eth0-7", "eth0:7", "eth0_2e7", "eth0_", "eth0__", "a+b", "a=b", "a_2bb", "_", "-",
		"\xc3\xa4", "\xc3\xa5", "_c3_a4", "{", "}", "\"x\"", "@x", "#x", "eth0_tcp", "x;drop", "123456789012345",
		"+++++++++++++++",
	};
	static const char *const addrs[] = {"10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8:1::", "::1.2.3.4", "fe80::1"};
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	const char *names[64];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ifnames); i++) {
		struct listen l = {.kind = LISTEN_INTERFACE};

		snprintf(l.ifname, sizeof(l.ifname), "%s", ifnames[i]);
		names[n++] = compile_listen_name(arena, AF_INET, &l);
		if (i < 3)
			names[n++] = compile_listen_name(arena, AF_INET6, &l);
	}
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		struct listen l = {.kind = LISTEN_ADDRESS};

		assert_true(ip_parse(addrs[i], &l.addr));
		names[n++] = compile_listen_name(arena, l.addr.family, &l);
	}
	names[n++] = compile_listen_name(arena, AF_INET, &(struct listen){0});
	names[n++] = compile_listen_name(arena, AF_INET6, &(struct listen){0});
	assert_string_equal(names[0], "on4_eth0");
	assert_string_equal(names[n - 2], "any4");
	for (size_t i = 0; i < n; i++) {
		assert_nft_name(names[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(names[i], names[k]);
	}
}

/* ---- The frame ------------------------------------------------------------------------------------ */

/* All of it, as the road compiles it. */
static struct ruleset *compile(const char *yaml, char *const *remembered, size_t n, bool guard4, bool guard6)
{
	const struct wan_memory memory = {.last = {.items = (char **)(uintptr_t)remembered, .n = n}}; /* only read */
	_cleanup_(config_freep) struct config *config = config_of(yaml);
	_cleanup_(topology_freep) struct topology *topology = topology_build(config->settings, &facts, &memory);
	struct ruleset *r = ruleset_new();
	struct frame frame = {
		.settings = config->settings, .topology = topology, .guard4 = guard4, .guard6 = guard6};

	for (struct forward_entry *e = forwards_first(config->forwards); e; e = e->next) {
		forwards_activate(config->forwards, e->forward, true);
		compile_forward(r, e->forward);
		if (e->forward->listen.kind == LISTEN_ADDRESS && forward_wants_chain(e->forward))
			compile_address(r, &e->forward->listen.addr);
	}
	frame.interfaces = forwards_interfaces(config->forwards);
	frame.fixed_sources = forwards_fixed_sources(config->forwards);
	compile_frame(r, &frame);
	ruleset_sort(r);
	return r;
}

/* The elements of a set, its keys and values in one line. */
static void assert_set(const struct ruleset *r, const char *set, const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};

	assert_non_null(ruleset_set(r, set));
	buf_printf(&out, "%s", "");
	for (size_t i = 0; i < r->n_elems; i++) {
		_cleanup_(buf_free) struct buf one = {0};
		size_t head = strlen("element  { ") + strlen(set), tail = strlen(" }\n");

		if (!streq(r->elems[i].set, set))
			continue;
		elem_text(&one, &r->elems[i]);
		buf_printf(&out, "%s%.*s", out.len ? ", " : "", (int)(one.len - head - tail), one.data + head);
	}
	assert_string_equal(out.data, expected);
}

static bool has_rule(const struct ruleset *r, const char *chain, const char *comment)
{
	const struct chain *c = ruleset_chain(r, chain);

	assert_non_null(c);
	for (size_t i = 0; i < c->n; i++)
		if (streq(c->rules[i].comment, comment))
			return true;
	return false;
}

static void test_frame_follows_topology(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *none = compile("{}\n", NULL, 0, false, false);
	_cleanup_(ruleset_freep) struct ruleset *both = compile("wan: eth0\nlan: br0\n", NULL, 0, false, false);

	(void)state;
	assert_true(none->table);
	assert_set(none, "wan", "");
	assert_set(none, "lan", "");
	assert_set(none, "listen4", "");
	assert_set(none, "arrive4", "");
	assert_set(none, "l4proto", "tcp, udp, sctp");
	assert_set(none, "private4", "10.0.0.0-10.255.255.255, 100.64.0.0-100.127.255.255, "
				     "172.16.0.0-172.31.255.255, 192.168.0.0-192.168.255.255");
	assert_set(none, "same_if", "\"br0\" . \"br0\", \"eth0\" . \"eth0\"");
	assert_set(both, "wan", "\"eth0\"");
	assert_set(both, "lan", "\"br0\"");
	assert_set(both, "listen4", "203.0.113.5 : goto any4"); /* and never the address in the lan */
	assert_set(both, "listen6", "2001:db8::5 : goto any6");
	assert_set(both, "arrive4", "\"eth0\" : goto any4");
	assert_set(both, "arrive6", "\"eth0\" : goto any6");
}

/* An interface that is listened on has a chain of its own; a miss goes on to any only where that is a wan. */
static void test_frame_follows_listens(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *r =
		compile("wan: eth0\nlan: br0\nservices:\n  - {port: 80, to: 10.0.0.2, listen: br0}\n"
			"  - {port: 80, to: 10.0.0.2, listen: eth0}\n  - {port: 81, to: 10.0.0.2, listen: ppp0}\n",
			NULL, 0, false, false);

	(void)state;
	assert_set(r, "listen4", "192.168.1.1 : goto on4_br0, 203.0.113.5 : goto on4_eth0");
	assert_set(r, "arrive4", "\"br0\" : goto on4_br0, \"eth0\" : goto on4_eth0");
	assert_set(r, "listen6", "2001:db8::5 : goto any6");
	assert_true(has_rule(r, "on4_eth0", "any"));
	assert_false(has_rule(r, "on4_br0", "any"));
	assert_non_null(ruleset_chain(r, "on4_ppp0")); /* ready for when it comes */
	assert_null(ruleset_chain(r, "on6_eth0"));
}

static void test_frame_of_remembered_wan(void **state)
{
	char name[] = "ppp0", *remembered[] = {name};
	_cleanup_(ruleset_freep) struct ruleset *r = compile("{}\n", remembered, 1, false, false);

	(void)state;
	assert_set(r, "wan", "\"ppp0\"");
	assert_set(r, "arrive4", "\"ppp0\" : goto any4"); /* its first connection need not wait for rtnetlink */
	assert_set(r, "listen4", "");
	assert_set(r, "same_if", "\"br0\" . \"br0\", \"eth0\" . \"eth0\"");
}

static void test_frame_follows_settings(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *yes = compile("wan: eth0\n", NULL, 0, false, false);
	_cleanup_(ruleset_freep) struct ruleset *no = compile("masquerade: no\n", NULL, 0, true, false);
	_cleanup_(ruleset_freep) struct ruleset *six = compile("{}\n", NULL, 0, false, true);

	(void)state;
	assert_true(has_rule(yes, "postrouting", "masquerade"));
	assert_false(has_rule(no, "postrouting", "masquerade"));
	assert_true(has_rule(no, "postrouting", "ours"));
	assert_false(has_rule(yes, "forward", "unasked4") || has_rule(yes, "forward", "unasked6"));
	assert_true(has_rule(no, "forward", "unasked4"));
	assert_false(has_rule(no, "forward", "unasked6"));
	assert_true(has_rule(six, "forward", "unasked6"));
	assert_true(has_rule(yes, "forward", "unasked"));
}

static void each_expr(const struct ruleset *r, void (*fn)(void *ctx, const struct expr *), void *ctx)
{
	for (size_t c = 0; c < r->n_chains; c++)
		for (size_t i = 0; i < r->chains[c].n; i++)
			for (size_t k = 0; k < r->chains[c].rules[i].n; k++)
				fn(ctx, &r->chains[c].rules[i].exprs[k]);
}

static void assert_names(void *ctx, const struct expr *e)
{
	const struct ruleset *r = ctx;

	assert_true(e->kind != EXPR_LOOKUP || ruleset_set(r, e->name));
	assert_true(e->kind != EXPR_IMMEDIATE || !e->name || ruleset_chain(r, e->name));
}

/* Whatever a rule, element or chain refers to is there: else the kernel would refuse all of it. */
static void assert_closed(struct ruleset *r)
{
	for (size_t i = 0; i < r->n_elems; i++) {
		assert_non_null(ruleset_set(r, r->elems[i].set));
		assert_true(!r->elems[i].chain || ruleset_chain(r, r->elems[i].chain));
		assert_int_equal(r->elems[i].key_len, ruleset_set(r, r->elems[i].set)->key_len);
		assert_int_equal(r->elems[i].data_len, ruleset_set(r, r->elems[i].set)->data_len);
		assert_int_equal(r->elems[i].key_type, ruleset_set(r, r->elems[i].set)->key_type);
		assert_int_equal(r->elems[i].data_type, ruleset_set(r, r->elems[i].set)->data_type);
	}
	each_expr(r, assert_names, r);
}

static void test_closed(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *r = compile(
		"lan: br0\nservices:\n"
		"  - {port: 80, to: 10.0.0.2}\n  - {port: 81, to: 'fd00::2', proto: tcp+udp}\n"
		"  - {port: 1-9, to: 10.0.0.2, listen: 203.0.113.5}\n  - {port: 1-9, to: 'fd00::2', listen: '2001:db8::5'}\n"
		"  - {port: 1-9, to: 10.0.0.2, listen: eth0}\n  - {port: 1-9, to: 'fd00::2', listen: eth0, proto: sctp}\n",
		NULL, 0, true, true);

	(void)state;
	assert_closed(r);
	assert_set(r, "at4", "203.0.113.5 : jump at4_203.0.113.5");
	assert_set(r, "at6", "2001:db8::5 : jump at6_2001-db8--5");
}

/* ---- The label ------------------------------------------------------------------------------------ */

struct label_uses {
	size_t set, asked, pinholes;
};

/* The bit as the kernel counts it (nf_ct_labels: an array of unsigned long), and no other one, wherever a simple forward
 * is translated; and asked for wherever it matters that we did. What is only let in has a bit of its own. */
static void check_label(void *ctx, const struct expr *e)
{
	unsigned long expected[16 / sizeof(unsigned long)] = {0}, pinhole[16 / sizeof(unsigned long)] = {0};
	struct label_uses *uses = ctx;

	expected[103 / (8 * sizeof(unsigned long))] = 1UL << 103 % (8 * sizeof(unsigned long));
	pinhole[110 / (8 * sizeof(unsigned long))] = 1UL << 110 % (8 * sizeof(unsigned long));
	if (e->kind == EXPR_IMMEDIATE && e->len == sizeof(expected) && memcmp(e->data, pinhole, sizeof(pinhole)) == 0) {
		uses->pinholes++;
	} else if (e->kind == EXPR_IMMEDIATE && e->len == sizeof(expected)) {
		assert_memory_equal(e->data, expected, sizeof(expected));
		uses->set++;
	}
	uses->asked += e->kind == EXPR_BITWISE && memcmp(e->data, expected, sizeof(expected)) == 0;
}

static void test_label(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *r = compile("{}\n", NULL, 0, false, false);
	struct label_uses uses = {0};

	(void)state;
	each_expr(r, check_label, &uses);
	assert_int_equal(uses.set, 2 * (1 + 1 + PROTO_COUNT)); /* two families: pin, port and the ranges */
	assert_int_equal(uses.asked, 2); /* postrouting, forward */
	assert_int_equal(uses.pinholes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forwards),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_listen_names),
		cmocka_unit_test(test_frame_follows_topology),
		cmocka_unit_test(test_frame_follows_listens),
		cmocka_unit_test(test_frame_of_remembered_wan),
		cmocka_unit_test(test_frame_follows_settings),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
