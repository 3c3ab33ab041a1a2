/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory side of the road: what a draft makes leave and enter the kernel, and how it is done to the live table and
 * undone again. A detached entry is kept until the change is certain, so that taking back costs nothing and cannot fail. */
#include "road.h"

#include <assert.h>

#include "config_print.h"

#include "gwd_expire.h"
#include "sysctl.h"

/* ---- Drafts ------------------------------------------------------------------------------------- */

struct step *draft_step(struct draft *d, enum step_kind kind)
{
	struct step *s;

	d->steps = grow(d->steps, d->n_steps, &d->steps_capacity, sizeof(*d->steps));
	s = &d->steps[d->n_steps++];
	*s = (struct step){.kind = kind};
	return s;
}

struct step *draft_switch(struct draft *d, struct forward_entry *e)
{
	struct step *s = draft_step(d, STEP_SWITCH);

	s->entry = e;
	s->off = e->off;
	s->expired = e->expired;
	s->overridden = e->overridden;
	s->own_port = e->own_port;
	s->uid = e->override_uid;
	s->time = e->override_time;
	return s;
}

static struct row *draft_row(struct draft *d, enum item_kind kind, const char *name)
{
	struct row *r;

	d->rows = grow(d->rows, d->n_rows, &d->rows_capacity, sizeof(*d->rows));
	r = &d->rows[d->n_rows++];
	*r = (struct row){.kind = kind, .name = xstrdup(name)};
	return r;
}

void draft_forget(struct draft *d, enum item_kind kind, const char *name)
{
	draft_row(d, kind, name)->remove = true;
}

void draft_runtime(struct draft *d, const char *name, struct forward *forward)
{
	if (!forward || forward->lifetime != LIFETIME_HELD)
		draft_row(d, ITEM_RUNTIME, name)->forward = forward ? forward_ref(forward) : NULL;
}

void draft_override(struct draft *d, const char *name, const struct override *override)
{
	struct row *r = draft_row(d, ITEM_OVERRIDE, name);

	r->remove = !override;
	if (override)
		r->override = *override;
}

void draft_order(struct draft *d, const char *key, const struct order *order)
{
	draft_row(d, ITEM_TARGET, key)->value = order ? order_text(order) : NULL;
}

void draft_opening(struct draft *d, const struct opening *o, bool remove)
{
	_cleanup_(freep) char *key = opening_key(o);
	struct row *r = draft_row(d, ITEM_OPENING, key);
	struct buf value = {0};

	if (!remove)
		config_opening_json(&value, NULL, o);
	r->value = value.data;
	r->temporary = o->lifetime == LIFETIME_TEMPORARY;
}

void draft_free(struct draft *d)
{
	for (size_t i = 0; i < d->n_steps; i++)
		forward_unref(d->steps[i].forward);
	for (size_t i = 0; i < d->n_rows; i++) {
		free(d->rows[i].name);
		free(d->rows[i].value);
		forward_unref(d->rows[i].forward);
	}
	for (size_t i = 0; i < d->n_over; i++)
		forward_unref(d->over[i]);
	free(d->over);
	free(d->steps);
	free(d->rows);
	opening_list_free(&d->open);
	world_free(d->world);
	topology_free(d->topology);
}

void draft_over(struct draft *d, const struct forward *f)
{
	d->over = grow(d->over, d->n_over, &d->over_capacity, sizeof(*d->over));
	d->over[d->n_over++] = forward_ref(f);
}

void draft_rest(struct draft *d, struct draft *ret)
{
	*ret = (struct draft){.rows = d->rows,
			      .n_rows = d->n_rows,
			      .rows_capacity = d->rows_capacity,
			      .over = d->over,
			      .n_over = d->n_over,
			      .over_capacity = d->over_capacity};
	d->rows = NULL;
	d->over = NULL;
	d->n_rows = d->rows_capacity = d->n_over = d->over_capacity = 0;
}

/* ---- Topology ------------------------------------------------------------------------------------ */

struct topology *road_observe(struct gwd *g, const struct settings *settings)
{
	struct topology *t = topology_build(settings, links_facts(g->links), &g->wan);

	if (!wan_memory_update(&g->wan, settings, t))
		return t;
	g->remember = true;
	topology_free(t);
	return topology_build(settings, links_facts(g->links), &g->wan);
}

/* ---- What is active ----------------------------------------------------------------------------- */

size_t road_family(const struct forward *f)
{
	return f->family == AF_INET ? V4 : V6;
}

