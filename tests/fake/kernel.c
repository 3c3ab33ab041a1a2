/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the place of gwd/kernel.c at link time. A commit works on copies of the arrays and swaps them in at the end, so
 * that it is all or nothing as in the kernel. Strings live in one arena until the reset. Counts come from the batch that
 * the real one would have sent. */
#include "kernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fake_kernel.h"
#include "foreign.h"
#include "nft_put.h"

struct kernel {
	struct kernel_stats stats;
};

static struct {
	struct ruleset *rules;
	uint32_t generation;
	int open_error, read_error, commit_error;
	unsigned restarts;
	bool reply_lost, touched, cannot_own, keeps, traces;
	struct culprit culprit;
	size_t foreign_chains;
} fake;

/* ---- Copies ------------------------------------------------------------------------------------- */

static struct ruleset *rules(void)
{
	if (!fake.rules) {
		fake.rules = ruleset_new();
		fake.generation = 1;
	}
	return fake.rules;
}

static const char *text(struct arena *arena, const char *s)
{
	return s ? arena_strdup(arena, s) : NULL;
}

static void add_set(struct ruleset *to, const struct set *set)
{
	struct set *s = ruleset_add_set(to);

	*s = *set;
	s->name = text(to->arena, set->name);
}

static void add_elem(struct ruleset *to, const struct elem *elem)
{
	struct elem *e = ruleset_add_elem(to);

	*e = *elem;
	e->set = text(to->arena, elem->set);
	e->chain = text(to->arena, elem->chain);
	e->comment = text(to->arena, elem->comment);
	e->loc = (struct loc){0};
}

static void add_rule(struct arena *arena, struct chain *c, const struct rule *rule)
{
	struct rule *all = arena_alloc(arena, (c->n + 1) * sizeof(*all));

	if (c->n)
		memcpy(all, c->rules, c->n * sizeof(*all));
	c->rules = all;
	all += c->n++;
	all->comment = text(arena, rule->comment);
	all->n = rule->n;
	all->exprs = arena_alloc(arena, rule->n * sizeof(*all->exprs));
	for (size_t i = 0; i < rule->n; i++) {
		all->exprs[i] = rule->exprs[i];
		all->exprs[i].name = text(arena, rule->exprs[i].name);
	}
}

static struct chain *add_chain(struct ruleset *to, const struct chain *chain)
{
	struct chain *c = ruleset_add_chain(to);

	*c = *chain;
	c->name = text(to->arena, chain->name);
	c->type = text(to->arena, chain->type);
	c->rules = NULL;
	c->n = 0;
	return c;
}

/* All of `from`, owning everything. */
static struct ruleset *copy(const struct ruleset *from)
{
	struct ruleset *to = ruleset_new();

	to->table = from->table;
	to->table_flags = from->table_flags;
	for (size_t i = 0; i < from->n_sets; i++)
		add_set(to, &from->sets[i]);
	for (size_t i = 0; i < from->n_chains; i++) {
		struct chain *c = add_chain(to, &from->chains[i]);

		for (size_t k = 0; k < from->chains[i].n; k++)
			add_rule(to->arena, c, &from->chains[i].rules[k]);
	}
	for (size_t i = 0; i < from->n_elems; i++)
		add_elem(to, &from->elems[i]);
	return to;
}

/* ---- Applying a plan ---------------------------------------------------------------------------- */

static void *array_copy(const void *items, size_t n, size_t size)
{
	return n ? memcpy(xmalloc(n * size), items, n * size) : NULL;
}

static struct ruleset draft_of(const struct ruleset *r)
{
	struct ruleset d = *r;

	d.sets = array_copy(r->sets, r->n_sets, sizeof(*r->sets));
	d.chains = array_copy(r->chains, r->n_chains, sizeof(*r->chains));
	d.elems = array_copy(r->elems, r->n_elems, sizeof(*r->elems));
	d.sets_capacity = r->n_sets;
	d.chains_capacity = r->n_chains;
	d.elems_capacity = r->n_elems;
	return d;
}

