/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet goes through other people's rules as in the kernel's own machine (nf_tables_core.c): registers, verdicts,
 * chains. Only that not every bit of the packet is known: a comparison that hangs on an unknown bit is a "maybe", and
 * from there on both ways are followed. So a drop is certain only when nothing unknown could have prevented it. */
#include "foreign.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/rtnetlink.h>
#include <sys/param.h>

enum {
	SLOTS = 16,
	LOAD_MAX = 16,      /* bytes of one load that are followed */
	DEPTH_MAX = 16,     /* as the kernel: NFT_JUMP_STACK_SIZE */
	STEPS_MAX = 200000, /* rules; past it everything is possible */
};

struct registers { /* a bit of `value` counts where `known` has one */
	uint8_t value[SLOTS * 4], known[SLOTS * 4];
};

struct run {
	const struct foreign_table *table;
	const struct foreign_packet *packet;
	struct fate *fate;
	size_t steps;
	const char *chain;       /* where it is ... */
	const struct rule *rule; /* ... and in which rule; NULL: behind the last one */
	struct registers regs;
};

static enum belief both(enum belief a, enum belief b)
{
	return MIN(a, b);
}

static enum belief either(enum belief a, enum belief b)
{
	return MAX(a, b);
}

/* Whether it is still here, after some of it left for certain or maybe. */
static enum belief rest(enum belief here, enum belief left)
{
	return left == BELIEF_YES ? BELIEF_NO : left == BELIEF_MAYBE ? both(here, BELIEF_MAYBE) : here;
}

/* ---- Registers ---------------------------------------------------------------------------------- */

/* Loads fill whole slots: what is behind the value is zero. */
static void load(struct run *r, uint8_t slot, const void *value, const void *known, size_t len)
{
	size_t at = MIN(slot * 4u, sizeof(r->regs.value)), room = sizeof(r->regs.value) - at, padded;

	len = MIN(len, room);
	padded = (len + 3) / 4 * 4;
	memset(r->regs.value + at, 0, padded);
	memset(r->regs.known + at, 0xff, padded);
	memcpy(r->regs.value + at, value, len);
	if (known)
		memcpy(r->regs.known + at, known, len);
}

static void load_known(struct run *r, uint8_t slot, const void *value, size_t len)
{
	load(r, slot, value, NULL, len);
}

static void load_unknown(struct run *r, uint8_t slot, size_t len)
{
	static const uint8_t zero[LOAD_MAX];

	load(r, slot, zero, zero, MIN(len, sizeof(zero)));
}

static void load_if(struct run *r, uint8_t slot, bool known, const void *value, size_t len)
{
	if (known)
		load_known(r, slot, value, len);
	else
		load_unknown(r, slot, len);
}

