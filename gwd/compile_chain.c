/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The own chain of a forward: who may use it, how much, and where each connection goes. It stands in the nat hook, which
 * sees a connection once and knows which forward it chose; in the forward hook the same tests would also meet other
 * people's translations of the port. Names contain '/', which no forward's name has, so none can meet another's.
 *
 * Targets get slots of a fixed table by weight. Which slots they hold depends on the written targets alone: those of one
 * that is drained are dealt out to the others, and nobody else's clients move. */
#include "compile_parts.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

enum {
	SLOTS_MIN = 64,      /* so that what a drained target leaves can be dealt out evenly */
	SOURCES_MAX = 65535, /* of a limit; those beyond are not limited */
	LOG_RATE = 10,
	LOG_BURST = 50,
	LOG_BYTES = 64,          /* per second; of a packet */
	JHASH_SEED = 0x67776400, /* fixed: a client stays with its target over restarts */
	NOBODY = UINT8_MAX,
};

static const char *object(struct arena *arena, const struct forward *f, const char *what)
{
	return arena_printf(arena, "f/%s/%s%c", f->name, what, compile_families[f->family == AF_INET6].digit);
}

static void load_source(struct builder *b, const struct forward *f)
{
	const struct family *family = &compile_families[f->family == AF_INET6];

	part_address(b, family, family->saddr);
}

static void drop(struct builder *b)
{
	build_expr(b, EXPR_COUNTER);
	build_verdict(b, NF_DROP, NULL);
}

/* ---- Who may, and how much ---------------------------------------------------------------------- */

/* ip saddr != @f/NAME/from4 counter drop */
static void allow_list(struct builder *b, const struct forward *f)
{
	const struct family *family = &compile_families[f->family == AF_INET6];
	const char *set = object(b->out->arena, f, "from");

	build_set(b->out, set, family->type, family->len, NFT_SET_INTERVAL);
	for (size_t i = 0; i < f->n_from; i++)
		part_prefix(b->out, set, &f->from[i]);
	build_rule(b, "from");
	load_source(b, f);
	build_not_in_set(b, set);
	drop(b);
}

/* A set of sources, each with a state of `kind`; the rule goes on where that state is over its limit. What a source may is
 * copied into its element when it is first seen, so the limit is in the set's name: another limit is another set. */
static struct expr *per_source(struct builder *b, const struct forward *f, const char *set, enum expr_kind kind,
			       uint32_t op, uint32_t timeout)
{
	const struct family *family = &compile_families[f->family == AF_INET6];
	struct expr *e;
	struct set *s;

	build_set(b->out, set, family->type, family->len, NFT_SET_EVAL | (timeout ? NFT_SET_TIMEOUT : 0));
	s = &b->out->sets[b->out->n_sets - 1];
	s->size = SOURCES_MAX;
	s->timeout = timeout;
	load_source(b, f);
	e = build_expr(b, EXPR_DYNSET);
	e->name = set;
	e->key = kind;
	e->op = op;
	return e;
}

const char *compile_rate_set(struct arena *arena, const struct forward *f)
{
	return arena_printf(arena, "%s-%u-%u", object(arena, f, "rate"), f->limit.rate, f->limit.per);
}

uint32_t compile_rate_forgets(const struct forward *f)
{
	enum { FORGET_MIN = 60 };

	return f->limit.per > FORGET_MIN ? f->limit.per : FORGET_MIN;
}

const char *compile_connections_set(struct arena *arena, const struct forward *f)
{
	return arena_printf(arena, "%s-%u", object(arena, f, "connections"), f->limit.connections);
}

/* update @f/NAME/rate4-20-1 { ip saddr limit rate over 20/second burst 20 packets } counter drop */
static void limit_rate(struct builder *b, const struct forward *f)
{
	const char *set = compile_rate_set(b->out->arena, f);
	struct expr *e;

	build_rule(b, "rate");
	e = per_source(b, f, set, EXPR_LIMIT, NFT_DYNSET_OP_UPDATE, compile_rate_forgets(f));
	e->rate = e->burst = f->limit.rate;
	e->per = f->limit.per;
	drop(b);
}

