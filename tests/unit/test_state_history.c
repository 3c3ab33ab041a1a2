/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents, revisions and their items: what was before is known, `undo` finds its way back, and all of it stays within
 * its bounds at a cost that does not depend on how much there is. */
#include <errno.h>

#include "state_place.h"

static int64_t put_revision(struct state *state, const char *what, int64_t docset, int64_t reverses)
{
	struct revision revision = {
		.time = 1000, .who = {1, 2}, .what = xstrdup(what), .docset = docset, .reverses = reverses};
	struct diag diag = {0};

	OK(state_put_revision(state, &revision, &diag));
	revision_free(&revision);
	return revision.id;
}

/* One document `text` (of `len` bytes) under `path`. */
static int64_t put_text(struct state *state, const char *path, char *text, size_t len)
{
	struct document doc = {path, text, len};
	struct documents documents = {&doc, 1};
	struct diag diag = {0};
	int64_t docset = 0;

	OK(state_put_documents(state, &documents, &docset, &diag));
	assert_true(docset > 0);
	return docset;
}

static bool has_docset(struct state *state, int64_t docset)
{
	struct documents documents = {0};
	struct diag diag = {0};
	int r = state_get_documents(state, docset, &documents, &diag);

	if (r == 0)
		documents_free(&documents);
	else
		assert_int_equal(r, -ENOENT);
	diag_free(&diag);
	return r == 0;
}

static int count_revision(void *ctx, const struct revision *revision)
{
	(void)revision;
	(*(size_t *)ctx)++;
	return 0;
}

static size_t count_revisions(struct state *state)
{
	struct diag diag = {0};
	size_t n = 0;

	OK(state_each_revision(state, 0, count_revision, &n, &diag));
	return n;
}

/* ---- Documents ---------------------------------------------------------------------------------- */

static void test_documents(void **ctx)
{
	char text[] = "services:\0 []\n", empty[] = "";
	struct document items[] = {{"/etc/gwd/gwd.yaml", text, sizeof(text) - 1},
				   {"/etc/gwd/gwd.d/a.yaml", empty, 0}};
	struct documents documents = {items, 2}, got = {0};
	struct state *state = open_again(ctx);
	struct diag diag = {0};
	int64_t first, second, other, longer;

	begin(state);
	OK(state_put_documents(state, &documents, &first, &diag));
	OK(state_put_documents(state, &documents, &second, &diag));
	assert_int_equal(first, second);
	items[0].path = "/tmp/gwd.yaml"; /* same hash, but messages would name the wrong file */
	OK(state_put_documents(state, &documents, &other, &diag));
	assert_int_not_equal(first, other);
	documents.n = 1;
	OK(state_put_documents(state, &documents, &longer, &diag));
	assert_int_not_equal(other, longer);
	put_revision(state, "applied", first, 0);
	put_revision(state, "applied", other, 0);
	commit(state);
	state_close(state);

	state = open_again(ctx);
	OK(state_get_documents(state, first, &got, &diag));
	assert_int_equal(got.n, 2);
	assert_string_equal(got.items[0].path, "/etc/gwd/gwd.yaml");
	assert_ptr_equal(got.items[0].path, diag_file("/etc/gwd/gwd.yaml"));
	assert_int_equal(got.items[0].len, sizeof(text) - 1);
	assert_memory_equal(got.items[0].text, text, sizeof(text));
	assert_string_equal(got.items[1].path, "/etc/gwd/gwd.d/a.yaml");
	assert_int_equal(got.items[1].len, 0);
	assert_string_equal(got.items[1].text, "");
	documents_free(&got);
	assert_true(has_docset(state, other));
	assert_false(has_docset(state, longer)); /* nothing named it at the end of its transaction */
	assert_int_equal(state_get_documents(state, 77, &got, &diag), -ENOENT);
	assert_refused(&diag, DIAG_NOT_FOUND, "there are no documents 77");
	state_close(state);
}

