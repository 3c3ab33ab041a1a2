/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request to delete that names no connection deletes all of them, and a kernel skips over attributes it does not know:
 * so a connection is only ever deleted by its whole original tuple, echoed as the kernel wrote it, which every kernel
 * understands; the id besides it tells it from one that took its place meanwhile, where that matters. A list is safe to narrow down: what
 * an older kernel does not filter, conntrack.c does. */
#include "conntrack_msg.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

/* Bits of CTA_FILTER_ORIG_FLAGS, which the kernel's header does not export (net/netfilter/nf_conntrack_netlink.c). */
enum { FILTER_PROTO = 1 << 3, FILTER_DST_PORT = 1 << 5 };
enum { STATUS_MASK = 26 }; /* CTA_STATUS_MASK, which older headers lack */

enum { NANOSECONDS = 1000000000 }; /* of a second */
enum { BLOCK_MAX = 3 * 3600 }; /* seconds: by then TCP keepalive (2 hours) has told the server */

/* ---- Requests ----------------------------------------------------------------------------------- */

static struct nlmsghdr *request(void *buf, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static void put_filter(struct nlmsghdr *nlh, const struct flow_filter *filter)
{
	struct nlattr *tuple, *nest;

	tuple = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, filter->proto);
	if (filter->port)
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(filter->port));
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
	nest = mnl_attr_nest_start(nlh, CTA_FILTER);
	mnl_attr_put_u32(nlh, CTA_FILTER_ORIG_FLAGS, FILTER_PROTO | (filter->port ? FILTER_DST_PORT : 0));
	mnl_attr_put_u32(nlh, CTA_FILTER_REPLY_FLAGS, 0);
	mnl_attr_nest_end(nlh, nest);
}

struct nlmsghdr *conntrack_msg_list(void *buf, const struct flow_filter *filter, bool in_kernel)
{
	struct nlmsghdr *nlh = request(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, filter->family);

	if (in_kernel && filter->translated) {
		mnl_attr_put_u32(nlh, CTA_STATUS, htonl(IPS_DST_NAT));
		mnl_attr_put_u32(nlh, STATUS_MASK, htonl(IPS_DST_NAT));
	}
	if (in_kernel && filter->family && filter->proto)
		put_filter(nlh, filter);
	return nlh;
}

static struct nlmsghdr *about(void *buf, uint16_t type, uint16_t flags, const struct flow *flow)
{
	struct nlmsghdr *nlh = request(buf, type, flags, flow->to.family);

	mnl_attr_put(nlh, NLA_F_NESTED | CTA_TUPLE_ORIG, flow->tuple_len, flow->tuple);
	if (flow->zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(flow->zone));
	return nlh;
}

struct nlmsghdr *conntrack_msg_delete(void *buf, const struct flow *flow, bool any_id)
{
	struct nlmsghdr *nlh = about(buf, IPCTNL_MSG_CT_DELETE, 0, flow);

	if (!any_id)
		mnl_attr_put_u32(nlh, CTA_ID, flow->id);
	return nlh;
}

/* Closed, and it was the client who closed: its next SYN then begins a connection of its own. */
static void put_closed(struct nlmsghdr *nlh)
{
	const struct nf_ct_tcp_flags closing = {.flags = IP_CT_TCP_FLAG_CLOSE_INIT, .mask = IP_CT_TCP_FLAG_CLOSE_INIT};
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_CLOSE);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(closing), &closing);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, info);
}

/* From a server to the client of the flow. */
static void put_back(struct nlmsghdr *nlh, uint16_t type, const struct flow *flow, const struct ip *server,
		     uint16_t port)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *nest;
	size_t len = ip_len(server);

	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put(nlh, len == 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, len, server->bytes);
	mnl_attr_put(nlh, len == 4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, len, flow->from.bytes);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, flow->proto);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(port));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(flow->from_port));
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
}

struct nlmsghdr *conntrack_msg_delete_back(void *buf, const struct flow *flow, const struct ip *server, uint16_t port)
{
	struct nlmsghdr *nlh = request(buf, IPCTNL_MSG_CT_DELETE, 0, flow->to.family);

	put_back(nlh, CTA_TUPLE_ORIG, flow, server, port);
	if (flow->zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(flow->zone));
	return nlh;
}

