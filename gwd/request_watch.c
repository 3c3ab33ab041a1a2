/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A watcher's client takes an event at a time, as fast as it reads; what waits for it stays in events.c, for all together.
 * The first reply says nothing but that from now on everything is seen. */
#include "request_watch.h"

#include "events.h"
#include "request.h"
#include "util.h"

struct watching {
	struct client *client;
	struct watcher *watcher;
};

static const char *level_name(enum log_level level)
{
	return level <= LOG_ERROR ? "error" : level == LOG_WARN ? "warning" : level == LOG_NOTE ? "note" : "info";
}

static json_t *event_json(const struct said *s)
{
	json_t *event = json_pack("{s:I, s:s, s:s, s:o}", "time", (json_int_t)s->time, "kind", event_kinds[s->kind],
				  "level", level_name(s->level), "text", varlink_text(s->text));

	if (s->forward)
		json_object_set_new(event, "forward", json_string(s->forward));
	if (s->asked) {
		json_object_set_new(event, "uid", json_integer(s->uid));
		json_object_set_new(event, "pid", json_integer(s->pid));
	}
	if (s->revision)
		json_object_set_new(event, "revision", json_integer(s->revision));
	return event;
}

static json_t *next_event(void *ctx, bool *ret_continues)
{
	struct watching *w = ctx;
	uint64_t lost;
	const struct said *s = events_next(w->watcher, &lost);
	json_t *reply;

	*ret_continues = true;
	if (!s)
		return NULL;
	reply = json_pack("{s:o}", "event", event_json(s));
	if (lost)
		json_object_set_new(reply, "lost", json_integer((json_int_t)lost));
	return reply;
}

static void wake(void *ctx)
{
	const struct watching *w = ctx;

	client_wake(w->client);
}

static void end(void *ctx)
{
	struct watching *w = ctx;

	events_unwatch(w->watcher);
	free(w);
}

void request_watch(struct varlink_call *call)
{
	const struct request_context *context = call->ctx;
	struct watching *w;

	if (!call->more) {
		varlink_expected_more(call);
		return;
	}
	client_reply(call->client, json_object(), true);
	w = xmalloc(sizeof(*w));
	w->client = call->client;
	w->watcher = events_watch(gwd_events(context->gwd), wake, w);
	client_stream(call->client, &(struct stream){.next = next_event, .done = end, .ctx = w});
}
