/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of many rows must neither block the other clients nor be held in memory as one text. Its items are values, so
 * it stays what it was when it was asked for. */
#include "request_rows.h"

#include "jput.h"
#include "util.h"

#define ROWS_MAX 500         /* of one message: INTERFACE section 5 */
#define MESSAGE (64u << 10)  /* bytes of one: the socket holds it while the next is made. The row that reaches them is in it */
#define ROW_TEXT 64          /* bytes that an item holds besides itself, about */
#define ROWS_ALONE 10000     /* of a list in one reply, without `more` */

struct rows {
	const char *member; /* of the reply */
	struct rows_items items;
	size_t next;
};

static void *item(const struct rows *rows, size_t i)
{
	return (char *)rows->items.items + i * rows->items.size;
}

static void rows_free(void *ctx)
{
	struct rows *rows = ctx;

	for (size_t i = 0; i < rows->items.n; i++)
		rows->items.release(item(rows, i));
	free(rows->items.items);
	free(rows);
}

static void put_rows(struct buf *out, struct rows *rows, size_t max, size_t bytes)
{
	size_t before = out->len;

	jput_list(out, rows->member);
	for (; max && rows->next < rows->items.n && out->len - before < bytes; max--)
		rows->items.put(out, NULL, item(rows, rows->next++));
	jput_end(out, ']');
}

static bool rows_next(void *ctx, struct buf *out, bool *ret_continues)
{
	struct rows *rows = ctx;

	put_rows(out, rows, ROWS_MAX, MESSAGE);
	*ret_continues = rows->next < rows->items.n;
	return true;
}

void rows_reply(struct varlink_call *call, const char *member, struct rows_items items)
{
	struct rows *rows = xmalloc(sizeof(*rows));
	struct stream stream = {
		.next = rows_next, .done = rows_free, .ctx = rows, .bytes = items.n * (items.size + ROW_TEXT)};

	*rows = (struct rows){.member = member, .items = items};
	if (call->more) {
		client_stream(call->client, &stream);
		return;
	}
	if (items.n > ROWS_ALONE) {
		varlink_expected_more(call);
	} else {
		put_rows(varlink_begin(call), rows, ROWS_ALONE, SIZE_MAX);
		varlink_reply(call);
	}
	rows_free(rows);
}