/* What the server of an untranslated connection sends must not be the reply of this one: it comes from a port that nobody
 * has. */
struct nlmsghdr *conntrack_msg_block(void *buf, const struct flow *flow)
{
	struct nlmsghdr *nlh = about(buf, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, flow);
	bool translated = ip_cmp(&flow->server, &flow->to) != 0 || flow->server_port != flow->to_port;

	put_back(nlh, CTA_TUPLE_REPLY, flow, &flow->to, translated ? flow->to_port : 0);
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(flow->timeout < BLOCK_MAX ? flow->timeout : BLOCK_MAX));
	if (flow->proto == IPPROTO_TCP)
		put_closed(nlh);
	return nlh;
}

/* ---- Answers ------------------------------------------------------------------------------------ */

/* One direction of a connection. */
struct tuple {
	struct ip from, to;
	uint16_t from_port, to_port;
	uint8_t proto;
};

static void get_address(const struct nlattr *attr, struct ip *ret)
{
	size_t len = mnl_attr_get_payload_len(attr);

	if (len != 4 && len != 16)
		return;
	ret->family = len == 4 ? AF_INET : AF_INET6;
	memcpy(ret->bytes, mnl_attr_get_payload(attr), len);
}

static void get_addresses(const struct nlattr *nest, struct tuple *t)
{
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		switch (mnl_attr_get_type(attr)) {
		case CTA_IP_V4_SRC:
		case CTA_IP_V6_SRC:
			get_address(attr, &t->from);
			break;
		case CTA_IP_V4_DST:
		case CTA_IP_V6_DST:
			get_address(attr, &t->to);
			break;
		default:
			break;
		}
	}
}

static uint16_t get_u16(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) == sizeof(uint16_t) ? ntohs(mnl_attr_get_u16(attr)) : 0;
}

static uint8_t get_u8(const struct nlattr *attr)
{
	return mnl_attr_get_payload_len(attr) == sizeof(uint8_t) ? mnl_attr_get_u8(attr) : 0;
}

static void get_ports(const struct nlattr *nest, struct tuple *t)
{
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		switch (mnl_attr_get_type(attr)) {
		case CTA_PROTO_NUM:
			t->proto = get_u8(attr);
			break;
		case CTA_PROTO_SRC_PORT:
			t->from_port = get_u16(attr);
			break;
		case CTA_PROTO_DST_PORT:
			t->to_port = get_u16(attr);
			break;
		default:
			break;
		}
	}
}

static struct tuple get_tuple(const struct nlattr *nest)
{
	struct tuple t = {0};
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == CTA_TUPLE_IP)
			get_addresses(attr, &t);
		else if (mnl_attr_get_type(attr) == CTA_TUPLE_PROTO)
			get_ports(attr, &t);
	}
	return t;
}

static const struct nlattr *nested(const struct nlattr *nest, uint16_t type)
{
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) if (mnl_attr_get_type(attr) == type) return attr;
	return NULL;
}

static void get_state(const struct nlattr *protoinfo, struct flow *flow)
{
	static const char *const names[] = {
		[TCP_CONNTRACK_SYN_SENT] = "syn-sent",	   [TCP_CONNTRACK_SYN_RECV] = "syn-received",
		[TCP_CONNTRACK_ESTABLISHED] = "established", [TCP_CONNTRACK_FIN_WAIT] = "fin-wait",
		[TCP_CONNTRACK_CLOSE_WAIT] = "close-wait", [TCP_CONNTRACK_LAST_ACK] = "last-ack",
		[TCP_CONNTRACK_TIME_WAIT] = "time-wait",   [TCP_CONNTRACK_CLOSE] = "closed",
		[TCP_CONNTRACK_SYN_SENT2] = "syn-sent",
	};
	const struct nlattr *tcp = nested(protoinfo, CTA_PROTOINFO_TCP);
	const struct nlattr *state = tcp ? nested(tcp, CTA_PROTOINFO_TCP_STATE) : NULL;
	uint8_t value = state ? get_u8(state) : TCP_CONNTRACK_NONE;

	flow->ended = value == TCP_CONNTRACK_TIME_WAIT || value == TCP_CONNTRACK_CLOSE;
	if (value < sizeof(names) / sizeof(*names) && names[value])
		flow->state = names[value];
}

