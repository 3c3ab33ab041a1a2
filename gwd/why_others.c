/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other people's tables on the way, stop by stop of foreign_way(). */
#include "why.h"

#include <limits.h>
#include <linux/netfilter.h>

enum { OBSTACLES_MAX = 8 };

static const char step[] = "firewalls";

static void set_interface(const struct walk *w, struct foreign_end *end, const char *ifname)
{
	const struct link *l = why_link(w, ifname);

	if (!*ifname)
		return;
	memcpy(end->ifname, ifname, strlen(ifname) + 1);
	end->ifindex = l ? l->index : 0;
}

/* As it arrives. */
static struct foreign_packet dialled(const struct walk *w)
{
	struct foreign_packet p = {.family = w->to.family,
				   .proto = why_proto_number(w),
				   .from.ip = w->from,
				   .to = {.ip = w->to, .port = w->asked->port},
				   .local = topology_is_local(w->gwd->topology, &w->to)};

	set_interface(w, &p.from, w->in);
	return p;
}

static struct foreign_packet towards(const struct walk *w, const struct leg *leg)
{
	struct foreign_packet p = dialled(w);

	p.to = (struct foreign_end){.ip = leg->target->addr, .port = leg->port};
	p.local = false;
	p.translated = !w->entry->forward->no_nat;
	return p;
}

/* What its owner wrote beside it, or NULL. */
static const char *comment_of(const struct rule *rule)
{
	for (size_t i = 0; i < rule->n; i++)
		if (rule->exprs[i].kind == EXPR_OTHER && rule->exprs[i].op == FOREIGN_COMMENT)
			return rule->exprs[i].name;
	return rule->comment;
}

/* "its rule with handle 5, "no web"" Caller's string. */
static char *what_drops(const struct fate *fate)
{
	const char *comment = fate->rule ? comment_of(fate->rule) : NULL;

	if (fate->by_policy || !fate->rule)
		return xstrdup(fate->by_policy ? "its policy" : "one of its rules");
	return xasprintf("its rule with handle %llu%s%s%s", (unsigned long long)fate->rule->handle,
			 comment ? ", \"" : "", comment ? comment : "", comment ? "\"" : "");
}

/* "dropped by ufw (table ip filter, chain FORWARD): its policy, at hook forward, priority 0" */
char *why_drop_text(const struct obstacle *o)
{
	_cleanup_(freep) char *place = foreign_place(o), *what = what_drops(&o->fate);

	return xasprintf("%s by %s: %s, at hook %s, priority %d",
			 o->fate.dropped == BELIEF_YES ? "dropped" : "may be dropped", place, what,
			 foreign_hook_name(o), o->base->priority);
}

/* Of answers only what is certain, for the client's port is not known. Returns how many are in the way. */
static size_t drops(struct walk *w, const struct foreign_stop *stop, const struct foreign_packet *p)
{
	struct obstacle found[OBSTACLES_MAX];
	size_t n = w->others ? foreign_drops(w->others, stop, p, found, OBSTACLES_MAX) : 0, told = 0;

	for (size_t i = 0; i < n && i < OBSTACLES_MAX; i++) {
		if (p->reply && found[i].fate.dropped != BELIEF_YES)
			continue;
		checks_add_remedy(&w->ret->checks, step,
				  found[i].fate.dropped == BELIEF_YES ? VERDICT_FAIL : VERDICT_MAY,
				  why_drop_text(&found[i]), foreign_remedy(&found[i], p));
		told++;
	}
	return told;
}

/* Another translation of the port that comes first, or that may: of two of one priority the younger one does. */
static void translates(struct walk *w, const struct foreign_packet *p)
{
	struct obstacle o;

	if (!w->others || !foreign_translates(w->others, p, &o) || o.base->priority > FOREIGN_OURS)
		return;
	_cleanup_(freep) char *place = foreign_place(&o),
			      *to = o.fate.to.family ? why_end(&o.fate.to, o.fate.to_port) : NULL;
	bool certain = o.fate.translated == BELIEF_YES && o.base->priority < FOREIGN_OURS;

	checks_add_remedy(&w->ret->checks, "translation", certain ? VERDICT_FAIL : VERDICT_MAY,
			  xasprintf("%s %s%s%s first, at priority %d: no forward of gwd sees it then", place,
				    certain ? "translates it" : "may translate it", to ? " to " : "", to ? to : "",
				    o.base->priority),
			  foreign_untranslate(&o));
}

/* Ahead of our translation: one of a connection that is not tracked there is none, one of another packet is of another. */
static void alters(struct walk *w, uint32_t hook, const struct foreign_packet *p)
{
	struct obstacle found[OBSTACLES_MAX];
	size_t n = w->others ? foreign_alters(w->others, hook, p, found, OBSTACLES_MAX) : 0;
	bool nat = w->entry && !w->entry->forward->no_nat;

	for (size_t i = 0; i < n && i < OBSTACLES_MAX; i++) {
		const struct obstacle *o = &found[i];
		/* Later it is tracked, or translated, already. */
		int end = o->fate.untracked ? NF_IP_PRI_CONNTRACK : FOREIGN_OURS;
		bool sure = o->fate.altered == BELIEF_YES, first = hook == NF_INET_INGRESS || o->base->priority < end;
		_cleanup_(freep) char *place = foreign_place(o), *what = what_drops(&o->fate);

		if (!first)
			continue;
		checks_add_remedy(&w->ret->checks, o->fate.untracked ? "conntrack" : "rewriting",
				  sure && nat && o->fate.untracked ? VERDICT_FAIL : VERDICT_MAY,
				  xasprintf("%s by %s: %s, at hook %s, priority %d: %s",
					    o->fate.untracked ? sure ? "not tracked" : "may be not tracked"
					    : sure            ? "rewritten"
							      : "may be rewritten",
					    place, what, foreign_hook_name(o), o->base->priority,
					    o->fate.untracked ? "what is not tracked is not translated"
							      : "what becomes of it then is not known"),
				  foreign_untranslate(o));
	}
}

