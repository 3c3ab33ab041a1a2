/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change is made in memory first, because only there can it be taken back for nothing; then come BEGIN, the rows, the
 * kernel's batch and COMMIT. Whatever fails, the steps before it are undone, so that memory, kernel and database never
 * disagree. What the kernel is sent is the difference between two small rulesets: what the change touches, compiled as
 * it was and as it will be. Only start-up and surprises (someone else changed our table) read the kernel. */
#include "road.h"

#include <errno.h>

#include "compile.h"
#include "log.h"
#include "sysctl.h"

/* ---- Compiling ----------------------------------------------------------------------------------- */

static void add_frame(struct ruleset *out, const struct gwd *g)
{
	struct frame frame = {.settings = g->world->settings,
			      .topology = g->topology,
			      .interfaces = forwards_interfaces(g->world->forwards),
			      .guard4 = g->raised[V4],
			      .guard6 = g->raised[V6]};

	compile_frame(out, &frame);
}

/* The chains of addresses that these forwards bring or leave behind. */
static void add_addresses(struct ruleset *out, const struct gwd *g, const struct forward *const *forwards, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct forward *f = forwards[i];

		if (f->listen.kind == LISTEN_ADDRESS &&
		    forwards_listening(g->world->forwards, f->family, &f->listen) > 0)
			compile_address(out, &f->listen.addr);
	}
}

/* What the delta touches, as memory has it now. `elements` are those of `mine`, the side's own forwards. */
static struct ruleset *compile_side(const struct gwd *g, const struct delta *d, bool frame,
				    const struct forward *const *mine, size_t n_mine)
{
	struct ruleset *out = ruleset_new();

	if (frame)
		add_frame(out, g);
	add_addresses(out, g, d->leave, d->n_leave);
	add_addresses(out, g, d->enter, d->n_enter);
	for (size_t i = 0; i < n_mine; i++)
		compile_forward(out, mine[i]);
	ruleset_sort(out);
	return out;
}

static bool configured(const struct gwd *g)
{
	return g->world->settings->n_wan || g->world->settings->n_lan || forwards_count(g->world->forwards);
}

/* Everything, as memory has it. An empty configuration makes no table; one that is there stays, so that conntrack keeps
 * its hooks and other people's connections live on. */
static struct ruleset *compile_all(const struct gwd *g, bool table_there)
{
	struct ruleset *out = ruleset_new();

	if (!configured(g) && !table_there)
		return out;
	add_frame(out, g);
	for (const struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		const struct forward *f = e->forward;

		if (!e->active)
			continue;
		compile_forward(out, f);
		if (f->listen.kind == LISTEN_ADDRESS && forward_wants_chain(f))
			compile_address(out, &f->listen.addr);
	}
	ruleset_sort(out);
	return out;
}

/* A change of these needs the frame compiled, not only forwards. */
static bool touches_interfaces(const struct forward *const *forwards, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (forwards[i]->listen.kind == LISTEN_INTERFACE)
			return true;
	return false;
}

/* ---- Forwarding ---------------------------------------------------------------------------------- */

/* INTERFACE: raised only once wan is known or lan is named, IPv6 only when something needs it. */
static bool needs_forwarding(const struct gwd *g, size_t family)
{
	const struct settings *s = g->world->settings;

	if (!g->topology->wan_known && !s->n_lan)
		return false;
	return g->active[family] > 0 || (family == V4 && s->n_lan > 0);
}

/* Whether we are about to turn it on: then the rules that guard the inside must be in before. */
static bool about_to_raise(struct gwd *g, size_t family)
{
	int on;

	if (g->raised[family] || g->forwarding[family] || !needs_forwarding(g, family))
		return false;
	on = sysctl_forwarding_get(family == V4 ? AF_INET : AF_INET6);
	g->forwarding[family] = on == 1;
	if (on == 0 && family == V4 && sysctl_get(SYSCTL_ACCEPT_REDIRECTS, &g->redirects) < 0)
		g->redirects = -1;
	return on == 0;
}

void road_sysctls(struct gwd *g, struct diag *warnings)
{
	for (size_t family = 0; family < FAMILIES; family++) {
		_cleanup_(diag_free) struct diag diag = {0};

		if (g->forwarding[family] || !needs_forwarding(g, family))
			continue;
		if (sysctl_forwarding_on(family == V4 ? AF_INET : AF_INET6, &diag) >= 0)
			g->forwarding[family] = true;
		for (size_t i = 0; i < diag.n; i++)
			diag_warn(warnings, "%s", diag.mistakes[i].message);
	}
	for (size_t i = 0; i < g->topology->n_interfaces && topology_one_nic(g->topology) && g->active[V4]; i++) {
		const struct interface *in = &g->topology->interfaces[i];
		_cleanup_(diag_free) struct diag diag = {0};

		if (in->zone == ZONE_WAN && in->present && sysctl_redirects_off(in->name, &diag) < 0)
			diag_warn(warnings, "%s", diag.n ? diag.mistakes[0].message : "cannot stop ICMP redirects");
	}
}

