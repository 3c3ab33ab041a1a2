/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flock on state.lock, and not SQLite's lock on state.db, keeps a second gwd out: it also covers looking at a file
 * of a newer version and moving a damaged one aside, and the kernel drops it with the process. SQLite's exclusive mode
 * comes on top because it saves the shared-memory file and every lock call. Nothing newer than SQLite 3.24 is used. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "killpoint.h"
#include "state_db.h"
#include "util.h"

#define VERSION 4
#define KEPT ".corrupt-" /* and the time */

/* [n] makes version n + 1 of version n; a new database goes through all of them.
 * runtime keeps a number of its own so that it is listed in the order of adding, after a restart too. */
static const char *const migrations[VERSION] = {
	"BEGIN;"
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE docset(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL);"
	"CREATE INDEX docset_hash ON docset(hash);"
	"CREATE TABLE document(docset INTEGER NOT NULL, position INTEGER NOT NULL, path TEXT NOT NULL,"
	" text BLOB NOT NULL, UNIQUE(docset, position));"
	"CREATE TABLE runtime(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, service TEXT NOT NULL,"
	" uid INTEGER NOT NULL, time INTEGER NOT NULL);"
	"CREATE TABLE override(name TEXT PRIMARY KEY, enabled INTEGER NOT NULL, declared_enabled INTEGER NOT NULL,"
	" uid INTEGER NOT NULL, time INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE revision(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, uid INTEGER NOT NULL,"
	" pid INTEGER NOT NULL, what TEXT NOT NULL, docset INTEGER NOT NULL, reverses INTEGER NOT NULL);"
	"CREATE INDEX revision_docset ON revision(docset);"
	"CREATE TABLE item(revision INTEGER, position INTEGER, kind INTEGER NOT NULL, name TEXT NOT NULL, before TEXT,"
	" after TEXT, PRIMARY KEY(revision, position)) WITHOUT ROWID;"
	"PRAGMA user_version = 1;"
	"COMMIT;",
	"BEGIN;"
	"ALTER TABLE runtime ADD COLUMN boot TEXT;"
	"CREATE TABLE live(kind INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, boot TEXT,"
	" PRIMARY KEY(kind, name)) WITHOUT ROWID;"
	"PRAGMA user_version = 2;"
	"COMMIT;",
	"BEGIN;"
	"CREATE TABLE pending(id INTEGER PRIMARY KEY CHECK(id = 1), what TEXT NOT NULL, revision INTEGER NOT NULL,"
	" since INTEGER NOT NULL, declared INTEGER NOT NULL, docset INTEGER NOT NULL, uid INTEGER NOT NULL,"
	" pid INTEGER NOT NULL, session TEXT, held TEXT, boot TEXT NOT NULL, deadline INTEGER NOT NULL);"
	"CREATE TABLE inverse(kind INTEGER NOT NULL, name TEXT NOT NULL, before TEXT, boot TEXT,"
	" PRIMARY KEY(kind, name)) WITHOUT ROWID;"
	"PRAGMA user_version = 3;"
	"COMMIT;",
	"BEGIN;"
	"CREATE TABLE traffic(name TEXT NOT NULL, target TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(name, target))"
	" WITHOUT ROWID;"
	"PRAGMA user_version = 4;"
	"COMMIT;",
};

#define REVISION_COLUMNS "SELECT id, time, uid, pid, what, docset, reverses FROM revision "
#define INVERSE_PUT(before, boot, from)                                                                                \
	"INSERT OR IGNORE INTO inverse VALUES(?1, ?2, (SELECT " before " FROM " from "), (SELECT " boot " FROM " from "))"
#define OVERRIDE_VALUE "enabled||' '||declared_enabled||' '||uid||' '||time"

