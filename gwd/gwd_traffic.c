/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reading has to see each connection once, while connections end. The kernel tells of an end before it takes the
 * connection out of its table, so: first what has ended is taken down, then those that live are counted, then what ended
 * meanwhile. Of that, what was counted as living just before is taken down only after the reading. */
#include "gwd_traffic.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#include "events.h"
#include "gwd_accounting.h"
#include "sysctl.h"

enum {
	BUFFER = 8 << 20,   /* bytes of what has ended and is not taken down yet */
	STORE_EVERY = 10,   /* seconds */
	STORE_ROWS = 500,   /* at a time: changes do not wait for more */
};

static struct rules rules_of(const struct gwd *g)
{
	return (struct rules){
		.settings = g->world->settings, .topology = g->topology, .forwards = g->world->forwards};
}

/* ---- What ends ----------------------------------------------------------------------------------- */

static void missed(struct ledger *l, enum traffic_missed_kind kind, int64_t from)
{
	struct traffic_missed *m = &l->missed[kind];

	m->to = time(NULL);
	m->from = from ? from : m->to;
}

static void ended(struct gwd *g, const struct flow *flow)
{
	struct rules rules = rules_of(g);

	if (traffic_ended(g->ledger->traffic, &rules, flow, time(NULL)) && !flow->counted)
		missed(g->ledger, TRAFFIC_UNCOUNTED, 0);
}

static void take_end(void *ctx, const struct flow *flow)
{
	ended(ctx, flow);
}

static int cmp_id(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* During a reading: what it has counted as living is put off. */
static void take_late_end(void *ctx, const struct flow *flow)
{
	struct gwd *g = ctx;
	struct ledger *l = g->ledger;

	if (!l->n_ids || !bsearch(&flow->id, l->ids, l->n_ids, sizeof(*l->ids), cmp_id)) {
		ended(g, flow);
		return;
	}
	l->late = grow(l->late, l->n_late, &l->late_capacity, sizeof(*l->late));
	l->late[l->n_late++] = *flow;
}

static void take_ends(struct gwd *g, void (*take)(void *ctx, const struct flow *))
{
	if (!conntrack_ends_read(g->ledger->ends, take, g))
		return;
	if (g->ledger->missed[TRAFFIC_LOST].to != time(NULL))
		event_say(g->events, EVENT_PROBLEM, LOG_NOTE,
			  "connections ended faster than they could be counted: some are missing");
	missed(g->ledger, TRAFFIC_LOST, 0);
}

int gwd_traffic_fd(const struct gwd *g)
{
	return conntrack_ends_fd(g->ledger->ends);
}

void gwd_traffic_event(struct gwd *g)
{
	take_ends(g, take_end);
}

/* ---- Reading ------------------------------------------------------------------------------------- */

static void count_living(struct ledger *l, const struct flow *flow, int sign)
{
	if (flow->began >= l->living.before)
		return;
	l->living.n += sign;
	l->living.sum += sign * (int64_t)flow->id;
}

static void take_live(void *ctx, const struct flow *flow)
{
	struct gwd *g = ctx;
	struct ledger *l = g->ledger;
	struct rules rules = rules_of(g);

	if (!traffic_live(l->traffic, &rules, flow, time(NULL)))
		return;
	l->ids = grow(l->ids, l->n_ids, &l->ids_capacity, sizeof(*l->ids));
	l->ids[l->n_ids++] = flow->id;
	count_living(l, flow, 1);
}

static int look(struct gwd *g)
{
	const struct flow_filter filter = {.translated = !g->untranslated};
	struct conntrack *c = NULL;
	int r = conntrack_open(&c);

	if (r == 0)
		r = conntrack_list(c, &filter, take_live, g);
	conntrack_close(c);
	return r;
}

int gwd_counts(const struct gwd *g, struct diag *diag)
{
	if (g->world->settings->accounting)
		return 0;
	diag_add(diag, DIAG_CONFLICT, (struct loc){0},
		 "gwd.yaml says accounting: false, so nothing is counted: remove that, and gwctl apply");
	return -ENODATA;
}

int traffic_read(struct gwd *g, struct diag *diag)
{
	struct ledger *l = g->ledger;
	int r = gwd_counts(g, diag);

	if (r < 0 || !l->listening)
		return r;
	take_ends(g, take_end);
	traffic_begin(l->traffic);
	l->n_ids = l->n_late = 0;
	l->living.n = l->living.sum = 0;
	r = look(g);
	if (l->n_ids)
		qsort(l->ids, l->n_ids, sizeof(*l->ids), cmp_id);
	take_ends(g, take_late_end);
	if (r == 0)
		traffic_end(l->traffic);
	for (size_t i = 0; i < l->n_late; i++) {
		ended(g, &l->late[i]);
		count_living(l, &l->late[i], -1);
	}
	if (r < 0)
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "cannot look at connections: %s", strerror(-r));
	return r;
}

