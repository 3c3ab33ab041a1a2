/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel repeats what it was told in words of its own (flags that it adds, intervals as two elements): here they
 * become ours, so that a ruleset read back equals the one that was written. */
#include "nft_get.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/gen.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "nft_expr.h"

#ifndef NFT_CHAIN_BINDING
#define NFT_CHAIN_BINDING (1 << 2)
#endif

/* Stands in elem.data_len while a set is being read: this one ends an interval. */
enum { ENDS_INTERVAL = 0xff };

static void free_generation(struct nftnl_gen **g)
{
	if (*g)
		nftnl_gen_free(*g);
}

static void free_table(struct nftnl_table **t)
{
	if (*t)
		nftnl_table_free(*t);
}

static void free_set(struct nftnl_set **s)
{
	if (*s)
		nftnl_set_free(*s);
}

static void free_chain(struct nftnl_chain **c)
{
	if (*c)
		nftnl_chain_free(*c);
}

static void free_rule(struct nftnl_rule **r)
{
	if (*r)
		nftnl_rule_free(*r);
}

static bool is_ours(uint32_t family, const char *table)
{
	return family == NFPROTO_INET && table && streq(table, RULESET_TABLE);
}

/* The comment in userdata (type, length, value ...; comments have type 0), fit for a terminal; or NULL. */
static const char *comment_in(struct arena *arena, const uint8_t *data, uint32_t len)
{
	while (len >= 2 && len - 2 >= data[1]) {
		char *text;

		if (data[0] != NFTNL_UDATA_RULE_COMMENT) {
			len -= 2u + data[1];
			data += 2 + data[1];
			continue;
		}
		text = arena_strndup(arena, (const char *)data + 2, data[1]);
		text_clean(text, "");
		return text;
	}
	return NULL;
}

/* ---- Generation, table, sets, chains ------------------------------------------------------------ */

int nft_get_generation(const struct nlmsghdr *nlh, void *id)
{
	_cleanup_(free_generation) struct nftnl_gen *g = nftnl_gen_alloc();

	if (!g || nftnl_gen_nlmsg_parse(nlh, g) < 0)
		return MNL_CB_ERROR;
	*(uint32_t *)id = nftnl_gen_get_u32(g, NFTNL_GEN_ID);
	return MNL_CB_OK;
}

int nft_get_table(const struct nlmsghdr *nlh, void *ruleset)
{
	_cleanup_(free_table) struct nftnl_table *t = nftnl_table_alloc();
	struct ruleset *r = ruleset;

	if (!t || nftnl_table_nlmsg_parse(nlh, t) < 0)
		return MNL_CB_ERROR;
	if (is_ours(nftnl_table_get_u32(t, NFTNL_TABLE_FAMILY), nftnl_table_get_str(t, NFTNL_TABLE_NAME))) {
		r->table = true;
		r->table_flags = nftnl_table_get_u32(t, NFTNL_TABLE_FLAGS);
	}
	return MNL_CB_OK;
}

/* The kernel says fields of exact sets too, when they were said to it, and nft a size of constant ones. */
static void get_limits(const struct nftnl_set *s, struct set *set)
{
	uint32_t n = 0;
	const void *fields = nftnl_set_get_data(s, NFTNL_SET_DESC_CONCAT, &n);

	if (set->flags & NFT_SET_EVAL)
		set->size = nftnl_set_get_u32(s, NFTNL_SET_DESC_SIZE);
	set->timeout = (uint32_t)((nftnl_set_get_u64(s, NFTNL_SET_TIMEOUT) + 500) / 1000);
	if (fields && (set->flags & NFT_SET_INTERVAL) && n <= sizeof(set->fields))
		memcpy(set->fields, fields, n);
}

/* nft_put.c calls a label's type an integer; the code that nft has for it is not ours. */
static uint32_t key_type(uint32_t type, uint32_t len)
{
	enum { LABEL_LEN = 16 };

	if (type == TYPE_CT_LABEL)
		return TYPE_INTEGER;
	return type == TYPE_INTEGER && len == LABEL_LEN ? TYPE_CT_LABEL : type;
}

struct nftnl_set *nft_get_parse_set(const struct nlmsghdr *nlh)
{
	_cleanup_(free_set) struct nftnl_set *s = nftnl_set_alloc();

