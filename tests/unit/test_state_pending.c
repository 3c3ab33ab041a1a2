/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is to be taken back: the row itself, the inverse of its transaction and of no other, and documents that nothing
 * else names any more. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "state_place.h"

static void put_pending(struct state *state, int64_t docset)
{
	char what[] = "added web", session[] = "198.51.100.9 1", boot[] = "this";
	struct pending pending = {.what = what,
				  .revision = 3,
				  .since = 4,
				  .declared = docset > 0,
				  .docset = docset,
				  .who = {1000, 812},
				  .session = session,
				  .boot = boot,
				  .deadline = INT64_MAX};
	struct diag diag = {0};

	OK(state_put_pending(state, &pending, &diag));
}

static int join(void *ctx, enum item_kind kind, const char *name, const char *before, const char *boot)
{
	buf_printf(ctx, "%d:%s=%s%s%s ", (int)kind, name, before ? before : "none", boot ? "@" : "", boot ? boot : "");
	return streq(name, "stop") ? 7 : 0;
}

static void assert_inverse(struct state *state, const char *expected)
{
	_cleanup_(buf_free) struct buf buf = {0};
	struct diag diag = {0};

	buf_printf(&buf, "%s", "");
	OK(state_each_inverse(state, join, &buf, &diag));
	assert_string_equal(buf.data, expected);
}

static void test_row(void **ctx)
{
	_cleanup_(pending_free) struct pending pending = {0};
	struct state *state = open_again(ctx);
	struct diag diag = {0};

	OK(state_get_pending(state, &pending, &diag));
	assert_null(pending.what);
	begin(state);
	put_pending(state, 0);
	commit(state);
	state_close(state);
	state = open_again(ctx);
	assert_int_equal(state_get_pending(state, &pending, &diag), 1);
	assert_string_equal(pending.what, "added web");
	assert_string_equal(pending.session, "198.51.100.9 1");
	assert_null(pending.held);
	assert_string_equal(pending.boot, "this");
	assert_int_equal(pending.revision, 3);
	assert_int_equal(pending.since, 4);
	assert_false(pending.declared);
	assert_int_equal(pending.who.uid, 1000);
	assert_int_equal(pending.who.pid, 812);
	assert_int_equal(pending.deadline, INT64_MAX);
	pending_free(&pending);
	begin(state);
	OK(state_del_pending(state, &diag));
	OK(state_del_pending(state, &diag)); /* not there: no error */
	commit(state);
	OK(state_get_pending(state, &pending, &diag));
	state_close(state);
}

static void test_inverse(void **ctx)
{
	const struct override override = {.enabled = true, .uid = 5, .time = 6};
	_cleanup_(buf_free) struct buf stopped = {0};
	struct state *state = open_again(ctx);
	struct diag diag = {0};

	begin(state);
	put_runtime(state, "old", "1");
	OK(state_put_runtime(state, "temporary", "2", "this", &root, &diag));
	OK(state_put_override(state, "web", &override, &diag));
	OK(state_put_live(state, ITEM_OPENING, "wan tcp 22", "open", "this", &diag));
	commit(state);
	assert_inverse(state, "");
	begin(state);
	put_runtime(state, "before", "1"); /* not yet */
	put_pending(state, 0);
	put_runtime(state, "new", "1");
	put_runtime(state, "old", "3");
	OK(state_del_runtime(state, "old", &diag)); /* what was first counts */
	OK(state_del_runtime(state, "temporary", &diag));
	OK(state_del_override(state, "web", &diag));
	OK(state_put_live(state, ITEM_OPENING, "wan tcp 22", NULL, NULL, &diag));
	OK(state_put_live(state, ITEM_TARGET, "web 10.0.0.2", "off 0 1", NULL, &diag));
	commit(state);
	begin(state);
	put_runtime(state, "later", "1");
	commit(state);
	assert_inverse(state, "0:new=none 0:old=1 0:temporary=2@this 1:web=1 0 5 6 2:web 10.0.0.2=none "
			      "3:wan tcp 22=open@this ");
	begin(state);
	OK(state_del_pending(state, &diag));
	commit(state);
	assert_inverse(state, "");
	begin(state);
	put_pending(state, 0);
	put_runtime(state, "stop", "1");
	state_abort(state);
	assert_inverse(state, "");
	begin(state);
	put_pending(state, 0);
	put_runtime(state, "stop", "1");
	commit(state);
	assert_int_equal(state_each_inverse(state, join, &stopped, &diag), 7);
	state_close(state);
}

static int64_t put_documents(struct state *state, char *text)
{
	char path[] = "gwd.yaml", number[32];
	struct document document = {.path = path, .text = text, .len = strlen(text)};
	struct documents documents = {&document, 1};
	struct diag diag = {0};
	int64_t docset = 0;

	begin(state);
	OK(state_put_documents(state, &documents, &docset, &diag));
	snprintf(number, sizeof(number), "%lld", (long long)docset);
	OK(state_put(state, "accepted", number, &diag));
	return docset;
}

static void test_documents_stay(void **ctx)
{
	char old_text[] = "a: 1\n", new_text[] = "b: 2\n";
	struct state *state = open_again(ctx);
	struct documents documents = {0};
	struct diag diag = {0};
	int64_t old = put_documents(state, old_text);

	commit(state);
	put_documents(state, new_text);
	put_pending(state, old);
	commit(state);
	OK(state_get_documents(state, old, &documents, &diag));
	documents_free(&documents);
	begin(state);
	OK(state_del_pending(state, &diag));
	commit(state);
	assert_int_equal(state_get_documents(state, old, &documents, &diag), -ENOENT);
	assert_refused(&diag, DIAG_NOT_FOUND, "there are no documents");
	state_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_row),
		TEST(test_inverse),
		TEST(test_documents_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
