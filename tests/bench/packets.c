/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends packets through gateways, several side by side, each round in another order. Sender and receiver are pinned to a
 * processor each, go before other processes, and wait by spinning, so that the scheduler does not hide what the gateway
 * costs. The way from one to the other runs in the sender's context (veth), so it is the gateway that is measured. A way that is named twice is measured
 * twice: what lies between the two is noise.
 *
 *   packets first ROUNDS COUNT WAY...   µs from send to receive of the first UDP packet of COUNT new flows: the median
 *   packets rate ROUNDS MS WAY...       64-byte UDP packets of one flow that arrive, per second
 *   packets stream ROUNDS MS WAY...     TCP payload of one connection that arrives, Gbit/s
 *   packets connect ROUNDS COUNT WAY... µs until a new TCP connection has been made and has given its first answer
 *   packets serve HOST ADDRESS PORT     a page for every connection, until killed
 * WAY: CLIENT,SERVER,ADDRESS,PORT,PORTS,SERVERPORT: network namespaces; where the client sends (of PORTS ports from PORT on,
 * each time another); where the server hears it. No flow of `first` has been there before, whatever its way. Samples are "MODE WAY ROUND VALUE". */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { SMALL = 64 - 42, BATCH = 32, CHUNK = 1 << 17, PATIENCE_MS = 200, SOURCE_FIRST = 1024, SOURCES = 64000 };

struct way {
	char client[32], server[32], address[32];
	unsigned port, ports, server_port;
};

/* Between the two processes. */
static struct shared {
	volatile uint32_t arrived; /* number of the latest packet ... */
	volatile double latency;   /* ... and how long it took, seconds */
	volatile uint64_t total;   /* packets, or bytes */
	volatile bool ready;
} *shared;

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		fprintf(stderr, "# not pinned to processor %d: %s\n", cpu, strerror(errno));
}

/* Whatever else wants the processors waits, as far as we may say so. Where sessions share them evenly (autogroup), it is
 * ours that goes first, not its processes. */
static void go_first(void)
{
	int fd;

	setsid();
	fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (setpriority(PRIO_PROCESS, 0, -20) < 0 || (fd >= 0 && write(fd, "-20", 3) < 0))
		fprintf(stderr, "# other processes may get in the way: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void enter(const char *host)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", host);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, 0) < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

static struct sockaddr_in at(const char *address, unsigned port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	if (inet_pton(AF_INET, address, &sa.sin_addr) != 1)
		die("%s is no address", address);
	return sa;
}

/* From port `source`, 0: any. */
static int dial(const struct way *w, int type, unsigned number, unsigned source)
{
	struct sockaddr_in sa = at(w->address, w->port + number % w->ports), from = at("0.0.0.0", source);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (source && bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		die("port %u: %s", source, strerror(errno));
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die("%s port %u: %s", w->address, ntohs(sa.sin_port), strerror(errno));
	return fd;
}

static int hear(const char *address, unsigned port, int type)
{
	struct sockaddr_in sa = at(address, port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1, room = 8 << 20;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || (type == SOCK_STREAM && listen(fd, 128) < 0))
		die("port %u: %s", port, strerror(errno));
	return fd;
}

/* ---- The server's end ------------------------------------------------------------------------------- */

struct packet {
	uint32_t number;
	double sent;
};

static void receive_packets(int fd)
{
	struct packet p;

	for (;;) {
		if (recv(fd, &p, sizeof(p), MSG_DONTWAIT) != (ssize_t)sizeof(p))
			continue;
		shared->latency = now() - p.sent;
		__sync_synchronize();
		shared->arrived = p.number;
	}
}

static void count_packets(int fd)
{
	static char room[BATCH][SMALL];
	struct mmsghdr messages[BATCH] = {0};
	struct iovec parts[BATCH];

	for (unsigned i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){room[i], SMALL};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;) {
		int n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);

		if (n > 0)
			shared->total += (uint64_t)n;
	}
}

static void count_bytes(int listener)
{
	static char room[CHUNK];

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		ssize_t n;

		while ((n = read(fd, room, sizeof(room))) > 0)
			shared->total += (uint64_t)n;
		close(fd);
	}
}

static void serve_pages(int listener)
{
	static const char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
	char request[4096];

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (read(fd, request, sizeof(request)) > 0 && write(fd, page, sizeof(page) - 1) < 0)
			fprintf(stderr, "# an answer was not sent: %s\n", strerror(errno));
		close(fd);
	}
}

static pid_t start_server(const struct way *w, int type, void (*serve)(int fd))
{
	pid_t pid;

	shared->ready = false;
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid == 0) {
		pin(1);
		enter(w->server);
		int fd = hear("0.0.0.0", w->server_port, type);

		shared->ready = true;
		serve(fd);
	}
	for (double until = now() + 5; !shared->ready;)
		if (now() > until)
			die("no server in %s", w->server);
	return pid;
}

static void stop_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- The client's end ------------------------------------------------------------------------------- */

