/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is connected to the gateway can connect again after a change: asked of whoever changes, never of start and events.
 * wan0 has 203.0.113.5/24 and 2001:db8::5/64, lan0 192.168.1.1/24. tests/netns/test_lockout.sh does it with packets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

#define OWN(port, inode)                                                                                               \
	", connected to port " port " of this gateway's own (uid 7, inode " inode "), could not connect again: "
#define NOTHING_OPENS(port, from, in, option)                                                                          \
	"nothing opens it; {port: " port ", from: " from in "} in gateway.open would, or gwctl open " port             \
	" --from " from option
#define FORCE "; --force to do it all the same"
#define CLOSED "gateway: {open: [{port: 1}]}\n"

static void serve(void)
{
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	fake_listen(PROTO_TCP, "::", 22, NULL);
	fake_listen(PROTO_TCP, "0.0.0.0", 443, NULL);
}

static void write_and_apply(const char *text)
{
	put_file("etc/gwd.yaml", text);
	try_apply(NULL, NULL);
}

static void assert_warned(const char *expected)
{
	_cleanup_(freep) char *said = join(place.diag.warnings, place.diag.n_warnings);

	fail_if_refused();
	assert_string_equal(said ? said : "", expected);
}

/* ---- What closes -------------------------------------------------------------------------------------- */

static void test_closing(void **state)
{
	_cleanup_(freep) char *before = NULL, *after = NULL;

	(void)state;
	NEED_NETNS();
	start();
	serve();
	fake_connect("198.51.100.9", "203.0.113.5", 22, NULL);
	before = rules();
	write_and_apply(CLOSED);
	assert_refused(DIAG_CONFLICT,
		       "198.51.100.9" OWN("22", "1000") NOTHING_OPENS("22", "198.51.100.9", "", "") FORCE);
	after = rules();
	assert_same_text(after, before);
	assert_false(status().protected);
	place.options.dry_run = true;
	try_apply(NULL, NULL);
	assert_int_equal(place.r, -EEXIST);
	place.options.dry_run = false;
	write_and_apply("gateway: {open: [{port: 22, from: 198.51.100.0/24}]}\n");
	fail_if_refused();
	assert_int_equal(place.diag.n_warnings, 0);
	assert_settled();
	write_and_apply(CLOSED); /* from protected to more so */
	assert_int_equal(place.r, -EEXIST);
	place.options.force = true;
	try_apply(NULL, NULL);
	assert_warned("198.51.100.9" OWN("22", "1000")
			      NOTHING_OPENS("22", "198.51.100.9", "", "") ": done all the same");
	place.options.force = false;
	assert_true(status().protected);
	try_apply(NULL, NULL); /* is lost already */
	assert_warned("");
}

static void test_whom(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	serve();
	fake_connect("192.168.1.9", "192.168.1.1", 22, NULL); /* the LAN is never locked out */
	fake_connect("192.168.1.9", "203.0.113.5", 22, NULL);
	fake_connect("203.0.113.5", "203.0.113.5", 22, NULL); /* nor are we */
	DONE(write_and_apply("lan: lan0\n" CLOSED));
	DONE(write_and_apply(""));
	fake_connect("203.0.113.9", "203.0.113.5", 22, NULL);
	fake_connect("198.51.100.9", "203.0.113.5", 22, NULL);
	fake_connect("2001:db8::9", "2001:db8::5", 22, NULL);
	fake_connect("198.51.100.9", "203.0.113.5", 443, NULL);
	write_and_apply("lan: lan0\n" CLOSED);
	assert_refused(DIAG_CONFLICT,
		       "203.0.113.9 and 2 more" OWN("22", "1000") NOTHING_OPENS("22", "local", "", "") FORCE
		       "\n"
		       "198.51.100.9" OWN("443", "1002") NOTHING_OPENS("443", "198.51.100.9", "", "") FORCE);
	write_and_apply("lan: lan0\ngateway: {open: [{port: 22, from: local}, {port: 443}]}\n");
	assert_refused(DIAG_CONFLICT,
		       "198.51.100.9" OWN("22", "1000") NOTHING_OPENS("22", "198.51.100.9", "", "") FORCE);
	DONE(write_and_apply("lan: lan0\ngateway: {open: [{port: 22, from: [local, 198.51.100.9]}, {port: 443}]}\n"));
}

