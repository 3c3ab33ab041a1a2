/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that look at forwards and revisions. Rows are printed as they arrive; only --sort has to hold them. */
#include <time.h>

#include "command.h"
#include "forms.h"
#include "lease.h"
#include "owner.h"
#include "util.h"

/* ---- ls, show ----------------------------------------------------------------------------------- */

static const json_t *service_of(const json_t *forward)
{
	return json_object_get(forward, "service");
}

static char *name_cell(const json_t *forward)
{
	return xstrdup(json_text(service_of(forward), "name"));
}

/* gwd says "by uid 0, 2026-11-22". */
static void add_off(struct buf *text, const char *reason)
{
	unsigned uid;
	int len = 0;
	if (sscanf(reason, "by uid %u,%n", &uid, &len) == 1 && len)
		buf_printf(text, " (by %s,%s)", owner_user(uid), reason + len);
	else
		buf_printf(text, " (%s)", reason);
}

/* "active", "held: no interface ppp0", "off (by root, 2026-11-22)", "active, 10.0.0.2:8443 drained (by root, ...)" */
static char *state_cell(const json_t *forward)
{
	const char *state = json_text(forward, "state"), *reason = json_text(forward, "reason");
	struct buf text = {0};
	size_t i;
	json_t *order;
	buf_printf(&text, "%s", state);
	if (*reason && streq(state, "held"))
		buf_printf(&text, ": %s", reason);
	else if (*reason)
		add_off(&text, reason);
	json_array_foreach (json_object_get(forward, "orders"), i, order) {
		_cleanup_(freep) char *when = local_time(json_number(order, "time"));
		buf_printf(&text, ", %s %s (by %s, %.*s)", json_text(order, "target"), json_text(order, "state"),
			   owner_user((unsigned)json_number(order, "uid")), when ? (int)strcspn(when, "T") : 1, when ? when : "?");
	}
	return buf_take(&text);
}

static char *origin_cell(const json_t *forward)
{
	return xstrdup(json_text(forward, "origin"));
}

static char *listen_cell(const json_t *forward)
{
	return forms_listen_text(service_of(forward));
}

static char *targets_cell(const json_t *forward)
{
	return forms_targets_text(service_of(forward));
}

static char *connections_cell(const json_t *forward)
{
	const json_t *traffic = json_object_get(forward, "traffic");
	return traffic ? xasprintf("%lld", (long long)json_number(traffic, "connections")) : NULL;
}

static json_int_t bytes_of(const json_t *forward)
{
	const json_t *traffic = json_object_get(forward, "traffic");
	return json_number(traffic, "bytes_in") + json_number(traffic, "bytes_out");
}

static char *bytes_cell(const json_t *forward)
{
	return json_object_get(forward, "traffic") ? forms_bytes_text(bytes_of(forward)) : NULL;
}

static char *sees_cell(const json_t *forward)
{
	_cleanup_(buf_free) struct buf out = {0};
	size_t i;
	json_t *text;
	json_array_foreach (json_object_get(forward, "sees"), i, text)
		buf_printf(&out, "%s%s", i ? "; " : "", json_string_value(text));
	return buf_take(&out);
}

/* "in 1h 59m", "at reboot", "in 5m, or at reboot". */
static char *expires_cell(const json_t *forward)
{
	const char *lifetime = json_text(forward, "lifetime"), *text = json_text(service_of(forward), "expires");
	const char *end = streq(lifetime, "temporary") ? "at reboot" : streq(lifetime, "held open") ? "when let go" : "";
	int64_t expires;
	if (!timestamp_parse(text, &expires))
		return *end ? xstrdup(end) : NULL;
	_cleanup_(freep) char *left = lease_left(expires - time(NULL));
	return xasprintf("%s%s%s", left, *end ? ", or " : "", end);
}

static char *description_cell(const json_t *forward)
{
	return xstrdup(json_text(service_of(forward), "description"));
}

static char *balance_cell(const json_t *forward)
{
	return xstrdup(json_text(service_of(forward), "balance"));
}

static char *from_cell(const json_t *forward)
{
	return json_lines(json_object_get(service_of(forward), "from"));
}

