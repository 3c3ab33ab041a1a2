/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `nft list ruleset` saves gwd's table along with all others. Loaded again, the copy holds what was forwarded then: an
 * element that has another target by now, or a table that is owned, makes the whole file fail, the tables of its user
 * included. gwd itself may not read these files, its caller may. */
#include "saved.h"

#include <glob.h>

#include "util.h"

enum { FILE_MAX = 16 << 20 };

/* Debian and Arch; Alpine; Fedora; what Alpine's and Gentoo's services save. */
static const char *const patterns[] = {
	"/etc/nftables.conf",           "/etc/nftables.nft",   "/etc/nftables.d/*", "/etc/nftables/*",
	"/etc/sysconfig/nftables.conf", "/var/lib/nftables/*",
};

/* A line begins with it. */
static bool holds_table(const char *text)
{
	static const char head[] = "table inet gwd ";

	for (const char *at = text; (at = strstr(at, head)); at++)
		if (at == text || at[-1] == '\n')
			return true;
	return false;
}

static void look_into(json_t *ret, const char *path)
{
	_cleanup_(buf_free) struct buf text = {0};

	if (file_read(path, FILE_MAX, &text) >= 0 && text.len && holds_table(text.data))
		json_array_append_new(ret, json_string(path));
}

void saved_find(json_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		glob_t found;

		if (glob(patterns[i], 0, NULL, &found) != 0)
			continue;
		for (size_t k = 0; k < found.gl_pathc; k++)
			look_into(ret, found.gl_pathv[k]);
		globfree(&found);
	}
}

char *saved_text(const char *path)
{
	return xasprintf(
		"%s holds a saved copy of gwd's own table, which may make the whole file fail when it is loaded", path);
}

char *saved_remedy(const char *path)
{
	return xasprintf("sed -i '/^table inet gwd /,/^}/d' %s", path);
}
