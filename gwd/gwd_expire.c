/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New connections end with the kernel's own timeout of an element, whether gwd runs or not; what is done here is the
 * rest: a forward at its end leaves memory and database, or is held, and its connections are cut. One alarm is set, for
 * whoever ends next; when it goes off all are looked at, which costs what there is of them, once for each end.
 *
 * A clock that starts earlier than it has been seen (a machine without one, before NTP) says nothing: nothing that ends
 * by it is active then, and nothing is thrown away. Once believed it is believed: whoever sets it back while gwd runs
 * means it. */
#include "gwd_expire.h"

#include <errno.h>

#include "gwd_change.h"
#include "gwd_confirm.h"
#include "timestamp.h"
#include "wallclock.h"

enum {
	SLACK = 60,         /* seconds that a clock may have been set back by, and still be right */
	STORE_EVERY = 3600, /* seconds, when nothing else is stored */
};

/* ---- The clock ------------------------------------------------------------------------------------ */

bool expire_ended(const struct gwd *g, int64_t expires)
{
	return expires && !g->clock.off && expires <= wallclock_now();
}

bool expire_over(const struct gwd *g, int64_t expires)
{
	return expires && (g->clock.off || expires <= wallclock_now());
}

const char *expire_reason(const struct gwd *g)
{
	return g->clock.off ? "the clock is not set yet: it was later than this before" : "expired";
}

int expire_allowed(const struct gwd *g, const char *name, int64_t expires, struct diag *diag)
{
	char end[TIMESTAMP_TEXT_MAX], now[TIMESTAMP_TEXT_MAX];

	if (!expire_over(g, expires))
		return 0;
	timestamp_text(expires, end);
	timestamp_text(wallclock_now(), now);
	if (g->clock.off)
		return change_refuse(
			diag, DIAG_INVALID, -EINVAL,
			xasprintf("%s: the clock says %s, but it was later before: set it first", name, now));
	return change_refuse(diag, DIAG_INVALID, -EINVAL, xasprintf("%s: %s is past: it is %s", name, end, now));
}

/* True when it has become believable. */
static bool judge_clock(struct gwd *g)
{
	int64_t now = wallclock_now();
	bool was_off = g->clock.off;

	if (was_off)
		g->clock.off = now < g->clock.seen - SLACK && !wallclock_synchronised();
	if (!g->clock.off)
		g->clock.seen = now;
	return was_off && !g->clock.off;
}

int expire_open(struct gwd *g, struct diag *diag)
{
	_cleanup_(freep) char *text = NULL;
	int r = state_get(g->state, "clock", &text, diag);

	if (r < 0)
		return r;
	g->clock.alarm = wallclock_alarm();
	if (g->clock.alarm < 0) {
		diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "no timer for what ends: %s", strerror(-g->clock.alarm));
		return g->clock.alarm;
	}
	g->clock.seen = g->clock.stored = text ? strtoll(text, NULL, 10) : 0;
	g->clock.off = true;
	judge_clock(g);
	if (g->clock.off)
		event_say(g->events, EVENT_PROBLEM, LOG_WARN,
			  "the clock is earlier than when it was last seen: what ends by it is off until it is set");
	g->clock.next = INT64_MAX;
	wallclock_alarm_set(g->clock.alarm, g->clock.next);
	return 0;
}

int expire_store(struct gwd *g, struct diag *diag)
{
	_cleanup_(freep) char *text = NULL;
	int r;

	if (!g->clock.off) /* when it is, expire_settle judges it, and gives back what was held for it */
		g->clock.seen = wallclock_now();
	if (g->clock.seen == g->clock.stored)
		return 0;
	text = xasprintf("%lld", (long long)g->clock.seen);
	r = state_put(g->state, "clock", text, diag);
	if (r == 0)
		g->clock.stored = g->clock.seen; /* or it is stored a little later */
	return r;
}

static void store_alone(struct gwd *g)
{
	_cleanup_(diag_free) struct diag ignored = {0};

	if (!state_changeable(g->state) || state_begin(g->state, &ignored) < 0)
		return;
	if (expire_store(g, &ignored) == 0)
		(void)!state_commit(g->state, &ignored);
	else
		state_abort(g->state);
}

void expire_close(struct gwd *g)
{
	if (g->clock.alarm >= 0)
		store_alone(g);
	closep(&g->clock.alarm);
}

/* ---- The alarm ------------------------------------------------------------------------------------ */

