/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which connections a change ends: those that the rules would now send elsewhere, of ports that it touched, and no
 * others. Connections here are made up; tests/netns/test_flows.sh does it with real ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "compile.h"
#include "fake_kernel.h"
#include "gwd_place.h"

#define DNS "{'name':'dns','proto':'udp','ports':['53'],'to':[{'addr':'10.0.0.2'}]}"
#define OTHER "{'name':'other','proto':'tcp','ports':['80'],'to':[{'addr':'10.0.0.2'}]}"

enum whose { OURS, THEIRS };

/* Ids count from 1 in each test. */
static void flow(enum whose whose, uint8_t proto, const char *to, uint16_t port, const char *server,
		 uint16_t server_port)
{
	static uint32_t id;
	struct flow f = {.proto = proto, .from_port = 1000, .to_port = port, .server_port = server_port};

	id = fake_conntrack_count() || fake_conntrack_lists(NULL) ? id + 1 : 1;
	f.id = id;
	assert_true(ip_parse(to, &f.to));
	assert_true(ip_parse(server, &f.server));
	assert_true(ip_parse(f.to.family == AF_INET ? "198.51.100.9" : "2001:db8:9::9", &f.from));
	if (whose == OURS)
		compile_label(f.labels);
	fake_conntrack_put(&f);
}

/* "udp 203.0.113.5:53 10.0.0.2:53" of each that is left, in the order in which they were put there. */
static void assert_left(const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];

	buf_printf(&out, "%s", "");
	for (size_t i = 0; i < fake_conntrack_count(); i++) {
		const struct flow *f = fake_conntrack_flow(i);

		buf_printf(&out, "%s%s %s %u %s %u", i ? "\n" : "", f->proto == IPPROTO_UDP ? "udp" : "tcp",
			   ip_text(&f->to, a), f->to_port, ip_text(&f->server, b), f->server_port);
	}
	assert_string_equal(out.data, expected);
}

static size_t lists_of(int r)
{
	static size_t before;
	size_t now = fake_conntrack_lists(NULL), n = now - before;

	(void)r;
	fail_if_refused();
	before = now;
	return n;
}

/* ---- What is cut ---------------------------------------------------------------------------------- */

static void test_add(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	flow(THEIRS, IPPROTO_UDP, "203.0.113.5", 53, "203.0.113.5", 53); /* to the gateway itself: must move */
	flow(THEIRS, IPPROTO_UDP, "203.0.113.5", 53, "172.17.0.2", 53);  /* translated by others: we come first */
	flow(THEIRS, IPPROTO_UDP, "203.0.113.5", 54, "203.0.113.5", 54); /* another port */
	flow(THEIRS, IPPROTO_UDP, "192.168.1.1", 53, "192.168.1.1", 53); /* the gateway's inside: no forward there */
	flow(THEIRS, IPPROTO_UDP, "8.8.8.8", 53, "8.8.8.8", 53);         /* passes through */
	flow(THEIRS, IPPROTO_TCP, "203.0.113.5", 53, "203.0.113.5", 53); /* another protocol */
	flow(THEIRS, IPPROTO_UDP, "2001:db8::5", 53, "2001:db8::5", 53); /* another family */
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 53, "10.0.0.2", 53);      /* is where it belongs */
	DONE(try_add(DNS));
	assert_said("added dns: udp 53 -> 10.0.0.2:53\ncut 2 connections");
	assert_left("udp 203.0.113.5 54 203.0.113.5 54\nudp 192.168.1.1 53 192.168.1.1 53\nudp 8.8.8.8 53 8.8.8.8 53\n"
		    "tcp 203.0.113.5 53 203.0.113.5 53\nudp 2001:db8::5 53 2001:db8::5 53\n"
		    "udp 203.0.113.5 53 10.0.0.2 53");
}

