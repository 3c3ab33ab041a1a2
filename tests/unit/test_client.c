/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "stub_gwd.h"

#include "client.h"
#include "wire.h"

static void collect(void *ctx, const json_t *parameters)
{
	char *text = json_dumps(parameters, JSON_COMPACT | JSON_ENCODE_ANY);
	buf_printf(ctx, "%s;", text ? text : "null");
	free(text);
}

struct asked { /* what came of one call */
	int r;
	char *calls, *replies;
	struct diag diag;
};

static struct asked ask(const char *reply, bool more, unsigned seconds, json_t *parameters)
{
	const char *replies[] = {reply, NULL};
	struct buf got = {0};
	struct asked a = {0};
	struct client *client = NULL;
	struct stub stub;
	stub_start(&stub, replies);
	assert_int_equal(client_open(stub.path, &client, &a.diag), 0);
	a.r = client_call(client, "Get", parameters, more, seconds, collect, &got, &a.diag);
	client_free(client);
	a.calls = stub_end(&stub);
	a.replies = buf_take(&got);
	return a;
}

static void asked_free(struct asked *a)
{
	free(a->calls);
	free(a->replies);
	diag_free(&a->diag);
}

static void test_call(void **state)
{
	(void)state;
	struct asked a = ask("{\"parameters\":{\"n\":1}}", false, 5, json_pack("{s:s}", "name", "web"));
	assert_int_equal(a.r, 0);
	assert_string_equal(a.calls, "{\"method\":\"org.gwd.Gateway.Get\",\"parameters\":{\"name\":\"web\"}}\n");
	assert_string_equal(a.replies, "{\"n\":1};");
	asked_free(&a);
}

static bool collect_row(void *ctx, const char *row, size_t len)
{
	buf_printf(ctx, "%.*s;", (int)len, row);
	return true;
}

static int ask_list(const char *reply, char **ret_rows, struct diag *diag)
{
	const char *replies[] = {reply, NULL};
	struct buf got = {0};
	struct client *client = NULL;
	struct stub stub;
	stub_start(&stub, replies);
	assert_int_equal(client_open(stub.path, &client, diag), 0);
	int r = client_list(client, "List", NULL, 5, "forwards", collect_row, &got, diag);
	client_free(client);
	free(stub_end(&stub));
	*ret_rows = buf_take(&got);
	return r;
}

static void test_list(void **state)
{
	static const struct {
		const char *reply, *rows;
		int r;
	} cases[] = {
		{"{\"parameters\":{\"forwards\":[{\"a\":1},{}]},\"continues\":true}" STUB_NEXT
		 "{\"parameters\":{\"forwards\":[{\"b\":2}]}}", "{\"a\":1};{};{\"b\":2};", 0},
		{"{\"parameters\":{\"forwards\":[{\"a\":1},{\"b\":\033}]}}", "{\"a\":1};", -EBADMSG},
		{"{\"parameters\":{\"forwards\":[{\"a\":1}]]}}", "{\"a\":1};", -EBADMSG},
		{"{\"parameters\":{},\"error\":\"org.gwd.Gateway.Busy\"}", "", -EREMOTEIO},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(diag_free) struct diag diag = {0};
		_cleanup_(freep) char *rows = NULL;
		assert_int_equal(ask_list(cases[i].reply, &rows, &diag), cases[i].r);
		assert_string_equal(rows, cases[i].rows);
		assert_int_equal(diag_failed(&diag), cases[i].r < 0);
	}
}

static void test_more(void **state)
{
	(void)state;
	struct asked a = ask("{\"parameters\":{\"n\":1},\"continues\":true}" STUB_NEXT
			     "{\"parameters\":{\"n\":2},\"continues\":true}" STUB_NEXT "{\"parameters\":{\"n\":3}}",
			     true, 5, NULL);
	assert_int_equal(a.r, 0);
	assert_string_equal(a.calls, "{\"method\":\"org.gwd.Gateway.Get\",\"parameters\":{},\"more\":true}\n");
	assert_string_equal(a.replies, "{\"n\":1};{\"n\":2};{\"n\":3};");
	asked_free(&a);
}

/* Without `more` a single reply is all there may be. */
static void test_continues_unasked(void **state)
{
	(void)state;
	struct asked a = ask("{\"parameters\":{\"n\":1},\"continues\":true}", false, 1, NULL);
	assert_int_equal(a.r, 0);
	assert_string_equal(a.replies, "{\"n\":1};");
	asked_free(&a);
}

static void test_refused(void **state)
{
	(void)state;
	struct asked a =
		ask("{\"error\":\"org.gwd.Gateway.Declared\",\"parameters\":{\"mistakes\":["
		    "{\"message\":\"declared at gwd.yaml:12\"},"
		    "{\"message\":\"second\",\"file\":\"gwd.yaml\",\"line\":3,\"column\":5,\"source\":\"  a: b\"}]}}",
		    false, 5, NULL);
	assert_int_equal(a.r, -EREMOTEIO);
	assert_string_equal(a.replies, "");
	assert_int_equal(a.diag.kind, DIAG_DECLARED);
	assert_int_equal(a.diag.n, 2);
	assert_string_equal(a.diag.mistakes[0].message, "declared at gwd.yaml:12");
	assert_null(a.diag.mistakes[0].loc.file);
	assert_string_equal(a.diag.mistakes[1].loc.file, "gwd.yaml");
	assert_int_equal(a.diag.mistakes[1].loc.line, 3);
	assert_int_equal(a.diag.mistakes[1].loc.col, 5);
	assert_string_equal(a.diag.mistakes[1].source, "  a: b");
	asked_free(&a);
}

