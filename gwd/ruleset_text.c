/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rulesets as text, one line per object, for people (--dry-run) and for golden files. Rules are printed as nft's own
 * netlink debug output prints them, expression by expression: what the kernel will execute, not a paraphrase. */
#include "ruleset.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_conntrack_common.h>

/* ---- Values by nft's datatype code -------------------------------------------------------------- */

enum { TYPE_BITS = 6, TYPE_MASK = (1 << TYPE_BITS) - 1 };

static size_t type_len(uint32_t type)
{
	return type == TYPE_IPV6 || type == TYPE_IFNAME || type == TYPE_CT_LABEL
		       ? 16
		       : 4; /* protocol and port are padded to a register */
}

static void field_text(struct buf *out, uint32_t type, const uint8_t *bytes)
{
	char text[INET6_ADDRSTRLEN];
	uint32_t number;

	switch (type) {
	case TYPE_INTEGER:
		memcpy(&number, bytes, sizeof(number));
		buf_printf(out, "%u", number);
		break;
	case TYPE_IPV4:
		buf_printf(out, "%s", inet_ntop(AF_INET, bytes, text, sizeof(text)));
		break;
	case TYPE_IPV6:
		buf_printf(out, "%s", inet_ntop(AF_INET6, bytes, text, sizeof(text)));
		break;
	case TYPE_PROTO:
		if (bytes[0] == IPPROTO_TCP)
			buf_printf(out, "tcp");
		else if (bytes[0] == IPPROTO_UDP)
			buf_printf(out, "udp");
		else if (bytes[0] == IPPROTO_SCTP)
			buf_printf(out, "sctp");
		else
			buf_printf(out, "%u", bytes[0]);
		break;
	case TYPE_PORT:
		buf_printf(out, "%u", bytes[0] << 8 | bytes[1]);
		break;
	case TYPE_IFNAME:
		buf_printf(out, "\"%.16s\"", (const char *)bytes);
		break;
	default:
		for (size_t i = 0; i < type_len(type); i++)
			buf_printf(out, "%02x", bytes[i]);
	}
}

/* A concatenation has 6 bits per field, the first field in the highest; every field is padded to 4 bytes. */
static void value_text(struct buf *out, uint32_t type, const uint8_t *bytes, const uint8_t *last)
{
	bool first = true;

	for (int shift = 30 - 30 % TYPE_BITS; shift >= 0; shift -= TYPE_BITS) {
		uint32_t field = type >> shift & TYPE_MASK;

		if (!field)
			continue;
		if (!first)
			buf_printf(out, " . ");
		first = false;
		field_text(out, field, bytes);
		if (memcmp(bytes, last, type_len(field)) != 0) {
			buf_printf(out, "-");
			field_text(out, field, last);
		}
		bytes += type_len(field);
		last += type_len(field);
	}
}

/* ---- Expressions -------------------------------------------------------------------------------- */

static const char *const meta_names[] = {
	[NFT_META_IIFNAME] = "iifname", [NFT_META_OIFNAME] = "oifname", [NFT_META_NFPROTO] = "nfproto",
	[NFT_META_NFTRACE] = "nftrace", [NFT_META_L4PROTO] = "l4proto", [NFT_META_PKTTYPE] = "pkttype", [NFT_META_SECPATH] = "secpath",
};
static const char *const ct_names[] = {
	[NFT_CT_STATE] = "state",         [NFT_CT_STATUS] = "status", [NFT_CT_LABELS] = "label",
	[NFT_CT_PROTO_DST] = "proto_dst", [NFT_CT_DST_IP] = "dst_ip", [NFT_CT_DST_IP6] = "dst_ip6",
};
static const char *const base_names[] = {"link", "network", "transport"};
static const char *const cmp_names[] = {"==", "!=", "<", "<=", ">", ">="};

static const char *name_in(const char *const *names, size_t n, uint32_t key)
{
	return key < n && names[key] ? names[key] : "?";
}
#define NAME(names, key) name_in(names, ARRAY_SIZE(names), key)

static void data_text(struct buf *out, const struct expr *e)
{
	buf_printf(out, "0x");
	for (size_t i = 0; i < e->len && i < sizeof(e->data); i++)
		buf_printf(out, "%02x", e->data[i]);
}

static void verdict_text(struct buf *out, int32_t verdict, const char *chain)
{
	switch (verdict) {
	case NF_DROP:
		buf_printf(out, "drop");
		break;
	case NF_ACCEPT:
		buf_printf(out, "accept");
		break;
	case NFT_RETURN:
		buf_printf(out, "return");
		break;
	case NFT_JUMP:
		buf_printf(out, "jump %s", chain);
		break;
	case NFT_GOTO:
		buf_printf(out, "goto %s", chain);
		break;
	default:
		buf_printf(out, "verdict %d", verdict);
	}
}

