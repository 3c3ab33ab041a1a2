/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods that a monitoring system wants: what happens, as it happens. Only for request.c. */
#ifndef REQUEST_WATCH_H
#define REQUEST_WATCH_H

#include "varlink.h"

void request_watch(struct varlink_call *); /* Watch */

#endif
