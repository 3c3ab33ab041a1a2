/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a monitoring system is told. The text is made at once, so that all of it is of one moment, and sent in parts, for
 * of many forwards it is longer than one message may be. */
#include "request_metrics.h"

#include "events.h"
#include "metrics.h"
#include "request.h"
#include "request_json.h"

enum { PART = 1 << 20, ALONE_MAX = 8 << 20 }; /* bytes: of one reply among several, and of a single one */

static const char *const families[] = {"ipv4", "ipv6"};

/* ---- Families ------------------------------------------------------------------------------------ */

static void put_daemon(struct metrics *m, const struct gwd_status *now)
{
	metrics_family(m, "gwd_build_info", METRIC_GAUGE, NULL, "1, with the version of gwd.");
	metrics_sample(m, 1, "version", GWD_VERSION, NULL);
	metrics_family(m, "gwd_up", METRIC_GAUGE, NULL, "1: gwd answers.");
	metrics_sample(m, 1, NULL);
	metrics_family(m, "gwd_uptime_seconds", METRIC_GAUGE, "seconds", "Time since gwd was started.");
	metrics_sample(m, (uint64_t)now->uptime, NULL);
	metrics_family(m, "gwd_revision", METRIC_GAUGE, NULL, "The revision that runs, as gwctl history counts them.");
	metrics_sample(m, (uint64_t)now->revision, NULL);
	metrics_family(m, "gwd_file_in_force", METRIC_GAUGE, NULL,
		       "1: gwd.yaml is what runs; 0: it differs or has mistakes.");
	metrics_sample(m, now->file_in_force, NULL);
}

static void put_network(struct metrics *m, const struct gwd_status *now)
{
	metrics_family(m, "gwd_forwarding", METRIC_GAUGE, NULL, "1: this machine forwards packets of this family.");
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		metrics_sample(m, now->forwarding[i], "family", families[i], NULL);
	metrics_family(m, "gwd_interface_present", METRIC_GAUGE, NULL, "1: an interface in a zone is there.");
	for (size_t i = 0; i < now->topology->n_interfaces; i++) {
		const struct interface *in = &now->topology->interfaces[i];

		if (in->zone != ZONE_NONE)
			metrics_sample(m, in->present, "interface", in->name, "zone", zone_name(in->zone), NULL);
	}
	if (now->connections < 0 || now->connections_max < 0)
		return;
	metrics_family(m, "gwd_conntrack_entries", METRIC_GAUGE, NULL,
		       "Connections that the kernel tracks, of everyone.");
	metrics_sample(m, (uint64_t)now->connections, NULL);
	metrics_family(m, "gwd_conntrack_entries_limit", METRIC_GAUGE, NULL, "At so many it refuses new ones.");
	metrics_sample(m, (uint64_t)now->connections_max, NULL);
}

static void put_others(struct metrics *m, const struct gwd_status *now)
{
	metrics_family(m, "gwd_drift_repairs", METRIC_COUNTER, NULL, "Times that gwd put right what others undid.");
	for (size_t i = 0; i < now->n_drift; i++)
		metrics_sample(m, now->drift[i].repaired, "what", now->drift[i].what, NULL);
	metrics_family(m, "gwd_drift_stopped", METRIC_GAUGE, NULL,
		       "1: left as others want it, for they undo it each time.");
	for (size_t i = 0; i < now->n_drift; i++)
		metrics_sample(m, now->drift[i].stopped, "what", now->drift[i].what, NULL);
	metrics_family(m, "gwd_firewall_dropped_forwards", METRIC_GAUGE, NULL,
		       "Forwards, or open ports, of which a chain of another program drops or may drop packets.");
	for (size_t i = 0; i < now->n_firewalls; i++) {
		const struct gwd_firewall *f = &now->firewalls[i];

		metrics_sample(m, f->n, "tool", f->tool, "table", f->table, "chain", f->chain, "hook", f->hook,
			       "certain", f->certain ? "yes" : "no", NULL);
	}
}

