/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service is read key by key, then judged as a whole (config_rules.c); a part that is wrong is left unset, so that the
 * rules between the parts never speak of something already refused, and still all that is wrong is told in one run. */
#include "config_service.h"

#include <string.h>

#include "config_values.h"
#include "util.h"

/* ---- Keys of a target --------------------------------------------------------------------------- */

static void read_addr(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	static const char *const why[IP_KINDS] = {
		[IP_UNSPECIFIED] = "is no address of a host",
		[IP_LOOPBACK] = "is the gateway's own loopback, which nothing from outside may reach",
		[IP_MULTICAST] = "is a multicast group, not a host",
		[IP_BROADCAST] = "is the broadcast address, not a host",
		[IP_LINK_LOCAL] = "is link-local and cannot be routed to; use another address of that host",
		[IP_MAPPED] = "is an IPv4 address in IPv6 clothes; write it as IPv4",
	};
	struct target *t = ctx;
	struct ip ip;

	if (!key_text(k, value, diag))
		return;
	if (!ip_parse(value->text, &ip))
		diag_add(diag, DIAG_INVALID, value->loc, "to: '%s' is no IP address%s", value->text,
			 strpbrk(value->text, "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ") ? " (names are not resolved)"
											  : "");
	else if (value_address(value, "to", &ip, why, diag))
		t->addr = ip;
}

static void read_target_port(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct target *t = ctx;

	if (key_text(k, value, diag))
		value_port(value, "to", &t->ports, diag);
}

static void read_weight(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct target *t = ctx;
	unsigned number;

	if (value_number(k, value, FORWARD_WEIGHT_MAX, &number, diag))
		t->weight = (uint16_t)number;
}

static const struct key target_items[] = {
	{.name = "addr", .read = read_addr},
	{.name = "port", .read = read_target_port},
	{.name = "weight", .read = read_weight},
};
const struct keys target_keys = {target_items, ARRAY_SIZE(target_items), "a target", NULL};

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

	value_proto(k, value, &f->protos, diag);
}

static void read_listen_address(struct listen *l, const struct node *value, const struct ip *ip, struct diag *diag)
{
	static const char *const why[IP_KINDS] = {
		[IP_UNSPECIFIED] = "is no address; leave listen out for every address of the wan interfaces",
		[IP_LOOPBACK] = "is loopback, which nothing from outside reaches",
		[IP_MULTICAST] = "is a multicast group, not an address of this machine",
		[IP_BROADCAST] = "is the broadcast address, not one of this machine",
		[IP_LINK_LOCAL] = "is link-local and cannot be forwarded from; name the interface instead",
		[IP_MAPPED] = "is an IPv4 address in IPv6 clothes; write it as IPv4",
	};

	if (value_address(value, "listen", ip, why, diag))
		*l = (struct listen){.kind = LISTEN_ADDRESS, .addr = *ip};
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
	else if (!ifname_plain(text) || !text[strspn(text, "0123456789.")])
		diag_add(diag, DIAG_INVALID, value->loc, "listen: '%s' is neither an IP address nor an interface name",
			 text);
	else {
		f->listen = (struct listen){.kind = LISTEN_INTERFACE};
		memcpy(f->listen.ifname, text, strlen(text));
	}
}

static void reset_ports(void *ctx)
{
	struct forward *f = ctx;

	free(TAKE_PTR(f->ports));
	f->n_ports = 0;
}

static void read_ports(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;

	reset_ports(f);
	if (value->type == NODE_SCALAR) /* the file's short forms are lists by now */
		diag_add(diag, DIAG_INVALID, value->loc, "%s: expected a list of ports and ranges", k->name);
	else
		value_ports(k, value, &f->ports, &f->n_ports, diag);
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
	if (value->n > FORWARD_TARGETS_MAX) {
		diag_add(diag, DIAG_INVALID, value->loc, "%s: at most %d targets, not %zu", k->name,
			 FORWARD_TARGETS_MAX, value->n);
		return;
	}
	f->targets = xcalloc(value->n, sizeof(*f->targets));
	f->n_targets = value->n;
	for (size_t i = 0; i < value->n; i++)
		read_target(value->items[i], &f->targets[i], diag);
	if (diag_count(diag) > before)
		reset_to(f);
}

