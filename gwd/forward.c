/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A forward never changes: to change one is to replace it. So it can be shared by count between the table, a list that
 * is being streamed and a change that may still fail, and nobody ever copies a hundred thousand of them. */
#include "forward.h"

#include <ctype.h>

#include "util.h"

const struct limit_unit limit_units[LIMIT_UNITS] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}};
const char *const target_states[TARGET_STATES] = {
	[TARGET_READY] = "ready", [TARGET_DRAINED] = "drained", [TARGET_OFF] = "off"};

struct forward *forward_new(void)
{
	struct forward *f = xcalloc(1, sizeof(*f));

	f->refs = 1;
	f->enabled = true;
	return f;
}

struct forward *forward_ref(const struct forward *f)
{
	struct forward *shared = (struct forward *)(uintptr_t)f; /* only the count is written */

	shared->refs++;
	return shared;
}

void forward_unref(struct forward *f)
{
	if (!f || --f->refs > 0)
		return;
	free(f->name);
	free(f->description);
	free(f->ports);
	free(f->targets);
	free(f->from);
	free(f);
}

void forward_unrefp(struct forward **f)
{
	forward_unref(*f);
}

static void *copy(const void *data, size_t len)
{
	return len ? memcpy(xmalloc(len), data, len) : NULL;
}

struct forward *forward_renamed(const struct forward *f, const char *name)
{
	struct forward *new = xmalloc(sizeof(*new));

	*new = *f;
	new->refs = 1;
	new->name = xstrdup(name);
	new->description = xstrdup(f->description);
	new->ports = copy(f->ports, f->n_ports * sizeof(*f->ports));
	new->targets = copy(f->targets, f->n_targets * sizeof(*f->targets));
	new->from = copy(f->from, f->n_from * sizeof(*f->from));
	return new;
}

static bool ordered_same(const struct target *a, const struct target *b)
{
	return a->state == b->state && a->ordered_uid == b->ordered_uid && a->ordered_time == b->ordered_time;
}

struct forward *forward_with_states(const struct forward *f, const struct forward *other)
{
	static const struct target ready;
	struct forward *copy = NULL;

	for (size_t i = 0; i < f->n_targets; i++) {
		_cleanup_(freep) char *text = other ? target_text(f, &f->targets[i]) : NULL;
		const struct target *t = text ? forward_target(other, text) : NULL;

		t = t ? t : &ready;
		if (ordered_same(&f->targets[i], t))
			continue;
		copy = copy ? copy : forward_renamed(f, f->name);
		copy->targets[i].state = t->state;
		copy->targets[i].ordered_uid = t->ordered_uid;
		copy->targets[i].ordered_time = t->ordered_time;
	}
	return copy ? copy : forward_ref(f);
}

const struct target *forward_ready_target(const struct forward *f)
{
	for (size_t i = 0; i < f->n_targets; i++)
		if (f->targets[i].state == TARGET_READY)
			return &f->targets[i];
	return NULL;
}

bool forward_declared(const struct forward *f)
{
	return f->loc.file != NULL;
}

static bool listen_same(const struct listen *a, const struct listen *b)
{
	return a->kind == b->kind && ip_cmp(&a->addr, &b->addr) == 0 && streq(a->ifname, b->ifname);
}

bool forward_ports_overlap(const struct forward *a, const struct forward *b)
{
	for (size_t i = 0; i < a->n_ports; i++)
		for (size_t k = 0; k < b->n_ports; k++)
			if (a->ports[i].first <= b->ports[k].last && b->ports[k].first <= a->ports[i].last)
				return true;
	return false;
}

bool forward_overlaps(const struct forward *a, const struct forward *b)
{
	return a->family == b->family && a->protos & b->protos && listen_same(&a->listen, &b->listen) &&
	       forward_ports_overlap(a, b);
}

static bool ports_same(struct port_range a, struct port_range b)
{
	return a.first == b.first && a.last == b.last;
}

bool target_same_place(const struct target *a, const struct target *b)
{
	return ip_cmp(&a->addr, &b->addr) == 0 && ports_same(a->ports, b->ports);
}

