/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listening Unix socket, and who is at the other end of an accepted one. Only for control.c. */
#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H

#include "control.h"

/* Binds and listens: a stale socket is replaced, a live one or anything else refused. The directory is made when only
 * it is missing. 0 or -errno plus diag. */
int control_socket(const char *path, int backlog, int *ret_fd, struct diag *);

struct control_groups { /* (gid_t)-1, which nobody is in, when there is no such group */
	gid_t change, look;
};
void control_groups(struct control_groups *ret);

/* SO_PEERCRED and SO_PEERGROUPS: who connected, as it was at that moment, and what it may do. */
enum access control_peer(int fd, const struct control_groups *, struct caller *ret);

/* CONTROL_CLIENTS_MAX, or what the limit of open files allows after raising it as far as we may. */
size_t control_clients_allowed(void);

#endif
