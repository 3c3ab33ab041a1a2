/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sshd tells its children which connection they serve (SSH_CONNECTION: both addresses and ports). sudo and su forget it
 * on the way, so it is looked for up the tree, as far as the caller may see. */
#include "session.h"

#include <stdio.h>
#include <unistd.h>

#include "util.h"

enum { DEPTH_MAX = 64, FILE_MAX = 1 << 20, SESSION_MAX = 256 };

static const char name[] = "SSH_CONNECTION=";

/* Of the process when it was started. Caller's string, or NULL. */
static char *of_process(unsigned pid)
{
	_cleanup_(freep) char *path = xasprintf("/proc/%u/environ", pid);
	_cleanup_(buf_free) struct buf text = {0};
	if (file_read(path, FILE_MAX, &text) < 0)
		return NULL;
	for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1)
		if (strncmp(text.data + at, name, strlen(name)) == 0 && text.data[at + strlen(name)])
			return xstrndup(text.data + at + strlen(name), SESSION_MAX);
	return NULL;
}

/* 0 = none, or not to be seen. */
static unsigned parent(unsigned pid)
{
	_cleanup_(freep) char *path = xasprintf("/proc/%u/stat", pid);
	_cleanup_(buf_free) struct buf stat = {0};
	unsigned ret = 0;
	const char *end = file_read(path, FILE_MAX, &stat) == 0 && stat.len ? strrchr(stat.data, ')') : NULL;
	return end && sscanf(end, ") %*c %u", &ret) == 1 ? ret : 0;
}

char *session_find(void)
{
	char *found = NULL;
	unsigned pid = (unsigned)getpid();
	for (int depth = 0; depth < DEPTH_MAX && pid && !found; depth++, pid = parent(pid))
		found = of_process(pid);
	return found;
}
