/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is taken back unless it is confirmed: at its deadline, over restarts and boots. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "confirm_place.h"

/* ---- The deadline ---------------------------------------------------------------------------------- */

static void test_taken_back(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("keep", "443", "10.0.0.2");
	within(60);
	add("web", "80", "10.0.0.2");
	assert_true(place.outcome.waits);
	for_good();
	assert_waits("added web: tcp 80 -> 10.0.0.2:80, 60 s");
	flow(1, IPPROTO_TCP, 80);
	flow(2, IPPROTO_TCP, 443);
	wait_for(59);
	assert_waits("added web: tcp 80 -> 10.0.0.2:80, 1 s");
	assert_list("keep active\nweb active");
	wait_for(1);
	assert_waits("");
	assert_list("keep active");
	assert_elements("element any4 { tcp . 443 : 10.0.0.2 . 443 } # keep\n");
	assert_int_equal(fake_conntrack_count(), 1); /* what only the change had let in is cut, also TCP */
	assert_int_equal(fake_conntrack_flow(0)->id, 2);
	assert_newest("4 reverted: not confirmed (added web: tcp 80 -> 10.0.0.2:80)");
	assert_settled();
	assert_list("keep active");
	wait_for(3600);
	assert_int_equal(revision(), 4);
	DONE(try_undo()); /* it is undone already */
	assert_said("undid revision 2: removed keep: tcp 443 -> 10.0.0.2:443");
}

static void test_confirmed(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	try_confirm(NULL, false);
	assert_refused(DIAG_NOT_FOUND,
		       "nothing waits to be confirmed; whether something was taken back: gwctl history");
	within(60);
	add("web", "80", "10.0.0.2");
	for_good();
	try_confirm("first", false);
	assert_refused(DIAG_PENDING,
		       "this login made the change, and may be the only one that still works: open a NEW login and "
		       "confirm there (--force to confirm it from here)");
	DONE(try_confirm("second", false));
	assert_said("confirmed: added web: tcp 80 -> 10.0.0.2:80");
	assert_waits("");
	wait_for(3600);
	assert_list("web active");
	assert_settled();
	assert_list("web active");
	assert_int_equal(revision(), 2);
}

/* By force, from a console, and for a change that was made on one. */
static void test_sessions(void **state)
{
	static const struct {
		const char *made, *confirmed;
		bool force;
	} cases[] = {{"a", "a", true}, {"a", NULL, false}, {NULL, NULL, false}, {NULL, "a", false}};

	(void)state;
	NEED_NETNS();
	start();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		within(60);
		place.options.session = cases[i].made;
		add("web", "80", "10.0.0.2");
		for_good();
		DONE(try_confirm(cases[i].confirmed, cases[i].force));
		DONE(try_remove("web"));
	}
}

/* Every kind of change, and all of it. */
static void test_every_change(void **state)
{
	_cleanup_(freep) char *before = NULL, *after = NULL, *rules_before = NULL, *rules_after = NULL;

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "gateway: {open: []}\n" WEB);
	start();
	add("one", "8001", "10.0.0.2");
	DONE(try_open("{'ports':'22'}"));
	DONE(gwd_export(place.gwd, &before, &place.diag));
	rules_before = rules();
	for (int i = 0; i < 10; i++) {
		within(60);
		switch (i) {
		case 0:
			DONE(try_set("one", "{'name':'other','ports':['8002'],'to':[{'addr':'10.0.0.3'}]}"));
			break;
		case 1:
			DONE(try_remove("one"));
			break;
		case 2:
			DONE(try_enable("one", false));
			break;
		case 3:
			DONE(try_enable("web", false));
			break;
		case 4:
			DONE(try_target("web", "10.0.0.2", TARGET_OFF));
			break;
		case 5:
			DONE(try_open("{'ports':'23'}"));
			break;
		case 6:
			DONE(try_open("{'ports':'22','from':['10.0.0.0/8']}"));
			break;
		case 7:
			DONE(try_close("{'ports':'22'}"));
			break;
		case 8:
			place.options.replace = true;
			DONE(try_add("{'name':'one','ports':['8001'],'to':[{'addr':'10.0.0.7'}]}"));
			break;
		case 9:
			DONE(try_rollback(1));
			break;
		}
		place.options.replace = false;
		for_good();
		wait_for(60);
		assert_waits("");
		DONE(gwd_export(place.gwd, &after, &place.diag));
		assert_same_text(after, before);
		free(TAKE_PTR(after));
		rules_after = rules();
		assert_same_text(rules_after, rules_before);
		free(TAKE_PTR(rules_after));
	}
	assert_settled();
	DONE(gwd_export(place.gwd, &after, &place.diag));
	assert_same_text(after, before);
}

