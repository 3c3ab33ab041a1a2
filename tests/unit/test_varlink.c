/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Introspection, the standard errors, and calls checked against the interface description. */
#include "control_peer.h"

#include "gwd.h"
#include "varlink.h"

static struct {
	struct peer_server at;
	struct varlink *varlink;
	int calls;
	int fd;
} server;

static void on_add(struct varlink_call *call)
{
	server.calls++;
	_cleanup_(freep) char *got = json_dumps(call->parameters, JSON_COMPACT);
	struct buf *out = varlink_begin(call);

	jput_text(out, "method", call->method->name);
	buf_printf(out, ",\"got\":%s", got);
	varlink_reply(call);
}

static void on_get(struct varlink_call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct loc loc = {diag_file("gwd.yaml"), 3, 5};

	server.calls++;
	diag_add(&diag, DIAG_CONFLICT, loc, "first \xff");
	diag_add(&diag, DIAG_INVALID, (struct loc){0}, "second");
	diag_attach_source(&diag, loc.file, "a\nb\nthird\n", 10);
	varlink_fail(call, &diag);
}

static void on_list(struct varlink_call *call)
{
	varlink_expected_more(call);
}

static const struct varlink_method methods[] = {
	{"Add", ACCESS_CHANGE, on_add},
	{"Remove", ACCESS_LOOK, on_add},
	{"History", ACCESS_LOOK, on_add},
	{"Get", ACCESS_LOOK, on_get},
	{"List", ACCESS_LOOK, on_list},
	{"Purge", (enum access)(ACCESS_CHANGE + 1), on_add}, /* more than anybody has */
	{0},
};

static int setup(void **state)
{
	(void)state;
	memset(&server, 0, sizeof(server));
	server.varlink = varlink_new(methods, NULL);
	struct control_handler handler = varlink_handler(server.varlink);
	peer_server_start(&server.at, &handler);
	server.fd = peer_connect(&server.at);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(server.fd);
	peer_server_stop(&server.at);
	varlink_free(server.varlink);
	return 0;
}

static json_t *call(const char *method, const char *parameters)
{
	_cleanup_(freep) char *text = xasprintf("{\"method\":\"%s\",\"parameters\":%s}", method, parameters);

	assert_true(peer_send(&server.at, server.fd, text, strlen(text) + 1));
	json_t *reply = peer_receive(&server.at, server.fd);
	assert_non_null(reply);
	return reply;
}

static const char *error_of(const json_t *reply)
{
	const char *error = json_string_value(json_object_get(reply, "error"));

	return error ? error : "none";
}

static void assert_error(const char *method, const char *parameters, const char *error, const char *member,
			 const char *value)
{
	json_auto_t *reply = call(method, parameters);

	assert_string_equal(error_of(reply), error);
	assert_string_equal(json_string_value(json_object_get(json_object_get(reply, "parameters"), member)), value);
}

static void test_info(void **state)
{
	json_auto_t *reply = call("org.varlink.service.GetInfo", "{}");
	const char *vendor, *product, *version, *url, *first, *second;

	(void)state;
	assert_int_equal(json_unpack_ex(json_object_get(reply, "parameters"), NULL, JSON_STRICT,
					"{s:s, s:s, s:s, s:s, s:[s,s]}", "vendor", &vendor, "product", &product,
					"version", &version, "url", &url, "interfaces", &first, &second),
			 0);
	assert_string_equal(version, GWD_VERSION);
	assert_string_equal(first, "org.varlink.service");
	assert_string_equal(second, "org.gwd.Gateway");
}

static void test_description(void **state)
{
	const char *const get = "org.varlink.service.GetInterfaceDescription";
	_cleanup_(buf_free) struct buf file = {0};

	(void)state;
	json_auto_t *reply = call(get, "{\"interface\":\"org.gwd.Gateway\"}");
	assert_int_equal(file_read("gwd/org.gwd.Gateway.varlink", 1 << 20, &file), 0);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(reply, "parameters"), "description")), file.data);
	json_auto_t *service = call(get, "{\"interface\":\"org.varlink.service\"}");
	assert_non_null(strstr(json_string_value(json_object_get(json_object_get(service, "parameters"), "description")),
			       "interface org.varlink.service\n"));
	assert_error(get, "{\"interface\":\"a.b\"}", "org.varlink.service.InterfaceNotFound", "interface", "a.b");
	assert_error(get, "{}", "org.varlink.service.InvalidParameter", "parameter", "interface");
}

static void test_not_found(void **state)
{
	(void)state;
	assert_error("a.b.C", "{}", "org.varlink.service.InterfaceNotFound", "interface", "a.b");
	assert_error("Add", "{}", "org.varlink.service.InvalidParameter", "parameter", "method");
	assert_error("org.gwd.Gateway.Nope", "{}", "org.varlink.service.MethodNotFound", "method", "org.gwd.Gateway.Nope");
	assert_error("org.gwd.Gateway.Ad", "{}", "org.varlink.service.MethodNotFound", "method", "org.gwd.Gateway.Ad");
	assert_error("org.varlink.service.Add", "{}", "org.varlink.service.MethodNotFound", "method",
		     "org.varlink.service.Add");
	/* in the description but not in the table */
	assert_error("org.gwd.Gateway.Undo", "{}", "org.varlink.service.MethodNotImplemented", "method",
		     "org.gwd.Gateway.Undo");
	assert_int_equal(server.calls, 0);
}

