/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server runs on the same thread as its clients: every wait of a client turns the server's loop, so a test is one
 * straight line and nothing depends on how fast the machine is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "log.h"
#include "wire.h"
#include "control_peer.h"

#define MIB (1u << 20)

struct counted {
	size_t left, produced, done, size;
};

struct server {
	struct peer_server at;
	struct client *held;
	enum access access;
	size_t oneways;
	struct counted stream;
};

static struct server server;

static bool next_piece(void *ctx, struct buf *out, bool *ret_continues)
{
	struct counted *stream = ctx;
	_cleanup_(freep) char *text = xmalloc(stream->size + 1);

	memset(text, 'x', stream->size);
	text[stream->size] = '\0';
	stream->produced++;
	*ret_continues = --stream->left > 0;
	jput_text(out, "piece", text);
	return true;
}

static bool when_woken(void *ctx, struct buf *out, bool *ret_continues)
{
	return server.stream.left && next_piece(ctx, out, ret_continues);
}

static void stream_done(void *ctx)
{
	struct counted *stream = ctx;

	stream->done++;
}

static void on_call(void *ctx, struct client *client, const char *method, json_t *parameters, bool more)
{
	struct server *s = ctx;

	s->access = client_access(client);
	s->oneways += streq(method, "e");
	if (streq(method, "hold")) {
		s->held = client;
	} else if (streq(method, "error")) {
		jput_number(client_begin(client), "n", 1);
		client_error(client, "a.b.Wrong");
	} else if (streq(method, "huge")) {
		s->stream = (struct counted){.left = 1, .size = WIRE_MESSAGE_MAX};
		bool continues;
		next_piece(&s->stream, client_begin(client), &continues);
		client_reply(client, false);
	} else if (streq(method, "stream") && more) {
		client_stream(client, &(struct stream){.next = next_piece, .done = stream_done, .ctx = &s->stream});
	} else if (streq(method, "sleep") && more) {
		s->held = client;
		client_stream(client, &(struct stream){.next = when_woken, .done = stream_done, .ctx = &s->stream});
	} else if (streq(method, "stay") && more) {
		client_begin(client);
		client_reply(client, true);
		client_stream(client, &(struct stream){.done = stream_done, .ctx = &s->stream});
	} else {
		_cleanup_(freep) char *text = json_dumps(parameters, JSON_COMPACT);

		buf_printf(client_begin(client), "\"echo\":%s", text);
		client_reply(client, false);
	}
}

static int setup(void **state)
{
	(void)state;
	server = (struct server){0};
	peer_server_start(&server.at, &(struct control_handler){.call = on_call, .ctx = &server});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_server_stop(&server.at);
	return 0;
}

static int dial(void)
{
	return peer_connect(&server.at);
}

static bool say(int fd, const char *text)
{
	return peer_send(&server.at, fd, text, strlen(text) + 1);
}

static json_t *hear(int fd)
{
	return peer_receive(&server.at, fd);
}

static const char *error_of(const json_t *reply)
{
	const char *error = json_string_value(json_object_get(reply, "error"));

	return error ? error : "none";
}

static void assert_echo(int fd, const char *word)
{
	_cleanup_(freep) char *call = xasprintf("{\"method\":\"echo\",\"parameters\":{\"w\":\"%s\"}}", word);

	assert_true(say(fd, call));
	json_auto_t *reply = hear(fd);
	assert_non_null(reply);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json_object_get(reply, "parameters"), "echo"), "w")),
		word);
}

/* Hears the error, then the end. */
static void assert_cut(int fd, const char *error)
{
	json_auto_t *reply = hear(fd);

	assert_non_null(reply);
	assert_string_equal(error_of(reply), error);
	assert_true(peer_closed(&server.at, fd));
	close(fd);
}

