/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This program itself is the one to be found. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "owner.h"
#include "util.h"

static void assert_named(const char *text, const char *expected)
{
	_cleanup_(freep) char *named = owner_named(text);

	assert_string_equal(named, expected);
}

static void test_named(void **state)
{
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_(freep) char *text = NULL, *expected = NULL;
	struct stat st;

	(void)state;
	assert_return_code(fstat(fd, &st), 0);
	text = xasprintf("port 22 is its own (uid 0, inode %1$u); and (uid 1, inode %1$u), (uid 1, inode %1$u",
			 (unsigned)st.st_ino);
	expected = xasprintf("port 22 is its own test_owner (pid %1$d); and test_owner (pid %1$d), (uid 1, inode %2$u",
			     (int)getpid(), (unsigned)st.st_ino);
	assert_named(text, expected);
}

static void test_left_alone(void **state)
{
	static const char *const texts[] = {"",
					    "nothing",
					    "its own (uid 0, inode 0); so",
					    "(uid x, inode 3)",
					    "(uid 1, inode 2",
					    "(uid 1, pid 2; 3 steps)",
					    "(uid "};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_named(texts[i], texts[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
