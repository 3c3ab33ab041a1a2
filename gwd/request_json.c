/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One function per type of the interface description, in its order; members that are unset are left out. */
#include "request_json.h"

#include <unistd.h>

#include "config_print.h"
#include "util.h"
#include "varlink.h"

static void put_lines(struct buf *out, const char *key, const char *text)
{
	jput_list(out, key);
	while (*text) {
		size_t len = strcspn(text, "\n");
		_cleanup_(freep) char *line = xstrndup(text, len);

		jput_text(out, NULL, line);
		text += len + (text[len] != '\0');
	}
	jput_end(out, ']');
}

void request_outcome(struct buf *out, const char *key, const struct outcome *outcome, const struct diag *diag)
{
	jput_object(out, key);
	jput_texts(out, "messages", outcome->messages, outcome->n_messages);
	jput_texts(out, "warnings", diag->warnings, diag->n_warnings);
	jput_bool(out, "changed", outcome->changed);
	jput_nonzero(out, "revision", outcome->revision);
	if (outcome->plan)
		put_lines(out, "plan", outcome->plan);
	jput_end(out, '}');
}

static void put_origin(struct buf *out, const struct forward *forward)
{
	_cleanup_(freep) char *place = forward_declared(forward) ? forward_place(forward) : NULL;

	jput_text(out, "origin", place ? place : "runtime");
}

/* Nothing, if every target is ready. */
static void put_orders(struct buf *out, const struct forward *f)
{
	bool any = false;

	for (size_t i = 0; i < f->n_targets; i++) {
		const struct target *t = &f->targets[i];
		_cleanup_(freep) char *text = t->state == TARGET_READY ? NULL : target_text(f, t);

		if (!text)
			continue;
		if (!any)
			jput_list(out, "orders");
		any = true;
		jput_object(out, NULL);
		jput_text(out, "target", text);
		jput_text(out, "state", target_states[t->state]);
		jput_number(out, "uid", t->ordered_uid);
		jput_number(out, "time", t->ordered_time);
		jput_end(out, '}');
	}
	if (any)
		jput_end(out, ']');
}

static void put_traffic(struct buf *out, const struct traffic_target *t)
{
	const struct traffic_counts *c = &t->told;

	jput_object(out, "traffic");
	jput_number(out, "connections", (int64_t)c->connections);
	jput_number(out, "live", (int64_t)t->live);
	jput_number(out, "packets_in", (int64_t)c->packets[FROM_CLIENT]);
	jput_number(out, "packets_out", (int64_t)c->packets[TO_CLIENT]);
	jput_number(out, "bytes_in", (int64_t)c->bytes[FROM_CLIENT]);
	jput_number(out, "bytes_out", (int64_t)c->bytes[TO_CLIENT]);
	jput_nonzero(out, "last_seen", t->seen);
	jput_end(out, '}');
}

static void put_all_traffic(struct buf *out, const struct forward_view *view)
{
	const struct traffic_row row = {.targets = view->traffic, .n = view->n_traffic};
	struct traffic_target sum = traffic_sum(&row);

	put_traffic(out, &sum);
}

static bool is_target(const struct traffic_target *passed, const struct target *t)
{
	return ip_cmp(&passed->addr, &t->addr) == 0 && passed->ports.first == t->ports.first &&
	       passed->ports.last == t->ports.last;
}

static struct target_stats former_stats(const struct forward *f, const struct traffic_target *t)
{
	const struct target like = {.addr = t->addr, .ports = t->ports};

	return (struct target_stats){t->addr.family ? target_text(f, &like) : xstrdup("others"), true, *t};
}

struct target_stats *request_target_stats(const struct forward_view *view, size_t *ret_n)
{
	const struct forward *f = view->forward;
	struct target_stats *list = xcalloc(f->n_targets + view->n_traffic, sizeof(*list));
	_cleanup_(freep) bool *told = xcalloc(view->n_traffic + 1, sizeof(*told));
	size_t n = 0;