static void test_dmz(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	serve();
	fake_connect("192.168.1.9", "192.168.1.1", 22, NULL);
	write_and_apply("dmz: lan0\n");
	assert_refused(DIAG_CONFLICT,
		       "192.168.1.9" OWN("22", "1000") NOTHING_OPENS("22", "local", ", in: dmz", " --in dmz") FORCE);
	DONE(write_and_apply("dmz: lan0\ngateway: {open: [{port: 22, in: dmz}]}\n"));
	DONE(write_and_apply(""));
	fake_listeners_reset();
	serve();
	fake_connect("fe80::9", "fe80::1", 22, "lan0"); /* of no address that is ours alone */
	write_and_apply("dmz: lan0\n");
	assert_refused(DIAG_CONFLICT,
		       "fe80::9" OWN("22", "1000") NOTHING_OPENS("22", "local", ", in: dmz", " --in dmz") FORCE);
}

static void test_openings(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	serve();
	DONE(write_and_apply(CLOSED));
	DONE(try_open("{'ports':['22']}"));
	fake_connect("198.51.100.9", "203.0.113.5", 22, NULL);
	try_close("{'ports':['22']}");
	assert_refused(DIAG_CONFLICT,
		       "198.51.100.9" OWN("22", "1000") NOTHING_OPENS("22", "198.51.100.9", "", "") FORCE);
	try_open("{'ports':['22'],'local':true}");
	assert_int_equal(place.r, -EEXIST);
	DONE(try_open("{'ports':['22'],'from':['198.51.100.0/24']}"));
	DONE(try_open("{'ports':['443']}"));
	DONE(try_close("{'ports':['443']}"));
	DONE(try_rollback(status().revision - 3)); /* open to anyone */
	try_rollback(status().revision - 5);       /* not at all */
	assert_int_equal(place.r, -EEXIST);
	place.options.force = true;
	DONE(try_close("{'ports':['22']}"));
	assert_int_equal(place.diag.n_warnings, 1);
}

/* ---- What takes --------------------------------------------------------------------------------------- */

/* A program that serves the LAN alone, as its forward's judgement has it, and a LAN host that knows us by our outer name. */
static void test_taking(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, "lan0");
	fake_connect("192.168.1.9", "203.0.113.5", 22, NULL);
	DONE(try_add("{'name':'web','ports':['80'],'to':[{'addr':'10.0.0.2'}]}"));
	DONE(try_add("{'name':'mosh','ports':['22'],'proto':'udp','to':[{'addr':'10.0.0.2'}]}"));
	DONE(try_add("{'name':'other','ports':['22'],'listen':'198.51.100.7','to':[{'addr':'10.0.0.2'}]}"));
	DONE(try_add("{'name':'off','ports':['22'],'enabled':false,'to':[{'addr':'10.0.0.2'}]}"));
	try_enable("off", true);
	assert_refused(DIAG_CONFLICT,
		       "192.168.1.9" OWN("22", "1000") "off (tcp 22 -> 10.0.0.2:22) takes the port" FORCE);
	assert_list("web active\nmosh active\nother active\noff off");
	try_set("web", "{'ports':['20-30']}");
	assert_int_equal(place.r, -EEXIST);
	DONE(try_remove("off"));
	try_add("{'name':'few','ports':['22'],'from':['10.0.0.0/8'],'to':[{'addr':'10.0.0.2'}]}");
	assert_refused(
		DIAG_CONFLICT,
		"192.168.1.9" OWN(
			"22",
			"1000") "few (tcp 22 -> 10.0.0.2:22) takes the port, and its `from` does not have them" FORCE);
	place.options.force = true;
	DONE(try_add("{'name':'few','ports':['22'],'from':['10.0.0.0/8'],'to':[{'addr':'10.0.0.2'}]}"));
	assert_int_equal(place.diag.n_warnings, 1);
	place.options.force = false;
	DONE(try_set("few", "{'from':[]}")); /* is lost already */
	DONE(try_remove("few"));
	try_undo();
	assert_int_equal(place.r, -EEXIST);
	DONE(write_and_apply("services: [{name: ssh, port: 22, to: 10.0.0.3, force: true}]\n")); /* says so itself */
	assert_int_equal(place.diag.n_warnings, 1);
}

/* ---- Who is asked --------------------------------------------------------------------------------------- */

static void test_asked(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	serve();
	fake_connect("198.51.100.9", "203.0.113.5", 22, NULL);
	DONE(try_add("{'name':'web','ports':['80'],'to':[{'addr':'10.0.0.2'}]}"));
	assert_int_equal(fake_peers_asked(), 1);
	DONE(try_enable("web", false));
	DONE(try_remove("web"));
	DONE(try_add("{'name':'dns','proto':'udp','ports':['53'],'to':[{'addr':'10.0.0.2'}]}"));
	assert_int_equal(fake_peers_asked(), 1); /* what leaves takes nothing, nor does UDP */
	DONE(write_and_apply("services: [{port: 80, to: 10.0.0.2}]\n"));
	assert_int_equal(fake_peers_asked(), 2);
	try_apply(NULL, NULL);
	assert_int_equal(fake_peers_asked(), 2);
	fake_listeners_fail(-EPERM);
	place.options.force = true;
	write_and_apply(CLOSED);
	place.options.force = false;
	fail_if_refused();
	assert_int_equal(place.diag.n_warnings, 2);
	assert_non_null(
		strstr(place.diag.warnings[1], "as scripted; whether this change locks somebody out is not known"));
}

