/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of the whole: start, apply, rollback, undo. Each says which declared documents, runtime forwards and overrides
 * should run; world_assemble brings them together and the road does the rest. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "files.h"
#include "gwd_apply.h"
#include "gwd_expire.h"
#include "gwd_guard.h"
#include "log.h"

/* ---- What there is now --------------------------------------------------------------------------- */

static void order_free(struct named_order *o)
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
		order_free(&in->orders[i]);
	for (size_t i = 0; i < in->n_ended; i++)
		forward_unref(in->ended[i]);
	free(in->runtime);
	free(in->overrides);
	free(in->ended);
	opening_list_free(&in->open);
	strings_free(&in->gone);
	free(in->orders);
	settled_free(&in->settled);
}

static void add_runtime(struct ingredients *in, struct forward *f)
{
	in->runtime = grow(in->runtime, in->n_runtime, &in->runtime_capacity, sizeof(*in->runtime));
	in->runtime[in->n_runtime++] = f;
}

static void add_ended(struct ingredients *in, const struct forward *f)
{
	in->ended = grow(in->ended, in->n_ended, &in->ended_capacity, sizeof(*in->ended));
	in->ended[in->n_ended++] = forward_ref(f);
}

static void add_override(struct ingredients *in, const char *name, const struct override *o)
{
	in->overrides = grow(in->overrides, in->n_overrides, &in->overrides_capacity, sizeof(*in->overrides));
	in->overrides[in->n_overrides++] = (struct named_override){xstrdup(name), *o};
}

/* `key` as order_key has it. */
static void add_order(struct ingredients *in, const char *key, const struct order *order)
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
		add_order(in, key, &(struct order){t->state, t->ordered_uid, t->ordered_time});
	}
}

void ingredients_live(const struct gwd *g, struct ingredients *ret)
{
	for (const struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		live_orders(ret, e->forward);
		if (!forward_declared(e->forward))
			add_runtime(ret, forward_ref(e->forward));
		else if (e->overridden)
			add_override(ret, e->forward->name,
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
	else
		diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "%s: unreadable in the state database", name);
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
	add_runtime(s->in, f);
	return 0;
}

static int stored_override(void *ctx, const char *name, const struct override *o)
{
	struct stored *s = ctx;

	add_override(s->in, name, o);
	return 0;
}

static int stored_order(void *ctx, const char *key, const char *value, const char *boot)
{
	struct stored *s = ctx;
	struct order order;

	(void)boot;
	if (order_parse(value, &order))
		add_order(s->in, key, &order);
	return 0;
}

/* An opening out of its row: *ret is the caller's. False plus diag. */
static bool parse_opening(const char *text, struct opening *ret, struct diag *diag)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_auto_t *json = json_loads(text, 0, NULL);

	return json && config_opening(doc_from_json(arena, json), ret, diag);
}

static int stored_opening(void *ctx, const char *key, const char *value, const char *boot)
{
	struct stored *s = ctx;
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(opening_free) struct opening o = {0};

	if (!parse_opening(value, &o, &diag)) {
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
	return r < 0 ? r : state_each_live(g->state, ITEM_OPENING, stored_opening, &s, diag);
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
		add_ended(in, f);
		forward_unref(f);
	}
	in->n_runtime = kept;
	drop_ended_openings(g, in);
}

