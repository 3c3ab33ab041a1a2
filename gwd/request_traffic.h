/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods about what passes through forwards, and rows of forwards. Only for request.c. */
#ifndef REQUEST_TRAFFIC_H
#define REQUEST_TRAFFIC_H

#include "gwd.h"
#include "request_rows.h"

void request_traffic_stats(struct varlink_call *);
void request_traffic_flows(struct varlink_call *);
void request_traffic_kill(struct varlink_call *);

struct rows_items request_views(struct forward_view *, size_t n,
				void (*put)(struct buf *, const char *key, const void *view));
void request_forward_row(struct buf *, const char *key, const void *view);

#endif
