/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ends with the boot, or with the client that holds it: it is in no revision, no export and no later start. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "expire_place.h"

/* The history's newest entry has so many items. */
static int count_item(void *ctx, enum item_kind kind, const char *name, const char *before, const char *after)
{
	(void)kind, (void)name, (void)before, (void)after;
	(*(size_t *)ctx)++;
	return 0;
}

static size_t items_of(int64_t id)
{
	_cleanup_(diag_free) struct diag diag = {0};
	size_t n = 0;

	assert_int_equal(state_each_item(gwd_state(place.gwd), id, count_item, &n, &diag), 0);
	return n;
}

/* ---- Until the next boot ------------------------------------------------------------------------- */

static void test_temporary(void **state)
{
	_cleanup_(freep) char *yaml = NULL;

	(void)state;
	NEED_NETNS();
	boot("first\n");
	start();
	add("keep", "80", "10.0.0.2");
	temporary("temp", "81");
	assert_said("added temp: tcp 81 -> 10.0.0.2:81 (temporary)");
	assert_int_equal(place.outcome.revision, 0);
	assert_true(place.outcome.changed);
	assert_int_equal(revision(), 2);
	DONE(gwd_export(place.gwd, &yaml, &place.diag));
	assert_non_null(strstr(yaml, "keep"));
	assert_null(strstr(yaml, "temp"));
	assert_settled();
	assert_list("keep active\ntemp active");
	boot("second\n");
	restart();
	assert_list("keep active");
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # keep\n");
	boot("first\n"); /* its row is gone */
	restart();
	assert_list("keep active");
}

static void test_temporary_changes(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	temporary("temp", "81");
	DONE(try_set("temp", "{'name':'other'}"));
	DONE(try_enable("other", false));
	DONE(try_enable("other", true));
	assert_settled();
	assert_list("other active");
	assert_int_equal(revision(), 1);
	DONE(try_remove("other"));
	assert_int_equal(revision(), 1);
	assert_settled();
	assert_list("");
}

/* History knows nothing of it, and it nothing of history. */
static void test_temporary_and_history(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("keep", "80", "10.0.0.2");
	temporary("temp", "81");
	DONE(try_undo());
	assert_said("undid revision 2: removed keep: tcp 80 -> 10.0.0.2:80");
	assert_list("temp active");
	DONE(try_rollback(2));
	assert_list("temp active\nkeep active");
	DONE(try_remove("keep"));
	temporary("keep", "82");
	try_rollback(2);
	assert_refused(DIAG_CONFLICT,
		       "keep: a forward that is only temporary has this name now; rename it first: gwctl set "
		       "keep --name OTHER");
	DONE(try_set("keep", "{'name':'aside'}"));
	DONE(try_rollback(2));
	assert_list("temp active\naside active\nkeep active");
	assert_settled();
	assert_list("temp active\naside active\nkeep active");
}

/* What is there for longer will do; what is there for less will not. */
static void test_lifetimes_meet(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("keep", "80", "10.0.0.2");
	place.options.lifetime = LIFETIME_TEMPORARY;
	try_add("{'ports':['80'],'to':[{'addr':'10.0.0.2'}]}");
	assert_said("keep is there already: tcp 80 -> 10.0.0.2:80");
	add("temp", "81", "10.0.0.2");
	place.options.lifetime = LIFETIME_DURABLE;
	try_add("{'ports':['81'],'to':[{'addr':'10.0.0.2'}]}");
	assert_refused(DIAG_CONFLICT,
		       "taken by temp (tcp 81 -> 10.0.0.2:81, temporary); to put this one in its place: "
		       "gwctl add 81 10.0.0.2:81 --replace; to change only what differs: gwctl set temp ...");
	place.options.replace = true;
	DONE(try_add("{'ports':['81'],'to':[{'addr':'10.0.0.2'}]}"));
	assert_int_equal(place.outcome.revision, 3);
	assert_int_equal(items_of(3), 1);
	DONE(try_undo());
	assert_list("keep active");
	assert_settled();
}

/* ---- As long as somebody holds it ---------------------------------------------------------------- */

static char alice, bob;

static void held(const char *name, const char *port, const void *holder)
{
	place.options.lifetime = LIFETIME_HELD;
	place.options.holder = holder;
	add(name, port, "10.0.0.2");
	place.options.lifetime = LIFETIME_DURABLE;
	place.options.holder = NULL;
}

static void test_held(void **state)
{
	_cleanup_(freep) char *yaml = NULL;

	(void)state;
	NEED_NETNS();
	start();
	held("a", "81", &alice);
	assert_said("added a: tcp 81 -> 10.0.0.2:81 (held open)");
	held("b", "82", &bob);
	DONE(try_set("a", "{'name':'c'}"));
	DONE(try_apply("lan: lan0\n", "new.yaml"));
	DONE(gwd_export(place.gwd, &yaml, &place.diag));
	assert_null(strstr(yaml, "10.0.0.2"));
	assert_list("c active\nb active");
	flow(1, IPPROTO_TCP, 81);
	gwd_release(place.gwd, &alice);
	assert_list("b active");
	assert_int_equal(fake_conntrack_count(), 1);
	assert_elements("element any4 { tcp . 82 : 10.0.0.2 . 82 } # b\n");
	assert_int_equal(revision(), 2);
	restart(); /* whoever held it is not there any more */
	assert_list("");
	assert_elements("");
}

static void test_held_is_cut(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	held("a", "81", &alice);
	DONE(try_set("a", "{'on_expiry':'cut'}"));
	flow(1, IPPROTO_TCP, 81);
	gwd_release(place.gwd, &alice);
	assert_int_equal(fake_conntrack_count(), 0);
}

static void test_held_by_another(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	held("a", "81", &alice);
	place.options.lifetime = LIFETIME_HELD;
	place.options.holder = &bob;
	try_add("{'ports':['81'],'to':[{'addr':'10.0.0.2'}]}");
	assert_refused(DIAG_CONFLICT,
		       "taken by a (tcp 81 -> 10.0.0.2:81, held open); to put this one in its place: the same "
		       "command with --replace; to change only what differs: gwctl set a ...");
	place.options.replace = true;
	DONE(try_add("{'ports':['81'],'to':[{'addr':'10.0.0.2'}]}"));
	gwd_release(place.gwd, &alice);
	assert_list("tcp-81 active");
	gwd_release(place.gwd, &bob);
	assert_list("");
	assert_int_equal(revision(), 1);
	assert_settled();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_temporary),
		IN_PLACE(test_temporary_changes),
		IN_PLACE(test_temporary_and_history),
		IN_PLACE(test_lifetimes_meet),
		IN_PLACE(test_held),
		IN_PLACE(test_held_is_cut),
		IN_PLACE(test_held_by_another),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
