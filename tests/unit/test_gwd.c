/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of single forwards, through gwd.h: what they answer, what they refuse and why, and that asking twice is fine. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

#define DECLARED "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n  - {name: dark, port: 81, to: 10.0.0.2, enabled: no}\n"

/* Nothing is different: what a refusal and a dry run leave behind. */
struct snapshot {
	char *rules, *list;
	int64_t revision;
	uint64_t batches;
};

static char *list(void)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct forward_view *views;
	struct buf out = {0};
	size_t n;

	assert_int_equal(gwd_list(place.gwd, NULL, &views, &n, &diag), 0);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *text = forward_text(views[i].forward);

		buf_printf(&out, "%s %s %d\n", views[i].forward->name, text, views[i].state);
		forward_view_free(&views[i]);
	}
	free(views);
	return buf_take(&out);
}

static struct snapshot snapshot(void)
{
	return (struct snapshot){rules(), list(), status().revision, status().netlink->batches};
}

/* After a restart too: then the database was not touched either. */
static void assert_unchanged(struct snapshot *before)
{
	for (int i = 0; i < 2; i++) {
		struct snapshot now = snapshot();

		assert_same_text(now.rules, before->rules);
		assert_string_equal(now.list, before->list);
		assert_int_equal(now.revision, before->revision);
		assert_int_equal(now.batches, i ? 0 : before->batches);
		free(now.rules);
		free(now.list);
		if (i == 0)
			restart();
	}
	free(before->rules);
	free(before->list);
}

/* ---- add ---------------------------------------------------------------------------------------- */

static void test_add(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	try_add("{'ports':['80'],'to':[{'addr':'192.168.1.2'}]}");
	assert_said("added tcp-80: tcp 80 -> 192.168.1.2:80");
	assert_true(place.outcome.changed);
	assert_int_equal(place.outcome.revision, 2);
	assert_string_equal(place.outcome.forward->name, "tcp-80");
	assert_list("tcp-80 active");
	assert_elements("element any4 { tcp . 80 : 192.168.1.2 . 80 } # tcp-80\n");
	try_add("{'name':'off','ports':['81'],'to':[{'addr':'192.168.1.2'}],'enabled':false}");
	assert_said("added off: tcp 81 -> 192.168.1.2:81 (off)");
	assert_list("tcp-80 active\noff off");
	assert_elements("element any4 { tcp . 80 : 192.168.1.2 . 80 } # tcp-80\n");
}

static void test_add_twice(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", DECLARED);
	start();
	add("mail", "25", "10.0.0.3");
	try_add("{'ports':['25'],'to':[{'addr':'10.0.0.3'}]}");
	assert_said("mail is there already: tcp 25 -> 10.0.0.3:25");
	assert_false(place.outcome.changed);
	assert_int_equal(place.outcome.revision, 0);
	assert_string_equal(place.outcome.forward->name, "mail");
	try_add("{'ports':['25'],'to':[{'addr':'10.0.0.3','port':'25'}],'proto':'tcp'}");
	assert_said("mail is there already: tcp 25 -> 10.0.0.3:25");
	try_add("{'ports':['80'],'to':[{'addr':'10.0.0.2'}]}");
	assert_said("web is there already: tcp 80 -> 10.0.0.2:80");
	try_add("{'ports':['81'],'to':[{'addr':'10.0.0.2'}]}");
	assert_said("dark is there already: tcp 81 -> 10.0.0.2:81 (off: gwctl on dark)");
	assert_int_equal(status().revision, 2);
}

struct refusal {
	const char *service;
	enum diag_kind kind;
	int error;
	const char *why;
};

