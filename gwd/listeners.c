/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel filters by state, and by port when there is only one, so that a machine with a million connections answers
 * as fast as an idle one. UDP has no listening state: a socket without a peer is taken for a server unless its port is
 * one of those that clients get. */
#include "listeners.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "nl.h"
#include "sysctl.h"
#include "util.h"

void listeners_free(struct listeners *l)
{
	free(l->items);
	*l = (struct listeners){0};
}

struct question {
	uint8_t proto; /* one bit */
	uint8_t family;
	struct port_range ports, ephemeral;
	struct listeners *found;
};

/* ---- Answers ------------------------------------------------------------------------------------- */

static int attribute(const struct nlattr *attr, void *ctx)
{
	bool *only6 = ctx;

	if (mnl_attr_get_type(attr) == INET_DIAG_SKV6ONLY && mnl_attr_validate(attr, MNL_TYPE_U8) >= 0)
		*only6 = mnl_attr_get_u8(attr);
	return MNL_CB_OK;
}

static void add(const struct question *q, const struct inet_diag_msg *m, uint8_t family, const uint8_t *bytes)
{
	struct listeners *l = q->found;
	struct listener *new;

	l->items = grow(l->items, l->n, &l->capacity, sizeof(*l->items));
	new = &l->items[l->n++];
	*new = (struct listener){.proto = q->proto,
				 .ip.family = family,
				 .port = ntohs(m->id.idiag_sport),
				 .uid = m->idiag_uid,
				 .inode = m->idiag_inode};
	memcpy(new->ip.bytes, bytes, ip_len(&new->ip));
	if (m->id.idiag_if && !if_indextoname(m->id.idiag_if, new->ifname))
		snprintf(new->ifname, sizeof(new->ifname), "?"); /* it has just gone */
}

/* An IPv6 socket bound to all addresses serves IPv4 too unless told not to; one bound to ::ffff:a.b.c.d, only IPv4. */
static void add6(const struct question *q, const struct inet_diag_msg *m, bool only6)
{
	static const uint8_t any[16], mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *bytes = (const uint8_t *)m->id.idiag_src;

	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		add(q, m, AF_INET, bytes + sizeof(mapped));
		return;
	}
	add(q, m, AF_INET6, bytes);
	if (memcmp(bytes, any, sizeof(any)) == 0 && !only6)
		add(q, m, AF_INET, any);
}

static bool within(struct port_range range, uint16_t port)
{
	return port >= range.first && port <= range.last;
}

static int answer(const struct nlmsghdr *nlh, void *ctx)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	const struct question *q = ctx;
	bool only6 = false;
	uint16_t port;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return MNL_CB_OK;
	port = ntohs(m->id.idiag_sport);
	if (!within(q->ports, port) || (q->proto == PROTO_UDP && within(q->ephemeral, port)))
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*m), attribute, &only6);
	if (m->idiag_family == AF_INET)
		add(q, m, AF_INET, (const uint8_t *)m->id.idiag_src);
	else if (m->idiag_family == AF_INET6)
		add6(q, m, only6);
	return MNL_CB_OK;
}

/* ---- Questions ----------------------------------------------------------------------------------- */

static int ask(struct nl *nl, struct question *q)
{
	_Alignas(struct nlmsghdr) char buf[256] = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *r = mnl_nlmsg_put_extra_header(nlh, sizeof(*r));

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	r->sdiag_family = q->family;
	r->idiag_states = 1U << (q->proto == PROTO_UDP ? TCP_CLOSE : TCP_LISTEN);
	if (q->ports.first == q->ports.last)
		r->id.idiag_sport = htons(q->ports.first);
	for (size_t i = 0; i < PROTO_COUNT; i++)
		if (q->proto == 1U << i)
			r->sdiag_protocol = proto_numbers[i];
	return nl_talk(nl, nlh, answer, q);
}

static int by_port(const void *a, const void *b)
{
	const struct listener *x = a, *y = b;

	return (x->port > y->port) - (x->port < y->port);
}

/* A kernel that cannot be asked about SCTP most likely has none. */
static int ask_all(struct nl *nl, uint8_t protos, struct question *q)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int r = 0;

	for (size_t i = 0; i < PROTO_COUNT * ARRAY_SIZE(families) && r == 0; i++) {
		q->proto = (uint8_t)(protos & 1U << i / ARRAY_SIZE(families));
		q->family = families[i % ARRAY_SIZE(families)];
		r = q->proto ? ask(nl, q) : 0;
		if (r < 0 && q->proto == PROTO_SCTP)
			r = 0;
	}
	return r;
}

int listeners_read(uint8_t protos, struct port_range ports, struct listeners *ret, struct diag *diag)
{
	_cleanup_(listeners_free) struct listeners found = {0};
	struct question q = {.ports = ports, .ephemeral = sysctl_local_ports(), .found = &found};
	struct nl *nl;
	int r = nl_open(NETLINK_SOCK_DIAG, &nl);

	if (r == 0) {
		r = ask_all(nl, protos, &q);
		nl_close(nl);
	}
	if (r < 0) {
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "the kernel does not say who listens: %s", strerror(-r));
		return r;
	}
	if (found.n)
		qsort(found.items, found.n, sizeof(*found.items), by_port);
	*ret = found;
	found = (struct listeners){0};
	return 0;
}

size_t listeners_at(const struct listeners *l, uint16_t port)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (l->items[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
