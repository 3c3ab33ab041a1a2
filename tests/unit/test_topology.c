/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts are tables, results are compared as text: one line for what a row of settings makes of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "topology.h"
#include "util.h"

#define LIST_MAX 4

static struct link links[] = {
	{.index = 1, .name = "lo", .up = true, .carrier = true, .loopback = true, .l3 = true},
	{.index = 2, .name = "eth0", .up = true, .carrier = true, .l3 = true},
	{.index = 3, .name = "eth1", .up = true, .carrier = true, .l3 = true},
	{.index = 5, .name = "ppp0", .up = true, .carrier = true, .l3 = true},
	{.index = 7, .name = "eth2", .up = true, .carrier = true, .l3 = false},
	{.index = 9, .name = "br0", .up = true, .carrier = true, .l3 = true},
};

struct row {
	const char *what;
	const char *wan[LIST_MAX], *lan[LIST_MAX], *dmz[LIST_MAX], *remembered[LIST_MAX], *former[LIST_MAX];
	uint32_t routes[LIST_MAX]; /* indexes of links */
	const char *expect;        /* interfaces that are in a zone, or absent */
};

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (n < LIST_MAX && list[n])
		n++;
	return n;
}

static struct settings settings_of(const struct row *row)
{
	return (struct settings){
		.wan = (char **)(uintptr_t)row->wan,
		.n_wan = count(row->wan),
		.lan = (char **)(uintptr_t)row->lan,
		.n_lan = count(row->lan),
		.dmz = (char **)(uintptr_t)row->dmz,
		.n_dmz = count(row->dmz),
	};
}

static struct topology *build(const struct row *row, const struct facts *base)
{
	struct default_route routes[LIST_MAX];
	struct facts facts = *base;
	struct settings settings = settings_of(row);

	facts.routes = routes;
	for (size_t i = 0; i < LIST_MAX && row->routes[i]; i++)
		routes[facts.n_routes++] = (struct default_route){.index = row->routes[i], .family = AF_INET};
	/* only read */
	const struct wan_memory memory = {
		.last = {.items = (char **)(uintptr_t)row->remembered, .n = count(row->remembered)},
		.former = {.items = (char **)(uintptr_t)row->former, .n = count(row->former)},
	};

	return topology_build(&settings, &facts, &memory);
}

static char *text_of(const struct topology *t)
{
	static const char *const zones[] = {"-", "wan", "lan", "dmz"};
	struct buf out = {0};

	for (size_t i = 0; i < t->n_interfaces; i++) {
		const struct interface *in = &t->interfaces[i];

		if (in->zone == ZONE_NONE && in->present && !in->former)
			continue;
		buf_printf(&out, "%s%s:%s%s%s%s%s%s", out.len ? " " : "", in->name, zones[in->zone],
			   in->from_route ? "/route" : "", in->former ? "/former" : "",
			   in->overridden ? "/not-" : "", in->overridden ? zones[in->overridden] : "",
			   in->present ? "" : "/absent");
	}
	buf_printf(&out, "%s", t->wan_known ? "" : "; unknown");
	return buf_take(&out);
}

static const struct facts here = {.links = links, .n_links = ARRAY_SIZE(links)};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_(topology_freep) struct topology *t = build(&rows[i], &here);
		_cleanup_(freep) char *text = text_of(t);

		if (!streq(text, rows[i].expect))
			fail_msg("%s: %s, expected %s", rows[i].what, text, rows[i].expect);
	}
}

