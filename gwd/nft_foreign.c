/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other people's rules say more than ours, and iptables-nft puts structs of the old xtables into them: the few that decide
 * whether a forwarded connection lives are read, the rest is marked as not read, which the judge takes for "maybe".
 * Named sets are passed over unless asked for: a ban list of 100,000 addresses changes all day, and says nothing about
 * whom it meets. */
#include "nft_foreign.h"

#include <arpa/inet.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <sys/param.h>

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

/* -m addrtype --dst-type, and nothing else of it */
static void get_addrtype(uint32_t revision, const void *info, uint32_t len, struct expr *e)
{
	const struct xt_addrtype_info_v1 *a = info;

	if (revision != 1 || len < sizeof(*a) || a->source || (a->flags & ~(uint32_t)XT_ADDRTYPE_INVERT_DEST))
		return;
	e->op = FOREIGN_TO_TYPE;
	e->key = a->dest;
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

/* Headers that a connection's packets do not have; whatever is asked about them, without them it is no match. */
static bool of_other_packets(const char *match)
{
	static const char *const names[] = {"rt", "frag", "hbh", "dst", "mh", "ah", "esp", "icmp", "icmp6"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(match, names[i]))
			return true;
	return false;
}

/* -m multiport --dports 80,8000:8010; a port that begins a range is followed by its last. */
static void get_multiport(uint32_t revision, const void *info, uint32_t len, struct arena *arena, struct expr *e)
{
	const struct xt_multiport_v1 *m = info;
	_cleanup_(buf_free) struct buf list = {0};

	if (revision != 1 || len < sizeof(*m) || m->flags != XT_MULTIPORT_DESTINATION || m->count > XT_MULTI_PORTS)
		return;
	for (int i = 0; i < m->count; i++)
		buf_printf(&list, "%u%s", m->ports[i], m->pflags[i] ? "-" : i + 1 < m->count ? "," : "");
	e->op = FOREIGN_MULTIPORT;
	e->name = arena_strdup(arena, list.data ? list.data : "");
	e->has_dir = m->invert;
}

static void get_comment(const void *info, uint32_t len, struct arena *arena, struct expr *e)
{
	e->op = FOREIGN_COMMENT;
	e->name = arena_strndup(arena, info, strnlen(info, MIN(len, XT_MAX_COMMENT_LEN)));
}

static void get_match(const struct nftnl_expr *x, struct arena *arena, struct expr *e)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_MT_NAME);
	uint32_t revision = nftnl_expr_get_u32(x, NFTNL_EXPR_MT_REV), len = 0;
	const void *info = nftnl_expr_get(x, NFTNL_EXPR_MT_INFO, &len);
	const struct xt_tcp *tcp = info;
	const struct xt_udp *udp = info;

	if (!name || !info)
		return;
	e->name = arena_printf(arena, "-m %s", name);
	if (streq(name, "comment"))
		get_comment(info, len, arena, e);
	else if (streq(name, "multiport"))
		get_multiport(revision, info, len, arena, e);
	else if (of_other_packets(name))
		e->op = FOREIGN_NEVER;
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
	const struct nf_nat_range2 *shifted = info;

	if (revision == 0 && len >= sizeof(*old)) {
		const struct nf_nat_ipv4_range *first = &old->range[0];

		e->len = first->flags & NF_NAT_RANGE_MAP_IPS ? 4 : 0;
		memcpy(e->data, &first->min_ip, e->len);
		e->has_dir = e->len && first->min_ip != first->max_ip;
		e->count = first->flags & NF_NAT_RANGE_PROTO_SPECIFIED ? ntohs(first->min.all) : 0;
		e->per = e->count ? ntohs(first->max.all) : 0;
	} else if (revision > 0 && len >= sizeof(*range)) {
		e->len = range->flags & NF_NAT_RANGE_MAP_IPS ? 16 : 0;
		memcpy(e->data, &range->min_addr, e->len);
		e->has_dir = e->len && memcmp(range->min_addr.all, range->max_addr.all, sizeof(range->min_addr.all)) != 0;
		e->count = range->flags & NF_NAT_RANGE_PROTO_SPECIFIED ? ntohs(range->min_proto.all) : 0;
		e->per = e->count ? ntohs(range->max_proto.all) : 0;
	}
	if (revision > 1 && len >= sizeof(*shifted) && (shifted->flags & NF_NAT_RANGE_PROTO_OFFSET))
		e->rate = ntohs(shifted->base_proto.all);
}

