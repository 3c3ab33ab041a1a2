/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers are in network order; the headers come in two pieces, which are put together again to be read as a packet
 * (linux/netfilter/nf_tables.h, enum nft_trace_attributes). */
#include "trace.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/param.h>

#include "nl.h"
#include "util.h"

enum {
	HEADER_MAX = 60, /* of either header */
};

struct trace {
	struct nl *nl;
	bool listens;
};

int trace_open(struct trace **ret)
{
	struct trace *t = xcalloc(1, sizeof(*t));
	int r = nl_open(NETLINK_NETFILTER, &t->nl);

	if (r < 0) {
		free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void trace_close(struct trace *t)
{
	if (!t)
		return;
	nl_close(t->nl);
	free(t);
}

int trace_fd(const struct trace *t)
{
	return nl_fd(t->nl);
}

int trace_listen(struct trace *t, bool on)
{
	int r = t->listens == on ? 0 : on ? nl_join(t->nl, NFNLGRP_NFTRACE) : nl_leave(t->nl, NFNLGRP_NFTRACE);

	if (r == 0)
		t->listens = on;
	return r;
}

/* ---- Messages ------------------------------------------------------------------------------------ */

static uint32_t number(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_U32) == 0 ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

static const char *text(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(attr) : "";
}

static int keep(const struct nlattr *attr, void *ctx)
{
	const struct nlattr **at = ctx;

	if (mnl_attr_get_type(attr) <= NFTA_TRACE_MAX)
		at[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static void read_packet(const struct nlattr *network, const struct nlattr *transport, struct logged *ret)
{
	uint8_t packet[2 * HEADER_MAX];
	size_t len, more;

	*ret = (struct logged){.name = ""};
	if (!network || !transport)
		return;
	len = MIN(mnl_attr_get_payload_len(network), HEADER_MAX);
	more = MIN(mnl_attr_get_payload_len(transport), HEADER_MAX);
	memcpy(packet, mnl_attr_get_payload(network), len);
	memcpy(packet + len, mnl_attr_get_payload(transport), more);
	nflog_parse(packet, len + more, ret);
}

static bool is_drop(uint32_t verdict)
{
	return (verdict & NF_VERDICT_MASK) == NF_DROP && (int32_t)verdict >= 0;
}

static uint32_t verdict_of(const struct nlattr *nested)
{
	const struct nlattr *at[NFTA_TRACE_MAX + 1] = {0};

	if (!nested || mnl_attr_parse_nested(nested, keep, at) < 0 || !at[NFTA_VERDICT_CODE])
		return NF_ACCEPT;
	return number(at[NFTA_VERDICT_CODE]);
}

static bool read_message(const struct nlmsghdr *nlh, struct traced *ret)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *at[NFTA_TRACE_MAX + 1] = {0};

	if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) || mnl_attr_parse(nlh, sizeof(*nfg), keep, at) < 0)
		return false;
	*ret = (struct traced){.id = number(at[NFTA_TRACE_ID]),
			       .family = nfg->nfgen_family,
			       .table = text(at[NFTA_TRACE_TABLE]),
			       .chain = text(at[NFTA_TRACE_CHAIN])};
	switch (number(at[NFTA_TRACE_TYPE])) {
	case NFT_TRACETYPE_RULE:
		if (at[NFTA_TRACE_RULE_HANDLE] &&
		    mnl_attr_get_payload_len(at[NFTA_TRACE_RULE_HANDLE]) == sizeof(uint64_t))
			ret->handle = be64toh(mnl_attr_get_u64(at[NFTA_TRACE_RULE_HANDLE]));
		ret->dropped = is_drop(verdict_of(at[NFTA_TRACE_VERDICT]));
		break;
	case NFT_TRACETYPE_POLICY:
		ret->dropped = at[NFTA_TRACE_POLICY] && number(at[NFTA_TRACE_POLICY]) == NF_DROP;
		break;
	default: /* the end of a chain that was jumped to */
		break;
	}
	read_packet(at[NFTA_TRACE_NETWORK_HEADER], at[NFTA_TRACE_TRANSPORT_HEADER], &ret->packet);
	return true;
}

struct reader {
	void (*each)(void *ctx, const struct traced *);
	void *ctx;
};

static void take(void *ctx, const struct nlmsghdr *nlh)
{
	const struct reader *to = ctx;
	struct traced traced;

	if (read_message(nlh, &traced))
		to->each(to->ctx, &traced);
}

bool trace_read(struct trace *t, void (*each)(void *ctx, const struct traced *), void *ctx)
{
	struct reader to = {each, ctx};

	return nl_events(t->nl, take, &to) > 0;
}
