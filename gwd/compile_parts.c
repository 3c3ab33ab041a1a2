/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same few matches stand in many rules; written once, they are written alike. */
#include "compile_parts.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

const struct family compile_families[2] = {
	{AF_INET, NFPROTO_IPV4, 4, TYPE_IPV4, 16, 12, '4'},
	{AF_INET6, NFPROTO_IPV6, 16, TYPE_IPV6, 24, 8, '6'},
};

/* meta nfproto ipv4 */
void part_nfproto(struct builder *b, const struct family *f)
{
	build_meta(b, NFT_META_NFPROTO, 0);
	build_cmp8(b, NFT_CMP_EQ, f->nfproto);
}

/* iifname . oifname @same_if */
void part_same_interface(struct builder *b)
{
	build_meta(b, NFT_META_IIFNAME, 0);
	build_meta(b, NFT_META_OIFNAME, 4);
	build_in_set(b, "same_if");
}

void part_between(struct builder *b, const char *from, const char *to)
{
	if (from) {
		build_meta(b, NFT_META_IIFNAME, 0);
		build_in_set(b, from);
	}
	if (to) {
		build_meta(b, NFT_META_OIFNAME, 0);
		build_in_set(b, to);
	}
}

void part_known(struct builder *b)
{
	const uint32_t known = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);

	build_rule(b, "known");
	build_expr(b, EXPR_CT)->key = NFT_CT_STATE;
	part_any_bit(b, &known, sizeof(known));
	build_verdict(b, NF_ACCEPT, NULL);
}

void part_drop(struct builder *b, const char *comment)
{
	build_rule(b, comment);
	build_expr(b, EXPR_COUNTER);
	build_verdict(b, NF_DROP, NULL);
}

/* (register 0, of `len` bytes) & mask != 0 */
void part_any_bit(struct builder *b, const void *mask, uint8_t len)
{
	static const uint8_t zero[COMPILE_LABEL_LEN];
	struct expr *e = build_expr(b, EXPR_BITWISE);

	e->len = len;
	memcpy(e->data, mask, len);
	build_cmp(b, NFT_CMP_NEQ, zero, len);
}

void part_translated(struct builder *b)
{
	const uint32_t translated = IPS_DST_NAT;

	build_expr(b, EXPR_CT)->key = NFT_CT_STATUS;
	part_any_bit(b, &translated, sizeof(translated));
}

void part_labelled(struct builder *b, const uint8_t mask[COMPILE_LABEL_LEN])
{
	build_expr(b, EXPR_CT)->key = NFT_CT_LABELS;
	part_any_bit(b, mask, COMPILE_LABEL_LEN);
}

void part_ours(struct builder *b)
{
	uint8_t label[COMPILE_LABEL_LEN];

	part_translated(b);
	compile_label(label);
	part_labelled(b, label);
}

void part_address(struct builder *b, const struct family *f, uint32_t offset)
{
	part_nfproto(b, f);
	build_payload(b, NFT_PAYLOAD_NETWORK_HEADER, offset, f->len, 0);
}

void part_l4proto(struct builder *b)
{
	build_meta(b, NFT_META_L4PROTO, 0);
	build_in_set(b, "l4proto");
}

size_t part_port(uint8_t *at, uint16_t port)
{
	uint16_t be = htons(port);

	memcpy(at, &be, sizeof(be));
	return 4;
}

void part_prefix(struct ruleset *out, const char *set, const struct prefix *p)
{
	struct ip last;

	prefix_last(p, &last);
	build_range(out, set, compile_families[p->ip.family == AF_INET6].type, p->ip.bytes, last.bytes, ip_len(&p->ip),
		    false);
}

void part_label(struct builder *b, const uint8_t value[COMPILE_LABEL_LEN])
{
	enum { SLOT_LABEL = 8 }; /* slots 0..4 hold keys and data */
	struct expr *label = build_expr(b, EXPR_IMMEDIATE), *set = build_expr(b, EXPR_CT_SET);

	label->dreg = set->sreg = SLOT_LABEL;
	label->len = COMPILE_LABEL_LEN;
	memcpy(label->data, value, COMPILE_LABEL_LEN);
	set->key = NFT_CT_LABELS;
}

void part_dnat(struct builder *b, const struct family *f, bool port, const struct forward *forward)
{
	uint8_t label[COMPILE_LABEL_LEN];
	struct expr *nat;

	source_label(label, forward);
	part_label(b, label);
	nat = build_expr(b, EXPR_NAT);
	nat->key = NFT_NAT_DNAT;
	nat->op = f->nfproto;
	nat->has_dreg = port;
	nat->dreg = port ? f->len / 4 : 0;
}
