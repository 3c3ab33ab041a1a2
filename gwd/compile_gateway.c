/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway's own ports. A zone that may not reach all of them has a chain that lists what it may; every other interface
 * is left alone, so there is no input chain while nothing is closed. */
#include "compile_parts.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/icmp6.h>

/* ---- Openings ------------------------------------------------------------------------------------ */

struct door { /* a zone that is closed but for its openings */
	enum opening_in in;
	const char *from, *chain; /* interfaces; what they may */
	const char *open[3];      /* to anyone, to IPv4 and to IPv6 sources */
};

static const struct door doors[] = {
	{OPENING_WAN, "outside", "input_wan", {"open_wan", "open_wan4", "open_wan6"}},
	{OPENING_DMZ, "dmz", "input_dmz", {"open_dmz", "open_dmz4", "open_dmz6"}},
};

/* element open_wan { tcp . 22 }, or open_wan4 { 10.0.0.0/24 . tcp . 22 } */
static void add_element(struct ruleset *out, const char *set, const struct opening *o, uint8_t proto,
			const struct prefix *from)
{
	uint32_t type = TYPE_CONCAT(TYPE_PROTO, TYPE_PORT);
	uint8_t first[KEY_MAX] = {0}, last[KEY_MAX] = {0};
	struct elem *e;
	size_t len = 0;

	if (from) {
		struct ip highest;

		prefix_last(from, &highest);
		len = ip_len(&highest);
		memcpy(first, from->ip.bytes, len);
		memcpy(last, highest.bytes, len);
		type |= compile_families[from->ip.family == AF_INET6].type << 12;
	}
	first[len] = last[len] = proto;
	part_port(first + len + 4, o->ports.first);
	part_port(last + len + 4, o->ports.last);
	e = build_range(out, set, type, first, last, len + 8, true);
	e->expires = o->expires;
	e->loc = o->loc;
}

/* Whom `from` means here and now: *ret is the caller's; none: nobody. */
static size_t sources(const struct opening *o, const struct topology *t, struct prefix **ret)
{
	static const struct prefix link_local = {{AF_INET6, {0xfe, 0x80}}, 10};
	struct prefix *all = xcalloc(o->n_from + t->n_networks + 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < o->n_from; i++)
		all[n++] = o->from[i];
	for (size_t i = 0; i < t->n_networks && o->local; i++)
		all[n++] = t->networks[i];
	if (o->local)
		all[n++] = link_local;
	*ret = all;
	return prefixes_normalize(all, n);
}

static void add_opening(struct ruleset *out, const struct door *door, const struct opening *o, const struct topology *t)
{
	_cleanup_(freep) struct prefix *from = NULL;
	size_t n = sources(o, t, &from);

	for (size_t proto = 0; proto < PROTO_COUNT; proto++) {
		if (!(o->protos & 1 << proto))
			continue;
		if (!o->n_from && !o->local)
			add_element(out, door->open[0], o, proto_numbers[proto], NULL);
		for (size_t i = 0; i < n; i++)
			add_element(out, door->open[from[i].ip.family == AF_INET ? 1 : 2], o, proto_numbers[proto],
				    &from[i]);
	}
}

/* ---- Chains -------------------------------------------------------------------------------------- */

/* meta l4proto @l4proto meta l4proto . th dport @NAME accept */
static void accept_ports(struct builder *b, const char *set)
{
	build_rule(b, set);
	part_l4proto(b);
	build_meta(b, NFT_META_L4PROTO, 0);
	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1);
	build_in_set(b, set);
	build_verdict(b, NF_ACCEPT, NULL);
}

/* meta l4proto @l4proto ip saddr . meta l4proto . th dport @NAME accept */
static void accept_sources(struct builder *b, const char *set, const struct family *f)
{
	build_rule(b, set);
	part_l4proto(b);
	part_address(b, f, f->saddr);
	build_meta(b, NFT_META_L4PROTO, f->len / 4);
	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, f->len / 4 + 1);
	build_in_set(b, set);
	build_verdict(b, NF_ACCEPT, NULL);
}

/* The answers that a DHCP client does not have to expect from whom it asked:
 *   meta l4proto udp th sport . th dport @dhcp_client accept */
static void accept_dhcp(struct builder *b)
{
	static const uint16_t ports[][2] = {{67, 68}, {547, 546}}; /* RFC 2131, RFC 8415 */
	const uint32_t type = TYPE_CONCAT(TYPE_PORT, TYPE_PORT);

	build_set(b->out, "dhcp_client", type, 8, 0);
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		uint8_t key[8] = {0};

		part_port(key + part_port(key, ports[i][0]), ports[i][1]);
		build_elem(b->out, "dhcp_client", type, key, sizeof(key));
	}
	build_rule(b, "dhcp-client");
	build_meta(b, NFT_META_L4PROTO, 0);
	build_cmp8(b, NFT_CMP_EQ, IPPROTO_UDP);
	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, 0);
	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1);
	build_in_set(b, "dhcp_client");
	build_verdict(b, NF_ACCEPT, NULL);
}

