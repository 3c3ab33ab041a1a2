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
	checks_add(&w->ret->checks, "source", loopback && w->from.family == AF_INET6 ? VERDICT_MAY : VERDICT_FAIL,
		   loopback ? xasprintf("%s is loopback: no other machine can answer it", ip_text(&w->from, text))
			    : xasprintf("%s is %s: the kernel drops what comes from it as martian",
					ip_text(&w->from, text), nobody),
		   xstrdup("name the address of a host with --from, or none for somebody outside"));
}

/* ---- Connection tracking --------------------------------------------------------------------------- */

void why_conntrack(struct walk *w)
{
	int count, max;

	if (sysctl_get("net/netfilter/nf_conntrack_count", &count) < 0 ||
	    sysctl_get("net/netfilter/nf_conntrack_max", &max) < 0 || max <= 0 || count < max)
		return;
	checks_add(&w->ret->checks, "conntrack", VERDICT_FAIL,
		   xasprintf("the kernel tracks %d connections and may track no more: new ones are dropped", count),
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

/* ---- Reverse path ---------------------------------------------------------------------------------- */

static int rp_filter(const struct walk *w)
{
	int all = interface_setting("ipv4", "all", "rp_filter", 0),
	    own = interface_setting("ipv4", w->in, "rp_filter", 0);

	return all > own ? all : own;
}

/* A packet whose answer would not leave where it came in; the filter is IPv4's only. */
void why_reverse_path(struct walk *w)
{
	static const char step[] = "reverse path";
	const struct ip from = sender(w);
	int filter = w->to.family == AF_INET ? rp_filter(w) : 0;
	char text[ADDR_TEXT_MAX];
	struct route back;

	if (streq(w->in, "lo") || route_get(&from, NULL, &back) < 0)
		return;
	const char *out = why_ifname(w, back.ifindex), *who = why_from(w, text);
	if (back.error) {
		checks_add(&w->ret->checks, step, VERDICT_FAIL, xasprintf("this gateway has no route back to %s", who),
			   w->from.family ? xasprintf("ip route add %s via ROUTER dev %s", who, w->in)
					  : xasprintf("ip route add default via ROUTER dev %s", w->in));
		return;
	}
	if (filter == 1 && !streq(out, w->in)) {
		checks_add(
			&w->ret->checks, step, VERDICT_FAIL,
			xasprintf("rp_filter of %s is strict, and the way back to %s is %s: dropped", w->in, who, out),
			xasprintf("sysctl -w net/ipv4/conf/%s/rp_filter=2", w->in));
		return;
	}
	checks_pass(&w->ret->checks, step, xasprintf("the way back to %s is %s", who, out));
}

/* ---- Route ----------------------------------------------------------------------------------------- */

static bool no_route(struct walk *w, const struct leg *leg)
{
	static const char step[] = "route";
	const struct route *r = &leg->route;
	char to[ADDR_TEXT_MAX], prefix[PREFIX_TEXT_MAX];

	ip_text(&leg->target->addr, to);
	if (r->error == -ENETUNREACH) {
		checks_add(&w->ret->checks, step, VERDICT_FAIL, xasprintf("there is no route to %s", to),
			   xasprintf("ip route add %s via ROUTER", to));
		return false;
	}
	if (!r->refusal) {
		checks_add(&w->ret->checks, step, VERDICT_FAIL,
			   xasprintf("a routing rule keeps %s from being reached: %s", to, strerror(-r->error)),
			   xstrdup("ip rule"));
		return false;
	}
	prefix_text(&r->to, prefix);
	checks_add(&w->ret->checks, step, VERDICT_FAIL,
		   xasprintf("%s is in %s, whose route is %s", to, prefix, r->refusal),
		   xasprintf("ip route del %s %s table %u", r->refusal, prefix, r->table));
	return false;
}

bool why_route(struct walk *w, struct leg *leg)
{
	const struct local_address *near = topology_neighbour(w->gwd->topology, &leg->target->addr, NULL);
	char to[ADDR_TEXT_MAX], via[ADDR_TEXT_MAX];
	const char *out;

	/* While the link of its own network is down, a packet leaves by the default route. */
	if (near && !why_link_works(w, "route", near->ifname))
		return false;
	if (route_get(&leg->target->addr, NULL, &leg->route) < 0)
		return true;
	if (leg->route.error)
		return no_route(w, leg);
	out = why_ifname(w, leg->route.ifindex);
	memcpy(leg->out, out, strlen(out) + 1);
	ip_text(&leg->target->addr, to);
	if (!why_link_works(w, "route", out))
		return false;
	checks_pass(&w->ret->checks, "route",
		    leg->route.via.family ? xasprintf("%s is behind %s on %s", to, ip_text(&leg->route.via, via), out)
					  : xasprintf("%s is on %s", to, out));
	return true;
}

/* ---- Neighbour ------------------------------------------------------------------------------------- */

static void silent_neighbour(struct walk *w, const struct leg *leg, const char *who)
{
	const struct forward *f = w->entry->forward;

	checks_add(&w->ret->checks, "neighbour", VERDICT_FAIL,
		   xasprintf("%s does not answer %s on %s: it is off, or that is not its address any more", who,
			     w->to.family == AF_INET ? "ARP" : "neighbour discovery", leg->out),
		   leg->route.via.family ? xasprintf("switch the router %s on, or ip route replace the way to it", who)
		   : forward_declared(f)
			   ? why_change(f, "", "switch it on, or its new address in `to:`")
			   : xasprintf("switch it on, or gwctl set %s ADDR with its new address", f->name));
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
	if (n.state == NEIGHBOUR_FAILED || (n.state == NEIGHBOUR_ASKED && dead)) {
		silent_neighbour(w, leg, who);
	} else if (n.state == NEIGHBOUR_PERMANENT && silent) {
		checks_add(&w->ret->checks, "neighbour", VERDICT_FAIL,
			   xasprintf("%s is at %s by hand, and nobody answers there: its card may be another one now",
				     who, n.address),
			   xasprintf("ip neigh del %s dev %s", who, leg->out));
	} else if (*n.address) {
		if (n.state == NEIGHBOUR_OLD && silent)
			why_probe_again(w, &near);
		checks_pass(&w->ret->checks, "neighbour", xasprintf("%s is at %s", who, n.address));
	}
}