static void test_socket_mode(void **state)
{
	struct stat st;

	(void)state; /* setup ran with umask 077, in a directory that was not there */
	assert_int_equal(stat(server.at.path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_int_equal(umask(077), 077);
	_cleanup_(freep) char *dir = xasprintf("%s/run", server.at.dir);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void test_socket_in_use(void **state)
{
	struct control_handler handler = {.call = on_call, .ctx = &server};
	_cleanup_(freep) char *long_path = xasprintf("%s/%0110d", server.at.dir, 0);
	_cleanup_(freep) char *file = xasprintf("%s/file", server.at.dir);
	_cleanup_(freep) char *deep = xasprintf("%s/a/b/sock", server.at.dir);
	_cleanup_(diag_free) struct diag diag = {0};
	struct control *second = NULL;

	(void)state;
	assert_int_equal(control_open(&server.at.loop, server.at.path, &handler, &second, &diag), -EADDRINUSE);
	assert_int_equal(diag.kind, DIAG_BUSY);
	assert_int_equal(control_open(&server.at.loop, long_path, &handler, &second, &diag), -ENAMETOOLONG);
	assert_int_equal(control_open(&server.at.loop, deep, &handler, &second, &diag), -ENOENT);
	fclose(fopen(file, "w"));
	assert_int_equal(control_open(&server.at.loop, file, &handler, &second, &diag), -EEXIST);
	assert_int_equal(access(file, F_OK), 0);
	unlink(file);
	assert_int_equal(diag.n, 4);
	assert_null(second);
}

static void test_stale_socket(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_(diag_free) struct diag diag = {0};
	struct control *second = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.80s/stale", server.at.dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(control_open(&server.at.loop, addr.sun_path,
				      &(struct control_handler){.call = on_call, .ctx = &server}, &second, &diag),
			 0);
	control_close(second);
	peer_turn(&server.at, 0);
	assert_int_equal(access(addr.sun_path, F_OK), -1);
}

static void test_pieces(void **state)
{
	static const char call[] = "{\"method\":\"echo\"}";
	int fd = dial();

	(void)state;
	for (size_t i = 0; i < sizeof(call); i++)
		assert_true(peer_send(&server.at, fd, call + i, 1));
	json_auto_t *reply = hear(fd);
	assert_string_equal(error_of(reply), "none");
	assert_echo(fd, "again");
	close(fd);
}

static void test_error(void **state)
{
	int fd = dial();

	(void)state;
	assert_true(say(fd, "{\"method\":\"error\"}"));
	json_auto_t *reply = hear(fd);
	assert_string_equal(error_of(reply), "a.b.Wrong");
	assert_echo(fd, "still there");
	close(fd);
}

static void test_garbage(void **state)
{
	static const struct {
		const char *message, *error, *parameter;
	} bad[] = {
		{"", "org.gwd.Gateway.Invalid", NULL},
		{"GET / HTTP/1.1\r\n\r\n", "org.gwd.Gateway.Invalid", NULL},
		{"{\"method\":\"echo\",\"method\":\"echo\"}", "org.gwd.Gateway.Invalid", NULL},
		{"{\"method\":\"ec\xffho\"}", "org.gwd.Gateway.Invalid", NULL},
		{"[]", "org.varlink.service.InvalidParameter", "method"},
		{"{}", "org.varlink.service.InvalidParameter", "method"},
		{"{\"method\":7}", "org.varlink.service.InvalidParameter", "method"},
		{"{\"method\":\"echo\",\"parameters\":[]}", "org.varlink.service.InvalidParameter", "parameters"},
		{"{\"method\":\"echo\",\"more\":1}", "org.varlink.service.InvalidParameter", "more"},
		{"{\"method\":\"echo\",\"oneway\":\"y\"}", "org.varlink.service.InvalidParameter", "oneway"},
		{"{\"method\":\"echo\",\"oneway\":true,\"more\":true}", "org.varlink.service.InvalidParameter",
		 "oneway"},
		{"{\"method\":\"echo\",\"upgrade\":true}", "org.varlink.service.InvalidParameter", "upgrade"},
	};

	(void)state;
	int other = dial();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int fd = dial();

		assert_true(say(fd, bad[i].message));
		assert_true(say(fd, "{\"method\":\"echo\"}")); /* not taken any more */
		json_auto_t *reply = hear(fd);
		assert_string_equal(error_of(reply), bad[i].error);
		const char *parameter =
			json_string_value(json_object_get(json_object_get(reply, "parameters"), "parameter"));
		assert_true(str_same(parameter, bad[i].parameter));
		assert_true(peer_closed(&server.at, fd));
		close(fd);
	}
	assert_echo(other, "unharmed");
	close(other);
}