static void load_meta(struct run *r, const struct expr *e)
{
	const struct foreign_packet *p = r->packet;
	uint8_t nfproto = p->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint16_t protocol = htons(p->family == AF_INET ? ETH_P_IP : ETH_P_IPV6);

	switch (e->key) {
	case NFT_META_NFPROTO:
		load_known(r, e->dreg, &nfproto, 1);
		break;
	case NFT_META_PROTOCOL:
		load_known(r, e->dreg, &protocol, 2);
		break;
	case NFT_META_L4PROTO:
		load_known(r, e->dreg, &p->proto, 1);
		break;
	case NFT_META_IIFNAME:
		load_if(r, e->dreg, *p->from.ifname, p->from.ifname, IFNAMSIZ);
		break;
	case NFT_META_OIFNAME:
		load_if(r, e->dreg, *p->to.ifname, p->to.ifname, IFNAMSIZ);
		break;
	case NFT_META_IIF:
		load_if(r, e->dreg, p->from.ifindex, &p->from.ifindex, 4);
		break;
	case NFT_META_OIF:
		load_if(r, e->dreg, p->to.ifindex, &p->to.ifindex, 4);
		break;
	default:
		load_unknown(r, e->dreg, LOAD_MAX);
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

static void load_payload(struct run *r, const struct expr *e)
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
	if (e->len <= LOAD_MAX && e->offset + e->len <= sizeof(h.value))
		load(r, e->dreg, h.value + e->offset, h.known + e->offset, e->len);
	else
		load_unknown(r, e->dreg, LOAD_MAX);
}

static uint32_t states(const struct run *r)
{
	return NF_CT_STATE_BIT(r->packet->reply ? IP_CT_ESTABLISHED : IP_CT_NEW);
}

static void load_ct(struct run *r, const struct expr *e)
{
	const struct foreign_packet *p = r->packet;
	uint32_t state = states(r), status = (p->translated ? IPS_DST_NAT : 0u) | (p->reply ? IPS_SEEN_REPLY : 0u);
	uint32_t status_known = IPS_DST_NAT | IPS_SEEN_REPLY | IPS_EXPECTED;
	uint8_t direction = p->reply;

	if (e->key == NFT_CT_STATE)
		load_known(r, e->dreg, &state, sizeof(state));
	else if (e->key == NFT_CT_STATUS)
		load(r, e->dreg, &status, &status_known, sizeof(status));
	else if (e->key == NFT_CT_DIRECTION)
		load_known(r, e->dreg, &direction, sizeof(direction));
	else
		load_unknown(r, e->dreg, LOAD_MAX);
}

static void load_fib(struct run *r, const struct expr *e)
{
	const uint32_t type = r->packet->local ? RTN_LOCAL : RTN_UNICAST;
	bool known = e->key == NFT_FIB_RESULT_ADDRTYPE && (e->op & NFTA_FIB_F_DADDR);

	load_if(r, e->dreg, known, &type, sizeof(type));
}

static void mask(struct run *r, const struct expr *e)
{
	uint8_t value[LOAD_MAX], known[LOAD_MAX];
	size_t at = e->sreg * 4u;

	if (e->len > LOAD_MAX || at + e->len > sizeof(r->regs.value)) {
		load_unknown(r, e->dreg, LOAD_MAX);
		return;
	}
	for (size_t i = 0; i < e->len; i++) {
		value[i] = r->regs.value[at + i] & e->data[i];
		known[i] = r->regs.known[at + i] | (uint8_t)~e->data[i];
	}
	load(r, e->dreg, value, known, e->len);
}

/* ---- Conditions --------------------------------------------------------------------------------- */

/* Whether the register holds something from `first` to `last`, both included. */
static enum belief within(const struct run *r, uint8_t slot, const uint8_t *first, const uint8_t *last, size_t len)
{
	size_t at = slot * 4u;
	bool known = true, same = memcmp(first, last, len) == 0;

	if (at + len > sizeof(r->regs.value))
		return BELIEF_MAYBE;
	for (size_t i = 0; i < len; i++) {
		if (same && ((r->regs.value[at + i] ^ first[i]) & r->regs.known[at + i]))
			return BELIEF_NO;
		known = known && r->regs.known[at + i] == 0xff;
	}
	if (!known)
		return BELIEF_MAYBE;
	return memcmp(r->regs.value + at, first, len) >= 0 && memcmp(r->regs.value + at, last, len) <= 0 ? BELIEF_YES
													 : BELIEF_NO;
}

static enum belief no(enum belief b)
{
	return BELIEF_YES - b;
}

static enum belief compare(const struct run *r, const struct expr *e)
{
	static const uint8_t lowest[LOAD_MAX];
	uint8_t highest[LOAD_MAX];

	memset(highest, 0xff, sizeof(highest));
	switch (e->op) {
	case NFT_CMP_EQ:
		return within(r, e->sreg, e->data, e->data, e->len);
	case NFT_CMP_NEQ:
		return no(within(r, e->sreg, e->data, e->data, e->len));
	case NFT_CMP_LTE:
		return within(r, e->sreg, lowest, e->data, e->len);
	case NFT_CMP_GT:
		return no(within(r, e->sreg, lowest, e->data, e->len));
	case NFT_CMP_GTE:
		return within(r, e->sreg, e->data, highest, e->len);
	case NFT_CMP_LT:
		return no(within(r, e->sreg, e->data, highest, e->len));
	}
	return BELIEF_MAYBE;
}

static enum belief iptables_states(const struct run *r, uint32_t wanted)
{
	return (wanted & states(r)) || (r->packet->translated && (wanted & XT_CONNTRACK_STATE_DNAT)) ? BELIEF_YES
	       : wanted & XT_CONNTRACK_STATE_SNAT                                                    ? BELIEF_MAYBE
												     : BELIEF_NO;
}

static enum belief iptables_match(const struct run *r, const struct expr *e)
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
	return e->has_dir ? no(b) : b;
}

