/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What other people's tables do to our forwards and open ports. Inside of gwd only. */
#ifndef GWD_FOREIGN_H
#define GWD_FOREIGN_H

#include "road.h"

struct others *others_new(void);
void others_free(struct others *); /* NULL is fine */

/* Somebody changed a table that is not ours: all are looked at again, at once or, if that was done since the last
 * others_settle, with the next one (so whoever changes rules all the time does not take all of ours). What is new is
 * logged once, and so is what is over. */
void others_changed(struct gwd *);
void others_settle(struct gwd *); /* with gwd_settle */
/* Those below answer somebody, so they look at once. */

/* The tables as they are now, until the next call of any of these; NULL: they cannot be read. */
const struct foreign *others_tables(struct gwd *);
/* Warns of what is in the way of these. */
void others_warn(struct gwd *, const struct forward *const *, size_t n, struct diag *warnings);
void others_warn_opening(struct gwd *, const struct opening *, struct diag *warnings);
/* ... of everything that runs; what is found is the status's, until the next call. */
void others_status(struct gwd *, struct gwd_status *ret, struct diag *warnings);

#endif
