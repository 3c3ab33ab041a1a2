/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ruleset is compared far more often than it is changed, so it is three flat arrays, sorted once. Equality is by
 * value: the kernel numbers nothing for us and remembers nothing we rely on. */
#include "ruleset.h"

#include <assert.h>
#include <string.h>

struct ruleset *ruleset_new(void)
{
	struct ruleset *r = xcalloc(1, sizeof(*r));

	r->arena = arena_new();
	return r;
}

void ruleset_free(struct ruleset *r)
{
	if (!r)
		return;
	arena_free(r->arena);
	free(r->sets);
	free(r->chains);
	free(r->elems);
	free(r);
}

void ruleset_freep(struct ruleset **r)
{
	ruleset_free(*r);
}

void ruleset_clear(struct ruleset *r)
{
	arena_reset(r->arena);
	r->table = false;
	r->n_sets = r->n_chains = r->n_elems = 0;
}

struct set *ruleset_add_set(struct ruleset *r)
{
	struct set *s;

	r->sets = grow(r->sets, r->n_sets, &r->sets_capacity, sizeof(*r->sets));
	s = &r->sets[r->n_sets++];
	memset(s, 0, sizeof(*s));
	return s;
}

struct chain *ruleset_add_chain(struct ruleset *r)
{
	struct chain *c;

	r->chains = grow(r->chains, r->n_chains, &r->chains_capacity, sizeof(*r->chains));
	c = &r->chains[r->n_chains++];
	memset(c, 0, sizeof(*c));
	return c;
}

struct elem *ruleset_add_elem(struct ruleset *r)
{
	struct elem *e;

	r->elems = grow(r->elems, r->n_elems, &r->elems_capacity, sizeof(*r->elems));
	e = &r->elems[r->n_elems++];
	memset(e, 0, sizeof(*e));
	return e;
}

/* ---- Order -------------------------------------------------------------------------------------- */

static int set_cmp(const void *a, const void *b)
{
	const struct set *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int chain_cmp(const void *a, const void *b)
{
	const struct chain *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int elem_cmp_key(const struct elem *a, const struct elem *b)
{
	int c = a->set == b->set ? 0 : strcmp(a->set, b->set);

	if (!c)
		c = memcmp(a->key, b->key, sizeof(a->key));
	if (!c)
		c = memcmp(a->key_end, b->key_end, sizeof(a->key_end));
	return c;
}

static int elem_cmp(const void *a, const void *b)
{
	return elem_cmp_key(a, b);
}

void ruleset_sort(struct ruleset *r)
{
	r->n_sets = sort_unique(r->sets, r->n_sets, sizeof(*r->sets), set_cmp);
	r->n_chains = sort_unique(r->chains, r->n_chains, sizeof(*r->chains), chain_cmp);
	r->n_elems = sort_unique(r->elems, r->n_elems, sizeof(*r->elems), elem_cmp);
}

const struct set *ruleset_set(const struct ruleset *r, const char *name)
{
	struct set key = {.name = name};

	return r->n_sets ? bsearch(&key, r->sets, r->n_sets, sizeof(*r->sets), set_cmp) : NULL;
}

const struct chain *ruleset_chain(const struct ruleset *r, const char *name)
{
	struct chain key = {.name = name};

	return r->n_chains ? bsearch(&key, r->chains, r->n_chains, sizeof(*r->chains), chain_cmp) : NULL;
}

const struct elem *ruleset_elem(const struct ruleset *r, const struct elem *like)
{
	return r->n_elems ? bsearch(like, r->elems, r->n_elems, sizeof(*r->elems), elem_cmp) : NULL;
}

const struct elem *ruleset_elems(const struct ruleset *r, const char *set)
{
	size_t low = 0, high = r->n_elems;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(r->elems[middle].set, set) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return r->elems + low;
}

/* ---- Equality ----------------------------------------------------------------------------------- */

static bool expr_same(const struct expr *a, const struct expr *b)
{
	struct expr x = *a, y = *b;

	if (a->kind == EXPR_OTHER || b->kind == EXPR_OTHER || !str_same(a->name, b->name))
		return false;
	x.name = y.name = NULL;
	return x.kind == y.kind && x.key == y.key && x.op == y.op && x.offset == y.offset && x.verdict == y.verdict &&
	       x.dreg == y.dreg && x.sreg == y.sreg && x.has_dreg == y.has_dreg && x.has_dir == y.has_dir &&
	       x.dir == y.dir && x.len == y.len && x.rate == y.rate && x.per == y.per && x.burst == y.burst &&
	       x.count == y.count && memcmp(x.data, y.data, sizeof(x.data)) == 0;
}

bool rule_same(const struct rule *a, const struct rule *b)
{
	if (a->n != b->n || !str_same(a->comment, b->comment))
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!expr_same(&a->exprs[i], &b->exprs[i]))
			return false;
	return true;
}

bool set_same(const struct set *a, const struct set *b)
{
	return streq(a->name, b->name) && a->flags == b->flags && a->key_type == b->key_type &&
	       a->key_len == b->key_len && a->data_type == b->data_type && a->data_len == b->data_len &&
	       a->size == b->size && a->timeout == b->timeout &&
	       memcmp(a->fields, b->fields, sizeof(a->fields)) == 0;
}

static bool expires_same(int64_t a, int64_t b)
{
	return !a == !b && llabs(a - b) <= ELEM_EXPIRES_SLACK;
}

bool elem_same(const struct elem *a, const struct elem *b)
{
	return elem_cmp_key(a, b) == 0 && a->data_len == b->data_len &&
	       memcmp(a->data, b->data, sizeof(a->data)) == 0 && a->verdict == b->verdict &&
	       str_same(a->chain, b->chain) && str_same(a->comment, b->comment) && expires_same(a->expires, b->expires);
}
