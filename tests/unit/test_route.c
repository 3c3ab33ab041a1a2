/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route.c: what the kernel says of a packet's way, in a network namespace of its own for each test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "own_netns.h"
#include "route.h"

static int new_place(void **state)
{
	if (netns_fresh(state) < 0)
		return -1;
	return netns_allowed ? netns_try("ip link set lo up && ip link add va type veth peer name vb && ip link set va up && "
					 "ip link set vb up && ip addr add 10.0.0.1/24 dev va && "
					 "ip addr add fd00::1/64 dev va nodad && ip route add default via 10.0.0.9 && "
					 "ip route add blackhole 10.1.0.0/16 && ip route add unreachable 10.1.2.0/24 && "
					 "ip route add prohibit 10.1.2.0/24 table 7 && ip -6 route add blackhole fd01::/16 && "
					 "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev va nud permanent && "
					 "ip neigh add 10.0.0.3 lladdr 02:00:00:00:00:03 dev va nud stale && "
					 "ip neigh add 10.0.0.4 lladdr 02:00:00:00:00:04 dev va nud reachable && "
					 "ip neigh add 10.0.0.5 dev va nud failed")
			     : 0;
}

/* "a", "va via 10.0.0.9", "none", "blackhole 10.1.0.0/16 in 254" */
static void assert_way(const char *to, const char *expected)
{
	char name[IFNAMSIZ] = "?", text[ADDR_TEXT_MAX], prefix[PREFIX_TEXT_MAX], got[128];
	struct route route;
	struct ip ip;

	assert_true(ip_parse(to, &ip));
	assert_return_code(route_get(&(struct route_packet){.to = ip}, &route), errno);
	if (!route.error && if_indextoname(route.ifindex, name))
		snprintf(got, sizeof(got), "%s%s%s", name, route.via.family ? " via " : "",
			 route.via.family ? ip_text(&route.via, text) : "");
	else if (route.refusal)
		snprintf(got, sizeof(got), "%s %s in %u", route.refusal, prefix_text(&route.to, prefix), route.table);
	else
		snprintf(got, sizeof(got), "%s", route.error == -ENETUNREACH ? "none" : strerror(-route.error));
	assert_string_equal(got, expected);
}

static void test_routes(void **state)
{
	(void)state;
	NEED_NETNS();
	assert_way("10.0.0.2", "va");
	assert_way("192.0.2.1", "va via 10.0.0.9");
	assert_way("10.1.0.1", "blackhole 10.1.0.0/16 in 254");
	assert_way("10.1.2.3", "unreachable 10.1.2.0/24 in 254"); /* and not what is as long, but says otherwise */
	assert_way("fd00::2", "va");
	assert_way("fd01::1", "blackhole fd01::/16 in 254");
	netns_run("ip route del default");
	assert_way("192.0.2.1", "none");
}

static void assert_neighbour(const char *text, enum neighbour_state state, const char *address)
{
	struct neighbour n;
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	assert_return_code(neighbour_get(&ip, if_nametoindex("va"), &n), errno);
	if (n.state != state)
		fail_msg("%s: %d, not %d", text, n.state, state);
	assert_string_equal(n.address, address);
}

static void test_neighbours(void **state)
{
	(void)state;
	NEED_NETNS();
	assert_neighbour("10.0.0.2", NEIGHBOUR_PERMANENT, "02:00:00:00:00:02");
	assert_neighbour("10.0.0.3", NEIGHBOUR_OLD, "02:00:00:00:00:03");
	assert_neighbour("10.0.0.4", NEIGHBOUR_THERE, "02:00:00:00:00:04");
	assert_neighbour("10.0.0.5", NEIGHBOUR_FAILED, "");
	assert_neighbour("10.0.0.6", NEIGHBOUR_UNKNOWN, "");
}

/* What arrives on va: "vb", "-EXDEV", "prohibit by rule 100". */
static void assert_arrival(const char *from, const char *to, const char *expected)
{
	const struct link in = {.index = if_nametoindex("va"), .name = "va"};
	struct route_packet p = {.in = &in, .proto = IPPROTO_TCP, .to_port = 80};
	char name[IFNAMSIZ] = "?", prefix[PREFIX_TEXT_MAX], got[128];
	struct route r;

	assert_true(ip_parse(from, &p.from));
	assert_true(ip_parse(to, &p.to));
	assert_return_code(route_get(&p, &r), errno);
	if (!r.error && if_indextoname(r.ifindex, name))
		snprintf(got, sizeof(got), "%s", name);
	else if (r.refusal && r.to.ip.family)
		snprintf(got, sizeof(got), "%s %s", r.refusal, prefix_text(&r.to, prefix));
	else if (r.refusal)
		snprintf(got, sizeof(got), "%s by rule %u", r.refusal, r.priority);
	else
		snprintf(got, sizeof(got), "%s", strerror(-r.error));
	assert_string_equal(got, expected);
}

