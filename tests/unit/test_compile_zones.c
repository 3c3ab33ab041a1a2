/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zones, openings and policies are what settings say: chains are compared as the comments of their rules and, where it
 * matters, as what the kernel will execute; sets as their elements. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "compile.h"
#include "util.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

static struct link links[] = {
	{.index = 1, .name = "lo", .loopback = true, .l3 = true, .mtu = 65536},
	{.index = 2, .name = "eth0", .l3 = true, .mtu = 1500},
	{.index = 3, .name = "br0", .l3 = true, .mtu = 1500, .bridge = true},
	{.index = 4, .name = "port1", .l3 = false, .mtu = 1280},
	{.index = 5, .name = "virbr1", .l3 = true, .mtu = 1500, .bridge = true},
	{.index = 6, .name = "ppp0", .l3 = true, .mtu = 1492},
};
static struct address addresses[] = {
	{2, {AF_INET, {203, 0, 113, 5}}, 24},
	{3, {AF_INET, {192, 168, 1, 1}}, 24},
	{3, {AF_INET6, {0xfd, [15] = 1}}, 64},
	{5, {AF_INET, {10, 9, 0, 1}}, 16},
};
static const struct facts facts = {
	.links = links, .n_links = ARRAY_SIZE(links), .addresses = addresses, .n_addresses = ARRAY_SIZE(addresses)};

static char *wan[] = {(char *)(uintptr_t) "eth0", (char *)(uintptr_t) "ppp*"};
static char *lan[] = {(char *)(uintptr_t) "br0", (char *)(uintptr_t) "vm0"};
static char *dmz[] = {(char *)(uintptr_t) "virbr1"};

static const struct settings quiet = {.wan = wan, .n_wan = 2, .lan = lan, .n_lan = 2, .mss_clamp = CLAMP_OFF};

static struct ruleset *compile(const struct settings *s, bool guard)
{
	_cleanup_(topology_freep) struct topology *t = topology_build(s, &facts, &(struct wan_memory){0});
	const struct frame frame = {
		.settings = s, .topology = t, .guard4 = guard, .guard6 = guard, .open = s->open, .n_open = s->n_open};
	struct ruleset *r = ruleset_new();

	compile_frame(r, &frame);
	ruleset_sort(r);
	return r;
}

/* ---- Comparing ------------------------------------------------------------------------------------ */

static void assert_chain(const struct ruleset *r, const char *name, const char *expected)
{
	const struct chain *c = ruleset_chain(r, name);
	_cleanup_(buf_free) struct buf out = {0};

	assert_non_null(c);
	for (size_t i = 0; i < c->n; i++)
		buf_printf(&out, "%s%s", i ? " " : "", c->rules[i].comment);
	assert_string_equal(out.data, expected);
}

static void assert_rule(const struct ruleset *r, const char *chain, const char *comment, const char *expected)
{
	const struct chain *c = ruleset_chain(r, chain);
	_cleanup_(buf_free) struct buf out = {0};

	assert_non_null(c);
	for (size_t i = 0; i < c->n; i++)
		if (streq(c->rules[i].comment, comment))
			rule_text(&out, &c->rules[i]);
	assert_non_null(out.data);
	out.data[out.len - strlen(" # \n") - strlen(comment)] = '\0';
	assert_string_equal(out.data, expected);
}

/* The elements of a set in one line; "no set" when there is none. */
static void assert_set(const struct ruleset *r, const char *set, const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};

	buf_printf(&out, "%s", ruleset_set(r, set) ? "" : "no set");
	for (size_t i = 0; i < r->n_elems; i++) {
		_cleanup_(buf_free) struct buf one = {0};
		size_t head = strlen("element  { ") + strlen(set);

		if (!streq(r->elems[i].set, set))
			continue;
		elem_text(&one, &r->elems[i]);
		buf_printf(&out, "%s%.*s", out.len ? ", " : "", (int)(strcspn(one.data, "}") - head - 1),
			   one.data + head);
	}
	assert_string_equal(out.data, expected);
}

/* The kernel takes an element only as its set is. */
static void assert_fits(const struct elem *e, const struct set *s)
{
	assert_non_null(s);
	assert_int_equal(e->key_len, s->key_len);
	assert_int_equal(e->key_type, s->key_type);
	assert_int_equal(e->interval, (s->flags & NFT_SET_INTERVAL) != 0);
	assert_int_equal(e->concat, s->fields[0] != 0);
	assert_true(!e->expires || s->flags & NFT_SET_TIMEOUT);
}

