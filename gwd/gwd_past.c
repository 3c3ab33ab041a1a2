/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rollback and undo. A revision keeps what it changed, before and after; so to go back is to take what runs, and to put in
 * the place of everything that changed since the oldest value that it had. */
#include <errno.h>
#include <inttypes.h>

#include "gwd_apply.h"
#include "gwd_confirm.h"

/* ---- Former values --------------------------------------------------------------------------------- */

void formers_free(struct formers *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->items[i].name);
		free(l->items[i].before);
		forward_unref(l->items[i].held);
	}
	free(l->items);
	*l = (struct formers){0};
}

struct former *formers_add(struct formers *l, enum item_kind kind, const char *name, const char *before)
{
	struct former *f;

	l->items = grow(l->items, l->n, &l->capacity, sizeof(*l->items));
	f = &l->items[l->n++];
	*f = (struct former){.kind = kind, .name = xstrdup(name), .before = xstrdup(before)};
	return f;
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

void formers_settle(struct formers *l)
{
	size_t kept = 0;

	if (l->n)
		qsort(l->items, l->n, sizeof(*l->items), cmp_former_oldest);
	for (size_t i = 0; i < l->n; i++) {
		if (kept && cmp_former(&l->items[kept - 1], &l->items[i]) == 0) {
			free(l->items[i].name);
			free(l->items[i].before);
			forward_unref(l->items[i].held);
			continue;
		}
		l->items[kept++] = l->items[i];
	}
	l->n = kept;
}

bool formers_have(const struct formers *l, enum item_kind kind, const char *name)
{
	_cleanup_(freep) char *copy = xstrdup(name);
	struct former key = {.kind = kind, .name = copy};

	return l->n && bsearch(&key, l->items, l->n, sizeof(*l->items), cmp_former);
}

/* ---- Out of the history ----------------------------------------------------------------------------- */

/* Values of runtime forwards and overrides to return to. */
struct past {
	struct gwd *g;
	int64_t target; /* rollback: the revision to be at */
	int64_t only;   /* undo: this one alone is reversed; 0 = all that are newer than target */
	bool found;     /* the revision that is returned to */
	int64_t docset;
	struct formers values;
	uint32_t revisions, position; /* read so far; within the revision */
	struct diag *diag;
};

static void past_free(struct past *p)
{
	formers_free(&p->values);
}

static int past_item(void *ctx, enum item_kind kind, const char *name, const char *before, const char *after)
{
	struct past *p = ctx;

	(void)after;
	/* Revisions come newest first, the items of one oldest first. */
	formers_add(&p->values, kind, name, before)->age = (uint64_t)p->revisions << 32 | (UINT32_MAX - p->position++);
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

/* ---- From what runs to what ran --------------------------------------------------------------------- */

/* These values tell nothing of it, so it stays. */
static bool is_apart(const struct formers *l, enum lifetime lifetime)
{
	return lifetime != LIFETIME_DURABLE && !l->temporary;
}

static void drop_orders(const struct formers *l, struct ingredients *in, struct draft *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < in->n_orders; i++) {
		_cleanup_(freep) char *key = order_key(in->orders[i].name, in->orders[i].target);

		if (!formers_have(l, ITEM_TARGET, key)) {
			in->orders[kept++] = in->orders[i];
			continue;
		}
		draft_order(d, key, NULL);
		named_order_free(&in->orders[i]);
	}
	in->n_orders = kept;
}

static void drop_openings(const struct formers *l, struct ingredients *in, struct draft *d)
{
	struct opening_list kept = {0};

	for (size_t i = 0; i < in->open.n; i++) {
		const struct opening *o = &in->open.items[i];
		_cleanup_(freep) char *key = opening_key(o);

		if (is_apart(l, o->lifetime) || !formers_have(l, ITEM_OPENING, key))
			opening_list_add(&kept, o);
		else
			draft_opening(d, o, true);
	}
	opening_list_free(&in->open);
	in->open = kept;
}

/* What changed since goes out of the live ingredients ... */
static void drop_later(const struct formers *l, struct ingredients *in, struct draft *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < in->n_runtime; i++) {
		struct forward *f = in->runtime[i];

		if (is_apart(l, f->lifetime) || !formers_have(l, ITEM_RUNTIME, f->name)) {
			in->runtime[kept++] = f;
			continue;
		}
		draft_runtime(d, f->name, NULL);
		forward_unref(f);
	}
	in->n_runtime = kept;
	kept = 0;
	for (size_t i = 0; i < in->n_overrides; i++) {
		if (!formers_have(l, ITEM_OVERRIDE, in->overrides[i].name)) {
			in->overrides[kept++] = in->overrides[i];
			continue;
		}
		draft_override(d, in->overrides[i].name, NULL);
		free(in->overrides[i].name);
	}
	in->n_overrides = kept;
	drop_orders(l, in, d);
	drop_openings(l, in, d);
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

static int reopen(const struct former *was, struct ingredients *in, struct draft *d, struct diag *diag)
{
	_cleanup_(opening_free) struct opening o = {0};

	if (!stored_opening(was->before, &o, diag))
		return -EINVAL;
	o.lifetime = was->temporary ? LIFETIME_TEMPORARY : LIFETIME_DURABLE;
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
		f = was->held ? forward_ref(was->held) : stored_forward(was->name, was->before, diag);
		if (!f || !name_free(in, f, diag)) {
			forward_unref(f);
			return -EINVAL;
		}
		if (was->temporary)
			f->lifetime = LIFETIME_TEMPORARY;
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
		return reopen(was, in, d, diag);
	}
	return 0;
}

/* ... and what it was comes in. */
static int bring_back(const struct formers *l, struct ingredients *in, struct draft *d, struct diag *diag)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct former *was = &l->items[i];
		int r = was->before || was->held ? bring_back_one(was, in, d, diag) : 0;

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

int past_return(struct gwd *g, const struct formers *l, int64_t docset, struct draft *d, struct ingredients *in,
		uint64_t *ret_hash, struct diag *diag)
{
	static struct document empty = {.path = "gwd.yaml"};
	static const struct documents none = {&empty, 1};
	_cleanup_(config_freep) struct config *config = declared_then(g, docset, ret_hash, diag);
	int r;

	if (!config)
		return -EINVAL;
	ingredients_live(g, in);
	drop_later(l, in, d);
	r = bring_back(l, in, d, diag);
	if (r < 0)
		return r;
	d->docset = docset;
	d->documents = docset ? NULL : &none;
	draft_world(g, d, config, in);
	return 0;
}

int past_world(struct gwd *g, int64_t revision, bool undo, struct draft *d, struct ingredients *in, uint64_t *ret_hash,
	       struct diag *diag)
{
	_cleanup_(past_free) struct past p = {
		.g = g, .target = undo ? 0 : revision, .only = undo ? revision : 0, .diag = diag};
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
	formers_settle(&p.values);
	return past_return(g, &p.values, p.docset, d, in, ret_hash, diag);
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
	int r = road_writable(g, diag);

	if (r < 0)
		return r;
	if (confirm_newest(g))
		return confirm_undo(g, options, ret, diag);
	if (revision <= 1) { /* the first is what gwd started with */
		outcome_say(ret, xstrdup("there is nothing to undo"));
		return 0;
	}
	return go_back(g, revision, true, options, ret, diag);
}
