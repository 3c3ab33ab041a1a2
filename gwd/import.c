/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first of two rules wins, whatever they ask for; of two forwards the one that names an address beats the one that
 * names an interface, and that one beats the rest. Where the two orders differ, the later rule is not expressed. Forwards
 * are built by config_forward(), so what is printed is what gwd would take. */
#include "import.h"

#include <linux/netfilter.h>

#include "config.h"
#include "config_print.h"
#include "import_walk.h"

/* A translation with one listen. */
struct candidate {
	struct translation t;
	uint8_t protos;
	struct listen listen;
	size_t item; /* in the import; its text names it */
	bool service;
	size_t next; /* of those with the same port: its place in `taken` + 1, 0 = none */
};

struct builder {
	struct import *import;
	const struct topology *topology;
	struct arena *arena;
	struct candidate *taken; /* in order: services, and what was no service but takes its packets */
	size_t n, capacity;
	size_t first[UINT16_MAX + 1]; /* by port, as `next`; those of several ports at 0 */
};

void import_free(struct import *im)
{
	for (size_t i = 0; im && i < im->n; i++) {
		free(im->items[i].rule);
		free(im->items[i].origin);
		free(im->items[i].why);
		forward_unref(im->items[i].forward);
	}
	if (im)
		free(im->items);
	free(im);
}

void import_freep(struct import **im)
{
	import_free(*im);
}

/* ---- Words --------------------------------------------------------------------------------------- */

static void target_words(struct buf *out, const struct translation *t)
{
	char addr[ADDR_TEXT_MAX], ports[PORTS_TEXT_MAX];
	bool brackets = t->to.family == AF_INET6 && t->ports.first;

	buf_printf(out, " -> %s%s%s", brackets ? "[" : "",
		   t->self        ? "this machine"
		   : t->to.family ? ip_text(&t->to, addr)
				  : "?",
		   brackets ? "]" : "");
	if (t->ports.first)
		buf_printf(out, "%s%s", t->self ? " port " : ":", port_range_text(t->ports, ports));
}

static char *rule_words(struct builder *b, const struct translation *t)
{
	struct buf rule = {0};

	match_text(&rule, &t->match, b->arena);
	if (t->match.beyond)
		buf_printf(&rule, " (%s)", t->match.beyond);
	if (t->source)
		buf_printf(&rule, " masqueraded");
	else
		target_words(&rule, t);
	return buf_take(&rule);
}

/* Takes the strings. */
static void add(struct import *im, enum import_kind kind, char *rule, char *origin, char *why)
{
	im->items = grow(im->items, im->n, &im->capacity, sizeof(*im->items));
	im->items[im->n++] = (struct import_item){.kind = kind, .rule = rule, .origin = origin, .why = why};
}

static void add_item(struct builder *b, const struct translation *t, enum import_kind kind, char *why)
{
	add(b->import, kind, rule_words(b, t),
	    xasprintf("table %s %s, chain %s, handle %llu", foreign_family(t->table), t->table->name, t->chain->name,
		      (unsigned long long)t->rule->handle),
	    why);
}

/* The only port of these packets, or 0. */
static uint16_t only_port(const struct match *m)
{
	struct port_range range;

	match_ports(m, 0, &range);
	return m->fields[MATCH_PORT].n == 1 && range.first == range.last ? range.first : 0;
}

static struct candidate *take(struct builder *b, const struct candidate *c)
{
	size_t *first = &b->first[only_port(&c->t.match)];

	b->taken = grow(b->taken, b->n, &b->capacity, sizeof(*b->taken));
	b->taken[b->n] = *c;
	b->taken[b->n++].next = *first;
	*first = b->n;
	return &b->taken[b->n - 1];
}

static void refuse(struct builder *b, const struct candidate *c, char *why)
{
	struct candidate *kept = take(b, c);

	kept->item = b->import->n;
	kept->service = false;
	add_item(b, &c->t, IMPORT_NOT_EXPRESSED, why);
}

/* ---- What came before ---------------------------------------------------------------------------- */