/* Those that are held because their time is up; what a start finds so may have connections of before. */
static void hold_ended(const struct gwd *g, struct world *world, struct ingredients *in)
{
	for (struct forward_entry *e = forwards_first(world->forwards); e; e = e->next) {
		e->expired = expire_over(g, e->forward->expires);
		if (g->starting && expire_ended(g, e->forward->expires))
			add_ended(in, e->forward);
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
	hold_ended(g, d->world, in);
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

size_t ingredients_cut(const struct gwd *g, const struct ingredients *in, struct diag *warnings)
{
	_cleanup_(delta_free) struct delta d = {.ended = true};

	for (size_t i = 0; i < in->n_ended; i++)
		delta_leaves(&d, in->ended[i]);
	return g->table ? road_cut(g, &d, false, false, warnings) : 0;
}

/* "3 added, 1 removed, 2 changed", or NULL when nothing differs. */
static char *count_changes(const struct world *a, const struct world *b)
{
	_cleanup_(strings_free) struct strings lines = {0};
	size_t added = 0, removed = 0, changed = 0;

	world_diff(a, b, &lines);
	for (size_t i = 0; i < lines.n; i++) {
		added += lines.items[i][0] == '+';
		removed += lines.items[i][0] == '-';
		changed += lines.items[i][0] == '~';
	}
	return lines.n ? xasprintf("%zu added, %zu removed, %zu changed", added, removed, changed) : NULL;
}

static int finish(struct gwd *g, struct draft *d, const char *what, struct ingredients *in,
		  const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	_cleanup_(freep) char *counts = NULL, *line = NULL;
	int r;

	guard_world(g, d, options->force, &in->settled, diag);
	counts = count_changes(g->world, d->world);
	line = xasprintf("%s: %s", what, counts ? counts : "nothing changed");
	if (counts || d->n_rows || d->reverses)
		d->what = line;
	r = road_commit(g, d, options, ret, diag);
	if (r < 0)
		return r;
	ret->changed = counts != NULL;
	if (!options->dry_run)
		ret->cut += ingredients_cut(g, in, diag);
	outcome_say(ret, options->dry_run ? xasprintf("would be done: %s", line) : xstrdup(line));
	for (size_t i = 0; i < in->settled.messages.n; i++)
		outcome_say(ret, xstrdup(in->settled.messages.items[i]));
	outcome_say_cut(ret);
	return 0;
}

/* ---- apply ---------------------------------------------------------------------------------------- */

static int remember_seen(struct gwd *g, const char *hash, struct diag *diag)
{
	int r = state_begin(g->state, diag);

	if (r < 0)
		return r;
	r = state_put(g->state, "seen", hash, diag);
	if (r < 0) {
		state_abort(g->state);
		return r;
	}
	return state_commit(g->state, diag);
}

/* Hash of what is on disk, as "seen" keeps it. NULL when it cannot be read. */
static char *disk_hash(const struct gwd *g)
{
	_cleanup_(diag_free) struct diag ignored = {0};
	_cleanup_(documents_freep) struct documents *docs = files_read(g->config_path, NULL, 0, NULL, &ignored);

	return docs ? hash_text(documents_hash(docs)) : NULL;
}

char *hash_text(uint64_t hash)
{
	return xasprintf("%016" PRIx64, hash);
}

int gwd_apply(struct gwd *g, const char *text, size_t len, const char *path, const struct request_options *options,
	      struct outcome *ret, struct diag *diag)
{
	_cleanup_(documents_freep) struct documents *docs = NULL;
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_(ingredients_free) struct ingredients in = {0};
	_cleanup_(draft_free) struct draft d = {0};
	_cleanup_(freep) char *seen = NULL, *what = NULL;
	int r;

	r = road_writable(g, diag);
	if (r < 0)
		return r;
	docs = files_read(g->config_path, text, len, path ? diag_file(path) : NULL, diag);
	if (!docs)
		return -EINVAL;
	seen = text ? disk_hash(g) : hash_text(documents_hash(docs));
	config = config_read(docs, diag);
	if (!config) {
		_cleanup_(diag_free) struct diag ignored = {0};

		if (!text && !options->dry_run)
			remember_seen(g, seen, &ignored);
		return -EINVAL;
	}
	ingredients_live(g, &in);
	draft_world(g, &d, config, &in);
	d.seen = seen;
	d.documents = documents_hash(docs) == g->docset_hash && g->docset ? NULL : docs;
	what = xasprintf("applied %s", docs->items[0].path);
	r = finish(g, &d, what, &in, options, ret, diag);
	if (r == 0 && !options->dry_run)
		g->docset_hash = documents_hash(docs);
	return r;
}

/* ---- rollback, undo -------------------------------------------------------------------------------- */

/* A value that something had, and how long ago: a larger age is older. */
struct former {
	enum item_kind kind;
	char *name, *before; /* before NULL: was not there */
	uint64_t age;
};

/* Values of runtime forwards and overrides to return to. */
struct past {
	struct gwd *g;
	int64_t target; /* rollback: the revision to be at */
	int64_t only;   /* undo: this one alone is reversed; 0 = all that are newer than target */
	bool found;     /* the revision that is returned to */
	int64_t docset;
	struct former *items;
	size_t n, capacity;
	uint32_t revisions, position; /* read so far; within the revision */
	struct diag *diag;
};

static void past_free(struct past *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->items[i].name);
		free(p->items[i].before);
	}
	free(p->items);
}

static int past_item(void *ctx, enum item_kind kind, const char *name, const char *before, const char *after)
{
	struct past *p = ctx;

	(void)after;
	p->items = grow(p->items, p->n, &p->capacity, sizeof(*p->items));
	/* Revisions come newest first, the items of one oldest first. */
	p->items[p->n++] = (struct former){kind, xstrdup(name), xstrdup(before),
					   (uint64_t)p->revisions << 32 | (UINT32_MAX - p->position++)};
	return 0;
}

