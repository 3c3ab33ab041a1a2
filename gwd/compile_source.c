/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How targets see clients: their own address wherever the reply comes back through us by itself, ours where it would not.
 * A forward that says otherwise marks its connections with bits of their label, set by the rule that translates: what a
 * later hook needs to know is then the connection's own, whatever ports and addresses other forwards have. */
#include "compile_parts.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

/* Bits of the label: ours, a mode of its own, which one; and for a fixed address whose. */
enum {
	OWN = COMPILE_LABEL + 1,
	MODE, /* + enum snat_mode - SNAT_AUTO */
	WHOSE_FIRST = 32,
	WHOSE_BITS = 64,
};

static void set_bit(uint8_t label[COMPILE_LABEL_LEN], unsigned bit)
{
	enum { BITS = 8 * sizeof(unsigned long) }; /* a bitmap of unsigned long, like the kernel's */
	unsigned long words[COMPILE_LABEL_LEN / sizeof(unsigned long)];

	memcpy(words, label, sizeof(words));
	words[bit / BITS] |= 1UL << bit % BITS;
	memcpy(label, words, sizeof(words));
}

void compile_label(uint8_t out[COMPILE_LABEL_LEN])
{
	memset(out, 0, COMPILE_LABEL_LEN);
	set_bit(out, COMPILE_LABEL);
}

void compile_pinhole_label(uint8_t out[COMPILE_LABEL_LEN])
{
	memset(out, 0, COMPILE_LABEL_LEN);
	set_bit(out, COMPILE_LABEL_PINHOLE);
}

/* FNV-1a: one of 2^64 for every name, so that each forward's element is its own. */
static void whose(uint8_t out[COMPILE_LABEL_LEN], const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	memset(out, 0, COMPILE_LABEL_LEN);
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	for (unsigned bit = 0; bit < WHOSE_BITS; bit++)
		if (hash >> bit & 1)
			set_bit(out, WHOSE_FIRST + bit);
}

void source_label(uint8_t out[COMPILE_LABEL_LEN], const struct forward *f)
{
	memset(out, 0, COMPILE_LABEL_LEN);
	if (f && f->snat.mode == SNAT_ADDRESS)
		whose(out, f->name);
	set_bit(out, COMPILE_LABEL);
	if (!f || f->snat.mode == SNAT_DEFAULT)
		return;
	set_bit(out, OWN);
	set_bit(out, MODE + (unsigned)f->snat.mode - SNAT_AUTO);
}

/* element snat_to4 { LABEL : ADDR } */
void compile_source_address(struct ruleset *out, const struct forward *f)
{
	const struct family *family = &compile_families[f->family == AF_INET6];
	uint8_t key[COMPILE_LABEL_LEN];
	struct elem *e;

	whose(key, f->name);
	e = build_elem(out, f->family == AF_INET ? "snat_to4" : "snat_to6", TYPE_CT_LABEL, key, sizeof(key));
	e->data_type = family->type;
	e->data_len = family->len;
	memcpy(e->data, f->snat.addr.bytes, family->len);
	e->comment = arena_strdup(out->arena, f->name);
	e->loc = f->loc;
}

/* ---- Rules -------------------------------------------------------------------------------------- */

/* ct label BIT */
static void labelled(struct builder *b, const char *comment, unsigned bit)
{
	uint8_t mask[COMPILE_LABEL_LEN] = {0};

	set_bit(mask, bit);
	build_rule(b, comment);
	part_labelled(b, mask);
}

/* ip saddr @near4 ip saddr . ip daddr @same_net4 masquerade
 *
 * What near4 asks, same_net4 answers as well. But a set of pairs of ranges takes longer (measured: by 0.15 µs of the
 * 10 that a first packet takes), and most clients are not near. */
static void same_network(struct builder *b, const struct family *f)
{
	build_rule(b, f->af == AF_INET ? "same-network4" : "same-network6");
	part_address(b, f, f->saddr);
	build_in_set(b, f->af == AF_INET ? "near4" : "near6");
	build_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->saddr, f->len, 0); /* again, as nft would */
	build_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->daddr, f->len, f->len / 4);
	build_in_set(b, f->af == AF_INET ? "same_net4" : "same_net6");
	build_expr(b, EXPR_MASQ);
}

static void snat(struct builder *b, const struct family *f, uint8_t slot)
{
	struct expr *e = build_expr(b, EXPR_NAT);

	e->key = NFT_NAT_SNAT;
	e->op = f->nfproto;
	e->sreg = slot;
}

/* snat ip to ct label & WHOSE map @snat_to4 */
static void own_address(struct builder *b, const struct family *f)
{
	uint8_t mask[COMPILE_LABEL_LEN] = {0};
	const char *map = f->af == AF_INET ? "snat_to4" : "snat_to6";
	struct expr *e;

	for (unsigned bit = 0; bit < WHOSE_BITS; bit++)
		set_bit(mask, WHOSE_FIRST + bit);
	build_map(b->out, map, TYPE_CT_LABEL, COMPILE_LABEL_LEN, f->type, f->len);
	build_rule(b, f->af == AF_INET ? "address4" : "address6");
	part_nfproto(b, f);
	build_expr(b, EXPR_CT)->key = NFT_CT_LABELS;
	e = build_expr(b, EXPR_BITWISE);
	e->len = sizeof(mask);
	memcpy(e->data, mask, sizeof(mask));
	build_in_map(b, map, 4);
	snat(b, f, 4);
}