	for (; n < f->n_targets; n++) {
		size_t i = 0;

		list[n].target = target_text(f, &f->targets[n]);
		while (i < view->n_traffic && (told[i] || !is_target(&view->traffic[i], &f->targets[n])))
			i++;
		if (i == view->n_traffic)
			continue;
		list[n].passed = view->traffic[i];
		told[i] = true;
	}
	for (size_t i = 0; i < view->n_traffic; i++)
		if (!told[i])
			list[n++] = former_stats(f, &view->traffic[i]);
	*ret_n = n;
	return list;
}

void target_stats_free(struct target_stats *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].target);
	free(list);
}

static void put_missing(struct buf *out, const struct forward_view *view)
{
	static const char *const reasons[] = {
		[TRAFFIC_LOST] = "lost", [TRAFFIC_DOWN] = "down", [TRAFFIC_UNCOUNTED] = "uncounted"};

	jput_list(out, "missing");
	for (size_t i = 0; i < TRAFFIC_MISSED_KINDS; i++) {
		if (!view->missed[i].to)
			continue;
		jput_object(out, NULL);
		jput_text(out, "reason", reasons[i]);
		jput_number(out, "from", view->missed[i].from);
		jput_number(out, "to", view->missed[i].to);
		jput_end(out, '}');
	}
	jput_end(out, ']');
}

void request_stats(struct buf *out, const char *key, const struct forward_view *view)
{
	size_t n;
	struct target_stats *list = request_target_stats(view, &n);

	jput_object(out, key);
	jput_text(out, "name", view->forward->name);
	put_all_traffic(out, view);
	jput_list(out, "targets");
	for (size_t i = 0; i < n; i++) {
		jput_object(out, NULL);
		jput_text(out, "target", list[i].target);
		if (list[i].former)
			jput_bool(out, "former", true);
		put_traffic(out, &list[i].passed);
		jput_end(out, '}');
	}
	jput_end(out, ']');
	put_missing(out, view);
	jput_nonzero(out, "since", view->since);
	jput_end(out, '}');
	target_stats_free(list, n);
}

