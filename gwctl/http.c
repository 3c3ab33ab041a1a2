/* SPDX-License-Identifier: GPL-2.0-or-later */
/* There is no loop and no second request: who connects gets an answer or the door, in bounded time and memory, whatever it
 * sends. Headers are read, because they must be before the answer goes out, and ignored. */
#include "http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define LEFT_MAX (64 << 10) /* of what is sent behind the request */

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{400, "Bad Request"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{431, "Request Header Fields Too Large"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
};

const char *http_reason(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "?";
}

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* As read(2), but 0 at the end of the stream and -ETIMEDOUT at `deadline`. */
static ssize_t read_until(int fd, void *data, size_t len, long long deadline)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		long long left = deadline - now_ms();
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (r == 0)
			return -ETIMEDOUT;
		ssize_t n = r > 0 ? read(fd, data, len) : -1;
		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN)
			return errno == ECONNRESET ? 0 : -errno;
	}
}

/* ---- The request ---------------------------------------------------------------------------------- */

/* A line ends with CR LF, or with LF alone (RFC 9112, 2.2). */
static bool has_empty_line(const char *text)
{
	return strstr(text, "\n\r\n") || strstr(text, "\n\n");
}

static bool is_version(const char *text)
{
	return strncmp(text, "HTTP/", 5) == 0 && text[5] >= '0' && text[5] <= '9' && text[6] == '.' && text[7] >= '0' &&
	       text[7] <= '9' && !text[8];
}

/* `line` is taken apart. */
static int judge(char *line, const char *path, bool *ret_head)
{
	char *method = line, *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;
	if (!version)
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	version[strcspn(version, "\r\n")] = '\0';
	if (!*method || !is_version(version))
		return 400;
	if (version[5] != '1')
		return 505;
	*ret_head = streq(method, "HEAD");
	if (!*ret_head && !streq(method, "GET"))
		return 405;
	target[strcspn(target, "?")] = '\0';
	return streq(target, path) ? 200 : 404;
}

int http_read(int in, const char *path, int milliseconds, bool *ret_head)
{
	char text[HTTP_REQUEST_MAX + 1];
	long long deadline = now_ms() + milliseconds;
	size_t len = 0;
	*ret_head = false;
	for (text[0] = '\0'; !has_empty_line(text);) {
		if (len == HTTP_REQUEST_MAX)
			return 431;
		ssize_t n = read_until(in, text + len, HTTP_REQUEST_MAX - len, deadline);
		if (n == 0 && len == 0)
			return 0;
		if (n <= 0)
			return n == -ETIMEDOUT ? 408 : 400;
		if (memchr(text + len, '\0', (size_t)n))
			return 400;
		len += (size_t)n;
		text[len] = '\0';
	}
	return judge(text, path, ret_head);
}

/* ---- The answer ----------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *data, size_t len, long long deadline)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (now_ms() > deadline && (size_t)n < len))
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Closing while something is unread would make the kernel take the answer back (RST). */
static void part(int fd, int milliseconds)
{
	char left[4096];
	long long deadline = now_ms() + milliseconds;
	ssize_t n = 1;
	if (shutdown(fd, SHUT_WR) < 0) /* no socket */
		return;
	for (size_t sum = 0; n > 0 && sum < LEFT_MAX; sum += (size_t)n)
		n = read_until(fd, left, sizeof(left), deadline);
}

bool http_write(int out, int status, const char *type, const char *page, size_t len, bool head, int milliseconds)
{
	struct timeval patience = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
	long long deadline = now_ms() + 10LL * milliseconds;
	_cleanup_(freep) char *headers =
		xasprintf("HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n",
			  status, http_reason(status), type, len, status == 405 ? "Allow: GET, HEAD\r\n" : "");
	(void)setsockopt(out, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!write_all(out, headers, strlen(headers), deadline) || (!head && !write_all(out, page, len, deadline)))
		return false;
	part(out, milliseconds);
	return true;
}
