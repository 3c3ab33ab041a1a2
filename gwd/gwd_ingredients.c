/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a world is made of beside the declared documents: as it runs, or out of the database; and the draft of the world
 * that comes of it. What has ended meanwhile is left out here, so that nobody brings it back. */
#include "gwd_ingredients.h"

#include "gwd_expire.h"

/* ---- What there is now --------------------------------------------------------------------------- */

void named_order_free(struct named_order *o)
{
	free(o->name);
	free(o->target);
}

void ingredients_free(struct ingredients *in)
{
	for (size_t i = 0; i < in->n_runtime; i++)
		forward_unref(in->runtime[i]);
	for (size_t i = 0; i < in->n_overrides; i++)
		free(in->overrides[i].name);
	for (size_t i = 0; i < in->n_orders; i++)
		named_order_free(&in->orders[i]);
	free(in->runtime);
	free(in->overrides);
	opening_list_free(&in->open);
	strings_free(&in->gone);
	free(in->orders);
	settled_free(&in->settled);
}

void ingredients_add_runtime(struct ingredients *in, struct forward *f)
{
	in->runtime = grow(in->runtime, in->n_runtime, &in->runtime_capacity, sizeof(*in->runtime));
	in->runtime[in->n_runtime++] = f;
}

void ingredients_add_override(struct ingredients *in, const char *name, const struct override *o)
{
	in->overrides = grow(in->overrides, in->n_overrides, &in->overrides_capacity, sizeof(*in->overrides));
	in->overrides[in->n_overrides++] = (struct named_override){xstrdup(name), *o};
}

void ingredients_add_order(struct ingredients *in, const char *key, const struct order *order)
{
	size_t len = strcspn(key, " ");

	in->orders = grow(in->orders, in->n_orders, &in->orders_capacity, sizeof(*in->orders));
	in->orders[in->n_orders++] = (struct named_order){
		.name = xstrndup(key, len), .target = xstrdup(key + len + (key[len] != '\0')), .order = *order};
}

static void live_orders(struct ingredients *in, const struct forward *f)
{
	for (size_t i = 0; i < f->n_targets; i++) {
		const struct target *t = &f->targets[i];
		_cleanup_(freep) char *key = NULL;

		if (t->state == TARGET_READY)
			continue;
		key = target_key(f, t);
		ingredients_add_order(in, key, &(struct order){t->state, t->ordered_uid, t->ordered_time});
	}
}

void ingredients_live(const struct gwd *g, struct ingredients *ret)
{
	for (const struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		live_orders(ret, e->forward);
		if (!forward_declared(e->forward))
			ingredients_add_runtime(ret, forward_ref(e->forward));
		else if (e->overridden)
			ingredients_add_override(ret, e->forward->name,
						 &(struct override){.enabled = !e->off,
								    .declared = e->forward->enabled,
								    .uid = e->override_uid,
								    .time = e->override_time});
	}
	for (size_t k = 0; k < g->world->open.n; k++)
		opening_list_add(&ret->open, &g->world->open.items[k]);
}

struct forward *stored_forward(const char *name, const char *service, struct diag *diag)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	_cleanup_(forwards_freep) struct forwards *none = forwards_new();
	json_t *json = json_loads(service, 0, NULL);
	struct forward *f = NULL;

	if (json)
		f = config_forward(doc_from_json(arena, json), none, diag);
	if (!json || (f && !streq(f->name, name))) { /* its row could never be removed */
		diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "%s: unreadable in the state database", name);
		forward_unref(TAKE_PTR(f));
	}
	json_decref(json);
	return f;
}

struct stored {
	const struct gwd *g;
	struct ingredients *in;
	struct diag *diag;
};

static int stored_runtime(void *ctx, const char *name, const char *service, const char *boot)
{
	struct stored *s = ctx;
	_cleanup_(diag_free) struct diag diag = {0};
	struct forward *f;

	if (boot && !streq(boot, s->g->boot)) {
		strings_add(&s->in->gone, xstrdup(name));
		return 0;
	}
	f = stored_forward(name, service, &diag);
	if (!f) {
		diag_warn(s->diag, "%s: left out, not understood by this version: %s", name,
			  diag.n ? diag.mistakes[0].message : "?");
		return 0;
	}
	f->lifetime = boot ? LIFETIME_TEMPORARY : LIFETIME_DURABLE;
	ingredients_add_runtime(s->in, f);
	return 0;
}

static int stored_override(void *ctx, const char *name, const struct override *o)
{
	struct stored *s = ctx;

	ingredients_add_override(s->in, name, o);
	return 0;
}