static void free_arrays(struct ruleset *r)
{
	free(r->sets);
	free(r->chains);
	free(r->elems);
}

static struct set *set_named(struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_sets; i++)
		if (streq(r->sets[i].name, name))
			return &r->sets[i];
	return NULL;
}

static struct chain *chain_named(struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_chains; i++)
		if (streq(r->chains[i].name, name))
			return &r->chains[i];
	return NULL;
}

static void drop_elems_of(struct ruleset *r, const char *set)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_elems; i++)
		if (!streq(r->elems[i].set, set))
			r->elems[n++] = r->elems[i];
	r->n_elems = n;
}

static int apply_set(struct ruleset *r, const struct op *op)
{
	struct set *s = set_named(r, op->set->name);

	if (op->kind == OP_ADD_SET) {
		if (s)
			return set_same(s, op->set) ? 0 : -EEXIST;
		add_set(r, op->set);
		return 0;
	}
	if (!s)
		return -ENOENT;
	*s = r->sets[--r->n_sets];
	drop_elems_of(r, op->set->name);
	return 0;
}

static int apply_chain(struct ruleset *r, const struct op *op)
{
	struct chain *c = chain_named(r, op->chain->name);

	if (op->kind == OP_ADD_CHAIN) {
		if (c)
			c->policy = op->chain->policy;
		else
			add_chain(r, op->chain);
		return 0;
	}
	if (!c)
		return -ENOENT;
	if (op->kind == OP_ADD_RULE)
		add_rule(r->arena, c, op->rule);
	else if (op->kind == OP_FLUSH_CHAIN)
		c->n = 0;
	else
		*c = r->chains[--r->n_chains];
	return 0;
}

/* Elements are looked up in the sorted array as it was before, so a big plan costs n log n. -errno: *ret is the guilty op. */
static int delete_elems(struct ruleset *r, const struct plan *plan, size_t *ret)
{
	bool *gone = xcalloc(r->n_elems + 1, sizeof(*gone));
	size_t n = 0;
	int error = 0;

	for (size_t i = 0; i < plan->n && !error; i++) {
		const struct elem *e = plan->ops[i].kind == OP_DEL_ELEM ? ruleset_elem(r, plan->ops[i].elem) : NULL;

		if (plan->ops[i].kind != OP_DEL_ELEM)
			continue;
		if (e && !gone[e - r->elems]) {
			gone[e - r->elems] = true;
			continue;
		}
		if (!e && plan->ops[i].elem->expires)
			continue; /* gone by itself: nft_put.c sees to it */
		error = -ENOENT;
		*ret = i;
	}
	for (size_t i = 0; i < r->n_elems && !error; i++)
		if (!gone[i])
			r->elems[n++] = r->elems[i];
	if (!error)
		r->n_elems = n;
	free(gone);
	return error;
}

static int add_elems(struct ruleset *r, const struct plan *plan, size_t *ret)
{
	struct ruleset old = *r;

	old.elems = array_copy(r->elems, r->n_elems, sizeof(*r->elems));
	for (size_t i = 0; i < plan->n; i++) {
		const struct op *op = &plan->ops[i];
		const struct elem *there = op->kind == OP_ADD_ELEM ? ruleset_elem(&old, op->elem) : NULL;

		if (op->kind != OP_ADD_ELEM || (there && elem_same(there, op->elem)))
			continue;
		if (there || !set_named(r, op->elem->set)) {
			*ret = i;
			free(old.elems);
			return there ? -EEXIST : -ENOENT;
		}
		add_elem(r, op->elem);
	}
	free(old.elems);
	return 0;
}

/* Two elements with one key in the same plan. */
static int check_twins(const struct ruleset *r, const struct plan *plan, size_t *ret)
{
	for (size_t i = 1; i < r->n_elems; i++) {
		if (elem_cmp_key(&r->elems[i - 1], &r->elems[i]) != 0)
			continue;
		for (size_t k = 0; k < plan->n; k++)
			if (plan->ops[k].kind == OP_ADD_ELEM && elem_cmp_key(plan->ops[k].elem, &r->elems[i]) == 0)
				*ret = k;
		return -EEXIST;
	}
	return 0;
}

