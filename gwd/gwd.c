/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start, link events, stop and purge. What runs after a start is decided once, here: the file if it has changed since it
 * was last seen and is right, otherwise what ran before; a broken file never costs a working gateway. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "files.h"
#include "gwd_apply.h"
#include "gwd_guard.h"
#include "log.h"
#include "sysctl.h"

static const char *const raised_keys[FAMILIES] = {"raised4", "raised6"};
static const uint8_t families[FAMILIES] = {AF_INET, AF_INET6};

/* ---- Where we are ---------------------------------------------------------------------------------- */

/* This boot and network namespace: forwarding that was turned on elsewhere is not ours. The cookie is unique within a
 * boot (SO_NETNS_COOKIE, Linux 5.14); without it the boot alone must do. */
static char *here(void)
{
	_cleanup_(buf_free) struct buf boot = {0};
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (file_read("/proc/sys/kernel/random/boot_id", 64, &boot) < 0)
		buf_printf(&boot, "unknown");
	boot.data[strcspn(boot.data, "\n")] = '\0';
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) < 0)
		cookie = 0;
	return xasprintf("%s:%llu", boot.data, (unsigned long long)cookie);
}

static void free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* The wan interfaces found by default route; the next change stores them if they are others than before. */
static void update_remembered(struct gwd *g, const struct settings *settings, const struct topology *t)
{
	char **names = NULL;
	size_t n = 0, capacity = 0;
	bool same;

	for (size_t i = 0; i < t->n_interfaces && settings->n_wan == 0; i++) {
		if (t->interfaces[i].zone != ZONE_WAN || !t->interfaces[i].from_route)
			continue;
		names = grow(names, n, &capacity, sizeof(*names));
		names[n++] = xstrdup(t->interfaces[i].name);
	}
	same = n == 0 || n == g->n_remembered;
	for (size_t i = 0; i < n && same; i++)
		same = streq(names[i], g->remembered[i]);
	if (same) {
		free_names(names, n);
		return;
	}
	free_names(g->remembered, g->n_remembered);
	g->remembered = names;
	g->n_remembered = n;
	g->remember = true;
}

