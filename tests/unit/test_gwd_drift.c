/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others change is put right, less and less often, and not for ever; and who may change it is said to the kernel. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "boottime.h"
#include "fake_kernel.h"
#include "gwd_place.h"

#define COEXIST "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n"
#define EXCLUSIVE "lan: lan0\npolicy: exclusive\n" COEXIST

static int64_t now;

static void pass(int64_t ms)
{
	now += ms;
	boottime_fake(now);
}

static void begin(const char *config)
{
	put_file("etc/gwd.yaml", config);
	now = 1000000;
	boottime_fake(now);
	start();
}

static void flushed(const char *program, uint32_t pid)
{
	fake_kernel_flush();
	fake_kernel_touch(program, pid);
	gwd_kernel_event(place.gwd);
}

static bool there(void)
{
	return fake_kernel_ruleset()->table;
}

static void assert_drift(size_t repaired, const char *program, bool stopped)
{
	struct gwd_status s = status();

	assert_int_equal(s.n_drift, repaired > 0);
	if (!repaired)
		return;
	assert_string_equal(s.drift[0].what, "table");
	assert_int_equal(s.drift[0].repaired, repaired);
	assert_string_equal(s.drift[0].culprit.program, program);
	assert_int_equal(s.drift[0].stopped, stopped);
}

/* ---- Drift --------------------------------------------------------------------------------------- */

static void test_put_right(void **state)
{
	struct kernel_stats before;

	(void)state;
	NEED_NETNS();
	begin(COEXIST);
	assert_drift(0, NULL, false);
	flushed("nft", 812);
	assert_true(there());
	assert_drift(1, "nft", false);
	assert_int_equal(status().drift[0].culprit.pid, 812);
	/* lost events, or a change that was taken back, are looked into and no news */
	before = *status().netlink;
	fake_kernel_touch("", 0);
	gwd_kernel_event(place.gwd);
	assert_int_equal(status().netlink->dumps, before.dumps + 1);
	assert_int_equal(status().drift[0].repaired, 1);
	for (int i = 0; i < 20; i++) {
		pass(8000);
		fake_kernel_touch("nft", 813);
		gwd_kernel_event(place.gwd);
		gwd_settle(place.gwd);
	}
	pass(8000);
	flushed("nft", 814);
	assert_true(there());
	assert_drift(2, "nft", false);
}

static void test_fight(void **state)
{
	static const int64_t pauses[] = {2000, 4000, 8000};

	(void)state;
	NEED_NETNS();
	begin(COEXIST);
	for (int i = 0; i < 5; i++) {
		flushed("nft", 812);
		assert_true(there());
	}
	for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
		flushed("puppet", 813);
		pass(pauses[i] - 1);
		gwd_settle(place.gwd);
		assert_false(there());
		pass(1);
		gwd_settle(place.gwd);
		assert_true(there());
	}
	assert_drift(8, "puppet", false);
	flushed("puppet", 814);
	pass(1000000);
	gwd_settle(place.gwd);
	assert_false(there());
	assert_drift(8, "puppet", true);
	/* what nobody asked for is no reason to begin anew, what somebody asks for is */
	assert_int_equal(try_apply(NULL, NULL), 0);
	assert_true(there());
	assert_drift(8, "puppet", false);
	flushed("nft", 815);
	assert_true(there());
	assert_drift(9, "nft", false);
}

static void test_cannot(void **state)
{
	(void)state;
	NEED_NETNS();
	begin(COEXIST);
	fake_kernel_fail_read(-EPERM);
	flushed("nft", 812);
	assert_false(there());
	assert_string_equal(status().last_error,
			    "the table was changed by others and cannot be put right yet: the kernel "
			    "refused it: Operation not permitted");
	gwd_settle(place.gwd);
	assert_true(there());
}

/* ---- Ownership ----------------------------------------------------------------------------------- */

static void assert_owned(const char *expected, uint32_t flags, bool keeps)
{
	assert_string_equal(status().ownership, expected);
	assert_int_equal(fake_kernel_ruleset()->table_flags, flags);
	assert_int_equal(fake_kernel_keeps(), keeps);
}

static void test_owner(void **state)
{
	static const struct {
		const char *config;
		bool owned;
	} cases[] = {
		{EXCLUSIVE, true}, {EXCLUSIVE "table_owner: off\n", false}, {COEXIST "table_owner: on\n", true},
		{COEXIST, false},  {EXCLUSIVE "table_owner: on\n", true},
	};

	(void)state;
	NEED_NETNS();
	begin(COEXIST);
	assert_owned("plain", 0, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *plan = NULL;

		place.options.dry_run = true;
		DONE(try_apply(cases[i].config, "new.yaml"));
		plan = xstrdup(place.outcome.plan);
		place.options.dry_run = false;
		if (cases[i].owned != (fake_kernel_ruleset()->table_flags != 0))
			assert_memory_equal(plan, "delete table inet gwd\nadd table inet gwd\n", 40);
		DONE(try_apply(cases[i].config, "new.yaml"));
		assert_owned(cases[i].owned ? "owned" : "plain", cases[i].owned ? TABLE_OWNED : 0, false);
		assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
		add(NULL, "90", "10.0.0.3"); /* further changes are small ones */
		assert_int_equal(fake_kernel_ruleset()->table_flags, cases[i].owned ? TABLE_OWNED : 0);
		DONE(try_remove("tcp-90"));
	}
}

static void test_orphan(void **state)
{
	_cleanup_(freep) char *before = NULL, *after = NULL;

	(void)state;
	NEED_NETNS();
	begin(EXCLUSIVE);
	before = rules();
	stop();
	assert_int_equal(fake_kernel_ruleset()->table_flags, TABLE_PERSIST);
	start();
	after = rules();
	assert_same_text(after, before);
	assert_int_equal(status().netlink->messages, 1);
	stop();
	put_file("etc/gwd.yaml", COEXIST);
	start();
	assert_owned("plain", 0, false);
}

static void test_keeper(void **state)
{
	(void)state;
	NEED_NETNS();
	fake_kernel_cannot_own();
	begin(COEXIST);
	assert_owned("plain", 0, false);
	DONE(try_apply(EXCLUSIVE, "new.yaml"));
	assert_owned("kept", 0, true);
	flushed("nft", 812);
	assert_true(there());
	DONE(try_apply(COEXIST, "new.yaml"));
	assert_owned("plain", 0, false);
	DONE(try_apply(EXCLUSIVE, "new.yaml"));
	forget();
	place.r = gwd_purge(place.gwd, &place.options, &place.outcome, &place.diag);
	fail_if_refused();
	assert_false(fake_kernel_keeps());
}

static int gone(void **state)
{
	boottime_fake(0);
	return place_gone(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_new, gone)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_put_right), TEST(test_fight),  TEST(test_cannot),
		TEST(test_owner),     TEST(test_orphan), TEST(test_keeper),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
