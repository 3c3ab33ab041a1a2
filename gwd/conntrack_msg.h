/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctnetlink messages of connections, to and from values. No I/O: conntrack.c sends what this writes.
 * Linux include/uapi/linux/netfilter/nfnetlink_conntrack.h */
#ifndef CONNTRACK_MSG_H
#define CONNTRACK_MSG_H

#include <libmnl/libmnl.h>

#include "conntrack.h"

#define CONNTRACK_MSG_MAX 512 /* bytes of a request */

/* Each writes one request into `buf` (CONNTRACK_MSG_MAX bytes, aligned like struct nlmsghdr). */
struct nlmsghdr *conntrack_msg_list(void *buf, const struct flow_filter *, bool in_kernel); /* false: only the family */
struct nlmsghdr *conntrack_msg_delete(void *buf, const struct flow *, bool any_id); /* any: whoever has its place now */
/* What that server sends to the client of the flow by itself. */
struct nlmsghdr *conntrack_msg_delete_back(void *buf, const struct flow *, const struct ip *server, uint16_t port);
struct nlmsghdr *conntrack_msg_block(void *buf, const struct flow *); /* see conntrack_cut */

/* One answer to a list, or one connection that ended. False, with `ret` untouched, when it is no connection that can be named. */
bool conntrack_msg_get(const struct nlmsghdr *, struct flow *ret);

#define FLOW_CHAIN_MAX 128 /* entries of one hash chain; Linux keeps them below 80 since 5.15 */
/* The latest of a list, by id. Zeroed = none yet. */
struct flow_latest {
	uint32_t ids[FLOW_CHAIN_MAX];
	size_t n;
};
/* It came just before. The kernel begins a hash chain anew when the entry at which a message was full has gone meanwhile:
 * what had been told of that chain comes again. */
bool flow_again(struct flow_latest *, const struct flow *);

#endif
