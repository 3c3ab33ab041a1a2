/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gwd behind its socket, over the fake kernel: from bytes to gwd.h and back. Every reply is held against the interface
 * description. JSON is written with ' for ". */
#ifndef REQUEST_PLACE_H
#define REQUEST_PLACE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "compile.h"
#include "control_peer.h"
#include "gwd_place.h"
#include "request.h"
#include "varlink_types.h"

static struct {
	struct peer_server at;
	struct request_context context;
	struct varlink *varlink;
	int fd;
	int quits;
} server;

static inline void on_quit(void *ctx)
{
	(void)ctx;
	server.quits++;
}

static inline int setup(void **state)
{
	if (place_new(state) < 0)
		return -1;
	memset(&server, 0, sizeof(server));
	server.fd = -1;
	if (!netns_allowed)
		return 0;
	start();
	server.context = (struct request_context){.gwd = place.gwd, .quit = on_quit};
	server.varlink = varlink_new(request_methods, &server.context);
	struct control_handler handler = varlink_handler(server.varlink);
	peer_server_start(&server.at, &handler);
	server.fd = peer_connect(&server.at);
	return 0;
}

static inline int teardown(void **state)
{
	if (server.fd >= 0) {
		close(server.fd);
		peer_server_stop(&server.at);
	}
	varlink_free(server.varlink);
	return place_gone(state);
}

static inline json_t *receive(const char *method)
{
	json_t *reply = peer_receive(&server.at, server.fd);

	assert_non_null(reply);
	types_assert_reply(method, reply);
	return reply;
}

static inline void ask_json(const char *method, json_t *parameters, bool more)
{
	_cleanup_(freep) char *name = xasprintf("org.gwd.Gateway.%s", method);
	json_auto_t *message =
		json_pack("{s:s, s:o, s:b}", "method", name, "parameters", parameters, "more", (int)more);
	_cleanup_(freep) char *text = json_dumps(message, 0);

	assert_true(peer_send(&server.at, server.fd, text, strlen(text) + 1));
}

/* JSON with ' for " */
static inline json_t *call(const char *method, const char *parameters)
{
	_cleanup_(freep) char *text = xstrdup(parameters);

	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	ask_json(method, json_loads(text, 0, NULL), false);
	return receive(method);
}

/* "outcome.messages.0" of the parameters of a reply. */
static inline json_t *at(const json_t *reply, const char *path)
{
	_cleanup_(freep) char *copy = xstrdup(path);
	json_t *value = json_object_get(reply, "parameters");
	char *rest = copy;

	for (char *name; value && (name = strsep(&rest, "."));)
		value = json_is_array(value) ? json_array_get(value, strtoul(name, NULL, 10))
					     : json_object_get(value, name);
	return value;
}

static inline void assert_at(const json_t *reply, const char *path, const char *expected)
{
	_cleanup_(freep) char *text = json_dumps(at(reply, path), JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);

	for (char *p = text; p && *p; p++)
		*p = *p == '"' ? '\'' : *p;
	if (!str_same(text, expected)) {
		_cleanup_(freep) char *whole = json_dumps(reply, 0);
		fail_msg("%s: %s != %s in %s", path, text ? text : "nothing", expected ? expected : "nothing", whole);
	}
}

static inline void assert_call(const char *method, const char *parameters, const char *path, const char *expected)
{
	json_auto_t *reply = call(method, parameters);

	assert_at(reply, path, expected);
}

static inline void assert_refusal(const char *method, const char *parameters, const char *error, const char *message)
{
	_cleanup_(freep) char *quoted = xasprintf("'%s'", message);
	json_auto_t *reply = call(method, parameters);

	assert_string_equal(json_string_value(json_object_get(reply, "error")), error);
	assert_at(reply, "mistakes.0.message", quoted);
}

#define WEB "{'service':{'name':'web','ports':['80'],'to':[{'addr':'192.168.1.2','port':'8080'}]}"

#endif
