/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of the table. One map per question, so that a forward is an element and not a rule:
 *
 *   prerouting, output   -> dnat4: pin4 (address . proto . port), at4 (ranges of an address), listen4 (our addresses)
 *   listen4              -> any4 (wan addresses) or on4_IF (addresses of an interface, then any4 if it is a wan)
 *   prerouting, a miss   -> arrive4: an address so new that listen4 does not have it yet (DHCP, PPP), by interface
 *   postrouting          -> our connections that leave where they came in; what the inside sends from private addresses
 *   forward              -> what the zones allow, else unasked: the pinholes, else nothing (compile_filter.c)
 *   input                -> what outside and dmz may reach of the gateway itself (compile_gateway.c)
 *
 * Pinned addresses are looked up first and everything else is gated by our listening addresses: a forward of port 22 on
 * the wan must never take port 22 of the gateway's address in the LAN. Rules are written so that nft can list them and
 * load its own listing again (hence `meta l4proto @l4proto` before a port, `meta nfproto` before an address). */
#include "compile_parts.h"

#include <ctype.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

const char *const compile_proto[PROTO_COUNT] = {"tcp", "udp", "sctp"};

/* ---- Sets and maps ------------------------------------------------------------------------------- */

/* A forward may end by itself, so its elements may. */
static struct set *add_map(struct ruleset *out, const char *name, uint32_t type, uint32_t len)
{
	struct set *s;

	build_map(out, name, type, len, NFT_DATA_VERDICT, 0);
	s = &out->sets[out->n_sets - 1];
	s->flags |= NFT_SET_TIMEOUT;
	return s;
}

static void map_to(struct set *s, uint32_t type, uint32_t len)
{
	s->data_type = type;
	s->data_len = len;
}

/* map NAME { type inet_proto . inet_service : ipv4_addr . inet_service; }, and NAME_own { ... : verdict; } for
 * forwards that have their own chain. `key_type` and `key_len` may have more. */
static void add_port_maps(struct ruleset *out, const struct family *f, const char *name, uint32_t key_type,
			  uint32_t key_len)
{
	map_to(add_map(out, name, key_type, key_len), TYPE_CONCAT(f->type, TYPE_PORT), f->len + 4u);
	add_map(out, arena_printf(out->arena, "%s_own", name), key_type, key_len);
}

/* map NAME_tcp { type inet_service : ipv4_addr; flags interval; }, NAME_tcp_own, and udp, sctp */
static void add_range_maps(struct ruleset *out, const struct family *f, const char *name)
{
	for (size_t i = 0; i < PROTO_COUNT; i++) {
		const char *map = arena_printf(out->arena, "%s_%s", name, compile_proto[i]);
		struct set *s = add_map(out, map, TYPE_PORT, 2);

		s->flags |= NFT_SET_INTERVAL;
		map_to(s, f->type, f->len);
		add_map(out, arena_printf(out->arena, "%s_own", map), TYPE_PORT, 2)->flags |= NFT_SET_INTERVAL;
	}
}

/* ---- Chains of a listen ------------------------------------------------------------------------- */

/* nft's names are letters, digits and "/-_.": anything else of an interface's name becomes _XX. */
static char *safe_name(struct arena *arena, const char *ifname)
{
	char *out = arena_alloc(arena, 3 * strlen(ifname) + 1), *p = out;

	for (; *ifname; ifname++) {
		unsigned char c = (unsigned char)*ifname;

		if (c < 0x80 && (isalnum(c) || c == '-' || c == '.'))
			*p++ = (char)c;
		else
			p += sprintf(p, "_%02x", c);
	}
	return out;
}

char *compile_listen_name(struct arena *arena, uint8_t family, const struct listen *l)
{
	char text[ADDR_TEXT_MAX], digit = family == AF_INET ? '4' : '6';

	if (l->kind == LISTEN_ANY)
		return arena_printf(arena, "any%c", digit);
	if (l->kind == LISTEN_INTERFACE)
		return arena_printf(arena, "on%c_%s", digit, safe_name(arena, l->ifname));
	ip_text(&l->addr, text);
	for (char *p = text; *p; p++)
		if (*p == ':')
			*p = '-';
	return arena_printf(arena, "at%c_%s", digit, text);
}