static const struct ip *own_target(const struct topology *t, const struct forward *f)
{
	for (size_t i = 0; i < f->n_targets; i++)
		if (topology_is_local(t, &f->targets[i].addr))
			return &f->targets[i].addr;
	return NULL;
}

static bool can_act(const struct topology *t, const struct forward_entry *e)
{
	return !e->off && !e->shadowed && !e->own_port && !e->expired && !own_target(t, e->forward);
}

char *road_shadow(const struct gwd *g, const struct forward *f)
{
	struct forward_entry *other;

	return forwards_overlap(g->world->forwards, f, &other, 1) ? forward_place(other->forward)
								  : xstrdup("nothing any more");
}

/* Forwarding is on, or will be turned on for it: without a known outside only when an inside is named. */
static bool forwards_now(const struct gwd *g, const struct forward *f)
{
	return settings_inside(g->world->settings) || sysctl_forwarding_get(f->family) == 1;
}

char *road_held(const struct gwd *g, const struct forward_entry *e, bool *ret_waits)
{
	const struct forward *f = e->forward;
	const struct ip *own = own_target(g->topology, f);
	char text[ADDR_TEXT_MAX];

	*ret_waits = false;
	if (e->shadowed) {
		_cleanup_(freep) char *by = road_shadow(g, f);

		return xasprintf("shadowed by %s", by);
	}
	if (e->expired)
		return xstrdup(expire_reason(g));
	if (own)
		return xasprintf("%s is this gateway's own address", ip_text(own, text));
	if (e->own_port)
		return xasprintf("port %u is this gateway's own listener", e->own_port);
	if (f->listen.kind == LISTEN_INTERFACE) {
		const struct interface *i = topology_interface(g->topology, f->listen.ifname);

		if (!i || !i->present)
			return xasprintf("no interface %s", f->listen.ifname);
	}
	*ret_waits = !g->topology->wan_known && (f->listen.kind == LISTEN_ANY || !forwards_now(g, f));
	return *ret_waits ? xstrdup("no wan interface is known yet (no default route, and `wan:` is not set)") : NULL;
}

static void set_active(struct gwd *g, struct forward_entry *e, bool active)
{
	if (e->active == active)
		return;
	e->active = active;
	g->active[road_family(e->forward)] += active ? 1 : (size_t)-1;
	if (e->forward->log)
		g->logging += active ? 1 : (size_t)-1;
	if (e->forward->no_nat)
		g->untranslated += active ? 1 : (size_t)-1;
	forwards_activate(g->world->forwards, e->forward, active);
}

static void refresh_active(struct gwd *g)
{
	for (struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next)
		set_active(g, e, can_act(g->topology, e));
}

/* ---- What a draft makes leave and enter the kernel ------------------------------------------------ */

void delta_free(struct delta *d)
{
	free(d->leave);
	free(d->enter);
}

void delta_leaves(struct delta *d, const struct forward *f)
{
	d->leave = grow(d->leave, d->n_leave, &d->leave_capacity, sizeof(*d->leave));
	d->leave[d->n_leave++] = f;
}

static void enters(struct delta *d, const struct forward *f)
{
	d->enter = grow(d->enter, d->n_enter, &d->enter_capacity, sizeof(*d->enter));
	d->enter[d->n_enter++] = f;
}

static void delta_of_step(const struct gwd *g, const struct step *s, struct delta *ret)
{
	struct forward_entry next = {.forward = s->forward, .off = s->forward && !s->forward->enabled};
	bool acts;

	if (s->kind == STEP_EXCHANGE) {
		if (s->entry->active) {
			delta_leaves(ret, s->entry->forward);
			enters(ret, s->forward);
		}
		return;
	}
	if (s->kind != STEP_ADD) {
		next = *s->entry;
		next.off = s->kind == STEP_REMOVE || s->off;
		next.own_port = s->own_port;
	}
	next.expired = s->expired;
	acts = can_act(g->topology, &next);
	if (next.active && !acts)
		delta_leaves(ret, next.forward);
	if (acts && !next.active)
		enters(ret, next.forward);
}

static void delta_of_topology(const struct gwd *g, const struct topology *t, struct delta *ret)
{
	for (const struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		bool active = can_act(t, e);

		if (e->active && !active)
			delta_leaves(ret, e->forward);
		else if (active && !e->active)
			enters(ret, e->forward);
	}
}

