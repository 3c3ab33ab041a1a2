/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What state.c and state_history.c share, and nobody else may include: one SQLite file held by one process, statements
 * that are prepared once, errors that say what to do. The only place that includes sqlite3.h. */
#ifndef STATE_DB_H
#define STATE_DB_H

#include <sqlite3.h>

#include "state.h"

enum query {
	QUERY_BEGIN,
	QUERY_COMMIT,
	QUERY_ROLLBACK,
	META_GET,
	META_PUT,
	META_DEL,
	RUNTIME_EACH,
	RUNTIME_PUT,
	RUNTIME_DEL,
	OVERRIDE_EACH,
	OVERRIDE_PUT,
	OVERRIDE_DEL,
	LIVE_EACH,
	LIVE_PUT,
	LIVE_DEL,
	DOCSET_FIND,
	DOCSET_PUT,
	DOCSET_USED,
	DOCSET_DEL,
	DOCUMENT_EACH,
	DOCUMENT_PUT,
	DOCUMENT_BYTES,
	DOCUMENT_DEL,
	REVISION_EACH,
	REVISION_GET,
	REVISION_PUT,
	REVISION_LAST,
	REVISION_OLDEST,
	REVISION_DOCSETS,
	REVISION_UNDOABLE,
	REVISION_DEL,
	ITEM_EACH,
	RUNTIME_DURABLE,
	OVERRIDE_VALUES,
	LIVE_DURABLE,
	ITEM_PUT,
	ITEM_BYTES,
	ITEM_DEL,
	PENDING_GET,
	PENDING_PUT,
	PENDING_DEL,
	PENDING_DOCSET,
	INVERSE_EACH,
	INVERSE_PUT_RUNTIME,
	INVERSE_PUT_OVERRIDE,
	INVERSE_PUT_LIVE,
	INVERSE_DEL,
	TRAFFIC_EACH,
	TRAFFIC_PUT,
	TRAFFIC_DEL,
	QUERY_COUNT
};

struct history {
	int64_t last;  /* revision, 0 = none */
	int64_t bytes; /* of document texts and items */
};

struct state {
	sqlite3 *db;
	sqlite3_stmt *statements[QUERY_COUNT];
	char *path; /* of state.db, for messages */
	int lock;   /* holds STATE_DIR/state.lock */
	bool newer; /* then `db` is an empty one in memory */
	bool read_only; /* the file system it is on */

	bool begun;       /* between state_begin and its end */
	bool failed;      /* a statement did, since state_begin */
	bool refused;     /* the last transaction was */
	bool relaxed;     /* commits do not wait for the disk */
	int64_t revision; /* that the running transaction records, 0 = none yet */
	int64_t position; /* of its next item */
	bool inverting;   /* it is a change that waits to be confirmed */
	struct history history, history_before; /* with and without the running transaction */
	int64_t *loose; /* docsets that this transaction may have left without a reference */
	size_t n_loose, loose_capacity;
};

/* ---- state_db.c --------------------------------------------------------------------------------- */

/* Fills path, lock, db and newer; on failure call db_close all the same. */
int db_open(struct state *, const char *dir, struct diag *);
void db_close(struct state *);
size_t db_kept_aside(const struct state *, char **ret); /* how many damaged ones; the newest's path, caller's string */
/* The last error of `db` as a sentence in diag: -errno. */
int db_fail(struct state *, struct diag *);
/* Between transactions: whether a commit waits for the disk. What comes after one that did not is on it in order. */
int db_relax(struct state *, bool relaxed, struct diag *);

/* The statement, bound and not yet stepped: types "t" const char *, "i" int64_t, "b" const void * and size_t, all of
 * which must outlive it. NULL on error, which db_step then reports. One user at a time: release by db_resetp. */
sqlite3_stmt *db_ask(struct state *, enum query, const char *types, ...);
int db_step(struct state *, sqlite3_stmt *, struct diag *); /* 1 = a row, 0 = no more, -errno plus diag */
void db_resetp(sqlite3_stmt **);
int db_run(struct state *, struct diag *, enum query, const char *types, ...); /* a statement without rows */
int db_number(struct state *, struct diag *, int64_t *ret, enum query, const char *types, ...); /* no row: untouched */
/* Each row (kind, name, text, text) of a statement of db_ask, until `fn` is not 0: that is returned. Releases it. */
int db_each_item(struct state *, sqlite3_stmt *,
		 int (*fn)(void *ctx, enum item_kind, const char *name, const char *, const char *), void *ctx,
		 struct diag *);
const char *db_text(sqlite3_stmt *, int column); /* borrowed until the next step; NULL = NULL */

/* ---- state.c ------------------------------------------------------------------------------------ */

int state_writable(struct state *, struct diag *); /* what every put asks first */

/* ---- state_pending.c ---------------------------------------------------------------------------- */

/* What was there, if the running transaction is to be taken back and has not changed it already. Before the change. */
int inverse_record(struct state *, enum item_kind, const char *name, struct diag *);

/* ---- state_history.c ---------------------------------------------------------------------------- */

int history_load(struct state *, struct diag *);
/* Item of the running revision, if there is one and `after` is not what is there. To be called before the change. */
int history_record(struct state *, enum item_kind, const char *name, const char *after, struct diag *);
void history_loosen(struct state *, int64_t docset);
int history_prune(struct state *, struct diag *);

#endif