static void test_nobody_asks(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", CLOSED);
	serve();
	fake_connect("198.51.100.9", "203.0.113.5", 22, NULL);
	start();
	assert_true(status().protected);
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	gwd_links_event(place.gwd);
	restart();
	assert_int_equal(fake_peers_asked(), 0);
}

/* A file that was refused does not come into force with the next start. */
static void test_refused_then_started(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	serve();
	fake_connect("198.51.100.9", "203.0.113.5", 22, NULL);
	write_and_apply(CLOSED);
	assert_int_equal(place.r, -EEXIST);
	restart();
	assert_false(status().protected);
	assert_false(status().file_in_force);
	place.options.dry_run = true; /* is not looked at for good */
	write_and_apply("masquerade: false\n" CLOSED);
	place.options.dry_run = false;
	restart();
	assert_true(status().protected);
}

/* ---- The way back ---------------------------------------------------------------------------------------- */

static void test_way_back(void **state)
{
	int64_t closed;

	(void)state;
	NEED_NETNS();
	start();
	serve();
	DONE(write_and_apply(CLOSED));
	closed = status().revision;
	DONE(write_and_apply(""));
	fake_connect("198.51.100.9", "203.0.113.5", 22, NULL);
	try_rollback(closed);
	assert_int_equal(place.r, -EEXIST);
	try_undo();
	assert_int_equal(place.r, -EEXIST);
	assert_false(status().protected);
	place.options.force = true;
	DONE(try_undo());
	assert_true(status().protected);
}

/* ---- What is reached from outside ----------------------------------------------------------------------- */

/* "tcp 22, udp 53" */
static void assert_reachable(const char *expected)
{
	_cleanup_(listeners_free) struct listeners l = {0};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(buf_free) struct buf out = {0};

	assert_int_equal(gwd_reachable(place.gwd, &l, &diag), 0);
	buf_printf(&out, "%s", "");
	for (size_t i = 0; i < l.n; i++)
		buf_printf(&out, "%s%s %u", i ? ", " : "", proto_text(l.items[i].proto), l.items[i].port);
	assert_string_equal(out.data, expected);
}

static void test_reachable(void **state)
{
	_cleanup_(listeners_free) struct listeners l = {0};
	_cleanup_(diag_free) struct diag diag = {0};

	(void)state;
	NEED_NETNS();
	start();
	assert_reachable("");
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	fake_listen(PROTO_TCP, "203.0.113.5", 23, NULL);
	fake_listen(PROTO_TCP, "192.168.1.1", 24, NULL);
	fake_listen(PROTO_TCP, "127.0.0.1", 25, NULL);
	fake_listen(PROTO_TCP, "0.0.0.0", 26, "lan0");
	fake_listen(PROTO_TCP, "0.0.0.0", 27, "wan0");
	fake_listen(PROTO_TCP, "2001:db8::5", 28, NULL);
	fake_listen(PROTO_UDP, "::", 53, NULL);
	assert_reachable("tcp 22, tcp 23, tcp 27, tcp 28, udp 53");
	place.options.force = true;
	DONE(try_add("{'name':'ssh','ports':['22-28'],'listen':'203.0.113.5','to':[{'addr':'10.0.0.2'}]}"));
	assert_reachable("tcp 28, udp 53");
	DONE(try_remove("ssh"));
	DONE(write_and_apply(
		"gateway: {open: [{port: 22, from: local}, {port: 23}, {port: 53, proto: udp, from: '::/0'}]}\n"));
	assert_reachable("tcp 23, udp 53");
	fake_listeners_fail(-EPERM);
	assert_int_equal(gwd_reachable(place.gwd, &l, &diag), -EPERM);
	assert_int_equal(l.n, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_PLACE(test_closing),     IN_PLACE(test_whom),
		IN_PLACE(test_dmz),         IN_PLACE(test_openings),
		IN_PLACE(test_taking),      IN_PLACE(test_asked),
		IN_PLACE(test_nobody_asks), IN_PLACE(test_refused_then_started),
		IN_PLACE(test_way_back),    IN_PLACE(test_reachable),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
