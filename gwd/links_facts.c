/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading is the only source of facts: events (links.c) merely ask for it. Costs, on a router with a million routes:
 * IPv4 routes are dumped in the order of their addresses, so the default routes come first and the dump is left after
 * them; IPv6 default routes come last, hence a whole dump of the main table, which is therefore made only when asked
 * for. Links are read first: that read waits for the kernel's RTNL lock, so what sent the event (before it dropped the
 * routes) has ended when the routes are read, which newer kernels do without that lock. */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "links_facts.h"
#include "nl.h"
#include "util.h"

#ifndef IFF_LOWER_UP /* linux/if.h, which does not stand beside net/if.h everywhere */
#define IFF_LOWER_UP (1 << 16)
#endif

enum {
	ATTRIBUTES = 32, /* every attribute type that we look at is below */
	REQUEST_MAX = 128,
	ANSWER_MAX = 1 << 15,
	ATTEMPTS = 10, /* at a consistent dump */
};

struct nexthop { /* of a default route, still to be resolved into links */
	uint32_t id;
	uint8_t family;
	uint32_t metric;
};

struct reading { /* facts in the making */
	struct facts facts;
	size_t links_capacity, addresses_capacity, routes_capacity;
	uint8_t family; /* of the routes being read */
	bool uses_nexthops;
	struct nexthop *nexthops, asked; /* waiting; the one being asked for */
	size_t n_nexthops, nexthops_capacity;
};

void facts_free(struct facts *f)
{
	free(f->links);
	free(f->addresses);
	free(f->routes);
	*f = (struct facts){0};
}

static void reading_free(struct reading *r)
{
	facts_free(&r->facts);
	free(r->nexthops);
}

static void nl_closep(struct nl **nl)
{
	nl_close(*nl);
}

/* ---- Order: every field counts, so that 0 means twins ------------------------------------------- */

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

static int link_cmp(const void *left, const void *right)
{
	const struct link *a = left, *b = right;
	int r = CMP(a->index, b->index);

	r = r ? r : strcmp(a->name, b->name);
	r = r ? r : CMP(a->up, b->up);
	r = r ? r : CMP(a->carrier, b->carrier);
	r = r ? r : CMP(a->loopback, b->loopback);
	r = r ? r : CMP(a->l3, b->l3);
	r = r ? r : CMP(a->bridge, b->bridge);
	return r ? r : CMP(a->mtu, b->mtu);
}

static int address_cmp(const void *left, const void *right)
{
	const struct address *a = left, *b = right;
	int r = CMP(a->index, b->index);

	r = r ? r : ip_cmp(&a->ip, &b->ip);
	return r ? r : CMP(a->prefix_len, b->prefix_len);
}

static int route_cmp(const void *left, const void *right)
{
	const struct default_route *a = left, *b = right;
	int r = CMP(a->family, b->family);

	r = r ? r : CMP(a->index, b->index);
	return r ? r : CMP(a->metric, b->metric);
}

static bool items_same(const void *a, size_t n_a, const void *b, size_t n_b, size_t size,
		       int (*cmp)(const void *, const void *))
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (cmp((const char *)a + i * size, (const char *)b + i * size) != 0)
			return false;
	return true;
}

bool facts_same(const struct facts *a, const struct facts *b)
{
	return items_same(a->links, a->n_links, b->links, b->n_links, sizeof(*a->links), link_cmp) &&
	       items_same(a->addresses, a->n_addresses, b->addresses, b->n_addresses, sizeof(*a->addresses),
			  address_cmp) &&
	       items_same(a->routes, a->n_routes, b->routes, b->n_routes, sizeof(*a->routes), route_cmp);
}

/* ---- Messages ----------------------------------------------------------------------------------- */

static int keep_attribute(const struct nlattr *attr, void *ctx)
{
	const struct nlattr **table = ctx;

	if (mnl_attr_get_type(attr) < ATTRIBUTES)
		table[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static uint32_t attr_u32(const struct nlattr *attr, uint32_t otherwise)
{
	return attr && mnl_attr_get_payload_len(attr) >= sizeof(uint32_t) ? mnl_attr_get_u32(attr) : otherwise;
}

static bool attr_is(const struct nlattr *attr, const char *text)
{
	return attr && strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)) == strlen(text) &&
	       memcmp(mnl_attr_get_payload(attr), text, strlen(text)) == 0;
}