static void test_big_document(void **ctx)
{
	size_t len = 10u << 20;
	_cleanup_(freep) char *text = xmalloc(len);
	struct state *state = open_again(ctx);
	struct documents got = {0};
	struct diag diag = {0};
	int64_t docset;

	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i % 23);
	begin(state);
	docset = put_text(state, "/etc/gwd/gwd.yaml", text, len);
	put_revision(state, "applied", docset, 0);
	put_runtime(state, "a", "1");
	commit(state);
	begin(state);
	assert_int_equal(put_text(state, "/etc/gwd/gwd.yaml", text, len), docset);
	text[len - 1] = '!';
	assert_int_not_equal(put_text(state, "/etc/gwd/gwd.yaml", text, len), docset);
	state_abort(state);
	state_close(state);
	state = open_again(ctx);
	OK(state_get_documents(state, docset, &got, &diag));
	text[len - 1] = (char)('a' + (len - 1) % 23);
	assert_int_equal(got.items[0].len, len);
	assert_memory_equal(got.items[0].text, text, len);
	documents_free(&got);
	state_close(state);
}

/* ---- History ------------------------------------------------------------------------------------ */

static int join_item(void *ctx, enum item_kind kind, const char *name, const char *before, const char *after)
{
	buf_printf(ctx, "%c %s: %s -> %s; ", kind == ITEM_RUNTIME ? 'r' : 'o', name, before ? before : "NULL",
		   after ? after : "NULL");
	return streq(name, "stop") ? 9 : 0;
}

static void assert_items(struct state *state, int64_t revision, const char *expected)
{
	_cleanup_(buf_free) struct buf buf = {0};
	struct diag diag = {0};

	buf_printf(&buf, "%s", "");
	OK(state_each_item(state, revision, join_item, &buf, &diag));
	assert_string_equal(buf.data, expected);
}

static void test_items(void **ctx)
{
	struct override off = {false, true, 1, 2}, on = {true, true, 3, 4};
	_cleanup_(buf_free) struct buf buf = {0};
	struct state *state = open_again(ctx);
	struct diag diag = {0};

	begin(state);
	put_runtime(state, "a", "0"); /* before any revision: not recorded */
	assert_int_equal(put_revision(state, "one", 0, 0), 1);
	put_runtime(state, "a", "1");
	put_runtime(state, "a", "1"); /* no change */
	put_runtime(state, "new", "1");
	OK(state_put_override(state, "web", &off, &diag));
	OK(state_del_runtime(state, "not there", &diag));
	assert_int_equal(put_revision(state, "two", 0, 0), 2); /* another caller, the same transaction */
	OK(state_put_override(state, "web", &on, &diag));
	OK(state_del_override(state, "web", &diag));
	OK(state_del_runtime(state, "a", &diag));
	put_runtime(state, "stop", "1");
	put_runtime(state, "never", "1");
	commit(state);
	begin(state);
	put_revision(state, "three", 0, 0);
	commit(state);
	begin(state);
	put_runtime(state, "b", "1"); /* in no revision */
	commit(state);
	state_close(state);
	state = open_again(ctx);
	assert_items(state, 1, "r a: 0 -> 1; r new: NULL -> 1; o web: NULL -> 0 1 1 2; ");
	assert_int_equal(state_each_item(state, 2, join_item, &buf, &diag), 9);
	assert_string_equal(buf.data, "o web: 0 1 1 2 -> 1 1 3 4; o web: 1 1 3 4 -> NULL; r a: 1 -> NULL; "
				      "r stop: NULL -> 1; ");
	assert_items(state, 3, "");
	state_close(state);
}

static int join_revision(void *ctx, const struct revision *revision)
{
	buf_printf(ctx, "%lld %lld %u/%d %s %lld %lld; ", (long long)revision->id, (long long)revision->time,
		   (unsigned)revision->who.uid, (int)revision->who.pid, revision->what, (long long)revision->docset,
		   (long long)revision->reverses);
	return streq(revision->what, "stop") ? 5 : 0;
}