static void assert_closed(const struct ruleset *r)
{
	for (size_t i = 0; i < r->n_elems; i++)
		assert_fits(&r->elems[i], ruleset_set(r, r->elems[i].set));
	for (size_t c = 0; c < r->n_chains; c++)
		for (size_t i = 0; i < r->chains[c].n; i++)
			for (size_t k = 0; k < r->chains[c].rules[i].n; k++) {
				const struct expr *e = &r->chains[c].rules[i].exprs[k];

				assert_true(e->kind != EXPR_LOOKUP || ruleset_set(r, e->name));
				assert_true(e->kind != EXPR_IMMEDIATE || !e->name || ruleset_chain(r, e->name));
			}
}

/* ---- Sets ----------------------------------------------------------------------------------------- */

static void test_sets(void **state)
{
	struct settings s = quiet;
	_cleanup_(ruleset_freep) struct ruleset *r = NULL;

	(void)state;
	s.dmz = dmz;
	s.n_dmz = 1;
	r = compile(&s, false);
	assert_closed(r);
	assert_set(r, "wan", "\"eth0\", \"ppp0\"");
	assert_set(r, "outside", "\"eth0\", \"ppp0\"");
	assert_set(r, "lan", "\"br0\", \"vm0\"");
	assert_set(r, "dmz", "\"virbr1\"");
	assert_set(r, "inside", "\"br0\", \"virbr1\", \"vm0\"");
	assert_set(r, "same_if",
		   "\"br0\" . \"br0\", \"eth0\" . \"eth0\", \"ppp0\" . \"ppp0\", \"virbr1\" . \"virbr1\"");
	assert_set(r, "near4", "10.9.0.0-10.9.255.255, 192.168.1.0-192.168.1.255, 203.0.113.0-203.0.113.255");
	assert_set(r, "near6", "fd00::-fd00::ffff:ffff:ffff:ffff");
	assert_set(r, "same_net4",
		   "10.9.0.0-10.9.255.255 . 10.9.0.0-10.9.255.255, "
		   "192.168.1.0-192.168.1.255 . 192.168.1.0-192.168.1.255, "
		   "203.0.113.0-203.0.113.255 . 203.0.113.0-203.0.113.255");
	assert_set(r, "same_net6", "fd00::-fd00::ffff:ffff:ffff:ffff . fd00::-fd00::ffff:ffff:ffff:ffff");
}

/* ---- Forwarded ------------------------------------------------------------------------------------ */

static void test_coexist(void **state)
{
	struct settings s = quiet;
	_cleanup_(ruleset_freep) struct ruleset *plain = compile(&s, false), *full = NULL;

	(void)state;
	assert_closed(plain);
	assert_chain(plain, "forward", "known forwarded let-in not-routed ipsec same-interface translated unasked");
	assert_int_equal(ruleset_chain(plain, "forward")->policy, NF_ACCEPT);
	assert_rule(plain, "forward", "unasked",
		    "[meta iifname => 0][0 in outside][meta oifname => 0][0 in inside][goto unasked]");
	s.dmz = dmz;
	s.n_dmz = 1;
	full = compile(&s, true);
	assert_chain(full, "forward",
		     "known forwarded let-in not-routed ipsec same-interface dmz-lan translated unasked unasked4 unasked6");
	assert_rule(full, "forward", "dmz-lan",
		    "[meta iifname => 0][0 in dmz][meta oifname => 0][0 in lan][goto unasked]");
	assert_rule(full, "forward", "unasked6",
		    "[meta nfproto => 0][0 == 0x0a][meta iifname => 0][0 in outside][goto unasked]");
	assert_chain(full, "unasked", "hole4 hole6 drop");
	assert_rule(full, "unasked", "hole4",
		    "[meta l4proto => 0][0 in l4proto][meta nfproto => 0][0 == 0x02][payload 4 @ network + 16 => 0]"
		    "[meta l4proto => 1][payload 2 @ transport + 2 => 2][0 in hole4 => verdict]");
	assert_rule(full, "unasked", "drop", "[counter][drop]");
	assert_chain(full, "pinhole", "accept");
	assert_null(ruleset_set(full, "bridges"));
}

