/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.c: what is certain is the cause before what may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check.h"
#include "util.h"

static void test_cause(void **state)
{
	struct checks c = {0};

	(void)state;
	assert_null(checks_cause(&c));
	checks_pass(&c, "address", xstrdup("is there"));
	assert_null(checks_cause(&c));
	checks_add(&c, "firewalls", VERDICT_MAY, xstrdup("may"), NULL);
	checks_add(&c, "target", VERDICT_MAY, xstrdup("may, too"), xstrdup("ask"));
	assert_string_equal(checks_cause(&c)->step, "firewalls");
	checks_add(&c, "route", VERDICT_FAIL, xstrdup("none"), xstrdup("ip route"));
	checks_add(&c, "way back", VERDICT_FAIL, xstrdup("none"), NULL);
	assert_string_equal(checks_cause(&c)->step, "route");
	assert_string_equal(checks_cause(&c)->remedy.command, "ip route");
	assert_int_equal(c.n, 5);
	checks_free(&c);
	assert_null(checks_cause(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
