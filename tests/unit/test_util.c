/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, byte strings, files and text that may be shown. */
#include "util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static void test_take_and_cleanup(void **state)
{
	char *s = xstrdup("owned"), *taken;

	(void)state;
	taken = TAKE_PTR(s);
	assert_null(s);
	assert_string_equal(taken, "owned");
	freep(&taken);
	assert_null(xstrdup(NULL));
}

static void test_strndup_stops_at_nul(void **state)
{
	_cleanup_(freep) char *a = xstrndup("abcdef", 3), *b = xstrndup("ab", 100);

	(void)state;
	assert_string_equal(a, "abc");
	assert_string_equal(b, "ab");
}

static void test_str_same(void **state)
{
	(void)state;
	assert_true(str_same(NULL, NULL));
	assert_true(str_same("a", "a"));
	assert_false(str_same("a", NULL));
	assert_false(str_same(NULL, "a"));
	assert_false(str_same("a", "b"));
}

static void test_plural(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		_cleanup_(freep) char *text = xasprintf("%u batch%s", n, plural(n, "es"));
		assert_string_equal(text, n == 0 ? "0 batches" : n == 1 ? "1 batch" : "2 batches");
	}
}

static void test_grow_holds_all(void **state)
{
	_cleanup_(freep) uint32_t *items = NULL;
	size_t capacity = 0, moves = 0;

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		size_t before = capacity;

		items = grow(items, i, &capacity, sizeof(*items));
		moves += capacity != before;
		assert_true(capacity > i);
		items[i] = i;
	}
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(items[i], i);
	assert_true(moves < 20);
}

static void test_buf(void **state)
{
	_cleanup_(freep) char *all = NULL, *empty = NULL, *wide = NULL;
	struct buf b = {0};

	(void)state;
	for (int width = 250; width < 260; width++) {
		buf_printf(&b, "%*d", width, width);
		wide = xasprintf("%*d", width, width);
		assert_int_equal(b.len, width);
		assert_int_equal(strlen(b.data), width);
		assert_string_equal(b.data, wide);
		free(TAKE_PTR(wide));
		b.len = 0;
	}
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i % 10);
	assert_int_equal(b.len, 2000);
	assert_int_equal(b.data[b.len], '\0');
	buf_add(&b, "x\0y", 3);
	assert_int_equal(b.len, 2003);
	assert_memory_equal(b.data + 2000, "x\0y", 4);
	all = buf_take(&b);
	assert_memory_equal(all, "0,1,2,", 6);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	empty = buf_take(&b);
	assert_string_equal(empty, "");
}

static void test_file_read(void **state)
{
	char path[] = "/tmp/gwd-test-util-XXXXXX";
	int fd = mkstemp(path);
	struct buf b = {0};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "hello", 5), 5);
	close(fd);
	assert_int_equal(file_read(path, 4, &b), -EFBIG);
	assert_null(b.data);
	assert_int_equal(file_read(path, 5, &b), 0);
	assert_int_equal(b.len, 5);
	assert_string_equal(b.data, "hello");
	buf_free(&b);
	unlink(path);
	assert_int_equal(file_read(path, 5, &b), -ENOENT);
	assert_null(b.data);
	assert_int_equal(file_read("/", 5, &b), -EISDIR);
}

static void test_utf8(void **state)
{
	(void)state;
	assert_int_equal(utf8_char("a", 1), 1);
	assert_int_equal(utf8_char("\xc3\xa9", 2), 2);
	assert_int_equal(utf8_char("\xe2\x82\xac", 3), 3);
	assert_int_equal(utf8_char("\xf0\x9f\x98\x80", 4), 4);
	assert_int_equal(utf8_char("\xf4\x8f\xbf\xbf", 4), 4);
	assert_int_equal(utf8_char("", 0), 0);
	assert_int_equal(utf8_char("\xe2\x82", 2), 0); /* cut */
	assert_int_equal(utf8_char("\x80", 1), 0);     /* continuation alone */
	assert_int_equal(utf8_char("\xc0\xaf", 2), 0); /* overlong */
	assert_int_equal(utf8_char("\xe0\x80\xaf", 3), 0);
	assert_int_equal(utf8_char("\xf0\x80\x80\xaf", 4), 0);
	assert_int_equal(utf8_char("\xed\xa0\x80", 3), 0);     /* surrogate */
	assert_int_equal(utf8_char("\xf4\x90\x80\x80", 4), 0); /* past U+10FFFF */
	assert_int_equal(utf8_char("\xff", 1), 0);
	assert_int_equal(utf8_char("\xc3z", 2), 0);
}

static void test_text_clean(void **state)
{
	char text[] = "a\x1b[31m\tb\x7f\xc2\x9b"
		      "c\xff\xc3\xa9\n",
	     tabs[] = "\ta\x01";

	(void)state;
	assert_false(text_printable(text));
	text_clean(text, "");
	assert_string_equal(text, "a?[31m?b???c?\xc3\xa9?");
	assert_true(text_printable(text));
	text_clean(tabs, "\t");
	assert_string_equal(tabs, "\ta?");
	assert_false(text_printable(tabs));
	assert_true(text_printable(""));
	assert_int_equal(text_span("a\xc3\xa9\xe2\x80\xa7~\x7f"), 7);
	assert_int_equal(text_span("a\xe2\x80"), 1); /* half a character */
}

/* Letters of every script, but nothing that makes a line look like another one. */
static void test_text_char(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{" ", 1},           {"~", 1},           {"\x7f", 0},         {"\x1f", 0},          {"\"", 1},
		{"\xc2\x9f", 0},    {"\xc2\xa0", 2},    {"\xe2\x80\xa7", 3}, {"\xe2\x80\xa8", 0},  {"\xe2\x80\xae", 0},
		{"\xe2\x80\xaf", 3}, {"\xe2\x81\xa5", 3}, {"\xe2\x81\xa6", 0}, {"\xe2\x81\xa9", 0},  {"\xe2\x81\xaa", 3},
		{"\xd7\x90", 2},    {"\x80", 0},         {"\xed\xa0\x80", 0}, {"\xf0\x9f\x9a\xaa", 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(text_char(cases[i].text, strlen(cases[i].text)), cases[i].n);
}

static void test_number_text(void **state)
{
	static const uint64_t numbers[] = {0, 9, 10, 65535, UINT64_MAX};
	char text[NUMBER_TEXT_MAX], expected[NUMBER_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		snprintf(expected, sizeof(expected), "%" PRIu64, numbers[i]);
		assert_ptr_equal(number_text(text, numbers[i]), text + strlen(expected));
		assert_string_equal(text, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_and_cleanup),
		cmocka_unit_test(test_strndup_stops_at_nul),
		cmocka_unit_test(test_str_same),
		cmocka_unit_test(test_plural),
		cmocka_unit_test(test_grow_holds_all),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_file_read),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_text_clean),
		cmocka_unit_test(test_text_char),
		cmocka_unit_test(test_number_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
