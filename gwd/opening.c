/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Openings are few and are compared as lists: no table, no order but the written one. */
#include "opening.h"

#include "util.h"

void opening_free(struct opening *o)
{
	free(TAKE_PTR(o->from));
	o->n_from = 0;
}

void openings_free(struct opening *openings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		opening_free(&openings[i]);
	free(openings);
}

bool opening_same_key(const struct opening *a, const struct opening *b)
{
	return a->in == b->in && a->protos == b->protos && a->ports.first == b->ports.first &&
	       a->ports.last == b->ports.last;
}

bool opening_same(const struct opening *a, const struct opening *b)
{
	return opening_same_key(a, b) && a->local == b->local && a->expires == b->expires &&
	       prefixes_same(a->from, a->n_from, b->from, b->n_from);
}

bool openings_same(const struct opening *a, size_t n_a, const struct opening *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (!opening_same(&a[i], &b[i]))
			return false;
	return true;
}

char *opening_key(const struct opening *o)
{
	char ports[PORTS_TEXT_MAX];

	return xasprintf("%s %s %s", o->in == OPENING_DMZ ? "dmz" : "wan", proto_text(o->protos),
			 port_range_text(o->ports, ports));
}

bool opening_overlaps(const struct opening *a, const struct opening *b)
{
	return a->in == b->in && a->protos & b->protos && a->ports.first <= b->ports.last &&
	       b->ports.first <= a->ports.last;
}

char *opening_text(const struct opening *o)
{
	_cleanup_(buf_free) struct buf out = {0};
	char ports[PORTS_TEXT_MAX], text[PREFIX_TEXT_MAX];

	buf_printf(&out, "%s %s", proto_text(o->protos), port_range_text(o->ports, ports));
	if (o->local)
		buf_printf(&out, " from local");
	for (size_t i = 0; i < o->n_from; i++)
		buf_printf(&out, "%s%s", i || o->local ? "," : " from ", prefix_text(&o->from[i], text));
	if (o->in == OPENING_DMZ)
		buf_printf(&out, " in dmz");
	return buf_take(&out);
}

char *opening_place(const struct opening *o)
{
	return o->loc.file ? xasprintf("%s:%u", o->loc.file, o->loc.line) : xstrdup("runtime");
}

struct opening *opening_list_add(struct opening_list *list, const struct opening *o)
{
	struct opening *new;

	list->items = grow(list->items, list->n, &list->capacity, sizeof(*list->items));
	new = &list->items[list->n++];
	*new = *o;
	new->from =
		o->n_from ? memcpy(xmalloc(o->n_from * sizeof(*o->from)), o->from, o->n_from * sizeof(*o->from)) : NULL;
	return new;
}

void opening_list_free(struct opening_list *list)
{
	openings_free(list->items, list->n);
	*list = (struct opening_list){0};
}
