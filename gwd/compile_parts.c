/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same few matches stand in many rules; written once, they are written alike. */
#include "compile_parts.h"

#include <linux/netfilter.h>
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

/* (register 0, of `len` bytes) & mask != 0 */
void part_any_bit(struct builder *b, const void *mask, uint8_t len)
{
	static const uint8_t zero[COMPILE_LABEL_LEN];
	struct expr *e = build_expr(b, EXPR_BITWISE);

	e->len = len;
	memcpy(e->data, mask, len);
	build_cmp(b, NFT_CMP_NEQ, zero, len);
}
