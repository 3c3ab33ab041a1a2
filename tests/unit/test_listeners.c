/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real sockets in a network namespace for each test; what is found is compared as text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "listeners.h"
#include "own_netns.h"
#include "sysctl.h"

#define ALL (PROTO_TCP | PROTO_UDP | PROTO_SCTP)

static int sockets[64];
static size_t n_sockets;

static int fresh(void **state)
{
	listeners_close();
	return netns_fresh(state) < 0 || (netns_allowed && netns_try("ip link set lo up")) ? -1 : 0;
}

static int close_all(void **state)
{
	(void)state;
	while (n_sockets)
		close(sockets[--n_sockets]);
	return 0;
}

enum { ONLY6 = 1, TO_LO = 2 };

static socklen_t address(struct sockaddr_storage *ret, const char *text, uint16_t port)
{
	struct ip ip = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	*ret = (struct sockaddr_storage){.ss_family = ip.family};
	if (!streq(text, "::") && !streq(text, "0.0.0.0"))
		assert_true(ip_parse(text, &ip));
	if (ip.family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		in->sin_port = htons(port);
		memcpy(&in->sin_addr, ip.bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, ip.bytes, 16);
	return sizeof(*in6);
}

static int bound(int type, const char *ip, uint16_t port, int flags)
{
	struct sockaddr_storage at;
	socklen_t len = address(&at, ip, port);
	int fd = socket(at.ss_family, type | SOCK_CLOEXEC, 0), on = 1, off = 0;

	assert_true(fd >= 0);
	sockets[n_sockets++] = fd;
	if (at.ss_family == AF_INET6)
		assert_return_code(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, flags & ONLY6 ? &on : &off, sizeof(on)),
				   0);
	if (flags & TO_LO)
		assert_return_code(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	assert_return_code(bind(fd, (struct sockaddr *)&at, len), 0);
	return fd;
}

static int listening(const char *ip, uint16_t port, int flags)
{
	int fd = bound(SOCK_STREAM, ip, port, flags);

	assert_return_code(listen(fd, 8), 0);
	return fd;
}

static int connected(int type, const char *ip, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t len = address(&to, ip, port);
	int fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	sockets[n_sockets++] = fd;
	assert_return_code(connect(fd, (struct sockaddr *)&to, len), 0);
	return fd;
}

/* "tcp 0.0.0.0 22, udp ::1%lo 53", sorted by port and, within it, as the kernel was asked. */
static char *found(uint8_t protos, uint16_t first, uint16_t last)
{
	struct listeners l = {0};
	struct diag diag = {0};
	struct buf out = {0};
	char ip[ADDR_TEXT_MAX];

	if (listeners_read(protos, (struct port_range){first, last}, &l, &diag) < 0)
		fail_msg("%s", diag.mistakes[0].message);
	buf_printf(&out, "%s", "");
	for (size_t i = 0; i < l.n; i++)
		buf_printf(&out, "%s%s %s%s%s %u", i ? ", " : "", proto_text(l.items[i].proto),
			   ip_text(&l.items[i].ip, ip), *l.items[i].ifname ? "%" : "", l.items[i].ifname,
			   l.items[i].port);
	listeners_free(&l);
	return buf_take(&out);
}

#define EXPECT(protos, first, last, expected)                                                                          \
	do {                                                                                                           \
		_cleanup_(freep) char *text_ = found(protos, first, last);                                             \
		assert_string_equal(text_, expected);                                                                  \
	} while (0)

static void test_tcp(void **state)
{
	(void)state;
	NEED_NETNS();
	EXPECT(ALL, 1, 65535, "");
	listening("0.0.0.0", 22, 0);
	listening("127.0.0.1", 25, 0);
	bound(SOCK_STREAM, "0.0.0.0", 23, 0); /* does not listen */
	connected(SOCK_STREAM, "127.0.0.1", 25);
	EXPECT(ALL, 1, 65535, "tcp 0.0.0.0 22, tcp 127.0.0.1 25");
	EXPECT(PROTO_TCP, 25, 25, "tcp 127.0.0.1 25"); /* one port: the kernel's filter */
	EXPECT(PROTO_TCP, 20, 24, "tcp 0.0.0.0 22");
	EXPECT(PROTO_UDP, 1, 65535, "");
}

static void test_families(void **state)
{
	(void)state;
	NEED_NETNS();
	listening("::", 22, 0);
	listening("::", 80, ONLY6);
	listening("::1", 443, 0);
	listening("::ffff:127.0.0.1", 8080, 0);
	EXPECT(PROTO_TCP, 22, 22, "tcp :: 22, tcp 0.0.0.0 22");
	EXPECT(PROTO_TCP, 23, 65535, "tcp :: 80, tcp ::1 443, tcp 127.0.0.1 8080");
}

static void test_udp(void **state)
{
	struct port_range range;

	(void)state;
	NEED_NETNS();
	netns_run("echo 40000 40100 >/proc/sys/net/ipv4/ip_local_port_range");
	range = sysctl_local_ports();
	assert_int_equal(range.first, 40000);
	assert_int_equal(range.last, 40100);
	bound(SOCK_DGRAM, "127.0.0.1", 53, 0);
	bound(SOCK_DGRAM, "::", 123, 0);
	bound(SOCK_DGRAM, "0.0.0.0", 40050, 0); /* a client's, for all we know */
	bound(SOCK_DGRAM, "0.0.0.0", 39999, 0);
	listening("0.0.0.0", 40060, 0); /* one that listens is none */
	struct sockaddr_storage to;
	socklen_t len = address(&to, "127.0.0.1", 53);
	assert_return_code(connect(bound(SOCK_DGRAM, "127.0.0.1", 500, 0), (struct sockaddr *)&to, len), 0);
	EXPECT(ALL, 1, 65535, "udp 127.0.0.1 53, udp :: 123, udp 0.0.0.0 123, udp 0.0.0.0 39999, tcp 0.0.0.0 40060");
}

static void test_whose(void **state)
{
	struct listeners l = {0};
	struct diag diag = {0};
	struct stat st;

	(void)state;
	NEED_NETNS();
	assert_return_code(fstat(listening("0.0.0.0", 22, TO_LO), &st), 0);
	assert_int_equal(listeners_read(PROTO_TCP, (struct port_range){22, 22}, &l, &diag), 0);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.items[0].ifname, "lo");
	assert_int_equal(l.items[0].uid, getuid());
	assert_int_equal(l.items[0].inode, st.st_ino);
	listeners_free(&l);
}

