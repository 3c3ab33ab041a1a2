/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As the kernel's own machine loads and compares; a comparison that hangs on an unknown bit is a "maybe". */
#include "foreign_match.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/rtnetlink.h>
#include <sys/param.h>

/* ---- Registers ---------------------------------------------------------------------------------- */

/* Loads fill whole slots: what is behind the value is zero. */
static void load(struct registers *r, uint8_t slot, const void *value, const void *known, size_t len)
{
	size_t at = MIN(slot * 4u, sizeof(r->value)), room = sizeof(r->value) - at, padded;

	len = MIN(len, room);
	padded = (len + 3) / 4 * 4;
	memset(r->value + at, 0, padded);
	memset(r->known + at, 0xff, padded);
	memcpy(r->value + at, value, len);
	if (known)
		memcpy(r->known + at, known, len);
}

void foreign_load(struct registers *r, uint8_t slot, const void *value, size_t len)
{
	load(r, slot, value, NULL, len);
}

void foreign_load_unknown(struct registers *r, uint8_t slot, size_t len)
{
	static const uint8_t zero[FOREIGN_LOAD_MAX];

	load(r, slot, zero, zero, MIN(len, sizeof(zero)));
}

void foreign_load_if(struct registers *r, uint8_t slot, bool known, const void *value, size_t len)
{
	if (known)
		foreign_load(r, slot, value, len);
	else
		foreign_load_unknown(r, slot, len);
}

static void load_meta(struct registers *r, const struct expr *e)
{
	const struct foreign_packet *p = r->packet;
	uint8_t nfproto = p->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint16_t protocol = htons(p->family == AF_INET ? ETH_P_IP : ETH_P_IPV6);

	switch (e->key) {
	case NFT_META_NFPROTO:
		foreign_load(r, e->dreg, &nfproto, 1);
		break;
	case NFT_META_PROTOCOL:
		foreign_load(r, e->dreg, &protocol, 2);
		break;
	case NFT_META_L4PROTO:
		foreign_load(r, e->dreg, &p->proto, 1);
		break;
	case NFT_META_IIFNAME:
		foreign_load_if(r, e->dreg, *p->from.ifname, p->from.ifname, IFNAMSIZ);
		break;
	case NFT_META_OIFNAME:
		foreign_load_if(r, e->dreg, *p->to.ifname, p->to.ifname, IFNAMSIZ);
		break;
	case NFT_META_IIF:
		foreign_load_if(r, e->dreg, p->from.ifindex, &p->from.ifindex, 4);
		break;
	case NFT_META_OIF:
		foreign_load_if(r, e->dreg, p->to.ifindex, &p->to.ifindex, 4);
		break;
	default:
		foreign_load_unknown(r, e->dreg, FOREIGN_LOAD_MAX);
	}
}

/* A header of which some bytes are known. */
struct header {
	uint8_t value[40], known[40];
};

static void put(struct header *h, size_t at, const void *value, size_t len, bool known)
{
	if (!known)
		return;
	memcpy(h->value + at, value, len);
	memset(h->known + at, 0xff, len);
}

static void put_port(struct header *h, size_t at, uint16_t port)
{
	uint16_t n = htons(port);

	put(h, at, &n, sizeof(n), port);
}

static void load_payload(struct registers *r, const struct expr *e)
{
	const struct foreign_packet *p = r->packet;
	bool v4 = p->family == AF_INET;
	size_t len = v4 ? 4 : 16, saddr = v4 ? 12 : 8;
	struct header h = {0};

	if (e->op == NFT_PAYLOAD_NETWORK_HEADER) {
		put(&h, v4 ? 9 : 6, &p->proto, 1, true); /* RFC 791, RFC 8200 */
		put(&h, saddr, p->from.ip.bytes, len, p->from.ip.family);
		put(&h, saddr + len, p->to.ip.bytes, len, p->to.ip.family);
	} else if (e->op == NFT_PAYLOAD_TRANSPORT_HEADER) { /* TCP, UDP and SCTP begin alike */
		put_port(&h, 0, p->from.port);
		put_port(&h, 2, p->to.port);
	}
	if (e->len <= FOREIGN_LOAD_MAX && e->offset + e->len <= sizeof(h.value))
		load(r, e->dreg, h.value + e->offset, h.known + e->offset, e->len);
	else
		foreign_load_unknown(r, e->dreg, FOREIGN_LOAD_MAX);
}

static uint32_t states(const struct registers *r)
{
	return NF_CT_STATE_BIT(r->packet->reply ? IP_CT_ESTABLISHED : IP_CT_NEW);
}

static void load_ct(struct registers *r, const struct expr *e)
{
	const struct foreign_packet *p = r->packet;
	uint32_t state = states(r), status = (p->translated ? IPS_DST_NAT : 0u) | (p->reply ? IPS_SEEN_REPLY : 0u);
	uint32_t status_known = IPS_DST_NAT | IPS_SEEN_REPLY | IPS_EXPECTED;
	uint8_t direction = p->reply;

	if (e->key == NFT_CT_STATE)
		foreign_load(r, e->dreg, &state, sizeof(state));
	else if (e->key == NFT_CT_STATUS)
		load(r, e->dreg, &status, &status_known, sizeof(status));
	else if (e->key == NFT_CT_DIRECTION)
		foreign_load(r, e->dreg, &direction, sizeof(direction));
	else
		foreign_load_unknown(r, e->dreg, FOREIGN_LOAD_MAX);
}

