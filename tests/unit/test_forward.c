/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "config.h"
#include "forward.h"
#include "util.h"

/* Out of a canonical service with ' for ". */
static struct forward *forward(const char *json, const struct forwards *taken)
{
	_cleanup_(freep) char *text = xstrdup(json);
	_cleanup_(diag_free) struct diag diag = {0};
	struct arena *arena = arena_new();
	struct forward *f;
	json_t *value;

	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	value = json_loads(text, 0, NULL);
	assert_non_null(value);
	f = config_forward(doc_from_json(arena, value), taken, &diag);
	json_decref(value);
	arena_free(arena);
	if (!f)
		fail_msg("%s: %s", json, diag.mistakes[0].message);
	return f;
}

#define TO "'to':[{'addr':'10.0.0.2'}]"
#define TO6 "'to':[{'addr':'fd00::2'}]"

/* ---- Text and names ------------------------------------------------------------------------------- */

static void test_text(void **state)
{
	static const struct {
		const char *service, *text, *name;
	} rows[] = {
		{"{'ports':['80']," TO "}", "tcp 80 -> 10.0.0.2:80", "tcp-80"},
		{"{'ports':['80'],'to':[{'addr':'10.0.0.2','port':'8080'}]}", "tcp 80 -> 10.0.0.2:8080", "tcp-80"},
		{"{'ports':['80','443']," TO "}", "tcp 80,443 -> 10.0.0.2", "tcp-80_443"},
		{"{'ports':['80','443'],'to':[{'addr':'10.0.0.2','port':'1'}]}", "tcp 80,443 -> 10.0.0.2:1", "tcp-80_443"},
		{"{'ports':['8000-8010']," TO "}", "tcp 8000-8010 -> 10.0.0.2:8000-8010", "tcp-8000-8010"},
		{"{'ports':['1-2'],'to':[{'addr':'10.0.0.2','port':'3-4'}]}", "tcp 1-2 -> 10.0.0.2:3-4", "tcp-1-2"},
		{"{'ports':['53'],'proto':'tcp+udp'," TO "}", "tcp+udp 53 -> 10.0.0.2:53", "tcp-udp-53"},
		{"{'ports':['80']," TO6 "}", "tcp 80 -> [fd00::2]:80", "tcp6-80"},
		{"{'ports':['80'],'listen':'2001:db8::1'," TO6 "}", "tcp [2001:db8::1]:80 -> [fd00::2]:80", "tcp6-80"},
		{"{'ports':['53'],'listen':'203.0.113.5','proto':'udp'," TO "}", "udp 203.0.113.5:53 -> 10.0.0.2:53", "udp-53"},
		{"{'ports':['80'],'listen':'eth0.7'," TO "}", "tcp eth0.7:80 -> 10.0.0.2:80", "tcp-80"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(forward_unrefp) struct forward *f = forward(rows[i].service, NULL);
		_cleanup_(freep) char *text = forward_text(f);

		assert_string_equal(text, rows[i].text);
		assert_string_equal(f->name, rows[i].name);
	}
}

/* Each takes the first name that is free, and all of them are names. */
static void test_default_names(void **state)
{
	static const struct {
		const char *service, *name;
	} rows[] = {
		{"{'ports':['80']," TO "}", "tcp-80"},
		{"{'ports':['80'],'listen':'203.0.113.5'," TO "}", "tcp-80-203.0.113.5"},
		{"{'ports':['80'],'listen':'203.0.113.5'," TO "}", "tcp-80-203.0.113.5-2"},
		{"{'ports':['80'],'listen':'203.0.113.5'," TO "}", "tcp-80-203.0.113.5-3"},
		{"{'ports':['80']," TO "}", "tcp-80-2"},
		{"{'ports':['80'],'listen':'2001:db8::1'," TO6 "}", "tcp6-80"},
		{"{'ports':['80'],'listen':'2001:db8::1'," TO6 "}", "tcp6-80-2001_db8__1"},
		{"{'ports':['80'],'listen':'a-b'," TO "}", "tcp-80-a-b"},
		{"{'ports':['80'],'listen':'a+b'," TO "}", "tcp-80-a_b"},
		{"{'ports':['80'],'listen':'a=b'," TO "}", "tcp-80-a_b-2"},
		{"{'ports':['10000','10001','10002','10003','10004','10005','10006','10007','10008','10009']," TO "}",
		 "tcp-10000_10001_10002_10003_10004_10005_10006_10007_1000"},
		{"{'ports':['10000','10001','10002','10003','10004','10005','10006','10007','10008','10010']," TO "}",
		 "tcp-10000_10001_10002_10003_10004_10005_10006_10007_1000-2"},
	};
	_cleanup_(forwards_freep) struct forwards *taken = forwards_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(forward_unrefp) struct forward *f = forward(rows[i].service, taken);

		assert_string_equal(f->name, rows[i].name);
		assert_true(forward_name_valid(f->name));
		forwards_add(taken, f, true);
	}
}

