/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All attempts are made before the first is waited for, so that many targets take no longer than one. */
#include "probe.h"

#include <errno.h>
#include <time.h> /* before the next one, which needs it and does not say so */

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "util.h"

const char *const probe_names[PROBE_ANSWERS] = {"accepts", "refused", "silent", "unreachable", "rejected", "unknown"};

static socklen_t fill(struct sockaddr_storage *ret, const struct ip *ip, uint16_t port)
{
	*ret = (struct sockaddr_storage){0};
	if (ip->family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, ip->bytes, sizeof(in->sin_addr));
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, ip->bytes, sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

static enum probe_answer answer_of(int error)
{
	switch (error) {
	case 0:
		return PROBE_ACCEPTS;
	case ECONNREFUSED:
		return PROBE_REFUSED;
	case ETIMEDOUT:
	case EINPROGRESS:
		return PROBE_SILENT;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
		return PROBE_UNREACHABLE;
	default:
		return PROBE_UNKNOWN;
	}
}

/* Of TCP a host itself says that a port has nobody with a RST, so one that says it by ICMP is a firewall, too. */
static bool rejects(const struct sock_extended_err *e, uint8_t proto)
{
	bool tcp = proto == PROTO_TCP;
	if (e->ee_origin == SO_EE_ORIGIN_ICMP)
		return e->ee_type == ICMP_DEST_UNREACH &&
		       (e->ee_code == ICMP_NET_ANO || e->ee_code == ICMP_HOST_ANO || e->ee_code == ICMP_PKT_FILTERED ||
			(tcp && e->ee_code == ICMP_PORT_UNREACH));
	return e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_type == ICMPV6_DEST_UNREACH &&
	       (e->ee_code == ICMPV6_ADM_PROHIBITED || e->ee_code == ICMPV6_POLICY_FAIL || e->ee_code == ICMPV6_REJECT_ROUTE ||
		(tcp && e->ee_code == ICMPV6_PORT_UNREACH));
}

/* The kernel keeps what the ICMP said, of which errno is only the gist. */
static bool was_rejected(const struct probe *p)
{
	_Alignas(struct cmsghdr) char control[256];
	struct msghdr m = {.msg_control = control, .msg_controllen = sizeof(control)};
	struct sock_extended_err e;
	if (recvmsg(p->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		bool error = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			     (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
		if (!error || c->cmsg_len < CMSG_LEN(sizeof(e)))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if (rejects(&e, p->proto))
			return true;
	}
	return false;
}

static int socket_for(const struct probe *p)
{
	int flags = SOCK_NONBLOCK | SOCK_CLOEXEC, on = 1;
	int fd = p->proto == PROTO_UDP ? socket(p->to.family, SOCK_DGRAM | flags, 0)
				       : socket(p->to.family, SOCK_STREAM | flags,
						p->proto == PROTO_SCTP ? IPPROTO_SCTP : 0);
	if (fd >= 0 && p->to.family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	else if (fd >= 0)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	return fd;
}

/* 0 = under way; otherwise an errno, which says it all. */
static int begin(struct probe *p)
{
	struct sockaddr_storage at;
	p->fd = socket_for(p);
	if (p->fd < 0)
		return errno;
	if (p->source.family && bind(p->fd, (struct sockaddr *)&at, fill(&at, &p->source, 0)) < 0)
		return errno;
	if (connect(p->fd, (struct sockaddr *)&at, fill(&at, &p->to, p->port)) < 0 && errno != EINPROGRESS)
		return errno;
	if (p->proto == PROTO_UDP && send(p->fd, "", 0, 0) < 0)
		return errno;
	return 0;
}

static void end(struct probe *p, enum probe_answer answer)
{
	p->answer = answer;
	closep(&p->fd);
	p->fd = -1;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void take(struct probe *p)
{
	int error = 0;
	socklen_t len = sizeof(error);
	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	end(p, error && was_rejected(p) ? PROBE_REJECTED : answer_of(error));
}

void probe_all(struct probe *probes, size_t n, int ms)
{
	_cleanup_(freep) struct pollfd *polls = xcalloc(n, sizeof(*polls));
	int64_t until = now_ms() + ms;
	size_t waiting = 0;
	for (size_t i = 0; i < n; i++) {
		int error = begin(&probes[i]);
		if (error)
			end(&probes[i], answer_of(error));
		else
			probes[i].answer = PROBE_SILENT;
		waiting += !error;
	}
	while (waiting) {
		int64_t left = until - now_ms();
		for (size_t i = 0; i < n; i++)
			polls[i] = (struct pollfd){.fd = probes[i].fd,
						   .events = probes[i].proto == PROTO_UDP ? POLLIN : POLLOUT};
		if (left <= 0 || poll(polls, n, (int)left) <= 0)
			break;
		for (size_t i = 0; i < n; i++) {
			if (!polls[i].revents)
				continue;
			take(&probes[i]);
			waiting--;
		}
	}
	for (size_t i = 0; i < n; i++)
		end(&probes[i], probes[i].answer);
}

int probe(const char *addr, const char *port)
{
	struct probe p = {.proto = PROTO_TCP};
	struct port_range ports;
	if (!ip_parse(addr, &p.to) || !port_range_parse(port, &ports))
		return -EINVAL;
	p.port = ports.first;
	probe_all(&p, 1, PROBE_MS);
	return p.answer == PROBE_ACCEPTS;
}
