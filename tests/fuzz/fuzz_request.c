/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client sends, up to the reply: everything is sent at once, then its side is closed. Every answer is JSON without
 * control characters, and in the end what runs is what the database says. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fuzz.h"
#include "request.h"
#include "varlink.h"

static struct place place;
static char *path;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	place_make(&place);
	path = xasprintf("%s/gwd.sock", place.dir);
	return 0;
}

static bool many_lines(const char *name)
{
	return name && (streq(name, "yaml") || streq(name, "description"));
}

static void promise_clean_json(const char *name, json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(value) && many_lines(name))
		promise_clean(json_string_value(value));
	else if (json_is_string(value))
		PROMISE(text_printable(json_string_value(value)) || streq(name, "source")); /* tabs stay there */
	json_object_foreach(value, key, member)
		promise_clean_json(key, member);
	json_array_foreach(value, i, member)
		promise_clean_json(name, member);
}

static void promise_replies(const struct buf *in)
{
	for (size_t at = 0; at < in->len; at += strlen(in->data + at) + 1) {
		json_auto_t *reply = json_loads(in->data + at, 0, NULL);

		PROMISE(json_is_object(reply) && json_object_get(reply, "parameters"));
		promise_clean_json(NULL, reply);
	}
}

static int dial(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	PROMISE(fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	return fd;
}

/* Until the other side closes. */
static void talk(uv_loop_t *loop, const char *data, size_t len)
{
	_cleanup_(closep) int fd = dial();
	_cleanup_(buf_free) struct buf in = {0};
	static char chunk[64u << 10];

	for (;;) {
		ssize_t n = len ? send(fd, data, len, MSG_NOSIGNAL) : 0;

		data += n > 0 ? n : 0;
		len = n < 0 && errno != EAGAIN ? 0 : len - (n > 0 ? (size_t)n : 0);
		if (!len)
			shutdown(fd, SHUT_WR);
		uv_run(loop, UV_RUN_NOWAIT);
		n = recv(fd, chunk, sizeof(chunk), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		if (n > 0)
			buf_add(&in, chunk, (size_t)n);
	}
	promise_replies(&in);
}

static void quit(void *ctx)
{
	*(bool *)ctx = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct request_context context = {.quit = quit};
	struct control_handler handler;
	struct control *control;
	bool purged = false;
	uv_loop_t loop;

	place_clear(&place);
	write_text(place.config, "lan: lan0\nservices:\n- {name: web, port: 80, to: 192.168.1.2}\n");
	PROMISE(place_start(&place));
	context.gwd = place.gwd;
	context.quit_ctx = &purged;
	struct varlink *varlink = varlink_new(request_methods, &context);
	handler = varlink_handler(varlink);
	PROMISE(uv_loop_init(&loop) == 0 && control_open(&loop, path, &handler, &control, &diag) == 0);
	talk(&loop, (const char *)data, len);
	control_close(control);
	uv_run(&loop, UV_RUN_DEFAULT);
	PROMISE(uv_loop_close(&loop) == 0);
	varlink_free(varlink);
	gwd_settle(place.gwd);
	if (!purged)
		promise_settled(&place);
	place_stop(&place);
	return 0;
}
