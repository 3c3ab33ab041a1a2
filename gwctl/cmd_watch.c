/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events as they come, until Ctrl-C. There is nothing to clean up, so the signal ends the process where it stands, but
 * never between the first and the last byte of an event. */
#include <signal.h>
#include <unistd.h>

#include "command.h"
#include "owner.h"
#include "util.h"

static void end(int signum)
{
	(void)signum;
	_exit(STATUS_DONE);
}

/* "2026-11-22T14:26:52+0000 change     added web: tcp 80 -> 10.0.0.2:80 (root, revision 3)" */
static char *event_text(const json_t *event)
{
	_cleanup_(freep) char *when = local_time(json_number(event, "time"));
	struct buf line = {0};
	const char *before = " (";
	buf_printf(&line, "%s %-10s %s", when ? when : "?", json_text(event, "kind"), json_text(event, "text"));
	if (json_object_get(event, "uid")) {
		buf_printf(&line, " (%s", owner_user((unsigned)json_number(event, "uid")));
		before = ", ";
	}
	if (json_object_get(event, "revision")) {
		buf_printf(&line, "%srevision %lld", before, (long long)json_number(event, "revision"));
		before = ", ";
	}
	if (*before == ',')
		buf_printf(&line, ")");
	return buf_take(&line);
}

static const struct column event_line = {.cell = event_text};

static void put_event(const struct call *call, const json_t *reply)
{
	const json_t *event = json_object_get(reply, "event");
	json_int_t lost = json_number(reply, "lost");
	if (lost)
		complain("missing here, since gwd was faster than its reader: %lld event%s", (long long)lost,
			 plural(lost, "s"));
	if (event)
		writer_line(call->out, &event_line, event);
	fflush(stdout); /* whoever reads it must not wait for the next one */
}

static void each(void *ctx, const json_t *reply)
{
	struct call *call = ctx;
	sigset_t set;
	if (!json_object_get(reply, "event")) { /* the first: from now on everything is seen */
		client_hold(call->client, "nothing more is seen");
		if (!call->quiet)
			fprintf(stderr, "watching; Ctrl-C ends it\n");
		return;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	put_event(call, reply);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

enum status cmd_watch(struct call *call)
{
	signal(SIGINT, end);
	signal(SIGTERM, end);
	return call_rows(call, "Watch", NULL, each, call);
}
