/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The change that is taken back by itself unless somebody confirms it (INTERFACE section 2, --confirm). One can wait at a
 * time. Inside of gwd only. */
#ifndef GWD_CONFIRM_H
#define GWD_CONFIRM_H

#include "road.h"

struct confirm *confirm_new(void);
void confirm_free(struct confirm *);

/* Start, before anything is read: opens the alarm, and finds what waits. 0, or -errno plus diag. */
int confirm_open(struct gwd *, struct diag *);
bool confirm_waits(const struct gwd *);
bool confirm_touches(const struct gwd *, const struct forward *); /* what waits is about it */
/* Of what waits, which there is: "a change is not confirmed yet (...): gwctl confirm, ...". Caller's string. */
char *confirm_ways(const struct gwd *);
/* Its time is up: also because this is another boot. */
bool confirm_due(const struct gwd *);
/* Start, with what waits in memory: takes it back if that is due, without ever having sent it to the kernel; otherwise
 * the alarm goes on. `rest`: what the start has to write and cut besides, which goes along. 0, or -errno plus diag. */
int confirm_resume(struct gwd *, struct draft *rest, struct diag *);
/* Now and then: what could not be taken back, or not stored, is tried again. */
void confirm_settle(struct gwd *);
/* What this one held open does not come back. */
void confirm_release(struct gwd *, const void *holder);

/* The road: before a draft is taken. 0, or -EBUSY plus diag when it touches what waits, or wants to wait beside it. */
int confirm_judge(struct gwd *, const struct draft *, const struct request_options *, struct diag *);
/* ... inside its transaction, before the rows, `docset` being in force behind it; and once that is durable. */
bool confirm_writes(const struct gwd *, const struct draft *);
int confirm_store(struct gwd *, const struct draft *, const struct request_options *, int64_t docset, int64_t revision,
		  struct diag *);
void confirm_stored(struct gwd *, const struct draft *);

/* undo would reverse what waits, which takes that back: nothing that can be undone is newer. */
bool confirm_newest(const struct gwd *);
int confirm_undo(struct gwd *, const struct request_options *, struct outcome *ret, struct diag *);

#endif
