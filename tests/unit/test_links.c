/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real veths, addresses and routes, made by `ip` in a network namespace for each test; facts are compared as text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "links.h"
#include "own_netns.h"
#include "util.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

#define PATIENCE_MS 5000 /* for what the kernel does in its own time */

static void links_closep(struct links **l)
{
	links_close(*l);
}

static const char *name_of(const struct facts *f, uint32_t index)
{
	for (size_t i = 0; i < f->n_links; i++)
		if (f->links[i].index == index)
			return f->links[i].name;
	return "?";
}

static char *addresses_text(const struct facts *f)
{
	char ip[ADDR_TEXT_MAX];
	struct buf out = {0};

	for (size_t i = 0; i < f->n_addresses; i++)
		buf_printf(&out, "%s%s %s/%u", i ? ", " : "", name_of(f, f->addresses[i].index),
			   ip_text(&f->addresses[i].ip, ip), f->addresses[i].prefix_len);
	return buf_take(&out);
}

static char *routes_text(const struct facts *f)
{
	struct buf out = {0};

	for (size_t i = 0; i < f->n_routes; i++)
		buf_printf(&out, "%s%s %s %u", i ? ", " : "", f->routes[i].family == AF_INET ? "4" : "6",
			   name_of(f, f->routes[i].index), f->routes[i].metric);
	return buf_take(&out);
}

static const struct link *find(const struct links *l, const char *name)
{
	const struct facts *f = links_facts(l);

	for (size_t i = 0; i < f->n_links; i++)
		if (streq(f->links[i].name, name))
			return &f->links[i];
	return NULL;
}

static struct links *open_links(void)
{
	struct links *l = NULL;
	struct diag diag = {0};

	assert_int_equal(links_open(&l, &diag), 0);
	assert_false(diag_failed(&diag));
	return l;
}

static int read_links(struct links *l)
{
	struct diag diag = {0};
	int r = links_read(l, &diag);

	if (r < 0)
		fail_msg("links_read: %s", diag.mistakes[0].message);
	assert_false(diag_failed(&diag));
	return r;
}

