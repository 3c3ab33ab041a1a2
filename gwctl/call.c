/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every command does the same way: reach gwd, say what went wrong, print what a change did. Mistakes that gwd
 * found are printed as it words them; ours start with the program's name. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "owner.h"
#include "session.h"
#include "util.h"
#include "wire.h"

#define FILE_MAX WIRE_MESSAGE_MAX

void complain(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_(freep) char *text = xvasprintf(fmt, ap);
	va_end(ap);
	_cleanup_(freep) char *safe = text_safe(text);
	fprintf(stderr, "gwctl: %s\n", safe);
}

static void warn_all(const struct diag *diag)
{
	for (size_t i = 0; i < diag->n_warnings; i++) {
		_cleanup_(freep) char *named = owner_named(diag->warnings[i]);
		_cleanup_(freep) char *safe = text_safe(named);
		fprintf(stderr, "warning: %s\n", safe);
	}
}

void complain_all(const struct diag *diag)
{
	for (size_t i = 0; i < diag->n; i++)
		complain("%s", diag->mistakes[i].message);
	warn_all(diag);
}

static void print_refusal(const struct diag *diag)
{
	_cleanup_(freep) char *text = diag_text(diag);
	_cleanup_(freep) char *named = owner_named(text);
	_cleanup_(freep) char *safe = text_safe(named);
	fputs(safe, stderr);
}

bool call_number(const char *what, const char *text, json_int_t *ret)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (strspn(text, "0123456789") != strlen(text) || *end || errno || n <= 0) {
		complain("%s is a whole number above zero, not '%s'", what, text);
		return false;
	}
	*ret = n;
	return true;
}

bool call_text(const struct call *call)
{
	const char *format = call_option(call, OPTION_OUTPUT);
	if (!format || streq(format, "table"))
		return true;
	complain("%s prints a text, not %s: leave -o away", call->command->name, format);
	return false;
}

static const char *const slow[] = {"Apply", "Rollback", "Undo", "Check", "Diff", "Export", "Import"};

/* False, having complained: gwd is not there. */
static bool reach(struct call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	if (call->client || client_open(call->socket, &call->client, &diag) == 0)
		return true;
	complain_all(&diag);
	return false;
}

/* What came of asking, said. */
static enum status asked(int r, const struct diag *diag)
{
	if (r == -EREMOTEIO) {
		print_refusal(diag);
		return STATUS_REFUSED;
	}
	complain_all(diag);
	return r < 0 ? STATUS_UNREACHABLE : STATUS_DONE;
}

enum status call_rows(struct call *call, const char *method, json_t *parameters, client_each each, void *ctx)
{
	_cleanup_(diag_free) struct diag diag = {0};
	unsigned seconds = CLIENT_TIMEOUT;
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++)
		if (streq(slow[i], method))
			seconds = CLIENT_TIMEOUT_LONG;
	if (!reach(call)) {
		json_decref(parameters);
		return STATUS_UNREACHABLE;
	}
	bool more = streq(method, "Watch") || streq(method, "Metrics") || call_option(call, OPTION_HOLD) ||
		    json_object_get(parameters, "wait");
	return asked(client_call(call->client, method, parameters, more, seconds, each, ctx, &diag), &diag);
}

enum status call_list(struct call *call, const char *method, json_t *parameters, const char *list, reply_row each,
		      void *ctx)
{
	_cleanup_(diag_free) struct diag diag = {0};
	if (!reach(call)) {
		json_decref(parameters);
		return STATUS_UNREACHABLE;
	}
	return asked(client_list(call->client, method, parameters, CLIENT_TIMEOUT, list, each, ctx, &diag), &diag);
}

static void keep(void *ctx, const json_t *parameters)
{
	json_t **ret = ctx;
	*ret = json_deep_copy(parameters);
}

enum status call_method(struct call *call, const char *method, json_t *parameters, json_t **ret)
{
	json_auto_t *reply = NULL;
	enum status status = call_rows(call, method, parameters, keep, &reply);
	if (status != STATUS_DONE)
		return status;
	if (!json_is_object(reply)) {
		complain("gwd's answer to %s says nothing", method);
		return STATUS_UNREACHABLE;
	}
	*ret = TAKE_PTR(reply);
	return STATUS_DONE;
}

static char *outcome_text(const json_t *outcome)
{
	_cleanup_(freep) char *raw = json_lines(json_object_get(outcome, "messages"));
	_cleanup_(freep) char *messages = raw ? owner_named(raw) : NULL;
	_cleanup_(freep) char *plan = json_lines(json_object_get(outcome, "plan"));
	if (!messages || !plan)
		return messages ? TAKE_PTR(messages) : TAKE_PTR(plan);
	return xasprintf("%s\n%s", messages, plan);
}

static const struct column outcome_fields[] = {{.cell = outcome_text}};

