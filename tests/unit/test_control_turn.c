/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that share a turn: no answer is seen before it has ended, and none of those that were not to be said. */
#include "control_peer.h"

struct server {
	struct peer_server at;
	unsigned made, ended; /* calls, turns */
	unsigned bad;         /* turns that are still to end badly */
	bool open, alone, again;
	unsigned waiting;
	struct client *watcher; /* called "t.watch" */
};

static struct server server;

static bool speaks;

/* Until `speaks`; then it says its last word. */
static bool silence(void *ctx, struct buf *out, bool *ret_continues)
{
	(void)ctx, (void)out;
	*ret_continues = false;
	return speaks;
}

static void watched(void *ctx)
{
	(void)ctx;
}

/* "t.share" may wait, "t.alone" only where nobody does, "t.other" is no call of turns. The answer says which it was, and
 * whether it was made in a turn. */
static void on_call(void *ctx, struct client *client, const char *method, json_t *parameters, bool more)
{
	struct server *s = ctx;

	(void)parameters, (void)more;
	s->made++;
	if (streq(method, "t.watch")) {
		s->watcher = client;
		client_begin(client);
		client_reply(client, true);
		client_stream(client, &(struct stream){.next = silence, .done = watched});
		return;
	}
	if (streq(method, "t.wake"))
		client_wake(s->watcher);
	s->again = streq(method, "t.alone") && s->waiting;
	s->waiting += s->open && streq(method, "t.share");
	struct buf *out = client_begin(client);
	jput_text(out, "method", s->again ? "wrong" : method);
	jput_bool(out, "turn", s->open && !s->again);
	jput_number(out, "made", (int64_t)s->made);
	client_reply(client, false);
}

static bool takes(void *ctx, const char *method)
{
	(void)ctx;
	return !streq(method, "t.other") && !streq(method, "t.watch");
}

static void begin(void *ctx)
{
	struct server *s = ctx;

	s->open = true;
}

static enum control_turn turn_state(void *ctx)
{
	struct server *s = ctx;

	return s->again ? CONTROL_AGAIN : s->waiting ? CONTROL_WAITS : CONTROL_DONE;
}

static int end(void *ctx)
{
	struct server *s = ctx;
	bool bad = s->waiting && s->bad;

	s->ended += s->waiting > 0;
	s->bad -= bad;
	s->open = s->again = false;
	s->waiting = 0;
	return bad ? -EIO : 0;
}

static int setup(void **state)
{
	(void)state;
	server = (struct server){0};
	peer_server_start(&server.at, &(struct control_handler){.call = on_call, .ctx = &server});
	control_share(server.at.control, &(struct control_turns){takes, begin, turn_state, end, &server});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_server_stop(&server.at);
	return 0;
}

static void ask(int fd, const char *method)
{
	_cleanup_(freep) char *call = xasprintf("{\"method\":\"t.%s\"}", method);

	assert_true(peer_send(&server.at, fd, call, strlen(call) + 1));
}

static void answered(int fd, const char *method, bool turn)
{
	json_auto_t *reply = peer_receive(&server.at, fd);
	json_t *p = json_object_get(reply, "parameters");
	_cleanup_(freep) char *full = xasprintf("t.%s", method);

	assert_non_null(p);
	assert_string_equal(json_string_value(json_object_get(p, "method")), full);
	assert_int_equal(json_is_true(json_object_get(p, "turn")), turn);
}

static void test_many_of_one(void **state)
{
	int fd = peer_connect(&server.at);

	(void)state;
	for (int i = 0; i < 100; i++)
		ask(fd, "share");
	for (int i = 0; i < 100; i++)
		answered(fd, "share", true);
	assert_int_equal(server.made, 100);
	assert_in_range(server.ended, 1, 30);
	close(fd);
}

/* What is kept is bounded in bytes, too. */
static void test_big_calls(void **state)
{
	_cleanup_(freep) char *call = xasprintf("{\"method\":\"t.share\"%*s}", 60 << 10, "");
	int fds[40];

	(void)state;
	for (int i = 0; i < 40; i++)
		fds[i] = peer_connect(&server.at);
	peer_turn(&server.at, 5);
	for (int i = 0; i < 40; i++)
		assert_true(peer_send(&server.at, fds[i], call, strlen(call) + 1));
	for (int i = 0; i < 40; i++)
		answered(fds[i], "share", true);
	assert_in_range(server.ended, 3, 40);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
}

/* Nobody waits with what is refused anyway, or keeps it. */
static void test_stranger(void **state)
{
	int stranger;

	(void)state;
	if (seteuid(65534) < 0) {
		print_message("skipped: no other users here\n");
		skip();
	}
	stranger = peer_connect(&server.at);
	assert_int_equal(seteuid(0), 0);
	ask(stranger, "share");
	answered(stranger, "share", false);
	close(stranger);
}

