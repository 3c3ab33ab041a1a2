/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passed through forwards. Of many a row each, of one all there is to say; a total that is only a lower bound is
 * never shown without saying so. */
#include <time.h>

#include "command.h"
#include "forms.h"
#include "lease.h"
#include "util.h"

/* ---- Totals ------------------------------------------------------------------------------------- */

static const json_t *traffic_of(const json_t *row)
{
	return json_object_get(row, "traffic");
}

static char *number_cell(const json_t *row, const char *key)
{
	return xasprintf("%lld", (long long)json_number(traffic_of(row), key));
}

static char *connections_cell(const json_t *row)
{
	return number_cell(row, "connections");
}

static char *live_cell(const json_t *row)
{
	return number_cell(row, "live");
}

static char *packets_in_cell(const json_t *row)
{
	return number_cell(row, "packets_in");
}

static char *packets_out_cell(const json_t *row)
{
	return number_cell(row, "packets_out");
}

static char *bytes_in_cell(const json_t *row)
{
	return forms_bytes_text(json_number(traffic_of(row), "bytes_in"));
}

static char *bytes_out_cell(const json_t *row)
{
	return forms_bytes_text(json_number(traffic_of(row), "bytes_out"));
}

static char *name_cell(const json_t *row)
{
	return xstrdup(json_text(row, "name"));
}

static char *seen_text(const json_t *traffic)
{
	json_int_t seen = json_number(traffic, "last_seen");
	if (json_number(traffic, "live"))
		return xstrdup("now");
	return seen ? lease_ago(time(NULL) - seen) : xstrdup("never");
}

static char *seen_cell(const json_t *row)
{
	return seen_text(traffic_of(row));
}

static const struct column stats_columns[] = {
	{"NAME", COLUMN_TEXT, name_cell},
	{"CONNS", COLUMN_NUMBER, connections_cell},
	{"LIVE", COLUMN_NUMBER, live_cell},
	{"PACKETS IN", COLUMN_NUMBER | COLUMN_SPARE, packets_in_cell},
	{"BYTES IN", COLUMN_NUMBER, bytes_in_cell},
	{"PACKETS OUT", COLUMN_NUMBER | COLUMN_SPARE, packets_out_cell},
	{"BYTES OUT", COLUMN_NUMBER, bytes_out_cell},
	{"LAST SEEN", COLUMN_TEXT, seen_cell},
};

/* ---- What is missing ---------------------------------------------------------------------------- */

/* "gwd did not run from 12:00:00 to 12:00:03", in local time, with the day. */
static char *missing_text(const json_t *missing)
{
	static const struct {
		const char *reason, *text;
	} texts[] = {
		{"lost", "connections ended faster than they could be counted, last"},
		{"down", "what ended while gwd did not run,"},
		{"uncounted", "packets and bytes of connections from before they were counted, the last of which was seen"},
	};
	_cleanup_(freep) char *from = local_time(json_number(missing, "from"));
	_cleanup_(freep) char *to = local_time(json_number(missing, "to"));
	const char *text = json_text(missing, "reason");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (streq(texts[i].reason, text))
			text = texts[i].text;
	if (!from || !to || streq(from, to))
		return xasprintf("%s %s", text, to ? to : "");
	return xasprintf("%s %s to %s", text, from, to);
}

char *traffic_missing_text(const json_t *row)
{
	struct buf lines = {0};
	size_t i;
	json_t *missing;
	json_array_foreach (json_object_get(row, "missing"), i, missing) {
		_cleanup_(freep) char *text = missing_text(missing);
		buf_printf(&lines, "%s%s", i ? "\n" : "", text);
	}
	return buf_take(&lines);
}

/* ---- One forward -------------------------------------------------------------------------------- */

/* "3 connections, 1 live; in 12 packets, 840 bytes; out 10 packets, 5000 bytes; last seen now" */
static void add_way(struct buf *out, const char *way, json_int_t packets, json_int_t bytes)
{
	buf_printf(out, "; %s %lld packet%s, %lld byte%s", way, (long long)packets, plural(packets, "s"), (long long)bytes,
		   plural(bytes, "s"));
}

static void add_traffic(struct buf *out, const json_t *t)
{
	_cleanup_(freep) char *seen = seen_text(t);
	json_int_t n = json_number(t, "connections");
	buf_printf(out, "%lld connection%s, %lld live", (long long)n, plural(n, "s"), (long long)json_number(t, "live"));
	add_way(out, "in", json_number(t, "packets_in"), json_number(t, "bytes_in"));
	add_way(out, "out", json_number(t, "packets_out"), json_number(t, "bytes_out"));
	buf_printf(out, "; last seen %s", seen);
}

char *traffic_total_text(const json_t *row)
{
	struct buf text = {0};
	add_traffic(&text, traffic_of(row));
	return buf_take(&text);
}

char *traffic_targets_text(const json_t *row)
{
	struct buf lines = {0};
	size_t i;
	json_t *target;
	json_array_foreach (json_object_get(row, "targets"), i, target) {
		buf_printf(&lines, "%s%s%s: ", i ? "\n" : "", json_text(target, "target"),
			   json_is_true(json_object_get(target, "former")) ? " (no more)" : "");
		add_traffic(&lines, traffic_of(target));
	}
	return buf_take(&lines);
}

