/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where connections end, as tables over one made-up gateway: wan0 203.0.113.5, wan1 198.51.100.5 (both outside), old0
 * 192.0.2.5 (was wan once), lan0 192.168.1.1, dmz0 10.9.0.1, vpn0 10.8.0.1 (in no zone). That the rules do the same is
 * shown with packets (tests/netns). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "arrival.h"
#include "util.h"

/* ---- The gateway ----------------------------------------------------------------------------------- */

static struct link links[] = {
	{.index = 1, .name = "lo", .loopback = true, .l3 = true},
	{.index = 2, .name = "wan0", .l3 = true},
	{.index = 3, .name = "wan1", .l3 = true},
	{.index = 4, .name = "old0", .l3 = true},
	{.index = 5, .name = "lan0", .l3 = true},
	{.index = 6, .name = "dmz0", .l3 = true},
	{.index = 7, .name = "vpn0", .l3 = true},
};

static const struct {
	uint32_t index;
	const char *network;
} networks[] = {
	{2, "203.0.113.5/24"}, {2, "2001:db8::5/64"}, {3, "198.51.100.5/24"},
	{4, "192.0.2.5/24"},   {5, "192.168.1.1/24"}, {5, "192.168.0.0/16"},
	{6, "10.9.0.1/24"},    {7, "10.8.0.1/32"},    {7, "10.9.0.129/25"},
};

static struct {
	struct address addresses[ARRAY_SIZE(networks)];
	struct default_route routes[2];
	struct settings *settings;
	struct forwards *forwards;
	struct topology *topology;
	struct rules rules;
} here;

static struct ip ip(const char *text)
{
	struct ip ret;

	assert_true(ip_parse(text, &ret));
	return ret;
}

static int arrive(void **state)
{
	static char lan0[] = "lan0", dmz0[] = "dmz0", old0[] = "old0";
	static char *lan[] = {lan0}, *dmz[] = {dmz0}, *former[] = {old0};
	struct facts facts = {.links = links,
			      .n_links = ARRAY_SIZE(links),
			      .addresses = here.addresses,
			      .n_addresses = ARRAY_SIZE(networks),
			      .routes = here.routes,
			      .n_routes = 2};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
		_cleanup_(freep) char *text = xstrdup(networks[i].network);
		char *slash = strchr(text, '/');

		*slash = '\0';
		here.addresses[i] = (struct address){networks[i].index, ip(text), (uint8_t)atoi(slash + 1)};
	}
	here.routes[0] = (struct default_route){.index = 2, .family = AF_INET};
	here.routes[1] = (struct default_route){.index = 3, .family = AF_INET};
	here.settings = settings_default();
	here.settings->lan = lan;
	here.settings->dmz = dmz;
	here.settings->n_lan = here.settings->n_dmz = 1;
	here.forwards = forwards_new();
	here.topology = topology_build(here.settings, &facts, &(struct wan_memory){.former = {former, 1, 1}});
	here.rules = (struct rules){.settings = here.settings, .topology = here.topology, .forwards = here.forwards};
	return 0;
}

static int leave(void **state)
{
	(void)state;
	here.settings->n_lan = here.settings->n_dmz = 0;
	here.settings->lan = here.settings->dmz = NULL;
	settings_free(here.settings);
	forwards_free(here.forwards);
	topology_free(here.topology);
	return 0;
}

/* ---- Tables ---------------------------------------------------------------------------------------- */

/* "gateway", "web", "web (from)" or "closed" */
static char *fate(const char *ifname, const char *from, const char *to, enum proto proto, uint16_t port)
{
	const struct arrival a = {ifname, ip(from), ip(to), (uint8_t)proto, port};
	const struct forward *f;

	switch (arrival_fate(&here.rules, &a, &f)) {
	case ARRIVAL_GATEWAY:
		assert_null(f);
		return xstrdup("gateway");
	case ARRIVAL_FORWARDED:
		return xstrdup(f->name);
	case ARRIVAL_NOT_FROM:
		return xasprintf("%s (from)", f->name);
	case ARRIVAL_NOT_OPEN:
		assert_null(f);
		return xstrdup("closed");
	}
	return NULL;
}

