/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contents of state.db: a whole file of it, or (since those that SQLite itself finds damaged say little about us) rows
 * of a sound one, TABLE US COLUMN US COLUMN ... RS. Whatever they are, gwd starts and does what it is asked, or says why
 * not. */
#include <sqlite3.h>

#include "fuzz.h"

enum { RS = '\036', US = '\037', COLUMNS_MAX = 16 };

static struct place place;
static struct buf empty_db;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct state *state;

	(void)argc, (void)argv;
	place_make(&place);
	PROMISE(state_open(place.state, &state, &diag) == 0);
	state_close(state);
	PROMISE(file_read(place.db, 1 << 20, &empty_db) == 0);
	return 0;
}

/* What does not fit the table is left out. */
static void put_row(sqlite3 *db, char *row)
{
	const char *table = strsep(&row, (char[]){US, '\0'});
	_cleanup_(buf_free) struct buf sql = {0};
	const char *columns[COLUMNS_MAX];
	sqlite3_stmt *stmt = NULL;
	int n = 0;

	for (char *column; n < COLUMNS_MAX && (column = strsep(&row, (char[]){US, '\0'}));)
		columns[n++] = column;
	buf_printf(&sql, "INSERT OR REPLACE INTO %.20s VALUES(", table);
	for (int i = 0; i < n; i++)
		buf_printf(&sql, i ? ",?" : "?");
	buf_printf(&sql, ")");
	if (sqlite3_prepare_v2(db, sql.data, -1, &stmt, NULL) == SQLITE_OK) {
		for (int i = 0; i < n; i++)
			if (!streq(columns[i], "-"))
				sqlite3_bind_text(stmt, i + 1, columns[i], -1, SQLITE_STATIC);
		sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
}

static void put_rows(const char *data, size_t len)
{
	_cleanup_(freep) char *copy = xstrndup(data, len);
	sqlite3 *db = NULL;
	char *rest = copy;

	write_file(place.db, empty_db.data, empty_db.len);
	PROMISE(sqlite3_open(place.db, &db) == SQLITE_OK);
	sqlite3_exec(db, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; BEGIN", NULL, NULL, NULL);
	for (char *row; (row = strsep(&rest, (char[]){RS, '\0'}));)
		put_row(db, row);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(db);
}

static int seen(void *ctx, const struct revision *revision)
{
	*(int64_t *)ctx = revision->id;
	return 0;
}

/* Every question that reads the database, then every change that depends on it. */
static void use(struct gwd *g)
{
	const struct request_options options = {.force = true};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(outcome_free) struct outcome undone = {0}, back = {0}, confirmed = {0};
	_cleanup_(freep) char *yaml = NULL;
	struct forward_view *views = NULL;
	struct gwd_status status = {0};
	int64_t oldest = 0, seconds;
	size_t n = 0;

	if (gwd_list(g, NULL, &views, &n, &diag) == 0)
		for (size_t i = 0; i < n; i++)
			forward_view_free(&views[i]);
	free(views);
	gwd_status(g, &status, &diag);
	gwd_pending(g, &seconds);
	struct opening_view *openings = gwd_openings(g, &n);
	opening_views_free(openings, n);
	gwd_export(g, &yaml, &diag);
	state_each_revision(gwd_state(g), 0, seen, &oldest, &diag);
	gwd_undo(g, &options, &undone, &diag);
	gwd_confirm(g, NULL, true, &options.who, &confirmed, &diag);
	gwd_rollback(g, oldest, &options, &back, &diag);
	gwd_settle(g);
	_cleanup_(freep) char *said = diag_text(&diag);
	promise_clean(said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	place_clear(&place);
	write_text(place.config, "lan: lan0\nservices:\n- {name: web, port: 80, to: 192.168.1.2}\n");
	if (len >= 6 && memcmp(data, "SQLite", 6) == 0)
		write_file(place.db, data, len);
	else
		put_rows((const char *)data, len);
	if (place_start(&place)) {
		use(place.gwd);
		promise_settled(&place);
	}
	place_stop(&place);
	return 0;
}
