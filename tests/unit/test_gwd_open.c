/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports of the gateway itself, opened and closed while everything runs: beside the file, over restarts, with an end, and
 * in the history. What the rules make of them is test_compile_zones.c's and tests/netns/test_open.sh's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"
#include "wallclock.h"

#define NOON INT64_C(1795262400) /* 2026-11-21T12:00:00Z */
#define AT_ONE "2026-11-21T13:00:00Z"
#define PROTECTED "gateway:\n  open:\n    - {port: 22, from: local}\n"

static int open_setup(void **state)
{
	wallclock_fake(NOON);
	return place_new(state);
}

static int open_teardown(void **state)
{
	int r = place_gone(state);

	wallclock_fake(0);
	return r;
}

#undef IN_PLACE
#define IN_PLACE(name) cmocka_unit_test_setup_teardown(name, open_setup, open_teardown)

/* "tcp 22 from local (gwd.yaml:3)" of each that is declared or was opened. */
static void assert_open(const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};
	size_t n;
	struct opening_view *views = gwd_openings(place.gwd, &n);

	buf_printf(&out, "%s", "");
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *text = opening_text(&views[i].opening);
		_cleanup_(freep) char *from = opening_place(&views[i].opening);
		const char *slash = strrchr(from, '/');

		buf_printf(&out, "%s%s (%s)%s%s", i ? "\n" : "", text, slash ? slash + 1 : from,
			   views[i].reason ? " " : "", views[i].reason ? views[i].reason : "");
	}
	opening_views_free(views, n);
	assert_string_equal(out.data, expected);
}

/* Elements that open something, in the kernel. */
static size_t doors(void)
{
	const struct ruleset *r = fake_kernel_ruleset();
	size_t n = 0;

	for (size_t i = 0; i < r->n_elems; i++)
		n += strncmp(r->elems[i].set, "open_", strlen("open_")) == 0;
	return n;
}

static void protect(void)
{
	put_file("etc/gwd.yaml", PROTECTED);
	start();
}

static void test_open_and_close(void **state)
{
	size_t before;

	(void)state;
	NEED_NETNS();
	protect();
	before = doors();
	DONE(try_open("{'ports':'13337'}"));
	assert_said("opened tcp 13337");
	assert_int_equal(place.diag.n_warnings, 0);
	assert_int_equal(doors(), before + 1);
	DONE(try_open("{'ports':'13337'}"));
	assert_said("tcp 13337 is open already");
	assert_false(place.outcome.changed);
	DONE(try_open("{'ports':'13337','from':['198.51.100.0/24']}")); /* in its place */
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 13337 from 198.51.100.0/24 (runtime)");
	assert_int_equal(doors(), before + 1);
	DONE(try_open("{'ports':'53','proto':'tcp+udp'}"));
	restart();
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 13337 from 198.51.100.0/24 (runtime)\n"
		    "tcp+udp 53 (runtime)");
	assert_int_equal(doors(), before + 3);
	DONE(try_close("{'ports':'13337'}"));
	assert_said("closed tcp 13337 from 198.51.100.0/24");
	DONE(try_close("{'ports':'13337'}"));
	assert_said("not there");
	DONE(try_close("{'ports':'53','proto':'tcp+udp','in':'dmz'}"));
	assert_said("not there");
	DONE(try_close("{'ports':'53','proto':'tcp+udp','in':'wan'}"));
	assert_open("tcp 22 from local (gwd.yaml:3)");
	assert_int_equal(doors(), before);
	restart();
	assert_open("tcp 22 from local (gwd.yaml:3)");
}

static void test_everywhere(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "dmz: lan0\n" PROTECTED);
	start();
	DONE(try_open("{'ports':'123','proto':'udp'}"));
	DONE(try_open("{'ports':'123','proto':'udp','in':'dmz'}"));
	assert_int_equal(place.diag.n_warnings, 0);
	DONE(try_close("{'ports':'123','proto':'udp'}"));
	assert_said("closed udp 123, udp 123 in dmz");
}