struct row {
	const char *ifname, *from, *to;
	enum proto proto;
	uint16_t port;
	const char *expect;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		_cleanup_(freep) char *text = fate(r->ifname, r->from, r->to, r->proto, r->port);

		if (!streq(text, r->expect))
			fail_msg("%s %s -> %s %s %u: %s, expected %s", r->ifname, r->from, r->to, proto_text(r->proto),
				 r->port, text, r->expect);
	}
}

#define CHECK(...)                                                                                                     \
	do {                                                                                                           \
		static const struct row rows_[] = {__VA_ARGS__};                                                       \
		check_rows(rows_, ARRAY_SIZE(rows_));                                                                  \
	} while (0)

/* ---- Forwards -------------------------------------------------------------------------------------- */

static struct forward_entry *forward(const char *name, const char *listen, uint16_t first, uint16_t last,
				     const char *from)
{
	struct forward *f = forward_new();
	struct forward_entry *e;

	f->name = xstrdup(name);
	f->family = AF_INET;
	f->protos = PROTO_TCP;
	f->ports = xcalloc(1, sizeof(*f->ports));
	f->ports[0] = (struct port_range){first, last};
	f->n_ports = 1;
	if (listen && ip_parse(listen, &f->listen.addr)) {
		f->listen.kind = LISTEN_ADDRESS;
	} else if (listen) {
		f->listen.kind = LISTEN_INTERFACE;
		snprintf(f->listen.ifname, sizeof(f->listen.ifname), "%s", listen);
	}
	f->targets = xcalloc(1, sizeof(*f->targets));
	f->targets[0] = (struct target){.addr = ip("10.0.0.2"), .weight = 1};
	f->n_targets = 1;
	if (from) {
		f->from = xcalloc(1, sizeof(*f->from));
		assert_true(prefix_parse(from, f->from));
		f->n_from = 1;
	}
	e = forwards_add(here.forwards, f, false);
	e->active = true;
	forward_unref(f);
	return e;
}

#define OUT "198.51.100.77"

static void test_forwards(void **state)
{
	(void)state;
	forward("any", NULL, 80, 90, NULL);
	forward("if", "wan1", 80, 82, NULL);
	forward("inside", "lan0", 85, 85, NULL);
	forward("pin", "198.51.100.5", 80, 80, NULL);
	forward("strange", "192.0.2.99", 80, 80, NULL); /* not ours: it is only routed through */
	forward("off", NULL, 22, 22, NULL)->active = false;
	CHECK({"wan1", OUT, "198.51.100.5", PROTO_TCP, 80, "pin"}, {"wan1", OUT, "198.51.100.5", PROTO_TCP, 81, "if"},
	      {"wan1", OUT, "198.51.100.5", PROTO_TCP, 83, "any"}, {"wan0", OUT, "203.0.113.5", PROTO_TCP, 80, "any"},
	      {"wan0", OUT, "203.0.113.5", PROTO_TCP, 91, "gateway"},
	      {"wan0", OUT, "203.0.113.5", PROTO_TCP, 22, "gateway"},
	      {"wan0", OUT, "203.0.113.5", PROTO_UDP, 80, "gateway"},
	      {"lan0", "192.168.1.7", "203.0.113.5", PROTO_TCP, 80, "any"}, /* by the address, wherever it comes from */
	      {"lan0", "192.168.1.7", "192.168.1.1", PROTO_TCP, 80, "gateway"},
	      {"lan0", "192.168.1.7", "192.168.1.1", PROTO_TCP, 85, "inside"},
	      {"old0", OUT, "192.0.2.5", PROTO_TCP, 80, "gateway"},
	      {"old0", OUT, "192.0.2.99", PROTO_TCP, 80, "strange"},
	      {"wan0", "2001:db8::9", "2001:db8::5", PROTO_TCP, 80, "gateway"});
}

