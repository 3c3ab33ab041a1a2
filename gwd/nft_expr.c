/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The expressions of a rule, both ways, side by side: what one half writes the other must read back as the same. The
 * kernel repeats them in words of its own (register numbers, flags that it adds); what has no place in struct expr must
 * not look like something that has, so it becomes EXPR_OTHER, which equals nothing. Attributes are set in their exact
 * width: newer libnftnl silently leaves out the others. */
#include "nft_expr.h"

#include <assert.h>
#include <stdio.h> /* libnftnl/expr.h of 1.2.4 needs it */

#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/tcp.h>

/* ---- To the kernel ------------------------------------------------------------------------------ */

static uint32_t reg(uint8_t slot)
{
	return slot == REG_VERDICT ? NFT_REG_VERDICT : NFT_REG32_00 + slot;
}

static void put_load(struct nftnl_expr *x, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_META:
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, e->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, reg(e->dreg));
		break;
	case EXPR_META_SET:
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, e->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_SREG, reg(e->sreg));
		break;
	case EXPR_PAYLOAD:
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, e->op);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, e->offset);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, e->len);
		nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg(e->dreg));
		break;
	case EXPR_CT:
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, e->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, reg(e->dreg));
		if (e->has_dir)
			nftnl_expr_set_u8(x, NFTNL_EXPR_CT_DIR, e->dir);
		break;
	case EXPR_CT_SET:
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, e->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_SREG, reg(e->sreg));
		break;
	case EXPR_RT:
		nftnl_expr_set_u32(x, NFTNL_EXPR_RT_KEY, e->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_RT_DREG, reg(e->dreg));
		break;
	case EXPR_FIB:
		nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_RESULT, e->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_FLAGS, e->op);
		nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_DREG, reg(e->dreg));
		break;
	default:
		break;
	}
}

static void put_match(struct nftnl_expr *x, const struct expr *e)
{
	static const uint8_t zero[sizeof(e->data)];

	switch (e->kind) {
	case EXPR_BITWISE:
		nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, reg(e->sreg));
		nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, reg(e->dreg));
		nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
		nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, e->len);
		nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, e->data, e->len);
		nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, zero, e->len);
		break;
	case EXPR_CMP:
		nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, reg(e->sreg));
		nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, e->op);
		nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, e->data, e->len);
		break;
	case EXPR_LOOKUP:
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, reg(e->sreg));
		nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, e->name);
		if (e->has_dreg)
			nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, reg(e->dreg));
		if (e->op)
			nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, e->op);
		break;
	default:
		break;
	}
}

static void put_action(struct nftnl_expr *x, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_IMMEDIATE:
		nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, reg(e->dreg));
		if (e->dreg != REG_VERDICT) {
			nftnl_expr_set(x, NFTNL_EXPR_IMM_DATA, e->data, e->len);
			break;
		}
		nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)e->verdict);
		if (e->name)
			nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, e->name);
		break;
	case EXPR_NAT:
		nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, e->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY, e->op);
		nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, reg(e->sreg));
		if (e->has_dreg)
			nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MIN, reg(e->dreg));
		break;
	default: /* masquerade and counter have nothing to say */
		break;
	}
}

static uint32_t over(enum expr_kind kind)
{
	return kind == EXPR_LIMIT ? NFT_LIMIT_F_INV : NFT_CONNLIMIT_F_INV;
}

/* What every element of a dynamic set has: what is over it matches. */
static struct nftnl_expr *element_state(const struct expr *e)
{
	const struct expr state = {.kind = e->key,
				   .op = over(e->key),
				   .rate = e->rate,
				   .per = e->per,
				   .burst = e->burst,
				   .count = e->count};

	return nft_expr_put(&state);
}

static void put_state(struct nftnl_expr *x, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_LIMIT:
		nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_RATE, e->rate);
		nftnl_expr_set_u64(x, NFTNL_EXPR_LIMIT_UNIT, e->per);
		nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_BURST, e->burst);
		nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
		nftnl_expr_set_u32(x, NFTNL_EXPR_LIMIT_FLAGS, e->op);
		break;
	case EXPR_CONNLIMIT:
		nftnl_expr_set_u32(x, NFTNL_EXPR_CONNLIMIT_COUNT, e->count);
		nftnl_expr_set_u32(x, NFTNL_EXPR_CONNLIMIT_FLAGS, e->op);
		break;
	case EXPR_DYNSET:
		nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SREG_KEY, reg(e->sreg));
		nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_OP, e->op);
		nftnl_expr_set_str(x, NFTNL_EXPR_DYNSET_SET_NAME, e->name);
		nftnl_expr_set(x, NFTNL_EXPR_DYNSET_EXPR, element_state(e), 0);
		break;
	case EXPR_LOG:
		nftnl_expr_set_u16(x, NFTNL_EXPR_LOG_GROUP, (uint16_t)e->key);
		if (e->name)
			nftnl_expr_set_str(x, NFTNL_EXPR_LOG_PREFIX, e->name);
		if (e->offset)
			nftnl_expr_set_u32(x, NFTNL_EXPR_LOG_SNAPLEN, e->offset);
		break;
	default:
		break;
	}
}

