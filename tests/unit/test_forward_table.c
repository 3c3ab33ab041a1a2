/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table against a naive one: an array in which everything is found by looking at everything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "forward.h"
#include "util.h"

static uint32_t seed = 42;

static unsigned below(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* "IFNAME", "ADDR" or "" (any); up to two ranges, the second one when `more`. */
static struct forward *forward(const char *name, const char *listen, const char *target, uint8_t protos,
			       struct port_range ports, struct port_range more)
{
	struct forward *f = forward_new();

	f->name = xstrdup(name);
	f->protos = protos;
	f->n_targets = 1;
	f->targets = xcalloc(1, sizeof(*f->targets));
	f->targets[0].weight = 1;
	assert_true(ip_parse(target, &f->targets[0].addr));
	f->family = f->targets[0].addr.family;
	if (ip_parse(listen, &f->listen.addr))
		f->listen.kind = LISTEN_ADDRESS;
	else if (*listen)
		f->listen.kind = LISTEN_INTERFACE;
	if (f->listen.kind == LISTEN_INTERFACE)
		snprintf(f->listen.ifname, sizeof(f->listen.ifname), "%s", listen);
	f->ports = xcalloc(2, sizeof(*f->ports));
	f->ports[f->n_ports++] = ports;
	if (more.first)
		f->ports[f->n_ports++] = more;
	return f;
}

#define NO_MORE (struct port_range){0}

static struct forward *simple(const char *name, const char *listen, const char *target, uint8_t protos, uint16_t first,
			      uint16_t last)
{
	return forward(name, listen, target, protos, (struct port_range){first, last}, NO_MORE);
}

/* ---- What overlaps ------------------------------------------------------------------------------ */

struct row {
	const char *listen, *target;
	uint8_t protos;
	uint16_t first, last;
	bool overlaps; /* tcp+udp any4 100-200 */
};

static void test_overlap(void **state)
{
	static const struct row rows[] = {
		{"", "10.0.0.2", PROTO_TCP, 100, 100, true},
		{"", "10.0.0.2", PROTO_UDP, 200, 200, true},
		{"", "10.0.0.2", PROTO_TCP, 1, 65535, true},
		{"", "10.0.0.2", PROTO_TCP, 99, 100, true},
		{"", "10.0.0.2", PROTO_TCP, 200, 201, true},
		{"", "10.0.0.2", PROTO_TCP | PROTO_SCTP, 150, 160, true},
		{"", "10.0.0.2", PROTO_SCTP, 150, 150, false},
		{"", "10.0.0.2", PROTO_TCP, 99, 99, false},
		{"", "10.0.0.2", PROTO_TCP, 201, 65535, false},
		{"", "fd00::2", PROTO_TCP, 150, 150, false},
		{"eth0", "10.0.0.2", PROTO_TCP, 150, 150, false},
		{"203.0.113.5", "10.0.0.2", PROTO_TCP, 150, 150, false},
	};
	_cleanup_(forwards_freep) struct forwards *t = forwards_new();
	_cleanup_(forward_unrefp) struct forward *f = simple("f", "", "10.0.0.9", PROTO_TCP | PROTO_UDP, 100, 200);
	struct forward_entry *e = forwards_add(t, f, false), *found;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		_cleanup_(forward_unrefp) struct forward *g =
			simple("g", r->listen, r->target, r->protos, r->first, r->last);

		found = NULL;
		assert_int_equal(forwards_overlap(t, g, &found, 1), r->overlaps);
		assert_ptr_equal(found, r->overlaps ? e : NULL);
	}
}

/* Addresses of both families, two of each, and two interfaces of each family do not get into each other's way. */
static void test_listens_nest(void **state)
{
	static const char *const listens[][2] = {
		{"", "10.0.0.2"}, {"", "fd00::2"}, {"eth0", "10.0.0.2"}, {"eth1", "10.0.0.2"}, {"eth0", "fd00::2"},
		{"203.0.113.5", "10.0.0.2"}, {"203.0.113.6", "10.0.0.2"}, {"2001:db8::5", "fd00::2"},
	};
	_cleanup_(forwards_freep) struct forwards *t = forwards_new();
	struct forward_entry *found[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(listens); i++) {
		char name[8];
		_cleanup_(forward_unrefp) struct forward *f = NULL;

		snprintf(name, sizeof(name), "f%zu", i);
		f = simple(name, listens[i][0], listens[i][1], PROTO_TCP, 80, 90);
		assert_int_equal(forwards_overlap(t, f, found, 8), 0);
		forwards_add(t, f, false);
		assert_int_equal(forwards_overlap(t, f, found, 8), 1);
		assert_string_equal(found[0]->forward->name, name);
	}
}

