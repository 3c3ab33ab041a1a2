/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sort and walk: both sides are in the same order, so one pass over each kind of object finds what is missing, what is
 * too much and what differs. Ops are gathered by kind and joined in the order that a batch must have: an element may
 * point to a chain, a rule may look into a set or jump to a chain, and nothing may be deleted while something refers to
 * it. What goes goes first, so that a set can go and come again under its name. */
#include "plan.h"

#include <string.h>

struct diff {
	struct plan *plan;
	const struct ruleset *have, *want;
	bool redefines; /* a set that both have is not the same */
};

static struct op *add_op(struct diff *d, enum op_kind kind)
{
	struct plan *p = d->plan;
	struct op *op;

	p->ops = grow(p->ops, p->n, &p->capacity, sizeof(*p->ops));
	op = &p->ops[p->n++];
	*op = (struct op){.kind = kind};
	return op;
}

/* Walks two sorted arrays at once: `fn` gets pairs of equal keys, or one side NULL. */
static void walk(const void *have, size_t n_have, const void *want, size_t n_want, size_t size,
		 int (*cmp)(const void *, const void *), void (*fn)(struct diff *, const void *, const void *),
		 struct diff *d)
{
	const char *h = have, *w = want;

	while (n_have || n_want) {
		int c = !n_have ? 1 : !n_want ? -1 : cmp(h, w);

		fn(d, c <= 0 ? h : NULL, c >= 0 ? w : NULL);
		if (c <= 0) {
			h += size;
			n_have--;
		}
		if (c >= 0) {
			w += size;
			n_want--;
		}
	}
}

static int cmp_set(const void *a, const void *b)
{
	return strcmp(((const struct set *)a)->name, ((const struct set *)b)->name);
}

static int cmp_chain(const void *a, const void *b)
{
	return strcmp(((const struct chain *)a)->name, ((const struct chain *)b)->name);
}

static int cmp_elem(const void *a, const void *b)
{
	return elem_cmp_key(a, b);
}

/* ---- What each pair becomes --------------------------------------------------------------------- */

static void find_redefined(struct diff *d, const void *have, const void *want)
{
	d->redefines = d->redefines || (have && want && !set_same(have, want));
}

static bool set_redefined(const struct diff *d, const char *name)
{
	const struct set *have = d->redefines ? ruleset_set(d->have, name) : NULL;
	const struct set *want = have ? ruleset_set(d->want, name) : NULL;

	return want && !set_same(have, want);
}

static void sets_deleted(struct diff *d, const void *have, const void *want)
{
	if (have && !(want && set_same(have, want)))
		add_op(d, OP_DEL_SET)->set = have;
}

static void sets_added(struct diff *d, const void *have, const void *want)
{
	if (want && !(have && set_same(have, want)))
		add_op(d, OP_ADD_SET)->set = want;
}

static void chains_deleted(struct diff *d, const void *have, const void *want)
{
	if (!want)
		add_op(d, OP_DEL_CHAIN)->chain = have;
}

static void chains_added(struct diff *d, const void *have, const void *want)
{
	const struct chain *h = have, *w = want;

	if (w && (!h || h->policy != w->policy))
		add_op(d, OP_ADD_CHAIN)->chain = w;
}

static bool looks_into_redefined(const struct diff *d, const struct rule *r)
{
	for (size_t i = 0; i < r->n && d->redefines; i++)
		if ((r->exprs[i].kind == EXPR_LOOKUP || r->exprs[i].kind == EXPR_DYNSET) &&
		    set_redefined(d, r->exprs[i].name))
			return true;
	return false;
}

/* The rules that are there may stay. */
static bool rules_stay(const struct diff *d, const struct chain *have, const struct chain *want)
{
	if (!have || !want || have->n != want->n)
		return false;
	for (size_t i = 0; i < have->n; i++)
		if (!rule_same(&have->rules[i], &want->rules[i]) || looks_into_redefined(d, &have->rules[i]))
			return false;
	return true;
}

static void chains_flushed(struct diff *d, const void *have, const void *want)
{
	const struct chain *h = have;

	if (h && h->n && !rules_stay(d, h, want))
		add_op(d, OP_FLUSH_CHAIN)->chain = h;
}

