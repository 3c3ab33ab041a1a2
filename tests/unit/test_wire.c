/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Framing: messages in any pieces, sizes at the limit. */
#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

static void test_pieces(void **state)
{
	static const char bytes[] = "{\"a\":1}\0\0second\0rest";
	const size_t len = sizeof(bytes) - 1;

	(void)state;
	for (size_t step = 1; step <= len; step++) {
		static const char *const expected[] = {"{\"a\":1}", "", "second"};
		struct wire_in in = {0};
		const char *message;
		size_t n = 0, size;

		for (size_t i = 0; i < len; i += step) {
			wire_in_add(&in, bytes + i, i + step > len ? len - i : step);
			while (wire_in_next(&in, &message, &size) == 1) {
				assert_true(n < ARRAY_SIZE(expected));
				assert_int_equal(size, strlen(expected[n]));
				assert_string_equal(message, expected[n++]);
			}
		}
		assert_int_equal(n, 3);
		assert_int_equal(wire_in_next(&in, &message, &size), 0);
		wire_in_free(&in);
	}
}

static void test_limit(void **state)
{
	char *huge = xcalloc(WIRE_MESSAGE_MAX + 1, 1);
	struct wire_in in = {0};
	const char *message = NULL;
	size_t size;

	(void)state;
	memset(huge, 'x', WIRE_MESSAGE_MAX + 1);
	wire_in_add(&in, huge, WIRE_MESSAGE_MAX);
	assert_int_equal(wire_in_next(&in, &message, &size), 0);
	wire_in_add(&in, "", 1);
	assert_int_equal(wire_in_next(&in, &message, &size), 1);
	assert_int_equal(size, WIRE_MESSAGE_MAX);
	wire_in_add(&in, huge, WIRE_MESSAGE_MAX + 1); /* never ended, and one too long already */
	assert_int_equal(wire_in_next(&in, &message, &size), -EMSGSIZE);
	wire_in_free(&in);
	wire_in_add(&in, huge, WIRE_MESSAGE_MAX + 1);
	wire_in_add(&in, "", 1); /* ended, but too long */
	assert_int_equal(wire_in_next(&in, &message, &size), -EMSGSIZE);
	wire_in_free(&in);
	free(huge);
}

static void test_out(void **state)
{
	json_t *json = json_pack("{s:i,s:[s,n]}", "b", 1, "a", "x\n\xc3\xa9");
	struct buf out = {0};

	(void)state;
	wire_out(&out, json);
	wire_out(&out, json);
	assert_int_equal(out.len, 2 * strlen("{\"b\":1,\"a\":[\"x\\n\xc3\xa9\",null]}") + 2);
	assert_string_equal(out.data, "{\"b\":1,\"a\":[\"x\\n\xc3\xa9\",null]}");
	assert_string_equal(out.data + strlen(out.data) + 1, out.data);
	assert_int_equal(out.data[out.len - 1], '\0');
	buf_free(&out);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
