/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a connection arrives, and what our own rules make of it: arrival.h says what they do, this says why, and names
 * the forward that was meant where none takes it. */
#include "why.h"

#include "config_print.h"
#include "gwd_expire.h"
#include "listeners.h"
#include "timestamp.h"

/* ---- What is meant --------------------------------------------------------------------------------- */

static bool has_port(const struct forward *f, uint16_t port)
{
	for (size_t i = 0; i < f->n_ports; i++)
		if (port >= f->ports[i].first && port <= f->ports[i].last)
			return true;
	return false;
}

static bool meant(const struct forward *f, const struct why_question *q)
{
	uint8_t family = q->to.family ? q->to.family : q->from.family;

	return (f->protos & q->proto) && has_port(f, q->port) && (!family || f->family == family);
}

/* The forward says that it would take connections to this address. */
static bool listens_at(const struct walk *w, const struct forward *f, const struct ip *to)
{
	const struct local_address *own = topology_address(w->gwd->topology, to);
	const struct interface *in = own ? topology_interface(w->gwd->topology, own->ifname) : NULL;

	if (f->listen.kind == LISTEN_ADDRESS)
		return ip_cmp(&f->listen.addr, to) == 0;
	if (f->listen.kind == LISTEN_INTERFACE)
		return own && streq(own->ifname, f->listen.ifname);
	return in && in->zone == ZONE_WAN;
}

/* One that acts before one that does not, one that listens there before one that does not. */
static int fitness(const struct walk *w, const struct forward_entry *e)
{
	const struct ip *to = &w->asked->to;

	if (!meant(e->forward, w->asked))
		return 0;
	if (!to->family)
		return e->active ? 4 : e->shadowed ? 1 : 2;
	if (e->active && arrival_forward(&w->rules, to, w->asked->proto, w->asked->port) == e->forward)
		return 5;
	return listens_at(w, e->forward, to) ? (e->shadowed ? 3 : 4) : e->active ? 2 : 1;
}

static const struct forward_entry *find_entry(const struct walk *w)
{
	const struct forward_entry *best = NULL;
	int fits = 0;

	for (const struct forward_entry *e = forwards_first(w->gwd->world->forwards); e; e = e->next) {
		int fit = fitness(w, e);

		if (fit <= fits)
			continue;
		fits = fit;
		best = e;
	}
	return best;
}

bool why_outside(const struct walk *w, const char *ifname)
{
	const struct interface *in = topology_interface(w->gwd->topology, ifname);

	return in && in->zone == ZONE_WAN;
}

/* An address of ours at which the forward, or whatever listens outside, is reached, best where the default route is;
 * family 0: there is none. */
static struct ip entrance(const struct walk *w)
{
	const struct forward *f = w->entry ? w->entry->forward : NULL;
	const struct topology *t = w->gwd->topology;
	uint8_t family = f ? f->family : w->asked->from.family;
	struct ip first = {0};
	struct route out = {0};

	if (f && f->listen.kind == LISTEN_ADDRESS)
		return f->listen.addr;
	for (size_t i = 0; i < t->n_addresses; i++) {
		const struct local_address *a = &t->addresses[i];

		if ((family && a->ip.family != family) ||
		    !(f && f->listen.kind == LISTEN_INTERFACE ? streq(f->listen.ifname, a->ifname)
							      : why_outside(w, a->ifname)))
			continue;
		if (!first.family && !why_way_out(a->ip.family, &out))
			return a->ip;
		family = a->ip.family;
		if (streq(a->ifname, why_ifname(w, out.ifindex)) && ip_kind(&a->ip) != IP_LINK_LOCAL)
			return a->ip;
		if (!first.family)
			first = a->ip;
	}
	return first;
}

static const char *first_outside(const struct topology *t)
{
	for (size_t i = 0; i < t->n_interfaces; i++)
		if (t->interfaces[i].zone == ZONE_WAN && t->interfaces[i].present)
			return t->interfaces[i].name;
	return "";
}

