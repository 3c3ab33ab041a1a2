/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key tables: what a map may hold, who reads each key, and the answers that all keys share (unknown, no value, wrong
 * type, not yet). For config*.c only. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "diag.h"
#include "doc.h"

/* Readers get the `ctx` given to keys_read. They may be given any node but a null. */
struct key {
	const char *name;
	const char *file_name; /* in a file, where it differs from the wire's; NULL = it does not */
	void (*read)(void *ctx, const struct key *, const struct node *value, struct diag *);
	void (*reset)(void *ctx); /* back to the default; NULL: there is nothing to undo */
	/* For key_choice: what this version does anyway, and what is right but comes later; words divided by '|'. */
	const char *now, *later;
};

struct keys {
	const struct key *items;
	size_t n;
	const char *inside; /* where they are, for suggestions: "a service" */
};

/* Reads every pair of `map`; unknown keys are mistakes. `empty_resets`: an empty scalar or list returns a key to its
 * default. */
void keys_read(const struct keys *, const struct node *map, bool empty_resets, void *ctx, struct diag *);
void keys_read_one(const struct keys *, const struct node *key, const struct node *value, void *ctx, struct diag *);
bool keys_in_file(const struct keys *, const char *name); /* whether a file may have it */
const char *key_label(const struct key *, const struct node *value); /* its name where the value was written */

/* The text of a scalar, or NULL plus diag. */
const char *key_text(const struct key *, const struct node *value, struct diag *);
bool key_bool(const struct key *, const struct node *value, bool *ret, struct diag *);

/* Readers of what comes later: accepted only where it says what this version does anyway. */
void key_choice(void *ctx, const struct key *, const struct node *value, struct diag *);  /* one word of now|later */
void key_snat(void *ctx, const struct key *, const struct node *value, struct diag *);    /* ... or an address */
void key_not_yet(void *ctx, const struct key *, const struct node *value, struct diag *);

#endif