static void put_end(struct buf *out, const char *key, const struct ip *ip, uint16_t port)
{
	char text[ADDR_TEXT_MAX];

	ip_text(ip, text);
	jput_format(out, key, ip->family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

void request_flow(struct buf *out, const char *key, const struct flow_view *f)
{
	const char *proto = "";

	for (size_t i = 0; i < PROTO_COUNT; i++)
		proto = proto_numbers[i] == f->proto ? proto_names[i] : proto;
	jput_object(out, key);
	jput_text(out, "forward", f->forward->name);
	jput_text(out, "proto", proto);
	put_end(out, "client", &f->from, f->from_port);
	put_end(out, "listen", &f->to, f->to_port);
	put_end(out, "target", &f->server, f->server_port);
	jput_number(out, "timeout", f->timeout);
	jput_text(out, "state", f->state);
	jput_nonzero(out, "since", f->began);
	if (f->counted) {
		jput_number(out, "packets_in", (int64_t)f->packets[FROM_CLIENT]);
		jput_number(out, "packets_out", (int64_t)f->packets[TO_CLIENT]);
		jput_number(out, "bytes_in", (int64_t)f->bytes[FROM_CLIENT]);
		jput_number(out, "bytes_out", (int64_t)f->bytes[TO_CLIENT]);
	}
	jput_end(out, '}');
}

void request_forward(struct buf *out, const char *key, const struct forward_view *view)
{
	static const char *const states[] = {
		[FORWARD_ACTIVE] = "active", [FORWARD_OFF] = "off", [FORWARD_HELD] = "held"};
	static const char *const lifetimes[] = {[LIFETIME_TEMPORARY] = "temporary", [LIFETIME_HELD] = "held open"};

	jput_object(out, key);
	config_forward_json(out, "service", view->forward);
	jput_text(out, "state", states[view->state]);
	put_origin(out, view->forward);
	if (view->counted)
		put_all_traffic(out, view);
	if (view->forward->lifetime != LIFETIME_DURABLE)
		jput_text(out, "lifetime", lifetimes[view->forward->lifetime]);
	jput_text(out, "reason", view->reason);
	put_orders(out, view->forward);
	if (view->sees.n)
		jput_texts(out, "sees", view->sees.items, view->sees.n);
	jput_end(out, '}');
}

void request_openings(struct buf *out, const char *key, const struct opening_view *views, size_t n)
{
	jput_list(out, key);
	for (size_t i = 0; i < n; i++) {
		const struct opening *o = &views[i].opening;
		_cleanup_(freep) char *place = opening_place(o);

		jput_object(out, NULL);
		config_opening_json(out, "opening", o);
		jput_text(out, "origin", place);
		jput_text(out, "reason", views[i].reason);
		if (o->lifetime == LIFETIME_TEMPORARY)
			jput_bool(out, "temporary", true);
		jput_end(out, '}');
	}
	jput_end(out, ']');
}

void request_pending(struct buf *out, const char *key, const struct gwd *g)
{
	int64_t seconds;
	const struct pending *p = gwd_pending(g, &seconds);

	if (!p)
		return;
	jput_object(out, key);
	jput_text(out, "what", p->what);
	jput_number(out, "seconds", seconds > 0 ? seconds : 0);
	jput_bool(out, "taken_back", seconds < 0);
	jput_bool(out, "declared", p->declared);
	jput_number(out, "uid", p->who.uid);
	jput_number(out, "pid", p->who.pid);
	jput_nonzero(out, "revision", p->revision);
	jput_end(out, '}');
}

static void put_addresses(struct buf *out, const struct topology *topology, const struct interface *interface)
{
	char ip[ADDR_TEXT_MAX];

	jput_list(out, "addresses");
	for (size_t i = 0; i < topology->n_addresses; i++) {
		const struct local_address *address = &topology->addresses[i];

		if (streq(address->ifname, interface->name))
			jput_format(out, NULL, "%s/%u", ip_text(&address->ip, ip), address->prefix_len);
	}
	jput_end(out, ']');
}

static const char *why(const struct interface *interface)
{
	if (interface->zone == ZONE_NONE)
		return interface->former ? "former wan" : NULL;
	if (!interface->from_route)
		return "file";
	return interface->present ? "default-route" : "remembered";
}

static void put_interfaces(struct buf *out, const struct topology *topology)
{
	jput_list(out, "interfaces");
	for (size_t i = 0; topology && i < topology->n_interfaces; i++) {
		const struct interface *interface = &topology->interfaces[i];

		jput_object(out, NULL);
		jput_text(out, "name", interface->name);
		jput_text(out, "zone", zone_name(interface->zone));
		jput_bool(out, "present", interface->present);
		put_addresses(out, topology, interface);
		jput_text(out, "why", why(interface));
		jput_end(out, '}');
	}
	jput_end(out, ']');
}

void request_remedy(struct buf *out, const struct remedy *r)
{
	jput_text(out, "remedy", r->command);
	jput_text(out, "lasting", r->lasting);
	jput_text(out, "advice", r->advice);
}

static void put_firewalls(struct buf *out, const struct gwd_status *now)
{
	jput_list(out, "firewalls");
	for (size_t i = 0; i < now->n_firewalls; i++) {
		const struct gwd_firewall *f = &now->firewalls[i];

		jput_object(out, NULL);
		jput_text(out, "tool", f->tool);
		jput_text(out, "table", f->table);
		jput_text(out, "chain", f->chain);
		jput_text(out, "hook", f->hook);
		jput_bool(out, "certain", f->certain);
		jput_number(out, "count", (int64_t)f->n);
		request_remedy(out, &f->remedy);
		jput_end(out, '}');
	}
	jput_end(out, ']');
}

static void put_drift(struct buf *out, const struct gwd_status *now)
{
	jput_list(out, "drift");
	for (size_t i = 0; i < now->n_drift; i++) {
		const struct gwd_drift *d = &now->drift[i];

		jput_object(out, NULL);
		jput_text(out, "what", d->what);
		jput_number(out, "repaired", (int64_t)d->repaired);
		jput_number(out, "time", d->time);
		jput_bool(out, "stopped", d->stopped);
		if (d->culprit.pid) {
			jput_text(out, "program", d->culprit.program);
			jput_number(out, "pid", d->culprit.pid);
		}
		jput_end(out, '}');
	}
	jput_end(out, ']');
}

static const char *forwarding(const struct gwd_status *now, size_t family)
{
	if (!now->forwarding[family])
		return "off";
	return now->raised[family] ? "on by gwd" : "on, not by gwd";
}

static void put_listeners(struct buf *out, const struct listeners *l)
{
	jput_list(out, "reachable");
	for (size_t i = 0; i < l->n; i++) {
		jput_object(out, NULL);
		jput_text(out, "proto", proto_text(l->items[i].proto));
		jput_number(out, "port", l->items[i].port);
		jput_number(out, "uid", l->items[i].uid);
		jput_number(out, "inode", (int64_t)l->items[i].inode);
		jput_end(out, '}');
	}
	jput_end(out, ']');
}

void request_status(struct buf *out, const struct gwd_status *now, const struct listeners *reachable,
		    const struct diag *diag)
{
	static const struct diag none;

	jput_text(out, "version", GWD_VERSION);
	jput_number(out, "pid", getpid());
	put_interfaces(out, now->topology);
	jput_text(out, "forwarding4", forwarding(now, 0));
	jput_text(out, "forwarding6", forwarding(now, 1));
	jput_number(out, "active", (int64_t)now->active);
	jput_number(out, "off", (int64_t)now->off);
	jput_number(out, "held", (int64_t)now->held);
	jput_bool(out, "table", now->table);
	jput_bool(out, "file_in_force", now->file_in_force);
	varlink_mistakes(out, "mistakes", now->file_mistakes ? now->file_mistakes : &none);
	jput_texts(out, "warnings", diag->warnings, diag->n_warnings);
	jput_text(out, "file", now->file);
	jput_text(out, "ownership", now->ownership);
	put_drift(out, now);
	put_firewalls(out, now);
	jput_bool(out, "protected", now->protected);
	put_listeners(out, reachable);
	jput_nonzero(out, "revision", now->revision);
	jput_nonzero(out, "file_unconfirmed", now->file_unconfirmed);
	jput_text(out, "last_error", now->last_error);
	jput_number(out, "netlink_batches", (int64_t)now->netlink->batches);
	jput_number(out, "netlink_messages", (int64_t)now->netlink->messages);
	jput_number(out, "netlink_elements", (int64_t)now->netlink->elements);
	jput_number(out, "netlink_dumps", (int64_t)now->netlink->dumps);
}

static void put_imported(struct buf *out, const char *key, const struct import *im, enum import_kind kind)
{
	jput_list(out, key);
	for (size_t i = 0; i < im->n; i++) {
		const struct import_item *item = &im->items[i];

		if (item->kind != kind)
			continue;
		jput_object(out, NULL);
		jput_text(out, "rule", item->rule);
		jput_text(out, "origin", item->origin);
		if (item->forward)
			config_forward_json(out, "service", item->forward);
		jput_text(out, "why", item->why);
		jput_end(out, '}');
	}
	jput_end(out, ']');
}

void request_import(struct buf *out, const struct import *im)
{
	_cleanup_(freep) char *yaml = import_yaml(im);

	jput_text(out, "yaml", yaml);
	put_imported(out, "services", im, IMPORT_SERVICE);
	put_imported(out, "not_expressed", im, IMPORT_NOT_EXPRESSED);
	put_imported(out, "left_alone", im, IMPORT_LEFT_ALONE);
}