static bool lists_same(const struct forward *a, const struct forward *b)
{
	if (a->n_ports != b->n_ports || a->n_targets != b->n_targets)
		return false;
	for (size_t i = 0; i < a->n_ports; i++)
		if (!ports_same(a->ports[i], b->ports[i]))
			return false;
	for (size_t i = 0; i < a->n_targets; i++) {
		const struct target *x = &a->targets[i], *y = &b->targets[i];

		if (!target_same_place(x, y) || x->weight != y->weight || x->state != y->state)
			return false;
	}
	return prefixes_same(a->from, a->n_from, b->from, b->n_from);
}

bool snat_same(const struct snat *a, const struct snat *b)
{
	return a->mode == b->mode && ip_cmp(&a->addr, &b->addr) == 0;
}

bool limit_same(const struct limit *a, const struct limit *b)
{
	return a->connections == b->connections && a->rate == b->rate && a->per == b->per;
}

bool forward_same(const struct forward *a, const struct forward *b)
{
	return str_same(a->description, b->description) && a->family == b->family && a->protos == b->protos &&
	       a->enabled == b->enabled && a->force == b->force && listen_same(&a->listen, &b->listen) &&
	       snat_same(&a->snat, &b->snat) && limit_same(&a->limit, &b->limit) && a->balance == b->balance &&
	       a->log == b->log && a->no_nat == b->no_nat && a->expires == b->expires && a->cut == b->cut &&
	       lists_same(a, b);
}

bool forward_name_valid(const char *name)
{
	size_t len = strlen(name);
	bool letter = false;

	if (len == 0 || len > FORWARD_NAME_MAX || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c >= 0x80 || (!isalnum(c) && !strchr("._-", c)))
			return false;
		letter = letter || isalpha(c);
	}
	return letter;
}

/* ---- Text --------------------------------------------------------------------------------------- */

const char *limit_unit_name(uint32_t seconds)
{
	size_t i = 0;

	while (i + 1 < LIMIT_UNITS && limit_units[i].seconds != seconds)
		i++;
	return limit_units[i].name;
}

char *forward_place(const struct forward *f)
{
	char *place;

	if (!forward_declared(f))
		return xstrdup(f->name);
	place = xmalloc(strlen(f->loc.file) + 1 + NUMBER_TEXT_MAX);
	number_text(stpcpy(stpcpy(place, f->loc.file), ":"), f->loc.line);
	return place;
}

char *forward_ports_text(const struct forward *f)
{
	_cleanup_(buf_free) struct buf out = {0};
	char text[PORTS_TEXT_MAX];

	for (size_t i = 0; i < f->n_ports; i++)
		buf_printf(&out, "%s%s", i ? "," : "", port_range_text(f->ports[i], text));
	return buf_take(&out);
}

char *listen_text(const struct listen *l)
{
	char text[ADDR_TEXT_MAX];

	switch (l->kind) {
	case LISTEN_ADDRESS:
		return xstrdup(ip_text(&l->addr, text));
	case LISTEN_INTERFACE:
		return xstrdup(l->ifname);
	case LISTEN_ANY:
		break;
	}
	return xstrdup("any");
}

/* What its text names; none when each port goes to its own. */
static struct port_range target_ports(const struct forward *f, const struct target *t)
{
	if (t->ports.first || f->n_ports > 1)
		return t->ports;
	return f->ports[0];
}

char *target_text(const struct forward *f, const struct target *t)
{
	char addr[ADDR_TEXT_MAX], ports[PORTS_TEXT_MAX];
	bool v6 = t->addr.family == AF_INET6;
	struct port_range to = target_ports(f, t);

	ip_text(&t->addr, addr);
	if (!to.first)
		return xstrdup(addr);
	return xasprintf("%s%s%s:%s", v6 ? "[" : "", addr, v6 ? "]" : "", port_range_text(to, ports));
}

