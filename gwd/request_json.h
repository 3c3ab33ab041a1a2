/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gwd.h answers, as the JSON of org.gwd.Gateway.varlink. Each returns a new reference. Pure. Only for request.c. */
#ifndef REQUEST_JSON_H
#define REQUEST_JSON_H

#include "gwd.h"
#include "import.h"

json_t *request_texts(char *const *texts, size_t n);
json_t *request_outcome(const struct outcome *, const struct diag *); /* Outcome; the warnings are the diag's */
json_t *request_forward(const struct forward_view *);                 /* Forward */
json_t *request_stats(const struct forward_view *);                   /* Stats; it was counted */
json_t *request_flow(const struct flow_view *);                        /* Flow */
json_t *request_openings(const struct opening_view *, size_t n);      /* list of Opened */
json_t *request_pending(const struct gwd *); /* NULL: nothing waits to be confirmed */
json_t *request_revision(const struct revision *, bool current);      /* Revision */
json_t *request_status(const struct gwd_status *, const struct listeners *reachable,
		       const struct diag *); /* the reply of Status */
json_t *request_import(const struct import *); /* the reply of Import */

#endif