static void test_add_refused(void **state)
{
	static const struct refusal refusals[] = {
		{"{'name':'x','ports':['80'],'to':[{'addr':'10.0.0.9'}]}", DIAG_CONFLICT, -EEXIST,
		 "taken by web (tcp 80 -> 10.0.0.2:80, gwd.yaml:2); change it there"},
		{"{'name':'x','ports':['25'],'to':[{'addr':'10.0.0.9'}]}", DIAG_CONFLICT, -EEXIST,
		 "taken by mail (tcp 25 -> 10.0.0.3:25, runtime); to put this one in its place: gwctl add 25 10.0.0.9:25 "
		 "--name x --replace; to change only what differs: gwctl set mail ..."},
		{"{'name':'x','ports':['20-30'],'to':[{'addr':'10.0.0.3'}],'proto':'tcp+udp'}", DIAG_CONFLICT, -EEXIST,
		 "taken by mail (tcp 25 -> 10.0.0.3:25, runtime); to put this one in its place: gwctl add "
		 "20-30/tcp+udp 10.0.0.3:20-30 --name x --replace; to change only what differs: gwctl set mail ..."},
		{"{'ports':['25'],'to':[{'addr':'10.0.0.9'}],'from':['192.0.2.0/24']}", DIAG_CONFLICT, -EEXIST,
		 "taken by mail (tcp 25 -> 10.0.0.3:25, runtime); to put this one in its place: the same command with "
		 "--replace; to change only what differs: gwctl set mail ..."},
		{"{'ports':['25'],'to':[{'addr':'10.0.0.9','weight':2}]}", DIAG_CONFLICT, -EEXIST,
		 "taken by mail (tcp 25 -> 10.0.0.3:25, runtime); to put this one in its place: the same command with "
		 "--replace; to change only what differs: gwctl set mail ..."},
		{"{'name':'mail','ports':['26'],'to':[{'addr':'10.0.0.3'}]}", DIAG_CONFLICT, -EEXIST,
		 "mail: the name is taken (tcp 25 -> 10.0.0.3:25, runtime); give another with --name"},
		{"{'name':'web','ports':['26'],'to':[{'addr':'10.0.0.3'}]}", DIAG_CONFLICT, -EEXIST,
		 "web: the name is taken (tcp 80 -> 10.0.0.2:80, gwd.yaml:2); give another with --name"},
		{"{'name':'x','ports':['26'],'to':[{'addr':'192.168.1.1'}]}", DIAG_INVALID, -EINVAL,
		 "x: 192.168.1.1 is this gateway's own address; it could not work"},
		{"{'name':'x','ports':['26'],'to':[{'addr':'10.0.0.2'}],'listen':'eth9'}", DIAG_INVALID, -EINVAL,
		 "x: no interface eth9; it could not work"},
		{"{'ports':['0'],'to':[{'addr':'nas'}],'prot':'tcp'}", DIAG_INVALID, -EINVAL, NULL},
	};

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", DECLARED);
	start();
	add("mail", "25", "10.0.0.3");
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct snapshot before = snapshot();

		assert_int_equal(try_add(refusals[i].service), refusals[i].error);
		if (refusals[i].why)
			assert_refused(refusals[i].kind, refusals[i].why);
		assert_unchanged(&before);
	}
	try_add(refusals[ARRAY_SIZE(refusals) - 1].service);
	assert_int_equal(place.diag.n, 3); /* all of them in one run */
}

/* A listen on nothing that is there, but off: may be stored. */
static void test_add_off_may_wait(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'name':'x','ports':['26'],'to':[{'addr':'10.0.0.2'}],'listen':'eth9','enabled':false}"));
	try_enable("x", true);
	assert_refused(DIAG_INVALID, "x: no interface eth9; it could not work");
	assert_list("x off");
}

static void test_replace(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", DECLARED);
	start();
	add("a", "25", "10.0.0.3");
	add("b", "26", "10.0.0.3");
	add("c", "27", "10.0.0.3");
	place.options.replace = true;
	try_add("{'name':'c','ports':['25-26'],'to':[{'addr':'10.0.0.4'}]}");
	assert_said("added c: tcp 25-26 -> 10.0.0.4:25-26");
	assert_list("web active\ndark off\nc active");
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n"
			"element any4_tcp { 25-26 : 10.0.0.4 } # c\n");
	try_add("{'name':'x','ports':['80'],'to':[{'addr':'10.0.0.4'}]}");
	assert_refused(DIAG_CONFLICT,
		       "taken by web (tcp 80 -> 10.0.0.2:80, gwd.yaml:2); change it there");
	try_add("{'name':'dark','ports':['99'],'to':[{'addr':'10.0.0.4'}]}");
	assert_refused(DIAG_CONFLICT, "dark: the name is taken (tcp 81 -> 10.0.0.2:81, gwd.yaml:3); give another with --name");
	assert_list("web active\ndark off\nc active");
	restart();
	assert_list("web active\ndark off\nc active");
	assert_int_equal(status().netlink->batches, 0);
}

