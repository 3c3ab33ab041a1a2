/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking changes nothing. What a list shows are values and shared forwards, so it may be sent while things change. */
#include <errno.h>
#include <fnmatch.h>
#include <time.h>

#include "boottime.h"
#include "config_print.h"
#include "files.h"
#include "foreign.h"
#include "gwd_apply.h"
#include "gwd_drift.h"
#include "gwd_foreign.h"
#include "gwd_guard.h"
#include "gwd_traffic.h"
#include "import.h"
#include "sees.h"
#include "sysctl.h"

struct state *gwd_state(struct gwd *g)
{
	return g->state;
}

/* ---- Forwards ------------------------------------------------------------------------------------- */

void forward_view_free(struct forward_view *v)
{
	forward_unref(v->forward);
	free(v->reason);
	strings_free(&v->sees);
	free(v->traffic);
	*v = (struct forward_view){0};
}

/* "by uid 0, 2026-11-22", or NULL when the forward itself says that it is off. */
static char *off_reason(const struct forward_entry *e)
{
	time_t when = e->override_time;
	char date[16] = "";
	struct tm tm;

	if (!e->overridden)
		return NULL;
	if (localtime_r(&when, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	return xasprintf("by uid %u, %s", e->override_uid, date);
}

static struct forward_view view(const struct gwd *g, const struct forward_entry *e, bool count)
{
	struct forward_view v = {.forward = forward_ref(e->forward)};
	bool waits;

	v.reason = e->off ? off_reason(e) : road_held(g, e, &waits);
	v.state = e->off ? FORWARD_OFF : v.reason ? FORWARD_HELD : FORWARD_ACTIVE;
	if (count)
		traffic_view(g, &v);
	return v;
}

int gwd_list(struct gwd *g, const char *pattern, struct forward_view **ret, size_t *ret_n, struct diag *diag)
{
	struct forward_view *views = NULL;
	size_t n = 0, capacity = 0;
	int r = g->world->settings->accounting ? traffic_read(g, diag) : 0;

	if (r < 0)
		return r;
	for (const struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		if (pattern && fnmatch(pattern, e->forward->name, 0) != 0)
			continue;
		views = grow(views, n, &capacity, sizeof(*views));
		views[n++] = view(g, e, true);
	}
	*ret = views;
	*ret_n = n;
	return 0;
}

static void add_sees(const struct gwd *g, struct forward_view *v)
{
	const struct forward *f = v->forward;

	for (size_t i = 0; i < f->n_targets; i++) {
		char *text = sees_text(g->topology, g->world->settings, f, &f->targets[i]);

		if (strings_have(&v->sees, text))
			free(text);
		else
			strings_add(&v->sees, text);
	}
}

int gwd_get(struct gwd *g, const char *name, bool count, struct forward_view *ret, struct diag *diag)
{
	const struct forward_entry *e = forwards_by_name(g->world->forwards, name);
	int r;

	if (!e) {
		diag_add(diag, DIAG_NOT_FOUND, (struct loc){0}, "there is no forward %s: gwctl ls", name);
		return -ENOENT;
	}
	r = count && g->world->settings->accounting ? traffic_read(g, diag) : 0;
	if (r < 0)
		return r;
	*ret = view(g, e, count);
	add_sees(g, ret);
	return 0;
}

/* ---- Status --------------------------------------------------------------------------------------- */

/* Whether the files say what runs; their mistakes are looked for once per content. */
static bool file_in_force(struct gwd *g)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(documents_freep) struct documents *docs = files_read(g->config_path, NULL, 0, NULL, &diag);
	uint64_t hash = docs ? documents_hash(docs) : 0;
	struct config *config;

	if (docs && hash == g->docset_hash && !g->frozen) {
		diag_free(&g->file_mistakes);
		g->file_mistakes_hash = hash;
		return true;
	}
	if (docs && hash == g->file_mistakes_hash)
		return false;
	diag_free(&g->file_mistakes);
	g->file_mistakes_hash = hash;
	if (!docs) {
		g->file_mistakes = diag;
		diag = (struct diag){0};
		return false;
	}
	config = config_read(docs, &g->file_mistakes);
	config_free(config);
	return false;
}

/* When the file, as it is on disk, was taken back; 0 = it was not. */
static int64_t unconfirmed(const struct gwd *g)
{
	_cleanup_(diag_free) struct diag ignored = {0};
	_cleanup_(freep) char *text = NULL, *hash = hash_text(g->file_mistakes_hash);
	size_t len = strlen(hash);

	if (state_get(g->state, "unconfirmed", &text, &ignored) < 0 || !text || strncmp(text, hash, len) != 0)
		return 0;
	return strtoll(text + len, NULL, 10);
}

/* br_netfilter shows our chains what is only bridged; a reply that must leave by the port it came from is then dropped. */
static void warn_of_bridges(const struct gwd *g, struct diag *diag)
{
	static const char *const names[FAMILIES] = {"net/bridge/bridge-nf-call-iptables",
						    "net/bridge/bridge-nf-call-ip6tables"};
	_cleanup_(buf_free) struct buf found = {0};
	bool bridge = false;
	int on;

	for (size_t i = 0; i < g->topology->n_interfaces; i++)
		bridge |= g->topology->interfaces[i].bridge;
	for (size_t family = 0; family < FAMILIES && bridge; family++)
		if (g->active[family] && sysctl_get(names[family], &on) == 0 && on)
			buf_printf(&found, "%s%s", found.len ? " and " : "", names[family]);
	if (found.len)
		diag_warn(
			diag,
			"%s %s 1: what bridges pass on goes through the rules, too, and a server that asks for its own "
			"forward gets no answer unless its port may send back where it came from (bridge link set dev "
			"PORT hairpin on)",
			found.data, strchr(found.data, ' ') ? "are" : "is");
}

int gwd_status(struct gwd *g, struct gwd_status *ret, struct diag *diag)
{
	static const uint8_t families[FAMILIES] = {AF_INET, AF_INET6};
	struct gwd_status s = {.topology = g->topology,
			       .revision = state_last_revision(g->state),
			       .table = g->table,
			       .protected = g->world->settings->protect,
			       .last_error = g->last_error,
			       .file_mistakes = &g->file_mistakes,
			       .netlink = kernel_stats(g->kernel),
			       .ownership = road_ownership(g),
			       .file = g->config_path,
			       .uptime = (boottime_now() - g->started) / 1000,
			       .connections = -1,
			       .connections_max = -1};

	(void)sysctl_get("net/netfilter/nf_conntrack_count", &s.connections);
	(void)sysctl_get("net/netfilter/nf_conntrack_max", &s.connections_max);
	state_warn(g->state, diag);
	topology_warn(g->topology, diag);
	warn_of_bridges(g, diag);
	others_status(g, &s, diag);
	drift_status(g, &s);
	for (size_t i = 0; i < FAMILIES; i++) {
		s.forwarding[i] = sysctl_forwarding_get(families[i]) == 1;
		s.raised[i] = g->raised[i];
	}
	for (const struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		bool waits;
		_cleanup_(freep) char *held = e->off ? NULL : road_held(g, e, &waits);

		s.off += e->off;
		s.held += held != NULL;
		s.active += !e->off && !held;
	}
	s.file_in_force = file_in_force(g);
	s.file_unconfirmed = s.file_in_force ? 0 : unconfirmed(g);
	*ret = s;
	return 0;
}

/* A new connection to this address of ours, from nobody in particular, comes to the listener. */
static bool answers_at(const struct rules *r, const struct listener *l, const struct local_address *a)
{
	static const struct ip any4 = {.family = AF_INET}, any6 = {.family = AF_INET6};
	const struct ip *any = a->ip.family == AF_INET ? &any4 : &any6;
	const struct interface *in = topology_interface(r->topology, a->ifname);
	const struct arrival arrival = {a->ifname, *any, a->ip, l->proto, l->port};

	if (!in || in->zone != ZONE_WAN || (*l->ifname && !streq(l->ifname, a->ifname)))
		return false;
	if (ip_cmp(&l->ip, any) != 0 && ip_cmp(&l->ip, &a->ip) != 0)
		return false;
	return arrival_fate(r, &arrival, NULL) == ARRIVAL_GATEWAY;
}

static bool is_reachable(const struct rules *r, const struct listener *l)
{
	for (size_t i = 0; i < r->topology->n_addresses; i++)
		if (answers_at(r, l, &r->topology->addresses[i]))
			return true;
	return false;
}

int gwd_reachable(struct gwd *g, struct listeners *ret, struct diag *diag)
{
	_cleanup_(road_rules_free) struct rules rules = road_rules(g);
	size_t kept = 0;
	int r = listeners_read(PROTO_TCP | PROTO_UDP | PROTO_SCTP, (struct port_range){1, UINT16_MAX}, ret, diag);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ret->n; i++) {
		bool told = false;

		for (size_t k = kept; k > 0 && ret->items[k - 1].port == ret->items[i].port && !told; k--)
			told = ret->items[k - 1].inode == ret->items[i].inode; /* its other family */
		if (!told && is_reachable(&rules, &ret->items[i]))
			ret->items[kept++] = ret->items[i];
	}
	ret->n = kept;
	return 0;
}

