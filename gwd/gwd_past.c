/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rollback and undo. A revision keeps what it changed, before and after; so to go back is to take what runs, and to put in
 * the place of everything that changed since the oldest value that it had. */
#include <errno.h>
#include <inttypes.h>

#include "gwd_apply.h"

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
		named_order_free(&in->orders[i]);
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

	if (!stored_opening(text, &o, diag))
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
		ingredients_add_runtime(in, f);
		draft_runtime(d, f->name, f);
		break;
	case ITEM_OVERRIDE:
		if (!state_parse_override(was->before, &override))
			break;
		ingredients_add_override(in, was->name, &override);
		draft_override(d, was->name, &override);
		break;
	case ITEM_TARGET:
		if (!order_parse(was->before, &order))
			break;
		ingredients_add_order(in, was->name, &order);
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
	_cleanup_(freep) char *seen = apply_disk_hash(g), *what = NULL;
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
	r = apply_finish(g, &d, what, &in, options, ret, diag);
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