static int past_revision(void *ctx, const struct revision *rev)
{
	enum { STOP = 1 };
	struct past *p = ctx;

	if (rev->id < p->only || rev->id <= p->target) {
		p->found = true;
		p->docset = rev->docset;
		return STOP;
	}
	if (p->only && rev->id != p->only)
		return 0;
	p->revisions++;
	p->position = 0;
	return state_each_item(p->g->state, rev->id, past_item, p, p->diag);
}

static int cmp_former(const void *a, const void *b)
{
	const struct former *x = a, *y = b;

	return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->name, y->name);
}

static int cmp_former_oldest(const void *a, const void *b)
{
	const struct former *x = a, *y = b;
	int c = cmp_former(a, b);

	return c ? c : x->age > y->age ? -1 : x->age < y->age;
}

/* Of each name the oldest value is left, sorted. */
static void past_settle(struct past *p)
{
	size_t kept = 0;

	if (p->n)
		qsort(p->items, p->n, sizeof(*p->items), cmp_former_oldest);
	for (size_t i = 0; i < p->n; i++) {
		if (kept && cmp_former(&p->items[kept - 1], &p->items[i]) == 0) {
			free(p->items[i].name);
			free(p->items[i].before);
			continue;
		}
		p->items[kept++] = p->items[i];
	}
	p->n = kept;
}

static bool in_past(const struct past *p, enum item_kind kind, char *name)
{
	struct former key = {.kind = kind, .name = name};

	return p->n && bsearch(&key, p->items, p->n, sizeof(*p->items), cmp_former);
}

static void drop_orders(const struct past *p, struct ingredients *in, struct draft *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < in->n_orders; i++) {
		_cleanup_(freep) char *key = order_key(in->orders[i].name, in->orders[i].target);

		if (!in_past(p, ITEM_TARGET, key)) {
			in->orders[kept++] = in->orders[i];
			continue;
		}
		draft_order(d, key, NULL);
		order_free(&in->orders[i]);
	}
	in->n_orders = kept;
}

static void drop_openings(const struct past *p, struct ingredients *in, struct draft *d)
{
	struct opening_list kept = {0};

	for (size_t i = 0; i < in->open.n; i++) {
		const struct opening *o = &in->open.items[i];
		_cleanup_(freep) char *key = opening_key(o);

		if (o->lifetime != LIFETIME_DURABLE || !in_past(p, ITEM_OPENING, key))
			opening_list_add(&kept, o);
		else
			draft_opening(d, o, true);
	}
	opening_list_free(&in->open);
	in->open = kept;
}

/* What changed since goes out of the live ingredients ... */
static void drop_later(const struct past *p, struct ingredients *in, struct draft *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < in->n_runtime; i++) {
		struct forward *f = in->runtime[i];

		if (f->lifetime != LIFETIME_DURABLE || !in_past(p, ITEM_RUNTIME, f->name)) {
			in->runtime[kept++] = f;
			continue;
		}
		draft_runtime(d, f->name, NULL);
		forward_unref(f);
	}
	in->n_runtime = kept;
	kept = 0;
	for (size_t i = 0; i < in->n_overrides; i++) {
		if (!in_past(p, ITEM_OVERRIDE, in->overrides[i].name)) {
			in->overrides[kept++] = in->overrides[i];
			continue;
		}
		draft_override(d, in->overrides[i].name, NULL);
		free(in->overrides[i].name);
	}
	in->n_overrides = kept;
	drop_orders(p, in, d);
	drop_openings(p, in, d);
}

/* No part of the past, so it stays: the name must be given back by hand. */
static bool name_free(const struct ingredients *in, const struct forward *f, struct diag *diag)
{
	for (size_t i = 0; i < in->n_runtime; i++)
		if (in->runtime[i]->lifetime != LIFETIME_DURABLE && streq(in->runtime[i]->name, f->name)) {
			diag_add(diag, DIAG_CONFLICT, (struct loc){0},
				 "%s: a forward that is only temporary has this name now; rename it first: "
				 "gwctl set %s --name OTHER",
				 f->name, f->name);
			return false;
		}
	return true;
}

static int reopen(const char *text, struct ingredients *in, struct draft *d, struct diag *diag)
{
	_cleanup_(opening_free) struct opening o = {0};

	if (!parse_opening(text, &o, diag))
		return -EINVAL;
	for (size_t i = 0; i < in->open.n; i++) {
		_cleanup_(freep) char *other = NULL;

		if (!opening_overlaps(&in->open.items[i], &o))
			continue;
		other = opening_text(&in->open.items[i]);
		diag_add(diag, DIAG_CONFLICT, (struct loc){0}, "%s is open only temporarily now: close it first",
			 other);
		return -EEXIST;
	}
	opening_list_add(&in->open, &o);
	draft_opening(d, &o, false);
	return 0;
}

