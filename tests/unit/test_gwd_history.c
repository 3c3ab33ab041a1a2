/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a start takes up, and the ways back: file against runtime, apply, rollback, undo, restarts in between. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <sqlite3.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

#define WEB "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n"
#define NEW "services:\n  - {name: new, port: 90, to: 10.0.0.2}\n"
#define BROKEN "services:\n  - {name: web, port: 80, to: 10.0.0.2, prot: udp}\n  - {name: x, port: 0, to: 10.0.0.2}\n"

static uint64_t batches(void)
{
	return status().netlink->batches;
}

/* A restart has nothing to send, and lists the same. */
static void assert_survives(const char *list)
{
	assert_list(list);
	restart();
	assert_list(list);
	assert_int_equal(batches(), 0);
}

static void apply(void)
{
	try_apply(NULL, NULL);
	fail_if_refused();
}

/* ---- Start --------------------------------------------------------------------------------------- */

static void test_nothing_makes_no_table(void **state)
{
	(void)state;
	NEED_NETNS();
	start(); /* not even a file */
	assert_int_equal(batches(), 0);
	put_file("etc/gwd.yaml", "# nothing yet\nservices:\n");
	apply();
	restart();
	assert_false(fake_kernel_ruleset()->table);
	assert_false(status().forwarding[0] || status().forwarding[1]);
	assert_int_equal(batches(), 0);
	put_file("etc/gwd.yaml", WEB);
	apply();
	put_file("etc/gwd.yaml", "");
	apply();
	assert_true(fake_kernel_ruleset()->table); /* one that is there stays */
	assert_survives("");
}

static void test_changed_while_down(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	add("mail", "25", "10.0.0.3");
	stop();
	put_file("etc/gwd.yaml", NEW);
	start();
	assert_list("new active\nmail active");
	assert_int_equal(status().revision, 3);
	assert_true(status().file_in_force);
	assert_survives("new active\nmail active");
	assert_int_equal(status().revision, 3);
}

static void test_broken_at_start(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	add("mail", "25", "10.0.0.3");
	stop();
	put_file("etc/gwd.yaml", BROKEN);
	for (int i = 0; i < 2; i++) {
		start();
		assert_list("web active\nmail active");
		assert_int_equal(batches(), 0);
		assert_int_equal(status().revision, 2);
		assert_false(status().file_in_force);
		assert_int_equal(status().file_mistakes->n, 2);
		stop();
	}
	start();
	add("more", "26", "10.0.0.3"); /* life goes on */
	put_file("etc/gwd.yaml", WEB);
	assert_true(status().file_in_force);
}

/* Nothing was ever accepted: hands off, whatever is in the kernel. */
static void test_broken_from_the_beginning(void **state)
{
	_cleanup_(freep) char *before = NULL, *after = NULL, *remove = NULL;

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	stop();
	remove = xasprintf("rm -r %s", place.state);
	netns_run(remove);
	before = rules();
	put_file("etc/gwd.yaml", BROKEN);
	start();
	assert_list("");
	assert_int_equal(status().file_mistakes->n, 2);
	try_add("{'ports':['25'],'to':[{'addr':'10.0.0.3'}]}");
	assert_refused(DIAG_INVALID, "gwd.yaml has mistakes and no earlier state is known: correct it, then gwctl apply");
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	gwd_links_event(place.gwd);
	assert_true(try_apply(NULL, NULL) < 0);
	restart();
	after = rules();
	assert_same_text(after, before);
	assert_int_equal(batches(), 0);
	put_file("etc/gwd.yaml", NEW);
	apply();
	assert_elements("element any4 { tcp . 90 : 10.0.0.2 . 90 } # new\n");
	add("mail", "25", "10.0.0.3");
	assert_survives("new active\nmail active");
}

static void test_newer_database(void **state)
{
	_cleanup_(freep) char *path = NULL;
	sqlite3 *db;

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	add("mail", "25", "10.0.0.3");
	stop();
	path = xasprintf("%s/state.db", place.state);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	start(); /* from the file */
	assert_list("web active");
	assert_int_equal(try_add("{'ports':['25'],'to':[{'addr':'10.0.0.3'}]}"), -EROFS);
	assert_int_equal(try_apply(NULL, NULL), -EROFS);
	assert_int_equal(try_enable("web", false), -EROFS);
	assert_int_equal(try_remove("web"), -EROFS);
	assert_int_equal(try_set("web", "{'proto':'udp'}"), -EROFS);
	assert_int_equal(try_rollback(1), -EROFS);
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	gwd_links_event(place.gwd); /* the rules follow all the same */
	assert_null(status().last_error);
	stop();
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 4", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	start();
	assert_list("web active\nmail active"); /* untouched */
}

