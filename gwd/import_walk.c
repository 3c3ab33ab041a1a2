/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A map is followed element by element, so the rule behind it is read as many times; what a rule before lets pass is kept
 * as long as it is true of the rules behind it. Translations of others are few, so all this may cost something. */
#include "import_walk.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "import_narrow.h"

enum {
	DEPTH_MAX = 16,     /* as the kernel: NFT_JUMP_STACK_SIZE */
	STEPS_MAX = 50000,  /* expressions */
	SET_MAX = 4096,     /* elements of a set that a rule asks about */
	DROPPED_LEVEL = -1, /* of what no later chain sees */
	ACCEPTED_LEVEL = 0, /* of what no rule of this base chain sees any more */
};

struct pass { /* packets that later rules do not see */
	struct match match;
	const struct rule *rule;
	int level; /* of the chain with whose end it ends */
};

struct walk {
	const struct facts *facts;
	struct arena *arena;
	import_each *each;
	void *ctx;
	const struct foreign_table *table;
	const struct chain *base;
	struct pass *passes;
	size_t n_passes, passes_capacity;
	size_t steps;
	int depth;
};

/* ---- Verdicts and translations ------------------------------------------------------------------- */

static void run_chain(struct walk *w, const struct chain *chain, const struct match *match);

static void pass(struct walk *w, const struct reading *s, int level)
{
	w->passes = grow(w->passes, w->n_passes, &w->passes_capacity, sizeof(*w->passes));
	w->passes[w->n_passes++] = (struct pass){s->match, s->rule, level};
}

static void verdict(struct walk *w, struct reading *s, int32_t code, const char *name)
{
	const struct chain *chain = name ? ruleset_chain(w->table->rules, name) : NULL;

	switch (code) {
	case NFT_CONTINUE:
		break;
	case NFT_RETURN:
		pass(w, s, w->depth);
		break;
	case NFT_JUMP:
	case NFT_GOTO:
		if (chain && w->depth < DEPTH_MAX) {
			w->depth++;
			run_chain(w, chain, &s->match);
			w->depth--;
		}
		if (code == NFT_GOTO)
			pass(w, s, w->depth);
		break;
	default:
		pass(w, s, code == NF_DROP ? DROPPED_LEVEL : ACCEPTED_LEVEL);
	}
}

static uint16_t to_port(const uint8_t *value)
{
	return value ? (uint16_t)(value[0] << 8 | value[1]) : 0;
}

static void set_address(struct reading *s, struct arena *arena, struct translation *t, const uint8_t *bytes,
			bool several)
{
	uint8_t family = match_family(&s->match);

	if (several || !bytes || !family) {
		t->why = several ? "it chooses among several addresses, which `to` may list" : t->why;
		t->why = t->why ? t->why
				: arena_printf(arena, "its target hangs on more than the packet's ports and addresses");
		return;
	}
	t->to.family = family;
	memcpy(t->to.bytes, bytes, ip_len(&t->to));
}

/* In registers: addresses in sreg, ports in `min` and `max`. */
static void from_registers(struct walk *w, struct reading *s, struct translation *t, const struct expr *e, uint8_t min,
			   uint8_t max, bool has_ports)
{
	const uint8_t *port = narrow_const(s, min, 2);

	if (has_ports && port)
		t->ports = (struct port_range){to_port(port), to_port(narrow_const(s, max, 2))};
	else if (has_ports)
		t->why = "its target's port hangs on more than the dialled one";
	set_address(s, w->arena, t, narrow_const(s, e->sreg, match_family(&s->match) == AF_INET ? 4 : 16), e->has_dir);
}