void traffic_view(const struct gwd *g, struct forward_view *view)
{
	const struct ledger *l = g->ledger;
	const struct traffic_row *row = traffic_row(l->traffic, view->forward->name);

	view->counted = g->world->settings->accounting;
	if (!view->counted || !row)
		return;
	view->since = row->since;
	view->n_traffic = row->n;
	view->traffic = xcalloc(row->n ? row->n : 1, sizeof(*row->targets));
	memcpy(view->traffic, row->targets, row->n * sizeof(*row->targets));
	for (size_t i = 0; i < TRAFFIC_MISSED_KINDS; i++)
		if (l->missed[i].to >= row->since)
			view->missed[i] = l->missed[i];
}

void gwd_reset(struct gwd *g, const char *name, const struct caller *who)
{
	int64_t now = time(NULL);

	for (struct traffic_row *row = traffic_first(g->ledger->traffic); row; row = row->next)
		if (!name || streq(row->name, name))
			traffic_reset(row, now);
	events_say(g->events,
		   &(struct event){.kind = EVENT_CHANGE, .level = LOG_INFO, .forward = name, .who = who},
		   "the traffic of %s is counted anew", name ? name : "all forwards");
}

/* ---- Keeping up ---------------------------------------------------------------------------------- */

static void leave(struct gwd *g, const struct forward *f)
{
	struct forward_entry *e;
	bool renamed = forwards_overlap(g->world->forwards, f, &e, 1) && forward_same(e->forward, f);

	traffic_left(g->ledger->traffic, g->world->forwards, f, renamed ? e->forward->name : NULL, time(NULL));
}

/* Rows of forwards that went without having been in the kernel. */
static void sweep(struct gwd *g)
{
	struct traffic *t = g->ledger->traffic;

	for (struct traffic_row *row = traffic_first(t), *next; row; row = next) {
		next = row->next;
		if (!forwards_by_name(g->world->forwards, row->name))
			traffic_forget(t, row);
	}
}

static bool forwards_sctp(const struct gwd *g)
{
	const struct forward_entry *e = forwards_first(g->world->forwards);

	while (e && !(e->forward->protos & PROTO_SCTP))
		e = e->next;
	return e != NULL;
}

