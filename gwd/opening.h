/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports of the gateway itself that stay reachable where `gateway:` protects the others (INTERFACE section 1, key
 * `gateway.open`). Plain values. Pure. */
#ifndef OPENING_H
#define OPENING_H

#include "forward.h"

/* Its key is (in, proto, port). */
enum opening_in { OPENING_WAN, OPENING_DMZ };
struct opening {
	enum opening_in in;
	uint8_t protos; /* enum proto bits */
	struct port_range ports;
	struct prefix *from; /* both families, sorted, none inside another; none and not `local`: anyone. Owned */
	size_t n_from;
	bool local;             /* from the directly connected networks (too) */
	int64_t expires;        /* runtime ones: seconds since the epoch; 0 = never */
	enum lifetime lifetime; /* runtime ones */
	struct loc loc;         /* where it is declared; file NULL = runtime */
	bool extra;             /* declared in a file of gwd.d */
	bool over;              /* its time is, or the clock cannot say: it opens nothing (kept by gwd_expire.c) */
};
void opening_free(struct opening *);                               /* contents */
void openings_free(struct opening *, size_t n);                    /* the array too */
bool opening_same(const struct opening *, const struct opening *); /* but for place and lifetime */
bool openings_same(const struct opening *, size_t n, const struct opening *, size_t n_other);
bool opening_same_key(const struct opening *, const struct opening *);
char *opening_key(const struct opening *); /* "wan tcp 22"; caller's string */
/* They share (in, proto, port). */
bool opening_overlaps(const struct opening *, const struct opening *);
/* "tcp 22 from local", "udp 53 in dmz". Caller's string. */
char *opening_text(const struct opening *);
char *opening_place(const struct opening *); /* "gwd.yaml:12", or "runtime"; caller's string */

struct opening_list {
	struct opening *items;
	size_t n, capacity;
};
struct opening *opening_list_add(struct opening_list *, const struct opening *); /* a copy of its own */
void opening_list_free(struct opening_list *);                                   /* contents */

#endif
