/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ends of what was given for a time, or for as long as somebody holds it (INTERFACE section 2, Leases). Times are
 * seconds since the epoch, 0 = never. Inside of gwd only. */
#ifndef GWD_EXPIRE_H
#define GWD_EXPIRE_H

#include "road.h"

/* That end has come, or the clock cannot say: what has it is not active. */
bool expire_over(const struct gwd *, int64_t expires);
bool expire_ended(const struct gwd *, int64_t expires); /* it has come, for certain */
const char *expire_reason(const struct gwd *);          /* why something that is over is held */
/* 0, or -EINVAL plus diag: `name` cannot be given until then. */
int expire_allowed(const struct gwd *, const char *name, int64_t expires, struct diag *);

/* Start: opens the alarm, and judges the clock by what the database has seen. 0, or -errno plus diag. */
int expire_open(struct gwd *, struct diag *);
void expire_close(struct gwd *);
int expire_store(struct gwd *, struct diag *); /* the time, inside a transaction; 0, or -errno plus diag */
/* Something that ends is there: wake up for it. */
void expire_watch(struct gwd *, int64_t expires);
/* The same for all that the draft has brought. */
void expire_watch_draft(struct gwd *, const struct draft *);
/* Now and then: a clock that was not set may be right by now; what was seen of it is stored. */
void expire_settle(struct gwd *);

#endif
