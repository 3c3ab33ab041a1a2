/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What start, diff, rollback and undo share with apply. Inside of gwd only. */
#ifndef GWD_APPLY_H
#define GWD_APPLY_H

#include "gwd_ingredients.h"

/* Sends the draft down the road and tells what came of it. 0 or -errno plus diag. */
int apply_finish(struct gwd *, struct draft *, const char *what, struct ingredients *, const struct request_options *,
		 struct outcome *ret, struct diag *);
char *apply_disk_hash(const struct gwd *); /* of what is on disk, as "seen" keeps it; NULL when it cannot be read */
/* The draft that returns to `revision` (or to what was before it, for an undo). 0 or -errno plus diag. */
int past_world(struct gwd *, int64_t revision, bool undo, struct draft *, struct ingredients *, uint64_t *ret_hash,
	       struct diag *);

char *hash_text(uint64_t); /* caller's string */

#endif
