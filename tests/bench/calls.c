/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Measures a running gwd over its socket, several side by side. Every sample is a line "NAME SIDE ROUND VALUE"; side is
 * the number of the socket, so that what was measured in the same round can be compared.
 *
 *   calls one ROUNDS COUNT KIND SOCKET...      COUNT adds, then COUNT removals, one at a time: µs of each (median)
 *   calls pipelined ROUNDS COUNT KIND SOCKET... all calls are written before the first reply is read: calls per second
 *   calls clients ROUNDS COUNT KIND SOCKET     COUNT clients at once, 20 adds each: s until the first, the median and the
 *                                              last of them was served; how many calls were refused
 * KIND: durable, temporary; range (a range of two ports, temporary).
 * What is added is removed again. A refused call ends it where nothing counts them. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"

enum { ADDRESSES = 200, PER_CLIENT = 20, REPLY_MAX = 1 << 16 };

static const char *kind;

/* The call and its terminating NUL. The same number is the same port: of an address of its own, so that there are enough. */
static int add_call(char *to, size_t size, unsigned number)
{
	unsigned port = 1 + number % 30000 * 2, address = number / 30000;
	bool range = strcmp(kind, "range") == 0;

	return 1 + snprintf(to, size,
			    "{\"method\":\"org.gwd.Gateway.Add\",\"parameters\":{\"service\":{\"name\":\"b%u\","
			    "\"listen\":\"198.51.100.%u\",\"proto\":\"tcp\",\"ports\":[\"%u%s%.0u\"],"
			    "\"to\":[{\"addr\":\"10.0.0.2\"}]}%s}}",
			    number, 1 + address, port, range ? "-" : "", range ? port + 1 : 0,
			    strcmp(kind, "durable") == 0 ? "" : ",\"temporary\":true");
}

static int remove_call(char *to, size_t size, unsigned number)
{
	return 1 + snprintf(to, size, "{\"method\":\"org.gwd.Gateway.Remove\",\"parameters\":{\"name\":\"b%u\"}}",
			    number);
}

typedef int call_writer(char *to, size_t size, unsigned number);

