/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A walk through all connections is slow, copying them to us slower: so the kernel is asked to filter (CTA_FILTER, Linux
 * 5.8), but is not relied upon. The socket is opened when there is something to look for and closed after it. */
#include "conntrack.h"

#include <errno.h>

#include "conntrack_msg.h"
#include "nl.h"
#include "util.h"

enum { LIST_TRIES = 3, BLOCK_TRIES = 5 };

struct conntrack {
	struct nl *nl;
};

struct listing {
	const struct flow_filter *filter;
	void (*each)(void *ctx, const struct flow *);
	void *ctx;
	struct flow_latest latest;
};

int conntrack_open(struct conntrack **ret)
{
	struct conntrack *c = xcalloc(1, sizeof(*c));
	int r = nl_open(NETLINK_NETFILTER, &c->nl);

	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void conntrack_close(struct conntrack *c)
{
	if (!c)
		return;
	nl_close(c->nl);
	free(c);
}

static int listed(const struct nlmsghdr *nlh, void *ctx)
{
	struct listing *l = ctx;
	struct flow flow;

	if (conntrack_msg_get(nlh, &flow) && flow_passes(&flow, l->filter) && !flow_again(&l->latest, &flow))
		l->each(l->ctx, &flow);
	return MNL_CB_OK;
}

static int list(struct conntrack *c, struct listing *l, bool in_kernel)
{
	_Alignas(struct nlmsghdr) char buf[CONNTRACK_MSG_MAX] = {0};
	int r = -EINTR;

	for (int i = 0; i < LIST_TRIES && r == -EINTR; i++)
		r = nl_talk(c->nl, conntrack_msg_list(buf, l->filter, in_kernel), listed, l);
	return r;
}

int conntrack_list(struct conntrack *c, const struct flow_filter *filter, void (*each)(void *ctx, const struct flow *),
		   void *ctx)
{
	struct listing l = {.filter = filter, .each = each, .ctx = ctx};
	int r = list(c, &l, true);

	return r == -EINVAL || r == -EOPNOTSUPP ? list(c, &l, false) : r;
}

static void block(struct conntrack *c, const struct flow *flow)
{
	_Alignas(struct nlmsghdr) char buf[CONNTRACK_MSG_MAX] = {0};
	int r = nl_talk(c->nl, conntrack_msg_block(buf, flow), NULL, NULL);

	for (int i = 0; i < BLOCK_TRIES && r == -EEXIST; i++) { /* one of both ends was faster */
		nl_talk(c->nl, conntrack_msg_delete(buf, flow, true), NULL, NULL);
		r = nl_talk(c->nl, conntrack_msg_block(buf, flow), NULL, NULL);
	}
}

int conntrack_cut(struct conntrack *c, const struct flow *flow, const struct ip *server, uint16_t port)
{
	_Alignas(struct nlmsghdr) char buf[CONNTRACK_MSG_MAX] = {0};
	int r = nl_talk(c->nl, conntrack_msg_delete(buf, flow, false), NULL, NULL);

	if (r == 0 && server)
		nl_talk(c->nl, conntrack_msg_delete_back(buf, flow, server, port), NULL, NULL);
	else if (r == 0)
		block(c, flow);
	return r;
}
