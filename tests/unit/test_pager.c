/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long tables go through $PAGER, short ones and those for programs do not, and nothing is lost on the way. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pager.h"
#include "table.h"
#include "util.h"

static char *name_cell(const json_t *row)
{
	return xstrdup(json_string_value(row));
}

/* In a process of its own: standard output becomes `path`. */
static _Noreturn void print_rows(const char *path, const char *format, unsigned height, int rows)
{
	static const struct column columns[] = {{"NAME", COLUMN_TEXT, name_cell}};
	struct screen screen = {.width = 80, .height = height};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(98);
	struct writer *w = writer_new(format, stdout, screen);
	json_auto_t *row = json_string("row");
	writer_rows(w, columns, 1);
	for (int i = 0; i < rows; i++)
		writer_row(w, row);
	writer_end(w);
	writer_free(w);
	fflush(stdout);
	pager_end();
	_exit(0);
}

static char *printed(const char *pager, const char *format, unsigned height, int rows)
{
	char path[] = "/tmp/gwctl-pager-XXXXXX";
	struct buf text = {0};
	int fd = mkstemp(path), status = -1;
	assert_true(fd >= 0);
	close(fd);
	if (pager)
		setenv("PAGER", pager, 1);
	else
		unsetenv("PAGER");
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		print_rows(path, format, height, rows);
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(file_read(path, 1 << 20, &text), 0);
	unlink(path);
	return buf_take(&text);
}

static void expect(const char *pager, const char *format, unsigned height, int rows, const char *expected)
{
	_cleanup_(freep) char *text = printed(pager, format, height, rows);
	assert_string_equal(text, expected);
}

static void test_when(void **state)
{
	(void)state;
	expect("tr a-z A-Z", "table", 4, 3, "NAME\nROW\nROW\nROW\n");
	expect("tr a-z A-Z", "table", 5, 3, "NAME\nrow\nrow\nrow\n"); /* and the prompt */
	expect("tr a-z A-Z", "table", 0, 3, "NAME\nrow\nrow\nrow\n"); /* no terminal */
	expect("tr a-z A-Z", "json", 1, 1, "[\n\"row\"\n]\n");
	expect("", "table", 2, 3, "NAME\nrow\nrow\nrow\n");
	expect("cat", "table", 2, 3, "NAME\nrow\nrow\nrow\n");
	expect(NULL, "table", 2, 2, "NAME\nrow\nrow\n"); /* less writes on when it is no terminal */
}

static void test_environment(void **state)
{
	(void)state;
	unsetenv("LESS");
	expect("echo $LESS $LESSSECURE; cat >/dev/null", "table", 2, 3, "FRX 1\n");
	setenv("LESS", "S", 1);
	expect("echo $LESS; cat >/dev/null", "table", 2, 3, "S\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
