/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ends by time: in memory, kernel, database and history alike, with a clock that the test sets. The kernel's own
 * timeouts are in tests/netns/test_leases.sh. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "expire_place.h"

/* ---- By time ------------------------------------------------------------------------------------- */

static void test_runtime_ends(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("keep", "80", "10.0.0.2");
	lease("one", "81", AT_ONE);
	assert_said("added one: tcp 81 -> 10.0.0.2:81 (until " AT_ONE ")");
	lease("two", "82", AT_TWO);
	pass(HOUR - 1);
	assert_list("keep active\none active\ntwo active");
	pass(1);
	assert_list("keep active\ntwo active");
	assert_int_equal(revision(), 4); /* an end is no change */
	assert_settled();
	pass(HOUR);
	assert_list("keep active");
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # keep\n");
	assert_settled();
}

static void test_several_end_at_once(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	lease("one", "81", AT_ONE);
	lease("other", "82", AT_ONE);
	pass(2 * HOUR);
	assert_list("");
	assert_settled();
}

static void test_declared_is_held(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2, expires: " AT_ONE "}\n");
	start();
	assert_list("web active");
	pass(HOUR);
	assert_list("web held: expired");
	assert_elements("");
	assert_settled();
	assert_list("web held: expired");
	try_add("{'ports':['80'],'to':[{'addr':'10.0.0.9'}]}"); /* it still has its port */
	assert_true(place.r < 0);
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2, expires: " AT_TWO "}\n");
	DONE(try_apply(NULL, NULL));
	assert_list("web active");
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2, expires: 2026-01-01T00:00:00Z}\n");
	DONE(try_apply(NULL, NULL)); /* a file is judged by its text alone */
	assert_list("web held: expired");
	assert_elements("");
	try_enable("web", false);
	assert_said("web is off");
	try_enable("web", true);
	assert_refused(DIAG_INVALID, "web: expired; it could not work");
	assert_settled();
}

static void test_past_is_refused(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	lease("one", "81", AT_ONE);
	try_add("{'name':'x','ports':['80'],'to':[{'addr':'10.0.0.2'}],'expires':'2026-11-21T12:00:00Z'}");
	assert_refused(DIAG_INVALID, "x: 2026-11-21T12:00:00Z is past: it is 2026-11-21T12:00:00Z");
	try_add("{'name':'x','ports':['80'],'to':[{'addr':'10.0.0.2'}],'enabled':false,'expires':'2026-11-21T11:59:59Z'"
		"}");
	assert_true(place.r < 0);
	try_set("one", "{'expires':'2026-11-21T11:00:00Z'}");
	assert_refused(DIAG_INVALID, "one: 2026-11-21T11:00:00Z is past: it is 2026-11-21T12:00:00Z");
	try_add("{'name':'one','ports':['81'],'to':[{'addr':'10.0.0.2'}],'expires':'2026-11-21T11:00:00Z'}");
	assert_refused(DIAG_INVALID, "one: 2026-11-21T11:00:00Z is past: it is 2026-11-21T12:00:00Z");
	assert_list("one active");
}

static void test_renew(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	lease("one", "81", AT_ONE);
	try_add("{'ports':['81'],'to':[{'addr':'10.0.0.2'}]}");
	assert_said("one is there already: tcp 81 -> 10.0.0.2:81"); /* it still ends */
	try_add("{'ports':['81'],'to':[{'addr':'10.0.0.2'}],'expires':'" AT_TWO "'}");
	assert_said("renewed one: tcp 81 -> 10.0.0.2:81 (until " AT_TWO ")");
	try_add("{'ports':['81'],'to':[{'addr':'10.0.0.2'}],'expires':'" AT_TWO "'}");
	assert_said("one is there already: tcp 81 -> 10.0.0.2:81");
	try_add("{'ports':['81'],'to':[{'addr':'10.0.0.3'}],'expires':'" AT_TWO "'}");
	assert_int_equal(place.r, -EEXIST);
	pass(HOUR);
	assert_list("one active");
	try_set("one", "{'expires':''}"); /* for good */
	fail_if_refused();
	pass(HOUR);
	assert_list("one active");
	assert_settled();
	assert_list("one active");
}