/* -j CT --notrack; all revisions begin with their flags. */
static bool is_untracking(const void *info, uint32_t len)
{
	const struct xt_ct_target_info *ct = info;

	return len >= sizeof(*ct) && (ct->flags & XT_CT_NOTRACK);
}

/* `tcp dport set 8080`; but not the first two bytes of IP, where `ip dscp set` writes, which changes no packet's way. */
static bool is_rewriting(const struct nftnl_expr *x)
{
	return nftnl_expr_is_set(x, NFTNL_EXPR_PAYLOAD_SREG) &&
	       (nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_BASE) != NFT_PAYLOAD_NETWORK_HEADER ||
		nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET) >= 2);
}

static void get_target(const struct nftnl_expr *x, struct arena *arena, struct expr *e)
{
	static const char *const harmless[] = {"MARK", "CONNMARK", "TCPMSS", "CHECKSUM", "TRACE"};
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_TG_NAME);
	uint32_t revision = nftnl_expr_get_u32(x, NFTNL_EXPR_TG_REV), len = 0;
	const void *info = nftnl_expr_get(x, NFTNL_EXPR_TG_INFO, &len);

	if (!name || !info)
		return;
	e->name = arena_printf(arena, "-j %s", name);
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (streq(name, harmless[i]))
			e->op = FOREIGN_NOTHING;
	if (streq(name, "LOG") || streq(name, "NFLOG")) {
		e->op = FOREIGN_LOG;
	} else if (streq(name, "CT") || streq(name, "NOTRACK")) {
		e->op = streq(name, "NOTRACK") || is_untracking(info, len) ? FOREIGN_NOTRACK : FOREIGN_NOTHING;
	} else if (streq(name, "TTL") || streq(name, "HL")) {
		e->op = FOREIGN_REWRITE;
	} else if (streq(name, "MASQUERADE") || streq(name, "SNAT")) {
		e->op = FOREIGN_SOURCE;
	} else if (streq(name, "REJECT")) {
		e->op = FOREIGN_REJECT;
	} else if (streq(name, "DNAT") || streq(name, "REDIRECT")) {
		e->op = streq(name, "DNAT") ? FOREIGN_DNAT : FOREIGN_REDIRECT;
		get_target_nat(revision, info, len, e);
	}
}

