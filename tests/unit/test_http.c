/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that are right, wrong, slow, huge and broken off; each gets its status, in bounded time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "http.h"
#include "util.h"

enum { SOON = 50, LONG = 20000 }; /* milliseconds */

static const struct {
	const char *request;
	int status;
} requests[] = {
	{"GET /metrics HTTP/1.1\r\n\r\n", 200},
	{"GET /metrics HTTP/1.0\n\n", 200},
	{"GET /metrics?name[]=gwd_up HTTP/1.1\r\nHost: localhost:10380\r\nAccept: */*\r\n\r\n", 200},
	{"HEAD /metrics HTTP/1.1\r\n\r\n", 200},
	{"GET / HTTP/1.1\r\n\r\n", 404},
	{"GET /metrics/.. HTTP/1.1\r\n\r\n", 404},
	{"GET /metricsx HTTP/1.1\r\n\r\n", 404},
	{"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405},
	{"get /metrics HTTP/1.1\r\n\r\n", 405},
	{"GET /metrics HTTP/2.0\r\n\r\n", 505},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
	{"GET /metrics\r\n\r\n", 400},
	{"GET /metrics HTTP/1.1 x\r\n\r\n", 400},
	{"GET /metrics HTTP/one\r\n\r\n", 400},
	{" /metrics HTTP/1.1\r\n\r\n", 400},
	{"\r\n\r\n", 400},
	{"\n\n", 400},
	{"\x16\x03\x01\x02\r\n\r\n", 400},
	{"GET /metrics HTTP/1.1\r\nHost: x", 400}, /* broken off */
	{"", 0},
};

static int read_bytes(const char *data, size_t len, bool *ret_head)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	int size = 1 << 20;
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(write(ends[0], data, len), (ssize_t)len);
	shutdown(ends[0], SHUT_WR);
	int status = http_read(ends[1], "/metrics", LONG, ret_head);
	close(ends[0]);
	close(ends[1]);
	return status;
}

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		bool head;
		int status = read_bytes(requests[i].request, strlen(requests[i].request), &head);
		if (status != requests[i].status)
			fail_msg("%d, not %d: %s", status, requests[i].status, requests[i].request);
		assert_int_equal(head, strncmp(requests[i].request, "HEAD", 4) == 0);
	}
	bool head;
	assert_int_equal(read_bytes("GET /\0 HTTP/1.1\r\n\r\n", 19, &head), 400);
}

/* Every prefix of a request that is broken off, and every byte in its place. */
static void test_garbage(void **state)
{
	static const char good[] = "GET /metrics HTTP/1.1\r\n\r\n";
	bool head;
	(void)state;
	for (size_t len = 1; len < sizeof(good) - 1; len++)
		assert_int_equal(read_bytes(good, len, &head), 400);
	for (size_t at = 0; at < 22; at++)
		for (int byte = 0; byte < 256; byte++) {
			char bad[sizeof(good)];
			memcpy(bad, good, sizeof(good));
			bad[at] = (char)byte;
			int status = read_bytes(bad, sizeof(bad) - 1, &head);
			bool fine = bad[at] == good[at] || (at == 20 && bad[at] >= '0' && bad[at] <= '9') ||
				    (at == 21 && bad[at] == '\n');
			assert_int_equal(status == 200, fine);
			assert_in_range(status, 200, 505);
		}
}

static void test_large(void **state)
{
	_cleanup_(freep) char *text = xasprintf("GET /metrics HTTP/1.1\r\nX: %0100000d\r\n\r\n", 0);
	bool head;
	(void)state;
	assert_int_equal(read_bytes(text, strlen(text), &head), 431);
	_cleanup_(freep) char *fits = xasprintf("GET /metrics HTTP/1.1\r\nX: %0*d\r\n\r\n", HTTP_REQUEST_MAX - 30, 0);
	assert_int_equal(strlen(fits), HTTP_REQUEST_MAX);
	assert_int_equal(read_bytes(fits, strlen(fits), &head), 200);
}

static void test_slow(void **state)
{
	int ends[2];
	bool head;
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[0], "GET /metr", 9), 9);
	assert_int_equal(http_read(ends[1], "/metrics", SOON, &head), 408);
	close(ends[0]);
	close(ends[1]);
}

/* What the other side reads, all of it. */
static void expect_answer(int status, bool head, const char *expected)
{
	char text[512];
	size_t len = 0;
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	shutdown(ends[0], SHUT_WR);
	assert_true(http_write(ends[1], status, "text/plain", "page\n", 5, head, LONG));
	for (ssize_t n; (n = read(ends[0], text + len, sizeof(text) - 1 - len)) > 0;)
		len += (size_t)n;
	text[len] = '\0';
	assert_string_equal(text, expected);
	close(ends[0]);
	close(ends[1]);
}

static void test_answers(void **state)
{
	(void)state;
	expect_answer(
		200, false,
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\npage\n");
	expect_answer(200, true,
		      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
	expect_answer(405, false,
		      "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
		      "Allow: GET, HEAD\r\nConnection: close\r\n\r\npage\n");
}

/* Who does not read holds us for a moment only. */
static void test_no_reader(void **state)
{
	size_t len = 8 << 20;
	_cleanup_(freep) char *page = xcalloc(1, len);
	int ends[2];
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_false(http_write(ends[1], 200, "text/plain", page, len, false, SOON));
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_garbage), cmocka_unit_test(test_large),
		cmocka_unit_test(test_slow),     cmocka_unit_test(test_answers), cmocka_unit_test(test_no_reader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
