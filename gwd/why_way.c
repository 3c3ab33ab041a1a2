/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel itself does with a connection, whatever the rules say: tracking, the reverse path filter, forwarding,
 * the route and the neighbour. */
#include "why.h"

#include <errno.h>

#include "sysctl.h"

/* Who stands for somebody outside where a route is asked for: RFC 7600, RFC 6666. */
static struct ip anybody(uint8_t family)
{
	return family == AF_INET ? (struct ip){AF_INET, {192, 0, 0, 8}} : (struct ip){AF_INET6, {0x01, [15] = 1}};
}

bool why_way_out(uint8_t family, struct route *ret)
{
	return route_get(&(struct route_packet){.to = anybody(family)}, ret) == 0 && !ret->error;
}

static struct ip sender(const struct walk *w)
{
	return w->from.family ? w->from : anybody(w->to.family);
}

/* A setting that an interface has under this name. */
static int interface_setting(const char *family, const char *ifname, const char *setting, int otherwise)
{
	_cleanup_(freep) char *name = xasprintf("net/%s/conf/%s/%s", family, ifname, setting);
	int value;

	return sysctl_get(name, &value) == 0 ? value : otherwise;
}

/* ---- Source ---------------------------------------------------------------------------------------- */

static bool routes_loopback(const struct walk *w)
{
	const struct facts *facts = links_facts(w->gwd->links);
	bool any = interface_setting("ipv4", "all", "route_localnet", 0);

	for (size_t i = 0; i < facts->n_links; i++)
		any |= interface_setting("ipv4", facts->links[i].name, "route_localnet", 0) != 0;
	return any;
}

/* The kernel drops what comes from an address that no host has, whatever rp_filter says. Loopback may ask this machine
 * itself, but not be sent to another one. */
void why_source(struct walk *w)
{
	const char *nobody = w->from.family ? why_no_host(w, &w->from) : NULL;
	bool loopback = w->from.family && ip_kind(&w->from) == IP_LOOPBACK;
	bool told = loopback && (!w->entry || routes_loopback(w));
	char text[ADDR_TEXT_MAX];

	if (!nobody || told)
		return;
	checks_add_remedy(
		&w->ret->checks, "source", loopback && w->from.family == AF_INET6 ? VERDICT_MAY : VERDICT_FAIL,
		loopback ? xasprintf("%s is loopback: no other machine can answer it", ip_text(&w->from, text))
			 : xasprintf("%s is %s: the kernel drops what comes from it as martian",
				     ip_text(&w->from, text), nobody),
		remedy_advice(xstrdup("name the address of a host with --from, or none for somebody outside")));
}

/* ---- Connection tracking --------------------------------------------------------------------------- */

char *why_conntrack_full(int count)
{
	return xasprintf("the kernel tracks %d connections and may track no more: new ones are dropped", count);
}

void why_conntrack(struct walk *w)
{
	int count, max;

	if (sysctl_get("net/netfilter/nf_conntrack_count", &count) < 0 ||
	    sysctl_get("net/netfilter/nf_conntrack_max", &max) < 0 || max <= 0 || count < max)
		return;
	checks_add(&w->ret->checks, "conntrack", VERDICT_FAIL,
		   why_conntrack_full(count),
		   xasprintf("sysctl -w net.netfilter.nf_conntrack_max=%d", max > INT32_MAX / 2 ? INT32_MAX : 2 * max));
}

/* ---- Forwarding ------------------------------------------------------------------------------------ */

void why_forwarding(struct walk *w)
{
	static const char step[] = "forwarding";
	bool v4 = w->to.family == AF_INET;
	const char *family = v4 ? "IPv4" : "IPv6";
	int global = sysctl_forwarding_get(w->to.family);

	if (streq(w->in, "lo"))
		return;
	/* IPv4 asks the interface that a packet came in on; IPv6 asks all, or since Linux 6.17 the interface, too. */
	if (v4 ? interface_setting("ipv4", w->in, "forwarding", global == 1)
	       : global == 1 || interface_setting("ipv6", w->in, "force_forwarding", 0)) {
		checks_pass(&w->ret->checks, step, xasprintf("%s is forwarded from %s", family, w->in));
		return;
	}
	if (v4 && global == 1)
		checks_add(&w->ret->checks, step, VERDICT_FAIL,
			   xasprintf("nothing of IPv4 is forwarded from %s", w->in),
			   xasprintf("sysctl -w net/ipv4/conf/%s/forwarding=1", w->in));
	else
		checks_add(&w->ret->checks, step, VERDICT_FAIL, xasprintf("this machine forwards no %s", family),
			   xasprintf("sysctl -w net.%s=1", v4 ? "ipv4.ip_forward" : "ipv6.conf.all.forwarding"));
}

