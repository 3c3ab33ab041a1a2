/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long something lasts, as people say it. */
#ifndef LEASE_H
#define LEASE_H

#include "arguments.h"

/* --for becomes --expires, `now` (seconds since the epoch) being the start, --confirm seconds; false plus diag. */
bool lease_resolve(struct arguments *, int64_t now, struct diag *);
char *lease_left(int64_t seconds); /* "in 1h 59m", or "over"; caller's string */
char *lease_length(int64_t seconds); /* "1h 59m", "0s"; caller's string */
char *lease_ago(int64_t seconds);  /* "2m 5s ago"; caller's string */

#endif