/* ---- Files ---------------------------------------------------------------------------------------- */

int gwd_check(struct gwd *g, const char *text, size_t len, const char *path, size_t *ret_services, struct diag *diag)
{
	_cleanup_(documents_freep) struct documents *docs =
		files_read(g->config_path, text, len, path ? diag_file_once(path) : NULL, diag);
	_cleanup_(config_freep) struct config *config = docs ? config_read(docs, diag) : NULL;

	*ret_services = config ? forwards_count(config->forwards) : 0;
	if (config) {
		_cleanup_(topology_freep) struct topology *here =
			topology_build(config->settings, links_facts(g->links), &g->wan);

		topology_warn(here, diag);
	}
	return 0;
}

int gwd_diff(struct gwd *g, const char *text, size_t len, const char *path, int64_t revision, char ***ret,
	     size_t *ret_n, struct diag *diag)
{
	_cleanup_(ingredients_free) struct ingredients in = {0};
	_cleanup_(draft_free) struct draft d = {0};
	struct strings lines = {0};
	uint64_t hash;

	if (revision > 0) {
		int r = past_world(g, revision, false, &d, &in, &hash, diag);

		if (r < 0)
			return r;
	} else {
		_cleanup_(documents_freep) struct documents *docs =
			files_read(g->config_path, text, len, path ? diag_file_once(path) : NULL, diag);
		_cleanup_(config_freep) struct config *config = docs ? config_read(docs, diag) : NULL;

		if (!config)
			return -EINVAL;
		ingredients_live(g, &in);
		draft_world(g, &d, config, &in);
	}
	guard_world(g, &d, false, &in.settled, diag);
	world_diff(g->world, d.world, &lines);
	*ret = lines.items;
	*ret_n = lines.n;
	return 0;
}