/* ---- The kernel's own lookup ----------------------------------------------------------------------- */

/* The first packet, behind the translation. */
static struct route_packet forth(const struct walk *w, const struct ip *to, uint16_t port)
{
	struct route_packet p = {.to = *to, .proto = why_proto_number(w), .to_port = port};

	if (!streq(w->in, "lo"))
		p.in = why_link(w, w->in);
	if (p.in)
		p.from = sender(w);
	else if (topology_is_local(w->gwd->topology, &w->from))
		p.from = w->from;
	return p;
}

/* The answer to it, ahead of being translated back. `leg` NULL: a program of this machine gives it. */
static struct route_packet back(const struct walk *w, const struct leg *leg)
{
	return (struct route_packet){.to = sender(w),
				     .from = leg ? leg->target->addr : w->to,
				     .in = leg ? why_link(w, leg->out) : NULL,
				     .proto = why_proto_number(w),
				     .from_port = leg ? leg->port : w->asked->port};
}

/* Beyond what another step says: where it would go if the link forwarded, and the source were believed. */
static int beyond(const struct route_packet *p, struct route *ret)
{
	int r = route_get(p, ret);

	if (r < 0 || (ret->error != -EXDEV && ret->error != -EHOSTDOWN))
		return r;
	return route_get(&(struct route_packet){.to = p->to, .mark = p->mark}, ret);
}

/* Which mark it has, nobody knows who has not seen it. The rule that has it go another way than `way`, or NULL. Of those
 * that are for all but a mark, only where they may save it: what is in no need of one has none. */
static const struct route_mark *marked(const struct walk *w, const struct route_packet *p, const struct route *way,
				       int (*get)(const struct route_packet *, struct route *))
{
	for (size_t i = 0; i < w->n_marks; i++) {
		const struct route_mark *m = &w->marks[i];
		struct route_packet packet = *p;
		struct route r;

		packet.mark = m->mark;
		if (m->family != p->to.family || (m->inverted && !way->error) || get(&packet, &r) < 0)
			continue;
		if (r.error != way->error || r.ifindex != way->ifindex || ip_cmp(&r.via, &way->via) != 0)
			return m;
	}
	return NULL;
}

/* Takes `what`. */
static void depends(struct walk *w, const char *step, char *what, const struct route_mark *m)
{
	checks_add_remedy(&w->ret->checks, step, VERDICT_MAY,
			  xasprintf("%s depends on a mark: the routing rule with priority %u (%sfwmark 0x%x) decides",
				    what, m->priority, m->inverted ? "not " : "", m->mark),
			  remedy_advice(why_wait(w)));
	free(what);
}

/* `what` goes there; false: there was nothing to say. */
static bool refused(struct walk *w, const char *step, const char *what, const struct ip *to, const struct route *r)
{
	char text[ADDR_TEXT_MAX], prefix[PREFIX_TEXT_MAX];

	ip_text(to, text);
	prefix_text(&r->to, prefix);
	if (!r->refusal && r->error == -ENETUNREACH)
		return false;
	if (!r->refusal)
		checks_add_remedy(&w->ret->checks, step, VERDICT_FAIL,
				  xasprintf("a routing rule or route keeps %s: %s", what, strerror(-r->error)),
				  remedy_advice(xstrdup("ip rule and ip route show it")));
	else if (!r->to.ip.family)
		checks_add(&w->ret->checks, step, VERDICT_FAIL,
			   xasprintf("the routing rule with priority %u keeps %s: it is %s", r->priority, what, r->refusal),
			   xasprintf("ip %srule del priority %u", to->family == AF_INET6 ? "-6 " : "", r->priority));
	else
		checks_add(&w->ret->checks, step, VERDICT_FAIL,
			   r->to.len == ip_len(to) * 8
				   ? xasprintf("the route to %s is %s", text, r->refusal)
				   : xasprintf("%s is in %s, whose route is %s", text, prefix, r->refusal),
			   xasprintf("ip route del %s %s table %u", r->refusal, prefix, r->table));
	return true;
}

