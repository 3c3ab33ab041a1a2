/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wall clock, by which leases end, and an alarm on it. Only here is CLOCK_REALTIME asked for that purpose, so that a
 * test can set it. */
#ifndef WALLCLOCK_H
#define WALLCLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t wallclock_now(void);       /* seconds since the epoch */
bool wallclock_synchronised(void); /* somebody (NTP, PTP) keeps it right: adjtimex(2) */

/* A descriptor that is readable from the alarm's time on, and whenever the clock is set (also by waking up from sleep):
 * timerfd_create(2). -errno. */
int wallclock_alarm(void);
void wallclock_alarm_set(int fd, int64_t at); /* INT64_MAX: only when the clock is set */
/* Makes it unreadable until it is set again; true when the clock was set. */
bool wallclock_alarm_take(int fd);

/* For tests: from now on it is this time, and the clock was set to it; nobody synchronises it. 0 = the real clock. */
void wallclock_fake(int64_t now);

#endif
