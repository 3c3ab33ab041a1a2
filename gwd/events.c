/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One ring for all watchers, each with a place in it, rather than a queue for each: who watches without reading makes us
 * keep nothing more, however many they are. Nobody watching is the common case, and costs the log line alone. */
#include "events.h"

#include "state.h"
#include "util.h"
#include "wallclock.h"

const char *const event_kinds[EVENT_KINDS] = {
	[EVENT_CHANGE] = "change",     [EVENT_CONFIRM] = "confirm", [EVENT_END] = "end",
	[EVENT_DRIFT] = "drift",       [EVENT_LINK] = "link",       [EVENT_CONNECTION] = "connection",
	[EVENT_FIREWALL] = "firewall", [EVENT_PROBLEM] = "problem", [EVENT_DAEMON] = "daemon",
};

struct watcher {
	struct events *events;
	struct watcher *prev, *next;
	void (*wake)(void *ctx);
	void *ctx;
	uint64_t at; /* number of the next one it wants */
};

struct events {
	struct said ring[EVENTS_KEPT];
	uint64_t end; /* number of the next event; it goes to ring[end % EVENTS_KEPT] */
	struct watcher *first;
	struct events_stats stats;
};

struct events *events_new(void)
{
	return xcalloc(1, sizeof(struct events));
}

static void said_free(struct said *s)
{
	free(s->text);
	free(s->forward);
	*s = (struct said){0};
}

void events_free(struct events *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < EVENTS_KEPT; i++)
		said_free(&e->ring[i]);
	free(e);
}

/* "added web ... (uid 0, pid 12; 3 steps in the kernel, 0 connections cut)" */
static void to_log(const struct event *what, const char *text)
{
	_cleanup_(buf_free) struct buf more = {0};

	if (what->who)
		buf_printf(&more, "uid %u, pid %d", (unsigned)what->who->uid, (int)what->who->pid);
	if (what->counted)
		buf_printf(&more, "%s%zu step%s in the kernel, %zu connection%s cut", more.len ? "; " : "",
			   what->steps, plural(what->steps, "s"), what->cut, plural(what->cut, "s"));
	if (more.len)
		log_line(what->level, "%s (%s)", text, more.data);
	else
		log_line(what->level, "%s", text);
}

static void keep(struct events *e, const struct event *what, const char *text)
{
	struct said *s = &e->ring[e->end++ % EVENTS_KEPT];

	said_free(s);
	*s = (struct said){
		.time = wallclock_now(),
		.kind = what->kind,
		.level = what->level,
		.text = xstrndup(text, strnlen(text, EVENT_TEXT_MAX)),
		.forward = xstrdup(what->forward),
		.asked = what->who,
		.uid = what->who ? what->who->uid : 0,
		.pid = what->who ? what->who->pid : 0,
		.revision = what->revision,
	};
}

void events_say(struct events *e, const struct event *what, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	_cleanup_(freep) char *text = xvasprintf(fmt, ap);
	va_end(ap);
	to_log(what, text);
	e->stats.said[what->kind]++;
	if (!e->first)
		return;
	keep(e, what, text);
	for (struct watcher *w = e->first, *next; w; w = next) {
		next = w->next; /* it may go */
		w->wake(w->ctx);
	}
}

struct watcher *events_watch(struct events *e, void (*wake)(void *ctx), void *ctx)
{
	struct watcher *w = xmalloc(sizeof(*w));

	*w = (struct watcher){.events = e, .next = e->first, .wake = wake, .ctx = ctx, .at = e->end};
	if (e->first)
		e->first->prev = w;
	e->first = w;
	e->stats.watchers++;
	return w;
}

void events_unwatch(struct watcher *w)
{
	*(w->prev ? &w->prev->next : &w->events->first) = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->events->stats.watchers--;
	free(w);
}

const struct said *events_next(struct watcher *w, uint64_t *ret_lost)
{
	struct events *e = w->events;
	uint64_t oldest = e->end > EVENTS_KEPT ? e->end - EVENTS_KEPT : 0;

	if (w->at == e->end)
		return NULL;
	*ret_lost = w->at < oldest ? oldest - w->at : 0;
	e->stats.lost += *ret_lost;
	w->at += *ret_lost;
	return &e->ring[w->at++ % EVENTS_KEPT];
}

const struct events_stats *events_stats(const struct events *e)
{
	return &e->stats;
}