static void test_ended_while_down(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml",
		 "services:\n  - {name: web, port: 80, to: 10.0.0.2, expires: " AT_ONE ", on_expiry: cut}\n");
	start();
	lease("cut", "81", AT_ONE);
	DONE(try_set("cut", "{'on_expiry':'cut'}"));
	lease("drain", "82", AT_ONE);
	flow(1, IPPROTO_TCP, 80);
	flow(2, IPPROTO_TCP, 81);
	flow(3, IPPROTO_TCP, 82);
	stop();
	wallclock_fake(NOON + HOUR);
	start();
	assert_list("web held: expired");
	assert_elements("");
	assert_int_equal(fake_conntrack_count(), 1); /* what drains */
	assert_int_equal(fake_conntrack_flow(0)->id, 3);
	stop();
	wallclock_fake(NOON); /* the rows are gone too */
	start();
	assert_list("web held: the clock is not set yet: it was later than this before");
}

static void test_what_is_cut(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'name':'drain','proto':'tcp+udp','ports':['80'],'to':[{'addr':'10.0.0.2'}],'expires':'" AT_ONE
		     "'}"));
	DONE(try_add("{'name':'cut','proto':'tcp+udp','ports':['81'],'to':[{'addr':'10.0.0.2'}],'expires':'" AT_ONE
		     "','on_expiry':'cut'}"));
	flow(1, IPPROTO_TCP, 80);
	flow(2, IPPROTO_UDP, 80);
	flow(3, IPPROTO_TCP, 81);
	flow(4, IPPROTO_UDP, 81);
	DONE(try_enable("cut", false)); /* that is no end */
	assert_int_equal(fake_conntrack_count(), 3);
	DONE(try_enable("cut", true));
	pass(HOUR);
	assert_int_equal(fake_conntrack_count(), 1);
	assert_int_equal(fake_conntrack_flow(0)->id, 1);
}

/* The kernel has dropped the elements by itself, or will not do what is asked of it: the end comes all the same. */
static void test_kernel_says_no(void **state)
{
	_cleanup_(freep) char *left = NULL;

	(void)state;
	NEED_NETNS();
	start();
	lease("one", "81", AT_ONE);
	lease("two", "82", AT_TWO);
	fake_kernel_fail_commit(-ENOENT);
	pass(HOUR);
	assert_list("two active");
	left = elements();
	assert_non_null(strstr(left, "# two"));
	assert_null(strstr(left, "# one"));
	fake_kernel_fail_commit(-EPERM);
	pass(HOUR);
	assert_list("");
	gwd_settle(place.gwd);
	assert_elements("");
	assert_settled();
}

static void test_shadowed_and_dark_end_too(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	lease("a", "80", AT_ONE);
	lease("b", "81", AT_ONE);
	DONE(try_enable("b", false));
	DONE(try_apply("services:\n  - {name: web, port: 80, to: 10.0.0.9}\n", "new.yaml"));
	assert_list("web active\na held: shadowed by new.yaml:2\nb off");
	pass(HOUR);
	assert_list("web active");
}

/* A forward that was in the shadow of one that ends comes to light. */
static void test_unshadowed(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	lease("a", "80", AT_ONE);
	DONE(try_remove("a"));
	temporary("b", "80");
	DONE(try_undo());
	assert_list("b held: shadowed by a\na active");
	pass(HOUR);
	assert_list("b active");
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # b\n");
	assert_settled();
}

static void test_undo_brings_no_dead_back(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	lease("one", "81", AT_ONE);
	DONE(try_remove("one"));
	pass(HOUR);
	DONE(try_undo());
	assert_list("");
	assert_settled();
	assert_list("");
}

/* ---- The clock ----------------------------------------------------------------------------------- */

