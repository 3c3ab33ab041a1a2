/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel tells what a connection carried when it ends, and of those that live when it is asked. It does not say in
 * the end whose it was (the labels are not told), so the forwards of the moment are asked, and the server decides. */
#include "traffic.h"

#include <search.h>

struct traffic {
	void *names; /* struct traffic_row */
	struct traffic_row *first, *last;
	struct strings gone;
};

struct traffic *traffic_new(void)
{
	return xcalloc(1, sizeof(struct traffic));
}

/* ---- Rows --------------------------------------------------------------------------------------- */

static int cmp_name(const void *a, const void *b)
{
	const struct traffic_row *x = a, *y = b;

	return strcmp(x->name, y->name);
}

struct traffic_row *traffic_first(const struct traffic *t)
{
	return t->first;
}

struct traffic_row *traffic_row(const struct traffic *t, const char *name)
{
	struct traffic_row key = {.name = (char *)(uintptr_t)name}; /* only read */
	void *node = tfind(&key, &t->names, cmp_name);

	return node ? *(struct traffic_row **)node : NULL;
}

static void attach(struct traffic *t, struct traffic_row *row)
{
	if (!tsearch(row, &t->names, cmp_name))
		out_of_memory();
	row->next = NULL;
	row->prev = t->last;
	*(row->prev ? &row->prev->next : &t->first) = row;
	t->last = row;
}

static void detach(struct traffic *t, struct traffic_row *row)
{
	tdelete(row, &t->names, cmp_name);
	*(row->prev ? &row->prev->next : &t->first) = row->next;
	*(row->next ? &row->next->prev : &t->last) = row->prev;
}

void traffic_stored(struct traffic *t, struct traffic_row *row)
{
	detach(t, row);
	attach(t, row);
	row->dirty = false;
}

struct traffic_row *traffic_row_make(struct traffic *t, const char *name, int64_t since)
{
	struct traffic_row *row = traffic_row(t, name);

	if (row)
		return row;
	row = xcalloc(1, sizeof(*row));
	row->name = xstrdup(name);
	row->since = since;
	attach(t, row);
	return row;
}

static void row_free(struct traffic_row *row)
{
	free(row->name);
	free(row->targets);
	free(row);
}

void traffic_forget(struct traffic *t, struct traffic_row *row)
{
	detach(t, row);
	strings_add(&t->gone, xstrdup(row->name));
	row_free(row);
}

struct strings *traffic_gone(struct traffic *t)
{
	return &t->gone;
}

void traffic_free(struct traffic *t)
{
	if (!t)
		return;
	while (t->first)
		traffic_forget(t, t->first);
	strings_free(&t->gone);
	free(t);
}

/* ---- Counts ------------------------------------------------------------------------------------- */

static void add(struct traffic_counts *to, const struct traffic_counts *what, int sign)
{
	to->connections += sign * what->connections;
	for (int i = 0; i < DIRECTIONS; i++) {
		to->packets[i] += sign * what->packets[i];
		to->bytes[i] += sign * what->bytes[i];
	}
}

static struct traffic_counts counts_of(const struct flow *flow)
{
	struct traffic_counts c = {.connections = 1};

	for (int i = 0; i < DIRECTIONS; i++) {
		c.packets[i] = (int64_t)flow->packets[i];
		c.bytes[i] = (int64_t)flow->bytes[i];
	}
	return c;
}

static void at_least(int64_t *told, int64_t sum)
{
	*told = sum > *told ? sum : *told;
}

/* ---- Whose it is -------------------------------------------------------------------------------- */

static uint8_t proto_bit(uint8_t number)
{
	for (unsigned i = 0; i < PROTO_COUNT; i++)
		if (proto_numbers[i] == number)
			return (uint8_t)(1 << i);
	return 0;
}

static const struct target *target_of(const struct forward *f, const struct flow *flow)
{
	for (size_t i = 0; i < f->n_targets; i++)
		if (ip_cmp(&f->targets[i].addr, &flow->server) == 0 &&
		    forward_server_port(f, &f->targets[i], flow->to_port) == flow->server_port)
			return &f->targets[i];
	return NULL;
}

