/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace for each test that wants one, made from nothing and gone with it; for tests of what rtnetlink and
 * /proc/sys do. Include after cmocka.h. */
#ifndef OWN_NETNS_H
#define OWN_NETNS_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

static bool netns_allowed;

static inline bool netns_put(const char *path, const char *text)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Once, in main(): root here, or root of a user namespace of our own. */
static inline void netns_init(void)
{
	_cleanup_(freep) char *uids = xasprintf("0 %u 1", (unsigned int)geteuid());
	_cleanup_(freep) char *gids = xasprintf("0 %u 1", (unsigned int)getegid());

	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
		netns_allowed = true;
	else if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
		netns_allowed = netns_put("/proc/self/uid_map", uids) && netns_put("/proc/self/setgroups", "deny") &&
				netns_put("/proc/self/gid_map", gids);
	if (!netns_allowed)
		print_message("# network namespaces are not allowed here (%s): try sudo\n", strerror(errno));
}

/* Setup of a test; the namespace of the one before ends with it. */
static inline int netns_fresh(void **state)
{
	(void)state;
	if (netns_allowed && unshare(CLONE_NEWNET) < 0)
		return -1;
	return 0;
}

#define NEED_NETNS()                                                                                                   \
	do {                                                                                                           \
		if (!netns_allowed)                                                                                    \
			skip();                                                                                        \
	} while (0)

/* A shell command: its exit status. */
static inline int netns_try(const char *command)
{
	fflush(NULL);
	return system(command);
}

static inline void netns_run(const char *command)
{
	int status = netns_try(command);

	if (status != 0)
		fail_msg("exit status %d: %s", status, command);
}

#endif