static void test_temporary(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	temporary("temp", "81");
	within(60);
	temporary("other", "82");
	for_good();
	assert_waits("added other: tcp 82 -> 10.0.0.2:82 (temporary), 60 s");
	wait_for(60);
	assert_list("temp active");
	within(60);
	DONE(try_remove("temp"));
	for_good();
	assert_list("");
	restart();
	wait_for(60);
	assert_list("temp active");
	assert_int_equal(revision(), 1);
	place.options.lifetime = LIFETIME_TEMPORARY;
	within(60);
	DONE(try_open("{'ports':'22'}"));
	for_good();
	place.options.lifetime = LIFETIME_DURABLE;
	wait_for(60);
	DONE(try_close("{'ports':'22'}"));
	assert_said("not there");
	assert_settled();
	assert_list("temp active");
	restart(); /* it is temporary still */
	boot("second\n");
	restart();
	assert_list("");
}

static void test_held(void **state)
{
	static char alice;

	(void)state;
	NEED_NETNS();
	start();
	place.options.lifetime = LIFETIME_HELD;
	place.options.holder = &alice;
	add("old", "81", "10.0.0.2");
	within(60);
	add("new", "82", "10.0.0.2");
	for_good();
	wait_for(60);
	assert_list("old active");
	within(60);
	DONE(try_set("old", "{'ports':['83']}"));
	for_good();
	wait_for(60);
	assert_elements("element any4 { tcp . 81 : 10.0.0.2 . 81 } # old\n");
	within(60);
	DONE(try_remove("old"));
	for_good();
	gwd_release(place.gwd, &alice);
	wait_for(60);
	assert_list(""); /* nobody holds it any more */
	place.options.lifetime = LIFETIME_HELD;
	add("same", "84", "10.0.0.2");
	place.options.lifetime = LIFETIME_DURABLE;
	place.options.replace = true;
	within(60);
	add("same", "84", "10.0.0.3");
	for_good();
	wait_for(60);
	assert_elements("element any4 { tcp . 84 : 10.0.0.2 . 84 } # same\n");
	gwd_release(place.gwd, &alice);
	assert_list("");
	add("same", "84", "10.0.0.3");
	within(60);
	place.options.lifetime = LIFETIME_HELD;
	add("same", "84", "10.0.0.2");
	for_good();
	wait_for(60);
	gwd_release(place.gwd, &alice);
	assert_elements("element any4 { tcp . 84 : 10.0.0.3 . 84 } # same\n");
	assert_settled();
}

/* ---- Restarts -------------------------------------------------------------------------------------- */

static void test_restart_before(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	within(60);
	add("web", "80", "10.0.0.2");
	for_good();
	boottime_fake(START + 40000);
	restart();
	assert_waits("added web: tcp 80 -> 10.0.0.2:80, 20 s");
	assert_list("web active");
	DONE(try_confirm("second", false));
	wait_for(60);
	assert_list("web active");
	within(60);
	DONE(try_remove("web"));
	for_good();
	restart();
	assert_list("");
	try_add("{'ports':['80'],'to':[{'addr':'10.0.0.3'}]}"); /* found out again: it would be in the way */
	assert_int_equal(place.diag.kind, DIAG_PENDING);
	wait_for(60);
	assert_list("web active");
}