static void load_fib(struct registers *r, const struct expr *e)
{
	const uint32_t type = r->packet->local ? RTN_LOCAL : RTN_UNICAST;
	bool known = e->key == NFT_FIB_RESULT_ADDRTYPE && (e->op & NFTA_FIB_F_DADDR);

	foreign_load_if(r, e->dreg, known, &type, sizeof(type));
}

static void mask(struct registers *r, const struct expr *e)
{
	uint8_t value[FOREIGN_LOAD_MAX], known[FOREIGN_LOAD_MAX];
	size_t at = e->sreg * 4u;

	if (e->len > FOREIGN_LOAD_MAX || at + e->len > sizeof(r->value)) {
		foreign_load_unknown(r, e->dreg, FOREIGN_LOAD_MAX);
		return;
	}
	for (size_t i = 0; i < e->len; i++) {
		value[i] = r->value[at + i] & e->data[i];
		known[i] = r->known[at + i] | (uint8_t)~e->data[i];
	}
	load(r, e->dreg, value, known, e->len);
}

bool foreign_load_expr(struct registers *r, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_META:
		load_meta(r, e);
		return true;
	case EXPR_PAYLOAD:
		load_payload(r, e);
		return true;
	case EXPR_CT:
		load_ct(r, e);
		return true;
	case EXPR_FIB:
		load_fib(r, e);
		return true;
	case EXPR_BITWISE:
		mask(r, e);
		return true;
	case EXPR_RT:
	case EXPR_HASH:
	case EXPR_NUMGEN:
	case EXPR_BYTEORDER:
		foreign_load_unknown(r, e->dreg, FOREIGN_LOAD_MAX);
		return true;
	case EXPR_CT_SET:
	case EXPR_COUNTER:
	case EXPR_LOG:
	case EXPR_MSS_SET:
		return true;
	default:
		return false;
	}
}

/* ---- Conditions --------------------------------------------------------------------------------- */

enum belief foreign_within(const struct registers *r, uint8_t slot, const uint8_t *first, const uint8_t *last,
			   size_t len)
{
	size_t at = slot * 4u;
	bool known = true, same = memcmp(first, last, len) == 0;

	if (at + len > sizeof(r->value))
		return BELIEF_MAYBE;
	for (size_t i = 0; i < len; i++) {
		if (same && ((r->value[at + i] ^ first[i]) & r->known[at + i]))
			return BELIEF_NO;
		known = known && r->known[at + i] == 0xff;
	}
	if (!known)
		return BELIEF_MAYBE;
	return memcmp(r->value + at, first, len) >= 0 && memcmp(r->value + at, last, len) <= 0 ? BELIEF_YES : BELIEF_NO;
}

enum belief foreign_compare(const struct registers *r, const struct expr *e)
{
	static const uint8_t lowest[FOREIGN_LOAD_MAX];
	uint8_t highest[FOREIGN_LOAD_MAX];

	memset(highest, 0xff, sizeof(highest));
	switch (e->op) {
	case NFT_CMP_EQ:
		return foreign_within(r, e->sreg, e->data, e->data, e->len);
	case NFT_CMP_NEQ:
		return belief_not(foreign_within(r, e->sreg, e->data, e->data, e->len));
	case NFT_CMP_LTE:
		return foreign_within(r, e->sreg, lowest, e->data, e->len);
	case NFT_CMP_GT:
		return belief_not(foreign_within(r, e->sreg, lowest, e->data, e->len));
	case NFT_CMP_GTE:
		return foreign_within(r, e->sreg, e->data, highest, e->len);
	case NFT_CMP_LT:
		return belief_not(foreign_within(r, e->sreg, e->data, highest, e->len));
	}
	return BELIEF_MAYBE;
}

static enum belief iptables_states(const struct registers *r, uint32_t wanted)
{
	return (wanted & states(r)) || (r->packet->translated && (wanted & XT_CONNTRACK_STATE_DNAT)) ? BELIEF_YES
	       : wanted & XT_CONNTRACK_STATE_SNAT                                                    ? BELIEF_MAYBE
												     : BELIEF_NO;
}

enum belief foreign_iptables_match(const struct registers *r, const struct expr *e)
{
	uint16_t port = r->packet->to.port;
	enum belief b = BELIEF_MAYBE;

	if (e->op == FOREIGN_STATES)
		b = iptables_states(r, e->key);
	else if (e->op == FOREIGN_TO_TYPE)
		b = e->key & (r->packet->local ? XT_ADDRTYPE_LOCAL : XT_ADDRTYPE_UNICAST) ? BELIEF_YES : BELIEF_NO;
	else if (e->op == FOREIGN_PORTS && port)
		b = port >= e->rate && port <= e->per ? BELIEF_YES : BELIEF_NO;
	else if (e->op == FOREIGN_MULTIPORT && port)
		b = foreign_has_port(e->name, port) ? BELIEF_YES : BELIEF_NO;
	return e->has_dir ? belief_not(b) : b;
}

/* Of a concatenation with intervals, every field has its own. */
enum belief foreign_is_elem(const struct registers *r, const struct set *set, uint8_t slot, const struct elem *x)
{
	enum belief b = BELIEF_YES;
	size_t at = 0;

	if (!x->key_len) /* "*": all that is not there */
		return BELIEF_MAYBE;
	if (!x->concat)
		return foreign_within(r, slot, x->key, x->key_end, x->key_len);
	for (size_t i = 0; i < ARRAY_SIZE(set->fields) && set->fields[i] && at + set->fields[i] <= x->key_len; i++) {
		b = belief_both(
			b, foreign_within(r, (uint8_t)(slot + at / 4), x->key + at, x->key_end + at, set->fields[i]));
		at += (set->fields[i] + 3u) / 4 * 4;
	}
	return b;
}
