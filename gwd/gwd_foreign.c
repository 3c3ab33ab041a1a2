/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every port of every forward would be a packet to judge, and a host may have 100,000 forwards and a firewall of 1,000
 * rules: so a range is judged by its ends, and after WORK_MAX rules the rest is left out. What is found is told by
 * chain, because it is the chain that is put right. */
#include "gwd_foreign.h"

#include <errno.h>
#include <linux/netfilter.h>

#include "foreign.h"

enum {
	WORK_MAX =
		1000000, /* rules that one question looks at: some tenths of a second, in which nobody else is served */
	PACKET_WORK = 50,   /* of a packet where there are no rules */
	IN_THE_WAY_MAX = 8, /* base chains that drop one packet */
	NAMED_MAX = 3,      /* forwards that a message names */
	TAKEN_MAX = 20,     /* messages about translations of others */
	ENTRANCES_MAX = 16,
};

struct others {
	struct foreign *tables; /* NULL: not read yet, or cannot be read */
	bool stale;             /* they were changed since */
	bool unsaid;            /* ... and the log does not know what came of it */
	bool looked;            /* for the log, since the last others_settle */
	struct strings said;    /* to the log */
	struct gwd_firewall *firewalls;
	size_t n_firewalls;
};

/* ---- Findings ------------------------------------------------------------------------------------ */

/* A chain that drops, with all that it drops. */
struct finding {
	struct obstacle obstacle;
	struct foreign_packet packet; /* the first one */
	const void *last;             /* what was counted last */
	struct buf names;
	size_t n;
};

struct findings {
	const struct gwd *gwd;
	const struct foreign *tables;
	struct finding *drops;
	size_t n_drops, drops_capacity;
	struct strings taken; /* messages */
	size_t price;         /* of a packet: all rules there are */
	size_t work;          /* so far */
};

static void findings_free(struct findings *f)
{
	for (size_t i = 0; i < f->n_drops; i++)
		buf_free(&f->drops[i].names);
	free(f->drops);
	strings_free(&f->taken);
}

static struct finding *finding_of(struct findings *all, const struct obstacle *o, const struct foreign_packet *p)
{
	struct finding *f;

	for (size_t i = 0; i < all->n_drops; i++) {
		f = &all->drops[i];
		if (f->obstacle.base == o->base && f->obstacle.fate.dropped == o->fate.dropped &&
		    streq(f->obstacle.fate.dropped_in, o->fate.dropped_in))
			return f;
	}
	all->drops = grow(all->drops, all->n_drops, &all->drops_capacity, sizeof(*all->drops));
	f = &all->drops[all->n_drops++];
	*f = (struct finding){.obstacle = *o, .packet = *p};
	return f;
}

/* One more packet may be judged. */
static bool spend(struct findings *all)
{
	for (size_t i = 0; i < all->tables->n && !all->work; i++)
		for (size_t k = 0; k < all->tables->tables[i].rules->n_chains; k++)
			all->price += all->tables->tables[i].rules->chains[k].n;
	all->work += PACKET_WORK + all->price;
	return all->work <= WORK_MAX;
}

/* Where firewalls filter, a "may" is worth a word. Ahead of that and behind it stand checks of sources and rates, of
 * which each may drop anything, in healthy set-ups too: there only what is certain is. */
static bool is_worth_a_word(const struct obstacle *o, const struct foreign_stop *stop)
{
	return o->fate.dropped == BELIEF_YES || stop->hook == NF_INET_FORWARD || stop->hook == NF_INET_LOCAL_IN;
}

static void judge_stop(struct findings *all, const struct foreign_stop *stop, const struct foreign_packet *p,
		       const void *what, const char *name)
{
	struct obstacle in_the_way[IN_THE_WAY_MAX];
	size_t n = foreign_drops(all->tables, stop, p, in_the_way, IN_THE_WAY_MAX);

	for (size_t i = 0; i < n && i < IN_THE_WAY_MAX; i++) {
		struct finding *f = is_worth_a_word(&in_the_way[i], stop) ? finding_of(all, &in_the_way[i], p) : NULL;

		if (!f || f->last == what)
			continue;
		f->last = what;
		if (f->n++ < NAMED_MAX)
			buf_printf(&f->names, "%s%s", f->n > 1 ? ", " : "", name);
	}
}

