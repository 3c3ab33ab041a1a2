/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface description is the one place that says which methods there are and what they take, for clients and for
 * us: it is assembled into the program and read again at each call. Scanning a few kilobytes costs less than parsing
 * the call did, and nothing can disagree with it. Only the outermost parameters are checked here; what is in a service
 * is judged by config.c, with the same words as in gwd.yaml. */
#include "varlink.h"

#include <assert.h>
#include <ctype.h>

#include "gwd.h"
#include "jput.h"
#include "util.h"
#include "wire.h"

#define SERVICE "org.varlink.service"

#ifndef VARLINK_FILE
#define VARLINK_FILE "gwd/org.gwd.Gateway.varlink"
#endif
__asm__(".pushsection .rodata\n"
	".globl varlink_description\n"
	"varlink_description: .incbin \"" VARLINK_FILE "\"\n"
	".byte 0\n"
	".popsection\n");

/* varlink.org/Service */
static const char service_description[] =
	"# What every Varlink service answers.\n"
	"interface " SERVICE "\n"
	"\n"
	"method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"# It will come, but this version does not have it.\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"# The reply is too long for one message: call with \"more\".\n"
	"error ExpectedMore ()\n";

struct varlink {
	const struct varlink_method *methods;
	const char *described; /* borrowed: the methods of the description */
	void *ctx;
};

struct varlink *varlink_new(const struct varlink_method *methods, void *ctx)
{
	struct varlink *v = xmalloc(sizeof(*v));

	*v = (struct varlink){.methods = methods, .ctx = ctx};
	v->described = strstr(varlink_description, "\nmethod "); /* behind 10 KB of types, which no call needs */
	assert(v->described);
	return v;
}

void varlink_free(struct varlink *v)
{
	free(v);
}

/* ---- Answers ---------------------------------------------------------------------------------- */

/* One of the standard errors, each of which has at most one string to say what it is about. */
static void fail_service(struct varlink_call *call, const char *name, const char *member, const char *value)
{
	_cleanup_(freep) char *error = xasprintf(SERVICE ".%s", name);

	jput_text(client_begin(call->client), member, value); /* the client's own words */
	client_error(call->client, error);
}

struct buf *varlink_begin(struct varlink_call *call)
{
	return client_begin(call->client);
}

void varlink_reply(struct varlink_call *call)
{
	client_reply(call->client, false);
}

void varlink_invalid_parameter(struct varlink_call *call, const char *parameter)
{
	fail_service(call, "InvalidParameter", "parameter", parameter);
}

void varlink_expected_more(struct varlink_call *call)
{
	fail_service(call, "ExpectedMore", NULL, NULL);
}

void varlink_mistakes(struct buf *out, const char *key, const struct diag *diag)
{
	jput_list(out, key);
	for (size_t i = 0; i < diag->n; i++) {
		const struct mistake *m = &diag->mistakes[i];

		jput_object(out, NULL);
		jput_text(out, "message", m->message);
		jput_text(out, "file", m->loc.file);
		jput_nonzero(out, "line", m->loc.line);
		jput_nonzero(out, "column", m->loc.col);
		jput_text(out, "source", m->source);
		jput_end(out, '}');
	}
	jput_end(out, ']');
}

void varlink_fail(struct varlink_call *call, const struct diag *diag)
{
	static const char *const names[] = {
		[DIAG_INVALID] = "Invalid",   [DIAG_CONFLICT] = "Conflict", [DIAG_NOT_FOUND] = "NotFound",
		[DIAG_DECLARED] = "Declared", [DIAG_DENIED] = "Denied",     [DIAG_BUSY] = "Busy",
		[DIAG_KERNEL] = "Kernel",     [DIAG_INTERNAL] = "Internal",
		[DIAG_PENDING] = "Pending",
	};
	_cleanup_(freep) char *error = xasprintf(WIRE_INTERFACE ".%s", names[diag->kind]);

	assert(diag_failed(diag));
	varlink_mistakes(client_begin(call->client), "mistakes", diag);
	client_error(call->client, error);
}

/* ---- Checking a call against the description -------------------------------------------------- */

struct parameter { /* "name: ?[]type", borrowed from a description */
	const char *name, *type;
	size_t name_len, type_len;
	bool optional, list;
};

static size_t word(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n;
}

static const char *skip(const char *s)
{
	while (isspace((unsigned char)*s) || *s == ',' || *s == '(')
		s++;
	return s;
}

/* The parameter that begins at `s`, and where the next one does; NULL at the closing parenthesis. */
static const char *next_parameter(const char *s, struct parameter *ret)
{
	s = skip(s);
	if (*s == ')')
		return NULL;
	*ret = (struct parameter){.name = s, .name_len = word(s)};
	s = skip(s + ret->name_len + 1); /* the colon */
	ret->optional = *s == '?';
	s += ret->optional;
	ret->list = *s == '[';
	s += ret->list ? 2 : 0;
	ret->type = s;
	ret->type_len = word(s);
	assert(ret->name_len && ret->type_len);
	return s + ret->type_len;
}

/* Where the parameters of the method begin, or NULL when the description has no such method. */
static const char *method_parameters(const char *description, const char *method)
{
	size_t len = strlen(method);

	for (const char *s = description; (s = strstr(s, "\nmethod ")); s++) {
		const char *name = s + strlen("\nmethod ");

		if (word(name) == len && strncmp(name, method, len) == 0)
			return name + len;
	}
	return NULL;
}

