/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "metrics.h"

static void test_text(void **state)
{
	struct metrics m = {0};

	(void)state;
	metrics_family(&m, "gwd_build_info", METRIC_GAUGE, NULL, "The version.");
	metrics_sample(&m, 1, "version", "1.0", NULL);
	metrics_family(&m, "gwd_uptime_seconds", METRIC_GAUGE, "seconds", "Time.");
	metrics_sample(&m, 0, NULL);
	metrics_family(&m, "gwd_bytes", METRIC_COUNTER, "bytes", "Bytes.");
	metrics_sample(&m, UINT64_MAX, "forward", "web", "target", "10.0.0.2:80", NULL);
	metrics_end(&m);
	assert_string_equal(m.text.data,
			    "# TYPE gwd_build_info gauge\n"
			    "# HELP gwd_build_info The version.\n"
			    "gwd_build_info{version=\"1.0\"} 1\n"
			    "# TYPE gwd_uptime_seconds gauge\n"
			    "# UNIT gwd_uptime_seconds seconds\n"
			    "# HELP gwd_uptime_seconds Time.\n"
			    "gwd_uptime_seconds 0\n"
			    "# TYPE gwd_bytes counter\n"
			    "# UNIT gwd_bytes bytes\n"
			    "# HELP gwd_bytes Bytes.\n"
			    "gwd_bytes_total{forward=\"web\",target=\"10.0.0.2:80\"} 18446744073709551615\n"
			    "# EOF\n");
	buf_free(&m.text);
}

static void test_escapes(void **state)
{
	struct metrics m = {0};

	(void)state;
	metrics_family(&m, "a", METRIC_GAUGE, NULL, "A.");
	metrics_sample(&m, 2, "l", "a\"b\\c\nd{}=,\xc3\xa4", "empty", "", NULL);
	assert_non_null(strstr(m.text.data, "a{l=\"a\\\"b\\\\c\\nd{}=,\xc3\xa4\",empty=\"\"} 2\n"));
	buf_free(&m.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_escapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