static void test_change_and_remove(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add(DNS));
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 53, "10.0.0.2", 53);
	DONE(try_set("dns", "{'description':'names'}"));
	assert_said("changed dns: description names");
	assert_int_equal(fake_conntrack_count(), 1);
	DONE(try_set("dns", "{'to':[{'addr':'10.0.0.3'}]}"));
	assert_said("changed dns: udp 53 -> 10.0.0.3:53, was udp 53 -> 10.0.0.2:53\ncut 1 connection");
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 53, "10.0.0.3", 53);
	DONE(try_set("dns", "{'to':[{'addr':'10.0.0.3','port':'5353'}]}"));
	assert_left("");
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 53, "10.0.0.3", 5353);
	assert_int_equal(fake_conntrack_blocked(), 0); /* the next packet must be free to go to the new target */
	DONE(try_enable("dns", false));
	assert_said("dns is off\ncut 1 connection");
	assert_int_equal(fake_conntrack_blocked(), 1);
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 53, "10.0.0.3", 5353);
	flow(THEIRS, IPPROTO_UDP, "203.0.113.5", 53, "203.0.113.5", 53);
	DONE(try_enable("dns", true));
	assert_left("udp 203.0.113.5 53 10.0.0.3 5353");
	flow(THEIRS, IPPROTO_UDP, "203.0.113.5", 53, "172.17.0.2", 53);
	DONE(try_remove("dns"));
	assert_said("removed dns: udp 53 -> 10.0.0.3:5353\ncut 1 connection");
	assert_left("udp 203.0.113.5 53 172.17.0.2 53");
	DONE(try_undo());
	assert_left("");
	assert_string_equal(place.outcome.messages[place.outcome.n_messages - 1], "cut 1 connection");
}

/* Who may no more use a forward (flows come from 198.51.100.9) sends nothing through it any more. */
static void test_from(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add(DNS));
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 53, "10.0.0.2", 53);
	DONE(try_set("dns", "{'from':['198.51.100.0/24']}"));
	assert_int_equal(fake_conntrack_count(), 1);
	flow(THEIRS, IPPROTO_UDP, "203.0.113.5", 53, "203.0.113.5", 53);
	DONE(try_set("dns", "{'from':['192.0.2.0/24']}"));
	assert_left("udp 203.0.113.5 53 203.0.113.5 53");
}

/* The most specific listen takes a connection: others of the same port are not touched. */
static void test_same_port_elsewhere(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "services:\n"
				 "  - {name: any, proto: udp, port: 53, to: 10.0.0.2}\n"
				 "  - {name: far, proto: udp, port: 53, listen: 203.0.113.77, to: 10.0.0.3}\n"
				 "  - {name: inside, proto: udp, port: 53, listen: lan0, to: 10.0.0.4}\n"
				 "  - {name: six, proto: udp, port: 53, to: 'fd00::2'}\n");
	start();
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 53, "10.0.0.2", 53);
	flow(OURS, IPPROTO_UDP, "203.0.113.77", 53, "10.0.0.3", 53);
	flow(OURS, IPPROTO_UDP, "192.168.1.1", 53, "10.0.0.4", 53);
	flow(OURS, IPPROTO_UDP, "2001:db8::5", 53, "fd00::2", 53);
	DONE(try_enable("any", false));
	assert_left("udp 203.0.113.77 53 10.0.0.3 53\nudp 192.168.1.1 53 10.0.0.4 53\nudp 2001:db8::5 53 fd00::2 53");
	DONE(try_enable("six", false));
	assert_left("udp 203.0.113.77 53 10.0.0.3 53\nudp 192.168.1.1 53 10.0.0.4 53");
	DONE(try_enable("inside", false));
	assert_left("udp 203.0.113.77 53 10.0.0.3 53");
	DONE(try_enable("far", false));
	assert_left("");
}