static bool readable(const struct links *l, int timeout_ms)
{
	struct pollfd p = {.fd = links_fd(l), .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

/* The kernel's worker announces an IPv6 address some time after the command that adds it has ended, even with nodad. */
static char *await_addresses(struct links *l, const char *expected)
{
	for (;;) {
		char *text = addresses_text(links_facts(l));

		if (streq(text, expected) || !readable(l, PATIENCE_MS))
			return text;
		free(text);
		read_links(l);
	}
}

#define EXPECT_ROUTES(l, expected)                                                                                     \
	do {                                                                                                           \
		_cleanup_(freep) char *text_ = routes_text(links_facts(l));                                            \
		assert_string_equal(text_, expected);                                                                  \
	} while (0)
#define EXPECT_ADDRESSES(l, expected)                                                                                  \
	do {                                                                                                           \
		_cleanup_(freep) char *text_ = await_addresses(l, expected);                                           \
		assert_string_equal(text_, expected);                                                                  \
	} while (0)
/* What the events of a command make of the routes. */
#define ROUTES_AFTER(l, command, expected)                                                                             \
	do {                                                                                                           \
		netns_run(command);                                                                                    \
		read_links(l);                                                                                         \
		EXPECT_ROUTES(l, expected);                                                                            \
	} while (0)
#define ADDRESSES_AFTER(l, command, expected)                                                                          \
	do {                                                                                                           \
		netns_run(command);                                                                                    \
		EXPECT_ADDRESSES(l, expected);                                                                         \
	} while (0)

static bool awaits_carrier(const struct links *l)
{
	const struct facts *f = links_facts(l);

	for (size_t i = 0; i < f->n_links; i++)
		if (f->links[i].up && !f->links[i].carrier)
			return true;
	return false;
}

/* Takes what the kernel still has to say of the links just made: carriers come in its own time. */
static void settle(struct links *l)
{
	while (readable(l, awaits_carrier(l) ? PATIENCE_MS : 100))
		read_links(l);
}

/* Does what is queued make links_read ask the kernel? Without a free descriptor it cannot, and says so. */
static bool asks(struct links *l)
{
	struct rlimit before, none = {0};
	struct diag diag = {0};
	int r;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = links_read(l, &diag);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(r, diag_failed(&diag) ? -EMFILE : 0);
	diag_free(&diag);
	return r != 0;
}

/* Two cables, a0-a1 and b0-b1, whose near ends have addresses of both families. */
static void two_cables(void)
{
	netns_run("echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad;"
		  "ip link add a0 type veth peer name a1 && ip link add b0 type veth peer name b1 &&"
		  "for i in a0 a1 b0 b1; do ip link set $i up || exit 1; done;"
		  "ip addr add 10.1.0.1/24 dev a0 && ip addr add 10.2.0.1/24 dev b0 &&"
		  "ip addr add fd01::1/64 dev a0 nodad && ip addr add fd02::1/64 dev b0 nodad");
}

static void test_at_start(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	two_cables();
	netns_run("ip link set lo up && ip addr add 203.0.113.5/32 dev lo && ip addr add fd05::1/128 dev lo &&"
		  "ip route add default via 10.1.0.2 && ip -6 route add default via fd02::2 metric 7");
	l = open_links();
	EXPECT_ADDRESSES(l, "a0 10.1.0.1/24, a0 fd01::1/64, b0 10.2.0.1/24, b0 fd02::1/64");
	EXPECT_ROUTES(l, "4 a0 0, 6 b0 7");
	assert_true(find(l, "lo")->loopback);
	assert_false(find(l, "a0")->loopback);
	assert_int_equal(links_facts(l)->n_links, 5);
	for (size_t i = 1; i < links_facts(l)->n_links; i++)
		assert_true(links_facts(l)->links[i - 1].index < links_facts(l)->links[i].index);
}

static void test_links_come_and_go(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;
	uint32_t index;

	(void)state;
	NEED_NETNS();
	l = open_links();
	assert_int_equal(read_links(l), 0);
	netns_run("ip link add a0 type veth peer name a1");
	assert_int_equal(read_links(l), 1);
	assert_int_equal(read_links(l), 0);
	assert_non_null(find(l, "a0"));
	assert_false(find(l, "a0")->up);
	assert_true(find(l, "a0")->l3);
	index = find(l, "a0")->index;
	netns_run("ip link set a0 up");
	assert_int_equal(read_links(l), 1);
	assert_true(find(l, "a0")->up);
	assert_false(find(l, "a0")->carrier);
	netns_run("ip link set a1 up");
	while (!find(l, "a0")->carrier && readable(l, PATIENCE_MS))
		read_links(l);
	assert_true(find(l, "a0")->carrier);
	netns_run("ip link set a0 down && ip link set a0 name wan0.with-dots");
	assert_int_equal(read_links(l), 1);
	assert_null(find(l, "a0"));
	assert_int_equal(find(l, "wan0.with-dots")->index, index);
	netns_run("ip link del a1");
	assert_int_equal(read_links(l), 1);
	assert_null(find(l, "wan0.with-dots"));
	assert_int_equal(links_facts(l)->n_links, 1);
}

static void test_ports(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	two_cables();
	l = open_links();
	netns_run("ip link add br0 type bridge && ip link set a0 master br0");
	assert_int_equal(read_links(l), 1);
	assert_true(find(l, "br0")->l3 && find(l, "br0")->bridge);
	assert_false(find(l, "a0")->l3 || find(l, "a0")->bridge);
	assert_true(find(l, "b0")->l3);
	netns_run("ip link set a0 nomaster");
	assert_int_equal(read_links(l), 1);
	assert_true(find(l, "a0")->l3);
	settle(l);
	assert_int_equal(find(l, "a0")->mtu, 1500);
	netns_run("ip link set a0 mtu 1400");
	assert_int_equal(read_links(l), 1);
	assert_int_equal(find(l, "a0")->mtu, 1400);
	netns_run("ip link set a0 txqueuelen 77");
	assert_true(readable(l, 0));
	assert_int_equal(read_links(l), 0); /* nothing that we look at */
}

static void test_vrf(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	two_cables();
	if (netns_try("ip link add red type vrf table 10 2>/dev/null") != 0) {
		print_message("# test_vrf: this kernel has no vrf\n");
		skip();
	}
	l = open_links();
	netns_run("ip link set a0 master red");
	assert_int_equal(read_links(l), 1);
	assert_true(find(l, "a0")->l3);
}

static void test_addresses(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	netns_run("ip link add a0 type veth peer name a1 && ip link set a0 up && ip link set a1 up");
	l = open_links();
	settle(l);
	EXPECT_ADDRESSES(l, "");
	ADDRESSES_AFTER(l, "ip addr add 10.1.0.9/24 dev a0", "a0 10.1.0.9/24");
	ADDRESSES_AFTER(l, "ip addr add 10.1.0.1/24 dev a0", "a0 10.1.0.1/24, a0 10.1.0.9/24"); /* sorted */
	assert_int_equal(read_links(l), 0);
	ADDRESSES_AFTER(l, "ip addr add fd01::1/64 dev a0 nodad", "a0 10.1.0.1/24, a0 10.1.0.9/24, a0 fd01::1/64");
	ADDRESSES_AFTER(l, "ip addr del 10.1.0.1/24 dev a0; ip addr del 10.1.0.9/24 dev a0", "a0 fd01::1/64");
	ADDRESSES_AFTER(l, "ip addr change fd01::1/64 dev a0 preferred_lft 0 valid_lft 1000", "a0 fd01::1/64");
	ADDRESSES_AFTER(l, "ip addr del fd01::1/64 dev a0", "");
	ADDRESSES_AFTER(l,
			"ip addr add 10.1.0.1 peer 10.9.0.1/24 dev a0 && ip addr add fd01::1 peer fd09::1/64 dev a0 nodad",
			"a0 10.1.0.1/32, a0 fd01::1/128"); /* the network is the peer's */
}

/* Without carrier duplicate address detection does not even begin. */
static void test_tentative(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	netns_run("ip link add a0 type veth peer name a1 && ip link set a0 up &&"
		  "echo 100 >/proc/sys/net/ipv6/neigh/a0/retrans_time_ms && ip addr add fd01::1/64 dev a0");
	l = open_links();
	EXPECT_ADDRESSES(l, "");
	netns_run("ip link set a1 up");
	EXPECT_ADDRESSES(l, "a0 fd01::1/64");
}

static void test_default_route(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL, *again = NULL;

	(void)state;
	NEED_NETNS();
	two_cables();
	l = open_links();
	settle(l);
	EXPECT_ROUTES(l, "");
	ROUTES_AFTER(l, "ip route add default via 10.1.0.2", "4 a0 0");
	assert_false(asks(l));
	ROUTES_AFTER(l, "ip route replace default via 10.2.0.2", "4 b0 0");
	ROUTES_AFTER(l, "ip route add default via 10.1.0.2 metric 50", "4 a0 50, 4 b0 0");
	ROUTES_AFTER(l, "ip route add default via 10.1.0.3 metric 60", "4 a0 50, 4 a0 60, 4 b0 0");
	ROUTES_AFTER(l, "ip route del default via 10.2.0.2", "4 a0 50, 4 a0 60");
	ROUTES_AFTER(l, "ip route del default; ip route del default", "");
	ROUTES_AFTER(l, "ip route add unreachable default", "");
	ROUTES_AFTER(l, "ip route add local default dev a0 table main metric 5", "");
	settle(l);
	netns_run("ip route add default via 10.1.0.2 table 77 && ip -6 route add default via fd01::2 table 77");
	assert_false(asks(l));
	again = open_links();
	EXPECT_ROUTES(again, "");
	ROUTES_AFTER(l, "ip route add default tos 0x10 via 10.1.0.2", "4 a0 0");
	ROUTES_AFTER(l, "ip route add default via 10.1.0.2 metric 9 && ip link set a0 name wan", "4 wan 0, 4 wan 9");
}

/* The dump is left after the default routes: they must be found wherever other routes are, and however many. */
static void test_default_among_many(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	two_cables();
	netns_run("{ for i in 0.0.0.0/1 128.0.0.0/1 0.0.0.0/8 0.0.0.0/32 0.0.0.1/32 1.0.0.0/8; do"
		  " echo route add $i via 10.1.0.2; done;"
		  " for i in $(seq 3000); do echo route add 20.$((i / 256)).$((i % 256)).0/24 via 10.1.0.2;"
		  " echo route add default via 10.2.0.2 metric $i; done; } | ip -batch -");
	netns_run("ip route add default via 10.1.0.2 metric 1 tos 0x10");
	l = open_links();
	assert_int_equal(links_facts(l)->n_routes, 3001);
	netns_run("ip route flush exact 0.0.0.0/0; ip route add default via 10.1.0.2 metric 5");
	read_links(l);
	EXPECT_ROUTES(l, "4 a0 5");
}

static void test_vanish_silently(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	two_cables();
	l = open_links();
	ROUTES_AFTER(l, "ip route add default via 10.1.0.2", "4 a0 0");
	ROUTES_AFTER(l, "ip link set a0 down", "");
	ROUTES_AFTER(l, "ip link set a0 up", "");
	ROUTES_AFTER(l, "ip addr add 10.2.0.7/24 dev b0 && ip route add default via 10.2.0.2 src 10.2.0.7", "4 b0 0");
	ROUTES_AFTER(l, "ip addr del 10.2.0.7/24 dev b0", "");
	ROUTES_AFTER(l, "ip route add default via 10.2.0.2; ip -6 route add default via fd02::2", "4 b0 0, 6 b0 1024");
	ROUTES_AFTER(l, "ip link del b0", "");
}

static void test_multipath(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	two_cables();
	l = open_links();
	ROUTES_AFTER(l, "ip route add default metric 3 nexthop via 10.1.0.2 nexthop via 10.2.0.2 nexthop via 10.2.0.3",
		     "4 a0 3, 4 b0 3");
	ROUTES_AFTER(l, "ip -6 route add default metric 4 nexthop via fd01::2 nexthop via fd02::2",
		     "4 a0 3, 4 b0 3, 6 a0 4, 6 b0 4");
	ROUTES_AFTER(l, "ip -6 route del default via fd01::2", "4 a0 3, 4 b0 3, 6 b0 4");
	ROUTES_AFTER(l, "ip -6 route append default metric 4 via fd01::2", "4 a0 3, 4 b0 3, 6 a0 4, 6 b0 4");
	ROUTES_AFTER(l, "ip link set a0 down", "4 a0 3, 4 b0 3, 6 a0 4, 6 b0 4"); /* the kernel keeps dead hops */
	ROUTES_AFTER(l, "ip link del a0", "6 b0 4");                              /* and drops all of IPv4's with one */
}

static void test_ipv6(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	two_cables();
	l = open_links();
	ROUTES_AFTER(l, "ip -6 route add default via fe80::2 dev a0 proto ra metric 1024 expires 600", "6 a0 1024");
	ROUTES_AFTER(l, "ip -6 route replace default via fd02::2 metric 1024", "6 b0 1024");
	ROUTES_AFTER(l, "ip -6 route add default via fd01::2 from fd01::/64 metric 9", "6 a0 9, 6 b0 1024");
	ROUTES_AFTER(l, "ip route add default via 10.1.0.2; ip addr add 10.1.0.77/24 dev a0",
		     "4 a0 0, 6 a0 9, 6 b0 1024"); /* kept, not read */
	ROUTES_AFTER(l, "ip link set a0 down", "6 b0 1024");
	ROUTES_AFTER(l, "ip -6 route del default via fd02::2", "");
	ROUTES_AFTER(l, "ip -6 route add unreachable default metric 5", "");
	ROUTES_AFTER(l, "ip -6 route add default via fd02::2", "6 b0 1024");
	/* Then the kernel says nothing of the routes that go with a link. (Not to be had in a user namespace.) */
	ROUTES_AFTER(l,
		     "{ echo 1 >/proc/sys/net/ipv6/route/skip_notify_on_dev_down; } 2>/dev/null;"
		     "ip link set b0 down; ip link set b0 up",
		     "");
}

static void test_nexthops(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	two_cables();
	if (netns_try("ip nexthop add id 1 via 10.1.0.2 dev a0 2>/dev/null") != 0) {
		print_message("# test_nexthops: this kernel or ip has no nexthop objects\n");
		skip();
	}
	l = open_links();
	settle(l);
	netns_run("ip nexthop add id 3 via 10.1.0.3 dev a0 && ip nexthop del id 3");
	assert_false(asks(l)); /* no default route has to do with nexthops */
	ROUTES_AFTER(l, "ip route add default nhid 1", "4 a0 0");
	ROUTES_AFTER(l, "ip nexthop replace id 1 via 10.2.0.2 dev b0", "4 b0 0");
	ROUTES_AFTER(l, "ip nexthop del id 1", "");
	/* Now routes say nothing but the number of their nexthop. */
	netns_run("ip link set lo up && echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode && ip nexthop add id 1 via "
		  "10.1.0.2 dev a0 &&"
		  "ip nexthop add id 2 via 10.2.0.2 dev b0 && ip nexthop add id 9 group 1/2 &&"
		  "ip nexthop add id 6 via fd01::2 dev a0 && ip nexthop add id 7 blackhole &&"
		  "ip nexthop add id 8 via fd01::3 dev a0");
	ROUTES_AFTER(l, "ip route add default nhid 1", "4 a0 0");
	ROUTES_AFTER(l, "ip nexthop replace id 1 via 10.2.0.3 dev b0", "4 b0 0");
	ROUTES_AFTER(l, "ip route replace default metric 8 nhid 9; ip -6 route add default nhid 6",
		     "4 b0 0, 4 b0 8, 6 a0 1024");
	ROUTES_AFTER(l, "ip nexthop replace id 2 via 10.1.0.2 dev a0", "4 a0 8, 4 b0 0, 4 b0 8, 6 a0 1024");
	ROUTES_AFTER(l, "ip nexthop del id 6", "4 a0 8, 4 b0 0, 4 b0 8");
	ROUTES_AFTER(l, "ip nexthop del id 2; ip nexthop del id 1", "");
	ROUTES_AFTER(l, "ip route add default nhid 7; ip -6 route add default nhid 8", "6 a0 1024");
	ROUTES_AFTER(l, "ip route del default; ip addr add 10.3.0.1/24 dev a0",
		     "6 a0 1024"); /* kept, its nexthop too */
	ROUTES_AFTER(l, "ip nexthop replace id 8 via fd02::2 dev b0", "6 b0 1024");
}

/* In the queue, which is empty then. */
static int route_events(const struct links *l)
{
	_Alignas(struct nlmsghdr) char buf[8192];
	const struct nlmsghdr *nlh = (const void *)buf;
	int n = 0;

	while (recv(links_fd(l), buf, sizeof(buf), MSG_DONTWAIT) > 0)
		n += nlh->nlmsg_type == RTM_NEWROUTE || nlh->nlmsg_type == RTM_DELROUTE;
	return n;
}

/* A router whose table flaps must not even wake us. */
static void test_other_routes_cost_nothing(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;

	(void)state;
	NEED_NETNS();
	two_cables();
	l = open_links();
	settle(l);
	netns_run("ip route add 20.0.0.0/8 via 10.1.0.2; ip route add 0.0.0.0/1 via 10.1.0.2; ip route del 20.0.0.0/8;"
		  "ip -6 route add 2001:db8::/32 via fd01::2; ip -6 route del 2001:db8::/32");
	assert_int_equal(route_events(l), 0);
	netns_run("ip route add default via 10.1.0.2");
	assert_true(readable(l, 0));
	assert_int_equal(read_links(l), 1);
}

static uint32_t drops(const struct links *l)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(links_fd(l), SOL_SOCKET, SO_MEMINFO, info, &len), 0);
	return info[SK_MEMINFO_DROPS];
}

