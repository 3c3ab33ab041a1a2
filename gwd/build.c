/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules are gathered in fixed room and copied into the ruleset's arena when their chain is complete: the chains we write
 * are short and known, so nothing grows here. */
#include "build.h"

#include <assert.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>

void build_rule(struct builder *b, const char *comment)
{
	assert(b->n < CHAIN_RULES_MAX);
	b->rules[b->n] = (struct rule){.comment = comment, .exprs = b->exprs[b->n]};
	b->n++;
}

struct expr *build_expr(struct builder *b, enum expr_kind kind)
{
	struct rule *r = &b->rules[b->n - 1];
	struct expr *e = &r->exprs[r->n++];

	assert(r->n <= RULE_EXPRS_MAX);
	*e = (struct expr){.kind = kind};
	return e;
}

void build_meta(struct builder *b, uint32_t key, uint8_t dreg)
{
	struct expr *e = build_expr(b, EXPR_META);

	e->key = key;
	e->dreg = dreg;
}

void build_cmp(struct builder *b, uint32_t op, const void *data, uint8_t len)
{
	struct expr *e = build_expr(b, EXPR_CMP);

	e->op = op;
	e->len = len;
	memcpy(e->data, data, len);
}

void build_cmp8(struct builder *b, uint32_t op, uint8_t value)
{
	build_cmp(b, op, &value, 1);
}

void build_payload(struct builder *b, uint32_t base, uint32_t offset, uint8_t len, uint8_t dreg)
{
	struct expr *e = build_expr(b, EXPR_PAYLOAD);

	e->op = base;
	e->offset = offset;
	e->len = len;
	e->dreg = dreg;
}

void build_lookup(struct builder *b, uint8_t sreg, const char *set)
{
	struct expr *e = build_expr(b, EXPR_LOOKUP);

	e->sreg = sreg;
	e->name = set;
}

void build_in_set(struct builder *b, const char *set)
{
	build_lookup(b, 0, set);
}

void build_not_in_set(struct builder *b, const char *set)
{
	struct expr *e = build_expr(b, EXPR_LOOKUP);

	e->op = NFT_LOOKUP_F_INV;
	e->name = set;
}

void build_in_map(struct builder *b, const char *map, uint8_t dreg)
{
	struct expr *e = build_expr(b, EXPR_LOOKUP);

	e->name = map;
	e->has_dreg = 1;
	e->dreg = dreg;
}

void build_verdict(struct builder *b, int32_t code, const char *chain)
{
	struct expr *e = build_expr(b, EXPR_IMMEDIATE);

	e->dreg = REG_VERDICT;
	e->verdict = code;
	e->name = chain;
}

/* The finished rules become a chain. */
struct chain *build_chain(struct builder *b, const char *name)
{
	struct chain *c = ruleset_add_chain(b->out);
	struct arena *arena = b->out->arena;

	c->name = name;
	c->n = b->n;
	c->rules = arena_alloc(arena, b->n * sizeof(*c->rules));
	for (size_t i = 0; i < b->n; i++) {
		size_t size = b->rules[i].n * sizeof(struct expr);

		c->rules[i] = b->rules[i];
		c->rules[i].exprs = memcpy(arena_alloc(arena, size), b->rules[i].exprs, size);
	}
	b->n = 0;
	return c;
}

struct chain *build_base_chain(struct builder *b, const char *name, const char *type, uint32_t hook, int32_t priority)
{
	struct chain *c = build_chain(b, name);

	c->base = true;
	c->type = type;
	c->hook = hook;
	c->priority = priority;
	c->policy = NF_ACCEPT;
	return c;
}

void build_set(struct ruleset *out, const char *name, uint32_t type, uint32_t len, uint32_t flags)
{
	struct set *s = ruleset_add_set(out);

	s->name = name;
	s->key_type = type;
	s->key_len = len;
	s->flags = flags;
}

void build_map(struct ruleset *out, const char *name, uint32_t type, uint32_t len, uint32_t data_type,
	       uint32_t data_len)
{
	struct set *s = ruleset_add_set(out);

	s->name = name;
	s->flags = NFT_SET_MAP;
	s->key_type = type;
	s->key_len = len;
	s->data_type = data_type;
	s->data_len = data_len;
}

void build_range_set(struct ruleset *out, const char *name, uint32_t type, uint32_t len)
{
	build_set(out, name, type, len, NFT_SET_INTERVAL);
}

void build_concat(struct ruleset *out, const char *name, uint32_t type, const uint8_t *fields, size_t n, uint32_t flags)
{
	struct set *s;
	uint32_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (fields[i] + 3u) / 4 * 4;
	build_set(out, name, type, len, flags | NFT_SET_INTERVAL);
	s = &out->sets[out->n_sets - 1];
	assert(n <= sizeof(s->fields));
	memcpy(s->fields, fields, n);
}

struct elem *build_elem(struct ruleset *out, const char *set, uint32_t type, const void *key, size_t len)
{
	struct elem *e = ruleset_add_elem(out);

	e->set = set;
	e->key_type = type;
	e->key_len = (uint8_t)len;
	memcpy(e->key, key, len);
	memcpy(e->key_end, key, len);
	return e;
}

struct elem *build_range(struct ruleset *out, const char *set, uint32_t type, const void *first, const void *last,
			 size_t len, bool concat)
{
	struct elem *e = build_elem(out, set, type, first, len);

	memcpy(e->key_end, last, len);
	e->interval = true;
	e->concat = concat;
	return e;
}

void build_ifname(struct ruleset *out, const char *set, const char *ifname)
{
	char key[IFNAMSIZ] = {0};

	memcpy(key, ifname, strnlen(ifname, IFNAMSIZ));
	build_elem(out, set, TYPE_IFNAME, key, sizeof(key));
}

void build_verdict_data(struct elem *e, int32_t code, const char *chain_name)
{
	e->data_type = NFT_DATA_VERDICT;
	e->verdict = code;
	e->chain = chain_name;
}