static void test_zones(void **state)
{
	static const struct row rows[] = {
		{.what = "nothing said, nothing known", .expect = "; unknown"},
		{.what = "the default route's", .routes = {2}, .expect = "eth0:wan/route"},
		{.what = "of several", .routes = {5, 2}, .expect = "eth0:wan/route ppp0:wan/route"},
		{.what = "remembered while there is none", .remembered = {"eth0"}, .expect = "eth0:wan/route"},
		{.what = "remembered and absent", .remembered = {"ppp7"}, .expect = "ppp7:wan/route/absent"},
		{.what = "forgotten when another has it",
		 .remembered = {"ppp7", "eth0"},
		 .routes = {5},
		 .expect = "ppp0:wan/route"},
		{.what = "named", .wan = {"eth1"}, .expect = "eth1:wan"},
		{.what = "named: neither route nor memory count",
		 .wan = {"eth1"},
		 .remembered = {"ppp0"},
		 .routes = {2},
		 .expect = "eth1:wan"},
		{.what = "named and absent", .wan = {"wwan0"}, .expect = "wwan0:wan/absent"},
		{.what = "named twice over", .wan = {"eth1", "eth1"}, .expect = "eth1:wan"},
		{.what = "a pattern is what is present", .wan = {"eth*"}, .expect = "eth0:wan eth1:wan eth2:wan"},
		{.what = "a pattern that matches none", .wan = {"wg*"}, .expect = "; unknown"},
		{.what = "a pattern that is a whole name", .wan = {"eth0*"}, .expect = "eth0:wan"},
		{.what = "everything but loopback",
		 .wan = {"*"},
		 .expect = "br0:wan eth0:wan eth1:wan eth2:wan ppp0:wan"},
		{.what = "loopback by name", .lan = {"lo"}, .expect = "lo:lan; unknown"},
		{.what = "lan alone", .lan = {"br0", "vm0"}, .expect = "br0:lan vm0:lan/absent; unknown"},
		{.what = "lan and route", .lan = {"br0"}, .routes = {2}, .expect = "br0:lan eth0:wan/route"},
		{.what = "the route beats lan",
		 .lan = {"eth0", "br0"},
		 .routes = {2},
		 .expect = "br0:lan eth0:wan/route/not-lan"},
		{.what = "the remembered route too",
		 .lan = {"eth*"},
		 .remembered = {"eth0"},
		 .expect = "eth0:wan/route/not-lan eth1:lan eth2:lan"},
		{.what = "wan named: lan is believed",
		 .wan = {"eth1"},
		 .lan = {"eth0"},
		 .routes = {2},
		 .expect = "eth0:lan eth1:wan"},
		{.what = "a name beats a pattern",
		 .wan = {"eth*"},
		 .lan = {"eth1"},
		 .expect = "eth0:wan eth1:lan eth2:wan"},
		{.what = "of two patterns wan wins",
		 .wan = {"eth*"},
		 .lan = {"*"},
		 .expect = "br0:lan eth0:wan eth1:wan eth2:wan ppp0:lan"},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_dmz(void **state)
{
	static const struct row rows[] = {
		{.what = "the route beats dmz",
		 .dmz = {"eth0", "br0"},
		 .routes = {2},
		 .expect = "br0:dmz eth0:wan/route/not-dmz"},
		{.what = "dmz, also absent", .dmz = {"eth1", "vm0"}, .expect = "eth1:dmz vm0:dmz/absent; unknown"},
		{.what = "wan, lan and dmz",
		 .wan = {"ppp0"},
		 .lan = {"eth0"},
		 .dmz = {"eth1", "br0"},
		 .expect = "br0:dmz eth0:lan eth1:dmz ppp0:wan"},
		{.what = "of the patterns of lan and dmz, dmz wins: it trusts less",
		 .lan = {"eth*"},
		 .dmz = {"e*"},
		 .expect = "eth0:dmz eth1:dmz eth2:dmz; unknown"},
		{.what = "unless lan is the name",
		 .lan = {"eth0"},
		 .dmz = {"e*"},
		 .expect = "eth0:lan eth1:dmz eth2:dmz; unknown"},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_former(void **state)
{
	static const struct row rows[] = {
		{.what = "what was wan before is still outside",
		 .remembered = {"eth0"},
		 .former = {"ppp7", "eth1"},
		 .routes = {2},
		 .expect = "eth0:wan/route eth1:-/former ppp7:-/former/absent"},
		{.what = "unless it is named lan",
		 .lan = {"eth1"},
		 .former = {"eth1"},
		 .routes = {2},
		 .expect = "eth0:wan/route eth1:lan"},
		{.what = "or wan is named", .wan = {"eth0"}, .former = {"eth1"}, .expect = "eth0:wan"},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_interfaces(void **state)
{
	static const struct row row = {.wan = {"zz0", "aa0"}, .lan = {"eth1"}};
	static const char *const sorted[] = {"aa0", "br0", "eth0", "eth1", "eth2", "lo", "ppp0", "zz0"};
	_cleanup_(topology_freep) struct topology *t = build(&row, &here);

	(void)state;
	assert_int_equal(t->n_interfaces, ARRAY_SIZE(sorted));
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		assert_string_equal(t->interfaces[i].name, sorted[i]);
		assert_ptr_equal(topology_interface(t, sorted[i]), &t->interfaces[i]);
	}
	assert_null(topology_interface(t, "eth9"));
	assert_true(topology_interface(t, "eth0")->l3);
	assert_false(topology_interface(t, "eth2")->l3);
	assert_false(topology_interface(t, "aa0")->l3);
	assert_true(topology_interface(t, "eth2")->present);
}

static struct address at(uint32_t index, const char *text, uint8_t len)
{
	struct address a = {.index = index, .prefix_len = len};

	assert_true(ip_parse(text, &a.ip));
	return a;
}

static void expect_address(const struct local_address *a, const char *ip, unsigned int len, const char *ifname)
{
	char text[ADDR_TEXT_MAX];

	assert_string_equal(ip_text(&a->ip, text), ip);
	assert_int_equal(a->prefix_len, len);
	assert_string_equal(a->ifname, ifname);
}

static bool local(const struct topology *t, const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	return topology_is_local(t, &ip);
}

static void test_addresses(void **state)
{
	struct address addresses[] = {
		at(2, "192.168.7.1", 24), at(2, "fd00::1", 64),  at(3, "10.0.0.1", 24), at(3, "192.168.7.1", 16),
		at(4, "10.9.9.9", 8),     at(5, "10.0.0.1", 32), at(5, "10.0.0.2", 32),
	};
	const struct facts facts = {.links = links,
				    .n_links = ARRAY_SIZE(links),
				    .addresses = addresses,
				    .n_addresses = ARRAY_SIZE(addresses)};
	static const struct row row = {.wan = {"ppp0"}};
	_cleanup_(topology_freep) struct topology *t = build(&row, &facts);

	(void)state;
	assert_int_equal(t->n_addresses, 4);
	expect_address(&t->addresses[0], "10.0.0.1", 32, "ppp0"); /* wan's of two */
	expect_address(&t->addresses[1], "10.0.0.2", 32, "ppp0");
	expect_address(&t->addresses[2], "192.168.7.1", 24, "eth0"); /* by name of two others */
	expect_address(&t->addresses[3], "fd00::1", 64, "eth0");
	assert_true(local(t, "10.0.0.2"));
	assert_true(local(t, "fd00::1"));
	assert_false(local(t, "10.0.0.3"));
	assert_false(local(t, "10.9.9.9")); /* its link is gone */
}

static void test_one_nic(void **state)
{
	struct address addresses[] = {at(2, "10.0.0.1", 24), at(2, "fd00::1", 64), at(7, "10.5.0.1", 24),
				      at(9, "10.9.0.1", 24)};
	struct facts facts = {.links = links, .n_links = ARRAY_SIZE(links), .addresses = addresses};
	static const struct {
		size_t first, n;
		bool one;
	} rows[] = {
		{0, 0, false}, /* none at all */
		{0, 2, true},  /* two addresses of eth0 */
		{0, 3, true},  /* a bridge port's does not count */
		{2, 1, false}, /* nor alone */
		{0, 4, false}, /* eth0 and br0 */
		{3, 1, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(topology_freep) struct topology *t = NULL;

		facts.addresses = addresses + rows[i].first;
		facts.n_addresses = rows[i].n;
		t = build(&(const struct row){0}, &facts);
		if (!topology_one_nic(t) == rows[i].one)
			fail_msg("row %zu", i);
	}
}

static void assert_networks(struct address *addresses, size_t n, const char *expected)
{
	const struct facts facts = {
		.links = links, .n_links = ARRAY_SIZE(links), .addresses = addresses, .n_addresses = n};
	_cleanup_(topology_freep) struct topology *t = build(&(const struct row){0}, &facts);
	_cleanup_(buf_free) struct buf out = {0};
	char text[PREFIX_TEXT_MAX];

	buf_printf(&out, "%s", "");
	for (size_t i = 0; i < t->n_networks; i++)
		buf_printf(&out, "%s%s", i ? " " : "", prefix_text(&t->networks[i], text));
	assert_string_equal(out.data, expected);
}

static void test_networks(void **state)
{
	struct address addresses[] = {
		at(2, "192.168.7.1", 24), at(2, "192.168.7.9", 24), at(2, "fd00::1", 64),   at(3, "192.168.6.200", 23),
		at(3, "10.0.0.1", 8),     at(5, "203.0.113.5", 32), at(5, "fd00:1::9", 128),
		at(7, "172.16.0.1", 12),  /* a bridge's port */
		at(4, "172.20.0.1", 16),  /* its link is gone */
		at(9, "10.1.2.3", 9),
	};

	(void)state;
	assert_networks(addresses, ARRAY_SIZE(addresses), "10.0.0.0/8 192.168.6.0/23 fd00::/64");
	assert_networks(addresses, 2, "192.168.7.0/24");
	assert_networks(addresses, 0, "");
}

static void test_links(void **state)
{
	struct link some[] = {
		{.index = 1, .name = "lo", .loopback = true, .l3 = true, .mtu = 1280},
		{.index = 2, .name = "eth0", .l3 = true, .mtu = 1500},
		{.index = 3, .name = "ppp0", .l3 = true, .mtu = 1499},
		{.index = 4, .name = "port", .mtu = 1280, .bridge = true},
		{.index = 5, .name = "br0", .l3 = true, .mtu = 9000, .bridge = true},
		{.index = 6, .name = "odd", .l3 = true}, /* its MTU is not known */
	};
	const struct facts facts = {.links = some, .n_links = ARRAY_SIZE(some)};
	_cleanup_(topology_freep) struct topology *t = build(&(const struct row){0}, &facts);

	(void)state;
	for (size_t i = 0; i < t->n_interfaces; i++) {
		assert_int_equal(t->interfaces[i].narrow, streq(t->interfaces[i].name, "ppp0"));
		assert_int_equal(t->interfaces[i].bridge, streq(t->interfaces[i].name, "br0"));
	}
}

/* The warnings, one per line; NULL: none. */
static void assert_warned(const struct row *row, struct address *addresses, size_t n, const char *expected)
{
	const struct facts facts = {
		.links = links, .n_links = ARRAY_SIZE(links), .addresses = addresses, .n_addresses = n};
	_cleanup_(topology_freep) struct topology *t = build(row, &facts);
	_cleanup_(diag_free) struct diag diag = {0};

	topology_warn(t, &diag);
	assert_int_equal(diag.n_warnings, expected != NULL);
	if (expected && strncmp(diag.warnings[0], expected, strlen(expected)) != 0)
		fail_msg("%s, not %s", diag.warnings[0], expected);
}

static void test_warnings(void **state)
{
	struct address addresses[] = {at(2, "10.0.0.1", 24), at(3, "10.0.1.1", 16), at(9, "10.1.0.1", 16)};
	static const struct row lan = {.lan = {"eth0"}, .routes = {2}}, dmz = {.dmz = {"eth0"}, .routes = {2}},
				apart = {.lan = {"eth0"}, .dmz = {"br0"}}, shared = {.lan = {"eth0"}, .dmz = {"eth1"}},
				within = {.dmz = {"eth0", "eth1"}}, unnamed = {.dmz = {"eth1"}};

	(void)state;
	assert_warned(&lan, addresses, 1, "eth0 is named lan in gwd.yaml, but holds the default route: taken as wan");
	assert_warned(&dmz, addresses, 1,
		      "eth0 is named dmz in gwd.yaml, but holds the default route: taken as wan, and nothing keeps");
	assert_warned(&apart, addresses, 3, NULL);
	assert_warned(&shared, addresses, 3, "eth0 (lan) and eth1 (dmz) are both in 10.0.0.0/16: ");
	assert_warned(&within, addresses, 3, NULL);
	assert_warned(&unnamed, addresses, 2, "eth0 (none) and eth1 (dmz) are both in 10.0.0.0/16: ");
	assert_warned(&(const struct row){.lan = {"eth0"}}, addresses, 3, NULL);
}

/* A twin with one thing changed is the same neither way round. */
#define DIFFERS(change)                                                                                                \
	do {                                                                                                           \
		_cleanup_(topology_freep) struct topology *twin = build(&row, &facts);                                 \
		assert_true(topology_same(t, twin));                                                                   \
		change;                                                                                                \
		if (topology_same(t, twin) || topology_same(twin, t))                                                  \
			fail_msg("%s goes unseen", #change);                                                           \
	} while (0)

static void test_same(void **state)
{
	struct address addresses[] = {at(2, "10.0.0.1", 24), at(3, "10.0.0.2", 24)};
	const struct facts facts = {.links = links, .n_links = 4, .addresses = addresses, .n_addresses = 2};
	static const struct row row = {.routes = {2}};
	_cleanup_(topology_freep) struct topology *t = build(&row, &facts);

	(void)state;
	DIFFERS(twin->n_interfaces--);
	DIFFERS(twin->interfaces[1].name[0] = 'x');
	DIFFERS(twin->interfaces[1].zone = ZONE_LAN);
	DIFFERS(twin->interfaces[1].present = false);
	DIFFERS(twin->interfaces[1].l3 = false);
	DIFFERS(twin->interfaces[1].bridge = true);
	DIFFERS(twin->interfaces[1].narrow = true);
	DIFFERS(twin->interfaces[1].from_route ^= true);
	DIFFERS(twin->interfaces[1].overridden = ZONE_DMZ);
	DIFFERS(twin->n_addresses--);
	DIFFERS(twin->addresses[1].ip.bytes[3] = 9);
	DIFFERS(twin->addresses[1].prefix_len = 25);
	DIFFERS(twin->addresses[1].ifname[0] = 'x');
	DIFFERS(twin->n_networks--);
	DIFFERS(twin->networks[0].len = 25);
}

static void test_matches(void **state)
{
	(void)state;
	assert_true(ifname_matches("eth0", "eth0"));
	assert_false(ifname_matches("eth0", "eth01"));
	assert_false(ifname_matches("eth01", "eth0"));
	assert_true(ifname_matches("eth*", "eth"));
	assert_true(ifname_matches("eth*", "eth0.10"));
	assert_false(ifname_matches("eth*", "veth0"));
	assert_true(ifname_matches("*", "wg0"));
	assert_false(ifname_matches("e*h0", "eth0")); /* only at the end */
	assert_false(ifname_matches("", "eth0"));
}

static void assert_memory(const struct wan_memory *m, const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};

	for (size_t i = 0; i < m->last.n; i++)
		buf_printf(&out, "%s ", m->last.items[i]);
	buf_printf(&out, "|");
	for (size_t i = 0; i < m->former.n; i++)
		buf_printf(&out, " %s", m->former.items[i]);
	assert_string_equal(out.data, expected);
}

/* Sees these default routes; whether it was something new. */
static bool see(struct wan_memory *m, const struct settings *settings, uint32_t first, uint32_t second)
{
	struct default_route routes[] = {{.index = first, .family = AF_INET}, {.index = second, .family = AF_INET}};
	struct facts facts = here;

	facts.routes = routes;
	facts.n_routes = (first > 0) + (second > 0);
	_cleanup_(topology_freep) struct topology *t = topology_build(settings, &facts, m);

	return wan_memory_update(m, settings, t);
}

static void test_memory(void **state)
{
	_cleanup_(settings_freep) struct settings *settings = settings_default();
	_cleanup_(wan_memory_free) struct wan_memory m = {0};

	(void)state;
	assert_false(see(&m, settings, 0, 0));
	assert_true(see(&m, settings, 2, 0));
	assert_memory(&m, "eth0 |");
	assert_false(see(&m, settings, 2, 0));
	assert_false(see(&m, settings, 0, 0));
	assert_memory(&m, "eth0 |");
	assert_true(see(&m, settings, 5, 0));
	assert_memory(&m, "ppp0 | eth0");
	assert_true(see(&m, settings, 2, 5));
	assert_memory(&m, "eth0 ppp0 |");
	assert_true(see(&m, settings, 5, 0));
	assert_memory(&m, "ppp0 | eth0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_dmz),
		cmocka_unit_test(test_former),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_memory),   cmocka_unit_test(test_interfaces), cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_one_nic), cmocka_unit_test(test_same),       cmocka_unit_test(test_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
