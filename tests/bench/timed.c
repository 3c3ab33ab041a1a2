/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times processes. One sample "NAME SIDE ROUND MILLISECONDS" per call.
 *
 *   timed run NAME SIDE ROUND CPU COMMAND...    until it has ended, which must be with success
 *   timed ready NAME SIDE ROUND CPU COMMAND...  a daemon, until it says READY=1 (sd_notify(3)); then it is ended by SIGTERM
 *   timed reload NAME SIDE ROUND PID COMMAND... until COMMAND has ended, which made the daemon PID do something; and
 *                                               "NAME-cpu", the processor time that PID took for it
 * The command runs pinned to CPU (-1: it is not), with its output thrown away; standard input is left to it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static pid_t start(int cpu, char **argv)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	if (cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	execvp(argv[0], argv);
	die("%s: %s", argv[0], strerror(errno));
}

static void end(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("%s failed", what);
}

static double run(int cpu, char **argv)
{
	double began = now();

	end(start(cpu, argv), argv[0]);
	return (now() - began) * 1e3;
}

static double ready(int cpu, char **argv)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), len, word;
	char text[4096];
	double began, took;
	pid_t pid;

	len = snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1, "gwd-bench-%d", (int)getpid()) + 1;
	if (bind(fd, (struct sockaddr *)&sa, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)) < 0)
		die("bind: %s", strerror(errno));
	sa.sun_path[0] = '@';
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	began = now();
	pid = start(cpu, argv);
	do {
		struct timeval patience = {.tv_sec = 60};

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		word = (int)recv(fd, text, sizeof(text) - 1, 0);
		if (word <= 0)
			die("%s does not get ready", argv[0]);
		text[word] = '\0';
	} while (!strstr(text, "READY=1"));
	took = (now() - began) * 1e3;
	kill(pid, SIGTERM);
	end(pid, argv[0]);
	return took;
}

/* Milliseconds that a process has been running on a processor. */
static double cpu_time(int pid)
{
	char path[64];
	double ns = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lf", &ns) != 1)
		die("%s: %s", path, strerror(errno));
	fclose(f);
	return ns / 1e6;
}

int main(int argc, char **argv)
{
	const char *name = argc > 6 ? argv[2] : NULL;
	int side = name ? atoi(argv[3]) : 0, number = name ? atoi(argv[5]) : 0;
	unsigned round = name ? (unsigned)atoi(argv[4]) : 0;

	if (name && strcmp(argv[1], "run") == 0) {
		sample(name, side, round, run(number, argv + 6));
	} else if (name && strcmp(argv[1], "ready") == 0) {
		sample(name, side, round, ready(number, argv + 6));
	} else if (name && strcmp(argv[1], "reload") == 0) {
		char cpu_name[64];
		double before = cpu_time(number);

		sample(name, side, round, run(-1, argv + 6));
		snprintf(cpu_name, sizeof(cpu_name), "%s-cpu", name);
		sample(cpu_name, side, round, cpu_time(number) - before);
	} else {
		die("usage: timed run|ready|reload NAME SIDE ROUND CPU|PID COMMAND...");
	}
	return 0;
}