static void test_parameters(void **state)
{
	static const struct {
		const char *method, *parameters, *wrong;
	} cases[] = {
		{"Add", "{}", "service"},
		{"Add", "{\"service\":null}", "service"},
		{"Add", "{\"service\":\"x\"}", "service"},
		{"Add", "{\"service\":{},\"replace\":1}", "replace"},
		{"Add", "{\"service\":{},\"confirm\":\"2m\"}", "confirm"},
		{"Add", "{\"service\":{},\"confirm\":1.5}", "confirm"},
		{"Add", "{\"service\":{},\"servic\":{}}", "servic"},
		{"Remove", "{\"ports\":\"80\"}", "ports"},
		{"Remove", "{\"ports\":[80]}", "ports"},
		{"Remove", "{\"ports\":[\"80\",{}]}", "ports"},
		{"Remove", "{\"name\":7}", "name"},
		{"Remove", "{\"service\":{}}", "service"},
		{"History", "{\"max\":true}", "max"},
		{"History", "{\"\\u001b[m\\u009b\":1}", "?[m??"}, /* said back, but not to any terminal */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *method = xasprintf("org.gwd.Gateway.%s", cases[i].method);

		assert_error(method, cases[i].parameters, "org.varlink.service.InvalidParameter", "parameter",
			     cases[i].wrong);
	}
	assert_int_equal(server.calls, 0);

	json_auto_t *reply = call("org.gwd.Gateway.Add",
				  "{\"service\":{\"what\":1},\"replace\":true,\"force\":null,\"confirm\":5,\"hold\":false}");
	json_auto_t *expected = json_loads("{\"method\":\"Add\",\"got\":{\"service\":{\"what\":1},\"replace\":true,"
					   "\"confirm\":5,\"hold\":false}}",
					   0, NULL);
	assert_true(json_equal(json_object_get(reply, "parameters"), expected));
	json_auto_t *removed = call("org.gwd.Gateway.Remove", "{\"ports\":[\"80\",\"90-99\"],\"name\":\"a\"}");
	assert_string_equal(error_of(removed), "none");
	json_auto_t *history = call("org.gwd.Gateway.History", "null");
	assert_string_equal(error_of(history), "none");
	assert_int_equal(server.calls, 3);
}

static void test_mistakes(void **state)
{
	(void)state;
	json_auto_t *reply = call("org.gwd.Gateway.Get", "{\"name\":\"a\"}");
	json_auto_t *expected = json_loads("{\"mistakes\":[{\"file\":\"gwd.yaml\",\"line\":3,\"column\":5,"
					   "\"message\":\"first ?\",\"source\":\"third\"},{\"message\":\"second\"}]}",
					   0, NULL);
	assert_string_equal(error_of(reply), "org.gwd.Gateway.Conflict");
	assert_true(json_equal(json_object_get(reply, "parameters"), expected));
}

static void test_expected_more(void **state)
{
	(void)state;
	json_auto_t *reply = call("org.gwd.Gateway.List", "{}");
	assert_string_equal(error_of(reply), "org.varlink.service.ExpectedMore");
}

static void test_denied(void **state)
{
	(void)state;
	json_auto_t *reply = call("org.gwd.Gateway.Purge", "{\"wrong\":1}");
	json_t *mistake = json_array_get(json_object_get(json_object_get(reply, "parameters"), "mistakes"), 0);

	assert_string_equal(error_of(reply), "org.gwd.Gateway.Denied");
	assert_string_equal(json_string_value(json_object_get(mistake, "message")),
			    "permission denied: sudo gwctl ..., or usermod -aG gwd USER");
	assert_int_equal(server.calls, 0);
}

/* Every kind of outcome of a oneway call is silence. */
static void test_oneway(void **state)
{
	static const char *const calls[] = {
		"{\"method\":\"org.gwd.Gateway.Remove\",\"oneway\":true}",
		"{\"method\":\"org.gwd.Gateway.Get\",\"parameters\":{\"name\":\"a\"},\"oneway\":true}",
		"{\"method\":\"org.gwd.Gateway.List\",\"oneway\":true}",
		"{\"method\":\"org.gwd.Gateway.Nope\",\"oneway\":true}",
		"{\"method\":\"org.gwd.Gateway.Purge\",\"oneway\":true}",
		"{\"method\":\"x\",\"oneway\":true}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		assert_true(peer_send(&server.at, server.fd, calls[i], strlen(calls[i]) + 1));
	json_auto_t *reply = call("org.gwd.Gateway.History", "{\"max\":7}");
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(json_object_get(reply, "parameters"), "got"), "max")),
			 7);
	assert_int_equal(server.calls, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_info, setup, teardown),
		cmocka_unit_test_setup_teardown(test_description, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parameters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mistakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expected_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_denied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oneway, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
