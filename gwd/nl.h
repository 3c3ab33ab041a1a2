/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One netlink socket over libmnl: requests with an answer, dumps, nf_tables batches. */
#ifndef NL_H
#define NL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl;

/* `bus` NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_SOCK_DIAG; close-on-exec, extended and capped acks. */
int nl_open(int bus, struct nl **ret);
void nl_close(struct nl *);
int nl_fd(const struct nl *);
uint32_t nl_port(const struct nl *); /* ours, as events name it */
uint32_t nl_next_seq(struct nl *);
int nl_join(struct nl *, uint32_t group); /* multicast */
int nl_leave(struct nl *, uint32_t group);
/* Room for `bytes` in one sendmsg (SO_SNDBUFFORCE, else SO_SNDBUF); -EMSGSIZE when it cannot be had. */
int nl_reserve(struct nl *, size_t bytes);

/* Sends `request` (NLM_F_DUMP or not; header complete but for the sequence number, which is set here) and runs `cb`
 * (may be NULL) for every answer, until the kernel says that it was the last one. 0, or -errno (the kernel's or the
 * callback's; -EINTR when the dump was interrupted: start over). Whatever else is in the queue is thrown away: events
 * (nl_join) want a socket of their own. */
int nl_talk(struct nl *, struct nlmsghdr *request, mnl_cb_t cb, void *ctx);

/* Runs `each` for every message that has come by multicast, without waiting. Returns how often some were lost before
 * they could be read. After a great many others get their turn: what is left keeps the descriptor readable. */
size_t nl_events(struct nl *, void (*each)(void *ctx, const struct nlmsghdr *), void *ctx);

/* One error of a batch: sequence number of the message and, when the kernel told it, the offset of the attribute. */
struct nl_error {
	uint32_t seq;
	uint32_t offset; /* bytes from the start of that message; 0 = not told */
	int error;       /* -errno */
	char text[80];   /* extack message, "" when none */
};
/* Sends a whole batch in one sendmsg and collects its errors until the queue is empty: the number of errors stored
 * (at most `max`), 0 = committed, or -errno (-ENOBUFS: outcome unknown). One message of the batch must ask for an ack:
 * neither error nor ack is an unknown outcome too. */
int nl_batch(struct nl *, const void *batch, size_t len, struct nl_error *errors, size_t max);

#endif
