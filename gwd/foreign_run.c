/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet goes through other people's rules as in the kernel's own machine (nf_tables_core.c): verdicts and
 * chains; foreign_match.c has the registers. Only that not every bit of the packet is known, so a rule may match maybe,
 * and from there on both ways are followed: a drop is certain only when nothing unknown could have prevented it. */
#include "foreign_match.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/param.h>

enum {
	DEPTH_MAX = 16,     /* as the kernel: NFT_JUMP_STACK_SIZE */
	STEPS_MAX = 200000, /* rules; past it everything is possible */
};

struct run {
	const struct foreign_table *table;
	struct fate *fate;
	size_t steps;
	const char *chain;       /* where it is ... */
	const struct rule *rule; /* ... and in which rule; NULL: behind the last one */
	struct registers regs;
};

/* Whether it is still here, after some of it left for certain or maybe. */
static enum belief rest(enum belief here, enum belief left)
{
	return left == BELIEF_YES ? BELIEF_NO : left == BELIEF_MAYBE ? belief_both(here, BELIEF_MAYBE) : here;
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
	enum belief leaves = belief_both(to->here, matches), returns;
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
		to->back = belief_either(to->back, leaves);
		break;
	case NFT_JUMP:
	case NFT_GOTO:
		returns = run_chain(r, chain, leaves, depth + 1);
		r->chain = here;
		r->rule = rule;
		if (code == NFT_JUMP)
			to->here = belief_either(to->here, returns);
		else
			to->back = belief_either(to->back, returns);
		break;
	default: /* accepted, queued, stolen: out of this table */
		break;
	}
}

/* An accept and a drop hide behind what cannot be read. */
static void anything(struct run *r, enum belief matches, struct onward *to)
{
	enum belief leaves = belief_both(belief_both(to->here, matches), BELIEF_MAYBE);

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
	f->to.family = r->regs.packet->family;
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
	size_t addr = e->sreg * 4u, len = r->regs.packet->family == AF_INET ? 4 : 16, port = e->dreg * 4u;
	bool has_port = e->has_dreg && are_known(r, port, 2);

	translated(r, &r->regs.value[addr % sizeof(r->regs.value)], are_known(r, addr, len) ? len : 0,
		   has_port ? (uint16_t)(r->regs.value[port] << 8 | r->regs.value[port + 1]) : 0, b);
}

/* ---- Rules -------------------------------------------------------------------------------------- */

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
		enum belief b = foreign_is_elem(&r->regs, set, e->sreg, x);

		if (b == BELIEF_NO)
			continue;
		if (e->has_dreg && e->dreg == REG_VERDICT) {
			verdict(r, x->verdict, x->chain, belief_both(matches, b), to, depth);
			r->regs = before; /* the chain has used them for itself */
		} else if (e->has_dreg) {
			foreign_load_if(&r->regs, e->dreg, b == BELIEF_YES, x->data, MAX(x->data_len, 4));
		}
		found = belief_either(found, b);
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

		return e->op ? belief_not(b) : b; /* NFT_LOOKUP_F_INV */
	}
	if (e->has_dreg && e->dreg == REG_VERDICT)
		anything(r, matches, to);
	else if (e->has_dreg)
		foreign_load_unknown(&r->regs, e->dreg, FOREIGN_LOAD_MAX);
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
		altered(r, e->op == FOREIGN_NOTRACK, belief_both(to->here, matches));
		return BELIEF_YES;
	case FOREIGN_RANGE:
		b = foreign_within(&r->regs, e->sreg, e->data, e->data + FOREIGN_RANGE_MAX, e->len);
		return e->has_dir ? belief_not(b) : b;
	case FOREIGN_NEVER:
		return BELIEF_NO;
	case FOREIGN_REJECT:
		verdict(r, NF_DROP, NULL, matches, to, 0);
		return BELIEF_NO;
	case FOREIGN_DNAT:
	case FOREIGN_REDIRECT:
		translated(r, e->data, e->len, (uint16_t)e->count, belief_both(to->here, matches));
		verdict(r, NF_ACCEPT, NULL, matches, to, 0);
		return BELIEF_NO;
	case FOREIGN_STATES:
	case FOREIGN_TO_TYPE:
	case FOREIGN_PORTS:
	case FOREIGN_MULTIPORT:
		return foreign_iptables_match(&r->regs, e);
	default: /* may have filled any register */
		memset(r->regs.known, 0, sizeof(r->regs.known));
		return BELIEF_MAYBE;
	}
}

/* Whether the packet goes on behind this expression. */
static enum belief run_expr(struct run *r, const struct expr *e, enum belief matches, struct onward *to, unsigned depth)
{
	if (foreign_load_expr(&r->regs, e))
		return BELIEF_YES;
	switch (e->kind) {
	case EXPR_CMP:
		return foreign_compare(&r->regs, e);
	case EXPR_LOOKUP:
		return run_lookup(r, e, matches, to, depth);
	case EXPR_IMMEDIATE:
		if (e->dreg != REG_VERDICT)
			foreign_load(&r->regs, e->dreg, e->data, e->len);
		else
			verdict(r, e->verdict, e->name, matches, to, depth);
		return BELIEF_YES;
	case EXPR_NAT:
		if (e->key == NFT_NAT_DNAT)
			translate_to_registers(r, e, belief_both(to->here, matches));
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
		matches = belief_both(matches, run_expr(r, &rule->exprs[i], matches, to, depth));
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
	return belief_either(to.here, to.back);
}

void foreign_run(const struct foreign_table *table, const struct chain *base, const struct foreign_packet *packet,
		 struct fate *ret)
{
	struct run r = {.table = table, .fate = ret, .regs.packet = packet};
	enum belief end;

	*ret = (struct fate){0};
	end = run_chain(&r, base->name, BELIEF_YES, 0);
	r.chain = base->name;
	r.rule = NULL;
	if (base->policy == NF_DROP)
		dropped(&r, end, true);
}