static void test_clock_not_set(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	lease("one", "81", AT_ONE);
	add("keep", "80", "10.0.0.2");
	stop();
	wallclock_fake(1000);
	start();
	assert_list("one held: the clock is not set yet: it was later than this before\nkeep active");
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # keep\n");
	try_add("{'name':'x','ports':['82'],'to':[{'addr':'10.0.0.2'}],'expires':'" AT_ONE "'}");
	assert_refused(DIAG_INVALID, "x: the clock says 1970-01-01T00:16:40Z, but it was later before: set it first");
	restart(); /* what it says is not believed later either */
	assert_list("one held: the clock is not set yet: it was later than this before\nkeep active");
	set_clock(2000);
	assert_list("one held: the clock is not set yet: it was later than this before\nkeep active");
	set_clock(NOON + 60);
	assert_list("one active\nkeep active");
	assert_settled();
	stop();
	wallclock_fake(1000);
	start();
	set_clock(NOON + HOUR);
	assert_list("keep active");
	assert_settled();
}

/* Without a jump, as when it is steered: now and then is soon enough. */
static void test_clock_comes_right(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	lease("one", "81", AT_ONE);
	stop();
	wallclock_fake(NOON - 61);
	start();
	assert_list("one held: the clock is not set yet: it was later than this before");
	wallclock_fake(NOON - 60);
	gwd_settle(place.gwd);
	assert_list("one active");
	assert_settled();
	stop();
	wallclock_fake(NOON - HOUR);
	start();
	wallclock_fake(NOON);
	add("keep", "80", "10.0.0.2"); /* a change is stored with the time: it is seen there first */
	gwd_settle(place.gwd);
	assert_list("one active\nkeep active");
	assert_settled();
}

static void test_clock_jumps(void **state)
{
	uint64_t dumps;

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2, expires: " AT_ONE "}\n");
	start();
	lease("one", "81", AT_ONE);
	lease("two", "82", AT_TWO);
	dumps = status().netlink->dumps;
	set_clock(NOON + HOUR);
	assert_list("web held: expired\ntwo active");
	assert_int_equal(status().netlink->dumps, dumps + 1); /* the kernel counts seconds: what is left was compared */
	set_clock(NOON - 2 * HOUR);                           /* whoever sets it back while gwd runs means it */
	assert_list("web active\ntwo active");
	lease("three", "83", AT_ONE);
	assert_settled();
	assert_list("web active\ntwo active\nthree active");
}

/* A forward that does not end asks nothing of the kernel when the clock is set. */
static void test_clock_jumps_over_nothing(void **state)
{
	uint64_t dumps;

	(void)state;
	NEED_NETNS();
	start();
	add("keep", "80", "10.0.0.2");
	dumps = status().netlink->dumps;
	set_clock(NOON + HOUR);
	assert_int_equal(status().netlink->dumps, dumps);
}

/* Time that passed without a change is remembered all the same. */
static void test_clock_is_remembered(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	lease("two", "82", AT_TWO);
	wallclock_fake(NOON + HOUR);
	gwd_settle(place.gwd);
	wallclock_fake(NOON);
	restart(); /* gwd_stop stores it too, but by then the clock was set back */
	assert_list("two active");
	wallclock_fake(NOON + HOUR);
	restart();
	wallclock_fake(NOON);
	stop();
	start();
	assert_list("two active");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_runtime_ends),
		IN_PLACE(test_several_end_at_once),
		IN_PLACE(test_declared_is_held),
		IN_PLACE(test_past_is_refused),
		IN_PLACE(test_renew),
		IN_PLACE(test_ended_while_down),
		IN_PLACE(test_what_is_cut),
		IN_PLACE(test_kernel_says_no),
		IN_PLACE(test_shadowed_and_dark_end_too),
		IN_PLACE(test_unshadowed),
		IN_PLACE(test_undo_brings_no_dead_back),
		IN_PLACE(test_clock_not_set),
		IN_PLACE(test_clock_comes_right),
		IN_PLACE(test_clock_jumps),
		IN_PLACE(test_clock_jumps_over_nothing),
		IN_PLACE(test_clock_is_remembered),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
