/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other people's rules say more than ours, and iptables-nft puts structs of the old xtables into them: the few that decide
 * whether a forwarded connection lives are read, the rest is marked as not read, which the judge takes for "maybe".
 * Named sets are passed over: a ban list of 100,000 addresses changes all day, and says nothing about whom it meets. */
#include "nft_foreign.h"

#include <arpa/inet.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "nft_expr.h"
#include "nft_get.h"

/* ---- Expressions -------------------------------------------------------------------------------- */

/* -m conntrack --ctstate, and nothing else of it */
static void get_conntrack(uint32_t revision, const void *info, uint32_t len, struct expr *e)
{
	const struct xt_conntrack_mtinfo2 *c = info; /* revision 3 only appends to it */

	if (revision < 2 || len < sizeof(*c) || c->match_flags != XT_CONNTRACK_STATE)
		return;
	e->op = FOREIGN_STATES;
	e->key = c->state_mask;
	e->has_dir = (c->invert_flags & XT_CONNTRACK_STATE) != 0;
}

/* -m addrtype --dst-type LOCAL */
static void get_addrtype(uint32_t revision, const void *info, uint32_t len, struct expr *e)
{
	const struct xt_addrtype_info_v1 *a = info;

	if (revision != 1 || len < sizeof(*a) || a->source || a->dest != XT_ADDRTYPE_LOCAL ||
	    (a->flags & ~(uint32_t)XT_ADDRTYPE_INVERT_DEST))
		return;
	e->op = FOREIGN_LOCAL;
	e->has_dir = (a->flags & XT_ADDRTYPE_INVERT_DEST) != 0;
}

/* Both structs begin with the source ports, then the destination's. */
static void get_ports(const void *info, uint32_t len, uint8_t invert, size_t size, struct expr *e)
{
	const uint16_t *ports = info;

	if (len < size || ports[0] != 0 || ports[1] != UINT16_MAX || (invert & ~XT_TCP_INV_DSTPT))
		return;
	e->op = FOREIGN_PORTS;
	e->rate = ports[2];
	e->per = ports[3];
	e->has_dir = (invert & XT_TCP_INV_DSTPT) != 0;
}

static void get_match(const struct nftnl_expr *x, struct expr *e)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_MT_NAME);
	uint32_t revision = nftnl_expr_get_u32(x, NFTNL_EXPR_MT_REV), len = 0;
	const void *info = nftnl_expr_get(x, NFTNL_EXPR_MT_INFO, &len);
	const struct xt_tcp *tcp = info;
	const struct xt_udp *udp = info;

	if (!name || !info)
		return;
	if (streq(name, "comment"))
		e->op = FOREIGN_NOTHING;
	else if (streq(name, "conntrack"))
		get_conntrack(revision, info, len, e);
	else if (streq(name, "addrtype"))
		get_addrtype(revision, info, len, e);
	else if (streq(name, "udp") && len >= sizeof(*udp))
		get_ports(info, len, udp->invflags, sizeof(*udp), e);
	else if (streq(name, "tcp") && len >= sizeof(*tcp) && !tcp->option && !tcp->flg_mask)
		get_ports(info, len, tcp->invflags, sizeof(*tcp), e);
}

/* Revision 0 is IPv4's own struct; the later ones begin alike, for both families. */
static void get_target_nat(uint32_t revision, const void *info, uint32_t len, struct expr *e)
{
	const struct nf_nat_ipv4_multi_range_compat *old = info;
	const struct nf_nat_range *range = info;

	if (revision == 0 && len >= sizeof(*old)) {
		e->len = old->range[0].flags & NF_NAT_RANGE_MAP_IPS ? 4 : 0;
		memcpy(e->data, &old->range[0].min_ip, e->len);
		e->count = old->range[0].flags & NF_NAT_RANGE_PROTO_SPECIFIED ? ntohs(old->range[0].min.all) : 0;
	} else if (revision > 0 && len >= sizeof(*range)) {
		e->len = range->flags & NF_NAT_RANGE_MAP_IPS ? 16 : 0;
		memcpy(e->data, &range->min_addr, e->len);
		e->count = range->flags & NF_NAT_RANGE_PROTO_SPECIFIED ? ntohs(range->min_proto.all) : 0;
	}
}