static void test_replace_many(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	for (int port = 100; port < 140; port++) {
		_cleanup_(freep) char *text = xasprintf("%d", port);

		add(NULL, text, "10.0.0.2");
	}
	place.options.replace = true;
	add("all", "1-65535", "10.0.0.9");
	assert_list("all active");
	assert_elements("element any4_tcp { 1-65535 : 10.0.0.9 } # all\n");
	restart();
	assert_int_equal(status().netlink->batches, 0);
}

static void test_replace_keeps_name(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add(NULL, "80", "10.0.0.2");
	place.options.replace = true;
	add(NULL, "80", "10.0.0.3");
	assert_said("added tcp-80: tcp 80 -> 10.0.0.3:80");
}

/* Behind a router it is easy to name the router's public address, and then to wait in vain. */
static void test_listen_elsewhere(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'listen':'9.9.9.9','ports':['80'],'to':[{'addr':'10.0.0.2'}]}"));
	assert_int_equal(place.diag.n_warnings, 1);
	assert_string_equal(place.diag.warnings[0], "tcp-80: 9.9.9.9 is no address of this gateway now: nothing arrives "
						    "there unless somebody sends it here");
	DONE(try_add("{'listen':'203.0.113.5','ports':['81'],'to':[{'addr':'10.0.0.2'}]}"));
	assert_int_equal(place.diag.n_warnings, 0);
	DONE(try_add("{'nat':false,'ports':['82'],'to':[{'addr':'9.9.9.9'}]}")); /* the target's own */
	assert_int_equal(place.diag.n_warnings, 0);
}

static void test_without_wan(void **state)
{
	(void)state;
	NEED_NETNS();
	netns_run("ip route del default");
	start();
	add("web", "80", "10.0.0.2"); /* the first one makes the table, and the warning must get through that */
	assert_int_equal(place.diag.n_warnings, 1);
	assert_non_null(strstr(place.diag.warnings[0], "no wan interface is known yet"));
	assert_list("web held: no wan interface is known yet (no default route, and `wan:` is not set)");
}

/* ---- set ---------------------------------------------------------------------------------------- */

static void test_set(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("a", "25", "10.0.0.3");
	add("b", "26", "10.0.0.3");
	try_set("a", "{'to':[{'addr':'10.0.0.4','port':'2525'}]}");
	assert_said("changed a: tcp 25 -> 10.0.0.4:2525, was tcp 25 -> 10.0.0.3:25");
	assert_list("a active\nb active");
	assert_elements("element any4 { tcp . 25 : 10.0.0.4 . 2525 } # a\n"
			"element any4 { tcp . 26 : 10.0.0.3 . 26 } # b\n");
	try_set("a", "{'ports':['25']}");
	assert_said("a is like that already: tcp 25 -> 10.0.0.4:2525");
	assert_false(place.outcome.changed);
	try_set("a", "{'name':'smtp','description':'post'}");
	assert_said("changed a to smtp: description post");
	assert_string_equal(place.outcome.forward->description, "post");
	try_set("b", "{'from':['198.51.100.0/24','10.9.0.1'],'limit':{'connections':5,'rate':'20/second'},'snat':'never'}");
	assert_said("changed b: from 10.9.0.1, 198.51.100.0/24; snat never; limit connections 5, rate 20/second");
	try_set("b", "{'from':[],'limit':{'connections':6},'log':true}");
	assert_said("changed b: no from, was 10.9.0.1, 198.51.100.0/24; log; limit connections 6, rate 20/second, was "
		    "connections 5, rate 20/second");
	try_set("b", "{'limit':{'connections':0,'rate':''},'log':false,'snat':'','enabled':false}");
	assert_said("changed b: no snat, was never; no log; no limit, was connections 6, rate 20/second; off");
	try_set("b", "{'enabled':true}");
	assert_said("changed b: tcp 26 -> 10.0.0.3:26; on");
	try_set("smtp", "{'description':''}");
	assert_null(place.outcome.forward->description);
	try_set("smtp", "{'name':''}");
	assert_said("changed smtp to tcp-25: tcp 25 -> 10.0.0.4:2525");
	try_set("tcp-25", "{'listen':'wan0'}");
	assert_said("changed tcp-25: tcp wan0:25 -> 10.0.0.4:2525, was tcp 25 -> 10.0.0.4:2525");
	assert_elements("element any4 { tcp . 26 : 10.0.0.3 . 26 } # b\n"
			"element on4_wan0 { tcp . 25 : 10.0.0.4 . 2525 } # tcp-25\n");
	try_set("tcp-25", "{'listen':''}");
	assert_said("changed tcp-25: tcp 25 -> 10.0.0.4:2525, was tcp wan0:25 -> 10.0.0.4:2525");
	assert_int_equal(status().netlink->dumps, 2); /* at start, and when the table was made */
	restart();
	assert_int_equal(status().netlink->batches, 0);
}

