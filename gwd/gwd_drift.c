/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Put right at once, because every packet in between may cost a connection; but who changes things again and again means
 * it, and two programs that undo each other's work for ever are worse than one that gives in and says so (backoff.h). */
#include "gwd_drift.h"

#include <time.h>

#include "boottime.h"
#include "gwd_foreign.h"
#include "log.h"

bool drift_by_gwd(const struct culprit *c)
{
	return streq(c->program, "gwd");
}

static void put_right(struct drift *d)
{
	d->repaired++;
	d->time = time(NULL);
	d->culprit = d->suspect;
}

/* "nft (pid 6057)". Caller's string. */
static char *culprit_text(const struct culprit *c)
{
	return c->pid ? xasprintf("%s%s (pid %u)", drift_by_gwd(c) ? "another " : "", c->program, c->pid)
		      : xstrdup("somebody");
}

/* ---- The table ----------------------------------------------------------------------------------- */

static void say_stopped(const struct gwd *g)
{
	_cleanup_(freep) char *who = culprit_text(&g->drift[DRIFT_TABLE].suspect);

	event_say(
		g->events, EVENT_DRIFT, LOG_ERROR,
		"someone else manages table inet %s: %s changes it again as soon as it is put right, so it is left as "
		"it is: stop that program, then gwctl apply",
		RULESET_TABLE, who);
}

/* Nobody changed it: something was refused or lost before. */
static void try_again(struct gwd *g)
{
	_cleanup_(diag_free) struct diag diag = {0};
	size_t ops;

	if (road_reconcile(g, &ops, &diag) < 0) {
		log_debug("still not settled: %s", diag.n ? diag.mistakes[0].message : "?");
		return;
	}
	road_sysctls(g, &diag);
	event_say(g->events, EVENT_DRIFT, LOG_INFO, "the rules are as they should be again");
}

static void undo_change(struct gwd *g)
{
	struct drift *d = &g->drift[DRIFT_TABLE];
	_cleanup_(freep) char *who = culprit_text(&d->suspect);
	_cleanup_(diag_free) struct diag diag = {0};
	size_t ops = 0;
	int r = road_reconcile(g, &ops, &diag);

	backoff_tried(&d->backoff, ops > 0, boottime_now());
	if (r < 0) {
		road_failed(g, "the table was changed by others and cannot be put right yet", &diag);
	} else if (ops) {
		put_right(d);
		event_say(g->events, EVENT_DRIFT, LOG_NOTE, "%s changed table inet %s: put right in %zu step%s", who,
			  RULESET_TABLE, ops, plural(ops, "s"));
	}
}

static void settle_table(struct gwd *g)
{
	const struct backoff *b = &g->drift[DRIFT_TABLE].backoff;

	if (!g->stale || g->frozen || !backoff_may(b, boottime_now()))
		return;
	if (b->pending)
		undo_change(g);
	else
		try_again(g);
}

void gwd_kernel_event(struct gwd *g)
{
	struct drift *d = &g->drift[DRIFT_TABLE];
	struct culprit who;
	unsigned touched = kernel_touched(g->kernel, &who);

	if (g->frozen)
		return;
	if (touched & KERNEL_OURS) {
		g->stale = true;
		d->suspect = who;
		if (backoff_changed(&d->backoff, boottime_now()))
			say_stopped(g);
		settle_table(g);
	}
	if (touched & KERNEL_OTHERS)
		others_changed(g);
}

/* ---- Forwarding ---------------------------------------------------------------------------------- */

static void settle_forwarding(struct gwd *g)
{
	struct drift *d = &g->drift[DRIFT_FORWARDING];
	_cleanup_(draft_free) struct draft draft = {0};

	if (!d->backoff.pending || !backoff_may(&d->backoff, boottime_now()))
		return;
	draft.topology = road_observe(g, g->world->settings);
	road_follow(g, &draft, "another program turned forwarding off, and the rules could not follow");
	backoff_tried(&d->backoff, true, boottime_now());
	if (road_lacks_forwarding(g))
		return; /* said already, as a warning */
	put_right(d);
	event_say(g->events, EVENT_DRIFT, LOG_NOTE, "another program turned forwarding off: turned on again");
}

void drift_forwarding_changed(struct gwd *g)
{
	struct drift *d = &g->drift[DRIFT_FORWARDING];

	if (g->frozen)
		return;
	if (!road_lacks_forwarding(g)) {
		d->backoff.pending = false;
		return;
	}
	if (backoff_changed(&d->backoff, boottime_now()))
		event_say(g->events, EVENT_DRIFT, LOG_ERROR,
			  "another program turns forwarding off again as soon as it is on, so it stays off: stop that "
			  "program, then gwctl apply");
	settle_forwarding(g);
}

/* ---- Both ---------------------------------------------------------------------------------------- */

void drift_settle(struct gwd *g)
{
	settle_table(g);
	settle_forwarding(g);
}

void drift_forgive(struct gwd *g)
{
	for (size_t i = 0; i < DRIFT_KINDS; i++)
		g->drift[i].backoff = (struct backoff){0};
}

void drift_status(const struct gwd *g, struct gwd_status *ret)
{
	static const char *const names[DRIFT_KINDS] = {[DRIFT_TABLE] = "table", [DRIFT_FORWARDING] = "forwarding"};

	for (size_t i = 0; i < DRIFT_KINDS; i++) {
		const struct drift *d = &g->drift[i];

		if (d->repaired)
			ret->drift[ret->n_drift++] =
				(struct gwd_drift){names[i], d->repaired, d->time, d->culprit, d->backoff.stopped};
	}
}
