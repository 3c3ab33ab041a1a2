/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of many rows must neither block the other clients nor be held in memory as one text. Its items are values, so
 * it stays what it was when it was asked for. */
#include "request_rows.h"

#include "util.h"

#define ROWS_MAX 500     /* of one message: INTERFACE section 5 */
#define ROW_TEXT 64      /* bytes that an item holds besides itself, about */
#define PORTS_MAX 20000  /* ... and ports and targets in it */
#define ROWS_ALONE 10000 /* of a list in one reply, without `more` */

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

/* Ports and targets of a forward. */
static size_t weight(const json_t *row)
{
	const json_t *service = json_object_get(row, "service");

	return json_array_size(json_object_get(service, "ports")) + json_array_size(json_object_get(service, "to")) +
	       json_array_size(json_object_get(row, "targets"));
}

static json_t *rows_next(void *ctx, bool *ret_continues)
{
	struct rows *rows = ctx;
	json_t *list = json_array();

	for (size_t sum = 0; rows->next < rows->items.n && json_array_size(list) < ROWS_MAX; rows->next++) {
		json_t *row = rows->items.put(item(rows, rows->next));

		sum += weight(row);
		if (sum > PORTS_MAX && json_array_size(list)) {
			json_decref(row);
			break;
		}
		json_array_append_new(list, row);
	}
	*ret_continues = rows->next < rows->items.n;
	return json_pack("{s:o}", rows->member, list);
}

void rows_reply(struct varlink_call *call, const char *member, struct rows_items items)
{
	struct rows *rows = xmalloc(sizeof(*rows));
	struct stream stream = {
		.next = rows_next, .done = rows_free, .ctx = rows, .bytes = items.n * (items.size + ROW_TEXT)};
	bool continues = true;

	*rows = (struct rows){.member = member, .items = items};
	if (call->more) {
		client_stream(call->client, &stream);
		return;
	}
	if (items.n > ROWS_ALONE) {
		varlink_expected_more(call);
	} else {
		json_t *list = json_array();

		while (continues) {
			json_auto_t *part = rows_next(rows, &continues);

			json_array_extend(list, json_object_get(part, member));
		}
		varlink_reply(call, json_pack("{s:o}", member, list));
	}
	rows_free(rows);
}