/* What only does something on the side. A `meta` or `ct` that is not read is one that sets. */
static bool on_the_side(const struct nftnl_expr *x, const char *name)
{
	static const char *const names[] = {"counter", "objref", "last", "dup", "offload"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return true;
	if (streq(name, "meta"))
		return nftnl_expr_is_set(x, NFTNL_EXPR_META_SREG);
	return streq(name, "ct") && nftnl_expr_is_set(x, NFTNL_EXPR_CT_SREG);
}

static void get_range(const struct nftnl_expr *x, struct expr *e)
{
	uint32_t len = 0, to_len = 0;
	const void *from = nftnl_expr_get(x, NFTNL_EXPR_RANGE_FROM_DATA, &len);
	const void *to = nftnl_expr_get(x, NFTNL_EXPR_RANGE_TO_DATA, &to_len);

	if (!from || !to || len != to_len || len > FOREIGN_RANGE_MAX)
		return;
	e->op = FOREIGN_RANGE;
	e->sreg = nft_expr_slot(x, NFTNL_EXPR_RANGE_SREG);
	e->has_dir = nftnl_expr_get_u32(x, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_NEQ;
	e->len = (uint8_t)len;
	memcpy(e->data, from, len);
	memcpy(e->data + FOREIGN_RANGE_MAX, to, len);
}

/* One that EXPR_NAT is too simple for: a range of addresses or ports, or flags, which only say how one of a range is
 * chosen. */
static void get_nat(const struct nftnl_expr *x, struct expr *e)
{
	e->op = FOREIGN_SOURCE;
	if (nftnl_expr_get_u32(x, NFTNL_EXPR_NAT_TYPE) != NFT_NAT_DNAT)
		return;
	e->op = FOREIGN_DNAT;
	e->key = nftnl_expr_get_u32(x, NFTNL_EXPR_NAT_FAMILY);
	e->has_dreg = nftnl_expr_is_set(x, NFTNL_EXPR_NAT_REG_ADDR_MIN);
	e->sreg = nft_expr_slot(x, NFTNL_EXPR_NAT_REG_ADDR_MIN);
	e->has_dir = nftnl_expr_is_set(x, NFTNL_EXPR_NAT_REG_ADDR_MAX) &&
		     nft_expr_slot(x, NFTNL_EXPR_NAT_REG_ADDR_MAX) != e->sreg;
	e->dir = !nftnl_expr_is_set(x, NFTNL_EXPR_NAT_REG_PROTO_MIN);
	e->dreg = nft_expr_slot(x, NFTNL_EXPR_NAT_REG_PROTO_MIN);
	e->offset = nftnl_expr_is_set(x, NFTNL_EXPR_NAT_REG_PROTO_MAX) ? nft_expr_slot(x, NFTNL_EXPR_NAT_REG_PROTO_MAX)
								       : e->dreg;
}

static void get_expr(const struct nftnl_expr *x, struct arena *arena, struct expr *ret)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);

	nft_expr_get(x, arena, ret);
	if (ret->kind != EXPR_OTHER)
		return;
	ret->name = arena_strdup(arena, name);
	if (on_the_side(x, name))
		ret->op = FOREIGN_NOTHING;
	else if (streq(name, "log"))
		ret->op = FOREIGN_LOG;
	else if (streq(name, "notrack"))
		ret->op = FOREIGN_NOTRACK;
	else if (streq(name, "payload"))
		ret->op = is_rewriting(x) ? FOREIGN_REWRITE : FOREIGN_NOTHING;
	else if (streq(name, "range"))
		get_range(x, ret);
	else if (streq(name, "reject"))
		ret->op = FOREIGN_REJECT;
	else if (streq(name, "redir"))
		ret->op = FOREIGN_REDIRECT;
	else if (streq(name, "masq"))
		ret->op = FOREIGN_SOURCE;
	else if (streq(name, "nat"))
		get_nat(x, ret);
	else if (streq(name, "exthdr") && nftnl_expr_get_u32(x, NFTNL_EXPR_EXTHDR_OP) == NFT_EXTHDR_OP_IPV6 &&
		 !(nftnl_expr_get_u32(x, NFTNL_EXPR_EXTHDR_FLAGS) & NFT_EXTHDR_F_PRESENT))
		ret->op = FOREIGN_NEVER;
	else if (streq(name, "match"))
		get_match(x, arena, ret);
	else if (streq(name, "target"))
		get_target(x, arena, ret);
}

/* ---- Objects ------------------------------------------------------------------------------------ */

/* The rules of the table that the object belongs to; NULL: ours, or one that sees nothing of what we forward. */
static struct ruleset *rules_of(struct foreign *f, uint32_t family, const char *table)
{
	if (!table || (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET && family != NFPROTO_NETDEV) ||
	    foreign_is_dormant(f, family, table) ||
	    (family == NFPROTO_INET && (streq(table, RULESET_TABLE) || streq(table, RULESET_KEEPER) || streq(table, RULESET_TRACE))))
		return NULL;
	return foreign_table(f, (uint8_t)family, table)->rules;
}

