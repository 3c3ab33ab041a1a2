/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "timestamp.h"
#include "util.h"

/* What log_line writes while stderr is `fd_write`, read from `fd_read`. */
static const char *logged(int fd_write, int fd_read, enum log_level level, const char *text)
{
	static char line[256];
	int saved = dup(STDERR_FILENO);

	memset(line, 0, sizeof(line));
	dup2(fd_write, STDERR_FILENO);
	log_line(level, "%s", text);
	log_line(LOG_ERROR, "end");
	dup2(saved, STDERR_FILENO);
	close(saved);
	for (ssize_t n, len = 0; !strstr(line, "end"); len += n) { /* a terminal gives a line at a time */
		n = read(fd_read, line + len, sizeof(line) - 1 - (size_t)len);
		assert_true(n > 0);
	}
	return line;
}

static void assert_logged(const char *text, const char *expected)
{
	_cleanup_(freep) char *whole = xasprintf("<6>%s\n<3>end\n", expected);
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_string_equal(logged(fds[1], fds[0], LOG_INFO, text), whole);
	close(fds[0]);
	close(fds[1]);
}

static void test_levels(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_string_equal(logged(fds[1], fds[0], LOG_DEBUG, "detail"), "<3>end\n");
	log_set_level(LOG_DEBUG);
	assert_string_equal(logged(fds[1], fds[0], LOG_DEBUG, "detail"), "<7>detail\n<3>end\n");
	log_set_level(LOG_WARN);
	assert_string_equal(logged(fds[1], fds[0], LOG_NOTE, "note"), "<3>end\n");
	log_set_level(LOG_INFO);
	close(fds[0]);
	close(fds[1]);
}

static void test_escapes(void **state)
{
	(void)state;
	assert_logged("plain", "plain");
	assert_logged("a\nb\r\x1b[31m\t\x7f", "a\\x0ab\\x0d\\x1b[31m\\x09\\x7f");
	assert_logged("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
	assert_logged("\xc2\x9b" "31m", "\\xc2\\x9b" "31m");   /* C1: CSI in one character */
	assert_logged("\xff\xc3(\xe2\x82", "\\xff\\xc3(\\xe2\\x82"); /* cut short, or no UTF-8 at all */
	assert_logged("\xc0\x8a\xe0\x80\x8a\xed\xa0\x80", "\\xc0\\x8a\\xe0\\x80\\x8a\\xed\\xa0\\x80");
	assert_logged("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
}

static void test_terminal(void **state)
{
	int main_fd = posix_openpt(O_RDWR | O_NOCTTY);

	(void)state;
	if (main_fd < 0 || grantpt(main_fd) < 0 || unlockpt(main_fd) < 0)
		skip();
	int terminal = open(ptsname(main_fd), O_RDWR | O_NOCTTY);
	if (terminal < 0)
		skip();
	assert_string_equal(logged(terminal, main_fd, LOG_INFO, "hello"), "hello\r\nend\r\n");
	close(terminal);
	close(main_fd);
}

/* Where nobody puts the time before it. */
static void test_file(void **state)
{
	char path[] = "/tmp/gwd-log.XXXXXX", time_text[TIMESTAMP_TEXT_MAX] = "";
	int fd = mkstemp(path), again = open(path, O_RDONLY);
	int64_t at, before = time(NULL);

	(void)state;
	assert_true(again >= 0);
	unlink(path);
	const char *line = logged(fd, again, LOG_INFO, "hello");
	const char *space = strchr(line, ' ');
	assert_non_null(space);
	assert_true(space - line < TIMESTAMP_TEXT_MAX);
	memcpy(time_text, line, (size_t)(space - line));
	assert_true(timestamp_parse(time_text, &at));
	assert_in_range(at, before, time(NULL));
	assert_memory_equal(space, " hello\n", 7);
	close(fd);
	close(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