static double first(const struct way *w, unsigned count)
{
	static uint32_t number;
	double *took = calloc(count, sizeof(*took)), ret;
	unsigned lost = 0, n = 0;

	for (unsigned i = 0; i < count; i++) {
		/* A prime: another forward each time, in no order. */
		int fd = dial(w, SOCK_DGRAM, number * 7919U, SOURCE_FIRST + number % SOURCES);
		struct packet p = {.number = ++number};

		p.sent = now();
		if (send(fd, &p, sizeof(p), 0) < 0)
			die("send: %s", strerror(errno));
		while (shared->arrived != number && now() < p.sent + PATIENCE_MS / 1e3)
			;
		if (shared->arrived == number)
			took[n++] = shared->latency * 1e6;
		else if (++lost > count / 10)
			die("packets to %s do not arrive", w->address);
		close(fd);
	}
	ret = median(took, n);
	free(took);
	return ret;
}

static double rate(const struct way *w, unsigned ms)
{
	static char room[SMALL];
	struct iovec part = {room, SMALL};
	struct mmsghdr messages[BATCH] = {0};
	int fd = dial(w, SOCK_DGRAM, 0, 0);
	uint64_t before;
	double start;

	for (unsigned i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &part;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	send(fd, room, SMALL, 0); /* the flow is there */
	usleep(2000);
	before = shared->total;
	start = now();
	while (now() < start + ms / 1e3)
		sendmmsg(fd, messages, BATCH, 0);
	close(fd);
	return (double)(shared->total - before) / (now() - start);
}

static double stream(const struct way *w, unsigned ms)
{
	static char room[CHUNK];
	int fd = dial(w, SOCK_STREAM, 0, 0);
	double start = now();
	uint64_t before;

	while (now() < start + 0.02) /* until it has speed */
		if (write(fd, room, sizeof(room)) < 0)
			die("write: %s", strerror(errno));
	before = shared->total;
	start = now();
	while (now() < start + ms / 1e3)
		if (write(fd, room, sizeof(room)) < 0)
			die("write: %s", strerror(errno));
	close(fd);
	return (double)(shared->total - before) * 8 / 1e9 / (now() - start);
}

static double connect_once(const struct way *w, unsigned count)
{
	double *took = calloc(count, sizeof(*took)), ret;
	char answer[256];

	for (unsigned i = 0; i < count; i++) {
		double start = now();
		int fd = dial(w, SOCK_STREAM, 0, 0);

		if (write(fd, "GET / HTTP/1.0\r\n\r\n", 18) != 18 || read(fd, answer, sizeof(answer)) <= 0)
			die("no answer from %s", w->address);
		took[i] = (now() - start) * 1e6;
		close(fd);
	}
	ret = median(took, count);
	free(took);
	return ret;
}

static const struct mode {
	const char *name;
	int type;
	void (*serve)(int fd);
	double (*measure)(const struct way *, unsigned count);
} modes[] = {
	{"first", SOCK_DGRAM, receive_packets, first},
	{"rate", SOCK_DGRAM, count_packets, rate},
	{"stream", SOCK_STREAM, count_bytes, stream},
	{"connect", SOCK_STREAM, serve_pages, connect_once},
};

static void read_way(const char *text, struct way *ret)
{
	if (sscanf(text, "%31[^,],%31[^,],%31[^,],%u,%u,%u", ret->client, ret->server, ret->address, &ret->port,
		   &ret->ports, &ret->server_port) != 6)
		die("%s: expected CLIENT,SERVER,ADDRESS,PORT,PORTS,SERVERPORT", text);
}

static void measure(const struct mode *mode, unsigned round, int side, const char *text, unsigned count)
{
	struct way w;
	pid_t server;

	read_way(text, &w);
	server = start_server(&w, mode->type, mode->serve);
	pin(0);
	enter(w.client);
	sample(mode->name, side, round, mode->measure(&w, count));
	stop_server(server);
}

int main(int argc, char **argv)
{
	const struct mode *mode = NULL;
	unsigned rounds, count, ways = (unsigned)(argc - 4);

	if (argc == 5 && strcmp(argv[1], "serve") == 0) {
		pin(1);
		enter(argv[2]);
		serve_pages(hear(argv[3], (unsigned)atoi(argv[4]), SOCK_STREAM));
	}
	for (size_t i = 0; argc > 4 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			mode = &modes[i];
	if (!mode)
		die("usage: packets first|rate|stream|connect ROUNDS COUNT|MS WAY..., or serve HOST ADDRESS PORT");
	rounds = (unsigned)atoi(argv[2]);
	count = (unsigned)atoi(argv[3]);
	if (mode->measure == first && rounds * count * ways > SOURCES)
		die("packets: %u flows of %u ways and %u rounds are more than %d: some would not be new", count, ways,
		    rounds, SOURCES);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	signal(SIGPIPE, SIG_IGN);
	go_first();
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < ways; i++) {
			/* There and back: no way comes always behind the same other one. */
			unsigned side = (round + (round % 2 ? ways - i : i)) % ways;

			measure(mode, round, (int)side, argv[4 + side], count);
		}
	return 0;
}