static void put_work(struct metrics *m, const struct gwd *g, const struct gwd_status *now, const struct events_stats *e)
{
	int64_t seconds;

	metrics_family(m, "gwd_change_pending", METRIC_GAUGE, NULL, "1: a change waits to be confirmed.");
	metrics_sample(m, gwd_pending(g, &seconds) != NULL, NULL);
	metrics_family(m, "gwd_events", METRIC_COUNTER, NULL, "What happened since the start, by kind (gwctl watch).");
	for (size_t i = 0; i < EVENT_KINDS; i++)
		metrics_sample(m, e->said[i], "kind", event_kinds[i], NULL);
	metrics_family(m, "gwd_events_lost", METRIC_COUNTER, NULL,
		       "Events that watchers missed, for they read too slowly.");
	metrics_sample(m, e->lost, NULL);
	metrics_family(m, "gwd_watchers", METRIC_GAUGE, NULL, "Clients that watch.");
	metrics_sample(m, e->watchers, NULL);
	metrics_family(m, "gwd_netlink_batches", METRIC_COUNTER, NULL, "Transactions sent to the kernel.");
	metrics_sample(m, now->netlink->batches, NULL);
	metrics_family(m, "gwd_netlink_messages", METRIC_COUNTER, NULL, "Messages in them.");
	metrics_sample(m, now->netlink->messages, NULL);
	metrics_family(m, "gwd_netlink_dumps", METRIC_COUNTER, NULL, "Reads of the table.");
	metrics_sample(m, now->netlink->dumps, NULL);
}

static void put_forwards(struct metrics *m, const struct gwd_status *now, const struct forward_view *views, size_t n)
{
	metrics_family(m, "gwd_forwards", METRIC_GAUGE, NULL, "Forwards by state.");
	metrics_sample(m, now->active, "state", "active", NULL);
	metrics_sample(m, now->off, "state", "off", NULL);
	metrics_sample(m, now->held, "state", "held", NULL);
	metrics_family(m, "gwd_forward_active", METRIC_GAUGE, NULL,
		       "1: this forward takes connections; 0: off or held.");
	for (size_t i = 0; i < n; i++)
		metrics_sample(m, views[i].state == FORWARD_ACTIVE, "forward", views[i].forward->name, NULL);
}

/* ---- What passed --------------------------------------------------------------------------------- */

/* One pass over the forwards fills them all, for what is known of one forward is made only once. */
enum { CONNECTIONS, LIVE, PACKETS, BYTES, LAST_SEEN, INCOMPLETE, PASSED };

static void begin_passed(struct metrics m[PASSED])
{
	metrics_family(&m[CONNECTIONS], "gwd_forward_connections", METRIC_COUNTER, NULL,
		       "Connections that passed, by target; also what former targets did.");
	metrics_family(&m[LIVE], "gwd_forward_live_connections", METRIC_GAUGE, NULL,
		       "Connections of it that the kernel still tracks.");
	metrics_family(&m[PACKETS], "gwd_forward_packets", METRIC_COUNTER, NULL,
		       "Packets; in: from the client to the target.");
	metrics_family(&m[BYTES], "gwd_forward_bytes", METRIC_COUNTER, "bytes", "Bytes of whole IP packets.");
	metrics_family(&m[LAST_SEEN], "gwd_forward_last_seen_timestamp_seconds", METRIC_GAUGE, "seconds",
		       "When it last had a connection, since the epoch.");
	metrics_family(&m[INCOMPLETE], "gwd_forward_incomplete", METRIC_GAUGE, NULL,
		       "1: its totals are at least what they say, for something could not be counted (gwctl stats).");
}