static void test_restart_after(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	within(60);
	add("web", "80", "10.0.0.2");
	for_good();
	flow(1, IPPROTO_TCP, 80);
	stop();
	boottime_fake(START + 60000);
	start();
	assert_waits("");
	assert_list("");
	assert_elements("");
	assert_int_equal(fake_conntrack_count(), 0);
	assert_newest("3 reverted: not confirmed (added web: tcp 80 -> 10.0.0.2:80)");
	assert_settled();
}

static int count_row(void *ctx, const char *name, const char *service, const char *boot_id)
{
	(void)name;
	(void)service;
	(void)boot_id;
	++*(size_t *)ctx;
	return 0;
}

/* What else the start finds out goes along: rows, and connections. */
static void test_restart_after_more(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	size_t rows = 0;

	(void)state;
	NEED_NETNS();
	start();
	lease("short", "81", AT_ONE);
	DONE(try_set("short", "{'on_expiry':'cut'}"));
	within(60);
	add("web", "80", "10.0.0.2");
	for_good();
	flow(1, IPPROTO_TCP, 80);
	flow(2, IPPROTO_TCP, 81);
	stop();
	boottime_fake(START + 60000);
	wallclock_fake(NOON + 2 * HOUR);
	start();
	assert_list("");
	assert_int_equal(fake_conntrack_count(), 0);
	assert_int_equal(state_each_runtime(gwd_state(place.gwd), count_row, &rows, &diag), 0);
	assert_int_equal(rows, 0);
	assert_settled();
}

/* Nothing of it is ever in the kernel again. */
static void test_another_boot(void **state)
{
	struct kernel_stats stats;

	(void)state;
	NEED_NETNS();
	boot("first\n");
	start();
	add("keep", "443", "10.0.0.2");
	within(3600);
	add("web", "80", "10.0.0.2");
	for_good();
	stop();
	fake_kernel_reset(); /* a boot forgets the rules */
	boot("second\n");
	boottime_fake(1000);
	start();
	stats = *status().netlink;
	assert_int_equal(stats.batches, 1);
	assert_waits("");
	assert_list("keep active");
	assert_elements("element any4 { tcp . 443 : 10.0.0.2 . 443 } # keep\n");
	assert_settled();
}

/* ---- Files ----------------------------------------------------------------------------------------- */

static void test_apply(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "lan: lan0\n" WEB);
	start();
	add("mine", "8080", "10.0.0.2");
	put_file("etc/gwd.yaml", BAD);
	within(60);
	DONE(try_apply(NULL, NULL));
	for_good();
	assert_list("bad active\nmine active");
	assert_true(status().file_in_force);
	add("other", "8081", "10.0.0.2"); /* meanwhile */
	wait_for(60);
	assert_list("web active\nmine active\nother active");
	assert_false(status().file_in_force);
	assert_newest("5 reverted: not confirmed (applied gwd.yaml: settings lan; added bad; removed web)");
	boot("second\n"); /* the bad file does not come back */
	restart();
	assert_list("web active\nmine active\nother active");
	restart();
	assert_list("web active\nmine active\nother active");
	DONE(try_apply(NULL, NULL));
	assert_list("bad active\nmine active\nother active");
}

/* A boot in between, with the file there, or with another. */
static void test_apply_and_boot(void **state)
{
	(void)state;
	NEED_NETNS();
	boot("first\n");
	put_file("etc/gwd.yaml", WEB);
	start();
	put_file("etc/gwd.yaml", BAD);
	within(3600);
	DONE(try_apply(NULL, NULL));
	for_good();
	stop();
	boot("second\n");
	fake_kernel_reset();
	start();
	assert_list("web active");
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
	boot("third\n");
	restart();
	assert_list("web active");
	within(3600);
	DONE(try_apply(BAD, "bad.yaml"));
	for_good();
	put_file("etc/gwd.yaml", "# the same\n" BAD);
	boot("fourth\n");
	restart();
	assert_list("web active");
	restart();
	assert_list("web active");
}

/* A file that is new at a start has to wait. */
static void test_start_with_new_file(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	within(60);
	add("mine", "8080", "10.0.0.2");
	for_good();
	put_file("etc/gwd.yaml", BAD);
	restart();
	assert_list("web active\nmine active");
	assert_false(status().file_in_force);
	wait_for(60);
	assert_list("web active");
}