/* What a dmz needs of its router: DHCP and DNS. */
static void accept_services(struct builder *b)
{
	static const struct {
		uint8_t proto;
		uint16_t port;
	} services[] = {{IPPROTO_TCP, 53}, {IPPROTO_UDP, 53}, {IPPROTO_UDP, 67}, {IPPROTO_UDP, 547}};
	const uint32_t type = TYPE_CONCAT(TYPE_PROTO, TYPE_PORT);

	build_set(b->out, "dmz_services", type, 8, 0);
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		uint8_t key[8] = {services[i].proto};

		part_port(key + 4, services[i].port);
		build_elem(b->out, "dmz_services", type, key, sizeof(key));
	}
	accept_ports(b, "dmz_services");
}

/* chain input_wan { (DHCP client) | input_dmz { (services)
 *   meta l4proto . th dport @open_wan accept
 *   ip saddr . meta l4proto . th dport @open_wan4 accept, and IPv6
 *   counter drop
 * } */
static void door_chain(struct builder *b, const struct door *door)
{
	const uint32_t type = TYPE_CONCAT(TYPE_PROTO, TYPE_PORT);

	if (door->in == OPENING_WAN)
		accept_dhcp(b);
	else
		accept_services(b);
	build_concat(b->out, door->open[0], type, (const uint8_t[]){1, 2}, 2, NFT_SET_TIMEOUT);
	accept_ports(b, door->open[0]);
	for (size_t i = 0; i < ARRAY_SIZE(compile_families); i++) {
		const struct family *f = &compile_families[i];
		const uint8_t fields[] = {f->len, 1, 2};

		build_concat(b->out, door->open[1 + i], type | f->type << 12, fields, ARRAY_SIZE(fields),
			     NFT_SET_TIMEOUT);
		accept_sources(b, door->open[1 + i], f);
	}
	part_drop(b, "closed");
	build_chain(b, door->chain);
}

static bool is_closed(const struct door *door, const struct settings *s)
{
	return door->in == OPENING_WAN ? s->protect : s->n_dmz > 0;
}

/* ICMP, IGMP and ICMPv6: path MTU, neighbours, routers, multicast memberships, and ping.
 *   meta l4proto @control accept */
static void accept_control(struct builder *b)
{
	static const uint8_t protos[] = {IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_ICMPV6};

	build_set(b->out, "control", TYPE_PROTO, 1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++)
		build_elem(b->out, "control", TYPE_PROTO, &protos[i], 1);
	build_rule(b, "control");
	build_meta(b, NFT_META_L4PROTO, 0);
	build_in_set(b, "control");
	build_verdict(b, NF_ACCEPT, NULL);
}

/* A host that may advertise itself as router becomes our default route (accept_ra is 2 where IPv6 is forwarded).
 *   meta l4proto ipv6-icmp icmpv6 type nd-router-advert iifname @dmz counter drop */
static void drop_advertisements(struct builder *b)
{
	build_rule(b, "no-router");
	build_meta(b, NFT_META_L4PROTO, 0);
	build_cmp8(b, NFT_CMP_EQ, IPPROTO_ICMPV6);
	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, 0);
	build_cmp8(b, NFT_CMP_EQ, ND_ROUTER_ADVERT);
	part_between(b, "dmz", NULL);
	build_expr(b, EXPR_COUNTER);
	build_verdict(b, NF_DROP, NULL);
}

/* chain input {
 *   ct state established,related accept
 *   (no-router)                            with a dmz
 *   meta l4proto @control accept
 *   iifname @outside goto input_wan        with `gateway:`
 *   iifname @dmz goto input_dmz            with a dmz
 * } */
void compile_gateway(struct builder *b, const struct frame *frame)
{
	const struct door *closed[ARRAY_SIZE(doors)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(doors); i++)
		if (is_closed(&doors[i], frame->settings))
			closed[n++] = &doors[i];
	if (!n)
		return;
	for (size_t i = 0; i < n; i++) {
		door_chain(b, closed[i]);
		for (size_t k = 0; k < frame->n_open; k++)
			if (frame->open[k].in == closed[i]->in)
				add_opening(b->out, closed[i], &frame->open[k], frame->topology);
	}
	part_known(b);
	if (frame->settings->n_dmz)
		drop_advertisements(b);
	accept_control(b);
	for (size_t i = 0; i < n; i++) {
		build_rule(b, closed[i]->chain);
		part_between(b, closed[i]->from, NULL);
		build_verdict(b, NFT_GOTO, closed[i]->chain);
	}
	build_base_chain(b, "input", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER);
}