/* Connects to what listens there; the server's end is established once the client's is, accepted or not. */
static void client_of(const char *from, uint16_t from_port, const char *ip, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t len = address(&to, ip, port);

	assert_return_code(connect(bound(SOCK_STREAM, from, from_port, 0), (struct sockaddr *)&to, len), 0);
}

/* "127.0.0.2 at 127.0.0.1 22 of 1234": inode of the listener */
static char *peers(uint16_t first, uint16_t last)
{
	struct peers p = {0};
	struct diag diag = {0};
	struct buf out = {0};
	char local[ADDR_TEXT_MAX], remote[ADDR_TEXT_MAX];

	if (listeners_peers((struct port_range){first, last}, &p, &diag) < 0)
		fail_msg("%s", diag.mistakes[0].message);
	buf_printf(&out, "%s", "");
	for (size_t i = 0; i < p.n; i++)
		buf_printf(&out, "%s%s at %s%s%s %u of %u", i ? ", " : "", ip_text(&p.items[i].remote, remote),
			   ip_text(&p.items[i].local, local), *p.items[i].ifname ? "%" : "", p.items[i].ifname,
			   p.items[i].port, p.items[i].inode);
	peers_free(&p);
	return buf_take(&out);
}

static unsigned inode_of(int fd)
{
	struct stat st;

	assert_return_code(fstat(fd, &st), 0);
	return (unsigned)st.st_ino;
}

#define EXPECT_PEERS(first, last, ...)                                                                                 \
	do {                                                                                                           \
		_cleanup_(freep) char *expected_ = xasprintf(__VA_ARGS__), *peers_ = peers(first, last);               \
		assert_string_equal(peers_, expected_);                                                                \
	} while (0)

static void test_peers(void **state)
{
	unsigned ssh, web;

	(void)state;
	NEED_NETNS();
	ssh = inode_of(listening("::", 22, 0));
	web = inode_of(listening("127.0.0.1", 80, 0));
	EXPECT_PEERS(1, 65535, "%s", "");
	client_of("127.0.0.2", 50, "127.0.0.1", 22);
	EXPECT_PEERS(1, 65535, "127.0.0.2 at 127.0.0.1 22 of %u", ssh); /* IPv4, of an IPv6 socket */
	client_of("127.0.0.2", 0, "127.0.0.1", 22);                     /* the same peer */
	client_of("127.0.0.4", 0, "127.0.0.1", 22);
	client_of("::1", 0, "::1", 22);
	client_of("127.0.0.3", 0, "127.0.0.1", 80);
	EXPECT_PEERS(1, 65535, /* and not those on port 50, which went out */
		     "127.0.0.2 at 127.0.0.1 22 of %u, 127.0.0.4 at 127.0.0.1 22 of %u, ::1 at ::1 22 of %u, "
		     "127.0.0.3 at 127.0.0.1 80 of %u",
		     ssh, ssh, ssh, web);
	EXPECT_PEERS(80, 80, "127.0.0.3 at 127.0.0.1 80 of %u", web);
	EXPECT_PEERS(23, 79, "%s", "");
}

