/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What other programs undo, and how often that is put right: our table, and forwarding where we need it. For gwd*.c,
 * doctor*.c and road*.c only. */
#ifndef GWD_DRIFT_H
#define GWD_DRIFT_H

#include "road.h"

/* Somebody, we perhaps, changed the kernel's forwarding settings. */
void drift_forwarding_changed(struct gwd *);
/* What could not be done yet, or was put off. To be called now and then. */
void drift_settle(struct gwd *);
/* Somebody asked for a change: what was left to others is ours again. */
void drift_forgive(struct gwd *);
bool drift_by_gwd(const struct culprit *); /* another one: two work on one table */
void drift_status(const struct gwd *, struct gwd_status *ret);

#endif