static void test_arrivals(void **state)
{
	(void)state;
	NEED_NETNS();
	netns_run("ip link add vc type veth peer name vd && ip link set vc up && ip link set vd up && "
		  "ip addr add 10.2.0.1/24 dev vc && ip addr add fd02::1/64 dev vc nodad");
	netns_run("echo 0 >/proc/sys/net/ipv4/ip_forward");
	assert_arrival("10.0.0.2", "10.2.0.2", strerror(EHOSTDOWN));
	netns_run("echo 1 >/proc/sys/net/ipv4/ip_forward");
	netns_run("for i in all va; do echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter; done");
	assert_arrival("10.0.0.2", "10.2.0.2", "vc");
	assert_arrival("10.2.0.9", "10.2.0.2", "vc");
	netns_run("echo 1 >/proc/sys/net/ipv4/conf/va/rp_filter");
	assert_arrival("10.2.0.9", "10.2.0.2", strerror(EXDEV));
	assert_arrival("10.0.0.2", "10.1.0.1", "blackhole 10.1.0.0/16");
	netns_run("echo 0 >/proc/sys/net/ipv4/conf/va/rp_filter");
	netns_run("ip rule add iif va dport 81 priority 90 blackhole && ip rule add iif vc priority 91 blackhole && "
		  "ip rule add fwmark 1 priority 92 blackhole && ip rule add from 10.0.0.3 priority 93 blackhole && "
		  "ip rule add not from 10.0.0.0/24 priority 94 blackhole && "
		  "ip rule add tos 0x10 priority 87 blackhole && ip rule add uidrange 7-7 priority 88 blackhole");
	assert_arrival("10.0.0.2", "10.2.0.2", "vc");
	assert_arrival("10.0.0.3", "10.2.0.2", "blackhole by rule 93");
	assert_arrival("198.51.100.1", "10.2.0.2", "blackhole by rule 94");
	netns_run("ip rule add iif va ipproto tcp dport 80 priority 89 prohibit");
	assert_arrival("10.0.0.2", "10.2.0.2", "prohibit by rule 89");
	netns_run("ip rule del priority 89 && ip rule add to 10.2.0.0/30 priority 89 unreachable");
	assert_arrival("10.0.0.2", "10.2.0.2", "unreachable by rule 89");
	assert_arrival("fd00::2", "fd02::2", "vc");
	netns_run("ip -6 rule add iif va priority 89 prohibit");
	assert_arrival("fd00::2", "fd02::2", "prohibit by rule 89");
}

static void test_marks(void **state)
{
	_cleanup_(freep) struct route_mark *marks = NULL;
	size_t n;

	(void)state;
	NEED_NETNS();
	netns_run("ip rule add fwmark 0x7/0xff priority 91 lookup 7 && ip rule add fwmark 0 priority 90 lookup 7 && "
		  "ip -6 rule add not fwmark 8 priority 92 lookup 7 && ip route add 192.0.2.9 dev va table 7");
	marks = route_marks(&n);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		bool v4 = marks[i].family == AF_INET;

		assert_int_equal(marks[i].mark, v4 ? 7 : 8);
		assert_int_equal(marks[i].priority, v4 ? 91 : 92);
		assert_int_equal(marks[i].inverted, !v4);
	}
	netns_run("ip rule del priority 90");
	assert_way("192.0.2.9", "va via 10.0.0.9");
	struct route_packet p = {.mark = marks[0].family == AF_INET ? marks[0].mark : marks[1].mark};
	struct route r;
	ip_parse("192.0.2.9", &p.to);
	assert_return_code(route_get(&p, &r), errno);
	assert_int_equal(r.via.family, 0);
}

static void assert_asked(const char *text, enum neighbour_state state)
{
	const uint32_t va = if_nametoindex("va");
	struct neighbour n;
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	assert_return_code(neighbour_get(&ip, va, &n), errno);
	neighbour_ask(&ip, va, &n);
	assert_return_code(neighbour_get(&ip, va, &n), errno);
	assert_int_equal(n.state, state);
}

/* Nobody is at the other end. */
static void test_neighbours_asked(void **state)
{
	(void)state;
	NEED_NETNS();
	assert_asked("10.0.0.3", NEIGHBOUR_ASKED);
	assert_asked("10.0.0.5", NEIGHBOUR_ASKED);
	assert_asked("10.0.0.6", NEIGHBOUR_ASKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_routes, new_place),
		cmocka_unit_test_setup(test_neighbours, new_place),
		cmocka_unit_test_setup(test_arrivals, new_place),
		cmocka_unit_test_setup(test_marks, new_place),
		cmocka_unit_test_setup(test_neighbours_asked, new_place),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