/* ---- Order -------------------------------------------------------------------------------------- */

static void assert_order(const struct forwards *t, const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};
	const struct forward_entry *last = NULL;
	size_t n = 0;

	buf_printf(&out, "%s", "");
	for (const struct forward_entry *e = forwards_first(t); e; last = e, e = e->next, n++) {
		buf_printf(&out, "%s", e->forward->name);
		assert_ptr_equal(e->prev, last);
	}
	assert_string_equal(out.data, expected);
	assert_int_equal(forwards_count(t), n);
}

static struct forward_entry *put(struct forwards *t, const char *name, uint16_t port, struct forward_entry *next)
{
	_cleanup_(forward_unrefp) struct forward *f = simple(name, "", "10.0.0.2", PROTO_TCP, port, port);

	return forwards_insert(t, f, false, next);
}

static void test_order(void **state)
{
	_cleanup_(forwards_freep) struct forwards *t = forwards_new();
	struct forward_entry *a, *b, *c, *d;

	(void)state;
	assert_order(t, "");
	b = put(t, "b", 2, NULL);
	a = put(t, "a", 1, b);
	d = put(t, "d", 4, NULL);
	c = put(t, "c", 3, d);
	assert_order(t, "abcd");
	forwards_detach(t, a);
	forwards_detach(t, c);
	assert_order(t, "bd");
	assert_null(forwards_by_name(t, "c"));
	forwards_detach(t, d);
	forwards_reattach(t, d);
	forwards_reattach(t, c);
	forwards_reattach(t, a);
	assert_order(t, "abcd");
	assert_ptr_equal(forwards_by_name(t, "c"), c);
	forwards_detach(t, d);
	forward_entry_free(d);
	put(t, "e", 4, NULL);
	assert_order(t, "abce");
}

/* ---- Many --------------------------------------------------------------------------------------- */

enum { MANY = 1000 };

/* All names before `n` but those that `skip` divides. */
static void put_many(struct forwards *t, unsigned n, unsigned skip)
{
	char name[8];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "n-%u", i);
		if (i % skip)
			put(t, name, (uint16_t)(i + 1), NULL);
	}
}

static void test_names(void **state)
{
	_cleanup_(forwards_freep) struct forwards *a = forwards_new(), *b = forwards_new();
	struct forward_entry *expected, *twin;
	char name[8];

	(void)state;
	put_many(a, MANY, 7);
	put_many(b, MANY, 5);
	for (unsigned i = 0; i < MANY; i++) {
		struct forward_entry *e;

		snprintf(name, sizeof(name), "n-%u", i);
		e = forwards_by_name(a, name);
		assert_int_equal(e != NULL, i % 7 != 0);
		if (e)
			assert_string_equal(e->forward->name, name);
	}
	expected = forwards_first(b);
	for (struct forward_entry *e = forwards_first(a); e; e = e->next) {
		twin = forwards_twin(b, e, &expected);
		assert_ptr_equal(twin, forwards_by_name(b, e->forward->name));
		if (twin)
			assert_ptr_equal(expected, twin->next);
	}
	while ((twin = forwards_first(a))) {
		snprintf(name, sizeof(name), "%s", twin->forward->name);
		forwards_detach(a, twin);
		forward_entry_free(twin);
		assert_null(forwards_by_name(a, name));
	}
}

/* ---- Chains ------------------------------------------------------------------------------------- */

static size_t listening(const struct forwards *t, const struct forward *f)
{
	return forwards_listening(t, f->family, &f->listen);
}

static char *interfaces(const struct forwards *t)
{
	struct buf out = {0};

	for (const struct listen_use *u = forwards_interfaces(t); u; u = u->next)
		buf_printf(&out, "%s%c ", u->listen.ifname, u->family == AF_INET ? '4' : '6');
	return buf_take(&out);
}

