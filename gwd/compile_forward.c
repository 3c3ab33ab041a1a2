/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one forward adds to the frame: elements of the maps of its listen. A port or a list of ports is one element per
 * protocol and port, a range that keeps its ports one interval; a shifted range becomes one element per port, because
 * nftables cannot shift (it would send the whole range to the first port). The elements of a forward that has more to say
 * lead to its own chain (compile_chain.c), those of one that only lets in are asked in the forward hook. */
#include "compile_parts.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

struct place { /* where the elements of a forward go */
	const struct forward *forward;
	const char *exact;  /* map of single ports */
	const char *ranges; /* prefix of the maps of ranges */
	const char *chain;  /* its own, or NULL */
};

static uint32_t ip_type(uint8_t family)
{
	return compile_families[family == AF_INET6].type;
}

static struct elem *add(struct ruleset *out, const struct forward *f, const char *map)
{
	struct elem *e = ruleset_add_elem(out);

	e->set = map;
	e->comment = arena_strdup(out->arena, f->name);
	e->expires = f->expires;
	e->loc = f->loc;
	return e;
}

static void to_target(struct elem *e, const struct target *target, uint16_t port)
{
	size_t len = ip_len(&target->addr);

	e->data_type = ip_type(target->addr.family);
	memcpy(e->data, target->addr.bytes, len);
	if (port) {
		e->data_type = TYPE_CONCAT(e->data_type, TYPE_PORT);
		len += part_port(e->data + len, port);
	}
	e->data_len = (uint8_t)len;
}

/* element any4 { tcp . 80 : 10.0.0.2 . 8080 }, or with a pinned address: pin4 { ADDR . tcp . 80 : ... }; or with
 * `: goto CHAIN` */
static void add_port(struct ruleset *out, const struct place *p, uint8_t proto, struct port_range listened,
		     uint16_t port)
{
	const struct forward *f = p->forward;
	struct elem *e = add(out, f, p->exact);
	size_t len = 0;

	e->key_type = TYPE_CONCAT(TYPE_PROTO, TYPE_PORT);
	if (f->listen.kind == LISTEN_ADDRESS) {
		e->key_type |= ip_type(f->family) << 12;
		len = ip_len(&f->listen.addr);
		memcpy(e->key, f->listen.addr.bytes, len);
	}
	e->key[len] = proto;
	len += 4;
	len += part_port(e->key + len, port);
	e->key_len = (uint8_t)len;
	memcpy(e->key_end, e->key, len);
	if (p->chain)
		build_verdict_data(e, NFT_GOTO, p->chain);
	else
		to_target(e, &f->targets[0], forward_target_port(f, &f->targets[0], listened, port));
}

/* element any4_tcp { 8000-8010 : 10.0.0.2 }, or any4_tcp_own { 8000-8010 : goto CHAIN } */
static void add_range(struct ruleset *out, const struct place *p, size_t proto, struct port_range ports)
{
	struct elem *e =
		add(out, p->forward,
		    arena_printf(out->arena, "%s_%s%s", p->ranges, compile_proto[proto], p->chain ? "_own" : ""));

	e->interval = true;
	e->key_type = TYPE_PORT;
	e->key_len = 2;
	part_port(e->key, ports.first);
	part_port(e->key_end, ports.last);
	if (p->chain)
		build_verdict_data(e, NFT_GOTO, p->chain);
	else
		to_target(e, &p->forward->targets[0], 0);
}

static void add_ports(struct ruleset *out, const struct place *p, size_t proto, struct port_range ports)
{
	const struct forward *f = p->forward;

	if (ports.first != ports.last && (p->chain || forward_keeps_ports(f, &f->targets[0]))) {
		add_range(out, p, proto, ports);
		return;
	}
	for (uint32_t port = ports.first; port <= ports.last; port++)
		add_port(out, p, proto_numbers[proto], ports, (uint16_t)port);
}

/* element hole6 { ADDR . tcp . 8000-8010 : goto pinhole }, or `: goto CHAIN` */
static void add_hole(struct ruleset *out, const struct place *p, size_t proto, struct port_range ports)
{
	const struct forward *f = p->forward;
	struct elem *e = add(out, f, p->exact);
	size_t len = ip_len(&f->listen.addr);

	e->interval = e->concat = true;
	e->key_type = TYPE_CONCAT(TYPE_CONCAT(ip_type(f->family), TYPE_PROTO), TYPE_PORT);
	e->key_len = (uint8_t)(len + 8);
	memcpy(e->key, f->listen.addr.bytes, len);
	e->key[len] = proto_numbers[proto];
	memcpy(e->key_end, e->key, len + 4);
	part_port(e->key + len + 4, ports.first);
	part_port(e->key_end + len + 4, ports.last);
	build_verdict_data(e, NFT_GOTO, p->chain ? p->chain : COMPILE_PINHOLE);
}

static bool is_guarded(const struct forward *f)
{
	return f->n_from || f->log || !limit_same(&f->limit, &(struct limit){0}) || f->targets[0].state != TARGET_READY;
}

void compile_forward(struct ruleset *out, const struct forward *f)
{
	struct place p = {.forward = f};
	char digit = compile_families[f->family == AF_INET6].digit;
	const char *exact = digit == '4' ? "pin4" : "pin6";
	void (*put)(struct ruleset *, const struct place *, size_t, struct port_range) =
		f->no_nat ? add_hole : add_ports;

	if (f->no_nat ? is_guarded(f) : !forward_simple(f))
		p.chain = compile_chain(out, f);
	if (f->listen.kind != LISTEN_ADDRESS || forward_wants_chain(f)) /* making a name costs more than all the rest */
		p.ranges = compile_listen_name(out->arena, f->family, &f->listen);
	if (f->listen.kind != LISTEN_ADDRESS)
		exact = p.ranges;
	if (f->no_nat)
		p.exact = arena_printf(out->arena, "hole%c", digit);
	else
		p.exact = p.chain ? arena_printf(out->arena, "%s_own", exact) : exact;
	for (size_t proto = 0; proto < PROTO_COUNT; proto++)
		for (size_t i = 0; i < f->n_ports && f->protos & 1 << proto; i++)
			put(out, &p, proto, f->ports[i]);
}
