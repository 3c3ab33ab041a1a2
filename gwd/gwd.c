/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start, link events, stop and purge. What runs after a start is decided once, here: the file if it has changed since it
 * was last seen and is right, otherwise what ran before; a broken file never costs a working gateway. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boottime.h"
#include "files.h"
#include "gwd_accounting.h"
#include "gwd_apply.h"
#include "gwd_confirm.h"
#include "gwd_drift.h"
#include "gwd_expire.h"
#include "gwd_foreign.h"
#include "gwd_guard.h"
#include "gwd_log.h"
#include "gwd_trace.h"
#include "gwd_traffic.h"
#include "killpoint.h"
#include "log.h"
#include "nflog.h"
#include "sysctl.h"

#ifndef SO_NETNS_COOKIE /* musl before 1.2.4 */
#define SO_NETNS_COOKIE 71
#endif

static const char *const raised_keys[FAMILIES] = {"raised4", "raised6"};
static const uint8_t families[FAMILIES] = {AF_INET, AF_INET6};

/* ---- Where we are ---------------------------------------------------------------------------------- */

/* This boot and network namespace: forwarding that was turned on elsewhere is not ours. The cookie is unique within a
 * boot (SO_NETNS_COOKIE, Linux 5.14); without it the boot alone must do. */
static char *here(const char *boot)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		cookie = 0;
	return xasprintf("%s:%llu", boot, (unsigned long long)cookie);
}

