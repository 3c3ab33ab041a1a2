/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Databases that an earlier gwd wrote are taken over as they are, and rows that are only for this boot are in no history.
 * The schema below is written out: it is what is on people's disks, whatever the code says today. */
#include <sqlite3.h>

#include "state_place.h"

static const char version_1[] =
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
	"INSERT INTO meta VALUES('seen', '1');"
	"INSERT INTO runtime VALUES(7, 'old', 'service', 1000, 1795262400);"
	"INSERT INTO revision VALUES(3, 1795262400, 1000, 1, 'added old', 0, 0);"
	"PRAGMA user_version = 1";

static void test_from_1(void **ctx)
{
	_cleanup_(freep) char *file = in_dir(ctx, "state.db"), *seen = NULL;
	struct state *state;
	struct diag diag = {0};
	sqlite3 *db;

	OK(mkdir(((struct place *)*ctx)->dir, 0700));
	OK(sqlite3_open(file, &db));
	OK(sqlite3_exec(db, version_1, NULL, NULL, NULL));
	OK(sqlite3_close(db));
	for (int i = 0; i < 2; i++) { /* once is enough */
		state = open_again(ctx);
		assert_runtime(state, i ? "old=service new=service@here " : "old=service ");
		assert_int_equal(state_last_revision(state), 3);
		begin(state);
		OK(state_put_runtime(state, "new", "service", "here", &root, &diag));
		commit(state);
		state_close(state);
	}
	state = open_again(ctx);
	OK(state_get(state, "seen", &seen, &diag));
	assert_string_equal(seen, "1");
	state_close(state);
}

static int join_item(void *ctx, enum item_kind kind, const char *name, const char *before, const char *after)
{
	(void)kind;
	buf_printf(ctx, "%s:%s>%s ", name, before ? before : "", after ? after : "");
	return 0;
}

/* A revision of the transaction `change`; what it recorded. */
static char *recorded(struct state *state, void (*change)(struct state *))
{
	struct revision revision = {.what = (char[]){"x"}};
	struct diag diag = {0};
	struct buf items = {0};

	begin(state);
	OK(state_put_revision(state, &revision, &diag));
	change(state);
	commit(state);
	OK(state_each_item(state, revision.id, join_item, &items, &diag));
	return buf_take(&items);
}

static void put_both(struct state *state)
{
	struct diag diag = {0};

	OK(state_put_runtime(state, "temporary", "1", "boot", &root, &diag));
	OK(state_put_runtime(state, "lasting", "1", NULL, &root, &diag));
}

static void swap_both(struct state *state)
{
	struct diag diag = {0};

	OK(state_put_runtime(state, "temporary", "2", NULL, &root, &diag));
	OK(state_put_runtime(state, "lasting", "2", "boot", &root, &diag));
}

static void drop_both(struct state *state)
{
	struct diag diag = {0};

	OK(state_del_runtime(state, "temporary", &diag));
	OK(state_del_runtime(state, "lasting", &diag));
}

static void test_boot_rows_are_no_history(void **ctx)
{
	struct state *state = open_again(ctx);
	_cleanup_(freep) char *put = recorded(state, put_both), *swap = NULL, *drop = NULL;

	assert_string_equal(put, "lasting:>1 ");
	assert_runtime(state, "temporary=1@boot lasting=1 ");
	swap = recorded(state, swap_both);
	assert_string_equal(swap, "temporary:>2 lasting:1> ");
	assert_runtime(state, "temporary=2 lasting=2@boot ");
	drop = recorded(state, drop_both);
	assert_string_equal(drop, "temporary:2> ");
	assert_runtime(state, "");
	state_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_from_1),
		TEST(test_boot_rows_are_no_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
