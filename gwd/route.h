/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the kernel would send a packet, and what it knows of the one that is to get it: asked from rtnetlink(7) when
 * somebody wants to know, so policy routing and every table count; nothing is kept. */
#ifndef ROUTE_H
#define ROUTE_H

#include "links.h"

struct route_packet {
	struct ip to, from;    /* from: family 0: any address of ours */
	const struct link *in; /* where it arrives; NULL: it begins here */
	uint8_t proto;         /* IPPROTO_*, or 0 */
	uint16_t from_port, to_port; /* 0: not known */
	uint32_t mark;
};
struct route {
	/* 0; -ENETUNREACH: there is none; -EHOSTUNREACH, -EACCES, -EINVAL: one that is unreachable, prohibit, blackhole. What
	 * arrives: -EXDEV: the kernel does not believe that it comes from there; -EHOSTDOWN: the link forwards nothing */
	int error;
	uint32_t ifindex;    /* where it goes out */
	struct ip via;       /* family 0: the destination itself is on the link */
	const char *refusal; /* of an error, where it was found: "blackhole", ...; static */
	struct prefix to;    /* ... and whose route it is; family 0: a rule is it, */
	uint32_t table;      /* ... in this table */
	uint32_t priority;   /* ... this one */
};
int route_get(const struct route_packet *, struct route *ret); /* 0, or -errno when the kernel cannot be asked */

/* A routing rule that asks for a mark. */
struct route_mark {
	uint8_t family;
	uint32_t mark, priority;
	bool inverted; /* it is for all others */
};
/* Of both families, in the order in which packets meet them; caller's. None where the kernel cannot be asked. */
struct route_mark *route_marks(size_t *ret_n);

enum neighbour_state {
	NEIGHBOUR_UNKNOWN, /* nobody asked lately */
	NEIGHBOUR_THERE,
	NEIGHBOUR_OLD,   /* was there; the kernel has not confirmed it lately */
	NEIGHBOUR_ASKED, /* no answer so far, perhaps to whether it is there still */
	NEIGHBOUR_FAILED,
	NEIGHBOUR_PERMANENT, /* written by hand */
	NEIGHBOUR_NOARP,     /* the link needs no such thing */
};
struct neighbour {
	enum neighbour_state state;
	char address[3 * 32]; /* "02:00:00:00:00:01", or "" */
};
int neighbour_get(const struct ip *, uint32_t ifindex, struct neighbour *ret); /* 0 or -errno */
/* The kernel asks it now (ARP, neighbour discovery), as it would for a packet; `n` is what neighbour_get said. */
void neighbour_ask(const struct ip *, uint32_t ifindex, const struct neighbour *n);

#endif