static void test_chains(void **state)
{
	_cleanup_(forwards_freep) struct forwards *t = forwards_new();
	_cleanup_(forward_unrefp) struct forward *any = simple("any", "", "10.0.0.2", PROTO_TCP, 1, 9);
	_cleanup_(forward_unrefp) struct forward *pin = simple("pin", "192.0.2.1", "10.0.0.2", PROTO_TCP, 1, 1);
	_cleanup_(forward_unrefp) struct forward *range = simple("range", "192.0.2.1", "10.0.0.2", PROTO_TCP, 1, 9);
	_cleanup_(forward_unrefp) struct forward *shift = simple("shift", "192.0.2.1", "10.0.0.2", PROTO_TCP, 1, 9);
	_cleanup_(forward_unrefp) struct forward *list =
		forward("list", "192.0.2.1", "10.0.0.2", PROTO_TCP, (struct port_range){1, 1}, (struct port_range){4, 5});
	_cleanup_(forward_unrefp) struct forward *on4 = simple("on4", "eth0", "10.0.0.2", PROTO_TCP, 1, 1);
	_cleanup_(forward_unrefp) struct forward *on6 = simple("on6", "eth0", "fd00::2", PROTO_TCP, 1, 1);
	struct forward *all[] = {any, pin, range, shift, list, on4, on6};
	_cleanup_(freep) char *some = NULL, *none = NULL, *left = NULL;

	(void)state;
	shift->targets[0].ports = (struct port_range){11, 19};
	assert_false(forward_wants_chain(any));
	assert_false(forward_wants_chain(pin));
	assert_false(forward_wants_chain(shift));
	assert_true(forward_wants_chain(range));
	assert_true(forward_wants_chain(list));
	assert_true(forward_wants_chain(on4));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		forwards_activate(t, all[i], true);
	assert_int_equal(listening(t, any), 0);
	assert_int_equal(listening(t, range), 2);
	assert_int_equal(listening(t, on4), 1);
	some = interfaces(t);
	assert_true(streq(some, "eth06 eth04 ") || streq(some, "eth04 eth06 "));
	forwards_activate(t, list, false);
	forwards_activate(t, on4, false);
	assert_int_equal(listening(t, range), 1);
	left = interfaces(t);
	assert_string_equal(left, "eth06 ");
	forwards_activate(t, range, false);
	forwards_activate(t, on6, false);
	assert_int_equal(listening(t, range), 0);
	none = interfaces(t);
	assert_string_equal(none, "");
}

/* ---- Against the naive one ---------------------------------------------------------------------- */

enum { NAMES = 24, STEPS = 20000 };

struct model {
	struct forwards *table;
	struct forward_entry *there[NAMES]; /* by name: "0".. */
	struct forward_entry *apart[4];     /* detached, to be put back in reverse */
	size_t n_apart;
	bool active[NAMES];
};

static bool naive_overlap(const struct forward *a, const struct forward *b)
{
	if (a->family != b->family || a->listen.kind != b->listen.kind || !(a->protos & b->protos) ||
	    ip_cmp(&a->listen.addr, &b->listen.addr) != 0 || !streq(a->listen.ifname, b->listen.ifname))
		return false;
	for (size_t i = 0; i < a->n_ports; i++)
		for (size_t k = 0; k < b->n_ports; k++)
			if (a->ports[i].first <= b->ports[k].last && b->ports[k].first <= a->ports[i].last)
				return true;
	return false;
}

static struct forward *random_forward(unsigned name)
{
	/* These interfaces have one hash. */
	static const char *const listens[] = {"", "", "eth247081", "eth413190", "192.0.2.1", "192.0.2.2"};
	static const char *const listens6[] = {"", "eth247081", "2001:db8::1"};
	struct port_range ports, more = {0};
	bool v6 = below(4) == 0;
	char text[8];