/* ADDR, ADDR:PORTS, [ADDR], [ADDR]:PORTS. */
static bool parse_target(const char *text, struct ip *addr, struct port_range *ports)
{
	bool bracket = text[0] == '[';
	_cleanup_(freep) char *host = xstrdup(text + bracket);
	char *end = bracket ? strchr(host, ']') : strrchr(host, ':');

	*ports = (struct port_range){0};
	if (ip_parse(host, addr))
		return true;
	if (!end)
		return false;
	*end++ = '\0';
	if (bracket && *end == ':')
		end++;
	return ip_parse(host, addr) && (bracket || addr->family == AF_INET) &&
	       ((bracket && !*end) || port_range_parse(end, ports));
}

struct target *forward_target(const struct forward *f, const char *text)
{
	struct target *found = NULL;
	struct port_range ports;
	struct ip addr;
	size_t n = 0;

	if (!parse_target(text, &addr, &ports))
		return NULL;
	for (size_t i = 0; i < f->n_targets; i++) {
		struct target *t = &f->targets[i];

		if (ip_cmp(&t->addr, &addr) != 0)
			continue;
		if (ports_same(target_ports(f, t), ports))
			return t;
		found = t;
		n++;
	}
	return n == 1 && !ports.first ? found : NULL;
}

char *forward_text(const struct forward *f)
{
	_cleanup_(buf_free) struct buf out = {0};
	_cleanup_(freep) char *ports = forward_ports_text(f);
	_cleanup_(freep) char *listen = listen_text(&f->listen);
	bool where = f->listen.kind != LISTEN_ANY && !f->no_nat; /* which listens where it goes to */
	bool v6 = where && f->listen.addr.family == AF_INET6;

	buf_printf(&out, "%s %s%s%s%s%s -> ", proto_text(f->protos), v6 ? "[" : "", where ? listen : "",
		   v6 ? "]" : "", where ? ":" : "", ports);
	for (size_t i = 0; i < f->n_targets; i++) {
		_cleanup_(freep) char *target = target_text(f, &f->targets[i]);

		buf_add(&out, ", ", i ? 2 : 0);
		buf_add(&out, target, strlen(target));
		if (f->targets[i].weight > 1)
			buf_printf(&out, "@%u", f->targets[i].weight);
	}
	if (f->no_nat)
		buf_printf(&out, " without translation");
	return buf_take(&out);
}

/* ---- Default name ------------------------------------------------------------------------------- */

/* A name under construction, cut where it becomes too long. */
struct name {
	char text[FORWARD_NAME_MAX + NUMBER_TEXT_MAX];
	size_t len;
};

static void name_add(struct name *n, const char *text)
{
	enum { ROOM = 8 }; /* for "-" and a number */

	while (*text && n->len < FORWARD_NAME_MAX - ROOM)
		n->text[n->len++] = *text++;
	n->text[n->len] = '\0';
}

/* "tcp-80", "tcp-80_443", "tcp-udp-53", "tcp6-80". */
static void name_base(struct name *n, const struct forward *f)
{
	char ports[PORTS_TEXT_MAX];

	name_add(n, proto_text(f->protos));
	for (char *p = n->text; *p; p++)
		if (*p == '+')
			*p = '-';
	name_add(n, f->family == AF_INET6 ? "6-" : "-");
	for (size_t i = 0; i < f->n_ports; i++) {
		name_add(n, i ? "_" : "");
		name_add(n, port_range_text(f->ports[i], ports));
	}
}

/* "-203.0.113.5" */
static void name_listen(struct name *n, const struct listen *l)
{
	_cleanup_(freep) char *text = l->kind == LISTEN_ANY ? NULL : listen_text(l);

	if (!text)
		return;
	for (char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-')
			*p = '_';
	name_add(n, "-");
	name_add(n, text);
}

char *forward_default_name(const struct forward *f, const struct forwards *taken)
{
	struct name name = {0};
	char *end;

	name_base(&name, f);
	if (!forwards_by_name(taken, name.text))
		return xstrdup(name.text);
	name_listen(&name, &f->listen);
	end = name.text + name.len;
	for (unsigned i = 2; forwards_by_name(taken, name.text); i++) {
		*end = '-';
		number_text(end + 1, i);
	}
	return xstrdup(name.text);
}
