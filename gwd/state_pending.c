/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The change that waits to be confirmed. Its inverse is kept beside the history, because that forgets old revisions and
 * knows nothing of what is temporary. */
#include "state_db.h"
#include "util.h"

int state_put_pending(struct state *state, const struct pending *p, struct diag *diag)
{
	int r = state_writable(state, diag);

	if (r == 0)
		r = db_run(state, diag, PENDING_PUT, "tiiiiiittti", p->what, p->revision, p->since,
			   (int64_t)p->declared, p->docset, (int64_t)p->who.uid, (int64_t)p->who.pid, p->session,
			   p->held, p->boot, p->deadline);
	state->inverting = r == 0;
	return r;
}

int state_get_pending(struct state *state, struct pending *ret, struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, PENDING_GET, "");
	int r = db_step(state, stmt, diag);

	if (r <= 0)
		return r;
	*ret = (struct pending){
		.what = xstrdup(db_text(stmt, 0)),
		.revision = sqlite3_column_int64(stmt, 1),
		.since = sqlite3_column_int64(stmt, 2),
		.declared = sqlite3_column_int(stmt, 3),
		.docset = sqlite3_column_int64(stmt, 4),
		.who = {.uid = (uid_t)sqlite3_column_int64(stmt, 5), .pid = (pid_t)sqlite3_column_int64(stmt, 6)},
		.session = xstrdup(db_text(stmt, 7)),
		.held = xstrdup(db_text(stmt, 8)),
		.boot = xstrdup(db_text(stmt, 9)),
		.deadline = sqlite3_column_int64(stmt, 10),
	};
	return 1;
}

void pending_free(struct pending *p)
{
	free(p->what);
	free(p->session);
	free(p->held);
	free(p->boot);
	*p = (struct pending){0};
}

int state_del_pending(struct state *state, struct diag *diag)
{
	int64_t docset = 0;
	int r = state_writable(state, diag);

	if (r == 0)
		r = db_number(state, diag, &docset, PENDING_DOCSET, "");
	if (r == 0)
		r = db_run(state, diag, PENDING_DEL, "");
	if (r == 0)
		r = db_run(state, diag, INVERSE_DEL, "");
	history_loosen(state, docset);
	return r;
}

int state_each_inverse(struct state *state,
		       int (*fn)(void *ctx, enum item_kind, const char *name, const char *before, const char *boot),
		       void *ctx, struct diag *diag)
{
	return db_each_item(state, db_ask(state, INVERSE_EACH, ""), fn, ctx, diag);
}

int inverse_record(struct state *state, enum item_kind kind, const char *name, struct diag *diag)
{
	static const enum query queries[] = {[ITEM_RUNTIME] = INVERSE_PUT_RUNTIME,
					     [ITEM_OVERRIDE] = INVERSE_PUT_OVERRIDE,
					     [ITEM_TARGET] = INVERSE_PUT_LIVE,
					     [ITEM_OPENING] = INVERSE_PUT_LIVE};

	return state->inverting ? db_run(state, diag, queries[kind], "it", (int64_t)kind, name) : 0;
}
