/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that change forwards. Each turns words into the parameters of one method; what came of it is printed by
 * call_change. Only `add` looks further: whether the new target answers is asked from here, as gwd opens no sockets. */
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "forms.h"
#include "probe.h"
#include "util.h"

/* Tells a person who just added a forward whether the target is there; scripts are spared the wait. */
static void probe_target(const struct call *call, const json_t *forward)
{
	const json_t *service = json_object_get(forward, "service");
	const json_t *target = json_array_get(json_object_get(service, "to"), 0);
	const char *addr = json_text(target, "addr");
	const char *port = json_text(target, "port");
	const char *dialled = json_string_value(json_array_get(json_object_get(service, "ports"), 0));
	if (call->quiet || !isatty(STDERR_FILENO) || call_option(call, OPTION_DRY_RUN))
		return;
	if (!streq(json_text(forward, "state"), "active") || strncmp(json_text(service, "proto"), "tcp", 3) != 0)
		return;
	_cleanup_(freep) char *first = xstrdup(*port ? port : dialled ? dialled : "");
	first[strcspn(first, "-")] = '\0'; /* of a range */
	_cleanup_(freep) char *raw = forms_address_text(addr, first);
	_cleanup_(freep) char *where = text_safe(raw);
	int answers = probe(addr, first);
	const char *first_sees = json_string_value(json_array_get(json_object_get(forward, "sees"), 0));
	_cleanup_(freep) char *sees = text_safe(first_sees ? first_sees : "");
	if (answers > 0)
		fprintf(stderr, "%s answers%s%s\n", where, *sees ? "; it will see clients " : "", sees);
	else if (answers == 0)
		fprintf(stderr, "nobody answers at %s\n", where);
}

static void say_held(const struct call *call, const json_t *reply)
{
	probe_target(call, json_object_get(reply, "forward"));
	if (!call->quiet)
		fprintf(stderr, "held open until this command ends: Ctrl-C\n");
}

enum status cmd_add(struct call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	json_t *service = forms_service(call->arguments, call->words, call->n_words, &diag);
	complain_all(&diag);
	if (!service)
		return STATUS_REFUSED;
	json_t *parameters = json_pack("{s:o}", "service", service);
	json_auto_t *reply = NULL;
	if (call_option(call, OPTION_REPLACE))
		json_object_set_new(parameters, "replace", json_true());
	if (call_option(call, OPTION_HOLD))
		return call_held(call, "Add", parameters, say_held);
	enum status status = call_change(call, "Add", parameters, &reply);
	if (status == STATUS_DONE)
		probe_target(call, json_object_get(reply, "forward"));
	return status;
}

enum status cmd_set(struct call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	json_t *changes = forms_changes(call->arguments, call->words + 1, call->n_words - 1, &diag);
	complain_all(&diag);
	if (!changes)
		return STATUS_REFUSED;
	if (!json_object_size(changes)) {
		json_decref(changes);
		complain("nothing to change: give an option or a TARGET, see gwctl help set");
		return STATUS_USAGE;
	}
	return call_change(call, "Set", json_pack("{s:s, s:o}", "name", call->words[0], "changes", changes), NULL);
}

/* Takes `parameters`. */
static enum status leave(struct call *call, const char *method, json_t *parameters)
{
	if (call_option(call, OPTION_KILL))
		json_object_set_new(parameters, "kill", json_true());
	return call_change(call, method, parameters, NULL);
}

enum status cmd_rm(struct call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	json_t *selector = forms_selector(call->words[0], &diag);
	complain_all(&diag);
	return selector ? leave(call, "Remove", selector) : STATUS_REFUSED;
}

enum status cmd_on(struct call *call)
{
	return call_change(call, "Enable", json_pack("{s:s}", "name", call->words[0]), NULL);
}

enum status cmd_off(struct call *call)
{
	return leave(call, "Disable", json_pack("{s:s}", "name", call->words[0]));
}

/* drain|ready|off NAME TARGET */
enum status cmd_target(struct call *call)
{
	static const char *const orders[][2] = {{"drain", "drained"}, {"ready", "ready"}, {"off", "off"}};
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
		if (streq(call->words[0], orders[i][0]))
			return leave(call, "Target",
				     json_pack("{s:s, s:s, s:s}", "name", call->words[1], "target", call->words[2],
					       "state", orders[i][1]));
	complain("a target is told to drain, ready or off, not '%s': gwctl help target", call->words[0]);
	return STATUS_USAGE;
}

enum status cmd_open(struct call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	json_t *opening = forms_opening(call->arguments, call->words[0], &diag);
	complain_all(&diag);
	return opening ? call_change(call, "Open", json_pack("{s:o}", "opening", opening), NULL) : STATUS_REFUSED;
}

enum status cmd_close(struct call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	json_t *opening = forms_opening(call->arguments, call->words[0], &diag);
	complain_all(&diag);
	return opening ? call_change(call, "Close", opening, NULL) : STATUS_REFUSED;
}

enum status cmd_confirm(struct call *call)
{
	json_t *parameters = json_object();
	call_session(parameters);
	return call_change(call, "Confirm", parameters, NULL);
}

enum status cmd_undo(struct call *call)
{
	return call_change(call, "Undo", json_object(), NULL);
}

enum status cmd_rollback(struct call *call)
{
	json_int_t revision;
	if (!call_number("a revision", call->words[0], &revision))
		return STATUS_USAGE;
	return call_change(call, "Rollback", json_pack("{s:I}", "revision", revision), NULL);
}
