/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods about what passes through forwards. Only for request.c. */
#ifndef REQUEST_TRAFFIC_H
#define REQUEST_TRAFFIC_H

#include "varlink.h"

void request_traffic_stats(struct varlink_call *);

#endif
