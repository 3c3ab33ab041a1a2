/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passed through each forward and each of its targets: sums of connections that have ended, and a reading that adds
 * those that live. A connection belongs to the forward that has the address and port it dialled and the target that
 * serves it, so that two forwards of one port, and translations of others, are told apart. What a target that a forward
 * no longer has did stays with the forward. Nothing is known of forwards that carried nothing. Pure. */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include "arrival.h"
#include "conntrack.h"
#include "util.h"

#define TRAFFIC_FORMER_MAX 16 /* former targets of a forward that are still told apart */

struct traffic_counts {
	int64_t connections;
	int64_t packets[DIRECTIONS], bytes[DIRECTIONS];
};

struct traffic_target {
	struct ip addr;          /* as in struct target; family 0: former ones, together */
	struct port_range ports;
	struct traffic_counts ended; /* of those that ended, less what there was at the reset: may be negative */
	struct traffic_counts told;  /* ended and live at the last reading; never less than what was told before */
	int64_t live;                /* connections at the last reading */
	int64_t seen;                /* when there last was one, seconds since the epoch; 0 = never */
	struct traffic_counts read;  /* traffic.c's own: what the last reading found */
};

struct traffic_row {
	char *name;    /* of the forward */
	int64_t since; /* counted from then on */
	struct traffic_target *targets;
	size_t n, capacity;
	bool dirty; /* not as it was stored */
	struct traffic_row *next; /* all there are; see traffic_stored */
	struct traffic_row *prev; /* traffic.c's own */
};

/* Why totals may be too low. */
enum traffic_missed_kind {
	TRAFFIC_LOST,      /* connections ended faster than that could be taken down */
	TRAFFIC_DOWN,      /* what ended while gwd was not there */
	TRAFFIC_UNCOUNTED, /* connections whose packets the kernel did not count */
	TRAFFIC_MISSED_KINDS
};
struct traffic_missed {
	int64_t from, to; /* seconds since the epoch; to 0 = it did not happen */
};

struct traffic;

struct traffic *traffic_new(void);
void traffic_free(struct traffic *); /* NULL is fine */
struct traffic_row *traffic_first(const struct traffic *);
struct traffic_row *traffic_row(const struct traffic *, const char *name); /* NULL: nothing is known of it */

/* A connection has ended. False when it is no forward's. `now`: seconds since the epoch. O(log n). */
bool traffic_ended(struct traffic *, const struct rules *, const struct flow *, int64_t now);
/* A reading: begin, every connection that lives, end. False when it is no forward's. */
void traffic_begin(struct traffic *);
bool traffic_live(struct traffic *, const struct rules *, const struct flow *, int64_t now);
void traffic_end(struct traffic *);
/* The forward and (may be NULL) the target of its that a connection belongs to, or NULL. */
const struct forward *traffic_forward(const struct traffic *, const struct rules *, const struct flow *,
				      const struct target **ret_target);

/* What the last reading found has not passed; what lives goes on to be counted. */
void traffic_reset(struct traffic_row *, int64_t now);
/* This forward is no more as it was: its targets are remembered under its name, if the table still has that. Otherwise
 * what it carried goes to `heir`, or with NULL is forgotten. */
void traffic_left(struct traffic *, const struct forwards *, const struct forward *left, const char *heir, int64_t now);

/* All that lived has ended without our hearing it: it counts as it was told last, and what comes now counts anew. */
void traffic_all_over(struct traffic_target *);

/* All targets together. */
struct traffic_target traffic_sum(const struct traffic_row *);
/* For what was stored: the row, made where needed, and its target. */
struct traffic_row *traffic_row_make(struct traffic *, const char *name, int64_t since);
struct traffic_target *traffic_target_make(struct traffic_row *, const struct ip *, struct port_range);
void traffic_stored(struct traffic *, struct traffic_row *); /* no longer dirty, and now the last one */
void traffic_forget(struct traffic *, struct traffic_row *);
struct strings *traffic_gone(struct traffic *); /* names of rows that are no more; the caller empties it */

#endif