/* "50 connections, 20/second", from each source address */
static char *limit_cell(const json_t *forward)
{
	const json_t *limit = json_object_get(service_of(forward), "limit");
	long long n = json_number(limit, "connections");
	const char *rate = json_text(limit, "rate");
	struct buf text = {0};
	if (n)
		buf_printf(&text, "%lld connection%s%s", n, plural(n, "s"), *rate ? ", " : "");
	buf_printf(&text, "%s", rate);
	return buf_take(&text);
}

static char *log_cell(const json_t *forward)
{
	return json_is_true(json_object_get(service_of(forward), "log")) ? xstrdup("true") : NULL;
}

static char *on_expiry_cell(const json_t *forward)
{
	return xstrdup(json_text(service_of(forward), "on_expiry"));
}

static const json_t *stats_of(const json_t *forward)
{
	return json_object_get(forward, "stats");
}

static char *passed_cell(const json_t *forward)
{
	return stats_of(forward) ? traffic_total_text(stats_of(forward)) : NULL;
}

/* A single target has nothing to add. */
static char *by_target_cell(const json_t *forward)
{
	const json_t *stats = stats_of(forward);
	return json_array_size(json_object_get(stats, "targets")) > 1 ? traffic_targets_text(stats) : NULL;
}

static char *missing_cell(const json_t *forward)
{
	return stats_of(forward) ? traffic_missing_text(stats_of(forward)) : NULL;
}

static const struct column ls_columns[] = {
	{"NAME", COLUMN_TEXT, name_cell},
	{"STATE", COLUMN_STATE, state_cell},
	{"ORIGIN", COLUMN_TEXT | COLUMN_SPARE, origin_cell},
	{"LISTEN", COLUMN_TEXT, listen_cell},
	{"TARGETS", COLUMN_TEXT, targets_cell},
	{"EXPIRES", COLUMN_TEXT, expires_cell},
	{"CONNS", COLUMN_NUMBER, connections_cell},
	{"BYTES", COLUMN_NUMBER, bytes_cell},
};

static const struct column show_fields[] = {
	{"name", COLUMN_TEXT, name_cell},
	{"description", COLUMN_TEXT, description_cell},
	{"state", COLUMN_STATE, state_cell},
	{"origin", COLUMN_TEXT, origin_cell},
	{"listen", COLUMN_TEXT, listen_cell},
	{"targets", COLUMN_TEXT, targets_cell},
	{"balance", COLUMN_TEXT, balance_cell},
	{"from", COLUMN_TEXT, from_cell},
	{"limit", COLUMN_TEXT, limit_cell},
	{"log", COLUMN_TEXT, log_cell},
	{"see clients", COLUMN_TEXT, sees_cell},
	{"expires", COLUMN_TEXT, expires_cell},
	{"on expiry", COLUMN_TEXT, on_expiry_cell},
	{"passed", COLUMN_TEXT, passed_cell},
	{"by target", COLUMN_TEXT, by_target_cell},
	{"missing", COLUMN_TEXT, missing_cell},
};

static int by_name(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	return strcmp(json_text(service_of(*x), "name"), json_text(service_of(*y), "name"));
}

static int by_connections(const void *a, const void *b) /* the busiest first */
{
	const json_t *const *x = a, *const *y = b;
	json_int_t nx = json_number(json_object_get(*x, "traffic"), "connections");
	json_int_t ny = json_number(json_object_get(*y, "traffic"), "connections");
	return nx != ny ? (nx < ny) - (nx > ny) : by_name(a, b);
}

static int by_bytes(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	json_int_t nx = bytes_of(*x), ny = bytes_of(*y);
	return nx != ny ? (nx < ny) - (nx > ny) : by_name(a, b);
}

static const struct {
	const char *name;
	int (*compare)(const void *, const void *);
} sorts[] = {{"name", by_name}, {"bytes", by_bytes}, {"conns", by_connections}};

struct rows {
	struct writer *out;
	const char *list; /* key of the reply under which the rows are */
	bool hold;
	json_t **held;
	size_t n, capacity;
};

static bool take_row(void *ctx, const char *text, size_t len)
{
	struct rows *rows = ctx;
	if (!rows->hold)
		return writer_row_text(rows->out, text, len);
	json_t *row = json_loadb(text, len, 0, NULL);
	if (!row)
		return false;
	rows->held = grow(rows->held, rows->n, &rows->capacity, sizeof(*rows->held));
	rows->held[rows->n++] = row;
	return true;
}