/* meta l4proto @l4proto dnat ip to meta l4proto . th dport map @NAME; and vmap @NAME_own */
static void port_rules(struct builder *b, const struct family *f, const char *name)
{
	for (size_t own = 0; own < 2; own++) {
		build_rule(b, own ? "port-own" : "port");
		part_l4proto(b);
		build_meta(b, NFT_META_L4PROTO, 0);
		build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1);
		build_in_map(b, own ? arena_printf(b->out->arena, "%s_own", name) : name, own ? REG_VERDICT : 0);
		if (!own)
			part_dnat(b, f, true, NULL);
	}
}

/* meta l4proto tcp dnat ip to th dport map @NAME_tcp; and vmap @NAME_tcp_own */
static void range_rules(struct builder *b, const struct family *f, const char *name)
{
	static const char *const suffix[] = {"", "_own"};

	for (size_t i = 0; i < 2 * PROTO_COUNT; i++) {
		size_t proto = i / 2, own = i % 2;

		build_rule(b, arena_printf(b->out->arena, "range-%s%s", compile_proto[proto], own ? "-own" : ""));
		build_meta(b, NFT_META_L4PROTO, 0);
		build_cmp8(b, NFT_CMP_EQ, proto_numbers[proto]);
		build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 0);
		build_in_map(b, arena_printf(b->out->arena, "%s_%s%s", name, compile_proto[proto], suffix[own]),
			     own ? REG_VERDICT : 0);
		if (!own)
			part_dnat(b, f, false, NULL);
	}
}

/* chain NAME with its maps; `then` is where a miss goes, or NULL. */
static void listen_chain(struct builder *b, const struct family *f, const char *name, const char *then)
{
	add_port_maps(b->out, f, name, TYPE_CONCAT(TYPE_PROTO, TYPE_PORT), 8);
	add_range_maps(b->out, f, name);
	port_rules(b, f, name);
	range_rules(b, f, name);
	if (then) {
		build_rule(b, "any");
		build_verdict(b, NFT_GOTO, then);
	}
	build_chain(b, name);
}

void compile_address(struct ruleset *out, const struct ip *addr)
{
	const struct family *f = &compile_families[addr->family == AF_INET6];
	struct listen listen = {.kind = LISTEN_ADDRESS, .addr = *addr};
	const char *name = compile_listen_name(out->arena, addr->family, &listen);
	struct builder b = {.out = out};

	add_range_maps(out, f, name);
	range_rules(&b, f, name);
	build_chain(&b, name);
	/* A miss comes back, and goes on to listen4. */
	build_verdict_data(build_elem(out, f->af == AF_INET ? "at4" : "at6", f->type, addr->bytes, f->len), NFT_JUMP,
			   name);
}

/* ---- The frame ---------------------------------------------------------------------------------- */

static const struct listen_use *find_use(const struct frame *frame, uint8_t family, const char *ifname)
{
	for (const struct listen_use *u = frame->interfaces; u; u = u->next)
		if (u->family == family && streq(u->listen.ifname, ifname))
			return u;
	return NULL;
}

static bool is_wan(const struct frame *frame, const char *ifname)
{
	const struct interface *i = topology_interface(frame->topology, ifname);

	return i && i->zone == ZONE_WAN;
}

/* Where a connection goes that arrives for an address of this interface; NULL = nowhere. */
static const char *entrance(struct ruleset *out, const struct frame *frame, const struct family *f, const char *ifname)
{
	const struct listen_use *use = find_use(frame, f->af, ifname);

	if (use)
		return compile_listen_name(out->arena, f->af, &use->listen);
	if (is_wan(frame, ifname))
		return f->af == AF_INET ? "any4" : "any6";
	return NULL;
}

static void family_elements(struct ruleset *out, const struct frame *frame, const struct family *f)
{
	const char *listen = arena_printf(out->arena, "listen%c", f->digit);
	const char *arrive = arena_printf(out->arena, "arrive%c", f->digit);

	for (size_t i = 0; i < frame->topology->n_addresses; i++) {
		const struct local_address *a = &frame->topology->addresses[i];
		const char *to = a->ip.family == f->af ? entrance(out, frame, f, a->ifname) : NULL;

		if (to)
			build_verdict_data(build_elem(out, listen, f->type, a->ip.bytes, f->len), NFT_GOTO, to);
	}
	for (size_t i = 0; i < frame->topology->n_interfaces; i++) {
		const char *name = frame->topology->interfaces[i].name, *to = entrance(out, frame, f, name);

		if (!to)
			continue;
		build_ifname(out, arrive, name);
		build_verdict_data(&out->elems[out->n_elems - 1], NFT_GOTO, to);
	}
}