/* ---- Kernel -------------------------------------------------------------------------------------- */

/* A change on its way. */
struct journey {
	struct draft *draft;
	const struct request_options *options;
	struct outcome *outcome;
	struct ruleset *have, *want; /* what is sent is their difference; owned */
	int64_t docset, revision;
	size_t ops;    /* sent */
	bool surprise; /* the kernel was not known to be as memory had it */
	bool undo_kernel;
};

static void journey_free(struct journey *j)
{
	ruleset_free(j->have);
	ruleset_free(j->want);
}

static void pass_on(struct diag *to, const struct diag *from)
{
	for (size_t i = 0; i < from->n; i++)
		diag_add(to, from->kind, from->mistakes[i].loc, "%s", from->mistakes[i].message);
}

/* Reads, compares, sends, until nobody came in between. The journey's rulesets become what was compared. */
static int compare_all(struct gwd *g, struct journey *j, struct diag *diag)
{
	enum { ATTEMPTS = 10 };
	int r = -ERESTART;

	g->stale = true;
	for (int i = 0; i < ATTEMPTS && (r == -ERESTART || r == -ENOBUFS); i++) {
		_cleanup_(diag_free) struct diag attempt = {0};
		_cleanup_(plan_freep) struct plan *plan = NULL;
		uint32_t generation;

		ruleset_free(TAKE_PTR(j->have));
		ruleset_free(TAKE_PTR(j->want));
		r = kernel_read(g->kernel, &j->have, &generation, &attempt);
		if (r < 0) {
			pass_on(diag, &attempt);
			return r;
		}
		j->want = compile_all(g, j->have->table);
		plan = plan_diff(j->have, j->want);
		j->ops = plan->n;
		r = kernel_commit(g->kernel, plan, generation, &attempt);
		if (r < 0 && r != -ERESTART && r != -ENOBUFS)
			pass_on(diag, &attempt);
	}
	if (r == 0) {
		g->stale = false;
		g->table = j->want->table;
	} else if (r == -ERESTART || r == -ENOBUFS) {
		diag_add(diag, DIAG_KERNEL, (struct loc){0},
			 "other programs change the ruleset faster than it can be compared: try again");
	}
	return r;
}

int road_reconcile(struct gwd *g, struct diag *diag)
{
	_cleanup_(journey_free) struct journey j = {0};
	const struct delta nothing = {0};
	int r = compare_all(g, &j, diag);
	size_t cut = r == 0 && g->table ? road_cut(g, &nothing, true, false, diag) : 0;

	if (cut)
		log_info("cut %zu connections that the rules now send elsewhere", cut);
	return r;
}

/* The kernel's answers that mean that our idea of it is wrong, not the change. */
static bool surprising(int r)
{
	return r == -ENOENT || r == -EEXIST || r == -ENOBUFS || r == -ERESTART || r == -EBUSY;
}

static int to_kernel(struct gwd *g, struct journey *j, struct diag *diag)
{
	_cleanup_(diag_free) struct diag attempt = {0};
	_cleanup_(plan_freep) struct plan *plan = NULL;
	int r;

	j->surprise = g->stale;
	if (g->stale || !g->table)
		return compare_all(g, j, diag);
	plan = plan_diff(j->have, j->want);
	j->ops = plan->n;
	r = kernel_commit(g->kernel, plan, 0, &attempt);
	if (r == 0)
		return 0;
	if (!surprising(r)) {
		pass_on(diag, &attempt);
		return r;
	}
	log_note("the table inet %s is not what it was left as: comparing all of it", RULESET_TABLE);
	j->surprise = true;
	return compare_all(g, j, diag);
}

/* What was sent and must not have been. */
static void undo_kernel(struct gwd *g, const struct journey *j)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(plan_freep) struct plan *plan = plan_diff(j->want, j->have);

	if (j->want->table)
		g->table = j->have->table;
	if (kernel_commit(g->kernel, plan, 0, &diag) == 0)
		return;
	g->stale = true;
	log_error("the table could not be put back (%s): the next change compares all of it",
		  diag.n ? diag.mistakes[0].message : "unknown error");
}