/* ---- Verdicts ----------------------------------------------------------------------------------- */

/* How believable it is that a packet goes on in the chain, and that it has gone back to the calling one. */
struct onward {
	enum belief here, back;
};

static enum belief run_chain(struct run *, const char *name, enum belief here, unsigned depth);

static void dropped(struct run *r, enum belief b, bool by_policy)
{
	if (b > r->fate->dropped) { /* a certain one tells more than one that may be */
		r->fate->dropped = b;
		r->fate->dropped_in = r->chain;
		r->fate->by_policy = by_policy;
		r->fate->rule = r->rule;
	}
}

static void verdict(struct run *r, int32_t code, const char *chain, enum belief matches, struct onward *to,
		    unsigned depth)
{
	enum belief leaves = both(to->here, matches), returns;
	const char *here = r->chain;
	const struct rule *rule = r->rule;

	if (code == NFT_CONTINUE || matches == BELIEF_NO)
		return;
	to->here = rest(to->here, matches);
	switch (code) {
	case NF_DROP:
		dropped(r, leaves, false);
		break;
	case NFT_RETURN:
		to->back = either(to->back, leaves);
		break;
	case NFT_JUMP:
	case NFT_GOTO:
		returns = run_chain(r, chain, leaves, depth + 1);
		r->chain = here;
		r->rule = rule;
		if (code == NFT_JUMP)
			to->here = either(to->here, returns);
		else
			to->back = either(to->back, returns);
		break;
	default: /* accepted, queued, stolen: out of this table */
		break;
	}
}

/* An accept and a drop hide behind what cannot be read. */
static void anything(struct run *r, enum belief matches, struct onward *to)
{
	enum belief leaves = both(both(to->here, matches), BELIEF_MAYBE);

	dropped(r, leaves, false);
	to->here = rest(to->here, leaves);
}

static void translated(struct run *r, const uint8_t *addr, size_t len, uint16_t port, enum belief b)
{
	struct fate *f = r->fate;

	if (b <= f->translated)
		return;
	f->translated = b;
	f->translated_in = r->chain;
	f->rule = r->rule;
	f->to = (struct ip){0};
	f->to_port = port;
	if (!len)
		return;
	f->to.family = r->packet->family;
	memcpy(f->to.bytes, addr, ip_len(&f->to));
}

static bool are_known(const struct run *r, size_t at, size_t len)
{
	for (size_t i = at; i < at + len; i++)
		if (i >= sizeof(r->regs.known) || r->regs.known[i] != 0xff)
			return false;
	return true;
}

static void translate_to_registers(struct run *r, const struct expr *e, enum belief b)
{
	size_t addr = e->sreg * 4u, len = r->packet->family == AF_INET ? 4 : 16, port = e->dreg * 4u;
	bool has_port = e->has_dreg && are_known(r, port, 2);

	translated(r, &r->regs.value[addr % sizeof(r->regs.value)], are_known(r, addr, len) ? len : 0,
		   has_port ? (uint16_t)(r->regs.value[port] << 8 | r->regs.value[port + 1]) : 0, b);
}

