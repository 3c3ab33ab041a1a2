/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What should run: declared + runtime + overrides, brought together under INTERFACE section 2, "File against runtime".
 * Pure. */
#ifndef WORLD_H
#define WORLD_H

#include "config.h"
#include "state.h"
#include "util.h"

struct world {
	struct settings *settings;
	struct forwards *forwards;
	struct opening_list open; /* runtime ones */
};
void world_free(struct world *);
void world_freep(struct world **);

/* An override with the name of its forward. */
struct named_override {
	char *name;
	struct override override;
};

/* What was ordered of a target, by its forward's name and its own text (target_text). */
struct named_order {
	char *name, *target;
	struct order order;
	bool moved; /* world_assemble's own: `name` is the one that it has now */
};
char *order_key(const char *name, const char *target); /* "NAME TARGET", as the database has it; caller's string */
char *target_key(const struct forward *, const struct target *); /* the same of this target */

/* What the world is made of. */
struct parts {
	struct config *config;         /* declared: consumed */
	struct forward **runtime;      /* in order; references stay the caller's */
	size_t n_runtime;
	const struct named_override *overrides;
	size_t n_overrides;
	struct named_order *orders; /* their names follow the forwards that are renamed or absorbed */
	size_t n_orders;
	const struct opening_list *open; /* runtime ones */
};

/* What became of runtime forwards and overrides that the file met, for the database and for the user. */
struct settled {
	struct {
		char *name;
		struct forward *renamed; /* NULL: absorbed by the file, its row goes; otherwise stored under the new name */
	} *runtime;
	size_t n_runtime, runtime_capacity;
	struct strings ended; /* overrides that are no more */
	struct {
		char *key;
		bool remove;
		struct order order;
	} *orders; /* rows to write */
	size_t n_orders, orders_capacity;
	struct opening_list closed; /* runtime openings that are no more */
	struct strings messages;
};
void settled_free(struct settled *);
void settled_say(struct settled *, char *message); /* takes the string */

struct world *world_assemble(struct parts *, struct settled *ret);

/* The declared opening that keeps this runtime one from being in force, or NULL. */
const struct opening *world_over_opening(const struct world *, const struct opening *);
/* Those in force, declared and runtime; no two overlap. The array is the caller's, its contents are borrowed. */
struct opening *world_openings(const struct world *, size_t *ret_n);

/* In words what tells `b` from `a`, one line each: "+ web: tcp 80 -> 10.0.0.2:80", "- ...", "~ ...". Those about settings
 * come first, as YAML; returns how many. */
size_t world_diff(const struct world *a, const struct world *b, struct strings *ret);

#endif
