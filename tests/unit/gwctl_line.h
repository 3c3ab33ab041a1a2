/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole command line against a gwd that answers from a script: what is asked, what is printed where, how it ends. */
#ifndef GWCTL_LINE_H
#define GWCTL_LINE_H

#include <stdlib.h>

#include "stub_gwd.h"

#include <time.h>

#include "command.h"

/* Of the latest command line. In one place, so that a test that fails loses nothing that a later child would find. */
static struct result {
	int status;
	char *out, *err, *asked; /* asked: one call a line */
} latest;

static inline int result_free(void **state)
{
	(void)state;
	free(latest.out);
	free(latest.err);
	free(latest.asked);
	latest = (struct result){0};
	return 0;
}

static inline char *take_file(const char *path)
{
	struct buf text = {0};
	file_read(path, 1 << 20, &text);
	unlink(path);
	return buf_take(&text);
}

/* Words at blanks; what stands in '...' is one word. */
static inline int split(char *line, char **argv)
{
	int argc = 0;
	while (*line) {
		char end = *line == '\'' ? '\'' : ' ';
		line += end == '\'';
		argv[argc++] = line;
		line += strcspn(line, end == '\'' ? "'" : " ");
		if (*line)
			*line++ = '\0';
		line += *line == ' ';
	}
	argv[argc] = NULL;
	return argc;
}

static inline void run_here(const char *line, const char *out, const char *err, const char *in)
{
	char *text = xstrdup(line), *argv[32];
	int argc = split(text, argv);
	if (!freopen(out, "w", stdout) || !freopen(err, "w", stderr) || !freopen(in ? in : "/dev/null", "r", stdin))
		_exit(99);
	int status = commands_main(argc, argv);
	free(text);
	exit(status); /* so that leaks are looked for */
}

/* `in`: a file for standard input, or NULL. */
static inline const struct result *gwctl_in(const char *line, const char *in, const char *const *replies)
{
	struct stub stub;
	char out[96], err[96];
	int status;
	result_free(NULL);
	stub_start(&stub, replies);
	snprintf(out, sizeof(out), "%s/out", stub.dir);
	snprintf(err, sizeof(err), "%s/err", stub.dir);
	setenv("GWD_SOCKET", stub.path, 1);
	pid_t pid = fork();
	if (pid == 0)
		run_here(line, out, err, in);
	waitpid(pid, &status, 0);
	latest.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	latest.out = take_file(out);
	latest.err = take_file(err);
	latest.asked = stub_end(&stub);
	return &latest;
}

static inline const struct result *gwctl(const char *line, const char *reply)
{
	const char *replies[] = {reply, NULL};
	return gwctl_in(line, NULL, replies);
}

static inline void expect(const struct result *r, int status, const char *out, const char *err)
{
	assert_string_equal(r->err, err);
	assert_string_equal(r->out, out);
	assert_int_equal(r->status, status);
}

#define METHOD "{\"method\":\"org.gwd.Gateway."
#define OUTCOME "{\"parameters\":{\"outcome\":"
#define SERVICE                                                                                                        \
	"\"service\":{\"name\":\"tcp-80\",\"proto\":\"tcp\",\"ports\":[\"80\"],\"to\":[{\"addr\":\"192.168.0.102\"}]}"
#define ADDED                                                                                                          \
	OUTCOME "{\"messages\":[\"added tcp-80: tcp 80 -> 192.168.0.102:80\"],\"warnings\":[],\"changed\":true,"       \
		"\"revision\":3},\"forward\":{" SERVICE                                                                \
		",\"state\":\"active\",\"origin\":\"runtime\",\"connections\":0}}}"

#endif
