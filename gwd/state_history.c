/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Declared documents and revisions. Both are bounded: a commit forgets the oldest revisions beyond the bounds, and the
 * documents that nothing names any more. It looks only at what it may forget: the totals are counted once at opening
 * and carried along, and only docsets that this very transaction put, or took a reference from, are asked about. */
#include <errno.h>
#include <inttypes.h>

#include "state_db.h"
#include "util.h"

int history_load(struct state *state, struct diag *diag)
{
	int64_t documents = 0, items = 0;
	int r = db_number(state, diag, &state->history.last, REVISION_LAST, "");

	if (r == 0)
		r = db_number(state, diag, &documents, DOCUMENT_BYTES, "ii", (int64_t)0, INT64_MAX);
	if (r == 0)
		r = db_number(state, diag, &items, ITEM_BYTES, "ii", (int64_t)0, INT64_MAX);
	state->history.bytes = documents + items;
	return r;
}

/* ---- Declared documents ------------------------------------------------------------------------- */

/* 1 = the same, 0 = not, -errno plus diag. The hash counts base names only; messages show whole paths. */
static int docset_same(struct state *state, int64_t docset, const struct documents *documents, struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, DOCUMENT_EACH, "i", docset);
	const struct document *doc = documents->items, *end = documents->items + documents->n;
	int r;

	while ((r = db_step(state, stmt, diag)) > 0) {
		if (doc == end || !streq(db_text(stmt, 0), doc->path) ||
		    (size_t)sqlite3_column_bytes(stmt, 1) != doc->len ||
		    (doc->len && memcmp(sqlite3_column_blob(stmt, 1), doc->text, doc->len) != 0))
			return 0;
		doc++;
	}
	return r < 0 ? r : doc == end;
}

static int docset_find(struct state *state, int64_t hash, const struct documents *documents, int64_t *ret,
		       struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, DOCSET_FIND, "i", hash);
	int r, same;

	while ((r = db_step(state, stmt, diag)) > 0) {
		int64_t docset = sqlite3_column_int64(stmt, 0);

		same = docset_same(state, docset, documents, diag);
		if (same > 0)
			*ret = docset;
		if (same != 0)
			return same;
	}
	return r;
}

static int docset_put(struct state *state, int64_t hash, const struct documents *documents, int64_t *ret,
		      struct diag *diag)
{
	int64_t docset;
	int r = db_run(state, diag, DOCSET_PUT, "i", hash);

	if (r < 0)
		return r;
	docset = sqlite3_last_insert_rowid(state->db);
	for (size_t i = 0; i < documents->n; i++) {
		const struct document *doc = &documents->items[i];

		r = db_run(state, diag, DOCUMENT_PUT, "iitb", docset, (int64_t)i, doc->path, doc->len ? doc->text : "",
			   doc->len);
		if (r < 0)
			return r;
		state->history.bytes += (int64_t)doc->len;
	}
	*ret = docset;
	return 0;
}

int state_put_documents(struct state *state, const struct documents *documents, int64_t *ret_docset, struct diag *diag)
{
	int64_t hash = (int64_t)documents_hash(documents), docset = 0;
	int r = state_writable(state, diag);

	if (r == 0)
		r = docset_find(state, hash, documents, &docset, diag);
	if (r == 0)
		r = docset_put(state, hash, documents, &docset, diag);
	if (r < 0)
		return r;
	history_loosen(state, docset);
	*ret_docset = docset;
	return 0;
}

int state_get_documents(struct state *state, int64_t docset, struct documents *ret, struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, DOCUMENT_EACH, "i", docset);
	struct documents documents = {0};
	size_t capacity = 0;
	int r;

	while ((r = db_step(state, stmt, diag)) > 0) {
		size_t len = (size_t)sqlite3_column_bytes(stmt, 1);
		struct document doc = {.path = diag_file(db_text(stmt, 0)), .text = xcalloc(1, len + 1), .len = len};

		if (len)
			memcpy(doc.text, sqlite3_column_blob(stmt, 1), len);
		documents.items = grow(documents.items, documents.n, &capacity, sizeof(*documents.items));
		documents.items[documents.n++] = doc;
	}
	if (r == 0 && documents.n == 0) {
		diag_add(diag, DIAG_NOT_FOUND, (struct loc){0}, "%s: there are no documents %" PRId64, state->path,
			 docset);
		r = -ENOENT;
	}
	if (r < 0) {
		documents_free(&documents);
		return r;
	}
	*ret = documents;
	return 0;
}

/* ---- Revisions ---------------------------------------------------------------------------------- */

int state_put_revision(struct state *state, struct revision *revision, struct diag *diag)
{
	int64_t id = state->history.last + 1;
	int r = state_writable(state, diag);

	if (r < 0)
		return r;
	r = db_run(state, diag, REVISION_PUT, "iiiitii", id, (int64_t)revision->time, (int64_t)revision->who.uid,
		   (int64_t)revision->who.pid, revision->what, revision->docset, revision->reverses);
	if (r < 0)
		return r;
	state->history.last = state->revision = revision->id = id;
	state->position = 0;
	return 0;
}

int64_t state_last_revision(struct state *state)
{
	return state->history.last;
}

static struct revision revision_row(sqlite3_stmt *stmt)
{
	return (struct revision){
		.id = sqlite3_column_int64(stmt, 0),
		.time = (time_t)sqlite3_column_int64(stmt, 1),
		.who = {.uid = (uid_t)sqlite3_column_int64(stmt, 2), .pid = (pid_t)sqlite3_column_int64(stmt, 3)},
		.what = xstrdup(db_text(stmt, 4)),
		.docset = sqlite3_column_int64(stmt, 5),
		.reverses = sqlite3_column_int64(stmt, 6),
	};
}

