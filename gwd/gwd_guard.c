/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a listener is in the way is a question of addresses: it is when a connection that would have reached it is one
 * that the forward takes. So a name server bound to the LAN address, or to a bridge, does not stop a forward on the wan.
 * The verdict on a forward of a file is its port, kept in its entry and in the database: what runs after a restart is what
 * ran before it, whoever may listen by then. */
#include "gwd_guard.h"

#include <errno.h>
#include <stdio.h>

#include "listeners.h"

/* ---- In the way ---------------------------------------------------------------------------------- */

static bool has_port(const struct forward *f, uint16_t port)
{
	for (size_t i = 0; i < f->n_ports; i++)
		if (port >= f->ports[i].first && port <= f->ports[i].last)
			return true;
	return false;
}

/* Whether what arrives at this address of ours is the forward's. */
static bool catches(const struct forward *f, const struct local_address *a, const struct topology *t)
{
	const struct interface *in = topology_interface(t, a->ifname);

	switch (f->listen.kind) {
	case LISTEN_ADDRESS:
		return ip_cmp(&f->listen.addr, &a->ip) == 0;
	case LISTEN_INTERFACE:
		return streq(f->listen.ifname, a->ifname);
	case LISTEN_ANY:
		break;
	}
	return in && in->zone == ZONE_WAN;
}

/* Bound to an interface with addresses, none of which is the forward's. One without addresses (a VRF) may stand for
 * others, so it is no excuse. */
static bool is_elsewhere(const struct listener *l, const struct forward *f, const struct topology *t)
{
	bool has_addresses = false;

	for (size_t i = 0; i < t->n_addresses && *l->ifname; i++) {
		if (!streq(t->addresses[i].ifname, l->ifname))
			continue;
		if (catches(f, &t->addresses[i], t))
			return false;
		has_addresses = true;
	}
	return has_addresses;
}

static bool in_the_way(const struct listener *l, const struct forward *f, const struct topology *t)
{
	static const struct ip any4 = {.family = AF_INET}, any6 = {.family = AF_INET6};

	if (!(l->proto & f->protos) || l->ip.family != f->family || !has_port(f, l->port) || is_elsewhere(l, f, t))
		return false;
	if (ip_cmp(&l->ip, &any4) == 0 || ip_cmp(&l->ip, &any6) == 0) /* the address may be one that is still to come */
		return f->listen.kind != LISTEN_ADDRESS || topology_is_local(t, &f->listen.addr);
	for (size_t i = 0; i < t->n_addresses; i++)
		if (ip_cmp(&t->addresses[i].ip, &l->ip) == 0)
			return catches(f, &t->addresses[i], t);
	return false;
}

/* A forward under judgement. */
struct trial {
	const struct forward *forward;
	const struct topology *topology; /* where it would run */
	const struct gwd *gwd;           /* as it is */
	struct forward_entry *const *was;
	size_t n_was;
	const struct listeners *listeners;
};

/* What a running one takes already is lost already. */
static bool is_taken(const struct trial *t, const struct listener *l)
{
	for (size_t i = 0; i < t->n_was; i++)
		if (t->was[i]->active && in_the_way(l, t->was[i]->forward, t->gwd->topology))
			return true;
	return false;
}

/* The next listener that loses something, from number *at on and up to this port; NULL when there is no more. */
static const struct listener *next_loser(const struct trial *t, size_t *at, uint16_t last_port)
{
	while (*at < t->listeners->n) {
		const struct listener *l = &t->listeners->items[(*at)++];

		if (l->port > last_port)
			return NULL;
		if (in_the_way(l, t->forward, t->topology) && !is_taken(t, l))
			return l;
	}
	return NULL;
}

/* "port 22 is this gateway's own (uid 0, inode 12345)". gwctl, which may look behind the inode, puts the program's name
 * in place of the brackets. Caller's string. */
static char *whose(const struct listener *l)
{
	return xasprintf("port %u%s is this gateway's own (uid %u, inode %u)", l->port,
			 l->proto == PROTO_UDP    ? "/udp"
			 : l->proto == PROTO_SCTP ? "/sctp"
						  : "",
			 l->uid, l->inode);
}

/* ---- One forward --------------------------------------------------------------------------------- */

static int unknown(struct diag *diag, const struct diag *why)
{
	diag_warn(diag, "%s; whether a forward takes a port of this gateway's own is not known",
		  why->mistakes[0].message);
	return 0;
}

int guard_forward(const struct gwd *g, const struct forward *f, struct forward_entry *const *was, size_t n_was,
		  bool force, struct diag *diag)
{
	_cleanup_(listeners_free) struct listeners listeners = {0};
	_cleanup_(diag_free) struct diag why = {0};
	const struct trial trial = {f, g->topology, g, was, n_was, &listeners};
	const struct listener *l, *told = NULL;
	struct port_range span = f->ports[0];
	size_t at = 0;

	for (size_t i = 1; i < f->n_ports; i++) {
		span.first = f->ports[i].first < span.first ? f->ports[i].first : span.first;
		span.last = f->ports[i].last > span.last ? f->ports[i].last : span.last;
	}
	if (turn_nobody_listens(g, f->protos, span))
		return 0;
	if (listeners_read(f->protos, span, &listeners, &why) < 0)
		return unknown(diag, &why);
	for (; (l = next_loser(&trial, &at, span.last)); told = l) {
		_cleanup_(freep) char *text = whose(l);

		if (told && told->port == l->port && told->proto == l->proto) /* one of several workers */
			continue;
		if (force)
			diag_warn(diag, "%s: forwarded all the same", text);
		else
			diag_add(diag, DIAG_CONFLICT, (struct loc){0},
				 "%s; forwarding it would take it away from whoever connects from outside: --force to "
				 "do it "
				 "all the same",
				 text);
	}
	return !told ? 0 : force ? 1 : -EEXIST;
}

