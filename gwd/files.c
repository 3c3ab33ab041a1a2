/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An absent gwd.yaml is an empty one: installing changes nothing. A file that is there and cannot be read is an error,
 * because running without it would close every forward it holds. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "util.h"

static int is_yaml(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return d->d_name[0] != '.' && dot && streq(dot, ".yaml");
}

/* The sandbox knows directories and links as they were at the start (sandbox.h). */
static void refuse(const char *path, int error, struct diag *diag)
{
	diag_add(diag, DIAG_INVALID, (struct loc){0}, "cannot read %s: %s%s", path, strerror(error),
		 error == EACCES ? "; make it readable for gwd's user, and restart gwd if its directory or a link to it is "
				   "newer than when it started" :
				   "");
}

static void add(struct documents *docs, const char *shown, struct buf *text) /* shown: interned */
{
	struct document *d;

	docs->items = xrealloc(docs->items, docs->n + 1, sizeof(*docs->items));
	d = &docs->items[docs->n++];
	d->path = shown;
	d->len = text->len;
	d->text = buf_take(text);
}

static void read_one(struct documents *docs, const char *path, const char *shown, bool optional, struct diag *diag)
{
	_cleanup_(buf_free) struct buf text = {0};
	struct stat st;
	int r = stat(path, &st) < 0 ? -errno : 0;

	if (r == 0 && !S_ISREG(st.st_mode)) { /* a pipe would keep everybody waiting */
		diag_add(diag, DIAG_INVALID, (struct loc){0}, "cannot read %s: it is not a regular file", path);
		return;
	}
	if (r == 0)
		r = file_read(path, FILES_MAX, &text);
	if (optional && r == -ENOENT)
		diag_warn(diag, "there is no %s: nothing is declared there", path);
	else if (r < 0) {
		refuse(path, -r, diag);
		return;
	}
	add(docs, diag_file(shown), &text);
}

static void read_directory(struct documents *docs, const char *directory, struct diag *diag)
{
	struct dirent **names = NULL;
	int n = scandir(directory, &names, is_yaml, alphasort);

	if (n < 0 && errno != ENOENT && errno != ENOTDIR)
		refuse(directory, errno, diag);
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *path = xasprintf("%s/%s", directory, names[i]->d_name);
		_cleanup_(freep) char *shown = xasprintf("gwd.d/%s", names[i]->d_name);

		read_one(docs, path, shown, false, diag);
		free(names[i]);
	}
	free(names);
}

struct documents *files_read(const char *path, const char *text, size_t len, const char *shown, struct diag *diag)
{
	_cleanup_(documents_freep) struct documents *docs = xcalloc(1, sizeof(*docs));
	const char *slash = strrchr(path, '/');
	_cleanup_(freep) char *directory = xasprintf("%.*sgwd.d", slash ? (int)(slash - path + 1) : 0, path);
	size_t before = diag_count(diag);

	if (text) {
		_cleanup_(buf_free) struct buf copy = {0};

		buf_add(&copy, text, len);
		add(docs, shown ? shown : "gwd.yaml", &copy);
	} else {
		read_one(docs, path, slash ? slash + 1 : path, true, diag);
	}
	read_directory(docs, directory, diag);
	return diag_count(diag) > before ? NULL : TAKE_PTR(docs);
}
