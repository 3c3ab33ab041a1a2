/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply, and what all changes of the whole share: each says which declared documents, runtime forwards and overrides
 * should run; world_assemble brings them together and the road does the rest. */
#include <errno.h>
#include <inttypes.h>

#include "files.h"
#include "gwd_apply.h"
#include "gwd_guard.h"

/* "3 added, 1 removed, 2 changed", or NULL when nothing differs. */
static char *count_changes(const struct world *a, const struct world *b)
{
	_cleanup_(strings_free) struct strings lines = {0};
	size_t added = 0, removed = 0, changed = 0;

	world_diff(a, b, &lines);
	for (size_t i = 0; i < lines.n; i++) {
		added += lines.items[i][0] == '+';
		removed += lines.items[i][0] == '-';
		changed += lines.items[i][0] == '~';
	}
	return lines.n ? xasprintf("%zu added, %zu removed, %zu changed", added, removed, changed) : NULL;
}

int apply_finish(struct gwd *g, struct draft *d, const char *what, struct ingredients *in,
		 const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	_cleanup_(freep) char *counts = NULL, *line = NULL;
	int r;

	guard_world(g, d, options->force, &in->settled, diag);
	counts = count_changes(g->world, d->world);
	line = xasprintf("%s: %s", what, counts ? counts : "nothing changed");
	if (counts || d->n_rows || d->reverses)
		d->what = line;
	r = road_commit(g, d, options, ret, diag);
	if (r < 0)
		return r;
	ret->changed = counts != NULL;
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
	int r;

	r = road_writable(g, diag);
	if (r < 0)
		return r;
	docs = files_read(g->config_path, text, len, path ? diag_file(path) : NULL, diag);
	if (!docs)
		return -EINVAL;
	seen = text ? apply_disk_hash(g) : hash_text(documents_hash(docs));
	config = config_read(docs, diag);
	if (!config) {
		remember_refused(g, text, seen, options);
		return -EINVAL;
	}
	ingredients_live(g, &in);
	draft_world(g, &d, config, &in);
	d.seen = seen;
	d.documents = documents_hash(docs) == g->docset_hash && g->docset ? NULL : docs;
	what = xasprintf("applied %s", docs->items[0].path);
	r = apply_finish(g, &d, what, &in, options, ret, diag);
	if (r == 0 && !options->dry_run)
		g->docset_hash = documents_hash(docs);
	if (r < 0)
		remember_refused(g, text, seen, options);
	return r;
}
