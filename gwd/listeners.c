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

void peers_free(struct peers *p)
{
	free(p->items);
	*p = (struct peers){0};
}

struct why_question {
	uint8_t proto; /* one bit */
	struct port_range ports, ephemeral;
	struct listeners *found; /* either who listens ... */
	struct peers *peers;     /* ... or who is connected */
};

/* ---- Answers ------------------------------------------------------------------------------------- */

static int attribute(const struct nlattr *attr, void *ctx)
{
	bool *only6 = ctx;

	if (mnl_attr_get_type(attr) == INET_DIAG_SKV6ONLY && mnl_attr_validate(attr, MNL_TYPE_U8) >= 0)
		*only6 = mnl_attr_get_u8(attr);
	return MNL_CB_OK;
}

/* An IPv6 socket that is bound or connected to ::ffff:a.b.c.d speaks IPv4. */
static struct ip address(const struct inet_diag_msg *m, const __be32 words[4])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct ip ip = {.family = m->idiag_family};
	const uint8_t *bytes = (const uint8_t *)words;

	if (ip.family == AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		ip.family = AF_INET;
		bytes += sizeof(mapped);
	}
	memcpy(ip.bytes, bytes, ip_len(&ip));
	return ip;
}

static void bound_to(const struct inet_diag_msg *m, char ifname[IFNAMSIZ])
{
	if (m->id.idiag_if && !if_indextoname(m->id.idiag_if, ifname))
		snprintf(ifname, IFNAMSIZ, "?"); /* it has just gone */
}

static void add(const struct why_question *q, const struct inet_diag_msg *m, struct ip ip)
{
	struct listeners *l = q->found;
	struct listener *new;

	l->items = grow(l->items, l->n, &l->capacity, sizeof(*l->items));
	new = &l->items[l->n++];
	*new = (struct listener){.proto = q->proto,
				 .ip = ip,
				 .port = ntohs(m->id.idiag_sport),
				 .uid = m->idiag_uid,
				 .inode = m->idiag_inode};
	bound_to(m, new->ifname);
}

/* An IPv6 socket bound to all addresses serves IPv4 too unless told not to. */
static void add_listener(const struct why_question *q, const struct nlmsghdr *nlh, const struct inet_diag_msg *m)
{
	static const struct ip any4 = {.family = AF_INET}, any6 = {.family = AF_INET6};
	const struct ip ip = address(m, m->id.idiag_src);
	bool only6 = false;

	add(q, m, ip);
	mnl_attr_parse(nlh, sizeof(*m), attribute, &only6);
	if (ip_cmp(&ip, &any6) == 0 && !only6)
		add(q, m, any4);
}

static struct peer peer_of(const struct inet_diag_msg *m)
{
	struct peer p = {.remote = address(m, m->id.idiag_dst),
			 .local = address(m, m->id.idiag_src),
			 .port = ntohs(m->id.idiag_sport)};

	bound_to(m, p.ifname);
	return p;
}

static void add_peer(struct peers *p, const struct inet_diag_msg *m)
{
	p->items = grow(p->items, p->n, &p->capacity, sizeof(*p->items));
	p->items[p->n++] = peer_of(m);
}

static bool within(struct port_range range, uint16_t port)
{
	return port >= range.first && port <= range.last;
}

static int answer(const struct nlmsghdr *nlh, void *ctx)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	const struct why_question *q = ctx;
	uint16_t port;

	if ((nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY && nlh->nlmsg_type != TCPDIAG_GETSOCK) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return MNL_CB_OK;
	port = ntohs(m->id.idiag_sport);
	if (!within(q->ports, port) || (q->proto == PROTO_UDP && within(q->ephemeral, port)))
		return MNL_CB_OK;
	if (m->idiag_family != AF_INET && m->idiag_family != AF_INET6)
		return MNL_CB_OK;
	if (q->peers)
		add_peer(q->peers, m);
	else
		add_listener(q, nlh, m);
	return MNL_CB_OK;
}

/* ---- Questions ----------------------------------------------------------------------------------- */

/* For all of them: each change asks some, and to open a socket costs as much as to be answered. */
static struct nl *nl;

void listeners_close(void)
{
	nl_close(nl);
	nl = NULL;
}

static int talk(uint16_t type, uint16_t flags, const void *request, size_t size, mnl_cb_t cb, void *ctx)
{
	_Alignas(struct nlmsghdr) char buf[256] = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(mnl_nlmsg_put_extra_header(nlh, size), request, size);
	return nl_talk(nl, nlh, cb, ctx);
}

static __be16 one_port(const struct why_question *q)
{
	return q->ports.first == q->ports.last ? htons(q->ports.first) : 0;
}

/* The older one of the kernel's questions is answered for both families with one walk over its table. It knows TCP. */
static int ask_tcp(struct why_question *q)
{
	const struct inet_diag_req r = {.idiag_states = 1U << (q->peers ? TCP_ESTABLISHED : TCP_LISTEN),
					.id.idiag_sport = one_port(q)};

	return talk(TCPDIAG_GETSOCK, NLM_F_DUMP, &r, sizeof(r), answer, q);
}

static int ask(struct why_question *q, uint8_t family, uint8_t number)
{
	const struct inet_diag_req_v2 r = {.sdiag_family = family,
					   .sdiag_protocol = number,
					   .idiag_states = 1U << (q->proto == PROTO_UDP ? TCP_CLOSE : TCP_LISTEN),
					   .id.idiag_sport = one_port(q)};

	return talk(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &r, sizeof(r), answer, q);
}