/* snat ip to ADDR, and what is of the other family as with auto */
static void address_of_all(struct builder *b, const struct ip *addr)
{
	const struct family *f = &compile_families[addr->family == AF_INET6];
	struct expr *e;

	build_rule(b, "address");
	part_nfproto(b, f);
	e = build_expr(b, EXPR_IMMEDIATE);
	e->len = f->len;
	memcpy(e->data, addr->bytes, f->len);
	snat(b, f, 0);
	build_rule(b, "auto");
	build_verdict(b, NFT_GOTO, "snat_auto");
}

/* What connections get whose forward leaves it to the settings. */
static void by_default(struct builder *b, const struct snat *s)
{
	switch (s->mode) {
	case SNAT_ADDRESS:
		address_of_all(b, &s->addr);
		break;
	case SNAT_ALWAYS:
		build_rule(b, "always");
		build_expr(b, EXPR_MASQ);
		break;
	case SNAT_NEVER:
		build_rule(b, "never");
		build_verdict(b, NF_ACCEPT, NULL);
		break;
	case SNAT_ROUTED:
		build_rule(b, "routed");
		build_verdict(b, NFT_GOTO, "snat_routed");
		break;
	default:
		build_rule(b, "auto");
		build_verdict(b, NFT_GOTO, "snat_auto");
	}
}

/* chain snat_auto {     the reply would not come back through us
 *   iifname . oifname @same_if masquerade
 *   goto snat_routed
 * }
 * chain snat_routed {   also bridge to bridge under br_netfilter, where iifname is empty
 *   ip saddr @near4 ip saddr . ip daddr @same_net4 masquerade
 *   ip6 saddr @near6 ip6 saddr . ip6 daddr @same_net6 masquerade
 * } */
static void modes(struct builder *b)
{
	same_network(b, &compile_families[0]);
	same_network(b, &compile_families[1]);
	build_chain(b, "snat_routed");
	build_rule(b, "same-interface");
	part_same_interface(b);
	build_expr(b, EXPR_MASQ);
	build_rule(b, "same-network");
	build_verdict(b, NFT_GOTO, "snat_routed");
	build_chain(b, "snat_auto");
}

/* chain snat_own {      what forwards say themselves
 *   ct label AUTO goto snat_auto
 *   ct label ROUTED goto snat_routed
 *   ct label ALWAYS masquerade
 *   ct label NEVER accept
 *   snat ip to ct label & WHOSE map @snat_to4, and IPv6       only while it is used: nft 1.0.6 cannot list such a map
 * }                                                         once it has loaded it from its own listing */
static void own_modes(struct builder *b, bool addresses)
{
	labelled(b, "auto", MODE + SNAT_AUTO - SNAT_AUTO);
	build_verdict(b, NFT_GOTO, "snat_auto");
	labelled(b, "routed", MODE + SNAT_ROUTED - SNAT_AUTO);
	build_verdict(b, NFT_GOTO, "snat_routed");
	labelled(b, "always", MODE + SNAT_ALWAYS - SNAT_AUTO);
	build_expr(b, EXPR_MASQ);
	labelled(b, "never", MODE + SNAT_NEVER - SNAT_AUTO);
	build_verdict(b, NF_ACCEPT, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(compile_families) && addresses; i++)
		own_address(b, &compile_families[i]);
	build_chain(b, "snat_own");
}

/* chain postrouting {
 *   ct status dnat ct label OURS jump snat_ours
 *   iifname @inside oifname @wan ip saddr @private4 rt ipsec missing masquerade      a tunnel wants the inner address
 * }
 * chain snat_ours {
 *   ct label OWN goto snat_own
 *   (by_default)
 * } */
void compile_source(struct builder *b, const struct frame *frame)
{
	const struct settings *settings = frame->settings;
	const struct family *f = &compile_families[0];

	modes(b);
	own_modes(b, frame->fixed_sources);
	labelled(b, "own", OWN);
	build_verdict(b, NFT_GOTO, "snat_own");
	by_default(b, &settings->snat);
	build_chain(b, "snat_ours");
	build_rule(b, "ours");
	part_ours(b);
	build_verdict(b, NFT_JUMP, "snat_ours");
	if (settings->masquerade) {
		build_rule(b, "masquerade");
		build_meta(b, NFT_META_IIFNAME, 0);
		build_in_set(b, "inside");
		build_meta(b, NFT_META_OIFNAME, 0);
		build_in_set(b, "wan");
		part_address(b, f, f->saddr);
		build_in_set(b, "private4");
		build_expr(b, EXPR_RT)->key = NFT_RT_XFRM;
		build_cmp8(b, NFT_CMP_EQ, 0);
		build_expr(b, EXPR_MASQ);
	}
	build_base_chain(b, "postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 1);
}
