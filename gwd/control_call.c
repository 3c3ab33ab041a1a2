/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jansson bounds the depth of what it parses, but not how much memory a message of small values becomes: they are
 * counted before anything is allocated. Who sends anything but a Varlink call is no Varlink client and is cut, so one
 * precise word about it is enough. */
#include "control_call.h"

#include "jput.h"
#include "util.h"
#include "wire.h"

#define VALUES_MAX 65536

char *control_refusal(const char *name, const char *message)
{
	struct buf out = {0};

	jput_object(&out, NULL);
	jput_format(&out, "error", WIRE_INTERFACE ".%s", name);
	jput_object(&out, "parameters");
	jput_list(&out, "mistakes");
	jput_object(&out, NULL);
	jput_text(&out, "message", message);
	buf_add(&out, "}]}}", 4);
	return buf_take(&out);
}

/* An upper bound of the values in a message. */
static size_t count_values(const char *text, size_t len)
{
	size_t n = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			quoted = !quoted;
		else if (quoted)
			i += text[i] == '\\';
		else
			n += text[i] == ',' || text[i] == '[' || text[i] == '{';
	}
	return n;
}

/* A boolean member that may be absent. */
static bool flag(const json_t *message, const char *name, bool *ret)
{
	const json_t *value = json_object_get(message, name);

	if (value && !json_is_boolean(value) && !json_is_null(value))
		return false;
	*ret = json_is_true(value);
	return true;
}

/* The member that is not as varlink.org/Method-Call has it, or NULL. */
static const char *wrong_member(const json_t *message, struct control_call *ret)
{
	const json_t *parameters = json_object_get(message, "parameters");
	bool upgrade = false;

	if (!json_is_string(json_object_get(message, "method")))
		return "method";
	if (parameters && !json_is_object(parameters) && !json_is_null(parameters))
		return "parameters";
	if (!flag(message, "more", &ret->more))
		return "more";
	if (!flag(message, "oneway", &ret->oneway) || (ret->more && ret->oneway))
		return "oneway";
	return !flag(message, "upgrade", &upgrade) || upgrade ? "upgrade" : NULL;
}

static const char *unreadable(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_stack_overflow:
		return "lists and objects in the message are nested too deep";
	case json_error_duplicate_key:
		return "an object of the message has two members of one name";
	default:
		return "the message is not JSON; expected a Varlink call: {\"method\": ..., \"parameters\": {...}}";
	}
}

static char *invalid(const char *member)
{
	struct buf out = {0};

	jput_object(&out, NULL);
	jput_text(&out, "error", "org.varlink.service.InvalidParameter");
	jput_object(&out, "parameters");
	jput_text(&out, "parameter", member);
	buf_add(&out, "}}", 2);
	return buf_take(&out);
}

char *control_call_read(const char *text, size_t len, struct control_call *ret)
{
	_cleanup_(control_call_free) struct control_call call = {0};
	json_error_t error;

	if (count_values(text, len) > VALUES_MAX)
		return control_refusal("Invalid", "too many values in one message");
	call.message = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!call.message)
		return control_refusal("Invalid", unreadable(&error));
	const char *wrong = wrong_member(call.message, &call);
	if (wrong)
		return invalid(wrong);
	call.method = json_string_value(json_object_get(call.message, "method"));
	call.parameters = json_object_get(call.message, "parameters");
	call.parameters = json_is_object(call.parameters) ? json_incref(call.parameters) : json_object();
	*ret = call;
	call = (struct control_call){0};
	return NULL;
}

void control_call_free(struct control_call *call)
{
	json_decref(call->parameters);
	json_decref(call->message);
}
