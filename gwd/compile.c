/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of the table. One map per question, so that a forward is an element and not a rule:
 *
 *   prerouting, output   -> dnat4: pin4 (address . proto . port), at4 (ranges of an address), listen4 (our addresses)
 *   listen4              -> any4 (wan addresses) or on4_IF (addresses of an interface, then any4 if it is a wan)
 *   prerouting, a miss   -> arrive4: an address so new that listen4 does not have it yet (DHCP, PPP), by interface
 *   postrouting          -> our connections that leave where they came in; what lan sends from private addresses
 *   forward              -> drops what nobody asked for, only from outside, only towards what is ours to guard
 *
 * Pinned addresses are looked up first and everything else is gated by our listening addresses: a forward of port 22 on
 * the wan must never take port 22 of the gateway's address in the LAN. Rules are written so that nft can list them and
 * load its own listing again (hence `meta l4proto @l4proto` before a port, `meta nfproto` before an address). */
#include "compile_parts.h"

#include <ctype.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

const char *const compile_proto[PROTO_COUNT] = {"tcp", "udp", "sctp"};

enum { SLOT_LABEL = 8, LABEL_LEN = COMPILE_LABEL_LEN }; /* slots 0..4 hold keys and data */

/* ---- Parts that rules share --------------------------------------------------------------------- */

/* A bitmap of unsigned long, like the kernel's. */
void compile_label(uint8_t out[COMPILE_LABEL_LEN])
{
	enum { BITS = 8 * sizeof(unsigned long) };
	unsigned long words[LABEL_LEN / sizeof(unsigned long)] = {0};

	words[COMPILE_LABEL / BITS] = 1UL << COMPILE_LABEL % BITS;
	memcpy(out, words, LABEL_LEN);
}

/* ct label set LABEL dnat ip to (register 0) [: (the port behind the address)]. The label is set behind the lookup:
 * only what has an element is ours. */
static void dnat(struct builder *b, const struct family *f, bool port)
{
	struct expr *label = build_expr(b, EXPR_IMMEDIATE), *set = build_expr(b, EXPR_CT_SET),
		    *nat = build_expr(b, EXPR_NAT);

	label->dreg = set->sreg = SLOT_LABEL;
	label->len = LABEL_LEN;
	compile_label(label->data);
	set->key = NFT_CT_LABELS;
	nat->key = NFT_NAT_DNAT;
	nat->op = f->nfproto;
	nat->has_dreg = port;
	nat->dreg = port ? f->len / 4 : 0;
}

/* ---- Sets and maps ------------------------------------------------------------------------------- */

/* map NAME { type inet_proto . inet_service : ipv4_addr . inet_service; counter; } */
static void add_port_map(struct ruleset *out, const struct family *f, const char *name)
{
	build_map(out, name, TYPE_CONCAT(TYPE_PROTO, TYPE_PORT), 8, TYPE_CONCAT(f->type, TYPE_PORT), f->len + 4u);
	out->sets[out->n_sets - 1].counter = true;
}

/* map NAME_tcp { type inet_service : ipv4_addr; flags interval; counter; }, and udp, sctp */
static void add_range_maps(struct ruleset *out, const struct family *f, const char *name)
{
	for (size_t i = 0; i < PROTO_COUNT; i++) {
		struct set *s;

		build_map(out, arena_printf(out->arena, "%s_%s", name, compile_proto[i]), TYPE_PORT, 2, f->type,
			  f->len);
		s = &out->sets[out->n_sets - 1];
		s->flags |= NFT_SET_INTERVAL;
		s->counter = true;
	}
}

static void add_prefix(struct ruleset *out, const char *set, const char *text)
{
	struct prefix p = {0};
	struct elem *e;
	struct ip last;

	prefix_parse(text, &p);
	e = build_elem(out, set, TYPE_IPV4, p.ip.bytes, 4);
	e->interval = true;
	prefix_last(&p, &last);
	memcpy(e->key_end, last.bytes, 4);
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

/* meta l4proto @l4proto dnat ip to meta l4proto . th dport map @NAME */
static void port_rule(struct builder *b, const struct family *f, const char *name)
{
	build_rule(b, "port");
	build_meta(b, NFT_META_L4PROTO, 0);
	build_in_set(b, "l4proto");
	build_meta(b, NFT_META_L4PROTO, 0);
	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1);
	build_in_map(b, name, 0);
	dnat(b, f, true);
}

/* meta l4proto tcp dnat ip to th dport map @NAME_tcp */
static void range_rules(struct builder *b, const struct family *f, const char *name)
{
	static const char *const comments[PROTO_COUNT] = {"range-tcp", "range-udp", "range-sctp"};

	for (size_t i = 0; i < PROTO_COUNT; i++) {
		build_rule(b, comments[i]);
		build_meta(b, NFT_META_L4PROTO, 0);
		build_cmp8(b, NFT_CMP_EQ, proto_numbers[i]);
		build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 0);
		build_in_map(b, arena_printf(b->out->arena, "%s_%s", name, compile_proto[i]), 0);
		dnat(b, f, false);
	}
}