/* Rows under another name than they give themselves: nothing could ever remove them. */
static void test_misnamed_rows(void **state)
{
	_cleanup_(freep) char *path = place_path("state/state.db");
	size_t n;
	sqlite3 *db;

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	DONE(try_open("{'ports':'22'}"));
	stop();
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE runtime SET name = 'mail'; UPDATE live SET name = 'wan tcp 23'", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	start();
	assert_list("");
	struct opening_view *views = gwd_openings(place.gwd, &n);
	opening_views_free(views, n);
	assert_int_equal(n, 0);
	assert_settled();
}

static void test_second_gwd(void **state)
{
	const struct gwd_options options = {place.config, place.state};
	struct gwd *other = NULL;

	(void)state;
	NEED_NETNS();
	start();
	assert_true(gwd_start(&options, &other, &place.diag) < 0);
	assert_int_equal(place.diag.kind, DIAG_BUSY);
	assert_null(other);
}

/* ---- apply --------------------------------------------------------------------------------------- */

static void test_apply(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	apply();
	assert_said("applied gwd.yaml: nothing changed");
	assert_false(place.outcome.changed);
	assert_int_equal(status().revision, 1);
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.3}\n  - {port: 25, to: 10.0.0.4}\n");
	put_file("etc/gwd.d/10-x.yaml", "services:\n  - {port: 53, proto: udp, to: 10.0.0.5}\n");
	apply();
	assert_said("applied gwd.yaml: added tcp-25, udp-53; changed web");
	assert_int_equal(batches(), 2);
	assert_survives("web active\ntcp-25 active\nudp-53 active");
	put_file("etc/gwd.yaml", "lan: lan0\ngateway:\n  open:\n    - port: 22\nservices:\n  - {port: 1-3, to: 10.0.0.4}\n"
				 "  - {port: 4, to: 10.0.0.4}\n  - {port: 5, to: 10.0.0.4}\n  - {port: 6, to: 10.0.0.4}\n"
				 "  - {port: 7, to: 10.0.0.4}\n  - {port: 8, to: 10.0.0.4}\n  - {port: 25, to: 10.0.0.4}\n");
	apply();
	assert_said("applied gwd.yaml: settings lan, gateway; added tcp-1-3, tcp-4, tcp-5, tcp-6, tcp-7 and 1 more; "
		    "removed web");
}

static void test_apply_refused(void **state)
{
	_cleanup_(freep) char *before = NULL, *after = NULL;

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	before = rules();
	put_file("etc/gwd.yaml", BROKEN);
	try_apply(NULL, NULL);
	assert_int_equal(place.r, -EINVAL);
	assert_int_equal(place.diag.n, 2); /* all mistakes in one run, with their places */
	assert_string_equal(place.diag.mistakes[0].loc.file, "gwd.yaml");
	assert_int_equal(place.diag.mistakes[0].loc.line, 2);
	assert_string_equal(place.diag.mistakes[0].message, "web: unknown key 'prot', did you mean 'proto'?");
	assert_int_equal(place.diag.mistakes[1].loc.line, 3);
	assert_int_equal(batches(), 1);
	assert_survives("web active");
	after = rules();
	assert_same_text(after, before);
	assert_int_equal(status().revision, 1);
}

static void test_apply_file(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	add("mail", "25", "10.0.0.3");
	DONE(try_apply(NEW, "/root/new.yaml"));
	assert_said("applied /root/new.yaml: added new; removed web");
	assert_false(status().file_in_force);
	assert_survives("new active\nmail active"); /* though gwd.yaml says otherwise */
	assert_false(status().file_in_force);
	put_file("etc/gwd.yaml", NEW); /* they agree */
	assert_true(status().file_in_force);
	assert_survives("new active\nmail active");
	put_file("etc/gwd.yaml", WEB);
	apply();
	assert_survives("web active\nmail active");
}

/* What was refused does not come in by the back door, nor does gwd.yaml of before. */
static void test_refused_file_is_seen(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	DONE(try_apply(NEW, "new.yaml"));
	put_file("etc/gwd.yaml", BROKEN);
	assert_true(try_apply(NULL, NULL) < 0);
	assert_survives("new active");
}