/* ---- Reverse path ---------------------------------------------------------------------------------- */

static int rp_filter(const char *ifname)
{
	int all = interface_setting("ipv4", "all", "rp_filter", 0),
	    own = interface_setting("ipv4", ifname, "rp_filter", 0);

	return all > own ? all : own;
}

/* What arrives on a link is dropped if its answer would not leave there, or nowhere; the filter is IPv4's only. */
static void unbelieved(struct walk *w, const struct route_packet *p, const char *who)
{
	static const char step[] = "reverse path";
	const char *in = p->in->name;
	const struct route_mark *m = marked(w, p, &(struct route){.error = -EXDEV}, route_get);
	int filter = rp_filter(in);
	struct route way;

	if (m) {
		depends(w, step, xasprintf("whether the kernel believes that %s comes in on %s", who, in), m);
		return;
	}
	if (route_get(&(struct route_packet){.to = p->from}, &way) < 0)
		return;
	if (filter && way.error)
		checks_add_remedy(
			&w->ret->checks, step, VERDICT_FAIL,
			xasprintf("rp_filter of %s drops what comes from %s: there is no route back", in, who),
			remedy_advice(xasprintf("ip route add %s via ROUTER dev %s",
						p->from.family && w->from.family ? who : "default", in)));
	else
		checks_add(&w->ret->checks, step, VERDICT_FAIL,
			   filter ? xasprintf("rp_filter of %s is strict, and the way back to %s is %s: dropped", in, who,
					      why_ifname(w, way.ifindex))
				  : xasprintf("the kernel does not believe that %s comes in on %s: dropped", who, in),
			   filter ? xasprintf("sysctl -w net/ipv4/conf/%s/rp_filter=2", in) : NULL);
}

void why_reverse_path(struct walk *w, const struct ip *to, uint16_t port)
{
	const struct route_packet p = forth(w, to, port);
	char text[ADDR_TEXT_MAX];
	struct route r;

	if (p.in && route_get(&p, &r) == 0 && r.error == -EXDEV)
		unbelieved(w, &p, why_from(w, text));
}

/* ---- Route ----------------------------------------------------------------------------------------- */

/* false: there is no way on. */
static bool no_route(struct walk *w, const struct leg *leg)
{
	const struct ip *to = &leg->target->addr;
	char text[ADDR_TEXT_MAX];
	_cleanup_(freep) char *what = xasprintf("%s from being reached", ip_text(to, text));

	if (!refused(w, "route", what, to, &leg->route))
		checks_add_remedy(&w->ret->checks, "route", VERDICT_FAIL, xasprintf("there is no route to %s", text),
				  remedy_advice(xasprintf("ip route add %s via ROUTER", text)));
	return false;
}

/* Rules may have what arrives go another way than what gwctl itself asks the target. */
static bool goes_apart(struct walk *w, const struct route_packet *p, struct leg *leg, const char *to)
{
	struct route own;
	char via[ADDR_TEXT_MAX];
	bool hop = leg->route.via.family;

	leg->apart =
		p->in &&
		route_get(&(struct route_packet){.to = p->to, .proto = p->proto, .to_port = p->to_port}, &own) == 0 &&
		(own.error || own.ifindex != leg->route.ifindex || ip_cmp(&own.via, &leg->route.via) != 0);
	if (leg->apart)
		checks_add_remedy(
			&w->ret->checks, "route", VERDICT_MAY,
			xasprintf("what arrives on %s goes to %s by %s%s%s, and what this gateway itself sends there "
				  "does not, so nobody can be asked (ip rule shows why)",
				  w->in, to, leg->out, hop ? " and " : "", hop ? ip_text(&leg->route.via, via) : ""),
			remedy_advice(why_wait(w)));
	return leg->apart;
}

