/* SPDX-License-Identifier: GPL-2.0-or-later */
/* It is told by LESS what less does not do by itself: to keep colours, and the text on the screen. Whoever looks at a
 * gateway through sudo gets no shell of root's from it (LESSSECURE). */
#include "pager.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

static pid_t pager;

static _Noreturn void become(const char *command, const int ends[2])
{
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	close(ends[1]);
	setenv("LESS", "FRX", 0);
	setenv("LESSSECURE", "1", 0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static bool reap(void)
{
	int status = 0;

	waitpid(pager, &status, 0); /* no signal that is caught comes in between: there is but SIGPIPE */
	pager = 0;
	return !WIFEXITED(status) || WEXITSTATUS(status) != 127;
}

/* Who has read enough wants no more, and that is no failure. */
static void enough(int signum)
{
	(void)signum;
	_exit(reap() ? 0 : 1);
}

void pager_start(void)
{
	const char *wanted = getenv("PAGER");
	const char *command = wanted ? wanted : "command -v less >/dev/null && exec less; exec cat";
	int ends[2];
	if (pager || !*command || streq(command, "cat") || fflush(stdout) != 0 || pipe(ends) < 0)
		return;
	pager = fork();
	if (pager == 0)
		become(command, ends);
	if (pager > 0) {
		dup2(ends[1], STDOUT_FILENO);
		signal(SIGINT, SIG_IGN); /* it is the pager's */
		signal(SIGPIPE, enough);
	} else {
		pager = 0;
	}
	close(ends[0]);
	close(ends[1]);
}

bool pager_end(void)
{
	if (!pager)
		return true;
	fflush(stdout);
	close(STDOUT_FILENO); /* the end of what it reads */
	return reap();
}
