/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The deadline and what there was before stand in the database, in the transaction of the change itself, so neither a
 * cut session nor a kill of gwd can lose them. Taking back is not rolling back to an older revision: other people's
 * changes since then stay, and for that none of them may touch the same things. What is touched is kept in memory, and
 * found again at a start, as the difference that taking it back would make. */
#include "gwd_confirm.h"

#include <errno.h>
#include <unistd.h>

#include "boottime.h"
#include "gwd_apply.h"
#include "gwd_guard.h"
#include "killpoint.h"

struct touch {                     /* what a change is about */
	struct forward **forwards; /* as they were and as they will be; owned references */
	size_t n, capacity;
	struct opening_list openings; /* runtime ones */
	bool declared;                /* the documents */
};

struct waiting {
	struct pending pending; /* what NULL = none */
	struct touch touch;
	bool known;          /* the touch is: not at the beginning of a start */
	struct formers held; /* what was held open before: in no database */
	char *unconfirmed;   /* see road.h, once it is taken back */
};

struct confirm {
	int alarm;
	struct waiting now;
	struct waiting next; /* of the change that is on its way; pending is filled when it is stored */
	bool wanted;         /* there is a next one */
	bool returned;       /* taken back, but the database could not be told */
};

/* ---- What is touched -------------------------------------------------------------------------------- */

static void touch_free(struct touch *t)
{
	for (size_t i = 0; i < t->n; i++)
		forward_unref(t->forwards[i]);
	free(t->forwards);
	opening_list_free(&t->openings);
	*t = (struct touch){0};
}

static void touch_forward(struct touch *t, const struct forward *f)
{
	t->forwards = grow(t->forwards, t->n, &t->capacity, sizeof(*t->forwards));
	t->forwards[t->n++] = forward_ref(f);
}

/* Those of `a` that are not the same in `b`. */
static void touch_world(struct touch *t, const struct world *a, const struct world *b)
{
	for (const struct forward_entry *e = forwards_first(a->forwards); e; e = e->next) {
		const struct forward_entry *o = forwards_by_name(b->forwards, e->forward->name);

		if (!o || !forward_same(o->forward, e->forward) || o->off != e->off || o->shadowed != e->shadowed ||
		    o->own_port != e->own_port)
			touch_forward(t, e->forward);
	}
}

static void touch_openings(struct touch *t, const struct opening_list *a, const struct opening_list *b)
{
	for (size_t i = 0; i < a->n; i++) {
		size_t k = 0;

		while (k < b->n && !opening_same(&a->items[i], &b->items[k]))
			k++;
		if (k == b->n)
			opening_list_add(&t->openings, &a->items[i]);
	}
}

static void touch_of(const struct gwd *g, const struct draft *d, struct touch *ret)
{
	const struct opening_list *open = d->world ? &d->world->open : d->opens ? &d->open : &g->world->open;

	for (size_t i = 0; i < d->n_steps; i++) {
		if (d->steps[i].entry)
			touch_forward(ret, d->steps[i].entry->forward);
		if (d->steps[i].forward)
			touch_forward(ret, d->steps[i].forward);
	}
	if (d->world) {
		touch_world(ret, g->world, d->world);
		touch_world(ret, d->world, g->world);
	}
	touch_openings(ret, &g->world->open, open);
	touch_openings(ret, open, &g->world->open);
	ret->declared = d->documents || (d->docset && d->docset != g->docset);
}

/* What both are about, as `b` calls it; caller's string, or NULL. */
static char *common(const struct touch *a, const struct touch *b)
{
	if (a->declared && b->declared)
		return xstrdup("gwd.yaml");
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (streq(a->forwards[i]->name, b->forwards[k]->name) ||
			    forward_overlaps(a->forwards[i], b->forwards[k]))
				return xstrdup(b->forwards[k]->name);
	for (size_t i = 0; i < a->openings.n; i++)
		for (size_t k = 0; k < b->openings.n; k++)
			if (opening_overlaps(&a->openings.items[i], &b->openings.items[k]))
				return opening_text(&b->openings.items[k]);
	return NULL;
}

bool confirm_touches(const struct gwd *g, const struct forward *f)
{
	const struct touch *t = &g->confirm->now.touch;

	for (size_t i = 0; i < t->n; i++)
		if (streq(t->forwards[i]->name, f->name))
			return true;
	return false;
}

/* ---- What waits ------------------------------------------------------------------------------------- */

static void waiting_free(struct waiting *w)
{
	pending_free(&w->pending);
	touch_free(&w->touch);
	formers_free(&w->held);
	free(TAKE_PTR(w->unconfirmed));
}

struct confirm *confirm_new(void)
{
	struct confirm *c = xcalloc(1, sizeof(*c));

	c->alarm = -1;
	return c;
}