static int by_port(const void *a, const void *b)
{
	const struct listener *x = a, *y = b;

	return (x->port > y->port) - (x->port < y->port);
}

/* A kernel that cannot be asked about SCTP most likely has none. */
static int ask_each(uint8_t protos, struct why_question *q)
{
	int r = 0;

	for (size_t i = 0; i < PROTO_COUNT && r == 0; i++) {
		q->proto = (uint8_t)(protos & 1U << i);
		if (q->proto == PROTO_TCP) {
			r = ask_tcp(q);
		} else if (q->proto) {
			r = ask(q, AF_INET, proto_numbers[i]);
			r = r == 0 ? ask(q, AF_INET6, proto_numbers[i]) : r;
		}
		if (r < 0 && q->proto == PROTO_SCTP)
			r = 0;
	}
	return r;
}

static int ask_all(uint8_t protos, struct why_question *q, struct diag *diag)
{
	int r = nl ? 0 : nl_open(NETLINK_SOCK_DIAG, &nl);

	if (r == 0)
		r = ask_each(protos, q);
	if (r < 0)
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "the kernel does not say who listens: %s", strerror(-r));
	return r;
}

int listeners_read(uint8_t protos, struct port_range ports, struct listeners *ret, struct diag *diag)
{
	_cleanup_(listeners_free) struct listeners found = {0};
	struct why_question q = {.ports = ports, .found = &found};
	int r;

	if (protos & PROTO_UDP)
		q.ephemeral = sysctl_local_ports();
	r = ask_all(protos, &q, diag);
	if (r < 0)
		return r;
	if (found.n)
		qsort(found.items, found.n, sizeof(*found.items), by_port);
	*ret = found;
	found = (struct listeners){0};
	return 0;
}

static int by_port_and_ends(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;
	int c = (x->port > y->port) - (x->port < y->port);

	c = c ? c : ip_cmp(&x->local, &y->local);
	c = c ? c : ip_cmp(&x->remote, &y->remote);
	return c ? c : strcmp(x->ifname, y->ifname);
}

/* Leaves those that came in, each once, and says at whom. */
static void keep_inbound(struct peers *p, const struct listeners *listeners)
{
	size_t kept = 0;

	if (p->n)
		qsort(p->items, p->n, sizeof(*p->items), by_port_and_ends);
	for (size_t i = 0; i < p->n; i++) {
		size_t at = listeners_at(listeners, p->items[i].port);

		if (at == listeners->n || listeners->items[at].port != p->items[i].port ||
		    (kept && by_port_and_ends(&p->items[kept - 1], &p->items[i]) == 0))
			continue;
		p->items[kept] = p->items[i];
		p->items[kept].uid = listeners->items[at].uid;
		p->items[kept++].inode = listeners->items[at].inode;
	}
	p->n = kept;
}

/* Looking through all connections costs a walk over the kernel's table of them, be it empty: nobody listens, nobody is
 * connected. */
int listeners_peers(struct port_range ports, struct peers *ret, struct diag *diag)
{
	_cleanup_(listeners_free) struct listeners listeners = {0};
	_cleanup_(peers_free) struct peers peers = {0};
	struct why_question q = {.peers = &peers};
	int r = listeners_read(PROTO_TCP, ports, &listeners, diag);

	if (r == 0 && listeners.n) {
		q.ports = (struct port_range){listeners.items[0].port, listeners.items[listeners.n - 1].port};
		r = ask_all(PROTO_TCP, &q, diag);
	}
	if (r < 0)
		return r;
	keep_inbound(&peers, &listeners);
	*ret = peers;
	peers = (struct peers){0};
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

/* ---- Ending connections -------------------------------------------------------------------------- */

struct ending {
	const struct peers *whose;
	struct inet_diag_req_v2 *sockets;
	size_t n, capacity;
};

static int is_theirs(const struct nlmsghdr *nlh, void *ctx)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct ending *e = ctx;
	struct peer p;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return MNL_CB_OK;
	p = peer_of(m);
	if (!bsearch(&p, e->whose->items, e->whose->n, sizeof(p), by_port_and_ends))
		return MNL_CB_OK;
	e->sockets = grow(e->sockets, e->n, &e->capacity, sizeof(*e->sockets));
	e->sockets[e->n++] =
		(struct inet_diag_req_v2){.sdiag_family = m->idiag_family, .sdiag_protocol = IPPROTO_TCP, .id = m->id};
	return MNL_CB_OK;
}

/* Their sockets; the kernel looks at the port when it is the same for all. */
static int find(struct ending *e)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	const struct peer *first = e->whose->items, *last = first + e->whose->n - 1;
	int r = nl ? 0 : nl_open(NETLINK_SOCK_DIAG, &nl);

	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++) {
		struct inet_diag_req_v2 all = {.sdiag_family = families[i],
					       .sdiag_protocol = IPPROTO_TCP,
					       .idiag_states = 1U << TCP_ESTABLISHED,
					       .id.idiag_sport = first->port == last->port ? htons(first->port) : 0};

		r = talk(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &all, sizeof(all), is_theirs, e);
	}
	return r;
}

int listeners_cut(const struct peers *peers, size_t *ret)
{
	struct ending e = {.whose = peers};
	int r = peers->n ? find(&e) : 0;

	*ret = 0;
	for (size_t i = 0; i < e.n; i++) {
		int ended = talk(SOCK_DESTROY, NLM_F_ACK, &e.sockets[i], sizeof(e.sockets[i]), NULL, NULL);

		*ret += ended == 0;
		r = ended < 0 && ended != -ENOENT ? ended : r; /* -ENOENT: it has just ended */
	}
	free(e.sockets);
	return r;
}
