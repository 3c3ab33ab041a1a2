/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says about other people's tables. Callbacks for nl_talk, each for a dump of everything: tables, sets and chains
 * first, then foreign_sort, then rules. Used by kernel.c only (and by tests). */
#ifndef NFT_FOREIGN_H
#define NFT_FOREIGN_H

#include <libmnl/libmnl.h>

#include "foreign.h"

int nft_foreign_table(const struct nlmsghdr *, void *foreign);
int nft_foreign_set(const struct nlmsghdr *, void *foreign);
int nft_foreign_chain(const struct nlmsghdr *, void *foreign);
int nft_foreign_rule(const struct nlmsghdr *, void *foreign);

#endif
