/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that listen and who is connected to them, behind listeners.h; none unless a test says so. */
#ifndef FAKE_LISTENERS_H
#define FAKE_LISTENERS_H

#include "listeners.h"

void fake_listeners_reset(void); /* nobody listens or is connected */
/* `ifname` NULL = bound to no interface; uid 7, inodes from 1000 on. */
void fake_listen(enum proto, const char *ip, uint16_t port, const char *ifname);
/* A client of one that listens already; `local` is our address, `ifname` NULL = bound to no interface. */
void fake_connect(const char *remote, const char *local, uint16_t port, const char *ifname);
void fake_listeners_fail(int error); /* from now on, until the reset */
unsigned fake_listeners_asked(void); /* how often since the reset */
unsigned fake_peers_asked(void);

#endif
