/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `why` says of one connection, asked of every forward: the first cause of each is a finding. Those who share a cause
 * are put together by who asks. */
#include "doctor.h"

#include "why.h"

enum {
	PAGE_FORWARDS = 256,
	PAGE_PROBES = DOCTOR_PROBES_MAX - PROTO_COUNT * WHY_PROBES_MAX, /* room for one forward more */
};

const char *const severity_names[SEVERITIES] = {"note", "warning", "error"};

static void fault_clear(struct fault *f)
{
	free(f->text);
	remedy_free(&f->remedy);
	free(f->forward);
}

void doctor_add(struct diagnosis *d, enum severity severity, const char *about, char *text, struct remedy remedy,
		const struct forward *f)
{
	d->faults = grow(d->faults, d->n, &d->capacity, sizeof(*d->faults));
	d->faults[d->n++] = (struct fault){severity, about, text, remedy, f ? xstrdup(f->name) : NULL};
}

void diagnosis_free(struct diagnosis *d)
{
	for (size_t i = 0; i < d->n; i++)
		fault_clear(&d->faults[i]);
	free(d->faults);
	free(d->probes);
	*d = (struct diagnosis){0};
}

/* ---- One forward ----------------------------------------------------------------------------------- */

/* What only may be in the way is a warning where somebody else's rules say so, or an answer leaves by the wrong uplink; the
 * rest is what nobody could ask. */
static enum severity severity_of(const struct forward_entry *e, const struct check *cause)
{
	bool known = streq(cause->step, "firewalls") || streq(cause->step, "translation") ||
		     (streq(cause->step, "route back") && cause->remedy.advice);

	if (cause->verdict == VERDICT_MAY)
		return known ? SEVERITY_WARNING : SEVERITY_NOTE;
	return e->expired ? SEVERITY_NOTE : e->shadowed ? SEVERITY_WARNING : SEVERITY_ERROR;
}

/* Each once: many forwards may have one target. */
static void take_probes(struct diagnosis *d, const struct why *why)
{
	for (size_t i = 0; i < why->n_probes; i++) {
		size_t k = 0;

		while (k < d->n_probes && !why_probe_same(&d->probes[k], &why->probes[i]))
			k++;
		if (k < d->n_probes)
			continue;
		d->probes = grow(d->probes, d->n_probes, &d->probes_capacity, sizeof(*d->probes));
		d->probes[d->n_probes++] = why->probes[i];
	}
}

/* Of the machine, its router or a full table, or of the same forward at another address. */
static bool told(const struct diagnosis *d, const char *text, const struct forward *f)
{
	for (size_t i = 0; i < d->n; i++) {
		const char *forward = d->faults[i].forward;

		if ((!forward || streq(forward, f->name)) && streq(d->faults[i].text, text))
			return true;
	}
	return false;
}

/* `to` of family 0: what the forward says itself. */
static void look(struct walk *w, const struct forward_entry *e, uint8_t proto, struct ip to, struct diagnosis *ret)
{
	const struct forward *f = e->forward;
	const struct why_question q = {.proto = proto, .port = f->ports[0].first, .to = to};
	_cleanup_(why_free) struct why why = {0};

	walk_ask(w, &q, e, &why);
	walk_on(w);
	take_probes(ret, &why);
	const struct check *cause = checks_cause(&why.checks);
	if (cause && !told(ret, cause->text, f))
		doctor_add(ret, severity_of(e, cause), cause->step, xstrdup(cause->text), remedy_copy(&cause->remedy),
			   f);
}

/* On each interface once, at an address of ours at which this very forward is met: another one may have the same port on
 * some of them. */
static void look_everywhere(struct walk *w, const struct forward_entry *e, uint8_t proto, struct diagnosis *ret)
{
	const struct topology *t = w->gwd->topology;
	const struct forward *f = e->forward;
	_cleanup_(strings_free) struct strings seen = {0};

	for (size_t i = 0; f->listen.kind != LISTEN_ADDRESS && i < t->n_addresses; i++) {
		const struct local_address *a = &t->addresses[i];

		if (a->ip.family != f->family || strings_have(&seen, a->ifname) ||
		    arrival_forward(&w->rules, &a->ip, proto, f->ports[0].first) != f)
			continue;
		look(w, e, proto, a->ip, ret);
		strings_add(&seen, xstrdup(a->ifname));
	}
	if (!seen.n)
		look(w, e, proto, (struct ip){0}, ret);
}

/* Sent out again where it came from: nobody asked for a way into the Internet. */
static void look_outside(struct walk *w, const struct forward *f, struct diagnosis *ret)
{
	const struct topology *t = w->gwd->topology;

	for (size_t i = 0; i < f->n_targets && !f->no_nat && !topology_one_nic(t); i++) {
		const struct ip *to = &f->targets[i].addr;
		char text[ADDR_TEXT_MAX];
		struct route r;

		if (topology_neighbour(t, to, NULL) || route_get(&(struct route_packet){.to = *to}, &r) < 0 || r.error)
			continue;
		const char *out = why_ifname(w, r.ifindex);
		const struct interface *in = topology_interface(t, out);
		if (in && in->zone == ZONE_WAN)
			doctor_add(ret, SEVERITY_WARNING, "target",
				   xasprintf("%s is in no network of this gateway: what is forwarded to it leaves by "
					     "%s again",
					     ip_text(to, text), out),
				   why_advise(f, "ADDR", "another `to:`"), f);
	}
}

static void look_at(struct walk *w, const struct forward_entry *e, struct diagnosis *ret)
{
	for (size_t i = 0; i < PROTO_COUNT && !e->off; i++)
		if (e->forward->protos & 1u << i)
			look_everywhere(w, e, (uint8_t)(1u << i), ret);
	if (e->active)
		look_outside(w, e->forward, ret);
}

/* ---- All of them ----------------------------------------------------------------------------------- */

/* Nothing leaves without it, whether something is forwarded or not. */
static void look_routers(struct walk *w, struct diagnosis *ret)
{
	_cleanup_(why_free) struct why why = {0};

	w->ret = &why;
	why_default_router(w, AF_INET);
	why_default_router(w, AF_INET6);
	take_probes(ret, &why);
	for (size_t i = 0; i < why.checks.n; i++) {
		const struct check *c = &why.checks.items[i];

		if (c->verdict != VERDICT_PASS)
			doctor_add(ret, c->verdict == VERDICT_FAIL ? SEVERITY_ERROR : SEVERITY_NOTE, c->step,
				   xstrdup(c->text), remedy_copy(&c->remedy), NULL);
	}
}

/* The page before had them. */
static void forget_first(struct diagnosis *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fault_clear(&d->faults[i]);
	d->n -= n;
	if (d->n)
		memmove(d->faults, d->faults + n, d->n * sizeof(*d->faults));
}

/* What is wrong with the machine is looked for on every page, lest its forwards repeat it. */
void gwd_doctor(struct gwd *g, size_t first, const struct probe *probes, size_t n, struct diagnosis *ret)
{
	const struct forward_entry *e;
	struct walk w;
	size_t at = 0, n_machine;

	doctor_machine(g, ret);
	walk_open(&w, g);
	w.answers = probes;
	w.n_answers = n;
	look_routers(&w, ret);
	n_machine = ret->n;
	for (e = forwards_first(g->world->forwards); e && at < first; e = e->next)
		at++;
	for (; e && at < first + PAGE_FORWARDS && ret->n_probes <= PAGE_PROBES; e = e->next, at++)
		look_at(&w, e, ret);
	ret->next = e ? at : 0;
	if (first)
		forget_first(ret, n_machine);
	walk_end(&w);
}
