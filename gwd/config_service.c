/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service is judged key by key, then as a whole; a part that is wrong is left unset, so that the rules between the
 * parts never speak of something already refused, and still all that is wrong is told in one run. */
#include "config_service.h"

#include <string.h>

#include "util.h"

/* ---- Addresses ---------------------------------------------------------------------------------- */

enum ip_kind { IP_HOST, IP_UNSPECIFIED, IP_LOOPBACK, IP_MULTICAST, IP_BROADCAST, IP_LINK_LOCAL, IP_MAPPED };

/* RFC 6890 as far as it matters: what can be neither a host behind us nor an address that others reach us at. */
static enum ip_kind ip_kind(const struct ip *ip)
{
	static const struct {
		struct prefix prefix;
		enum ip_kind kind;
	} special[] = {
		{{{AF_INET, {0}}, 8}, IP_UNSPECIFIED},
		{{{AF_INET, {127}}, 8}, IP_LOOPBACK},
		{{{AF_INET, {224}}, 4}, IP_MULTICAST},
		{{{AF_INET, {255, 255, 255, 255}}, 32}, IP_BROADCAST},
		{{{AF_INET6, {0}}, 128}, IP_UNSPECIFIED},
		{{{AF_INET6, {[15] = 1}}, 128}, IP_LOOPBACK},
		{{{AF_INET6, {0xff}}, 8}, IP_MULTICAST},
		{{{AF_INET6, {0xfe, 0x80}}, 10}, IP_LINK_LOCAL},
		{{{AF_INET6, {[10] = 0xff, [11] = 0xff}}, 96}, IP_MAPPED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (prefix_contains(&special[i].prefix, ip))
			return special[i].kind;
	return IP_HOST;
}

static bool target_address(struct node const *value, struct ip *ret, struct diag *diag)
{
	static const char *const why[] = {
		[IP_UNSPECIFIED] = "is no address of a host",
		[IP_LOOPBACK] = "is the gateway's own loopback, which nothing from outside may reach",
		[IP_MULTICAST] = "is a multicast group, not a host",
		[IP_BROADCAST] = "is the broadcast address, not a host",
		[IP_LINK_LOCAL] = "is link-local and cannot be routed to; use another address of that host",
		[IP_MAPPED] = "is an IPv4 address in IPv6 clothes; write it as IPv4",
	};
	enum ip_kind kind;
	struct ip ip;

	if (!ip_parse(value->text, &ip)) {
		diag_add(diag, DIAG_INVALID, value->loc, "to: '%s' is no IP address%s", value->text,
			 strpbrk(value->text, "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ") ? " (names are not resolved)"
											  : "");
		return false;
	}
	kind = ip_kind(&ip);
	if (kind != IP_HOST) {
		diag_add(diag, DIAG_INVALID, value->loc, "to: %s %s", value->text, why[kind]);
		return false;
	}
	*ret = ip;
	return true;
}

/* ---- Keys of a target --------------------------------------------------------------------------- */

static void read_addr(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct target *t = ctx;

	if (key_text(k, value, diag))
		target_address(value, &t->addr, diag);
}

static void port_mistake(const struct node *value, const char *label, struct diag *diag)
{
	const char *text = value->text, *dash = strchr(text, '-');
	_cleanup_(freep) char *turned = NULL;
	struct port_range range;

	if (dash)
		turned = xasprintf("%s-%.*s", dash + 1, (int)(dash - text), text);
	if (turned && port_range_parse(turned, &range))
		diag_add(diag, DIAG_INVALID, value->loc, "%s: '%s' runs backwards; write %s", label, text, turned);
	else
		diag_add(diag, DIAG_INVALID, value->loc,
			 "%s: '%s' is no port; expected 1 to 65535, or a range such as 8000-8010", label, text);
}

static void read_target_port(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct target *t = ctx;

	if (key_text(k, value, diag) && !port_range_parse(value->text, &t->ports))
		port_mistake(value, "to", diag);
}

static void read_weight(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	const char *text = key_text(k, value, diag);
	struct port_range number; /* the same numbers: 1 to 65535 */

	(void)ctx;
	if (!text || streq(text, "1"))
		return;
	if (!port_range_parse(text, &number) || number.first != number.last)
		diag_add(diag, DIAG_INVALID, value->loc, "weight: expected a whole number from 1 to 65535, not '%s'",
			 text);
	else
		key_not_yet(ctx, k, value, diag);
}

static const struct key target_items[] = {
	{.name = "addr", .read = read_addr},
	{.name = "port", .read = read_target_port},
	{.name = "weight", .read = read_weight},
};
const struct keys target_keys = {target_items, ARRAY_SIZE(target_items), "a target"};

/* ---- Keys of a service -------------------------------------------------------------------------- */

static void read_name(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;
	const char *text = key_text(k, value, diag);

	if (!text)
		return;
	if (!forward_name_valid(text)) {
		diag_add(diag, DIAG_INVALID, value->loc,
			 "name: '%s' is no name: up to %d letters, digits, '.', '_' and '-', a letter among them, the "
			 "first "
			 "a letter or digit",
			 text, FORWARD_NAME_MAX);
		return;
	}
	free(f->name);
	f->name = xstrdup(text);
}

static void reset_name(void *ctx)
{
	struct forward *f = ctx;

	free(TAKE_PTR(f->name));
}

static void read_description(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;
	const char *text = key_text(k, value, diag);

	if (!text)
		return;
	if (strlen(text) > FORWARD_DESCRIPTION_MAX)
		diag_add(diag, DIAG_INVALID, value->loc, "description: %zu bytes are too many; at most %d",
			 strlen(text), FORWARD_DESCRIPTION_MAX);
	else if (!text_printable(text))
		diag_add(diag, DIAG_INVALID, value->loc,
			 "description: line breaks, tabs and other control characters are not allowed");
	else {
		free(f->description);
		f->description = *text ? xstrdup(text) : NULL;
	}
}

static void reset_description(void *ctx)
{
	struct forward *f = ctx;

	free(TAKE_PTR(f->description));
}

static void read_proto(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;
	const char *text = key_text(k, value, diag);

	if (text && !proto_parse(text, &f->protos))
		diag_add(diag, DIAG_INVALID, value->loc, "proto: expected tcp, udp, tcp+udp or sctp, not '%s'", text);
}

static void reset_proto(void *ctx)
{
	struct forward *f = ctx;

	f->protos = PROTO_TCP;
}

static void read_listen_address(struct listen *l, const struct node *value, const struct ip *ip, struct diag *diag)
{
	static const char *const why[] = {
		[IP_UNSPECIFIED] = "is no address; leave listen out for every address of the wan interfaces",
		[IP_LOOPBACK] = "is loopback, which nothing from outside reaches",
		[IP_MULTICAST] = "is a multicast group, not an address of this machine",
		[IP_BROADCAST] = "is the broadcast address, not one of this machine",
		[IP_LINK_LOCAL] = "is link-local and cannot be forwarded from; name the interface instead",
		[IP_MAPPED] = "is an IPv4 address in IPv6 clothes; write it as IPv4",
	};
	enum ip_kind kind = ip_kind(ip);

	if (kind == IP_HOST)
		*l = (struct listen){.kind = LISTEN_ADDRESS, .addr = *ip};
	else
		diag_add(diag, DIAG_INVALID, value->loc, "listen: %s %s", value->text, why[kind]);
}

static void read_listen(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;
	const char *text = key_text(k, value, diag);
	struct ip ip;

	if (!text)
		return;
	if (ip_parse(text, &ip)) {
		read_listen_address(&f->listen, value, &ip, diag);
		return;
	}
	if (strchr(text, '*') || streq(text, "any"))
		diag_add(diag, DIAG_INVALID, value->loc,
			 "listen: '%s': one address or one interface; leave listen out for every wan address", text);
	else if (streq(text, "lo"))
		diag_add(diag, DIAG_INVALID, value->loc, "listen: nothing from outside arrives on loopback");
	else if (!ifname_valid(text) || !text_printable(text) || !text[strspn(text, "0123456789.")])
		diag_add(diag, DIAG_INVALID, value->loc, "listen: '%s' is neither an IP address nor an interface name",
			 text);
	else {
		f->listen = (struct listen){.kind = LISTEN_INTERFACE};
		memcpy(f->listen.ifname, text, strlen(text));
	}
}

static void reset_listen(void *ctx)
{
	struct forward *f = ctx;

	f->listen = (struct listen){0};
}

static void reset_ports(void *ctx)
{
	struct forward *f = ctx;

	free(TAKE_PTR(f->ports));
	f->n_ports = 0;
}

/* Marks the ports of `range` in `used`; the first one that was there already, or 0. */
static unsigned mark_ports(uint8_t used[8192], struct port_range range)
{
	for (unsigned port = range.first; port && port <= range.last; port++) {
		if (used[port / 8] & (1U << port % 8))
			return port;
		used[port / 8] |= (uint8_t)(1U << port % 8);
	}
	return 0;
}

static void check_overlaps(const struct forward *f, const struct node *value, const char *label, struct diag *diag)
{
	uint8_t used[8192] = {0};

	for (size_t i = 0; i < f->n_ports; i++) {
		unsigned twice = mark_ports(used, f->ports[i]);

		if (twice)
			diag_add(diag, DIAG_INVALID, value->items[i]->loc, "%s: %u is in this list twice", label,
				 twice);
	}
}

static void read_ports(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	const char *label = key_label(k, value);
	size_t before = diag_count(diag);
	struct forward *f = ctx;

	reset_ports(f);
	if (value->type != NODE_LIST || value->n == 0) {
		diag_add(diag, DIAG_INVALID, value->loc,
			 "%s: expected a port, a range such as 8000-8010, or a list of those", label);
		return;
	}
	f->ports = xcalloc(value->n, sizeof(*f->ports));
	for (size_t i = 0; i < value->n; i++) {
		const struct node *item = value->items[i];

		if (item->type == NODE_NULL)
			diag_add(diag, DIAG_INVALID, item->loc, "%s: an entry of the list is empty", label);
		else if (key_text(k, item, diag) && !port_range_parse(item->text, &f->ports[i]))
			port_mistake(item, label, diag);
	}
	f->n_ports = value->n;
	if (f->n_ports > 1)
		check_overlaps(f, value, label, diag);
	if (diag_count(diag) > before)
		reset_ports(f);
}

static void reset_to(void *ctx)
{
	struct forward *f = ctx;

	free(TAKE_PTR(f->targets));
	f->n_targets = 0;
}

static void read_target(const struct node *item, struct target *ret, struct diag *diag)
{
	*ret = (struct target){.weight = 1};
	if (item->type != NODE_MAP) {
		diag_add(diag, DIAG_INVALID, item->loc, "to: expected ADDR, ADDR:PORT or {addr: ADDR, port: PORT}");
		return;
	}
	keys_read(&target_keys, item, false, ret, diag);
	if (!doc_get(item, "addr"))
		diag_add(diag, DIAG_INVALID, item->loc, "to: addr is missing");
}

static void read_to(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	size_t before = diag_count(diag);
	struct forward *f = ctx;

	reset_to(f);
	if (value->type != NODE_LIST) {
		diag_add(diag, DIAG_INVALID, value->loc, "%s: expected a list of targets", k->name);
		return;
	}
	f->targets = xcalloc(value->n, sizeof(*f->targets));
	f->n_targets = value->n;
	for (size_t i = 0; i < value->n; i++)
		read_target(value->items[i], &f->targets[i], diag);
	if (value->n > 1)
		diag_add(diag, DIAG_INVALID, value->items[1]->loc,
			 "to: several targets are not yet supported by this version of gwd");
	if (diag_count(diag) > before)
		reset_to(f);
}

static void read_enabled(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;

	key_bool(k, value, &f->enabled, diag);
}

static void reset_enabled(void *ctx)
{
	struct forward *f = ctx;

	f->enabled = true;
}

static void read_force(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;

	key_bool(k, value, &f->force, diag);
}

static void reset_force(void *ctx)
{
	struct forward *f = ctx;

	f->force = false;
}

static const struct key service_items[] = {
	{.name = "name", .read = read_name, .reset = reset_name},
	{.name = "description", .read = read_description, .reset = reset_description},
	{.name = "proto", .read = read_proto, .reset = reset_proto},
	{.name = "listen", .read = read_listen, .reset = reset_listen},
	{.name = "ports", .file_name = "port", .read = read_ports, .reset = reset_ports},
	{.name = "to", .read = read_to, .reset = reset_to},
	{.name = "from", .read = key_not_yet},
	{.name = "snat", .read = key_snat, .now = "auto", .later = "routed|always|never"},
	{.name = "enabled", .read = read_enabled, .reset = reset_enabled},
	{.name = "log", .read = key_choice, .now = "false", .later = "true"},
	{.name = "limit", .read = key_not_yet},
	{.name = "expires", .read = key_not_yet},
	{.name = "on_expiry", .read = key_choice, .now = "", .later = "drain|cut"},
	{.name = "force", .read = read_force, .reset = reset_force},
	{.name = "nat", .read = key_choice, .now = "true", .later = "false"},
	{.name = "balance", .read = key_choice, .now = "", .later = "source|round-robin|random"},
};
const struct keys service_keys = {service_items, ARRAY_SIZE(service_items), "a service"};

/* ---- Rules between them ------------------------------------------------------------------------- */

static struct loc loc_of(const struct node *map, const char *key)
{
	const struct node *value = doc_get(map, key);

	return value && value->type == NODE_LIST && value->n ? value->items[0]->loc : value ? value->loc : map->loc;
}

static unsigned range_size(struct port_range r)
{
	return (unsigned)(r.last - r.first) + 1;
}

static bool has_range(const struct forward *f)
{
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports[i].first != f->ports[i].last)
			return true;
	return false;
}

/* One range (or port) to one range: port by port. */
static void check_range(struct port_range from, struct port_range to, struct loc loc, struct diag *diag)
{
	char a[PORTS_TEXT_MAX], b[PORTS_TEXT_MAX];

	if (range_size(from) != range_size(to))
		diag_add(diag, DIAG_INVALID, loc,
			 "to: %s and %s differ in length (%u and %u ports); ranges map port by port",
			 port_range_text(from, a), port_range_text(to, b), range_size(from), range_size(to));
	else if (from.first != to.first && range_size(from) > FORWARD_SHIFT_MAX)
		diag_add(diag, DIAG_INVALID, loc,
			 "to: a range that is moved to other ports may have at most %d ports, not %u",
			 FORWARD_SHIFT_MAX, range_size(from));
}

static void check_mapping(const struct forward *f, const struct target *t, struct loc loc, struct diag *diag)
{
	char text[PORTS_TEXT_MAX], to[PORTS_TEXT_MAX];
	struct port_range from = f->ports[0];
	unsigned last = t->ports.first + range_size(from) - 1;

	if (!t->ports.first)
		return;
	port_range_text(from, text);
	port_range_text(t->ports, to);
	if (t->ports.first != t->ports.last && f->n_ports > 1)
		diag_add(diag, DIAG_INVALID, loc,
			 "to: a list of ports cannot go to the range %s; give each its own service", to);
	else if (t->ports.first != t->ports.last)
		check_range(from, t->ports, loc, diag);
	else if (f->n_ports > 1 && has_range(f))
		diag_add(diag, DIAG_INVALID, loc,
			 "to: a list with a range in it cannot go to the one port %s; leave the port "
			 "out to keep each, or give the range its own service",
			 to);
	else if (f->n_ports == 1 && has_range(f) && last <= UINT16_MAX)
		diag_add(diag, DIAG_INVALID, loc,
			 "to: the range %s cannot go to the one port %s; leave the port out to keep "
			 "each, or write %s-%u",
			 text, to, to, last);
	else if (f->n_ports == 1 && has_range(f))
		diag_add(diag, DIAG_INVALID, loc,
			 "to: the range %s cannot go to the one port %s; leave the port out to keep "
			 "each",
			 text, to);
}

static void check_family(struct forward *f, struct loc loc, struct diag *diag)
{
	f->family = f->targets[0].addr.family;
	if (f->listen.kind == LISTEN_ADDRESS && f->listen.addr.family != f->family)
		diag_add(diag, DIAG_INVALID, loc,
			 "to: listen is an %s address and the target an %s one; both must be of one "
			 "kind",
			 f->listen.addr.family == AF_INET ? "IPv4" : "IPv6", f->family == AF_INET ? "IPv4" : "IPv6");
}

bool config_service_read(struct forward *f, const struct node *map, bool empty_resets, size_t before, struct diag *diag)
{
	if (map->type != NODE_MAP) {
		diag_add(diag, DIAG_INVALID, map->loc, "a service is a map of keys");
		return false;
	}
	keys_read(&service_keys, map, empty_resets, f, diag);
	if (!f->n_ports && (diag_count(diag) == before || !doc_get(map, "ports")))
		diag_add(diag, DIAG_INVALID, map->loc, "%s is missing: which port is forwarded",
			 map->loc.file ? "port" : "ports");
	if (!f->n_targets && (diag_count(diag) == before || !doc_get(map, "to")))
		diag_add(diag, DIAG_INVALID, loc_of(map, "to"), "to is missing: where it is forwarded to");
	for (size_t i = 0; f->n_ports && i < f->n_targets; i++)
		check_mapping(f, &f->targets[i], loc_of(map, "to"), diag);
	if (f->n_targets)
		check_family(f, loc_of(map, "to"), diag);
	return diag_count(diag) == before;
}