static void test_exclusive(void **state)
{
	struct settings s = quiet;
	_cleanup_(ruleset_freep) struct ruleset *plain = NULL, *full = NULL;

	(void)state;
	s.policy = POLICY_EXCLUSIVE;
	plain = compile(&s, false);
	assert_closed(plain);
	assert_chain(plain, "forward", "known forwarded let-in invalid same-interface lan unasked");
	assert_int_equal(ruleset_chain(plain, "forward")->policy, NF_DROP);
	assert_set(plain, "bridges", "\"br0\", \"virbr1\"");
	assert_rule(plain, "forward", "same-interface",
		    "[meta iifname => 0][0 in bridges][meta iifname => 0][meta oifname => 4][0 in same_if][accept]");
	assert_rule(plain, "forward", "lan", "[meta iifname => 0][0 in lan][accept]");
	assert_rule(plain, "forward", "unasked", "[goto unasked]");
	s.dmz = dmz;
	s.n_dmz = 1;
	full = compile(&s, true);
	assert_chain(full, "forward",
		     "known forwarded let-in invalid same-interface lan dmz-wan dmz-dmz unasked4 unasked6 unasked");
	assert_rule(full, "forward", "dmz-wan", "[meta iifname => 0][0 in dmz][meta oifname => 0][0 in wan][accept]");
}

static void test_clamp(void **state)
{
	struct settings s = quiet;
	_cleanup_(ruleset_freep) struct ruleset *off = compile(&s, false), *narrow = NULL, *always = NULL, *none = NULL;

	(void)state;
	assert_set(off, "clamp", "no set");
	s.mss_clamp = CLAMP_AUTO;
	narrow = compile(&s, false);
	assert_closed(narrow);
	assert_set(narrow, "clamp", "\"ppp0\"");
	/* before anything is accepted: the answer to a SYN belongs to a known connection */
	assert_chain(narrow, "forward",
		     "clamp-in clamp-out known forwarded let-in not-routed ipsec same-interface translated unasked");
	assert_rule(narrow, "forward", "clamp-out",
		    "[meta l4proto => 0][0 == 0x06][payload 1 @ transport + 13 => 0][0 & 0x02 => 0][0 != 0x00]"
		    "[meta oifname => 0][0 in clamp][rt mtu => 0][hton 0 => 0][tcp option maxseg = 0]");
	links[5].mtu = 1500;
	none = compile(&s, false);
	links[5].mtu = 1492;
	assert_set(none, "clamp", "no set");
	assert_chain(none, "forward", "known forwarded let-in not-routed ipsec same-interface translated unasked");
	s.mss_clamp = CLAMP_ALWAYS;
	always = compile(&s, false);
	assert_rule(always, "forward", "clamp",
		    "[meta l4proto => 0][0 == 0x06][payload 1 @ transport + 13 => 0][0 & 0x02 => 0][0 != 0x00]"
		    "[rt mtu => 0][hton 0 => 0][tcp option maxseg = 0]");
}

/* ---- The gateway itself --------------------------------------------------------------------------- */

static void test_open_gateway(void **state)
{
	struct opening open = {.protos = PROTO_TCP, .ports = {22, 22}};
	struct settings s = quiet;
	_cleanup_(ruleset_freep) struct ruleset *r = NULL;

	(void)state;
	s.open = &open;
	s.n_open = 1;
	r = compile(&s, true);
	assert_closed(r);
	assert_null(ruleset_chain(r, "input")); /* nothing is closed, whatever is open */
}

static void test_dmz_input(void **state)
{
	struct opening open[] = {
		{.in = OPENING_WAN, .protos = PROTO_TCP, .ports = {22, 22}},
		{.in = OPENING_DMZ, .protos = PROTO_TCP | PROTO_UDP, .ports = {8000, 8010}, .expires = 77},
	};
	struct settings s = quiet;
	_cleanup_(ruleset_freep) struct ruleset *r = NULL;

	(void)state;
	s.dmz = dmz;
	s.n_dmz = 1;
	s.open = open;
	s.n_open = 2;
	r = compile(&s, false);
	assert_closed(r);
	assert_int_equal(ruleset_chain(r, "input")->policy, NF_ACCEPT);
	assert_chain(r, "input", "known no-router control input_dmz");
	assert_rule(r, "input", "no-router",
		    "[meta l4proto => 0][0 == 0x3a][payload 1 @ transport + 0 => 0][0 == 0x86]"
		    "[meta iifname => 0][0 in dmz][counter][drop]");
	assert_rule(r, "input", "input_dmz", "[meta iifname => 0][0 in dmz][goto input_dmz]");
	assert_set(r, "control", "1, 2, 58");
	assert_chain(r, "input_dmz", "dmz_services open_dmz open_dmz4 open_dmz6 closed");
	assert_set(r, "dmz_services", "tcp . 53, udp . 53, udp . 67, udp . 547");
	assert_set(r, "open_dmz", "tcp . 8000-8010, udp . 8000-8010");
	for (size_t i = 0; i < r->n_elems; i++)
		assert_true(!streq(r->elems[i].set, "open_dmz") || r->elems[i].expires == 77);
	assert_set(r, "open_wan", "no set");
	assert_rule(r, "input_dmz", "closed", "[counter][drop]");
}

