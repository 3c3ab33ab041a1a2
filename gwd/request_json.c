/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One function per type of the interface description, in its order; members that are unset are left out. */
#include "request_json.h"

#include <unistd.h>

#include "config_print.h"
#include "util.h"
#include "varlink.h"

json_t *request_texts(char *const *texts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, varlink_text(texts[i]));
	return list;
}

static json_t *lines(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t len = strcspn(text, "\n");
		_cleanup_(freep) char *line = xstrndup(text, len);

		json_array_append_new(list, varlink_text(line));
		text += len + (text[len] != '\0');
	}
	return list;
}

json_t *request_outcome(const struct outcome *outcome, const struct diag *diag)
{
	json_t *ret = json_pack("{s:o, s:o, s:b}", "messages", request_texts(outcome->messages, outcome->n_messages),
				"warnings", request_texts(diag->warnings, diag->n_warnings), "changed",
				(int)outcome->changed);

	if (outcome->revision)
		json_object_set_new(ret, "revision", json_integer(outcome->revision));
	if (outcome->plan)
		json_object_set_new(ret, "plan", lines(outcome->plan));
	return ret;
}

static json_t *origin(const struct forward *forward)
{
	_cleanup_(freep) char *text = NULL;

	if (!forward_declared(forward))
		return json_string("runtime");
	text = xasprintf("%s:%u", forward->loc.file, forward->loc.line);
	return varlink_text(text);
}

/* NULL: every target is ready. New reference. */
static json_t *orders(const struct forward *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n_targets; i++) {
		const struct target *t = &f->targets[i];
		_cleanup_(freep) char *text = target_text(f, t);

		if (t->state != TARGET_READY)
			json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "target", text, "state",
							      target_states[t->state], "uid",
							      (json_int_t)t->ordered_uid, "time",
							      (json_int_t)t->ordered_time));
	}
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}

static json_t *traffic(const struct traffic_target *t)
{
	const struct traffic_counts *c = &t->told;
	json_t *ret = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "connections", (json_int_t)c->connections, "live",
				(json_int_t)t->live, "packets_in", (json_int_t)c->packets[FROM_CLIENT], "packets_out",
				(json_int_t)c->packets[TO_CLIENT], "bytes_in", (json_int_t)c->bytes[FROM_CLIENT],
				"bytes_out", (json_int_t)c->bytes[TO_CLIENT]);

	if (t->seen)
		json_object_set_new(ret, "last_seen", json_integer(t->seen));
	return ret;
}

static json_t *all_traffic(const struct forward_view *view)
{
	const struct traffic_row row = {.targets = view->traffic, .n = view->n_traffic};
	struct traffic_target sum = traffic_sum(&row);

	return traffic(&sum);
}

/* What passed through a target that the forward has, and removes it from the list; nothing, if nothing did. */
static json_t *target_traffic(const struct forward *f, const struct target *t, struct traffic_target *list, size_t *n)
{
	_cleanup_(freep) char *text = target_text(f, t);
	struct traffic_target found = {0};

	for (size_t i = 0; i < *n; i++) {
		if (ip_cmp(&list[i].addr, &t->addr) != 0 || list[i].ports.first != t->ports.first ||
		    list[i].ports.last != t->ports.last)
			continue;
		found = list[i];
		memmove(&list[i], &list[i + 1], (--*n - i) * sizeof(*list));
		break;
	}
	return json_pack("{s:s, s:o}", "target", text, "traffic", traffic(&found));
}

static json_t *former_traffic(const struct forward *f, const struct traffic_target *t)
{
	const struct target like = {.addr = t->addr, .ports = t->ports};
	_cleanup_(freep) char *text = t->addr.family ? target_text(f, &like) : xstrdup("others");

	return json_pack("{s:s, s:b, s:o}", "target", text, "former", 1, "traffic", traffic(t));
}

static json_t *missing(const struct forward_view *view)
{
	static const char *const reasons[] = {
		[TRAFFIC_LOST] = "lost", [TRAFFIC_DOWN] = "down", [TRAFFIC_UNCOUNTED] = "uncounted"};
	json_t *list = json_array();

	for (size_t i = 0; i < TRAFFIC_MISSED_KINDS; i++)
		if (view->missed[i].to)
			json_array_append_new(list,
					      json_pack("{s:s, s:I, s:I}", "reason", reasons[i], "from",
							(json_int_t)view->missed[i].from, "to",
							(json_int_t)view->missed[i].to));
	return list;
}

json_t *request_stats(const struct forward_view *view)
{
	const struct forward *f = view->forward;
	json_t *targets = json_array(), *ret;
	_cleanup_(freep) struct traffic_target *list = xcalloc(view->n_traffic + 1, sizeof(*list));
	size_t n = view->n_traffic;

	if (n)
		memcpy(list, view->traffic, n * sizeof(*list));
	for (size_t i = 0; i < f->n_targets; i++)
		json_array_append_new(targets, target_traffic(f, &f->targets[i], list, &n));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(targets, former_traffic(f, &list[i]));
	ret = json_pack("{s:s, s:o, s:o, s:o}", "name", f->name, "traffic", all_traffic(view), "targets", targets,
			"missing", missing(view));
	if (view->since)
		json_object_set_new(ret, "since", json_integer(view->since));
	return ret;
}

