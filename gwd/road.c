/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change is made in memory first, because only there can it be taken back for nothing; then come BEGIN, the rows, the
 * kernel's batch and COMMIT. Whatever fails, the steps before it are undone, so that memory, kernel and database never
 * disagree. What the kernel is sent is the difference between two small rulesets: what the change touches, compiled as
 * it was and as it will be. Only start-up and surprises (someone else changed our table) read the kernel. */
#include "road.h"

#include <errno.h>
#include <unistd.h>

#include "compile.h"
#include "gwd_accounting.h"
#include "gwd_confirm.h"
#include "gwd_drift.h"
#include "gwd_expire.h"
#include "gwd_foreign.h"
#include "gwd_log.h"
#include "gwd_traffic.h"
#include "killpoint.h"
#include "sysctl.h"

/* ---- Ownership ----------------------------------------------------------------------------------- */

static uint32_t table_flags(const struct gwd *g)
{
	return settings_owned(g->world->settings) && kernel_can_own(g->kernel) ? TABLE_OWNED : 0;
}

static bool wants_keeper(const struct gwd *g)
{
	return g->table && settings_owned(g->world->settings) && !kernel_can_own(g->kernel);
}

const char *road_ownership(const struct gwd *g)
{
	return table_flags(g) ? "owned" : wants_keeper(g) ? "kept" : "plain";
}

static void follow_keeper(struct gwd *g, struct diag *warnings)
{
	_cleanup_(ruleset_freep) struct ruleset *keeper = wants_keeper(g) ? ruleset_new() : NULL;
	_cleanup_(diag_free) struct diag why = {0};

	if (keeper)
		compile_keeper(keeper);
	if (kernel_keep(g->kernel, keeper, &why) < 0)
		diag_warn(warnings, "connections may not survive a flush of the whole ruleset: %s",
			  why.n ? why.mistakes[0].message : "the kernel did not answer");
}

/* ---- Compiling ----------------------------------------------------------------------------------- */