/* add @f/NAME/connections4-50 { ip saddr ct count over 50 } counter drop */
static void limit_connections(struct builder *b, const struct forward *f)
{
	const char *set = compile_connections_set(b->out->arena, f);

	build_rule(b, "connections");
	per_source(b, f, set, EXPR_CONNLIMIT, NFT_DYNSET_OP_ADD, 0)->count = f->limit.connections;
	drop(b);
}

/* limit rate 10/second burst 50 packets log prefix "NAME" group 103 snaplen 64 */
static void log_new(struct builder *b, const struct forward *f)
{
	struct expr *e;

	build_rule(b, "log");
	e = build_expr(b, EXPR_LIMIT);
	e->rate = LOG_RATE;
	e->per = 1;
	e->burst = LOG_BURST;
	e = build_expr(b, EXPR_LOG);
	e->key = COMPILE_LOG_GROUP;
	e->offset = LOG_BYTES;
	e->name = arena_strdup(b->out->arena, f->name);
}

/* ---- Where to ----------------------------------------------------------------------------------- */

static void load_immediate(struct builder *b, uint8_t slot, const void *data, size_t len)
{
	struct expr *e = build_expr(b, EXPR_IMMEDIATE);

	e->dreg = slot;
	e->len = (uint8_t)len;
	memcpy(e->data, data, len);
}

/* map f/NAME/1/ports { 5000 : 7000, 5001 : 7001, ... } */
static void add_shift(struct ruleset *out, const struct forward *f, const struct target *t, const char *map)
{
	build_map(out, map, TYPE_PORT, 2, TYPE_PORT, 2);
	for (uint32_t port = f->ports[0].first; port <= f->ports[0].last; port++) {
		uint16_t from = htons((uint16_t)port);
		uint16_t to = htons(forward_target_port(f, t, f->ports[0], (uint16_t)port));
		struct elem *e = build_elem(out, map, TYPE_PORT, &from, sizeof(from));

		e->data_type = TYPE_PORT;
		e->data_len = sizeof(to);
		memcpy(e->data, &to, sizeof(to));
	}
}

/* th dport map @MAP, in place */
static void shift_port(struct builder *b, uint8_t slot, const char *map)
{
	struct rule *r = &b->rules[b->n - 1];

	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, slot);
	build_in_map(b, map, slot);
	r->exprs[r->n - 1].sreg = slot;
}

/* ct label set ... dnat ip to ADDR; or for each protocol, as nft wants it before a port:
 * meta l4proto tcp ct label set ... dnat ip to ADDR : PORT, or : th dport map @MAP */
static void translate(struct builder *b, const struct forward *f, const struct target *t, const char *map)
{
	const struct family *family = &compile_families[f->family == AF_INET6];
	bool keeps = forward_keeps_ports(f, t), shifts = !keeps && t->ports.first != t->ports.last;
	uint16_t port = htons(t->ports.first);

	if (shifts)
		add_shift(b->out, f, t, map);
	for (size_t proto = 0; proto < PROTO_COUNT; proto++) {
		if (!(f->protos & 1 << proto))
			continue;
		build_rule(b, keeps ? "target" : arena_printf(b->out->arena, "target-%s", compile_proto[proto]));
		if (!keeps) {
			build_meta(b, NFT_META_L4PROTO, 0);
			build_cmp8(b, NFT_CMP_EQ, proto_numbers[proto]);
		}
		load_immediate(b, 0, t->addr.bytes, family->len);
		if (shifts)
			shift_port(b, family->len / 4, map);
		else if (!keeps)
			load_immediate(b, family->len / 4, &port, sizeof(port));
		part_dnat(b, family, !keeps, f);
		if (keeps)
			return;
	}
}

/* Smooth weighted round robin: the next turn of those that `takes_part` says, or NOBODY. `credit` is carried along. */
static uint8_t next_turn(const struct forward *f, bool ready_only, long *credit)
{
	uint8_t best = NOBODY;
	long all = 0;

	for (size_t i = 0; i < f->n_targets; i++) {
		if (ready_only && f->targets[i].state != TARGET_READY)
			continue;
		all += f->targets[i].weight;
		credit[i] += f->targets[i].weight;
		if (best == NOBODY || credit[i] > credit[best])
			best = (uint8_t)i;
	}
	if (best != NOBODY)
		credit[best] -= all;
	return best;
}

