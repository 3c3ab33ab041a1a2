/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zones are decided here, once, by name: the ruleset matches interface names, which survive an interface that goes and
 * comes back. Patterns become the names that are present, because most of our sets hold names only. */
#include <assert.h>
#include <stdio.h>

#include "topology.h"
#include "util.h"

enum { ETHERNET_MTU = 1500 };

bool ifname_matches(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	assert(name);
	if (len && pattern[len - 1] == '*')
		return strncmp(pattern, name, len - 1) == 0;
	return streq(pattern, name);
}

static bool is_pattern(const char *name)
{
	return *name && name[strlen(name) - 1] == '*';
}

/* ---- Interfaces --------------------------------------------------------------------------------- */

enum match { MATCH_NONE, MATCH_PATTERN, MATCH_NAME };

static enum match list_match(char *const *list, size_t n, const char *name)
{
	enum match best = MATCH_NONE;

	for (size_t i = 0; i < n && best != MATCH_NAME; i++)
		if (ifname_matches(list[i], name))
			best = is_pattern(list[i]) ? MATCH_PATTERN : MATCH_NAME;
	return best;
}

/* What is known while the value is built. */
struct inputs {
	const struct settings *settings;
	const struct facts *facts;
	const struct wan_memory *memory;
};

static bool holds_default(const struct facts *facts, uint32_t index)
{
	for (size_t i = 0; i < facts->n_routes; i++)
		if (facts->routes[i].index == index)
			return true;
	return false;
}

/* `link` is NULL while there is none of that name. */
static bool wan_by_route(const struct inputs *in, const char *name, const struct link *link)
{
	if (in->settings->n_wan)
		return false;
	if (in->facts->n_routes)
		return link && holds_default(in->facts, link->index);
	return strings_have(&in->memory->last, name);
}

/* The zone that the file names. A name says more than a pattern that happens to match; of two patterns the one that
 * trusts least counts. */
static enum zone named_zone(const struct settings *s, const char *name, enum match least)
{
	const struct {
		enum zone zone;
		char *const *names;
		size_t n;
	} lists[] = {{ZONE_WAN, s->wan, s->n_wan}, {ZONE_DMZ, s->dmz, s->n_dmz}, {ZONE_LAN, s->lan, s->n_lan}};
	enum zone zone = ZONE_NONE;
	enum match best = MATCH_NONE;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		enum match match = list_match(lists[i].names, lists[i].n, name);

		if (match < least || match <= best)
			continue;
		best = match;
		zone = lists[i].zone;
	}
	return zone;
}

/* A pattern never means loopback. */
static struct interface judge(const struct inputs *in, const char *name, const struct link *link)
{
	bool l3 = link && link->l3 && !link->loopback;
	enum zone named = named_zone(in->settings, name, link && link->loopback ? MATCH_NAME : MATCH_PATTERN);
	struct interface result = {
		.present = link,
		.l3 = l3,
		.bridge = l3 && link->bridge,
		.narrow = l3 && link->mtu && link->mtu < ETHERNET_MTU,
		.from_route = wan_by_route(in, name, link),
	};

	snprintf(result.name, sizeof(result.name), "%s", name);
	result.zone = result.from_route ? ZONE_WAN : named;
	result.overridden = result.from_route ? named : ZONE_NONE;
	result.former = !in->settings->n_wan && result.zone == ZONE_NONE && strings_have(&in->memory->former, name);
	return result;
}

/* By name, what is present first. */
static int interface_cmp(const void *left, const void *right)
{
	const struct interface *a = left, *b = right;
	int r = strcmp(a->name, b->name);

	return r ? r : b->present - a->present;
}

/* Room was made for all of them. */
static void add_absent(struct topology *t, const struct inputs *in, char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_pattern(names[i]))
			t->interfaces[t->n_interfaces++] = judge(in, names[i], NULL);
}

