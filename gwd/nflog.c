/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The group is bound only while somebody wants to know: to a group that nobody listens to, the kernel sends nothing. One
 * message per packet, at once: rules that log are rate limited, so there is nothing to gain from batches of them. */
#include "nflog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "nl.h"
#include "util.h"

enum {
	PACKET_BYTES = 64, /* of each packet: the headers up to the ports */
	HEADERS_MAX = 8,   /* of IPv6 */
};

struct nflog {
	struct nl *nl;
	uint16_t group; /* bound; 0 = none */
};

int nflog_open(struct nflog **ret)
{
	struct nflog *n = xcalloc(1, sizeof(*n));
	int r = nl_open(NETLINK_NETFILTER, &n->nl);

	if (r < 0) {
		free(n);
		return r;
	}
	*ret = n;
	return 0;
}

void nflog_close(struct nflog *n)
{
	if (!n)
		return;
	nl_close(n->nl);
	free(n);
}

int nflog_fd(const struct nflog *n)
{
	return nl_fd(n->nl);
}

/* ---- Binding ------------------------------------------------------------------------------------- */

static struct nlmsghdr *config(void *buf, uint16_t group)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(group);
	return nlh;
}

static int command(struct nflog *n, uint16_t group, uint8_t what)
{
	_Alignas(struct nlmsghdr) char buf[256] = {0};
	const struct nfulnl_msg_config_cmd cmd = {what};
	struct nlmsghdr *nlh = config(buf, group);

	mnl_attr_put(nlh, NFULA_CFG_CMD, sizeof(cmd), &cmd);
	return nl_talk(n->nl, nlh, NULL, NULL);
}

static int bind_group(struct nflog *n, uint16_t group)
{
	_Alignas(struct nlmsghdr) char buf[256] = {0};
	const struct nfulnl_msg_config_mode mode = {.copy_range = htonl(PACKET_BYTES), .copy_mode = NFULNL_COPY_PACKET};
	struct nlmsghdr *nlh;
	int r = command(n, group, NFULNL_CFG_CMD_BIND);

	if (r < 0)
		return r;
	nlh = config(buf, group);
	mnl_attr_put(nlh, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(nlh, NFULA_CFG_QTHRESH, htonl(1));
	r = nl_talk(n->nl, nlh, NULL, NULL);
	if (r < 0)
		command(n, group, NFULNL_CFG_CMD_UNBIND);
	return r;
}

static const char *hint(int error)
{
	if (error == -EPERM)
		return ": another program listens to it";
	return error == -EINVAL ? ": does this kernel have nfnetlink_log?" : "";
}

int nflog_listen(struct nflog *n, uint16_t group, struct diag *diag)
{
	int r = 0;

	if (n->group == group)
		return 0;
	if (n->group)
		r = command(n, n->group, NFULNL_CFG_CMD_UNBIND);
	if (r == 0)
		n->group = 0;
	if (r == 0 && group)
		r = bind_group(n, group);
	if (r == 0)
		n->group = group;
	else
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "new connections cannot be logged: log group %u: %s%s",
			 group, strerror(-r), hint(r));
	return r;
}

/* ---- Packets ------------------------------------------------------------------------------------- */

static uint16_t port_at(const uint8_t *packet, size_t len, size_t at)
{
	return at + 2 <= len ? (uint16_t)(packet[at] << 8 | packet[at + 1]) : 0;
}

/* All that we forward begins with the two ports. */
static void read_ports(const uint8_t *packet, size_t len, size_t at, struct logged *ret)
{
	if (ret->proto != IPPROTO_TCP && ret->proto != IPPROTO_UDP && ret->proto != IPPROTO_SCTP)
		return;
	ret->from_port = port_at(packet, len, at);
	ret->to_port = port_at(packet, len, at + 2);
}