static const char *const queries[QUERY_COUNT] = {
	[QUERY_BEGIN] = "BEGIN IMMEDIATE",
	[QUERY_COMMIT] = "COMMIT",
	[QUERY_ROLLBACK] = "ROLLBACK",
	[META_GET] = "SELECT value FROM meta WHERE key = ?",
	[META_PUT] = "INSERT OR REPLACE INTO meta VALUES(?, ?)",
	[META_DEL] = "DELETE FROM meta WHERE key = ?",
	[RUNTIME_EACH] = "SELECT name, service, boot FROM runtime ORDER BY id",
	[RUNTIME_PUT] = "INSERT INTO runtime(name, service, boot, uid, time) VALUES(?, ?, ?, ?, ?) ON CONFLICT(name)"
			" DO UPDATE SET service = excluded.service, boot = excluded.boot, uid = excluded.uid,"
			" time = excluded.time",
	[RUNTIME_DEL] = "DELETE FROM runtime WHERE name = ?",
	[OVERRIDE_EACH] = "SELECT name, enabled, declared_enabled, uid, time FROM override ORDER BY name",
	[OVERRIDE_PUT] = "INSERT OR REPLACE INTO override VALUES(?, ?, ?, ?, ?)",
	[OVERRIDE_DEL] = "DELETE FROM override WHERE name = ?",
	[LIVE_EACH] = "SELECT name, value, boot FROM live WHERE kind = ? ORDER BY name",
	[LIVE_PUT] = "INSERT OR REPLACE INTO live VALUES(?, ?, ?, ?)",
	[LIVE_DEL] = "DELETE FROM live WHERE kind = ? AND name = ?",
	[DOCSET_FIND] = "SELECT id FROM docset WHERE hash = ?",
	[DOCSET_PUT] = "INSERT INTO docset(hash) VALUES(?)",
	[DOCSET_USED] = "SELECT EXISTS(SELECT 1 FROM revision WHERE docset = ?1)"
			" OR EXISTS(SELECT 1 FROM pending WHERE docset = ?1)"
			" OR EXISTS(SELECT 1 FROM meta WHERE key = 'accepted' AND CAST(value AS INTEGER) = ?1)",
	[DOCSET_DEL] = "DELETE FROM docset WHERE id = ?",
	[DOCUMENT_EACH] = "SELECT path, text FROM document WHERE docset = ? ORDER BY position",
	[DOCUMENT_PUT] = "INSERT INTO document VALUES(?, ?, ?, ?)",
	[DOCUMENT_BYTES] = "SELECT ifnull(sum(length(text)), 0) FROM document WHERE docset BETWEEN ? AND ?",
	[DOCUMENT_DEL] = "DELETE FROM document WHERE docset = ?",
	[REVISION_EACH] = REVISION_COLUMNS "ORDER BY id DESC LIMIT ?",
	[REVISION_GET] = REVISION_COLUMNS "WHERE id = ?",
	[REVISION_PUT] = "INSERT INTO revision VALUES(?, ?, ?, ?, ?, ?, ?)",
	[REVISION_LAST] = "SELECT ifnull(max(id), 0) FROM revision",
	[REVISION_OLDEST] = "SELECT ifnull(min(id), 0) FROM revision",
	[REVISION_DOCSETS] = "SELECT DISTINCT docset FROM revision WHERE id <= ?",
	/* Of the oldest one kept nobody knows any more what was before it, unless it is the very first. */
	/* What was reversed and then brought back, because that was not confirmed, can be reversed again. */
	[REVISION_UNDOABLE] = "SELECT id FROM revision WHERE reverses = 0 AND id NOT IN (SELECT reverses FROM revision"
			      " WHERE id NOT IN (SELECT reverses FROM revision)) AND (id = 1 OR id > (SELECT min(id) FROM revision)) ORDER BY id DESC LIMIT 1",
	[REVISION_DEL] = "DELETE FROM revision WHERE id <= ?",
	[ITEM_EACH] = "SELECT kind, name, before, after FROM item WHERE revision = ? ORDER BY position",
	[RUNTIME_DURABLE] = "SELECT service FROM runtime WHERE name = ?2 AND boot IS NULL",
	[OVERRIDE_VALUES] = "SELECT " OVERRIDE_VALUE " FROM override WHERE name = ?2",
	[LIVE_DURABLE] = "SELECT value FROM live WHERE kind = ?1 AND name = ?2 AND boot IS NULL",
	[ITEM_PUT] = "INSERT INTO item VALUES(?, ?, ?, ?, ?, ?)",
	[ITEM_BYTES] = "SELECT ifnull(sum(length(CAST(name||ifnull(before, '')||ifnull(after, '') AS BLOB))), 0)"
		       " FROM item WHERE revision BETWEEN ? AND ?",
	[ITEM_DEL] = "DELETE FROM item WHERE revision <= ?",
	[PENDING_GET] = "SELECT what, revision, since, declared, docset, uid, pid, session, held, boot, deadline"
			" FROM pending",
	[PENDING_PUT] = "INSERT INTO pending VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[PENDING_DEL] = "DELETE FROM pending",
	[PENDING_DOCSET] = "SELECT docset FROM pending",
	[INVERSE_EACH] = "SELECT kind, name, before, boot FROM inverse ORDER BY kind, name",
	[INVERSE_PUT_RUNTIME] = INVERSE_PUT("service", "boot", "runtime WHERE name = ?2"),
	[INVERSE_PUT_OVERRIDE] = INVERSE_PUT(OVERRIDE_VALUE, "NULL", "override WHERE name = ?2"),
	[INVERSE_PUT_LIVE] = INVERSE_PUT("value", "boot", "live WHERE kind = ?1 AND name = ?2"),
	[INVERSE_DEL] = "DELETE FROM inverse",
	[TRAFFIC_EACH] = "SELECT name, target, value FROM traffic",
	[TRAFFIC_PUT] = "INSERT OR REPLACE INTO traffic VALUES(?, ?, ?)",
	[TRAFFIC_DEL] = "DELETE FROM traffic WHERE name = ?",
};

