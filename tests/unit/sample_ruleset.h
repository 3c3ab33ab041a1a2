/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ruleset with every kind of expression, set and element that we write, for test_nft.c and test_kernel.c. Built by
 * hand, so that a mistake of compile.c is not needed to find one of nft_put.c. */
#ifndef SAMPLE_RULESET_H
#define SAMPLE_RULESET_H

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "ruleset.h"

/* ---- Sets and elements -------------------------------------------------------------------------- */

static inline struct set *sample_set(struct ruleset *r, const char *name, uint32_t flags, uint32_t key_type,
				     uint32_t key_len)
{
	struct set *s = ruleset_add_set(r);

	*s = (struct set){.name = name, .flags = flags, .key_type = key_type, .key_len = key_len};
	return s;
}

static inline struct set *sample_map(struct ruleset *r, const char *name, uint32_t flags, uint32_t key_type,
				     uint32_t key_len, uint32_t data_type, uint32_t data_len)
{
	struct set *s = sample_set(r, name, flags | NFT_SET_MAP, key_type, key_len);

	s->data_type = data_type;
	s->data_len = data_len;
	return s;
}

static inline struct elem *sample_elem(struct ruleset *r, const struct set *s, const void *key, const void *data,
				       const char *comment)
{
	struct elem *e = ruleset_add_elem(r);

	e->set = s->name;
	e->key_type = s->key_type;
	e->data_type = s->data_type;
	e->key_len = (uint8_t)s->key_len;
	e->interval = s->flags & NFT_SET_INTERVAL;
	memcpy(e->key, key, s->key_len);
	memcpy(e->key_end, key, s->key_len);
	if (data) {
		e->data_len = (uint8_t)s->data_len;
		memcpy(e->data, data, s->data_len);
	}
	e->comment = comment;
	return e;
}

static inline struct elem *sample_verdict(struct ruleset *r, const struct set *s, const void *key, int32_t verdict,
					  const char *chain)
{
	struct elem *e = sample_elem(r, s, key, NULL, NULL);

	e->verdict = verdict;
	e->chain = chain;
	return e;
}

/* tcp . PORT : 10.0.0.X . PORT, in a map like any4. */
static inline struct elem *sample_forward(struct ruleset *r, const struct set *any4, uint16_t port, uint8_t host,
					  const char *comment)
{
	uint8_t key[8] = {IPPROTO_TCP, 0, 0, 0, (uint8_t)(port >> 8), (uint8_t)port};
	uint8_t data[8] = {10, 0, 0, host, (uint8_t)(port >> 8), (uint8_t)port};

	return sample_elem(r, any4, key, data, comment);
}

/* FIRST-LAST : 10.0.0.X, in a map like any4_tcp_range. */
static inline struct elem *sample_range(struct ruleset *r, const struct set *ranges, uint16_t first, uint16_t last,
					uint8_t host, const char *comment)
{
	uint8_t key[2] = {(uint8_t)(first >> 8), (uint8_t)first}, data[4] = {10, 0, 0, host};
	struct elem *e = sample_elem(r, ranges, key, data, comment);

	e->key_end[0] = (uint8_t)(last >> 8);
	e->key_end[1] = (uint8_t)last;
	return e;
}