/* gwd.d's entries stay where they are; what a file entry shadows would contradict it. An override is printed as what it
 * makes of the entry, so that applying the result changes nothing. */
static void export_entry(struct buf *out, const struct gwd *g, const struct forward_entry *e)
{
	_cleanup_(forward_unrefp) struct forward *f = NULL;

	if (e->shadowed) {
		_cleanup_(freep) char *text = forward_text(e->forward), *by = road_shadow(g, e->forward);

		buf_printf(out, "  # left out: %s (%s) is shadowed by %s\n", e->forward->name, text, by);
		return;
	}
	f = forward_renamed(e->forward, e->forward->name);
	f->enabled = !e->off;
	config_print_forward(out, f);
}

/* The settings with what is open for good at run time: the file has no word for an end, and what it shadows would
 * contradict it. */
static void export_settings(struct buf *out, const struct gwd *g)
{
	const struct settings *s = g->world->settings;
	struct settings with = *s;
	struct opening_list open = {0};

	for (size_t i = 0; i < s->n_open; i++)
		opening_list_add(&open, &s->open[i]);
	for (size_t i = 0; i < g->world->open.n; i++) {
		const struct opening *o = &g->world->open.items[i];

		if (o->lifetime == LIFETIME_DURABLE && !o->expires && !world_over_opening(g->world, o))
			opening_list_add(&open, o);
	}
	with.open = open.items;
	with.n_open = open.n;
	config_print_settings(out, &with, false);
	opening_list_free(&open);
}

int gwd_export(struct gwd *g, char **ret_yaml, struct diag *diag)
{
	_cleanup_(buf_free) struct buf out = {0};
	bool header = false;

	(void)diag;
	export_settings(&out, g);
	for (const struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		if (e->forward->extra || e->forward->lifetime != LIFETIME_DURABLE)
			continue;
		if (!header)
			buf_printf(&out, "services:\n");
		header = true;
		export_entry(&out, g, e);
	}
	*ret_yaml = buf_take(&out);
	return 0;
}

int gwd_import(struct gwd *g, struct import **ret, struct diag *diag)
{
	_cleanup_(foreign_freep) struct foreign *tables = NULL;
	int r = kernel_read_foreign(g->kernel, true, &tables, diag);

	if (r == 0)
		*ret = import_build(tables, g->topology, links_facts(g->links));
	return r;
}
