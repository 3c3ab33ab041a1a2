/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctnetlink messages: what is asked, and what is understood of an answer. Requests are compared as bytes, because an
 * attribute in the wrong place would delete more than was meant. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "conntrack_msg.h"
#include "util.h"

#define BUFFER(name) _Alignas(struct nlmsghdr) char name[CONNTRACK_MSG_MAX] = {0}

/* The header's type and flags, family, then the attributes as hex. */
static void assert_message(const struct nlmsghdr *nlh, const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const uint8_t *bytes = (const void *)nlh;

	buf_printf(&out, "%x %x %u", nlh->nlmsg_type, nlh->nlmsg_flags, nfg->nfgen_family);
	for (size_t i = NLMSG_HDRLEN + sizeof(*nfg); i < nlh->nlmsg_len; i++)
		buf_printf(&out, "%s%02x", i % 4 ? "" : " ", bytes[i]);
	assert_string_equal(out.data, expected);
}

/* Little-endian hosts only: elsewhere the lengths read differently. */
static void test_list(void **state)
{
	struct flow_filter filter = {.family = AF_INET, .proto = IPPROTO_UDP, .port = 53};
	BUFFER(buf);

	(void)state;
	if (htons(1) == 1)
		skip();
	assert_message(conntrack_msg_list(buf, &filter, true),
		       "101 301 2 18000180 14000280 05000100 11000000 06000300 00350000 14001980 08000100 28000000 "
		       "08000200 00000000");
	filter.port = 0;
	assert_message(conntrack_msg_list(buf, &filter, true),
		       "101 301 2 10000180 0c000280 05000100 11000000 14001980 08000100 08000000 08000200 00000000");
	assert_message(conntrack_msg_list(buf, &filter, false), "101 301 2");
	filter = (struct flow_filter){.translated = true};
	assert_message(conntrack_msg_list(buf, &filter, true), "101 301 0 08000300 00000020 08001a00 00000020");
	assert_message(conntrack_msg_list(buf, &filter, false), "101 301 0");
}

/* ---- An answer as the kernel writes it -------------------------------------------------------------- */

static void put_tuple(struct nlmsghdr *nlh, uint16_t type, const char *from, const char *to, uint16_t from_port,
		      uint16_t to_port, uint8_t proto)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *nest;
	struct ip a, b;

	assert_true(ip_parse(from, &a) && ip_parse(to, &b));
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(nlh, a.family == AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, ip_len(&a), a.bytes);
	mnl_attr_put(nlh, a.family == AF_INET ? CTA_IP_V4_DST : CTA_IP_V6_DST, ip_len(&b), b.bytes);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, proto);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(from_port));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(to_port));
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
}

static struct nlmsghdr *begin(void *buf)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	nfg->nfgen_family = AF_INET;
	return nlh;
}

static struct nlmsghdr *dns(void *buf)
{
	static const uint8_t labels[FLOW_LABELS_LEN] = {[12] = 0x80, [3] = 1};
	struct nlmsghdr *nlh = begin(buf);

	put_tuple(nlh, CTA_TUPLE_ORIG, "198.51.100.9", "203.0.113.5", 4711, 53, IPPROTO_UDP);
	put_tuple(nlh, CTA_TUPLE_REPLY, "10.0.0.2", "198.51.100.9", 5353, 4711, IPPROTO_UDP);
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(0x18e));
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(100));
	mnl_attr_put(nlh, CTA_LABELS, sizeof(labels), labels);
	mnl_attr_put_u16(nlh, CTA_ZONE, htons(7));
	mnl_attr_put_u32(nlh, CTA_ID, 0x44332211);
	return nlh;
}

static void assert_ip(const struct ip *ip, const char *expected)
{
	char text[ADDR_TEXT_MAX];

	assert_string_equal(ip_text(ip, text), expected);
}

static void test_get(void **state)
{
	struct flow flow = {0};
	BUFFER(buf);

	(void)state;
	assert_true(conntrack_msg_get(dns(buf), &flow));
	assert_int_equal(flow.proto, IPPROTO_UDP);
	assert_ip(&flow.from, "198.51.100.9");
	assert_ip(&flow.to, "203.0.113.5");
	assert_ip(&flow.server, "10.0.0.2");
	assert_int_equal(flow.from_port, 4711);
	assert_int_equal(flow.to_port, 53);
	assert_int_equal(flow.server_port, 5353);
	assert_int_equal(flow.labels[12], 0x80);
	assert_int_equal(flow.labels[3], 1);
	assert_int_equal(flow.zone, 7);
	assert_int_equal(flow.timeout, 100);
	assert_int_equal(flow.id, 0x44332211);
	assert_false(flow.ended);
}