/* What listeners.c asks of the kernel (Makefile); dumps are counted. */
ssize_t __real_mnl_socket_sendto(const struct mnl_socket *, const void *request, size_t len);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *, const void *request, size_t len);
static unsigned dumps;

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t len)
{
	dumps += (((const struct nlmsghdr *)request)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	return __real_mnl_socket_sendto(socket, request, len);
}

#define V4(...)                                                                                                        \
	{                                                                                                              \
		AF_INET,                                                                                               \
		{                                                                                                      \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}

static void test_cut(void **state)
{
	static struct peer items[] = {
		{.remote = V4(127, 0, 0, 2), .local = V4(127, 0, 0, 1), .port = 22},
		{.remote = V4(127, 0, 0, 4), .local = V4(127, 0, 0, 1), .port = 22},
		{.remote = V4(127, 0, 0, 2), .local = V4(127, 0, 0, 1), .port = 80},
	};
	const struct peers none = {0}, one = {items, 1, 1}, two = {items, 2, 2}, all = {items, 3, 3};
	unsigned ssh;
	size_t cut;

	(void)state;
	NEED_NETNS();
	ssh = inode_of(listening("::", 22, 0));
	listening("127.0.0.1", 80, 0);
	client_of("127.0.0.2", 0, "127.0.0.1", 22);
	client_of("127.0.0.2", 0, "127.0.0.1", 22);
	client_of("127.0.0.4", 0, "127.0.0.1", 22);
	if (listeners_cut(&one, &cut) == -EOPNOTSUPP) {
		print_message("test_cut: this kernel has no CONFIG_INET_DIAG_DESTROY\n");
		skip();
	}
	assert_int_equal(cut, 2);
	EXPECT_PEERS(1, 65535, "127.0.0.4 at 127.0.0.1 22 of %u", ssh);
	assert_int_equal(listeners_cut(&one, &cut), 0);
	assert_int_equal(cut, 0);
	client_of("127.0.0.2", 0, "127.0.0.1", 22);
	client_of("127.0.0.5", 0, "127.0.0.1", 22);
	dumps = 0;
	assert_int_equal(listeners_cut(&two, &cut), 0);
	assert_int_equal(cut, 2);
	assert_int_equal(dumps, 2); /* IPv4 and IPv6 */
	EXPECT_PEERS(1, 65535, "127.0.0.5 at 127.0.0.1 22 of %u", ssh);
	client_of("127.0.0.2", 0, "127.0.0.1", 22);
	client_of("127.0.0.4", 0, "127.0.0.1", 22);
	client_of("127.0.0.2", 0, "127.0.0.1", 80);
	dumps = 0;
	assert_int_equal(listeners_cut(&all, &cut), 0);
	assert_int_equal(cut, 3);
	assert_int_equal(listeners_cut(&none, &cut), 0);
	assert_int_equal(cut, 0);
	assert_int_equal(dumps, 2); /* nobody is not looked for */
	EXPECT_PEERS(1, 65535, "127.0.0.5 at 127.0.0.1 22 of %u", ssh);
}

static void test_peers_bound(void **state)
{
	unsigned ssh;

	(void)state;
	NEED_NETNS();
	ssh = inode_of(listening("0.0.0.0", 22, TO_LO));
	client_of("127.0.0.2", 0, "127.0.0.1", 22);
	EXPECT_PEERS(22, 22, "127.0.0.2 at 127.0.0.1%%lo 22 of %u", ssh);
}

static void test_at(void **state)
{
	struct listener items[] = {{.port = 22}, {.port = 53}, {.port = 53}, {.port = 80}};
	const struct listeners l = {items, 4, 4}, none = {0};

	(void)state;
	assert_int_equal(listeners_at(&l, 1), 0);
	assert_int_equal(listeners_at(&l, 22), 0);
	assert_int_equal(listeners_at(&l, 23), 1);
	assert_int_equal(listeners_at(&l, 53), 1);
	assert_int_equal(listeners_at(&l, 54), 3);
	assert_int_equal(listeners_at(&l, 81), 4);
	assert_int_equal(listeners_at(&none, 1), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tcp, fresh, close_all),
		cmocka_unit_test_setup_teardown(test_families, fresh, close_all),
		cmocka_unit_test_setup_teardown(test_udp, fresh, close_all),
		cmocka_unit_test_setup_teardown(test_whose, fresh, close_all),
		cmocka_unit_test_setup_teardown(test_peers, fresh, close_all),
		cmocka_unit_test_setup_teardown(test_peers_bound, fresh, close_all),
		cmocka_unit_test_setup_teardown(test_cut, fresh, close_all),
		cmocka_unit_test(test_at),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