/* `what` is the forward or opening, once each; `to` the end of its way. */
static void judge(struct findings *all, unsigned to, const struct foreign_packet packets[FOREIGN_FACES],
		  const void *what, const char *name)
{
	struct foreign_stop stops[FOREIGN_STOPS_MAX];
	size_t n = foreign_way(FOREIGN_FROM_OUTSIDE | to, stops);

	if (!spend(all))
		return;
	for (size_t i = 0; i < n; i++)
		judge_stop(all, &stops[i], &packets[stops[i].face], what, name);
}

/* ---- Packets of a forward ------------------------------------------------------------------------ */

static uint32_t index_of(const struct gwd *g, const char *ifname)
{
	const struct facts *facts = links_facts(g->links);

	for (size_t i = 0; i < facts->n_links; i++)
		if (streq(facts->links[i].name, ifname))
			return facts->links[i].index;
	return 0;
}

static void set_interface(const struct gwd *g, struct foreign_end *end, const char *ifname)
{
	memcpy(end->ifname, ifname, strlen(ifname) + 1);
	end->ifindex = index_of(g, ifname);
}

/* A target in a directly connected network is reached through its interface; elsewhere routing decides. */
static void set_way_out(const struct gwd *g, struct foreign_end *end)
{
	const struct local_address *near = topology_neighbour(g->topology, &end->ip, NULL);

	if (near)
		set_interface(g, end, near->ifname);
}

/* Connections come from outside; with several outsides any may be meant. */
static void set_way_in(const struct gwd *g, const struct forward *f, struct foreign_end *end)
{
	const struct interface *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < g->topology->n_interfaces; i++) {
		const struct interface *in = &g->topology->interfaces[i];

		if (in->zone != ZONE_WAN || !in->present)
			continue;
		only = in;
		n++;
	}
	if (f && f->listen.kind == LISTEN_INTERFACE)
		set_interface(g, end, f->listen.ifname);
	else if (n == 1)
		set_interface(g, end, only->name);
}

/* Answers go out where connections come in only when there is no other outside. */
static struct foreign_end way_back(const struct gwd *g, const struct foreign_end *from)
{
	struct foreign_end only = {0};

	set_way_in(g, NULL, &only);
	return streq(only.ifname, from->ifname) ? only : (struct foreign_end){0};
}

/* Addresses that the forward listens on now; one that is not known when there is none. */
static size_t entrances(const struct gwd *g, const struct forward *f, struct ip ret[ENTRANCES_MAX])
{
	size_t n = 0;

	if (f->listen.kind == LISTEN_ADDRESS) {
		ret[0] = f->listen.addr;
		return 1;
	}
	for (size_t i = 0; i < g->topology->n_addresses && n < ENTRANCES_MAX; i++) {
		const struct local_address *a = &g->topology->addresses[i];
		const struct interface *in = topology_interface(g->topology, a->ifname);

		if (a->ip.family == f->family &&
		    (f->listen.kind == LISTEN_INTERFACE ? streq(f->listen.ifname, a->ifname)
							: in && in->zone == ZONE_WAN))
			ret[n++] = a->ip;
	}
	if (!n)
		ret[n++] = (struct ip){0};
	return n;
}

/* As it arrives: where one of several addresses is dialled, or one of an inside, what hangs on that is not certain. */
static struct foreign_packet dialled(const struct findings *all, const struct forward *f,
				     const struct foreign_packet *sent)
{
	struct foreign_packet p = {.family = f->family, .proto = sent->proto, .from = sent->from, .local = true};
	struct ip addresses[ENTRANCES_MAX];
	const struct local_address *at;

	if (f->no_nat)
		return *sent;
	if (entrances(all->gwd, f, addresses) == 1)
		p.to.ip = addresses[0];
	at = topology_address(all->gwd->topology, &p.to.ip);
	if (at && !streq(at->ifname, p.from.ifname))
		p.from = (struct foreign_end){0};
	return p;
}

static void judge_port(struct findings *all, const struct forward *f, uint16_t listened, uint16_t port,
		       struct foreign_packet packets[FOREIGN_FACES])
{
	packets[FOREIGN_DIALLED].to.port = listened;
	packets[FOREIGN_SENT].to.port = port;
	packets[FOREIGN_ANSWERED].from.port = packets[FOREIGN_RETURNING].from.port = port;
	packets[FOREIGN_RETURNED].from.port = listened;
	judge(all, FOREIGN_TO_TARGET, packets, f, f->name);
}

