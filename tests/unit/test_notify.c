/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "notify.h"
#include "util.h"

/* A service manager's socket at `path` ('@' = abstract), named in the environment. */
static int manager(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(at.sun_path, path, strlen(path));
	if (*path == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
			 0);
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

static void assert_heard(int fd, const char *expected)
{
	char text[256] = "";
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	assert_int_equal(n, *expected ? (ssize_t)strlen(expected) : -1);
	assert_string_equal(text, expected);
}

static void test_notify(void **state)
{
	const char *tmp = getenv("TMPDIR");
	_cleanup_(freep) char *path = xasprintf("%s/gwd-notify-%d", tmp ? tmp : "/tmp", (int)getpid());
	_cleanup_(freep) char *hidden = xasprintf("@gwd-notify-%d", (int)getpid());
	_cleanup_(closep) int file = manager(path), abstract = manager(hidden);

	(void)state;
	notify("READY=1\nSTATUS=x");
	assert_heard(abstract, "READY=1\nSTATUS=x");
	setenv("NOTIFY_SOCKET", path, 1);
	notify("STOPPING=1");
	assert_heard(file, "STOPPING=1");
	assert_heard(abstract, "");
	unlink(path);
	close(abstract);
	abstract = -1;
	notify("READY=1"); /* nobody there */
	unsetenv("NOTIFY_SOCKET");
	notify("READY=1");
	assert_heard(file, "");
}

static void test_strange_addresses(void **state)
{
	char longest[200];
	static const char *const strange[] = {"", "@", "/", "relative", "vsock:2:1"};

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longest, 1);
	notify("READY=1");
	for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
		setenv("NOTIFY_SOCKET", strange[i], 1);
		notify("READY=1"); /* no crash, no wait: ASan watches */
	}
	unsetenv("NOTIFY_SOCKET");
}

static void test_reloading(void **state)
{
	_cleanup_(freep) char *path = xasprintf("@gwd-reloading-%d", (int)getpid());
	_cleanup_(closep) int fd = manager(path);
	unsigned long long usec;
	struct timespec now;
	char text[256] = "";

	(void)state;
	notify_reloading();
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_in_range((unsigned long long)now.tv_sec - usec / 1000000, 0, 1);
	unsetenv("NOTIFY_SOCKET");
}

static void test_watchdog(void **state)
{
	_cleanup_(freep) char *mine = xasprintf("%d", (int)getpid()), *other = xasprintf("%d", (int)getpid() + 1);

	(void)state;
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(notify_watchdog_interval(), 0);
	setenv("WATCHDOG_USEC", "20000000", 1);
	assert_int_equal(notify_watchdog_interval(), 10000);
	setenv("WATCHDOG_PID", other, 1);
	assert_int_equal(notify_watchdog_interval(), 0);
	setenv("WATCHDOG_PID", mine, 1);
	assert_int_equal(notify_watchdog_interval(), 10000);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_strange_addresses),
		cmocka_unit_test(test_reloading),
		cmocka_unit_test(test_watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
