/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace.c, and compile_trace.c's rules: packets of a network namespace of its own that the kernel tells about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "compile.h"
#include "kernel.h"
#include "own_netns.h"
#include "trace.h"

static int new_place(void **state)
{
	if (netns_fresh(state) < 0)
		return -1;
	return netns_allowed ? netns_try("ip link set lo up") : 0;
}

static void send_datagram(uint16_t to)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(5000)};
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), errno);
	a.sin_port = htons(to);
	assert_return_code(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)), errno);
}

static void each(void *ctx, const struct traced *m)
{
	_cleanup_(freep) char *packet = m->packet.from.family ? logged_text(&m->packet) : xstrdup("");

	buf_printf(ctx, "%s %s%s%s%s%s\n", m->table, m->chain, m->handle ? " rule" : "", m->dropped ? " drops" : "",
		   *packet ? ": " : "", packet);
}

static void assert_told(struct trace *t, const char *expected)
{
	struct buf text = {0};

	assert_false(trace_read(t, each, &text));
	assert_string_equal(text.data ? text.data : "", expected);
	buf_free(&text);
}

static void mark(struct kernel *k, bool on)
{
	struct compile_traced udp = {.proto = IPPROTO_UDP, .to = {AF_INET, {127, 0, 0, 1}}, .to_port = 53};
	_cleanup_(ruleset_freep) struct ruleset *rules = ruleset_new();
	_cleanup_(diag_free) struct diag diag = {0};

	compile_trace(rules, &udp, 1);
	if (kernel_trace(k, on ? rules : NULL, &diag) < 0)
		fail_msg("%s", diag.mistakes[0].message);
}

static void test_way(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct kernel *k;
	struct trace *t;

	(void)state;
	NEED_NETNS();
	assert_return_code(kernel_open(&k, &diag), 0);
	assert_return_code(trace_open(&t), 0);
	mark(k, true);
	send_datagram(53);
	assert_told(t, ""); /* nobody listens yet */
	assert_return_code(trace_listen(t, true), 0);
	send_datagram(54);
	assert_told(t, "");
	send_datagram(53);
	/* Each chain ends twice: with its last rule, and with its policy. */
	assert_told(t, "gwd-trace marked-out rule: udp 127.0.0.1:5000 -> 127.0.0.1:53\n"
		       "gwd-trace marked-out\ngwd-trace marked-out\n"
		       "gwd-trace output: udp 127.0.0.1:5000 -> 127.0.0.1:53\ngwd-trace output\n"
		       "gwd-trace postrouting: udp 127.0.0.1:5000 -> 127.0.0.1:53\ngwd-trace postrouting\n"
		       "gwd-trace marked-in rule: udp 127.0.0.1:5000 -> 127.0.0.1:53\n"
		       "gwd-trace marked-in\ngwd-trace marked-in\n"
		       "gwd-trace prerouting: udp 127.0.0.1:5000 -> 127.0.0.1:53\ngwd-trace prerouting\n"
		       "gwd-trace input: udp 127.0.0.1:5000 -> 127.0.0.1:53\ngwd-trace input\n");
	mark(k, false);
	send_datagram(53);
	assert_told(t, "");
	assert_return_code(trace_listen(t, false), 0);
	trace_close(t);
	kernel_close(k);
}

static void test_drop(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct kernel *k;
	struct trace *t;

	(void)state;
	NEED_NETNS();
	if (netns_try("command -v nft >/dev/null") != 0) {
		print_message("# %s: there is no nft here\n", __func__);
		skip();
	}
	netns_run("nft 'add table ip t; add chain ip t in { type filter hook input priority 0; policy drop; }; "
		  "add chain ip t deep; add rule ip t in jump deep'");
	assert_return_code(kernel_open(&k, &diag), 0);
	assert_return_code(trace_open(&t), 0);
	assert_return_code(trace_listen(t, true), 0);
	mark(k, true);
	send_datagram(53);
	struct buf text = {0};
	trace_read(t, each, &text);
	assert_non_null(strstr(text.data, "t in rule: udp 127.0.0.1:5000 -> 127.0.0.1:53\n"));
	assert_non_null(strstr(text.data, "t in drops\n"));
	assert_null(strstr(text.data, "gwd-trace input"));
	buf_free(&text);
	netns_run("nft add rule ip t deep counter reject");
	send_datagram(53);
	trace_read(t, each, &text);
	assert_non_null(strstr(text.data, "t deep rule drops\n"));
	buf_free(&text);
	trace_close(t);
	kernel_close(k);
	assert_int_not_equal(netns_try("nft list table inet gwd-trace 2>/dev/null"), 0); /* it goes with its owner */
}

/* Everybody's traces come to everybody: more than there is room for. */
static void test_lost(void **state)
{
	struct buf text = {0};
	struct trace *t;

	(void)state;
	NEED_NETNS();
	if (netns_try("command -v nft >/dev/null") != 0) {
		print_message("# %s: there is no nft here\n", __func__);
		skip();
	}
	netns_run("nft 'add table ip t; add chain ip t out { type filter hook output priority 0; }; "
		  "add rule ip t out meta nftrace set 1'");
	assert_return_code(trace_open(&t), 0);
	assert_return_code(trace_listen(t, true), 0);
	for (int i = 0; i < 1000; i++)
		send_datagram(53);
	assert_true(trace_read(t, each, &text));
	buf_free(&text);
	send_datagram(53);
	assert_false(trace_read(t, each, &text));
	assert_non_null(strstr(text.data, "t out rule: udp 127.0.0.1:5000 -> 127.0.0.1:53\n"));
	buf_free(&text);
	trace_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_way, new_place),
		cmocka_unit_test_setup(test_drop, new_place),
		cmocka_unit_test_setup(test_lost, new_place),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