/* Deeply nested, or very many values: refused before they cost stack or memory. One long string is no crime. */
static void test_rich(void **state)
{
	static const struct {
		const char *piece, *error;
		size_t n;
	} cases[] = {
		{"[", "org.gwd.Gateway.Invalid", 60000},   {"{\"a\":", "org.gwd.Gateway.Invalid", 60000},
		{"[],", "org.gwd.Gateway.Invalid", 60000}, {"[],", "none", 1000}, {"[", "org.gwd.Gateway.Invalid", 2500},
		{"\"[[[,,,\\\"[[[,,,\",", "none", 20000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_free) struct buf text = {0};
		int fd = dial();

		buf_printf(&text, "{\"method\":\"echo\",\"parameters\":{\"w\":[");
		for (size_t n = 0; n < cases[i].n; n++)
			buf_add(&text, cases[i].piece, strlen(cases[i].piece));
		buf_printf(&text, "0]}}");
		assert_true(say(fd, text.data));
		json_auto_t *reply = hear(fd);
		assert_string_equal(error_of(reply), cases[i].error);
		close(fd);
	}
}

static void test_oversize(void **state)
{
	_cleanup_(freep) char *text = xcalloc(1, WIRE_MESSAGE_MAX + 2);
	int fd = dial();

	(void)state;
	memset(text, ' ', WIRE_MESSAGE_MAX);
	memcpy(text, "{\"method\":\"echo\"", 16);
	text[WIRE_MESSAGE_MAX - 1] = '}';
	assert_true(say(fd, text)); /* exactly as long as allowed */
	json_auto_t *reply = hear(fd);
	assert_string_equal(error_of(reply), "none");

	memset(text, ' ', WIRE_MESSAGE_MAX + 1);
	peer_send(&server.at, fd, text, WIRE_MESSAGE_MAX + 1);
	assert_cut(fd, "org.gwd.Gateway.Invalid");
}

/* Half a message is waited for once, not once per byte. */
static void test_half(void **state)
{
	int fd = dial(), idle = dial();
	bool open = true;

	(void)state;
	control_set_patience(server.at.control, 60);
	assert_true(peer_send(&server.at, fd, "{", 1));
	for (int i = 0; i < 50 && open; i++) {
		peer_turn(&server.at, 10);
		open = peer_send(&server.at, fd, "x", 1) && !peer_readable(fd);
	}
	assert_false(open);
	assert_cut(fd, "org.gwd.Gateway.Invalid");
	assert_echo(idle, "idle is allowed");
	close(idle);
}

/* While another's call keeps the server busy, nobody's time runs out. */
static void test_busy_server(void **state)
{
	int fd = dial();

	(void)state;
	control_set_patience(server.at.control, 30);
	assert_true(peer_send(&server.at, fd, "{\"method\":", 10));
	peer_turn(&server.at, 0);
	usleep(60000);
	assert_true(say(fd, "\"echo\"}"));
	json_auto_t *reply = hear(fd);
	assert_string_equal(error_of(reply), "none");
	close(fd);
}

static void test_pipelined(void **state)
{
	static const char calls[] = "{\"method\":\"hold\"}\0{\"method\":\"echo\"}\0{\"method\":\"error\"}";
	int fd = dial();

	(void)state;
	assert_true(peer_send(&server.at, fd, calls, sizeof(calls)));
	shutdown(fd, SHUT_WR); /* what was asked is answered all the same */
	peer_turn(&server.at, 20);
	assert_non_null(server.held);
	assert_false(peer_readable(fd));
	jput_number(client_begin(server.held), "held", 1);
	client_reply(server.held, false);
	json_auto_t *first = hear(fd), *second = hear(fd);
	assert_non_null(json_object_get(json_object_get(first, "parameters"), "held"));
	assert_non_null(json_object_get(json_object_get(second, "parameters"), "echo"));
	assert_cut(fd, "a.b.Wrong");
}

