/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel is asked for the way of one packet, as `ip route get` does. What refuses it (a blackhole and its like) is
 * answered with an error only, so its place is then looked for in a dump: the first rule that the packet meets, or the
 * longest prefix that has the address. */
#include "route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
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

static void put_ip(struct nlmsghdr *nlh, uint16_t type, const struct ip *ip)
{
	mnl_attr_put(nlh, type, ip_len(ip), ip->bytes);
}

static struct nlmsghdr *route_request(void *buf, uint16_t type, uint16_t flags, uint8_t family, struct rtmsg **ret)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	*ret = mnl_nlmsg_put_extra_header(nlh, sizeof(**ret));
	(*ret)->rtm_family = family;
	return nlh;
}

/* ---- What refuses -------------------------------------------------------------------------------- */

struct search {
	const struct route_packet *packet;
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

	if (!refusal || rtm->rtm_family != s->packet->to.family)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		if (mnl_attr_get_type(attr) == RTA_DST)
			read_ip(attr, rtm->rtm_family, &to.ip);
		else if (mnl_attr_get_type(attr) == RTA_TABLE && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			table = mnl_attr_get_u32(attr);
	}
	if (!prefix_contains(&to, &s->packet->to) || (s->ret->refusal && to.len <= s->ret->to.len))
		return MNL_CB_OK;
	s->ret->refusal = refusal;
	s->ret->to = to;
	s->ret->table = table;
	return MNL_CB_OK;
}

/* Rules say it in words of their own. */
static const char *rule_refusal(uint8_t action, int error)
{
	if (action == FR_ACT_BLACKHOLE && error == -EINVAL)
		return "blackhole";
	if (action == FR_ACT_UNREACHABLE && error == -ENETUNREACH)
		return "unreachable";
	return action == FR_ACT_PROHIBIT && error == -EACCES ? "prohibit" : NULL;
}

static bool in_network(const struct nlattr *attr, uint8_t len, const struct ip *ip)
{
	struct prefix network = {.len = len};

	read_ip(attr, ip->family, &network.ip);
	return ip->family && prefix_contains(&network, ip);
}

static bool in_range(const struct nlattr *attr, uint16_t port)
{
	const struct fib_rule_port_range *range = mnl_attr_get_payload(attr);

	return mnl_attr_get_payload_len(attr) == sizeof(*range) && port >= range->start && port <= range->end;
}

/* Of Linux 6.15: only a part of the port counts. For a single port there is always one. */
enum { RULE_SPORT_MASK = FRA_DPORT_RANGE + 4, RULE_DPORT_MASK };

/* 1, 0, or -1: not known of this packet. */
static int selects(const struct fib_rule_hdr *rule, const struct nlattr *attr, const struct route_packet *p)
{
	switch (mnl_attr_get_type(attr)) {
	case FRA_SRC:
		return in_network(attr, rule->src_len, &p->from);
	case FRA_DST:
		return in_network(attr, rule->dst_len, &p->to);
	case FRA_IIFNAME:
		return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 &&
		       streq(mnl_attr_get_str(attr), p->in ? p->in->name : "lo");
	case FRA_FWMARK: /* a packet without a mark */
		return mnl_attr_validate(attr, MNL_TYPE_U32) == 0 && mnl_attr_get_u32(attr) == 0;
	case FRA_IP_PROTO:
		return mnl_attr_validate(attr, MNL_TYPE_U8) == 0 && mnl_attr_get_u8(attr) == p->proto;
	case FRA_SPORT_RANGE:
		return in_range(attr, p->from_port);
	case FRA_DPORT_RANGE:
		return in_range(attr, p->to_port);
	case RULE_SPORT_MASK:
	case RULE_DPORT_MASK:
		return mnl_attr_validate(attr, MNL_TYPE_U16) == 0 && mnl_attr_get_u16(attr) == UINT16_MAX ? 1 : -1;
	case FRA_OIFNAME:
		return false;
	case FRA_PRIORITY: /* these select nothing */
	case FRA_TABLE:
	case FRA_FWMASK:
	case FRA_FLOW:
	case FRA_GOTO:
	case FRA_PAD:
	case FRA_PROTOCOL:
	case FRA_SUPPRESS_IFGROUP:
	case FRA_SUPPRESS_PREFIXLEN:
		return true;
	default:
		return -1;
	}
}

static int on_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(nlh);
	struct search *s = ctx;
	const char *refusal = rule_refusal(rule->action, s->ret->error);
	bool selected = true, known = !rule->tos;
	uint32_t priority = 0;
	struct nlattr *attr;

	if (!refusal || s->ret->refusal || rule->family != s->packet->to.family)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*rule))
	{
		int one = selects(rule, attr, s->packet);

		if (mnl_attr_get_type(attr) == FRA_PRIORITY && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			priority = mnl_attr_get_u32(attr);
		known = known && one >= 0;
		selected = selected && one > 0;
	}
	if (!known || selected == !!(rule->flags & FIB_RULE_INVERT))
		return MNL_CB_OK;
	s->ret->refusal = refusal;
	s->ret->priority = priority;
	return MNL_CB_OK;
}