	if (!s || nftnl_set_nlmsg_parse(nlh, s) < 0 || !nftnl_set_is_set(s, NFTNL_SET_NAME))
		return NULL;
	return TAKE_PTR(s);
}

void nft_get_add_set(struct ruleset *r, const struct nftnl_set *s)
{
	struct set *set = ruleset_add_set(r);
	uint32_t flags = nftnl_set_get_u32(s, NFTNL_SET_FLAGS);

	set->name = arena_strdup(r->arena, nftnl_set_get_str(s, NFTNL_SET_NAME));
	set->flags = flags & ~(uint32_t)(NFT_SET_CONCAT | NFT_SET_EXPR | NFT_SET_ANONYMOUS);
	set->key_len = nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN);
	set->key_type = key_type(nftnl_set_get_u32(s, NFTNL_SET_KEY_TYPE), set->key_len);
	if (flags & NFT_SET_MAP) {
		set->data_type = nftnl_set_get_u32(s, NFTNL_SET_DATA_TYPE);
		if (set->data_type != NFT_DATA_VERDICT) /* a verdict's is the size of the kernel's own struct */
			set->data_len = nftnl_set_get_u32(s, NFTNL_SET_DATA_LEN);
	}
	get_limits(s, set);
}

int nft_get_set(const struct nlmsghdr *nlh, void *ruleset)
{
	_cleanup_(free_set) struct nftnl_set *s = nft_get_parse_set(nlh);

	if (!s)
		return MNL_CB_ERROR;
	if (is_ours(nftnl_set_get_u32(s, NFTNL_SET_FAMILY), nftnl_set_get_str(s, NFTNL_SET_TABLE)) &&
	    !(nftnl_set_get_u32(s, NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS))
		nft_get_add_set(ruleset, s);
	return MNL_CB_OK;
}

struct nftnl_chain *nft_get_parse_chain(const struct nlmsghdr *nlh)
{
	_cleanup_(free_chain) struct nftnl_chain *c = nftnl_chain_alloc();

	if (!c || nftnl_chain_nlmsg_parse(nlh, c) < 0 || !nftnl_chain_is_set(c, NFTNL_CHAIN_NAME) ||
	    (nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM) && !nftnl_chain_is_set(c, NFTNL_CHAIN_TYPE)))
		return NULL;
	return TAKE_PTR(c);
}

void nft_get_add_chain(struct ruleset *r, const struct nftnl_chain *c)
{
	struct chain *chain = ruleset_add_chain(r);

	chain->name = arena_strdup(r->arena, nftnl_chain_get_str(c, NFTNL_CHAIN_NAME));
	chain->base = nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM);
	if (!chain->base)
		return;
	chain->type = arena_strdup(r->arena, nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE));
	chain->hook = nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM);
	chain->priority = nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO);
	chain->policy = nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY);
}

int nft_get_chain(const struct nlmsghdr *nlh, void *ruleset)
{
	_cleanup_(free_chain) struct nftnl_chain *c = nft_get_parse_chain(nlh);

	if (!c)
		return MNL_CB_ERROR;
	if (is_ours(nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY), nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE)) &&
	    !(nftnl_chain_get_u32(c, NFTNL_CHAIN_FLAGS) & NFT_CHAIN_BINDING))
		nft_get_add_chain(ruleset, c);
	return MNL_CB_OK;
}

int nft_get_foreign_chain(const struct nlmsghdr *nlh, void *count)
{
	_cleanup_(free_chain) struct nftnl_chain *c = nft_get_parse_chain(nlh);
	uint32_t family;

	if (!c)
		return MNL_CB_ERROR;
	family = nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY);
	if (!nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM) || is_ours(family, nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE)))
		return MNL_CB_OK;
	if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET)
		return MNL_CB_OK;
	if (nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM) == NF_INET_FORWARD ||
	    streq(nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE), "nat"))
		++*(size_t *)count;
	return MNL_CB_OK;
}

/* ---- Rules -------------------------------------------------------------------------------------- */

static int count_expr(struct nftnl_expr *x, void *n)
{
	(void)x;
	++*(size_t *)n;
	return 0;
}

struct expr_reader {
	struct arena *arena;
	struct rule *rule;
	nft_get_expr *get;
};

static int read_expr(struct nftnl_expr *x, void *ctx)
{
	struct expr_reader *reader = ctx;

	reader->get(x, reader->arena, &reader->rule->exprs[reader->rule->n++]);
	return 0;
}

