/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The time since this boot, suspend included, and an alarm on it: whoever sets the clock cannot put off what waits here.
 * CLOCK_BOOTTIME is asked for only here, so that a test can set it. */
#ifndef BOOTTIME_H
#define BOOTTIME_H

#include <stdint.h>

int64_t boottime_now(void); /* milliseconds */
/* A descriptor that is readable from the alarm's time on: timerfd_create(2). -errno. */
int boottime_alarm(void);
void boottime_alarm_set(int fd, int64_t at); /* milliseconds; 0 = never. Makes it unreadable until then */

/* For tests: from now on it is this time. 0 = the real one. */
void boottime_fake(int64_t now);

#endif