static void warn_outcome(const json_t *outcome)
{
	_cleanup_(diag_free) struct diag diag = {0};
	size_t i;
	json_t *warning;
	json_array_foreach(json_object_get(outcome, "warnings"), i, warning)
	{
		if (json_is_string(warning))
			diag_warn(&diag, "%s", json_string_value(warning));
	}
	warn_all(&diag);
}

static void change_options(const struct call *call, json_t *parameters)
{
	static const enum option_id flags[] = {OPTION_FORCE, OPTION_TEMPORARY, OPTION_HOLD};
	if (call_option(call, OPTION_DRY_RUN))
		json_object_set_new(parameters, "dry_run", json_true());
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (call_option(call, flags[i]))
			json_object_set_new(parameters, options[flags[i]].name, json_true());
	if (call->arguments->confirm) {
		json_object_set_new(parameters, "confirm", json_integer(call->arguments->confirm));
		call_session(parameters);
	}
}

void call_session(json_t *parameters)
{
	_cleanup_(freep) char *session = session_find();
	if (session)
		json_object_set_new(parameters, "session", json_string(session)); /* no text, no member */
}

static void put_outcome(const struct call *call, const json_t *reply)
{
	const json_t *outcome = json_object_get(reply, "outcome");
	if (!call->quiet || call_option(call, OPTION_DRY_RUN))
		writer_object(call->out, outcome_fields, ARRAY_SIZE(outcome_fields), outcome);
	warn_outcome(outcome);
}

struct held {
	struct call *call;
	void (*held)(const struct call *, const json_t *reply);
};

static void take_held(void *ctx, const json_t *reply)
{
	const struct held *h = ctx;
	put_outcome(h->call, reply);
	fflush(stdout); /* whoever reads it waits for us, and we for him */
	if (!streq(json_text(json_object_get(reply, "forward"), "lifetime"), "held open"))
		return;
	h->held(h->call, reply);
	client_hold(h->call->client, "what was held open is gone");
}

enum status call_held(struct call *call, const char *method, json_t *parameters,
		      void (*held)(const struct call *, const json_t *reply))
{
	struct held h = {call, held};
	change_options(call, parameters);
	return call_rows(call, method, parameters, take_held, &h);
}

enum status call_change(struct call *call, const char *method, json_t *parameters, json_t **ret)
{
	json_auto_t *reply = NULL;
	change_options(call, parameters);
	enum status status = call_method(call, method, parameters, &reply);
	if (status != STATUS_DONE)
		return status;
	put_outcome(call, reply);
	if (ret)
		*ret = TAKE_PTR(reply);
	return STATUS_DONE;
}

static int read_stdin(struct buf *ret)
{
	char data[BUFSIZ];
	ssize_t n;
	while ((n = read(STDIN_FILENO, data, sizeof(data))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf_add(ret, data, (size_t)n);
		if (ret->len > FILE_MAX)
			return -EFBIG;
	}
	return 0;
}

json_t *call_file(const char *file)
{
	_cleanup_(buf_free) struct buf text = {0};
	bool standard = streq(file, "-");
	const char *name = standard ? "standard input" : file;
	int r = standard ? read_stdin(&text) : file_read(file, FILE_MAX, &text);
	if (r == -EFBIG) {
		complain("%s is bigger than the %u MiB that gwd takes", name, FILE_MAX >> 20);
		return NULL;
	}
	if (r < 0) {
		complain("cannot read %s: %s", name, strerror(-r));
		return NULL;
	}
	const char *data = text.len ? text.data : "";
	json_t *json = memchr(data, 0, text.len) ? NULL : json_stringn(data, text.len);
	if (!json) {
		complain("%s is no UTF-8 text: is it a YAML file?", name);
		return NULL;
	}
	return json_pack("{s:o, s:s}", "text", json, "path", name);
}

const char *json_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

json_int_t json_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

char *json_lines(const json_t *array)
{
	struct buf lines = {0};
	size_t i;
	json_t *line;
	if (!json_array_size(array))
		return NULL;
	json_array_foreach(array, i, line)
	{
		const char *text = json_string_value(line);
		buf_printf(&lines, "%s%s", i ? "\n" : "", text ? text : "?");
	}
	return buf_take(&lines);
}

char *json_mistakes(const json_t *array)
{
	_cleanup_(diag_free) struct diag diag = {0};
	client_mistakes(array, DIAG_INVALID, &diag);
	char *text = diag_text(&diag);
	size_t len = strlen(text);
	if (len)
		text[len - 1] = '\0'; /* the writer ends the line */
	return text;
}

char *local_time(json_int_t seconds)
{
	time_t when = (time_t)seconds;
	char text[sizeof("-2147483648-01-01T00:00:00+0000")];
	struct tm tm;
	bool fine = localtime_r(&when, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &tm) > 0;
	return fine ? xstrdup(text) : NULL;
}
