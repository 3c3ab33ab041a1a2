/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ingredients of a world. Inside of gwd only. */
#ifndef GWD_INGREDIENTS_H
#define GWD_INGREDIENTS_H

#include "road.h"

struct ingredients { /* all but the declared documents */
	struct forward **runtime; /* owned references */
	size_t n_runtime, runtime_capacity;
	struct named_override *overrides;
	size_t n_overrides, overrides_capacity;
	struct strings gone;         /* names of runtime ones of another boot: their rows go */
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

void ingredients_add_runtime(struct ingredients *, struct forward *); /* takes the reference */
void ingredients_add_override(struct ingredients *, const char *name, const struct override *);
void ingredients_add_order(struct ingredients *, const char *key, const struct order *); /* as order_key has it */
void named_order_free(struct named_order *);                                            /* contents */

/* A runtime forward out of its row; NULL plus diag. */
struct forward *stored_forward(const char *name, const char *service, struct diag *);
/* An opening out of its row: *ret is the caller's. False plus diag. */
bool stored_opening(const char *text, struct opening *ret, struct diag *);

#endif
