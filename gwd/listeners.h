/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who listens on this machine, and who is connected to it, asked from the kernel (sock_diag(7)) when somebody wants to
 * know; nothing is kept. */
#ifndef LISTENERS_H
#define LISTENERS_H

#include "addr.h"
#include "diag.h"

struct listener {
	uint8_t proto; /* enum proto: one bit */
	struct ip ip;  /* unspecified = every address of the family */
	uint16_t port;
	char ifname[IFNAMSIZ]; /* bound to this interface (SO_BINDTODEVICE, or by a link-local address), "" = to none */
	uint32_t uid, inode;   /* whose it is; of the socket, as in /proc/PID/fd */
};

struct listeners { /* sorted by port */
	struct listener *items;
	size_t n, capacity;
};
void listeners_free(struct listeners *); /* contents */

/* Those of `protos` on a port of `ports`: listening TCP and SCTP sockets; UDP sockets that are not connected and not on a
 * port that the kernel hands out (net.ipv4.ip_local_port_range). A socket that serves both families is listed once for
 * each. One dump for each protocol and family, of what listens only: the cost is the number of listeners (for UDP, of
 * UDP sockets), whatever is connected. 0 or -errno plus diag. */
int listeners_read(uint8_t protos, struct port_range ports, struct listeners *ret, struct diag *);
/* The first one on `port` or above; listeners->n when there is none. O(log n). */
size_t listeners_at(const struct listeners *, uint16_t port);

/* The other end of an established TCP connection that came in: to a port on which a program of this machine listens. */
struct peer {
	struct ip remote, local; /* IPv4 also where the socket is an IPv6 one */
	uint16_t port;           /* ours */
	char ifname[IFNAMSIZ];   /* the connection is bound to this interface, "" = to none */
	uint32_t uid, inode;     /* of the socket that listens */
};

struct peers { /* sorted by port, local and remote; two connections of one peer to one port are told once */
	struct peer *items;
	size_t n, capacity;
};
void peers_free(struct peers *); /* contents */

/* Those connected to a port of `ports`. Costs listeners_read where nobody listens on them; otherwise one dump for each
 * family of all TCP connections, which the kernel filters when a single port is listened on. 0 or -errno plus diag. */
int listeners_peers(struct port_range ports, struct peers *ret, struct diag *);

/* Ends what listeners_peers told of as these: every established connection of those other ends to those ports, by a
 * reset. One dump for each family, however many they are, which the kernel filters when all are at one port. Needs
 * CAP_NET_ADMIN, and a kernel with CONFIG_INET_DIAG_DESTROY. *ret: how many were ended. 0, or -errno when some were not. */
int listeners_cut(const struct peers *, size_t *ret);

void listeners_close(void); /* the socket that is kept for the next question; it belongs to this network namespace */

#endif
