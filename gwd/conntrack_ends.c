/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every connection of the network namespace that ends is told, ours or not: they cannot be told apart before they are
 * read, so reading one has to be cheap. */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "conntrack.h"
#include "conntrack_msg.h"
#include "nl.h"
#include "util.h"

struct conntrack_ends {
	struct nl *nl;
};

int conntrack_ends_open(size_t buffer, struct conntrack_ends **ret)
{
	struct conntrack_ends *e = xcalloc(1, sizeof(*e));
	int size = (int)(buffer / 2); /* the kernel doubles it */
	int r = nl_open(NETLINK_NETFILTER, &e->nl);

	if (r == 0 && setsockopt(nl_fd(e->nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
	    setsockopt(nl_fd(e->nl), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
		r = -errno;
	if (r < 0) {
		conntrack_ends_close(e);
		return r;
	}
	*ret = e;
	return 0;
}

void conntrack_ends_close(struct conntrack_ends *e)
{
	if (!e)
		return;
	nl_close(e->nl);
	free(e);
}

int conntrack_ends_listen(struct conntrack_ends *e, bool on)
{
	return on ? nl_join(e->nl, NFNLGRP_CONNTRACK_DESTROY) : nl_leave(e->nl, NFNLGRP_CONNTRACK_DESTROY);
}

int conntrack_ends_fd(const struct conntrack_ends *e)
{
	return nl_fd(e->nl);
}

struct reader {
	void (*each)(void *ctx, const struct flow *);
	void *ctx;
};

static void take(void *ctx, const struct nlmsghdr *nlh)
{
	const struct reader *to = ctx;
	struct flow flow;

	if (nlh->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE) && conntrack_msg_get(nlh, &flow))
		to->each(to->ctx, &flow);
}

bool conntrack_ends_read(struct conntrack_ends *e, void (*each)(void *ctx, const struct flow *), void *ctx)
{
	struct reader to = {each, ctx};

	return nl_events(e->nl, take, &to) > 0;
}