static const char *way_in(const struct walk *w)
{
	const struct topology *t = w->gwd->topology;
	const struct local_address *own = topology_address(t, &w->to);
	const char *in = "";

	if (w->from.family && ip_kind(&w->from) == IP_LOOPBACK)
		in = "lo";
	else if (w->from.family)
		in = arrival_interface(t, &w->from, &w->to);
	else if (own)
		in = own->ifname;
	return *in ? in : first_outside(t);
}

void why_resolve(struct walk *w)
{
	const char *in;

	if (!w->entry)
		w->entry = find_entry(w);
	w->from = w->asked->from;
	w->to = w->asked->to.family ? w->asked->to : entrance(w);
	in = way_in(w);
	memcpy(w->in, in, strlen(in) + 1);
}

/* ---- The address ----------------------------------------------------------------------------------- */

static const char step_address[] = "address";

/* "ip addr add 203.0.113.5/24 dev wan": into the network that it is of, or else by itself. */
static struct remedy add_address(const struct walk *w)
{
	const struct local_address *near = topology_neighbour(w->gwd->topology, &w->to, NULL);
	size_t len = near ? near->prefix_len : ip_len(&w->to) * 8;
	char text[ADDR_TEXT_MAX];

	char *command = xasprintf("ip addr add %s/%zu dev %s", ip_text(&w->to, text), len,
				  near     ? near->ifname
				  : *w->in ? w->in
					   : "INTERFACE");

	return near || *w->in ? remedy_command(command) : remedy_advice(command);
}

/* What a router in front of us has to do, where the world does not know our own addresses. */
static bool behind_router(const struct walk *w, struct ip *ret)
{
	static const struct {
		uint8_t first, mask, second, len;
	} private[] = {{10, 0, 0, 0}, {172, 0xf0, 16, 0}, {192, 0xff, 168, 0}, {100, 0xc0, 64, 0}};
	struct ip own = entrance(w);

	*ret = own;
	for (size_t i = 0; own.family == AF_INET && i < ARRAY_SIZE(private); i++)
		if (own.bytes[0] == private[i].first && (own.bytes[1] & private[i].mask) == private[i].second)
			return true;
	return false;
}

static bool is_target(const struct walk *w, const struct ip *ip)
{
	for (const struct forward_entry *e = forwards_first(w->gwd->world->forwards); e; e = e->next)
		for (size_t i = 0; i < e->forward->n_targets; i++)
			if (ip_cmp(&e->forward->targets[i].addr, ip) == 0)
				return true;
	return false;
}

/* The interface behind which the kernel would look for it, unless that is outside; "": there is none. */
static const char *inside_of(const struct walk *w)
{
	const struct local_address *near = topology_neighbour(w->gwd->topology, &w->to, NULL);
	struct route r;

	if (near)
		return near->ifname;
	if (route_get(&(struct route_packet){.to = w->to}, &r) < 0 || r.error ||
	    why_outside(w, why_ifname(w, r.ifindex)))
		return "";
	return why_ifname(w, r.ifindex);
}

/* An address that is not for us to take: nobody can have it, or somebody else may have it already. One that a forward
 * listens on is meant to be ours. */
static bool not_for_us(struct walk *w)
{
	const char *nobody = why_no_host(w, &w->to);
	const char *inside = inside_of(w);
	bool listens = w->entry && w->entry->forward->listen.kind == LISTEN_ADDRESS &&
		       ip_cmp(&w->entry->forward->listen.addr, &w->to) == 0;
	bool target = is_target(w, &w->to);
	struct ip own = listens ? (struct ip){0} : entrance(w);
	char text[ADDR_TEXT_MAX], own_text[ADDR_TEXT_MAX];

	if (!nobody && !target && (!*inside || listens))
		return false;
	ip_text(&w->to, text);
	checks_add_remedy(&w->ret->checks, step_address, VERDICT_FAIL,
			  nobody   ? xasprintf("%s is %s, which no host has", text, nobody)
			  : target ? xasprintf("%s is a target's own address, not one of this gateway", text)
				   : xasprintf("%s is another host's address behind %s, or nobody's", text, inside),
			  listens ? why_advise(w->entry->forward, "--listen ADDR", "another `listen:`")
				  : remedy_advice(own.family ? xasprintf("connect to %s, which is this gateway",
									 ip_text(&own, own_text))
							     : xstrdup("connect to an address of this gateway")));
	return true;
}