/* ---- File against runtime -------------------------------------------------------------------------- */

static void test_export_applies_cleanly(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	char *yaml;

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "lan: lan0\n" WEB "  - {name: dark, port: 81, to: 10.0.0.2}\n");
	put_file("etc/gwd.d/10-x.yaml", "services:\n  - {port: 53, to: 10.0.0.5}\n");
	start();
	DONE(try_enable("dark", false));
	add("mail", "25", "10.0.0.3");
	assert_int_equal(gwd_export(place.gwd, &yaml, &diag), 0);
	assert_null(strstr(yaml, "tcp-53")); /* it has a file of its own */
	put_file("etc/gwd.yaml", yaml);
	free(yaml);
	apply();
	assert_int_equal(batches(), 3); /* nothing was sent since `add` */
	assert_true(status().file_in_force);
	assert_survives("web active\ndark off\nmail active\ntcp-53 active");
	try_remove("mail");
	assert_int_equal(place.diag.kind, DIAG_DECLARED); /* absorbed */
}

/* What the file absorbed was there at that revision, so it must come back. */
static void test_rollback_over_absorbed(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	put_file("etc/gwd.yaml", WEB);
	apply();
	assert_said("applied gwd.yaml: nothing changed\nweb: now in gwd.yaml:2, no longer kept as a runtime forward");
	add("mail", "25", "10.0.0.3");
	DONE(try_rollback(2));
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
	assert_survives("web active");
}

/* The name that a renamed forward gets must not be one that another runtime forward has. */
static void test_renamed_beside_namesake(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "81", "10.0.0.2");
	add("web-2", "82", "10.0.0.3");
	put_file("etc/gwd.yaml", WEB);
	apply();
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n"
			"element any4 { tcp . 81 : 10.0.0.2 . 81 } # web-3\n"
			"element any4 { tcp . 82 : 10.0.0.3 . 82 } # web-2\n");
	restart();
	assert_int_equal(batches(), 0);
	DONE(try_undo());
	assert_elements("element any4 { tcp . 81 : 10.0.0.2 . 81 } # web\n"
			"element any4 { tcp . 82 : 10.0.0.3 . 82 } # web-2\n");
}

static void test_shadowed(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("range", "80-90", "10.0.0.2");
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 85, to: 10.0.0.2}\n");
	apply();
	assert_survives("web active\nrange held: shadowed by gwd.yaml:2");
	try_set("range", "{'ports':['80']}");
	assert_int_equal(place.diag.kind, DIAG_CONFLICT);
	put_file("etc/gwd.yaml", "");
	apply();
	assert_elements("element any4_tcp { 80-90 : 10.0.0.2 } # range\n");
	assert_survives("range active");
}

/* By another runtime one, when both were under the file. */
static void test_shadowed_by_runtime(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("range", "80-90", "10.0.0.2");
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 85, to: 10.0.0.2}\n");
	apply();
	add("one", "80", "10.0.0.3");
	put_file("etc/gwd.yaml", "");
	apply();
	assert_survives("range held: shadowed by one\none active"); /* what works goes on working */
	DONE(try_remove("one"));
	assert_survives("range active");
}

static void test_order_survives(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("a", "80", "10.0.0.2");
	add("b", "81", "10.0.0.2");
	DONE(try_set("a", "{'description':'first'}"));
	assert_survives("a active\nb active");
}

/* ---- Back ----------------------------------------------------------------------------------------- */

static void test_rollback(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	add("a", "1", "10.0.0.2"); /* 2 */
	DONE(try_enable("web", false)); /* 3 */
	DONE(try_set("a", "{'to':[{'addr':'10.0.0.3'}]}")); /* 4 */
	DONE(try_apply(NEW, "new.yaml")); /* 5: ends the override */
	DONE(try_remove("a")); /* 6 */
	assert_list("new active");
	try_rollback(3);
	assert_said("rolled back to revision 3: added web, a; removed new");
	assert_int_equal(status().revision, 7);
	assert_elements("element any4 { tcp . 1 : 10.0.0.2 . 1 } # a\n");
	assert_survives("web off: by uid 1000\na active");
	DONE(try_rollback(6));
	assert_survives("new active");
	DONE(try_rollback(1));
	assert_survives("web active");
	DONE(try_rollback(4));
	assert_elements("element any4 { tcp . 1 : 10.0.0.3 . 1 } # a\n");
	assert_survives("web off: by uid 1000\na active");
	assert_int_equal(try_rollback(99), -ENOENT);
	assert_int_equal(place.diag.kind, DIAG_NOT_FOUND);
	assert_int_equal(try_rollback(0), -ENOENT);
	assert_int_equal(status().revision, 10);
}

