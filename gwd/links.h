/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rtnetlink says of this machine: links, addresses, default routes; read at start and followed by event. */
#ifndef LINKS_H
#define LINKS_H

#include "addr.h"
#include "diag.h"

struct link {
	uint32_t index;
	char name[IFNAMSIZ];
	bool up;       /* IFF_UP */
	bool carrier;  /* IFF_LOWER_UP */
	bool loopback;
	bool l3;       /* sends and receives IP itself: no bridge or bond above it (a VRF slave is one) */
	bool bridge;
	uint32_t mtu;
};

struct address {
	uint32_t index; /* of its link */
	struct ip ip;
	uint8_t prefix_len; /* whole with a peer, whose network is not ours */
};

struct default_route {
	uint32_t index; /* of the outgoing link */
	uint8_t family;
	uint32_t metric;
};

/* Plain arrays, sorted: links by index, addresses by index and ip, routes by family and index; no twins. */
struct facts {
	struct link *links;
	size_t n_links;
	struct address *addresses; /* usable ones, without IPv6 link-local ones and those of loopback links */
	size_t n_addresses;
	struct default_route *routes; /* unicast default routes of the main table, multipath ones once per hop, also
				       * over a hop that is down; with source prefix or TOS too */
	size_t n_routes;
};
void facts_free(struct facts *);

struct links;
int links_open(struct links **ret, struct diag *); /* joins the groups, then reads everything */
void links_close(struct links *);
int links_fd(const struct links *);               /* readable = call links_read */
const struct facts *links_facts(const struct links *);
/* Takes what is queued; lost events end in a full read. 1 = the facts changed, 0 = they did not, -errno plus diag (what
 * was not read is read by the next call). Never waits for an event. Routes that are no default routes cost nothing:
 * the kernel does not even wake us for them. */
int links_read(struct links *, struct diag *);
/* Somebody, this process perhaps, wrote net.ipv4.ip_forward or net.ipv6.conf.all.forwarding before the last links_read;
 * asked once. */
bool links_forwarding_changed(struct links *);

#endif
