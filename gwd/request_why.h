/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The method Why of org.gwd.Gateway, and the probes of it on the wire. Only for request*.c. */
#ifndef REQUEST_WHY_H
#define REQUEST_WHY_H

#include "request.h"

void request_why(struct varlink_call *);

/* Up to `max` of them into the caller's array; false: a wrong one, or too many. */
bool request_probes_read(const json_t *list, struct probe *ret, size_t max, size_t *ret_n);
void request_probes(struct buf *, const struct probe *, size_t n); /* the member "probes" */

#endif