static int apply_object(struct ruleset *r, const struct plan *plan, const struct op *op)
{
	switch (op->kind) {
	case OP_DEL_TABLE:
		r->n_sets = r->n_chains = r->n_elems = 0;
		r->table = false;
		return 0;
	case OP_ADD_TABLE:
		r->table = true;
		r->table_flags = plan->table_flags;
		return 0;
	case OP_ADD_ELEM: /* see add_elems, delete_elems */
	case OP_DEL_ELEM:
		return 0;
	case OP_ADD_SET:
	case OP_DEL_SET:
		return r->table ? apply_set(r, op) : -ENOENT;
	default:
		return r->table ? apply_chain(r, op) : -ENOENT;
	}
}

/* The order of plan.h: the table, elements go, rules, sets and chains, elements come. */
static int apply(struct ruleset *r, const struct plan *plan, size_t *ret)
{
	size_t i = 0;
	int error = 0;

	for (; i < plan->n && plan->ops[i].kind < OP_DEL_ELEM && !error; i++)
		error = apply_object(r, plan, &plan->ops[*ret = i]);
	if (!error)
		error = delete_elems(r, plan, ret);
	for (; i < plan->n && plan->ops[i].kind < OP_ADD_ELEM && !error; i++)
		error = apply_object(r, plan, &plan->ops[*ret = i]);
	if (!error)
		error = add_elems(r, plan, ret);
	for (; i < plan->n && !error; i++)
		error = apply_object(r, plan, &plan->ops[*ret = i]);
	ruleset_sort(r);
	return error ? error : check_twins(r, plan, ret);
}

/* ---- kernel.h ----------------------------------------------------------------------------------- */

static int take(int *error)
{
	int e = *error;

	*error = 0;
	return e;
}

static int failed(struct diag *d, int error, const struct op *op)
{
	const struct elem *e = op && (op->kind == OP_ADD_ELEM || op->kind == OP_DEL_ELEM) ? op->elem : NULL;

	if (e && e->comment)
		diag_add(d, DIAG_KERNEL, e->loc, "%s: the kernel refused element of %s: %s", e->comment, e->set,
			 strerror(-error));
	else
		diag_add(d, DIAG_KERNEL, (struct loc){0}, "the kernel refused it: %s", strerror(-error));
	return error;
}

int kernel_open(struct kernel **ret, struct diag *d)
{
	int error = take(&fake.open_error);

	if (error)
		return failed(d, error, NULL);
	rules();
	*ret = xcalloc(1, sizeof(**ret));
	return 0;
}

/* A table without its owner is an orphan, or gone. */
void kernel_close(struct kernel *k)
{
	if (k && fake.rules && fake.rules->table_flags & TABLE_OWNER)
		fake.rules->table_flags = TABLE_PERSIST;
	fake.keeps = fake.traces = false;
	free(k);
}

int kernel_read(struct kernel *k, struct ruleset **ret, uint32_t *ret_generation, struct diag *d)
{
	int error = take(&fake.read_error);

	k->stats.dumps++;
	if (error)
		return failed(d, error, NULL);
	*ret = copy(rules());
	*ret_generation = fake.generation;
	return 0;
}

int kernel_has_source(struct kernel *k, const char *set, const struct ip *source, uint64_t *ret_left)
{
	(void)k; /* no packets, no sources */
	(void)set;
	(void)source;
	(void)ret_left;
	return 0;
}

static void count(struct kernel *k, const struct plan *plan, uint32_t generation)
{
	struct nft_batch *batch = nft_put_plan(plan, generation);

	k->stats.batches++;
	k->stats.messages += batch->n - 2;
	k->stats.elements += batch->elements;
	k->stats.bytes += batch->buf.len;
	nft_batch_free(batch);
}

