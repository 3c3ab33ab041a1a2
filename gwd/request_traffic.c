/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Totals of forwards, and the connections that live. */
#include "request_traffic.h"

#include "request.h"
#include "request_json.h"
#include "util.h"

static struct gwd *gwd_of(const struct varlink_call *call)
{
	const struct request_context *context = call->ctx;

	return context->gwd;
}

static const char *string(const struct varlink_call *call, const char *name)
{
	return json_string_value(json_object_get(call->parameters, name));
}

/* ---- Forwards ----------------------------------------------------------------------------------- */

static void release_view(void *view)
{
	forward_view_free(view);
}

struct rows_items request_views(struct forward_view *views, size_t n,
				void (*put)(struct buf *, const char *key, const void *view))
{
	return (struct rows_items){views, n, sizeof(*views), put, release_view};
}

void request_forward_row(struct buf *out, const char *key, const void *view)
{
	request_forward(out, key, view);
}

static void stats_row(struct buf *out, const char *key, const void *view)
{
	request_stats(out, key, view);
}

/* What was counted until now, also when that is forgotten with it. */
void request_traffic_stats(struct varlink_call *call)
{
	bool reset = json_is_true(json_object_get(call->parameters, "reset"));
	const char *name = string(call, "name"), *pattern = string(call, "pattern");
	_cleanup_(diag_free) struct diag diag = {0};
	struct gwd *g = gwd_of(call);
	struct forward_view *views = NULL;
	size_t n = 1;
	int r;

	if (reset && client_access(call->client) != ACCESS_CHANGE) {
		varlink_denied(call);
		return;
	}
	if (pattern && (reset || name)) {
		varlink_invalid_parameter(call, "pattern");
		return;
	}
	r = gwd_counts(g, &diag);
	if (r == 0 && name) {
		views = xcalloc(1, sizeof(*views));
		r = gwd_get(g, name, true, views, &diag);
	} else if (r == 0) {
		r = gwd_list(g, pattern, &views, &n, &diag);
	}
	if (r < 0) {
		free(views);
		varlink_fail(call, &diag);
		return;
	}
	if (reset)
		gwd_reset(g, name, client_who(call->client));
	rows_reply(call, "stats", request_views(views, n, stats_row));
}

/* ---- Connections -------------------------------------------------------------------------------- */

static void flow_row(struct buf *out, const char *key, const void *view)
{
	request_flow(out, key, view);
}

static void release_flow(void *view)
{
	flow_view_free(view);
}

void request_traffic_flows(struct varlink_call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct flow_view *views = NULL;
	size_t n = 0;

	if (gwd_flows(gwd_of(call), string(call, "name"), &views, &n, &diag) < 0)
		varlink_fail(call, &diag);
	else
		rows_reply(call, "flows",
			   (struct rows_items){views, n, sizeof(*views), flow_row, release_flow});
}

void request_traffic_kill(struct varlink_call *call)
{
	_cleanup_(outcome_free) struct outcome outcome = {0};
	_cleanup_(diag_free) struct diag diag = {0};

	if (gwd_kill_flows(gwd_of(call), string(call, "name"), client_who(call->client), &outcome, &diag) < 0) {
		varlink_fail(call, &diag);
		return;
	}
	request_outcome(varlink_begin(call), "outcome", &outcome, &diag);
	varlink_reply(call);
}
