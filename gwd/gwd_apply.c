/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply, and what all changes of the whole share: each says which declared documents, runtime forwards and overrides
 * should run; world_assemble brings them together and the road does the rest. */
#include <errno.h>
#include <inttypes.h>

#include "files.h"
#include "gwd_apply.h"
#include "gwd_guard.h"

enum { NAMES_MAX = 5 };

/* "added web, mail and 3 more" of the lines from `first` on with this sign ("+ web: tcp 80 -> ..."), or all that the line
 * says if it is the only one. */
static void tell_sign(struct buf *out, const struct strings *lines, size_t first, char sign, const char *verb)
{
	size_t n = 0;

	for (size_t i = first; i < lines->n; i++) {
		const char *line = lines->items[i] + 2, *name_end = lines->n > 1 ? strstr(line, ": ") : NULL;

		if (lines->items[i][0] != sign || n++ >= NAMES_MAX)
			continue;
		buf_printf(out, "%s%s %.*s",
			   n > 1      ? ","
			   : out->len ? "; "
				      : "",
			   n > 1 ? "" : verb, (int)(name_end ? (size_t)(name_end - line) : strlen(line)), line);
	}
	if (n > NAMES_MAX)
		buf_printf(out, " and %zu more", n - NAMES_MAX);
}

/* "settings wan, gateway" of the lines before `end`; only what is under gateway is indented. */
static void tell_settings(struct buf *out, const struct strings *lines, size_t end)
{
	_cleanup_(strings_free) struct strings told = {0};

	for (size_t i = 0; i < end; i++) {
		const char *line = lines->items[i] + 2;
		char *key = *line == ' ' ? xstrdup("gateway") : xasprintf("%.*s", (int)strcspn(line, ":"), line);

		if (!strings_have(&told, key))
			buf_printf(out, "%s %s", told.n ? "," : "settings", key);
		strings_add(&told, key);
	}
}

/* "settings wan; added web, mail; removed shop; changed log", or NULL when nothing differs. */
static char *tell_changes(const struct world *a, const struct world *b)
{
	_cleanup_(strings_free) struct strings lines = {0};
	size_t settings = world_diff(a, b, &lines);
	struct buf out = {0};

	tell_settings(&out, &lines, settings);
	tell_sign(&out, &lines, settings, '+', "added");
	tell_sign(&out, &lines, settings, '-', "removed");
	tell_sign(&out, &lines, settings, '~', "changed");
	return lines.n ? buf_take(&out) : NULL;
}

int apply_finish(struct gwd *g, struct draft *d, const char *what, struct ingredients *in,
		 const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	_cleanup_(freep) char *changes = NULL, *line = NULL;
	int r;

	guard_world(g, d, options->force, &in->settled, diag);
	changes = tell_changes(g->world, d->world);
	line = xasprintf("%s: %s", what, changes ? changes : "nothing changed");
	if (changes || d->n_rows || d->reverses)
		d->what = line;
	r = road_commit(g, d, options, ret, diag);
	if (r < 0)
		return r;
	ret->changed = changes != NULL;
	outcome_say(ret, options->dry_run ? xasprintf("would be done: %s", line) : xstrdup(line));
	for (size_t i = 0; i < in->settled.messages.n; i++)
		outcome_say(ret, xstrdup(in->settled.messages.items[i]));
	outcome_say_cut(ret);
	return 0;
}

/* ---- apply ---------------------------------------------------------------------------------------- */

/* A file that was refused was seen all the same: the next start must not take it for a new one. */
static void remember_refused(struct gwd *g, const char *text, const char *hash, const struct request_options *options)
{
	_cleanup_(diag_free) struct diag ignored = {0};

	if (text || options->dry_run || state_begin(g->state, &ignored) < 0)
		return;
	if (state_put(g->state, "seen", hash, &ignored) < 0)
		state_abort(g->state);
	else
		(void)!state_commit(g->state, &ignored); /* then the next start looks at it again */
}

char *apply_disk_hash(const struct gwd *g)
{
	_cleanup_(diag_free) struct diag ignored = {0};
	_cleanup_(documents_freep) struct documents *docs = files_read(g->config_path, NULL, 0, NULL, &ignored);

	return docs ? hash_text(documents_hash(docs)) : NULL;
}

char *hash_text(uint64_t hash)
{
	return xasprintf("%016" PRIx64, hash);
}

int gwd_apply(struct gwd *g, const char *text, size_t len, const char *path, const struct request_options *options,
	      struct outcome *ret, struct diag *diag)
{
	_cleanup_(documents_freep) struct documents *docs = NULL;
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_(ingredients_free) struct ingredients in = {0};
	_cleanup_(draft_free) struct draft d = {0};
	_cleanup_(freep) char *seen = NULL, *what = NULL;
	uint64_t hash;
	int r;

	r = road_writable(g, diag);
	if (r < 0)
		return r;
	docs = files_read(g->config_path, text, len, path ? diag_file(path) : NULL, diag);
	if (!docs)
		return -EINVAL;
	hash = documents_hash(docs);
	seen = text ? apply_disk_hash(g) : hash_text(hash);
	config = config_read(docs, diag);
	if (!config) {
		remember_refused(g, text, seen, options);
		return -EINVAL;
	}
	ingredients_live(g, &in);
	draft_world(g, &d, config, &in);
	d.seen = seen;
	d.documents = hash == g->docset_hash && g->docset ? NULL : docs;
	what = xasprintf("applied %s", docs->items[0].path);
	r = apply_finish(g, &d, what, &in, options, ret, diag);
	if (r == 0 && !options->dry_run) {
		g->docset_hash = hash;
		free(TAKE_PTR(g->last_error)); /* whatever it was about was tried again */
	}
	if (r < 0)
		remember_refused(g, text, seen, options);
	return r;
}