static void test_from(void **state)
{
	(void)state;
	forward("any", NULL, 80, 80, NULL);
	forward("pin", "203.0.113.5", 80, 80, "198.51.100.0/24");
	CHECK({"wan0", OUT, "203.0.113.5", PROTO_TCP, 80, "pin"},
	      {"wan0", "198.51.101.1", "203.0.113.5", PROTO_TCP, 80, "pin (from)"}, /* and not `any` */
	      {"wan1", "198.51.101.1", "198.51.100.5", PROTO_TCP, 80, "any"});
}

/* ---- The gateway itself ------------------------------------------------------------------------------ */

static struct opening openings[8];

static void opening(enum opening_in in, uint8_t protos, uint16_t first, uint16_t last, struct prefix *from, bool local)
{
	openings[here.rules.n_open++] = (struct opening){.in = in,
							 .protos = protos,
							 .ports = {first, last},
							 .from = from,
							 .n_from = from ? 1 : 0,
							 .local = local};
	here.rules.open = openings;
}

static void test_unprotected(void **state)
{
	(void)state;
	CHECK({"wan0", OUT, "203.0.113.5", PROTO_TCP, 22, "gateway"},
	      {"old0", OUT, "192.0.2.5", PROTO_TCP, 22, "gateway"},
	      {"lan0", "192.168.1.7", "192.168.1.1", PROTO_TCP, 22, "gateway"},
	      {"vpn0", "10.8.0.7", "10.8.0.1", PROTO_TCP, 22, "gateway"},
	      {"lo", "127.0.0.1", "127.0.0.1", PROTO_TCP, 22, "gateway"},
	      {"dmz0", "10.9.0.7", "10.9.0.1", PROTO_TCP, 22, "closed"},
	      {"dmz0", "10.9.0.7", "203.0.113.5", PROTO_TCP, 22, "closed"},
	      {"dmz0", "10.9.0.7", "10.9.0.1", PROTO_TCP, 53, "gateway"},
	      {"dmz0", "10.9.0.7", "10.9.0.1", PROTO_UDP, 53, "gateway"},
	      {"dmz0", "10.9.0.7", "10.9.0.1", PROTO_SCTP, 53, "closed"},
	      {"dmz0", "10.9.0.7", "10.9.0.1", PROTO_UDP, 67, "gateway"},
	      {"dmz0", "10.9.0.7", "10.9.0.1", PROTO_TCP, 67, "closed"},
	      {"dmz0", "10.9.0.7", "10.9.0.1", PROTO_UDP, 547, "gateway"},
	      {"dmz0", "10.9.0.7", "10.9.0.1", PROTO_UDP, 68, "closed"});
}

static void test_protected(void **state)
{
	(void)state;
	here.settings->protect = true;
	CHECK({"wan0", OUT, "203.0.113.5", PROTO_TCP, 22, "closed"},
	      {"wan1", OUT, "198.51.100.5", PROTO_TCP, 22, "closed"},
	      {"old0", OUT, "192.0.2.5", PROTO_TCP, 22, "closed"},
	      {"lan0", "192.168.1.7", "192.168.1.1", PROTO_TCP, 22, "gateway"},
	      {"lan0", "192.168.1.7", "203.0.113.5", PROTO_TCP, 22, "gateway"},
	      {"vpn0", "10.8.0.7", "10.8.0.1", PROTO_TCP, 22, "gateway"},
	      {"lo", "203.0.113.5", "203.0.113.5", PROTO_TCP, 22, "gateway"},
	      {"wan0", OUT, "203.0.113.5", PROTO_UDP, 68, "gateway"},
	      {"wan0", "fe80::1", "2001:db8::5", PROTO_UDP, 546, "gateway"},
	      {"wan0", OUT, "203.0.113.5", PROTO_UDP, 67, "closed"},
	      {"wan0", OUT, "203.0.113.5", PROTO_TCP, 68, "closed"},
	      {"wan0", OUT, "203.0.113.5", PROTO_UDP, 53, "closed"});
}