static void test_ranges(void **state)
{
	struct flow_filter filter;

	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'name':'kept','proto':'udp','ports':['6000-6010'],'to':[{'addr':'10.0.0.2'}]}"));
	DONE(try_add(
		"{'name':'moved','proto':'udp','ports':['5000-5010'],'to':[{'addr':'10.0.0.2','port':'7000-7010'}]}"));
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 6010, "10.0.0.2", 6010);
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 5010, "10.0.0.2", 7010);
	DONE(try_set("kept", "{'description':'x'}"));
	DONE(try_set("moved", "{'description':'x'}"));
	assert_int_equal(fake_conntrack_count(), 2);
	fake_conntrack_lists(&filter);
	assert_int_equal(filter.port, 0); /* all of UDP, and compared here */
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 5009, "10.0.0.2", 7010);
	DONE(try_set("moved", "{'description':'y'}"));
	assert_int_equal(fake_conntrack_count(), 2);
	DONE(try_remove("kept"));
	assert_left("udp 203.0.113.5 5010 10.0.0.2 7010");
	DONE(try_remove("moved"));
	assert_left("");
}

/* ---- --kill --------------------------------------------------------------------------------------- */

static void test_kill(void **state)
{
	struct flow ended = {.id = 99, .proto = IPPROTO_TCP, .to_port = 80, .server_port = 80, .ended = true};

	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add(OTHER));
	flow(OURS, IPPROTO_TCP, "203.0.113.5", 80, "10.0.0.2", 80);
	DONE(try_remove("other"));
	assert_left("tcp 203.0.113.5 80 10.0.0.2 80");
	DONE(try_undo());
	DONE(try_set("other", "{'to':[{'addr':'10.0.0.3'}]}"));
	assert_left("tcp 203.0.113.5 80 10.0.0.2 80");
	flow(OURS, IPPROTO_TCP, "203.0.113.5", 80, "10.0.0.3", 80);
	flow(THEIRS, IPPROTO_TCP, "203.0.113.5", 80, "172.17.0.2", 80); /* Docker's */
	flow(THEIRS, IPPROTO_TCP, "203.0.113.5", 80, "203.0.113.5", 80);
	flow(OURS, IPPROTO_TCP, "203.0.113.5", 81, "10.0.0.2", 81);
	ended.to = fake_conntrack_flow(0)->to;
	ended.server = fake_conntrack_flow(0)->server;
	compile_label(ended.labels);
	fake_conntrack_put(&ended);
	place.options.kill = place.options.dry_run = true;
	DONE(try_remove("other"));
	assert_int_equal(fake_conntrack_count(), 6);
	place.options.dry_run = false;
	DONE(try_remove("other"));
	assert_said("removed other: tcp 80 -> 10.0.0.3:80\ncut 2 connections");
	assert_left("tcp 203.0.113.5 80 172.17.0.2 80\ntcp 203.0.113.5 80 203.0.113.5 80\n"
		    "tcp 203.0.113.5 81 10.0.0.2 81\ntcp 203.0.113.5 80 10.0.0.2 80");
	assert_true(fake_conntrack_flow(3)->ended);
}

/* Another forward takes the port over: what the old one had is cut, what was never ours is not. */
static void test_kill_uncovers(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add(OTHER));
	DONE(try_add("{'name':'pin','ports':['80'],'listen':'203.0.113.5','to':[{'addr':'10.0.0.3'}]}"));
	flow(OURS, IPPROTO_TCP, "203.0.113.5", 80, "10.0.0.3", 80);
	flow(OURS, IPPROTO_TCP, "203.0.113.5", 80, "10.0.0.2", 80);
	flow(THEIRS, IPPROTO_TCP, "203.0.113.5", 80, "203.0.113.5", 80);
	place.options.kill = true;
	DONE(try_remove("pin"));
	assert_left("tcp 203.0.113.5 80 10.0.0.2 80\ntcp 203.0.113.5 80 203.0.113.5 80");
}

