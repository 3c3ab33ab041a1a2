/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key tables: what a map may hold, who reads each key, and the answers that all keys share (unknown, no value, wrong
 * type). For config*.c only. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "diag.h"
#include "doc.h"

/* Readers get the `ctx` given to keys_read. They may be given any node but a null. */
struct key {
	const char *name;
	const char *file_name; /* in a file, where it differs from the wire's; NULL = it does not */
	void (*read)(void *ctx, const struct key *, const struct node *value, struct diag *); /* NULL: keys_nested */
	const struct keys *keys;  /* of the map (or maps) that it holds */
	void (*reset)(void *ctx); /* back to the default; NULL: what is at `offset` is copied from the defaults */
	size_t offset, size;      /* of what `ctx` keeps of it; size 0: there is nothing to undo */
	const char *words;        /* for key_choice, divided by '|' */
};
/* Of a key whose ctx is a STRUCT: where the value is kept. */
#define KEY_FIELD(STRUCT, FIELD) .offset = offsetof(STRUCT, FIELD), .size = sizeof(((STRUCT *)0)->FIELD)

struct keys {
	const struct key *items;
	size_t n;
	const char *inside;   /* where they are, for suggestions: "a service" */
	const void *defaults; /* a ctx, for keys that have `size` and no `reset` */
};

/* Reads every pair of `map`; unknown keys are mistakes. `empty_resets`: an empty scalar or list returns a key to its
 * default, in the maps inside too. */
void keys_read(const struct keys *, const struct node *map, bool empty_resets, void *ctx, struct diag *);
void keys_read_one(const struct keys *, const struct node *key, const struct node *value, void *ctx, struct diag *);
/* The map under a key, by `keys` of that key and with the same `ctx`. */
void keys_nested(const struct key *, const struct node *value, bool empty_resets, void *ctx, struct diag *);
bool keys_in_file(const struct keys *, const char *name);            /* whether a file may have it */
const char *key_label(const struct key *, const struct node *value); /* its name where the value was written */

/* The text of a scalar, or NULL plus diag. */
const char *key_text(const struct key *, const struct node *value, struct diag *);
bool key_bool(const struct key *, const struct node *value, bool *ret, struct diag *);
void key_flag(void *ctx, const struct key *, const struct node *value,
	      struct diag *); /* reader of a bool at `offset` */
/* Which of `words` it is, counted from 0, or -1 plus diag. `more` (or NULL) ends the list of what was expected. */
int key_choice(const struct key *, const struct node *value, const char *more, struct diag *);

/* One value or a list of values, as a list. */
static inline size_t items_of(const struct node *value)
{
	return value->type == NODE_LIST ? value->n : 1;
}
static inline const struct node *item_of(const struct node *value, size_t i)
{
	return value->type == NODE_LIST ? value->items[i] : value;
}

#endif