/* Every error ends as a refusal with at least one sentence, whatever it carries. */
static void test_odd_errors(void **state)
{
	static const struct {
		const char *reply, *says;
	} cases[] = {
		{"{\"error\":\"org.gwd.Gateway.Kernel\"}", "org.gwd.Gateway.Kernel"},
		{"{\"error\":\"org.gwd.Gateway.New\",\"parameters\":{\"mistakes\":[{\"message\":\"m\"}]}}", "m"},
		{"{\"error\":\"org.gwd.Gateway.Invalid\",\"parameters\":{\"mistakes\":[17]}}", "?"},
		{"{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{}}", "another version"},
		{"{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"name\"}}",
		 "'name'"},
		{"{\"error\":\"com.example.Odd\"}", "com.example.Odd"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct asked a = ask(cases[i].reply, false, 5, NULL);
		assert_int_equal(a.r, -EREMOTEIO);
		assert_int_equal(a.diag.n, 1);
		assert_non_null(strstr(a.diag.mistakes[0].message, cases[i].says));
		asked_free(&a);
	}
}

/* gwd cuts long lists with a last line that counts the rest; that count must survive our own cutting. */
static void test_many_mistakes(void **state)
{
	(void)state;
	json_auto_t *list = json_array();
	struct diag diag = {0};
	for (int i = 0; i < DIAG_MAX; i++)
		json_array_append_new(list, json_pack("{s:s}", "message", "m"));
	json_array_append_new(list, json_pack("{s:s}", "message", "and 57 more mistakes"));
	client_mistakes(list, DIAG_INVALID, &diag);
	assert_int_equal(diag.n, DIAG_MAX + 1);
	assert_string_equal(diag.mistakes[DIAG_MAX].message, "and 57 more mistakes");
	diag_free(&diag);
}

static void test_no_answer(void **state)
{
	static const struct {
		const char *reply;
		int r;
		const char *says;
	} cases[] = {
		{"", -ECONNRESET, "closed the connection"},
		{"hello", -EBADMSG, "not gwd"},
		{"[]", -EBADMSG, "not gwd"},
		{STUB_HANG, -EAGAIN, "gwctl history"},
		{"{\"parameters\":{},\"continues\":true}", -ECONNRESET, "closed the connection"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct asked a = ask(cases[i].reply, true, 1, NULL);
		assert_int_equal(a.r, cases[i].r);
		assert_int_equal(a.diag.n, 1);
		assert_non_null(strstr(a.diag.mistakes[0].message, cases[i].says));
		asked_free(&a);
	}
}

static json_t *big(size_t len)
{
	_cleanup_(freep) char *text = xmalloc(len + 1);
	memset(text, 'x', len);
	text[len] = '\0';
	return json_pack("{s:s}", "text", text);
}

/* gwd hangs up on a call it will not read, but says why first. */
static void test_cut_while_sending(void **state)
{
	(void)state;
	struct asked a = ask(
		STUB_CUT "{\"error\":\"org.gwd.Gateway.Busy\",\"parameters\":{\"mistakes\":[{\"message\":\"busy\"}]}}",
		false, 5, big(8 << 20));
	assert_int_equal(a.r, -EREMOTEIO);
	assert_int_equal(a.diag.kind, DIAG_BUSY);
	assert_string_equal(a.diag.mistakes[0].message, "busy");
	asked_free(&a);
}

static void test_too_big(void **state)
{
	(void)state;
	struct asked a = ask("{\"parameters\":{}}", false, 1, big(WIRE_MESSAGE_MAX));
	assert_int_equal(a.r, -EREMOTEIO);
	assert_string_equal(a.calls, "");
	assert_non_null(strstr(a.diag.mistakes[0].message, "too big to send"));
	asked_free(&a);
}

static void test_open(void **state)
{
	static const char *const none[] = {NULL};
	struct diag diag = {0};
	struct client *client = NULL;
	char path[200];
	struct stub stub;
	(void)state;
	stub_start(&stub, none);
	snprintf(path, sizeof(path), "%s/absent", stub.dir);
	assert_int_equal(client_open(path, &client, &diag), -ENOENT);
	assert_true(strncmp(diag.mistakes[0].message, "gwd is not running: systemctl start gwd | rc-service gwd start",
			    62) == 0);
	diag_free(&diag);
	kill(stub.pid, SIGTERM);
	waitpid(stub.pid, NULL, 0);
	assert_int_equal(client_open(stub.path, &client, &diag), -ECONNREFUSED); /* its socket is still there */
	assert_non_null(strstr(diag.mistakes[0].message, "gwd is not running"));
	diag_free(&diag);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(client_open(path, &client, &diag), -ENAMETOOLONG);
	diag_free(&diag);
	assert_null(client);
	stub.pid = fork();
	if (stub.pid == 0)
		_exit(0);
	free(stub_end(&stub));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_more),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_continues_unasked),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_odd_errors),
		cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_cut_while_sending),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