static void get_target(const struct nftnl_expr *x, struct expr *e)
{
	static const char *const harmless[] = {"LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS", "CHECKSUM", "CT", "TRACE"};
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_TG_NAME);
	uint32_t revision = nftnl_expr_get_u32(x, NFTNL_EXPR_TG_REV), len = 0;
	const void *info = nftnl_expr_get(x, NFTNL_EXPR_TG_INFO, &len);

	if (!name || !info)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (streq(name, harmless[i]))
			e->op = FOREIGN_NOTHING;
	if (streq(name, "REJECT")) {
		e->op = FOREIGN_REJECT;
	} else if (streq(name, "DNAT") || streq(name, "REDIRECT")) {
		e->op = streq(name, "DNAT") ? FOREIGN_DNAT : FOREIGN_REDIRECT;
		get_target_nat(revision, info, len, e);
	}
}

/* What only does something on the side. A `meta` or `ct` that is not read is one that sets. */
static bool on_the_side(const struct nftnl_expr *x, const char *name)
{
	static const char *const names[] = {"log", "counter", "notrack", "objref", "last", "dup", "offload"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return true;
	if (streq(name, "meta"))
		return nftnl_expr_is_set(x, NFTNL_EXPR_META_SREG);
	return streq(name, "ct") && nftnl_expr_is_set(x, NFTNL_EXPR_CT_SREG);
}

static void get_expr(const struct nftnl_expr *x, struct arena *arena, struct expr *ret)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);

	nft_expr_get(x, arena, ret);
	if (ret->kind != EXPR_OTHER)
		return;
	if (on_the_side(x, name))
		ret->op = FOREIGN_NOTHING;
	else if (streq(name, "reject"))
		ret->op = FOREIGN_REJECT;
	else if (streq(name, "redir"))
		ret->op = FOREIGN_REDIRECT;
	else if (streq(name, "nat") && nftnl_expr_get_u32(x, NFTNL_EXPR_NAT_TYPE) == NFT_NAT_DNAT)
		ret->op = FOREIGN_DNAT;
	else if (streq(name, "match"))
		get_match(x, ret);
	else if (streq(name, "target"))
		get_target(x, ret);
}

/* ---- Objects ------------------------------------------------------------------------------------ */

/* The rules of the table that the object belongs to; NULL: ours, or one that sees nothing of what we forward. */
static struct ruleset *rules_of(struct foreign *f, uint32_t family, const char *table)
{
	if (!table || (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET) ||
	    (family == NFPROTO_INET && streq(table, RULESET_TABLE)))
		return NULL;
	return foreign_table(f, (uint8_t)family, table)->rules;
}

int nft_foreign_set(const struct nlmsghdr *nlh, void *foreign)
{
	struct nftnl_set *s = nftnl_set_alloc();
	bool understood = s && nftnl_set_nlmsg_parse(nlh, s) == 0;
	struct ruleset *r = NULL;

	if (understood && (nftnl_set_get_u32(s, NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS))
		r = rules_of(foreign, nftnl_set_get_u32(s, NFTNL_SET_FAMILY), nftnl_set_get_str(s, NFTNL_SET_TABLE));
	if (r) {
		nft_get_add_set(r, s);
		r->n_sets -= !nft_get_wants_elems(&r->sets[r->n_sets - 1]);
	}
	if (s)
		nftnl_set_free(s);
	return understood ? MNL_CB_OK : MNL_CB_ERROR;
}

int nft_foreign_chain(const struct nlmsghdr *nlh, void *foreign)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	bool understood = c && nftnl_chain_nlmsg_parse(nlh, c) == 0;
	struct ruleset *r = understood ? rules_of(foreign, nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY),
						  nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE))
				       : NULL;

	if (r)
		nft_get_add_chain(r, c);
	if (c)
		nftnl_chain_free(c);
	return understood ? MNL_CB_OK : MNL_CB_ERROR;
}

int nft_foreign_rule(const struct nlmsghdr *nlh, void *foreign)
{
	struct nftnl_rule *x = nftnl_rule_alloc();
	bool understood = x && nftnl_rule_nlmsg_parse(nlh, x) == 0;
	struct ruleset *r = understood ? rules_of(foreign, nftnl_rule_get_u32(x, NFTNL_RULE_FAMILY),
						  nftnl_rule_get_str(x, NFTNL_RULE_TABLE))
				       : NULL;
	const struct chain *c = r ? ruleset_chain(r, nftnl_rule_get_str(x, NFTNL_RULE_CHAIN)) : NULL;

	if (c)
		nft_get_add_rule(r, &r->chains[c - r->chains], x, get_expr);
	if (x)
		nftnl_rule_free(x);
	return understood ? MNL_CB_OK : MNL_CB_ERROR;
}