static json_t *end_text(const struct ip *ip, uint16_t port)
{
	char text[ADDR_TEXT_MAX];

	ip_text(ip, text);
	return json_sprintf(ip->family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

json_t *request_flow(const struct flow_view *f)
{
	const char *proto = "";

	for (size_t i = 0; i < PROTO_COUNT; i++)
		proto = proto_numbers[i] == f->proto ? proto_names[i] : proto;
	json_t *ret = json_pack("{s:s, s:s, s:o, s:o, s:o, s:I}", "forward", f->forward->name, "proto", proto, "client",
				end_text(&f->from, f->from_port), "listen", end_text(&f->to, f->to_port), "target",
				end_text(&f->server, f->server_port), "timeout", (json_int_t)f->timeout);
	if (f->state)
		json_object_set_new(ret, "state", json_string(f->state));
	if (f->began)
		json_object_set_new(ret, "since", json_integer(f->began));
	if (f->counted) {
		json_object_set_new(ret, "packets_in", json_integer((json_int_t)f->packets[FROM_CLIENT]));
		json_object_set_new(ret, "packets_out", json_integer((json_int_t)f->packets[TO_CLIENT]));
		json_object_set_new(ret, "bytes_in", json_integer((json_int_t)f->bytes[FROM_CLIENT]));
		json_object_set_new(ret, "bytes_out", json_integer((json_int_t)f->bytes[TO_CLIENT]));
	}
	return ret;
}

json_t *request_forward(const struct forward_view *view)
{
	static const char *const states[] = {
		[FORWARD_ACTIVE] = "active", [FORWARD_OFF] = "off", [FORWARD_HELD] = "held"};
	static const char *const lifetimes[] = {[LIFETIME_TEMPORARY] = "temporary", [LIFETIME_HELD] = "held open"};
	json_t *ret = json_pack("{s:o, s:s, s:o}", "service", config_forward_json(view->forward), "state",
				states[view->state], "origin", origin(view->forward));

	if (view->counted)
		json_object_set_new(ret, "traffic", all_traffic(view));
	if (view->forward->lifetime != LIFETIME_DURABLE)
		json_object_set_new(ret, "lifetime", json_string(lifetimes[view->forward->lifetime]));
	if (view->reason)
		json_object_set_new(ret, "reason", varlink_text(view->reason));
	json_object_set_new(ret, "orders", orders(view->forward)); /* NULL is left out */
	if (view->sees.n)
		json_object_set_new(ret, "sees", request_texts(view->sees.items, view->sees.n));
	return ret;
}

json_t *request_openings(const struct opening_view *views, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct opening *o = &views[i].opening;
		_cleanup_(freep) char *place = opening_place(o);
		json_t *row = json_pack("{s:o, s:o}", "opening", config_opening_json(o), "origin", varlink_text(place));

		if (views[i].reason)
			json_object_set_new(row, "reason", varlink_text(views[i].reason));
		if (o->lifetime == LIFETIME_TEMPORARY)
			json_object_set_new(row, "temporary", json_true());
		json_array_append_new(list, row);
	}
	return list;
}

json_t *request_pending(const struct gwd *g)
{
	int64_t seconds;
	const struct pending *p = gwd_pending(g, &seconds);
	json_t *ret;

	if (!p)
		return NULL;
	ret = json_pack("{s:o, s:I, s:I, s:I}", "what", varlink_text(p->what), "seconds", (json_int_t)seconds, "uid",
			(json_int_t)p->who.uid, "pid", (json_int_t)p->who.pid);
	if (p->revision)
		json_object_set_new(ret, "revision", json_integer(p->revision));
	return ret;
}

json_t *request_revision(const struct revision *revision, bool current)
{
	json_t *ret =
		json_pack("{s:I, s:I, s:I, s:I, s:o, s:b}", "id", (json_int_t)revision->id, "time",
			  (json_int_t)revision->time, "uid", (json_int_t)revision->who.uid, "pid",
			  (json_int_t)revision->who.pid, "what", varlink_text(revision->what), "current", (int)current);

	if (revision->reverses)
		json_object_set_new(ret, "reverses", json_integer(revision->reverses));
	return ret;
}

static json_t *addresses(const struct topology *topology, const struct interface *interface)
{
	json_t *list = json_array();
	char ip[ADDR_TEXT_MAX];

	for (size_t i = 0; i < topology->n_addresses; i++) {
		const struct local_address *address = &topology->addresses[i];
		_cleanup_(freep) char *text = NULL;

		if (!streq(address->ifname, interface->name))
			continue;
		text = xasprintf("%s/%u", ip_text(&address->ip, ip), address->prefix_len);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static const char *why(const struct interface *interface)
{
	if (interface->zone == ZONE_NONE)
		return interface->former ? "former wan" : NULL;
	if (!interface->from_route)
		return "file";
	return interface->present ? "default-route" : "remembered";
}

static json_t *interfaces(const struct topology *topology)
{
	json_t *list = json_array();

	for (size_t i = 0; topology && i < topology->n_interfaces; i++) {
		const struct interface *interface = &topology->interfaces[i];
		json_t *item = json_pack("{s:o, s:s, s:b, s:o}", "name", varlink_text(interface->name), "zone",
					 zone_name(interface->zone), "present", (int)interface->present, "addresses",
					 addresses(topology, interface));

		if (why(interface))
			json_object_set_new(item, "why", json_string(why(interface)));
		json_array_append_new(list, item);
	}
	return list;
}

static json_t *firewalls(const struct gwd_status *now)
{
	json_t *list = json_array();

	for (size_t i = 0; i < now->n_firewalls; i++) {
		const struct gwd_firewall *f = &now->firewalls[i];

		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:s, s:b, s:I, s:o}", "tool", f->tool, "table",
						      varlink_text(f->table), "chain", varlink_text(f->chain), "hook",
						      f->hook, "certain", (int)f->certain, "count", (json_int_t)f->n,
						      "remedy", varlink_text(f->remedy)));
	}
	return list;
}

