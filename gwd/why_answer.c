/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other end cannot be read, only asked, which gwctl does for us: whether somebody answers, and whether the answer
 * comes back through this gateway. For the second, the target is asked from an address of ours that is not in its own
 * network, to which it answers as it would answer the client: by its default route. */
#include "why.h"

#include "sysctl.h"

/* ---- Probes ---------------------------------------------------------------------------------------- */

bool why_probe_same(const struct probe *a, const struct probe *b)
{
	return a->proto == b->proto && a->port == b->port && ip_cmp(&a->to, &b->to) == 0 &&
	       ip_cmp(&a->source, &b->source) == 0;
}

enum answered why_probe(struct walk *w, const struct probe *p)
{
	struct why *ret = w->ret;
	size_t i = 0;

	for (; i < ret->n_probes; i++)
		if (why_probe_same(&ret->probes[i], p))
			return ret->probes[i].answer;
	ret->probes = grow(ret->probes, ret->n_probes, &ret->probes_capacity, sizeof(*p));
	ret->probes[ret->n_probes++] = *p;
	for (size_t k = 0; k < w->n_answers; k++)
		if (why_probe_same(&w->answers[k], p))
			ret->probes[i].answer = w->answers[k].answer;
	return ret->probes[i].answer;
}

void why_probe_again(struct walk *w, const struct probe *p)
{
	for (size_t i = 0; i < w->ret->n_probes; i++)
		if (why_probe_same(&w->ret->probes[i], p))
			w->ret->probes[i].answer = ANSWER_UNASKED;
}

struct probe why_probe_near(const struct walk *w, const struct leg *leg)
{
	return (struct probe){.proto = w->asked->proto, .to = leg->target->addr, .port = leg->port};
}

/* In the network of one of our addresses, the same as the other. */
static bool same_network(const struct topology *t, const struct ip *a, const struct ip *b)
{
	const struct local_address *near = topology_neighbour(t, a, NULL);

	return near && topology_neighbour(t, b, near) == near;
}

/* TCP whatever is forwarded: that a port is refused is an answer, too. Always from the same address, best one that faces
 * outside, wherever the question came in: to all of them the target answers by its default route. */
bool why_probe_far(const struct walk *w, const struct leg *leg, struct probe *ret)
{
	const struct topology *t = w->gwd->topology;
	const struct ip *to = &leg->target->addr, *source = NULL;

	for (size_t i = 0; i < t->n_addresses; i++) {
		const struct local_address *a = &t->addresses[i];

		if (a->ip.family == to->family && ip_kind(&a->ip) != IP_LINK_LOCAL && !same_network(t, &a->ip, to) &&
		    (!source || (why_outside(w, a->ifname) && !why_outside(w, topology_address(t, source)->ifname))))
			source = &a->ip;
	}
	if (!source)
		return false;
	*ret = (struct probe){.proto = PROTO_TCP, .to = *to, .port = leg->port, .source = *source};
	return true;
}

/* ---- Does it answer -------------------------------------------------------------------------------- */

static const char step_target[] = "target";

static struct remedy refused_remedy(const struct forward *f, const struct leg *leg)
{
	char to[ADDR_TEXT_MAX];
	_cleanup_(freep) char *option =
		xasprintf(f->family == AF_INET ? "%s:PORT" : "'[%s]:PORT'", ip_text(&leg->target->addr, to));
	_cleanup_(remedy_free) struct remedy change = why_advise(f, option, "`to:`");

	return remedy_advice(xasprintf("start it on %s, or name the port that it has: %s", to, change.advice));
}

/* Nobody answered us, which says something only where we may ask. */
static void no_answer(struct walk *w, const struct leg *leg, char *text)
{
	const char *below = w->others ? w->others->below : NULL;
	char to[ADDR_TEXT_MAX];

	if (!below && !why_own_dropped(w, leg)) {
		checks_add_remedy(&w->ret->checks, step_target, VERDICT_FAIL, text,
				  remedy_advice(xasprintf("let %s %u in on %s", proto_text(w->asked->proto), leg->port,
							  ip_text(&leg->target->addr, to))));
		return;
	}
	checks_add_remedy(&w->ret->checks, step_target, VERDICT_MAY,
			  below ? xasprintf("%s, or table %s of this gateway drops it", text, below)
				: xasprintf("%s, or a firewall of this gateway drops what it sends itself", text),
			  remedy_advice(why_wait(w)));
	free(text);
}

void why_answer(struct walk *w, const struct leg *leg)
{
	const struct probe near = why_probe_near(w, leg);
	_cleanup_(freep) char *where = why_end(&leg->target->addr, leg->port);
	const char *proto = proto_text(w->asked->proto);
	enum answered answer = why_probe(w, &near);
	bool udp = near.proto == PROTO_UDP;

	if (answer == ANSWER_ACCEPTS || (udp && answer == ANSWER_SILENT))
		checks_pass(&w->ret->checks, step_target,
			    xasprintf(udp ? "%s does not refuse, which is all that UDP tells" : "%s answers", where));
	else if (answer == ANSWER_REFUSED)
		checks_add_remedy(
			&w->ret->checks, step_target, VERDICT_FAIL,
			xasprintf("%s refuses: no program listens on %s %u there, or its own firewall says so", where,
				  proto, leg->port),
			refused_remedy(w->entry->forward, leg));
	else if (answer == ANSWER_SILENT)
		no_answer(w, leg,
			  xasprintf("nobody answers at %s: it is off, or its own firewall drops %s %u", where, proto,
				    leg->port));
	else if (answer == ANSWER_UNREACHABLE)
		no_answer(w, leg,
			  xasprintf("%s cannot be reached: nobody is there, or a router on the way knows no way", where));
	else if (answer == ANSWER_REJECTED)
		no_answer(w, leg, xasprintf("%s is rejected: its own firewall says so, or one on the way", where));
	else
		checks_add(&w->ret->checks, step_target, VERDICT_MAY,
			   xasprintf("whether %s answers %s", where,
				     answer == ANSWER_UNASKED ? "was not asked" : "cannot be asked from here"),
			   NULL);
}