static int load_names(struct state *state, const char *key, struct strings *ret, struct diag *diag)
{
	_cleanup_(freep) char *text = NULL;
	char *rest, *name;
	int r = state_get(state, key, &text, diag);

	if (r < 0 || !text)
		return r;
	for (name = strtok_r(text, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		strings_add(ret, xstrdup(name));
	return 0;
}

/* Whether forwarding is on because we turned it on, here; see store_raised for the value. */
static bool was_raised(struct state *state, size_t family, const char *here_now, int *redirects)
{
	_cleanup_(diag_free) struct diag ignored = {0};
	_cleanup_(freep) char *where = NULL;
	char *space;

	if (state_get(state, raised_keys[family], &where, &ignored) < 0 || !where)
		return false;
	space = strchr(where, ' ');
	if (space)
		*space = '\0';
	if (!streq(where, here_now) || sysctl_forwarding_get(families[family]) != 1)
		return false;
	if (family == V4)
		*redirects = space ? (int)strtol(space + 1, NULL, 10) : -1;
	return true;
}

/* ---- Start ----------------------------------------------------------------------------------------- */

static int64_t stored_docset(struct gwd *g)
{
	_cleanup_(diag_free) struct diag ignored = {0};
	_cleanup_(freep) char *text = NULL;

	return state_get(g->state, "accepted", &text, &ignored) == 0 && text ? strtoll(text, NULL, 10) : 0;
}

/* What the start found out. */
struct beginning {
	struct documents *disk; /* NULL: unreadable */
	uint64_t disk_hash;
	struct documents *stored;
	struct config *config; /* of the documents that run; NULL: none can */
	bool from_disk;
	char *seen;
};

static void beginning_free(struct beginning *b)
{
	documents_freep(&b->disk);
	documents_freep(&b->stored);
	config_free(b->config);
	free(b->seen);
}

static void say_broken(const struct diag *mistakes, const char *what)
{
	log_error("%s:", what);
	log_diag(LOG_ERROR, mistakes);
}

static void read_disk(struct gwd *g, struct beginning *b)
{
	b->config = config_read(b->disk, &g->file_mistakes);
	b->from_disk = b->config != NULL;
}

/* What ran before; nothing when this version cannot read it. */
static void read_stored(struct gwd *g, struct beginning *b)
{
	_cleanup_(diag_free) struct diag diag = {0};

	b->stored = xcalloc(1, sizeof(*b->stored));
	if (state_get_documents(g->state, g->docset, b->stored, &diag) == 0)
		b->config = config_read(b->stored, &diag);
	if (!b->config)
		say_broken(&diag, "what ran before is not understood");
}

/* The file when it is new, what ran before when it is not or is broken, and what is left when that is not there. */
static int choose_documents(struct gwd *g, struct beginning *b, struct diag *diag)
{
	_cleanup_(freep) char *seen = NULL;
	bool changed;
	int r = state_get(g->state, "seen", &seen, diag);

	if (r < 0)
		return r;
	b->disk = files_read(g->config_path, NULL, 0, NULL, &g->file_mistakes);
	b->disk_hash = b->disk ? documents_hash(b->disk) : 0;
	b->seen = b->disk ? hash_text(b->disk_hash) : NULL; /* an unreadable file was not seen */
	/* What is to be taken back was made on what ran before: a new file would take part of it along. */
	changed = b->disk && !str_same(seen, b->seen) && !confirm_waits(g);
	if (!state_newer(g->state))
		g->docset = stored_docset(g);
	if (changed)
		read_disk(g, b);
	if (!b->config && g->docset)
		read_stored(g, b);
	if (!b->config && b->disk && !changed)
		read_disk(g, b);
	return 0;
}

static size_t count_runtime(const struct forwards *forwards)
{
	size_t n = 0;

	for (const struct forward_entry *e = forwards_first(forwards); e; e = e->next)
		n += !forward_declared(e->forward);
	return n;
}

static int begin_world(struct gwd *g, struct beginning *b, struct diag *diag)
{
	_cleanup_(ingredients_free) struct ingredients in = {0};
	_cleanup_(outcome_free) struct outcome outcome = {0};
	_cleanup_(draft_free) struct draft d = {.seen = b->seen}, rest = {0};
	const struct documents *docs = b->from_disk ? b->disk : b->stored;
	_cleanup_(diag_free) struct diag again = {0};
	_cleanup_(freep) char *what = NULL;
	int r = state_newer(g->state) ? 0 : ingredients_stored(g, &in, diag);

	if (r < 0)
		return r;
	draft_world(g, &d, b->config, &in);
	r = state_newer(g->state) ? 0 : guard_recall(g, &d, diag);
	if (r < 0)
		return r;
	if (b->from_disk) {
		size_t n = forwards_count(d.world->forwards);
		what = xasprintf("started with %s: %zu forward%s, %zu of them added at run time",
				 docs->n ? docs->items[0].path : "nothing", n, plural(n, "s"),
				 count_runtime(d.world->forwards));
		d.documents = docs;
		d.what = what;
	}
	for (size_t i = 0; i < in.settled.messages.n; i++)
		log_note("%s", in.settled.messages.items[i]);
	if (confirm_due(g)) {
		g->docset_hash = documents_hash(docs);
		draft_take(g, &d);
		draft_settle(&d);
		draft_rest(&d, &rest);
		r = confirm_resume(g, &rest, diag);
		if (r < 0 || !g->stale)
			return r;
		config_free(b->config); /* it cannot be taken back and stays: this is a start like any other */
		b->config = config_read(docs, &again);
		return begin_world(g, b, diag);
	}
	r = road_commit_regardless(g, &d, &outcome, diag);
	if (r < 0)
		return r;
	g->docset_hash = b->from_disk ? b->disk_hash : documents_hash(docs);
	if (b->from_disk && outcome.revision == 0 && state_changeable(g->state))
		g->unstored = TAKE_PTR(b->disk);
	return confirm_resume(g, &rest, diag);
}

static int begin(struct gwd *g, struct diag *diag)
{
	_cleanup_(beginning_free) struct beginning b = {0};
	int r = load_names(g->state, "wan", &g->wan.last, diag);

	if (r == 0)
		r = load_names(g->state, "outside", &g->wan.former, diag);
	if (r == 0)
		r = choose_documents(g, &b, diag);
	if (r < 0)
		return r;
	for (size_t family = 0; family < FAMILIES; family++)
		g->raised[family] = was_raised(g->state, family, g->here, &g->redirects);
	g->stale = true; /* the kernel may have anything */
	for (size_t i = 0; b.from_disk && i < g->file_mistakes.n_warnings; i++)
		log_warn("%s", g->file_mistakes.warnings[i]);
	if (b.config) {
		if (diag_failed(&g->file_mistakes))
			say_broken(&g->file_mistakes, "gwd.yaml is not in force, what ran before runs on");
		return begin_world(g, &b, diag);
	}
	g->frozen = true;
	say_broken(&g->file_mistakes,
		   "gwd.yaml is not in force, and nothing is known that ran before: the kernel is left as it is");
	return 0;
}

static struct world *empty_world(void)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->settings = settings_default();
	w->forwards = forwards_new();
	return w;
}

/* It is told to others, who are in other directories. Caller's string. */
static char *whole_path(const char *path)
{
	_cleanup_(freep) char *here_now = *path == '/' ? NULL : getcwd(NULL, 0);

	return here_now ? xasprintf("%s/%s", here_now, path) : xstrdup(path);
}

int gwd_start(const struct gwd_options *options, struct gwd **ret, struct diag *diag)
{
	struct gwd *g = xcalloc(1, sizeof(*g));
	int r;

	g->config_path = whole_path(options->config_path);
	g->started = boottime_now();
	g->boot = sysctl_boot_id();
	g->here = here(g->boot);
	g->redirects = g->clock.alarm = -1;
	g->others = others_new();
	g->confirm = confirm_new();
	g->turn = turn_new();
	g->events = events_new();
	g->world = empty_world();
	r = state_open(options->state_dir, &g->state, diag);
	if (r == 0)
		state_warn(g->state, diag);
	if (r == 0)
		r = expire_open(g, diag);
	if (r == 0)
		r = confirm_open(g, diag);
	if (r == 0)
		r = kernel_open(&g->kernel, diag);
	if (r == 0)
		r = links_open(&g->links, diag);
	if (r == 0) {
		r = nflog_open(&g->nflog);
		if (r < 0)
			diag_add(diag, DIAG_KERNEL, (struct loc){0}, "cannot open a netlink socket: %s", strerror(-r));
	}
	if (r == 0)
		r = traffic_open(g, diag);
	if (r == 0)
		r = tracing_open(g, diag);
	if (r == 0) {
		g->topology = topology_build(g->world->settings, links_facts(g->links), &g->wan);
		g->starting = true;
		KILLPOINT("start", "opened");
		r = begin(g, diag);
		KILLPOINT("start", "begun");
		g->starting = false;
	}
	for (size_t i = 0; i < diag->n_warnings; i++)
		log_warn("%s", diag->warnings[i]);
	if (r < 0) {
		gwd_stop(g);
		return r;
	}
	others_changed(g);
	*ret = g;
	return 0;
}

void gwd_stop(struct gwd *g)
{
	if (!g)
		return;
	if (g->links)
		links_close(g->links);
	if (g->kernel)
		kernel_close(g->kernel);
	expire_close(g);
	traffic_close(g);
	if (g->state)
		state_close(g->state);
	listeners_close();
	tracing_close(g);
	nflog_close(g->nflog);
	others_free(g->others);
	confirm_free(g->confirm);
	turn_free(g->turn);
	events_free(g->events);
	world_free(g->world);
	topology_free(g->topology);
	wan_memory_free(&g->wan);
	documents_freep(&g->unstored);
	diag_free(&g->file_mistakes);
	free(g->config_path);
	free(g->boot);
	free(g->here);
	free(g->last_error);
	free(g);
}

/* ---- What nobody asked for -------------------------------------------------------------------------- */

void road_failed(struct gwd *g, const char *what, const struct diag *diag)
{
	free(g->last_error);
	g->last_error = xasprintf("%s: %s", what, diag->n ? diag->mistakes[0].message : "unknown error");
	event_say(g->events, EVENT_PROBLEM, LOG_ERROR, "%s", g->last_error);
}

void road_follow(struct gwd *g, struct draft *d, const char *failure)
{
	_cleanup_(outcome_free) struct outcome outcome = {0};
	_cleanup_(diag_free) struct diag diag = {0};

	if (road_commit_regardless(g, d, &outcome, &diag) < 0) {
		draft_take(g, d);
		draft_settle(d);
		expire_watch_draft(g, d);
		g->stale = true;
		road_failed(g, failure, &diag);
		return;
	}
	for (size_t i = 0; i < diag.n_warnings; i++)
		event_say(g->events, EVENT_PROBLEM, LOG_WARN, "%s", diag.warnings[i]);
}

struct events *gwd_events(struct gwd *g)
{
	return g->events;
}

int gwd_kernel_fd(const struct gwd *g)
{
	return kernel_fd(g->kernel);
}

void gwd_settle(struct gwd *g)
{
	if (g->outgrown) {
		state_trim(g->state);
		memory_trim();
	}
	g->outgrown = false;
	expire_settle(g);
	confirm_settle(g);
	others_settle(g);
	connections_settle(g);
	drift_settle(g);
	traffic_settle(g);
}

/* ---- Purge ----------------------------------------------------------------------------------------- */

/* What we turned on, here. */
struct raised {
	const char *here;
	bool on[FAMILIES];
	int redirects;
};

/* Forwarding goes back only if we turned it on here and nobody else forwards. */
static void lower_forwarding(const struct raised *r, struct kernel *kernel, struct state *state, struct outcome *ret,
			     struct diag *diag)
{
	size_t foreign = 1;

	if (kernel_foreign_chains(kernel, &foreign, diag) < 0)
		return;
	for (size_t family = 0; family < FAMILIES; family++) {
		const char *name = family == V4 ? "IPv4" : "IPv6";

		if (!r->on[family])
			continue;
		if (foreign) {
			outcome_say(ret,
				    xasprintf("%s forwarding stays on: other tables forward or translate too", name));
			continue;
		}
		if (sysctl_forwarding_off(families[family], r->redirects, diag) == 1)
			outcome_say(ret, xasprintf("%s forwarding is off again", name));
		if (state && state_begin(state, diag) == 0) {
			if (state_put(state, raised_keys[family], NULL, diag) < 0)
				state_abort(state);
			else
				(void)!state_commit(state, diag); /* says itself what went wrong */
		}
	}
}

/* 0 when the table is gone; what else could not be put back is a warning. */
static int purge(const struct raised *raised, struct kernel *kernel, struct state *state, struct outcome *ret,
		 struct diag *diag)
{
	_cleanup_(ruleset_freep) struct ruleset *have = NULL, *nothing = ruleset_new();
	_cleanup_(plan_freep) struct plan *plan = NULL;
	_cleanup_(diag_free) struct diag rest = {0};
	uint32_t generation;
	int r = kernel_read(kernel, &have, &generation, diag);

	if (r < 0)
		return r;
	plan = plan_diff(have, nothing);
	r = kernel_commit(kernel, plan, 0, diag);
	if (r == 0)
		r = kernel_keep(kernel, NULL, diag);
	if (r == 0)
		r = kernel_trace(kernel, NULL, diag); /* or it would count as somebody else's who forwards */
	if (r < 0) {
		if (!diag_failed(diag))
			diag_add(diag, DIAG_KERNEL, (struct loc){0}, "the kernel did not answer: try again");
		return r;
	}
	ret->changed = have->table;
	outcome_say(ret, xasprintf("table inet %s: %s", RULESET_TABLE, have->table ? "removed" : "not there"));
	lower_forwarding(raised, kernel, state, ret, &rest);
	accounting_restore(state, raised->here, ret, &rest);
	for (size_t i = 0; i < rest.n; i++)
		diag_warn(diag, "%s", rest.mistakes[i].message);
	return 0;
}

int gwd_purge(struct gwd *g, const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	const struct raised raised = {g->here, {g->raised[V4], g->raised[V6]}, g->redirects};
	int r;

	if (options->dry_run) {
		outcome_say(ret, xstrdup("would remove the table and, if nobody else forwards, turn forwarding off"));
		return 0;
	}
	r = purge(&raised, g->kernel, state_changeable(g->state) ? g->state : NULL, ret, diag);
	if (r < 0)
		return r;
	g->table = false;
	g->frozen = true; /* nothing comes back before the exit that follows */
	events_say(g->events, &(struct event){.kind = EVENT_CHANGE, .level = LOG_INFO, .who = &options->who}, "purged");
	traffic_follow(g, NULL, NULL);
	return 0;
}

int gwd_purge_offline(const struct gwd_options *options, struct outcome *ret, struct diag *diag)
{
	_cleanup_(freep) char *boot = sysctl_boot_id(), *here_now = here(boot);
	struct raised raised = {.here = here_now, .redirects = -1};
	struct kernel *kernel = NULL;
	struct state *state = NULL;
	int r;

	if (access(options->state_dir, F_OK) == 0) {
		r = state_open(options->state_dir, &state, diag);
		if (r < 0)
			return r;
		for (size_t family = 0; family < FAMILIES; family++)
			raised.on[family] = was_raised(state, family, here_now, &raised.redirects);
	}
	r = kernel_open(&kernel, diag);
	if (r == 0)
		r = purge(&raised, kernel, state, ret, diag);
	if (kernel)
		kernel_close(kernel);
	if (state)
		state_close(state);
	return r;
}