bool why_route(struct walk *w, struct leg *leg)
{
	const struct local_address *near = topology_neighbour(w->gwd->topology, &leg->target->addr, NULL);
	const struct route_packet p = forth(w, &leg->target->addr, leg->port);
	const struct route_mark *m;
	char to[ADDR_TEXT_MAX], via[ADDR_TEXT_MAX];
	const char *out;

	/* While the link of its own network is down, a packet leaves by the default route. */
	if (near && !why_link_works(w, "route", near->ifname))
		return false;
	why_reverse_path(w, &leg->target->addr, leg->port);
	if (beyond(&p, &leg->route) < 0)
		return true;
	m = marked(w, &p, &leg->route, beyond);
	ip_text(&leg->target->addr, to);
	if (m)
		depends(w, "route", xasprintf("the way to %s", to), m);
	if (leg->route.error)
		return !m && no_route(w, leg);
	out = why_ifname(w, leg->route.ifindex);
	memcpy(leg->out, out, strlen(out) + 1);
	if (!why_link_works(w, "route", out))
		return false;
	if (!m && !goes_apart(w, &p, leg, to))
		checks_pass(&w->ret->checks, "route",
			    leg->route.via.family
				    ? xasprintf("%s is behind %s on %s", to, ip_text(&leg->route.via, via), out)
				    : xasprintf("%s is on %s", to, out));
	return true;
}

/* ---- Neighbour ------------------------------------------------------------------------------------- */

static void silent_neighbour(struct walk *w, const struct leg *leg, const char *who)
{
	const struct forward *f = w->entry->forward;

	checks_add_remedy(
		&w->ret->checks, "neighbour", VERDICT_FAIL,
		xasprintf("%s does not answer %s on %s: it is off, or that is not its address any more", who,
			  w->to.family == AF_INET ? "ARP" : "neighbour discovery", leg->out),
		leg->route.via.family
			? remedy_advice(xasprintf("switch the router %s on, or ip route replace the way to it", who))
		: forward_declared(f)
			? why_advise(f, "", "switch it on, or its new address in `to:`")
			: remedy_advice(xasprintf("switch it on, or gwctl set %s ADDR with its new address", f->name)));
}

/* Silence of UDP means nothing. An old entry is believed for some seconds more, whoever is silent: then it is too early to
 * tell. */
void why_neighbour(struct walk *w, const struct leg *leg)
{
	const struct ip *next = leg->route.via.family ? &leg->route.via : &leg->target->addr;
	const struct probe near = why_probe_near(w, leg);
	enum answered answer = why_probe(w, &near);
	bool dead = answer == ANSWER_SILENT || answer == ANSWER_UNREACHABLE, silent = dead && near.proto != PROTO_UDP;
	char who[ADDR_TEXT_MAX];
	struct neighbour n;

	ip_text(next, who);
	if (!*leg->out || neighbour_get(next, leg->route.ifindex, &n) < 0)
		return;
	if (n.state == NEIGHBOUR_FAILED && silent && answer == ANSWER_SILENT) /* at its old address: see next_hop() */
		why_probe_again(w, &near);
	if (n.state == NEIGHBOUR_FAILED || (n.state == NEIGHBOUR_ASKED && !*n.address && dead)) {
		silent_neighbour(w, leg, who);
	} else if (n.state == NEIGHBOUR_PERMANENT && silent) {
		checks_add(&w->ret->checks, "neighbour", VERDICT_FAIL,
			   xasprintf("%s is at %s by hand, and nobody answers there: its card may be another one now",
				     who, n.address),
			   xasprintf("ip neigh del %s dev %s", who, leg->out));
	} else if (*n.address) {
		if (n.state == NEIGHBOUR_OLD && answer == ANSWER_UNASKED)
			neighbour_ask(next, leg->route.ifindex, &n);
		if ((n.state == NEIGHBOUR_OLD || n.state == NEIGHBOUR_ASKED) && silent)
			why_probe_again(w, &near);
		checks_pass(&w->ret->checks, "neighbour", xasprintf("%s is at %s", who, n.address));
	}
}

/* ---- The way back ---------------------------------------------------------------------------------- */

const char why_step_router[] = "router";