static void add_interfaces(struct topology *t, const struct inputs *in)
{
	const struct settings *s = in->settings;
	const struct wan_memory *m = in->memory;
	size_t all = in->facts->n_links + s->n_wan + s->n_lan + s->n_dmz + m->last.n + m->former.n, kept = 0;

	t->interfaces = xcalloc(all, sizeof(*t->interfaces));
	for (size_t i = 0; i < in->facts->n_links; i++)
		t->interfaces[t->n_interfaces++] = judge(in, in->facts->links[i].name, &in->facts->links[i]);
	add_absent(t, in, s->wan, s->n_wan);
	add_absent(t, in, s->lan, s->n_lan);
	add_absent(t, in, s->dmz, s->n_dmz);
	if (!s->n_wan && !in->facts->n_routes)
		add_absent(t, in, m->last.items, m->last.n);
	if (!s->n_wan)
		add_absent(t, in, m->former.items, m->former.n);
	qsort(t->interfaces, t->n_interfaces, sizeof(*t->interfaces), interface_cmp);
	for (size_t i = 0; i < t->n_interfaces; i++) {
		if (kept && streq(t->interfaces[kept - 1].name, t->interfaces[i].name))
			continue;
		t->wan_known |= t->interfaces[i].zone == ZONE_WAN;
		t->interfaces[kept++] = t->interfaces[i];
	}
	t->n_interfaces = kept;
}

/* ---- Addresses ---------------------------------------------------------------------------------- */

struct candidate { /* for the one entry of its address */
	const struct address *address;
	const struct interface *interface;
};

/* The wan interface's entry first: forwards listen there. */
static int candidate_cmp(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;
	int r = ip_cmp(&a->address->ip, &b->address->ip);

	r = r ? r : (b->interface->zone == ZONE_WAN) - (a->interface->zone == ZONE_WAN);
	r = r ? r : strcmp(a->interface->name, b->interface->name);
	return r ? r : a->address->prefix_len - b->address->prefix_len;
}

static int link_index_cmp(const void *key, const void *item)
{
	const uint32_t *index = key;
	const struct link *link = item;

	return (*index > link->index) - (*index < link->index);
}

static const struct interface *owner(const struct topology *t, const struct facts *facts, uint32_t index)
{
	const struct link *link = NULL;

	if (facts->n_links)
		link = bsearch(&index, facts->links, facts->n_links, sizeof(*link), link_index_cmp);
	return link ? topology_interface(t, link->name) : NULL;
}

static void add_addresses(struct topology *t, const struct facts *facts)
{
	_cleanup_(freep) struct candidate *all = xcalloc(facts->n_addresses, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < facts->n_addresses; i++) {
		const struct interface *in = owner(t, facts, facts->addresses[i].index);

		if (in)
			all[n++] = (struct candidate){.address = &facts->addresses[i], .interface = in};
	}
	qsort(all, n, sizeof(*all), candidate_cmp);
	t->addresses = xcalloc(n, sizeof(*t->addresses));
	for (size_t i = 0; i < n; i++) {
		struct local_address *a = &t->addresses[t->n_addresses];

		if (t->n_addresses && ip_cmp(&a[-1].ip, &all[i].address->ip) == 0)
			continue;
		a->ip = all[i].address->ip;
		a->prefix_len = all[i].address->prefix_len;
		memcpy(a->ifname, all[i].interface->name, sizeof(a->ifname));
		t->n_addresses++;
	}
}

static void add_networks(struct topology *t, const struct facts *facts)
{
	size_t n = 0;

	t->networks = xcalloc(facts->n_addresses, sizeof(*t->networks));
	for (size_t i = 0; i < facts->n_addresses; i++) {
		const struct address *a = &facts->addresses[i];
		const struct interface *in = owner(t, facts, a->index);

		if (in && in->l3 && a->prefix_len < ip_len(&a->ip) * 8)
			t->networks[n++] = prefix_of(&a->ip, a->prefix_len);
	}
	t->n_networks = prefixes_normalize(t->networks, n);
}

