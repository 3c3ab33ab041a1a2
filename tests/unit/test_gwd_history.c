/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What survives: restarts, rollback, undo, and file against runtime. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

#define WEB "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n"

static uint64_t batches(void)
{
	return status().netlink->batches;
}

static void apply(void)
{
	try_apply(NULL, NULL);
	fail_if_refused();
}

/* ---- Absorbed, renamed, shadowed ----------------------------------------------------------------- */

static void test_export_applies_cleanly(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	char *yaml;

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	assert_int_equal(gwd_export(place.gwd, &yaml, &diag), 0);
	put_file("etc/gwd.yaml", yaml);
	free(yaml);
	apply();
	assert_said("applied gwd.yaml: nothing changed\nweb: now in gwd.yaml:2, no longer kept as a runtime forward");
	assert_true(status().file_in_force);
	restart();
	assert_list("web active");
	assert_int_equal(batches(), 0);
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
	add("mail", "25", "10.0.0.3");
	DONE(try_rollback(2));
	assert_list("web active");
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
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
	assert_list("web active\nweb-3 active\nweb-2 active");
	assert_int_equal(batches(), 0);
}

static void test_order_survives(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("a", "80", "10.0.0.2");
	add("b", "81", "10.0.0.2");
	DONE(try_set("a", "{'description':'first'}"));
	assert_list("a active\nb active");
	restart();
	assert_list("a active\nb active");
}

/* A runtime forward under another runtime one (both were under the file). */
static void test_shadowed_by_runtime(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("range", "80-90", "10.0.0.2");
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 85, to: 10.0.0.2}\n");
	apply();
	assert_list("web active\nrange held: shadowed by gwd.yaml:2");
	add("one", "80", "10.0.0.3");
	put_file("etc/gwd.yaml", "");
	apply();
	assert_list("range active\none held: shadowed by range");
	DONE(try_remove("range"));
	assert_list("one active");
}

/* ---- add ----------------------------------------------------------------------------------------- */

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
	restart();
	assert_list("all active");
	assert_int_equal(batches(), 0);
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

static void test_first_add_without_wan_warns(void **state)
{
	(void)state;
	NEED_NETNS();
	netns_run("ip route del default");
	start();
	add("web", "80", "10.0.0.2");
	assert_int_equal(place.diag.n_warnings, 1);
	assert_non_null(strstr(place.diag.warnings[0], "no wan interface is known yet"));
}

static void test_restarts_forever(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_kernel_restart(1000);
	assert_int_equal(try_add("{'ports':['80'],'to':[{'addr':'10.0.0.2'}]}"), -ERESTART);
	assert_true(place.diag.n > 0);
}

static void test_same_range_is_one_element(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'ports':['8000-8010'],'to':[{'addr':'10.0.0.2','port':'8000-8010'}]}"));
	assert_elements("element any4_tcp { 8000-8010 : 10.0.0.2 } # tcp-8000-8010\n");
}

/* ---- Disk ---------------------------------------------------------------------------------------- */

static void test_full_disk_at_start(void **state)
{
	_cleanup_(freep) char *before = NULL, *after = NULL;

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	stop();
	before = rules();
	disk_full(true);
	try_start();
	disk_full(false);
	after = rules();
	assert_true(place.r < 0);
	assert_string_equal(after, before);
}

static void test_full_disk(void **state)
{
	_cleanup_(freep) char *before = NULL, *after = NULL;
	int64_t revision;

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	before = rules();
	revision = status().revision;
	disk_full(true);
	try_add("{'ports':['81'],'to':[{'addr':'10.0.0.2'}]}");
	disk_full(false);
	assert_true(place.r < 0);
	after = rules();
	assert_string_equal(after, before);
	assert_int_equal(status().revision, revision);
	assert_list("web active");
	add("again", "81", "10.0.0.2");
	restart();
	assert_int_equal(batches(), 0);
}

/* The address of the target was ours and goes: the first forward acts, so forwarding is raised and guarded. */
static void test_raised_by_link_event(void **state)
{
	(void)state;
	NEED_NETNS();
	netns_run("ip address add 10.0.0.2/24 dev lan0");
	put_file("etc/gwd.yaml", WEB);
	start();
	assert_false(status().forwarding[0]);
	netns_run("ip address del 10.0.0.2/24 dev lan0");
	gwd_links_event(place.gwd);
	assert_true(status().forwarding[0]);
	assert_true(status().raised[0]);
	restart();
	assert_true(status().raised[0]);
	assert_int_equal(batches(), 0);
}

static void test_remembered_after_refusal(void **state)
{
	(void)state;
	NEED_NETNS();
	netns_run("ip route del default");
	put_file("etc/gwd.yaml", WEB);
	start();
	netns_run("ip route add default via 203.0.113.1");
	fake_kernel_fail_commit(-EINVAL);
	gwd_links_event(place.gwd);
	assert_non_null(status().last_error);
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	gwd_links_event(place.gwd);
	netns_run("ip route del default");
	gwd_links_event(place.gwd);
	restart();
	assert_list("web active");
}

static void test_refused_links_follow_later(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	fake_kernel_fail_commit(-EINVAL);
	gwd_links_event(place.gwd);
	assert_non_null(status().last_error);
	add("mail", "25", "10.0.0.2");
	_cleanup_(freep) char *text = rules();
	assert_non_null(strstr(text, "203.0.113.6"));
}

static void test_apply_copy_agrees(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_apply(WEB, "/root/new.yaml"));
	assert_false(status().file_in_force);
	put_file("etc/gwd.yaml", WEB);
	assert_true(status().file_in_force);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_export_applies_cleanly),
		IN_PLACE(test_rollback_over_absorbed),
		IN_PLACE(test_renamed_beside_namesake),
		IN_PLACE(test_order_survives),
		IN_PLACE(test_shadowed_by_runtime),
		IN_PLACE(test_replace_keeps_name),
		IN_PLACE(test_first_add_without_wan_warns),
		IN_PLACE(test_restarts_forever),
		IN_PLACE(test_same_range_is_one_element),
		IN_PLACE(test_full_disk),
		IN_PLACE(test_full_disk_at_start),
		IN_PLACE(test_raised_by_link_event),
		IN_PLACE(test_remembered_after_refusal),
		IN_PLACE(test_refused_links_follow_later),
		IN_PLACE(test_apply_copy_agrees),
		IN_PLACE(test_replace_many),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