static void test_kill_what_is_off(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n");
	start();
	flow(OURS, IPPROTO_TCP, "203.0.113.5", 80, "10.0.0.2", 80);
	DONE(try_enable("web", false));
	assert_said("web is off");
	DONE(try_enable("web", false));
	assert_said("web is off already");
	assert_int_equal(fake_conntrack_count(), 1);
	place.options.kill = true;
	DONE(try_enable("web", false));
	assert_said("web is off already\ncut 1 connection");
}

/* ---- Start and surprises -------------------------------------------------------------------------- */

static void test_start(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "services:\n  - {name: dns, proto: udp, port: 53, to: 10.0.0.2}\n"
				 "  - {name: gone, proto: udp, port: 54, to: 10.0.0.2}\n");
	start();
	stop();
	put_file("etc/gwd.yaml", "services:\n  - {name: dns, proto: udp, port: 53, to: 10.0.0.2}\n");
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 53, "10.0.0.2", 53);
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 54, "10.0.0.2", 54);
	flow(OURS, IPPROTO_TCP, "203.0.113.5", 54, "10.0.0.2", 54);
	flow(THEIRS, IPPROTO_UDP, "203.0.113.5", 53, "203.0.113.5", 53);
	flow(THEIRS, IPPROTO_UDP, "203.0.113.5", 55, "172.17.0.2", 55);
	start();
	assert_left("udp 203.0.113.5 53 10.0.0.2 53\ntcp 203.0.113.5 54 10.0.0.2 54\nudp 203.0.113.5 55 172.17.0.2 55");
}

static void test_somebody_flushed(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add(DNS));
	fake_kernel_flush();
	flow(THEIRS, IPPROTO_UDP, "203.0.113.5", 53, "203.0.113.5", 53); /* made while the rules were away */
	DONE(try_add(OTHER));
	assert_said("added other: tcp 80 -> 10.0.0.2:80\ncut 1 connection");
}

/* The address was there, and somebody sent to it, before the default route made it one of the outside. */
static void test_wan_found(void **state)
{
	(void)state;
	NEED_NETNS();
	netns_run("ip route del default");
	put_file("etc/gwd.yaml", "services:\n  - {name: dns, proto: udp, port: 53, to: 10.0.0.2}\n");
	start();
	flow(THEIRS, IPPROTO_UDP, "203.0.113.5", 53, "203.0.113.5", 53);
	lists_of(0);
	netns_run("ip link add other0 type veth peer name other1");
	gwd_links_event(place.gwd);
	assert_int_equal(lists_of(0), 0); /* nothing that matters here */
	netns_run("ip route add default via 203.0.113.1");
	gwd_links_event(place.gwd);
	assert_left("");
}

/* What the kernel refused while nobody asked is settled later, and then connections are, too. */
static void test_settled(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'name':'lan','proto':'udp','ports':['53'],'listen':'lan0','to':[{'addr':'10.0.0.2'}]}"));
	netns_run("ip address add 192.168.1.2/24 dev lan0");
	flow(THEIRS, IPPROTO_UDP, "192.168.1.2", 53, "192.168.1.2", 53);
	fake_kernel_fail_commit(-EINVAL);
	gwd_links_event(place.gwd);
	assert_int_equal(fake_conntrack_count(), 1);
	gwd_settle(place.gwd);
	assert_left("");
}

/* ---- Cost, failure -------------------------------------------------------------------------------- */

