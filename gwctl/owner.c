/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names a socket's program from /proc/PID/fd; nothing is looked for unless gwd speaks of a socket. Of several that share
 * one the first is named: the parent, most likely. */
#include "owner.h"

#include <dirent.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "util.h"

enum { COMM_MAX = 64 };

/* "sshd (pid 812)", or NULL. */
static char *program(const char *pid)
{
	_cleanup_(freep) char *path = xasprintf("/proc/%s/comm", pid);
	_cleanup_(buf_free) struct buf comm = {0};
	if (file_read(path, COMM_MAX, &comm) < 0 || !comm.len)
		return NULL;
	return xasprintf("%.*s (pid %s)", (int)strcspn(comm.data, "\n"), comm.data, pid);
}

static void look_at(const char *pid, struct owner *owners, size_t n)
{
	_cleanup_(freep) char *path = xasprintf("/proc/%s/fd", pid);
	DIR *dir = opendir(path);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		char link[64];
		unsigned inode;
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		link[len > 0 ? len : 0] = '\0';
		if (sscanf(link, "socket:[%u]", &inode) != 1)
			continue;
		for (size_t i = 0; i < n; i++)
			if (owners[i].inode == inode && !owners[i].program)
				owners[i].program = program(pid);
	}
	if (dir)
		closedir(dir);
}

static bool wanted(const struct owner *owners, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!owners[i].program)
			return true;
	return false;
}

void owners_find(struct owner *owners, size_t n)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	while (dir && wanted(owners, n) && (entry = readdir(dir)))
		if (!entry->d_name[strspn(entry->d_name, "0123456789")])
			look_at(entry->d_name, owners, n);
	if (dir)
		closedir(dir);
}

const char *owner_user(unsigned uid)
{
	static char name[64];
	static unsigned known = UINT_MAX;
	if (*name && known == uid) /* of a thousand rows most are the same one's */
		return name;
	const struct passwd *user = getpwuid((uid_t)uid);
	if (user)
		snprintf(name, sizeof(name), "%s", user->pw_name);
	else
		snprintf(name, sizeof(name), "uid %u", uid);
	known = uid;
	return name;
}

char *owner_named(const char *text)
{
	struct buf out = {0};
	const char *open;
	while ((open = strstr(text, "(uid "))) {
		unsigned uid, inode = 0;
		int len = 0;
		bool whole = sscanf(open, "(uid %u, inode %u)%n", &uid, &inode, &len) == 2 && len;
		struct owner owner = {.inode = inode};
		if (whole)
			owners_find(&owner, 1);
		buf_add(&out, text, (size_t)(open - text));
		buf_printf(&out, "%s", owner.program ? owner.program : "(uid ");
		text = open + (owner.program ? (size_t)len : strlen("(uid "));
		free(owner.program);
	}
	buf_printf(&out, "%s", text);
	return buf_take(&out);
}
