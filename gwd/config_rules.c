/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the keys of a service may say together. Two that contradict each other are told at the one that a user would
 * change: at the target rather than at the ports, at what goes beyond `nat: false` rather than at that. */
#include "config_service.h"

#include "util.h"

/* Where the key is, or where the service begins. */
static struct loc loc_of(const struct node *map, const char *key)
{
	const struct node *value = doc_get(map, key);

	return value ? value->loc : map->loc;
}

/* The place of an item of a list; of the service, when `set` leaves the list as it was. */
static struct loc loc_of_item(const struct node *map, const char *key, size_t i)
{
	const struct node *value = doc_get(map, key);

	return value && value->type == NODE_LIST && i < value->n ? value->items[i]->loc : loc_of(map, key);
}

static const char *family_name(uint8_t family)
{
	return family == AF_INET ? "IPv4" : "IPv6";
}

/* ---- Ports to ports ----------------------------------------------------------------------------- */

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

/* ---- Targets ------------------------------------------------------------------------------------ */

static bool same_place(const struct forward *f, const struct target *a, const struct target *b)
{
	return target_same_place(a, b) || (f->n_ports && ip_cmp(&a->addr, &b->addr) == 0 && forward_keeps_ports(f, a) &&
					   forward_keeps_ports(f, b));
}

static void check_target(const struct forward *f, size_t i, const struct node *map, struct diag *diag)
{
	const struct target *t = &f->targets[i];
	struct loc loc = loc_of_item(map, "to", i);
	char text[ADDR_TEXT_MAX];

	if (f->n_ports)
		check_mapping(f, t, loc, diag);
	if (t->addr.family != f->family)
		diag_add(diag, DIAG_INVALID, loc,
			 "to: %s is an %s address and the first target an %s one; all must be "
			 "of one kind",
			 ip_text(&t->addr, text), family_name(t->addr.family), family_name(f->family));
	for (size_t k = 0; k < i; k++) {
		if (!same_place(f, t, &f->targets[k]))
			continue;
		diag_add(diag, DIAG_INVALID, loc, "to: %s is in this list twice; give it a weight instead",
			 ip_text(&t->addr, text));
		return;
	}
}

/* ---- Families ----------------------------------------------------------------------------------- */

static void check_families(const struct forward *f, const struct node *map, struct diag *diag)
{
	const struct node *from = doc_get(map, "from");

	if (f->listen.kind == LISTEN_ADDRESS && f->listen.addr.family != f->family)
		diag_add(diag, DIAG_INVALID, loc_of_item(map, "to", 0),
			 "to: listen is an %s address and the target an %s one; both must be of one kind",
			 family_name(f->listen.addr.family), family_name(f->family));
	if (f->snat.mode == SNAT_ADDRESS && f->snat.addr.family != f->family)
		diag_add(diag, DIAG_INVALID, loc_of(map, "snat"),
			 "snat: an %s address and an %s target; both must be of one kind",
			 family_name(f->snat.addr.family), family_name(f->family));
	if (!from && f->n_from && f->from[0].ip.family != f->family)
		diag_add(diag, DIAG_INVALID, loc_of_item(map, "to", 0),
			 "to: from has %s addresses and the target is an %s one; both must be of one kind",
			 family_name(f->from[0].ip.family), family_name(f->family));
	for (size_t i = 0; from && f->n_from && i < items_of(from); i++) { /* as written: the value is sorted */
		const struct node *item = item_of(from, i);
		struct prefix p;

		if (prefix_parse(item->text, &p) && p.ip.family != f->family)
			diag_add(diag, DIAG_INVALID, item->loc,
				 "from: %s is %s and the target an %s address; both must be of one kind", item->text,
				 family_name(p.ip.family), family_name(f->family));
	}
}

/* ---- Without translation ------------------------------------------------------------------------ */

static void check_no_nat(const struct forward *f, const struct node *map, struct diag *diag)
{
	if (f->n_targets > 1)
		diag_add(diag, DIAG_INVALID, loc_of_item(map, "to", 1),
			 "to: without translation (nat: false) there is one target; give each its own service");
	else if (f->n_ports && !forward_keeps_ports(f, &f->targets[0]))
		diag_add(diag, DIAG_INVALID, loc_of_item(map, "to", 0),
			 "to: without translation (nat: false) the target keeps the port; leave its port out");
	if (f->listen.kind != LISTEN_ANY)
		diag_add(diag, DIAG_INVALID, loc_of(map, "listen"),
			 "listen: without translation (nat: false) clients dial the target's own address; remove it");
	if (f->snat.mode != SNAT_DEFAULT)
		diag_add(diag, DIAG_INVALID, loc_of(map, "snat"),
			 "snat: without translation (nat: false) the target sees the client as it is; remove it");
}

void config_rules_check(struct forward *f, const struct node *map, struct diag *diag)
{
	f->family = f->targets[0].addr.family;
	for (size_t i = 0; i < f->n_targets; i++)
		check_target(f, i, map, diag);
	check_families(f, map, diag);
	if (!f->no_nat)
		return;
	check_no_nat(f, map, diag);
	f->listen = (struct listen){.kind = LISTEN_ADDRESS, .addr = f->targets[0].addr};
}
