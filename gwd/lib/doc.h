/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents with locations: YAML (libyaml's events) or JSON (jansson) as one tree of nodes, so that
 * file and socket share every later check. The only file that includes libyaml. */
#ifndef DOC_H
#define DOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "diag.h"

enum node_type { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_type type;
	bool quoted; /* scalar written in quotes, or a JSON string: never a boolean or null */
	struct loc loc;
	const char *text;    /* scalar; numbers and booleans as they were written */
	size_t n;            /* list and map: number of items */
	struct node **items; /* list: values; map: values of keys[] */
	struct node **keys;  /* map: scalar nodes, unique */
};

struct doc_handler {
	/* One key of the top-level map with its whole value. Nodes live until the call returns. */
	void (*pair)(void *ctx, const struct node *key, const struct node *value);
	/* One item of a top-level list that is under the key `streamed` (one item's nodes alive at a time). */
	void (*item)(void *ctx, const struct node *item);
	const char *streamed;
	void *ctx;
};

#define DOC_DEPTH_MAX 16     /* lists and maps inside each other */
#define DOC_KEYS_MAX 128     /* of one map: duplicates are searched pair by pair */
#define DOC_NODES_MAX 100000 /* in one pair or item: what is alive at a time */

/* Reads one YAML document whose top level is a map. Every mistake goes to `diag` with `file`; an empty document is
 * an empty map. YAML traps (tabs, unquoted IPv6 with port, duplicate keys, aliases, several documents) get a human
 * sentence. Bounded depth (16). False when the text could not be read to its end. `file` must be interned. */
bool doc_read_yaml(const char *text, size_t len, const char *file, const struct doc_handler *, struct diag *);

/* The same tree from one JSON value; loc.file is NULL. Null members are left out. Allocated in `arena`. */
struct node *doc_from_json(struct arena *, const json_t *);
json_t *doc_to_json(const struct node *); /* all scalars become strings, except plain true/false and whole numbers */

const struct node *doc_get(const struct node *map, const char *key); /* value or NULL */
/* Booleans as YAML 1.1 writes them (yes/no/on/off/true/false, unquoted), or JSON's. False when it is none. */
bool doc_bool(const struct node *, bool *ret);

/* A tree under construction (gwctl's options, canonical forms, tests). Texts are copied into the arena. */
struct node *node_map(struct arena *, struct loc);
struct node *node_list(struct arena *, struct loc);
struct node *node_scalar(struct arena *, struct loc, const char *text, bool quoted);
struct node *node_text(struct arena *, struct loc, const char *text, size_t len); /* quoted, of `len` bytes */
void node_set(struct arena *, struct node *map, const char *key, struct node *value); /* in place of the old one */
void node_pair(struct arena *, struct node *map, struct node *key, struct node *value); /* the key must be new */
void node_append(struct arena *, struct node *list, struct node *value);

#endif
