/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of the gateway itself in the way of forwards: asked when a forward is accepted, remembered, never asked at
 * start. wan0 has 203.0.113.5 and 2001:db8::5, lan0 192.168.1.1. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

#define TO "'to':[{'addr':'10.0.0.2'}]"
#define TO6 "'to':[{'addr':'fd00::2'}]"
#define SSH "{'name':'ssh','ports':['22']," TO "}"
#define REFUSED(port, inode)                                                                                           \
	"port " port " is this gateway's own (uid 7, inode " inode "); forwarding it would take it away from whoever " \
	"connects from outside: --force to do it all the same"
#define FILE_SSH "services:\n  - {name: ssh, port: 22, to: 10.0.0.2}\n"
#define HELD "held: port 22 is this gateway's own listener"

static void forced(bool force)
{
	place.options.force = force;
}

/* ---- Who is in the way --------------------------------------------------------------------------- */

struct meeting {
	const char *listens; /* address of the program */
	const char *bound;   /* to an interface */
	const char *forward; /* its listen, and for IPv6 ones its family */
	bool refused;
};

static void test_where(void **state)
{
	static const struct meeting meetings[] = {
		{"0.0.0.0", NULL, "", true},
		{"0.0.0.0", NULL, "'listen':'203.0.113.5',", true},
		{"0.0.0.0", NULL, "'listen':'198.51.100.7',", false}, /* not ours: it is only routed through */
		{"0.0.0.0", NULL, "'listen':'lan0',", true},
		{"203.0.113.5", NULL, "", true},
		{"203.0.113.5", NULL, "'listen':'203.0.113.5',", true},
		{"203.0.113.5", NULL, "'listen':'wan0',", true},
		{"203.0.113.5", NULL, "'listen':'lan0',", false},
		{"203.0.113.5", NULL, "'listen':'192.168.1.1',", false},
		{"192.168.1.1", NULL, "", false},
		{"192.168.1.1", NULL, "'listen':'lan0',", true},
		{"127.0.0.1", NULL, "", false},
		{"127.0.0.1", NULL, "'listen':'lan0',", false},
		{"0.0.0.0", "lan0", "", false},
		{"0.0.0.0", "lan0", "'listen':'lan0',", true},
		{"0.0.0.0", "lan0", "'listen':'203.0.113.5',", false},
		{"0.0.0.0", "wan0", "", true},
		{"0.0.0.0", "vrf0", "", true}, /* has no address of its own: nobody knows */
		{"::", NULL, "", false},       /* the IPv4 side of such a socket is a listener of its own */
		{"::1", NULL, "6", false},
		{"::", NULL, "6", true},
		{"2001:db8::5", NULL, "6", true},
		{"0.0.0.0", NULL, "6", false},
		{"::", "wan0", "6", true},
		{"::", "lan0", "6", false}, /* has an address, though none of IPv6 */
	};

	(void)state;
	NEED_NETNS();
	start();
	place.options.dry_run = true;
	for (size_t i = 0; i < ARRAY_SIZE(meetings); i++) {
		const struct meeting *m = &meetings[i];
		bool v6 = m->forward[0] == '6';
		_cleanup_(freep) char *service =
			xasprintf("{'name':'ssh',%s'ports':['22'],%s}", v6 ? "" : m->forward, v6 ? TO6 : TO);

		fake_listeners_reset();
		fake_listen(PROTO_TCP, m->listens, 22, m->bound);
		if ((try_add(service) < 0) != m->refused)
			fail_msg("%s%%%s and %s: %s", m->listens, m->bound ? m->bound : "", m->forward,
				 m->refused ? "not refused" : place.diag.mistakes[0].message);
		if (m->refused)
			assert_refused(DIAG_CONFLICT, REFUSED("22", "1000"));
	}
}

static void test_ports(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	fake_listen(PROTO_UDP, "0.0.0.0", 53, NULL);
	fake_listen(PROTO_TCP, "0.0.0.0", 443, NULL);
	fake_listen(PROTO_TCP, "0.0.0.0", 443, NULL); /* two workers are told as one */
	DONE(try_add("{'name':'a','ports':['53','23-52','54-442','21'],'proto':'tcp'," TO "}"));
	try_add("{'name':'b','ports':['53'],'proto':'udp'," TO "}");
	assert_refused(DIAG_CONFLICT, REFUSED("53/udp", "1001"));
	try_add("{'name':'b','ports':['443-500','22'],'proto':'tcp+udp'," TO "}");
	assert_refused(DIAG_CONFLICT, REFUSED("22", "1000") "\n" REFUSED("443", "1002"));
	assert_list("a active");
	assert_int_equal(fake_listeners_asked(), 3); /* once for each change */
}

static void test_unknown(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listeners_fail(-EPERM);
	DONE(try_add(SSH));
	assert_int_equal(place.diag.n_warnings, 2); /* neither half of the guard knows */
	assert_non_null(strstr(place.diag.warnings[0], "as scripted; whether a forward takes a port"));
	assert_list("ssh active");
}

