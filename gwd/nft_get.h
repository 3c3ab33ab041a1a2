/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says about nf_tables, as a ruleset. Callbacks for nl_talk: MNL_CB_OK, or MNL_CB_ERROR with errno. What
 * is not of our table is passed over, and so is what lives and dies with a foreign rule (anonymous sets and chains).
 * Used by kernel.c only (and by tests). */
#ifndef NFT_GET_H
#define NFT_GET_H

#include <libmnl/libmnl.h>

#include "ruleset.h"

int nft_get_generation(const struct nlmsghdr *, void *id); /* uint32_t; answer to NFT_MSG_GETGEN */
int nft_get_table(const struct nlmsghdr *, void *ruleset);
int nft_get_set(const struct nlmsghdr *, void *ruleset);
int nft_get_chain(const struct nlmsghdr *, void *ruleset);
int nft_get_rule(const struct nlmsghdr *, void *ruleset); /* after all chains */
/* The same without a look at whose it is, for a reader of other tables: parsed objects in, the rules' expressions told
 * by `get`. */
struct nftnl_set;
struct nftnl_chain;
struct nftnl_rule;
struct nftnl_expr;
struct nftnl_set *nft_get_parse_set(const struct nlmsghdr *); /* each has the names that the kernel never leaves out; */
struct nftnl_chain *nft_get_parse_chain(const struct nlmsghdr *); /* the caller's; NULL: not understood */
struct nftnl_rule *nft_get_parse_rule(const struct nlmsghdr *);
typedef void nft_get_expr(const struct nftnl_expr *, struct arena *, struct expr *ret);
void nft_get_add_set(struct ruleset *, const struct nftnl_set *);
void nft_get_add_chain(struct ruleset *, const struct nftnl_chain *);
void nft_get_add_rule(struct ruleset *, struct chain *, struct nftnl_rule *, nft_get_expr *get);

/* size_t: plus one for a base chain of hook forward or type nat in another table. */
int nft_get_foreign_chain(const struct nlmsghdr *, void *count);

struct nft_elems {
	struct ruleset *ruleset;
	const struct set *set; /* in that ruleset, which gets no further sets meanwhile */
};
int nft_get_elems(const struct nlmsghdr *, void *elems);
int nft_get_left(const struct nlmsghdr *, void *ms); /* uint64_t; of the only element, 0 = it stays */
/* After the last message of a set: pairs the starts and ends of its intervals, from elems[first] on. */
void nft_get_intervals(struct ruleset *, const struct set *, size_t first);

/* False: a set that we could neither hold nor have written, or whose elements are the kernel's own (NFT_SET_EVAL): it
 * goes as a whole, so nobody needs its elements. */
bool nft_get_wants_elems(const struct set *);

#endif
