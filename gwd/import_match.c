/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything is a list of spans, because that is what nftables makes of everything: a prefix, a range, the start of an
 * interface name, a set, and whatever is "not". What the spans are in a forward's words is found at the very end. */
#include "import_match.h"

#include <linux/netfilter.h>

enum { TEXT_MAX = 8 }; /* ports and prefixes that a text names */

/* ---- Spans --------------------------------------------------------------------------------------- */

struct span span_of(const void *value, size_t len)
{
	struct span span = {0};

	memcpy(span.first, value, len);
	memcpy(span.last, value, len);
	return span;
}

struct spans spans_of(const struct span *items, size_t n)
{
	return (struct spans){items, n, true};
}

struct spans one_span(struct arena *arena, struct span span)
{
	struct span *only = arena_alloc(arena, sizeof(*only));

	*only = span;
	return spans_of(only, 1);
}

static bool meet(const struct span *a, const struct span *b)
{
	return memcmp(a->first, b->last, SPAN_MAX) <= 0 && memcmp(b->first, a->last, SPAN_MAX) <= 0;
}

bool spans_meet(struct spans a, struct spans b)
{
	if (!a.limited || !b.limited)
		return true;
	for (size_t i = 0; i < a.n; i++)
		for (size_t k = 0; k < b.n; k++)
			if (meet(&a.items[i], &b.items[k]))
				return true;
	return false;
}

bool spans_same(struct spans a, struct spans b)
{
	return a.limited == b.limited && a.n == b.n && (!a.n || memcmp(a.items, b.items, a.n * sizeof(*a.items)) == 0);
}

static const uint8_t *higher(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, SPAN_MAX) > 0 ? a : b;
}

static const uint8_t *lower(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, SPAN_MAX) < 0 ? a : b;
}

struct spans spans_and(struct arena *arena, struct spans a, struct spans b)
{
	struct span *both;
	size_t n = 0;

	if (!a.limited || !b.limited)
		return a.limited ? a : b;
	for (size_t i = 0; i < a.n; i++)
		for (size_t k = 0; k < b.n; k++)
			n += meet(&a.items[i], &b.items[k]);
	both = arena_alloc(arena, n * sizeof(*both));
	n = 0;
	for (size_t i = 0; i < a.n; i++)
		for (size_t k = 0; k < b.n; k++) {
			if (!meet(&a.items[i], &b.items[k]))
				continue;
			memcpy(both[n].first, higher(a.items[i].first, b.items[k].first), SPAN_MAX);
			memcpy(both[n++].last, lower(a.items[i].last, b.items[k].last), SPAN_MAX);
		}
	return spans_of(both, n);
}

/* The next value in that direction; false where there is none. */
static bool step(uint8_t *value, size_t len, bool up)
{
	for (size_t i = len; i-- > 0;) {
		if (up ? ++value[i] != 0 : value[i]-- != 0)
			return true;
	}
	return false;
}

struct spans spans_not(struct arena *arena, struct spans spans, size_t len)
{
	struct spans rest = {0};

	for (size_t i = 0; i < spans.n; i++) {
		struct span *around = arena_alloc(arena, 2 * sizeof(*around));
		size_t n = 0;

		memcpy(around[0].last, spans.items[i].first, SPAN_MAX);
		if (step(around[0].last, len, false))
			n++;
		memset(around[n].first, 0, SPAN_MAX);
		memset(around[n].last, 0, SPAN_MAX);
		memcpy(around[n].first, spans.items[i].last, SPAN_MAX);
		memset(around[n].last, 0xff, len);
		if (step(around[n].first, len, true))
			n++;
		rest = spans_and(arena, rest, spans_of(around, n));
	}
	return spans.limited ? rest : spans_of(NULL, 0);
}

/* ---- Matches ------------------------------------------------------------------------------------- */

void match_narrow(struct match *m, struct arena *arena, enum match_field field, struct spans spans)
{
	static const struct span ports = {.first = {0, 1}, .last = {0xff, 0xff}};

	if (field == MATCH_PORT)
		spans = spans_and(arena, spans, spans_of(&ports, 1));
	m->fields[field] = spans_and(arena, m->fields[field], spans);
	if (m->fields[field].limited && !m->fields[field].n)
		m->never = true;
}

void match_beyond(struct match *m, struct arena *arena, const char *words)
{
	m->beyond = m->beyond ? arena_printf(arena, "%s, %s", m->beyond, words) : words;
}

bool match_meets(const struct match *a, const struct match *b, bool whoever)
{
	for (size_t i = MATCH_FIELDS; i-- > 0;) /* ports, which mostly differ, first */
		if ((i != MATCH_FROM || !whoever) && !spans_meet(a->fields[i], b->fields[i]))
			return false;
	return true;
}

uint8_t match_family(const struct match *m)
{
	struct spans s = m->fields[MATCH_FAMILY];

	if (s.n != 1 || s.items->first[0] != s.items->last[0])
		return 0;
	return s.items->first[0] == NFPROTO_IPV4 ? AF_INET : AF_INET6;
}

