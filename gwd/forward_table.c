/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of forwards. Entries by name are in a hash (a tree of names would be read from all over the memory, several
 * times per forward of a file); two search trees (tsearch(3), balanced in every libc we run on) make a change cost the
 * logarithm of what is there: occupied port ranges, and the listens that want a chain.
 *
 * Occupied ranges never overlap, so "equal" may mean "overlaps" in their comparison: tfind() then answers the only
 * question there is, who is in the way, for single ports and ranges alike. */
#include "forward.h"

#include <assert.h>
#include <search.h>

#include "util.h"

struct slot {
	struct forward_entry *entry; /* its forward has family and listen */
	uint64_t where;		     /* what precedes the ports in the order: see where_of */
	uint16_t first, last;
};

struct forwards {
	size_t n, shadowed;
	struct forward_entry *first, *last;
	struct forward_entry **names; /* n_names of them, a power of two; those of one hash behind each other */
	size_t n_names;
	void *slots;  /* struct slot */
	void *chains; /* struct listen_use */
	struct listen_use *interfaces;
	size_t fixed; /* active ones with SNAT_ADDRESS */
};

struct forwards *forwards_new(void)
{
	struct forwards *t = xcalloc(1, sizeof(*t));

	t->n_names = 16;
	t->names = xcalloc(t->n_names, sizeof(*t->names));
	return t;
}

size_t forwards_count(const struct forwards *t)
{
	return t->n;
}

size_t forwards_shadowed(const struct forwards *t)
{
	return t->shadowed;
}

struct forward_entry *forwards_first(const struct forwards *t)
{
	return t->first;
}

/* ---- Comparisons -------------------------------------------------------------------------------- */

static int cmp_listen(uint8_t family_a, const struct listen *a, uint8_t family_b, const struct listen *b)
{
	if (family_a != family_b)
		return family_a < family_b ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->kind == LISTEN_INTERFACE ? strcmp(a->ifname, b->ifname) : ip_cmp(&a->addr, &b->addr);
}

#define WHERE_INEXACT (UINT64_C(1) << 63)

/* Family, protocol and listen as a number, so that a search compares numbers; those that do not fit may share one. */
static uint64_t where_of(const struct forward *f, unsigned proto)
{
	const struct listen *l = &f->listen;
	uint64_t where = (uint64_t)l->kind << 48 | (uint64_t)f->family << 40 | (uint64_t)proto << 32;
	uint32_t rest = 0;

	if (l->kind == LISTEN_INTERFACE)
		return WHERE_INEXACT | where | (uint32_t)hash_bytes(HASH_START, l->ifname, strlen(l->ifname));
	if (l->addr.family == AF_INET6)
		return WHERE_INEXACT | where | (uint32_t)hash_bytes(HASH_START, l->addr.bytes, sizeof(l->addr.bytes));
	memcpy(&rest, l->addr.bytes, sizeof(rest));
	return where | rest;
}

static int cmp_slot(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	const struct forward *f, *g;
	int c = 0;

	if (x->where != y->where)
		return x->where < y->where ? -1 : 1;
	if (x->where & WHERE_INEXACT) {
		f = x->entry->forward;
		g = y->entry->forward;
		c = cmp_listen(f->family, &f->listen, g->family, &g->listen);
	}
	if (c)
		return c;
	return x->last < y->first ? -1 : x->first > y->last ? 1 : 0;
}

static int cmp_use(const void *a, const void *b)
{
	const struct listen_use *x = a, *y = b;

	return cmp_listen(x->family, &x->listen, y->family, &y->listen);
}

/* ---- Names -------------------------------------------------------------------------------------- */

/* Where its hash begins, or the entry of this name is linked: NULL behind the last one. */
static struct forward_entry **name_place(const struct forwards *t, const char *name, uint32_t hash)
{
	struct forward_entry **at = &t->names[hash & (t->n_names - 1)];

	while (*at && ((*at)->hash != hash || !streq((*at)->forward->name, name)))
		at = &(*at)->alike;
	return at;
}

static uint32_t name_hash(const char *name)
{
	return (uint32_t)hash_bytes(HASH_START, name, strlen(name));
}

static void grow_names(struct forwards *t)
{
	free(t->names);
	t->n_names *= 2;
	t->names = xcalloc(t->n_names, sizeof(*t->names));
	for (struct forward_entry *e = t->first; e; e = e->next) {
		struct forward_entry **at = &t->names[e->hash & (t->n_names - 1)];

		e->alike = *at;
		*at = e;
	}
}

static void take_name(struct forwards *t, struct forward_entry *e)
{
	struct forward_entry **at;

	if (t->n == t->n_names)
		grow_names(t);
	e->hash = name_hash(e->forward->name);
	at = name_place(t, e->forward->name, e->hash);
	assert(!*at);
	e->alike = NULL;
	*at = e;
}

