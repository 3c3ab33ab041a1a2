/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gwd.c (start) and gwd_view.c (diff) share with apply: the ingredients of a world. Inside of gwd only. */
#ifndef GWD_APPLY_H
#define GWD_APPLY_H

#include "road.h"

struct ingredients { /* all but the declared documents */
	struct forward **runtime; /* owned references */
	size_t n_runtime, runtime_capacity;
	struct named_override *overrides;
	size_t n_overrides, overrides_capacity;
	struct strings gone;         /* names of runtime ones of another boot: their rows go */
	struct forward **ended;      /* runtime ones whose time is up; owned references */
	size_t n_ended, ended_capacity;
	struct opening_list open; /* runtime ones */
	struct named_order *orders;
	size_t n_orders, orders_capacity;
	struct settled settled; /* filled by draft_world */
};
void ingredients_free(struct ingredients *);
void ingredients_live(const struct gwd *, struct ingredients *ret);
int ingredients_stored(const struct gwd *, struct ingredients *ret, struct diag *); /* out of the database */

/* The world and topology of these, and the rows that their meeting takes. `config` is emptied. */
void draft_world(struct gwd *, struct draft *, struct config *config, struct ingredients *);
/* After that draft: what ended is cut where it says so. Returns how many connections. */
size_t ingredients_cut(const struct gwd *, const struct ingredients *, struct diag *warnings);
/* The draft that returns to `revision` (or to what was before it, for an undo). 0 or -errno plus diag. */
int past_world(struct gwd *, int64_t revision, bool undo, struct draft *, struct ingredients *, uint64_t *ret_hash,
	       struct diag *);

/* A runtime forward out of its row; NULL plus diag. */
struct forward *stored_forward(const char *name, const char *service, struct diag *);
char *hash_text(uint64_t); /* caller's string */

#endif