static bool foreign_address(struct walk *w)
{
	char text[ADDR_TEXT_MAX], own_text[ADDR_TEXT_MAX];
	const char *proto = proto_text(w->asked->proto);
	uint16_t port = w->asked->port;
	struct ip own;

	if (not_for_us(w))
		return false;
	ip_text(&w->to, text);
	if ((w->entry && w->entry->forward->listen.kind == LISTEN_ADDRESS) || !behind_router(w, &own)) {
		checks_add_remedy(&w->ret->checks, step_address, VERDICT_FAIL,
				  xasprintf("%s is not an address of this gateway", text), add_address(w));
		return false;
	}
	ip_text(&own, own_text);
	checks_add_remedy(
		&w->ret->checks, step_address, VERDICT_MAY,
		xasprintf("%s is not an address of this gateway: a router in front of it has to send %s %u to %s", text,
			  proto, port, own_text),
		remedy_advice(xasprintf("a forward of %s %u to %s on that router", proto, port, own_text)));
	w->to = own;
	return true;
}

static bool no_address(struct walk *w)
{
	const struct forward *f = w->entry ? w->entry->forward : NULL;

	if (f && f->listen.kind == LISTEN_INTERFACE && !why_link(w, f->listen.ifname))
		checks_add_remedy(&w->ret->checks, step_address, VERDICT_FAIL,
				  xasprintf("%s, on which %s listens, does not exist", f->listen.ifname, f->name),
				  why_advise(f, "--listen INTERFACE", "another `listen:`"));
	else if (f && f->listen.kind == LISTEN_INTERFACE)
		checks_add_remedy(&w->ret->checks, step_address, VERDICT_FAIL,
				  xasprintf("%s, on which %s listens, has no %s address", f->listen.ifname, f->name,
					    f->family == AF_INET ? "IPv4" : "IPv6"),
				  remedy_advice(xasprintf("ip addr add ADDRESS dev %s", f->listen.ifname)));
	else
		checks_add_remedy(
			&w->ret->checks, step_address, VERDICT_FAIL,
			xasprintf("no interface that faces outside has an address%s",
				  w->gwd->topology->wan_known ? "" : ", for none is known"),
			remedy_advice(w->gwd->topology->wan_known
					      ? xasprintf("ip addr add ADDRESS dev %s", *w->in ? w->in : "INTERFACE")
					      : xstrdup("wan: INTERFACE in gwd.yaml, then gwctl apply")));
	return false;
}

bool why_link_works(struct walk *w, const char *step, const char *ifname)
{
	const struct link *l = why_link(w, ifname);

	if (!l || (l->up && l->carrier))
		return true;
	checks_add_remedy(
		&w->ret->checks, step, VERDICT_FAIL,
		xasprintf("%s is %s", ifname,
			  l->up ? "without carrier: nothing is at the other end of its cable" : "down"),
		l->up ? remedy_advice(xasprintf("plug in the cable of %s, or start what is at its other end", ifname))
		      : remedy_command(xasprintf("ip link set %s up", ifname)));
	return false;
}

/* "; --to asks about 198.51.100.1 on wan2, too": an address of each other interface at which the same is reached, where
 * one of them had to be chosen. */
static char *others(const struct walk *w, const struct local_address *own)
{
	const struct topology *t = w->gwd->topology;
	_cleanup_(strings_free) struct strings seen = {0};
	struct buf out = {0};
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; !w->asked->to.family && i < t->n_addresses; i++) {
		const struct local_address *a = &t->addresses[i];

		if (a->ip.family != w->to.family || streq(a->ifname, own->ifname) || !why_outside(w, a->ifname) ||
		    strings_have(&seen, a->ifname) || ip_kind(&a->ip) == IP_LINK_LOCAL ||
		    (w->entry &&
		     arrival_forward(&w->rules, &a->ip, w->asked->proto, w->asked->port) != w->entry->forward))
			continue;
		buf_printf(&out, "%s%s on %s", seen.n ? ", " : "; --to asks about ", ip_text(&a->ip, text), a->ifname);
		strings_add(&seen, xstrdup(a->ifname));
	}
	buf_printf(&out, "%s", seen.n ? ", too" : "");
	return buf_take(&out);
}

