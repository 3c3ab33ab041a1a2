/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Follows one connection from where it arrives to the target and back, in the order in which the kernel would, and looks
 * at the live system at each step. It goes on behind what fails wherever there is a way beyond, because one often has to
 * put several things right. */
#include <errno.h>
#include <stdio.h>

#include "why.h"

#include "gwd_foreign.h"

const char *const answer_names[ANSWERS] = {"unasked", "accepts", "refused", "silent", "unreachable", "rejected", "unknown"};

void why_free(struct why *w)
{
	free(w->packet);
	free(w->probes);
	checks_free(&w->checks);
	*w = (struct why){0};
}

/* ---- What the steps share -------------------------------------------------------------------------- */

struct remedy why_change(const struct forward *f, const char *option, const char *written)
{
	if (forward_declared(f))
		return why_advise(f, option, written);
	return remedy_command(xasprintf("gwctl set %s %s", f->name, option));
}

struct remedy why_advise(const struct forward *f, const char *option, const char *written)
{
	_cleanup_(freep) char *place = forward_declared(f) ? forward_place(f) : NULL;

	return remedy_advice(place ? xasprintf("%s at %s, then gwctl apply", written, place)
				   : xasprintf("gwctl set %s %s", f->name, option));
}

char *why_wait(const struct walk *w)
{
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

	return xasprintf("gwctl why %u/%s%s%s%s%s --wait 30s", w->asked->port, proto_text(w->asked->proto),
			 w->from.family ? " --from " : "", w->from.family ? ip_text(&w->from, from) : "",
			 w->to.family ? " --to " : "", w->to.family ? ip_text(&w->to, to) : "");
}

char *why_end(const struct ip *ip, uint16_t port)
{
	bool bracket = port && ip->family == AF_INET6;
	char text[ADDR_TEXT_MAX];
	struct buf out = {0};

	buf_printf(&out, "%s%s%s", bracket ? "[" : "", ip_text(ip, text), bracket ? "]" : "");
	if (port)
		buf_printf(&out, ":%u", port);
	return buf_take(&out);
}

const char *why_from(const struct walk *w, char text[ADDR_TEXT_MAX])
{
	return w->from.family ? ip_text(&w->from, text) : "somebody outside";
}

const char *why_no_host(const struct walk *w, const struct ip *ip)
{
	static const char *const kinds[IP_KINDS] = {[IP_UNSPECIFIED] = "no address at all",
						    [IP_LOOPBACK] = "loopback",
						    [IP_MULTICAST] = "a multicast group",
						    [IP_BROADCAST] = "the broadcast address"};
	const struct local_address *near = topology_neighbour(w->gwd->topology, ip, NULL);
	struct prefix network = {0};
	struct ip last;

	if (!near || ip->family != AF_INET || near->prefix_len > 30) /* RFC 3021 */
		return kinds[ip_kind(ip)];
	network = prefix_of(&near->ip, near->prefix_len);
	prefix_last(&network, &last);
	return ip_cmp(ip, &last) == 0 ? "the broadcast address of a network" : kinds[ip_kind(ip)];
}

const struct link *why_link(const struct walk *w, const char *ifname)
{
	const struct facts *facts = links_facts(w->gwd->links);

	for (size_t i = 0; i < facts->n_links; i++)
		if (streq(facts->links[i].name, ifname))
			return &facts->links[i];
	return NULL;
}

const char *why_ifname(const struct walk *w, uint32_t ifindex)
{
	const struct facts *facts = links_facts(w->gwd->links);

	for (size_t i = 0; i < facts->n_links; i++)
		if (facts->links[i].index == ifindex)
			return facts->links[i].name;
	return "";
}

uint8_t why_proto_number(const struct walk *w)
{
	size_t i = 0;

	while (i + 1 < PROTO_COUNT && !(w->asked->proto & 1u << i))
		i++;
	return proto_numbers[i];
}

/* ---- The way --------------------------------------------------------------------------------------- */

uint16_t why_target_port(const struct walk *w, const struct target *target)
{
	const struct forward *f = w->entry->forward;
	uint16_t port = w->asked->port;

	for (size_t i = 0; i < f->n_ports; i++)
		if (port >= f->ports[i].first && port <= f->ports[i].last)
			return forward_target_port(f, target, f->ports[i], port);
	return port;
}

static void to_target(struct walk *w, const struct target *target)
{
	struct leg leg = {.target = target, .port = why_target_port(w, target)};

	if (!why_route(w, &leg))
		return;
	if (!leg.apart)
		why_neighbour(w, &leg);
	why_between(w, &leg);
	if (!leg.apart) {
		why_answer(w, &leg);
		why_reply(w, &leg);
	}
	why_route_back(w, &leg);
}

void walk_on(struct walk *w)
{
	if (!why_address(w))
		return;
	why_source(w);
	why_conntrack(w);
	why_before(w);
	if (!why_forward(w))
		return;
	if (!w->entry) {
		why_reverse_path(w, &w->to, w->asked->port);
		why_local(w);
		why_route_back(w, NULL);
		return;
	}
	why_limits(w);
	why_forwarding(w);
	for (size_t i = 0; i < w->entry->forward->n_targets; i++)
		if (w->entry->forward->targets[i].state == TARGET_READY)
			to_target(w, &w->entry->forward->targets[i]);
}

static int sensible(const struct why_question *q, struct diag *diag)
{
	if (q->from.family && q->to.family && q->from.family != q->to.family) {
		diag_add(diag, DIAG_INVALID, (struct loc){0},
			 "from and to are of two families: one is IPv4, the other IPv6");
		return -EINVAL;
	}
	return 0;
}

void walk_open(struct walk *w, struct gwd *g)
{
	gwd_links_event(g);
	gwd_kernel_event(g);
	*w = (struct walk){.gwd = g, .rules = road_rules(g), .others = others_tables(g)};
	w->marks = route_marks(&w->n_marks);
}

void walk_ask(struct walk *w, const struct why_question *q, const struct forward_entry *e, struct why *ret)
{
	_cleanup_(freep) char *to = NULL;
	char from[ADDR_TEXT_MAX];

	w->asked = q;
	w->ret = ret;
	w->entry = e;
	why_resolve(w);
	to = w->to.family ? why_end(&w->to, q->port) : xasprintf("port %u", q->port);
	ret->packet = xasprintf("%s %s -> %s", proto_text(q->proto), why_from(w, from), to);
}

void walk_begin(struct walk *w, struct gwd *g, const struct why_question *q, struct why *ret)
{
	walk_open(w, g);
	walk_ask(w, q, NULL, ret);
}

void walk_end(struct walk *w)
{
	road_rules_free(&w->rules);
	free(w->marks);
}

int gwd_why(struct gwd *g, const struct why_question *q, const struct probe *probes, size_t n, struct why *ret,
	    struct diag *diag)
{
	struct walk w;
	int r = sensible(q, diag);

	if (r < 0)
		return r;
	walk_begin(&w, g, q, ret);
	w.answers = probes;
	w.n_answers = n;
	walk_on(&w);
	walk_end(&w);
	return 0;
}
