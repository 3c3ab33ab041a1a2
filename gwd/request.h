/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods of org.gwd.Gateway: JSON parameters to gwd.h's calls and back. */
#ifndef REQUEST_H
#define REQUEST_H

#include "gwd.h"
#include "varlink.h"

extern const struct varlink_method request_methods[]; /* for varlink_new with a struct request_context */

extern const struct control_turns request_turns; /* their ctx to be set: a struct request_context */

struct request_context {
	struct gwd *gwd;
	unsigned sandbox; /* enum sandbox_layer */
	void (*quit)(void *ctx); /* after Purge was answered */
	void *quit_ctx;
};

#endif