static int on_link(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *at[ATTRIBUTES] = {0}, *info[ATTRIBUTES] = {0};
	struct reading *reading = ctx;
	struct facts *f = &reading->facts;
	struct link *l;

	mnl_attr_parse(nlh, sizeof(*ifi), keep_attribute, at);
	if (nlh->nlmsg_type != RTM_NEWLINK || !at[IFLA_IFNAME])
		return MNL_CB_OK;
	if (at[IFLA_LINKINFO])
		mnl_attr_parse_nested(at[IFLA_LINKINFO], keep_attribute, info);
	f->links = grow(f->links, f->n_links, &reading->links_capacity, sizeof(*l));
	l = &f->links[f->n_links++];
	*l = (struct link){
		.index = (uint32_t)ifi->ifi_index,
		.up = ifi->ifi_flags & IFF_UP,
		.carrier = ifi->ifi_flags & IFF_LOWER_UP,
		.loopback = ifi->ifi_flags & IFF_LOOPBACK,
		.l3 = !at[IFLA_MASTER] || attr_is(info[IFLA_INFO_SLAVE_KIND], "vrf"), /* which leaves IP to its slaves */
		.bridge = attr_is(info[IFLA_INFO_KIND], "bridge"),
		.mtu = attr_u32(at[IFLA_MTU], 0),
	};
	snprintf(l->name, sizeof(l->name), "%.*s", (int)mnl_attr_get_payload_len(at[IFLA_IFNAME]),
		 mnl_attr_get_str(at[IFLA_IFNAME]));
	return MNL_CB_OK;
}

/* Links are sorted by then. One that came after they were read has an event waiting. */
static bool faces_out(const struct facts *f, uint32_t index)
{
	size_t low = 0, high = f->n_links;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->links[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low < f->n_links && f->links[low].index == index && !f->links[low].loopback;
}

/* Duplicate address detection still runs or has failed: nothing can be received there. Its end is an event. */
static bool tentative(uint32_t flags)
{
	return (flags & IFA_F_DADFAILED) || (flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) == IFA_F_TENTATIVE;
}

static int on_address(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *at[ATTRIBUTES] = {0}, *local;
	struct address a = {.index = ifa->ifa_index, .ip.family = ifa->ifa_family, .prefix_len = ifa->ifa_prefixlen};
	struct reading *reading = ctx;
	struct facts *f = &reading->facts;

	mnl_attr_parse(nlh, sizeof(*ifa), keep_attribute, at);
	local = at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS]; /* with a peer, IFA_ADDRESS is the peer's */
	if (nlh->nlmsg_type != RTM_NEWADDR || (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return MNL_CB_OK;
	if (!local || mnl_attr_get_payload_len(local) != ip_len(&a.ip) || !faces_out(f, a.index))
		return MNL_CB_OK;
	memcpy(a.ip.bytes, mnl_attr_get_payload(local), ip_len(&a.ip));
	if (at[IFA_ADDRESS] && memcmp(mnl_attr_get_payload(at[IFA_ADDRESS]), a.ip.bytes, ip_len(&a.ip)) != 0)
		a.prefix_len = (uint8_t)(ip_len(&a.ip) * 8);
	if (a.ip.family == AF_INET6 && a.ip.bytes[0] == 0xfe && (a.ip.bytes[1] & 0xc0) == 0x80)
		return MNL_CB_OK;
	if (tentative(attr_u32(at[IFA_FLAGS], ifa->ifa_flags)))
		return MNL_CB_OK;
	f->addresses = grow(f->addresses, f->n_addresses, &reading->addresses_capacity, sizeof(a));
	f->addresses[f->n_addresses++] = a;
	return MNL_CB_OK;
}

static void add_route(struct reading *reading, uint8_t family, uint32_t index, uint32_t metric)
{
	struct facts *f = &reading->facts;

	if (!faces_out(f, index))
		return;
	f->routes = grow(f->routes, f->n_routes, &reading->routes_capacity, sizeof(*f->routes));
	f->routes[f->n_routes++] = (struct default_route){.index = index, .family = family, .metric = metric};
}

static void add_hops(struct reading *reading, const struct nlattr *multipath, uint8_t family, uint32_t metric)
{
	const char *at = mnl_attr_get_payload(multipath), *end = at + mnl_attr_get_payload_len(multipath);

	while ((size_t)(end - at) >= sizeof(struct rtnexthop)) {
		const struct rtnexthop *hop = (const void *)at;

		if (hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > end - at)
			return;
		add_route(reading, family, (uint32_t)hop->rtnh_ifindex, metric);
		at += RTNH_ALIGN(hop->rtnh_len) < end - at ? RTNH_ALIGN(hop->rtnh_len) : end - at;
	}
}

static void add_nexthop(struct reading *reading, uint32_t id, uint8_t family, uint32_t metric)
{
	reading->nexthops =
		grow(reading->nexthops, reading->n_nexthops, &reading->nexthops_capacity, sizeof(*reading->nexthops));
	reading->nexthops[reading->n_nexthops++] = (struct nexthop){.id = id, .family = family, .metric = metric};
}

/* "0.0.0.0/8" still sorts among the default routes. */
static bool past_defaults(const struct rtmsg *rtm, const struct nlattr *dst)
{
	return rtm->rtm_family == AF_INET && rtm->rtm_dst_len && attr_u32(dst, 0) != 0;
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *at[ATTRIBUTES] = {0};
	struct reading *reading = ctx;
	uint32_t metric;

	if (nlh->nlmsg_type != RTM_NEWROUTE || rtm->rtm_family != reading->family)
		return MNL_CB_OK; /* another family's: how a kernel without IPv6 answers */
	if (rtm->rtm_dst_len && rtm->rtm_family == AF_INET6)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*rtm), keep_attribute, at);
	if (past_defaults(rtm, at[RTA_DST]))
		return MNL_CB_STOP;
	if (rtm->rtm_dst_len || rtm->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	metric = attr_u32(at[RTA_PRIORITY], 0);
	reading->uses_nexthops |= at[RTA_NH_ID] != NULL;
	if (at[RTA_MULTIPATH])
		add_hops(reading, at[RTA_MULTIPATH], rtm->rtm_family, metric);
	else if (at[RTA_OIF])
		add_route(reading, rtm->rtm_family, attr_u32(at[RTA_OIF], 0), metric);
	else if (at[RTA_NH_ID]) /* net.ipv4.nexthop_compat_mode=0 */
		add_nexthop(reading, attr_u32(at[RTA_NH_ID], 0), rtm->rtm_family, metric);
	return MNL_CB_OK;
}

static int on_nexthop(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *at[ATTRIBUTES] = {0};
	struct reading *reading = ctx;
	struct nexthop of = reading->asked;

	if (nlh->nlmsg_type != RTM_NEWNEXTHOP)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(struct nhmsg), keep_attribute, at);
	if (at[NHA_OIF])
		add_route(reading, of.family, attr_u32(at[NHA_OIF], 0), of.metric);
	if (at[NHA_GROUP]) {
		const struct nexthop_grp *members = mnl_attr_get_payload(at[NHA_GROUP]);

		for (size_t i = 0; i < mnl_attr_get_payload_len(at[NHA_GROUP]) / sizeof(*members); i++)
			add_nexthop(reading, members[i].id, of.family, of.metric);
	}
	return MNL_CB_OK;
}