void confirm_free(struct confirm *c)
{
	if (!c)
		return;
	closep(&c->alarm);
	waiting_free(&c->now);
	waiting_free(&c->next);
	free(c);
}

bool confirm_waits(const struct gwd *g)
{
	return g->confirm->now.pending.what;
}

bool confirm_due(const struct gwd *g)
{
	const struct pending *p = &g->confirm->now.pending;

	return p->what && (!streq(p->boot, g->boot) || p->deadline <= boottime_now());
}

const struct pending *gwd_pending(const struct gwd *g, int64_t *ret_seconds)
{
	const struct pending *p = &g->confirm->now.pending;
	int64_t left = p->deadline - boottime_now();

	if (!p->what)
		return NULL;
	*ret_seconds = g->confirm->returned ? -1 : left > 0 ? (left + 999) / 1000 : 0;
	return p;
}

static void forget(struct confirm *c)
{
	waiting_free(&c->now);
	c->returned = false;
	boottime_alarm_set(c->alarm, 0);
}

/* ---- On the road ------------------------------------------------------------------------------------ */

char *confirm_ways(const struct gwd *g)
{
	int64_t seconds = 0;
	const struct pending *p = gwd_pending(g, &seconds);

	if (g->confirm->returned)
		return xasprintf("a change was taken back (%s), and that could not be stored yet: gwctl doctor says why",
				 p->what);
	return xasprintf("a change is not confirmed yet (%s): gwctl confirm, %sor wait %lld s, then it is taken back",
			 p->what, confirm_newest(g) ? "gwctl undo, " : "", (long long)seconds);
}

static int refuse(const struct gwd *g, const char *subject, struct diag *diag)
{
	_cleanup_(freep) char *ways = confirm_ways(g);

	diag_add(diag, DIAG_PENDING, (struct loc){0}, "%s: %s", subject, ways);
	return -EBUSY;
}

/* What the draft takes from those who hold it open, and what it opens for them. */
static void held_of(const struct draft *d, struct formers *ret)
{
	for (size_t i = 0; i < d->n_steps; i++) {
		const struct step *s = &d->steps[i];
		struct forward *was = s->entry ? s->entry->forward : NULL;

		if (was && was->lifetime == LIFETIME_HELD)
			formers_add(ret, ITEM_RUNTIME, was->name, NULL)->held = forward_ref(was);
		else if (s->forward && s->forward->lifetime == LIFETIME_HELD)
			formers_add(ret, ITEM_RUNTIME, s->forward->name, NULL);
	}
}

int confirm_judge(struct gwd *g, const struct draft *d, const struct request_options *options, struct diag *diag)
{
	struct confirm *c = g->confirm;
	_cleanup_(freep) char *subject = NULL;
	bool waits = confirm_waits(g) && !options->unasked && !d->reverts;

	waiting_free(&c->next);
	c->wanted = false;
	if (confirm_waits(g) && options->confirm)
		return refuse(g, "only one change can wait", diag);
	if (!waits && !options->confirm)
		return 0;
	touch_of(g, d, &c->next.touch);
	subject = waits ? common(&c->now.touch, &c->next.touch) : NULL;
	if (subject)
		return refuse(g, subject, diag);
	c->wanted = options->confirm && d->what;
	held_of(d, &c->next.held);
	return 0;
}

bool confirm_writes(const struct gwd *g, const struct draft *d)
{
	return g->confirm->wanted || d->reverts;
}

int confirm_store(struct gwd *g, const struct draft *d, const struct request_options *options, int64_t docset,
		  int64_t revision, struct diag *diag)
{
	struct pending *p = &g->confirm->next.pending;
	int r;

	if (d->reverts)
		return state_del_pending(g->state, diag);
	if (!g->confirm->wanted)
		return 0;
	pending_free(p);
	*p = (struct pending){.what = xstrdup(d->what),
			      .revision = revision,
			      .since = state_last_revision(g->state),
			      .declared = docset != g->docset,
			      .docset = g->docset,
			      .who = options->who,
			      .session = xstrdup(options->session),
			      .boot = xstrdup(g->boot),
			      .deadline = boottime_now() + options->confirm * INT64_C(1000)};
	r = state_get(g->state, "held", &p->held, diag);
	return r < 0 ? r : state_put_pending(g->state, p, diag);
}

void confirm_stored(struct gwd *g, const struct draft *d)
{
	struct confirm *c = g->confirm;

	if (d->reverts)
		forget(c);
	if (!c->wanted)
		return;
	c->now = c->next;
	c->now.known = true;
	c->next = (struct waiting){0};
	c->wanted = false;
	boottime_alarm_set(c->alarm, c->now.pending.deadline);
}

/* ---- Taking back ------------------------------------------------------------------------------------ */

struct reading {
	const struct gwd *g;
	struct formers *list;
};