/* One client that asks and asks gets one answer per turn of the loop: the others are not kept waiting. */
static void test_turns(void **state)
{
	struct buf calls = {0};
	int fd = dial();

	(void)state;
	for (int i = 0; i < 50; i++)
		buf_add(&calls, "{\"method\":\"e\",\"oneway\":true}", 29);
	peer_turn(&server.at, 0);
	assert_int_equal(send(fd, calls.data, calls.len, MSG_NOSIGNAL), (ssize_t)calls.len);
	uv_run(&server.at.loop, UV_RUN_NOWAIT);
	uv_run(&server.at.loop, UV_RUN_NOWAIT);
	assert_in_range(server.oneways, 1, 2);
	for (int i = 0; i < 1000 && server.oneways < 50; i++)
		peer_turn(&server.at, 1);
	assert_int_equal(server.oneways, 50);
	assert_echo(fd, "a oneway call has no reply");
	buf_free(&calls);
	close(fd);
}

static void test_late_answer(void **state)
{
	int fd = dial();

	(void)state;
	assert_true(say(fd, "{\"method\":\"hold\"}"));
	peer_turn(&server.at, 10);
	close(fd);
	peer_turn(&server.at, 10);
	client_begin(server.held);
	client_reply(server.held, false); /* the sanitizer would tell */
	peer_turn(&server.at, 10);
}

/* A call that is kept open is told of the end of its client, however that comes, and of nothing else. */
static void test_stay(void **state)
{
	enum { CLOSED, SHUT, FLOODED, SERVER_CLOSED, ENDS };
	static char flood[2 * 64 << 10];

	(void)state;
	for (int end = 0; end < ENDS; end++) {
		int fd = dial(), idle = dial();

		server.stream = (struct counted){0};
		assert_true(say(fd, "{\"method\":\"stay\",\"more\":true}"));
		json_auto_t *reply = hear(fd);
		assert_true(json_is_true(json_object_get(reply, "continues")));
		assert_echo(idle, "others go on");
		assert_true(say(fd, "{\"method\":\"echo\"}")); /* its turn does not come */
		peer_turn(&server.at, 20);
		assert_false(peer_readable(fd));
		assert_int_equal(server.stream.done, 0);
		if (end == CLOSED)
			close(fd);
		else if (end == SHUT)
			shutdown(fd, SHUT_WR);
		else if (end == FLOODED)
			peer_send(&server.at, fd, flood, sizeof(flood)); /* or it could hide its end behind it */
		else
			control_close(server.at.control);
		peer_turn(&server.at, 20);
		assert_int_equal(server.stream.done, 1);
		if (end == SERVER_CLOSED)
			server.at.control = NULL;
		if (end != CLOSED)
			close(fd);
		close(idle);
	}
}

static void test_huge_reply(void **state)
{
	int fd = dial();

	(void)state;
	assert_true(say(fd, "{\"method\":\"huge\"}"));
	assert_cut(fd, "org.gwd.Gateway.Internal");
}

static void test_stream(void **state)
{
	int fd = dial();

	(void)state;
	server.stream = (struct counted){.left = 5, .size = MIB};
	assert_true(say(fd, "{\"method\":\"stream\",\"more\":true}"));
	for (int i = 1; i <= 5; i++) {
		json_auto_t *reply = hear(fd);

		assert_int_equal(json_string_length(json_object_get(json_object_get(reply, "parameters"), "piece")),
				 MIB);
		assert_int_equal(json_is_true(json_object_get(reply, "continues")), i < 5);
	}
	assert_int_equal(server.stream.done, 1);
	assert_echo(fd, "next call");
	close(fd);
}