static int load_remembered(struct gwd *g, struct diag *diag)
{
	_cleanup_(freep) char *text = NULL;
	size_t capacity = 0;
	char *rest, *name;
	int r = state_get(g->state, "wan", &text, diag);

	if (r < 0 || !text)
		return r;
	for (name = strtok_r(text, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
		g->remembered = grow(g->remembered, g->n_remembered, &capacity, sizeof(*g->remembered));
		g->remembered[g->n_remembered++] = xstrdup(name);
	}
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

static void say_broken(const struct diag *mistakes, const char *instead)
{
	_cleanup_(freep) char *text = diag_text(mistakes);

	log_error("gwd.yaml is not in force, %s:", instead);
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		if (*line)
			log_error("%s", line);
}

static int choose_documents(struct gwd *g, struct beginning *b, struct diag *diag)
{
	_cleanup_(freep) char *seen = NULL;
	bool changed;
	int r = state_get(g->state, "seen", &seen, diag);

	if (r < 0)
		return r;
	b->disk = files_read(g->config_path, NULL, 0, NULL, &g->file_mistakes);
	b->seen = b->disk ? hash_text(documents_hash(b->disk)) : xstrdup("unreadable");
	changed = !seen || !streq(seen, b->seen);
	if (!state_newer(g->state))
		g->docset = stored_docset(g);
	if (b->disk && (changed || !g->docset))
		b->config = config_read(b->disk, &g->file_mistakes);
	b->from_disk = b->config != NULL;
	if (b->config || !g->docset)
		return 0;
	b->stored = xcalloc(1, sizeof(*b->stored));
	r = state_get_documents(g->state, g->docset, b->stored, diag);
	if (r < 0)
		return r;
	b->config = config_read(b->stored, diag);
	return b->config ? 0 : -EINVAL;
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
	const struct request_options self = {.who = {getuid(), getpid()}};
	_cleanup_(ingredients_free) struct ingredients in = {0};
	_cleanup_(outcome_free) struct outcome outcome = {0};
	_cleanup_(draft_free) struct draft d = {.seen = b->seen};
	const struct documents *docs = b->from_disk ? b->disk : b->stored;
	_cleanup_(freep) char *what = NULL;
	int r = state_newer(g->state) ? 0 : ingredients_stored(g, &in, diag);

	if (r < 0)
		return r;
	draft_world(g, &d, b->config, &in);
	r = state_newer(g->state) ? 0 : guard_recall(g, &d, diag);
	if (r < 0)
		return r;
	update_remembered(g, d.world->settings, d.topology);
	if (b->from_disk) {
		what = xasprintf("started with %s: %zu forwards, %zu of them added at run time",
				 docs->n ? docs->items[0].path : "nothing", forwards_count(d.world->forwards),
				 count_runtime(d.world->forwards));
		d.documents = docs;
		d.what = what;
	}
	for (size_t i = 0; i < in.settled.n_messages; i++)
		log_note("%s", in.settled.messages[i]);
	r = road_commit(g, &d, &self, &outcome, diag);
	if (r < 0 && diag->kind == DIAG_INTERNAL) { /* a full disk must not close the gateway */
		log_error("%s: this start is not stored", diag->n ? diag->mistakes[0].message : "no database");
		diag_free(diag);
		g->stale = g->store_nothing = true;
		r = road_commit(g, &d, &self, &outcome, diag);
		g->store_nothing = false;
		if (b->from_disk)
			g->unstored = TAKE_PTR(b->disk);
	}
	if (r == 0)
		g->docset_hash = documents_hash(docs);
	return r;
}

static int begin(struct gwd *g, struct diag *diag)
{
	_cleanup_(beginning_free) struct beginning b = {0};
	int r = load_remembered(g, diag);

	if (r == 0)
		r = choose_documents(g, &b, diag);
	if (r < 0)
		return r;
	for (size_t family = 0; family < FAMILIES; family++)
		g->raised[family] = was_raised(g->state, family, g->here, &g->redirects);
	g->stale = true; /* the kernel may have anything */
	if (b.config) {
		if (diag_failed(&g->file_mistakes))
			say_broken(&g->file_mistakes, "what ran before runs on");
		return begin_world(g, &b, diag);
	}
	g->frozen = true;
	say_broken(&g->file_mistakes, "and nothing is known that ran before: the kernel is left as it is");
	return 0;
}

static struct world *empty_world(void)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->settings = settings_default();
	w->forwards = forwards_new();
	return w;
}

int gwd_start(const struct gwd_options *options, struct gwd **ret, struct diag *diag)
{
	struct gwd *g = xcalloc(1, sizeof(*g));
	int r;

	g->config_path = xstrdup(options->config_path);
	g->here = here();
	g->redirects = -1;
	g->world = empty_world();
	r = state_open(options->state_dir, &g->state, diag);
	if (r == 0)
		r = kernel_open(&g->kernel, diag);
	if (r == 0)
		r = links_open(&g->links, diag);
	if (r == 0) {
		g->topology = topology_build(g->world->settings, links_facts(g->links), NULL, 0);
		r = begin(g, diag);
	}
	for (size_t i = 0; i < diag->n_warnings; i++)
		log_warn("%s", diag->warnings[i]);
	if (r < 0) {
		gwd_stop(g);
		return r;
	}
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
	if (g->state)
		state_close(g->state);
	world_free(g->world);
	topology_free(g->topology);
	free_names(g->remembered, g->n_remembered);
	documents_freep(&g->unstored);
	diag_free(&g->file_mistakes);
	free(g->config_path);
	free(g->here);
	free(g->last_error);
	free(g);
}

/* ---- Links ----------------------------------------------------------------------------------------- */

int gwd_links_fd(const struct gwd *g)
{
	return links_fd(g->links);
}

static void nobody_asked(struct gwd *g, const char *what, const struct diag *diag)
{
	free(g->last_error);
	g->last_error = xasprintf("%s: %s", what, diag->n ? diag->mistakes[0].message : "unknown error");
	log_error("%s", g->last_error);
}

void gwd_links_event(struct gwd *g)
{
	const struct request_options self = {.who = {getuid(), getpid()}};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(outcome_free) struct outcome outcome = {0};
	_cleanup_(draft_free) struct draft d = {0};

	if (links_read(g->links, &diag) < 0)
		nobody_asked(g, "interfaces could not be read", &diag);
	d.topology = topology_build(g->world->settings, links_facts(g->links), g->remembered, g->n_remembered);
	if (g->frozen || topology_same(d.topology, g->topology))
		return;
	update_remembered(g, g->world->settings, d.topology);
	diag_free(&diag);
	if (road_commit(g, &d, &self, &outcome, &diag) < 0) {
		draft_take(g, &d); /* the world is as it is: the next change brings the rules along */
		g->stale = true;
		nobody_asked(g, "interfaces changed, but the rules could not follow", &diag);
		return;
	}
	log_info("interfaces or addresses changed, the rules follow");
	for (size_t i = 0; i < diag.n_warnings; i++)
		log_warn("%s", diag.warnings[i]);
}

void gwd_settle(struct gwd *g)
{
	_cleanup_(diag_free) struct diag diag = {0};

	if (!g->stale || g->frozen)
		return;
	if (road_reconcile(g, &diag) < 0) {
		log_debug("still not settled: %s", diag.n ? diag.mistakes[0].message : "?");
		return;
	}
	road_sysctls(g, &diag);
	log_info("the rules are as they should be again");
}

/* ---- Purge ----------------------------------------------------------------------------------------- */

/* What we turned on, here. */
struct raised {
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
		if (sysctl_forwarding_off(families[family], r->redirects, diag) < 0)
			continue;
		outcome_say(ret, xasprintf("%s forwarding is off again", name));
		if (state && state_begin(state, diag) == 0) {
			if (state_put(state, raised_keys[family], NULL, diag) < 0)
				state_abort(state);
			else
				state_commit(state, diag);
		}
	}
}

