/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may pass: drops what nobody asked for, only from outside, only towards what is ours to guard. */
#include "compile_parts.h"

#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

/* iifname @outside [oifname @lan | meta nfproto FAMILY] counter drop */
static void drop_unasked(struct builder *b, const char *comment, const struct family *f)
{
	build_rule(b, comment);
	if (f)
		part_nfproto(b, f);
	build_meta(b, NFT_META_IIFNAME, 0);
	build_in_set(b, "outside");
	if (!f) {
		build_meta(b, NFT_META_OIFNAME, 0);
		build_in_set(b, "lan");
	}
	build_expr(b, EXPR_COUNTER);
	build_verdict(b, NF_DROP, NULL);
}

/* chain forward {
 *   ct state established,related accept
 *   ct status dnat accept
 *   meta pkttype != host accept                 frames bridged past us (br_netfilter)
 *   meta secpath exists accept                  IPsec has its own policy
 *   iifname . oifname @same_if accept
 *   iifname @outside oifname @lan counter drop       wan, and what was wan before it moved
 *   meta nfproto ipv4 iifname @outside counter drop  only where we turned forwarding on
 * } */
void compile_filter(struct builder *b, const struct frame *frame)
{
	const uint32_t known = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
	const uint32_t dnatted = IPS_DST_NAT;

	build_rule(b, "known");
	build_expr(b, EXPR_CT)->key = NFT_CT_STATE;
	part_any_bit(b, &known, sizeof(known));
	build_verdict(b, NF_ACCEPT, NULL);
	build_rule(b, "forwarded");
	build_expr(b, EXPR_CT)->key = NFT_CT_STATUS;
	part_any_bit(b, &dnatted, sizeof(dnatted));
	build_verdict(b, NF_ACCEPT, NULL);
	build_rule(b, "bridged");
	build_meta(b, NFT_META_PKTTYPE, 0);
	build_cmp8(b, NFT_CMP_NEQ, PACKET_HOST);
	build_verdict(b, NF_ACCEPT, NULL);
	build_rule(b, "ipsec");
	build_meta(b, NFT_META_SECPATH, 0);
	build_cmp8(b, NFT_CMP_EQ, 1);
	build_verdict(b, NF_ACCEPT, NULL);
	build_rule(b, "same-interface");
	part_same_interface(b);
	build_verdict(b, NF_ACCEPT, NULL);
	drop_unasked(b, "unasked", NULL);
	if (frame->guard4)
		drop_unasked(b, COMPILE_GUARD4, &compile_families[0]);
	if (frame->guard6)
		drop_unasked(b, COMPILE_GUARD6, &compile_families[1]);
	build_base_chain(b, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
}
