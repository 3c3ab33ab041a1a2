/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened, said once: a line of the log, and a message to everyone who watches. The last EVENTS_KEPT are kept for
 * all watchers together, so one that is slow costs nothing and learns how many it has missed. */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log.h"

#define EVENTS_KEPT 1024
#define EVENT_TEXT_MAX 1024 /* bytes of one that are kept; the log has all */

enum event_kind {
	EVENT_CHANGE,     /* of what runs, asked for */
	EVENT_CONFIRM,    /* one waits to be confirmed, was confirmed or taken back */
	EVENT_END,        /* of what was given for a time, or held open */
	EVENT_DRIFT,      /* what other programs undid */
	EVENT_LINK,       /* interfaces and addresses */
	EVENT_CONNECTION, /* a new one, of a forward with `log: true` */
	EVENT_FIREWALL,   /* what others' chains take away, or no longer do */
	EVENT_PROBLEM,    /* what could not be done, or only in part */
	EVENT_DAEMON,     /* gwd itself */
	EVENT_KINDS
};
extern const char *const event_kinds[EVENT_KINDS]; /* "change", ... */

struct caller;

struct event {
	enum event_kind kind;
	enum log_level level;
	const char *forward;      /* that it is about; NULL = none, or several */
	const struct caller *who; /* asked for it; NULL = nobody */
	int64_t revision;         /* that it made; 0 = none */
	bool counted;             /* the log says how much it took: */
	size_t steps, cut;        /* steps in the kernel, connections cut */
};

struct events;
struct events *events_new(void);
void events_free(struct events *); /* after its watchers; NULL is fine */

/* A sentence about `what`; its texts are copied. */
void events_say(struct events *, const struct event *what, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The common case: nobody asked, and it is about no single forward. */
#define event_say(events, k, l, ...) events_say(events, &(struct event){.kind = (k), .level = (l)}, __VA_ARGS__)

/* One as it is kept. */
struct said {
	int64_t time; /* seconds since the epoch */
	enum event_kind kind;
	enum log_level level;
	char *text;
	char *forward; /* NULL = none */
	bool asked;    /* uid and pid asked for it */
	uint32_t uid;
	int32_t pid;
	int64_t revision;
};

struct watcher;
/* What comes from now on: `wake` is called when events_next has something new. */
struct watcher *events_watch(struct events *, void (*wake)(void *ctx), void *ctx);
void events_unwatch(struct watcher *);
/* The next one, borrowed until the next event; NULL = this watcher has seen all. *ret_lost: how many it has missed before
 * this one. */
const struct said *events_next(struct watcher *, uint64_t *ret_lost);

struct events_stats { /* since start */
	uint64_t said[EVENT_KINDS];
	uint64_t lost; /* missed by a watcher, summed up */
	size_t watchers;
};
const struct events_stats *events_stats(const struct events *);

#endif
