/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel is asked for the way of one packet, as `ip route get` does. A route that refuses (blackhole and its like) is
 * answered with an error only, so its place is then looked for in a dump: the longest prefix that has the address. */
#include "route.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "nl.h"
#include "util.h"

enum { REQUEST_MAX = 256 };

static void nl_closep(struct nl **nl)
{
	nl_close(*nl);
}

static int talk(struct nlmsghdr *nlh, mnl_cb_t cb, void *ctx)
{
	_cleanup_(nl_closep) struct nl *nl = NULL;
	int r = nl_open(NETLINK_ROUTE, &nl);

	return r < 0 ? r : nl_talk(nl, nlh, cb, ctx);
}

static void read_ip(const struct nlattr *attr, uint8_t family, struct ip *ret)
{
	struct ip ip = {.family = family};

	if (mnl_attr_get_payload_len(attr) != ip_len(&ip))
		return;
	memcpy(ip.bytes, mnl_attr_get_payload(attr), ip_len(&ip));
	*ret = ip;
}

/* ---- Routes -------------------------------------------------------------------------------------- */

/* A gateway of another family: RTA_VIA. */
static void read_via(const struct nlattr *attr, struct ip *ret)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	struct ip ip = {.family = (uint8_t)via->rtvia_family};

	if (mnl_attr_get_payload_len(attr) < sizeof(*via) + ip_len(&ip))
		return;
	memcpy(ip.bytes, via->rtvia_addr, ip_len(&ip));
	*ret = ip;
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct route *ret = ctx;
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		if (mnl_attr_get_type(attr) == RTA_OIF && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			ret->ifindex = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_GATEWAY)
			read_ip(attr, rtm->rtm_family, &ret->via);
		else if (mnl_attr_get_type(attr) == RTA_VIA)
			read_via(attr, &ret->via);
	}
	return MNL_CB_OK;
}

struct search { /* for the route that refuses */
	const struct ip *to;
	struct route *ret;
};

/* What a route that refuses says when it is asked. */
static const char *refusal_of(uint8_t type, int error)
{
	if (type == RTN_BLACKHOLE && error == -EINVAL)
		return "blackhole";
	if (type == RTN_UNREACHABLE && error == -EHOSTUNREACH)
		return "unreachable";
	return type == RTN_PROHIBIT && error == -EACCES ? "prohibit" : NULL;
}

static int on_refusal(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct search *s = ctx;
	const char *refusal = refusal_of(rtm->rtm_type, s->ret->error);
	struct prefix to = {{.family = rtm->rtm_family}, rtm->rtm_dst_len};
	uint32_t table = rtm->rtm_table;
	struct nlattr *attr;

	if (!refusal || rtm->rtm_family != s->to->family)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		if (mnl_attr_get_type(attr) == RTA_DST)
			read_ip(attr, rtm->rtm_family, &to.ip);
		else if (mnl_attr_get_type(attr) == RTA_TABLE && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			table = mnl_attr_get_u32(attr);
	}
	if (!prefix_contains(&to, s->to) || (s->ret->refusal && to.len <= s->ret->to.len))
		return MNL_CB_OK;
	s->ret->refusal = refusal;
	s->ret->to = to;
	s->ret->table = table;
	return MNL_CB_OK;
}

static struct nlmsghdr *route_request(void *buf, uint8_t family, uint16_t flags, struct rtmsg **ret)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	*ret = mnl_nlmsg_put_extra_header(nlh, sizeof(**ret));
	(*ret)->rtm_family = family;
	return nlh;
}

/* Where it is not found, its kind is known all the same. */
static void find_refusal(const struct ip *to, struct route *ret)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_MAX] = {0};
	struct search search = {to, ret};
	struct rtmsg *rtm;

	talk(route_request(buf, to->family, NLM_F_DUMP, &rtm), on_refusal, &search);
}

/* What the kernel answers when it has no way for the packet, not when it cannot be asked. */
static bool is_refusal(int error)
{
	return error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EACCES || error == -EINVAL;
}

int route_get(const struct ip *to, const struct ip *from, struct route *ret)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_MAX] = {0};
	struct route route = {0};
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;
	int r;

	nlh = route_request(buf, to->family, 0, &rtm);
	rtm->rtm_dst_len = (uint8_t)(ip_len(to) * 8);
	mnl_attr_put(nlh, RTA_DST, ip_len(to), to->bytes);
	if (from && from->family) {
		rtm->rtm_src_len = (uint8_t)(ip_len(from) * 8);
		mnl_attr_put(nlh, RTA_SRC, ip_len(from), from->bytes);
	}
	r = talk(nlh, on_route, &route);
	if (r < 0 && !is_refusal(r))
		return r;
	route.error = r;
	if (r < 0 && r != -ENETUNREACH)
		find_refusal(to, &route);
	*ret = route;
	return 0;
}

/* ---- Neighbours ---------------------------------------------------------------------------------- */

static enum neighbour_state state_of(uint16_t state)
{
	if (state & NUD_PERMANENT)
		return NEIGHBOUR_PERMANENT;
	if (state & NUD_NOARP)
		return NEIGHBOUR_NOARP;
	if (state & NUD_FAILED)
		return NEIGHBOUR_FAILED;
	if (state & NUD_INCOMPLETE)
		return NEIGHBOUR_ASKED;
	if (state & (NUD_STALE | NUD_DELAY | NUD_PROBE))
		return NEIGHBOUR_OLD;
	return state & NUD_REACHABLE ? NEIGHBOUR_THERE : NEIGHBOUR_UNKNOWN;
}

static int on_neighbour(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	struct neighbour *ret = ctx;
	struct nlattr *attr;

	ret->state = state_of(ndm->ndm_state);
	mnl_attr_for_each(attr, nlh, sizeof(*ndm))
	{
		const uint8_t *bytes = mnl_attr_get_payload(attr);
		size_t len = mnl_attr_get_payload_len(attr);

		for (size_t i = 0; mnl_attr_get_type(attr) == NDA_LLADDR && i < len && 3 * i + 3 < sizeof(ret->address);
		     i++)
			sprintf(ret->address + 3 * i, "%02x%s", bytes[i], i + 1 < len ? ":" : "");
	}
	return MNL_CB_OK;
}

int neighbour_get(const struct ip *ip, uint32_t ifindex, struct neighbour *ret)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_MAX] = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct neighbour neighbour = {0};
	struct ndmsg *ndm;
	int r;

	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	ndm->ndm_family = ip->family;
	ndm->ndm_ifindex = (int)ifindex;
	mnl_attr_put(nlh, NDA_DST, ip_len(ip), ip->bytes);
	r = talk(nlh, on_neighbour, &neighbour);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret = neighbour;
	return 0;
}
