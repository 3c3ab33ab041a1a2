/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each rule that logs has its limit, but there may be many of them: what is written is limited once more for all
 * together, and what is left out is counted. */
#include "gwd_log.h"

#include "compile.h"
#include "nflog.h"

enum { LINES_MAX = 100 }; /* between two gwd_settle */

void connections_follow(struct gwd *g, struct diag *warnings)
{
	_cleanup_(diag_free) struct diag diag = {0};

	if (nflog_listen(g->nflog, g->logging ? COMPILE_LOG_GROUP : 0, &diag) < 0)
		diag_warn(warnings, "%s", diag.mistakes[0].message);
}

static void connection(void *ctx, const struct logged *l)
{
	struct gwd *g = ctx;
	const struct forward_entry *e = forwards_by_name(g->world->forwards, l->name);
	_cleanup_(freep) char *text = NULL;

	if (!e || !e->forward->log) /* somebody else's rule */
		return;
	if (g->logged++ >= LINES_MAX)
		return;
	text = logged_text(l);
	events_say(g->events, &(struct event){.kind = EVENT_CONNECTION, .level = LOG_INFO, .forward = l->name},
		   "%s: %s", l->name, text);
}

int gwd_connections_fd(const struct gwd *g)
{
	return nflog_fd(g->nflog);
}

void gwd_connections_event(struct gwd *g)
{
	if (nflog_read(g->nflog, connection, g) > 0)
		event_say(g->events, EVENT_PROBLEM, LOG_NOTE,
			  "new connections came faster than they could be logged: some are missing");
}

void connections_settle(struct gwd *g)
{
	if (g->logged > LINES_MAX)
		event_say(g->events, EVENT_PROBLEM, LOG_INFO, "left out of the log: %zu more new connection%s",
			  g->logged - LINES_MAX, plural(g->logged - LINES_MAX, "s"));
	g->logged = 0;
}