/* The IPv6 route's event is among those lost, and nothing but its event would call for a read of IPv6 routes. */
static void test_lost_events(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;
	int small = 1;

	(void)state;
	NEED_NETNS();
	two_cables();
	l = open_links();
	settle(l);
	assert_int_equal(setsockopt(links_fd(l), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	netns_run("for i in $(seq 100); do echo addr add 10.3.0.$i/24 dev b0; done | ip -batch -");
	assert_int_not_equal(drops(l), 0);
	netns_run("ip -6 route add default via fd02::2");
	assert_int_equal(read_links(l), 1);
	EXPECT_ROUTES(l, "6 b0 1024");
	assert_int_equal(links_facts(l)->n_addresses, 104);
	ROUTES_AFTER(l, "ip -6 route del default", ""); /* events are heard again */
	assert_int_equal(read_links(l), 0);
}

/* What could not be read is not forgotten. */
/* Only what is written for all interfaces is an event, and it concerns no fact. */
static void test_forwarding(void **state)
{
	static const struct {
		const char *echo;
		bool told;
	} cases[] = {{"1 >ipv4/ip_forward", true},          {"0 >ipv4/conf/a0/forwarding", false},
		     {"0 >ipv4/conf/default/forwarding", false}, {"0 >ipv4/ip_forward", true},
		     {"1 >ipv6/conf/all/forwarding", true}, {"0 >ipv6/conf/a0/forwarding", false},
		     {"0 >ipv6/conf/all/forwarding", true}, {"0 >ipv4/conf/all/send_redirects", false}};
	struct links *l;

	(void)state;
	NEED_NETNS();
	netns_run("ip link add a0 type veth peer name b0");
	l = open_links();
	assert_false(links_forwarding_changed(l));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *command = xasprintf("cd /proc/sys/net && echo %s", cases[i].echo);

		netns_run(command);
		read_links(l);
		if (links_forwarding_changed(l) != cases[i].told)
			fail_msg("%s", cases[i].echo);
		assert_false(links_forwarding_changed(l));
	}
	links_close(l);
}

static void test_failed_read(void **state)
{
	_cleanup_(links_closep) struct links *l = NULL;
	struct rlimit before, none = {0};
	struct links *second = NULL;
	struct diag diag = {0};

	(void)state;
	NEED_NETNS();
	two_cables();
	l = open_links();
	netns_run("ip -6 route add default via fd02::2");
	assert_true(asks(l));
	EXPECT_ROUTES(l, "");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(links_read(l, &diag), -EMFILE);
	assert_int_equal(links_open(&second, &diag), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_null(second);
	assert_int_equal(diag.n, 2);
	assert_int_equal(diag.kind, DIAG_KERNEL);
	assert_non_null(strstr(diag.mistakes[0].message, "cannot read links, addresses and routes"));
	assert_non_null(strstr(diag.mistakes[1].message, strerror(EMFILE)));
	diag_free(&diag);
	assert_int_equal(read_links(l), 1);
	EXPECT_ROUTES(l, "6 b0 1024");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_at_start, netns_fresh),
		cmocka_unit_test_setup(test_links_come_and_go, netns_fresh),
		cmocka_unit_test_setup(test_ports, netns_fresh),
		cmocka_unit_test_setup(test_vrf, netns_fresh),
		cmocka_unit_test_setup(test_addresses, netns_fresh),
		cmocka_unit_test_setup(test_tentative, netns_fresh),
		cmocka_unit_test_setup(test_default_route, netns_fresh),
		cmocka_unit_test_setup(test_default_among_many, netns_fresh),
		cmocka_unit_test_setup(test_vanish_silently, netns_fresh),
		cmocka_unit_test_setup(test_multipath, netns_fresh),
		cmocka_unit_test_setup(test_ipv6, netns_fresh),
		cmocka_unit_test_setup(test_nexthops, netns_fresh),
		cmocka_unit_test_setup(test_other_routes_cost_nothing, netns_fresh),
		cmocka_unit_test_setup(test_lost_events, netns_fresh),
		cmocka_unit_test_setup(test_forwarding, netns_fresh),
		cmocka_unit_test_setup(test_failed_read, netns_fresh),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