	ports.first = (uint16_t)(1 + below(40));
	ports.last = (uint16_t)(ports.first + (below(2) ? 0 : below(8)));
	if (below(3) == 0) {
		more.first = (uint16_t)(ports.last + 1 + below(9));
		more.last = (uint16_t)(more.first + below(4));
	}
	snprintf(text, sizeof(text), "%u", name);
	return forward(text, v6 ? listens6[below(3)] : listens[below(6)], v6 ? "fd00::1" : "10.0.0.1",
		       (uint8_t)(1 + below(7)), ports, more);
}

static void check_overlaps(const struct model *m, const struct forward *f)
{
	struct forward_entry *found[NAMES];
	size_t n = forwards_overlap(m->table, f, found, NAMES), expected = 0;

	for (size_t i = 0; i < NAMES; i++) {
		bool in_the_way = m->there[i] && !m->there[i]->shadowed && naive_overlap(m->there[i]->forward, f), seen = false;

		for (size_t k = 0; k < n; k++)
			seen = seen || found[k] == m->there[i];
		assert_int_equal(m->there[i] && seen, in_the_way);
		expected += in_the_way;
	}
	assert_int_equal(n, expected);
	if (n > 1)
		assert_int_equal(forwards_overlap(m->table, f, found, n - 1), n - 1);
}

static void step_add(struct model *m, unsigned name)
{
	_cleanup_(forward_unrefp) struct forward *f = random_forward(name);
	struct forward_entry *found, *next = m->there[below(NAMES)];

	check_overlaps(m, f);
	if (m->there[name] || m->n_apart)
		return;
	m->there[name] = forwards_insert(m->table, f, forwards_overlap(m->table, f, &found, 1) > 0, next);
	assert_ptr_equal(m->there[name]->next, next);
}

static void step_remove(struct model *m, unsigned name)
{
	struct forward_entry *e = m->there[name];

	if (!e || m->active[name] || m->n_apart == ARRAY_SIZE(m->apart))
		return;
	forwards_detach(m->table, e);
	m->there[name] = NULL;
	m->apart[m->n_apart++] = e;
}

/* All that is detached comes back in reverse, or goes for good. */
static void step_settle(struct model *m, bool back)
{
	while (m->n_apart) {
		struct forward_entry *e = m->apart[--m->n_apart];

		if (back) {
			forwards_reattach(m->table, e);
			m->there[strtoul(e->forward->name, NULL, 10)] = e;
		} else {
			forward_entry_free(e);
		}
	}
}

static void step_activate(struct model *m, unsigned name)
{
	if (!m->there[name])
		return;
	m->active[name] = !m->active[name];
	forwards_activate(m->table, m->there[name]->forward, m->active[name]);
}

static void check(const struct model *m)
{
	size_t n = 0, ordered = 0;

	for (unsigned i = 0; i < NAMES; i++) {
		struct forward_entry *e = m->there[i];
		size_t uses = 0;
		char name[8];

		snprintf(name, sizeof(name), "%u", i);
		assert_ptr_equal(forwards_by_name(m->table, name), e);
		n += e != NULL;
		for (unsigned k = 0; e && k < NAMES; k++) {
			const struct forward *f = m->there[k] ? m->there[k]->forward : NULL;

			uses += f && m->active[k] && forward_wants_chain(f) && f->family == e->forward->family &&
				f->listen.kind == e->forward->listen.kind &&
				ip_cmp(&f->listen.addr, &e->forward->listen.addr) == 0 &&
				streq(f->listen.ifname, e->forward->listen.ifname);
		}
		assert_int_equal(e ? listening(m->table, e->forward) : 0, uses);
	}
	assert_int_equal(forwards_count(m->table), n);
	for (struct forward_entry *e = forwards_first(m->table), *last = NULL; e; last = e, e = e->next, ordered++)
		assert_ptr_equal(e->prev, last);
	assert_int_equal(ordered, n);
}

static void test_against_naive(void **state)
{
	struct model m = {.table = forwards_new()};

	(void)state;
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned name = below(NAMES);

		switch (below(8)) {
		case 0:
		case 1:
		case 2:
			step_add(&m, name);
			break;
		case 3:
			step_remove(&m, name);
			break;
		case 4:
			step_settle(&m, below(2));
			break;
		default:
			step_activate(&m, name);
		}
		check(&m);
	}
	step_settle(&m, true);
	forwards_free(m.table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_listens_nest),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_against_naive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
