/* SPDX-License-Identifier: GPL-2.0-or-later */
/* remedy.c: which of the three is told where there is room for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "remedy.h"
#include "util.h"

static void test_text(void **state)
{
	struct remedy r = {0}, copy;

	(void)state;
	assert_string_equal(remedy_text(&r), "");
	r = remedy_advice(xstrdup("switch it on"));
	assert_string_equal(remedy_text(&r), "switch it on");
	r.command = xstrdup("ip link set wan up");
	r.lasting = xstrdup("auto wan");
	copy = remedy_copy(&r);
	remedy_free(&r);
	assert_string_equal(remedy_text(&r), "");
	assert_string_equal(remedy_text(&copy), "ip link set wan up");
	assert_string_equal(copy.lasting, "auto wan");
	assert_string_equal(copy.advice, "switch it on");
	remedy_free(&copy);
	r = remedy_command(NULL);
	copy = remedy_copy(&r);
	assert_null(copy.command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