int nft_foreign_table(const struct nlmsghdr *nlh, void *foreign)
{
	struct nftnl_table *t = nftnl_table_alloc();
	bool read = t && nftnl_table_nlmsg_parse(nlh, t) >= 0 && nftnl_table_is_set(t, NFTNL_TABLE_NAME);

	if (read && (nftnl_table_get_u32(t, NFTNL_TABLE_FLAGS) & NFT_TABLE_F_DORMANT))
		foreign_table(foreign, (uint8_t)nftnl_table_get_u32(t, NFTNL_TABLE_FAMILY),
			      nftnl_table_get_str(t, NFTNL_TABLE_NAME))->dormant = true;
	nftnl_table_free(t);
	return read ? MNL_CB_OK : MNL_CB_ERROR;
}

int nft_foreign_set(const struct nlmsghdr *nlh, void *foreign)
{
	struct nftnl_set *s = nft_get_parse_set(nlh);
	struct foreign *f = foreign;
	struct ruleset *r = NULL;

	if (!s)
		return MNL_CB_ERROR;
	if ((f->named || (nftnl_set_get_u32(s, NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS)))
		r = rules_of(f, nftnl_set_get_u32(s, NFTNL_SET_FAMILY), nftnl_set_get_str(s, NFTNL_SET_TABLE));
	if (r) {
		nft_get_add_set(r, s);
		r->n_sets -= !nft_get_wants_elems(&r->sets[r->n_sets - 1]);
	}
	nftnl_set_free(s);
	return MNL_CB_OK;
}

/* Bridges and devices: what they let through is no business of IP. */
static void note_below(struct foreign *f, const struct nftnl_chain *c)
{
	uint32_t family = nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY);

	if (!f->below && !foreign_is_dormant(f, family, nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE)) &&
	    (family == NFPROTO_BRIDGE || family == NFPROTO_NETDEV) &&
	    nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM))
		f->below = xasprintf("%s %s", family == NFPROTO_BRIDGE ? "bridge" : "netdev",
				     nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE));
}

static void get_devices(struct ruleset *r, struct chain *chain, const struct nftnl_chain *c)
{
	const char *const *names = nftnl_chain_get(c, NFTNL_CHAIN_DEVICES);
	_cleanup_(buf_free) struct buf list = {0};

	for (size_t i = 0; names && names[i]; i++)
		buf_printf(&list, "%s%s", i ? " " : "", names[i]);
	if (list.data)
		chain->devices = arena_strdup(r->arena, list.data);
}

int nft_foreign_chain(const struct nlmsghdr *nlh, void *foreign)
{
	struct nftnl_chain *c = nft_get_parse_chain(nlh);
	struct ruleset *r;

	if (!c)
		return MNL_CB_ERROR;
	r = rules_of(foreign, nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY), nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE));
	note_below(foreign, c);
	if (r) {
		nft_get_add_chain(r, c);
		get_devices(r, &r->chains[r->n_chains - 1], c);
	}
	nftnl_chain_free(c);
	return MNL_CB_OK;
}

int nft_foreign_rule(const struct nlmsghdr *nlh, void *foreign)
{
	struct nftnl_rule *x = nft_get_parse_rule(nlh);
	const struct chain *c;
	struct ruleset *r;

	if (!x)
		return MNL_CB_ERROR;
	r = rules_of(foreign, nftnl_rule_get_u32(x, NFTNL_RULE_FAMILY), nftnl_rule_get_str(x, NFTNL_RULE_TABLE));
	c = r ? ruleset_chain(r, nftnl_rule_get_str(x, NFTNL_RULE_CHAIN)) : NULL;
	if (c)
		nft_get_add_rule(r, &r->chains[c - r->chains], x, get_expr);
	nftnl_rule_free(x);
	return MNL_CB_OK;
}