static bool same_but_from(const struct candidate *a, const struct candidate *b)
{
	return a->protos == b->protos && a->listen.kind == b->listen.kind &&
	       spans_same(a->t.match.fields[MATCH_PORT], b->t.match.fields[MATCH_PORT]) &&
	       spans_same(a->t.match.fields[MATCH_TO], b->t.match.fields[MATCH_TO]) &&
	       spans_same(a->t.match.fields[MATCH_IFNAME], b->t.match.fields[MATCH_IFNAME]) &&
	       ip_cmp(&a->t.to, &b->t.to) == 0 && a->t.ports.first == b->t.ports.first &&
	       a->t.ports.last == b->t.ports.last && a->t.from_port == b->t.from_port &&
	       a->t.match.log == b->t.match.log;
}

/* Two forwards of one listen and port are a conflict even where they are for different clients. */
static bool in_the_way(const struct candidate *earlier, const struct candidate *c)
{
	if (!match_meets(&earlier->t.match, &c->t.match, earlier->service))
		return false;
	return !earlier->service || earlier->listen.kind <= c->listen.kind ||
	       earlier->t.match.fields[MATCH_FROM].limited;
}

/* The first one from `place` on that is in the way of `c`, if it is before `found`; following `next`, or all of them. */
static struct candidate *in_list(struct builder *b, size_t place, bool all, const struct candidate *c,
				 const struct candidate *but, struct candidate *found)
{
	while (place) {
		struct candidate *at = &b->taken[place - 1];

		if ((!found || at < found) && at != but && in_the_way(at, c))
			found = at;
		place = all ? place - 1 : at->next;
	}
	return found;
}

static struct candidate *first_in_the_way(struct builder *b, const struct candidate *c, const struct candidate *but)
{
	uint16_t port = only_port(&c->t.match);

	if (!port)
		return in_list(b, b->n, true, c, but, NULL);
	return in_list(b, b->first[port], false, c, but, in_list(b, b->first[0], false, c, but, NULL));
}

/* The service that only lacks the clients of `c`: it has the same ports, so it is among those in the way. */
static struct candidate *twin_of(struct builder *b, const struct candidate *c)
{
	for (size_t i = b->first[only_port(&c->t.match)]; i; i = b->taken[i - 1].next) {
		struct candidate *at = &b->taken[i - 1];

		if (at->service && in_the_way(at, c) && same_but_from(at, c))
			return at;
	}
	return NULL;
}

/* The clients of `earlier` and those of `c`: one forward. */
static void merge(struct builder *b, struct candidate *earlier, const struct candidate *c)
{
	struct spans *all = &earlier->t.match.fields[MATCH_FROM];
	const struct spans *more = &c->t.match.fields[MATCH_FROM];
	struct import_item *item = &b->import->items[earlier->item];
	char *origin = item->origin;
	struct span *both;
	size_t n;

	if (all->limited && more->limited) {
		struct spans rest = spans_and(b->arena, *more, spans_not(b->arena, *all, ip_len(&c->t.to)));

		both = arena_alloc(b->arena, (all->n + rest.n) * sizeof(*both));
		memcpy(both, all->items, all->n * sizeof(*both));
		if (rest.n)
			memcpy(both + all->n, rest.items, rest.n * sizeof(*both));
		n = all->n + rest.n;
		*all = spans_of(both, n);
	} else {
		*all = (struct spans){0};
	}
	free(item->rule);
	item->rule = rule_words(b, &earlier->t);
	if (earlier->t.rule == c->t.rule)
		return;
	item->origin =
		xasprintf("%s; chain %s, handle %llu", origin, c->t.chain->name, (unsigned long long)c->t.rule->handle);
	free(origin);
}

/* ---- What a forward can say ---------------------------------------------------------------------- */

/* The ports of the target as a forward says them: none where the dialled one is kept. False: it has no words for it. */
static bool target_ports(const struct translation *t, struct port_range *ret)
{
	struct port_range to = t->ports, listened;
	bool inside = true;

	*ret = to;
	if (to.first == to.last)
		return true;
	for (size_t i = 0; match_ports(&t->match, i, &listened); i++)
		inside = inside && listened.first >= to.first && listened.last <= to.last;
	if (t->from_port && t->match.fields[MATCH_PORT].n == 1 && match_ports(&t->match, 0, &listened)) {
		uint32_t first = to.first + (uint32_t)(listened.first - t->from_port);
		uint32_t last = first + (uint32_t)(listened.last - listened.first);

		*ret = (struct port_range){(uint16_t)first, (uint16_t)last};
		return listened.first >= t->from_port && last <= to.last;
	}
	*ret = (struct port_range){0};
	return inside && !t->from_port; /* the kernel keeps a port that is one of them */
}

