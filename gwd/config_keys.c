/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every map that a user writes is read through a table, so that all keys, of file and socket alike, are
 * answered alike, and what a key is called is written once. */
#include "config_keys.h"

#include "util.h"

#define KEYS_MAX 32 /* of one table */

static const char *key_name(const struct key *k, bool in_file)
{
	return in_file && k->file_name ? k->file_name : k->name;
}

const char *key_label(const struct key *k, const struct node *value)
{
	return key_name(k, value->loc.file != NULL);
}

static const struct key *find(const struct keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->n; i++)
		if (streq(keys->items[i].name, name))
			return &keys->items[i];
	return NULL;
}

bool keys_in_file(const struct keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->n; i++)
		if (streq(key_name(&keys->items[i], true), name))
			return true;
	return false;
}

static void unknown(const struct keys *keys, const struct node *key, struct diag *diag)
{
	const char *names[KEYS_MAX], *nearest;
	size_t n = 0;

	for (size_t i = 0; i < keys->n && n < KEYS_MAX; i++)
		names[n++] = key_name(&keys->items[i], key->loc.file != NULL);
	nearest = diag->omitted ? NULL : diag_nearest(key->text, names, n); /* nobody will read it */
	if (nearest)
		diag_add(diag, DIAG_INVALID, key->loc, "unknown key '%s', did you mean '%s'?", key->text, nearest);
	else
		diag_add(diag, DIAG_INVALID, key->loc, "unknown key '%s' in %s", key->text, keys->inside);
}

void keys_nested(const struct key *k, const struct node *value, bool empty_resets, void *ctx, struct diag *diag)
{
	_cleanup_(buf_free) struct buf names = {0};

	if (value->type == NODE_MAP) {
		keys_read(k->keys, value, empty_resets, ctx, diag);
		return;
	}
	for (size_t i = 0; i < k->keys->n; i++)
		buf_printf(&names, "%s%s: ...", i ? ", " : "", k->keys->items[i].name);
	diag_add(diag, DIAG_INVALID, value->loc, "%s: expected a map of keys, {%s}", key_label(k, value), names.data);
}

static void read_known(const struct key *k, const struct node *value, bool empty_resets, void *ctx, struct diag *diag)
{
	if (value->type == NODE_NULL)
		diag_add(diag, DIAG_INVALID, value->loc, "%s has no value; give it one, or remove the key",
			 key_label(k, value));
	else if (k->read)
		k->read(ctx, k, value, diag);
	else
		keys_nested(k, value, empty_resets, ctx, diag);
}

static void read_pair(const struct keys *keys, const struct node *key, const struct node *value, bool empty_resets,
		      void *ctx, struct diag *diag)
{
	const struct key *k = find(keys, key->text);

	if (k)
		read_known(k, value, empty_resets, ctx, diag);
	else
		unknown(keys, key, diag);
}

void keys_read_one(const struct keys *keys, const struct node *key, const struct node *value, void *ctx,
		   struct diag *diag)
{
	read_pair(keys, key, value, false, ctx, diag);
}

static bool is_empty(const struct node *value)
{
	return (value->type == NODE_SCALAR && !*value->text) || (value->type == NODE_LIST && value->n == 0);
}

static void reset(const struct keys *keys, const struct key *k, void *ctx)
{
	if (k->reset)
		k->reset(ctx);
	else if (k->size)
		memcpy((char *)ctx + k->offset, (const char *)keys->defaults + k->offset, k->size);
}

void keys_read(const struct keys *keys, const struct node *map, bool empty_resets, void *ctx, struct diag *diag)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct key *k = empty_resets && is_empty(map->items[i]) ? find(keys, map->keys[i]->text) : NULL;

		if (k)
			reset(keys, k, ctx);
		else
			read_pair(keys, map->keys[i], map->items[i], empty_resets, ctx, diag);
	}
}

const char *key_text(const struct key *k, const struct node *value, struct diag *diag)
{
	if (value->type == NODE_SCALAR)
		return value->text;
	diag_add(diag, DIAG_INVALID, value->loc, "%s: expected one value, not a %s", key_label(k, value),
		 value->type == NODE_LIST ? "list" : "map");
	return NULL;
}

bool key_bool(const struct key *k, const struct node *value, bool *ret, struct diag *diag)
{
	const char *text = key_text(k, value, diag);

	if (!text)
		return false;
	if (doc_bool(value, ret))
		return true;
	diag_add(diag, DIAG_INVALID, value->loc, "%s: expected true or false, not '%s'", key_label(k, value), text);
	return false;
}

void key_flag(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	key_bool(k, value, (bool *)((char *)ctx + k->offset), diag);
}

/* ---- One of some words -------------------------------------------------------------------------- */

/* Its place among `words`, or -1. */
static int word_index(const char *words, const char *word)
{
	size_t len = strlen(word);
	int index = 0;

	for (const char *at = words; at; at = strchr(at, '|'), index++) {
		at += *at == '|';
		if (len && strncmp(at, word, len) == 0 && (at[len] == '|' || !at[len]))
			return index;
	}
	return -1;
}

/* A plain boolean stands for the word that YAML tools write it for: `mss_clamp: off` comes back as `false`. */
static const char *choice_word(const struct node *value)
{
	bool on;

	return doc_bool(value, &on) ? on ? "on" : "off" : value->text;
}

int key_choice(const struct key *k, const struct node *value, const char *more, struct diag *diag)
{
	_cleanup_(freep) char *words = xstrdup(k->words);
	_cleanup_(buf_free) struct buf text = {0};
	int index;

	if (!key_text(k, value, diag))
		return -1;
	index = word_index(k->words, choice_word(value));
	if (index >= 0)
		return index;
	for (char *at = words, *next; at; at = next) {
		next = strchr(at, '|');
		if (next)
			*next++ = '\0';
		buf_printf(&text, "%s%s", at == words ? "" : next || more ? ", " : " or ", at);
	}
	diag_add(diag, DIAG_INVALID, value->loc, "%s: expected %s%s, not '%s'", key_label(k, value), text.data,
		 more ? more : "", value->text);
	return -1;
}
