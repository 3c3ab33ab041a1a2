/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sugar only: texts are cut where the short forms have their joints, and each piece keeps the place it was written at,
 * so that whoever judges a piece can point at it. No piece is judged here, except where it cannot be told what the
 * user meant. The one key that has another name on the wire (`port`, there `ports`) is translated here too; `ports`
 * itself is therefore unknown here, as `port` is unknown on the wire. */
#include "service.h"

#include <ctype.h>

#include "addr.h"
#include "util.h"

/* The place `offset` characters into a scalar. Escapes and folded lines would need the source; nobody writes an
 * address with them. */
static struct loc inside(const struct node *scalar, size_t offset)
{
	struct loc loc = scalar->loc;

	if (loc.col)
		loc.col += (uint32_t)(offset + scalar->quoted);
	return loc;
}

static struct node *piece(struct arena *a, const struct node *scalar, const char *from, const char *to)
{
	return node_text(a, inside(scalar, (size_t)(from - scalar->text)), from, (size_t)(to - from));
}

/* "80, 443" appends "80" and "443". */
static void split_commas(struct arena *a, const struct node *scalar, struct node *list)
{
	const char *at = scalar->text;

	for (;;) {
		const char *end = at + strcspn(at, ","), *last = end;

		while (at < last && isspace((unsigned char)*at))
			at++;
		while (last > at && isspace((unsigned char)last[-1]))
			last--;
		node_append(a, list, piece(a, scalar, at, last));
		if (!*end)
			return;
		at = end + 1;
	}
}

/* A scalar or a list of scalars becomes a list of texts; anything else passes, to be refused by type. */
static struct node *text_list(struct arena *a, struct node *value)
{
	struct node *list;

	if (value->type != NODE_SCALAR && value->type != NODE_LIST)
		return value;
	list = node_list(a, value->loc);
	if (value->type == NODE_SCALAR && *value->text) {
		split_commas(a, value, list);
		return list;
	}
	for (size_t i = 0; i < value->n; i++) {
		if (value->items[i]->type == NODE_SCALAR)
			split_commas(a, value->items[i], list);
		else
			node_append(a, list, value->items[i]);
	}
	return list;
}

/* Where addr ends and ports begin; *ret_ports NULL when there are none. False: cannot be told. */
static bool target_split(const char *text, const char **ret_end, const char **ret_ports)
{
	const char *colon = strchr(text, ':'), *close;

	if (text[0] == '[') {
		close = strchr(text, ']');
		if (!close || (close[1] && close[1] != ':'))
			return false;
		*ret_end = close;
		*ret_ports = close[1] ? close + 2 : NULL;
		return true;
	}
	if (colon && strchr(colon + 1, ':')) /* IPv6 */
		colon = NULL;
	*ret_end = colon ? colon : text + strlen(text);
	*ret_ports = colon ? colon + 1 : NULL;
	return true;
}

/* "fd00::10:80": the part before the last colon is an IPv6 address too, and what follows looks like a port. */
static bool port_glued(struct arena *a, const char *text)
{
	const char *last = strrchr(text, ':');
	struct port_range ports;
	struct ip ip;

	if (!last || text[0] == '[' || strlen(last) < 3 || !port_range_parse(last + 1, &ports))
		return false;
	return ip_parse(arena_strndup(a, text, (size_t)(last - text)), &ip) && ip.family == AF_INET6;
}

static void warn_glued(struct diag *diag, const struct node *scalar)
{
	const char *last = strrchr(scalar->text, ':');
	int len = (int)(last - scalar->text);

	if (scalar->loc.file)
		diag_warn(diag, "%s:%u: '%s' is read as an address without a port; for port %s write \"[%.*s]:%s\"",
			  scalar->loc.file, scalar->loc.line, scalar->text, last + 1, len, scalar->text, last + 1);
	else
		diag_warn(diag, "'%s' is read as an address without a port; for port %s write \"[%.*s]:%s\"",
			  scalar->text, last + 1, len, scalar->text, last + 1);
}