/* How many slots: every target's share is whole. */
static uint32_t count_slots(const struct forward *f)
{
	uint32_t divisor = 0, sum = 0;

	for (size_t i = 0; i < f->n_targets; i++) {
		uint32_t a = f->targets[i].weight;

		while (a) { /* Euclid */
			uint32_t rest = divisor % a;

			divisor = a;
			a = rest;
		}
		sum += f->targets[i].weight;
	}
	assert(divisor); /* there are targets, and none weighs nothing */
	sum /= divisor;
	return sum * ((SLOTS_MIN + sum - 1) / sum);
}

static const char *target_object(struct ruleset *out, const struct forward *f, size_t target, const char *what)
{
	return arena_printf(out->arena, "f/%s/%zu%s", f->name, target + 1, what);
}

static void add_slots(struct ruleset *out, const struct forward *f, const char *map, uint32_t n)
{
	long written[FORWARD_TARGETS_MAX] = {0}, ready[FORWARD_TARGETS_MAX] = {0};

	build_map(out, map, TYPE_INTEGER, sizeof(n), NFT_DATA_VERDICT, 0);
	for (uint32_t slot = 0; slot < n; slot++) {
		uint8_t owner = next_turn(f, false, written);

		if (f->targets[owner].state != TARGET_READY)
			owner = next_turn(f, true, ready);
		if (owner != NOBODY)
			build_verdict_data(build_elem(out, map, TYPE_INTEGER, &slot, sizeof(slot)), NFT_GOTO,
					   target_object(out, f, owner, ""));
	}
}

/* jhash ip saddr mod N seed ... vmap @f/NAME/slots, or numgen inc|random mod N vmap ... */
static void balance(struct builder *b, const struct forward *f)
{
	const char *map = arena_printf(b->out->arena, "f/%s/slots", f->name);
	uint32_t n = count_slots(f);
	struct expr *e;

	build_rule(b, "balance");
	if (f->balance == BALANCE_SOURCE) {
		load_source(b, f);
		e = build_expr(b, EXPR_HASH);
		e->len = compile_families[f->family == AF_INET6].len;
		e->burst = JHASH_SEED;
	} else {
		e = build_expr(b, EXPR_NUMGEN);
		e->key = f->balance == BALANCE_RANDOM ? NFT_NG_RANDOM : NFT_NG_INCREMENTAL;
	}
	e->count = n;
	build_in_map(b, map, REG_VERDICT);
	add_slots(b->out, f, map, n);
	for (size_t i = 0; i < f->n_targets; i++) {
		struct builder target = {.out = b->out};

		translate(&target, f, &f->targets[i], target_object(b->out, f, i, "/ports"));
		build_chain(&target, target_object(b->out, f, i, ""));
	}
}

const char *compile_chain(struct ruleset *out, const struct forward *f)
{
	const char *name = arena_printf(out->arena, "f/%s", f->name);
	struct builder b = {.out = out};

	assert(f->n_targets <= FORWARD_TARGETS_MAX);
	if (f->n_from)
		allow_list(&b, f);
	if (f->limit.rate)
		limit_rate(&b, f);
	if (f->limit.connections)
		limit_connections(&b, f);
	if (f->log)
		log_new(&b, f);
	if (f->no_nat && f->targets[0].state == TARGET_READY) {
		build_rule(&b, COMPILE_PINHOLE);
		build_verdict(&b, NFT_GOTO, COMPILE_PINHOLE);
	} else if (f->n_targets > 1) {
		balance(&b, f);
	} else if (f->targets[0].state == TARGET_READY) {
		translate(&b, f, &f->targets[0], target_object(out, f, 0, "/ports"));
	}
	build_rule(&b, "nobody"); /* no target takes new connections */
	drop(&b);
	build_chain(&b, name);
	if (f->snat.mode == SNAT_ADDRESS)
		compile_source_address(out, f);
	return name;
}
