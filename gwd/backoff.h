/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often something that others change is put right: at once while it is an accident, then more and more seldom, and
 * not at all any more when somebody fights. Pure: the time is the caller's, in milliseconds. */
#ifndef BACKOFF_H
#define BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BACKOFF_AT_ONCE = 5,  /* tries in a row without a pause */
	BACKOFF_PAUSE = 2000, /* before the next one; it doubles ... */
	BACKOFF_DOUBLED = 2,  /* ... so often */
	BACKOFF_REPAIRS = 8,  /* in a row; then it is a fight */
	BACKOFF_CALM = 10000, /* left alone so long, what comes begins a new row */
};

struct backoff {          /* zeroed: nothing has happened yet */
	int64_t last;     /* try */
	int64_t due;      /* not before it */
	unsigned tries;   /* in a row */
	unsigned repairs; /* tries that found something to do */
	bool pending;     /* it was changed, and not tried since */
	bool stopped;
};

/* Somebody changed it. True when that is where it stops. */
bool backoff_changed(struct backoff *, int64_t now);
/* A try may be made now, because of a change or for another reason. */
bool backoff_may(const struct backoff *, int64_t now);
/* A try was made; `found`: and there was something to do. */
void backoff_tried(struct backoff *, bool found, int64_t now);

#endif