/* ---- Rules -------------------------------------------------------------------------------------- */

/* Of a concatenation with intervals, every field has its own. */
static enum belief is_elem(const struct run *r, const struct set *set, uint8_t slot, const struct elem *x)
{
	enum belief b = BELIEF_YES;
	size_t at = 0;

	if (!x->key_len) /* "*": all that is not there */
		return BELIEF_MAYBE;
	if (!x->concat)
		return within(r, slot, x->key, x->key_end, x->key_len);
	for (size_t i = 0; i < ARRAY_SIZE(set->fields) && set->fields[i] && at + set->fields[i] <= x->key_len; i++) {
		b = both(b, within(r, (uint8_t)(slot + at / 4), x->key + at, x->key_end + at, set->fields[i]));
		at += (set->fields[i] + 3u) / 4 * 4;
	}
	return b;
}

/* Every element that may be the packet's, until one certainly is. For a map of verdicts each of them is followed; for
 * another map the register is known only when the element is. Returns whether there is one. */
static enum belief look_up(struct run *r, const struct set *set, const struct expr *e, enum belief matches,
			   struct onward *to, unsigned depth)
{
	const struct ruleset *rules = r->table->rules;
	const struct elem *end = rules->elems + rules->n_elems;
	const struct registers before = r->regs;
	enum belief found = BELIEF_NO;

	for (const struct elem *x = ruleset_elems(rules, e->name); x < end && streq(x->set, e->name); x++) {
		enum belief b = is_elem(r, set, e->sreg, x);

		if (b == BELIEF_NO)
			continue;
		if (e->has_dreg && e->dreg == REG_VERDICT) {
			verdict(r, x->verdict, x->chain, both(matches, b), to, depth);
			r->regs = before; /* the chain has used them for itself */
		} else if (e->has_dreg) {
			load_if(r, e->dreg, b == BELIEF_YES, x->data, MAX(x->data_len, 4));
		}
		found = either(found, b);
		if (b == BELIEF_YES)
			break;
	}
	return found;
}

static enum belief run_lookup(struct run *r, const struct expr *e, enum belief matches, struct onward *to,
			      unsigned depth)
{
	const struct set *set = ruleset_set(r->table->rules, e->name);

	if (set) {
		enum belief b = look_up(r, set, e, matches, to, depth);

		return e->op ? no(b) : b; /* NFT_LOOKUP_F_INV */
	}
	if (e->has_dreg && e->dreg == REG_VERDICT)
		anything(r, matches, to);
	else if (e->has_dreg)
		load_unknown(r, e->dreg, LOAD_MAX);
	return BELIEF_MAYBE;
}

/* What changes the packet, or what becomes of it: the surest is told, and of those one that keeps it untracked. */
static void altered(struct run *r, bool untracked, enum belief b)
{
	struct fate *f = r->fate;

	if (b < f->altered || b == BELIEF_NO || (b == f->altered && (f->untracked || !untracked)))
		return;
	f->altered = b;
	f->untracked = untracked;
	f->altered_in = r->chain;
	f->altered_by = r->rule;
}

static enum belief run_other(struct run *r, const struct expr *e, enum belief matches, struct onward *to)
{
	enum belief b;