static void put_target(struct metrics m[PASSED], const char *forward, const struct target_stats *s)
{
	static const char *const directions[] = {[FROM_CLIENT] = "in", [TO_CLIENT] = "out"};
	const struct traffic_counts *c = &s->passed.told;
	const char *name = s->target;

	metrics_sample(&m[CONNECTIONS], c->connections, "forward", forward, "target", name, NULL);
	metrics_sample(&m[LIVE], s->passed.live, "forward", forward, "target", name, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
		metrics_sample(&m[PACKETS], c->packets[i], "forward", forward, "target", name, "direction",
			       directions[i], NULL);
		metrics_sample(&m[BYTES], c->bytes[i], "forward", forward, "target", name, "direction", directions[i],
			       NULL);
	}
	if (s->passed.seen)
		metrics_sample(&m[LAST_SEEN], (uint64_t)s->passed.seen, "forward", forward, "target", name, NULL);
}

static bool incomplete(const struct forward_view *view)
{
	bool ret = false;

	for (size_t i = 0; i < TRAFFIC_MISSED_KINDS; i++)
		ret = ret || view->missed[i].to;
	return ret;
}

static void put_passed(struct metrics *all, const struct forward_view *views, size_t n)
{
	struct metrics m[PASSED] = {0};

	begin_passed(m);
	for (size_t i = 0; i < n; i++) {
		const char *name = views[i].forward->name;
		size_t n_targets;

		if (!views[i].counted)
			continue;
		struct target_stats *targets = request_target_stats(&views[i], &n_targets);
		for (size_t j = 0; j < n_targets; j++)
			put_target(m, name, &targets[j]);
		target_stats_free(targets, n_targets);
		metrics_sample(&m[INCOMPLETE], incomplete(&views[i]), "forward", name, NULL);
	}
	for (size_t i = 0; i < PASSED; i++) {
		buf_add(&all->text, m[i].text.data, m[i].text.len);
		buf_free(&m[i].text);
	}
}

/* ---- Parts --------------------------------------------------------------------------------------- */

struct parts {
	char *text;
	size_t len, sent;
};

static void parts_free(void *ctx)
{
	struct parts *p = ctx;

	free(p->text);
	free(p);
}

/* Whole lines. */
static bool next_part(void *ctx, struct buf *out, bool *ret_continues)
{
	struct parts *p = ctx;
	const char *from = p->text + p->sent;
	size_t len = p->len - p->sent;

	if (len > PART)
		len = (size_t)((const char *)memrchr(from, '\n', PART) + 1 - from);
	_cleanup_(freep) char *part = xstrndup(from, len);
	p->sent += len;
	*ret_continues = p->sent < p->len;
	jput_text(out, "text", part);
	return true;
}

static void reply(struct varlink_call *call, struct buf *text)
{
	struct parts *p;

	if (!call->more && text->len > ALONE_MAX) {
		varlink_expected_more(call);
	} else if (!call->more) {
		jput_text(varlink_begin(call), "text", text->data);
		varlink_reply(call);
	} else {
		p = xmalloc(sizeof(*p));
		*p = (struct parts){.len = text->len};
		p->text = buf_take(text);
		client_stream(call->client, &(struct stream){.next = next_part, .done = parts_free, .ctx = p});
	}
}

void request_metrics(struct varlink_call *call)
{
	const struct request_context *context = call->ctx;
	_cleanup_(diag_free) struct diag diag = {0};
	struct forward_view *views = NULL;
	struct gwd_status now = {0};
	struct metrics m = {0};
	size_t n = 0;

	if (gwd_status(context->gwd, &now, &diag) < 0 || gwd_list(context->gwd, NULL, &views, &n, &diag) < 0) {
		varlink_fail(call, &diag);
		return;
	}
	put_daemon(&m, &now);
	put_forwards(&m, &now, views, n);
	put_passed(&m, views, n);
	put_network(&m, &now);
	put_others(&m, &now);
	put_work(&m, context->gwd, &now, events_stats(gwd_events(context->gwd)));
	metrics_end(&m);
	reply(call, &m.text);
	buf_free(&m.text);
	for (size_t i = 0; i < n; i++)
		forward_view_free(&views[i]);
	free(views);
}