static void test_refused(void **state)
{
	(void)state;
	NEED_NETNS();
	protect();
	assert_int_equal(try_open("{'ports':'22'}"), -EPERM);
	assert_non_null(strstr(place.diag.mistakes[0].message, "tcp 22 from local: declared at "));
	assert_non_null(strstr(place.diag.mistakes[0].message, "gwd.yaml:3; change it there"));
	assert_int_equal(place.diag.kind, DIAG_DECLARED);
	assert_int_equal(try_close("{'ports':'22'}"), -EPERM);
	assert_non_null(strstr(place.diag.mistakes[0].message, "gwd.yaml:3; remove it there"));
	DONE(try_open("{'ports':'22','from':['local']}")); /* the file says so */
	assert_said("tcp 22 from local is open already");
	DONE(try_open("{'ports':'8000-8010'}"));
	assert_int_equal(try_open("{'ports':'8005'}"), -EEXIST);
	assert_refused(DIAG_CONFLICT, "tcp 8000-8010 is open: gwctl close 8000-8010 first");
	DONE(try_open("{'ports':'53','proto':'tcp+udp','in':'dmz'}"));
	assert_int_equal(try_close("{'ports':'53','proto':'udp'}"), -EEXIST);
	assert_refused(DIAG_CONFLICT, "tcp+udp 53 in dmz is open: gwctl close 53/tcp+udp --in dmz first");
	assert_int_equal(try_open("{'ports':'0'}"), -EINVAL);
	assert_int_equal(try_open("{'ports':'80','expires':'2020-01-01T00:00:00Z'}"), -EINVAL);
	assert_int_equal(try_close("{'ports':'x'}"), -EINVAL);
}

/* The port is kept open for the day on which something closes the others. */
static void test_unprotected(void **state)
{
	_cleanup_(freep) char *yaml = NULL;
	_cleanup_(diag_free) struct diag diag = {0};

	(void)state;
	NEED_NETNS();
	start();
	DONE(try_open("{'ports':'13337'}"));
	assert_int_equal(place.diag.n_warnings, 1);
	assert_string_equal(place.diag.warnings[0],
			    "tcp 13337: nothing closes this port today: gwd.yaml has no `gateway:`");
	DONE(try_open("{'ports':'13337','in':'dmz'}"));
	assert_string_equal(place.diag.warnings[0],
			    "tcp 13337 in dmz: nothing closes this port today: no interface is `dmz` in gwd.yaml");
	assert_open("tcp 13337 (runtime) nothing closes this port\ntcp 13337 in dmz (runtime) nothing closes this port");
	assert_int_equal(doors(), 0);
	assert_int_equal(gwd_export(place.gwd, &yaml, &diag), 0);
	DONE(try_apply(yaml, "export")); /* it must not close all the others */
	assert_open("tcp 13337 (runtime) nothing closes this port\ntcp 13337 in dmz (runtime) nothing closes this port");
	put_file("etc/gwd.yaml", "gateway: {}\n");
	DONE(try_apply(NULL, NULL));
	assert_int_equal(doors(), 1);
}

static void test_file_and_runtime(void **state)
{
	_cleanup_(freep) char *yaml = NULL;
	_cleanup_(diag_free) struct diag diag = {0};

	(void)state;
	NEED_NETNS();
	protect();
	DONE(try_open("{'ports':'80'}"));
	DONE(try_open("{'ports':'443','from':['198.51.100.0/24']}"));
	assert_int_equal(gwd_export(place.gwd, &yaml, &diag), 0);
	assert_string_equal(yaml, "gateway:\n  open:\n    - {port: 22, from: local}\n    - {port: 80}\n"
				  "    - {port: 443, from: 198.51.100.0/24}\n");
	put_file("etc/gwd.yaml", "gateway: {open: [{port: 80}, {port: 400-500}]}\n");
	DONE(try_apply(NULL, NULL));
	assert_open("tcp 80 (gwd.yaml:1)\ntcp 400-500 (gwd.yaml:1)\n"
		    "tcp 443 from 198.51.100.0/24 (runtime) held: shadowed by gwd.yaml:1");
	assert_int_equal(doors(), 2);
	DONE(try_close("{'ports':'80','in':'dmz'}"));
	put_file("etc/gwd.yaml", "gateway: {}\n");
	DONE(try_apply(NULL, NULL));
	assert_open("tcp 443 from 198.51.100.0/24 (runtime)");
	DONE(try_apply(yaml, "export"));
	assert_open("tcp 22 from local (export:3)\ntcp 80 (export:4)\ntcp 443 from 198.51.100.0/24 (export:5)");
	restart();
	assert_open("tcp 22 from local (export:3)\ntcp 80 (export:4)\ntcp 443 from 198.51.100.0/24 (export:5)");
}