/* What is held open and what has a row may have one name: whichever was there, and not that the other was not. */
static int read_former(void *ctx, enum item_kind kind, const char *name, const char *before, const char *boot)
{
	const struct reading *r = ctx;
	bool gone = boot && !streq(boot, r->g->boot);
	struct former *f = formers_add(r->list, kind, name, gone ? NULL : before);

	f->temporary = boot;
	f->age = f->before != NULL;
	return 0;
}

static int read_formers(const struct gwd *g, struct formers *ret, struct diag *diag)
{
	const struct formers *held = &g->confirm->now.held;
	int r;

	ret->temporary = true;
	r = state_each_inverse(g->state, read_former, &(struct reading){g, ret}, diag);
	for (size_t i = 0; i < held->n; i++) {
		struct former *f = formers_add(ret, held->items[i].kind, held->items[i].name, NULL);

		f->held = held->items[i].held ? forward_ref(held->items[i].held) : NULL;
		f->age = f->held != NULL;
	}
	formers_settle(ret);
	return r;
}

/* Who gives way to programs of this machine does so as before, if the change was about it. */
static int return_held(struct gwd *g, struct draft *d, struct diag *diag)
{
	_cleanup_(strings_free) struct strings names = {0};
	const struct waiting *w = &g->confirm->now;

	for (size_t i = 0; i < w->touch.n; i++)
		strings_add(&names, xstrdup(w->touch.forwards[i]->name));
	return guard_return(g, d, w->pending.held, w->known ? &names : NULL, diag);
}

/* The draft that takes back what waits. */
static int draft_revert(struct gwd *g, struct draft *d, struct ingredients *in, uint64_t *ret_hash, struct diag *diag)
{
	_cleanup_(formers_free) struct formers formers = {0};
	const struct pending *p = &g->confirm->now.pending;
	int r = read_formers(g, &formers, diag);

	for (size_t i = 0; i < formers.n; i++) /* of what is gone from memory too, if the database was not told then */
		draft_forget(d, formers.items[i].kind, formers.items[i].name);
	if (r == 0)
		r = past_return(g, &formers, p->declared ? p->docset : g->docset, d, in, ret_hash, diag);
	if (r == 0)
		r = return_held(g, d, diag);
	d->reverts = true;
	d->reverses = p->revision;
	d->unrecorded = !p->revision;
	return r;
}

/* Nobody confirmed the file: its hash and the time, if it was what ran. */
static void note_unconfirmed(const struct gwd *g, const char *disk)
{
	struct waiting *w = &g->confirm->now;
	_cleanup_(freep) char *ran = hash_text(g->docset_hash);

	if (w->pending.declared && !w->unconfirmed && str_same(disk, ran))
		w->unconfirmed = xasprintf("%s %lld", ran, (long long)time(NULL));
}

/* `d` may have a rest to do before. `options` NULL: nobody asked, and it happens whether or not the database can be
 * told. */
static int revert(struct gwd *g, struct draft *d, const char *how, const struct request_options *options,
		  struct outcome *ret, struct diag *diag)
{
	_cleanup_(ingredients_free) struct ingredients in = {0};
	_cleanup_(freep) char *seen = apply_disk_hash(g), *what = NULL;
	uint64_t hash = 0;
	int r = draft_revert(g, d, &in, &hash, diag);

	if (r < 0)
		return r;
	what = xasprintf("%s (%s)", how, g->confirm->now.pending.what);
	d->what = what;
	d->seen = seen;
	if (!options || options->unasked)
		note_unconfirmed(g, seen);
	d->unconfirmed = g->confirm->now.unconfirmed;
	if (g->confirm->returned)
		d->said = "what was taken back is stored now";
	r = options ? road_commit(g, d, options, ret, diag) : road_commit_regardless(g, d, ret, diag);
	if (r < 0)
		return r;
	outcome_say(ret, options && options->dry_run ? xasprintf("would be done: %s", what) : xstrdup(what));
	outcome_say_cut(ret);
	if (!options || !options->dry_run)
		g->docset_hash = hash;
	return 0;
}

/* What waits stays for good. */
static int keep(struct gwd *g, struct diag *diag)
{
	int r = state_begin(g->state, diag);

	if (r < 0)
		return r;
	r = state_del_pending(g->state, diag);
	KILLPOINT("confirm", "before-commit");
	if (r < 0)
		state_abort(g->state);
	else
		r = state_commit(g->state, diag);
	KILLPOINT("confirm", "after-commit");
	if (r == 0)
		forget(g->confirm);
	return r;
}

/* Nobody confirmed it. What was before is not understood any more only by an older gwd: then there is nothing to go back
 * to, now or later. */
