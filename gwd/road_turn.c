/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for the disk costs more than all the rest of a change, and a batch of a hundred elements hardly more than one of
 * a single element: so changes that come together share both. Each is judged, taken into memory and stored in the running
 * transaction as it comes, so that the next one sees it; the batch and the COMMIT come at the end. Whatever fails there
 * takes all of them back, from the last to the first, and the callers ask one by one. What is more than elements, or has
 * something to say about the kernel, travels alone. */
#include "road.h"

#include <assert.h>
#include <errno.h>

#include "gwd_confirm.h"
#include "gwd_drift.h"
#include "gwd_expire.h"
#include "gwd_foreign.h"
#include "gwd_traffic.h"
#include "killpoint.h"
#include "sysctl.h"

enum { JOINED_MAX = 2000 };

/* A change that waits; owns what the journey borrowed from its caller. */
struct joined {
	struct journey journey;
	struct draft draft;
	struct request_options options;
	struct outcome outcome;
	struct plan *plan;
	char *what;
};

struct turn {
	bool open, failed, again;
	bool durable, fleeting; /* the transaction that has begun */
	bool entered;           /* some of them bring a forward */
	struct joined **items;
	size_t n, capacity;
	bool forwarding[FAMILIES];  /* was on when it was asked */
	struct listeners listeners; /* of this machine, TCP, ... */
	struct port_range known;    /* ... at these ports; first is 0 until they were asked about */
};

struct turn *turn_new(void)
{
	return xcalloc(1, sizeof(struct turn));
}

static void joined_free(struct joined *j)
{
	plan_free(j->plan);
	journey_free(&j->journey);
	draft_free(&j->draft);
	outcome_free(&j->outcome);
	free(j->what);
	free(j);
}

static void turn_clear(struct turn *t)
{
	for (size_t i = 0; i < t->n; i++)
		joined_free(t->items[i]);
	free(t->items);
	listeners_free(&t->listeners);
	*t = (struct turn){0};
}

void turn_free(struct turn *t)
{
	if (t)
		turn_clear(t);
	free(t);
}

bool turn_waits(const struct gwd *g)
{
	return g->turn->n > 0 || g->turn->failed;
}

/* ---- Joining --------------------------------------------------------------------------------------- */

static bool only_elements(const struct forward *const *forwards, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!forward_simple(forwards[i]) || forward_wants_chain(forwards[i]) || forwards[i]->protos != PROTO_TCP ||
		    forwards[i]->expires)
			return false;
	return true;
}

static bool forwarded(struct turn *t, const struct forward *const *forwards, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool *on = &t->forwarding[road_family(forwards[i])];

		*on = *on || sysctl_forwarding_get(forwards[i]->family) == 1;
		if (!*on)
			return false;
	}
	return true;
}

/* What came in this very turn cannot leave in it: the batch deletes before it adds. */
static bool came_with_us(const struct turn *t, const struct forward *f)
{
	for (size_t i = 0; i < t->n && t->entered; i++)
		for (size_t k = 0; k < t->items[i]->journey.delta.n_enter; k++)
			if (t->items[i]->journey.delta.enter[k] == f)
				return true;
	return false;
}

/* Totals of what left go with it, and behind the turn nobody could tell that from what came in its place. */
static bool left_with_us(const struct turn *t, const struct forward *f)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct delta *d = &t->items[i]->journey.delta;

		for (size_t k = 0; k < d->n_leave; k++)
			if (streq(d->leave[k]->name, f->name) || forward_same(d->leave[k], f))
				return true;
	}
	return false;
}

static bool stays(const struct turn *t, const struct delta *d)
{
	for (size_t i = 0; i < d->n_enter; i++)
		if (left_with_us(t, d->enter[i]))
			return false;
	for (size_t i = 0; i < d->n_leave; i++)
		if (came_with_us(t, d->leave[i]))
			return false;
	return true;
}

/* Memory, kernel and database agree, and nothing else is to be stored with the next change. */
static bool settled(const struct gwd *g)
{
	return g->table && !g->stale && !g->starting && !g->frozen && !g->store_nothing && !g->remember &&
	       !g->store_raised && !g->unstored && !confirm_waits(g);
}

