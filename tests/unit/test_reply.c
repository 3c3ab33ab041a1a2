/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows are found whatever is in them, and what is no reply is never taken for one. */
#include "reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

static bool take(void *ctx, const char *row, size_t len)
{
	buf_printf(ctx, "<%.*s>", (int)len, row);
	return len != strlen("refused") + 2 || strncmp(row, "\"refused\"", len) != 0;
}

static void expect(const char *text, const char *rows, const char *rest)
{
	_cleanup_(buf_free) struct buf got = {0}, left = {0};

	buf_printf(&got, "%s", "");
	assert_true(reply_rows(text, "rows", take, &got, &left));
	assert_string_equal(got.data, rows);
	assert_string_equal(left.data, rest);
}

static void test_rows(void **state)
{
	(void)state;
	expect("{\"parameters\":{\"rows\":[{\"a\":1},{\"b\":[2,{}]}]},\"continues\":true}", "<{\"a\":1}><{\"b\":[2,{}]}>",
	       "{\"parameters\":{\"rows\":[]},\"continues\":true}");
	expect("{\"parameters\":{\"rows\":[]}}", "", "{\"parameters\":{\"rows\":[]}}");
	expect(" {\"continues\" : true, \"parameters\": {\"n\": -1.5e+3, \"rows\" : [ [1] , 2 ], \"z\":[]} }",
	       "<[1] ><2 >", " {\"continues\" : true, \"parameters\": {\"n\": -1.5e+3, \"rows\" : [], \"z\":[]} }");
	expect("{\"parameters\":{\"rows\":[\"a]}\\\"],[\",{\"\\\\\":\"\\\\\"},\"\xc3\xa9\"]}}",
	       "<\"a]}\\\"],[\"><{\"\\\\\":\"\\\\\"}><\"\xc3\xa9\">", "{\"parameters\":{\"rows\":[]}}");
}

/* Everything else is left to who reads the rest. */
static void test_without(void **state)
{
	static const char *const texts[] = {
		"",
		"no JSON",
		"[]",
		"{}",
		"{\"error\":\"a.b\",\"parameters\":{\"mistakes\":[{\"rows\":[1]}]}}",
		"{\"parameters\":null}",
		"{\"parameters\":{\"rows\":7}}",
		"{\"parameters\":{\"rowss\":[1],\"row\":[2]}}",
		"{\"rows\":[1]}",
		"{\"parameters\"",
		"{\"parameters\":{\"rows",
		"{\"a\\",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		expect(texts[i], "", texts[i]);
}

static void test_broken(void **state)
{
	static const char *const lists[] = {
		"[",	    "[1",	"[1,",	   "[1,]",	"[,1]",	       "[{\"a\":1]}]", "[1}",
		"[\"a",	    "[\"\\",	"[\"a\tb\"]", "[\"\x1b\"]", "[a\x1b]", "[1;2]",	       "[{\"a\":\xc2\x9b}]",
		"[1 \x7f]", "[\"refused\"]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		_cleanup_(buf_free) struct buf got = {0}, rest = {0};
		_cleanup_(freep) char *text = xasprintf("{\"parameters\":{\"rows\":%s}}", lists[i]);

		if (reply_rows(text, "rows", take, &got, &rest)) /* or a reader sees it */
			assert_null(json_loadb(rest.data, rest.len, 0, NULL));
	}
}

/* A reply that ends anywhere gives no more rows than are there, and no reader takes the rest. */
static void test_cut(void **state)
{
	static const char whole[] = "{\"parameters\":{\"rows\":[{\"a\":\"x\\\"y\"},[1,2],\"z\"],\"n\":1},\"continues\":true}";

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		_cleanup_(buf_free) struct buf got = {0}, rest = {0};
		_cleanup_(freep) char *text = xstrndup(whole, len); /* the sanitizer sees who looks behind it */
		bool is = reply_rows(text, "rows", take, &got, &rest);

		assert_true(!is || !json_loadb(rest.len ? rest.data : "", rest.len, 0, NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