static void put_counters(struct nlmsghdr *nlh, uint16_t type, uint64_t packets, uint64_t bytes)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put_u64(nlh, CTA_COUNTERS_PACKETS, htobe64(packets));
	mnl_attr_put_u64(nlh, CTA_COUNTERS_BYTES, htobe64(bytes));
	mnl_attr_nest_end(nlh, nest);
}

static void test_traffic(void **state)
{
	struct flow flow;
	struct nlattr *nest;
	BUFFER(buf);
	struct nlmsghdr *nlh = dns(buf);

	(void)state;
	assert_true(conntrack_msg_get(nlh, &flow));
	assert_false(flow.translated || flow.counted || flow.began); /* 0x18e has no IPS_DST_NAT */
	assert_string_equal(flow.state, "assured");
	put_counters(nlh, CTA_COUNTERS_ORIG, 3, 5000000000);
	put_counters(nlh, CTA_COUNTERS_REPLY, 4, 7);
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(IPS_DST_NAT));
	nest = mnl_attr_nest_start(nlh, CTA_TIMESTAMP);
	mnl_attr_put_u64(nlh, CTA_TIMESTAMP_START, htobe64(1795262400999999999));
	mnl_attr_nest_end(nlh, nest);
	assert_true(conntrack_msg_get(nlh, &flow));
	assert_true(flow.translated && flow.counted);
	assert_true(flow.packets[FROM_CLIENT] == 3 && flow.bytes[FROM_CLIENT] == 5000000000);
	assert_true(flow.packets[TO_CLIENT] == 4 && flow.bytes[TO_CLIENT] == 7);
	assert_int_equal(flow.began, 1795262400);
}

static void test_passes(void **state)
{
	const struct flow_filter any = {0}, other = {.family = AF_INET6}, tcp = {.proto = IPPROTO_TCP},
				 port = {.port = 54}, nat = {.translated = true};
	struct flow flow;
	BUFFER(buf);

	(void)state;
	assert_true(conntrack_msg_get(dns(buf), &flow));
	assert_true(flow_passes(&flow, &any));
	assert_false(flow_passes(&flow, &other) || flow_passes(&flow, &tcp) || flow_passes(&flow, &port) ||
		     flow_passes(&flow, &nat));
	flow.translated = true;
	assert_true(flow_passes(&flow, &nat));
}

static bool ended(uint8_t tcp_state)
{
	struct flow flow;
	BUFFER(buf);
	struct nlmsghdr *nlh = begin(buf);
	struct nlattr *info, *tcp;

	put_tuple(nlh, CTA_TUPLE_ORIG, "2001:db8::9", "2001:db8::1", 1, 80, IPPROTO_TCP);
	put_tuple(nlh, CTA_TUPLE_REPLY, "fd00::2", "2001:db8::9", 80, 1, IPPROTO_TCP);
	info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, tcp_state);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, info);
	mnl_attr_put_u32(nlh, CTA_ID, 1);
	assert_true(conntrack_msg_get(nlh, &flow));
	assert_ip(&flow.server, "fd00::2");
	return flow.ended;
}

static void test_ended(void **state)
{
	(void)state;
	assert_false(ended(TCP_CONNTRACK_SYN_SENT));
	assert_false(ended(TCP_CONNTRACK_ESTABLISHED));
	assert_false(ended(TCP_CONNTRACK_CLOSE_WAIT));
	assert_true(ended(TCP_CONNTRACK_TIME_WAIT));
	assert_true(ended(TCP_CONNTRACK_CLOSE));
}

/* The whole tuple, as it came, and the id: nothing else than this connection can be meant. */
static void test_delete(void **state)
{
	struct flow flow;
	BUFFER(answer);
	BUFFER(buf);

	(void)state;
	if (htons(1) == 1)
		skip();
	assert_true(conntrack_msg_get(dns(answer), &flow));
	assert_message(conntrack_msg_delete(buf, &flow, false),
		       "102 1 2 34000180 14000180 08000100 c6336409 08000200 cb007105 1c000280 05000100 11000000 "
		       "06000200 12670000 06000300 00350000 06001200 00070000 08000c00 11223344");
	assert_message(conntrack_msg_delete(buf, &flow, true),
		       "102 1 2 34000180 14000180 08000100 c6336409 08000200 cb007105 1c000280 05000100 11000000 "
		       "06000200 12670000 06000300 00350000 06001200 00070000");
}