static int purge(const struct raised *raised, struct kernel *kernel, struct state *state, struct outcome *ret,
		 struct diag *diag)
{
	_cleanup_(ruleset_freep) struct ruleset *have = NULL, *nothing = ruleset_new();
	_cleanup_(plan_freep) struct plan *plan = NULL;
	uint32_t generation;
	int r = kernel_read(kernel, &have, &generation, diag);

	if (r < 0)
		return r;
	plan = plan_diff(have, nothing);
	r = kernel_commit(kernel, plan, 0, diag);
	if (r < 0)
		return r;
	ret->changed = have->table;
	outcome_say(ret, xasprintf("table inet %s: %s", RULESET_TABLE, have->table ? "removed" : "not there"));
	lower_forwarding(raised, kernel, state, ret, diag);
	return diag_failed(diag) ? -EIO : 0;
}

int gwd_purge(struct gwd *g, const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	const struct raised raised = {{g->raised[V4], g->raised[V6]}, g->redirects};
	int r;

	if (options->dry_run) {
		outcome_say(ret, xstrdup("would remove the table and, if nobody else forwards, turn forwarding off"));
		return 0;
	}
	r = purge(&raised, g->kernel, state_newer(g->state) ? NULL : g->state, ret, diag);
	g->table = g->table && r < 0;
	g->frozen = true; /* nothing comes back before the exit that follows */
	log_info("purged (uid %u, pid %d)", (unsigned)options->who.uid, (int)options->who.pid);
	return r;
}

int gwd_purge_offline(const struct gwd_options *options, struct outcome *ret, struct diag *diag)
{
	_cleanup_(freep) char *here_now = here();
	struct raised raised = {.redirects = -1};
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
