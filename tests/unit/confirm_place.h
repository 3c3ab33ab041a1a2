/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An expire_place.h whose time since the boot the test sets, too. */
#ifndef CONFIRM_PLACE_H
#define CONFIRM_PLACE_H

#include "boottime.h"
#include "expire_place.h"

#define START INT64_C(1000000) /* milliseconds since boot */

static inline int confirm_setup(void **state)
{
	boottime_fake(START);
	return expire_setup(state);
}

static inline int confirm_teardown(void **state)
{
	boottime_fake(0);
	return expire_teardown(state);
}

#undef IN_PLACE
#define IN_PLACE(name) cmocka_unit_test_setup_teardown(name, confirm_setup, confirm_teardown)

/* Time passes; the alarm goes off if it should. */
static inline void wait_for(unsigned seconds)
{
	boottime_fake(boottime_now() + seconds * INT64_C(1000));
	gwd_confirm_event(place.gwd);
}

/* What is asked between these two is to be confirmed. */
static inline void within(unsigned seconds)
{
	place.options.confirm = seconds;
	place.options.session = "first";
}

static inline void for_good(void)
{
	place.options.confirm = 0;
	place.options.session = NULL;
}

static inline int try_confirm(const char *session, bool force)
{
	forget();
	return place.r = gwd_confirm(place.gwd, session, force, &place.options.who, &place.outcome, &place.diag);
}

/* "added web: tcp 80 -> 10.0.0.2:80, 60 s", or "" */
static inline void assert_waits(const char *expected)
{
	int64_t seconds;
	const struct pending *p = gwd_pending(place.gwd, &seconds);
	_cleanup_(freep) char *have = p ? xasprintf("%s, %lld s", p->what, (long long)seconds) : xstrdup("");

	assert_string_equal(have, expected);
}

static inline int newest_what(void *ctx, const struct revision *r)
{
	*(char **)ctx = xasprintf("%lld %s", (long long)r->id, r->what);
	return 1;
}

static inline void assert_newest(const char *expected)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *what = NULL;

	assert_int_equal(state_each_revision(gwd_state(place.gwd), 1, newest_what, &what, &diag), 1);
	assert_string_equal(what, expected);
}

#define WEB "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n"
#define BAD "services:\n  - {name: bad, port: 81, to: 10.0.0.9}\n"

#endif
