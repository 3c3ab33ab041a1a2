/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timerfd_create(2) has what a lease needs: absolute wall time, also over a suspend, and a cancellation when the clock
 * is set, which no relative timer of an event loop sees. */
#include "wallclock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <unistd.h>

#include "util.h"

static struct {
	int64_t now; /* 0 = the real clock */
	bool set;
} fake;

void wallclock_fake(int64_t now)
{
	fake.now = now;
	fake.set = true;
}

int64_t wallclock_now(void)
{
	return fake.now ? fake.now : clock_ms() / 1000; /* not time(2), which may lag behind the alarm */
}

bool wallclock_synchronised(void)
{
	struct timex query = {0};
	int state = adjtimex(&query);

	return !fake.now && state >= 0 && state != TIME_ERROR;
}

int wallclock_alarm(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

void wallclock_alarm_set(int fd, int64_t at)
{
	const int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
	const int64_t latest = INT32_MAX * INT64_C(4); /* beyond it the kernel would not count in nanoseconds */
	struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(at < 1 ? 1 : at > latest ? latest : at)}};

	if (timerfd_settime(fd, flags, &spec, NULL) == 0 || errno != ECANCELED)
		return;
	spec.it_value.tv_sec = 1; /* it was set since it was last looked at: look again at once */
	timerfd_settime(fd, flags, &spec, NULL);
}

bool wallclock_alarm_take(int fd)
{
	uint64_t times;
	bool set = read(fd, &times, sizeof(times)) < 0 && errno == ECANCELED;

	set = set || (fake.now && fake.set);
	fake.set = false;
	return set;
}