static void test_set_refused(void **state)
{
	struct snapshot before;

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", DECLARED);
	start();
	add("a", "25", "10.0.0.3");
	before = snapshot();
	try_set("web", "{'ports':['25']}");
	assert_refused(DIAG_DECLARED, "web: declared at gwd.yaml:2; change it there, or gwctl off web");
	try_set("nobody", "{'ports':['25']}");
	assert_refused(DIAG_NOT_FOUND, "there is no forward nobody: gwctl ls");
	try_set("a", "{'ports':['80']}");
	assert_refused(DIAG_CONFLICT,
		       "taken by web (tcp 80 -> 10.0.0.2:80, gwd.yaml:2); change it there");
	try_set("a", "{'name':'web'}");
	assert_refused(DIAG_CONFLICT, "web: the name is taken (tcp 80 -> 10.0.0.2:80, gwd.yaml:2); give another with --name");
	try_set("a", "{'to':[{'addr':'203.0.113.5'}]}");
	assert_refused(DIAG_INVALID, "a: 203.0.113.5 is this gateway's own address; it could not work");
	assert_int_equal(try_set("a", "{'ports':['70000']}"), -EINVAL);
	assert_unchanged(&before);
}

/* ---- rm ----------------------------------------------------------------------------------------- */

static void test_remove(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("a", "25", "10.0.0.3");
	DONE(try_add("{'ports':['53'],'to':[{'addr':'10.0.0.3'}],'proto':'udp'}"));
	try_remove("a");
	assert_said("removed a: tcp 25 -> 10.0.0.3:25");
	try_remove("a");
	assert_said("a: not there");
	assert_false(place.outcome.changed);
	try_remove_ports("{'ports':['53'],'proto':'tcp'}");
	assert_said("not there");
	try_remove_ports("{'ports':['53'],'proto':'udp'}");
	assert_said("removed udp-53: udp 53 -> 10.0.0.3:53");
	assert_list("");
	assert_elements("");
	assert_true(fake_kernel_ruleset()->table); /* it stays, for conntrack's sake */
	restart();
	assert_list("");
	assert_true(fake_kernel_ruleset()->table);
	assert_int_equal(status().netlink->batches, 0);
}

static void test_remove_by_ports(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", DECLARED);
	start();
	add("t", "90", "10.0.0.3");
	DONE(try_add("{'name':'u','ports':['90'],'to':[{'addr':'10.0.0.3'}],'proto':'udp'}"));
	DONE(try_add("{'name':'l','ports':['90'],'to':[{'addr':'10.0.0.3'}],'listen':'203.0.113.9'}"));
	DONE(try_add("{'name':'list','ports':['7','9'],'to':[{'addr':'10.0.0.3'}]}"));
	try_remove_ports("{'ports':['90']}");
	assert_refused(DIAG_CONFLICT, "several forwards match; name one of them:\n"
				      "  t: tcp 90 -> 10.0.0.3:90 (runtime)\n"
				      "  u: udp 90 -> 10.0.0.3:90 (runtime)\n"
				      "  l: tcp 203.0.113.9:90 -> 10.0.0.3:90 (runtime)");
	try_remove_ports("{'ports':['7']}");
	assert_refused(DIAG_CONFLICT, "no forward has exactly these ports; name the one that is meant:\n"
				      "  list: tcp 7,9 -> 10.0.0.3 (runtime)");
	try_remove_ports("{'ports':['9','7']}");
	assert_said("removed list: tcp 7,9 -> 10.0.0.3");
	try_remove_ports("{'ports':['90'],'listen':'203.0.113.9'}");
	assert_said("removed l: tcp 203.0.113.9:90 -> 10.0.0.3:90");
	try_remove_ports("{'ports':['90'],'listen':'wan0'}");
	assert_said("not there");
	try_remove_ports("{'ports':['80']}");
	assert_refused(DIAG_DECLARED, "web: declared at gwd.yaml:2; remove it there, or gwctl off web");
	try_remove("web");
	assert_refused(DIAG_DECLARED, "web: declared at gwd.yaml:2; remove it there, or gwctl off web");
	try_remove_ports("{'ports':['x'],'proto':'icmp','listen':'a/b'}");
	assert_int_equal(place.diag.n, 3);
	try_remove_ports("{}");
	assert_refused(DIAG_INVALID, "neither a name nor ports are given");
	assert_list("web active\ndark off\nt active\nu active");
}