bool match_ports(const struct match *m, size_t i, struct port_range *ret)
{
	static const struct span all = {.first = {0, 1}, .last = {0xff, 0xff}};
	struct spans s = m->fields[MATCH_PORT].limited ? m->fields[MATCH_PORT] : spans_of(&all, 1);

	if (i >= s.n)
		return false;
	ret->first = (uint16_t)(s.items[i].first[0] << 8 | s.items[i].first[1]);
	ret->last = (uint16_t)(s.items[i].last[0] << 8 | s.items[i].last[1]);
	return true;
}

static struct ip to_ip(uint8_t family, const uint8_t *bytes)
{
	struct ip ip = {.family = family};

	memcpy(ip.bytes, bytes, ip_len(&ip));
	return ip;
}

/* The biggest prefix that begins at `first` and ends before `last`. */
static struct prefix biggest(const struct ip *first, const struct ip *last)
{
	for (uint8_t len = 0;; len++) {
		struct prefix p = prefix_of(first, len);
		struct ip end;

		prefix_last(&p, &end);
		if (len == ip_len(first) * 8 || (ip_cmp(&p.ip, first) == 0 && ip_cmp(&end, last) <= 0))
			return p;
	}
}

size_t match_prefixes(const struct match *m, struct arena *arena, enum match_field field, const struct prefix **ret)
{
	uint8_t family = match_family(m);
	struct spans s = m->fields[field];
	struct prefix *prefixes = NULL, *copy;
	size_t n = 0, capacity = 0;

	for (size_t i = 0; i < s.n && family; i++) {
		struct ip at = to_ip(family, s.items[i].first), last = to_ip(family, s.items[i].last), end;

		do {
			prefixes = grow(prefixes, n, &capacity, sizeof(*prefixes));
			prefixes[n] = biggest(&at, &last);
			prefix_last(&prefixes[n++], &end);
			at = end;
		} while (ip_cmp(&end, &last) < 0 && step(at.bytes, ip_len(&at), true));
	}
	copy = arena_alloc(arena, n * sizeof(*copy));
	if (n)
		memcpy(copy, prefixes, n * sizeof(*copy));
	free(prefixes);
	*ret = copy;
	return n;
}

const char *match_ifname(const struct match *m, size_t i)
{
	struct spans s = m->fields[MATCH_IFNAME];

	if (i >= s.n || memcmp(s.items[i].first, s.items[i].last, SPAN_MAX) != 0)
		return NULL;
	return (const char *)s.items[i].first;
}

/* ---- Words --------------------------------------------------------------------------------------- */

static void protos_text(struct buf *out, struct spans protos)
{
	const char *plus = "";

	for (size_t i = 0; i < PROTO_COUNT; i++) {
		const struct span one = span_of(&proto_numbers[i], 1);

		if (!spans_meet(protos, spans_of(&one, 1)))
			continue;
		buf_printf(out, "%s%s", plus, proto_names[i]);
		plus = "+";
	}
	if (!*plus)
		buf_printf(out, "protocol %u", protos.items[0].first[0]);
}

static void ports_text(struct buf *out, const struct match *m)
{
	char text[PORTS_TEXT_MAX];
	struct port_range ports;

	for (size_t i = 0; i < TEXT_MAX && match_ports(m, i, &ports); i++)
		buf_printf(out, "%s%s", i ? "," : " ", port_range_text(ports, text));
	if (m->fields[MATCH_PORT].n > TEXT_MAX)
		buf_printf(out, ",...");
}

static void prefixes_text(struct buf *out, const char *word, const struct match *m, struct arena *arena,
			  enum match_field field)
{
	const struct prefix *prefixes;
	char text[PREFIX_TEXT_MAX];
	size_t n = match_prefixes(m, arena, field, &prefixes);

	for (size_t i = 0; i < n && i < TEXT_MAX; i++)
		buf_printf(out, "%s%s", i ? "," : word, prefix_text(&prefixes[i], text));
	if (n > TEXT_MAX)
		buf_printf(out, ",...");
}

void match_text(struct buf *out, const struct match *m, struct arena *arena)
{
	struct spans in = m->fields[MATCH_IFNAME];

	if (m->fields[MATCH_PROTO].limited)
		protos_text(out, m->fields[MATCH_PROTO]);
	else
		buf_printf(out, "every protocol");
	if (m->fields[MATCH_PORT].limited)
		ports_text(out, m);
	prefixes_text(out, " to ", m, arena, MATCH_TO);
	for (size_t i = 0; i < in.n && i < TEXT_MAX; i++)
		buf_printf(out, "%s%.16s%s", i ? "," : " on ", (const char *)in.items[i].first,
			   match_ifname(m, i) ? "" : "*");
	prefixes_text(out, " from ", m, arena, MATCH_FROM);
}
