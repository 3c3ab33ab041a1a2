/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a new connection to an address of this machine: the rules of compile.c and compile_gateway.c, answered
 * without the kernel, so that a change can be judged before it is made. Pure. */
#ifndef ARRIVAL_H
#define ARRIVAL_H

#include "config.h"
#include "topology.h"

struct rules { /* what they are made of */
	const struct settings *settings;
	const struct topology *topology;
	const struct forwards *forwards; /* the active ones count */
	struct opening *open;            /* declared and runtime ones together, in force */
	size_t n_open;
};

struct arrival { /* its first packet */
	const char *ifname;
	struct ip from, to;
	uint8_t proto; /* enum proto: one bit */
	uint16_t port;
};

enum arrival_fate {
	ARRIVAL_GATEWAY, /* reaches this machine itself, whether somebody listens there or not */
	ARRIVAL_FORWARDED,
	ARRIVAL_NOT_FROM, /* dropped by a forward whose `from` does not have it */
	ARRIVAL_NOT_OPEN, /* dropped because nothing opens the port to it where it arrives */
};

/* *ret_forward (may be NULL): the forward that takes or drops it. Ignores what depends on other connections (`limit`), and
 * other people's rules. O(log of the forwards + openings). */
enum arrival_fate arrival_fate(const struct rules *, const struct arrival *, const struct forward **ret_forward);

/* Those that connections to this address and port may have met, active or not, the most specific first: how many. Of an
 * address that is not ours, or not any more, those that listen on any wan too. O(log n). */
enum { ARRIVAL_ENTRIES = 3 };
size_t arrival_entries(const struct rules *, const struct ip *to, uint8_t proto, uint16_t port,
		       struct forward_entry *ret[ARRIVAL_ENTRIES]);
/* The active forward that a connection to this address and port meets, or NULL; `to` need not be ours. O(log n). */
const struct forward *arrival_forward(const struct rules *, const struct ip *to, uint8_t proto, uint16_t port);
/* Its `from` has the address, or says nothing. */
bool arrival_may_use(const struct forward *, const struct ip *from);

/* Where what comes from `from` to our address `to` arrives, as far as our addresses tell: in the connected network that
 * `from` is in, or else where `to` is. A network behind another router (of the LAN, say) that dials an address of
 * another interface is guessed wrong. */
const char *arrival_interface(const struct topology *, const struct ip *from, const struct ip *to);

/* What `from: local` means: in one of the directly connected networks. */
bool arrival_is_local(const struct topology *, const struct ip *);

#endif
