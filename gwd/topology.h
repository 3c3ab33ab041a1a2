/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which interfaces face outside and inside, and where forwards listen: settings and rtnetlink's facts in, a plain
 * value out. Pure. */
#ifndef TOPOLOGY_H
#define TOPOLOGY_H

#include "config.h"
#include "links.h"
#include "util.h"

enum zone { ZONE_NONE, ZONE_WAN, ZONE_LAN, ZONE_DMZ };
const char *zone_name(enum zone); /* static */

struct interface { /* named in the settings, remembered as wan or present now; sorted by name */
	char name[IFNAMSIZ];
	enum zone zone;
	bool present;
	bool l3;             /* see struct link; not loopback */
	bool bridge;
	bool narrow;         /* TCP through it is better told so: its MTU is below Ethernet's 1500 (PPP, tunnels) */
	bool from_route;     /* wan because it holds a default route (now or when last seen) */
	bool former;         /* in no zone now, but was wan by its default route once: still outside */
	enum zone overridden; /* what the file says it is, where it holds the default route: wan wins */
};

struct local_address { /* sorted by ip; one entry per ip, that of a wan interface if several have it */
	struct ip ip;
	uint8_t prefix_len;
	char ifname[IFNAMSIZ];
};

struct topology {
	struct interface *interfaces;
	size_t n_interfaces;
	struct local_address *addresses;
	size_t n_addresses;
	struct prefix *networks; /* directly connected ones of l3 interfaces, link-local IPv6 apart; both families,
				  * sorted, none inside another */
	size_t n_networks;
	bool wan_known; /* at least one wan interface is named or was seen; a pattern that matches none is not enough */
};

/* The wan interfaces found by default route, over restarts. */
struct wan_memory {
	struct strings last;   /* when there last was a default route: wan again while there is none */
	struct strings former; /* before those: what they face has not become the inside */
};
void wan_memory_free(struct wan_memory *);
/* Takes in what `t` found; true when something is new. */
bool wan_memory_update(struct wan_memory *, const struct settings *, const struct topology *t);

/* While `wan` is not set, the interfaces of the default routes are wan, and those remembered while there is none. */
struct topology *topology_build(const struct settings *, const struct facts *, const struct wan_memory *);
void topology_free(struct topology *);
void topology_freep(struct topology **);
bool topology_same(const struct topology *, const struct topology *);

const struct interface *topology_interface(const struct topology *, const char *name); /* or NULL */
const struct local_address *topology_address(const struct topology *, const struct ip *); /* or NULL */
/* The address in whose network `ip` is: that of the narrowest one, of several such `preferred` (or NULL) or else the first.
 * NULL: it is routed further. */
const struct local_address *topology_neighbour(const struct topology *, const struct ip *,
					       const struct local_address *preferred);
bool topology_is_local(const struct topology *, const struct ip *);
/* One NIC: the single l3 interface besides loopback that carries addresses; NULL when there are more, or none. */
const struct interface *topology_one_nic(const struct topology *);
/* A dmz that cannot be kept apart from another zone in the same network: its address. `each` takes the text. */
typedef void (*topology_each)(void *ctx, const struct local_address *dmz, char *text);
void topology_shared(const struct topology *, topology_each each, void *ctx);
/* Warns of zones that are not, or cannot be, what the file says. */
void topology_warn(const struct topology *, struct diag *);
bool ifname_matches(const char *pattern, const char *name); /* '*' only at the end */

#endif