static void judge_target(struct findings *all, const struct forward *f, const struct target *t,
			 struct foreign_packet packets[FOREIGN_FACES])
{
	for (size_t i = 0; i < f->n_ports; i++) {
		const struct port_range listened = f->ports[i];

		judge_port(all, f, listened.first, forward_target_port(f, t, listened, listened.first), packets);
		if (listened.last != listened.first)
			judge_port(all, f, listened.last, forward_target_port(f, t, listened, listened.last), packets);
	}
}

static struct foreign_packet answer(const struct foreign_packet *p, struct foreign_end to)
{
	return (struct foreign_packet){.family = p->family,
				       .proto = p->proto,
				       .from = p->to,
				       .to = to,
				       .reply = true,
				       .translated = p->translated};
}

/* Who gets the first of them is us, where it is masqueraded, or else the client: neither is known. */
static void answers(const struct findings *all, struct foreign_packet packets[FOREIGN_FACES])
{
	const struct foreign_packet *dialled = &packets[FOREIGN_DIALLED], *sent = &packets[FOREIGN_SENT];

	packets[FOREIGN_ANSWERED] = answer(sent, (struct foreign_end){0});
	packets[FOREIGN_RETURNING] = answer(sent, way_back(all->gwd, &dialled->from));
	packets[FOREIGN_RETURNED] = packets[FOREIGN_RETURNING];
	packets[FOREIGN_RETURNED].from.ip = dialled->to.ip;
}

static void judge_drops(struct findings *all, const struct forward *f, uint8_t proto)
{
	struct foreign_packet sent = {.family = f->family, .proto = proto, .translated = !f->no_nat};

	set_way_in(all->gwd, f, &sent.from);
	for (size_t i = 0; i < f->n_targets; i++) {
		if (f->targets[i].state == TARGET_OFF)
			continue;
		sent.to = (struct foreign_end){.ip = f->targets[i].addr};
		set_way_out(all->gwd, &sent.to);
		struct foreign_packet packets[FOREIGN_FACES] = {
			[FOREIGN_DIALLED] = dialled(all, f, &sent),
			[FOREIGN_SENT] = sent,
		};
		answers(all, packets);
		judge_target(all, f, &f->targets[i], packets);
	}
}

/* ---- Translations of others ---------------------------------------------------------------------- */

/* "tcp 80 is already translated by Docker (table ip nat, chain DOCKER) to 172.17.0.2:80; ..." Caller's string. */
static char *taken_text(const struct obstacle *o, const struct forward *f, const char *proto, uint16_t port)
{
	bool ours_first = o->base->priority > FOREIGN_OURS;
	_cleanup_(freep) char *place = foreign_place(o), *to = NULL;
	struct forward like = {.family = o->fate.to.family};
	uint16_t to_port = o->fate.to_port ? o->fate.to_port : port;
	struct target target = {.addr = o->fate.to, .ports = {to_port, to_port}};

	to = like.family ? target_text(&like, &target) : NULL;
	return xasprintf("%s: %s %u %s translated by %s%s%s; %s", f->name, proto, port,
			 o->fate.translated == BELIEF_YES ? "is already" : "may already be", place, to ? " to " : "",
			 to ? to : "",
			 ours_first ? "gwd's rule runs first and takes it"
				    : "that rule runs first, and what it takes never reaches this forward");
}

/* The first port of the range that is taken, if any. */
static bool judge_taken(struct findings *all, const struct forward *f, struct foreign_packet *p,
			struct port_range ports, const char *proto)
{
	struct obstacle o;

	for (uint32_t port = ports.first; port <= ports.last && spend(all); port++) {
		p->to.port = (uint16_t)port;
		if (!foreign_translates(all->tables, p, &o))
			continue;
		strings_add(&all->taken, taken_text(&o, f, proto, p->to.port));
		return true;
	}
	return false;
}

static void judge_translations(struct findings *all, const struct forward *f, uint8_t number, const char *proto)
{
	struct foreign_packet p = {.family = f->family, .proto = number, .local = true};
	struct ip addresses[ENTRANCES_MAX];
	size_t n = entrances(all->gwd, f, addresses);
	bool taken = all->taken.n >= TAKEN_MAX;

	set_way_in(all->gwd, f, &p.from);
	for (size_t i = 0; i < n; i++) {
		p.to.ip = addresses[i];
		for (size_t k = 0; k < f->n_ports && !taken; k++)
			taken = judge_taken(all, f, &p, f->ports[k], proto);
	}
}