static char *since_cell(const json_t *row)
{
	json_int_t since = json_number(row, "since");
	return since ? local_time(since) : NULL;
}

static const struct column stats_fields[] = {
	{"name", COLUMN_TEXT, name_cell},
	{"since", COLUMN_TEXT, since_cell},
	{"total", COLUMN_TEXT, traffic_total_text},
	{"targets", COLUMN_TEXT, traffic_targets_text},
	{"missing", COLUMN_TEXT, traffic_missing_text},
};

/* ---- stats -------------------------------------------------------------------------------------- */

struct stats {
	struct call *call;
	bool one;
	char *missing; /* of the first that lacks something: it is the same for most */
};

static bool take_stats(void *ctx, const char *text, size_t len)
{
	struct stats *s = ctx;
	json_auto_t *row = json_loadb(text, len, 0, NULL);
	if (row && s->one) {
		writer_object(s->call->out, stats_fields, ARRAY_SIZE(stats_fields), row);
	} else if (row) {
		writer_row(s->call->out, row);
		if (!s->missing && json_array_size(json_object_get(row, "missing")))
			s->missing = traffic_missing_text(row);
	}
	return row;
}

enum status cmd_stats(struct call *call)
{
	struct stats stats = {.call = call, .one = call->n_words};
	json_t *parameters = json_object();
	if (call->n_words)
		json_object_set_new(parameters, "name", json_string(call->words[0]));
	if (call_option(call, OPTION_RESET))
		json_object_set_new(parameters, "reset", json_true());
	if (!stats.one)
		writer_rows(call->out, stats_columns, ARRAY_SIZE(stats_columns));
	enum status status = call_list(call, "Stats", parameters, "stats", take_stats, &stats);
	if (status == STATUS_DONE && !stats.one)
		writer_end(call->out);
	if (stats.missing && !call->quiet) {
		fflush(stdout);
		complain("these are lower bounds; missing: %s", stats.missing);
	}
	free(stats.missing);
	return status;
}

/* ---- flows -------------------------------------------------------------------------------------- */

static char *flow_forward_cell(const json_t *flow)
{
	return xstrdup(json_text(flow, "forward"));
}

static char *client_cell(const json_t *flow)
{
	return xasprintf("%s %s", json_text(flow, "proto"), json_text(flow, "client"));
}

static char *listen_cell(const json_t *flow)
{
	return xstrdup(json_text(flow, "listen"));
}

static char *target_cell(const json_t *flow)
{
	return xstrdup(json_text(flow, "target"));
}

static char *state_cell(const json_t *flow)
{
	return xstrdup(json_text(flow, "state"));
}

static char *age_cell(const json_t *flow)
{
	json_int_t since = json_number(flow, "since");
	return since ? lease_length(time(NULL) - since) : NULL;
}

static char *flow_bytes(const json_t *flow, const char *key)
{
	return json_object_get(flow, key) ? forms_bytes_text(json_number(flow, key)) : NULL;
}

static char *flow_in_cell(const json_t *flow)
{
	return flow_bytes(flow, "bytes_in");
}

static char *flow_out_cell(const json_t *flow)
{
	return flow_bytes(flow, "bytes_out");
}

static char *timeout_cell(const json_t *flow)
{
	return lease_length(json_number(flow, "timeout"));
}

static const struct column flow_columns[] = {
	{"FORWARD", COLUMN_TEXT, flow_forward_cell}, {"CLIENT", COLUMN_TEXT, client_cell},
	{"LISTEN", COLUMN_TEXT | COLUMN_SPARE, listen_cell},        {"TARGET", COLUMN_TEXT, target_cell},
	{"STATE", COLUMN_TEXT, state_cell},	     {"AGE", COLUMN_NUMBER, age_cell},
	{"IN", COLUMN_NUMBER, flow_in_cell},	     {"OUT", COLUMN_NUMBER, flow_out_cell},
	{"TIMEOUT", COLUMN_NUMBER | COLUMN_SPARE, timeout_cell},
};

static bool take_flow(void *ctx, const char *text, size_t len)
{
	struct call *call = ctx;
	return writer_row_text(call->out, text, len);
}

enum status cmd_flows(struct call *call)
{
	json_t *parameters = json_object();
	if (call_option(call, OPTION_KILL) && !call->n_words) {
		json_decref(parameters);
		complain("flows --kill takes the NAME of the forward whose connections end");
		return STATUS_USAGE;
	}
	if (call->n_words)
		json_object_set_new(parameters, "name", json_string(call->words[0]));
	if (call_option(call, OPTION_KILL))
		return call_change(call, "KillFlows", parameters, NULL);
	writer_rows(call->out, flow_columns, ARRAY_SIZE(flow_columns));
	enum status status = call_list(call, "Flows", parameters, "flows", take_flow, call);
	if (status == STATUS_DONE)
		writer_end(call->out);
	return status;
}