/* Comes before the states of the protocol, which are more than this. */
static void get_status(const struct nlattr *attr, struct flow *flow)
{
	uint32_t status =
		mnl_attr_get_payload_len(attr) == sizeof(status) ? ntohl(mnl_attr_get_u32(attr)) : 0;

	flow->translated = status & IPS_DST_NAT;
	if (!flow->state)
		flow->state = status & IPS_ASSURED ? "assured" : status & IPS_SEEN_REPLY ? "replied" : "unreplied";
}

static uint64_t get_u64(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) == sizeof(uint64_t) ? be64toh(mnl_attr_get_u64(attr)) : 0;
}

static void get_counters(const struct nlattr *attr, struct flow *flow, unsigned direction)
{
	flow->counted = true;
	flow->packets[direction] = get_u64(nested(attr, CTA_COUNTERS_PACKETS));
	flow->bytes[direction] = get_u64(nested(attr, CTA_COUNTERS_BYTES));
}

static void get_original(const struct nlattr *attr, struct flow *flow)
{
	struct tuple t = get_tuple(attr);
	uint16_t len = mnl_attr_get_payload_len(attr);

	if (len > sizeof(flow->tuple))
		return;
	flow->proto = t.proto;
	flow->from = t.from;
	flow->to = t.to;
	flow->from_port = t.from_port;
	flow->to_port = t.to_port;
	flow->tuple_len = len;
	memcpy(flow->tuple, mnl_attr_get_payload(attr), len);
}

static void get_attribute(const struct nlattr *attr, struct flow *flow)
{
	size_t len = mnl_attr_get_payload_len(attr);
	struct tuple reply;

	switch (mnl_attr_get_type(attr)) {
	case CTA_TUPLE_ORIG:
		get_original(attr, flow);
		break;
	case CTA_TUPLE_REPLY:
		reply = get_tuple(attr);
		flow->server = reply.from;
		flow->server_port = reply.from_port;
		break;
	case CTA_PROTOINFO:
		get_state(attr, flow);
		break;
	case CTA_STATUS:
		get_status(attr, flow);
		break;
	case CTA_COUNTERS_ORIG:
	case CTA_COUNTERS_REPLY:
		get_counters(attr, flow, mnl_attr_get_type(attr) == CTA_COUNTERS_REPLY ? TO_CLIENT : FROM_CLIENT);
		break;
	case CTA_TIMESTAMP:
		flow->began = (int64_t)(get_u64(nested(attr, CTA_TIMESTAMP_START)) / NANOSECONDS);
		break;
	case CTA_LABELS:
		memcpy(flow->labels, mnl_attr_get_payload(attr), len < FLOW_LABELS_LEN ? len : FLOW_LABELS_LEN);
		break;
	case CTA_ZONE:
		flow->zone = get_u16(attr);
		break;
	case CTA_TIMEOUT:
		flow->timeout = len == sizeof(flow->timeout) ? ntohl(mnl_attr_get_u32(attr)) : 0;
		break;
	case CTA_ID:
		flow->id = len == sizeof(flow->id) ? mnl_attr_get_u32(attr) : 0;
		break;
	default:
		break;
	}
}

bool conntrack_msg_get(const struct nlmsghdr *nlh, struct flow *ret)
{
	struct flow flow = {0};
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) get_attribute(attr, &flow);
	if (!flow.id || !flow.proto || !flow.from.family || flow.from.family != flow.to.family ||
	    flow.server.family != flow.to.family)
		return false;
	*ret = flow;
	return true;
}

bool flow_passes(const struct flow *flow, const struct flow_filter *filter)
{
	return (!filter->family || flow->to.family == filter->family) &&
	       (!filter->proto || flow->proto == filter->proto) && (!filter->port || flow->to_port == filter->port) &&
	       (!filter->translated || flow->translated);
}

bool flow_again(struct flow_latest *latest, const struct flow *flow)
{
	bool again = false;

	for (size_t i = 0; i < FLOW_CHAIN_MAX; i++) /* to the end: this way the compiler compares several at once */
		again |= latest->ids[i] == flow->id;
	latest->ids[latest->n++ % FLOW_CHAIN_MAX] = flow->id;
	return again;
}