static void put_held(struct rows *rows, int (*compare)(const void *, const void *))
{
	if (rows->n && compare)
		qsort(rows->held, rows->n, sizeof(*rows->held), compare);
	for (size_t i = 0; i < rows->n; i++) {
		writer_row(rows->out, rows->held[i]);
		json_decref(rows->held[i]);
	}
	free(rows->held);
}

static enum status put_rows(struct call *call, const char *method, json_t *parameters, struct rows *rows,
			    int (*compare)(const void *, const void *))
{
	rows->hold = compare != NULL;
	enum status status = call_list(call, method, parameters, rows->list, take_row, rows);
	put_held(rows, compare);
	if (status == STATUS_DONE)
		writer_end(call->out);
	return status;
}

enum status cmd_ls(struct call *call)
{
	const char *sort = call_option(call, OPTION_SORT);
	struct rows rows = {.out = call->out, .list = "forwards"};
	size_t i = 0;
	while (sort && i < ARRAY_SIZE(sorts) && !streq(sort, sorts[i].name))
		i++;
	if (i == ARRAY_SIZE(sorts)) {
		complain("--sort takes name, bytes or conns, not '%s'", sort);
		return STATUS_USAGE;
	}
	json_t *parameters = json_object();
	if (call->n_words)
		json_object_set_new(parameters, "pattern", json_string(call->words[0]));
	writer_rows(call->out, ls_columns, ARRAY_SIZE(ls_columns));
	return put_rows(call, "List", parameters, &rows, sort ? sorts[i].compare : NULL);
}

static bool take_stats(void *ctx, const char *text, size_t len)
{
	return json_object_set_new(ctx, "stats", json_loadb(text, len, 0, NULL)) == 0;
}

enum status cmd_show(struct call *call)
{
	json_auto_t *reply = NULL;
	enum status status = call_method(call, "Get", json_pack("{s:s}", "name", call->words[0]), &reply);
	json_t *forward = json_object_get(reply, "forward");
	if (status == STATUS_DONE && json_object_get(forward, "traffic"))
		status = call_list(call, "Stats", json_pack("{s:s}", "name", call->words[0]), "stats", take_stats,
				   forward);
	if (status == STATUS_DONE)
		writer_object(call->out, show_fields, ARRAY_SIZE(show_fields), forward);
	return status;
}

/* ---- history ------------------------------------------------------------------------------------ */

static char *current_cell(const json_t *revision)
{
	return xstrdup(json_is_true(json_object_get(revision, "current")) ? "*" : "");
}

static char *id_cell(const json_t *revision)
{
	return xasprintf("%lld", (long long)json_number(revision, "id"));
}

static char *time_cell(const json_t *revision)
{
	return local_time(json_number(revision, "time"));
}

static char *who_cell(const json_t *revision)
{
	return xstrdup(owner_user((unsigned)json_number(revision, "uid")));
}

static char *what_cell(const json_t *revision)
{
	bool pending = json_is_true(json_object_get(revision, "pending"));
	return xasprintf("%s%s", json_text(revision, "what"), pending ? " (not confirmed yet)" : "");
}

static const struct column history_columns[] = {
	{"", COLUMN_TEXT, current_cell},
	{"REVISION", COLUMN_NUMBER, id_cell},
	{"TIME", COLUMN_TEXT, time_cell},
	{"WHO", COLUMN_TEXT, who_cell},
	{"WHAT", COLUMN_TEXT, what_cell},
};

enum status cmd_history(struct call *call)
{
	const char *number = call_option(call, OPTION_NUMBER);
	struct rows rows = {.out = call->out, .list = "revisions"};
	json_int_t max;
	json_t *parameters;
	if (number && !call_number("-n", number, &max))
		return STATUS_USAGE;
	parameters = json_object();
	if (number)
		json_object_set_new(parameters, "max", json_integer(max));
	writer_rows(call->out, history_columns, ARRAY_SIZE(history_columns));
	return put_rows(call, "History", parameters, &rows, NULL);
}
