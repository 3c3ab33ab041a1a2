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

enum {
	READ_MAX = 1 << 14,  /* bytes */
	READS_MAX = 1 << 14, /* messages at a time: others want to be served too */
};

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

/* Messages of one reading. */
static void take(const void *buf, ssize_t got, void (*each)(void *ctx, const struct flow *), void *ctx)
{
	int len = (int)got;
	struct flow flow;

	for (const struct nlmsghdr *nlh = buf; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
		if (nlh->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE) &&
		    conntrack_msg_get(nlh, &flow))
			each(ctx, &flow);
}

bool conntrack_ends_read(struct conntrack_ends *e, void (*each)(void *ctx, const struct flow *), void *ctx)
{
	_Alignas(struct nlmsghdr) char buf[READ_MAX];
	bool lost = false;

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t got = recv(nl_fd(e->nl), buf, sizeof(buf), MSG_DONTWAIT);

		if (got > 0)
			take(buf, got, each, ctx);
		else if (got < 0 && errno == ENOBUFS)
			lost = true;
		else if (got == 0 || errno != EINTR)
			break;
	}
	return lost;
}