static struct chain *chain_named(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->n_chains; i++)
		if (streq(r->chains[i].name, name))
			return &r->chains[i];
	return NULL;
}

/* Room doubles whenever the number of rules reaches a power of two; the arena keeps the old copies until the end. */
static struct rule *chain_add_rule(struct arena *arena, struct chain *c)
{
	if ((c->n & (c->n - 1)) == 0) {
		struct rule *rules = arena_alloc(arena, (c->n ? 2 * c->n : 1) * sizeof(*rules));

		if (c->n)
			memcpy(rules, c->rules, c->n * sizeof(*rules));
		c->rules = rules;
	}
	return &c->rules[c->n++];
}

struct nftnl_rule *nft_get_parse_rule(const struct nlmsghdr *nlh)
{
	_cleanup_(free_rule) struct nftnl_rule *x = nftnl_rule_alloc();

	if (!x || nftnl_rule_nlmsg_parse(nlh, x) < 0 || !nftnl_rule_is_set(x, NFTNL_RULE_CHAIN))
		return NULL;
	return TAKE_PTR(x);
}

void nft_get_add_rule(struct ruleset *r, struct chain *chain, struct nftnl_rule *x, nft_get_expr *get)
{
	struct expr_reader reader = {r->arena, chain_add_rule(r->arena, chain), get};
	const void *userdata;
	uint32_t len = 0;
	size_t n = 0;

	nftnl_expr_foreach(x, count_expr, &n);
	*reader.rule = (struct rule){
		.handle = nftnl_rule_get_u64(x, NFTNL_RULE_HANDLE),
		.exprs = arena_alloc(r->arena, n * sizeof(struct expr)),
	};
	nftnl_expr_foreach(x, read_expr, &reader);
	userdata = nftnl_rule_get_data(x, NFTNL_RULE_USERDATA, &len);
	if (userdata)
		reader.rule->comment = comment_in(r->arena, userdata, len);
}

int nft_get_rule(const struct nlmsghdr *nlh, void *ruleset)
{
	_cleanup_(free_rule) struct nftnl_rule *x = nft_get_parse_rule(nlh);
	struct chain *chain;

	if (!x)
		return MNL_CB_ERROR;
	if (!is_ours(nftnl_rule_get_u32(x, NFTNL_RULE_FAMILY), nftnl_rule_get_str(x, NFTNL_RULE_TABLE)))
		return MNL_CB_OK;
	chain = chain_named(ruleset, nftnl_rule_get_str(x, NFTNL_RULE_CHAIN));
	if (chain)
		nft_get_add_rule(ruleset, chain, x, nft_expr_get);
	return MNL_CB_OK;
}

/* ---- Elements ----------------------------------------------------------------------------------- */

bool nft_get_wants_elems(const struct set *s)
{
	uint32_t ours = NFT_SET_MAP | NFT_SET_INTERVAL | NFT_SET_CONSTANT | NFT_SET_TIMEOUT;
	bool verdict = s->data_type == NFT_DATA_VERDICT;
	bool many_fields = (s->flags & NFT_SET_INTERVAL) && s->key_type >> 6 && !s->fields[0];

	return !(s->flags & ~ours) && !many_fields && s->key_len <= KEY_MAX && (verdict || s->data_len <= DATA_MAX);
}

static void copy(uint8_t *to, size_t size, uint8_t *ret_len, struct nftnl_set_elem *x, uint16_t attr)
{
	uint32_t len = 0;
	const void *data = nftnl_set_elem_is_set(x, attr) ? nftnl_set_elem_get(x, attr, &len) : NULL;

	if (!data || len > size)
		return;
	memcpy(to, data, len);
	*ret_len = (uint8_t)len;
}

/* A catch-all element ("*", always someone else's) has no key: key_len 0. */
static void read_key(struct nftnl_set_elem *x, const struct set *set, struct elem *e)
{
	uint32_t flags = nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_FLAGS) ?
				 nftnl_set_elem_get_u32(x, NFTNL_SET_ELEM_FLAGS) : 0;

	copy(e->key, sizeof(e->key), &e->key_len, x, NFTNL_SET_ELEM_KEY);
	memcpy(e->key_end, e->key, sizeof(e->key));
	e->interval = (set->flags & NFT_SET_INTERVAL) && e->key_len;
	e->concat = e->interval && set->fields[0];
	if (e->concat)
		copy(e->key_end, sizeof(e->key_end), &e->key_len, x, NFTNL_SET_ELEM_KEY_END);
	if (flags & NFT_SET_ELEM_INTERVAL_END)
		e->data_len = ENDS_INTERVAL;
}