static int dial(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void put(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			die("write: %s", strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

/* The reply, whole, of the only call that is open; whether the call was accepted. */
static bool get_reply(int fd, char *reply)
{
	size_t len = 0;

	do {
		ssize_t n = read(fd, reply + len, REPLY_MAX - len);

		if (n <= 0)
			die("no reply: %s", n ? strerror(errno) : "connection closed");
		len += (size_t)n;
	} while (reply[len - 1] != '\0');
	return !strstr(reply, "\"error\"");
}

/* ---- One at a time ---------------------------------------------------------------------------------- */

/* Microseconds, the median of `count`. */
static double one_by_one(int fd, call_writer *call, unsigned first, unsigned count)
{
	static char text[1024], reply[REPLY_MAX];
	double *took = calloc(count, sizeof(*took)), ret;

	for (unsigned i = 0; i < count; i++) {
		int len = call(text, sizeof(text), first + i);
		double start = now();

		put(fd, text, (size_t)len);
		if (!get_reply(fd, reply))
			die("refused: %s", reply);
		took[i] = (now() - start) * 1e6;
	}
	ret = median(took, count);
	free(took);
	return ret;
}

static void one(unsigned rounds, unsigned count, int n, char **sockets)
{
	for (unsigned round = 0; round < rounds; round++)
		for (int side = 0; side < n; side++) {
			int fd = dial(sockets[side]);

			sample("add", side, round, one_by_one(fd, add_call, 0, count));
			sample("rm", side, round, one_by_one(fd, remove_call, 0, count));
			close(fd);
		}
}

/* ---- All at once ------------------------------------------------------------------------------------ */

/* Calls per second. Writes and reads at the same time, as the daemon stops reading from who does not. */
static double all_at_once(int fd, call_writer *call, unsigned count)
{
	static char reply[REPLY_MAX + 1];
	char *text = malloc((size_t)count * 512), *at = text;
	double start;

	for (unsigned i = 0; i < count; i++)
		at += call(at, 512, i);
	start = now();
	for (unsigned replies = 0; replies < count;) {
		struct pollfd p = {fd, (short)(POLLIN | (text < at ? POLLOUT : 0)), 0};

		poll(&p, 1, -1);
		if (p.revents & POLLOUT) {
			ssize_t n = send(fd, text, (size_t)(at - text), MSG_DONTWAIT);

			text += n > 0 ? n : 0;
		}
		if (p.revents & (POLLIN | POLLHUP)) {
			ssize_t n = read(fd, reply, REPLY_MAX);

			if (n <= 0)
				die("connection closed after %u replies", replies);
			for (ssize_t i = 0; i < n; i++)
				replies += reply[i] == '\0';
			reply[n] = '\0';
			if (memmem(reply, (size_t)n, "\"error\"", 7))
				die("refused: %s", reply);
		}
	}
	return count / (now() - start); /* the text is the program's for as long as it runs */
}

static void pipelined(unsigned rounds, unsigned count, int n, char **sockets)
{
	for (unsigned round = 0; round < rounds; round++)
		for (int side = 0; side < n; side++) {
			int fd = dial(sockets[side]);

			sample("add", side, round, all_at_once(fd, add_call, count));
			sample("rm", side, round, all_at_once(fd, remove_call, count));
			close(fd);
		}
}

/* ---- Many clients ----------------------------------------------------------------------------------- */

struct client {
	int fd;
	unsigned done;
	double end;
};

static void ask(struct client *c, call_writer *call, unsigned number)
{
	char text[1024];

	put(c->fd, text, (size_t)call(text, sizeof(text), number * PER_CLIENT + c->done));
}

/* Each client asks for the next one when it has the answer to the last. How many were refused. */
static unsigned serve_all(struct client *all, struct pollfd *polls, unsigned count, call_writer *call)
{
	static char reply[REPLY_MAX];
	unsigned refused = 0;

	for (unsigned i = 0; i < count; i++) {
		polls[i] = (struct pollfd){all[i].fd, POLLIN, 0};
		all[i].done = 0;
		ask(&all[i], call, i);
	}
	for (unsigned waiting = count; waiting;) {
		poll(polls, count, -1);
		for (unsigned i = 0; i < count; i++) {
			if (!polls[i].revents)
				continue;
			refused += !get_reply(all[i].fd, reply);
			if (++all[i].done < PER_CLIENT) {
				ask(&all[i], call, i);
				continue;
			}
			all[i].end = now();
			polls[i].fd = -1;
			polls[i].revents = 0;
			waiting--;
		}
	}
	return refused;
}

static void clients(unsigned rounds, unsigned count, char *socket)
{
	struct client *all = calloc(count, sizeof(*all));
	struct pollfd *polls = calloc(count, sizeof(*polls));
	double *ends = calloc(count, sizeof(*ends));

	for (unsigned i = 0; i < count; i++)
		all[i].fd = dial(socket);
	for (unsigned round = 0; round < rounds; round++) {
		double start = now();
		unsigned refused = serve_all(all, polls, count, add_call);

		for (unsigned i = 0; i < count; i++)
			ends[i] = all[i].end - start;
		sample("middle", 0, round, median(ends, count)); /* sorts */
		sample("first", 0, round, ends[0]);
		sample("last", 0, round, ends[count - 1]);
		sample("refused", 0, round, refused + serve_all(all, polls, count, remove_call));
	}
	free(all);
	free(polls);
	free(ends);
}

int main(int argc, char **argv)
{
	unsigned rounds, count;

	if (argc < 6)
		die("usage: calls one|pipelined|clients ROUNDS COUNT durable|temporary|range SOCKET...");
	rounds = (unsigned)atoi(argv[2]);
	count = (unsigned)atoi(argv[3]);
	kind = argv[4];
	if (strcmp(argv[1], "one") == 0)
		one(rounds, count, argc - 5, argv + 5);
	else if (strcmp(argv[1], "pipelined") == 0)
		pipelined(rounds, count, argc - 5, argv + 5);
	else
		clients(rounds, count, argv[5]);
	return 0;
}
