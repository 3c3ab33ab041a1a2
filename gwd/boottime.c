/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A timer of the event loop would count CLOCK_MONOTONIC, which stands still while the machine sleeps. */
#include "boottime.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

static int64_t fake; /* 0 = the real clock */

void boottime_fake(int64_t now)
{
	fake = now;
}

int64_t boottime_now(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_BOOTTIME, &now);
	return fake ? fake : now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int boottime_alarm(void)
{
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void boottime_alarm_set(int fd, int64_t at)
{
	const struct itimerspec spec = {
		.it_value = {.tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000}};

	timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL);
}
