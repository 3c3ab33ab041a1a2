/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other changes while one waits to be confirmed: they go on unless they touch the same; and one that cannot be taken
 * back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <sqlite3.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "confirm_place.h"

static void test_others_go_on(void **state)
{
#define WAITS "a change is not confirmed yet (changed web: tcp 80 -> 10.0.0.3:80, was tcp 80 -> 10.0.0.2:80): gwctl confirm, "
#define OR "or wait 60 s, then it is taken back"
#define UNDO "gwctl undo, "
	static const char web[] = "web: " WAITS UNDO OR,
			  only[] = "only one change can wait: " WAITS UNDO OR,
			  newer[] = "web: " WAITS OR,
			  taken[] = "taken by web (tcp 80 -> 10.0.0.3:80, runtime); " WAITS UNDO OR;

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	add("mail", "25", "10.0.0.2");
	within(60);
	DONE(try_set("web", "{'to':[{'addr':'10.0.0.3'}]}"));
	try_add("{'ports':['81'],'to':[{'addr':'10.0.0.2'}]}");
	assert_refused(DIAG_PENDING, only);
	for_good();
	try_remove("web");
	assert_refused(DIAG_PENDING, web);
	try_set("web", "{'name':'shop'}");
	assert_refused(DIAG_PENDING, web);
	try_add("{'ports':['80'],'to':[{'addr':'10.0.0.9'}]}"); /* --replace would be refused */
	assert_refused(DIAG_CONFLICT, taken);
	try_set("mail", "{'name':'other','ports':['80'],'listen':'203.0.113.5'}"); /* nests: not the same */
	fail_if_refused(); /* from here on undo would take back this one */
	place.options.replace = true;
	try_add("{'name':'other','ports':['79-81'],'to':[{'addr':'10.0.0.2'}]}");
	assert_refused(DIAG_PENDING, newer);
	place.options.replace = false;
	try_rollback(2);
	assert_refused(DIAG_PENDING, newer);
	place.options.dry_run = true;
	try_rollback(2);
	assert_refused(DIAG_PENDING, newer);
	place.options.dry_run = false;
	add("new", "8080", "10.0.0.2");
	DONE(try_rollback(4));
	DONE(try_undo()); /* of that */
	assert_list("web active\nnew active\nother active");
	DONE(try_apply("lan: lan0\n", "new.yaml"));
	try_apply("services:\n  - {name: web, port: 9000, to: 10.0.0.2}\n", "new.yaml");
	assert_refused(DIAG_PENDING, newer);
	wait_for(60);
	assert_list("new active\nother active\nweb active");
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n"
			"element any4 { tcp . 8080 : 10.0.0.2 . 8080 } # new\n"
			"element pin4 { 203.0.113.5 . tcp . 80 : 10.0.0.2 . 80 } # other\n");
	assert_settled();
}

static void test_openings_and_files(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "gateway: {open: []}\n");
	start();
	within(60);
	DONE(try_open("{'ports':'22'}"));
	for_good();
	try_close("{'ports':'22'}");
	assert_refused(DIAG_PENDING, "tcp 22: a change is not confirmed yet (opened tcp 22): gwctl confirm, gwctl undo, or wait 60 "
				     "s, then it is taken back");
	DONE(try_open("{'ports':'23'}"));
	DONE(try_confirm(NULL, false));
	put_file("etc/gwd.yaml", "gateway: {open: [{port: 443}]}\n");
	within(60);
	DONE(try_apply(NULL, NULL));
	for_good();
	DONE(try_close("{'ports':'23'}"));
	try_apply(WEB, "new.yaml");
	assert_refused(
		DIAG_PENDING,
		"gwd.yaml: a change is not confirmed yet (applied gwd.yaml: settings gateway): gwctl "
		"confirm, or wait 60 s, then it is taken back");
	restart();
	try_apply(WEB, "new.yaml");
	assert_int_equal(place.diag.kind, DIAG_PENDING);
}

/* Names too: what comes back needs its own. */
static void test_names(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	add("mail", "25", "10.0.0.2");
	within(60);
	DONE(try_remove("web"));
	for_good();
	try_add("{'name':'web','ports':['8080'],'to':[{'addr':'10.0.0.2'}]}");
	assert_int_equal(place.diag.kind, DIAG_PENDING);
	try_set("mail", "{'name':'web'}");
	assert_int_equal(place.diag.kind, DIAG_PENDING);
	try_apply("services:\n  - {name: web, port: 8080, to: 10.0.0.2}\n", "new.yaml");
	assert_int_equal(place.diag.kind, DIAG_PENDING);
	wait_for(60);
	assert_list("mail active\nweb active");
}

static void test_undo(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("keep", "443", "10.0.0.2");
	within(60);
	add("web", "80", "10.0.0.2");
	for_good();
	DONE(try_undo());
	assert_said("undid revision 3 (added web: tcp 80 -> 10.0.0.2:80)");
	assert_waits("");
	assert_list("keep active");
	within(60);
	temporary("temp", "81");
	for_good();
	DONE(try_undo());
	assert_said("undid (added temp: tcp 81 -> 10.0.0.2:81 (temporary))");
	assert_list("keep active");
	within(60);
	DONE(try_undo()); /* of keep; not confirmed, it can be undone again */
	for_good();
	assert_list("");
	wait_for(60);
	assert_list("keep active");
	DONE(try_undo());
	assert_list("");
	assert_settled();
}

/* What ran before it is not understood (an older gwd was installed, the database was tampered with): it stays, and the
 * start is one like any other, which turns forwarding on and closes what that would open. */
static void test_not_understood(void **state)
{
	sqlite3 *db;
	_cleanup_(freep) char *path = place_path("state/state.db"), *table = NULL;

	(void)state;
	NEED_NETNS();
	boot("first\n");
	put_file("etc/gwd.yaml", "services: [{port: 443, to: 10.0.0.2}]\n");
	start();
	within(3600);
	add("web", "80", "10.0.0.2");
	for_good();
	stop();
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE document SET text = 'services: 7'", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	fake_kernel_reset();
	put_file("sys/net/ipv4/ip_forward", "0\n");
	boot("second\n");
	boottime_fake(1000);
	start();
	assert_waits("");
	assert_list("tcp-443 active\nweb active");
	table = rules();
	assert_non_null(strstr(table, "# unasked4"));
	assert_true(status().raised[0]);
	assert_settled();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_others_go_on),
		IN_PLACE(test_openings_and_files),
		IN_PLACE(test_names),
		IN_PLACE(test_undo),
		IN_PLACE(test_not_understood),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