	switch (e->op) {
	case FOREIGN_NOTHING:
	case FOREIGN_COMMENT:
	case FOREIGN_LOG:
		return BELIEF_YES;
	case FOREIGN_NOTRACK:
	case FOREIGN_REWRITE:
		altered(r, e->op == FOREIGN_NOTRACK, both(to->here, matches));
		return BELIEF_YES;
	case FOREIGN_RANGE:
		b = within(r, e->sreg, e->data, e->data + FOREIGN_RANGE_MAX, e->len);
		return e->has_dir ? no(b) : b;
	case FOREIGN_NEVER:
		return BELIEF_NO;
	case FOREIGN_REJECT:
		verdict(r, NF_DROP, NULL, matches, to, 0);
		return BELIEF_NO;
	case FOREIGN_DNAT:
	case FOREIGN_REDIRECT:
		translated(r, e->data, e->len, (uint16_t)e->count, both(to->here, matches));
		verdict(r, NF_ACCEPT, NULL, matches, to, 0);
		return BELIEF_NO;
	case FOREIGN_STATES:
	case FOREIGN_TO_TYPE:
	case FOREIGN_PORTS:
	case FOREIGN_MULTIPORT:
		return iptables_match(r, e);
	default: /* may have filled any register */
		memset(r->regs.known, 0, sizeof(r->regs.known));
		return BELIEF_MAYBE;
	}
}

/* What fills a register, or does nothing to the packet; false: something else. */
static bool run_load(struct run *r, const struct expr *e)
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
		load_unknown(r, e->dreg, LOAD_MAX);
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

/* Whether the packet goes on behind this expression. */
static enum belief run_expr(struct run *r, const struct expr *e, enum belief matches, struct onward *to, unsigned depth)
{
	if (run_load(r, e))
		return BELIEF_YES;
	switch (e->kind) {
	case EXPR_CMP:
		return compare(r, e);
	case EXPR_LOOKUP:
		return run_lookup(r, e, matches, to, depth);
	case EXPR_IMMEDIATE:
		if (e->dreg != REG_VERDICT)
			load_known(r, e->dreg, e->data, e->len);
		else
			verdict(r, e->verdict, e->name, matches, to, depth);
		return BELIEF_YES;
	case EXPR_NAT:
		if (e->key == NFT_NAT_DNAT)
			translate_to_registers(r, e, both(to->here, matches));
		verdict(r, NF_ACCEPT, NULL, matches, to, depth);
		return BELIEF_NO;
	case EXPR_MASQ:
		verdict(r, NF_ACCEPT, NULL, matches, to, depth);
		return BELIEF_NO;
	case EXPR_OTHER:
		return run_other(r, e, matches, to);
	default: /* limits: sometimes */
		return BELIEF_MAYBE;
	}
}

static void run_rule(struct run *r, const struct rule *rule, struct onward *to, unsigned depth)
{
	enum belief matches = BELIEF_YES;

	r->rule = rule;
	memset(r->regs.known, 0, sizeof(r->regs.known));
	for (size_t i = 0; i < rule->n && matches != BELIEF_NO; i++)
		matches = both(matches, run_expr(r, &rule->exprs[i], matches, to, depth));
}

/* How believable it is that the packet comes back out of the chain. */
static enum belief run_chain(struct run *r, const char *name, enum belief here, unsigned depth)
{
	const struct chain *c = ruleset_chain(r->table->rules, name);
	struct onward to = {.here = here, .back = BELIEF_NO};

	if (!c || depth > DEPTH_MAX) {
		anything(r, BELIEF_YES, &to);
		return to.here;
	}
	r->chain = c->name;
	for (size_t i = 0; i < c->n && to.here != BELIEF_NO; i++) {
		if (++r->steps > STEPS_MAX) {
			anything(r, BELIEF_YES, &to);
			break;
		}
		run_rule(r, &c->rules[i], &to, depth);
	}
	return either(to.here, to.back);
}

void foreign_run(const struct foreign_table *table, const struct chain *base, const struct foreign_packet *packet,
		 struct fate *ret)
{
	struct run r = {.table = table, .packet = packet, .fate = ret};
	enum belief end;

	*ret = (struct fate){0};
	end = run_chain(&r, base->name, BELIEF_YES, 0);
	r.chain = base->name;
	r.rule = NULL;
	if (base->policy == NF_DROP)
		dropped(&r, end, true);
}
