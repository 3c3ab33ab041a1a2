/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about gwd.yaml as a whole. A FILE is read here, with the rights of who typed it, and sent as text. */
#include <stdio.h>

#include "command.h"
#include "util.h"

/* {text, path} of FILE, {} without one; NULL, having complained. */
static json_t *file_parameters(const struct call *call)
{
	return call->n_words ? call_file(call->words[0]) : json_object();
}

/* What `check` finds is what it was asked for, so it is data: standard output, like any checker. */
static char *check_text(const json_t *found)
{
	return json_mistakes(json_object_get(found, "mistakes"));
}

static char *check_warnings(const json_t *found)
{
	struct buf lines = {0};
	size_t i;
	json_t *warning;
	json_array_foreach (json_object_get(found, "warnings"), i, warning) {
		if (json_is_string(warning))
			buf_printf(&lines, "%swarning: %s", i ? "\n" : "", json_string_value(warning));
	}
	return buf_take(&lines);
}

static char *check_fine(const json_t *found)
{
	json_int_t n = json_number(found, "services");
	if (json_array_size(json_object_get(found, "mistakes")))
		return NULL;
	return xasprintf("no mistakes, %lld service%s", (long long)n, plural(n, "s"));
}

static const struct column check_fields[] = {{.cell = check_text}, {.cell = check_warnings}, {.cell = check_fine}};

enum status cmd_check(struct call *call)
{
	json_t *parameters = file_parameters(call);
	json_auto_t *reply = NULL;
	enum status status = parameters ? call_method(call, "Check", parameters, &reply) : STATUS_REFUSED;
	if (status != STATUS_DONE)
		return status;
	bool fine = json_array_size(json_object_get(reply, "mistakes")) == 0;
	/* quiet leaves out the last line, which says that all is well */
	writer_object(call->out, check_fields, ARRAY_SIZE(check_fields) - call->quiet, reply);
	return fine ? STATUS_DONE : STATUS_REFUSED;
}

static char *diff_text(const json_t *reply)
{
	return json_lines(json_object_get(reply, "changes"));
}

static const struct column diff_fields[] = {{.cell = diff_text}};

enum status cmd_diff(struct call *call)
{
	const char *number = call_option(call, OPTION_REVISION);
	json_int_t revision = 0;
	if (number && call->n_words) {
		complain("either FILE or --revision: gwctl help diff");
		return STATUS_USAGE;
	}
	if (number && !call_number("--revision", number, &revision))
		return STATUS_USAGE;
	json_t *parameters = number ? json_pack("{s:I}", "revision", revision) : file_parameters(call);
	json_auto_t *reply = NULL;
	enum status status = parameters ? call_method(call, "Diff", parameters, &reply) : STATUS_REFUSED;
	if (status != STATUS_DONE)
		return status;
	bool same = json_array_size(json_object_get(reply, "changes")) == 0;
	writer_object(call->out, diff_fields, ARRAY_SIZE(diff_fields), reply);
	return same ? STATUS_DONE : STATUS_REFUSED;
}

enum status cmd_apply(struct call *call)
{
	json_t *parameters = file_parameters(call);
	return parameters ? call_change(call, "Apply", parameters, NULL) : STATUS_REFUSED;
}

enum status cmd_export(struct call *call)
{
	json_auto_t *reply = NULL;
	enum status status = call_method(call, "Export", NULL, &reply);
	if (status == STATUS_DONE)
		writer_document(call->out, json_text(reply, "yaml"));
	return status;
}

static void import_summary(const json_t *reply)
{
	size_t services = json_array_size(json_object_get(reply, "services"));
	size_t missing = json_array_size(json_object_get(reply, "not_expressed"));
	size_t alone = json_array_size(json_object_get(reply, "left_alone"));
	fprintf(stderr, "%zu service%s; %zu rule%s not expressed, %zu left alone%s\n", services,
		plural(services, "s"), missing, plural(missing, "s"), alone,
		missing || alone ? ": see the comments at the end" : "");
}

enum status cmd_import(struct call *call)
{
	const char *format = call_option(call, OPTION_OUTPUT);
	json_auto_t *reply = NULL;
	enum status status = call_method(call, "Import", NULL, &reply);
	if (status != STATUS_DONE)
		return status;
	if (format && streq(format, "json"))
		writer_object(call->out, NULL, 0, reply);
	else
		writer_document(call->out, json_text(reply, "yaml"));
	if (!call->quiet)
		import_summary(reply);
	return json_array_size(json_object_get(reply, "not_expressed")) ? STATUS_REFUSED : STATUS_DONE;
}