/* Who does not read is not produced for, and is cut in the end. */
static void test_no_reader(void **state)
{
	int fd = dial();

	(void)state;
	server.stream = (struct counted){.left = 1u << 30, .size = MIB};
	control_set_patience(server.at.control, 300);
	uint64_t start = uv_hrtime();
	assert_true(say(fd, "{\"method\":\"stream\",\"more\":true}"));
	for (int i = 0; i < 1000 && !server.stream.done; i++)
		peer_turn(&server.at, 5);
	assert_int_equal(server.stream.done, 1);
	assert_in_range(server.stream.produced, 1, 2);
	assert_true(uv_hrtime() - start > 250 * 1000000ull);
	close(fd);
}

/* Reads what is there; false when nothing is, or the end. */
static bool drain(int fd)
{
	static char sink[64u << 10];
	size_t n = 0;

	for (ssize_t got; n < 8 && (got = recv(fd, sink, sizeof(sink), MSG_DONTWAIT)) > 0;)
		n++;
	return n > 0;
}

/* A slow reader is no lost one: what counts is that something goes on. */
static void test_slow_reader(void **state)
{
	int fd = dial();

	(void)state;
	server.stream = (struct counted){.left = 1, .size = 8 * MIB};
	control_set_patience(server.at.control, 300);
	assert_true(say(fd, "{\"method\":\"stream\",\"more\":true}"));
	assert_true(peer_wait(&server.at, fd, POLLIN));
	for (int i = 0; i < 10; i++) {
		peer_turn(&server.at, 50);
		assert_true(drain(fd));
	}
	control_set_patience(server.at.control, 30000);
	json_auto_t *rest = hear(fd);
	assert_null(rest); /* of a message whose beginning is gone */
	assert_echo(fd, "survived");
	close(fd);
}

/* Whether reading or writing tells that it is gone. */
static void test_woken(void **state)
{
	(void)state;
	int fd = dial();

	assert_true(say(fd, "{\"method\":\"sleep\",\"more\":true}"));
	peer_turn(&server.at, 20);
	assert_false(peer_readable(fd));
	server.stream = (struct counted){.left = 2, .size = 1};
	client_wake(server.held);
	client_wake(server.held);
	for (int i = 0; i < 2; i++) {
		json_auto_t *reply = hear(fd);
		assert_int_equal(json_is_true(json_object_get(reply, "continues")), i == 0);
	}
	assert_int_equal(server.stream.done, 1);
	close(fd);
}

static void test_gone_in_stream(void **state)
{
	(void)state;
	for (int half = 0; half < 2; half++) {
		int fd = dial();

		server.stream = (struct counted){.left = 1000, .size = MIB};
		assert_true(say(fd, "{\"method\":\"stream\",\"more\":true}"));
		if (half)
			shutdown(fd, SHUT_WR);
		json_auto_t *reply = hear(fd);
		assert_non_null(reply);
		close(fd);
		peer_turn(&server.at, 20);
		assert_int_equal(server.stream.done, 1);
		assert_true(server.stream.produced < 10);
	}
}

static void test_closed_in_stream(void **state)
{
	int fd = dial();

	(void)state;
	server.stream = (struct counted){.left = 1000, .size = MIB};
	assert_true(say(fd, "{\"method\":\"stream\",\"more\":true}"));
	peer_turn(&server.at, 10);
	control_close(server.at.control);
	server.at.control = NULL;
	peer_turn(&server.at, 0);
	assert_int_equal(server.stream.done, 1);
	assert_int_equal(access(server.at.path, F_OK), -1);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_socket_mode), TEST(test_socket_in_use), TEST(test_stale_socket),
		TEST(test_pieces), TEST(test_error), TEST(test_garbage),
		TEST(test_rich), TEST(test_oversize), TEST(test_half),
		TEST(test_busy_server), TEST(test_pipelined), TEST(test_turns),
		TEST(test_late_answer), TEST(test_stay), TEST(test_huge_reply),
		TEST(test_stream), TEST(test_no_reader), TEST(test_slow_reader),
		TEST(test_woken), TEST(test_gone_in_stream), TEST(test_closed_in_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
