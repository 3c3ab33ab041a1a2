/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nflog.c: packets as they come off the wire, and a log group of a network namespace of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "nflog.h"
#include "own_netns.h"

enum { GROUP = 103 };

/* ---- Packets ------------------------------------------------------------------------------------- */

static void assert_packet(const char *hex, const char *expected)
{
	uint8_t packet[128];
	size_t len = 0;
	struct logged l = {.name = "web"};
	_cleanup_(freep) char *text = NULL;
	unsigned byte;
	int used;

	for (; sscanf(hex, "%2x%n", &byte, &used) == 1; hex += used)
		packet[len++] = (uint8_t)byte;
	if (nflog_parse(packet, len, &l)) {
		text = logged_text(&l);
		assert_string_equal(l.name, "web");
	}
	assert_string_equal(text ? text : "nothing", expected);
}

#define V4(fragment, proto) "4500003c0000" fragment "40" proto "0000cb007109cb007105"
#define V6(next)                                                                                                       \
	"600000000014" next "40"                                                                                       \
	"20010db8000000000000000000000009"                                                                             \
	"20010db8000000000000000000000005"
#define PORTS "9d780050"

static void test_packets(void **state)
{
	(void)state;
	/* all fields of IPv6: version, length, next header, hop limit */
	assert_packet(V4("4000", "06") PORTS, "tcp 203.0.113.9:40312 -> 203.0.113.5:80");
	assert_packet(V4("4000", "11") PORTS "0000", "udp 203.0.113.9:40312 -> 203.0.113.5:80");
	assert_packet(V4("4000", "84") PORTS, "sctp 203.0.113.9:40312 -> 203.0.113.5:80");
	assert_packet(V4("4000", "01") "08001234", "protocol 1 203.0.113.9 -> 203.0.113.5");
	assert_packet(V4("2000", "11") PORTS, "udp 203.0.113.9:40312 -> 203.0.113.5:80"); /* the first fragment */
	assert_packet(V4("2001", "11") PORTS, "udp 203.0.113.9 -> 203.0.113.5");
	assert_packet("4600003c000040004006"
		      "0000cb007109cb00710501010101" PORTS,
		      "tcp 203.0.113.9:40312 -> 203.0.113.5:80");
	assert_packet(V4("4000", "06"), "tcp 203.0.113.9 -> 203.0.113.5"); /* cut off */
	assert_packet(V6("06") PORTS, "tcp [2001:db8::9]:40312 -> [2001:db8::5]:80");
	assert_packet(V6("00") "3c00000000000000"
			       "2c00000000000000"
			       "1100000000000001" PORTS,
		      "udp [2001:db8::9]:40312 -> [2001:db8::5]:80");
	assert_packet(V6("2c") "1100000800000001" PORTS, "udp 2001:db8::9 -> 2001:db8::5");
	assert_packet(V6("3a") "8000", "protocol 58 2001:db8::9 -> 2001:db8::5");
}

static void test_no_packets(void **state)
{
	(void)state;
	assert_packet("", "nothing");
	assert_packet("45", "nothing");
	assert_packet("4400003c0000400040060000cb007109cb007105" PORTS, "nothing"); /* a header of 16 bytes */
	assert_packet("5500003c0000400040060000cb007109cb007105" PORTS, "nothing");
	assert_packet("6000000000140640", "nothing");
}

/* ---- The group ----------------------------------------------------------------------------------- */

struct seen {
	struct buf text;
	size_t n;
};

static void each(void *ctx, const struct logged *l)
{
	struct seen *s = ctx;
	_cleanup_(freep) char *text = logged_text(l);

	if (s->n++ < 3)
		buf_printf(&s->text, "%s: %s\n", l->name, text);
}

static void assert_seen(struct nflog *n, const char *expected)
{
	struct seen s = {0};

	nflog_read(n, each, &s);
	assert_string_equal(s.text.data ? s.text.data : "", expected);
	buf_free(&s.text);
}

static void must_listen(struct nflog *n, uint16_t group)
{
	_cleanup_(diag_free) struct diag diag = {0};

	if (nflog_listen(n, group, &diag) < 0)
		fail_msg("%s", diag_text(&diag));
}

/* Datagrams to port 53 of this machine, each from the same port. */
static void send_datagrams(unsigned count, uint16_t from)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(from)};
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_return_code(bind(fd, (struct sockaddr *)&a, sizeof(a)), errno);
	a.sin_port = htons(53);
	for (unsigned i = 0; i < count; i++)
		(void)!sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof(a));
}

static int new_place(void **state)
{
	if (netns_fresh(state) < 0)
		return -1;
	return netns_allowed && netns_try("command -v nft >/dev/null") == 0
		       ? netns_try(
				 "ip link set lo up && nft -f - <<E\n"
				 "table inet t { chain in { type filter hook input priority 0; udp dport 53 log prefix "
				 "\"web\" group 103 snaplen 64; udp dport 53 log prefix \"other\" group 104; }; }\nE\n")
		       : 0;
}

#define NEED_PLACE()                                                                                                   \
	do {                                                                                                           \
		NEED_NETNS();                                                                                          \
		if (netns_try("command -v nft >/dev/null") != 0) {                                                     \
			print_message("# %s: there is no nft here\n", __func__);                                       \
			skip();                                                                                        \
		}                                                                                                      \
	} while (0)

static void test_group(void **state)
{
	struct nflog *n;

	(void)state;
	NEED_PLACE();
	assert_int_equal(nflog_open(&n), 0);
	send_datagrams(1, 5000);
	assert_seen(n, "");
	must_listen(n, GROUP);
	send_datagrams(1, 5001);
	must_listen(n, GROUP); /* nothing is lost by it */
	assert_seen(n, "web: udp 127.0.0.1:5001 -> 127.0.0.1:53\n");
	must_listen(n, 0);
	send_datagrams(1, 5002);
	assert_seen(n, "");
	must_listen(n, GROUP);
	send_datagrams(1, 5003);
	assert_seen(n, "web: udp 127.0.0.1:5003 -> 127.0.0.1:53\n");
	nflog_close(n);
}

static void test_taken(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct nflog *first, *second;

	(void)state;
	NEED_PLACE();
	assert_int_equal(nflog_open(&first), 0);
	assert_int_equal(nflog_open(&second), 0);
	must_listen(first, GROUP);
	assert_int_equal(nflog_listen(second, GROUP, &diag), -EPERM);
	assert_string_equal(diag.mistakes[0].message, "new connections cannot be logged: log group 103: Operation "
						      "not permitted: another program listens to it");
	nflog_close(first);
	must_listen(second, GROUP); /* it is free again */
	nflog_close(second);
}

static void test_flood(void **state)
{
	struct seen s = {0};
	struct nflog *n;

	(void)state;
	NEED_PLACE();
	assert_int_equal(nflog_open(&n), 0);
	must_listen(n, GROUP);
	send_datagrams(20000, 5004);
	assert_true(nflog_read(n, each, &s) > 0); /* said to be lost */
	assert_true(s.n > 0 && s.n < 20000);
	buf_free(&s.text);
	send_datagrams(1, 5005);
	assert_seen(n, "web: udp 127.0.0.1:5005 -> 127.0.0.1:53\n");
	nflog_close(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_no_packets),
		cmocka_unit_test_setup(test_group, new_place),
		cmocka_unit_test_setup(test_taken, new_place),
		cmocka_unit_test_setup(test_flood, new_place),
	};

	netns_init();
	return cmocka_run_group_tests_name("nflog", tests, NULL, NULL);
}