/* meta l4proto @l4proto dnat ip to ip daddr . meta l4proto . th dport map @pin4; and vmap @pin4_own */
static void pin_rules(struct builder *b, const struct family *f, const char *pin)
{
	for (size_t own = 0; own < 2; own++) {
		build_rule(b, own ? "pin-own" : "pin");
		part_l4proto(b);
		part_address(b, f, f->daddr);
		build_meta(b, NFT_META_L4PROTO, f->len / 4);
		build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, f->len / 4 + 1);
		build_in_map(b, own ? arena_printf(b->out->arena, "%s_own", pin) : pin, own ? REG_VERDICT : 0);
		if (!own)
			part_dnat(b, f, true, NULL);
	}
}

/* Maps and chains that a family has whatever is forwarded:
 *   chain dnat4 {
 *     (pin_rules)
 *     ip daddr vmap @at4
 *     ip daddr vmap @listen4
 *   } */
static void family_frame(struct builder *b, const struct frame *frame, const struct family *f)
{
	struct ruleset *out = b->out;
	const char *any = arena_printf(out->arena, "any%c", f->digit),
		   *pin = arena_printf(out->arena, "pin%c", f->digit);
	const char *gates[] = {arena_printf(out->arena, "at%c", f->digit),
			       arena_printf(out->arena, "listen%c", f->digit)};

	add_port_maps(out, f, pin, TYPE_CONCAT(TYPE_CONCAT(f->type, TYPE_PROTO), TYPE_PORT), f->len + 8u);
	build_map(out, gates[0], f->type, f->len, NFT_DATA_VERDICT, 0);
	build_map(out, gates[1], f->type, f->len, NFT_DATA_VERDICT, 0);
	build_map(out, arena_printf(out->arena, "arrive%c", f->digit), TYPE_IFNAME, IFNAMSIZ, NFT_DATA_VERDICT, 0);

	listen_chain(b, f, any, NULL);
	for (const struct listen_use *u = frame->interfaces; u; u = u->next)
		if (u->family == f->af)
			listen_chain(b, f, compile_listen_name(out->arena, f->af, &u->listen),
				     is_wan(frame, u->listen.ifname) ? any : NULL);

	pin_rules(b, f, pin);
	for (size_t i = 0; i < ARRAY_SIZE(gates); i++) {
		build_rule(b, i == 0 ? "at" : "listen");
		part_address(b, f, f->daddr);
		build_in_map(b, gates[i], REG_VERDICT);
	}
	build_chain(b, arena_printf(out->arena, "dnat%c", f->digit));
	family_elements(out, frame, f);
}

/* ip6 daddr fe80::/10 return: the gateway itself is meant, and nobody's forward listens there */
static void link_local_returns(struct builder *b)
{
	static const uint8_t mask[16] = {0xff, 0xc0}, prefix[16] = {0xfe, 0x80};
	const struct family *f = &compile_families[1];
	struct expr *e;

	build_rule(b, "link-local");
	part_address(b, f, f->daddr);
	e = build_expr(b, EXPR_BITWISE);
	e->len = f->len;
	memcpy(e->data, mask, sizeof(mask));
	build_cmp(b, NFT_CMP_EQ, prefix, sizeof(prefix));
	build_verdict(b, NFT_RETURN, NULL);
}

/* chain arrive { ...; meta nfproto ipv4 iifname vmap @arrive4; ... } and the two hooks that DNAT has:
 *   prerouting: meta nfproto ipv4 jump dnat4; ... fib daddr . iif type local goto arrive
 *   output:     meta nfproto ipv4 jump dnat4; ... (the gateway itself to its own public address) */
