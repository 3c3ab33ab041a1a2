/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one forward adds to the frame: elements of the maps of its listen, nothing else. A port or a list of ports is one
 * element per protocol and port, a range that keeps its ports one interval; a shifted range becomes one element per
 * port, because nftables cannot shift (it would send the whole range to the first port). */
#include "compile.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>

struct place { /* where the elements of a forward go */
	const struct forward *forward;
	const char *exact;  /* map of single ports */
	const char *ranges; /* prefix of the maps of ranges */
};

static uint32_t ip_type(uint8_t family)
{
	return family == AF_INET ? TYPE_IPV4 : TYPE_IPV6;
}

static struct elem *add(struct ruleset *out, const struct place *p, const char *map)
{
	struct elem *e = ruleset_add_elem(out);

	e->set = map;
	e->comment = arena_strdup(out->arena, p->forward->name);
	e->loc = p->forward->loc;
	return e;
}

static size_t put_port(uint8_t *at, uint16_t port)
{
	uint16_t be = htons(port);

	memcpy(at, &be, sizeof(be));
	return 4;
}

/* element any4 { tcp . 80 : 10.0.0.2 . 8080 }, or with a pinned address: pin4 { ADDR . tcp . 80 : ... } */
static void add_port(struct ruleset *out, const struct place *p, uint8_t proto, uint16_t port, uint16_t to)
{
	const struct forward *f = p->forward;
	const struct ip *target = &f->targets[0].addr;
	struct elem *e = add(out, p, p->exact);
	size_t len = 0;

	e->key_type = TYPE_CONCAT(TYPE_PROTO, TYPE_PORT);
	if (f->listen.kind == LISTEN_ADDRESS) {
		e->key_type |= ip_type(f->family) << 12;
		len = ip_len(&f->listen.addr);
		memcpy(e->key, f->listen.addr.bytes, len);
	}
	e->key[len] = proto;
	len += 4;
	len += put_port(e->key + len, port);
	e->key_len = (uint8_t)len;
	memcpy(e->key_end, e->key, len);

	e->data_type = TYPE_CONCAT(ip_type(f->family), TYPE_PORT);
	len = ip_len(target);
	memcpy(e->data, target->bytes, len);
	e->data_len = (uint8_t)(len + put_port(e->data + len, to));
}

/* element any4_tcp { 8000-8010 : 10.0.0.2 } */
static void add_range(struct ruleset *out, const struct place *p, size_t proto, struct port_range ports)
{
	const struct ip *target = &p->forward->targets[0].addr;
	struct elem *e = add(out, p, arena_printf(out->arena, "%s_%s", p->ranges, compile_proto[proto]));

	e->interval = true;
	e->key_type = TYPE_PORT;
	e->key_len = 2;
	put_port(e->key, ports.first);
	put_port(e->key_end, ports.last);
	e->data_type = ip_type(p->forward->family);
	e->data_len = (uint8_t)ip_len(target);
	memcpy(e->data, target->bytes, e->data_len);
}

static void add_ports(struct ruleset *out, const struct place *p, size_t proto, struct port_range ports)
{
	const struct target *target = &p->forward->targets[0];

	if (forward_keeps_ports(p->forward, target) && ports.first != ports.last) {
		add_range(out, p, proto, ports);
		return;
	}
	for (uint32_t port = ports.first; port <= ports.last; port++)
		add_port(out, p, proto_numbers[proto], (uint16_t)port,
			 forward_target_port(p->forward, target, ports, (uint16_t)port));
}

void compile_forward(struct ruleset *out, const struct forward *f)
{
	struct place p = {.forward = f, .ranges = compile_listen_name(out->arena, f->family, &f->listen)};

	p.exact = f->listen.kind != LISTEN_ADDRESS ? p.ranges : f->family == AF_INET ? "pin4" : "pin6";
	for (size_t proto = 0; proto < PROTO_COUNT; proto++)
		for (size_t i = 0; i < f->n_ports && f->protos & 1 << proto; i++)
			add_ports(out, &p, proto, f->ports[i]);
}
