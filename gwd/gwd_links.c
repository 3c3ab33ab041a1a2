/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces and addresses as they come and go: the rules follow the topology, and whoever watches is told in words. Of
 * interfaces only those in a zone are told: a host of containers makes and drops others all day. */
#include "gwd_drift.h"

enum { LINES_MAX = 20 }; /* of one change: a machine may have thousands of addresses */

/* ---- In words ------------------------------------------------------------------------------------ */

struct news {
	struct strings lines;
	size_t more; /* left out */
};

static void tell(struct news *n, char *line) /* takes it */
{
	if (n->lines.n < LINES_MAX) {
		strings_add(&n->lines, line);
		return;
	}
	n->more++;
	free(line);
}

static const char *zone_of(const struct topology *t, const char *ifname)
{
	const struct interface *in = topology_interface(t, ifname);

	return zone_name(in ? in->zone : ZONE_NONE);
}

static bool of_interest(const struct interface *in)
{
	return in->zone != ZONE_NONE || in->former;
}

/* Both are what they were then and now; one may be NULL. */
static void tell_interface(struct news *n, const struct interface *was, const struct interface *now)
{
	const struct interface *in = now ? now : was;
	bool before = was && was->present, after = now && now->present;

	if (!(was && of_interest(was)) && !(now && of_interest(now)))
		return;
	if (before != after)
		tell(n, xasprintf("%s (%s) is %s", in->name, zone_name(in->zone), after ? "there" : "gone"));
	else if (was && now && was->zone != now->zone)
		tell(n, xasprintf("%s is %s now, it was %s", in->name, zone_name(now->zone), zone_name(was->zone)));
}

static void tell_interfaces(struct news *n, const struct topology *was, const struct topology *now)
{
	for (size_t i = 0; i < was->n_interfaces; i++)
		tell_interface(n, &was->interfaces[i], topology_interface(now, was->interfaces[i].name));
	for (size_t i = 0; i < now->n_interfaces; i++)
		if (!topology_interface(was, now->interfaces[i].name))
			tell_interface(n, NULL, &now->interfaces[i]);
}

static bool has_address(const struct topology *t, const struct local_address *a)
{
	const struct local_address *there = topology_address(t, &a->ip);

	return there && there->prefix_len == a->prefix_len && streq(there->ifname, a->ifname);
}

/* Those of `t` that `other` lacks. */
static void tell_addresses(struct news *n, const struct topology *t, const struct topology *other, const char *what)
{
	for (size_t i = 0; i < t->n_addresses; i++) {
		const struct local_address *a = &t->addresses[i];
		char ip[ADDR_TEXT_MAX];

		if (!has_address(other, a))
			tell(n, xasprintf("%s (%s): address %s/%u is %s", a->ifname, zone_of(t, a->ifname),
					  ip_text(&a->ip, ip), a->prefix_len, what));
	}
}

static void tell_carrier(struct news *n, const struct topology *t, const struct link *was, const struct link *now)
{
	const struct interface *in = topology_interface(t, now->name);
	const char *zone = zone_of(t, now->name);

	if (!in || !of_interest(in))
		return;
	if (was->up != now->up)
		tell(n, xasprintf("%s (%s) is %s", now->name, zone, now->up ? "up" : "down"));
	else if (was->carrier != now->carrier)
		tell(n, xasprintf("%s (%s): carrier %s", now->name, zone, now->carrier ? "is back" : "lost"));
}

/* All but the last, which is the event of the change itself: it says what that took. NULL: there is none. */
static const char *say_but_last(struct gwd *g, struct news *n)
{
	if (n->more)
		strings_add(&n->lines, xasprintf("and %zu more change%s of interfaces and addresses", n->more,
						 plural(n->more, "s")));
	for (size_t i = 0; i + 1 < n->lines.n; i++)
		event_say(g->events, EVENT_LINK, LOG_INFO, "%s", n->lines.items[i]);
	return n->lines.n ? n->lines.items[n->lines.n - 1] : NULL;
}

/* ---- The event ----------------------------------------------------------------------------------- */

int gwd_links_fd(const struct gwd *g)
{
	return links_fd(g->links);
}

/* Reads what there is; of the interfaces that stay, tells who came up or went down. */
static void read_links(struct gwd *g, struct news *n)
{
	const struct facts *facts = links_facts(g->links);
	size_t n_before = facts->n_links;
	_cleanup_(freep) struct link *before = xcalloc(n_before + 1, sizeof(*before));
	_cleanup_(diag_free) struct diag diag = {0};

	memcpy(before, facts->links, n_before * sizeof(*before));
	if (links_read(g->links, &diag) < 0)
		road_failed(g, "interfaces could not be read", &diag);
	facts = links_facts(g->links);
	for (size_t i = 0, old = 0; i < facts->n_links; i++) { /* both are sorted by index */
		while (old < n_before && before[old].index < facts->links[i].index)
			old++;
		if (old < n_before && before[old].index == facts->links[i].index)
			tell_carrier(n, g->topology, &before[old], &facts->links[i]);
	}
}

void gwd_links_event(struct gwd *g)
{
	_cleanup_(draft_free) struct draft d = {0};
	struct news news = {0};
	const char *last;

	read_links(g, &news);
	d.topology = road_observe(g, g->world->settings);
	if (!g->frozen && !topology_same(d.topology, g->topology)) {
		tell_interfaces(&news, g->topology, d.topology);
		tell_addresses(&news, g->topology, d.topology, "gone");
		tell_addresses(&news, d.topology, g->topology, "there");
		d.said = say_but_last(g, &news);
		road_follow(g, &d, "interfaces changed, but the rules could not follow");
	} else if ((last = say_but_last(g, &news))) {
		event_say(g->events, EVENT_LINK, LOG_INFO, "%s", last);
	}
	strings_free(&news.lines);
	if (links_forwarding_changed(g->links))
		drift_forwarding_changed(g);
}
