/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SIGKILL and not _exit: nothing is flushed, closed or unlocked by us, as when somebody else does it. */
#include "killpoint.h"

#ifdef KILLPOINTS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void killpoint(const char *of, const char *step)
{
	static unsigned long passed;
	const char *wanted = getenv("GWD_KILLPOINT");
	size_t len = strlen(of);

	if (!wanted || strncmp(wanted, of, len) != 0 || wanted[len] != '/')
		return;
	wanted += len + 1;
	len = strlen(step);
	if (strncmp(wanted, step, len) != 0 || (wanted[len] && wanted[len] != '='))
		return;
	if (++passed < (wanted[len] ? strtoul(wanted + len + 1, NULL, 10) : 1))
		return;
	dprintf(STDERR_FILENO, "killpoint %s/%s\n", of, step);
	raise(SIGKILL); /* what the sandbox lets through */
}
#endif