int kernel_commit(struct kernel *k, const struct plan *plan, uint32_t generation, struct diag *d)
{
	struct ruleset draft;
	size_t guilty = plan->n - 1;
	int error;

	if (!plan->n)
		return 0;
	count(k, plan, generation);
	if (generation && (fake.restarts || generation != fake.generation)) {
		fake.restarts -= fake.restarts > 0;
		return -ERESTART;
	}
	draft = draft_of(rules());
	error = take(&fake.commit_error);
	if (!error)
		error = apply(&draft, plan, &guilty);
	if (error) {
		free_arrays(&draft);
		return failed(d, error, &plan->ops[guilty]);
	}
	free_arrays(fake.rules);
	*fake.rules = draft;
	fake.generation++;
	if (!fake.reply_lost)
		return 0;
	fake.reply_lost = false;
	return -ENOBUFS;
}

int kernel_foreign_chains(struct kernel *k, size_t *ret, struct diag *d)
{
	(void)k;
	(void)d;
	*ret = fake.foreign_chains;
	return 0;
}

const struct kernel_stats *kernel_stats(const struct kernel *k)
{
	return &k->stats;
}

/* ---- fake_kernel.h ------------------------------------------------------------------------------ */

void fake_kernel_reset(void)
{
	ruleset_free(fake.rules);
	memset(&fake, 0, sizeof(fake));
}

const struct ruleset *fake_kernel_ruleset(void)
{
	return rules();
}

void fake_kernel_fail_open(int error)
{
	fake.open_error = error;
}

void fake_kernel_fail_read(int error)
{
	fake.read_error = error;
}

void fake_kernel_fail_commit(int error)
{
	fake.commit_error = error;
}

void fake_kernel_restart(unsigned times)
{
	fake.restarts = times;
}

void fake_kernel_lose_reply(void)
{
	fake.reply_lost = true;
}

void fake_kernel_flush(void)
{
	uint32_t generation;

	rules();
	generation = fake.generation;
	ruleset_free(fake.rules);
	fake.rules = NULL;
	rules();
	fake.generation = generation + 1;
}

void fake_kernel_set_foreign_chains(size_t n)
{
	fake.foreign_chains = n;
}

int kernel_fd(const struct kernel *k)
{
	(void)k;
	return -1;
}

unsigned kernel_touched(struct kernel *k, struct culprit *ret_who)
{
	unsigned touched = fake.touched ? KERNEL_OURS : 0;

	(void)k;
	fake.touched = false;
	*ret_who = fake.culprit;
	return touched;
}

void fake_kernel_touch(const char *program, uint32_t pid)
{
	fake.touched = true;
	fake.culprit.pid = pid;
	snprintf(fake.culprit.program, sizeof(fake.culprit.program), "%s", program);
}

bool kernel_can_own(struct kernel *k)
{
	(void)k;
	return !fake.cannot_own;
}

void fake_kernel_cannot_own(void)
{
	fake.cannot_own = true;
}

int kernel_keep(struct kernel *k, const struct ruleset *keeper, struct diag *d)
{
	(void)k;
	(void)d;
	fake.keeps = keeper != NULL;
	return 0;
}

int kernel_trace(struct kernel *k, const struct ruleset *trace, struct diag *d)
{
	(void)k;
	fake.traces = trace != NULL;
	if (!fake.reply_lost)
		return 0;
	fake.reply_lost = false;
	diag_add(d, DIAG_KERNEL, (struct loc){0}, "fake: nobody heard what became of it");
	return -ENOBUFS;
}

bool fake_kernel_traces(void)
{
	return fake.traces;
}

bool fake_kernel_keeps(void)
{
	return fake.keeps;
}

int kernel_read_foreign(struct kernel *k, bool named, struct foreign **ret, struct diag *d)
{
	(void)k;
	(void)named;
	(void)d;
	*ret = xcalloc(1, sizeof(**ret));
	return 0;
}