/* ---- Does the answer come back --------------------------------------------------------------------- */

static enum snat_mode mode_of(const struct walk *w)
{
	const struct forward *f = w->entry->forward;
	const struct snat *s = f->snat.mode == SNAT_DEFAULT ? &w->gwd->world->settings->snat : &f->snat;

	if (f->no_nat)
		return SNAT_NEVER;
	return s->mode == SNAT_ADDRESS && s->addr.family != f->family ? SNAT_AUTO : s->mode;
}

/* The target sees an address of ours, and answers to that: compile_source.c. */
bool why_masqueraded(const struct walk *w, const struct leg *leg)
{
	bool neighbours = w->from.family && same_network(w->gwd->topology, &w->from, &leg->target->addr);

	switch (mode_of(w)) {
	case SNAT_ALWAYS:
	case SNAT_ADDRESS:
		return true;
	case SNAT_NEVER:
		return false;
	case SNAT_ROUTED:
		return neighbours;
	default:
		return neighbours || streq(w->in, leg->out);
	}
}

/* Two ways to bring it back: here, and there. */
static struct remedy bring_back(const struct walk *w, const struct leg *leg, const char *otherwise)
{
	const struct local_address *near = topology_neighbour(w->gwd->topology, &leg->target->addr, NULL);
	const struct forward *f = w->entry->forward;
	struct remedy ret = f->no_nat ? (struct remedy){0} : why_change(f, "--snat always", "`snat: always`");
	_cleanup_(freep) char *here = ret.advice;
	char to[ADDR_TEXT_MAX], ours[ADDR_TEXT_MAX];

	ip_text(&leg->target->addr, to);
	if (f->no_nat)
		ret.advice = xasprintf("a route on %s to its clients, through this gateway", to);
	else if (!near)
		TAKE_PTR(here);
	else
		ret.advice = xasprintf("%s%son %s: ip route replace default via %s%s", here ? here : "",
				       here ? ", or " : "", to, ip_text(&near->ip, ours), otherwise);
	return ret;
}

/* What it sees is another address than ours. */
static void own_way_back(struct walk *w, const struct leg *leg)
{
	static const char step[] = "way back";
	const struct probe near = why_probe_near(w, leg);
	struct probe far;
	bool asked = why_probe_far(w, leg, &far);
	enum answered back = asked ? why_probe(w, &far) : ANSWER_UNKNOWN, there = why_probe(w, &near);
	char to[ADDR_TEXT_MAX];

	ip_text(&leg->target->addr, to);
	if (w->from.family && same_network(w->gwd->topology, &w->from, &leg->target->addr))
		checks_add_remedy(&w->ret->checks, step, VERDICT_FAIL,
				  xasprintf("%s answers its neighbour directly, past this gateway", to),
				  bring_back(w, leg, ""));
	else if (back == ANSWER_ACCEPTS || back == ANSWER_REFUSED)
		checks_pass(&w->ret->checks, step, xasprintf("%s answers clients through this gateway", to));
	else if (asked && back == ANSWER_REJECTED && there != ANSWER_REJECTED)
		checks_add_remedy(&w->ret->checks, step, VERDICT_FAIL,
				  xasprintf("%s, or a firewall on the way, rejects all but its neighbours", to),
				  remedy_advice(xasprintf("let others than its neighbours in on %s", to)));
	else if (asked && back != ANSWER_UNASKED && (there == ANSWER_ACCEPTS || there == ANSWER_REFUSED) &&
		 w->asked->proto == PROTO_TCP)
		checks_add_remedy(
			&w->ret->checks, step, VERDICT_FAIL,
			xasprintf("%s answers its neighbours, but nobody else through this gateway: its default "
				  "route is another one, or its own firewall lets in only its network",
				  to),
			bring_back(w, leg, ", or let others in there"));
	else
		checks_add_remedy(
			&w->ret->checks, step, VERDICT_MAY,
			xasprintf("%s has to answer clients through this gateway: its default route cannot be seen "
				  "from here",
				  to),
			bring_back(w, leg, ""));
}

/* br_netfilter has a packet that goes back to the guest it came from leave by the port that it came in by, which a
 * bridge port does not do unless it is told to. */
static void bounce(struct walk *w, const struct leg *leg)
{
	const struct link *in = why_link(w, w->in);
	const char *setting =
		w->to.family == AF_INET ? "net/bridge/bridge-nf-call-iptables" : "net/bridge/bridge-nf-call-ip6tables";
	char to[ADDR_TEXT_MAX];
	int on;

	if (!in || !in->bridge || ip_cmp(&w->from, &leg->target->addr) != 0 || sysctl_get(setting, &on) < 0 || !on)
		return;
	checks_add_remedy(
		&w->ret->checks, "bridge", VERDICT_MAY,
		xasprintf("%s asks for itself, and %s is 1: its port of %s has to send back where it came from",
			  ip_text(&leg->target->addr, to), setting, w->in),
		remedy_advice(xstrdup("bridge link set dev PORT hairpin on")));
}

void why_reply(struct walk *w, const struct leg *leg)
{
	bounce(w, leg);
	if (!why_masqueraded(w, leg))
		own_way_back(w, leg);
	else
		checks_pass(&w->ret->checks, "way back",
			    xstrdup("the target sees an address of this gateway, and answers it"));
}