static void test_revisions(void **ctx)
{
	_cleanup_(buf_free) struct buf newest = {0}, stopped = {0};
	struct state *state = open_again(ctx);
	struct revision revision = {0};
	struct diag diag = {0};

	assert_int_equal(state_last_revision(state), 0);
	begin(state);
	put_revision(state, "one", 0, 0);
	put_revision(state, "stop", 8, 0);
	put_revision(state, "three", 8, 2);
	commit(state);
	begin(state);
	assert_int_equal(put_revision(state, "given up", 0, 0), 4);
	assert_int_equal(state_last_revision(state), 4);
	state_abort(state);
	assert_int_equal(state_last_revision(state), 3);
	state_close(state);
	state = open_again(ctx);
	assert_int_equal(state_last_revision(state), 3);
	OK(state_get_revision(state, 3, &revision, &diag));
	assert_string_equal(revision.what, "three");
	assert_int_equal(revision.reverses, 2);
	revision_free(&revision);
	assert_null(revision.what);
	assert_int_equal(state_get_revision(state, 4, &revision, &diag), -ENOENT);
	assert_refused(&diag, DIAG_NOT_FOUND, "there is no revision 4");
	assert_int_equal(state_each_revision(state, 0, join_revision, &stopped, &diag), 5);
	assert_string_equal(stopped.data, "3 1000 1/2 three 8 2; 2 1000 1/2 stop 8 0; ");
	OK(state_each_revision(state, 1, join_revision, &newest, &diag));
	assert_string_equal(newest.data, "3 1000 1/2 three 8 2; ");
	assert_int_equal(count_revisions(state), 3);
	state_close(state);
}

static int64_t change(struct state *state, int64_t reverses)
{
	int64_t id;

	begin(state);
	id = put_revision(state, "x", 0, reverses);
	commit(state);
	return id;
}

static void test_undo_goes_back(void **ctx)
{
	struct state *state = open_again(ctx);

	assert_int_equal(state_newest_undoable(state), 0);
	for (int64_t id = 1; id <= 3; id++)
		assert_int_equal(change(state, 0), id);
	assert_int_equal(state_newest_undoable(state), 3);
	change(state, 3); /* 4 */
	assert_int_equal(state_newest_undoable(state), 2);
	change(state, 2); /* 5 */
	assert_int_equal(state_newest_undoable(state), 1);
	change(state, 0); /* 6: a change, or a rollback, comes on top */
	assert_int_equal(state_newest_undoable(state), 6);
	change(state, 6); /* 7 */
	assert_int_equal(state_newest_undoable(state), 1);
	change(state, 1); /* 8 */
	assert_int_equal(state_newest_undoable(state), 0);
	state_close(state);
}

static void test_count_is_bounded(void **ctx)
{
	struct state *state = open_again(ctx);
	int64_t old, accepted, later;
	struct diag diag = {0};

	begin(state);
	old = put_text(state, "gwd.yaml", (char[]){"old"}, 3);
	accepted = put_text(state, "gwd.yaml", (char[]){"accepted"}, 8);
	OK(state_put(state, "accepted", "2", &diag));
	assert_int_equal(accepted, 2);
	put_revision(state, "first", old, 0);
	put_runtime(state, "a", "1");
	put_revision(state, "second", accepted, 0);
	for (int i = 2; i < STATE_REVISIONS_MAX; i++)
		put_revision(state, "more", 0, 0);
	commit(state);
	assert_int_equal(count_revisions(state), STATE_REVISIONS_MAX);
	assert_true(has_docset(state, old));
	change(state, 0);
	assert_int_equal(count_revisions(state), STATE_REVISIONS_MAX);
	assert_int_equal(state_last_revision(state), STATE_REVISIONS_MAX + 1);
	assert_false(has_docset(state, old));
	assert_items(state, 1, "");
	assert_runtime(state, "a=1 ");
	begin(state);
	for (int i = 0; i < 3; i++)
		put_revision(state, "together", 0, 0);
	commit(state);
	assert_int_equal(count_revisions(state), STATE_REVISIONS_MAX);
	state_close(state);

	state = open_again(ctx);
	change(state, 0);
	assert_int_equal(count_revisions(state), STATE_REVISIONS_MAX);
	assert_true(has_docset(state, accepted)); /* no revision names it any more, but it is what runs */
	begin(state);
	later = put_text(state, "gwd.yaml", (char[]){"later"}, 5);
	OK(state_put(state, "accepted", later == 3 ? "3" : "1", &diag));
	commit(state);
	assert_false(has_docset(state, accepted));
	assert_true(has_docset(state, later));
	state_close(state);
}