int state_get_revision(struct state *state, int64_t id, struct revision *ret, struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, REVISION_GET, "i", id);
	int r = db_step(state, stmt, diag);

	if (r < 0)
		return r;
	if (r > 0) {
		*ret = revision_row(stmt);
		return 0;
	}
	diag_add(diag, DIAG_NOT_FOUND, (struct loc){0},
		 "there is no revision %" PRId64 ", or it is not kept any more: see gwctl history", id);
	return -ENOENT;
}

void revision_free(struct revision *revision)
{
	free(TAKE_PTR(revision->what));
}

int state_each_revision(struct state *state, size_t max, int (*fn)(void *ctx, const struct revision *), void *ctx,
			struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, REVISION_EACH, "i", max ? (int64_t)max : (int64_t)-1);
	int r, stop;

	while ((r = db_step(state, stmt, diag)) > 0) {
		_cleanup_(revision_free) struct revision revision = revision_row(stmt);

		stop = fn(ctx, &revision);
		if (stop)
			return stop;
	}
	return r;
}

int state_each_item(struct state *state, int64_t revision,
		    int (*fn)(void *ctx, enum item_kind, const char *name, const char *before, const char *after),
		    void *ctx, struct diag *diag)
{
	return db_each_item(state, db_ask(state, ITEM_EACH, "i", revision), fn, ctx, diag);
}

int64_t state_newest_undoable(struct state *state)
{
	struct diag ignored = {0};
	int64_t id = 0;

	db_number(state, &ignored, &id, REVISION_UNDOABLE, "");
	diag_free(&ignored);
	return id;
}

int history_record(struct state *state, enum item_kind kind, const char *name, const char *after, struct diag *diag)
{
	static const enum query queries[] = {[ITEM_RUNTIME] = RUNTIME_DURABLE,
					     [ITEM_OVERRIDE] = OVERRIDE_VALUES,
					     [ITEM_TARGET] = LIVE_DURABLE,
					     [ITEM_OPENING] = LIVE_DURABLE};
	_cleanup_(db_resetp) sqlite3_stmt *stmt = NULL;
	int r = state_writable(state, diag);

	if (r == 0)
		r = inverse_record(state, kind, name, diag);
	if (r < 0 || !state->revision)
		return r;
	stmt = db_ask(state, queries[kind], "it", (int64_t)kind, name);
	r = db_step(state, stmt, diag);
	if (r < 0 || str_same(r ? db_text(stmt, 0) : NULL, after))
		return r < 0 ? r : 0;
	return db_run(state, diag, ITEM_PUT, "iiittt", state->revision, state->position++, (int64_t)kind, name,
		      r ? db_text(stmt, 0) : NULL, after);
}

/* ---- Forgetting --------------------------------------------------------------------------------- */

void history_loosen(struct state *state, int64_t docset)
{
	if (!docset)
		return;
	state->loose = grow(state->loose, state->n_loose, &state->loose_capacity, sizeof(*state->loose));
	state->loose[state->n_loose++] = docset;
}

static int drop_docset(struct state *state, int64_t docset, struct diag *diag)
{
	int64_t used = 0, bytes = 0;
	int r = db_number(state, diag, &used, DOCSET_USED, "i", docset);

	if (r < 0 || used)
		return r;
	r = db_number(state, diag, &bytes, DOCUMENT_BYTES, "ii", docset, docset);
	if (r == 0)
		r = db_run(state, diag, DOCUMENT_DEL, "i", docset);
	if (r == 0)
		r = db_run(state, diag, DOCSET_DEL, "i", docset);
	state->history.bytes -= bytes;
	return r;
}

/* Those that lost a reference in this transaction. */
static int drop_docsets(struct state *state, struct diag *diag)
{
	int r = 0;

	while (r == 0 && state->n_loose)
		r = drop_docset(state, state->loose[--state->n_loose], diag);
	return r;
}

static int loosen_documents(struct state *state, int64_t newest, struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, REVISION_DOCSETS, "i", newest);
	int r;

	while ((r = db_step(state, stmt, diag)) > 0)
		history_loosen(state, sqlite3_column_int64(stmt, 0));
	return r;
}

/* Up to this one: many at once cost hardly more than one. */
static int drop_revisions(struct state *state, int64_t newest, struct diag *diag)
{
	int64_t bytes = 0;
	int r = loosen_documents(state, newest, diag);

	if (r == 0)
		r = db_number(state, diag, &bytes, ITEM_BYTES, "ii", (int64_t)0, newest);
	if (r == 0)
		r = db_run(state, diag, ITEM_DEL, "i", newest);
	if (r == 0)
		r = db_run(state, diag, REVISION_DEL, "i", newest);
	state->history.bytes -= bytes;
	return r < 0 ? r : drop_docsets(state, diag);
}

int history_prune(struct state *state, struct diag *diag)
{
	int64_t items = 0, oldest = 0;
	int r = db_number(state, diag, &items, ITEM_BYTES, "ii", state->history_before.last + 1, INT64_MAX);

	state->history.bytes += items;
	if (r == 0)
		r = drop_docsets(state, diag);
	if (r == 0 && state->history.last > STATE_REVISIONS_MAX)
		r = drop_revisions(state, state->history.last - STATE_REVISIONS_MAX, diag);
	while (r == 0 && state->history.bytes > STATE_SIZE_MAX) {
		r = db_number(state, diag, &oldest, REVISION_OLDEST, "");
		if (r < 0 || oldest == state->history.last)
			break;
		r = drop_revisions(state, oldest, diag);
	}
	return r;
}