static void translate(struct walk *w, struct reading *s, struct translation *t, const struct expr *e)
{
	uint8_t family = (uint8_t)(e->kind == EXPR_NAT ? e->op : e->key);

	if (family == NFPROTO_IPV4 || family == NFPROTO_IPV6) /* nft: `dnat ip to` */
		match_narrow(&s->match, w->arena, MATCH_FAMILY, one_span(w->arena, span_of(&family, 1)));
	if (e->kind == EXPR_NAT) {
		from_registers(w, s, t, e, e->dreg, e->dreg, e->has_dreg);
	} else if (e->op == FOREIGN_DNAT && e->has_dreg) {
		from_registers(w, s, t, e, e->dreg, (uint8_t)e->offset, !e->dir);
	} else {
		t->self = e->op == FOREIGN_REDIRECT;
		t->ports = (struct port_range){(uint16_t)e->count, (uint16_t)e->per};
		t->from_port = (uint16_t)e->rate;
		set_address(s, w->arena, t, e->len ? e->data : NULL, e->has_dir);
	}
}

static bool is_source(const struct expr *e)
{
	return e->kind == EXPR_MASQ || (e->kind == EXPR_NAT && e->key != NFT_NAT_DNAT) ||
	       (e->kind == EXPR_OTHER && e->op == FOREIGN_SOURCE);
}

static void act(struct walk *w, struct reading *s, const struct expr *e)
{
	struct translation t = {
		.table = w->table, .base = w->base, .chain = s->chain, .rule = s->rule, .source = is_source(e)};

	if (e->kind == EXPR_IMMEDIATE || (e->kind == EXPR_OTHER && e->op == FOREIGN_REJECT)) {
		verdict(w, s, e->kind == EXPR_IMMEDIATE ? e->verdict : NF_DROP, e->name);
		return;
	}
	if (!t.source)
		translate(w, s, &t, e);
	t.match = s->match;
	for (size_t i = 0; i < w->n_passes && !t.past; i++)
		if (match_meets(&w->passes[i].match, &t.match, false))
			t.past = w->passes[i].rule;
	if (!t.match.never)
		w->each(w->ctx, &t);
}

/* ---- Sets and maps ------------------------------------------------------------------------------- */

static void run_from(struct walk *w, struct reading *s, size_t i);

/* As many fields as the registers from there on say, each padded to whole slots; false: they do not fill the key. */
static bool narrow_fields(struct walk *w, struct reading *s, uint8_t slot, const struct elem *x)
{
	const struct reading before = *s;
	size_t at = 0;

	while (at < x->key_len && slot + at / 4 < NARROW_SLOTS) {
		size_t len = before.regs[slot + at / 4].len;
		struct span span = {0};

		if (!len || len > SPAN_MAX || at + len > x->key_len)
			return false;
		memcpy(span.first, x->key + at, len);
		memcpy(span.last, x->key_end + at, len);
		narrow_slot(s, (uint8_t)(slot + at / 4), one_span(w->arena, span), false, len);
		at += (len + 3) / 4 * 4;
	}
	return at >= x->key_len && x->key_len;
}

/* The rest of the rule with this element. */
static void branch(struct walk *w, const struct reading *s, const struct expr *e, const struct elem *x, size_t next)
{
	struct reading with = *s;

	if (!narrow_fields(w, &with, e->sreg, x))
		match_beyond(&with.match, w->arena, arena_printf(w->arena, "in %s", e->name));
	if (e->has_dreg && e->dreg == REG_VERDICT) {
		if (!with.match.never)
			verdict(w, &with, x->verdict, x->chain);
		return;
	}
	if (e->has_dreg)
		narrow_set_const(&with, e->dreg, x->data, x->data_len);
	run_from(w, &with, next);
}

static struct spans all_of(struct walk *w, const struct elem *x, size_t n)
{
	struct span *spans = arena_alloc(w->arena, n * sizeof(*spans));

	for (size_t i = 0; i < n; i++) {
		memcpy(spans[i].first, x[i].key, SPAN_MAX);
		memcpy(spans[i].last, x[i].key_end, SPAN_MAX);
	}
	return spans_of(spans, n);
}