static void test_cost(void **state)
{
	struct flow_filter filter;

	(void)state;
	NEED_NETNS();
	lists_of(0);
	assert_int_equal(lists_of((start(), 0)), 0); /* nothing is configured: nothing is looked at */
	assert_int_equal(lists_of(try_add(OTHER)), 0);
	assert_int_equal(lists_of(try_set("other", "{'to':[{'addr':'10.0.0.3'}]}")), 0);
	assert_int_equal(lists_of(try_enable("other", false)), 0);
	assert_int_equal(lists_of(try_enable("other", true)), 0);
	assert_int_equal(lists_of(try_add(DNS)), 1);
	fake_conntrack_lists(&filter);
	assert_int_equal(filter.port, 53);
	assert_int_equal(filter.proto, IPPROTO_UDP);
	assert_int_equal(filter.family, AF_INET);
	assert_int_equal(lists_of(try_remove("other")), 0);
	assert_int_equal(lists_of(try_undo()), 0);
	place.options.kill = true;
	assert_int_equal(lists_of(try_remove("other")), 1);
	place.options.kill = false;
	put_file("etc/gwd.yaml", "services:\n  - {proto: udp, port: 1000-3000, to: 10.0.0.2}\n"
				 "  - {proto: tcp+udp, port: [4000, 4002, 4004], to: 10.0.0.2}\n"
				 "  - {proto: udp, port: [4000, 4002, 4004], to: 'fd00::2'}\n");
	assert_int_equal(lists_of(try_apply(NULL, NULL)), 2); /* one for each family */
	assert_int_equal(lists_of(try_apply(NULL, NULL)), 0);
	place.options.dry_run = true;
	assert_int_equal(lists_of(try_remove("dns")), 0);
}

static void test_no_conntrack(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_conntrack_fail(-EPERM);
	DONE(try_add(DNS));
	assert_said("added dns: udp 53 -> 10.0.0.2:53");
	assert_int_equal(place.diag.n_warnings, 1);
	assert_string_equal(place.diag.warnings[0],
			    "connections made before this change could not be looked at (Operation not permitted): "
			    "clients that keep sending UDP may go on as before");
}

/* Every target's connections are right, on the port that it is dialled on, unless it is off. */
static void test_targets(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "services:\n"
				 "  - {name: web, proto: tcp+udp, port: 443, to: ['10.0.0.2:8443', 10.0.0.3, 10.0.0.4]}\n");
	start();
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 443, "10.0.0.2", 8443);
	flow(OURS, IPPROTO_TCP, "203.0.113.5", 443, "10.0.0.2", 8443);
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 443, "10.0.0.3", 443);
	flow(OURS, IPPROTO_UDP, "203.0.113.5", 443, "10.0.0.4", 8443); /* not its port */
	DONE(try_target("web", "10.0.0.2", TARGET_DRAINED));
	assert_said("web: 10.0.0.2:8443 is drained\ncut 1 connection");
	assert_int_equal(fake_conntrack_blocked(), 0);
	assert_left("udp 203.0.113.5 443 10.0.0.2 8443\ntcp 203.0.113.5 443 10.0.0.2 8443\n"
		    "udp 203.0.113.5 443 10.0.0.3 443");
	DONE(try_target("web", "10.0.0.2", TARGET_OFF));
	assert_said("web: 10.0.0.2:8443 is off\ncut 1 connection");
	assert_left("tcp 203.0.113.5 443 10.0.0.2 8443\nudp 203.0.113.5 443 10.0.0.3 443");
	place.options.kill = true;
	DONE(try_target("web", "10.0.0.2", TARGET_OFF)); /* it is already: what it left goes */
	assert_said("web: 10.0.0.2:8443 is off already\ncut 1 connection");
	assert_left("udp 203.0.113.5 443 10.0.0.3 443");
	DONE(try_target("web", "10.0.0.4", TARGET_OFF));
	DONE(try_target("web", "10.0.0.3", TARGET_OFF)); /* nobody is left to take it over */
	assert_left("");
	assert_int_equal(fake_conntrack_blocked(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_add),
		IN_PLACE(test_change_and_remove),
		IN_PLACE(test_from),
		IN_PLACE(test_same_port_elsewhere),
		IN_PLACE(test_ranges),
		IN_PLACE(test_kill),
		IN_PLACE(test_kill_uncovers),
		IN_PLACE(test_kill_what_is_off),
		IN_PLACE(test_start),
		IN_PLACE(test_somebody_flushed),
		IN_PLACE(test_wan_found),
		IN_PLACE(test_settled),
		IN_PLACE(test_cost),
		IN_PLACE(test_no_conntrack),
		IN_PLACE(test_targets),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