/* Who was held for a program of this machine is again, and who was not is not. */
static void test_own_listeners(void **state)
{
	static const char text[] = "services:\n  - {name: ssh, port: 22, to: 10.0.0.2}\n  - {name: web, port: 80, to: "
				   "10.0.0.2}\n";

	(void)state;
	NEED_NETNS();
	start();
	fake_listen(PROTO_TCP, "0.0.0.0", 22, NULL);
	DONE(try_apply(text, "new.yaml"));
	fake_listen(PROTO_TCP, "0.0.0.0", 80, NULL); /* too late */
	for (int i = 0; i < 4; i++) {
		within(60);
		place.options.force = true;
		switch (i) {
		case 0:
			DONE(try_enable("ssh", true));
			assert_list("ssh active\nweb active");
			break;
		case 1:
			DONE(try_enable("web", false));
			break;
		case 2:
			DONE(try_apply("", "empty.yaml"));
			assert_list("");
			break;
		case 3:
			DONE(try_apply(text, "forced.yaml"));
			assert_list("ssh active\nweb active");
			break;
		}
		place.options.force = false;
		for_good();
		wait_for(60);
		assert_list("ssh held: port 22 is this gateway's own listener\nweb active");
	}
	assert_settled();
	assert_list("ssh held: port 22 is this gateway's own listener\nweb active");
	within(60);
	DONE(try_enable("web", false));
	for_good();
	place.options.force = true;
	DONE(try_enable("ssh", true)); /* somebody else's, and stays */
	place.options.force = false;
	wait_for(60);
	assert_list("ssh active\nweb active");
}

/* ---- Trouble --------------------------------------------------------------------------------------- */

/* Nothing waits for a change that was not made. */
static void test_no_change(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	within(60);
	DONE(try_add("{'ports':['80'],'to':[{'addr':'10.0.0.2'}]}"));
	assert_waits("");
	place.options.dry_run = true;
	DONE(try_remove("web"));
	place.options.dry_run = false;
	assert_waits("");
	DONE(try_apply(NULL, NULL));
	assert_waits("");
	fake_kernel_fail_commit(-EPERM);
	try_remove("web");
	assert_true(place.r < 0);
	assert_waits("");
	for_good();
	DONE(try_remove("web"));
	assert_waits("");
}

/* Taken back although the database cannot be told; it is told later. */
static void test_disk_full(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	within(60);
	add("web", "80", "10.0.0.2");
	for_good();
	disk_full(true);
	wait_for(60);
	disk_full(false);
	assert_list("");
	assert_elements("");
	try_confirm(NULL, false);
	assert_refused(DIAG_NOT_FOUND,
		       "nothing waits to be confirmed; whether something was taken back: gwctl history");
	gwd_settle(place.gwd);
	assert_waits("");
	assert_newest("3 reverted: not confirmed (added web: tcp 80 -> 10.0.0.2:80)");
	assert_settled();
	assert_list("");
}

static void test_kernel_refuses(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	within(60);
	add("web", "80", "10.0.0.2");
	for_good();
	fake_kernel_fail_commit(-EPERM);
	wait_for(60);
	assert_list("web active");
	gwd_settle(place.gwd);
	assert_list("");
	assert_settled();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_taken_back),
		IN_PLACE(test_confirmed),
		IN_PLACE(test_sessions),
		IN_PLACE(test_every_change),
		IN_PLACE(test_temporary),
		IN_PLACE(test_held),
		IN_PLACE(test_restart_before),
		IN_PLACE(test_restart_after),
		IN_PLACE(test_restart_after_more),
		IN_PLACE(test_another_boot),
		IN_PLACE(test_apply),
		IN_PLACE(test_apply_and_boot),
		IN_PLACE(test_start_with_new_file),
		IN_PLACE(test_own_listeners),
		IN_PLACE(test_no_change),
		IN_PLACE(test_disk_full),
		IN_PLACE(test_kernel_refuses),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