static inline void sample_sets(struct ruleset *r)
{
	uint32_t port4 = TYPE_CONCAT(TYPE_IPV4, TYPE_PORT), proto_port = TYPE_CONCAT(TYPE_PROTO, TYPE_PORT);
	struct set s;
	char pair[32] = "lan0";

	s = *sample_map(r, "any4", 0, proto_port, 8, port4, 8);
	sample_forward(r, &s, 80, 10, "web");
	sample_forward(r, &s, 22, 11, NULL);
	s = *sample_map(r, "pin4", 0, TYPE_CONCAT(TYPE_CONCAT(TYPE_IPV4, TYPE_PROTO), TYPE_PORT), 12, port4, 8);
	sample_elem(r, &s, "\xc6\x33\x64\x01\x06\0\0\0\0\x50\0", "\x0a\0\0\x0c\0\x51\0", "pinned");
	s = *sample_map(r, "pin6", 0, TYPE_CONCAT(TYPE_CONCAT(TYPE_IPV6, TYPE_PROTO), TYPE_PORT), 24,
			TYPE_CONCAT(TYPE_IPV6, TYPE_PORT), 20);
	sample_elem(r, &s, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x11\0\0\0\0\x35\0",
		    "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\x35\0", "dns6");
	s = *sample_map(r, "any4_tcp_range", NFT_SET_INTERVAL, TYPE_PORT, 2, TYPE_IPV4, 4);
	sample_range(r, &s, 6000, 6099, 1, "low");
	sample_range(r, &s, 6100, 6100, 2, "next"); /* touches the one before: end and start share a key */
	sample_range(r, &s, 255, 255, 3, "carry");  /* one beyond it is in the next byte */
	sample_range(r, &s, 65000, 65535, 4, "open"); /* has nothing beyond it */
	s = *sample_map(r, "listen4", 0, TYPE_IPV4, 4, NFT_DATA_VERDICT, 0);
	sample_verdict(r, &s, "\xc6\x33\x64\x01", NFT_GOTO, "any_wan4");
	sample_verdict(r, &s, "\x0a\0\0\x01", NF_ACCEPT, NULL);
	s = *sample_set(r, "same_if", 0, TYPE_CONCAT(TYPE_IFNAME, TYPE_IFNAME), 32);
	memcpy(pair + 16, pair, 16);
	sample_elem(r, &s, pair, NULL, NULL);
	s = *sample_set(r, "wan_if", NFT_SET_INTERVAL, TYPE_IFNAME, 16);
	sample_elem(r, &s, "wan0\0\0\0\0\0\0\0\0\0\0\0", NULL, NULL);
	memcpy(sample_elem(r, &s, "ppp\0\0\0\0\0\0\0\0\0\0\0\0", NULL, NULL)->key_end,
	       "ppp\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16);
}

/* ---- Chains and rules --------------------------------------------------------------------------- */

#define SAMPLE_RULE(r, chain, comment, ...)                                                                            \
	sample_rule(r, chain, comment, (const struct expr[]){__VA_ARGS__},                                             \
		    sizeof((const struct expr[]){__VA_ARGS__}) / sizeof(struct expr))
#define RT_IPSEC(to) {.kind = EXPR_RT, .key = NFT_RT_XFRM, .dreg = (to)}
#define META(k, to) {.kind = EXPR_META, .key = NFT_META_##k, .dreg = (to)}
#define PAYLOAD(from, at, n, to) {.kind = EXPR_PAYLOAD, .op = NFT_PAYLOAD_##from##_HEADER, .offset = (at), .len = (n), .dreg = (to)}
#define EQ1(reg, byte) {.kind = EXPR_CMP, .op = NFT_CMP_EQ, .sreg = (reg), .len = 1, .data = {byte}}
#define IS_IPV4 META(NFPROTO, 0), EQ1(0, NFPROTO_IPV4)
#define IS_IPV6 META(NFPROTO, 0), EQ1(0, NFPROTO_IPV6)
#define LOOKUP(from, set) {.kind = EXPR_LOOKUP, .sreg = (from), .name = (set)}
#define MAP(from, map, to) {.kind = EXPR_LOOKUP, .sreg = (from), .name = (map), .has_dreg = 1, .dreg = (to)}
#define VERDICT(v, chain) {.kind = EXPR_IMMEDIATE, .dreg = REG_VERDICT, .verdict = (v), .name = (chain)}
#define DNAT(fam, addr) {.kind = EXPR_NAT, .key = NFT_NAT_DNAT, .op = (fam), .sreg = (addr)}
#define DNAT_PORT(fam, addr, port) {.kind = EXPR_NAT, .key = NFT_NAT_DNAT, .op = (fam), .sreg = (addr), .has_dreg = 1, .dreg = (port)}

static inline void sample_rule(struct ruleset *r, struct chain *c, const char *comment, const struct expr *exprs, size_t n)
{
	struct rule *rules = arena_alloc(r->arena, (c->n + 1) * sizeof(*rules));

	if (c->n)
		memcpy(rules, c->rules, c->n * sizeof(*rules));
	rules[c->n] = (struct rule){.comment = comment, .n = n, .exprs = arena_alloc(r->arena, n * sizeof(*exprs))};
	memcpy(rules[c->n].exprs, exprs, n * sizeof(*exprs));
	c->rules = rules;
	c->n++;
}

static inline struct chain *sample_chain(struct ruleset *r, const char *name, const char *type, uint32_t hook,
					 int32_t priority)
{
	struct chain *c = ruleset_add_chain(r);

	*c = (struct chain){.name = name, .base = type, .type = type, .hook = hook, .priority = priority};
	c->policy = type ? NF_ACCEPT : 0;
	return c;
}

static inline void sample_nat(struct ruleset *r)
{
	struct chain *c = sample_chain(r, "any_wan4", NULL, 0, 0);

	SAMPLE_RULE(r, c, "any", IS_IPV4, META(L4PROTO, 0), PAYLOAD(TRANSPORT, 2, 2, 1), MAP(0, "any4", 0),
		    DNAT_PORT(NFPROTO_IPV4, 0, 1));
	SAMPLE_RULE(r, c, "ranges", IS_IPV4, META(L4PROTO, 0), EQ1(0, IPPROTO_TCP), PAYLOAD(TRANSPORT, 2, 2, 0),
		    MAP(0, "any4_tcp_range", 0), DNAT(NFPROTO_IPV4, 0));
	c = sample_chain(r, "pre", "nat", NF_INET_PRE_ROUTING, -101);
	SAMPLE_RULE(r, c, "pin4", IS_IPV4, PAYLOAD(NETWORK, 16, 4, 0), META(L4PROTO, 1), PAYLOAD(TRANSPORT, 2, 2, 2),
		    MAP(0, "pin4", 0), DNAT_PORT(NFPROTO_IPV4, 0, 1));
	SAMPLE_RULE(r, c, "pin6", IS_IPV6, PAYLOAD(NETWORK, 24, 16, 0), META(L4PROTO, 4), PAYLOAD(TRANSPORT, 2, 2, 5),
		    MAP(0, "pin6", 0), DNAT_PORT(NFPROTO_IPV6, 0, 4));
	SAMPLE_RULE(r, c, "listen4", IS_IPV4, PAYLOAD(NETWORK, 16, 4, 0), MAP(0, "listen4", REG_VERDICT));
	SAMPLE_RULE(r, c, "new address", {.kind = EXPR_FIB, .key = NFT_FIB_RESULT_ADDRTYPE, .op = NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF},
		    {.kind = EXPR_CMP, .op = NFT_CMP_EQ, .len = 4, .data = {RTN_LOCAL}}, VERDICT(NFT_GOTO, "any_wan4"));
	c = sample_chain(r, "post", "nat", NF_INET_POST_ROUTING, 99);
	SAMPLE_RULE(r, c, "hairpin", {.kind = EXPR_CT, .key = NFT_CT_STATUS},
		    {.kind = EXPR_BITWISE, .len = 4, .data = {IPS_DST_NAT}}, {.kind = EXPR_CMP, .op = NFT_CMP_NEQ, .len = 4},
		    META(IIFNAME, 0), META(OIFNAME, 4), LOOKUP(0, "same_if"), RT_IPSEC(0), EQ1(0, 0), {.kind = EXPR_MASQ});
}

static inline void sample_filter(struct ruleset *r)
{
	struct chain *c = sample_chain(r, "set_mark", NULL, 0, 0);

	SAMPLE_RULE(r, c, "mark", {.kind = EXPR_IMMEDIATE, .len = 16, .data = {0x20}},
		    {.kind = EXPR_CT_SET, .key = NFT_CT_LABELS}, VERDICT(NF_ACCEPT, NULL));
	c = sample_chain(r, "forward", "filter", NF_INET_FORWARD, 0);
	c->policy = NF_DROP;
	SAMPLE_RULE(r, c, "established", {.kind = EXPR_CT, .key = NFT_CT_STATE, .dreg = 8},
		    {.kind = EXPR_BITWISE, .sreg = 8, .dreg = 8, .len = 4, .data = {6}},
		    {.kind = EXPR_CMP, .op = NFT_CMP_NEQ, .sreg = 8, .len = 4}, {.kind = EXPR_COUNTER},
		    VERDICT(NF_ACCEPT, NULL));
	SAMPLE_RULE(r, c, "label", {.kind = EXPR_CT, .key = NFT_CT_LABELS}, {.kind = EXPR_BITWISE, .len = 16, .data = {0x20}},
		    {.kind = EXPR_CMP, .op = NFT_CMP_NEQ, .len = 16}, VERDICT(NFT_JUMP, "set_mark"));
	SAMPLE_RULE(r, c, "ipsec", META(SECPATH, 0), EQ1(0, 1), VERDICT(NF_ACCEPT, NULL));
	SAMPLE_RULE(r, c, "not to us", META(PKTTYPE, 0), {.kind = EXPR_CMP, .op = NFT_CMP_NEQ, .len = 1}, VERDICT(NF_ACCEPT, NULL));
	SAMPLE_RULE(r, c, "original port", META(L4PROTO, 0), EQ1(0, IPPROTO_TCP),
		    {.kind = EXPR_CT, .key = NFT_CT_PROTO_DST, .has_dir = 1, .dir = 1 /* reply */},
		    {.kind = EXPR_CMP, .op = NFT_CMP_GTE, .len = 2, .data = {0x04}}, VERDICT(NF_ACCEPT, NULL));
	SAMPLE_RULE(r, c, "drop", META(IIFNAME, 0), LOOKUP(0, "wan_if"), META(OIFNAME, 0),
		    {.kind = EXPR_CMP, .op = NFT_CMP_EQ, .len = 16, .data = "lan0"}, VERDICT(NF_DROP, NULL));
}

static inline struct ruleset *sample_ruleset(void)
{
	struct ruleset *r = ruleset_new();

	r->table = true;
	sample_sets(r);
	sample_nat(r);
	sample_filter(r);
	ruleset_sort(r);
	return r;
}

#endif
