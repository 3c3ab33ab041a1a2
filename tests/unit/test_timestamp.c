/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times in the one form that we take, and nothing that merely looks like it. */
#include "timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "util.h"

static void test_right(void **state)
{
	static const struct {
		const char *text, *printed;
		int64_t value;
	} cases[] = {
		{"1970-01-01T00:00:01Z", NULL, 1},
		{"2026-12-31T23:59:00Z", NULL, 1798761540},
		{"2024-02-29T12:00:00Z", NULL, 1709208000},
		{"2038-01-19T03:14:08Z", NULL, INT64_C(2147483648)},
		{"9999-12-31T23:59:59Z", NULL, INT64_C(253402300799)},
		{"2026-12-31T23:59:00+02:00", "2026-12-31T21:59:00Z", 1798754340},
		{"2026-12-31T23:59:00-11:30", "2027-01-01T11:29:00Z", 1798802940},
		{"2026-12-31T23:59:00+00:00", "2026-12-31T23:59:00Z", 1798761540},
		{"2026-12-31T23:59:00.75Z", "2026-12-31T23:59:00Z", 1798761540},
		{"2026-12-31T23:59:00.123456+00:00", "2026-12-31T23:59:00Z", 1798761540},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[TIMESTAMP_TEXT_MAX];
		int64_t value = 0;

		if (!timestamp_parse(cases[i].text, &value))
			fail_msg("%s is refused", cases[i].text);
		assert_int_equal(value, cases[i].value);
		assert_string_equal(timestamp_text(value, text), cases[i].printed ? cases[i].printed : cases[i].text);
	}
}

static void test_wrong(void **state)
{
	static const char *const texts[] = {
		"",
		"2026",
		"2026-12-31",
		"2026-12-31T23:59Z",
		"2026-12-31T23:59:00",
		"2026-12-31 23:59:00Z",
		"2026-12-31t23:59:00z",
		"2026-12-31T23:59:00z",
		"2026-12-31T23:59:00Zx",
		"2026-12-31T23:59:00.Z",
		"2026-12-31T23:59:00+0200",
		"2026-12-31T23:59:00+02",
		"2026-12-31T23:59:00+24:00",
		"2026-12-31T23:59:00+02:60",
		"2026-12-31T23:59:00 02:00",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-04-00T00:00:00Z",
		"2026-04-01T24:00:00Z",
		"2026-04-01T23:60:00Z",
		"2026-04-01T23:59:60Z",
		"1970-01-01T00:00:00Z", /* would mean "never" */
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:30:00+01:00",
		"0000-01-01T00:00:00Z",
		"9999-12-31T23:59:59-00:01",
		"20261231T235900Z",
		"1798761540",
		" 2026-12-31T23:59:00Z",
		"+026-12-31T23:59:00Z",
		"2026-+2-31T23:59:00Z",
		"2026-12-31T23:59:00Z ",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int64_t value = 7;

		if (timestamp_parse(texts[i], &value))
			fail_msg("'%s' is taken", texts[i]);
		assert_int_equal(value, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
