/* SPDX-License-Identifier: GPL-2.0-or-later */
/* struct expr <-> libnftnl's expression, for nft_put.c and nft_get.c. */
#ifndef NFT_EXPR_H
#define NFT_EXPR_H

#include "ruleset.h"

struct nftnl_expr;

struct nftnl_expr *nft_expr_put(const struct expr *); /* not EXPR_OTHER; the caller's, usually given to its rule */
void nft_expr_get(const struct nftnl_expr *, struct arena *names, struct expr *ret);
/* The 32-bit slot of the register that the attribute names, or REG_VERDICT. */
uint8_t nft_expr_slot(const struct nftnl_expr *, uint16_t attr);

#endif
