/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Totals of forwards, and the connections that live. */
#include "request_traffic.h"

#include "gwd.h"
#include "request.h"
#include "request_json.h"
#include "request_rows.h"
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

/* What was counted until now, also when that is forgotten with it. */
void request_traffic_stats(struct varlink_call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	const char *name = string(call, "name");
	bool reset = json_is_true(json_object_get(call->parameters, "reset"));
	struct gwd *g = gwd_of(call);
	struct forward_view *views = NULL;
	size_t n = 1;
	int r = gwd_counts(g, &diag);

	if (reset && client_access(call->client) != ACCESS_CHANGE) {
		varlink_denied(call);
		return;
	}
	if (reset && string(call, "pattern")) {
		varlink_invalid_parameter(call, "pattern");
		return;
	}
	if (r == 0 && name) {
		views = xcalloc(1, sizeof(*views));
		r = gwd_get(g, name, true, views, &diag);
	} else if (r == 0) {
		r = gwd_list(g, string(call, "pattern"), &views, &n, &diag);
	}
	if (r == 0) {
		if (reset)
			gwd_reset(g, name, client_who(call->client));
		rows_reply_views(call, views, n, "stats", request_stats);
		return;
	}
	for (size_t i = 0; views && i < n; i++)
		forward_view_free(&views[i]);
	free(views);
	varlink_fail(call, &diag);
}