static void test_protected(void **state)
{
	struct prefix from[] = {{{AF_INET, {192, 168, 0, 0}}, 16}, {{AF_INET6, {0x20, 1}}, 16}};
	struct opening open[] = {
		{.protos = PROTO_TCP, .ports = {22, 22}, .local = true},
		{.protos = PROTO_TCP, .ports = {443, 443}},
		{.protos = PROTO_UDP, .ports = {51820, 51830}, .from = from, .n_from = 2},
		{.protos = PROTO_SCTP, .ports = {9, 9}, .from = from, .n_from = 1, .local = true},
	};
	struct settings s = quiet;
	_cleanup_(ruleset_freep) struct ruleset *r = NULL;

	(void)state;
	s.protect = true;
	s.open = open;
	s.n_open = ARRAY_SIZE(open);
	r = compile(&s, false);
	assert_closed(r);
	assert_chain(r, "input", "known control input_wan");
	assert_rule(r, "input", "input_wan", "[meta iifname => 0][0 in outside][goto input_wan]");
	assert_chain(r, "input_wan", "dhcp-client open_wan open_wan4 open_wan6 closed");
	assert_set(r, "dhcp_client", "67 . 68, 547 . 546");
	assert_set(r, "open_wan", "tcp . 443");
	/* the networks that are there, and where one is inside what is named, the larger one alone */
	assert_set(r, "open_wan4",
		   "10.9.0.0-10.9.255.255 . tcp . 22, 10.9.0.0-10.9.255.255 . sctp . 9, "
		   "192.168.0.0-192.168.255.255 . udp . 51820-51830, "
		   "192.168.0.0-192.168.255.255 . sctp . 9, "
		   "192.168.1.0-192.168.1.255 . tcp . 22, "
		   "203.0.113.0-203.0.113.255 . tcp . 22, 203.0.113.0-203.0.113.255 . sctp . 9");
	assert_set(r, "open_wan6",
		   "2001::-2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff . udp . 51820-51830, "
		   "fd00::-fd00::ffff:ffff:ffff:ffff . tcp . 22, "
		   "fd00::-fd00::ffff:ffff:ffff:ffff . sctp . 9, "
		   "fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff . tcp . 22, "
		   "fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff . sctp . 9");
	assert_rule(r, "input_wan", "open_wan6",
		    "[meta l4proto => 0][0 in l4proto][meta nfproto => 0][0 == 0x0a][payload 16 @ network + 8 => 0]"
		    "[meta l4proto => 4][payload 2 @ transport + 2 => 5][0 in open_wan6][accept]");
}

/* Only whether a zone is there decides about a set's definition: what is in it changes without the table made anew. */
static void test_sets_stay(void **state)
{
	struct opening open = {.protos = PROTO_TCP, .ports = {22, 22}, .expires = 77};
	struct settings s = quiet;
	_cleanup_(ruleset_freep) struct ruleset *before = NULL, *after = NULL;

	(void)state;
	s.protect = true;
	before = compile(&s, false);
	s.open = &open;
	s.n_open = 1;
	after = compile(&s, true);
	assert_int_equal(before->n_sets, after->n_sets);
	for (size_t i = 0; i < before->n_sets; i++)
		assert_true(set_same(&before->sets[i], &after->sets[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),      cmocka_unit_test(test_coexist),      cmocka_unit_test(test_exclusive),
		cmocka_unit_test(test_clamp),     cmocka_unit_test(test_open_gateway), cmocka_unit_test(test_dmz_input),
		cmocka_unit_test(test_protected), cmocka_unit_test(test_sets_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