static void test_openings(void **state)
{
	struct prefix some = {ip("198.51.100.0"), 25}, some6 = {ip("2001:db8:9::"), 48};

	(void)state;
	here.settings->protect = true;
	opening(OPENING_WAN, PROTO_TCP | PROTO_UDP, 80, 90, NULL, false);
	opening(OPENING_WAN, PROTO_TCP, 22, 22, NULL, true);
	opening(OPENING_WAN, PROTO_TCP, 25, 25, &some, false);
	opening(OPENING_WAN, PROTO_TCP, 25, 25, &some6, false);
	opening(OPENING_WAN, PROTO_TCP, 26, 26, &some, true);
	opening(OPENING_DMZ, PROTO_TCP, 3128, 3128, NULL, false);
	CHECK({"wan0", OUT, "203.0.113.5", PROTO_TCP, 79, "closed"},
	      {"wan0", OUT, "203.0.113.5", PROTO_TCP, 80, "gateway"},
	      {"wan0", OUT, "203.0.113.5", PROTO_UDP, 90, "gateway"},
	      {"wan0", OUT, "203.0.113.5", PROTO_UDP, 91, "closed"},
	      {"wan0", OUT, "203.0.113.5", PROTO_SCTP, 80, "closed"},
	      /* local: what is on a wire with us, on any; OUT is, on wan1's */
	      {"wan0", "203.0.113.7", "203.0.113.5", PROTO_TCP, 22, "gateway"},
	      {"wan0", OUT, "203.0.113.5", PROTO_TCP, 22, "gateway"},
	      {"wan0", "203.0.114.7", "203.0.113.5", PROTO_TCP, 22, "closed"},
	      {"wan0", "fe80::7", "2001:db8::5", PROTO_TCP, 22, "gateway"},
	      {"wan0", "2001:db8::7", "2001:db8::5", PROTO_TCP, 22, "gateway"},
	      {"wan0", "2001:db8:9::7", "2001:db8::5", PROTO_TCP, 22, "closed"},
	      {"wan0", OUT, "203.0.113.5", PROTO_TCP, 25, "gateway"},
	      {"wan0", "198.51.100.128", "203.0.113.5", PROTO_TCP, 25, "closed"},
	      {"wan0", "2001:db8:9::7", "2001:db8::5", PROTO_TCP, 25, "gateway"},
	      {"wan0", "198.51.100.128", "203.0.113.5", PROTO_TCP, 26, "gateway"},
	      {"wan0", "198.51.101.1", "203.0.113.5", PROTO_TCP, 26, "closed"},
	      {"wan0", OUT, "203.0.113.5", PROTO_TCP, 3128, "closed"},
	      {"dmz0", "10.9.0.7", "10.9.0.1", PROTO_TCP, 3128, "gateway"},
	      {"dmz0", "10.9.0.7", "10.9.0.1", PROTO_TCP, 80, "closed"});
	forward("web", NULL, 80, 80, NULL); /* comes first, whatever is open */
	CHECK({"wan0", OUT, "203.0.113.5", PROTO_TCP, 80, "web"});
}

/* ---- Where it arrives ------------------------------------------------------------------------------- */

static void test_interface(void **state)
{
	static const struct {
		const char *from, *to, *expect;
	} rows[] = {
		{"203.0.113.9", "203.0.113.5", "wan0"},
		{"192.0.2.9", "203.0.113.5", "old0"},
		{"192.168.1.9", "203.0.113.5", "lan0"}, /* dials us by our name */
		{"8.8.8.8", "198.51.100.5", "wan1"},
		{"172.16.0.9", "192.168.1.1", "lan0"}, /* behind a router in the LAN */
		{"10.8.0.9", "10.8.0.1", "vpn0"},      /* point to point */
		{"10.9.0.200", "203.0.113.5", "vpn0"}, /* the smaller network */
		{"10.9.0.100", "203.0.113.5", "dmz0"},
		{"203.0.113.5", "198.51.100.5", "lo"}, /* ourselves */
		{"127.0.0.1", "127.0.0.1", ""},        /* no address of a wire */
		{"2001:db8::9", "2001:db8::5", "wan0"},
		{"2001:db8:9::9", "2001:db8::5", "wan0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ip from = ip(rows[i].from), to = ip(rows[i].to);

		assert_string_equal(arrival_interface(here.topology, &from, &to), rows[i].expect);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, arrive, leave)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_forwards),  TEST(test_from),     TEST(test_unprotected),
		TEST(test_protected), TEST(test_openings), TEST(test_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