static void test_history(void **state)
{
	int64_t before;

	(void)state;
	NEED_NETNS();
	protect();
	DONE(try_open("{'ports':'80'}"));
	before = place.outcome.revision;
	DONE(try_open("{'ports':'80','from':['198.51.100.0/24']}"));
	DONE(try_close("{'ports':'80'}"));
	DONE(try_undo());
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 80 from 198.51.100.0/24 (runtime)");
	DONE(try_undo());
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 80 (runtime)");
	DONE(try_undo());
	assert_open("tcp 22 from local (gwd.yaml:3)");
	DONE(try_rollback(before));
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 80 (runtime)");
	restart();
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 80 (runtime)");
}

static void pass(int64_t seconds)
{
	wallclock_fake(wallclock_now() + seconds);
	(void)wallclock_alarm_take(-1);
	gwd_alarm_event(place.gwd);
}

static void test_ends(void **state)
{
	int64_t before;
	size_t open;

	(void)state;
	NEED_NETNS();
	protect();
	open = doors();
	DONE(try_open("{'ports':'80','expires':'" AT_ONE "'}"));
	DONE(try_open("{'ports':'81','expires':'2026-11-21T14:00:00Z'}"));
	before = status().revision;
	pass(3599);
	assert_int_equal(doors(), open + 2);
	pass(1);
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 81 (runtime)");
	assert_int_equal(doors(), open + 1);
	assert_int_equal(status().revision, before);
	restart();
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 81 (runtime)");
	stop();
	wallclock_fake(NOON + 7200); /* while nobody looks */
	start();
	assert_open("tcp 22 from local (gwd.yaml:3)");
	assert_int_equal(doors(), open);
}

/* A change renews it; the clock that goes back keeps it. */
static void test_clock(void **state)
{
	size_t open;

	(void)state;
	NEED_NETNS();
	protect();
	open = doors();
	DONE(try_open("{'ports':'80','expires':'" AT_ONE "'}"));
	DONE(try_open("{'ports':'80','expires':'2026-11-21T15:00:00Z'}"));
	assert_said("opened tcp 80");
	pass(3600);
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 80 (runtime)");
	stop();
	wallclock_fake(NOON - 86400);
	start();
	assert_open("tcp 22 from local (gwd.yaml:3)\n"
		    "tcp 80 (runtime) held: the clock is not set yet: it was later than this before");
	assert_int_equal(doors(), open);
	wallclock_fake(NOON + 3700);
	gwd_alarm_event(place.gwd);
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 80 (runtime)");
}

static void test_temporary(void **state)
{
	_cleanup_(freep) char *yaml = NULL;
	_cleanup_(diag_free) struct diag diag = {0};
	int64_t before;

	(void)state;
	NEED_NETNS();
	protect();
	boot("first\n");
	restart();
	before = status().revision;
	place.options.lifetime = LIFETIME_TEMPORARY;
	DONE(try_open("{'ports':'80'}"));
	assert_int_equal(status().revision, before);
	restart();
	assert_open("tcp 22 from local (gwd.yaml:3)\ntcp 80 (runtime)");
	DONE(try_open("{'ports':'81'}"));
	assert_int_equal(gwd_export(place.gwd, &yaml, &diag), 0);
	assert_string_equal(yaml, PROTECTED);
	boot("second\n");
	restart();
	assert_open("tcp 22 from local (gwd.yaml:3)");
	DONE(try_open("{'ports':'80'}"));
	place.options.lifetime = LIFETIME_DURABLE;
	DONE(try_open("{'ports':'80'}")); /* now for good */
	assert_int_equal(status().revision, before + 1);
	DONE(try_undo());
	assert_open("tcp 22 from local (gwd.yaml:3)");
}

static void test_refused_by_the_kernel(void **state)
{
	(void)state;
	NEED_NETNS();
	protect();
	fake_kernel_fail_commit(-EINVAL);
	assert_true(try_open("{'ports':'80'}") < 0);
	assert_open("tcp 22 from local (gwd.yaml:3)");
	place.options.dry_run = true;
	DONE(try_open("{'ports':'80'}"));
	assert_said("would be done: opened tcp 80");
	assert_open("tcp 22 from local (gwd.yaml:3)");
	restart();
	assert_open("tcp 22 from local (gwd.yaml:3)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_open_and_close),
		IN_PLACE(test_everywhere),
		IN_PLACE(test_refused),
		IN_PLACE(test_unprotected),
		IN_PLACE(test_file_and_runtime),
		IN_PLACE(test_history),
		IN_PLACE(test_ends),
		IN_PLACE(test_clock),
		IN_PLACE(test_temporary),
		IN_PLACE(test_refused_by_the_kernel),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