/* ---- Memory -------------------------------------------------------------------------------------- */

void wan_memory_free(struct wan_memory *m)
{
	strings_free(&m->last);
	strings_free(&m->former);
}

/* A name out of the list; the others keep their order. */
static void forget(struct strings *s, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (streq(s->items[i], name))
			free(s->items[i]);
		else
			s->items[kept++] = s->items[i];
	}
	s->n = kept;
}

bool wan_memory_update(struct wan_memory *m, const struct settings *settings, const struct topology *t)
{
	enum { FORMER_MAX = 64 }; /* ppp0, ppp1, ... */
	struct strings now = {0};
	bool same;

	for (size_t i = 0; i < t->n_interfaces && !settings->n_wan; i++)
		if (t->interfaces[i].from_route)
			strings_add(&now, xstrdup(t->interfaces[i].name));
	same = now.n == 0 || now.n == m->last.n;
	for (size_t i = 0; i < now.n && same; i++)
		same = strings_have(&m->last, now.items[i]);
	if (same) {
		strings_free(&now);
		return false;
	}
	for (size_t i = 0; i < m->last.n; i++)
		if (!strings_have(&now, m->last.items[i]) && !strings_have(&m->former, m->last.items[i]))
			strings_add(&m->former, xstrdup(m->last.items[i]));
	for (size_t i = 0; i < now.n; i++)
		forget(&m->former, now.items[i]);
	while (m->former.n > FORMER_MAX)
		forget(&m->former, m->former.items[0]);
	strings_free(&m->last);
	m->last = now;
	return true;
}

/* ---- The value ---------------------------------------------------------------------------------- */

struct topology *topology_build(const struct settings *settings, const struct facts *facts,
				const struct wan_memory *memory)
{
	const struct inputs in = {settings, facts, memory};
	struct topology *t = xcalloc(1, sizeof(*t));

	add_interfaces(t, &in);
	add_addresses(t, facts);
	add_networks(t, facts);
	return t;
}

void topology_free(struct topology *t)
{
	if (!t)
		return;
	free(t->interfaces);
	free(t->addresses);
	free(t->networks);
	free(t);
}

void topology_freep(struct topology **t)
{
	topology_free(*t);
}

static bool interface_same(const struct interface *a, const struct interface *b)
{
	return streq(a->name, b->name) && a->zone == b->zone && a->present == b->present && a->l3 == b->l3 &&
	       a->bridge == b->bridge && a->narrow == b->narrow && a->from_route == b->from_route &&
	       a->former == b->former && a->overridden == b->overridden;
}

static bool address_same(const struct local_address *a, const struct local_address *b)
{
	return ip_cmp(&a->ip, &b->ip) == 0 && a->prefix_len == b->prefix_len && streq(a->ifname, b->ifname);
}

/* wan_known follows from the interfaces. */
bool topology_same(const struct topology *a, const struct topology *b)
{
	if (a->n_interfaces != b->n_interfaces || a->n_addresses != b->n_addresses)
		return false;
	for (size_t i = 0; i < a->n_interfaces; i++)
		if (!interface_same(&a->interfaces[i], &b->interfaces[i]))
			return false;
	for (size_t i = 0; i < a->n_addresses; i++)
		if (!address_same(&a->addresses[i], &b->addresses[i]))
			return false;
	return prefixes_same(a->networks, a->n_networks, b->networks, b->n_networks);
}

static int name_cmp(const void *name, const void *item)
{
	const struct interface *in = item;

	return strcmp(name, in->name);
}

const struct interface *topology_interface(const struct topology *t, const char *name)
{
	if (!t->n_interfaces)
		return NULL;
	return bsearch(name, t->interfaces, t->n_interfaces, sizeof(*t->interfaces), name_cmp);
}

static int local_ip_cmp(const void *ip, const void *item)
{
	const struct local_address *a = item;

	return ip_cmp(ip, &a->ip);
}

