/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call on a blocking socket; the loop is not up when this runs. */
#include "purge_client.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire.h"

static int talk(int fd, json_t **ret)
{
	_cleanup_(buf_free) struct buf out = {0};
	_cleanup_(wire_in_free) struct wire_in in = {0};
	json_t *call = json_pack("{s:s, s:{}}", "method", WIRE_INTERFACE ".Purge", "parameters");
	const char *message;
	size_t len;

	wire_out(&out, call);
	json_decref(call);
	if (send(fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
		return -errno;
	for (;;) {
		char chunk[4096];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		wire_in_add(&in, chunk, (size_t)n);
		if (wire_in_next(&in, &message, &len) == 1)
			break;
	}
	*ret = json_loadb(message, len, 0, NULL);
	return *ret ? 0 : -EBADMSG;
}

static int understand(const json_t *reply, struct outcome *ret, struct diag *diag)
{
	const json_t *parameters = json_object_get(reply, "parameters"), *item;
	const char *error = json_string_value(json_object_get(reply, "error"));
	size_t i;

	json_array_foreach(json_object_get(json_object_get(parameters, "outcome"), "messages"), i, item)
		outcome_say(ret, xstrdup(json_string_value(item)));
	if (!error)
		return 0;
	json_array_foreach(json_object_get(parameters, "mistakes"), i, item) diag_add(
		diag, DIAG_INTERNAL, (struct loc){0}, "%s", json_string_value(json_object_get(item, "message")));
	if (!diag_failed(diag))
		diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "the running gwd answered %s", error);
	return -EIO;
}

int purge_client(const char *path, struct outcome *ret, struct diag *diag)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	json_t *reply = NULL;
	int r;

	if (fd < 0 || strlen(path) >= sizeof(to.sun_path))
		return -ENOENT;
	memcpy(to.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return -ENOENT;
		diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "cannot reach %s: %s", path, strerror(errno));
		return -errno;
	}
	r = talk(fd, &reply);
	if (r < 0)
		diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "the running gwd did not answer: %s", strerror(-r));
	else
		r = understand(reply, ret, diag);
	json_decref(reply);
	return r;
}