static struct node *target_text_to_map(struct arena *a, const struct node *scalar, struct diag *diag)
{
	struct node *map = node_map(a, scalar->loc), *addr;
	const char *text = scalar->text, *end, *ports, *last = strrchr(text, ':');
	struct ip ip;

	if (!target_split(text, &end, &ports)) {
		diag_add(diag, DIAG_INVALID, scalar->loc, "to: '%s' cannot be read; expected \"[ADDR]:PORT\"", text);
		return NULL;
	}
	if (!ports && port_glued(a, text)) {
		if (!ip_parse(text, &ip)) {
			diag_add(diag, DIAG_INVALID, scalar->loc,
				 "to: an IPv6 address with a port needs brackets, and quotes in YAML: \"[%.*s]:%s\"",
				 (int)(last - text), text, last + 1);
			return NULL;
		}
		warn_glued(diag, scalar);
	}
	addr = piece(a, scalar, text + (text[0] == '['), end);
	node_set(a, map, "addr", addr);
	if (ports)
		node_set(a, map, "port", piece(a, scalar, ports, text + strlen(text)));
	return map;
}

/* The same map with `port` as text, so that JSON carries a string whatever YAML tools make of 8080. */
static struct node *target_map(struct arena *a, const struct node *value)
{
	struct node *map = node_map(a, value->loc);

	for (size_t i = 0; i < value->n; i++) {
		struct node *item = value->items[i];

		if (item->type == NODE_SCALAR && !streq(value->keys[i]->text, "weight"))
			item = node_scalar(a, item->loc, item->text, true);
		node_pair(a, map, value->keys[i], item);
	}
	return map;
}

static struct node *target_list(struct arena *a, struct node *value, struct diag *diag)
{
	struct node *list = node_list(a, value->loc), *target;
	size_t n = value->type == NODE_LIST ? value->n : 1;

	if (value->type == NODE_NULL)
		return value;
	for (size_t i = 0; i < n; i++) {
		struct node *item = value->type == NODE_LIST ? value->items[i] : value;

		if (item->type == NODE_SCALAR)
			target = *item->text ? target_text_to_map(a, item, diag) : NULL;
		else
			target = item->type == NODE_MAP ? target_map(a, item) : item;
		if (target)
			node_append(a, list, target);
		else if (!*item->text && value->type == NODE_LIST)
			diag_add(diag, DIAG_INVALID, item->loc,
				 "to: an empty text is no target; expected ADDR or ADDR:PORT");
	}
	return list;
}

struct node *service_canonical(struct arena *a, const struct node *entry, struct diag *diag)
{
	static const char *const texts[] = {"name", "description", "proto", "listen"};
	struct node *map;

	if (entry->type != NODE_MAP) {
		diag_add(diag, DIAG_INVALID, entry->loc,
			 "a service is a map of keys, such as '- port: 80' with 'to: 192.168.0.102' below it");
		return NULL;
	}
	map = node_map(a, entry->loc);
	for (size_t i = 0; i < entry->n; i++) {
		struct node *key = entry->keys[i], *value = entry->items[i];

		if (streq(key->text, "ports")) {
			diag_add(diag, DIAG_INVALID, key->loc, "unknown key 'ports', did you mean 'port'?");
			continue;
		}
		if (streq(key->text, "port")) {
			key = node_scalar(a, key->loc, "ports", true);
			value = text_list(a, value);
		} else if (streq(key->text, "to")) {
			value = target_list(a, value, diag);
		} else if (streq(key->text, "from")) {
			value = text_list(a, value);
		}
		for (size_t t = 0; t < ARRAY_SIZE(texts); t++)
			if (streq(key->text, texts[t]) && value->type == NODE_SCALAR && !value->quoted)
				value = node_scalar(a, value->loc, value->text, true);
		node_pair(a, map, key, value);
	}
	return map;
}