/* What is before the oldest revision kept is not known, so it cannot be undone; revision 1 had nothing before it. */
static void test_oldest_kept_cannot_be_undone(void **ctx)
{
	const int64_t half = STATE_REVISIONS_MAX / 2;
	struct state *state = open_again(ctx);

	begin(state);
	for (int64_t id = 1; id <= half; id++)
		put_revision(state, "change", 0, 0);
	for (int64_t id = half; id > 2; id--)
		put_revision(state, "undo", 0, id);
	put_revision(state, "undo", 0, half); /* fill up to STATE_REVISIONS_MAX */
	put_revision(state, "undo", 0, half);
	commit(state);
	assert_int_equal(state_last_revision(state), STATE_REVISIONS_MAX);
	assert_int_equal(state_newest_undoable(state), 2);
	change(state, half); /* revision 1 goes: 2 is the oldest */
	assert_int_equal(state_newest_undoable(state), 0);
	state_close(state);
}

static void test_size_is_bounded(void **ctx)
{
	size_t len = STATE_SIZE_MAX / 4;
	_cleanup_(freep) char *text = xcalloc(1, len + 1);
	struct state *state = open_again(ctx);
	int64_t docsets[6];

	memset(text, 'x', len);
	for (size_t i = 0; i < ARRAY_SIZE(docsets); i++) {
		if (i == 3) { /* the total is counted anew */
			state_close(state);
			state = open_again(ctx);
		}
		text[0] = (char)('a' + i);
		begin(state);
		docsets[i] = put_text(state, "gwd.yaml", text, len);
		put_revision(state, "applied", docsets[i], 0);
		commit(state);
	}
	assert_int_equal(count_revisions(state), 4);
	assert_false(has_docset(state, docsets[1]));
	assert_true(has_docset(state, docsets[2]));
	begin(state); /* items count too: this one is a quarter, and its name is too much */
	put_revision(state, "added", docsets[5], 0);
	put_runtime(state, "a", text);
	commit(state);
	assert_int_equal(count_revisions(state), 3);
	assert_false(has_docset(state, docsets[3]));
	assert_true(has_docset(state, docsets[4]));
	state_close(state);
}

/* ---- Cost --------------------------------------------------------------------------------------- */

static int64_t pages_of_one_add(void **ctx, const char *name)
{
	_cleanup_(freep) char *wal = in_dir(ctx, "state.db-wal");
	struct state *state = open_again(ctx); /* the log is empty now */
	struct stat st;

	begin(state);
	put_revision(state, "added", 0, 0);
	put_runtime(state, name, "service");
	commit(state);
	OK(stat(wal, &st));
	state_close(state);
	return (st.st_size - 32) / (4096 + 24);
}

static void test_cost_of_one_more(void **ctx)
{
	struct state *state;

	state_close(open_again(ctx));
	assert_in_range(pages_of_one_add(ctx, "first"), 4, 6);
	state = open_again(ctx);
	begin(state);
	put_revision(state, "bulk", 0, 0);
	for (int i = 0; i < 20000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "forward%d", i);
		put_runtime(state, name, "service");
	}
	commit(state);
	state_close(state);
	assert_in_range(pages_of_one_add(ctx, "forward5x"), 4, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_documents),
		TEST(test_big_document),
		TEST(test_items),
		TEST(test_revisions),
		TEST(test_undo_goes_back),
		TEST(test_count_is_bounded),
		TEST(test_oldest_kept_cannot_be_undone),
		TEST(test_size_is_bounded),
		TEST(test_cost_of_one_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
