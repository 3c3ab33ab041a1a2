/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes that share a turn: one batch and one commit for all of them, and when either is refused, none of them has
 * happened. What may not wait says so and comes behind the others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

#define WEB "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n"
#define WITH_X "element any4 { tcp . 24 : 10.0.0.3 . 24 } # x\n" WEB_ELEMENT
#define WEB_ELEMENT "element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n"

static void begin_with_web(void)
{
	put_file("etc/gwd.yaml", WEB);
	start();
	add("x", "24", "10.0.0.3");
}

static void three_changes(void)
{
	gwd_turn_begin(place.gwd);
	add("a", "25", "10.0.0.3");
	add("b", "26", "10.0.0.3");
	DONE(try_remove("x"));
	assert_int_equal(gwd_turn_state(place.gwd), TURN_WAITS);
}

static void test_one_batch(void **state)
{
	uint64_t batches;
	int64_t revision;

	(void)state;
	begin_with_web();
	batches = status().netlink->batches;
	revision = status().revision;
	three_changes();
	assert_int_equal(status().netlink->batches, batches);
	assert_elements(WITH_X);
	assert_int_equal(gwd_turn_end(place.gwd), 0);
	assert_int_equal(gwd_turn_state(place.gwd), TURN_EMPTY);
	assert_int_equal(status().netlink->batches, batches + 1);
	assert_int_equal(status().revision, revision + 3);
	assert_list("web active\na active\nb active");
	assert_settled();
	assert_list("web active\na active\nb active");
	DONE(try_undo());
	DONE(try_undo());
	assert_list("web active\na active\nx active");
}

static void test_each_sees_the_others(void **state)
{
	(void)state;
	begin_with_web();
	gwd_turn_begin(place.gwd);
	add("a", "25", "10.0.0.3");
	assert_int_equal(try_add("{'name':'b','ports':['25'],'to':[{'addr':'10.0.0.4'}]}"), -EEXIST);
	assert_int_equal(gwd_turn_state(place.gwd), TURN_WAITS); /* the refusal, too: it is true only if `a` is */
	assert_int_equal(gwd_turn_end(place.gwd), 0);
	assert_list("web active\nx active\na active");
}

static void nothing_happened(int64_t revision)
{
	assert_int_equal(status().revision, revision);
	assert_list("web active\nx active");
	assert_elements(WITH_X);
	three_changes();
	assert_int_equal(gwd_turn_end(place.gwd), 0);
	assert_list("web active\na active\nb active");
	assert_settled();
	assert_list("web active\na active\nb active");
}

static void test_refused(void **state)
{
	static const int errors[] = {-EINVAL, -EEXIST};
	int64_t revision;

	(void)state;
	begin_with_web();
	revision = status().revision;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		three_changes();
		fake_kernel_fail_commit(errors[i]);
		assert_int_equal(gwd_turn_end(place.gwd), errors[i]);
	}
	nothing_happened(revision);
}

/* The kernel has done it and its answer is lost: the next change finds out. */
static void test_unknown(void **state)
{
	int64_t revision;

	(void)state;
	begin_with_web();
	revision = status().revision;
	three_changes();
	fake_kernel_lose_reply();
	assert_int_equal(gwd_turn_end(place.gwd), -ENOBUFS);
	assert_int_equal(status().revision, revision);
	assert_list("web active\nx active");
	add("c", "27", "10.0.0.3");
	assert_list("web active\nx active\nc active");
	assert_settled();
}

static void test_full_disk(void **state)
{
	int64_t revision;
	uint64_t batches;

	(void)state;
	begin_with_web();
	revision = status().revision;
	batches = status().netlink->batches;
	three_changes();
	disk_full(true);
	assert_true(gwd_turn_end(place.gwd) < 0);
	disk_full(false);
	assert_int_equal(status().netlink->batches, batches + 2); /* there, and back */
	nothing_happened(revision);
}

