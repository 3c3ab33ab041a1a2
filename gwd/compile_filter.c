/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is forwarded. Under coexist only what nobody asked for is dropped, from outside and from dmz, towards what is ours
 * to guard: whatever else this machine forwards is other people's. Under exclusive the list is turned round. Either way the
 * connections that we translate pass, and what is not allowed by its zones goes to the pinholes first. */
#include "compile_parts.h"

#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/tcp.h>

/* ---- Pinholes ------------------------------------------------------------------------------------ */

/* map hole4 { type ipv4_addr . inet_proto . inet_service : verdict; flags interval, timeout; } */
static void hole_map(struct ruleset *out, const struct family *f, const char *name)
{
	const uint8_t fields[] = {f->len, 1, 2};
	struct set *s;

	build_concat(out, name, TYPE_CONCAT(TYPE_CONCAT(f->type, TYPE_PROTO), TYPE_PORT), fields, ARRAY_SIZE(fields),
		     NFT_SET_MAP | NFT_SET_TIMEOUT);
	s = &out->sets[out->n_sets - 1];
	s->data_type = NFT_DATA_VERDICT;
}

/* chain pinhole {
 *   ct label set PINHOLE accept
 * }
 * Whatever else comes of the connection before it is answered passes by its label (a UDP client may send for hours): like
 * one that is translated it is asked once, and is known as ours when the pinhole goes. */
static void pinhole_chain(struct builder *b)
{
	uint8_t label[COMPILE_LABEL_LEN];

	compile_pinhole_label(label);
	build_rule(b, "accept");
	part_label(b, label);
	build_verdict(b, NF_ACCEPT, NULL);
	build_chain(b, COMPILE_PINHOLE);
}

/* chain unasked {
 *   meta l4proto @l4proto ip daddr . meta l4proto . th dport vmap @hole4, and IPv6
 *   counter drop
 * } */
static void unasked_chain(struct builder *b)
{
	static const char *const holes[] = {"hole4", "hole6"};

	for (size_t i = 0; i < ARRAY_SIZE(holes); i++) {
		const struct family *f = &compile_families[i];

		hole_map(b->out, f, holes[i]);
		build_rule(b, holes[i]);
		part_l4proto(b);
		part_address(b, f, f->daddr);
		build_meta(b, NFT_META_L4PROTO, f->len / 4);
		build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, f->len / 4 + 1);
		build_in_map(b, holes[i], REG_VERDICT);
	}
	part_drop(b, "drop");
	build_chain(b, "unasked");
}

/* [meta nfproto FAMILY] [iifname @FROM] [oifname @TO] goto unasked */
static void unasked(struct builder *b, const char *comment, const struct family *f, const char *from, const char *to)
{
	build_rule(b, comment);
	if (f)
		part_nfproto(b, f);
	part_between(b, from, to);
	build_verdict(b, NFT_GOTO, "unasked");
}

/* ---- Segment sizes ------------------------------------------------------------------------------- */

/* meta l4proto tcp tcp flags syn [METAKEY @clamp] tcp option maxseg size set rt mtu: of the smaller of both routes, and
 * never upwards. */
static void clamp_rule(struct builder *b, const char *comment, const char *from, const char *to)
{
	const uint8_t syn = TH_SYN;

	build_rule(b, comment);
	build_meta(b, NFT_META_L4PROTO, 0);
	build_cmp8(b, NFT_CMP_EQ, IPPROTO_TCP);
	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, 0);
	part_any_bit(b, &syn, sizeof(syn));
	part_between(b, from, to);
	build_expr(b, EXPR_RT)->key = NFT_RT_TCPMSS;
	build_expr(b, EXPR_BYTEORDER);
	build_expr(b, EXPR_MSS_SET);
}

/* auto: where an interface is narrower than the Ethernet that both ends believe in, so that connections do not depend on
 * ICMP that somebody drops. What it is called (PPP, a tunnel) does not matter: without a smaller MTU there is nothing to
 * clamp. */
static void clamp(struct builder *b, const struct frame *frame)
{
	const struct topology *t = frame->topology;
	size_t narrow = 0;

	if (frame->settings->mss_clamp == CLAMP_ALWAYS)
		clamp_rule(b, "clamp", NULL, NULL);
	if (frame->settings->mss_clamp != CLAMP_AUTO)
		return;
	for (size_t i = 0; i < t->n_interfaces; i++) {
		if (!t->interfaces[i].narrow)
			continue;
		build_ifname(b->out, "clamp", t->interfaces[i].name);
		narrow++;
	}
	if (!narrow)
		return;
	build_set(b->out, "clamp", TYPE_IFNAME, IFNAMSIZ, 0);
	clamp_rule(b, "clamp-in", "clamp", NULL);
	clamp_rule(b, "clamp-out", NULL, "clamp");
}