static int stored_order(void *ctx, const char *key, const char *value, const char *boot)
{
	struct stored *s = ctx;
	struct order order;

	(void)boot;
	if (order_parse(value, &order))
		ingredients_add_order(s->in, key, &order);
	return 0;
}

bool stored_opening(const char *text, struct opening *ret, struct diag *diag)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *json = json_loads(text, 0, NULL);

	return json && config_opening(doc_from_json(arena, json), ret, diag);
}

static int each_opening(void *ctx, const char *key, const char *value, const char *boot)
{
	struct stored *s = ctx;
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(opening_free) struct opening o = {0};

	_cleanup_(freep) char *own = stored_opening(value, &o, &diag) ? opening_key(&o) : NULL;
	if (!str_same(own, key)) {
		diag_warn(s->diag, "opening %s: left out, not understood by this version", key);
		return 0;
	}
	o.lifetime = boot ? LIFETIME_TEMPORARY : LIFETIME_DURABLE;
	opening_list_add(boot && !streq(boot, s->g->boot) ? &s->in->settled.closed : &s->in->open, &o);
	return 0;
}

int ingredients_stored(const struct gwd *g, struct ingredients *ret, struct diag *diag)
{
	struct stored s = {g, ret, diag};
	int r = state_each_runtime(g->state, stored_runtime, &s, diag);

	if (r == 0)
		r = state_each_override(g->state, stored_override, &s, diag);
	if (r == 0)
		r = state_each_live(g->state, ITEM_TARGET, stored_order, &s, diag);
	return r < 0 ? r : state_each_live(g->state, ITEM_OPENING, each_opening, &s, diag);
}

/* ---- From ingredients to a draft ------------------------------------------------------------------ */

static void drop_ended_openings(const struct gwd *g, struct ingredients *in)
{
	struct opening_list kept = {0};

	for (size_t i = 0; i < in->open.n; i++) {
		struct opening *o = &in->open.items[i];
		_cleanup_(freep) char *text = opening_text(o);

		o->over = expire_over(g, o->expires);
		opening_list_add(expire_ended(g, o->expires) ? &in->settled.closed : &kept, o);
		if (expire_ended(g, o->expires))
			settled_say(&in->settled, xasprintf("%s: its time is up", text));
	}
	opening_list_free(&in->open);
	in->open = kept;
}

static void drop_ended(const struct gwd *g, struct draft *d, struct ingredients *in)
{
	size_t kept = 0;

	for (size_t i = 0; i < in->gone.n; i++)
		draft_runtime(d, in->gone.items[i], NULL);
	for (size_t i = 0; i < in->n_runtime; i++) {
		struct forward *f = in->runtime[i];

		if (!expire_ended(g, f->expires)) {
			in->runtime[kept++] = f;
			continue;
		}
		settled_say(&in->settled, xasprintf("%s: its time is up", f->name));
		draft_runtime(d, f->name, NULL);
		draft_over(d, f);
		forward_unref(f);
	}
	in->n_runtime = kept;
	drop_ended_openings(g, in);
}

/* Those that are held because their time is up; what a start finds so may have connections of before. */
static void hold_ended(const struct gwd *g, struct draft *d)
{
	for (struct forward_entry *e = forwards_first(d->world->forwards); e; e = e->next) {
		e->expired = expire_over(g, e->forward->expires);
		if (g->starting && expire_ended(g, e->forward->expires))
			draft_over(d, e->forward);
	}
}

void draft_world(struct gwd *g, struct draft *d, struct config *config, struct ingredients *in)
{
	struct parts parts = {.config = config,
			      .overrides = in->overrides,
			      .n_overrides = in->n_overrides,
			      .orders = in->orders,
			      .n_orders = in->n_orders,
			      .open = &in->open};

	drop_ended(g, d, in);
	parts.runtime = in->runtime;
	parts.n_runtime = in->n_runtime;
	d->world = world_assemble(&parts, &in->settled);
	hold_ended(g, d);
	d->topology = road_observe(g, d->world->settings);
	for (size_t i = 0; i < in->settled.n_runtime; i++) {
		draft_runtime(d, in->settled.runtime[i].name, NULL);
		if (in->settled.runtime[i].renamed)
			draft_runtime(d, in->settled.runtime[i].renamed->name, in->settled.runtime[i].renamed);
	}
	for (size_t i = 0; i < in->settled.ended.n; i++)
		draft_override(d, in->settled.ended.items[i], NULL);
	for (size_t i = 0; i < in->settled.n_orders; i++)
		draft_order(d, in->settled.orders[i].key,
			    in->settled.orders[i].remove ? NULL : &in->settled.orders[i].order);
	for (size_t i = 0; i < in->settled.closed.n; i++)
		draft_opening(d, &in->settled.closed.items[i], true);
}