/* ---- Errors ------------------------------------------------------------------------------------- */

static const char *advice(int err)
{
	switch (err) {
	case ENOSPC:
	case EDQUOT:
		return ": free some space on that file system";
	case EACCES:
	case EPERM:
	case EROFS:
		return ": the user that gwd runs as must be able to write this directory and what is in it";
	case ENOENT:
		return ": make the directory above it, or name another with -S";
	case EBUSY:
		return ": another program has the database open, stop it first";
	default:
		return "";
	}
}

static int fail_errno(const char *path, int err, struct diag *diag)
{
	diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "%s: %s%s", path, strerror(err), advice(err));
	return -err;
}

static int db_errno(sqlite3 *db)
{
	int code = sqlite3_extended_errcode(db), system = sqlite3_system_errno(db);

	switch (code & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_READONLY:
		return code == SQLITE_READONLY_DIRECTORY ? EACCES : EROFS;
	case SQLITE_PERM:
		return EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_NOMEM:
		out_of_memory();
	case SQLITE_TOOBIG:
		return E2BIG;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		return system > 0 ? system : EIO;
	default:
		return EIO;
	}
}

int db_fail(struct state *state, struct diag *diag)
{
	int err = db_errno(state->db), code = sqlite3_errcode(state->db) & 0xff;
	bool system = code == SQLITE_CANTOPEN || code == SQLITE_IOERR;

	state->failed = true;
	state->refused = state->refused || state->begun;
	diag_add(diag, err == EBUSY ? DIAG_BUSY : DIAG_INTERNAL, (struct loc){0}, "%s: %s%s", state->path,
		 system ? strerror(err) : sqlite3_errmsg(state->db), advice(err));
	return -err;
}

/* ---- Statements --------------------------------------------------------------------------------- */