static void judge_forward(struct findings *all, const struct forward *f)
{
	for (size_t i = 0; i < PROTO_COUNT; i++) {
		if (!(f->protos & 1u << i))
			continue;
		judge_drops(all, f, proto_numbers[i]);
		if (!f->no_nat)
			judge_translations(all, f, proto_numbers[i], proto_names[i]);
	}
}

/* ---- Everything ---------------------------------------------------------------------------------- */

static void judge_opening(struct findings *all, const struct opening *o)
{
	static const uint8_t families[FAMILIES] = {AF_INET, AF_INET6};
	_cleanup_(freep) char *text = opening_text(o);
	_cleanup_(freep) char *name = xasprintf("the gateway's own %s", text);

	for (size_t i = 0; i < PROTO_COUNT * FAMILIES; i++) {
		size_t proto = i / FAMILIES;
		struct foreign_packet p = {
			.family = families[i % FAMILIES], .proto = proto_numbers[proto], .local = true};

		if (!(o->protos & 1u << proto))
			continue;
		if (o->in == OPENING_WAN)
			set_way_in(all->gwd, NULL, &p.from);
		p.to.port = o->ports.first;
		judge(all, FOREIGN_TO_HERE,
		      (struct foreign_packet[FOREIGN_FACES]){
			      [FOREIGN_DIALLED] = p,
			      [FOREIGN_SENT] = p,
			      [FOREIGN_RETURNED] = answer(&p, way_back(all->gwd, &p.from)),
		      },
		      o, name);
	}
}

static void judge_all(struct findings *all)
{
	size_t n;
	_cleanup_(freep) struct opening *open = world_openings(all->gwd->world, &n);

	for (const struct forward_entry *e = forwards_first(all->gwd->world->forwards); e; e = e->next)
		if (e->active && all->work < WORK_MAX)
			judge_forward(all, e->forward);
	for (size_t i = 0; i < n; i++)
		judge_opening(all, &open[i]);
}

/* "web, mail and 3 more: dropped by ufw (table ip filter, chain FORWARD): ufw route allow ..." Caller's string. */
static char *drop_text(const struct finding *f, const struct remedy *remedy)
{
	bool certain = f->obstacle.fate.dropped == BELIEF_YES;
	_cleanup_(freep) char *place = foreign_place(&f->obstacle),
			      *more = f->n > NAMED_MAX ? xasprintf(" and %zu more", f->n - NAMED_MAX) : xstrdup("");

	return xasprintf("%s%s: %s by %s; %s: %s", f->names.data, more, certain ? "dropped" : "may be dropped", place,
			 !certain   ? "if so"
			 : f->n > 1 ? "to let the first through"
				    : "to let it through",
			 remedy_text(remedy));
}

/* What makes a remedy last is a line of its own for who is to do it, and nothing for the log. */
static void texts(struct findings *all, bool lasting, struct strings *ret)
{
	for (size_t i = 0; i < all->n_drops; i++) {
		const struct finding *f = &all->drops[i];
		_cleanup_(remedy_free) struct remedy remedy = foreign_remedy(&f->obstacle, &f->packet);

		strings_add(ret, drop_text(f, &remedy));
		if (lasting && remedy.lasting)
			strings_add(ret, xasprintf("for good: %s", remedy.lasting));
	}
	for (size_t i = 0; i < all->taken.n; i++)
		strings_add(ret, xstrdup(all->taken.items[i]));
}

/* ---- Looking ------------------------------------------------------------------------------------- */

struct others *others_new(void)
{
	struct others *o = xcalloc(1, sizeof(*o));

	o->stale = true;
	return o;
}

static void free_firewalls(struct others *o)
{
	for (size_t i = 0; i < o->n_firewalls; i++) {
		free(o->firewalls[i].table);
		free(o->firewalls[i].chain);
		remedy_free(&o->firewalls[i].remedy);
	}
	free(o->firewalls);
	o->firewalls = NULL;
	o->n_firewalls = 0;
}

void others_free(struct others *o)
{
	if (!o)
		return;
	foreign_free(o->tables);
	strings_free(&o->said);
	free_firewalls(o);
	free(o);
}

