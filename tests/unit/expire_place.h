/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gwd_place.h whose clock the test sets. */
#ifndef EXPIRE_PLACE_H
#define EXPIRE_PLACE_H

#include "compile.h"
#include "gwd_place.h"
#include "wallclock.h"

#define NOON INT64_C(1795262400) /* 2026-11-21T12:00:00Z */
#define AT_ONE "2026-11-21T13:00:00Z"
#define AT_TWO "2026-11-21T14:00:00Z"
#define HOUR 3600

static inline int expire_setup(void **state)
{
	wallclock_fake(NOON);
	return place_new(state);
}

static inline int expire_teardown(void **state)
{
	int r = place_gone(state);

	wallclock_fake(0);
	return r;
}

#undef IN_PLACE
#define IN_PLACE(name) cmocka_unit_test_setup_teardown(name, expire_setup, expire_teardown)

/* Later; the alarm goes off. */
static inline void pass(int64_t seconds)
{
	wallclock_fake(wallclock_now() + seconds);
	(void)wallclock_alarm_take(-1); /* it came by itself */
	gwd_alarm_event(place.gwd);
}

/* Somebody sets it. */
static inline void set_clock(int64_t now)
{
	wallclock_fake(now);
	gwd_alarm_event(place.gwd);
}

static inline void lease(const char *name, const char *port, const char *expires)
{
	_cleanup_(freep) char *service = xasprintf(
		"{'name':'%s','ports':['%s'],'to':[{'addr':'10.0.0.2'}],'expires':'%s'}", name, port, expires);

	DONE(try_add(service));
}

static inline void temporary(const char *name, const char *port)
{
	place.options.lifetime = LIFETIME_TEMPORARY;
	add(name, port, "10.0.0.2");
	place.options.lifetime = LIFETIME_DURABLE;
}

static inline void flow(uint32_t id, uint8_t proto, uint16_t port)
{
	struct flow f = {.id = id, .proto = proto, .from_port = 1000, .to_port = port, .server_port = port};

	assert_true(ip_parse("203.0.113.5", &f.to) && ip_parse("10.0.0.2", &f.server) &&
		    ip_parse("198.51.100.9", &f.from));
	compile_label(f.labels);
	fake_conntrack_put(&f);
}

static inline int64_t revision(void)
{
	return status().revision;
}

#endif