static void add_frame(struct ruleset *out, const struct gwd *g)
{
	size_t n_open;
	_cleanup_(freep) struct opening *open = world_openings(g->world, &n_open);
	struct frame frame = {.settings = g->world->settings,
			      .topology = g->topology,
			      .interfaces = forwards_interfaces(g->world->forwards),
			      .fixed_sources = forwards_fixed_sources(g->world->forwards),
			      .guard4 = g->raised[V4],
			      .guard6 = g->raised[V6],
			      .table_flags = table_flags(g),
			      .open = open,
			      .n_open = n_open};

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

	if (g->stale || !g->table) /* all of it will be compared: see takes_all */
		return out;
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
	const struct settings *s = g->world->settings;

	return s->n_wan || s->n_lan || s->n_dmz || s->protect || forwards_count(g->world->forwards);
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
static bool touches_frame(const struct forward *const *forwards, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (forwards[i]->listen.kind == LISTEN_INTERFACE || forwards[i]->snat.mode == SNAT_ADDRESS)
			return true;
	return false;
}

/* ---- Forwarding ---------------------------------------------------------------------------------- */

static const uint8_t family_af[FAMILIES] = {AF_INET, AF_INET6};

/* INTERFACE: raised only once wan is known or an inside is named, IPv6 only when something needs it. */
static bool needs_forwarding(const struct gwd *g, size_t family)
{
	bool inside = settings_inside(g->world->settings);

	if (!g->topology->wan_known && !inside)
		return false;
	return g->active[family] > 0 || (family == V4 && inside);
}

/* Whether forwarding of a family that the change is about is off now. */
static bool is_off(struct gwd *g, const struct draft *d, const struct delta *delta, size_t family)
{
	bool concerned = d->world || d->topology;

	for (size_t i = 0; i < delta->n_enter && !concerned; i++)
		concerned = road_family(delta->enter[i]) == family;
	if (!concerned || sysctl_forwarding_get(family_af[family]) != 0)
		return false;
	if (family == V4 && !g->raised[V4] && sysctl_get(SYSCTL_ACCEPT_REDIRECTS, &g->redirects) < 0)
		g->redirects = -1;
	return true;
}

bool road_lacks_forwarding(const struct gwd *g)
{
	for (size_t family = 0; family < FAMILIES; family++)
		if (needs_forwarding(g, family) && sysctl_forwarding_get(family_af[family]) == 0)
			return true;
	return false;
}

/* It is not ours after all: the next look at the kernel takes the guard away, and a restart knows nothing of it. */
static void not_raised(struct gwd *g, size_t family)
{
	_cleanup_(diag_free) struct diag ignored = {0};

	if (!g->raised[family])
		return;
	g->raised[family] = false;
	g->stale = true;
	if (state_begin(g->state, &ignored) < 0)
		return;
	if (state_put(g->state, family == V4 ? "raised4" : "raised6", NULL, &ignored) == 0)
		(void)!state_commit(g->state, &ignored); /* a restart then finds forwarding off, or somebody else's */
	else
		state_abort(g->state);
}

void road_sysctls(struct gwd *g, struct diag *warnings)
{
	const struct interface *nic = g->active[V4] > 0 ? topology_one_nic(g->topology) : NULL;
	_cleanup_(diag_free) struct diag redirects = {0};

	for (size_t family = 0; family < FAMILIES; family++) {
		_cleanup_(diag_free) struct diag diag = {0};

		if (!needs_forwarding(g, family) || sysctl_forwarding_on(family_af[family], &diag) >= 0)
			continue;
		not_raised(g, family);
		for (size_t i = 0; i < diag.n; i++)
			diag_warn(warnings, "%s", diag.mistakes[i].message);
	}
	if (nic && sysctl_redirects_off(nic->name, &redirects) < 0)
		diag_warn(warnings, "%s", redirects.mistakes[0].message);
}

/* ---- Kernel -------------------------------------------------------------------------------------- */

void journey_free(struct journey *j)
{
	delta_free(&j->delta);
	peers_free(&j->peers);
	ruleset_free(j->have);
	ruleset_free(j->want);
}

static void pass_on(struct diag *to, const struct diag *from)
{
	for (size_t i = 0; i < from->n; i++)
		diag_add(to, from->kind, from->mistakes[i].loc, "%s", from->mistakes[i].message);
}

/* What our own table still knows of having turned forwarding on: a lost database must not open the inside. */
static void recall_raised(struct gwd *g, const struct ruleset *have)
{
	static const char *const guards[FAMILIES] = {COMPILE_GUARD4, COMPILE_GUARD6};
	const struct chain *forward = ruleset_chain(have, "forward");

	for (size_t i = 0; forward && i < forward->n; i++)
		for (size_t family = 0; family < FAMILIES; family++)
			if (str_same(forward->rules[i].comment, guards[family]) && !g->raised[family] &&
			    sysctl_forwarding_get(family_af[family]) == 1)
				g->raised[family] = g->store_raised = true;
}

/* Reads, compares, sends, until nobody came in between. The journey's rulesets become what was compared. */
static int compare_all(struct gwd *g, struct journey *j, struct diag *diag)
{
	enum { ATTEMPTS = 10 };
	int r = -ERESTART;

	g->stale = j->compared = true;
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
		if (g->starting)
			recall_raised(g, j->have);
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

int road_reconcile(struct gwd *g, size_t *ret_ops, struct diag *diag)
{
	_cleanup_(journey_free) struct journey j = {0};
	int r = compare_all(g, &j, diag);
	size_t n = r == 0 && g->table ? road_cut(g, &j.delta, true, false, diag) : 0;

	if (n)
		event_say(g->events, EVENT_DRIFT, LOG_INFO, "cut %zu connection%s that the rules now send elsewhere",
			  n, plural(n, "s"));
	*ret_ops = j.ops;
	return r;
}

bool road_surprising(int r)
{
	return r == -ENOENT || r == -EEXIST || r == -ENOBUFS || r == -ERESTART || r == -EBUSY;
}

/* What the change touches is not enough to send. */
static bool takes_all(const struct gwd *g, const struct journey *j)
{
	return g->stale || !g->table || j->have->table_flags != j->want->table_flags;
}

static int to_kernel(struct gwd *g, struct journey *j, struct diag *diag)
{
	_cleanup_(diag_free) struct diag attempt = {0};
	_cleanup_(plan_freep) struct plan *plan = NULL;
	int r;

	j->surprise = g->stale;
	if (takes_all(g, j))
		return compare_all(g, j, diag);
	plan = plan_diff(j->have, j->want);
	j->ops = plan->n;
	r = kernel_commit(g->kernel, plan, 0, &attempt);
	if (r == 0)
		return 0;
	if (!road_surprising(r)) {
		pass_on(diag, &attempt);
		return r;
	}
	event_say(g->events, EVENT_DRIFT, LOG_NOTE, "the table inet %s is not what it was left as: comparing all of it",
		  RULESET_TABLE);
	j->surprise = true;
	return compare_all(g, j, diag);
}

void road_undo_kernel(struct gwd *g, const struct plan *plan)
{
	_cleanup_(diag_free) struct diag diag = {0};
	size_t ops;
	int r = plan ? kernel_commit(g->kernel, plan, 0, &diag) : road_reconcile(g, &ops, &diag);
	if (r == 0)
		return;
	g->stale = true;
	event_say(g->events, EVENT_PROBLEM, LOG_ERROR, "the table could not be put back (%s): it is tried again",
		  diag.n ? diag.mistakes[0].message : strerror(-r));
}

/* What was sent and must not have been; memory is back already. After a comparison of everything only memory says what
 * should be: what was read may hold what others put there. At start there is no before: the caller sends again. */
static void undo_kernel(struct gwd *g, const struct journey *j)
{
	_cleanup_(plan_freep) struct plan *plan = j->compared ? NULL : plan_diff(j->want, j->have);

	if (!g->starting)
		road_undo_kernel(g, plan);
}

/* ---- The road ------------------------------------------------------------------------------------ */

/* Of what kind of journey: the steps are the same. */
#define ROAD_KILLPOINT(step)                                                                                           \
	KILLPOINT(d->reverts ? "revert" : d->ended ? "end" : g->starting ? "start" : "change", step)

bool road_is_durable(const struct gwd *g, const struct draft *d)
{
	return state_changeable(g->state) && !g->store_nothing &&
	       ((d->what && !d->unrecorded) || d->n_rows || d->documents || d->docset || d->seen || g->remember ||
		g->unstored || g->store_raised || d->raises[V4] || d->raises[V6] || confirm_writes(g, d));
}

bool road_is_fleeting(const struct gwd *g, const struct draft *d)
{
	return d->unrecorded && !d->documents && !d->docset && !d->seen && !g->remember && !g->unstored &&
	       !g->store_raised && !d->raises[V4] && !d->raises[V6] && !confirm_writes(g, d);
}

static void cut(const struct gwd *g, struct journey *j, struct diag *diag)
{
	const struct draft *d = j->draft; /* taken: it has the old topology */
	bool everything = j->surprise || (d->topology && road_entrance_new(d->topology, g->topology));

	if (g->table)
		j->outcome->cut = road_cut(g, &j->delta, everything, j->options->kill || d->reverts, diag);
	if (d->reverts)
		j->outcome->cut += road_cut_peers(g, &j->peers, diag);
}

/* What nobody asked for cuts connections before it is durable: after a kill in between it is done once more, but behind
 * the COMMIT nobody would know any more what to cut. What somebody asked for, and COMMIT refuses, must have cut nothing. */
static int transact(struct gwd *g, struct journey *j, struct diag *diag)
{
	const struct draft *d = j->draft;
	bool durable = road_is_durable(g, d);
	int r;

	ROAD_KILLPOINT("before-begin");
	r = !durable ? 0 : road_is_fleeting(g, d) ? state_begin_fleeting(g->state, diag) : state_begin(g->state, diag);
	if (r < 0)
		return r;
	if (durable)
		r = road_store(g, d, j->options, &j->docset, &j->revision, diag);
	ROAD_KILLPOINT("after-rows");
	if (r == 0)
		r = to_kernel(g, j, diag);
	ROAD_KILLPOINT("after-kernel");
	if (r == 0 && j->options->unasked)
		cut(g, j, diag);
	if (r < 0) {
		if (durable)
			state_abort(g->state);
		return r;
	}
	if (!durable)
		return 0;
	r = state_commit(g->state, diag);
	ROAD_KILLPOINT("after-commit");
	j->undo_kernel = r < 0; /* not durable, so it must not have happened */
	g->remember = g->remember && r < 0;
	g->store_raised = g->store_raised && r < 0;
	if (r == 0) {
		documents_freep(&g->unstored);
		g->unstored = NULL;
		confirm_stored(g, d);
	}
	return r;
}

static int dry_run(struct gwd *g, struct journey *j, struct diag *diag)
{
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_(ruleset_freep) struct ruleset *have = NULL, *want = NULL;
	_cleanup_(plan_freep) struct plan *plan = NULL;
	uint32_t generation;

	if (takes_all(g, j)) {
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

/* The one forward that is concerned, or NULL. */
static const char *only_one(const struct delta *delta)
{
	const struct forward *const *of = delta->n_leave ? delta->leave : delta->enter;
	const char *name = delta->n_leave + delta->n_enter ? of[0]->name : NULL;

	for (size_t i = 0; i < delta->n_leave && name; i++)
		name = streq(delta->leave[i]->name, name) ? name : NULL;
	for (size_t i = 0; i < delta->n_enter && name; i++)
		name = streq(delta->enter[i]->name, name) ? name : NULL;
	return name;
}

void road_say(const struct gwd *g, const struct journey *j)
{
	const struct draft *d = j->draft;
	const struct request_options *o = j->options;
	const char *what = d->said      ? d->said
			   : d->what    ? d->what
			   : o->unasked ? "interfaces or addresses changed"
					: "the rules are as they should be again";
	struct event about = {
		.kind = g->starting  ? EVENT_DAEMON
			: d->reverts ? EVENT_CONFIRM
			: d->ended   ? EVENT_END
			: d->what    ? EVENT_CHANGE
			: o->unasked ? EVENT_LINK
				     : EVENT_DRIFT,
		.level = LOG_INFO,
		.forward = only_one(&j->delta),
		.who = o->unasked ? NULL : &o->who,
		.revision = j->revision,
		.counted = true,
		.steps = j->ops,
		.cut = j->outcome->cut,
	};

	if (d->what || d->said || j->ops || j->outcome->cut)
		events_say(g->events, &about, "%s", what);
	if (j->outcome->waits)
		events_say(g->events,
			   &(struct event){.kind = EVENT_CONFIRM, .level = LOG_INFO, .revision = j->revision},
			   "waits %u s to be confirmed: %s", o->confirm, what);
}

static void arrived(struct gwd *g, struct journey *j, struct diag *diag)
{
	const struct draft *d = j->draft;

	if (j->docset)
		g->docset = j->docset;
	j->outcome->revision = j->revision;
	j->outcome->changed = true;
	j->outcome->waits = j->options->confirm && d->what;
	g->frozen = g->frozen && !d->world;
	road_sysctls(g, diag);
	ROAD_KILLPOINT("after-sysctls");
	follow_keeper(g, diag);
	connections_follow(g, diag);
	accounting_follow(g, diag);
	traffic_follow(g, d, &j->delta);
	if (!j->options->unasked)
		cut(g, j, diag);
	ROAD_KILLPOINT("after-cut");
	road_say(g, j);
}

int road_commit(struct gwd *g, struct draft *d, const struct request_options *options, struct outcome *ret,
		struct diag *diag)
{
	_cleanup_(journey_free) struct journey j = {.draft = d, .options = options, .outcome = ret};
	const struct delta *delta = &j.delta;
	bool raised[FAMILIES] = {g->raised[V4], g->raised[V6]}, off[FAMILIES];
	bool frame, shares;
	int r = confirm_judge(g, d, options, diag);

	if (r < 0)
		return r;
	delta_of(g, d, &j.delta);
	shares = turn_takes(g, d, options, delta);
	if (!shares && turn_waits(g))
		return turn_refuse(g, diag);
	off[V4] = !shares && is_off(g, d, delta, V4); /* a turn takes what needs nothing turned on */
	off[V6] = !shares && is_off(g, d, delta, V6);
	frame = d->world || d->topology || d->opens || off[V4] || off[V6] ||
		touches_frame(delta->leave, delta->n_leave) || touches_frame(delta->enter, delta->n_enter);
	if (!options->unasked || d->reverts)
		road_peers(g, d, delta, &j.peers, diag);
	j.have = compile_side(g, delta, frame, delta->leave, delta->n_leave);
	draft_take(g, d);
	for (size_t family = 0; family < FAMILIES; family++) {
		d->raises[family] = off[family] && needs_forwarding(g, family);
		g->raised[family] = g->raised[family] || d->raises[family];
	}
	j.want = compile_side(g, delta, frame, delta->enter, delta->n_enter);
	r = options->unasked ? 0 : road_lockout(g, &j.peers, options->force, diag);
	if (r == 0)
		r = options->dry_run ? dry_run(g, &j, diag) : shares ? turn_join(g, &j, diag) : transact(g, &j, diag);
	if (r == 0 && !g->starting) /* all that runs is looked at behind it */
		others_warn(g, delta->enter, delta->n_enter, diag);
	if (r < 0 || options->dry_run) {
		draft_take_back(g, d);
		g->raised[V4] = raised[V4];
		g->raised[V6] = raised[V6];
		if (j.undo_kernel)
			undo_kernel(g, &j);
		if (diag->kind == DIAG_INTERNAL && diag_failed(diag) && !options->unasked)
			diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "nothing was changed");
		return r;
	}
	if (shares)
		return 0;
	arrived(g, &j, diag);
	if (!options->unasked)
		drift_forgive(g);
	expire_watch_draft(g, d);
	draft_settle(d); /* not before: the delta borrows from it */
	return 0;
}

int road_commit_regardless(struct gwd *g, struct draft *d, struct outcome *ret, struct diag *diag)
{
	const struct request_options self = {.who = {getuid(), getpid()}, .unasked = true};
	int r = road_commit(g, d, &self, ret, diag);

	if (r == 0 || diag->kind != DIAG_INTERNAL)
		return r;
	event_say(g->events, EVENT_PROBLEM, LOG_ERROR, "%s: this is stored with a later change",
		  diag->n ? diag->mistakes[0].message : "no database");
	diag_free(diag);
	g->store_nothing = true;
	g->stale = g->stale || g->starting;
	r = road_commit(g, d, &self, ret, diag);
	g->store_nothing = false;
	return r;
}