static void give_name(struct forwards *t, struct forward_entry *e)
{
	struct forward_entry **at = name_place(t, e->forward->name, e->hash);

	assert(*at == e);
	*at = e->alike;
}

struct forward_entry *forwards_by_name(const struct forwards *t, const char *name)
{
	return *name_place(t, name, name_hash(name));
}

struct forward_entry *forwards_twin(const struct forwards *t, const struct forward_entry *e,
				    struct forward_entry **expected)
{
	struct forward_entry *twin = *expected;

	if (!twin || twin->hash != e->hash || !streq(twin->forward->name, e->forward->name))
		twin = *name_place(t, e->forward->name, e->hash);
	if (twin)
		*expected = twin->next;
	return twin;
}

/* ---- Slots -------------------------------------------------------------------------------------- */

/* The node's key of a search that must or may find something. */
static void *found(void *node)
{
	return node ? *(void **)node : NULL;
}

static void insert(void **root, void *key, int (*cmp)(const void *, const void *))
{
	void *node = tsearch(key, root, cmp);

	if (!node)
		abort(); /* out of memory, as in xmalloc */
	assert(*(void **)node == key);
}

static void occupy(struct forwards *t, struct forward_entry *e)
{
	const struct forward *f = e->forward;

	for (unsigned proto = PROTO_TCP; proto <= PROTO_SCTP; proto <<= 1) {
		if (!(f->protos & proto))
			continue;
		for (size_t i = 0; i < f->n_ports; i++) {
			struct slot *s = xmalloc(sizeof(*s));

			*s = (struct slot){e, where_of(f, proto), f->ports[i].first, f->ports[i].last};
			insert(&t->slots, s, cmp_slot);
		}
	}
}

static void vacate(struct forwards *t, struct forward_entry *e)
{
	const struct forward *f = e->forward;

	for (unsigned proto = PROTO_TCP; proto <= PROTO_SCTP; proto <<= 1) {
		if (!(f->protos & proto))
			continue;
		for (size_t i = 0; i < f->n_ports; i++) {
			struct slot key = {e, where_of(f, proto), f->ports[i].first, f->ports[i].last};
			struct slot *s = found(tfind(&key, &t->slots, cmp_slot));

			assert(s && s->entry == e);
			tdelete(s, &t->slots, cmp_slot);
			free(s);
		}
	}
}

struct forward_entry *forwards_add(struct forwards *t, struct forward *forward, bool shadowed)
{
	return forwards_insert(t, forward, shadowed, NULL);
}

static void attach(struct forwards *t, struct forward_entry *e)
{
	take_name(t, e);
	if (!e->shadowed)
		occupy(t, e);
	*(e->prev ? &e->prev->next : &t->first) = e;
	*(e->next ? &e->next->prev : &t->last) = e;
	t->n++;
	t->shadowed += e->shadowed;
}

struct forward_entry *forwards_insert(struct forwards *t, struct forward *forward, bool shadowed,
				      struct forward_entry *next)
{
	struct forward_entry *e = xcalloc(1, sizeof(*e));

	e->forward = forward_ref(forward);
	e->off = !forward->enabled;
	e->shadowed = shadowed;
	e->next = next;
	e->prev = next ? next->prev : t->last;
	attach(t, e);
	return e;
}

void forwards_detach(struct forwards *t, struct forward_entry *e)
{
	if (!e->shadowed)
		vacate(t, e);
	give_name(t, e);
	*(e->prev ? &e->prev->next : &t->first) = e->next;
	*(e->next ? &e->next->prev : &t->last) = e->prev;
	t->n--;
	t->shadowed -= e->shadowed;
}

void forwards_reattach(struct forwards *t, struct forward_entry *e)
{
	attach(t, e);
}

void forward_entry_free(struct forward_entry *e)
{
	forward_unref(e->forward);
	free(e);
}

/* ---- Overlaps ----------------------------------------------------------------------------------- */

struct overlaps {
	struct forward_entry **ret;
	size_t n, max;
};

static void note_overlap(struct overlaps *o, struct forward_entry *e)
{
	if (e->marked || o->n == o->max)
		return;
	e->marked = true;
	o->ret[o->n++] = e;
}

/* Everything in key's range: whatever is found splits the rest in two. */
static void search_overlaps(const struct forwards *t, struct slot key, struct overlaps *o)
{
	while (o->n < o->max) {
		const struct slot *s = found(tfind(&key, &t->slots, cmp_slot));

		if (!s)
			return;
		note_overlap(o, s->entry);
		if (s->first > key.first) {
			struct slot left = key;

			left.last = (uint16_t)(s->first - 1);
			search_overlaps(t, left, o);
		}
		if (s->last >= key.last)
			return;
		key.first = (uint16_t)(s->last + 1);
	}
}

