/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The method Metrics: numbers for a monitoring system. Only for request.c. */
#ifndef REQUEST_METRICS_H
#define REQUEST_METRICS_H

#include "varlink.h"

void request_metrics(struct varlink_call *);

#endif