static sqlite3_stmt *ask(struct state *state, enum query query, const char *types, va_list ap)
{
	sqlite3_stmt **stmt = &state->statements[query];
	int code = SQLITE_OK;

	if (!*stmt)
		code = sqlite3_prepare_v3(state->db, queries[query], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
	assert(!*stmt || !sqlite3_stmt_busy(*stmt));
	for (int i = 1; code == SQLITE_OK && *types; i++, types++) {
		if (*types == 'i') {
			code = sqlite3_bind_int64(*stmt, i, va_arg(ap, int64_t));
		} else if (*types == 't') {
			code = sqlite3_bind_text(*stmt, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
		} else {
			const void *data = va_arg(ap, const void *);

			code = sqlite3_bind_blob64(*stmt, i, data, va_arg(ap, size_t), SQLITE_STATIC);
		}
	}
	return code == SQLITE_OK ? *stmt : NULL;
}

sqlite3_stmt *db_ask(struct state *state, enum query query, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;

	va_start(ap, types);
	stmt = ask(state, query, types, ap);
	va_end(ap);
	return stmt;
}

int db_step(struct state *state, sqlite3_stmt *stmt, struct diag *diag)
{
	int code = stmt ? sqlite3_step(stmt) : SQLITE_ERROR;

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : db_fail(state, diag);
}

void db_resetp(sqlite3_stmt **stmt)
{
	if (!*stmt)
		return;
	sqlite3_reset(*stmt);
	sqlite3_clear_bindings(*stmt);
}

int db_run(struct state *state, struct diag *diag, enum query query, const char *types, ...)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = NULL;
	va_list ap;

	va_start(ap, types);
	stmt = ask(state, query, types, ap);
	va_end(ap);
	return db_step(state, stmt, diag);
}

int db_number(struct state *state, struct diag *diag, int64_t *ret, enum query query, const char *types, ...)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = NULL;
	va_list ap;
	int r;

	va_start(ap, types);
	stmt = ask(state, query, types, ap);
	va_end(ap);
	r = db_step(state, stmt, diag);
	if (r > 0)
		*ret = sqlite3_column_int64(stmt, 0);
	return r < 0 ? r : 0;
}

const char *db_text(sqlite3_stmt *stmt, int column)
{
	return (const char *)sqlite3_column_text(stmt, column);
}

int db_each_item(struct state *state, sqlite3_stmt *stmt,
		 int (*fn)(void *ctx, enum item_kind, const char *name, const char *, const char *), void *ctx,
		 struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *asked = stmt;
	int r, stop;

	while ((r = db_step(state, asked, diag)) > 0) {
		stop = fn(ctx, (enum item_kind)sqlite3_column_int(asked, 0), db_text(asked, 1), db_text(asked, 2),
			  db_text(asked, 3));
		if (stop)
			return stop;
	}
	return r;
}

/* ---- Opening ------------------------------------------------------------------------------------ */

