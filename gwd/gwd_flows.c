/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connections of forwards that live now. The kernel is asked for as few as it can tell apart. */
#include <errno.h>

#include "conntrack.h"
#include "events.h"
#include "gwd_traffic.h"

void flow_view_free(struct flow_view *v)
{
	forward_unref(v->forward);
}

struct search {
	const struct gwd *g;
	const struct forward *forward; /* NULL = all */
	void (*found)(struct search *, const struct forward *, const struct flow *);
	size_t n, capacity;
	struct flow_view *views; /* what is found: these, */
	struct flow *flows;      /* or these */
};

static void found_view(struct search *s, const struct forward *f, const struct flow *flow)
{
	if (s->n++ >= FLOWS_MAX)
		return;
	s->views = grow(s->views, s->n - 1, &s->capacity, sizeof(*s->views));
	s->views[s->n - 1] = (struct flow_view){.forward = forward_ref(f),
						.packets = {flow->packets[FROM_CLIENT], flow->packets[TO_CLIENT]},
						.bytes = {flow->bytes[FROM_CLIENT], flow->bytes[TO_CLIENT]},
						.began = flow->began,
						.state = flow->state,
						.timeout = flow->timeout,
						.from_port = flow->from_port,
						.to_port = flow->to_port,
						.server_port = flow->server_port,
						.from = flow->from,
						.to = flow->to,
						.server = flow->server,
						.proto = flow->proto,
						.counted = flow->counted};
}

/* To end one takes all that the kernel said of it. */
static void found_flow(struct search *s, const struct forward *f, const struct flow *flow)
{
	(void)f;
	s->flows = grow(s->flows, s->n, &s->capacity, sizeof(*s->flows));
	s->flows[s->n++] = *flow;
}

static void found(void *ctx, const struct flow *flow)
{
	struct search *s = ctx;
	const struct rules rules = {
		.settings = s->g->world->settings, .topology = s->g->topology, .forwards = s->g->world->forwards};
	const struct forward *f = traffic_forward(s->g->ledger->traffic, &rules, flow, NULL);

	if (f && (!s->forward || f == s->forward))
		s->found(s, f, flow);
}

static uint8_t only_proto(const struct forward *f)
{
	for (size_t i = 0; i < PROTO_COUNT; i++)
		if (f->protos == 1 << i)
			return proto_numbers[i];
	return 0;
}

static struct flow_filter filter_of(const struct gwd *g, const struct forward *f)
{
	struct flow_filter filter = {.translated = f ? !f->no_nat : !g->untranslated};

	if (!f)
		return filter;
	filter.family = f->family;
	filter.proto = only_proto(f);
	if (f->n_ports == 1 && f->ports[0].first == f->ports[0].last)
		filter.port = f->ports[0].first;
	return filter;
}

static int search(struct search *s, const char *name, struct diag *diag)
{
	const struct forward_entry *e = name ? forwards_by_name(s->g->world->forwards, name) : NULL;
	struct conntrack *c = NULL;
	struct flow_filter filter;
	int r;

	if (name && !e) {
		diag_add(diag, DIAG_NOT_FOUND, (struct loc){0}, "there is no forward %s: gwctl ls", name);
		return -ENOENT;
	}
	s->forward = e ? e->forward : NULL;
	filter = filter_of(s->g, s->forward);
	r = conntrack_open(&c);
	if (r == 0)
		r = conntrack_list(c, &filter, found, s);
	conntrack_close(c);
	if (r < 0)
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "cannot look at connections: %s", strerror(-r));
	return r;
}

void flow_views_free(struct flow_view *views, size_t n)
{
	for (size_t i = 0; i < n; i++)
		flow_view_free(&views[i]);
	free(views);
}

int gwd_flows(struct gwd *g, const char *name, struct flow_view **ret, size_t *ret_n, struct diag *diag)
{
	struct search s = {.g = g, .found = found_view};
	int r = search(&s, name, diag);

	if (r == 0 && s.n > FLOWS_MAX) {
		diag_add(diag, DIAG_CONFLICT, (struct loc){0},
			 "%zu connections are more than the %d of a list: %sconntrack -L lists all of this machine", s.n,
			 FLOWS_MAX, name ? "" : "name a forward, or ");
		r = -E2BIG;
	}
	if (r < 0) {
		flow_views_free(s.views, s.n < FLOWS_MAX ? s.n : FLOWS_MAX);
		return r;
	}
	*ret = s.views;
	*ret_n = s.n;
	return 0;
}

/* A TCP client would go on after its connection is forgotten, because the kernel picks those up that it meets in the
 * middle: so it meets the gateway, which resets it. What has no end anyway may begin anew. What came to the same place
 * another way is not ours to end. */
static int kill_flow(struct conntrack *c, const struct flow *flow)
{
	bool tcp = flow->proto == IPPROTO_TCP;

	if (flow->ended || !road_is_ours(flow))
		return -ENOENT;
	return conntrack_cut(c, flow, tcp ? NULL : &flow->server, flow->server_port);
}

int gwd_kill_flows(struct gwd *g, const char *name, const struct caller *who, struct outcome *ret, struct diag *diag)
{
	struct search s = {.g = g, .found = found_flow};
	_cleanup_(freep) struct flow *flows = NULL;
	struct conntrack *c = NULL;
	int r = search(&s, name, diag);

	flows = s.flows;
	if (r < 0)
		return r;
	r = conntrack_open(&c);
	for (size_t i = 0; i < s.n && r == 0; i++) {
		r = kill_flow(c, &flows[i]);
		ret->cut += r == 0;
		r = r == -ENOENT ? 0 : r;
	}
	conntrack_close(c);
	if (r < 0) {
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "cannot end connections: %s", strerror(-r));
		return r;
	}
	ret->changed = ret->cut > 0;
	outcome_say(ret, xasprintf("%s: cut %zu connection%s", name, ret->cut, plural(ret->cut, "s")));
	if (ret->cut)
		events_say(g->events,
			   &(struct event){.kind = EVENT_CHANGE, .level = LOG_INFO, .forward = name, .who = who},
			   "%s: cut %zu connection%s", name, ret->cut, plural(ret->cut, "s"));
	return 0;
}
