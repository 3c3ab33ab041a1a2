/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists in messages of so many rows, or so many bytes, whichever comes first; and every item is let go of. */
#include "control_peer.h"

#include "request_rows.h"

enum { ROWS_MAX = 500, MESSAGE = 64 << 10, ALONE = 10000 };

static struct {
	struct peer_server at;
	struct varlink *varlink;
	int fd;
	size_t n, width; /* of the list; bytes of a row */
	size_t put, released;
} server;

static void put(struct buf *out, const char *key, const void *item)
{
	_cleanup_(freep) char *text = xmalloc(server.width + 1);

	memset(text, 'x', server.width);
	text[server.width] = '\0';
	assert_int_equal(*(const size_t *)item, server.put);
	server.put++;
	jput_text(out, key, text);
}

static void release(void *item)
{
	(void)item;
	server.released++;
}

static void on_flows(struct varlink_call *call)
{
	size_t *items = xcalloc(server.n + 1, sizeof(*items));

	for (size_t i = 0; i < server.n; i++)
		items[i] = i;
	rows_reply(call, "flows", (struct rows_items){items, server.n, sizeof(*items), put, release});
}

static const struct varlink_method methods[] = {{"Flows", ACCESS_LOOK, on_flows}, {0}};

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
	if (server.fd >= 0)
		close(server.fd);
	peer_server_stop(&server.at);
	varlink_free(server.varlink);
	return 0;
}

static void ask(size_t n, size_t width, bool more)
{
	_cleanup_(freep) char *text = xasprintf("{\"method\":\"org.gwd.Gateway.Flows\",\"more\":%s}", more ? "true" : "false");

	server.n = n;
	server.width = width;
	server.put = server.released = 0;
	assert_true(peer_send(&server.at, server.fd, text, strlen(text) + 1));
}

/* How many rows the next message has. */
static size_t hear(bool *ret_continues)
{
	json_auto_t *reply = peer_receive(&server.at, server.fd);
	json_t *rows = json_object_get(json_object_get(reply, "parameters"), "flows");

	assert_true(json_is_array(rows));
	*ret_continues = json_is_true(json_object_get(reply, "continues"));
	return json_array_size(rows);
}

static void test_messages(void **state)
{
	static const struct {
		size_t n, width, first, last, messages;
	} cases[] = {
		{0, 1, 0, 0, 1},
		{1, 1, 1, 1, 1},
		{ROWS_MAX, 1, ROWS_MAX, ROWS_MAX, 1},
		{2 * ROWS_MAX + 201, 1, ROWS_MAX, 201, 3},
		{5, MESSAGE / 2, 2, 1, 3},
		{3, 2 * MESSAGE, 1, 1, 3},
		{ALONE + 1, 1, ROWS_MAX, 1, 21},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool continues = true;
		size_t n = 0, sum = 0, messages = 0;

		ask(cases[i].n, cases[i].width, true);
		for (; continues; messages++) {
			n = hear(&continues);
			assert_int_equal(n, continues ? cases[i].first : cases[i].last);
			sum += n;
		}
		assert_int_equal(sum, cases[i].n);
		assert_int_equal(messages, cases[i].messages);
		assert_int_equal(server.released, cases[i].n);
	}
}

static void test_alone(void **state)
{
	bool continues;

	(void)state;
	ask(ALONE, 1, false);
	assert_int_equal(hear(&continues), ALONE);
	assert_false(continues);
	assert_int_equal(server.released, ALONE);
	ask(ALONE + 1, 1, false);
	json_auto_t *reply = peer_receive(&server.at, server.fd);
	assert_string_equal(json_string_value(json_object_get(reply, "error")), "org.varlink.service.ExpectedMore");
	assert_int_equal(server.released, ALONE + 1);
	assert_int_equal(server.put, 0);
}

/* What is not read is not made, and all is let go of when the reader is gone. */
static void test_gone(void **state)
{
	bool continues;

	(void)state;
	ask(1000, MESSAGE, true);
	assert_int_equal(hear(&continues), 1);
	peer_turn(&server.at, 20);
	assert_in_range(server.put, 1, 20);
	assert_int_equal(server.released, 0);
	close(server.fd);
	server.fd = -1;
	peer_turn(&server.at, 20);
	assert_int_equal(server.released, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
