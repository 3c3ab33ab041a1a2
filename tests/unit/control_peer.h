/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A control socket and its clients on one thread, for the tests of control, varlink and request. */
#ifndef CONTROL_PEER_H
#define CONTROL_PEER_H

#include <dirent.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "jput.h"
#include "util.h"
#include "wire.h"

#define PEER_DEADLINE_MS 10000

struct peer_server {
	uv_loop_t loop;
	struct control *control;
	char dir[64];
	char path[96];
};

static inline void peer_server_start(struct peer_server *s, const struct control_handler *handler)
{
	_cleanup_(diag_free) struct diag diag = {0};
	const char *tmp = getenv("TMPDIR");

	umask(077);
	snprintf(s->dir, sizeof(s->dir), "%s/gwd-XXXXXX", tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	assert_non_null(mkdtemp(s->dir));
	assert_int_equal(chmod(s->dir, 0755), 0);
	snprintf(s->path, sizeof(s->path), "%s/run/gwd.sock", s->dir);
	uv_loop_init(&s->loop);
	assert_int_equal(control_open(&s->loop, s->path, handler, &s->control, &diag), 0);
}

static inline void peer_server_stop(struct peer_server *s)
{
	_cleanup_(freep) char *run = xasprintf("%s/run", s->dir);

	control_close(s->control);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&s->loop), 0); /* every handle is closed */
	rmdir(run);
	assert_int_equal(rmdir(s->dir), 0);
}

/* Lets the server work for so long, at least three turns. */
static inline void peer_turn(struct peer_server *s, unsigned milliseconds)
{
	uint64_t end = uv_hrtime() + milliseconds * 1000000ull;

	for (int i = 0; i < 3 || uv_hrtime() < end; i++) {
		uv_run(&s->loop, UV_RUN_NOWAIT);
		if (i >= 3)
			usleep(500);
	}
}

static inline int peer_connect(struct peer_server *s)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", s->path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static inline bool peer_wait(struct peer_server *s, int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (uint64_t end = uv_hrtime() + PEER_DEADLINE_MS * 1000000ull; uv_hrtime() < end;) {
		uv_run(&s->loop, UV_RUN_NOWAIT);
		if (poll(&p, 1, 1) > 0)
			return true;
	}
	return false;
}

static inline bool peer_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* False when the server has closed. */
static inline bool peer_send(struct peer_server *s, int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0)
			assert_true(peer_wait(s, fd, POLLOUT));
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* The next message, or NULL when the server has closed. */
static inline json_t *peer_receive(struct peer_server *s, int fd)
{
	_cleanup_(buf_free) struct buf in = {0};
	static char chunk[64u << 10];

	for (;;) {
		assert_true(peer_wait(s, fd, POLLIN));
		ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_PEEK | MSG_DONTWAIT);
		if (n <= 0)
			return NULL;
		const char *nul = memchr(chunk, '\0', (size_t)n);
		size_t len = nul ? (size_t)(nul - chunk) + 1 : (size_t)n;
		assert_int_equal(recv(fd, chunk, len, MSG_DONTWAIT), (ssize_t)len);
		buf_add(&in, chunk, len);
		if (nul)
			return json_loads(in.data, 0, NULL);
	}
}

static inline bool peer_closed(struct peer_server *s, int fd)
{
	char byte;

	return peer_wait(s, fd, POLLIN) && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

#endif