/* ---- on, off ------------------------------------------------------------------------------------ */

static void test_switch_runtime(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("a", "25", "10.0.0.3");
	try_enable("a", true);
	assert_said("a is on already");
	try_enable("a", false);
	assert_said("a is off");
	assert_list("a off");
	assert_elements("");
	try_enable("a", false);
	assert_said("a is off already");
	restart();
	assert_list("a off");
	try_enable("a", true);
	assert_said("a is on");
	assert_elements("element any4 { tcp . 25 : 10.0.0.3 . 25 } # a\n");
	try_enable("b", true);
	assert_refused(DIAG_NOT_FOUND, "there is no forward b: gwctl ls");
}

static void test_switch_declared(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", DECLARED);
	start();
	try_enable("web", false);
	assert_said("web is off");
	try_enable("dark", true);
	assert_said("dark is on");
	assert_list("web off: by uid 1000\ndark active");
	assert_elements("element any4 { tcp . 81 : 10.0.0.2 . 81 } # dark\n");
	restart();
	assert_list("web off: by uid 1000\ndark active");
	assert_int_equal(status().netlink->batches, 0);
	DONE(try_enable("web", true)); /* what the file says: no override is left */
	DONE(try_enable("dark", false));
	assert_list("web active\ndark off");
	restart();
	assert_list("web active\ndark off");
	DONE(try_enable("web", false));
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2, description: new}\n");
	DONE(try_apply(NULL, NULL)); /* survives the edit of another key */
	assert_list("web off: by uid 1000");
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2, enabled: false}\n");
	try_apply(NULL, NULL);
	assert_list("web off");
	assert_non_null(strstr(place.outcome.messages[1], "web: no longer switched off by hand: the file's `enabled` changed"));
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n");
	DONE(try_apply(NULL, NULL));
	assert_list("web active");
	restart();
	assert_list("web active");
	assert_int_equal(status().netlink->batches, 0);
}

/* ---- Dry runs ----------------------------------------------------------------------------------- */

#define DRY(call, expected_plan)                                                                                       \
	do {                                                                                                           \
		struct snapshot before = snapshot();                                                                   \
		place.options.dry_run = true;                                                                          \
		call;                                                                                                  \
		place.options.dry_run = false;                                                                         \
		fail_if_refused();                                                                                     \
		assert_false(place.outcome.changed && place.outcome.revision);                                         \
		assert_string_equal(place.outcome.plan, expected_plan);                                                \
		assert_int_equal(strncmp(place.outcome.messages[0], "would be done: ", 15), 0);                        \
		assert_unchanged(&before);                                                                             \
	} while (0)

