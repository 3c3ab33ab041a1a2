/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rm, by name or by ports. */
#include <errno.h>

#include "gwd_change.h"

enum { MATCHES_MAX = 16 }; /* named when a selector is ambiguous */

static bool same_ports(const struct forward *a, const struct forward *b)
{
	if (a->n_ports != b->n_ports)
		return false;
	for (size_t i = 0; i < a->n_ports; i++) {
		bool found = false;

		for (size_t k = 0; k < b->n_ports && !found; k++)
			found = a->ports[i].first == b->ports[k].first && a->ports[i].last == b->ports[k].last;
		if (!found)
			return false;
	}
	return true;
}

/* The ports, and proto and listen if named, of a canonical {ports, proto, listen} as a forward without targets. */
static struct forward *selector_forward(const struct node *occupies, struct diag *diag)
{
	_cleanup_(forward_unrefp) struct forward *f = forward_new();
	const struct node *ports = doc_get(occupies, "ports"), *proto = doc_get(occupies, "proto");
	const struct node *listen = doc_get(occupies, "listen");
	size_t before = diag_count(diag);

	f->ports = xcalloc(ports ? ports->n : 1, sizeof(*f->ports));
	for (size_t i = 0; ports && ports->type == NODE_LIST && i < ports->n; i++) {
		const char *text = ports->items[i]->text ? ports->items[i]->text : "";

		if (!port_range_parse(text, &f->ports[f->n_ports++]))
			diag_add(diag, DIAG_INVALID, (struct loc){0}, "'%s' is no port: expected 80 or 8000-8010",
				 text);
	}
	if (!f->n_ports)
		diag_add(diag, DIAG_INVALID, (struct loc){0}, "neither a name nor ports are given");
	if (proto && !(proto->text && proto_parse(proto->text, &f->protos)))
		diag_add(diag, DIAG_INVALID, (struct loc){0}, "unknown proto: expected tcp, udp, tcp+udp or sctp");
	if (listen && listen->text && ip_parse(listen->text, &f->listen.addr)) {
		f->listen.kind = LISTEN_ADDRESS;
	} else if (listen && listen->text && ifname_valid(listen->text)) {
		f->listen.kind = LISTEN_INTERFACE;
		memcpy(f->listen.ifname, listen->text, strlen(listen->text));
	} else if (listen) {
		diag_add(diag, DIAG_INVALID, (struct loc){0}, "listen: expected an address or an interface name");
	}
	return diag_count(diag) > before ? NULL : TAKE_PTR(f);
}

/* `like` has the ports; proto and listen only when the selector names them. */
static bool selected(const struct forward *f, const struct forward *like, const struct node *occupies)
{
	if (doc_get(occupies, "proto") && f->protos != like->protos)
		return false;
	if (!doc_get(occupies, "listen"))
		return true;
	return f->listen.kind == like->listen.kind && ip_cmp(&f->listen.addr, &like->listen.addr) == 0 &&
	       streq(f->listen.ifname, like->listen.ifname);
}

static void list_matches(struct diag *diag, const char *why, struct forward_entry *const *entries, size_t n)
{
	diag_add(diag, DIAG_CONFLICT, (struct loc){0}, "%s", why);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *text = forward_text(entries[i]->forward),
				      *from = change_origin(entries[i]->forward);

		diag_add(diag, DIAG_CONFLICT, (struct loc){0}, "  %s: %s (%s)", entries[i]->forward->name, text, from);
	}
}

/* The one forward that has exactly these ports; NULL with nothing in diag when nobody has any of them. */
static struct forward_entry *find_by_ports(const struct gwd *g, const struct node *occupies, struct diag *diag)
{
	_cleanup_(forward_unrefp) struct forward *like = selector_forward(occupies, diag);
	struct forward_entry *exact[MATCHES_MAX], *partly[MATCHES_MAX];
	size_t n_exact = 0, n_partly = 0;

	if (!like)
		return NULL;
	for (struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		if (!selected(e->forward, like, occupies) || !forward_ports_overlap(e->forward, like))
			continue;
		if (same_ports(e->forward, like)) {
			if (n_exact < MATCHES_MAX)
				exact[n_exact++] = e;
		} else if (n_partly < MATCHES_MAX) {
			partly[n_partly++] = e;
		}
	}
	if (n_exact == 1)
		return exact[0];
	if (n_exact)
		list_matches(diag, "several forwards match; name one of them:", exact, n_exact);
	else if (n_partly)
		list_matches(diag, "no forward has exactly these ports; name the one that is meant:", partly, n_partly);
	return NULL;
}

int gwd_remove(struct gwd *g, const struct selector *selector, const struct request_options *options,
	       struct outcome *ret, struct diag *diag)
{
	_cleanup_(draft_free) struct draft d = {0};
	struct forward_entry *e;
	_cleanup_(freep) char *text = NULL;
	int r = change_allowed(g, diag);

	if (r < 0)
		return r;
	e = selector->name ? forwards_by_name(g->world->forwards, selector->name)
			   : find_by_ports(g, selector->occupies, diag);
	if (!e) {
		if (diag_failed(diag))
			return -EINVAL;
		outcome_say(ret, selector->name ? xasprintf("%s: not there", selector->name) : xstrdup("not there"));
		return 0;
	}
	if (forward_declared(e->forward))
		return change_refuse_declared(diag, e->forward, "remove");
	change_draft_remove(&d, e);
	text = forward_text(e->forward);
	return change_finish(g, &d, xasprintf("removed %s: %s", e->forward->name, text), options, ret, diag);
}