/* ---- Reading ------------------------------------------------------------------------------------ */

/* A socket of its own for every question: none is left with half a dump in it. The kernel must heed the table that we
 * ask for (Linux 4.20). */
static int open_strict(struct nl **ret)
{
	_cleanup_(nl_closep) struct nl *nl = NULL;
	int on = 1, r;

	r = nl_open(NETLINK_ROUTE, &nl);
	if (r < 0)
		return r;
	if (setsockopt(nl_fd(nl), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0)
		return -errno;
	*ret = TAKE_PTR(nl);
	return 0;
}

/* All headers of rtnetlink begin with the family. */
static struct nlmsghdr *request(void *room, uint16_t type, uint16_t flags, uint8_t family, size_t header)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(mnl_nlmsg_put_extra_header(nlh, header), &family, sizeof(family));
	return nlh;
}

static int ask(struct nlmsghdr *nlh, mnl_cb_t cb, struct reading *reading)
{
	_cleanup_(nl_closep) struct nl *nl = NULL;
	int r = open_strict(&nl);

	return r < 0 ? r : nl_talk(nl, nlh, cb, reading);
}

static int on_end(const struct nlmsghdr *nlh, void *ctx)
{
	const int *error = mnl_nlmsg_get_payload(nlh);

	(void)ctx;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*error) || *error >= 0)
		return MNL_CB_STOP;
	errno = -*error;
	return MNL_CB_ERROR;
}

/* Like ask() for a dump, but leaves when the callback says stop, which nl_talk() could not do without spoiling its
 * socket for the next request. The kernel prepares a dump only as it is received. */