static char *why_not(struct builder *b, const struct candidate *c, const struct candidate *twin)
{
	const struct candidate *earlier = first_in_the_way(b, c, twin);
	const struct translation *t = &c->t;
	struct port_range ports;

	if (t->self || topology_is_local(b->topology, &t->to))
		return xstrdup("gwd forwards to other machines, not to a port of this one");
	if (t->why)
		return xstrdup(t->why);
	if (t->match.beyond)
		return xasprintf("gwd.yaml has no word for: %s", t->match.beyond);
	if (t->base->hook == NF_INET_LOCAL_OUT)
		return xstrdup("it is for connections of this machine itself alone");
	if (t->past)
		return xasprintf("the rule with handle %llu before it lets some of these pass as they are",
				 (unsigned long long)t->past->handle);
	if (earlier)
		return xasprintf("some of its packets are taken before by %s", b->import->items[earlier->item].origin);
	if (!target_ports(t, &ports))
		return xstrdup("it takes any free one of the target's ports; write `to: ADDR:FIRST-LAST` to have them "
			       "one to one");
	return NULL;
}

/* ---- As a forward -------------------------------------------------------------------------------- */

static json_t *from_json(struct builder *b, const struct candidate *c)
{
	const struct prefix *prefixes;
	size_t n = match_prefixes(&c->t.match, b->arena, MATCH_FROM, &prefixes);
	json_t *list = json_array();
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(prefix_text(&prefixes[i], text)));
	return list;
}

static json_t *ports_json(const struct candidate *c)
{
	json_t *list = json_array();
	char text[PORTS_TEXT_MAX];
	struct port_range range;

	for (size_t i = 0; match_ports(&c->t.match, i, &range); i++)
		json_array_append_new(list, json_string(port_range_text(range, text)));
	return list;
}

/* A canonical service: IDL type Service. */
static json_t *service_json(struct builder *b, const struct candidate *c)
{
	const char *comment = c->t.match.comment;
	char text[ADDR_TEXT_MAX], ports_text[PORTS_TEXT_MAX];
	json_t *target = json_pack("{s:s}", "addr", ip_text(&c->t.to, text)), *json;
	_cleanup_(freep) char *listen = listen_text(&c->listen);
	struct port_range ports;

	if (target_ports(&c->t, &ports) && ports.first)
		json_object_set_new(target, "port", json_string(port_range_text(ports, ports_text)));
	json = json_pack("{s:s, s:o, s:[o]}", "proto", proto_text(c->protos), "ports", ports_json(c), "to", target);
	if (comment && *comment && text_printable(comment) && strlen(comment) <= FORWARD_DESCRIPTION_MAX)
		json_object_set_new(json, "description", json_string(comment));
	if (c->listen.kind != LISTEN_ANY)
		json_object_set_new(json, "listen", json_string(listen));
	if (c->t.match.fields[MATCH_FROM].limited)
		json_object_set_new(json, "from", from_json(b, c));
	if (c->t.match.log)
		json_object_set_new(json, "log", json_true());
	return json;
}

/* What the file would refuse is not expressed either. */
static void finish(struct builder *b, struct candidate *c, struct forwards *names)
{
	_cleanup_(diag_free) struct diag diag = {0};
	json_auto_t *json = service_json(b, c);
	struct import_item *item = &b->import->items[c->item];

	item->forward = config_forward(doc_from_json(b->arena, json), names, &diag);
	if (item->forward) {
		forwards_add(names, item->forward, false);
	} else {
		item->kind = IMPORT_NOT_EXPRESSED;
		item->why = xstrdup(diag.mistakes[0].message);
	}
}

/* ---- Candidates ---------------------------------------------------------------------------------- */

