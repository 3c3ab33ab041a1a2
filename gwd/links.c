/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An event says only that something changed; what is true is always read from the kernel (links_facts.c), once for all
 * events in the queue. IPv4 routes vanish without any event when their link goes down or their source address goes, so
 * events of links and addresses read them anew too, which is cheap. IPv6 routes are read only for an event of an IPv6
 * default route, of a link or nexthop that one uses, or after lost events. The events of all other routes are dropped
 * by a socket filter, in the kernel; so is what follows a write of ip_forward for each interface. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "links.h"
#include "links_facts.h"
#include "nl.h"
#include "util.h"

enum { EVENTS_MAX = 1 << 15 };

enum need { NEED_NOTHING, NEED_MOST, NEED_ALL }; /* MOST: all but IPv6 routes */

struct links {
	struct nl *events;
	enum need need;
	bool forwarding; /* it was changed */
	bool nexthops;   /* a default route refers to nexthop objects */
	struct facts facts;
};

static void nl_closep(struct nl **nl)
{
	nl_close(*nl);
}

/* 1 = changed, 0 = the same, -errno plus diag. */
static int read_needed(struct links *links, struct diag *diag)
{
	const struct facts *keep6 = links->need == NEED_ALL ? NULL : &links->facts;
	struct facts now = {0};
	bool nexthops;
	int r, changed;

	r = facts_read(keep6, &now, &nexthops);
	if (r < 0) {
		diag_add(diag, DIAG_KERNEL, (struct loc){0},
			 "cannot read links, addresses and routes from the kernel: %s",
			 r == -EINTR ? "they change faster than they can be read" : strerror(-r));
		return r;
	}
	changed = !facts_same(&now, &links->facts);
	links->nexthops = nexthops || (keep6 && links->nexthops);
	links->need = NEED_NOTHING;
	facts_free(&links->facts);
	links->facts = now;
	return changed;
}

static bool carries_default6(const struct links *links, uint32_t index)
{
	for (size_t i = 0; i < links->facts.n_routes; i++)
		if (links->facts.routes[i].family == AF_INET6 && links->facts.routes[i].index == index)
			return true;
	return false;
}

static int find_table(const struct nlattr *attr, void *ctx)
{
	uint32_t *table = ctx;

	if (mnl_attr_get_type(attr) == RTA_TABLE && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*table = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static enum need route_need(const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	uint32_t table = rtm->rtm_table;

	mnl_attr_parse(nlh, sizeof(*rtm), find_table, &table);
	if (rtm->rtm_dst_len || table != RT_TABLE_MAIN)
		return NEED_NOTHING;
	return rtm->rtm_family == AF_INET6 ? NEED_ALL : NEED_MOST;
}

static enum need event_need(const struct links *links, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK: /* with skip_notify_on_dev_down IPv6 routes go silently too */
		return carries_default6(links, (uint32_t)ifi->ifi_index) ? NEED_ALL : NEED_MOST;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return NEED_MOST;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return route_need(nlh);
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		return links->nexthops ? NEED_ALL : NEED_NOTHING;
	default:
		return NEED_NOTHING;
	}
}

/* Everything in the queue; what it calls for ends in links->need. */
static int take_events(struct links *links)
{
	_cleanup_(freep) char *events = xmalloc(EVENTS_MAX);

	for (;;) {
		ssize_t n = recv(nl_fd(links->events), events, EVENTS_MAX, MSG_DONTWAIT);
		int left = (int)n;

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno == ENOBUFS) {
			links->need = NEED_ALL;
			links->forwarding = true;
		} else if (n < 0 && errno != EINTR)
			return -errno;
		for (const struct nlmsghdr *nlh = (const void *)events; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			enum need need = event_need(links, nlh);

			links->need = need > links->need ? need : links->need;
			links->forwarding |= nlh->nlmsg_type == RTM_NEWNETCONF;
		}
	}
}

/* Lets every event pass but those of routes with a destination, and of the settings of a single interface (the kernel
 * puts its index first). */
static int filter_events(int fd)
{
	enum { first = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct netconfmsg)) }; /* attribute of such a setting */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_dst_len)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWNETCONF), 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, first + offsetof(struct nlattr, nla_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(NETCONFA_IFINDEX), 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first + NLA_HDRLEN),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)NETCONFA_IFINDEX_ALL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int open_events(struct nl **ret)
{
	static const uint32_t groups[] = {RTNLGRP_LINK,         RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
					  RTNLGRP_IPV4_ROUTE,   RTNLGRP_IPV6_ROUTE,  RTNLGRP_NEXTHOP,
					  RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF};
	_cleanup_(nl_closep) struct nl *nl = NULL;
	int r;

	r = nl_open(NETLINK_ROUTE, &nl);
	if (r == 0)
		r = filter_events(nl_fd(nl));
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(groups); i++)
		r = nl_join(nl, groups[i]);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(nl);
	return 0;
}

static void links_closep(struct links **links)
{
	links_close(*links);
}

int links_open(struct links **ret, struct diag *diag)
{
	_cleanup_(links_closep) struct links *links = xcalloc(1, sizeof(*links));
	int r;

	links->need = NEED_ALL;
	r = open_events(&links->events);
	if (r < 0) {
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "cannot follow links, addresses and routes: %s",
			 strerror(-r));
		return r;
	}
	r = read_needed(links, diag);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(links);
	return 0;
}

void links_close(struct links *links)
{
	if (!links)
		return;
	nl_close(links->events);
	facts_free(&links->facts);
	free(links);
}

bool links_forwarding_changed(struct links *links)
{
	bool changed = links->forwarding;

	links->forwarding = false;
	return changed;
}

int links_fd(const struct links *links)
{
	return nl_fd(links->events);
}

const struct facts *links_facts(const struct links *links)
{
	return &links->facts;
}

int links_read(struct links *links, struct diag *diag)
{
	int r = take_events(links);

	if (r < 0) {
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "cannot receive events of links and routes: %s",
			 strerror(-r));
		return r;
	}
	return links->need == NEED_NOTHING ? 0 : read_needed(links, diag);
}
