/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the kernel would send a packet, and what it knows of the one that is to get it: asked from rtnetlink(7) when
 * somebody wants to know, so policy routing and every table count; nothing is kept. */
#ifndef ROUTE_H
#define ROUTE_H

#include "addr.h"

struct route {
	/* 0; -ENETUNREACH: there is none; -EHOSTUNREACH, -EACCES, -EINVAL: one that is unreachable, prohibit, blackhole */
	int error;
	uint32_t ifindex;    /* where it goes out */
	struct ip via;       /* family 0: the destination itself is on the link */
	const char *refusal; /* of an error, where it was found: "blackhole", ...; static */
	struct prefix to;    /* ... and whose it is */
	uint32_t table;
};
/* `from` NULL or family 0: any address of ours. 0, or -errno when the kernel cannot be asked. */
int route_get(const struct ip *to, const struct ip *from, struct route *ret);

enum neighbour_state {
	NEIGHBOUR_UNKNOWN, /* nobody asked lately */
	NEIGHBOUR_THERE,
	NEIGHBOUR_OLD,   /* was there; the kernel has not confirmed it lately */
	NEIGHBOUR_ASKED, /* no answer so far */
	NEIGHBOUR_FAILED,
	NEIGHBOUR_PERMANENT, /* written by hand */
	NEIGHBOUR_NOARP,     /* the link needs no such thing */
};
struct neighbour {
	enum neighbour_state state;
	char address[3 * 32]; /* "02:00:00:00:00:01", or "" */
};
int neighbour_get(const struct ip *, uint32_t ifindex, struct neighbour *ret); /* 0 or -errno */

#endif
