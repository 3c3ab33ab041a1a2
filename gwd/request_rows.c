/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of many rows must neither block the other clients nor be held in memory as one text. */
#include "request_rows.h"

#include "util.h"

#define ROWS_MAX 500     /* of one message: INTERFACE section 5 */
#define PORTS_MAX 20000  /* ... and ports and targets in it */
#define ROWS_ALONE 10000 /* of a list in one reply, without `more` */

/* Rows of a list on their way to a client. They are values, so the list stays what it was when it was asked for. */
struct rows {
	const char *member;         /* of the reply */
	struct forward_view *views; /* forwards as `put` makes rows of them, or */
	json_t *(*put)(const struct forward_view *);
	json_t *made;               /* rows as they are sent */
	size_t n, next;
};

static void rows_free(void *ctx)
{
	struct rows *rows = ctx;

	for (size_t i = 0; rows->views && i < rows->n; i++)
		forward_view_free(&rows->views[i]);
	free(rows->views);
	json_decref(rows->made);
	free(rows);
}

static json_t *rows_next(void *ctx, bool *ret_continues)
{
	struct rows *rows = ctx;
	json_t *list = json_array();

	for (size_t ports = 0; rows->next < rows->n; rows->next++) {
		const struct forward_view *view = rows->views ? &rows->views[rows->next] : NULL;

		ports += view ? view->forward->n_ports + view->forward->n_targets : 0;
		if (json_array_size(list) == ROWS_MAX || (ports > PORTS_MAX && json_array_size(list)))
			break;
		json_array_append_new(list, view ? rows->put(view)
						 : json_incref(json_array_get(rows->made, rows->next)));
	}
	*ret_continues = rows->next < rows->n;
	return json_pack("{s:o}", rows->member, list);
}

/* All rows in one reply, or in as many as it takes. */
static void reply_rows(struct varlink_call *call, struct rows *rows)
{
	struct stream stream = {.next = rows_next, .done = rows_free, .ctx = rows};
	bool continues = true;

	if (call->more) {
		client_stream(call->client, &stream);
		return;
	}
	if (rows->n > ROWS_ALONE) {
		varlink_expected_more(call);
	} else {
		json_t *list = json_array();

		while (continues) {
			json_auto_t *part = rows_next(rows, &continues);

			json_array_extend(list, json_object_get(part, rows->member));
		}
		varlink_reply(call, json_pack("{s:o}", rows->member, list));
	}
	rows_free(rows);
}

void rows_reply_views(struct varlink_call *call, struct forward_view *views, size_t n, const char *member,
		      json_t *(*put)(const struct forward_view *))
{
	struct rows *rows = xmalloc(sizeof(*rows));

	*rows = (struct rows){.member = member, .views = views, .put = put, .n = n};
	reply_rows(call, rows);
}

void rows_reply(struct varlink_call *call, const char *member, json_t *made)
{
	struct rows *rows = xmalloc(sizeof(*rows));

	*rows = (struct rows){.member = member, .made = made, .n = json_array_size(made)};
	reply_rows(call, rows);
}