static void put_compute(struct nftnl_expr *x, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_HASH:
		nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS);
		nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_SREG, reg(e->sreg));
		nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_DREG, reg(e->dreg));
		nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_LEN, e->len);
		nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_MODULUS, e->count);
		nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_SEED, e->burst);
		break;
	case EXPR_NUMGEN:
		nftnl_expr_set_u32(x, NFTNL_EXPR_NG_TYPE, e->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_NG_DREG, reg(e->dreg));
		nftnl_expr_set_u32(x, NFTNL_EXPR_NG_MODULUS, e->count);
		break;
	case EXPR_BYTEORDER:
		nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SREG, reg(e->sreg));
		nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_DREG, reg(e->dreg));
		nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
		nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_LEN, 2);
		nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SIZE, 2);
		break;
	case EXPR_MSS_SET: /* kind and length stand before the value: RFC 9293 section 3.2 */
		nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_SREG, reg(e->sreg));
		nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
		nftnl_expr_set_u8(x, NFTNL_EXPR_EXTHDR_TYPE, TCPOPT_MAXSEG);
		nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OFFSET, 2);
		nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_LEN, 2);
		break;
	default:
		break;
	}
}

struct nftnl_expr *nft_expr_put(const struct expr *e)
{
	static const char *const names[] = {
		[EXPR_META] = "meta",
		[EXPR_META_SET] = "meta",
		[EXPR_PAYLOAD] = "payload",
		[EXPR_CT] = "ct",
		[EXPR_CT_SET] = "ct",
		[EXPR_FIB] = "fib",
		[EXPR_BITWISE] = "bitwise",
		[EXPR_CMP] = "cmp",
		[EXPR_LOOKUP] = "lookup",
		[EXPR_IMMEDIATE] = "immediate",
		[EXPR_NAT] = "nat",
		[EXPR_MASQ] = "masq",
		[EXPR_COUNTER] = "counter",
		[EXPR_RT] = "rt",
		[EXPR_LIMIT] = "limit",
		[EXPR_CONNLIMIT] = "connlimit",
		[EXPR_DYNSET] = "dynset",
		[EXPR_LOG] = "log",
		[EXPR_HASH] = "hash",
		[EXPR_NUMGEN] = "numgen",
		[EXPR_BYTEORDER] = "byteorder",
		[EXPR_MSS_SET] = "exthdr",
	};
	struct nftnl_expr *x;

	assert(e->kind < ARRAY_SIZE(names)); /* EXPR_OTHER is never wanted */
	x = nftnl_expr_alloc(names[e->kind]);
	if (!x)
		abort(); /* out of memory, as in xmalloc() */
	put_load(x, e);
	put_match(x, e);
	put_action(x, e);
	put_state(x, e);
	put_compute(x, e);
	return x;
}

/* ---- From the kernel: false = not one that we write --------------------------------------------- */

/* The kernel names registers 0, 4, 8, 12 by their old 128-bit names. */
uint8_t nft_expr_slot(const struct nftnl_expr *x, uint16_t attr)
{
	uint32_t reg = nftnl_expr_get_u32(x, attr);

	if (reg == NFT_REG_VERDICT)
		return REG_VERDICT;
	return (uint8_t)(reg < NFT_REG32_00 ? (reg - NFT_REG_1) * 4 : reg - NFT_REG32_00);
}

static bool get_data(const struct nftnl_expr *x, uint16_t attr, struct expr *e)
{
	uint32_t len = 0;
	const void *data = nftnl_expr_get(x, attr, &len);

	if (!data || len > sizeof(e->data))
		return false;
	memcpy(e->data, data, len);
	e->len = (uint8_t)len;
	return true;
}

/* Into e->name; false: it is not said. */
static bool get_name(struct arena *arena, const struct nftnl_expr *x, uint16_t attr, struct expr *e)
{
	const char *name = nftnl_expr_is_set(x, attr) ? nftnl_expr_get_str(x, attr) : NULL;

	e->name = name ? arena_strdup(arena, name) : NULL;
	return name;
}

