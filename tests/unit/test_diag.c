/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mistakes: what a terminal shows, what is kept of hostile ones, and suggestions. */
#include "diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "util.h"

static struct loc at(const char *file, uint32_t line, uint32_t col)
{
	return (struct loc){diag_file(file), line, col};
}

static void assert_text(const struct diag *d, const char *expected)
{
	_cleanup_(freep) char *text = diag_text(d);

	assert_string_equal(text, expected);
}

static void test_text(void **state)
{
	_cleanup_(diag_free) struct diag d = {0};
	const char *text = "wan: eth0\nservices:\n  - prot: 80\n";

	(void)state;
	assert_false(diag_failed(&d));
	d.subject = "web";
	diag_add(&d, DIAG_CONFLICT, at("gwd.yaml", 3, 5), "unknown key '%s'", "prot");
	d.subject = NULL;
	diag_add(&d, DIAG_INVALID, (struct loc){0}, "nowhere");
	diag_add(&d, DIAG_INVALID, at("other.yaml", 0, 0), "file only");
	diag_attach_source(&d, diag_file("gwd.yaml"), text, strlen(text));
	assert_true(diag_failed(&d));
	assert_int_equal(d.kind, DIAG_CONFLICT);
	assert_text(&d,
		    "gwd.yaml:3:5: web: unknown key 'prot'\n    - prot: 80\n      ^\nnowhere\nother.yaml: file only\n");
	diag_free(&d);
	assert_false(diag_failed(&d));
	assert_text(&d, "");
}

static void test_caret(void **state)
{
	_cleanup_(diag_free) struct diag d = {0};
	const char *text = "\t\xc3\xa9\xff"
			   "x\x1b\r\nlast";

	(void)state;
	diag_add(&d, DIAG_INVALID, at("f", 1, 4), "one");
	diag_add(&d, DIAG_INVALID, at("f", 2, 5), "two");
	diag_add(&d, DIAG_INVALID, at("f", 1, 1), "back");
	diag_add(&d, DIAG_INVALID, at("f", 3, 1), "past the end");
	diag_attach_source(&d, diag_file("f"), text, strlen(text));
	assert_text(&d, "f:1:4: one\n  \t\xc3\xa9?x?\n  \t  ^\nf:2:5: two\n  last\n      ^\n"
			"f:1:1: back\n  \t\xc3\xa9?x?\n  ^\nf:3:1: past the end\n");
}

static void test_long_line(void **state)
{
	_cleanup_(diag_free) struct diag d = {0};
	struct buf line = {0};

	(void)state;
	buf_add(&line, "a", 1);
	for (int i = 0; i < 1000; i++)
		buf_add(&line, "\xc3\xa9", 2);
	diag_add(&d, DIAG_INVALID, at("f", 1, 900), "far");
	diag_attach_source(&d, diag_file("f"), line.data, line.len);
	assert_true(strlen(d.mistakes[0].source) <= DIAG_SOURCE_MAX);
	assert_true(text_printable(d.mistakes[0].source)); /* no half character at the cut */
	free(diag_text(&d));
	buf_free(&line);
}

static void test_cleaned(void **state)
{
	_cleanup_(diag_free) struct diag d = {0};
	_cleanup_(freep) char *huge = xcalloc(1 << 20, 1);

	(void)state;
	memset(huge, '\xe9', (1 << 20) - 1);
	d.subject = "we\x1b"
		    "b";
	diag_add(&d, DIAG_INVALID, at("a\nb", 1, 1), "bad \x9b\n%s", "\x7f");
	assert_string_equal(d.mistakes[0].message, "we?b: bad ???");
	assert_text(&d, "a?b:1:1: we?b: bad ???\n");
	d.subject = huge;
	diag_add(&d, DIAG_INVALID, (struct loc){0}, "%s", huge);
	diag_warn(&d, "%s", huge);
	assert_true(strlen(d.mistakes[1].message) < DIAG_MESSAGE_MAX);
	assert_true(strlen(d.warnings[0]) < DIAG_MESSAGE_MAX);
	assert_true(text_printable(d.mistakes[1].message));
}

static void test_bounded(void **state)
{
	_cleanup_(diag_free) struct diag d = {0};

	(void)state;
	for (int i = 0; i < DIAG_MAX; i++) {
		diag_add(&d, DIAG_INVALID, (struct loc){0}, "m%d", i);
		diag_warn(&d, "w%d", i);
	}
	assert_int_equal(d.n, DIAG_MAX);
	assert_int_equal(d.n_warnings, DIAG_MAX);
	diag_add(&d, DIAG_INVALID, at("f", 1, 1), "one too many");
	diag_warn(&d, "one too many");
	assert_string_equal(d.mistakes[DIAG_MAX].message, "and 1 more mistake");
	assert_null(d.mistakes[DIAG_MAX].loc.file);
	for (int i = 0; i < 899; i++) {
		diag_add(&d, DIAG_INVALID, (struct loc){0}, "more");
		diag_warn(&d, "more");
	}
	assert_int_equal(d.n, DIAG_MAX + 1);
	assert_int_equal(d.n_warnings, DIAG_MAX + 1);
	assert_int_equal(diag_count(&d), 1000);
	assert_string_equal(d.mistakes[DIAG_MAX].message, "and 900 more mistakes");
	assert_string_equal(d.warnings[DIAG_MAX], "and 900 more warnings");
}

static void test_file_interned(void **state)
{
	char name[32] = "gwd.d/a.yaml";
	const char *first = diag_file(name);

	(void)state;
	assert_ptr_equal(first, diag_file("gwd.d/a.yaml"));
	assert_ptr_not_equal(first, name);
	assert_string_equal(diag_file("a\n\x1b[m"), "a??[m");
	assert_string_equal(diag_file_once("a\n\x1b[m"), "a??[m");
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "hostile-%d", i);
		assert_non_null(diag_file(name));
	}
	assert_string_equal(diag_file("another one"), "(file)");
	assert_ptr_equal(first, diag_file("gwd.d/a.yaml"));
}

static void test_nearest(void **state)
{
	static const char *const keys[] = {"name", "description", "proto", "listen", "port", "to", "masquerade"};
	static const char *const words[][2] = {
		{"prot", "proto"},
		{"prto", "proto"},
		{"potr", "port"},
		{"lisen", "listen"},
		{"Port", "port"},
		{"descripton", "description"},
		{"too", "to"},
		{"maskerade", "masquerade"},
		{"nmae", "name"},
		{"colour", NULL},
		{"", NULL},
		{"x", NULL},
		{"destination", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *found = diag_nearest(words[i][0], keys, ARRAY_SIZE(keys));

		if (!str_same(found, words[i][1]))
			fail_msg("'%s': '%s'", words[i][0], found ? found : "none");
	}
	assert_null(diag_nearest("port", keys, 0));
	assert_null(diag_nearest("pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp",
				 keys, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),          cmocka_unit_test(test_caret),   cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_cleaned),       cmocka_unit_test(test_bounded), cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_file_interned), /* last: fills the table */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