static bool has_target(const struct forward *f, const struct traffic_target *t)
{
	for (size_t i = 0; i < f->n_targets; i++)
		if (ip_cmp(&f->targets[i].addr, &t->addr) == 0 && f->targets[i].ports.first == t->ports.first &&
		    f->targets[i].ports.last == t->ports.last)
			return true;
	return false;
}

/* How a forward that is no more chose the port is not known any more: one of the target's. */
static struct traffic_target *former_of(const struct traffic_row *row, const struct forward *f, const struct flow *flow)
{
	for (size_t i = 0; row && i < row->n; i++) {
		struct traffic_target *t = &row->targets[i];
		bool port = t->ports.first ? flow->server_port >= t->ports.first && flow->server_port <= t->ports.last
					   : flow->server_port == flow->to_port;

		if (t->addr.family && ip_cmp(&t->addr, &flow->server) == 0 && port && !has_target(f, t))
			return t;
	}
	return NULL;
}

struct owner {
	const struct forward *forward;
	const struct target *target; /* one of its, or */
	struct traffic_target *former;
};

static struct owner owner_of(const struct traffic *t, const struct rules *rules, const struct flow *flow)
{
	struct forward_entry *entries[ARRIVAL_ENTRIES];
	size_t n = arrival_entries(rules, &flow->to, proto_bit(flow->proto), flow->to_port, entries);
	/* untranslated, what the gateway itself opens never met a rule of ours: `why` and `doctor` ask targets so */
	bool own = topology_is_local(rules->topology, &flow->from);
	struct owner owner = {0};

	for (size_t i = 0; i < n && !owner.forward; i++) {
		const struct forward *f = entries[i]->forward;

		if (f->no_nat == flow->translated || (f->no_nat && own))
			continue;
		owner.target = target_of(f, flow);
		owner.former = owner.target ? NULL : former_of(traffic_row(t, f->name), f, flow);
		owner.forward = owner.target || owner.former ? f : NULL;
	}
	return owner;
}

const struct forward *traffic_forward(const struct traffic *t, const struct rules *rules, const struct flow *flow,
				      const struct target **ret_target)
{
	struct owner owner = owner_of(t, rules, flow);

	if (owner.forward && ret_target)
		*ret_target = owner.target;
	return owner.forward;
}

static void merge(struct traffic_target *to, const struct traffic_target *from)
{
	add(&to->ended, &from->ended, 1);
	add(&to->told, &from->told, 1);
	add(&to->read, &from->read, 1);
	to->live += from->live;
	to->seen = from->seen > to->seen ? from->seen : to->seen;
}

struct traffic_target *traffic_target_make(struct traffic_row *row, const struct ip *addr, struct port_range ports)
{
	for (size_t i = 0; i < row->n; i++) {
		struct traffic_target *t = &row->targets[i];

		if (ip_cmp(&t->addr, addr) == 0 && t->ports.first == ports.first && t->ports.last == ports.last)
			return t;
	}
	row->targets = grow(row->targets, row->n, &row->capacity, sizeof(*row->targets));
	row->targets[row->n] = (struct traffic_target){.addr = *addr, .ports = ports};
	return &row->targets[row->n++];
}

static struct traffic_target *find(struct traffic *t, const struct rules *rules, const struct flow *flow, int64_t now)
{
	struct owner owner = owner_of(t, rules, flow);
	struct traffic_row *row = owner.forward ? traffic_row_make(t, owner.forward->name, now) : NULL;

	if (!row)
		return NULL;
	row->dirty = true;
	return owner.target ? traffic_target_make(row, &owner.target->addr, owner.target->ports) : owner.former;
}

/* ---- Counting ------------------------------------------------------------------------------------ */

bool traffic_ended(struct traffic *t, const struct rules *rules, const struct flow *flow, int64_t now)
{
	struct traffic_target *target = find(t, rules, flow, now);
	struct traffic_counts counts = counts_of(flow);

	if (!target)
		return false;
	add(&target->ended, &counts, 1);
	target->seen = now;
	return true;
}

