/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is somebody there? One TCP connection attempt. */
#ifndef PROBE_H
#define PROBE_H

#define PROBE_MS 300

/* 1 = it accepts, 0 = nobody answers within PROBE_MS, -EINVAL when `addr` and `port` are none. */
int probe(const char *addr, const char *port);

#endif