static void consider(struct builder *b, const struct candidate *c)
{
	struct candidate *twin = twin_of(b, c), *kept;
	char *why;

	if (twin && c->t.base->hook == NF_INET_LOCAL_OUT)
		return; /* a forward is for this machine's own connections, too */
	why = why_not(b, c, twin);
	if (why) {
		refuse(b, c, why);
		return;
	}
	if (twin) {
		merge(b, twin, c);
		return;
	}
	kept = take(b, c);
	kept->item = b->import->n;
	kept->service = true;
	add_item(b, &c->t, IMPORT_SERVICE, NULL);
}

static bool is_wan(const struct topology *t, const char *name)
{
	const struct interface *in = topology_interface(t, name);

	return in && in->zone == ZONE_WAN;
}

/* The interfaces that the rule asks for are wan's, all of them or (`some`) not. */
static bool asks_for_wan(const struct builder *b, const struct match *m, bool some)
{
	struct spans names = m->fields[MATCH_IFNAME];
	const struct topology *t = b->topology;

	for (size_t i = 0; i < names.n; i++)
		if (!match_ifname(m, i) || !is_wan(t, match_ifname(m, i)))
			return false;
	for (size_t i = 0; i < t->n_interfaces && names.limited && !some; i++) {
		const struct span one = span_of(t->interfaces[i].name, IFNAMSIZ);

		if (t->interfaces[i].zone == ZONE_WAN && !spans_meet(names, spans_of(&one, 1)))
			return false;
	}
	return true;
}

/* One candidate for each address, or for each interface. */
static void each_address(struct builder *b, const struct candidate *c)
{
	const struct prefix *prefixes;
	size_t n = match_prefixes(&c->t.match, b->arena, MATCH_TO, &prefixes);

	for (size_t i = 0; i < n; i++) {
		struct candidate one = *c;
		const struct span span = span_of(prefixes[i].ip.bytes, ip_len(&prefixes[i].ip));

		one.t.match.fields[MATCH_TO] = one_span(b->arena, span);
		one.listen = (struct listen){.kind = LISTEN_ADDRESS, .addr = prefixes[i].ip};
		if (prefixes[i].len != ip_len(&prefixes[i].ip) * 8) {
			refuse(b, c, xstrdup("it is for a network of addresses, and `listen` is one"));
			return;
		}
		consider(b, &one);
	}
}

static void each_interface(struct builder *b, const struct candidate *c)
{
	struct spans names = c->t.match.fields[MATCH_IFNAME];

	for (size_t i = 0; i < names.n; i++) {
		struct candidate one = *c;
		const char *name = match_ifname(&c->t.match, i);

		one.t.match.fields[MATCH_IFNAME] = spans_of(&names.items[i], 1);
		one.listen.kind = LISTEN_INTERFACE;
		if (!name || !ifname_plain(name)) {
			refuse(b, c,
			       xstrdup("`listen` is an interface's whole name; or name these interfaces in `wan`"));
			return;
		}
		memcpy(one.listen.ifname, name, strlen(name) + 1);
		consider(b, &one);
	}
}

static void each_listen(struct builder *b, const struct candidate *c)
{
	const struct match *m = &c->t.match;
	bool address = m->fields[MATCH_TO].limited, interface = m->fields[MATCH_IFNAME].limited;

	if (address && interface && !asks_for_wan(b, m, true))
		refuse(b, c, xstrdup("`listen` is an address or an interface, not both"));
	else if (address)
		each_address(b, c);
	else if (interface && !asks_for_wan(b, m, false))
		each_interface(b, c);
	else
		consider(b, c);
}

/* The protocols of a service, or 0. */
static uint8_t protos_of(struct builder *b, const struct match *m)
{
	struct spans protos = m->fields[MATCH_PROTO];
	struct span known[PROTO_COUNT] = {0};
	uint8_t all = 0;

	if (!protos.limited) /* "th dport" */
		return m->fields[MATCH_PORT].limited ? PROTO_TCP | PROTO_UDP : 0;
	for (size_t i = 0; i < PROTO_COUNT; i++) {
		known[i] = span_of(&proto_numbers[i], 1);
		all |= (uint8_t)(spans_meet(protos, spans_of(&known[i], 1)) ? 1u << i : 0);
	}
	if (spans_and(b->arena, protos, spans_not(b->arena, spans_of(known, PROTO_COUNT), 1)).n)
		return 0;
	return (all & PROTO_SCTP) && all != PROTO_SCTP ? 0 : all;
}