static void test_names(void **state)
{
	static const char *const good[] = {"a", "0a", "web.1_x-y", "Z9"};
	static const char *const bad[] = {"", "80", "8-0", "-a", ".a", "_a", "a b", "a/b", "a:b", "a\n", "\xc3\xa4", "a\x7f"};
	char longest[FORWARD_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(forward_name_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(forward_name_valid(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[FORWARD_NAME_MAX] = '\0';
	assert_true(forward_name_valid(longest));
	longest[FORWARD_NAME_MAX] = 'a';
	longest[FORWARD_NAME_MAX + 1] = '\0';
	assert_false(forward_name_valid(longest));
}

/* ---- Values --------------------------------------------------------------------------------------- */

/* Every one differs from every other, and is the same as its copy under another name and at another place. */
static void test_same(void **state)
{
	static const char *const services[] = {
		"{'ports':['80']," TO "}",
		"{'ports':['81']," TO "}",
		"{'ports':['80-81']," TO "}",
		"{'ports':['80','81']," TO "}",
		"{'ports':['80'],'proto':'udp'," TO "}",
		"{'ports':['80'],'listen':'eth0'," TO "}",
		"{'ports':['80'],'listen':'eth1'," TO "}",
		"{'ports':['80'],'listen':'203.0.113.5'," TO "}",
		"{'ports':['80'],'listen':'203.0.113.6'," TO "}",
		"{'ports':['80'],'enabled':false," TO "}",
		"{'ports':['80'],'description':'x'," TO "}",
		"{'ports':['80'],'description':'y'," TO "}",
		"{'ports':['80'],'to':[{'addr':'10.0.0.3'}]}",
		"{'ports':['80'],'to':[{'addr':'10.0.0.2','port':'80'}]}",
		"{'ports':['80'],'to':[{'addr':'10.0.0.2','port':'81'}]}",
		"{'ports':['80']," TO6 "}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		_cleanup_(forward_unrefp) struct forward *f = forward(services[i], NULL);
		_cleanup_(forward_unrefp) struct forward *copy = forward_renamed(f, "other");

		copy->loc = (struct loc){"gwd.yaml", 7, 3};
		assert_true(forward_same(f, copy));
		copy->targets[0].weight = 2;
		assert_false(forward_same(f, copy));
		assert_false(forward_declared(f));
		assert_true(forward_declared(copy));
		for (size_t k = 0; k < ARRAY_SIZE(services); k++) {
			_cleanup_(forward_unrefp) struct forward *g = forward(services[k], NULL);

			assert_int_equal(forward_same(f, g), i == k);
		}
	}
}

/* The last reference frees it: ASan watches. A copy owns all it has. */
static void test_references(void **state)
{
	struct forward *f = forward("{'ports':['80'],'description':'x'," TO "}", NULL);
	struct forward *again = forward_ref(f), *copy = forward_renamed(f, "copy");

	(void)state;
	assert_ptr_equal(again, f);
	forward_unref(f);
	assert_string_equal(again->name, "tcp-80");
	forward_unref(again);
	assert_string_equal(copy->name, "copy");
	assert_string_equal(copy->description, "x");
	assert_int_equal(copy->ports[0].first, 80);
	assert_int_equal(copy->targets[0].addr.bytes[0], 10);
	assert_int_equal(copy->refs, 1);
	forward_unref(copy);
	forward_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_default_names),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
