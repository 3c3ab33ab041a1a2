/* SPDX-License-Identifier: GPL-2.0-or-later */
/* remedy_lines.c: the command stands alone, so that it can be copied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "remedy_lines.h"
#include "util.h"

static void assert_lines(const char *json, const char *expected)
{
	json_t *object = json_loads(json, 0, NULL);
	_cleanup_(freep) char *lines = remedy_lines(object, "  ");

	assert_string_equal(lines, expected);
	json_decref(object);
}

static void test_lines(void **state)
{
	(void)state;
	assert_lines("{}", "");
	assert_lines("{\"remedy\":\"ufw allow 80\"}", "ufw\xc2\xa0" "allow\xc2\xa0" "80"); /* not to be broken */
	assert_lines("{\"advice\":\"wait and see\"}", "wait and see");
	assert_lines("{\"advice\":\"a | b\"}", "a\xc2\xa0|\xc2\xa0" "b");
	assert_lines("{\"advice\":\"wait\"}", "wait");
	assert_lines("{\"remedy\":\"a\",\"lasting\":\"b\",\"advice\":\"c\"}", "a\n  or: c\n  for good: b");
	assert_lines("{\"remedy\":\"a\",\"lasting\":\"b\"}", "a\n  for good: b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
