/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arenas: zeroed, aligned, apart from each other, released at once. Leaks and overruns are for the sanitizers. */
#include "arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "util.h"

static void test_zeroed_aligned_apart(void **state)
{
	struct arena *a = arena_new();
	unsigned char *p[500];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		size_t size = i * 7 % 300 + 1;

		p[i] = arena_alloc(a, size);
		assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
		for (size_t b = 0; b < size; b++)
			assert_int_equal(p[i][b], 0);
		memset(p[i], (int)(i % 255) + 1, size);
	}
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		for (size_t b = 0; b < i * 7 % 300 + 1; b++)
			assert_int_equal(p[i][b], i % 255 + 1);
	arena_free(a);
}

static void test_reset_reuses_and_zeroes(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	char *first = arena_alloc(a, 64), *again;

	(void)state;
	memset(first, 'x', 64);
	arena_reset(a);
	again = arena_alloc(a, 64);
	assert_ptr_equal(first, again);
	assert_int_equal(again[63], 0);
	arena_reset(a);
	assert_non_null(arena_alloc(a, 10 << 20)); /* larger than any chunk */
	arena_reset(a);
	arena_reset(a);
	assert_non_null(arena_alloc(a, 0));
}

static void test_strings(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();

	(void)state;
	assert_string_equal(arena_strdup(a, "abc"), "abc");
	assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(a, "ab", 30), "ab");
	assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeroed_aligned_apart),
		cmocka_unit_test(test_reset_reuses_and_zeroes),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