static void test_alone(void **state)
{
	static const char *const alone[] = {
		"{'name':'u','proto':'udp','ports':['53'],'to':[{'addr':'10.0.0.4'}]}",
		"{'name':'u','ports':['53'],'to':[{'addr':'10.0.0.4'}],'limit':{'connections':'5'}}",
		"{'name':'u','ports':['53'],'to':[{'addr':'10.0.0.4'}],'expires':'2999-01-01T00:00:00Z'}",
		"{'name':'u','listen':'lan0','ports':['53'],'to':[{'addr':'10.0.0.4'}]}",
	};

	(void)state;
	begin_with_web();
	for (size_t i = 0; i < ARRAY_SIZE(alone); i++) {
		gwd_turn_begin(place.gwd);
		add("a", "25", "10.0.0.3");
		assert_int_equal(try_add(alone[i]), -EAGAIN);
		assert_int_equal(gwd_turn_state(place.gwd), TURN_AGAIN);
		assert_int_equal(gwd_turn_end(place.gwd), 0);
		assert_list("web active\nx active\na active");
		gwd_turn_begin(place.gwd);
		DONE(try_add(alone[i]));
		assert_int_equal(gwd_turn_state(place.gwd), TURN_EMPTY); /* nobody waited: it is done */
		assert_list("web active\nx active\na active\nu active");
		assert_int_equal(gwd_turn_end(place.gwd), 0);
		DONE(try_remove("u"));
		DONE(try_remove("a"));
	}
	assert_settled();
}

/* The only reason for a place is that it is not known who listens; in a turn it is asked once. */
static void test_comes_and_goes(void **state)
{
	(void)state;
	begin_with_web();
	gwd_turn_begin(place.gwd);
	add("a", "25", "10.0.0.3");
	DONE(try_remove("x"));
	add("y", "24", "10.0.0.4"); /* where x was */
	assert_int_equal(try_remove("a"), -EAGAIN);
	assert_int_equal(gwd_turn_end(place.gwd), 0);
	DONE(try_remove("a"));
	assert_elements("element any4 { tcp . 24 : 10.0.0.4 . 24 } # y\n" WEB_ELEMENT);
	assert_settled();
}

/* Whether two changes meet in a turn must not show: what comes under the name of what left, or as the same forward, is told
 * from it by its totals. */
static void test_successors_wait(void **state)
{
	static const char *const successors[] = {"{'name':'x','ports':['29'],'to':[{'addr':'10.0.0.3'}]}",
						 "{'name':'z','ports':['24'],'to':[{'addr':'10.0.0.3'}]}"};

	(void)state;
	begin_with_web();
	for (size_t i = 0; i < ARRAY_SIZE(successors); i++) {
		gwd_turn_begin(place.gwd);
		DONE(try_remove("x"));
		assert_int_equal(try_add(successors[i]), -EAGAIN);
		assert_int_equal(gwd_turn_end(place.gwd), 0);
		assert_list("web active");
		add("x", "24", "10.0.0.3");
	}
}

static void test_own_listener(void **state)
{
	(void)state;
	begin_with_web();
	fake_listen(PROTO_TCP, "0.0.0.0", 27, NULL);
	gwd_turn_begin(place.gwd);
	add("a", "25", "10.0.0.3");
	add("b", "26", "10.0.0.3");
	assert_int_equal(try_add("{'name':'c','ports':['27'],'to':[{'addr':'10.0.0.4'}]}"), -EEXIST);
	assert_int_equal(gwd_turn_end(place.gwd), 0);
	assert_list("web active\nx active\na active\nb active");
}

/* About the ports of the first change, then about all. */
static void test_asks_who_listens_twice(void **state)
{
	static const unsigned asked[] = {1, 2, 2};
	unsigned before;

	(void)state;
	begin_with_web();
	gwd_turn_begin(place.gwd);
	before = fake_listeners_asked() + fake_peers_asked();
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		add((char[]){(char)('a' + i), '\0'}, (char[]){'3', (char)('0' + i), '\0'}, "10.0.0.3");
		assert_int_equal(fake_listeners_asked() + fake_peers_asked() - before, asked[i]);
	}
	assert_int_equal(gwd_turn_end(place.gwd), 0);
	fake_listen(PROTO_TCP, "0.0.0.0", 40, NULL); /* the next turn asks anew */
	gwd_turn_begin(place.gwd);
	assert_int_equal(try_add("{'name':'e','ports':['40'],'to':[{'addr':'10.0.0.4'}]}"), -EEXIST);
	assert_int_equal(gwd_turn_end(place.gwd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_one_batch), IN_PLACE(test_each_sees_the_others), IN_PLACE(test_refused),
		IN_PLACE(test_unknown),   IN_PLACE(test_full_disk),            IN_PLACE(test_alone),
		IN_PLACE(test_comes_and_goes), IN_PLACE(test_successors_wait), IN_PLACE(test_own_listener), IN_PLACE(test_asks_who_listens_twice),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