static void rules_added(struct diff *d, const void *have, const void *want)
{
	const struct chain *w = want;

	if (!w || rules_stay(d, have, w))
		return;
	for (size_t i = 0; i < w->n; i++) {
		struct op *op = add_op(d, OP_ADD_RULE);

		op->chain = w;
		op->rule = &w->rules[i];
	}
}

static bool elem_stays(const struct diff *d, const struct elem *have, const struct elem *want)
{
	return have && want && elem_same(have, want) && !set_redefined(d, have->set);
}

static void elems_deleted(struct diff *d, const void *have, const void *want)
{
	if (have && !elem_stays(d, have, want))
		add_op(d, OP_DEL_ELEM)->elem = have;
}

static void elems_added(struct diff *d, const void *have, const void *want)
{
	if (want && !elem_stays(d, have, want))
		add_op(d, OP_ADD_ELEM)->elem = want;
}

/* ---- The whole ---------------------------------------------------------------------------------- */

static bool adopts(const struct ruleset *have, const struct ruleset *want)
{
	return have->table_flags == TABLE_PERSIST && want->table_flags == TABLE_OWNED;
}

/* The table's flags and a base chain's hook cannot be changed in place. */
static bool must_rebuild(const struct ruleset *have, const struct ruleset *want)
{
	if (!have->table || !want->table)
		return false;
	if (have->table_flags != want->table_flags && !adopts(have, want))
		return true;
	for (size_t i = 0; i < have->n_chains; i++) {
		const struct chain *h = &have->chains[i], *w = ruleset_chain(want, h->name);

		if (w && (h->base != w->base ||
			  (h->base && (!streq(h->type, w->type) || h->hook != w->hook || h->priority != w->priority))))
			return true;
	}
	return false;
}

struct plan *plan_diff(const struct ruleset *have, const struct ruleset *want)
{
	static const struct ruleset nothing;
	struct diff d = {.plan = xcalloc(1, sizeof(*d.plan)), .have = have, .want = want};

#define WALK(what, cmp, fn)                                                                                            \
	walk(d.have->what, d.have->n_##what, want->what, want->n_##what, sizeof(*want->what), cmp, fn, &d)
	if (have->table && (!want->table || must_rebuild(have, want))) {
		add_op(&d, OP_DEL_TABLE);
		d.have = &nothing;
	}
	d.plan->table = RULESET_TABLE;
	if (want->table && (!d.have->table || adopts(d.have, want))) {
		d.plan->table_flags = want->table_flags;
		add_op(&d, OP_ADD_TABLE);
	}
	WALK(sets, cmp_set, find_redefined);
	WALK(elems, cmp_elem, elems_deleted);
	WALK(chains, cmp_chain, chains_flushed);
	WALK(sets, cmp_set, sets_deleted);
	WALK(chains, cmp_chain, chains_deleted);
	WALK(sets, cmp_set, sets_added);
	WALK(chains, cmp_chain, chains_added);
	WALK(chains, cmp_chain, rules_added);
	WALK(elems, cmp_elem, elems_added);
#undef WALK
	return d.plan;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	free(p->ops);
	free(p);
}

void plan_freep(struct plan **p)
{
	plan_free(*p);
}

static void op_text(struct buf *out, const struct op *op)
{
	switch (op->kind) {
	case OP_DEL_TABLE:
	case OP_ADD_TABLE:
		buf_printf(out, "%s table inet %s\n", op->kind == OP_ADD_TABLE ? "add" : "delete", RULESET_TABLE);
		break;
	case OP_ADD_SET:
	case OP_DEL_SET:
		buf_printf(out, op->kind == OP_ADD_SET ? "add " : "delete ");
		set_text(out, op->set);
		break;
	case OP_ADD_CHAIN:
	case OP_DEL_CHAIN:
		buf_printf(out, op->kind == OP_ADD_CHAIN ? "add " : "delete ");
		chain_text(out, op->chain);
		break;
	case OP_FLUSH_CHAIN:
		buf_printf(out, "flush chain %s\n", op->chain->name);
		break;
	case OP_ADD_RULE:
		buf_printf(out, "add rule %s ", op->chain->name);
		rule_text(out, op->rule);
		break;
	case OP_ADD_ELEM:
	case OP_DEL_ELEM:
		buf_printf(out, op->kind == OP_ADD_ELEM ? "add " : "delete ");
		elem_text(out, op->elem);
		break;
	}
}

void plan_text(struct buf *out, const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		op_text(out, &p->ops[i]);
}
