/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Metrics on the wire: at once where it fits, otherwise in parts of whole lines that are one text. */
#include "request_place.h"

#include "fake_kernel.h"

static char *text_of(const json_t *reply)
{
	return xstrdup(json_string_value(at(reply, "text")));
}

static void test_at_once(void **state)
{
	(void)state;
	NEED_NETNS();
	json_decref(call("Add", WEB "}"));
	json_auto_t *reply = call("Metrics", "{}");
	_cleanup_(freep) char *text = text_of(reply);
	assert_non_null(strstr(text, "\ngwd_forwards{state=\"active\"} 1\n"));
	assert_non_null(strstr(text, "\ngwd_forward_active{forward=\"web\"} 1\n"));
	assert_non_null(strstr(text, "\ngwd_interface_present{interface=\"wan0\",zone=\"wan\"} 1\n"));
	assert_null(strstr(text, "conntrack")); /* this kernel does not say */
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");
}

static void test_parts(void **state)
{
	_cleanup_(buf_free) struct buf yaml = {0}, text = {0};
	enum { MANY = 4000 };
	size_t parts = 0;

	(void)state;
	NEED_NETNS();
	buf_printf(&yaml, "services:\n");
	for (int i = 0; i < MANY; i++)
		buf_printf(&yaml, "- {name: n%08d%040d-%d, port: %d, to: 10.0.0.2, enabled: false}\n", i, 0, i, i + 1);
	DONE(try_apply(yaml.data, "gwd.yaml"));
	ask_json("Metrics", json_object(), true);
	for (bool continues = true; continues; parts++) {
		json_auto_t *reply = receive("Metrics");
		_cleanup_(freep) char *part = text_of(reply);

		assert_true(strlen(part) > 0 && strlen(part) <= 1 << 20);
		assert_int_equal(part[strlen(part) - 1], '\n');
		buf_printf(&text, "%s", part);
		continues = json_is_true(json_object_get(reply, "continues"));
	}
	assert_in_range(parts, 2, 200);
	size_t lines = 0;
	for (const char *s = text.data; (s = strstr(s, "\ngwd_forward_active{")); s++)
		lines++;
	assert_int_equal(lines, MANY);
	assert_string_equal(text.data + text.len - 6, "# EOF\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
