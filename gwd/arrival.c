/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order is that of the rules: what is pinned to the address (its ranges are other ports, since two forwards of one
 * listen share none), what listens on the interface of the address, what listens on every wan; only what no forward has
 * comes to the input chain. */
#include "arrival.h"

#include <string.h>

/* ---- Forwards ------------------------------------------------------------------------------------ */

size_t arrival_entries(const struct rules *r, const struct ip *to, uint8_t proto, uint16_t port,
		       struct forward_entry *ret[ARRIVAL_ENTRIES])
{
	struct port_range ports = {port, port};
	struct forward like = {.family = to->family,
			       .protos = proto,
			       .ports = &ports,
			       .n_ports = 1,
			       .listen = {.kind = LISTEN_ADDRESS, .addr = *to}};
	const struct local_address *own = topology_address(r->topology, to);
	const struct interface *in = own ? topology_interface(r->topology, own->ifname) : NULL;
	size_t n = forwards_overlap(r->forwards, &like, ret, 1);

	if (in) {
		like.listen = (struct listen){.kind = LISTEN_INTERFACE};
		memcpy(like.listen.ifname, in->name, sizeof(in->name));
		n += forwards_overlap(r->forwards, &like, ret + n, 1);
	}
	like.listen = (struct listen){.kind = LISTEN_ANY};
	if (!in || in->zone == ZONE_WAN)
		n += forwards_overlap(r->forwards, &like, ret + n, 1);
	return n;
}

const struct forward *arrival_forward(const struct rules *r, const struct ip *to, uint8_t proto, uint16_t port)
{
	struct forward_entry *entries[ARRIVAL_ENTRIES];
	size_t n = arrival_entries(r, to, proto, port, entries);

	for (size_t i = 0; i < n; i++) {
		const struct forward *f = entries[i]->forward;

		if (entries[i]->active && (f->listen.kind != LISTEN_ANY || topology_is_local(r->topology, to)))
			return f;
	}
	return NULL;
}

static bool among(const struct prefix *prefixes, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_contains(&prefixes[i], ip))
			return true;
	return false;
}

bool arrival_may_use(const struct forward *f, const struct ip *from)
{
	return !f->n_from || among(f->from, f->n_from, from);
}

/* ---- The gateway itself ---------------------------------------------------------------------------- */

bool arrival_is_local(const struct topology *t, const struct ip *ip)
{
	static const struct prefix link_local = {{AF_INET6, {0xfe, 0x80}}, 10};

	return among(t->networks, t->n_networks, ip) || prefix_contains(&link_local, ip);
}

static bool opens(const struct opening *o, enum opening_in in, const struct arrival *a, const struct topology *t)
{
	if (o->in != in || !(o->protos & a->proto) || a->port < o->ports.first || a->port > o->ports.last)
		return false;
	if (!o->n_from && !o->local)
		return true;
	return among(o->from, o->n_from, &a->from) || (o->local && arrival_is_local(t, &a->from));
}

static bool is_open(const struct rules *r, enum opening_in in, const struct arrival *a)
{
	for (size_t i = 0; i < r->n_open; i++)
		if (opens(&r->open[i], in, a, r->topology))
			return true;
	return false;
}

/* DNS and DHCP, which a dmz needs of its router. */
static bool is_dmz_service(const struct arrival *a)
{
	return (a->port == 53 && a->proto != PROTO_SCTP) ||
	       (a->proto == PROTO_UDP && (a->port == 67 || a->port == 547));
}

static bool is_dhcp_client(const struct arrival *a)
{
	return a->proto == PROTO_UDP && (a->port == 68 || a->port == 546);
}

static bool reaches_gateway(const struct rules *r, const struct arrival *a)
{
	const struct interface *in = topology_interface(r->topology, a->ifname);

	if (in && in->zone == ZONE_DMZ)
		return is_dmz_service(a) || is_open(r, OPENING_DMZ, a);
	if (!r->settings->protect || !in || (in->zone != ZONE_WAN && !in->former))
		return true;
	return is_dhcp_client(a) || is_open(r, OPENING_WAN, a);
}

enum arrival_fate arrival_fate(const struct rules *r, const struct arrival *a, const struct forward **ret_forward)
{
	const struct forward *f = arrival_forward(r, &a->to, a->proto, a->port);

	if (ret_forward)
		*ret_forward = f;
	if (f)
		return arrival_may_use(f, &a->from) ? ARRIVAL_FORWARDED : ARRIVAL_NOT_FROM;
	return reaches_gateway(r, a) ? ARRIVAL_GATEWAY : ARRIVAL_NOT_OPEN;
}

/* ---- Where it arrives ------------------------------------------------------------------------------- */

const char *arrival_interface(const struct topology *t, const struct ip *from, const struct ip *to)
{
	const struct local_address *dialled = topology_address(t, to), *near = topology_neighbour(t, from, dialled);

	if (topology_is_local(t, from))
		return "lo";
	near = near ? near : dialled;
	return near ? near->ifname : "";
}