/* ---- Rules --------------------------------------------------------------------------------------- */

static bool by_hand(enum foreign_tool tool)
{
	return tool == TOOL_NFTABLES || tool == TOOL_IPTABLES || tool == TOOL_UFW;
}

static void source_rule(struct builder *b, const struct translation *t)
{
	add_item(b, t, IMPORT_LEFT_ALONE,
		 xstrdup("gwd masquerades by itself where it has to; `snat: always` is for every forwarded client"));
}

static void tools_rule(struct builder *b, const struct translation *t, enum foreign_tool tool)
{
	const char *name = foreign_tool_name(tool);
	struct candidate *c = take(b, &(struct candidate){.t = *t});

	c->item = b->import->n;
	add_item(b, t, IMPORT_LEFT_ALONE, xasprintf("%s's; leave it to %s", name, name));
}

static void each_translation(void *ctx, const struct translation *t)
{
	struct fate fate = {.translated_in = t->chain->name};
	enum foreign_tool tool = foreign_tool(t->table, t->base, &fate);
	struct candidate c = {.t = *t};
	struct builder *b = ctx;

	if (!by_hand(tool)) {
		if (t->base->hook == NF_INET_PRE_ROUTING)
			tools_rule(b, t, tool);
		return;
	}
	if (t->source) {
		source_rule(b, t);
		return;
	}
	c.protos = protos_of(b, &t->match);
	if (c.protos)
		each_listen(b, &c);
	else
		refuse(b, &c,
		       xstrdup("a service is of tcp, udp, both or sctp, and of named ports: write those that are "
			       "needed"));
}

struct import *import_build(const struct foreign *f, const struct topology *topology, const struct facts *facts)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	_cleanup_(forwards_freep) struct forwards *names = forwards_new();
	_cleanup_(freep) struct builder *b = xcalloc(1, sizeof(*b));

	b->import = xcalloc(1, sizeof(*b->import));
	b->topology = topology;
	b->arena = arena;
	if (!import_walk(f, facts, arena, each_translation, b))
		add(b->import, IMPORT_NOT_EXPRESSED, xstrdup("further rules"), xstrdup("the nat chains"),
		    xstrdup("they are more than gwd reads"));
	for (size_t i = 0; i < b->n; i++)
		if (b->taken[i].service)
			finish(b, &b->taken[i], names);
	free(b->taken);
	return b->import;
}

/* ---- As a file ----------------------------------------------------------------------------------- */

/* A line of a comment. Names of others are in it, and what YAML takes for the end of a line is not only ASCII. */
static void print_comment(struct buf *out, char *text)
{
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	buf_printf(out, "# %s\n", text);
	free(text);
}

static void print_items(struct buf *out, const struct import *im, enum import_kind kind, const char *title)
{
	for (size_t i = 0; i < im->n; i++) {
		const struct import_item *item = &im->items[i];

		if (item->kind == kind)
			print_comment(out, xasprintf("%s: %s (%s): %s", title, item->rule, item->origin, item->why));
	}
}

char *import_yaml(const struct import *im)
{
	struct buf out = {0};
	bool header = false;

	print_comment(&out,
		      xstrdup("From the rules of other tables. Read it; when gwd runs with it, delete those rules."));
	for (size_t i = 0; i < im->n; i++) {
		const struct import_item *item = &im->items[i];

		if (item->kind != IMPORT_SERVICE)
			continue;
		buf_printf(&out, "%s  ", header ? "" : "services:\n");
		header = true;
		print_comment(&out, xasprintf("%s (%s)", item->rule, item->origin));
		config_print_forward(&out, item->forward);
	}
	print_items(&out, im, IMPORT_NOT_EXPRESSED, "not expressed");
	print_items(&out, im, IMPORT_LEFT_ALONE, "left alone");
	return buf_take(&out);
}
