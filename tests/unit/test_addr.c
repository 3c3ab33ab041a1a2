/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, prefixes, ports and protocols: what is taken, what is refused, what is printed. */
#include "addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util.h"

static void test_ip(void **state)
{
	static const char *const same[] = {"0.0.0.0", "192.168.0.102", "255.255.255.255",    "::",
					   "::1",     "2001:db8::1",   "fd00:1:2:3:4:5:6:7", "2001:db8:0:1:1:1:1:1"};
	static const char *const other[][2] = {{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
					       {"1:0:0:2:0:0:0:3", "1:0:0:2::3"}};
	static const char *const bad[] = {"",         "1.2.3",    "1.2.3.4.5", "01.2.3.4",    "1.2.3.256",
					  "1.2.3.4 ", " 1.2.3.4", "a",         "example.org", "fe80::1%eth0",
					  "1::2::3",  "12345::",  "[::1]",     "1.2.3.4/32",  "::g"};
	char text[ADDR_TEXT_MAX];
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		assert_true(ip_parse(same[i], &ip));
		assert_string_equal(ip_text(&ip, text), same[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		assert_true(ip_parse(other[i][0], &ip));
		assert_string_equal(ip_text(&ip, text), other[i][1]);
	}
	ip = (struct ip){.family = 77};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (ip_parse(bad[i], &ip))
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(ip.family, 77);
}

static void test_ip_cmp(void **state)
{
	static const char *const sorted[] = {"0.0.0.1", "10.0.0.1", "10.0.0.2", "200.0.0.0", "::", "::1", "fd00::"};
	struct ip a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
			int c;

			assert_true(ip_parse(sorted[i], &a) && ip_parse(sorted[j], &b));
			c = ip_cmp(&a, &b);
			assert_int_equal(c < 0, i < j);
			assert_int_equal(c > 0, i > j);
		}
	}
	assert_true(ip_parse("1.2.3.4", &a));
	assert_int_equal(ip_len(&a), 4);
	assert_int_equal(ip_len(&b), 16);
	for (size_t i = 4; i < 16; i++)
		assert_int_equal(a.bytes[i], 0);
}

static void test_prefix(void **state)
{
	static const struct {
		const char *prefix, *ip;
		bool inside;
	} cases[] = {
		{"10.0.0.0/8", "10.255.0.1", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"100.64.0.0/10", "100.127.1.1", true},
		{"100.64.0.0/10", "100.128.0.0", false},
		{"0.0.0.0/0", "1.2.3.4", true},
		{"0.0.0.0/0", "::1", false},
		{"1.2.3.4", "1.2.3.4", true},
		{"1.2.3.4", "1.2.3.5", false},
		{"fe80::/10", "febf::1", true},
		{"fe80::/10", "fec0::1", false},
		{"::1", "::1", true},
		{"::/0", "1.2.3.4", false},
	};
	static const char *const bad[] = {
		"10.0.0.1/8",  "10.0.0.0/33",  "10.0.0.0/",
		"10.0.0.0/08", "10.0.0.0/8x",  "/8",
		"x/8",         "fd00::1/64",   "::/129",
		"10.0.0.0/-1", "10.0.0.0/8/8", "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/64"};
	struct prefix p = {.len = 99};
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (prefix_parse(bad[i], &p))
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(p.len, 99);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(prefix_parse(cases[i].prefix, &p) && ip_parse(cases[i].ip, &ip));
		assert_int_equal(prefix_contains(&p, &ip), cases[i].inside);
	}
	assert_true(prefix_parse("fd00::", &p));
	assert_int_equal(p.len, 128);
}

static void test_ports(void **state)
{
	static const char *const good[] = {"1", "80", "65535", "8000-8010", "1-65535"};
	static const char *const bad[] = {
		"",      "0",    "65536", "080",    "+80",   "-80",      "80-",
		"80-79", "0-80", "80 ",   " 80",    "1-2-3", "80-65536", "99999999999999999999",
		"http",  "8e1",  "0x50",  "80-090", "22:80"};
	struct port_range r;
	char text[PORTS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(port_range_parse(good[i], &r));
		assert_string_equal(port_range_text(r, text), good[i]);
	}
	assert_true(port_range_parse("80-80", &r));
	assert_string_equal(port_range_text(r, text), "80");
	r = (struct port_range){7, 7};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (port_range_parse(bad[i], &r))
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(r.first, 7);
	assert_string_equal(port_range_text((struct port_range){65535, 65535}, text), "65535");
}

static void test_proto(void **state)
{
	static const char *const good[] = {"tcp", "udp", "tcp+udp", "sctp"};
	static const uint8_t values[] = {PROTO_TCP, PROTO_UDP, PROTO_TCP | PROTO_UDP, PROTO_SCTP};
	uint8_t protos = 99;

	(void)state;
	assert_false(proto_parse("", &protos));
	assert_false(proto_parse("TCP", &protos));
	assert_false(proto_parse("icmp", &protos));
	assert_false(proto_parse("udp+tcp", &protos));
	assert_int_equal(protos, 99);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(proto_parse(good[i], &protos));
		assert_int_equal(protos, values[i]);
		assert_string_equal(proto_text(protos), good[i]);
	}
	for (size_t i = 0; i < PROTO_COUNT; i++)
		assert_string_equal(proto_names[i], proto_text((uint8_t)(1U << i)));
	assert_int_equal(proto_numbers[2], IPPROTO_SCTP);
}

static void test_ifname(void **state)
{
	static const char *const good[] = {"eth0", "eth0.100", "br-lan",     "a", "123456789012345",
					   "...",  "wg*",      "caf\xc3\xa9"};
	static const char *const bad[] = {"",    ".",   "..",  "1234567890123456", "a/b", "eth0:1", "a b",
					  "a\t", "a\n", "\xa0"};
	static const char *const crooked[] = {"a\"b", "a\\b", "a\x1b[m", "a\xff", "a\xc2\x9b", "a\xe2\x80\xae"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!ifname_valid(good[i]))
			fail_msg("'%s' was refused", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (ifname_valid(bad[i]))
			fail_msg("'%s' was taken", bad[i]);
	for (size_t i = 0; i < ARRAY_SIZE(crooked); i++)
		if (!ifname_valid(crooked[i]) || ifname_plain(crooked[i]))
			fail_msg("'%s': the kernel takes it, we do not", crooked[i]);
	assert_true(ifname_plain("caf\xc3\xa9"));
	assert_false(ifname_plain("a b"));
}

static void test_prefix_of(void **state)
{
	static const struct {
		const char *ip, *expected;
		uint8_t len;
	} cases[] = {
		{"192.168.7.1", "192.168.7.0/24", 24},
		{"192.168.7.1", "192.168.0.0/17", 17},
		{"192.168.7.1", "192.168.7.1", 32},
		{"192.168.7.1", "0.0.0.0/0", 0},
		{"fd00:1:2:3:ffff::1", "fd00:1:2:3::/64", 64},
		{"fd00:1:2:3:ffff::1", "fd00:1:2:3:8000::/65", 65},
		{"fd00::1", "fd00::1", 128},
	};
	char text[PREFIX_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix p;
		struct ip ip;

		assert_true(ip_parse(cases[i].ip, &ip));
		p = prefix_of(&ip, cases[i].len);
		assert_string_equal(prefix_text(&p, text), cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip),    cmocka_unit_test(test_ip_cmp), cmocka_unit_test(test_prefix), cmocka_unit_test(test_prefix_of),
		cmocka_unit_test(test_ports), cmocka_unit_test(test_proto),  cmocka_unit_test(test_ifname),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