static int ask_until(struct nlmsghdr *nlh, mnl_cb_t cb, struct reading *reading)
{
	_cleanup_(nl_closep) struct nl *nl = NULL;
	mnl_cb_t ends[] = {[NLMSG_ERROR] = on_end, [NLMSG_DONE] = on_end};
	_cleanup_(freep) char *answer = xmalloc(ANSWER_MAX);
	int r = open_strict(&nl);

	if (r < 0)
		return r;
	nlh->nlmsg_seq = nl_next_seq(nl);
	if (send(nl_fd(nl), nlh, nlh->nlmsg_len, 0) < 0)
		return -errno;
	do {
		ssize_t n = recv(nl_fd(nl), answer, ANSWER_MAX, 0);

		if (n < 0)
			return -errno;
		r = mnl_cb_run2(answer, (size_t)n, nlh->nlmsg_seq, 0, cb, reading, ends, ARRAY_SIZE(ends));
	} while (r > MNL_CB_STOP);
	return r < 0 ? -errno : 0;
}

static int read_links(struct reading *reading)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_MAX] = {0};
	struct nlmsghdr *nlh = request(room, RTM_GETLINK, NLM_F_DUMP, AF_UNSPEC, sizeof(struct ifinfomsg));
	struct facts *f = &reading->facts;
	int r;

	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = ask(nlh, on_link, reading);
	f->n_links = sort_unique(f->links, f->n_links, sizeof(*f->links), link_cmp);
	return r;
}

static int read_addresses(struct reading *reading)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_MAX] = {0};
	struct nlmsghdr *nlh = request(room, RTM_GETADDR, NLM_F_DUMP, AF_UNSPEC, sizeof(struct ifaddrmsg));
	struct facts *f = &reading->facts;
	int r;

	r = ask(nlh, on_address, reading);
	f->n_addresses = sort_unique(f->addresses, f->n_addresses, sizeof(*f->addresses), address_cmp);
	return r;
}

static int read_nexthops(struct reading *reading)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_MAX] = {0};
	struct nlmsghdr *nlh;
	int r = 0;

	while (reading->n_nexthops && (r == 0 || r == -ENOENT)) { /* ENOENT: gone meanwhile, an event waits */
		reading->asked = reading->nexthops[--reading->n_nexthops];
		nlh = request(room, RTM_GETNEXTHOP, 0, AF_UNSPEC, sizeof(struct nhmsg));
		mnl_attr_put_u32(nlh, NHA_ID, reading->asked.id);
		r = ask(nlh, on_nexthop, reading);
	}
	return r == -ENOENT ? 0 : r;
}

static int read_routes(struct reading *reading, uint8_t family)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_MAX] = {0};
	struct nlmsghdr *nlh = request(room, RTM_GETROUTE, NLM_F_DUMP, family, sizeof(struct rtmsg));
	int r;

	mnl_attr_put_u32(nlh, RTA_TABLE, RT_TABLE_MAIN);
	reading->family = family;
	r = family == AF_INET ? ask_until(nlh, on_route, reading) : ask(nlh, on_route, reading);
	return r == -ENOENT ? 0 : r; /* a table without routes may not exist yet */
}

static void keep_routes6(struct reading *reading, const struct facts *old)
{
	for (size_t i = 0; i < old->n_routes; i++)
		if (old->routes[i].family == AF_INET6)
			add_route(reading, AF_INET6, old->routes[i].index, old->routes[i].metric);
}

static int read_once(struct reading *reading, const struct facts *keep6)
{
	struct facts *f = &reading->facts;
	int r;

	r = read_links(reading);
	if (r == 0)
		r = read_addresses(reading);
	if (r == 0)
		r = read_routes(reading, AF_INET);
	if (r == 0 && !keep6)
		r = read_routes(reading, AF_INET6);
	if (r == 0)
		r = read_nexthops(reading);
	if (r < 0)
		return r;
	if (keep6)
		keep_routes6(reading, keep6);
	f->n_routes = sort_unique(f->routes, f->n_routes, sizeof(*f->routes), route_cmp);
	return 0;
}

int facts_read(const struct facts *keep6, struct facts *ret, bool *ret_nexthops)
{
	_cleanup_(reading_free) struct reading reading = {0};
	int r = -EINTR;

	for (int i = 0; i < ATTEMPTS && r == -EINTR; i++) {
		reading_free(&reading);
		reading = (struct reading){0};
		r = read_once(&reading, keep6);
	}
	if (r < 0)
		return r;
	*ret = reading.facts;
	*ret_nexthops = reading.uses_nexthops;
	reading.facts = (struct facts){0};
	return 0;
}