/* The tables as they are now; NULL: not known. Costs nothing while nobody changes them. */
const struct foreign *others_tables(struct gwd *g)
{
	_cleanup_(diag_free) struct diag why = {0};
	struct others *o = g->others;
	struct foreign *now = NULL;

	if (!o->stale)
		return o->tables;
	if (kernel_read_foreign(g->kernel, false, &now, &why) < 0) {
		event_say(g->events, EVENT_PROBLEM, LOG_WARN, "%s; what they drop is not known",
			  why.n ? why.mistakes[0].message : "?");
		return o->tables;
	}
	foreign_free(o->tables);
	o->tables = now;
	o->stale = false;
	return now;
}

/* There is nothing that they could take away. */
static bool idle(const struct gwd *g)
{
	return !g->active[V4] && !g->active[V6] && !g->world->settings->n_open && !g->world->open.n;
}

static void look(struct gwd *g)
{
	_cleanup_(findings_free) struct findings all = {.gwd = g};
	struct others *o = g->others;
	struct strings now = {0};

	o->looked = true;
	all.tables = idle(g) ? NULL : others_tables(g);
	o->unsaid = o->stale;
	if (all.tables)
		judge_all(&all);
	else if (!idle(g))
		return;
	texts(&all, false, &now);
	for (size_t i = 0; i < now.n; i++)
		if (!strings_have(&o->said, now.items[i]))
			event_say(g->events, EVENT_FIREWALL, LOG_WARN, "%s", now.items[i]);
	for (size_t i = 0; i < o->said.n; i++)
		if (!strings_have(&now, o->said.items[i]))
			event_say(g->events, EVENT_FIREWALL, LOG_NOTE, "no longer so: %s", o->said.items[i]);
	strings_free(&o->said);
	o->said = now;
}

void others_changed(struct gwd *g)
{
	g->others->stale = g->others->unsaid = true;
	if (!g->others->looked)
		look(g);
}

void others_settle(struct gwd *g)
{
	g->others->looked = false;
	if (g->others->unsaid)
		look(g);
}

static void warn(struct findings *all, struct diag *warnings)
{
	_cleanup_(strings_free) struct strings found = {0};

	texts(all, true, &found);
	for (size_t i = 0; i < found.n; i++)
		diag_warn(warnings, "%s", found.items[i]);
}

void others_warn(struct gwd *g, const struct forward *const *forwards, size_t n, struct diag *warnings)
{
	_cleanup_(findings_free) struct findings all = {.gwd = g};

	all.tables = n ? others_tables(g) : NULL;
	for (size_t i = 0; i < n && all.tables && all.work < WORK_MAX; i++)
		judge_forward(&all, forwards[i]);
	warn(&all, warnings);
}

void others_warn_opening(struct gwd *g, const struct opening *o, struct diag *warnings)
{
	_cleanup_(findings_free) struct findings all = {.gwd = g, .tables = others_tables(g)};

	if (all.tables)
		judge_opening(&all, o);
	warn(&all, warnings);
}

static struct gwd_firewall firewall(const struct finding *f)
{
	const struct obstacle *o = &f->obstacle;

	return (struct gwd_firewall){
		.tool = foreign_tool_name(o->tool),
		.table = xasprintf("%s %s", foreign_family(o->table), o->table->name),
		.chain = xstrdup(o->fate.dropped_in),
		.hook = foreign_hook_name(o),
		.certain = o->fate.dropped == BELIEF_YES,
		.n = f->n,
		.remedy = foreign_remedy(o, &f->packet),
	};
}

void others_status(struct gwd *g, struct gwd_status *ret, struct diag *warnings)
{
	_cleanup_(findings_free) struct findings all = {.gwd = g};
	struct others *o = g->others;

	all.tables = idle(g) ? NULL : others_tables(g);
	free_firewalls(o);
	if (all.tables)
		judge_all(&all);
	warn(&all, warnings);
	o->firewalls = xcalloc(all.n_drops + 1, sizeof(*o->firewalls));
	while (o->n_firewalls < all.n_drops) {
		o->firewalls[o->n_firewalls] = firewall(&all.drops[o->n_firewalls]);
		o->n_firewalls++;
	}
	ret->firewalls = o->firewalls;
	ret->n_firewalls = o->n_firewalls;
}