static void reset_from(void *ctx)
{
	struct forward *f = ctx;

	free(TAKE_PTR(f->from));
	f->n_from = 0;
}

static void read_from(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;

	reset_from(f);
	value_prefixes(k, value, NULL, &f->from, &f->n_from, diag);
}

static void read_snat(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;

	value_snat(k, value, &f->snat, diag);
}

static void read_connections(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;

	if (!value->loc.file && value->type == NODE_SCALAR && streq(value->text, "0"))
		f->limit.connections = 0; /* how a number says on the wire that there is none */
	else
		value_number(k, value, FORWARD_LIMIT_MAX, &f->limit.connections, diag);
}

static void read_rate(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;

	value_rate(k, value, &f->limit, diag);
}

static void reset_rate(void *ctx)
{
	struct forward *f = ctx;

	f->limit.rate = f->limit.per = 0;
}

static void read_expires(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;

	value_time(k, value, &f->expires, diag);
}

static void read_on_expiry(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;
	int word = key_choice(k, value, NULL, diag);

	if (word >= 0)
		f->cut = word == 1;
}

static void read_nat(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;
	bool nat;

	if (key_bool(k, value, &nat, diag))
		f->no_nat = !nat;
}

static void read_balance(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct forward *f = ctx;
	int word = key_choice(k, value, NULL, diag);

	if (word >= 0)
		f->balance = (enum balance)word;
}

#define FIELD(NAME) KEY_FIELD(struct forward, NAME)
static const struct forward defaults = {.protos = PROTO_TCP, .enabled = true};
static const struct key limit_items[] = {
	{.name = "connections", .read = read_connections, FIELD(limit.connections)},
	{.name = "rate", .read = read_rate, .reset = reset_rate},
};
static const struct keys limit_keys = {limit_items, ARRAY_SIZE(limit_items), "limit", &defaults};

static const struct key service_items[] = {
	{.name = "name", .read = read_name, .reset = reset_name},
	{.name = "description", .read = read_description, .reset = reset_description},
	{.name = "proto", .read = read_proto, FIELD(protos)},
	{.name = "listen", .read = read_listen, FIELD(listen)},
	{.name = "ports", .file_name = "port", .read = read_ports, .reset = reset_ports},
	{.name = "to", .read = read_to, .keys = &target_keys, .reset = reset_to},
	{.name = "from", .read = read_from, .reset = reset_from},
	{.name = "snat", .read = read_snat, .words = SNAT_WORDS, FIELD(snat)},
	{.name = "enabled", .read = key_flag, FIELD(enabled)},
	{.name = "log", .read = key_flag, FIELD(log)},
	{.name = "limit", .keys = &limit_keys, FIELD(limit)},
	{.name = "expires", .read = read_expires, FIELD(expires)},
	{.name = "on_expiry", .read = read_on_expiry, .words = "drain|cut", FIELD(cut)},
	{.name = "force", .read = key_flag, FIELD(force)},
	{.name = "nat", .read = read_nat, FIELD(no_nat)},
	{.name = "balance", .read = read_balance, .words = "source|round-robin|random", FIELD(balance)},
};
const struct keys service_keys = {service_items, ARRAY_SIZE(service_items), "a service", &defaults};

/* ---- The whole ---------------------------------------------------------------------------------- */

bool config_service_read(struct forward *f, const struct node *map, bool empty_resets, size_t before, struct diag *diag)
{
	if (map->type != NODE_MAP) {
		diag_add(diag, DIAG_INVALID, map->loc, "a service is a map of keys");
		return false;
	}
	if (f->no_nat)
		f->listen = (struct listen){0}; /* follows the target: config_rules_check */
	keys_read(&service_keys, map, empty_resets, f, diag);
	if (!f->n_ports && (diag_count(diag) == before || !doc_get(map, "ports")))
		diag_add(diag, DIAG_INVALID, map->loc, "%s is missing: which port is forwarded",
			 map->loc.file ? "port" : "ports");
	if (!f->n_targets && (diag_count(diag) == before || !doc_get(map, "to")))
		diag_add(diag, DIAG_INVALID, doc_get(map, "to") ? doc_get(map, "to")->loc : map->loc,
			 "to is missing: where it is forwarded to");
	if (f->n_targets)
		config_rules_check(f, map, diag);
	return diag_count(diag) == before;
}
