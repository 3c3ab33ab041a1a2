/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said is JSON, and what a reader makes of it is what was meant. */
#include "jput.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

/* Brackets, commas and NULs wherever they may stand in a list of members, of items, of messages. */
static void test_nesting(void **state)
{
	_cleanup_(buf_free) struct buf out = {0};
	char a[] = "a", b[] = "b[", *texts[] = {a, b};

	(void)state;
	jput_object(&out, NULL);
	jput_text(&out, "first", ",{[:");
	jput_text(&out, "absent", NULL);
	jput_nonzero(&out, "zero", 0);
	jput_object(&out, "empty");
	jput_end(&out, '}');
	jput_list(&out, "none");
	jput_end(&out, ']');
	jput_list(&out, "list");
	jput_object(&out, NULL);
	jput_bool(&out, "yes", true);
	jput_bool(&out, "no", false);
	jput_end(&out, '}');
	jput_list(&out, NULL);
	jput_number(&out, NULL, 1);
	jput_nonzero(&out, NULL, 2);
	jput_end(&out, ']');
	jput_format(&out, NULL, "%s:%u", "[::1]", 80u);
	jput_end(&out, ']');
	jput_texts(&out, "texts", texts, ARRAY_SIZE(texts));
	jput_end(&out, '}');
	assert_string_equal(out.data, "{\"first\":\",{[:\",\"empty\":{},\"none\":[],"
				      "\"list\":[{\"yes\":true,\"no\":false},[1,2],\"[::1]:80\"],\"texts\":[\"a\",\"b[\"]}");
	buf_add(&out, "", 1);
	size_t first = out.len;
	jput_object(&out, NULL);
	jput_end(&out, '}');
	assert_string_equal(out.data + first, "{}");
}

static void test_numbers(void **state)
{
	static const int64_t numbers[] = {0, 1, -1, 9, 10, 1234567890, INT64_MAX, INT64_MIN};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		_cleanup_(buf_free) struct buf out = {0};
		_cleanup_(freep) char *expected = xasprintf("%lld", (long long)numbers[i]);

		jput_number(&out, NULL, numbers[i]);
		assert_string_equal(out.data, expected);
	}
}

static void assert_text(const char *text, const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};

	jput_text(&out, NULL, text);
	json_auto_t *json = json_loads(out.data, JSON_DECODE_ANY, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json), expected);
	_cleanup_(freep) char *dumped = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
	assert_string_equal(out.data, dumped); /* as all that read JSON and write it again have it */
}

static void test_texts(void **state)
{
	(void)state;
	assert_text("", "");
	assert_text("plain/text ~", "plain/text ~");
	assert_text("a\"b\\c\\\"", "a\"b\\c\\\"");
	assert_text("caf\xc3\xa9\n\t\xf0\x9f\x99\x82", "caf\xc3\xa9\n\t\xf0\x9f\x99\x82");
	assert_text("a\xff" "b\xc3\xa9\x1b[m\x7f\xc2\x9b", "a?b\xc3\xa9?[m???"); /* no UTF-8, and what a terminal obeys */
	assert_text("\xe2\x80\xae", "???"); /* turns the direction of a line */
	assert_text("cut \xc3", "cut ?");
}

/* Of each byte alone and between others, what text_clean makes of it. */
static void test_every_byte(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 256; c++) {
		char alone[] = {(char)c, '\0'}, between[] = {'a', (char)c, 'b', '\0'};
		_cleanup_(freep) char *first = xstrdup(alone), *second = xstrdup(between);

		text_clean(first, "\t\n");
		text_clean(second, "\t\n");
		assert_text(alone, first);
		assert_text(between, second);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_every_byte),
	};

	return cmocka_run_group_tests_name("jput", tests, NULL, NULL);
}