/* RFC 791 */
static bool parse4(const uint8_t *packet, size_t len, struct logged *ret)
{
	size_t header = (packet[0] & 0xfu) * 4;

	if (len < 20 || header < 20)
		return false;
	ret->proto = packet[9];
	ret->from.family = ret->to.family = AF_INET;
	memcpy(ret->from.bytes, packet + 12, 4);
	memcpy(ret->to.bytes, packet + 16, 4);
	if (((packet[6] & 0x1f) | packet[7]) == 0) /* later fragments have no ports */
		read_ports(packet, len, header, ret);
	return true;
}

/* RFC 8200; the ports are behind the extension headers. */
static bool parse6(const uint8_t *packet, size_t len, struct logged *ret)
{
	size_t at = 40;

	if (len < at)
		return false;
	ret->proto = packet[6];
	ret->from.family = ret->to.family = AF_INET6;
	memcpy(ret->from.bytes, packet + 8, 16);
	memcpy(ret->to.bytes, packet + 24, 16);
	for (int i = 0; i < HEADERS_MAX && at + 2 <= len; i++) {
		bool fragment = ret->proto == IPPROTO_FRAGMENT;

		if (!fragment && ret->proto != IPPROTO_HOPOPTS && ret->proto != IPPROTO_ROUTING &&
		    ret->proto != IPPROTO_DSTOPTS)
			break;
		ret->proto = packet[at];
		if (fragment && (port_at(packet, len, at + 2) & 0xfff8))
			return true; /* a later fragment has no ports */
		at += fragment ? 8 : (packet[at + 1] + 1u) * 8;
	}
	read_ports(packet, len, at, ret);
	return true;
}

bool nflog_parse(const uint8_t *packet, size_t len, struct logged *ret)
{
	struct logged l = {.name = ret->name};
	bool ok = len > 0 && (packet[0] >> 4 == 4   ? parse4(packet, len, &l)
			      : packet[0] >> 4 == 6 ? parse6(packet, len, &l)
						    : false);

	if (ok)
		*ret = l;
	return ok;
}

static void end_text(struct buf *out, const struct ip *ip, uint16_t port)
{
	char text[ADDR_TEXT_MAX];
	bool v6 = ip->family == AF_INET6;

	buf_printf(out, "%s%s%s", v6 && port ? "[" : "", ip_text(ip, text), v6 && port ? "]" : "");
	if (port)
		buf_printf(out, ":%u", port);
}

char *logged_text(const struct logged *l)
{
	struct buf out = {0};

	for (size_t i = 0; i < PROTO_COUNT; i++)
		if (proto_numbers[i] == l->proto)
			buf_printf(&out, "%s ", proto_names[i]);
	if (!out.len)
		buf_printf(&out, "protocol %u ", l->proto);
	end_text(&out, &l->from, l->from_port);
	buf_printf(&out, " -> ");
	end_text(&out, &l->to, l->to_port);
	return buf_take(&out);
}

/* ---- Reading ------------------------------------------------------------------------------------- */

static bool read_message(const struct nlmsghdr *nlh, struct logged *ret)
{
	const struct nlattr *packet = NULL;
	struct nlattr *attr;

	*ret = (struct logged){.name = ""};
	if (nlh->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return false;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFULA_PAYLOAD)
			packet = attr;
		else if (mnl_attr_get_type(attr) == NFULA_PREFIX && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			ret->name = mnl_attr_get_str(attr);
	}
	return packet && nflog_parse(mnl_attr_get_payload(packet), mnl_attr_get_payload_len(packet), ret);
}

struct reader {
	void (*each)(void *ctx, const struct logged *);
	void *ctx;
};

static void take(void *ctx, const struct nlmsghdr *nlh)
{
	const struct reader *to = ctx;
	struct logged logged;

	if (read_message(nlh, &logged))
		to->each(to->ctx, &logged);
}

size_t nflog_read(struct nflog *n, void (*each)(void *ctx, const struct logged *), void *ctx)
{
	struct reader to = {each, ctx};

	return nl_events(n->nl, take, &to);
}
