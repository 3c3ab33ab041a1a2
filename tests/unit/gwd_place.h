/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gateway of its own for each test of gwd.h: configuration, state, a made-up /proc/sys, a network namespace with real
 * links, and the fake kernel behind the seam. Questions are written as JSON with ' for ", answers are compared as text. */
#ifndef GWD_PLACE_H
#define GWD_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "fake_conntrack.h"
#include "fake_kernel.h"
#include "fake_listeners.h"
#include "gwd.h"
#include "log.h"
#include "own_netns.h"
#include "sysctl.h"

#define IN_PLACE(name) cmocka_unit_test_setup_teardown(name, place_new, place_gone)

static struct {
	char base[64];
	char *config, *state;
	struct gwd *gwd;
	struct request_options options;
	struct outcome outcome; /* of the last call */
	struct diag diag;
	int r;
} place;

/* ---- Files -------------------------------------------------------------------------------------- */

static inline char *place_path(const char *name)
{
	return xasprintf("%s/%s", place.base, name);
}

static inline void put_file(const char *name, const char *text)
{
	_cleanup_(freep) char *path = place_path(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static inline char *get_file(const char *name)
{
	_cleanup_(freep) char *path = place_path(name);
	struct buf text = {0};

	assert_int_equal(file_read(path, 1 << 20, &text), 0);
	return buf_take(&text);
}

/* ---- Place -------------------------------------------------------------------------------------- */

/* wan0 has the default routes, lan0 is the inside. */
#define PLACE_LINKS                                                                                                    \
	"ip -batch - <<E\n"                                                                                            \
	"link set lo up\n"                                                                                             \
	"link add wan0 type veth peer name lan0\n"                                                                     \
	"address add 203.0.113.5/24 dev wan0\n"                                                                        \
	"address add 2001:db8::5/64 dev wan0 nodad\n"                                                                  \
	"address add 192.168.1.1/24 dev lan0\n"                                                                        \
	"link set wan0 up\n"                                                                                           \
	"link set lan0 up\n"                                                                                           \
	"route add default via 203.0.113.1\n"                                                                          \
	"E\n"

static inline int place_tree(void)
{
	static const char script[] = "cd %s && mkdir etc etc/gwd.d && cd sys && mkdir -p net/ipv4/conf/all "
				     "net/ipv4/conf/wan0 net/ipv4/conf/lan0 net/ipv6/conf/all net/ipv6/conf/default && "
				     "for f in net/ipv4/ip_forward net/ipv6/conf/all/forwarding; do echo 0 >$f; done && "
				     "for f in all wan0 lan0; do echo 1 >net/ipv4/conf/$f/send_redirects; done && "
				     "echo 1 >net/ipv6/conf/default/accept_ra && echo 0 >net/ipv4/conf/all/accept_redirects";
	_cleanup_(freep) char *sys = place_path("sys"), *command = NULL;

	if (mkdir(sys, 0755) < 0)
		return -1;
	sysctl_set_root(sys);
	command = xasprintf(script, place.base);
	return netns_try(command);
}

static inline int place_new(void **state)
{
	const char *tmp = getenv("TMPDIR");

	fake_kernel_reset();
	fake_listeners_reset();
	fake_conntrack_reset();
	log_set_level(0);
	memset(&place, 0, sizeof(place));
	place.options.who = (struct caller){1000, 4711};
	snprintf(place.base, sizeof(place.base), "%s/gwd-road-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (!mkdtemp(place.base) || place_tree() != 0 || netns_fresh(state) < 0)
		return -1;
	place.config = place_path("etc/gwd.yaml");
	place.state = place_path("state");
	return netns_allowed ? netns_try(PLACE_LINKS) : 0;
}

static inline void forget(void)
{
	outcome_free(&place.outcome);
	diag_free(&place.diag);
}

static inline void stop(void)
{
	gwd_stop(place.gwd);
	place.gwd = NULL;
}

static inline int place_gone(void **state)
{
	_cleanup_(freep) char *command = xasprintf("rm -rf %s", place.base);

	(void)state;
	stop();
	forget();
	fake_kernel_reset();
	fake_listeners_reset();
	fake_conntrack_reset();
	sysctl_set_root(NULL);
	free(place.config);
	free(place.state);
	return netns_try(command);
}

static inline void try_start(void)
{
	const struct gwd_options options = {place.config, place.state};

	forget();
	place.r = gwd_start(&options, &place.gwd, &place.diag);
}

static inline void fail_if_refused(void)
{
	_cleanup_(freep) char *text = place.r < 0 ? diag_text(&place.diag) : NULL;

	if (place.r < 0)
		fail_msg("refused (%d): %s", place.r, text);
}

/* From then on; what runs already does not look again. */
static inline void boot(const char *id)
{
	_cleanup_(freep) char *command = xasprintf("mkdir -p %s/sys/kernel/random", place.base);

	assert_int_equal(netns_try(command), 0);
	put_file("sys/kernel/random/boot_id", id);
}

static inline void start(void)
{
	try_start();
	fail_if_refused();
}

static inline void restart(void)
{
	stop();
	start();
}

/* ---- Asking ------------------------------------------------------------------------------------- */

struct question {
	struct arena *arena;
	const struct node *node;
};

static inline struct question ask(const char *json)
{
	_cleanup_(freep) char *text = xstrdup(json);
	struct question q = {.arena = arena_new()};
	json_t *value;

	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	value = json_loads(text, 0, NULL);
	assert_non_null(value);
	q.node = doc_from_json(q.arena, value);
	json_decref(value);
	return q;
}

static inline int try_add(const char *service)
{
	struct question q = ask(service);

	forget();
	place.r = gwd_add(place.gwd, q.node, &place.options, &place.outcome, &place.diag);
	arena_free(q.arena);
	return place.r;
}

static inline int try_set(const char *name, const char *changes)
{
	struct question q = ask(changes);

	forget();
	place.r = gwd_set(place.gwd, name, q.node, &place.options, &place.outcome, &place.diag);
	arena_free(q.arena);
	return place.r;
}

static inline int try_remove(const char *name)
{
	const struct selector selector = {.name = name};

	forget();
	return place.r = gwd_remove(place.gwd, &selector, &place.options, &place.outcome, &place.diag);
}

static inline int try_remove_ports(const char *occupies)
{
	struct question q = ask(occupies);
	const struct selector selector = {.occupies = q.node};

	forget();
	place.r = gwd_remove(place.gwd, &selector, &place.options, &place.outcome, &place.diag);
	arena_free(q.arena);
	return place.r;
}

static inline int try_enable(const char *name, bool on)
{
	forget();
	return place.r = gwd_enable(place.gwd, name, on, &place.options, &place.outcome, &place.diag);
}

static inline int try_target(const char *name, const char *target, enum target_state to)
{
	forget();
	return place.r = gwd_target(place.gwd, name, target, to, &place.options, &place.outcome, &place.diag);
}

static inline int try_open(const char *opening)
{
	struct question q = ask(opening);

	forget();
	place.r = gwd_open(place.gwd, q.node, &place.options, &place.outcome, &place.diag);
	arena_free(q.arena);
	return place.r;
}

static inline int try_close(const char *opening)
{
	struct question q = ask(opening);

	forget();
	place.r = gwd_close(place.gwd, q.node, &place.options, &place.outcome, &place.diag);
	arena_free(q.arena);
	return place.r;
}

/* NULL: what is on disk. */
static inline int try_apply(const char *text, const char *path)
{
	forget();
	return place.r = gwd_apply(place.gwd, text, text ? strlen(text) : 0, path, &place.options, &place.outcome,
				   &place.diag);
}

static inline int try_rollback(int64_t revision)
{
	forget();
	return place.r = gwd_rollback(place.gwd, revision, &place.options, &place.outcome, &place.diag);
}

static inline int try_undo(void)
{
	forget();
	return place.r = gwd_undo(place.gwd, &place.options, &place.outcome, &place.diag);
}

/* "80" or "8000-8010" to ADDR, named NAME or by default (NULL). */
static inline void add(const char *name, const char *ports, const char *addr)
{
	_cleanup_(freep) char *named = name ? xasprintf("'name':'%s',", name) : xstrdup("");
	_cleanup_(freep) char *service = xasprintf("{%s'ports':['%s'],'to':[{'addr':'%s'}]}", named, ports, addr);

	try_add(service);
	fail_if_refused();
}

#define DONE(call)                                                                                                     \
	do {                                                                                                           \
		call;                                                                                                  \
		fail_if_refused();                                                                                     \
	} while (0)

/* ---- Answers ------------------------------------------------------------------------------------ */

static inline char *join(char *const *lines, size_t n)
{
	struct buf out = {0};

	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%s%s", i ? "\n" : "", lines[i]);
	return buf_take(&out);
}

static inline void assert_said(const char *expected)
{
	_cleanup_(freep) char *said = join(place.outcome.messages, place.outcome.n_messages);

	fail_if_refused();
	assert_string_equal(said, expected);
}

/* All mistakes, one per line. */
static inline void assert_refused(enum diag_kind kind, const char *expected)
{
	_cleanup_(buf_free) struct buf said = {0};

	assert_true(place.r < 0);
	buf_printf(&said, "%s", "");
	for (size_t i = 0; i < place.diag.n; i++)
		buf_printf(&said, "%s%s", i ? "\n" : "", place.diag.mistakes[i].message);
	assert_string_equal(said.data, expected);
	assert_int_equal(place.diag.kind, kind);
}

/* "web active\nmail off: by ..."; the date of an override is cut. */
static inline void assert_list(const char *expected)
{
	static const char *const states[] = {"active", "off", "held"};
	_cleanup_(buf_free) struct buf out = {0};
	_cleanup_(diag_free) struct diag diag = {0};
	struct forward_view *views;
	size_t n;

	assert_int_equal(gwd_list(place.gwd, NULL, &views, &n, &diag), 0);
	buf_printf(&out, "%s", "");
	for (size_t i = 0; i < n; i++) {
		char *date = views[i].reason ? strstr(views[i].reason, ", 20") : NULL;

		if (date)
			*date = '\0';
		buf_printf(&out, "%s%s %s%s%s", i ? "\n" : "", views[i].forward->name, states[views[i].state],
			   views[i].reason ? ": " : "", views[i].reason ? views[i].reason : "");
		forward_view_free(&views[i]);
	}
	free(views);
	assert_string_equal(out.data, expected);
}

static inline struct gwd_status status(void)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct gwd_status s;

	assert_int_equal(gwd_status(place.gwd, &s, &diag), 0);
	return s;
}

static inline char *rules(void)
{
	struct buf out = {0};

	ruleset_text(&out, fake_kernel_ruleset());
	return buf_take(&out);
}

/* Long texts: the first line that differs is what one wants to see. */
static inline void assert_same_text(const char *have, const char *expected)
{
	size_t line = 0, i = 0;

	for (; have[i] && have[i] == expected[i]; i++)
		line = have[i] == '\n' ? i + 1 : line;
	if (have[i] != expected[i])
		fail_msg("have '%.*s', expected '%.*s'", (int)strcspn(have + line, "\n"), have + line,
			 (int)strcspn(expected + line, "\n"), expected + line);
}

/* "element any4 { ... } # web" lines of the forwards in the fake kernel, sorted as it has them. */
static inline char *elements(void)
{
	const struct ruleset *r = fake_kernel_ruleset();
	struct buf out = {0};

	for (size_t i = 0; i < r->n_elems; i++)
		if (r->elems[i].comment)
			elem_text(&out, &r->elems[i]);
	return buf_take(&out);
}

static inline void assert_elements(const char *expected)
{
	_cleanup_(freep) char *have = elements();

	assert_string_equal(have, expected);
}

/* What a fresh start on the same state has to do: nothing. */
static inline void assert_settled(void)
{
	_cleanup_(freep) char *before = rules(), *after = NULL;
	struct kernel_stats stats;

	restart();
	stats = *status().netlink;
	after = rules();
	assert_same_text(after, before);
	assert_int_equal(stats.batches, 0);
	assert_int_equal(stats.dumps, 1);
}

/* ---- Trouble ------------------------------------------------------------------------------------ */

/* What is written to the database from here on does not fit on the disk (a limit of this process stands in for it). */
static inline void disk_full(bool full)
{
	struct rlimit limit;
	_cleanup_(freep) char *wal = xasprintf("%s/state.db-wal", place.state);
	struct stat st = {0};

	fflush(NULL);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	(void)!stat(wal, &st);
	limit.rlim_cur = full ? (rlim_t)st.st_size : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

#endif