/* ---- By hand -------------------------------------------------------------------------------------- */

static void test_add_by_force(void **state)
{
	_cleanup_(freep) char *yaml = NULL;
	struct diag diag = {0};

	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	forced(true);
	DONE(try_add(SSH));
	assert_int_equal(place.diag.n_warnings, 1);
	assert_string_equal(place.diag.warnings[0],
			    "port 22 is this gateway's own (uid 7, inode 1000): forwarded all the same");
	DONE(try_add("{'name':'web','ports':['80']," TO "}"));
	assert_int_equal(place.diag.n_warnings, 0);
	forced(false);
	assert_settled();
	assert_list("ssh active\nweb active");
	/* What needed it says so, and what did not, does not: the export is accepted as a file. */
	assert_int_equal(gwd_export(place.gwd, &yaml, &diag), 0);
	assert_string_equal(yaml, "services:\n"
				  "  - name: ssh\n    port: 22\n    to: 10.0.0.2\n    force: true\n"
				  "  - name: web\n    port: 80\n    to: 10.0.0.2\n");
	DONE(try_add("{'name':'dns','ports':['53'],'force':true," TO "}"));
	assert_int_equal(place.diag.n_warnings, 0);
}

static void test_add_off(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	DONE(try_add("{'name':'ssh','ports':['22'],'enabled':false," TO "}"));
	try_enable("ssh", true);
	assert_refused(DIAG_CONFLICT, REFUSED("22", "1000"));
	forced(true);
	DONE(try_enable("ssh", true));
	forced(false);
	DONE(try_enable("ssh", false));
	DONE(try_enable("ssh", true)); /* it says that it may, now */
	assert_int_equal(place.diag.n_warnings, 1);
	assert_list("ssh active");
}

static void test_set(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	fake_listen(PROTO_TCP, "0.0.0.0", 25, NULL);
	forced(true);
	DONE(try_add(SSH));
	forced(false);
	DONE(try_set("ssh", "{'description':'x'}")); /* takes nothing that it did not take */
	assert_int_equal(place.diag.n_warnings, 0);
	DONE(try_set("ssh", "{'listen':'wan0'}"));
	try_set("ssh", "{'ports':['22','25']}"); /* forced over 22 is not forced over 25 */
	assert_refused(DIAG_CONFLICT, REFUSED("25", "1001"));
	DONE(try_set("ssh", "{'ports':['22','25'],'force':true}"));
	assert_int_equal(place.diag.n_warnings, 1);
	add("web", "80", "10.0.0.2");
	try_set("web", "{'ports':['25'],'listen':'203.0.113.5'}");
	assert_refused(DIAG_CONFLICT, REFUSED("25", "1001"));
	forced(true);
	DONE(try_set("web", "{'ports':['25'],'listen':'203.0.113.5'}"));
}

static void test_came_later(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add(SSH));
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	place.options.replace = true;
	DONE(try_add("{'name':'ssh','ports':['22'],'to':[{'addr':'10.0.0.3'}]}"));
	place.options.replace = false;
	restart();
	assert_list("ssh active");
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	gwd_links_event(place.gwd);
	assert_list("ssh active");
	assert_int_equal(fake_listeners_asked(), 2); /* by the two commands, not by start and event */
	DONE(try_enable("ssh", false));
	try_enable("ssh", true);
	assert_refused(DIAG_CONFLICT, REFUSED("22", "1000"));
}

/* ---- A file --------------------------------------------------------------------------------------- */

static void apply(const char *text)
{
	put_file("etc/gwd.yaml", text);
	try_apply(NULL, NULL);
	fail_if_refused();
}

static void test_held(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	apply(FILE_SSH "  - {name: web, port: 80, to: 10.0.0.2}\n");
	assert_said(
		"applied gwd.yaml: added ssh, web\n"
		"ssh: held: port 22 is this gateway's own (uid 7, inode 1000); to forward it all the same: gwctl on "
		"ssh --force, or `force: true` in the file");
	assert_list("ssh " HELD "\nweb active");
	assert_int_equal(status().held, 1);
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
	try_apply(NULL, NULL);
	assert_said("applied gwd.yaml: nothing changed");
	assert_settled();
	assert_list("ssh " HELD "\nweb active");
	fake_listeners_fail(-EPERM); /* nothing new is known */
	try_apply(NULL, NULL);
	assert_list("ssh " HELD "\nweb active");
	fake_listeners_reset();
	restart();
	assert_list("ssh " HELD "\nweb active"); /* a start does not ask */
	try_apply(NULL, NULL);
	assert_said("applied gwd.yaml: changed ssh: tcp 22 -> 10.0.0.2:22, was tcp 22 -> 10.0.0.2:22, held");
	assert_list("ssh active\nweb active");
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	try_apply(NULL, NULL); /* it runs: whoever came later */
	assert_list("ssh active\nweb active");
	assert_settled();
}