void traffic_begin(struct traffic *t)
{
	for (struct traffic_row *row = t->first; row; row = row->next)
		for (size_t i = 0; i < row->n; i++)
			row->targets[i].read = (struct traffic_counts){0};
}

bool traffic_live(struct traffic *t, const struct rules *rules, const struct flow *flow, int64_t now)
{
	struct traffic_target *target = find(t, rules, flow, now);
	struct traffic_counts counts = counts_of(flow);

	if (!target)
		return false;
	add(&target->read, &counts, 1);
	target->seen = now;
	return true;
}

/* What was told once is true: where the end of a connection was missed, its last count stands until others made up for
 * it. */
static void tell(struct traffic_counts *told, const struct traffic_counts *sum)
{
	at_least(&told->connections, sum->connections);
	for (int k = 0; k < DIRECTIONS; k++) {
		at_least(&told->packets[k], sum->packets[k]);
		at_least(&told->bytes[k], sum->bytes[k]);
	}
}

void traffic_all_over(struct traffic_target *t)
{
	tell(&t->told, &t->ended);
	t->ended = t->told;
}

void traffic_end(struct traffic *t)
{
	for (struct traffic_row *row = t->first; row; row = row->next)
		for (size_t i = 0; i < row->n; i++) {
			struct traffic_target *target = &row->targets[i];

			target->live = target->read.connections;
			add(&target->read, &target->ended, 1);
			tell(&target->told, &target->read);
		}
}

struct traffic_target traffic_sum(const struct traffic_row *row)
{
	struct traffic_target sum = {0};

	for (size_t i = 0; i < row->n; i++)
		merge(&sum, &row->targets[i]);
	return sum;
}

void traffic_reset(struct traffic_row *row, int64_t now)
{
	for (size_t i = 0; i < row->n; i++) {
		struct traffic_target *t = &row->targets[i];

		add(&t->ended, &t->read, -1);
		t->read = t->told = (struct traffic_counts){0};
		t->seen = t->live ? now : 0;
	}
	row->since = now;
	row->dirty = true;
}

/* ---- Forwards that change ------------------------------------------------------------------------ */

/* So that targets which come and go do not pile up: the oldest former ones become one. */
static void bound(struct traffic_row *row, const struct forward *f)
{
	static const struct ip none;
	size_t former = 0, kept = 0;
	struct traffic_target rest = {0};

	for (size_t i = 0; i < row->n; i++)
		former += !has_target(f, &row->targets[i]);
	for (size_t i = 0; i < row->n; i++) {
		if (former > TRAFFIC_FORMER_MAX && !has_target(f, &row->targets[i])) {
			merge(&rest, &row->targets[i]);
			former--;
		} else {
			row->targets[kept++] = row->targets[i];
		}
	}
	if (kept == row->n)
		return;
	row->n = kept;
	merge(traffic_target_make(row, &none, (struct port_range){0}), &rest);
}

static void inherit(struct traffic *t, const struct forward *left, const char *heir)
{
	struct traffic_row *row = traffic_row(t, left->name);

	if (!row)
		return;
	if (!heir || traffic_row(t, heir)) {
		traffic_forget(t, row);
		return;
	}
	detach(t, row);
	strings_add(&t->gone, row->name);
	row->name = xstrdup(heir);
	row->dirty = true;
	attach(t, row);
}

void traffic_left(struct traffic *t, const struct forwards *forwards, const struct forward *left, const char *heir,
		  int64_t now)
{
	const struct forward_entry *e = forwards_by_name(forwards, left->name);
	struct traffic_row *row;

	if (!e) {
		inherit(t, left, heir);
		return;
	}
	row = traffic_row(t, left->name);
	for (size_t i = 0; i < left->n_targets; i++) {
		struct traffic_target like = {.addr = left->targets[i].addr, .ports = left->targets[i].ports};

		if (has_target(e->forward, &like))
			continue;
		row = row ? row : traffic_row_make(t, left->name, now);
		traffic_target_make(row, &like.addr, like.ports);
	}
	if (row)
		bound(row, e->forward);
}
