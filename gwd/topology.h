/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which interfaces face outside and inside, and where forwards listen: settings and rtnetlink's facts in, a plain
 * value out. Pure. */
#ifndef TOPOLOGY_H
#define TOPOLOGY_H

#include "config.h"
#include "links.h"

enum zone { ZONE_NONE, ZONE_WAN, ZONE_LAN };

struct interface { /* named in the settings, remembered as wan or present now; sorted by name */
	char name[IFNAMSIZ];
	enum zone zone;
	bool present;
	bool l3;             /* see struct link; not loopback */
	bool from_route;     /* wan because it holds a default route (now or when last seen) */
	bool overridden;     /* named lan in the file, but holds the default route: wan wins */
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
	bool wan_known; /* at least one wan interface is named or was seen; a pattern that matches none is not enough */
};

/* `remembered` are the wan interfaces last found by default route (INTERFACE: "remembered when it is gone"): used while
 * `wan` is not set and no default route exists; with some default routes, those alone are wan. NULL-free names. */
struct topology *topology_build(const struct settings *, const struct facts *, char *const *remembered,
				size_t n_remembered);
void topology_free(struct topology *);
void topology_freep(struct topology **);
bool topology_same(const struct topology *, const struct topology *);

const struct interface *topology_interface(const struct topology *, const char *name); /* or NULL */
const struct local_address *topology_address(const struct topology *, const struct ip *); /* or NULL */
bool topology_is_local(const struct topology *, const struct ip *);
/* One NIC: a single l3 interface besides loopback carries addresses. */
bool topology_one_nic(const struct topology *);
bool ifname_matches(const char *pattern, const char *name); /* '*' only at the end */

#endif