/* ---- Policies ------------------------------------------------------------------------------------ */

/* [iifname @FROM] [oifname @TO] accept */
static void allow(struct builder *b, const char *comment, const char *from, const char *to)
{
	build_rule(b, comment);
	part_between(b, from, to);
	build_verdict(b, NF_ACCEPT, NULL);
}

/* [iifname @FROM] iifname . oifname @same_if accept */
static void allow_same_interface(struct builder *b, const char *from)
{
	build_rule(b, "same-interface");
	part_between(b, from, NULL);
	part_same_interface(b);
	build_verdict(b, NF_ACCEPT, NULL);
}

/* meta pkttype != host accept                      multicast and broadcast
 * meta secpath exists accept                       IPsec has its own policy
 * iifname . oifname @same_if accept                what br_netfilter shows us of a bridge is that, too
 * iifname @dmz oifname @lan goto unasked           with a dmz
 * ct status dnat accept
 * iifname @outside oifname @inside goto unasked    wan, and what was wan before it moved */
static void coexist(struct builder *b, bool dmz)
{
	build_rule(b, "not-routed");
	build_meta(b, NFT_META_PKTTYPE, 0);
	build_cmp8(b, NFT_CMP_NEQ, PACKET_HOST);
	build_verdict(b, NF_ACCEPT, NULL);
	build_rule(b, "ipsec");
	build_meta(b, NFT_META_SECPATH, 0);
	build_cmp8(b, NFT_CMP_EQ, 1);
	build_verdict(b, NF_ACCEPT, NULL);
	allow_same_interface(b, NULL);
	if (dmz)
		unasked(b, "dmz-lan", NULL, "dmz", "lan");
	build_rule(b, "translated");
	part_translated(b);
	build_verdict(b, NF_ACCEPT, NULL);
	unasked(b, "unasked", NULL, "outside", "inside");
}

/* ct state invalid counter drop
 * iifname @bridges iifname . oifname @same_if accept
 * iifname @lan accept
 * iifname @dmz oifname @wan accept, and @dmz       with a dmz
 *
 * With br_netfilter a frame that is bridged past us looks like one that we send back (its packet type says host, its
 * interfaces are the bridge): a bridge's own hosts are one wire. */
static void exclusive(struct builder *b, const struct topology *t, bool dmz)
{
	const uint32_t invalid = NF_CT_STATE_INVALID_BIT;

	build_rule(b, "invalid");
	build_expr(b, EXPR_CT)->key = NFT_CT_STATE;
	part_any_bit(b, &invalid, sizeof(invalid));
	build_expr(b, EXPR_COUNTER);
	build_verdict(b, NF_DROP, NULL);
	build_set(b->out, "bridges", TYPE_IFNAME, IFNAMSIZ, 0);
	for (size_t i = 0; i < t->n_interfaces; i++)
		if (t->interfaces[i].bridge)
			build_ifname(b->out, "bridges", t->interfaces[i].name);
	allow_same_interface(b, "bridges");
	allow(b, "lan", "lan", NULL);
	if (!dmz)
		return;
	allow(b, "dmz-wan", "dmz", "wan");
	allow(b, "dmz-dmz", "dmz", "dmz");
}

/* chain forward {                                    policy drop under exclusive
 *   (clamp)
 *   ct state established,related accept
 *   ct status dnat ct label OURS accept
 *   ct label PINHOLE accept
 *   (coexist, exclusive)
 *   meta nfproto ipv4 iifname @outside goto unasked  only where we turned forwarding on, and IPv6
 *   goto unasked                                     exclusive
 * } */
void compile_filter(struct builder *b, const struct frame *frame)
{
	bool is_exclusive = frame->settings->policy == POLICY_EXCLUSIVE, dmz = frame->settings->n_dmz;
	uint8_t label[COMPILE_LABEL_LEN];

	pinhole_chain(b);
	unasked_chain(b);
	clamp(b, frame);
	part_known(b);
	build_rule(b, "forwarded");
	part_ours(b);
	build_verdict(b, NF_ACCEPT, NULL);
	compile_pinhole_label(label);
	build_rule(b, "let-in");
	part_labelled(b, label);
	build_verdict(b, NF_ACCEPT, NULL);
	if (is_exclusive)
		exclusive(b, frame->topology, dmz);
	else
		coexist(b, dmz);
	if (frame->guard4)
		unasked(b, COMPILE_GUARD4, &compile_families[0], "outside", NULL);
	if (frame->guard6)
		unasked(b, COMPILE_GUARD6, &compile_families[1], "outside", NULL);
	if (is_exclusive)
		unasked(b, "unasked", NULL, NULL, NULL);
	build_base_chain(b, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER)->policy =
		is_exclusive ? NF_DROP : NF_ACCEPT;
}