static json_t *drift(const struct gwd_status *now)
{
	json_t *list = json_array();

	for (size_t i = 0; i < now->n_drift; i++) {
		const struct gwd_drift *d = &now->drift[i];
		json_t *item = json_pack("{s:s, s:I, s:I, s:b}", "what", d->what, "repaired", (json_int_t)d->repaired,
					 "time", (json_int_t)d->time, "stopped", (int)d->stopped);

		if (d->culprit.pid) {
			json_object_set_new(item, "program", varlink_text(d->culprit.program));
			json_object_set_new(item, "pid", json_integer((json_int_t)d->culprit.pid));
		}
		json_array_append_new(list, item);
	}
	return list;
}

static const char *forwarding(const struct gwd_status *now, size_t family)
{
	if (!now->forwarding[family])
		return "off";
	return now->raised[family] ? "on by gwd" : "on, not by gwd";
}

static json_t *listeners(const struct listeners *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:I, s:I}", "proto", proto_text(l->items[i].proto), "port",
						(json_int_t)l->items[i].port, "uid", (json_int_t)l->items[i].uid,
						"inode", (json_int_t)l->items[i].inode));
	return list;
}

json_t *request_status(const struct gwd_status *now, const struct listeners *reachable, const struct diag *diag)
{
	static const struct diag none;
	const struct diag *file = now->file_mistakes ? now->file_mistakes : &none;
	json_t *ret = json_pack("{s:s, s:I, s:o, s:s, s:s, s:I, s:I, s:I, s:b, s:b, s:o, s:o}", "version", GWD_VERSION,
				"pid", (json_int_t)getpid(), "interfaces", interfaces(now->topology), "forwarding4",
				forwarding(now, 0), "forwarding6", forwarding(now, 1), "active",
				(json_int_t)now->active, "off", (json_int_t)now->off, "held", (json_int_t)now->held,
				"table", (int)now->table, "file_in_force", (int)now->file_in_force, "mistakes",
				varlink_mistakes(file), "warnings", request_texts(diag->warnings, diag->n_warnings));

	json_object_set_new(ret, "file", varlink_text(now->file));
	json_object_set_new(ret, "ownership", json_string(now->ownership));
	json_object_set_new(ret, "drift", drift(now));
	json_object_set_new(ret, "firewalls", firewalls(now));
	json_object_set_new(ret, "protected", json_boolean(now->protected));
	json_object_set_new(ret, "reachable", listeners(reachable));
	if (now->revision)
		json_object_set_new(ret, "revision", json_integer(now->revision));
	if (now->last_error)
		json_object_set_new(ret, "last_error", varlink_text(now->last_error));
	json_object_set_new(ret, "netlink_batches", json_integer((json_int_t)now->netlink->batches));
	json_object_set_new(ret, "netlink_messages", json_integer((json_int_t)now->netlink->messages));
	json_object_set_new(ret, "netlink_elements", json_integer((json_int_t)now->netlink->elements));
	json_object_set_new(ret, "netlink_dumps", json_integer((json_int_t)now->netlink->dumps));
	return ret;
}

static json_t *imported(const struct import *im, enum import_kind kind)
{
	json_t *list = json_array();

	for (size_t i = 0; i < im->n; i++) {
		const struct import_item *item = &im->items[i];
		json_t *json;

		if (item->kind != kind)
			continue;
		json = json_pack("{s:o, s:o}", "rule", varlink_text(item->rule), "origin", varlink_text(item->origin));
		if (item->forward)
			json_object_set_new(json, "service", config_forward_json(item->forward));
		if (item->why)
			json_object_set_new(json, "why", varlink_text(item->why));
		json_array_append_new(list, json);
	}
	return list;
}

json_t *request_import(const struct import *im)
{
	_cleanup_(freep) char *yaml = import_yaml(im);

	return json_pack("{s:o, s:o, s:o, s:o}", "yaml", varlink_text(yaml), "services", imported(im, IMPORT_SERVICE),
			 "not_expressed", imported(im, IMPORT_NOT_EXPRESSED), "left_alone",
			 imported(im, IMPORT_LEFT_ALONE));
}