static bool is_type(const struct parameter *p, const char *type)
{
	return p->type_len == strlen(type) && strncmp(p->type, type, p->type_len) == 0;
}

static bool fits_type(const struct parameter *p, const json_t *value)
{
	if (is_type(p, "string"))
		return json_is_string(value);
	if (is_type(p, "bool"))
		return json_is_boolean(value);
	if (is_type(p, "int"))
		return json_is_integer(value);
	return json_is_object(value);
}

static bool fits(const struct parameter *p, const json_t *value)
{
	if (!value)
		return p->optional;
	if (!p->list)
		return fits_type(p, value);

	size_t i, n = json_array_size(value);
	for (i = 0; i < n && fits_type(p, json_array_get(value, i)); i++)
		;
	return json_is_array(value) && i == n;
}

static void drop_nulls(json_t *object)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, name, value)
		if (json_is_null(value))
			json_object_del(object, name);
}

/* The first parameter that is not as the description has it, the caller's string, or NULL. Null members are removed. */
static char *wrong_parameter(const char *expected, json_t *parameters)
{
	json_t *value;
	const char *name;
	struct parameter p;
	size_t known = 0;

	drop_nulls(parameters);
	for (const char *s = expected; (s = next_parameter(s, &p));) {
		_cleanup_(freep) char *key = xstrndup(p.name, p.name_len);

		value = json_object_get(parameters, key);
		if (!fits(&p, value))
			return TAKE_PTR(key);
		known += value != NULL;
	}
	if (known == json_object_size(parameters))
		return NULL;
	json_object_foreach(parameters, name, value) {
		bool found = false;

		for (const char *s = expected; !found && (s = next_parameter(s, &p));)
			found = p.name_len == strlen(name) && strncmp(p.name, name, p.name_len) == 0;
		if (!found)
			return xstrdup(name);
	}
	return NULL;
}

/* True when it is; otherwise the call has been answered. */
static bool as_described(struct varlink_call *call, const char *expected)
{
	_cleanup_(freep) char *wrong = wrong_parameter(expected, call->parameters);

	if (wrong)
		varlink_invalid_parameter(call, wrong);
	return !wrong;
}

/* ---- Calls ------------------------------------------------------------------------------------ */

static void get_info(struct varlink_call *call)
{
	struct buf *out = varlink_begin(call);

	jput_text(out, "vendor", "gwd");
	jput_text(out, "product", "gwd");
	jput_text(out, "version", GWD_VERSION);
	jput_text(out, "url", "");
	jput_list(out, "interfaces");
	jput_text(out, NULL, SERVICE);
	jput_text(out, NULL, WIRE_INTERFACE);
	jput_end(out, ']');
	varlink_reply(call);
}

static void get_interface_description(struct varlink_call *call)
{
	const char *interface = json_string_value(json_object_get(call->parameters, "interface"));
	bool service = streq(interface, SERVICE);

	if (!service && !streq(interface, WIRE_INTERFACE)) {
		fail_service(call, "InterfaceNotFound", "interface", interface);
		return;
	}
	jput_text(varlink_begin(call), "description", service ? service_description : varlink_description);
	varlink_reply(call);
}

static const struct varlink_method service_methods[] = {
	{"GetInfo", ACCESS_NONE, get_info},
	{"GetInterfaceDescription", ACCESS_NONE, get_interface_description},
	{0},
};

static const struct varlink_method *find(const struct varlink_method *methods, const char *name)
{
	for (; methods->name; methods++)
		if (streq(methods->name, name))
			return methods;
	return NULL;
}

void varlink_denied(struct varlink_call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};

	diag_add(&diag, DIAG_DENIED, (struct loc){0}, "permission denied: sudo gwctl ..., or usermod -aG gwd USER");
	varlink_fail(call, &diag);
}

/* `name` is the method without its interface, `full` as it was called. */
static void dispatch(struct varlink_call *call, const struct varlink_method *methods, const char *description,
		     const char *name, const char *full)
{
	const char *expected = method_parameters(description, name);

	call->method = find(methods, name);
	if (!expected || !call->method)
		fail_service(call, expected ? "MethodNotImplemented" : "MethodNotFound", "method", full);
	else if (client_access(call->client) < call->method->access)
		varlink_denied(call);
	else if (as_described(call, expected))
		call->method->handler(call);
}

static void on_call(void *ctx, struct client *client, const char *method, json_t *parameters, bool more)
{
	const struct varlink *v = ctx;
	struct varlink_call call = {
		.client = client, .parameters = parameters, .more = more, .ctx = v->ctx};
	const char *dot = strrchr(method, '.');
	_cleanup_(freep) char *interface = xstrndup(method, dot ? (size_t)(dot - method) : 0);

	if (!dot)
		varlink_invalid_parameter(&call, "method");
	else if (streq(interface, SERVICE))
		dispatch(&call, service_methods, service_description, dot + 1, method);
	else if (streq(interface, WIRE_INTERFACE))
		dispatch(&call, v->methods, v->described, dot + 1, method);
	else
		fail_service(&call, "InterfaceNotFound", "interface", interface);
}

struct control_handler varlink_handler(struct varlink *v)
{
	return (struct control_handler){.call = on_call, .ctx = v};
}
