/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When something that others change is put right, and when no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backoff.h"

enum { START = 1000000 };

/* Changed at `now`, and put right as soon as may be: when that was, or -1 where it stops. */
static int64_t fight(struct backoff *b, int64_t now)
{
	if (backoff_changed(b, now))
		return -1;
	while (!backoff_may(b, now))
		now++;
	backoff_tried(b, true, now);
	return now;
}

static void test_fight(void **state)
{
	static const int64_t pauses[] = {0, 0, 0, 0, 0, 2000, 4000, 8000};
	struct backoff b = {0};
	int64_t last = START;

	(void)state;
	for (int i = 0; i < BACKOFF_REPAIRS; i++) {
		int64_t now = fight(&b, last);

		assert_int_equal(now, last + pauses[i]);
		last = now;
	}
	assert_int_equal(fight(&b, last + 1), -1);
	assert_true(b.stopped);
	assert_int_equal(b.repairs, BACKOFF_REPAIRS);
	assert_false(backoff_may(&b, last + 1000000));
	assert_false(backoff_changed(&b, last + 1000000)); /* said once */
}

/* Left alone for a while, it is no fight, however often it happens. */
static void test_calm(void **state)
{
	struct backoff b = {0};
	int64_t now = START;

	(void)state;
	for (int i = 0; i < 100; i++, now += BACKOFF_CALM)
		assert_int_equal(fight(&b, now), now);
	for (int i = 1; i < BACKOFF_AT_ONCE; i++)
		assert_int_equal(fight(&b, now - 1), now - 1);
	assert_int_equal(fight(&b, now + 1), now - 1 + BACKOFF_PAUSE);
}

/* Further changes before it is put right do not put it off, and what finds nothing to do is paced but no fight. */
static void test_nothing_found(void **state)
{
	struct backoff b = {0};
	int64_t now = START;

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_false(backoff_changed(&b, now));
		assert_false(backoff_changed(&b, now + 1));
		assert_int_equal(backoff_may(&b, now), i < BACKOFF_AT_ONCE);
		while (!backoff_may(&b, now))
			now++;
		backoff_tried(&b, false, now);
	}
	assert_false(b.stopped);
	assert_false(backoff_changed(&b, now));
	assert_false(backoff_may(&b, now + (BACKOFF_PAUSE << BACKOFF_DOUBLED) - 1));
	assert_true(backoff_may(&b, now + (BACKOFF_PAUSE << BACKOFF_DOUBLED)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fight),
		cmocka_unit_test(test_calm),
		cmocka_unit_test(test_nothing_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
