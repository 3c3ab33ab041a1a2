/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that the kernel tracks: which there are, an end to one, and which have ended. conntrack.c and
 * conntrack_ends.c are the real ones (ctnetlink); tests/fake/conntrack.c replaces them at link time. Which of them are
 * stale is road_flows.c's business, whose traffic they are traffic.c's. */
#ifndef CONNTRACK_H
#define CONNTRACK_H

#include "addr.h"

#define FLOW_LABELS_LEN 16 /* bytes of a connection's labels */
#define FLOW_TUPLE_MAX 96

enum { FROM_CLIENT, TO_CLIENT, DIRECTIONS };

struct flow {
	uint8_t proto;               /* IPPROTO_* */
	struct ip from, to;          /* as the client sees it */
	uint16_t from_port, to_port; /* host order; 0 where the protocol has none */
	struct ip server;            /* who answers: another than `to` where it is translated */
	uint16_t server_port;
	bool translated;                 /* its destination was */
	bool ended;                      /* TCP that was closed and is only remembered */
	const char *state;               /* static: "established"; of what has no states "unreplied", "replied", "assured" */
	bool counted;                    /* these are known (nf_conntrack_acct was on when it began) */
	uint64_t packets[DIRECTIONS], bytes[DIRECTIONS]; /* bytes of whole IP packets */
	int64_t began;                   /* seconds since the epoch; 0 = not known (nf_conntrack_timestamp) */
	uint8_t labels[FLOW_LABELS_LEN]; /* an array of unsigned long, as in the kernel */
	/* How the kernel names it; for conntrack_cut. */
	uint8_t tuple[FLOW_TUPLE_MAX]; /* payload of CTA_TUPLE_ORIG */
	uint16_t tuple_len, zone;
	uint32_t id;
	uint32_t timeout; /* seconds until it is forgotten */
};

struct flow_filter {
	uint8_t family, proto; /* AF_INET or AF_INET6, IPPROTO_*; 0 = any */
	uint16_t port;         /* that was dialled, host order; 0 = any */
	bool translated;       /* only those whose destination was */
};
bool flow_passes(const struct flow *, const struct flow_filter *);

struct conntrack;

int conntrack_open(struct conntrack **ret); /* 0 or -errno */
void conntrack_close(struct conntrack *);
/* Calls `each` once for every connection that the filter lets through: one walk through the kernel's whole table, which costs
 * milliseconds, whatever comes out of it. 0 or -errno. */
int conntrack_list(struct conntrack *, const struct flow_filter *, void (*each)(void *ctx, const struct flow *),
		   void *ctx);
/* Ends this very connection. The client's next packet is to reach `server`: if that one has been sending to the client by
 * itself, this is ended too, for its answers could not be told from it.
 * With `server` NULL nobody is to have it: its place is taken by a connection to the gateway itself, until it would have
 * been forgotten, but for at most three hours. Otherwise the next packet of a server that goes on sending would make an
 * outgoing connection of it, masqueraded to the very same address and port, and the client would not notice.
 * 0, -ENOENT when it is no more, or another -errno. */
int conntrack_cut(struct conntrack *, const struct flow *, const struct ip *server, uint16_t port);

/* ---- Those that end ------------------------------------------------------------------------------ */

struct conntrack_ends;

/* `buffer`: bytes of those not yet taken, as the kernel counts them (about 1 KiB each). 0 or -errno. */
int conntrack_ends_open(size_t buffer, struct conntrack_ends **ret);
/* From now on the kernel tells of connections that end, if it made them while somebody listened or with
 * nf_conntrack_events=1; or tells nothing. 0 or -errno. */
int conntrack_ends_listen(struct conntrack_ends *, bool on);
void conntrack_ends_close(struct conntrack_ends *); /* NULL is fine */
int conntrack_ends_fd(const struct conntrack_ends *); /* readable = call conntrack_ends_read */
/* Takes what is queued, `each` for every connection. True when some were lost, because more ended than there was room
 * for; how many nobody knows. Never blocks. */
bool conntrack_ends_read(struct conntrack_ends *, void (*each)(void *ctx, const struct flow *), void *ctx);

#endif