static bool is_own(const struct walk *w)
{
	return streq(w->in, "lo");
}

static size_t way_of(const struct walk *w, struct foreign_stop ret[FOREIGN_STOPS_MAX])
{
	return foreign_way((is_own(w) ? FOREIGN_FROM_HERE : FOREIGN_FROM_OUTSIDE) |
				   (w->entry ? FOREIGN_TO_TARGET : FOREIGN_TO_HERE),
			   ret);
}

void why_before(struct walk *w)
{
	const struct foreign_packet p = dialled(w);
	struct foreign_stop stops[FOREIGN_STOPS_MAX];
	size_t n = way_of(w, stops);

	if (!w->others)
		checks_add(&w->ret->checks, step, VERDICT_MAY, xstrdup("the tables of others cannot be read"), NULL);
	for (size_t i = 0; i < n; i++) {
		if (stops[i].face != FOREIGN_DIALLED)
			continue;
		drops(w, &stops[i], &p);
		alters(w, stops[i].hook, &p);
	}
	if (!is_own(w) && !(w->entry && w->entry->forward->no_nat))
		translates(w, &p);
}

bool why_own_dropped(const struct walk *w, const struct leg *leg)
{
	const struct foreign_stop out[] = {foreign_hook(NF_INET_LOCAL_OUT), foreign_hook(NF_INET_POST_ROUTING)},
				  in[] = {foreign_hook(NF_INET_PRE_ROUTING), foreign_hook(NF_INET_LOCAL_IN)};
	struct foreign_packet there = towards(w, leg), back = {.family = there.family, .proto = there.proto};
	struct obstacle ignored;
	size_t n = 0;

	there.from = (struct foreign_end){0};
	there.translated = false;
	set_interface(w, &there.to, leg->out);
	back.from = there.to;
	back.reply = back.local = true;
	for (size_t i = 0; i < ARRAY_SIZE(out) && w->others; i++)
		n += foreign_drops(w->others, &out[i], &there, &ignored, 1);
	for (size_t i = 0; i < ARRAY_SIZE(in) && w->others; i++)
		n += foreign_drops(w->others, &in[i], &back, &ignored, 1);
	return n;
}

/* The answer as it arrives, which no other hook sees with all of its addresses. */
static struct foreign_packet answered(const struct walk *w, const struct leg *leg, const struct foreign_packet *there)
{
	struct foreign_packet p = {.family = there->family, .proto = there->proto, .from = there->to, .reply = true};

	p.local = why_masqueraded(w, leg);
	if (!p.local)
		p.to.ip = w->from;
	return p;
}

/* The rest of the answer's way, for whom it is translated back: at once for whom it is, if the target sees an address of
 * ours, and from whom only as it leaves. Returns how many are in the way. */
static size_t drops_answer(struct walk *w, const struct foreign_packet *answer)
{
	static const struct foreign_stop in = {NF_INET_PRE_ROUTING, FOREIGN_ANSWERED, INT_MIN, FOREIGN_OURS},
					 out = {NF_INET_POST_ROUTING, FOREIGN_ANSWERED, INT_MIN, NF_IP_PRI_NAT_SRC - 1},
					 back = {NF_INET_POST_ROUTING, FOREIGN_ANSWERED, NF_IP_PRI_NAT_SRC + 1,
						 INT_MAX};
	struct foreign_packet leaves = *answer;
	size_t told = drops(w, &in, answer);
	struct route r;
	bool known = w->from.family ? route_get(&(struct route_packet){.to = w->from}, &r) == 0 && !r.error
				    : why_way_out(w->to.family, &r);

	leaves.local = false;
	leaves.to.ip = w->from;
	if (known)
		set_interface(w, &leaves.to, why_ifname(w, r.ifindex));
	told = told ? told : drops(w, &out, &leaves);
	leaves.from.ip = w->to;
	leaves.from.port = w->asked->port;
	return told ? told : drops(w, &back, &leaves);
}

/* All that is behind our translation. */
static void behind(struct walk *w, const struct foreign_packet packets[FOREIGN_FACES])
{
	struct foreign_stop stops[FOREIGN_STOPS_MAX];
	size_t n = way_of(w, stops), told = 0;

	for (size_t i = 0; i < n; i++)
		if (stops[i].face != FOREIGN_DIALLED)
			told += drops(w, &stops[i], &packets[stops[i].face]);
	if (!told && w->entry && !is_own(w)) /* what drops all of a hook is told once */
		told = drops_answer(w, &packets[FOREIGN_ANSWERED]);
	if (!told && w->others)
		checks_pass(&w->ret->checks, step, xstrdup("no other table drops it, or its answers"));
}

void why_between(struct walk *w, const struct leg *leg)
{
	struct foreign_packet packets[FOREIGN_FACES] = {[FOREIGN_SENT] = towards(w, leg)};

	set_interface(w, &packets[FOREIGN_SENT].to, leg->out);
	packets[FOREIGN_ANSWERED] = answered(w, leg, &packets[FOREIGN_SENT]);
	behind(w, packets);
}

void why_local(struct walk *w)
{
	const struct foreign_packet packets[FOREIGN_FACES] = {[FOREIGN_SENT] = dialled(w)};

	behind(w, packets);
}
