/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A refused connection counts as nobody: what a client would want to reach is not there. */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "addr.h"
#include "util.h"

static socklen_t fill(struct sockaddr_storage *ret, const struct ip *ip, uint16_t port)
{
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

int probe(const char *addr, const char *port)
{
	struct sockaddr_storage to = {0};
	struct port_range ports;
	struct ip ip;
	int error = 0;
	socklen_t len = sizeof(error);
	if (!ip_parse(addr, &ip) || !port_range_parse(port, &ports))
		return -EINVAL;
	_cleanup_(closep) int fd = socket(ip.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (connect(fd, (struct sockaddr *)&to, fill(&to, &ip, ports.first)) == 0)
		return 1;
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	if (errno != EINPROGRESS || poll(&ready, 1, PROBE_MS) <= 0)
		return 0;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}