static bool link_local(const struct ip *ip)
{
	return ip->family == AF_INET6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

static struct probe hop_probe(const struct ip *next)
{
	enum { DISCARD = 9 };

	return (struct probe){.proto = PROTO_TCP, .to = *next, .port = DISCARD};
}

/* Asks the next hop, unless the kernel has heard of it lately: whether it takes or refuses the connection, or says nothing,
 * the kernel knows then whether it is there. Of a link-local one it is what the kernel knows already. */
static enum answered ask_hop(struct walk *w, const struct ip *next, uint32_t ifindex, const struct neighbour *n)
{
	const struct probe p = hop_probe(next);
	enum answered answer;

	if (n->state == NEIGHBOUR_THERE || n->state == NEIGHBOUR_NOARP)
		return ANSWER_ACCEPTS;
	if (link_local(next))
		return ANSWER_UNKNOWN;
	answer = why_probe(w, &p);
	if (answer == ANSWER_UNASKED && n->state != NEIGHBOUR_PERMANENT && ip_cmp(&w->stirred, next) != 0) {
		neighbour_ask(next, ifindex, n);
		w->stirred = *next;
	}
	return answer;
}

static struct remedy other_router(const struct ip *next, const char *hop, const char *out)
{
	struct route r;
	bool is_default = why_way_out(next->family, &r) && ip_cmp(&r.via, next) == 0;

	return remedy_advice(is_default ? xasprintf("switch %s on, or ip %sroute replace default via ROUTER dev %s",
						    hop, next->family == AF_INET6 ? "-6 " : "", out)
					: xasprintf("switch %s on, or ip route replace the way to it", hop));
}

/* That a client itself is silent is no fault of this gateway. */
static void next_hop(struct walk *w, const struct route *way, const char *who)
{
	const struct ip *next = way->via.family ? &way->via : &w->from;
	const char *out = why_ifname(w, way->ifindex), *step = way->via.family ? why_step_router : "client";
	char hop[ADDR_TEXT_MAX];
	enum answered answer;
	struct neighbour n;

	if (!next->family || neighbour_get(next, way->ifindex, &n) < 0)
		return;
	ip_text(next, hop);
	answer = ask_hop(w, next, way->ifindex, &n);
	_cleanup_(freep) char *called =
		way->via.family ? xasprintf("%s, the router to %s,", hop, who) : xstrdup(hop);
	bool silent = answer == ANSWER_SILENT || answer == ANSWER_UNREACHABLE;
	bool asked = n.state == NEIGHBOUR_ASKED && silent;
	bool dead = n.state == NEIGHBOUR_FAILED || (asked && !*n.address);
	const struct probe p = hop_probe(next);

	/* At the address that it had: it may have another one now, which the kernel asks for next. */
	if ((asked && !dead) || (n.state == NEIGHBOUR_FAILED && answer == ANSWER_SILENT))
		why_probe_again(w, &p);
	if (answer == ANSWER_UNASKED || (asked && !dead))
		checks_add(&w->ret->checks, step, VERDICT_MAY, xasprintf("whether %s answers is not known yet", hop), NULL);
	else if (dead)
		checks_add_remedy(
			&w->ret->checks, step, way->via.family ? VERDICT_FAIL : VERDICT_MAY,
			xasprintf("%s does not answer %s on %s: it is off, or that is not its address any more", called,
				  next->family == AF_INET ? "ARP" : "neighbour discovery", out),
			way->via.family ? other_router(next, hop, out) : (struct remedy){0});
	else if (n.state == NEIGHBOUR_PERMANENT && silent)
		checks_add(&w->ret->checks, step, VERDICT_MAY,
			   xasprintf("%s is at %s by hand, and does not answer there: its card may be another one now", called,
				     n.address),
			   xasprintf("ip neigh del %s dev %s", hop, out));
	else if (*n.address)
		checks_pass(&w->ret->checks, step, xasprintf("%s is at %s", hop, n.address));
}

/* What stands for somebody outside may be in a network of its own. */
static bool about_nobody(const struct walk *w, const struct route *r)
{
	return !w->from.family && r->refusal && r->to.ip.family && r->to.len;
}

static bool in_network_of(const struct topology *t, const char *ifname, const struct ip *ip)
{
	for (size_t i = 0; i < t->n_addresses; i++) {
		const struct local_address *a = &t->addresses[i];
		const struct prefix network = prefix_of(&a->ip, a->prefix_len);

		if (streq(a->ifname, ifname) && prefix_contains(&network, ip))
			return true;
	}
	return false;
}

/* It comes in by the uplink that has the address, and its answer leaves by `out`, another one. */
static bool other_uplink(const struct walk *w, const char *out)
{
	const struct local_address *own = topology_address(w->gwd->topology, &w->to);

	return own && streq(own->ifname, w->in) && !streq(out, w->in) && why_outside(w, w->in) && why_outside(w, out) &&
	       !in_network_of(w->gwd->topology, out, &w->to);
}

/* What a target answers is routed before it is translated back, so only a mark tells where the question came from. */
static void wrong_uplink(struct walk *w, const char *step, const char *out, bool program)
{
	const char *v6 = w->to.family == AF_INET6 ? "-6 " : "";
	char to[ADDR_TEXT_MAX];

	ip_text(&w->to, to);
	checks_add_remedy(
		&w->ret->checks, step, VERDICT_MAY,
		xasprintf("it comes in by %s, but the answer leaves by %s with the source %s: most providers drop what "
			  "is not from an address of theirs",
			  w->in, out, to),
		remedy_advice(
			program ? xasprintf("ip %sroute add default via ROUTER dev %s table 100, then ip %srule add "
					    "from %s lookup 100",
					    v6, w->in, v6, to)
				: xasprintf("have nft keep a ct mark of what comes in by %s and give it to the "
					    "answers as their mark, and a routing rule (ip %srule add fwmark "
					    "MARK lookup 100) send these by %s",
					    w->in, v6, w->in)));
}

static void no_way_back(struct walk *w, const char *step, const struct route_packet *p, const struct route *r,
			const char *who)
{
	char from[ADDR_TEXT_MAX];
	_cleanup_(freep) char *what = xasprintf("what %s answers from %s", ip_text(&p->from, from), who);

	if (!refused(w, step, what, &p->to, r))
		checks_add_remedy(&w->ret->checks, step, VERDICT_FAIL,
				  xasprintf("this gateway has no route back to %s", who),
				  remedy_advice(xasprintf("ip route add %s via ROUTER dev %s",
							  w->from.family ? who : "default", w->in)));
}

/* Where it leaves is known. */
static void way_back(struct walk *w, const char *step, const struct route *r, const char *who, bool program)
{
	const char *out = why_ifname(w, r->ifindex);
	char via[ADDR_TEXT_MAX];

	if (!why_link_works(w, step, out))
		return;
	if (other_uplink(w, out))
		wrong_uplink(w, step, out, program);
	else
		checks_pass(&w->ret->checks, step,
			    r->via.family ? xasprintf("%s is behind %s on %s", who, ip_text(&r->via, via), out)
					  : xasprintf("%s is on %s", who, out));
	next_hop(w, r, who);
}

void why_route_back(struct walk *w, const struct leg *leg)
{
	static const char step[] = "route back";
	const struct route_packet p = back(w, leg);
	const struct route_mark *m;
	char text[ADDR_TEXT_MAX], from[ADDR_TEXT_MAX];
	const char *who = why_from(w, text);
	struct route r;

	if (streq(w->in, "lo") || (leg && !p.in) || route_get(&p, &r) < 0 || about_nobody(w, &r))
		return;
	if (r.error == -EXDEV)
		unbelieved(w, &p, ip_text(&p.from, from));
	if ((r.error == -EXDEV || r.error == -EHOSTDOWN) && beyond(&p, &r) < 0)
		return;
	m = marked(w, &p, &r, beyond);
	if (m)
		depends(w, step, xasprintf("the way back to %s", who), m);
	else if (r.error)
		no_way_back(w, step, &p, &r, who);
	else
		way_back(w, step, &r, who, !leg);
}

void why_default_router(struct walk *w, uint8_t family)
{
	struct route r;

	w->from = (struct ip){0};
	if (why_way_out(family, &r))
		next_hop(w, &r, "somebody outside");
}
