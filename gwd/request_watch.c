/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A watcher's client takes an event at a time, as fast as it reads; what waits for it stays in events.c, for all together.
 * The first reply says nothing but that from now on everything is seen. */
#include "request_watch.h"

#include "events.h"
#include "jput.h"
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

static void put_event(struct buf *out, const struct said *s)
{
	jput_object(out, "event");
	jput_number(out, "time", s->time);
	jput_text(out, "kind", event_kinds[s->kind]);
	jput_text(out, "level", level_name(s->level));
	jput_text(out, "text", s->text);
	jput_text(out, "forward", s->forward);
	if (s->asked) {
		jput_number(out, "uid", s->uid);
		jput_number(out, "pid", s->pid);
	}
	jput_nonzero(out, "revision", s->revision);
	jput_end(out, '}');
}

static bool next_event(void *ctx, struct buf *out, bool *ret_continues)
{
	struct watching *w = ctx;
	uint64_t lost;
	const struct said *s = events_next(w->watcher, &lost);

	*ret_continues = true;
	if (!s)
		return false;
	put_event(out, s);
	jput_nonzero(out, "lost", (int64_t)lost);
	return true;
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
	client_begin(call->client);
	client_reply(call->client, true);
	w = xmalloc(sizeof(*w));
	w->client = call->client;
	w->watcher = events_watch(gwd_events(context->gwd), wake, w);
	client_stream(call->client, &(struct stream){.next = next_event, .done = end, .ctx = w});
}