const struct local_address *topology_address(const struct topology *t, const struct ip *ip)
{
	if (!t->n_addresses)
		return NULL;
	return bsearch(ip, t->addresses, t->n_addresses, sizeof(*t->addresses), local_ip_cmp);
}

const struct local_address *topology_neighbour(const struct topology *t, const struct ip *ip,
					       const struct local_address *preferred)
{
	const struct local_address *best = NULL;

	for (size_t i = 0; i < t->n_addresses; i++) {
		const struct local_address *a = &t->addresses[i];
		const struct prefix network = {a->ip, a->prefix_len};

		if (prefix_contains(&network, ip) &&
		    (!best || a->prefix_len > best->prefix_len || (a->prefix_len == best->prefix_len && a == preferred)))
			best = a;
	}
	return best;
}

bool topology_is_local(const struct topology *t, const struct ip *ip)
{
	return topology_address(t, ip) != NULL;
}

const struct interface *topology_one_nic(const struct topology *t)
{
	const struct interface *nic = NULL;

	for (size_t i = 0; i < t->n_addresses; i++) {
		const struct interface *in = topology_interface(t, t->addresses[i].ifname);

		if (!in || !in->l3)
			continue;
		if (nic && nic != in)
			return NULL;
		nic = in;
	}
	return nic;
}

/* ---- What the zones cannot do here --------------------------------------------------------------- */

static const char *const zone_names[] = {
	[ZONE_NONE] = "none", [ZONE_WAN] = "wan", [ZONE_LAN] = "lan", [ZONE_DMZ] = "dmz"};

const char *zone_name(enum zone zone)
{
	return zone_names[zone];
}

/* One of them is in a dmz, the other is not, and hosts of the one find those of the other without us. */
static void find_shared(const struct topology *t, const struct local_address *a, const struct local_address *b,
			topology_each each, void *ctx)
{
	const struct interface *of_a = topology_interface(t, a->ifname), *of_b = topology_interface(t, b->ifname);
	struct prefix net_a = prefix_of(&a->ip, a->prefix_len), net_b = prefix_of(&b->ip, b->prefix_len);
	char text[PREFIX_TEXT_MAX];

	if ((of_a->zone == ZONE_DMZ) == (of_b->zone == ZONE_DMZ))
		return;
	if (!prefix_contains(&net_a, &b->ip) && !prefix_contains(&net_b, &a->ip))
		return;
	each(ctx, of_a->zone == ZONE_DMZ ? a : b,
	     xasprintf("%s (%s) and %s (%s) are both in %s: hosts on one wire reach each other past this gateway, which "
		       "cannot keep them apart",
		       of_a->name, zone_name(of_a->zone), of_b->name, zone_name(of_b->zone),
		       prefix_text(net_a.len < net_b.len ? &net_a : &net_b, text)));
}

void topology_shared(const struct topology *t, topology_each each, void *ctx)
{
	for (size_t i = 0; i < t->n_addresses; i++)
		for (size_t k = i + 1; k < t->n_addresses; k++)
			find_shared(t, &t->addresses[i], &t->addresses[k], each, ctx);
}

static void warn_of_shared(void *ctx, const struct local_address *dmz, char *text)
{
	(void)dmz;
	diag_warn(ctx,
		  "%s; give the dmz a network or VLAN of its own, or isolate its bridge ports "
		  "(bridge link set dev PORT isolated on)",
		  text);
	free(text);
}

void topology_warn(const struct topology *t, struct diag *diag)
{
	for (size_t i = 0; i < t->n_interfaces; i++) {
		const struct interface *in = &t->interfaces[i];

		if (in->overridden)
			diag_warn(diag, "%s is named %s in gwd.yaml, but holds the default route: taken as wan%s",
				  in->name, zone_name(in->overridden),
				  in->overridden == ZONE_DMZ ? ", and nothing keeps its hosts apart" : "");
	}
	topology_shared(t, warn_of_shared, diag);
}
