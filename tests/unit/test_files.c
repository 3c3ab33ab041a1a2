/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "files.h"
#include "util.h"

static char base[64];

static int place(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(base, sizeof(base), "%s/gwd-files-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	return mkdtemp(base) && chdir(base) == 0 ? 0 : -1;
}

static int no_place(void **state)
{
	_cleanup_(freep) char *command = xasprintf("rm -rf %s", base);

	(void)state;
	return chdir("/") || system(command);
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* "shown=text" of each document. */
static void assert_documents(const char *path, const char *text, const char *shown, const char *expected)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(documents_freep) struct documents *docs = files_read(path, text, text ? strlen(text) : 0, shown, &diag);
	_cleanup_(buf_free) struct buf out = {0};

	assert_non_null(docs);
	assert_int_equal(diag.n, 0);
	for (size_t i = 0; i < docs->n; i++) {
		assert_int_equal(strlen(docs->items[i].text), docs->items[i].len);
		buf_printf(&out, "%s=%s ", docs->items[i].path, docs->items[i].text);
	}
	assert_string_equal(out.data, expected);
}

static void test_absent(void **state)
{
	_cleanup_(freep) char *path = xasprintf("%s/gwd.yaml", base);

	(void)state;
	assert_documents(path, NULL, NULL, "gwd.yaml= ");
	put("gwd.yaml", "");
	assert_documents(path, NULL, NULL, "gwd.yaml= ");
	put("gwd.yaml", "a");
	assert_documents(path, NULL, NULL, "gwd.yaml=a ");
	assert_documents("gwd.yaml", NULL, NULL, "gwd.yaml=a "); /* without a slash */
}

static void test_directory(void **state)
{
	_cleanup_(freep) char *path = xasprintf("%s/own.yaml", base);

	(void)state;
	mkdir("gwd.d", 0755);
	put("own.yaml", "o");
	put("gwd.d/20-b.yaml", "b");
	put("gwd.d/10-a.yaml", "a");
	put("gwd.d/Z.yaml", "z");
	put("gwd.d/.hidden.yaml", "h");
	put("gwd.d/20-b.yaml~", "x");
	put("gwd.d/x.yml", "x");
	put("gwd.d/yaml", "x");
	put("gwd.d/20.yaml.dpkg-new", "x");
	assert_documents(path, NULL, NULL, "own.yaml=o gwd.d/10-a.yaml=a gwd.d/20-b.yaml=b gwd.d/Z.yaml=z ");
	assert_documents("own.yaml", NULL, NULL, "own.yaml=o gwd.d/10-a.yaml=a gwd.d/20-b.yaml=b gwd.d/Z.yaml=z ");
	/* a text stands in for gwd.yaml alone */
	assert_documents(path, "t", "new.yaml", "new.yaml=t gwd.d/10-a.yaml=a gwd.d/20-b.yaml=b gwd.d/Z.yaml=z ");
	assert_documents(path, "", NULL, "gwd.yaml= gwd.d/10-a.yaml=a gwd.d/20-b.yaml=b gwd.d/Z.yaml=z ");
}

/* There, but not readable: every one is told, and nothing runs without them. */
static void test_unreadable(void **state)
{
	_cleanup_(freep) char *path = xasprintf("%s/gwd.yaml", base);
	_cleanup_(diag_free) struct diag diag = {0};

	(void)state;
	mkdir("gwd.yaml", 0755);
	mkdir("gwd.d", 0755);
	mkdir("gwd.d/a.yaml", 0755);
	put("gwd.d/b.yaml", "b");
	assert_int_equal(symlink("nowhere", "gwd.d/c.yaml"), 0);
	assert_null(files_read(path, NULL, 0, NULL, &diag));
	assert_int_equal(diag.n, 3);
	assert_non_null(strstr(diag.mistakes[0].message, "gwd.yaml: it is not a regular file"));
	assert_non_null(strstr(diag.mistakes[1].message, "gwd.d/a.yaml: it is not a regular file"));
	assert_non_null(strstr(diag.mistakes[2].message, "gwd.d/c.yaml: No such file or directory"));
}

/* More bytes than a configuration ever has: refused, not read. */
static void test_too_big(void **state)
{
	_cleanup_(freep) char *path = xasprintf("%s/gwd.yaml", base);
	_cleanup_(diag_free) struct diag diag = {0};

	(void)state;
	put("gwd.yaml", "");
	assert_int_equal(truncate("gwd.yaml", (off_t)FILES_MAX + 1), 0);
	assert_null(files_read(path, NULL, 0, NULL, &diag));
	assert_non_null(strstr(diag.mistakes[0].message, "File too large"));
}

#define IN_PLACE(name) cmocka_unit_test_setup_teardown(name, place, no_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_absent),
		IN_PLACE(test_directory),
		IN_PLACE(test_unreadable),
		IN_PLACE(test_too_big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
