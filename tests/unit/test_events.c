/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said reaches every watcher in order, what a slow one misses is counted, and the log has the same words. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "events.h"
#include "state.h"
#include "util.h"
#include "wallclock.h"

static struct events *events;

static int setup(void **state)
{
	(void)state;
	log_set_level(0);
	events = events_new();
	wallclock_fake(1000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	events_free(events);
	wallclock_fake(0);
	return 0;
}

static void count(void *ctx)
{
	(*(size_t *)ctx)++;
}

static void expect_next(struct watcher *w, uint64_t lost, const char *text)
{
	uint64_t missed = 0;
	const struct said *s = events_next(w, &missed);

	if (!text) {
		assert_null(s);
		return;
	}
	assert_non_null(s);
	assert_string_equal(s->text, text);
	assert_int_equal(missed, lost);
}

static void test_everyone_hears(void **state)
{
	size_t a = 0, b = 0;
	const struct caller who = {7, 42};

	(void)state;
	event_say(events, EVENT_LINK, LOG_INFO, "nobody hears this");
	struct watcher *first = events_watch(events, count, &a);
	event_say(events, EVENT_LINK, LOG_INFO, "%s", "one");
	struct watcher *second = events_watch(events, count, &b);
	events_say(
		events,
		&(struct event){.kind = EVENT_CHANGE, .level = LOG_INFO, .forward = "web", .who = &who, .revision = 3},
		"two");
	assert_int_equal(a, 2);
	assert_int_equal(b, 1);
	expect_next(first, 0, "one");
	uint64_t lost;
	const struct said *s = events_next(first, &lost);
	assert_string_equal(s->text, "two");
	assert_string_equal(s->forward, "web");
	assert_string_equal(event_kinds[s->kind], "change");
	assert_true(s->asked && s->uid == 7 && s->pid == 42 && s->revision == 3 && s->time == 1000);
	expect_next(first, 0, NULL);
	expect_next(second, 0, "two");
	expect_next(second, 0, NULL);
	assert_int_equal(events_stats(events)->watchers, 2);
	assert_int_equal(events_stats(events)->said[EVENT_LINK], 2);
	events_unwatch(first);
	event_say(events, EVENT_DRIFT, LOG_NOTE, "three");
	assert_int_equal(a, 2);
	expect_next(second, 0, "three");
	events_unwatch(second);
	assert_int_equal(events_stats(events)->watchers, 0);
}

/* Every kind has a name, and no two the same. */
static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		assert_non_null(event_kinds[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(event_kinds[i], event_kinds[j]);
	}
}

static void test_slow(void **state)
{
	size_t woken = 0;
	char text[16];

	(void)state;
	struct watcher *slow = events_watch(events, count, &woken), *fast = events_watch(events, count, &woken);
	for (int i = 0; i < EVENTS_KEPT + 5; i++) {
		snprintf(text, sizeof(text), "%d", i);
		event_say(events, EVENT_LINK, LOG_INFO, "%s", text);
		expect_next(fast, 0, text);
	}
	expect_next(slow, 5, "5");
	expect_next(slow, 0, "6");
	assert_int_equal(events_stats(events)->lost, 5);
	events_unwatch(slow);
	events_unwatch(fast);
}

/* One that goes while it is told. */
static struct watcher *leaving;

static void leave(void *ctx)
{
	(*(size_t *)ctx)++;
	events_unwatch(TAKE_PTR(leaving));
}

static void test_leaves_while_told(void **state)
{
	size_t a = 0, b = 0, c = 0;

	(void)state;
	struct watcher *first = events_watch(events, count, &a);
	leaving = events_watch(events, leave, &b);
	struct watcher *last = events_watch(events, count, &c);
	event_say(events, EVENT_LINK, LOG_INFO, "one");
	event_say(events, EVENT_LINK, LOG_INFO, "two");
	assert_int_equal(a, 2);
	assert_int_equal(b, 1);
	assert_int_equal(c, 2);
	events_unwatch(first);
	events_unwatch(last);
}

static void test_long(void **state)
{
	_cleanup_(freep) char *text = xasprintf("%0*d", 100000, 0);
	size_t woken = 0;
	uint64_t lost;

	(void)state;
	struct watcher *w = events_watch(events, count, &woken);
	event_say(events, EVENT_LINK, LOG_INFO, "%s", text);
	assert_int_equal(strlen(events_next(w, &lost)->text), EVENT_TEXT_MAX);
	events_unwatch(w);
}

static void test_log(void **state)
{
	const struct caller who = {0, 12};
	char line[256] = "";
	int saved = dup(STDERR_FILENO), fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	log_set_level(LOG_INFO);
	events_say(events,
		   &(struct event){
			   .kind = EVENT_CHANGE, .level = LOG_INFO, .who = &who, .counted = true, .steps = 3, .cut = 1},
		   "added web");
	events_say(events, &(struct event){.kind = EVENT_END, .level = LOG_NOTE, .counted = true}, "time is up");
	event_say(events, EVENT_LINK, LOG_WARN, "100 %%");
	log_set_level(0);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
	assert_string_equal(line, "<6>added web (uid 0, pid 12; 3 steps in the kernel, 1 connection cut)\n"
				  "<5>time is up (0 steps in the kernel, 0 connections cut)\n"
				  "<4>100 %\n");
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_everyone_hears, setup, teardown),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_while_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