static void load_text(struct buf *out, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_META:
		buf_printf(out, "meta %s => %u", NAME(meta_names, e->key), e->dreg);
		break;
	case EXPR_PAYLOAD:
		buf_printf(out, "payload %u @ %s + %u => %u", e->len, NAME(base_names, e->op), e->offset, e->dreg);
		break;
	case EXPR_CT:
		buf_printf(out, "ct %s%s => %u", e->has_dir ? e->dir ? "reply " : "original " : "",
			   NAME(ct_names, e->key), e->dreg);
		break;
	case EXPR_RT:
		buf_printf(out, "rt %s => %u", e->key == NFT_RT_XFRM ? "ipsec" : "mtu", e->dreg);
		break;
	case EXPR_FIB:
		buf_printf(out, "fib daddr%s type => %u", e->op & NFTA_FIB_F_IIF ? " . iif" : "", e->dreg);
		break;
	default:
		break;
	}
}

static void match_text(struct buf *out, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_BITWISE:
		buf_printf(out, "%u & ", e->sreg);
		data_text(out, e);
		buf_printf(out, " => %u", e->dreg);
		break;
	case EXPR_CMP:
		buf_printf(out, "%u %s ", e->sreg, NAME(cmp_names, e->op));
		data_text(out, e);
		break;
	case EXPR_LOOKUP:
		buf_printf(out, "%u %sin %s", e->sreg, e->op ? "not " : "", e->name);
		if (e->has_dreg && e->dreg == REG_VERDICT)
			buf_printf(out, " => verdict");
		else if (e->has_dreg)
			buf_printf(out, " => %u", e->dreg);
		break;
	default:
		break;
	}
}

static void rate_text(struct buf *out, const struct expr *e, uint32_t kind)
{
	if (kind == EXPR_CONNLIMIT)
		buf_printf(out, "ct count %u", e->count);
	else
		buf_printf(out, "limit %u/%u s burst %u", e->rate, e->per, e->burst);
}

static void compute_text(struct buf *out, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_LIMIT:
	case EXPR_CONNLIMIT:
		rate_text(out, e, e->kind);
		buf_printf(out, "%s", e->op ? " over" : "");
		break;
	case EXPR_DYNSET:
		buf_printf(out, "%s %u in %s ", e->op == NFT_DYNSET_OP_UPDATE ? "update" : "add", e->sreg, e->name);
		rate_text(out, e, e->key);
		buf_printf(out, " over");
		break;
	case EXPR_LOG:
		buf_printf(out, "log group %u prefix \"%s\" snaplen %u", e->key, e->name ? e->name : "", e->offset);
		break;
	case EXPR_HASH:
		buf_printf(out, "jhash %u of %u mod %u seed %u => %u", e->len, e->sreg, e->count, e->burst, e->dreg);
		break;
	case EXPR_NUMGEN:
		buf_printf(out, "numgen %s mod %u => %u", e->key == NFT_NG_RANDOM ? "random" : "inc", e->count,
			   e->dreg);
		break;
	case EXPR_BYTEORDER:
		buf_printf(out, "hton %u => %u", e->sreg, e->dreg);
		break;
	case EXPR_MSS_SET:
		buf_printf(out, "tcp option maxseg = %u", e->sreg);
		break;
	default:
		break;
	}
}

static void expr_text(struct buf *out, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_LIMIT:
	case EXPR_CONNLIMIT:
	case EXPR_DYNSET:
	case EXPR_LOG:
	case EXPR_HASH:
	case EXPR_NUMGEN:
	case EXPR_BYTEORDER:
	case EXPR_MSS_SET:
		compute_text(out, e);
		break;
	case EXPR_META:
	case EXPR_PAYLOAD:
	case EXPR_CT:
	case EXPR_RT:
	case EXPR_FIB:
		load_text(out, e);
		break;
	case EXPR_BITWISE:
	case EXPR_CMP:
	case EXPR_LOOKUP:
		match_text(out, e);
		break;
	case EXPR_META_SET:
		buf_printf(out, "meta %s = %u", NAME(meta_names, e->key), e->sreg);
		break;
	case EXPR_CT_SET:
		buf_printf(out, "ct %s = %u", NAME(ct_names, e->key), e->sreg);
		break;
	case EXPR_IMMEDIATE:
		if (e->dreg == REG_VERDICT) {
			verdict_text(out, e->verdict, e->name);
		} else {
			data_text(out, e);
			buf_printf(out, " => %u", e->dreg);
		}
		break;
	case EXPR_NAT:
		buf_printf(out, "%s %s addr %u", e->key == NFT_NAT_DNAT ? "dnat" : "snat",
			   e->op == NFPROTO_IPV6 ? "ip6" : "ip", e->sreg);
		if (e->has_dreg)
			buf_printf(out, " port %u", e->dreg);
		break;
	case EXPR_MASQ:
		buf_printf(out, "masquerade");
		break;
	case EXPR_COUNTER:
		buf_printf(out, "counter");
		break;
	case EXPR_OTHER:
		buf_printf(out, "(not ours)");
		break;
	}
}