/* Forwards, and nothing else. */
static bool plain(const struct draft *d)
{
	return d->what && !d->world && !d->topology && !d->opens && !d->documents && !d->docset && !d->seen &&
	       !d->ended && !d->reverts && !d->reverses;
}

bool turn_takes(const struct gwd *g, const struct draft *d, const struct request_options *o, const struct delta *delta)
{
	struct turn *t = g->turn;

	return t->open && !t->failed && t->n < JOINED_MAX && settled(g) && plain(d) && !o->unasked && !o->dry_run &&
	       !o->confirm && !o->kill && o->lifetime != LIFETIME_HELD && forwarded(t, delta->enter, delta->n_enter) &&
	       (delta->n_leave || delta->n_enter) && only_elements(delta->leave, delta->n_leave) &&
	       only_elements(delta->enter, delta->n_enter) && stays(t, delta) &&
	       (t->n == 0 || (t->durable == road_is_durable(g, d) && t->fleeting == road_is_fleeting(g, d)));
}

int turn_refuse(struct gwd *g, struct diag *diag)
{
	g->turn->again = true;
	diag_add(diag, DIAG_BUSY, (struct loc){0}, "other changes are on their way: try again");
	return -EAGAIN;
}

static int begin(struct gwd *g, const struct draft *d, struct diag *diag)
{
	struct turn *t = g->turn;

	t->durable = road_is_durable(g, d);
	t->fleeting = road_is_fleeting(g, d);
	road_sysctls(g, diag); /* forwarding is on: what is left has nothing to wait for */
	KILLPOINT("change", "before-begin");
	return !t->durable ? 0 : t->fleeting ? state_begin_fleeting(g->state, diag) : state_begin(g->state, diag);
}

static void wait_for_end(struct gwd *g, struct journey *from)
{
	struct turn *t = g->turn;
	struct joined *j = xcalloc(1, sizeof(*j));

	t->entered = t->entered || from->delta.n_enter;
	j->journey = *from;
	j->draft = *from->draft;
	j->options = *from->options;
	j->options.session = NULL;
	j->what = xstrdup(j->draft.what);
	j->draft.what = j->what;
	j->journey.draft = &j->draft;
	j->journey.options = &j->options;
	j->journey.outcome = &j->outcome;
	from->have = from->want = NULL;
	from->delta = (struct delta){0};
	*from->draft = (struct draft){.what = from->draft->what};
	t->items = grow(t->items, t->n, &t->capacity, sizeof(*t->items));
	t->items[t->n++] = j;
	j->plan = plan_diff(j->journey.have, j->journey.want);
	for (size_t i = 0; i < j->plan->n; i++) /* turn_takes has seen to it; `together` knows no others */
		assert(j->plan->ops[i].kind == OP_DEL_ELEM || j->plan->ops[i].kind == OP_ADD_ELEM);
	j->journey.ops = j->plan->n;
}

int turn_join(struct gwd *g, struct journey *j, struct diag *diag)
{
	struct turn *t = g->turn;
	int r = t->n ? 0 : begin(g, j->draft, diag);

	if (r == 0 && t->durable)
		r = road_store(g, j->draft, j->options, &j->docset, &j->revision, diag);
	if (r < 0) { /* the transaction is lost, for all */
		t->failed = t->again = true;
		return r;
	}
	j->outcome->revision = j->revision;
	j->outcome->changed = true;
	others_warn(g, j->delta.enter, j->delta.n_enter, diag);
	wait_for_end(g, j);
	return 0;
}

static bool within(struct port_range range, struct port_range ports)
{
	return range.first && ports.first >= range.first && ports.last <= range.last;
}

/* The first change asks about its own ports, the second one about all: many come one by one, and many together. */
static bool know(struct turn *t, struct port_range ports)
{
	static const struct port_range all = {1, UINT16_MAX};
	_cleanup_(diag_free) struct diag ignored = {0};

	if (within(t->known, ports))
		return true;
	ports = t->known.first ? all : ports;
	t->known = (struct port_range){0};
	listeners_free(&t->listeners);
	if (listeners_read(PROTO_TCP, ports, &t->listeners, &ignored) < 0)
		return false;
	t->known = ports;
	return true;
}

