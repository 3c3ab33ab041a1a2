/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passes through forwards, kept for as long as they are there. Inside of gwd only. */
#ifndef GWD_TRAFFIC_H
#define GWD_TRAFFIC_H

#include "road.h"
#include "traffic.h"

struct ledger;

/* Opens the socket and loads what was stored. 0 or -errno plus diag. */
int traffic_open(struct gwd *, struct diag *);
/* Reads for the last time and stores. NULL inside is fine. */
void traffic_close(struct gwd *);
/* After every change: hears of connections or not, and what left takes its traffic along. */
void traffic_follow(struct gwd *, const struct draft *, const struct delta *);
void traffic_settle(struct gwd *); /* with gwd_settle: stores now and then */

/* Looks at all connections (milliseconds), so that what follows is as of now. 0, -ENODATA when nothing is counted, or
 * -errno; plus diag. */
int traffic_read(struct gwd *, struct diag *);
/* The forward's part of a view: as of the last reading. */
void traffic_view(const struct gwd *, struct forward_view *);

/* ---- gwd_traffic_store.c ------------------------------------------------------------------------- */

/* The connections of ours that live and began before a moment: the same ones as then, if these are the same. */
struct living {
	int64_t before; /* seconds since the epoch; 0 = nothing is known */
	int64_t n, sum; /* of their ids */
};

struct ledger {
	struct traffic *traffic;
	struct conntrack_ends *ends;
	bool listening;
	int64_t stored; /* when, 0 = never */
	bool idle;      /* nothing has changed since */
	bool failed;    /* it could not be, the last time */
	struct traffic_missed missed[TRAFFIC_MISSED_KINDS]; /* the last time of each */
	/* during a reading: */
	uint32_t *ids; /* of connections that it has counted as live */
	size_t n_ids, ids_capacity;
	struct flow *late; /* those among them that ended meanwhile */
	size_t n_late, late_capacity;
	struct living living; /* those that began before what it has there */
	struct living left;   /* as the last gwd left them, if it had the time to say */
	bool leaving;         /* this one says */
};

int traffic_load(struct gwd *, struct diag *);
/* At most `max` rows that changed; true when that was all. Logs a failure once. */
bool traffic_store(struct gwd *, size_t max);

#endif