/* Whatever falls silent, in whichever state, is remembered by the kernel for a while: at least so many seconds. */
static int remembered(const struct gwd *g)
{
	static const char *const names[] = {
		"udp_timeout", "udp_timeout_stream", "tcp_timeout_syn_sent", "tcp_timeout_syn_recv",
		"tcp_timeout_established", "tcp_timeout_unacknowledged", "tcp_timeout_max_retrans",
		"tcp_timeout_fin_wait", "tcp_timeout_close_wait", "tcp_timeout_last_ack", "tcp_timeout_time_wait",
		"tcp_timeout_close",
		/* those of SCTP, by default the shortest of all */
		"sctp_timeout_closed", "sctp_timeout_cookie_wait", "sctp_timeout_cookie_echoed",
		"sctp_timeout_established", "sctp_timeout_shutdown_sent", "sctp_timeout_shutdown_recd",
		"sctp_timeout_shutdown_ack_sent", "sctp_timeout_heartbeat_sent"};
	bool sctp = forwards_sctp(g);
	int least = INT_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(names) && (sctp || *names[i] != 's'); i++) {
		_cleanup_(freep) char *name = xasprintf("net/netfilter/nf_conntrack_%s", names[i]);
		int seconds;

		if (sysctl_get(name, &seconds) < 0)
			return 0;
		least = seconds < least ? seconds : least;
	}
	return least;
}

/* While nobody listened nothing of ours came to its end unseen: all that lived then lives, and what began meanwhile
 * cannot have been forgotten yet (but by somebody's hand, or where the kernel's table is full). */
static bool missed_nothing(struct gwd *g)
{
	_cleanup_(diag_free) struct diag ignored = {0};
	struct ledger *l = g->ledger;
	int64_t silence = time(NULL) - l->left.before;

	l->living.before = l->left.before;
	return l->left.before && silence >= 0 && silence + 1 < remembered(g) && traffic_read(g, &ignored) == 0 &&
	       l->living.n == l->left.n && l->living.sum == l->left.sum;
}

/* What was left is of one restart only: it is overwritten at once. */
static void resume(struct gwd *g)
{
	struct ledger *l = g->ledger;

	if (!missed_nothing(g))
		missed(l, TRAFFIC_DOWN, l->stored);
	l->left = (struct living){0};
	l->idle = false;
	traffic_store(g, STORE_ROWS);
	l->stored = time(NULL);
}

static void hear(struct gwd *g)
{
	struct ledger *l = g->ledger;
	bool on = accounting_wanted(g);
	int r = on != l->listening ? conntrack_ends_listen(l->ends, on) : 0;

	if (r < 0) {
		event_say(g->events, EVENT_PROBLEM, LOG_ERROR, "connections that end cannot be counted: %s",
			  strerror(-r));
		return;
	}
	if (!on && l->listening)
		l->stored = time(NULL);
	bool resumes = on && !l->listening && l->stored;
	l->listening = on;
	if (resumes)
		resume(g);
}

void traffic_follow(struct gwd *g, const struct draft *d, const struct delta *delta)
{
	hear(g);
	for (size_t i = 0; delta && i < delta->n_leave; i++)
		leave(g, delta->leave[i]);
	for (size_t i = 0; d && i < d->n_steps; i++)
		if (d->steps[i].kind == STEP_REMOVE)
			leave(g, d->steps[i].entry->forward);
	if (d && d->world)
		sweep(g);
}

void traffic_settle(struct gwd *g)
{
	struct ledger *l = g->ledger;

	if (l->listening && time(NULL) - l->stored >= STORE_EVERY && traffic_store(g, STORE_ROWS))
		l->stored = time(NULL);
}

int traffic_open(struct gwd *g, struct diag *diag)
{
	struct ledger *l = g->ledger = xcalloc(1, sizeof(*l));
	int r = conntrack_ends_open(BUFFER, &l->ends);

	l->traffic = traffic_new();
	if (r < 0) {
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "cannot open a netlink socket: %s", strerror(-r));
		return r;
	}
	return traffic_load(g, diag);
}

void traffic_close(struct gwd *g)
{
	_cleanup_(diag_free) struct diag ignored = {0};
	struct ledger *l = g->ledger;

	if (!l)
		return;
	l->living.before = time(NULL);
	l->leaving = l->listening && traffic_read(g, &ignored) == 0;
	if (l->leaving)
		traffic_store(g, SIZE_MAX);
	conntrack_ends_close(l->ends);
	traffic_free(l->traffic);
	free(l->ids);
	free(l->late);
	free(l);
}
