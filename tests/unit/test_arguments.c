/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arguments.h"
#include "util.h"

/* Splits at blanks; "''" is an empty word. */
static bool parse(const char *line, struct arguments *ret, struct diag *diag)
{
	static char text[256], empty[] = "";
	char *argv[32], *save;
	int argc = 0;
	strncpy(text, line, sizeof(text) - 1);
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = streq(word, "''") ? empty : word;
	argv[argc] = NULL;
	return arguments_parse(argc, argv, ret, diag);
}

static void test_anywhere(void **state)
{
	static const char *const lines[] = {
		"gwctl -q -o json add 80 10.0.0.2 --name web --dry-run",
		"gwctl add --name=web 80 -qo json --dry-run 10.0.0.2",
		"gwctl --dry-run --output=json add -q 80 --name web 10.0.0.2",
		"gwctl -ojson --name web --quiet --dry-run -- add 80 10.0.0.2",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct diag diag = {0};
		struct arguments a;
		assert_true(parse(lines[i], &a, &diag));
		assert_int_equal(a.n_words, 3);
		assert_string_equal(a.words[0], "add");
		assert_string_equal(a.words[1], "80");
		assert_string_equal(a.words[2], "10.0.0.2");
		assert_string_equal(a.values[OPTION_NAME], "web");
		assert_string_equal(a.values[OPTION_OUTPUT], "json");
		assert_non_null(a.values[OPTION_QUIET]);
		assert_non_null(a.values[OPTION_DRY_RUN]);
		assert_null(a.values[OPTION_PROTO]);
		arguments_free(&a);
	}
}

static void test_values(void **state)
{
	struct diag diag = {0};
	struct arguments a;
	(void)state;
	assert_true(parse("gwctl set - --description= --name '' --disabled -- --proto", &a, &diag));
	assert_string_equal(a.values[OPTION_DESCRIPTION], "");
	assert_string_equal(a.values[OPTION_NAME], "");
	assert_true(a.values[OPTION_DISABLED] && *a.values[OPTION_DISABLED]);
	assert_int_equal(a.n_words, 3);
	assert_string_equal(a.words[1], "-");
	assert_string_equal(a.words[2], "--proto");
	arguments_free(&a);
	assert_true(parse("gwctl set x --disabled=", &a, &diag));
	assert_string_equal(a.values[OPTION_DISABLED], "");
	arguments_free(&a);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"gwctl ls --nmae x", "unknown option '--nmae', did you mean '--name'?"},
		{"gwctl ls --xyzzy=1", "unknown option '--xyzzy'"},
		{"gwctl ls -qz", "unknown option '-z'"},
		{"gwctl ls --nam x", "unknown option '--nam', did you mean '--name'?"}, /* no abbreviations */
		{"gwctl ls --name", "--name wants a value"},
		{"gwctl ls -o", "-o wants a value"},
		{"gwctl ls --dry-run=yes", "--dry-run takes no value"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct diag diag = {0};
		struct arguments a;
		assert_false(parse(cases[i].line, &a, &diag));
		assert_int_equal(diag.n, 1);
		assert_string_equal(diag.mistakes[0].message, cases[i].says);
		assert_string_equal(a.words[0], "ls");
		arguments_free(&a);
		diag_free(&diag);
	}
}

/* The table is complete, and no letter or name stands for two. */
static void test_table(void **state)
{
	(void)state;
	for (enum option_id i = 0; i < OPTION_COUNT; i++) {
		assert_non_null(options[i].name);
		for (enum option_id j = 0; j < i; j++) {
			assert_string_not_equal(options[i].name, options[j].name);
			assert_false(options[i].letter && options[i].letter == options[j].letter);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anywhere),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