bool why_address(struct walk *w)
{
	const struct local_address *own = topology_address(w->gwd->topology, &w->to);
	_cleanup_(freep) char *too = own ? others(w, own) : NULL;
	char text[ADDR_TEXT_MAX];

	if (!w->to.family)
		return no_address(w);
	if (w->entry && w->entry->forward->no_nat && listens_at(w, w->entry->forward, &w->to)) {
		checks_pass(&w->ret->checks, step_address,
			    xasprintf("%s is the target's own, nothing is translated", ip_text(&w->to, text)));
		return true;
	}
	if (!own)
		return foreign_address(w);
	if (!why_link_works(w, step_address, own->ifname) || !why_link_works(w, step_address, w->in))
		return false;
	checks_pass(&w->ret->checks, step_address,
		    streq(w->in, "lo")
			    ? xasprintf("%s is on %s, the connection begins here", ip_text(&w->to, text), own->ifname)
		    : streq(w->in, own->ifname)
			    ? xasprintf("%s is on %s, where it arrives%s", ip_text(&w->to, text), w->in, too)
			    : xasprintf("%s is on %s, it arrives on %s", ip_text(&w->to, text), own->ifname, w->in));
	return true;
}

/* ---- The forward ----------------------------------------------------------------------------------- */

static const char step_forward[] = "forward";

/* What makes one act that does not. */
static struct remedy awaken(const struct walk *w, const struct forward_entry *e)
{
	const struct forward *f = e->forward;

	if (e->off)
		return remedy_command(xasprintf("gwctl on %s", f->name));
	if (e->expired)
		return why_change(f, "--for 24h", "a later `expires:`");
	if (e->own_port)
		return (struct remedy){.command = xasprintf("gwctl on %s --force", f->name),
				       .advice = xstrdup("stop that program, then gwctl apply")};
	if (f->listen.kind == LISTEN_INTERFACE && !why_link(w, f->listen.ifname))
		return why_advise(f, "--listen INTERFACE", "another `listen:`");
	if (!w->gwd->topology->wan_known)
		return remedy_advice(xstrdup("wan: INTERFACE in gwd.yaml, then gwctl apply"));
	return why_advise(f, "ADDR", "another `to:`");
}

static bool inactive(struct walk *w, const struct forward_entry *e)
{
	bool waits;
	_cleanup_(freep) char *text = forward_text(e->forward), *held = e->off ? NULL : road_held(w->gwd, e, &waits);

	checks_add_remedy(
		&w->ret->checks, step_forward, VERDICT_FAIL,
		xasprintf("%s (%s) is %s%s", e->forward->name, text, e->off ? "off" : "held: ", held ? held : ""),
		awaken(w, e));
	return false;
}

static void add_end(struct buf *out, const struct ip *ip, uint16_t port, uint16_t weight)
{
	_cleanup_(freep) char *end = why_end(ip, port);
	const char *quote = *end == '[' ? "'" : "";

	buf_printf(out, " %s%s", quote, end);
	if (weight > 1)
		buf_printf(out, "@%u", weight);
	buf_printf(out, "%s", quote);
}