static void delta_of_world(const struct gwd *g, const struct draft *d, struct delta *ret)
{
	struct forward_entry *expected = forwards_first(d->world->forwards), *twin;

	for (const struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		if (!e->active)
			continue;
		twin = forwards_twin(d->world->forwards, e, &expected);
		if (twin && can_act(d->topology, twin) && forward_same(twin->forward, e->forward))
			twin->carried = true;
		else
			delta_leaves(ret, e->forward);
	}
	for (struct forward_entry *e = forwards_first(d->world->forwards); e; e = e->next) {
		if (!e->carried && can_act(d->topology, e))
			enters(ret, e->forward);
		e->carried = false;
	}
}

void delta_of(const struct gwd *g, const struct draft *d, struct delta *ret)
{
	if (d->world)
		delta_of_world(g, d, ret);
	else if (d->topology)
		delta_of_topology(g, d->topology, ret);
	for (size_t i = 0; i < d->n_steps; i++)
		delta_of_step(g, &d->steps[i], ret);
	ret->over = d->over;
	ret->n_over = d->n_over;
	ret->ended = d->ended;
}

/* ---- Memory: there and back ---------------------------------------------------------------------- */

static void take_step(struct gwd *g, struct step *s, struct forward_entry *place)
{
	struct forwards *t = g->world->forwards;
	struct forward_entry *e = s->entry, old;

	switch (s->kind) {
	case STEP_ADD:
		s->entry = forwards_insert(t, s->forward, false, place);
		s->entry->expired = s->expired;
		set_active(g, s->entry, can_act(g->topology, s->entry));
		break;
	case STEP_REMOVE:
		set_active(g, e, false);
		forwards_detach(t, e);
		break;
	case STEP_SWITCH: /* the step keeps what it replaced, so taking it again takes it back */
		old = *e;
		e->off = s->off;
		e->expired = s->expired;
		e->overridden = s->overridden;
		e->override_uid = s->uid;
		e->override_time = s->time;
		e->own_port = s->own_port;
		s->off = old.off;
		s->expired = old.expired;
		s->overridden = old.overridden;
		s->uid = old.override_uid;
		s->time = old.override_time;
		s->own_port = old.own_port;
		set_active(g, e, can_act(g->topology, e));
		break;
	case STEP_EXCHANGE: /* the same */
		set_active(g, e, false);
		old.forward = e->forward;
		e->forward = s->forward;
		s->forward = old.forward;
		set_active(g, e, can_act(g->topology, e));
		break;
	}
}

static void take_back_step(struct gwd *g, struct step *s)
{
	struct forwards *t = g->world->forwards;

	switch (s->kind) {
	case STEP_ADD:
		set_active(g, s->entry, false);
		forwards_detach(t, s->entry);
		forward_entry_free(s->entry);
		break;
	case STEP_REMOVE:
		forwards_reattach(t, s->entry);
		set_active(g, s->entry, can_act(g->topology, s->entry));
		break;
	case STEP_SWITCH:
	case STEP_EXCHANGE:
		take_step(g, s, NULL);
		break;
	}
}

static void swap_world(struct gwd *g, struct draft *d)
{
	if (d->world) {
		struct world *old = g->world;

		g->world = d->world;
		g->outgrown = true;
		d->world = old;
		g->active[V4] = g->active[V6] = g->logging = g->untranslated = 0;
		for (struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
			g->active[road_family(e->forward)] += e->active;
			g->logging += e->active && e->forward->log;
			g->untranslated += e->active && e->forward->no_nat;
		}
	}
	if (d->opens) {
		struct opening_list old = g->world->open;

		g->world->open = d->open;
		d->open = old;
	}
	if (d->topology) {
		struct topology *old = g->topology;

		g->topology = d->topology;
		d->topology = old;
		refresh_active(g);
	}
}

void draft_take(struct gwd *g, struct draft *d)
{
	swap_world(g, d);
	for (size_t i = 0; i < d->n_steps; i++) {
		struct step *s = &d->steps[i];

		take_step(g, s, s->in_place ? d->steps[i - 1].entry->next : NULL);
	}
}

void draft_take_back(struct gwd *g, struct draft *d)
{
	for (size_t i = d->n_steps; i > 0; i--)
		take_back_step(g, &d->steps[i - 1]);
	swap_world(g, d);
}

/* What the draft removed is gone for good. */
void draft_settle(struct draft *d)
{
	for (size_t i = 0; i < d->n_steps; i++)
		if (d->steps[i].kind == STEP_REMOVE)
			forward_entry_free(d->steps[i].entry);
}