static int bring_back_one(const struct former *was, struct ingredients *in, struct draft *d, struct diag *diag)
{
	struct override override;
	struct order order;
	struct forward *f;

	switch (was->kind) {
	case ITEM_RUNTIME:
		f = stored_forward(was->name, was->before, diag);
		if (!f || !name_free(in, f, diag)) {
			forward_unref(f);
			return -EINVAL;
		}
		add_runtime(in, f);
		draft_runtime(d, f->name, f);
		break;
	case ITEM_OVERRIDE:
		if (!state_parse_override(was->before, &override))
			break;
		add_override(in, was->name, &override);
		draft_override(d, was->name, &override);
		break;
	case ITEM_TARGET:
		if (!order_parse(was->before, &order))
			break;
		add_order(in, was->name, &order);
		draft_order(d, was->name, &order);
		break;
	case ITEM_OPENING:
		return reopen(was->before, in, d, diag);
	}
	return 0;
}

/* ... and what it was comes in. */
static int bring_back(const struct past *p, struct ingredients *in, struct draft *d, struct diag *diag)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct former *was = &p->items[i];
		int r = was->before ? bring_back_one(was, in, d, diag) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static struct config *declared_then(struct gwd *g, int64_t docset, uint64_t *ret_hash, struct diag *diag)
{
	_cleanup_(documents_freep) struct documents *docs = xcalloc(1, sizeof(*docs));

	if (docset && state_get_documents(g->state, docset, docs, diag) < 0)
		return NULL;
	*ret_hash = documents_hash(docs);
	return config_read(docs, diag);
}

int past_world(struct gwd *g, int64_t revision, bool undo, struct draft *d, struct ingredients *in, uint64_t *ret_hash,
	       struct diag *diag)
{
	_cleanup_(past_free) struct past p = {
		.g = g, .target = undo ? 0 : revision, .only = undo ? revision : 0, .diag = diag};
	static struct document empty = {.path = "gwd.yaml"};
	static const struct documents none = {&empty, 1};
	_cleanup_(config_freep) struct config *config = NULL;
	struct revision exists = {0};
	int r = state_get_revision(g->state, revision, &exists, diag);

	revision_free(&exists);
	if (r < 0)
		return r;
	r = state_each_revision(g->state, 0, past_revision, &p, diag);
	if (r < 0)
		return r;
	if (!p.found) {
		diag_add(diag, DIAG_NOT_FOUND, (struct loc){0}, "nothing is known of what was before revision %" PRId64,
			 revision);
		return -ENOENT;
	}
	config = declared_then(g, p.docset, ret_hash, diag);
	if (!config)
		return -EINVAL;
	past_settle(&p);
	ingredients_live(g, in);
	drop_later(&p, in, d);
	r = bring_back(&p, in, d, diag);
	if (r < 0)
		return r;
	d->docset = p.docset;
	d->documents = p.docset ? NULL : &none;
	draft_world(g, d, config, in);
	return 0;
}

static int go_back(struct gwd *g, int64_t revision, bool undo, const struct request_options *options,
		   struct outcome *ret, struct diag *diag)
{
	_cleanup_(ingredients_free) struct ingredients in = {0};
	_cleanup_(draft_free) struct draft d = {0};
	_cleanup_(freep) char *seen = disk_hash(g), *what = NULL;
	uint64_t hash = 0;
	int r;

	r = road_writable(g, diag);
	if (r == 0)
		r = past_world(g, revision, undo, &d, &in, &hash, diag);
	if (r < 0)
		return r;
	d.seen = seen;
	d.reverses = undo ? revision : 0;
	what = xasprintf(undo ? "undid revision %" PRId64 : "rolled back to revision %" PRId64, revision);
	r = finish(g, &d, what, &in, options, ret, diag);
	if (r == 0 && !options->dry_run)
		g->docset_hash = hash;
	return r;
}

int gwd_rollback(struct gwd *g, int64_t revision, const struct request_options *options, struct outcome *ret,
		 struct diag *diag)
{
	return go_back(g, revision, false, options, ret, diag);
}

int gwd_undo(struct gwd *g, const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	int64_t revision = state_newest_undoable(g->state);

	if (revision <= 1) { /* the first is what gwd started with */
		outcome_say(ret, xstrdup("there is nothing to undo"));
		return 0;
	}
	return go_back(g, revision, true, options, ret, diag);
}