/* What else the first one says. */
static void add_options(struct buf *out, const struct forward *f)
{
	const struct limit *l = &f->limit;
	char text[PREFIX_TEXT_MAX], time[TIMESTAMP_TEXT_MAX];

	for (size_t i = 0; i < f->n_from; i++)
		buf_printf(out, "%s%s", i ? "," : " --from ", prefix_text(&f->from[i], text));
	if (f->snat.mode != SNAT_DEFAULT)
		buf_printf(out, " --snat %s",
			   f->snat.mode == SNAT_ADDRESS ? ip_text(&f->snat.addr, text) : snat_words[f->snat.mode]);
	if (f->balance != BALANCE_SOURCE)
		buf_printf(out, " --balance %s", balance_words[f->balance]);
	if (l->connections)
		buf_printf(out, " --limit-connections %u", l->connections);
	if (l->rate)
		buf_printf(out, " --limit-rate %u/%s", l->rate, limit_unit_name(l->per));
	if (f->expires)
		buf_printf(out, " --expires %s%s", timestamp_text(f->expires, time), f->cut ? " --on-expiry cut" : "");
	if (f->log)
		buf_printf(out, " --log");
}

/* "gwctl add 10.0.0.1:80 10.0.0.2": a second one beside it, for who uses the first goes on to. */
static struct remedy also_here(const struct walk *w)
{
	const struct forward *f = w->entry->forward;
	const struct why_question *q = w->asked;
	struct buf out = {0};
	char text[PREFIX_TEXT_MAX];

	if (f->no_nat)
		return remedy_advice(xasprintf("connect to %s itself", ip_text(&f->targets[0].addr, text)));
	buf_printf(&out, "gwctl add");
	add_end(&out, &w->to, q->port, 1);
	for (size_t i = 0; i < f->n_targets; i++) {
		const struct target *t = &f->targets[i];
		uint16_t port = why_target_port(w, t);

		add_end(&out, &t->addr, port == q->port ? 0 : port, t->weight);
	}
	if (q->proto != PROTO_TCP)
		buf_printf(&out, " --proto %s", proto_text(q->proto));
	add_options(&out, f);
	return remedy_command(buf_take(&out));
}

/* The forward acts, but not at this address. */
static bool elsewhere(struct walk *w)
{
	const struct forward *f = w->entry->forward;
	const struct local_address *own = topology_address(w->gwd->topology, &w->to);
	_cleanup_(freep) char *listen = listen_text(&f->listen);
	char text[ADDR_TEXT_MAX];

	ip_text(&w->to, text);
	checks_add_remedy(&w->ret->checks, step_forward, VERDICT_FAIL,
			  xasprintf("%s listens on %s, and %s is on %s", f->name,
				    f->listen.kind == LISTEN_ANY ? "the wan interfaces" : listen, text,
				    own ? own->ifname : "none"),
			  also_here(w));
	return false;
}

/* The opening of the port that is asked about, where it arrives; NULL: none. */
static const struct opening *find_opening(const struct walk *w)
{
	const struct why_question *q = w->asked;
	const struct interface *in = topology_interface(w->gwd->topology, w->in);
	const enum opening_in side = in && in->zone == ZONE_DMZ ? OPENING_DMZ : OPENING_WAN;

	for (size_t i = 0; i < w->rules.n_open; i++) {
		const struct opening *o = &w->rules.open[i];

		if (!o->over && o->in == side && (o->protos & q->proto) && q->port >= o->ports.first &&
		    q->port <= o->ports.last)
			return o;
	}
	return NULL;
}

/* "198.51.100.0/24,local" */
static char *whom(const struct opening *o)
{
	struct buf out = {0};
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < o->n_from; i++)
		buf_printf(&out, "%s%s", i ? "," : "", prefix_text(&o->from[i], text));
	if (o->local)
		buf_printf(&out, "%slocal", out.len ? "," : "");
	return buf_take(&out);
}

/* "gwctl open 22/tcp --in dmz --from 198.51.100.0/24,203.0.113.9": whom it is open to already stays. */
static struct remedy open_too(const struct walk *w, const struct opening *o)
{
	const struct why_question *q = w->asked;
	const struct interface *in = topology_interface(w->gwd->topology, w->in);
	_cleanup_(freep) char *list = o ? whom(o) : NULL, *place = o && o->loc.file ? opening_place(o) : NULL;
	char from[ADDR_TEXT_MAX];