static int take_back(struct gwd *g, struct draft *d, struct diag *diag)
{
	const struct request_options quietly = {.who = {getuid(), getpid()}, .unasked = true};
	_cleanup_(outcome_free) struct outcome outcome = {0};
	struct confirm *c = g->confirm;
	int r = revert(g, d, "reverted: not confirmed", c->returned ? &quietly : NULL, &outcome, diag);

	c->returned = c->returned || r == 0;
	c->returned = c->returned && confirm_waits(g);
	for (size_t i = 0; i < diag->n_warnings && r == 0; i++)
		event_say(g->events, EVENT_PROBLEM, LOG_WARN, "%s", diag->warnings[i]);
	if (r != -EINVAL)
		return r;
	road_failed(g, "what nobody confirmed cannot be taken back, and stays", diag);
	diag_free(diag);
	return keep(g, diag);
}

void confirm_settle(struct gwd *g)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(draft_free) struct draft d = {0};

	if (confirm_due(g) && !g->frozen && take_back(g, &d, &diag) < 0 && !g->confirm->returned)
		road_failed(g, "what nobody confirmed could not be taken back, and is tried again", &diag);
}

int gwd_confirm_fd(const struct gwd *g)
{
	return g->confirm->alarm;
}

void gwd_confirm_event(struct gwd *g)
{
	boottime_alarm_set(g->confirm->alarm, confirm_due(g) ? 0 : g->confirm->now.pending.deadline);
	confirm_settle(g);
}

bool confirm_newest(const struct gwd *g)
{
	return confirm_waits(g) && state_newest_undoable(g->state) <= g->confirm->now.pending.since;
}

int confirm_undo(struct gwd *g, const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	int64_t revision = g->confirm->now.pending.revision;
	_cleanup_(draft_free) struct draft d = {0};
	_cleanup_(freep) char *how =
		revision ? xasprintf("undid revision %lld", (long long)revision) : xstrdup("undid");

	return revert(g, &d, how, options, ret, diag);
}

void confirm_release(struct gwd *g, const void *holder)
{
	struct formers *held = &g->confirm->now.held;

	for (size_t i = 0; i < held->n; i++)
		if (held->items[i].held && held->items[i].held->holder == holder)
			forward_unref(TAKE_PTR(held->items[i].held));
}

/* ---- Start ------------------------------------------------------------------------------------------ */

int confirm_open(struct gwd *g, struct diag *diag)
{
	struct confirm *c = g->confirm;
	int r;

	c->alarm = boottime_alarm();
	if (c->alarm < 0) {
		diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "no timer for what is to be confirmed: %s",
			 strerror(-c->alarm));
		return c->alarm;
	}
	r = state_get_pending(g->state, &c->now.pending, diag);
	return r < 0 ? r : 0;
}

int confirm_resume(struct gwd *g, struct draft *rest, struct diag *diag)
{
	_cleanup_(ingredients_free) struct ingredients in = {0};
	_cleanup_(draft_free) struct draft d = {0};
	_cleanup_(diag_free) struct diag ignored = {0};
	struct confirm *c = g->confirm;
	uint64_t hash;

	if (!confirm_waits(g))
		return 0;
	if (confirm_due(g))
		return take_back(g, rest, diag);
	boottime_alarm_set(c->alarm, c->now.pending.deadline);
	if (draft_revert(g, &d, &in, &hash, &ignored) == 0) /* or take_back will say why not */
		touch_of(g, &d, &c->now.touch);
	c->now.known = true;
	return 0;
}

/* ---- Confirming ------------------------------------------------------------------------------------- */

static int allowed(const struct gwd *g, const char *session, bool force, struct diag *diag)
{
	const struct pending *p = &g->confirm->now.pending;

	if (!p->what || g->confirm->returned) {
		diag_add(diag, DIAG_NOT_FOUND, (struct loc){0},
			 "nothing waits to be confirmed; whether something was taken back: gwctl history");
		return -ENOENT;
	}
	if (p->session && str_same(p->session, session) && !force) {
		diag_add(diag, DIAG_PENDING, (struct loc){0},
			 "this login made the change, and may be the only one that still works: open a NEW login and "
			 "confirm there (--force to confirm it from here)");
		return -EBUSY;
	}
	return 0;
}

int gwd_confirm(struct gwd *g, const char *session, bool force, const struct caller *who, struct outcome *ret,
		struct diag *diag)
{
	int r = allowed(g, session, force, diag);
	_cleanup_(freep) char *what = r == 0 ? xasprintf("confirmed: %s", g->confirm->now.pending.what) : NULL;

	if (r == 0)
		r = keep(g, diag);
	if (r < 0)
		return r;
	events_say(g->events, &(struct event){.kind = EVENT_CONFIRM, .level = LOG_INFO, .who = who}, "%s", what);
	outcome_say(ret, TAKE_PTR(what));
	ret->changed = true;
	return 0;
}
