/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists, in one reply or in as many as it takes. Only for request*.c. */
#ifndef REQUEST_ROWS_H
#define REQUEST_ROWS_H

#include "gwd.h"
#include "varlink.h"

/* Both answer the call with {member: rows} and take what they are given. */
void rows_reply(struct varlink_call *, const char *member, json_t *rows);
/* `put` makes a row when it is sent: views are smaller. */
void rows_reply_views(struct varlink_call *, struct forward_view *, size_t n, const char *member,
		      json_t *(*put)(const struct forward_view *));

#endif
