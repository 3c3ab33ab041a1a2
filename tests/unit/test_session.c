/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logins as the environments of real processes have them: this program starts itself again, perhaps by way of a shell
 * that takes the variable away, as sudo does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "session.h"
#include "util.h"

/* What is found where this command line leads to; "none" when nothing is. Caller's string. */
static char *found(const char *format)
{
	char self[4096] = "", answer[512] = "";
	_cleanup_(freep) char *command = NULL;
	FILE *output;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	setenv("SELF", self, 1);
	command = xasprintf("exec env %s", format);
	output = popen(command, "r");
	assert_non_null(output);
	(void)!fgets(answer, sizeof(answer), output);
	assert_int_equal(pclose(output), 0);
	return xstrdup(answer);
}

static void expect(const char *format, const char *expected)
{
	_cleanup_(freep) char *answer = found(format);

	assert_string_equal(answer, expected);
}

static void test_session(void **state)
{
	(void)state;
	expect("SSH_CONNECTION='198.51.100.9 1 203.0.113.5 22' $SELF find", "198.51.100.9 1 203.0.113.5 22");
	expect("SSH_CONNECTION=above sh -c 'env -u SSH_CONNECTION $SELF find; true'", "above");
	expect("SSH_CONNECTION=above sh -c 'env -i SELF=$SELF sh -c \"\\$SELF find; true\"; true'", "above");
	expect("SSH_CONNECTION=above sh -c 'SSH_CONNECTION=own $SELF find; true'", "own");
	expect("SSH_CONNECTION=above sh -c 'SSH_CONNECTIONS=x XSSH_CONNECTION=y SSH_CONNECTION= $SELF find; true'", "above");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_session)};

	if (argc > 1 && streq(argv[1], "find")) {
		_cleanup_(freep) char *session = session_find();

		fputs(session ? session : "none", stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
