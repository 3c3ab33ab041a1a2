/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names a socket's program from /proc/PID/fd; nothing is looked for unless gwd speaks of a socket. Of several that share
 * one the first is named: the parent, most likely. */
#include "owner.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "util.h"

enum { COMM_MAX = 64 };

static bool has_socket(const char *pid, const char *socket)
{
	_cleanup_(freep) char *path = xasprintf("/proc/%s/fd", pid);
	DIR *dir = opendir(path);
	const struct dirent *entry;
	char link[64];
	bool found = false;
	while (dir && !found && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		found = streq(link, socket);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* "sshd (pid 812)", or NULL. */
static char *owner_of(unsigned inode)
{
	_cleanup_(freep) char *socket = xasprintf("socket:[%u]", inode), *owner = NULL;
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	while (dir && !owner && (entry = readdir(dir))) {
		const char *pid = entry->d_name;
		_cleanup_(freep) char *path = xasprintf("/proc/%s/comm", pid);
		_cleanup_(buf_free) struct buf comm = {0};
		if (pid[strspn(pid, "0123456789")] || !has_socket(pid, socket))
			continue;
		if (file_read(path, COMM_MAX, &comm) == 0 && comm.len)
			owner = xasprintf("%.*s (pid %s)", (int)strcspn(comm.data, "\n"), comm.data, pid);
	}
	if (dir)
		closedir(dir);
	return TAKE_PTR(owner);
}

char *owner_named(const char *text)
{
	struct buf out = {0};
	const char *open;
	while ((open = strstr(text, "(uid "))) {
		unsigned uid, inode;
		int len = 0;
		bool whole = sscanf(open, "(uid %u, inode %u)%n", &uid, &inode, &len) == 2 && len;
		_cleanup_(freep) char *owner = whole ? owner_of(inode) : NULL;
		buf_add(&out, text, (size_t)(open - text));
		buf_printf(&out, "%s", owner ? owner : "(uid ");
		text = open + (owner ? (size_t)len : strlen("(uid "));
	}
	buf_printf(&out, "%s", text);
	return buf_take(&out);
}
