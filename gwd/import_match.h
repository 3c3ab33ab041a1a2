/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which packets a rule of somebody else is for: for each thing that a forward can ask about, the values that pass, and in
 * words what no forward can ask about. Values are immutable and live in an arena, so copying one is cheap. Only for
 * import*.c; pure. */
#ifndef IMPORT_MATCH_H
#define IMPORT_MATCH_H

#include "addr.h"
#include "arena.h"
#include "util.h"

enum match_field {
	MATCH_FAMILY, /* 1 byte: NFPROTO_IPV4, _IPV6 */
	MATCH_IFNAME, /* 16 bytes: where it comes in */
	MATCH_FROM,   /* 4 or 16 bytes, as the family is */
	MATCH_TO,     /* ... */
	MATCH_PROTO,  /* 1 byte: IPPROTO_* */
	MATCH_PORT,   /* 2 bytes, network order: the dialled one */
	MATCH_FIELDS
};

enum { SPAN_MAX = 16 };
struct span { /* first to last, both included; in network order */
	uint8_t first[SPAN_MAX], last[SPAN_MAX];
};

struct spans { /* no two of them overlap */
	const struct span *items;
	size_t n;
	bool limited; /* false: every value passes */
};

struct match {
	struct spans fields[MATCH_FIELDS];
	bool never;          /* nothing passes */
	const char *beyond;  /* further conditions, in words; NULL = none */
	const char *comment; /* the rule's own, or NULL */
	bool log;
};

struct span span_of(const void *value, size_t len);   /* only this one */
struct spans spans_of(const struct span *, size_t n); /* borrows */
struct spans one_span(struct arena *, struct span);
struct spans spans_and(struct arena *, struct spans, struct spans);
struct spans spans_not(struct arena *, struct spans, size_t len); /* values are `len` bytes */
bool spans_meet(struct spans, struct spans);
bool spans_same(struct spans, struct spans);

void match_narrow(struct match *, struct arena *, enum match_field, struct spans);
void match_beyond(struct match *, struct arena *, const char *words); /* borrows the words, which are in the arena */
/* Some packet may be for both; `whoever` sends it, even where they are for different senders. */
/* Some packet may be for both; `whoever` sends it, even where they are for different senders. */
bool match_meets(const struct match *, const struct match *, bool whoever);

uint8_t match_family(const struct match *);                               /* AF_*; 0 = both */
bool match_ports(const struct match *, size_t i, struct port_range *ret); /* its i-th; false: no more */
/* The prefixes that make up the addresses of the field; the array is the arena's. */
size_t match_prefixes(const struct match *, struct arena *, enum match_field, const struct prefix **ret);
const char *match_ifname(const struct match *, size_t i); /* its i-th; NULL: no more, or not a single name */

/* "tcp 80,443 on eth0 from 198.51.100.0/24". */
void match_text(struct buf *, const struct match *, struct arena *);

#endif
