/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other people's tables on the way, stop by stop of foreign_way(). */
#include "why.h"

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

/* A policy takes what goes and what comes: that is one thing to put right. */
static bool is_told(const struct walk *w, const char *text)
{
	for (size_t i = 0; i < w->ret->checks.n; i++)
		if (streq(w->ret->checks.items[i].text, text))
			return true;
	return false;
}

/* Of answers only what is certain, for the client's port is not known. Returns how many are in the way. */
static size_t drops(struct walk *w, const struct foreign_stop *stop, const struct foreign_packet *p)
{
	struct obstacle found[OBSTACLES_MAX];
	size_t n = w->others ? foreign_drops(w->others, stop, p, found, OBSTACLES_MAX) : 0, told = 0;

	for (size_t i = 0; i < n && i < OBSTACLES_MAX; i++) {
		if (p->reply && found[i].fate.dropped != BELIEF_YES)
			continue;
		_cleanup_(freep) char *text = why_drop_text(&found[i]);

		told++;
		if (!is_told(w, text))
			checks_add_remedy(&w->ret->checks, step,
					  found[i].fate.dropped == BELIEF_YES ? VERDICT_FAIL : VERDICT_MAY,
					  TAKE_PTR(text), foreign_remedy(&found[i], p));
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

/* Where nobody filters, only what is certain: there stand checks of sources and rates. */
static bool takes(const struct walk *w, uint32_t hook, const struct foreign_packet *p)
{
	bool filters = hook == NF_INET_LOCAL_OUT || hook == NF_INET_POST_ROUTING || hook == NF_INET_LOCAL_IN;
	const struct foreign_stop stop = foreign_hook(hook);
	struct obstacle found[OBSTACLES_MAX];
	size_t n = w->others ? foreign_drops(w->others, &stop, p, found, OBSTACLES_MAX) : 0;

	for (size_t i = 0; i < n && i < OBSTACLES_MAX; i++)
		if (filters || found[i].fate.dropped == BELIEF_YES)
			return true;
	return false;
}

bool why_own_dropped(const struct walk *w, const struct leg *leg)
{
	static const uint32_t out[] = {NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, FOREIGN_EGRESS},
			      in[] = {NF_INET_INGRESS, NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN};
	struct foreign_packet there = towards(w, leg), back = {.family = there.family, .proto = there.proto};
	bool taken = false;

	there.from = (struct foreign_end){0};
	there.translated = false;
	set_interface(w, &there.to, leg->out);
	back.from = there.to;
	back.reply = back.local = true;
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		taken = taken || takes(w, out[i], &there) || takes(w, in[i], &back);
	return taken;
}

/* Where the answer goes out: a mark may have it go where the question came in, or elsewhere. */
static void set_way_back(const struct walk *w, struct foreign_end *end)
{
	struct route r;
	bool known = w->from.family ? route_get(&(struct route_packet){.to = w->from}, &r) == 0 && !r.error
				    : why_way_out(w->to.family, &r);

	if (known && (!w->n_marks || streq(why_ifname(w, r.ifindex), w->in)))
		set_interface(w, end, why_ifname(w, r.ifindex));
}

/* What goes back to the client. */
static struct foreign_packet returning(const struct walk *w, const struct foreign_packet *there)
{
	struct foreign_packet p = {.family = there->family,
				   .proto = there->proto,
				   .from = there->to,
				   .to.ip = w->from,
				   .reply = true,
				   .translated = there->translated,
				   .local = is_own(w)};

	set_way_back(w, &p.to);
	return p;
}

static struct foreign_packet answered(const struct walk *w, const struct leg *leg,
				      const struct foreign_packet *returning)
{
	struct foreign_packet p = *returning;

	p.local = is_own(w) || why_masqueraded(w, leg);
	if (p.local)
		p.to = (struct foreign_end){0};
	return p;
}

static struct foreign_packet returned(const struct walk *w, const struct foreign_packet *returning)
{
	struct foreign_packet p = *returning;

	p.from.ip = w->to;
	p.from.port = w->asked->port;
	return p;
}

/* All that is behind our translation. */
static void behind(struct walk *w, const struct foreign_packet packets[FOREIGN_FACES])
{
	struct foreign_stop stops[FOREIGN_STOPS_MAX];
	size_t n = way_of(w, stops), told = 0;

	for (size_t i = 0; i < n; i++)
		if (stops[i].face != FOREIGN_DIALLED)
			told += drops(w, &stops[i], &packets[stops[i].face]);
	if (!told && w->others)
		checks_pass(&w->ret->checks, step, xstrdup("no other table drops it, or its answers"));
}

void why_between(struct walk *w, const struct leg *leg)
{
	struct foreign_packet packets[FOREIGN_FACES] = {[FOREIGN_SENT] = towards(w, leg)};

	set_interface(w, &packets[FOREIGN_SENT].to, leg->out);
	packets[FOREIGN_RETURNING] = returning(w, &packets[FOREIGN_SENT]);
	packets[FOREIGN_ANSWERED] = answered(w, leg, &packets[FOREIGN_RETURNING]);
	packets[FOREIGN_RETURNED] = returned(w, &packets[FOREIGN_RETURNING]);
	behind(w, packets);
}

void why_local(struct walk *w)
{
	const struct foreign_packet p = dialled(w), packets[FOREIGN_FACES] = {
							    [FOREIGN_SENT] = p, [FOREIGN_RETURNED] = returning(w, &p)};

	behind(w, packets);
}