/* Where it is not found, its kind is known all the same. */
static void find_refusal(const struct route_packet *p, struct route *ret)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_MAX] = {0}, again[REQUEST_MAX] = {0};
	struct search search = {p, ret};
	struct rtmsg *rtm; /* struct fib_rule_hdr is of the same size */

	talk(route_request(buf, RTM_GETRULE, NLM_F_DUMP, p->to.family, &rtm), on_rule, &search);
	if (!ret->refusal && ret->error != -ENETUNREACH)
		talk(route_request(again, RTM_GETROUTE, NLM_F_DUMP, p->to.family, &rtm), on_refusal, &search);
}

/* ---- Routes -------------------------------------------------------------------------------------- */

/* What the kernel answers when it has no way for the packet, not when it cannot be asked. */
static bool is_refusal(int error)
{
	return error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EACCES || error == -EINVAL || error == -EXDEV;
}

static struct nlmsghdr *question(void *buf, const struct route_packet *p)
{
	struct rtmsg *rtm;
	struct nlmsghdr *nlh = route_request(buf, RTM_GETROUTE, 0, p->to.family, &rtm);

	rtm->rtm_dst_len = (uint8_t)(ip_len(&p->to) * 8);
	put_ip(nlh, RTA_DST, &p->to);
	if (p->from.family) {
		rtm->rtm_src_len = (uint8_t)(ip_len(&p->from) * 8);
		put_ip(nlh, RTA_SRC, &p->from);
	}
	if (p->in)
		mnl_attr_put_u32(nlh, RTA_IIF, p->in->index);
	if (p->mark)
		mnl_attr_put_u32(nlh, RTA_MARK, p->mark);
	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP) /* the kernel takes no others */
		return nlh;
	mnl_attr_put_u8(nlh, RTA_IP_PROTO, p->proto);
	if (p->from_port)
		mnl_attr_put_u16(nlh, RTA_SPORT, htons(p->from_port));
	if (p->to_port)
		mnl_attr_put_u16(nlh, RTA_DPORT, htons(p->to_port));
	return nlh;
}

/* A refusal without a route or rule that refuses is about the way in; since Linux 6.13 only -EINVAL says so. */
static int about_arrival(int error)
{
	return error == -EINVAL ? -EXDEV : error == -EHOSTUNREACH ? -EHOSTDOWN : error;
}

int route_get(const struct route_packet *p, struct route *ret)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_MAX] = {0};
	struct route route = {0};
	int r = talk(question(buf, p), on_route, &route);

	if (r < 0 && !is_refusal(r))
		return r;
	route.error = r;
	if (r < 0)
		find_refusal(p, &route);
	if (p->in && p->to.family == AF_INET && !route.refusal)
		route.error = about_arrival(r);
	*ret = route;
	return 0;
}

/* ---- Marks --------------------------------------------------------------------------------------- */

struct marks {
	struct route_mark *items;
	size_t n, capacity;
};

static int on_mark(const struct nlmsghdr *nlh, void *ctx)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(nlh);
	struct route_mark found = {.family = rule->family, .inverted = rule->flags & FIB_RULE_INVERT};
	struct marks *ret = ctx;
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(*rule))
	{
		if (mnl_attr_get_type(attr) == FRA_PRIORITY)
			found.priority = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == FRA_FWMARK)
			found.mark = mnl_attr_get_u32(attr);
	}
	if (!found.mark)
		return MNL_CB_OK;
	ret->items = grow(ret->items, ret->n, &ret->capacity, sizeof(*ret->items));
	ret->items[ret->n++] = found;
	return MNL_CB_OK;
}

struct route_mark *route_marks(size_t *ret_n)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_MAX] = {0};
	struct marks marks = {0};
	struct rtmsg *rtm; /* struct fib_rule_hdr is of the same size */

	talk(route_request(buf, RTM_GETRULE, NLM_F_DUMP, AF_UNSPEC, &rtm), on_mark, &marks);
	*ret_n = marks.n;
	return marks.items;
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
	if (state & (NUD_INCOMPLETE | NUD_PROBE))
		return NEIGHBOUR_ASKED;
	if (state & (NUD_STALE | NUD_DELAY))
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

static struct nlmsghdr *neighbour_request(void *buf, uint16_t type, uint16_t flags, const struct ip *ip, uint32_t ifindex,
					  struct ndmsg **ret)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	*ret = mnl_nlmsg_put_extra_header(nlh, sizeof(**ret));
	(*ret)->ndm_family = ip->family;
	(*ret)->ndm_ifindex = (int)ifindex;
	put_ip(nlh, NDA_DST, ip);
	return nlh;
}

int neighbour_get(const struct ip *ip, uint32_t ifindex, struct neighbour *ret)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_MAX] = {0};
	struct neighbour neighbour = {0};
	struct ndmsg *ndm;
	int r = talk(neighbour_request(buf, RTM_GETNEIGH, 0, ip, ifindex, &ndm), on_neighbour, &neighbour);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret = neighbour;
	return 0;
}

/* Whom it knows, it otherwise asks only seconds after the next packet. */
void neighbour_ask(const struct ip *ip, uint32_t ifindex, const struct neighbour *n)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_MAX] = {0};
	bool known = n->state == NEIGHBOUR_OLD;
	struct ndmsg *ndm;
	struct nlmsghdr *nlh = neighbour_request(buf, RTM_NEWNEIGH, NLM_F_ACK | (known ? NLM_F_REPLACE : NLM_F_CREATE), ip,
						 ifindex, &ndm);

	ndm->ndm_state = known ? NUD_PROBE : NUD_NONE;
	ndm->ndm_flags = known ? 0 : NTF_USE;
	talk(nlh, NULL, NULL);
}