static void test_dry_run(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", DECLARED);
	start();
	add("a", "25", "10.0.0.3");
	DRY(try_add("{'name':'x','ports':['90'],'to':[{'addr':'10.0.0.3'}]}"),
	    "add element any4 { tcp . 90 : 10.0.0.3 . 90 } # x\n");
	DRY(try_set("a", "{'to':[{'addr':'10.0.0.4'}]}"), "delete element any4 { tcp . 25 : 10.0.0.3 . 25 } # a\n"
							  "add element any4 { tcp . 25 : 10.0.0.4 . 25 } # a\n");
	DRY(try_remove("a"), "delete element any4 { tcp . 25 : 10.0.0.3 . 25 } # a\n");
	DRY(try_enable("a", false), "delete element any4 { tcp . 25 : 10.0.0.3 . 25 } # a\n");
	DRY(try_enable("web", false), "delete element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
	DRY(try_apply("", "gwd.yaml"), "delete element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
	DRY(try_rollback(1), "delete element any4 { tcp . 25 : 10.0.0.3 . 25 } # a\n");
	DRY(try_undo(), "delete element any4 { tcp . 25 : 10.0.0.3 . 25 } # a\n");
}

/* The very first change: its plan is the whole table, and forwarding stays as it is. */
static void test_dry_run_of_the_first(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	place.options.dry_run = true;
	DONE(try_add("{'ports':['90'],'to':[{'addr':'10.0.0.3'}]}"));
	assert_int_equal(strncmp(place.outcome.plan, "add table inet gwd\n", 19), 0);
	assert_non_null(strstr(place.outcome.plan, "# unasked4")); /* because it would turn forwarding on */
	assert_false(fake_kernel_ruleset()->table);
	assert_false(status().forwarding[0] || status().raised[0]);
	assert_list("");
}

/* ---- Looking ------------------------------------------------------------------------------------ */

static void test_get_and_list(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct forward_view view, *views;
	size_t n;

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", DECLARED);
	start();
	DONE(try_add("{'name':'list','ports':['7','9'],'proto':'tcp+udp','to':[{'addr':'10.0.0.3'}]}"));
	assert_int_equal(gwd_get(place.gwd, "list", true, &view, &diag), 0);
	assert_true(view.counted);
	assert_int_equal(view.state, FORWARD_ACTIVE);
	forward_view_free(&view);
	assert_int_equal(gwd_get(place.gwd, "lost", true, &view, &diag), -ENOENT);
	assert_string_equal(diag.mistakes[0].message, "there is no forward lost: gwctl ls");
	assert_int_equal(gwd_list(place.gwd, "[dw]*", &views, &n, &diag), 0);
	assert_int_equal(n, 2);
	DONE(try_remove("list")); /* rows stay valid while the world moves on */
	DONE(try_apply("", "gwd.yaml"));
	assert_string_equal(views[0].forward->name, "web");
	for (size_t i = 0; i < n; i++)
		forward_view_free(&views[i]);
	free(views);
}

static void test_status(void **state)
{
	struct gwd_status s;

	(void)state;
	NEED_NETNS();
	start();
	s = status();
	assert_false(s.table || s.forwarding[0] || s.forwarding[1] || s.raised[0] || s.raised[1]);
	assert_int_equal(s.revision, 1);
	assert_true(s.file_in_force);
	add("a", "25", "10.0.0.3");
	DONE(try_add("{'name':'b','ports':['26'],'to':[{'addr':'10.0.0.3'}],'enabled':false}"));
	put_file("etc/gwd.yaml", "services:\n  - {name: c, port: 80, to: 192.168.1.1}\n");
	s = status();
	assert_false(s.file_in_force);
	assert_int_equal(s.file_mistakes->n, 0);
	DONE(try_apply(NULL, NULL));
	s = status();
	assert_true(s.table && s.forwarding[0] && s.raised[0]);
	assert_false(s.forwarding[1] || s.raised[1]); /* nothing needs IPv6 */
	assert_int_equal(s.active, 1);
	assert_int_equal(s.off, 1);
	assert_int_equal(s.held, 1);
	assert_list("c held: 192.168.1.1 is this gateway's own address\na active\nb off");
	put_file("etc/gwd.yaml", "services: {\n");
	s = status();
	assert_false(s.file_in_force);
	assert_true(s.file_mistakes->n > 0);
	DONE(try_add("{'name':'six','ports':['80'],'to':[{'addr':'fd00::2'}]}"));
	assert_true(status().forwarding[1] && status().raised[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_add),
		IN_PLACE(test_add_twice),
		IN_PLACE(test_add_refused),
		IN_PLACE(test_add_off_may_wait),
		IN_PLACE(test_replace),
		IN_PLACE(test_replace_keeps_name),
		IN_PLACE(test_listen_elsewhere),
		IN_PLACE(test_without_wan),
		IN_PLACE(test_set),
		IN_PLACE(test_set_refused),
		IN_PLACE(test_remove),
		IN_PLACE(test_remove_by_ports),
		IN_PLACE(test_switch_runtime),
		IN_PLACE(test_switch_declared),
		IN_PLACE(test_dry_run),
		IN_PLACE(test_dry_run_of_the_first),
		IN_PLACE(test_get_and_list),
		IN_PLACE(test_status),
		IN_PLACE(test_replace_many),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