static void test_held_then_forced(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	apply(FILE_SSH);
	try_enable("ssh", true);
	assert_refused(DIAG_CONFLICT, REFUSED("22", "1000"));
	forced(true);
	DONE(try_enable("ssh", true));
	forced(false);
	assert_list("ssh active");
	assert_settled(); /* no verdict is left in the database */
	assert_list("ssh active");
	try_apply(NULL, NULL);
	assert_list("ssh active");
}

static void test_file_not_in_the_way(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_UDP, "0.0.0.0", 22, NULL);
	fake_listen(PROTO_TCP, "0.0.0.0", 25, NULL);
	apply(FILE_SSH "  - {name: mail, port: 25, to: 10.0.0.2, enabled: false}\n");
	assert_said("applied gwd.yaml: added ssh, mail");
	assert_list("ssh active\nmail off");
}

static void test_held_then_off(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	apply(FILE_SSH);
	DONE(try_enable("ssh", false));
	assert_list("ssh off: by uid 1000");
	assert_settled();
	fake_listeners_reset();
	DONE(try_enable("ssh", true));
	assert_list("ssh active");
	assert_settled();
	assert_list("ssh active");
}

static void test_force_in_the_file(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	apply(FILE_SSH);
	put_file("etc/gwd.yaml", "services:\n  - {name: ssh, port: 22, to: 10.0.0.2, force: true}\n");
	restart(); /* a start believes the file */
	assert_list("ssh active");
	apply(FILE_SSH); /* runs already */
	assert_said("applied gwd.yaml: changed ssh: no force");
	assert_list("ssh active");
	apply("");
	apply(FILE_SSH);
	assert_list("ssh " HELD);
	apply("services:\n  - {name: ssh, port: 22, to: 10.0.0.2, force: true}\n");
	assert_list("ssh active");
	assert_settled();
}

static void test_apply_by_force(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	forced(true);
	apply("services:\n  - {name: ssh, port: [21, 22], to: 10.0.0.2}\n");
	assert_int_equal(place.diag.n_warnings, 1);
	assert_string_equal(place.diag.warnings[0],
			    "ssh: port 22 is this gateway's own (uid 7, inode 1000): forwarded all the same");
	forced(false);
	try_apply(NULL, NULL);
	assert_list("ssh active");
	assert_settled();
}

static void test_start_believes(void **state)
{
	(void)state;
	NEED_NETNS();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	put_file("etc/gwd.yaml", FILE_SSH);
	start();
	assert_list("ssh active");
	assert_int_equal(fake_listeners_asked(), 0);
}

/* The forward is the same, but what is outside is not: the program in the LAN would be lost. */
static void test_wan_grows(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "192.168.1.1", 22, NULL);
	apply("wan: wan0\n" FILE_SSH);
	assert_list("ssh active");
	apply("wan: [wan0, lan0]\n" FILE_SSH);
	assert_list("ssh " HELD);
	assert_settled();
}

static void test_moved_in_the_file(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	apply(FILE_SSH);
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	fake_listen(PROTO_TCP, "0.0.0.0", 25, NULL);
	apply("services:\n  - {name: other, port: 22, to: 10.0.0.9}\n"); /* the port was taken before, too */
	assert_list("other active");
	apply("services:\n  - {name: other, port: [22, 25], to: 10.0.0.9}\n");
	assert_list("other held: port 25 is this gateway's own listener");
}

/* A way back is no start: what comes in is judged, and held. */
static void test_undo(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add(SSH));
	DONE(try_remove("ssh"));
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	DONE(try_undo());
	assert_list("ssh " HELD);
	assert_settled();
	DONE(try_remove("ssh"));
	fake_listeners_reset();
	DONE(try_add(SSH)); /* the verdict went with the forward */
	assert_settled();
	assert_list("ssh active");
	DONE(try_remove("ssh"));
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	forced(true);
	DONE(try_rollback(status().revision - 1));
	assert_list("ssh active");
}

static void test_diff(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	char **lines;
	size_t n;

	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	apply(FILE_SSH);
	assert_int_equal(gwd_diff(place.gwd, NULL, 0, NULL, 0, &lines, &n, &diag), 0);
	assert_int_equal(n, 0);
	free(lines);
	fake_listeners_reset();
	assert_int_equal(gwd_diff(place.gwd, NULL, 0, NULL, 0, &lines, &n, &diag), 0);
	assert_int_equal(n, 1);
	assert_string_equal(lines[0], "~ ssh: tcp 22 -> 10.0.0.2:22, was tcp 22 -> 10.0.0.2:22, held");
	free(lines[0]);
	free(lines);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_new, place_gone)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_where),
		TEST(test_ports),
		TEST(test_unknown),
		TEST(test_add_by_force),
		TEST(test_add_off),
		TEST(test_set),
		TEST(test_came_later),
		TEST(test_held),
		TEST(test_held_then_forced),
		TEST(test_held_then_off),
		TEST(test_file_not_in_the_way),
		TEST(test_force_in_the_file),
		TEST(test_apply_by_force),
		TEST(test_start_believes),
		TEST(test_wan_grows),
		TEST(test_moved_in_the_file),
		TEST(test_undo),
		TEST(test_diff),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
