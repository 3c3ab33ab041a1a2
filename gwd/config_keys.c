/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every map that a user writes is read through a table, so that all keys, of file and socket, now and later ones, are
 * answered alike. A key that this version does not act on is never accepted and ignored: a firewall that looks
 * configured and is not would be worse than none. */
#include "config_keys.h"

#include "addr.h"
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

static void read_known(const struct key *k, const struct node *value, void *ctx, struct diag *diag)
{
	if (value->type == NODE_NULL)
		diag_add(diag, DIAG_INVALID, value->loc, "%s has no value; give it one, or remove the key",
			 key_label(k, value));
	else
		k->read(ctx, k, value, diag);
}

void keys_read_one(const struct keys *keys, const struct node *key, const struct node *value, void *ctx,
		   struct diag *diag)
{
	const struct key *k = find(keys, key->text);

	if (k)
		read_known(k, value, ctx, diag);
	else
		unknown(keys, key, diag);
}

static bool is_empty(const struct node *value)
{
	return (value->type == NODE_SCALAR && !*value->text) || (value->type == NODE_LIST && value->n == 0);
}

void keys_read(const struct keys *keys, const struct node *map, bool empty_resets, void *ctx, struct diag *diag)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct key *k = find(keys, map->keys[i]->text);

		if (!k || !empty_resets || !is_empty(map->items[i]))
			keys_read_one(keys, map->keys[i], map->items[i], ctx, diag);
		else if (k->reset)
			k->reset(ctx);
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

/* ---- Later -------------------------------------------------------------------------------------- */

static bool word_in(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = words; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (len && strncmp(at, word, len) == 0 && (at[len] == '|' || !at[len]))
			return true;
	}
	return false;
}

void key_not_yet(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	(void)ctx;
	diag_add(diag, DIAG_INVALID, value->loc, "'%s' is not yet supported by this version of gwd; remove it",
		 key_label(k, value));
}

/* A plain boolean stands for the word that YAML tools write it for: `mss_clamp: off` comes back as `false`. */
static const char *choice_word(const struct key *k, const struct node *value)
{
	bool on;

	if (!doc_bool(value, &on))
		return value->text;
	if (word_in(k->now, "true") || word_in(k->now, "false"))
		return on ? "true" : "false";
	return on ? "on" : "off";
}

static void wrong_choice(const struct key *k, const struct node *value, const char *more, struct diag *diag)
{
	_cleanup_(freep) char *words = xasprintf("%s%s%s", k->now, *k->now ? "|" : "", k->later);
	_cleanup_(buf_free) struct buf text = {0};

	for (char *at = words, *next; at; at = next) {
		next = strchr(at, '|');
		if (next)
			*next++ = '\0';
		buf_printf(&text, "%s%s", at == words ? "" : next || more ? ", " : " or ", at);
	}
	diag_add(diag, DIAG_INVALID, value->loc, "%s: expected %s%s, not '%s'", key_label(k, value), text.data,
		 more ? more : "", value->text);
}

static void choose(const struct key *k, const struct node *value, bool address, struct diag *diag)
{
	const char *word;
	struct ip ip;

	if (!key_text(k, value, diag))
		return;
	word = choice_word(k, value);
	if (word_in(k->now, word))
		return;
	if (word_in(k->later, word) || (address && ip_parse(word, &ip)))
		diag_add(diag, DIAG_INVALID, value->loc,
			 "'%s: %s' is not yet supported by this version of gwd; remove it", key_label(k, value), word);
	else
		wrong_choice(k, value, address ? " or an IP address" : NULL, diag);
}

void key_choice(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	(void)ctx;
	choose(k, value, false, diag);
}

void key_snat(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	(void)ctx;
	choose(k, value, true, diag);
}