/* A call in a turn may end somebody else's stream: the turn ends later all the same. */
static void test_ends_another(void **state)
{
	static const char watch[] = "{\"method\":\"t.watch\",\"more\":true}";
	int fd = peer_connect(&server.at), watcher = peer_connect(&server.at);

	(void)state;
	speaks = false;
	assert_true(peer_send(&server.at, watcher, watch, sizeof(watch)));
	json_decref(peer_receive(&server.at, watcher));
	peer_turn(&server.at, 5);
	speaks = true;
	ask(fd, "share");
	ask(fd, "wake");
	answered(fd, "share", true);
	answered(fd, "wake", true);
	json_auto_t *last = peer_receive(&server.at, watcher);
	assert_non_null(last);
	close(watcher);
	close(fd);
}

static void test_many_clients(void **state)
{
	int fds[20];

	(void)state;
	for (int i = 0; i < 20; i++)
		fds[i] = peer_connect(&server.at);
	peer_turn(&server.at, 5);
	for (int i = 0; i < 20; i++)
		ask(fds[i], "share");
	for (int i = 0; i < 20; i++)
		answered(fds[i], "share", true);
	assert_int_equal(server.ended, 1);
	for (int i = 0; i < 20; i++)
		close(fds[i]);
}

static void test_bad_end(void **state)
{
	int fd = peer_connect(&server.at), other = peer_connect(&server.at);

	(void)state;
	peer_turn(&server.at, 5);
	server.bad = 1;
	for (int i = 0; i < 5; i++)
		ask(fd, "share");
	ask(other, "share");
	for (int i = 0; i < 5; i++)
		answered(fd, "share", false);
	answered(other, "share", false);
	assert_int_equal(server.made, 12); /* each once more */
	assert_false(peer_readable(fd));
	ask(fd, "share");
	answered(fd, "share", true);
	close(fd);
	close(other);
}

/* In the order of asking, whatever may wait. */
static void test_order(void **state)
{
	int fd = peer_connect(&server.at);

	(void)state;
	for (unsigned bad = 0; bad < 2; bad++) {
		server.bad = bad;
		ask(fd, "share");
		ask(fd, "alone");
		ask(fd, "share");
		ask(fd, "other");
		ask(fd, "share");
		answered(fd, "share", !bad);
		answered(fd, "alone", false);
		answered(fd, "share", true);
		answered(fd, "other", false);
		answered(fd, "share", true);
	}
	close(fd);
}

static void test_alone_first(void **state)
{
	int fd = peer_connect(&server.at);

	(void)state;
	server.bad = 1;
	ask(fd, "alone"); /* done, and not again when those after it fail */
	ask(fd, "share");
	answered(fd, "alone", true);
	answered(fd, "share", false);
	assert_int_equal(server.made, 3);
	close(fd);
}

/* It hears its answers, although it says nothing more. */
static void test_half_closed(void **state)
{
	int fd = peer_connect(&server.at);

	(void)state;
	ask(fd, "share");
	ask(fd, "share");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	answered(fd, "share", true);
	answered(fd, "share", true);
	assert_true(peer_closed(&server.at, fd));
	close(fd);
}

/* Cut for what comes behind, but not from the answer to what came before. */
static void test_garbage_behind(void **state)
{
	static const char both[] = "{\"method\":\"t.share\"}\0garbage";

	(void)state;
	for (unsigned bad = 0; bad < 2; bad++) {
		int fd = peer_connect(&server.at);

		server.bad = bad;
		assert_true(peer_send(&server.at, fd, both, sizeof(both)));
		answered(fd, "share", !bad);
		json_auto_t *refusal = peer_receive(&server.at, fd);
		assert_non_null(json_object_get(refusal, "error"));
		assert_true(peer_closed(&server.at, fd));
		close(fd);
	}
}

static void test_gone(void **state)
{
	int fd = peer_connect(&server.at), other = peer_connect(&server.at);

	(void)state;
	peer_turn(&server.at, 5);
	server.bad = 1;
	ask(fd, "share");
	ask(other, "share");
	close(fd);
	answered(other, "share", false);
	peer_turn(&server.at, 5);
	close(other);
}

static void test_end_of_server(void **state)
{
	int fd = peer_connect(&server.at);

	(void)state;
	peer_turn(&server.at, 5);
	ask(fd, "share");
	control_settle(server.at.control);
	answered(fd, "share", true);
	close(fd);
}

#define WITH_SERVER(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_many_of_one), WITH_SERVER(test_many_clients),   WITH_SERVER(test_big_calls),
		WITH_SERVER(test_stranger),    WITH_SERVER(test_ends_another),   WITH_SERVER(test_bad_end),
		WITH_SERVER(test_order),       WITH_SERVER(test_alone_first),    WITH_SERVER(test_half_closed),
		WITH_SERVER(test_gone),        WITH_SERVER(test_garbage_behind), WITH_SERVER(test_end_of_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