static void test_delete_back(void **state)
{
	struct flow flow;
	struct ip server;
	BUFFER(answer);
	BUFFER(buf);

	(void)state;
	if (htons(1) == 1)
		skip();
	assert_true(conntrack_msg_get(dns(answer), &flow));
	assert_true(ip_parse("10.0.0.2", &server));
	assert_message(conntrack_msg_delete_back(buf, &flow, &server, 53),
		       "102 1 2 34000180 14000180 08000100 0a000002 08000200 c6336409 1c000280 05000100 11000000 "
		       "06000200 00350000 06000300 12670000 06001200 00070000");
}

/* The reply is that of the gateway itself; of what was not translated, nobody's. */
static void test_block(void **state)
{
	struct flow flow, blocked = {0};
	BUFFER(answer);
	BUFFER(buf);
	struct nlmsghdr *nlh;

	(void)state;
	assert_true(conntrack_msg_get(dns(answer), &flow));
	nlh = conntrack_msg_block(buf, &flow);
	assert_int_equal(nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
	mnl_attr_put_u32(nlh, CTA_ID, 1);
	assert_true(conntrack_msg_get(nlh, &blocked));
	assert_ip(&blocked.server, "203.0.113.5");
	assert_int_equal(blocked.server_port, 53);
	assert_int_equal(blocked.to_port, 53);
	assert_int_equal(blocked.timeout, 100);
	assert_int_equal(blocked.zone, 7);
	assert_false(blocked.ended);
	flow.proto = IPPROTO_TCP;
	flow.timeout = 432000;
	nlh = conntrack_msg_block(buf, &flow);
	mnl_attr_put_u32(nlh, CTA_ID, 1);
	assert_true(conntrack_msg_get(nlh, &blocked));
	assert_true(blocked.ended);
	assert_int_equal(blocked.timeout, 3 * 3600);
	flow.server = flow.to;
	flow.server_port = flow.to_port;
	nlh = conntrack_msg_block(buf, &flow);
	mnl_attr_put_u32(nlh, CTA_ID, 1);
	assert_true(conntrack_msg_get(nlh, &blocked));
	assert_int_equal(blocked.to_port, 53);
	assert_int_equal(blocked.server_port, 0);
}

/* ---- What is no connection ------------------------------------------------------------------------- */

/* Cut anywhere, changed anywhere: it is refused or understood, and nothing is read that is not there (sanitizers). */
static void test_broken(void **state)
{
	struct flow flow;
	BUFFER(whole);
	uint32_t len = dns(whole)->nlmsg_len;

	(void)state;
	for (uint32_t i = sizeof(struct nlmsghdr); i < len; i++) {
		struct nlmsghdr *part = xmalloc(len);

		memcpy(part, whole, len);
		part->nlmsg_len = i;
		assert_int_equal(conntrack_msg_get(part, &flow), MNL_ALIGN(i) == len); /* the id is last */
		free(part);
		for (unsigned value = 0; value < 256; value += 15) {
			char *changed = xmalloc(len);

			memcpy(changed, whole, len);
			changed[i] = (char)value;
			conntrack_msg_get((const void *)changed, &flow);
			free(changed);
		}
	}
}

/* A tuple that we could not echo is none: without it a request to delete would mean all. */
static void test_long_tuple(void **state)
{
	static const char filling[FLOW_TUPLE_MAX];
	struct flow flow;
	BUFFER(buf);
	struct nlmsghdr *nlh = begin(buf);
	struct nlattr *tuple;

	(void)state;
	put_tuple(nlh, CTA_TUPLE_REPLY, "10.0.0.2", "198.51.100.9", 5353, 4711, IPPROTO_UDP);
	mnl_attr_put_u32(nlh, CTA_ID, 1);
	tuple = mnl_nlmsg_get_payload_tail(nlh);
	put_tuple(nlh, CTA_TUPLE_ORIG, "198.51.100.9", "203.0.113.5", 4711, 53, IPPROTO_UDP);
	assert_true(conntrack_msg_get(nlh, &flow));
	mnl_attr_put(nlh, 99, sizeof(filling), filling);
	tuple->nla_len = (uint16_t)((char *)mnl_nlmsg_get_payload_tail(nlh) - (char *)tuple);
	assert_false(conntrack_msg_get(nlh, &flow));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),       cmocka_unit_test(test_get),         cmocka_unit_test(test_ended),
		cmocka_unit_test(test_delete),     cmocka_unit_test(test_block),       cmocka_unit_test(test_broken),
		cmocka_unit_test(test_long_tuple), cmocka_unit_test(test_delete_back), cmocka_unit_test(test_traffic),
		cmocka_unit_test(test_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
