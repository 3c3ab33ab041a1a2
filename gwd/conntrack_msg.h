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

#endif