static int lock_directory(struct state *state, const char *dir, struct diag *diag)
{
	_cleanup_(freep) char *path = xasprintf("%s/state.lock", dir);

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return fail_errno(dir, errno, diag);
	state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	state->read_only = state->lock < 0 && errno == EROFS;
	if (state->read_only)
		state->lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (state->read_only && state->lock < 0 && errno == ENOENT)
		return 0; /* there is nothing, and will be nothing */
	if (state->lock < 0)
		return fail_errno(path, errno, diag);
	if (flock(state->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return fail_errno(path, errno, diag);
	diag_add(diag, DIAG_BUSY, (struct loc){0},
		 "%s: another gwd is running on this state directory; stop it, or give this one its own with -S", dir);
	return -EBUSY;
}

static int sql(struct state *state, const char *text)
{
	return sqlite3_exec(state->db, text, NULL, NULL, NULL);
}

/* First value of the first row: the caller's, untouched without one. SQLite's result code. */
static int sql_value(struct state *state, const char *text, char **ret)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(state->db, text, -1, &stmt, NULL);

	if (code != SQLITE_OK)
		return code;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*ret = xstrdup(db_text(stmt, 0));
	return sqlite3_finalize(stmt);
}

int db_relax(struct state *state, bool relaxed, struct diag *diag)
{
	if (state->relaxed == relaxed)
		return 0;
	if (sql(state, relaxed ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL") != SQLITE_OK)
		return db_fail(state, diag);
	state->relaxed = relaxed;
	return 0;
}

static int migrate(struct state *state, int64_t version)
{
	int code = SQLITE_OK;

	for (; version < VERSION && code == SQLITE_OK; version++)
		code = sql(state, migrations[version]);
	return code;
}

static void forget_file(struct state *state)
{
	sqlite3_close(state->db);
	state->db = NULL;
}

static int check_file(struct state *state)
{
	_cleanup_(freep) char *result = NULL;
	int code = sql_value(state, "PRAGMA quick_check(1)", &result);

	return code == SQLITE_OK && !str_same(result, "ok") ? SQLITE_CORRUPT : code;
}

/* SQLite's result code. A file of a newer version must stay as it is, its write-ahead log too: hence no checkpoint
 * before the version is known. After it one comes every 16 MiB: with SQLite's 4 a large gwd.yaml would be written twice
 * before anybody gets an answer. */
static int open_file(struct state *state, int64_t *ret_version)
{
	_cleanup_(freep) char *version = NULL;
	int persist = 1; /* the write-ahead log: where it is missing, a read-only file system cannot be read either */
	/* There SQLite's own lock cannot be had; we have ours. */
	int code = sqlite3_open_v2(state->path, &state->db,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
				   state->read_only ? "unix-none" : NULL);

	if (code != SQLITE_OK)
		return code;
	sqlite3_extended_result_codes(state->db, 1);
	sqlite3_db_config(state->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_file_control(state->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &persist);
	code = sql(state, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL;"
			  "PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 4194304");
	if (code == SQLITE_OK)
		code = sql_value(state, "PRAGMA user_version", &version);
	if (code != SQLITE_OK)
		return code;
	*ret_version = version ? atoll(version) : 0;
	if (*ret_version > VERSION)
		return SQLITE_OK;
	sqlite3_db_config(state->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	code = check_file(state);
	if (code == SQLITE_OK && *ret_version == 0)
		chmod(state->path, 0600); /* what SQLite adds beside it gets the same mode */
	if (code == SQLITE_OK)
		code = sql(state, "PRAGMA journal_mode = WAL");
	if (code == SQLITE_OK)
		code = migrate(state, *ret_version);
	return code;
}

static int keep_aside(struct state *state, const char *damage, struct diag *diag)
{
	_cleanup_(freep) char *kept = NULL, *wal = xasprintf("%s-wal", state->path), *kept_wal = NULL;
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	forget_file(state);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	kept = xasprintf("%s" KEPT "%s", state->path, stamp);
	kept_wal = xasprintf("%s-wal", kept);
	if (rename(state->path, kept) < 0)
		return fail_errno(state->path, errno, diag);
	KILLPOINT("damaged", "half-aside");
	if (rename(wal, kept_wal) < 0 && errno != ENOENT)
		return fail_errno(wal, errno, diag);
	KILLPOINT("damaged", "aside");
	diag_warn(diag, "%s is damaged (%s): it is kept as %s, and gwd starts with a new one", state->path, damage, kept);
	return 0;
}

size_t db_kept_aside(const struct state *state, char **ret)
{
	_cleanup_(freep) char *pattern = xasprintf("%s" KEPT "????????T??????Z", state->path);
	glob_t found = {0};
	size_t n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

	if (n) /* their names sort by time */
		*ret = xstrdup(found.gl_pathv[n - 1]);
	globfree(&found);
	return n;
}

/* Where there is nothing to read, or a format that statements of ours would not fit: an empty database in memory
 * answers instead. */
static int stand_in(struct state *state)
{
	int code;

	forget_file(state);
	code = sqlite3_open_v2(":memory:", &state->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	return code == SQLITE_OK ? migrate(state, 0) : code;
}

int db_open(struct state *state, const char *dir, struct diag *diag)
{
	struct stat st;
	int64_t version = 0;
	int code, r = lock_directory(state, dir, diag);

	if (r < 0)
		return r;
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* sums of what it allocates, under a lock: nobody asks for them */
	state->path = xasprintf("%s/state.db", dir);
	/* SQLite takes a file cut down to nothing for a new one, and drops its write-ahead log. */
	if (state->lock < 0)
		code = stand_in(state);
	else
		code = stat(state->path, &st) == 0 && st.st_size == 0 ? SQLITE_NOTADB : open_file(state, &version);
	if ((code & 0xff) == SQLITE_NOTADB || (code & 0xff) == SQLITE_CORRUPT) {
		r = keep_aside(state, sqlite3_errstr(code), diag);
		if (r < 0)
			return r;
		code = open_file(state, &version);
	}
	state->newer = code == SQLITE_OK && version > VERSION;
	if (state->newer)
		code = stand_in(state);
	return code == SQLITE_OK ? 0 : db_fail(state, diag);
}

void db_close(struct state *state)
{
	for (size_t i = 0; i < QUERY_COUNT; i++)
		sqlite3_finalize(state->statements[i]);
	forget_file(state);
	closep(&state->lock);
	free(state->path);
}