/* ---- Objects ------------------------------------------------------------------------------------ */

static const char *type_name(uint32_t type)
{
	static const char *const names[] = {
		[TYPE_IPV4] = "ipv4_addr",    [TYPE_IPV6] = "ipv6_addr", [TYPE_PROTO] = "inet_proto",
		[TYPE_PORT] = "inet_service", [TYPE_IFNAME] = "ifname",  [TYPE_INTEGER] = "integer",
		[TYPE_CT_LABEL] = "ct_label",
	};

	return NAME(names, type);
}

static void type_text(struct buf *out, uint32_t type)
{
	bool first = true;

	if (type == NFT_DATA_VERDICT) {
		buf_printf(out, "verdict");
		return;
	}
	for (int shift = 30 - 30 % TYPE_BITS; shift >= 0; shift -= TYPE_BITS) {
		uint32_t field = type >> shift & TYPE_MASK;

		if (!field)
			continue;
		buf_printf(out, "%s%s", first ? "" : " . ", type_name(field));
		first = false;
	}
}

void set_text(struct buf *out, const struct set *s)
{
	buf_printf(out, "%s %s type ", s->flags & NFT_SET_MAP ? "map" : "set", s->name);
	type_text(out, s->key_type);
	if (s->flags & NFT_SET_MAP) {
		buf_printf(out, " : ");
		type_text(out, s->data_type);
	}
	buf_printf(out, "%s%s%s", s->flags & NFT_SET_INTERVAL ? " interval" : "",
		   s->flags & NFT_SET_EVAL ? " dynamic" : "", s->flags & NFT_SET_TIMEOUT ? " timeout" : "");
	if (s->timeout)
		buf_printf(out, " %u s", s->timeout);
	if (s->size)
		buf_printf(out, " size %u", s->size);
	buf_printf(out, "\n");
}

void chain_text(struct buf *out, const struct chain *c)
{
	static const char *const hooks[] = {"prerouting", "input", "forward", "output", "postrouting"};

	buf_printf(out, "chain %s", c->name);
	if (c->base)
		buf_printf(out, " type %s hook %s priority %d policy %s", c->type, NAME(hooks, c->hook), c->priority,
			   c->policy == NF_DROP ? "drop" : "accept");
	buf_printf(out, "\n");
}

void rule_text(struct buf *out, const struct rule *r)
{
	for (size_t i = 0; i < r->n; i++) {
		buf_printf(out, "[");
		expr_text(out, &r->exprs[i]);
		buf_printf(out, "]");
	}
	if (r->comment)
		buf_printf(out, " # %s", r->comment);
	buf_printf(out, "\n");
}

void elem_text(struct buf *out, const struct elem *e)
{
	buf_printf(out, "element %s { ", e->set);
	value_text(out, e->key_type, e->key, e->key_end);
	if (e->data_type == NFT_DATA_VERDICT) {
		buf_printf(out, " : ");
		verdict_text(out, e->verdict, e->chain);
	} else if (e->data_type) {
		buf_printf(out, " : ");
		value_text(out, e->data_type, e->data, e->data);
	}
	buf_printf(out, " }");
	if (e->expires)
		buf_printf(out, " expires %lld", (long long)e->expires);
	buf_printf(out, "%s%s\n", e->comment ? " # " : "", e->comment ? e->comment : "");
}

void ruleset_text(struct buf *out, const struct ruleset *r)
{
	if (r->table)
		buf_printf(out, "table inet %s flags %u\n", RULESET_TABLE, r->table_flags);
	for (size_t i = 0; i < r->n_sets; i++)
		set_text(out, &r->sets[i]);
	for (size_t i = 0; i < r->n_chains; i++) {
		chain_text(out, &r->chains[i]);
		for (size_t k = 0; k < r->chains[i].n; k++) {
			buf_printf(out, "  ");
			rule_text(out, &r->chains[i].rules[k]);
		}
	}
	for (size_t i = 0; i < r->n_elems; i++)
		elem_text(out, &r->elems[i]);
}