static void dnat_hooks(struct builder *b)
{
	static const struct {
		const char *family, *dnat, *arrive;
	} names[] = {{"ipv4", "dnat4", "arrive4"}, {"ipv6", "dnat6", "arrive6"}};
	static const uint32_t hooks[] = {NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT};
	const uint32_t local = RTN_LOCAL;

	link_local_returns(b);
	for (size_t i = 0; i < ARRAY_SIZE(compile_families); i++) {
		build_rule(b, names[i].family);
		part_nfproto(b, &compile_families[i]);
		build_meta(b, NFT_META_IIFNAME, 0);
		build_in_map(b, names[i].arrive, REG_VERDICT);
	}
	build_chain(b, "arrive");
	for (size_t h = 0; h < ARRAY_SIZE(hooks); h++) {
		for (size_t i = 0; i < ARRAY_SIZE(compile_families); i++) {
			build_rule(b, names[i].family);
			part_nfproto(b, &compile_families[i]);
			build_verdict(b, NFT_JUMP, names[i].dnat);
		}
		if (hooks[h] == NF_INET_PRE_ROUTING) {
			struct expr *fib;

			build_rule(b, "arrive");
			fib = build_expr(b, EXPR_FIB);
			fib->key = NFT_FIB_RESULT_ADDRTYPE;
			fib->op = NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF;
			build_cmp(b, NFT_CMP_EQ, &local, sizeof(local));
			build_verdict(b, NFT_GOTO, "arrive");
		}
		/* one before dstnat: who is first does not depend on who was restarted last */
		build_base_chain(b, hooks[h] == NF_INET_PRE_ROUTING ? "prerouting" : "output", "nat", hooks[h],
				 NF_IP_PRI_NAT_DST - 1);
	}
}

void compile_frame(struct ruleset *out, const struct frame *frame)
{
	/* RFC 1918 and RFC 6598 (shared address space of providers) */
	static const char *const private4[] = {"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"};
	struct builder b = {.out = out};

	out->table = true;
	out->table_flags = frame->table_flags;
	build_set(out, "l4proto", TYPE_PROTO, 1, 0);
	build_set(out, "private4", TYPE_IPV4, 4, NFT_SET_INTERVAL);
	for (size_t i = 0; i < PROTO_COUNT; i++)
		build_elem(out, "l4proto", TYPE_PROTO, &proto_numbers[i], 1);
	for (size_t i = 0; i < ARRAY_SIZE(private4); i++) {
		struct prefix p = {0};

		prefix_parse(private4[i], &p);
		part_prefix(out, "private4", &p);
	}
	compile_zones(out, frame->topology);
	for (size_t i = 0; i < ARRAY_SIZE(compile_families); i++)
		family_frame(&b, frame, &compile_families[i]);
	dnat_hooks(&b);
	compile_source(&b, frame);
	compile_filter(&b, frame);
	compile_gateway(&b, frame);
}

/* chain prerouting { type nat hook prerouting priority 0; }
 * chain tracked { ct state invalid } */
void compile_keeper(struct ruleset *out)
{
	const uint32_t invalid = NF_CT_STATE_INVALID_BIT;
	struct builder b = {.out = out};

	out->table = true;
	out->table_flags = TABLE_OWNER;
	build_base_chain(&b, "prerouting", "nat", NF_INET_PRE_ROUTING, 0);
	build_rule(&b, "tracked");
	build_expr(&b, EXPR_CT)->key = NFT_CT_STATE;
	part_any_bit(&b, &invalid, sizeof(invalid));
	build_chain(&b, "tracked");
	ruleset_sort(out);
}

struct ruleset *compile_config(const struct config *config)
{
	struct ruleset *out = ruleset_new();
	_cleanup_(topology_freep) struct topology *topology =
		topology_build(config->settings, &(struct facts){0}, &(struct wan_memory){0});
	struct frame frame = {.settings = config->settings,
			      .topology = topology,
			      .open = config->settings->open,
			      .n_open = config->settings->n_open};

	for (struct forward_entry *e = forwards_first(config->forwards); e; e = e->next) {
		if (e->off)
			continue;
		forwards_activate(config->forwards, e->forward, true);
		compile_forward(out, e->forward);
		if (e->forward->listen.kind == LISTEN_ADDRESS && forward_wants_chain(e->forward))
			compile_address(out, &e->forward->listen.addr);
	}
	frame.interfaces = forwards_interfaces(config->forwards);
	frame.fixed_sources = forwards_fixed_sources(config->forwards);
	compile_frame(out, &frame);
	ruleset_sort(out);
	return out;
}