static bool get_meta(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	e->kind = EXPR_META;
	e->key = nftnl_expr_get_u32(x, NFTNL_EXPR_META_KEY);
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_META_DREG);
	return nftnl_expr_is_set(x, NFTNL_EXPR_META_DREG);
}

static bool get_rt(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	e->kind = EXPR_RT;
	e->key = nftnl_expr_get_u32(x, NFTNL_EXPR_RT_KEY);
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_RT_DREG);
	return true;
}

static bool get_payload(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	uint32_t len = nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_LEN);

	(void)arena;
	e->kind = EXPR_PAYLOAD;
	e->op = nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_BASE);
	e->offset = nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET);
	e->len = (uint8_t)len;
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_PAYLOAD_DREG);
	return nftnl_expr_is_set(x, NFTNL_EXPR_PAYLOAD_DREG) && len <= UINT8_MAX;
}

static bool get_ct(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	e->key = nftnl_expr_get_u32(x, NFTNL_EXPR_CT_KEY);
	e->has_dir = nftnl_expr_is_set(x, NFTNL_EXPR_CT_DIR);
	if (e->has_dir)
		e->dir = nftnl_expr_get_u8(x, NFTNL_EXPR_CT_DIR);
	if (nftnl_expr_is_set(x, NFTNL_EXPR_CT_SREG)) {
		e->kind = EXPR_CT_SET;
		e->sreg = nft_expr_slot(x, NFTNL_EXPR_CT_SREG);
		return !e->has_dir;
	}
	e->kind = EXPR_CT;
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_CT_DREG);
	return true;
}

static bool get_fib(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	e->kind = EXPR_FIB;
	e->key = nftnl_expr_get_u32(x, NFTNL_EXPR_FIB_RESULT);
	e->op = nftnl_expr_get_u32(x, NFTNL_EXPR_FIB_FLAGS);
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_FIB_DREG);
	return true;
}

static bool get_bitwise(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	static const uint8_t zero[sizeof(e->data)];
	uint32_t len = 0;
	const void *xor = nftnl_expr_get(x, NFTNL_EXPR_BITWISE_XOR, &len);

	(void)arena;
	e->kind = EXPR_BITWISE;
	e->sreg = nft_expr_slot(x, NFTNL_EXPR_BITWISE_SREG);
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_BITWISE_DREG);
	return nftnl_expr_get_u32(x, NFTNL_EXPR_BITWISE_OP) == NFT_BITWISE_BOOL &&
	       get_data(x, NFTNL_EXPR_BITWISE_MASK, e) && xor && len == e->len && memcmp(xor, zero, len) == 0;
}

static bool get_cmp(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	e->kind = EXPR_CMP;
	e->op = nftnl_expr_get_u32(x, NFTNL_EXPR_CMP_OP);
	e->sreg = nft_expr_slot(x, NFTNL_EXPR_CMP_SREG);
	return get_data(x, NFTNL_EXPR_CMP_DATA, e);
}

static bool get_lookup(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	e->kind = EXPR_LOOKUP;
	e->sreg = nft_expr_slot(x, NFTNL_EXPR_LOOKUP_SREG);
	e->has_dreg = nftnl_expr_is_set(x, NFTNL_EXPR_LOOKUP_DREG);
	if (e->has_dreg)
		e->dreg = nft_expr_slot(x, NFTNL_EXPR_LOOKUP_DREG);
	e->op = nftnl_expr_get_u32(x, NFTNL_EXPR_LOOKUP_FLAGS);
	return get_name(arena, x, NFTNL_EXPR_LOOKUP_SET, e) && !(e->op & ~(uint32_t)NFT_LOOKUP_F_INV);
}

static bool get_immediate(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	e->kind = EXPR_IMMEDIATE;
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_IMM_DREG);
	if (e->dreg != REG_VERDICT)
		return get_data(x, NFTNL_EXPR_IMM_DATA, e);
	e->verdict = (int32_t)nftnl_expr_get_u32(x, NFTNL_EXPR_IMM_VERDICT);
	get_name(arena, x, NFTNL_EXPR_IMM_CHAIN, e);
	return true;
}

/* True when `max` is absent or the same register as `min`, as the kernel reports a single value. */
static bool no_range(const struct nftnl_expr *x, uint16_t min, uint16_t max)
{
	return !nftnl_expr_is_set(x, max) || nftnl_expr_get_u32(x, max) == nftnl_expr_get_u32(x, min);
}