static void test_undo(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	try_undo();
	assert_said("there is nothing to undo");
	add("a", "1", "10.0.0.2"); /* 2 */
	DONE(try_enable("web", false)); /* 3 */
	DONE(try_apply(NEW, "new.yaml")); /* 4 */
	try_undo();
	assert_said("undid revision 4: added web; removed new");
	assert_survives("web off: by uid 1000\na active");
	try_undo();
	assert_said("undid revision 3: changed web: tcp 80 -> 10.0.0.2:80, was tcp 80 -> 10.0.0.2:80, off");
	assert_survives("web active\na active");
	add("b", "2", "10.0.0.2"); /* in between */
	DONE(try_undo());
	assert_survives("web active\na active");
	try_undo();
	assert_said("undid revision 2: removed a: tcp 1 -> 10.0.0.2:1");
	assert_survives("web active");
	try_undo();
	assert_said("there is nothing to undo");
	assert_int_equal(place.outcome.revision, 0);
}

/* ---- Questions about files ------------------------------------------------------------------------ */

static void assert_diff(const char *text, int64_t revision, const char *expected)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *said = NULL;
	char **lines = NULL;
	size_t n = 0;

	assert_int_equal(gwd_diff(place.gwd, text, text ? strlen(text) : 0, "x.yaml", revision, &lines, &n, &diag), 0);
	said = join(lines, n);
	for (size_t i = 0; i < n; i++)
		free(lines[i]);
	free(lines);
	assert_string_equal(said, expected);
}

static void test_diff(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	char **lines;
	size_t n;

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", WEB);
	start();
	add("a", "1", "10.0.0.2");
	assert_diff(NULL, 0, "");
	put_file("etc/gwd.yaml", NEW);
	assert_diff(NULL, 0, "- web: tcp 80 -> 10.0.0.2:80\n+ new: tcp 90 -> 10.0.0.2:90");
	assert_diff("", 0, "- web: tcp 80 -> 10.0.0.2:80");
	assert_diff(NULL, 1, "- a: tcp 1 -> 10.0.0.2:1");
	assert_diff(NULL, 2, "");
	assert_int_equal(gwd_diff(place.gwd, NULL, 0, NULL, 7, &lines, &n, &diag), -ENOENT);
	diag_free(&diag);
	assert_int_equal(gwd_diff(place.gwd, "a: [", 4, "x.yaml", 0, &lines, &n, &diag), -EINVAL);
	assert_list("web active\na active");
	assert_int_equal(status().revision, 2);
}

static void test_check(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	size_t services;

	(void)state;
	NEED_NETNS();
	start();
	put_file("etc/gwd.yaml", WEB);
	assert_int_equal(gwd_check(place.gwd, NULL, 0, NULL, &services, &diag), 0);
	assert_int_equal(services, 1);
	assert_int_equal(gwd_check(place.gwd, BROKEN, strlen(BROKEN), "x.yaml", &services, &diag), 0);
	assert_int_equal(services, 0);
	assert_int_equal(diag.n, 2);
	assert_string_equal(diag.mistakes[0].loc.file, "x.yaml");
	assert_list("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_nothing_makes_no_table),
		IN_PLACE(test_changed_while_down),
		IN_PLACE(test_broken_at_start),
		IN_PLACE(test_broken_from_the_beginning),
		IN_PLACE(test_newer_database),
		IN_PLACE(test_misnamed_rows),
		IN_PLACE(test_second_gwd),
		IN_PLACE(test_apply),
		IN_PLACE(test_apply_refused),
		IN_PLACE(test_apply_file),
		IN_PLACE(test_refused_file_is_seen),
		IN_PLACE(test_export_applies_cleanly),
		IN_PLACE(test_rollback_over_absorbed),
		IN_PLACE(test_renamed_beside_namesake),
		IN_PLACE(test_shadowed),
		IN_PLACE(test_shadowed_by_runtime),
		IN_PLACE(test_order_survives),
		IN_PLACE(test_rollback),
		IN_PLACE(test_undo),
		IN_PLACE(test_diff),
		IN_PLACE(test_check),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
