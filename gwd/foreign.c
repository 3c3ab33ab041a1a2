/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A drop is final, an accept only ends its own base chain: so every base chain of a hook is judged by itself, and each
 * that drops is one more thing to put right. */
#include "foreign.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

/* ---- Tables -------------------------------------------------------------------------------------- */

void foreign_free(struct foreign *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++)
		ruleset_free(f->tables[i].rules);
	free(f->tables);
	free(f->below);
	free(f);
}

void foreign_freep(struct foreign **f)
{
	foreign_free(*f);
}

struct foreign_table *foreign_table(struct foreign *f, uint8_t family, const char *name)
{
	struct foreign_table *t;

	for (size_t i = 0; i < f->n; i++)
		if (f->tables[i].family == family && streq(f->tables[i].name, name))
			return &f->tables[i];
	f->tables = grow(f->tables, f->n, &f->capacity, sizeof(*f->tables));
	t = &f->tables[f->n++];
	*t = (struct foreign_table){.family = family, .rules = ruleset_new()};
	t->name = arena_strdup(t->rules->arena, name);
	return t;
}

bool foreign_is_dormant(const struct foreign *f, uint32_t family, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->tables[i].dormant && f->tables[i].family == family && streq(f->tables[i].name, name))
			return true;
	return false;
}

void foreign_sort(struct foreign *f)
{
	for (size_t i = 0; i < f->n; i++)
		ruleset_sort(f->tables[i].rules);
}

static bool is_dnat(const struct expr *e)
{
	return (e->kind == EXPR_NAT && e->key == NFT_NAT_DNAT) || (e->kind == EXPR_OTHER && e->op == FOREIGN_DNAT);
}

static bool translates_with(const struct rule *rule, const char *set)
{
	bool dnat = false, named = false;

	for (size_t i = 0; i < rule->n; i++) {
		const struct expr *e = &rule->exprs[i];

		dnat |= is_dnat(e);
		named |= e->kind == EXPR_LOOKUP && streq(e->name, set);
	}
	return dnat && named;
}

static bool set_wanted(const struct ruleset *rules, const char *set)
{
	if (strncmp(set, "__", 2) == 0) /* as libnftnl's users name anonymous ones: "__set%d", "__map%d" */
		return true;
	for (size_t i = 0; i < rules->n_chains; i++)
		for (size_t k = 0; k < rules->chains[i].n; k++)
			if (translates_with(&rules->chains[i].rules[k], set))
				return true;
	return false;
}

void foreign_drop_sets(struct foreign *f)
{
	for (size_t i = 0; i < f->n && f->named; i++) {
		struct ruleset *rules = f->tables[i].rules;
		size_t n = 0;

		for (size_t k = 0; k < rules->n_sets; k++)
			if (set_wanted(rules, rules->sets[k].name))
				rules->sets[n++] = rules->sets[k];
		rules->n_sets = n;
	}
}

/* ---- Judgement ----------------------------------------------------------------------------------- */