/* The kernel adds the two flags itself, when there is an address and when there is a port. */
static bool get_nat(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	uint32_t implied = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;

	(void)arena;
	e->kind = EXPR_NAT;
	e->key = nftnl_expr_get_u32(x, NFTNL_EXPR_NAT_TYPE);
	e->op = nftnl_expr_get_u32(x, NFTNL_EXPR_NAT_FAMILY);
	e->sreg = nft_expr_slot(x, NFTNL_EXPR_NAT_REG_ADDR_MIN);
	e->has_dreg = nftnl_expr_is_set(x, NFTNL_EXPR_NAT_REG_PROTO_MIN);
	if (e->has_dreg)
		e->dreg = nft_expr_slot(x, NFTNL_EXPR_NAT_REG_PROTO_MIN);
	return nftnl_expr_is_set(x, NFTNL_EXPR_NAT_REG_ADDR_MIN) &&
	       !(nftnl_expr_get_u32(x, NFTNL_EXPR_NAT_FLAGS) & ~implied) &&
	       no_range(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFTNL_EXPR_NAT_REG_ADDR_MAX) &&
	       no_range(x, NFTNL_EXPR_NAT_REG_PROTO_MIN, NFTNL_EXPR_NAT_REG_PROTO_MAX);
}

static bool get_masq(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	e->kind = EXPR_MASQ;
	return nftnl_expr_get_u32(x, NFTNL_EXPR_MASQ_FLAGS) == 0 &&
	       !nftnl_expr_is_set(x, NFTNL_EXPR_MASQ_REG_PROTO_MIN);
}

static bool get_counter(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	(void)x;
	e->kind = EXPR_COUNTER;
	return true;
}

static bool get_limit(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	uint64_t rate = nftnl_expr_get_u64(x, NFTNL_EXPR_LIMIT_RATE),
		 per = nftnl_expr_get_u64(x, NFTNL_EXPR_LIMIT_UNIT);

	(void)arena;
	e->kind = EXPR_LIMIT;
	e->rate = (uint32_t)rate;
	e->per = (uint32_t)per;
	e->burst = nftnl_expr_get_u32(x, NFTNL_EXPR_LIMIT_BURST);
	e->op = nftnl_expr_get_u32(x, NFTNL_EXPR_LIMIT_FLAGS);
	return nftnl_expr_get_u32(x, NFTNL_EXPR_LIMIT_TYPE) == NFT_LIMIT_PKTS && rate == e->rate && per == e->per;
}

static bool get_connlimit(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	e->kind = EXPR_CONNLIMIT;
	e->count = nftnl_expr_get_u32(x, NFTNL_EXPR_CONNLIMIT_COUNT);
	e->op = nftnl_expr_get_u32(x, NFTNL_EXPR_CONNLIMIT_FLAGS);
	return true;
}

struct state_reader {
	struct arena *arena;
	struct expr state; /* the last of them */
	size_t n;
};

static int read_state(struct nftnl_expr *x, void *ctx)
{
	struct state_reader *reader = ctx;

	nft_expr_get(x, reader->arena, &reader->state);
	reader->n++;
	return 0;
}

static bool get_dynset(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	struct state_reader reader = {.arena = arena};
	const struct expr *state = &reader.state;

	nftnl_expr_expr_foreach(x, read_state, &reader);
	e->kind = EXPR_DYNSET;
	e->key = state->kind;
	e->op = nftnl_expr_get_u32(x, NFTNL_EXPR_DYNSET_OP);
	e->sreg = nft_expr_slot(x, NFTNL_EXPR_DYNSET_SREG_KEY);
	e->rate = state->rate;
	e->per = state->per;
	e->burst = state->burst;
	e->count = state->count;
	return get_name(arena, x, NFTNL_EXPR_DYNSET_SET_NAME, e) && reader.n == 1 &&
	       (e->key == EXPR_LIMIT || e->key == EXPR_CONNLIMIT) && state->op == over(e->key) &&
	       !nftnl_expr_is_set(x, NFTNL_EXPR_DYNSET_SREG_DATA) &&
	       nftnl_expr_get_u64(x, NFTNL_EXPR_DYNSET_TIMEOUT) == 0 &&
	       nftnl_expr_get_u32(x, NFTNL_EXPR_DYNSET_FLAGS) == 0;
}

