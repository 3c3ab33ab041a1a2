/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gwd.h answers, as the JSON of org.gwd.Gateway.varlink, under `key` (jput.h), or as members of the reply that is
 * written. Pure. Only for request.c. */
#ifndef REQUEST_JSON_H
#define REQUEST_JSON_H

#include "gwd.h"
#include "import.h"
#include "jput.h"

void request_outcome(struct buf *, const char *key, const struct outcome *, const struct diag *); /* with the warnings */
void request_forward(struct buf *, const char *key, const struct forward_view *);
void request_stats(struct buf *, const char *key, const struct forward_view *); /* it was counted */
void request_flow(struct buf *, const char *key, const struct flow_view *);
void request_openings(struct buf *, const char *key, const struct opening_view *, size_t n); /* list of Opened */
void request_remedy(struct buf *, const struct remedy *);                                    /* members */
void request_pending(struct buf *, const char *key, const struct gwd *); /* nothing, if nothing waits to be confirmed */
void request_status(struct buf *, const struct gwd_status *, const struct listeners *reachable,
		    const struct diag *); /* members of the reply of Status */
void request_import(struct buf *, const struct import *); /* members of the reply of Import */

/* What passed through one target of a forward, or through one that it no longer has. */
struct target_stats {
	char *target; /* owned */
	bool former;
	struct traffic_target passed;
};
/* Those of the forward in its order, then the former ones; the caller's, freed by target_stats_free. */
struct target_stats *request_target_stats(const struct forward_view *, size_t *ret_n);
void target_stats_free(struct target_stats *, size_t n);

#endif