static bool sees(const struct foreign_table *t, const struct foreign_packet *p)
{
	return t->family == NFPROTO_INET || t->family == NFPROTO_NETDEV ||
	       t->family == (p->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
}

static bool has_device(const char *devices, const char *ifname)
{
	for (size_t len; *devices; devices += len + strspn(devices + len, " ")) {
		len = strcspn(devices, " ");
		bool prefix = len && devices[len - 1] == '*';
		if (strncmp(devices, ifname, len - prefix) == 0 && (prefix || !ifname[len]))
			return true;
	}
	return false;
}

/* Where the chain of a device has to be, to see it; NULL: the hook is none of devices. */
static const char *device_of(uint32_t hook, const struct foreign_packet *p)
{
	return hook == NF_INET_INGRESS ? p->from.ifname : hook == FOREIGN_EGRESS ? p->to.ifname : NULL;
}

/* A base chain of the type that meets the packet on the hook. */
static bool meets(const struct foreign_table *t, const struct chain *base, const char *type, uint32_t hook,
		  const struct foreign_packet *p)
{
	bool device = t->family == NFPROTO_NETDEV;

	if (!base->base || !sees(t, p) || !streq(base->type, type))
		return false;
	if (base->hook != (!device                   ? hook
			   : hook == NF_INET_INGRESS ? NF_NETDEV_INGRESS
			   : hook == FOREIGN_EGRESS  ? NF_NETDEV_EGRESS
						     : UINT32_MAX))
		return false;
	const char *ifname = device_of(hook, p);
	return !ifname || !base->devices || !*ifname || has_device(base->devices, ifname);
}

bool foreign_has_port(const char *list, uint16_t port)
{
	_cleanup_(freep) char *items = xstrdup(list);
	char *save;

	for (char *item = strtok_r(items, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		struct port_range range;

		if (port_range_parse(item, &range) && port >= range.first && port <= range.last)
			return true;
	}
	return false;
}

/* What comes back. */
static struct foreign_packet reply_to(const struct foreign_packet *p)
{
	struct foreign_packet reply = *p;

	reply.from = p->to;
	reply.to = p->from;
	reply.reply = true;
	reply.local = false;
	return reply;
}

/* A chain of devices may not be there where it comes in, or goes out. */
static bool meets_for_certain(const struct chain *base, uint32_t hook, const struct foreign_packet *p)
{
	const char *ifname = device_of(hook, p);

	return !ifname || !base->devices || *ifname;
}

/* What is not routed yet goes nowhere, and what goes out to a device comes from none. */
static struct foreign_packet seen_at(uint32_t hook, const struct foreign_packet *p)
{
	struct foreign_packet seen = *p;
	struct foreign_end *end = hook == FOREIGN_EGRESS                                   ? &seen.from
				  : hook == NF_INET_INGRESS || hook == NF_INET_PRE_ROUTING ? &seen.to
											   : NULL;

	if (end) {
		*end->ifname = '\0';
		end->ifindex = 0;
	}
	return seen;
}

/* What the base chain takes of the connection. */
static struct fate taken(const struct foreign_table *t, const struct chain *base, uint32_t hook,
			 const struct foreign_packet *p)
{
	const struct foreign_packet seen = seen_at(hook, p), reply = reply_to(p);
	struct fate there, back = {0};

	foreign_run(t, base, &seen, &there);
	if (hook == NF_INET_FORWARD)
		foreign_run(t, base, &reply, &back);
	if (back.dropped == BELIEF_YES) /* a maybe of both ways is no news */
		there = back;
	if (there.dropped == BELIEF_YES && !meets_for_certain(base, hook, p))
		there.dropped = BELIEF_MAYBE;
	return there;
}

size_t foreign_drops(const struct foreign *f, const struct foreign_stop *stop, const struct foreign_packet *p,
		     struct obstacle *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct foreign_table *t = &f->tables[i];

		for (size_t k = 0; k < t->rules->n_chains; k++) {
			const struct chain *base = &t->rules->chains[k];

			if (base->priority < stop->first || base->priority > stop->last ||
			    !meets(t, base, "filter", stop->hook, p))
				continue;
			struct fate fate = taken(t, base, stop->hook, p);
			if (fate.dropped != BELIEF_NO && n++ < max)
				ret[n - 1] = (struct obstacle){t, base, foreign_tool(t, base, &fate), fate};
		}
	}
	return n;
}

size_t foreign_alters(const struct foreign *f, uint32_t hook, const struct foreign_packet *p, struct obstacle *ret,
		      size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct foreign_table *t = &f->tables[i];

		for (size_t k = 0; k < t->rules->n_chains; k++) {
			const struct chain *base = &t->rules->chains[k];
			struct fate fate;

			if (!meets(t, base, "filter", hook, p))
				continue;
			foreign_run(t, base, p, &fate);
			if (fate.altered == BELIEF_NO || n++ >= max)
				continue;
			fate = (struct fate){.altered = fate.altered,
					     .untracked = fate.untracked,
					     .altered_in = fate.altered_in,
					     .rule = fate.altered_by};
			ret[n - 1] = (struct obstacle){t, base, foreign_tool(t, base, &fate), fate};
		}
	}
	return n;
}

bool foreign_translates(const struct foreign *f, const struct foreign_packet *p, struct obstacle *ret)
{
	bool found = false;

	for (size_t i = 0; i < f->n; i++) {
		const struct foreign_table *t = &f->tables[i];

		for (size_t k = 0; k < t->rules->n_chains; k++) {
			const struct chain *base = &t->rules->chains[k];
			struct fate fate;

			if (!meets(t, base, "nat", NF_INET_PRE_ROUTING, p) ||
			    (found && base->priority >= ret->base->priority))
				continue;
			foreign_run(t, base, p, &fate);
			if (fate.translated == BELIEF_NO)
				continue;
			*ret = (struct obstacle){t, base, foreign_tool(t, base, &fate), fate};
			found = true;
		}
	}
	return found;
}