static int read_elem(struct nftnl_set_elem *x, void *ctx)
{
	const struct nft_elems *elems = ctx;
	struct arena *arena = elems->ruleset->arena;
	struct elem *e = ruleset_add_elem(elems->ruleset);
	const void *userdata;
	uint32_t len = 0;

	e->set = elems->set->name;
	e->key_type = elems->set->key_type;
	e->data_type = elems->set->data_type;
	copy(e->data, sizeof(e->data), &e->data_len, x, NFTNL_SET_ELEM_DATA);
	if (e->data_type == NFT_DATA_VERDICT && nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_VERDICT)) {
		e->verdict = (int32_t)nftnl_set_elem_get_u32(x, NFTNL_SET_ELEM_VERDICT);
		if (nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_CHAIN))
			e->chain = arena_strdup(arena, nftnl_set_elem_get_str(x, NFTNL_SET_ELEM_CHAIN));
	}
	read_key(x, elems->set, e);
	if (nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_EXPIRATION))
		e->expires = (clock_ms() + (int64_t)nftnl_set_elem_get_u64(x, NFTNL_SET_ELEM_EXPIRATION) + 500) / 1000;
	userdata = nftnl_set_elem_get(x, NFTNL_SET_ELEM_USERDATA, &len);
	if (userdata)
		e->comment = comment_in(arena, userdata, len);
	return 0;
}

int nft_get_elems(const struct nlmsghdr *nlh, void *elems)
{
	_cleanup_(free_set) struct nftnl_set *s = nftnl_set_alloc();

	if (!s || nftnl_set_elems_nlmsg_parse(nlh, s) < 0 || nftnl_set_elem_foreach(s, read_elem, elems) < 0)
		return MNL_CB_ERROR;
	return MNL_CB_OK;
}

static int read_left(struct nftnl_set_elem *x, void *ms)
{
	if (nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_EXPIRATION))
		*(uint64_t *)ms = nftnl_set_elem_get_u64(x, NFTNL_SET_ELEM_EXPIRATION);
	return 0;
}

int nft_get_left(const struct nlmsghdr *nlh, void *ms)
{
	_cleanup_(free_set) struct nftnl_set *s = nftnl_set_alloc();

	if (!s || nftnl_set_elems_nlmsg_parse(nlh, s) < 0 || nftnl_set_elem_foreach(s, read_left, ms) < 0)
		return MNL_CB_ERROR;
	return MNL_CB_OK;
}

/* ---- Intervals ---------------------------------------------------------------------------------- */

/* Where one interval ends and the next one starts, the end comes first. */
static int cmp_ends(const void *a, const void *b)
{
	const struct elem *x = a, *y = b;
	int c = memcmp(x->key, y->key, sizeof(x->key));

	return c ? c : (y->data_len == ENDS_INTERVAL) - (x->data_len == ENDS_INTERVAL);
}

static void close_before(struct elem *e, const uint8_t *key)
{
	size_t i = e->key_len;

	memcpy(e->key_end, key, sizeof(e->key_end));
	while (i > 0 && e->key_end[i - 1]-- == 0)
		i--;
}

/* nft also writes an end at key 0 that ends nothing. */
void nft_get_intervals(struct ruleset *r, const struct set *set, size_t first)
{
	struct elem *open = NULL;
	size_t n = first;

	if (!(set->flags & NFT_SET_INTERVAL) || set->fields[0] || first == r->n_elems)
		return;
	qsort(&r->elems[first], r->n_elems - first, sizeof(*r->elems), cmp_ends);
	for (size_t i = first; i < r->n_elems; i++) {
		struct elem e = r->elems[i];

		if (open && e.interval) {
			close_before(open, e.key);
			open = NULL;
		}
		if (e.data_len == ENDS_INTERVAL)
			continue;
		r->elems[n] = e;
		open = e.interval ? &r->elems[n] : open;
		n++;
	}
	if (open)
		memset(open->key_end, 0xff, open->key_len);
	r->n_elems = n;
}
