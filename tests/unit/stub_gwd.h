/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gwd that answers one connection with canned replies, in a process of its own, and keeps what it was asked. */
#ifndef STUB_GWD_H
#define STUB_GWD_H

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util.h"

#define STUB_NEXT "\036" /* inside a reply: where one message ends and the next starts */
#define STUB_HANG "hang" /* instead of a reply: read the call and never answer */
#define STUB_STAY "stay" /* instead of a reply: hang up, but be there for others */
#define STUB_CUT "cut:"  /* before a reply: sent without reading more than the first bytes, then hung up */

struct stub {
	char dir[64], path[96], asked[96];
	pid_t pid;
};

static inline void stub_put(int fd, const char *reply)
{
	size_t len = strlen(reply) + 1;
	char *bytes = xstrdup(reply);
	for (size_t i = 0; i < len; i++)
		if (bytes[i] == *STUB_NEXT)
			bytes[i] = '\0';
	for (size_t sent = 0; sent < len;) {
		ssize_t n = send(fd, bytes + sent, len - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	free(bytes);
}

/* One call, kept as a line; false when the other end hung up. */
static inline bool stub_take(int fd, const char *asked)
{
	int file = open(asked, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	bool whole = false;
	char c;
	while (!whole && read(fd, &c, 1) == 1) {
		whole = c == '\0';
		if (write(file, whole ? "\n" : &c, 1) != 1)
			break;
	}
	close(file);
	return whole;
}

static inline void stub_serve(int listener, const char *asked, const char *const *replies)
{
	char some[16];
	int fd = accept(listener, NULL, NULL);
	for (; *replies; replies++) {
		if (strncmp(*replies, STUB_CUT, strlen(STUB_CUT)) == 0) {
			if (read(fd, some, sizeof(some)) > 0)
				stub_put(fd, *replies + strlen(STUB_CUT));
			break;
		}
		if (streq(*replies, STUB_STAY)) {
			close(fd);
			pause();
		}
		if (!stub_take(fd, asked))
			break;
		if (streq(*replies, STUB_HANG))
			pause();
		if (**replies)
			stub_put(fd, *replies);
	}
	close(fd);
}

/* `replies` ends with NULL; "" = hang up without an answer. */
static inline void stub_start(struct stub *s, const char *const *replies)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(s->dir, sizeof(s->dir), "/tmp/gwctl-test-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/sock", s->dir);
	snprintf(s->asked, sizeof(s->asked), "%s/asked", s->dir);
	memcpy(address.sun_path, s->path, strlen(s->path) + 1);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_return_code(listen(listener, 1), 0);
	fflush(NULL);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		stub_serve(listener, s->asked, replies);
		_exit(0);
	}
	close(listener);
}

/* Ends it, removes what it made, and returns the calls it got, a line each; the caller's. */
static inline char *stub_end(struct stub *s)
{
	struct buf asked = {0};
	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	file_read(s->asked, 1 << 20, &asked);
	unlink(s->asked);
	unlink(s->path);
	rmdir(s->dir);
	return buf_take(&asked);
}

#endif