/* True: it has followed the rest of the rule itself, with every element. */
static bool look_up(struct walk *w, struct reading *s, const struct expr *e, size_t next)
{
	const struct ruleset *rules = w->table->rules;
	const struct set *set = ruleset_set(rules, e->name);
	const struct elem *x = ruleset_elems(rules, e->name), *end = rules->elems + rules->n_elems;
	uint8_t len = e->sreg < NARROW_SLOTS ? s->regs[e->sreg].len : 0;
	size_t n = 0;

	while (x + n < end && streq(x[n].set, e->name))
		n++;
	if (!set || n > SET_MAX || (e->op && (e->has_dreg || set->key_len != len))) {
		match_beyond(&s->match, w->arena, arena_printf(w->arena, "in @%s", e->name));
		if (e->has_dreg && e->dreg != REG_VERDICT)
			narrow_forget(s, "a map");
		return e->has_dreg && e->dreg == REG_VERDICT;
	}
	if (!e->has_dreg && set->key_len == len && len <= SPAN_MAX && (!n || x->key_len)) {
		narrow_slot(s, e->sreg, all_of(w, x, n), e->op, len);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		branch(w, s, e, &x[i], next);
	return true;
}

/* ---- Rules --------------------------------------------------------------------------------------- */

static void run_from(struct walk *w, struct reading *s, size_t i)
{
	for (; i < s->rule->n && !s->match.never && w->steps < STEPS_MAX; i++) {
		const struct expr *e = &s->rule->exprs[i];

		w->steps++;
		if (e->kind != EXPR_LOOKUP && narrow_expr(s, e))
			continue;
		if (e->kind != EXPR_LOOKUP)
			act(w, s, e);
		if (e->kind != EXPR_LOOKUP || look_up(w, s, e, i + 1))
			return;
	}
}

static void run_chain(struct walk *w, const struct chain *chain, const struct match *match)
{
	size_t kept = 0;

	for (size_t i = 0; i < chain->n && w->steps < STEPS_MAX; i++) {
		struct reading s = {.arena = w->arena,
				    .facts = w->facts,
				    .chain = chain,
				    .rule = &chain->rules[i],
				    .match = *match};

		narrow_forget(&s, "the packet");
		if (s.rule->comment)
			s.match.comment = s.rule->comment;
		run_from(w, &s, 0);
	}
	for (size_t i = 0; i < w->n_passes; i++)
		if (w->passes[i].level < w->depth)
			w->passes[kept++] = w->passes[i];
	w->n_passes = kept;
}

struct base {
	const struct foreign_table *table;
	const struct chain *chain;
	size_t order;
};

static int cmp_bases(const void *a, const void *b)
{
	const struct base *x = a, *y = b;

	if (x->chain->hook != y->chain->hook) /* prerouting, output, postrouting */
		return x->chain->hook < y->chain->hook ? -1 : 1;
	if (x->chain->priority != y->chain->priority)
		return x->chain->priority < y->chain->priority ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void run_base(struct walk *w, const struct base *base)
{
	struct match match = {0};

	if (base->table->family != NFPROTO_INET)
		match_narrow(&match, w->arena, MATCH_FAMILY, one_span(w->arena, span_of(&base->table->family, 1)));
	w->table = base->table;
	w->base = base->chain;
	run_chain(w, base->chain, &match);
}

bool import_walk(const struct foreign *f, const struct facts *facts, struct arena *arena, import_each each, void *ctx)
{
	struct walk w = {.facts = facts, .arena = arena, .each = each, .ctx = ctx};
	struct base *bases = NULL;
	size_t n = 0, capacity = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct ruleset *rules = f->tables[i].rules;

		for (size_t k = 0; k < rules->n_chains; k++) {
			const struct chain *c = &rules->chains[k];

			if (!c->base || !streq(c->type, "nat"))
				continue;
			bases = grow(bases, n, &capacity, sizeof(*bases));
			bases[n] = (struct base){&f->tables[i], c, n};
			n++;
		}
	}
	if (n)
		qsort(bases, n, sizeof(*bases), cmp_bases);
	for (size_t i = 0; i < n; i++)
		run_base(&w, &bases[i]);
	free(bases);
	free(w.passes);
	return w.steps < STEPS_MAX;
}
