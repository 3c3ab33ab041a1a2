/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers for a monitoring system, which wants an answer above all: that gwd is away is one, too. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "http.h"
#include "util.h"

#define PATIENCE_MS 5000
#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

static const char away[] = "# TYPE gwd_up gauge\n# HELP gwd_up 1: gwd answers.\ngwd_up 0\n# EOF\n";

static void take_part(void *ctx, const json_t *reply)
{
	const json_t *text = json_object_get(reply, "text");
	if (json_is_string(text))
		buf_add(ctx, json_string_value(text), json_string_length(text));
}

/* All of it or, when gwd is away, that. */
static enum status fetch(struct call *call, struct buf *ret)
{
	enum status status = call_rows(call, "Metrics", NULL, take_part, ret);
	if (status != STATUS_DONE)
		buf_free(ret);
	if (status == STATUS_UNREACHABLE)
		buf_add(ret, away, strlen(away));
	return status;
}

/* The service manager's log would be full of what anybody sends: 0 says that it was answered. */
static enum status serve(struct call *call)
{
	_cleanup_(buf_free) struct buf page = {0};
	const char *type = OPENMETRICS;
	bool head;
	signal(SIGPIPE, SIG_IGN);
	int status = http_read(STDIN_FILENO, "/metrics", PATIENCE_MS, &head);
	if (status == 0)
		return STATUS_DONE;
	if (status == 200 && fetch(call, &page) == STATUS_REFUSED)
		status = 503;
	if (status != 200) {
		type = "text/plain; charset=utf-8";
		buf_printf(&page, "%s%s\n", http_reason(status),
			   status == 404   ? ": the numbers are at /metrics"
			   : status == 503 ? ": gwd refuses, see the log of this service"
					   : "");
	}
	http_write(STDOUT_FILENO, status, type, page.data, page.len, head, PATIENCE_MS);
	return STATUS_DONE;
}

enum status cmd_metrics(struct call *call)
{
	_cleanup_(buf_free) struct buf page = {0};
	if (!call_text(call))
		return STATUS_USAGE;
	if (call_option(call, OPTION_HTTP))
		return serve(call);
	enum status status = fetch(call, &page);
	if (page.len)
		fwrite(page.data, 1, page.len, stdout);
	return status;
}