/* chain NAME with its maps; `then` is where a miss goes, or NULL. */
static void listen_chain(struct builder *b, const struct family *f, const char *name, const char *then)
{
	add_port_map(b->out, f, name);
	add_range_maps(b->out, f, name);
	port_rule(b, f, name);
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

/* Maps and chains that a family has whatever is forwarded:
 *   chain dnat4 {
 *     meta l4proto @l4proto dnat ip to ip daddr . meta l4proto . th dport map @pin4
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

	build_map(out, pin, TYPE_CONCAT(TYPE_CONCAT(f->type, TYPE_PROTO), TYPE_PORT), f->len + 8u,
		  TYPE_CONCAT(f->type, TYPE_PORT), f->len + 4u);
	out->sets[out->n_sets - 1].counter = true;
	build_map(out, gates[0], f->type, f->len, NFT_DATA_VERDICT, 0);
	build_map(out, gates[1], f->type, f->len, NFT_DATA_VERDICT, 0);
	build_map(out, arena_printf(out->arena, "arrive%c", f->digit), TYPE_IFNAME, IFNAMSIZ, NFT_DATA_VERDICT, 0);

	listen_chain(b, f, any, NULL);
	for (const struct listen_use *u = frame->interfaces; u; u = u->next)
		if (u->family == f->af)
			listen_chain(b, f, compile_listen_name(out->arena, f->af, &u->listen),
				     is_wan(frame, u->listen.ifname) ? any : NULL);

	build_rule(b, "pin");
	build_meta(b, NFT_META_L4PROTO, 0);
	build_in_set(b, "l4proto");
	part_nfproto(b, f);
	build_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->daddr, f->len, 0);
	build_meta(b, NFT_META_L4PROTO, f->len / 4);
	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, f->len / 4 + 1);
	build_in_map(b, pin, 0);
	dnat(b, f, true);
	for (size_t i = 0; i < ARRAY_SIZE(gates); i++) {
		build_rule(b, i == 0 ? "at" : "listen");
		part_nfproto(b, f);
		build_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->daddr, f->len, 0);
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
	part_nfproto(b, f);
	build_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->daddr, f->len, 0);
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

/* chain postrouting {
 *   ct label LABEL iifname . oifname @same_if masquerade           the reply must come back through us
 *   iifname @lan oifname @wan ip saddr @private4 rt ipsec missing masquerade      a tunnel wants the inner address
 * } */
static void postrouting(struct builder *b, const struct frame *frame)
{
	const struct family *f = &compile_families[0];
	uint8_t label[LABEL_LEN];

	compile_label(label);
	build_rule(b, "reply-path");
	build_expr(b, EXPR_CT)->key = NFT_CT_LABELS;
	part_any_bit(b, label, LABEL_LEN);
	part_same_interface(b);
	build_expr(b, EXPR_MASQ);
	if (frame->settings->masquerade) {
		build_rule(b, "masquerade");
		build_meta(b, NFT_META_IIFNAME, 0);
		build_in_set(b, "lan");
		build_meta(b, NFT_META_OIFNAME, 0);
		build_in_set(b, "wan");
		part_nfproto(b, f);
		build_payload(b, NFT_PAYLOAD_NETWORK_HEADER, f->saddr, f->len, 0);
		build_in_set(b, "private4");
		build_expr(b, EXPR_RT)->key = NFT_RT_XFRM;
		build_cmp8(b, NFT_CMP_EQ, 0);
		build_expr(b, EXPR_MASQ);
	}
	build_base_chain(b, "postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 1);
}

static void interface_elements(struct ruleset *out, const struct topology *t)
{
	for (size_t i = 0; i < t->n_interfaces; i++) {
		const struct interface *in = &t->interfaces[i];
		char pair[2 * IFNAMSIZ] = {0};

		if (in->zone == ZONE_WAN || in->former)
			build_ifname(out, "outside", in->name);
		if (in->zone == ZONE_WAN)
			build_ifname(out, "wan", in->name);
		else if (in->zone == ZONE_LAN)
			build_ifname(out, "lan", in->name);
		if (!in->present || !in->l3)
			continue;
		memcpy(pair, in->name, strlen(in->name));
		memcpy(pair + IFNAMSIZ, in->name, strlen(in->name));
		build_elem(out, "same_if", TYPE_CONCAT(TYPE_IFNAME, TYPE_IFNAME), pair, sizeof(pair));
	}
}

void compile_frame(struct ruleset *out, const struct frame *frame)
{
	/* RFC 1918 and RFC 6598 (shared address space of providers) */
	static const char *const private4[] = {"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"};
	struct builder b = {.out = out};

	out->table = true;
	build_set(out, "l4proto", TYPE_PROTO, 1, 0);
	build_set(out, "wan", TYPE_IFNAME, IFNAMSIZ, 0);
	build_set(out, "outside", TYPE_IFNAME, IFNAMSIZ, 0);
	build_set(out, "lan", TYPE_IFNAME, IFNAMSIZ, 0);
	build_set(out, "same_if", TYPE_CONCAT(TYPE_IFNAME, TYPE_IFNAME), 2 * IFNAMSIZ, 0);
	build_set(out, "private4", TYPE_IPV4, 4, NFT_SET_INTERVAL);
	for (size_t i = 0; i < PROTO_COUNT; i++)
		build_elem(out, "l4proto", TYPE_PROTO, &proto_numbers[i], 1);
	for (size_t i = 0; i < ARRAY_SIZE(private4); i++)
		add_prefix(out, "private4", private4[i]);
	interface_elements(out, frame->topology);
	for (size_t i = 0; i < ARRAY_SIZE(compile_families); i++)
		family_frame(&b, frame, &compile_families[i]);
	dnat_hooks(&b);
	postrouting(&b, frame);
	compile_filter(&b, frame);
}
