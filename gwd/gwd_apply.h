/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What start, diff, rollback and undo share with apply. Inside of gwd only. */
#ifndef GWD_APPLY_H
#define GWD_APPLY_H

#include "gwd_ingredients.h"

/* Sends the draft down the road and tells what came of it. 0 or -errno plus diag. */
int apply_finish(struct gwd *, struct draft *, const char *what, struct ingredients *, const struct request_options *,
		 struct outcome *ret, struct diag *);
char *apply_disk_hash(const struct gwd *); /* of what is on disk, as "seen" keeps it; NULL when it cannot be read */

/* ---- gwd_past.c ---- */

/* A value that something had. */
struct former {
	enum item_kind kind;
	char *name, *before;  /* as in state_each_item; before NULL: was not there */
	bool temporary;
	struct forward *held; /* ITEM_RUNTIME that was held open, which no text can say; owned reference */
	uint64_t age;         /* larger = older */
};
struct formers { /* sorted by kind and name, each once */
	struct former *items;
	size_t n, capacity;
	bool temporary; /* they tell of what is temporary or held open too: it goes, and comes back */
};
void formers_free(struct formers *); /* contents */
struct former *formers_add(struct formers *, enum item_kind, const char *name, const char *before); /* not sorted yet */
void formers_settle(struct formers *); /* sorts; of each name the oldest value is left */
bool formers_have(const struct formers *, enum item_kind, const char *name);
/* The draft that puts these in the place of what runs, and `docset` (0 = none) in that of the declared documents. 0 or
 * -errno plus diag. */
int past_return(struct gwd *, const struct formers *, int64_t docset, struct draft *, struct ingredients *,
		uint64_t *ret_hash, struct diag *);
/* The draft that returns to `revision` (or to what was before it, for an undo). 0 or -errno plus diag. */
int past_world(struct gwd *, int64_t revision, bool undo, struct draft *, struct ingredients *, uint64_t *ret_hash,
	       struct diag *);

char *hash_text(uint64_t); /* caller's string */

#endif