void expire_watch(struct gwd *g, int64_t expires)
{
	if (!expires || expires >= g->clock.next)
		return;
	g->clock.next = expires;
	wallclock_alarm_set(g->clock.alarm, expires);
}

void expire_watch_draft(struct gwd *g, const struct draft *d)
{
	for (size_t i = 0; i < d->n_steps; i++)
		if (d->steps[i].kind == STEP_ADD)
			expire_watch(g, d->steps[i].forward->expires);
	for (size_t i = 0; (d->world || d->opens) && i < g->world->open.n; i++)
		if (!g->world->open.items[i].over)
			expire_watch(g, g->world->open.items[i].expires);
	for (const struct forward_entry *e = d->world ? forwards_first(g->world->forwards) : NULL; e; e = e->next)
		if (!e->expired)
			expire_watch(g, e->forward->expires);
}

/* ---- Ends ----------------------------------------------------------------------------------------- */

/* "web", or "web and 3 more". Caller's string. */
static char *names_of(const struct draft *d)
{
	const struct step *first = &d->steps[0];

	return d->n_steps == 1 ? xstrdup(first->entry->forward->name)
			       : xasprintf("%s and %zu more", first->entry->forward->name, d->n_steps - 1);
}

static void end(struct gwd *g, struct draft *d, const char *why)
{
	_cleanup_(freep) char *names = names_of(d), *what = xasprintf("%s: %s", names, why);
	_cleanup_(freep) char *failure = xasprintf("%s, but the rules could not follow", what);

	d->what = what;
	d->unrecorded = d->ended = true;
	change_unshadow(g, d);
	road_follow(g, d, failure);
}

static void look_at_openings(struct gwd *g)
{
	_cleanup_(draft_free) struct draft d = {.opens = true, .unrecorded = true, .what = "openings follow the clock"};
	bool changes = false;

	for (size_t i = 0; i < g->world->open.n; i++) {
		const struct opening *o = &g->world->open.items[i];
		bool over = expire_over(g, o->expires);

		changes = changes || over != o->over;
		if (expire_ended(g, o->expires))
			draft_opening(&d, o, true);
		else
			opening_list_add(&d.open, o)->over = over;
		if (!over)
			expire_watch(g, o->expires);
	}
	if (changes)
		road_follow(g, &d, "what was open for a time could not be closed");
}

/* Brings everybody to what the clock says: ends, and returns where it was set back, or set at last. */
static void look_at_all(struct gwd *g)
{
	_cleanup_(draft_free) struct draft d = {0};
	bool ends = false;

	g->clock.next = INT64_MAX;
	for (struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		bool over = expire_over(g, e->forward->expires);

		if (!forward_declared(e->forward) && expire_ended(g, e->forward->expires))
			change_draft_remove(&d, e);
		else if (over != e->expired)
			draft_switch(&d, e)->expired = over;
		ends = ends || (over && !e->expired);
		if (!over)
			expire_watch(g, e->forward->expires);
	}
	look_at_openings(g);
	if (g->clock.next == INT64_MAX)
		wallclock_alarm_set(g->clock.alarm, INT64_MAX);
	if (d.n_steps)
		end(g, &d, ends ? "time is up" : "active again, the clock was set");
}

int gwd_alarm_fd(const struct gwd *g)
{
	return g->clock.alarm;
}

void gwd_alarm_event(struct gwd *g)
{
	bool set = wallclock_alarm_take(g->clock.alarm);

	judge_clock(g);
	if (g->frozen)
		return;
	look_at_all(g);
	if (!set || g->clock.next == INT64_MAX)
		return;
	g->stale = true; /* the kernel counts seconds, and not to a time */
	gwd_settle(g);
}

void expire_settle(struct gwd *g)
{
	if (judge_clock(g) && !g->frozen)
		look_at_all(g);
	if (g->clock.seen >= g->clock.stored + STORE_EVERY || g->clock.seen < g->clock.stored - SLACK)
		store_alone(g);
}

/* ---- Held open ------------------------------------------------------------------------------------ */

void gwd_release(struct gwd *g, const void *holder)
{
	_cleanup_(draft_free) struct draft d = {0};

	confirm_release(g, holder);
	for (struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next)
		if (e->forward->holder == holder)
			change_draft_remove(&d, e);
	if (d.n_steps && !g->frozen)
		end(g, &d, "ended with the connection that held it");
}
