/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ends a row is that it was left alone after a try, not that time passed: whoever changes it every second is as near
 * after a pause of eight as after none. */
#include "backoff.h"

bool backoff_changed(struct backoff *b, int64_t now)
{
	unsigned doubled;

	if (b->pending || b->stopped)
		return false;
	if (now - b->last >= BACKOFF_CALM)
		*b = (struct backoff){0};
	b->pending = true;
	b->stopped = b->repairs >= BACKOFF_REPAIRS;
	b->due = now;
	if (b->tries >= BACKOFF_AT_ONCE) {
		doubled = b->tries - BACKOFF_AT_ONCE;
		b->due = b->last + (BACKOFF_PAUSE << (doubled < BACKOFF_DOUBLED ? doubled : BACKOFF_DOUBLED));
	}
	return b->stopped;
}

bool backoff_may(const struct backoff *b, int64_t now)
{
	return !b->stopped && (!b->pending || now >= b->due);
}

void backoff_tried(struct backoff *b, bool found, int64_t now)
{
	b->pending = false;
	b->last = now;
	b->tries++;
	b->repairs += found;
}
