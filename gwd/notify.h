/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager's notification socket (sd_notify(3)): a datagram of assignments to $NOTIFY_SOCKET. */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdint.h>

/* "READY=1", "RELOADING=1\nMONOTONIC_USEC=...", "STATUS=...", "WATCHDOG=1", "STOPPING=1". Nobody listening is no error. */
void notify(const char *assignments);
void notify_reloading(void);
/* Half of the watchdog's period in milliseconds (sd_watchdog_enabled(3)); 0 = there is none. */
uint64_t notify_watchdog_interval(void);

#endif
