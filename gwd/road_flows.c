/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules decide about the first packet of a connection, conntrack remembers it: a UDP client that goes on sending stays
 * with what its first packet met, for hours. So whoever changes a forward looks at the connections to its ports and ends
 * those that the rules would now send elsewhere. What is asked is the state after the change, not what changed: whatever
 * brought a connection where it is, it is stale or not. Connections of other ports are not looked at. */
#include "road.h"

#include <errno.h>

#include "compile.h"
#include "conntrack.h"

/* ---- Ports that are looked at --------------------------------------------------------------------- */

struct ports { /* of one family and protocol */
	size_t n;
	uint16_t one; /* of them */
	uint8_t bits[UINT16_MAX / 8 + 1];
};

struct touched {
	struct ports ports[FAMILIES][PROTO_COUNT];
};

static bool has_port(const struct ports *p, uint16_t port)
{
	return p->bits[port / 8] & 1 << port % 8;
}

static void add_range(struct ports *p, struct port_range range)
{
	for (uint32_t port = range.first; port <= range.last; port++) {
		p->n += !has_port(p, (uint16_t)port);
		p->one = (uint16_t)port;
		p->bits[port / 8] |= (uint8_t)(1 << port % 8);
	}
}

static void touch(struct touched *t, const struct forward *f, uint8_t protos)
{
	for (size_t proto = 0; proto < PROTO_COUNT; proto++)
		for (size_t k = 0; k < f->n_ports && f->protos & protos & 1 << proto; k++)
			add_range(&t->ports[road_family(f)][proto], f->ports[k]);
}

/* ---- Stale connections ---------------------------------------------------------------------------- */

/* The forward that a new connection like this one would go through, or NULL. */
static const struct forward *taker(const struct rules *rules, const struct flow *flow, uint8_t proto)
{
	const struct forward *f = arrival_forward(rules, &flow->to, proto, flow->to_port);

	return f && arrival_may_use(f, &flow->from) ? f : NULL;
}

/* The connection is where the forward may have sent it; a drained target keeps those that it has. */
static bool is_right(const struct forward *f, const struct flow *flow)
{
	for (size_t i = 0; i < f->n_targets; i++) {
		const struct target *t = &f->targets[i];

		if (t->state != TARGET_OFF && ip_cmp(&flow->server, &t->addr) == 0 &&
		    flow->server_port == forward_server_port(f, t, flow->to_port))
			return true;
	}
	return false;
}

bool road_is_ours(const struct flow *flow)
{
	uint8_t label[COMPILE_LABEL_LEN];

	if (ip_cmp(&flow->server, &flow->to) == 0 && flow->server_port == flow->to_port)
		compile_pinhole_label(label);
	else
		compile_label(label);
	for (size_t i = 0; i < COMPILE_LABEL_LEN; i++)
		if (flow->labels[i] & label[i])
			return true;
	return false;
}

struct stale {
	struct flow flow;
	struct ip server; /* where its next packet is to go; family 0 = nowhere */
	uint16_t port;
};

struct hunt {
	struct rules rules;
	const struct ports *ports;
	size_t proto; /* bit */
	struct stale *stale;
	size_t n, capacity;
};

/* A connection of others (to the gateway itself, or translated by somebody) is stale only where a forward now takes its
 * place, and only with UDP: TCP clients come back with a new one. */
static void look(void *ctx, const struct flow *flow)
{
	struct hunt *h = ctx;
	struct stale stale = {.flow = *flow};
	const struct forward *f;
	const struct target *next;

	if (flow->ended || !has_port(h->ports, flow->to_port))
		return;
	f = taker(&h->rules, flow, (uint8_t)(1 << h->proto));
	if (f ? is_right(f, flow) : !road_is_ours(flow))
		return;
	if (f && flow->proto != IPPROTO_UDP && !road_is_ours(flow))
		return;
	next = f ? forward_ready_target(f) : NULL;
	if (next) {
		stale.server = next->addr;
		stale.port = forward_server_port(f, next, flow->to_port);
	}
	h->stale = grow(h->stale, h->n, &h->capacity, sizeof(*h->stale));
	h->stale[h->n++] = stale;
}

static int find(struct conntrack *c, struct hunt *h, const struct touched *t)
{
	int r = 0;

	for (size_t family = 0; family < FAMILIES; family++)
		for (h->proto = 0; h->proto < PROTO_COUNT; h->proto++) {
			struct flow_filter filter = {.family = family == V4 ? AF_INET : AF_INET6,
						     .proto = proto_numbers[h->proto]};

			h->ports = &t->ports[family][h->proto];
			filter.port = h->ports->n == 1 ? h->ports->one : 0;
			if (h->ports->n && r == 0)
				r = conntrack_list(c, &filter, look, h);
		}
	return r;
}

static int cut_touched(const struct gwd *g, const struct touched *t, size_t *ret_cut)
{
	struct hunt h = {.rules = road_rules(g)};
	struct conntrack *c = NULL;
	int r = conntrack_open(&c);

	if (r == 0)
		r = find(c, &h, t);
	for (size_t i = 0; i < h.n; i++) {
		const struct stale *stale = &h.stale[i];
		int ended = conntrack_cut(c, &stale->flow, stale->server.family ? &stale->server : NULL, stale->port);

		*ret_cut += ended == 0;
		if (ended < 0 && ended != -ENOENT)
			r = ended;
	}
	conntrack_close(c);
	free(h.stale);
	road_rules_free(&h.rules);
	return r;
}

static bool is_wan(const struct topology *t, const struct local_address *a)
{
	const struct interface *in = a ? topology_interface(t, a->ifname) : NULL;

	return in && in->zone == ZONE_WAN;
}

bool road_entrance_new(const struct topology *before, const struct topology *now)
{
	for (size_t i = 0; i < now->n_addresses; i++) {
		const struct local_address *a = &now->addresses[i], *old = topology_address(before, &a->ip);

		if (!old || !streq(old->ifname, a->ifname) || is_wan(now, a) != is_wan(before, old))
			return true;
	}
	return false;
}

size_t road_cut(const struct gwd *g, const struct delta *d, bool everything, bool kill, struct diag *warnings)
{
	static const struct port_range all = {1, UINT16_MAX};
	_cleanup_(freep) struct touched *t = xcalloc(1, sizeof(*t));
	size_t cut = 0, n = 0;
	int r;

	for (size_t i = 0; i < d->n_leave; i++)
		touch(t, d->leave[i], kill || (d->ended && d->leave[i]->cut) ? UINT8_MAX : PROTO_UDP);
	for (size_t i = 0; i < d->n_over; i++)
		touch(t, d->over[i], d->over[i]->cut ? UINT8_MAX : PROTO_UDP);
	for (size_t i = 0; i < d->n_enter; i++)
		touch(t, d->enter[i], PROTO_UDP);
	for (size_t family = 0; family < FAMILIES; family++)
		for (size_t proto = 0; proto < PROTO_COUNT; proto++) {
			if (everything && proto_numbers[proto] == IPPROTO_UDP)
				add_range(&t->ports[family][proto], all);
			n += t->ports[family][proto].n;
		}
	r = n ? cut_touched(g, t, &cut) : 0;
	if (r < 0)
		diag_warn(warnings,
			  "connections made before this change could not be looked at (%s): clients that keep sending "
			  "UDP may go on as before",
			  strerror(-r));
	return cut;
}