	if (place)
		return remedy_advice(xasprintf("%s opens it to others: add who may, there, and gwctl apply", place));
	return remedy_command(xasprintf("gwctl open %u/%s%s%s%s%s%s", q->port, proto_text(q->proto),
					in && in->zone == ZONE_DMZ ? " --in dmz" : "", o ? " --from " : "",
					o ? list : "", o ? "," : "", o ? ip_text(&w->from, from) : ""));
}

/* What the gateway's own rules say to a port of its own. */
static void gateway_step(struct walk *w)
{
	const struct why_question *q = w->asked;
	const struct arrival a = {w->in, w->from, w->to, q->proto, q->port};
	const char *proto = proto_text(q->proto);
	const struct opening *o = find_opening(w);
	_cleanup_(freep) char *list = o ? whom(o) : NULL;
	char from[ADDR_TEXT_MAX];

	if (arrival_fate(&w->rules, &a, NULL) != ARRIVAL_NOT_OPEN)
		checks_pass(&w->ret->checks, "gateway",
			    xasprintf("gwd lets %s %u of this gateway be reached", proto, q->port));
	else if (!o)
		checks_add_remedy(&w->ret->checks, "gateway", VERDICT_FAIL,
				  xasprintf("nothing opens %s %u of this gateway to %s", proto, q->port, w->in),
				  open_too(w, NULL));
	else if (!w->from.family)
		checks_pass(&w->ret->checks, "gateway",
			    xasprintf("only %s may reach %s %u of this gateway: --from asks about one", list, proto,
				      q->port));
	else
		checks_add_remedy(&w->ret->checks, "gateway", VERDICT_FAIL,
				  xasprintf("only %s may reach %s %u of this gateway, and %s is none of them", list,
					    proto, q->port, ip_text(&w->from, from)),
				  open_too(w, o));
}

/* Nothing forwards the port: then a program of this machine may have it. */
static bool own_port(struct walk *w)
{
	const struct why_question *q = w->asked;
	_cleanup_(listeners_free) struct listeners found = {0};
	_cleanup_(diag_free) struct diag ignored = {0};
	const struct listener *l = NULL;

	listeners_read(q->proto, (struct port_range){q->port, q->port}, &found, &ignored);
	for (size_t i = 0; i < found.n && !l; i++) {
		struct ip any = {.family = w->to.family};

		if (ip_cmp(&found.items[i].ip, &any) == 0 || ip_cmp(&found.items[i].ip, &w->to) == 0)
			l = &found.items[i];
	}
	if (!l) {
		checks_add_remedy(&w->ret->checks, step_forward, VERDICT_FAIL,
				  xasprintf("no forward takes %s %u, and no program of this gateway listens on it",
					    proto_text(q->proto), q->port),
				  remedy_advice(xasprintf("gwctl add %u/%s ADDR", q->port, proto_text(q->proto))));
		return false;
	}
	checks_pass(&w->ret->checks, step_forward,
		    xasprintf("no forward takes %s %u: it is for a program of this gateway (uid %u, inode %u)",
			      proto_text(q->proto), q->port, l->uid, l->inode));
	gateway_step(w);
	return true;
}

static bool in_place(struct walk *w)
{
	if (w->gwd->table && !w->gwd->stale && !w->gwd->frozen)
		return true;
	checks_add(&w->ret->checks, step_forward, VERDICT_FAIL,
		   xstrdup(w->gwd->frozen ? "gwd.yaml is broken, and nothing was ever accepted: gwd does nothing"
					  : "the rules of gwd are not in place: somebody changes them again and again, "
					    "or the kernel refused them"),
		   xstrdup(w->gwd->frozen ? "gwctl check" : "gwctl apply"));
	return false;
}

bool why_forward(struct walk *w)
{
	const struct forward_entry *e = w->entry;

	if (e && !e->active)
		return inactive(w, e);
	if (!e)
		return own_port(w);
	if (!in_place(w))
		return false;
	if (arrival_forward(&w->rules, &w->to, w->asked->proto, w->asked->port) != e->forward)
		return elsewhere(w);
	_cleanup_(freep) char *text = forward_text(e->forward);
	checks_pass(&w->ret->checks, step_forward, xasprintf("%s takes it: %s", e->forward->name, text));
	return true;
}