size_t forwards_overlap(const struct forwards *t, const struct forward *f, struct forward_entry **ret, size_t max)
{
	struct forward_entry self = {.forward = (struct forward *)(uintptr_t)f}; /* only read */
	struct overlaps o = {ret, 0, max};

	for (unsigned proto = PROTO_TCP; proto <= PROTO_SCTP; proto <<= 1) {
		if (!(f->protos & proto))
			continue;
		for (size_t i = 0; i < f->n_ports; i++)
			search_overlaps(
				t, (struct slot){&self, where_of(f, proto), f->ports[i].first, f->ports[i].last}, &o);
	}
	for (size_t i = 0; i < o.n; i++)
		ret[i]->marked = false;
	return o.n;
}

/* ---- Chains ------------------------------------------------------------------------------------- */

bool forward_keeps_ports(const struct forward *f, const struct target *t)
{
	struct port_range to = t->ports;

	return !to.first || (f->n_ports == 1 && to.first == f->ports[0].first && to.last == f->ports[0].last);
}

uint16_t forward_target_port(const struct forward *f, const struct target *t, struct port_range listened, uint16_t port)
{
	return forward_keeps_ports(f, t) ? port : (uint16_t)(t->ports.first + (port - listened.first));
}

uint16_t forward_server_port(const struct forward *f, const struct target *t, uint16_t port)
{
	size_t i = 0;

	while (port < f->ports[i].first || port > f->ports[i].last)
		i++;
	return forward_target_port(f, t, f->ports[i], port);
}

bool forward_simple(const struct forward *f)
{
	return f->n_targets == 1 && f->targets[0].state == TARGET_READY && !f->n_from && !f->log && !f->no_nat &&
	       limit_same(&f->limit, &(struct limit){0}) && f->snat.mode == SNAT_DEFAULT;
}

bool forward_wants_chain(const struct forward *f)
{
	if (f->listen.kind != LISTEN_ADDRESS)
		return f->listen.kind == LISTEN_INTERFACE;
	if (f->no_nat) /* nothing to translate */
		return false;
	if (forward_simple(f) && !forward_keeps_ports(f, &f->targets[0])) /* one port, or a range expanded port by port */
		return false;
	for (size_t i = 0; i < f->n_ports; i++)
		if (f->ports[i].first != f->ports[i].last)
			return true;
	return false;
}

static void link_use(struct forwards *t, struct listen_use *use)
{
	use->next = t->interfaces;
	if (use->next)
		use->next->prev = use;
	t->interfaces = use;
}

static void unlink_use(struct forwards *t, struct listen_use *use)
{
	*(use->prev ? &use->prev->next : &t->interfaces) = use->next;
	if (use->next)
		use->next->prev = use->prev;
}

void forwards_activate(struct forwards *t, const struct forward *f, bool active)
{
	struct listen_use key = {.family = f->family, .listen = f->listen}, *use;

	if (f->snat.mode == SNAT_ADDRESS)
		t->fixed += active ? 1 : (size_t)-1;
	if (!forward_wants_chain(f))
		return;
	use = found(tfind(&key, &t->chains, cmp_use));
	assert(use || active);
	if (!use) {
		use = xmalloc(sizeof(*use));
		*use = key;
		insert(&t->chains, use, cmp_use);
		if (f->listen.kind == LISTEN_INTERFACE)
			link_use(t, use);
	}
	use->count += active ? 1 : (size_t)-1;
	if (use->count > 0)
		return;
	if (f->listen.kind == LISTEN_INTERFACE)
		unlink_use(t, use);
	tdelete(use, &t->chains, cmp_use);
	free(use);
}

size_t forwards_listening(const struct forwards *t, uint8_t family, const struct listen *listen)
{
	struct listen_use key = {.family = family, .listen = *listen};
	const struct listen_use *use = found(tfind(&key, &t->chains, cmp_use));

	return use ? use->count : 0;
}

bool forwards_fixed_sources(const struct forwards *t)
{
	return t->fixed > 0;
}

const struct listen_use *forwards_interfaces(const struct forwards *t)
{
	return t->interfaces;
}

/* ---- End ---------------------------------------------------------------------------------------- */

void forwards_free(struct forwards *t)
{
	if (!t)
		return;
	tdestroy(t->slots, free);
	tdestroy(t->chains, free);
	for (struct forward_entry *e = t->first, *next; e; e = next) {
		next = e->next;
		forward_entry_free(e);
	}
	free(t->names);
	free(t);
}

void forwards_freep(struct forwards **t)
{
	forwards_free(*t);
}
