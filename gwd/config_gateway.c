/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry that names several ports is as many openings: one key each, so that `close` can take one of them away. */
#include "config_gateway.h"

#include "config_settings.h"
#include "config_values.h"
#include "util.h"

#define OPENINGS_MAX 1024 /* declared; each is compared with all */

/* ---- Keys of an opening ------------------------------------------------------------------------- */

struct opening_reader {
	struct opening opening; /* its ports are unset */
	struct port_range *ports;
	size_t n_ports;
};

static void opening_reader_free(struct opening_reader *o)
{
	opening_free(&o->opening);
	free(o->ports);
}

static void read_ports(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct opening_reader *o = ctx;

	value_ports(k, value, &o->ports, &o->n_ports, diag);
}

static void read_proto(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct opening_reader *o = ctx;

	value_proto(k, value, &o->opening.protos, diag);
}

static void read_from(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct opening_reader *o = ctx;

	value_prefixes(k, value, &o->opening.local, &o->opening.from, &o->opening.n_from, diag);
}

static void read_in(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct opening_reader *o = ctx;
	int word = key_choice(k, value, NULL, diag);

	if (word >= 0)
		o->opening.in = (enum opening_in)word;
}

static void read_expires(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct opening_reader *o = ctx;

	value_time(k, value, &o->opening.expires, diag);
}

static const struct key opening_items[] = {
	{.name = "port", .read = read_ports}, /* in a file only */
	{.name = "proto", .read = read_proto},
	{.name = "from", .read = read_from},
	{.name = "in", .read = read_in, .words = "wan|dmz"},
	{.name = "ports", .read = read_ports}, /* from here on the wire only */
	{.name = "local", .read = key_flag, KEY_FIELD(struct opening_reader, opening.local)},
	{.name = "expires", .read = read_expires},
};
static const struct keys declared_keys = {opening_items, 4, "gateway.open", NULL};
static const struct keys opening_keys = {opening_items + 1, ARRAY_SIZE(opening_items) - 1, "an opening", NULL};

/* ---- Openings ----------------------------------------------------------------------------------- */

/* `22` and `22/tcp` are what `gwctl open` takes. */
static void not_a_map(const struct node *item, struct diag *diag)
{
	const char *text = item->type == NODE_SCALAR ? item->text : "";
	const char *slash = strchr(text, '/');
	_cleanup_(freep) char *port = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);
	struct port_range range;
	uint8_t protos;

	if (!port_range_parse(port, &range) || (slash && !proto_parse(slash + 1, &protos)))
		diag_add(diag, DIAG_INVALID, item->loc, "open: expected a map such as {port: 22, from: local}");
	else if (slash)
		diag_add(diag, DIAG_INVALID, item->loc, "open: '%s' is written {port: %s, proto: %s}", text, port,
			 slash + 1);
	else
		diag_add(diag, DIAG_INVALID, item->loc, "open: '%s' is written {port: %s}", text, port);
}

static bool read_opening(const struct keys *keys, const struct node *item, struct opening_reader *o, struct diag *diag)
{
	size_t before = diag_count(diag);

	o->opening = (struct opening){.protos = PROTO_TCP, .loc = item->loc};
	if (item->type != NODE_MAP) {
		not_a_map(item, diag);
		return false;
	}
	keys_read(keys, item, false, o, diag);
	if (!o->n_ports && diag_count(diag) == before)
		diag_add(diag, DIAG_INVALID, item->loc, "%s is missing: which port is open",
			 item->loc.file ? "port" : "ports");
	return diag_count(diag) == before;
}

static bool opening_once(const struct settings *s, const struct opening *o, struct diag *diag)
{
	for (size_t i = 0; i < s->n_open; i++) {
		const struct opening *other = &s->open[i];
		_cleanup_(freep) char *text = NULL;

		if (!opening_overlaps(o, other))
			continue;
		text = opening_text(other);
		diag_add(diag, DIAG_INVALID, o->loc, "open: %s is open already at %s:%u:%u", text, other->loc.file,
			 other->loc.line, other->loc.col);
		return false;
	}
	return true;
}

static void add_opening(struct settings_reader *r, const struct opening_reader *o, size_t port, struct diag *diag)
{
	struct settings *s = r->settings;
	struct opening new = o->opening;

	new.ports = o->ports[port];
	new.extra = r->extra;
	if (!opening_once(s, &new, diag))
		return;
	if (s->n_open == OPENINGS_MAX) {
		diag_add(diag, DIAG_INVALID, new.loc, "open: more than %d openings are not supported; use ranges",
			 OPENINGS_MAX);
		return;
	}
	new.from = xcalloc(new.n_from, sizeof(*new.from));
	if (new.n_from)
		memcpy(new.from, o->opening.from, new.n_from * sizeof(*new.from));
	s->open = grow(s->open, s->n_open, &r->open_capacity, sizeof(*s->open));
	s->open[s->n_open++] = new;
}

static void read_open(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;

	if (value->type != NODE_LIST) {
		diag_add(diag, DIAG_INVALID, value->loc, "%s: expected a list, each entry beginning with '- '",
			 k->name);
		return;
	}
	for (size_t i = 0; i < value->n; i++) {
		_cleanup_(opening_reader_free) struct opening_reader o = {0};

		if (!read_opening(&declared_keys, value->items[i], &o, diag))
			continue;
		for (size_t port = 0; port < o.n_ports; port++)
			add_opening(r, &o, port, diag);
	}
}

static const struct key gateway_items[] = {{.name = "open", .read = read_open, .keys = &declared_keys}};
const struct keys gateway_keys = {gateway_items, ARRAY_SIZE(gateway_items), "gateway", NULL};

bool config_opening(const struct node *canonical, struct opening *ret, struct diag *diag)
{
	_cleanup_(opening_reader_free) struct opening_reader o = {0};

	if (!read_opening(&opening_keys, canonical, &o, diag))
		return false;
	if (o.n_ports > 1) {
		diag_add(diag, DIAG_INVALID, canonical->loc, "ports: one port or one range, not %zu", o.n_ports);
		return false;
	}
	*ret = o.opening;
	ret->ports = o.ports[0];
	o.opening.from = NULL;
	return true;
}
