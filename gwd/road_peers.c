/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whoever changes a gateway over ssh must be able to come back. What counts is a new connection, not the one that is
 * open: conntrack keeps that alive, and whoever is locked out learns it only after he has closed it. So each peer of an
 * open connection is asked for its fate before and after the change, and only what the change does is judged. */
#include "road.h"

#include <errno.h>

struct rules road_rules(const struct gwd *g)
{
	struct rules rules = {.settings = g->world->settings, .topology = g->topology, .forwards = g->world->forwards};

	rules.open = world_openings(g->world, &rules.n_open);
	return rules;
}

void road_rules_free(struct rules *r)
{
	free(r->open);
}

/* ---- Before ---------------------------------------------------------------------------------------- */

static const char *arrives(const struct rules *r, const struct peer *p)
{
	return *p->ifname ? p->ifname : arrival_interface(r->topology, &p->remote, &p->local);
}

static enum arrival_fate fate(const struct rules *r, const struct peer *p, const struct forward **ret_forward)
{
	const struct arrival a = {
		.ifname = arrives(r, p), .from = p->remote, .to = p->local, .proto = PROTO_TCP, .port = p->port};

	return arrival_fate(r, &a, ret_forward);
}

static bool same_rules(const struct world *a, const struct world *b)
{
	return settings_same(a->settings, b->settings) &&
	       openings_same(a->open.items, a->open.n, b->open.items, b->open.n);
}

/* The ports at which the draft may take something away; first is 0 when there are none. What only leaves takes nothing. */
static struct port_range concerned(const struct gwd *g, const struct draft *d, const struct delta *delta)
{
	struct port_range span = {0};

	if (d->opens || (d->world && !same_rules(d->world, g->world)))
		return (struct port_range){1, UINT16_MAX};
	for (size_t i = 0; i < delta->n_enter; i++) {
		const struct forward *f = delta->enter[i];

		for (size_t k = 0; k < f->n_ports && f->protos & PROTO_TCP; k++) {
			span.first = span.first && span.first < f->ports[k].first ? span.first : f->ports[k].first;
			span.last = span.last > f->ports[k].last ? span.last : f->ports[k].last;
		}
	}
	return span;
}

void road_peers(const struct gwd *g, const struct draft *d, const struct delta *delta, struct peers *ret,
		struct diag *warnings)
{
	_cleanup_(diag_free) struct diag why = {0};
	_cleanup_(road_rules_free) struct rules rules = road_rules(g);
	struct port_range ports = concerned(g, d, delta);
	size_t kept = 0;

	if (!ports.first || turn_nobody_listens(g, PROTO_TCP, ports))
		return;
	if (listeners_peers(ports, ret, &why) < 0) {
		diag_warn(warnings, "%s; whether this change locks somebody out is not known", why.mistakes[0].message);
		return;
	}
	for (size_t i = 0; i < ret->n; i++)
		if (fate(&rules, &ret->items[i], NULL) == ARRIVAL_GATEWAY)
			ret->items[kept++] = ret->items[i];
	ret->n = kept;
}

/* ---- After ----------------------------------------------------------------------------------------- */

struct loss {                    /* of those connected to one port */
	const struct peer *peer; /* the first of them */
	size_t others;
	enum arrival_fate fate;
	const struct forward *forward; /* that takes it */
	bool forced;                   /* by the request, or by the forward itself */
};

/* Caller's string. */
static char *reason(const struct rules *r, const struct loss *l)
{
	const struct peer *p = l->peer;
	const struct interface *in = topology_interface(r->topology, arrives(r, p));
	bool dmz = in && in->zone == ZONE_DMZ;
	char from[ADDR_TEXT_MAX] = "local";

	if (l->forward) {
		_cleanup_(freep) char *text = forward_text(l->forward);

		return xasprintf("%s (%s) takes the port%s", l->forward->name, text,
				 l->fate == ARRIVAL_NOT_FROM ? ", and its `from` does not have them" : "");
	}
	if (!arrival_is_local(r->topology, &p->remote))
		ip_text(&p->remote, from);
	return xasprintf("nothing opens it; {port: %u, from: %s%s} in gateway.open would, or gwctl open %u --from %s%s",
			 p->port, from, dmz ? ", in: dmz" : "", p->port, from, dmz ? " --in dmz" : "");
}

/* gwctl puts the program's name in place of the brackets. */
static void tell(const struct rules *r, const struct loss *l, struct diag *diag)
{
	const struct peer *p = l->peer;
	_cleanup_(freep) char *others = l->others ? xasprintf(" and %zu more", l->others) : xstrdup("");
	_cleanup_(freep) char *why = reason(r, l);
	_cleanup_(freep) char *text = NULL;
	char from[ADDR_TEXT_MAX];

	text = xasprintf(
		"%s%s, connected to port %u of this gateway's own (uid %u, inode %u), could not connect again: %s",
		ip_text(&p->remote, from), others, p->port, p->uid, p->inode, why);
	if (l->forced)
		diag_warn(diag, "%s: done all the same", text);
	else
		diag_add(diag, DIAG_CONFLICT, (struct loc){0}, "%s; --force to do it all the same", text);
}

int road_lockout(const struct gwd *g, const struct peers *peers, bool force, struct diag *diag)
{
	_cleanup_(road_rules_free) struct rules rules = road_rules(g);
	struct loss last = {0};
	int r = 0;

	for (size_t i = 0; i < peers->n; i++) {
		struct loss l = {.peer = &peers->items[i]};

		l.fate = fate(&rules, l.peer, &l.forward);
		if (l.fate == ARRIVAL_GATEWAY)
			continue;
		l.forced = force || (l.forward && l.forward->force);
		r = l.forced ? r : -EEXIST;
		if (last.peer && last.peer->port == l.peer->port && last.forced == l.forced) {
			last.others++;
			continue;
		}
		if (last.peer)
			tell(&rules, &last, diag);
		last = l;
	}
	if (last.peer)
		tell(&rules, &last, diag);
	return r;
}

size_t road_cut_peers(const struct gwd *g, const struct peers *peers, struct diag *warnings)
{
	_cleanup_(road_rules_free) struct rules rules = road_rules(g);
	_cleanup_(peers_free) struct peers lost = {0};
	size_t cut;
	int failed;

	for (size_t i = 0; i < peers->n; i++) {
		if (fate(&rules, &peers->items[i], NULL) == ARRIVAL_GATEWAY)
			continue;
		lost.items = grow(lost.items, lost.n, &lost.capacity, sizeof(*lost.items));
		lost.items[lost.n++] = peers->items[i];
	}
	failed = listeners_cut(&lost, &cut);
	if (failed)
		diag_warn(warnings, "connections to this gateway that nothing allows any more could not be ended: %s",
			  strerror(-failed));
	return cut;
}