static bool get_log(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	e->kind = EXPR_LOG;
	e->key = nftnl_expr_get_u16(x, NFTNL_EXPR_LOG_GROUP);
	e->offset = nftnl_expr_get_u32(x, NFTNL_EXPR_LOG_SNAPLEN);
	get_name(arena, x, NFTNL_EXPR_LOG_PREFIX, e);
	return nftnl_expr_is_set(x, NFTNL_EXPR_LOG_GROUP) && nftnl_expr_get_u16(x, NFTNL_EXPR_LOG_QTHRESHOLD) == 0 &&
	       nftnl_expr_get_u32(x, NFTNL_EXPR_LOG_FLAGS) == 0;
}

static bool get_hash(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	uint32_t len = nftnl_expr_get_u32(x, NFTNL_EXPR_HASH_LEN);

	(void)arena;
	e->kind = EXPR_HASH;
	e->sreg = nft_expr_slot(x, NFTNL_EXPR_HASH_SREG);
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_HASH_DREG);
	e->len = (uint8_t)len;
	e->count = nftnl_expr_get_u32(x, NFTNL_EXPR_HASH_MODULUS);
	e->burst = nftnl_expr_get_u32(x, NFTNL_EXPR_HASH_SEED);
	return nftnl_expr_get_u32(x, NFTNL_EXPR_HASH_TYPE) == NFT_HASH_JENKINS && len <= UINT8_MAX &&
	       nftnl_expr_is_set(x, NFTNL_EXPR_HASH_SEED) && nftnl_expr_get_u32(x, NFTNL_EXPR_HASH_OFFSET) == 0;
}

static bool get_numgen(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	e->kind = EXPR_NUMGEN;
	e->key = nftnl_expr_get_u32(x, NFTNL_EXPR_NG_TYPE);
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_NG_DREG);
	e->count = nftnl_expr_get_u32(x, NFTNL_EXPR_NG_MODULUS);
	return nftnl_expr_get_u32(x, NFTNL_EXPR_NG_OFFSET) == 0;
}

static bool get_byteorder(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	e->kind = EXPR_BYTEORDER;
	e->sreg = nft_expr_slot(x, NFTNL_EXPR_BYTEORDER_SREG);
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_BYTEORDER_DREG);
	return nftnl_expr_get_u32(x, NFTNL_EXPR_BYTEORDER_OP) == NFT_BYTEORDER_HTON &&
	       nftnl_expr_get_u32(x, NFTNL_EXPR_BYTEORDER_LEN) == 2 &&
	       nftnl_expr_get_u32(x, NFTNL_EXPR_BYTEORDER_SIZE) == 2;
}

static bool get_mss_set(struct arena *arena, const struct nftnl_expr *x, struct expr *e)
{
	(void)arena;
	e->kind = EXPR_MSS_SET;
	e->sreg = nft_expr_slot(x, NFTNL_EXPR_EXTHDR_SREG);
	return nftnl_expr_is_set(x, NFTNL_EXPR_EXTHDR_SREG) &&
	       nftnl_expr_get_u32(x, NFTNL_EXPR_EXTHDR_OP) == NFT_EXTHDR_OP_TCPOPT &&
	       nftnl_expr_get_u8(x, NFTNL_EXPR_EXTHDR_TYPE) == TCPOPT_MAXSEG &&
	       nftnl_expr_get_u32(x, NFTNL_EXPR_EXTHDR_OFFSET) == 2 &&
	       nftnl_expr_get_u32(x, NFTNL_EXPR_EXTHDR_LEN) == 2;
}

void nft_expr_get(const struct nftnl_expr *x, struct arena *arena, struct expr *ret)
{
	static const struct {
		const char *name;
		bool (*get)(struct arena *, const struct nftnl_expr *, struct expr *);
	} kinds[] = {
		{"meta", get_meta},
		{"payload", get_payload},
		{"ct", get_ct},
		{"fib", get_fib},
		{"bitwise", get_bitwise},
		{"cmp", get_cmp},
		{"lookup", get_lookup},
		{"immediate", get_immediate},
		{"nat", get_nat},
		{"masq", get_masq},
		{"counter", get_counter},
		{"rt", get_rt},
		{"limit", get_limit},
		{"connlimit", get_connlimit},
		{"dynset", get_dynset},
		{"log", get_log},
		{"hash", get_hash},
		{"numgen", get_numgen},
		{"byteorder", get_byteorder},
		{"exthdr", get_mss_set},
	};
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct expr e = {0};

		if (streq(name, kinds[i].name) && kinds[i].get(arena, x, &e)) {
			*ret = e;
			return;
		}
	}
	*ret = (struct expr){.kind = EXPR_OTHER};
}
