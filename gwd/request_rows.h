/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists, in one reply or in as many as it takes. Only for request*.c. */
#ifndef REQUEST_ROWS_H
#define REQUEST_ROWS_H

#include "varlink.h"

struct rows_items {
	void *items; /* an array of `n`, `size` bytes each */
	size_t n, size;
	void (*put)(struct buf *, const char *key, const void *item); /* when it is sent (jput.h) */
	void (*release)(void *item);
};

/* Answers the call with {member: rows}; takes the items. */
void rows_reply(struct varlink_call *, const char *member, struct rows_items);

#endif