bool turn_nobody_listens(const struct gwd *g, uint8_t protos, struct port_range ports)
{
	struct turn *t = g->turn;
	size_t at;

	if (!t->open || protos != PROTO_TCP || !know(t, ports))
		return false;
	at = listeners_at(&t->listeners, ports.first);
	return at == t->listeners.n || t->listeners.items[at].port > ports.last;
}

/* ---- The turn -------------------------------------------------------------------------------------- */

void gwd_turn_begin(struct gwd *g)
{
	g->turn->open = true;
}

enum turn_state gwd_turn_state(const struct gwd *g)
{
	return g->turn->again ? TURN_AGAIN : turn_waits(g) ? TURN_WAITS : TURN_EMPTY;
}

/* Its ops of this kind, as that one. */
static void append(struct plan *all, const struct plan *one, enum op_kind kind, enum op_kind as)
{
	for (size_t i = 0; i < one->n; i++) {
		if (one->ops[i].kind != kind)
			continue;
		all->ops = grow(all->ops, all->n, &all->capacity, sizeof(*all->ops));
		all->ops[all->n] = one->ops[i];
		all->ops[all->n++].kind = as;
		all->table = one->table;
	}
}

/* In the order of one plan: what leaves first. Back: what came. */
static struct plan *together(const struct turn *t, bool back)
{
	struct plan *all = xcalloc(1, sizeof(*all));

	for (size_t i = 0; i < t->n; i++)
		append(all, t->items[i]->plan, back ? OP_ADD_ELEM : OP_DEL_ELEM, OP_DEL_ELEM);
	for (size_t i = 0; i < t->n; i++)
		append(all, t->items[i]->plan, back ? OP_DEL_ELEM : OP_ADD_ELEM, OP_ADD_ELEM);
	return all;
}

static int deliver(struct gwd *g, struct turn *t, bool *ret_sent)
{
	_cleanup_(diag_free) struct diag ignored = {0}; /* they are asked again, and hear it then */
	_cleanup_(plan_freep) struct plan *plan = together(t, false);
	int r = t->failed ? -EIO : 0;

	KILLPOINT("change", "after-rows");
	if (r == 0)
		r = kernel_commit(g->kernel, plan, 0, &ignored);
	KILLPOINT("change", "after-kernel");
	g->stale = g->stale || road_surprising(r);
	if (r < 0 || !t->durable) {
		state_abort(g->state);
		return r;
	}
	*ret_sent = true;
	r = state_commit(g->state, &ignored);
	KILLPOINT("change", "after-commit");
	return r;
}

static void take_back(struct gwd *g, struct turn *t, bool sent)
{
	_cleanup_(plan_freep) struct plan *plan = sent ? together(t, true) : NULL;

	for (size_t i = t->n; i > 0; i--)
		draft_take_back(g, &t->items[i - 1]->draft);
	if (sent)
		road_undo_kernel(g, plan);
}

static void arrive(struct gwd *g, struct turn *t)
{
	KILLPOINT("change", "after-sysctls");
	KILLPOINT("change", "after-cut");
	for (size_t i = 0; i < t->n; i++) {
		struct joined *j = t->items[i];

		j->outcome.revision = j->journey.revision;
		road_say(g, &j->journey);
		expire_watch_draft(g, &j->draft);
		traffic_follow(g, &j->draft, &j->journey.delta);
		draft_settle(&j->draft);
	}
	drift_forgive(g);
}

int gwd_turn_end(struct gwd *g)
{
	struct turn t = *g->turn;
	bool sent = false;
	int r = 0;

	*g->turn = (struct turn){0}; /* what follows is in no turn */
	if (t.n || t.failed) {
		r = deliver(g, &t, &sent);
		if (r < 0)
			take_back(g, &t, sent);
		else
			arrive(g, &t);
	}
	turn_clear(&t);
	return r;
}