/* ---- The road ------------------------------------------------------------------------------------ */

/* Rows to write, or something that a restart must know. */
static bool is_durable(const struct gwd *g, const struct draft *d)
{
	bool raising = (g->raised[V4] && !g->forwarding[V4]) || (g->raised[V6] && !g->forwarding[V6]);

	return !state_newer(g->state) && !g->store_nothing &&
	       (d->what || d->n_rows || d->documents || d->docset || d->seen || g->remember || g->unstored || raising);
}

static int transact(struct gwd *g, struct journey *j, struct diag *diag)
{
	bool durable = is_durable(g, j->draft);
	int r = durable ? state_begin(g->state, diag) : 0;

	if (r < 0)
		return r;
	if (durable)
		r = road_store(g, j->draft, &j->options->who, &j->docset, &j->revision, diag);
	if (r == 0)
		r = to_kernel(g, j, diag);
	if (r < 0) {
		if (durable)
			state_abort(g->state);
		return r;
	}
	if (!durable)
		return 0;
	r = state_commit(g->state, diag);
	j->undo_kernel = r < 0; /* not durable, so it must not have happened */
	g->remember = g->remember && r < 0;
	if (r == 0) {
		documents_freep(&g->unstored);
		g->unstored = NULL;
	}
	return r;
}

static int dry_run(struct gwd *g, struct journey *j, struct diag *diag)
{
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_(ruleset_freep) struct ruleset *have = NULL, *want = NULL;
	_cleanup_(plan_freep) struct plan *plan = NULL;
	uint32_t generation;

	if (g->stale || !g->table) {
		int r = kernel_read(g->kernel, &have, &generation, diag);

		if (r < 0)
			return r;
		want = compile_all(g, have->table);
	}
	plan = plan_diff(have ? have : j->have, want ? want : j->want);
	plan_text(&text, plan);
	j->outcome->plan = buf_take(&text);
	return 0;
}

static void arrived(struct gwd *g, struct journey *j, const struct delta *delta, struct diag *diag)
{
	const struct draft *d = j->draft;
	/* taken: the draft has the old topology */
	bool everything = j->surprise || (d->topology && road_entrance_new(d->topology, g->topology));

	if (j->docset)
		g->docset = j->docset;
	j->outcome->revision = j->revision;
	j->outcome->changed = true;
	g->frozen = g->frozen && !d->world;
	road_sysctls(g, diag);
	if (g->table)
		j->outcome->cut = road_cut(g, delta, everything, j->options->kill, diag);
	if (d->what || j->outcome->cut)
		log_info("%s (uid %u, pid %d; %zu steps in the kernel, %zu connections cut)",
			 d->what ? d->what : "interfaces or addresses", (unsigned)j->options->who.uid,
			 (int)j->options->who.pid, j->ops, j->outcome->cut);
}

/* A first forward of a family may raise forwarding, and with it comes a rule of the frame. */
static bool may_raise(const struct gwd *g, const struct delta *d)
{
	for (size_t i = 0; i < d->n_enter; i++)
		if (!g->forwarding[road_family(d->enter[i])])
			return true;
	return false;
}

int road_commit(struct gwd *g, struct draft *d, const struct request_options *options, struct outcome *ret,
		struct diag *diag)
{
	_cleanup_(delta_free) struct delta delta = {0};
	_cleanup_(journey_free) struct journey j = {.draft = d, .options = options, .outcome = ret};
	bool raised[FAMILIES] = {g->raised[V4], g->raised[V6]};
	bool frame;
	int r;

	delta_of(g, d, &delta);
	frame = d->world || d->topology || may_raise(g, &delta) || touches_interfaces(delta.leave, delta.n_leave) ||
		touches_interfaces(delta.enter, delta.n_enter);
	j.have = compile_side(g, &delta, frame, delta.leave, delta.n_leave);
	draft_take(g, d);
	for (size_t family = 0; family < FAMILIES; family++)
		g->raised[family] = g->raised[family] || about_to_raise(g, family);
	j.want = compile_side(g, &delta, frame, delta.enter, delta.n_enter);
	r = options->dry_run ? dry_run(g, &j, diag) : transact(g, &j, diag);
	if (r < 0 || options->dry_run) {
		draft_take_back(g, d);
		g->raised[V4] = raised[V4];
		g->raised[V6] = raised[V6];
		if (j.undo_kernel)
			undo_kernel(g, &j);
		return r;
	}
	arrived(g, &j, &delta, diag);
	draft_settle(d); /* not before: the delta borrows from it */
	return 0;
}