/* ---- A whole world ------------------------------------------------------------------------------- */

static void hold(struct forward_entry *e, const struct listener *l, const struct forward_entry *before,
		 struct settled *messages)
{
	_cleanup_(freep) char *text = whose(l);

	e->own_port = l->port;
	if (before && before->own_port == l->port) /* was said then */
		return;
	settled_say(
		messages,
		xasprintf("%s: held: %s; to forward it all the same: gwctl on %s --force, or `force: true` in the file",
			  e->forward->name, text, e->forward->name));
}

/* Of most forwards, which need not be compared with what there was. */
static bool nobody_listens(const struct listeners *l, const struct forward *f)
{
	for (size_t i = 0; i < f->n_ports; i++) {
		size_t at = listeners_at(l, f->ports[i].first);

		if (at < l->n && l->items[at].port <= f->ports[i].last)
			return false;
	}
	return true;
}

static void judge(const struct gwd *g, const struct draft *d, const struct listeners *listeners,
		  struct forward_entry *e, bool force, struct settled *messages, struct diag *diag)
{
	enum { WAS_MAX = 16 };
	struct forward_entry *was[WAS_MAX];
	size_t n = forwards_overlap(g->world->forwards, e->forward, was, WAS_MAX);
	const struct trial trial = {e->forward, d->topology, g, was, n < WAS_MAX ? n : WAS_MAX, listeners};

	for (size_t i = 0; i < e->forward->n_ports; i++) {
		size_t at = listeners_at(listeners, e->forward->ports[i].first);
		const struct listener *l = next_loser(&trial, &at, e->forward->ports[i].last);
		_cleanup_(freep) char *text = l ? whose(l) : NULL;

		if (!l)
			continue;
		if (!force) {
			hold(e, l, forwards_by_name(g->world->forwards, e->forward->name), messages);
			return;
		}
		diag_warn(diag, "%s: %s: forwarded all the same", e->forward->name, text);
	}
}

void guard_world(const struct gwd *g, struct draft *d, bool force, struct settled *messages, struct diag *diag)
{
	_cleanup_(listeners_free) struct listeners listeners = {0};
	_cleanup_(diag_free) struct diag why = {0};
	bool known = listeners_read(PROTO_TCP | PROTO_UDP | PROTO_SCTP, (struct port_range){1, UINT16_MAX}, &listeners,
				    &why) == 0;

	if (!known)
		unknown(diag, &why);
	for (struct forward_entry *e = forwards_first(d->world->forwards); e; e = e->next) {
		const struct forward_entry *before =
			known ? NULL : forwards_by_name(g->world->forwards, e->forward->name);

		if (e->off || e->shadowed || e->forward->force)
			continue;
		if (known && !nobody_listens(&listeners, e->forward))
			judge(g, d, &listeners, e, force, messages, diag);
		else if (!known && before && !force && has_port(e->forward, before->own_port))
			e->own_port = before->own_port;
	}
}

/* ---- From one start to the next ------------------------------------------------------------------ */

/* `among`: only those that are in the list, or with `others` only those that are not; NULL: all. */
static void recall(struct draft *d, const char *text, const struct strings *among, bool others)
{
	_cleanup_(freep) char *held = xstrdup(text);
	char *rest, *item;

	for (item = held ? strtok_r(held, " ", &rest) : NULL; item; item = strtok_r(NULL, " ", &rest)) {
		char *colon = strchr(item, ':');
		uint16_t port = colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
		struct forward_entry *e;

		item[strcspn(item, ":")] = '\0';
		e = forwards_by_name(d->world->forwards, item);
		if (among && strings_have(among, item) == others)
			continue;
		if (e && !e->off && !e->shadowed && !e->forward->force && has_port(e->forward, port))
			e->own_port = port;
	}
}

int guard_recall(const struct gwd *g, struct draft *d, struct diag *diag)
{
	_cleanup_(freep) char *held = NULL;
	int r = state_get(g->state, "held", &held, diag);

	recall(d, held, NULL, false);
	return r;
}

int guard_return(const struct gwd *g, struct draft *d, const char *held_then, const struct strings *touched,
		 struct diag *diag)
{
	_cleanup_(freep) char *held = NULL;
	int r = touched ? state_get(g->state, "held", &held, diag) : 0;

	recall(d, held, touched, true);
	recall(d, held_then, touched, false);
	return r;
}

/* A step took one of those that were held. */
static bool touches_held(const struct draft *d)
{
	for (size_t i = 0; i < d->n_steps; i++) {
		const struct step *s = &d->steps[i];

		if ((s->kind == STEP_REMOVE && s->entry->own_port) || (s->kind == STEP_SWITCH && s->own_port))
			return true;
	}
	return false;
}

int guard_store(const struct gwd *g, const struct draft *d, struct diag *diag)
{
	_cleanup_(buf_free) struct buf held = {0};

	if (!d->world && !touches_held(d))
		return 0;
	for (const struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next)
		if (e->own_port)
			buf_printf(&held, "%s%s:%u", held.len ? " " : "", e->forward->name, e->own_port);
	return state_put(g->state, "held", held.data, diag);
}
