/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Varlink on top of control: org.varlink.service (GetInfo, GetInterfaceDescription), its standard errors, and the
 * dispatch of everything else to a table of methods. What a method takes is said in org.gwd.Gateway.varlink alone: calls
 * are checked against it before a handler sees them. */
#ifndef VARLINK_H
#define VARLINK_H

#include "control.h"

struct varlink_call {
	struct client *client;
	const struct varlink_method *method;
	json_t *parameters; /* never NULL; borrowed. Only members of the description, of its types, none of them null */
	bool more;
	void *ctx;          /* of varlink_new */
};

struct varlink_method {
	const char *name; /* "Add", without the interface */
	enum access access;
	void (*handler)(struct varlink_call *);
};

struct varlink;

/* `methods` ends with a NULL name. A method that the interface description names but the table lacks is answered
 * with org.varlink.service.MethodNotImplemented, an unknown one with MethodNotFound, too little access with .Denied. */
struct varlink *varlink_new(const struct varlink_method *methods, void *ctx);
void varlink_free(struct varlink *);
struct control_handler varlink_handler(struct varlink *);

/* Each answers the call; varlink_reply with the members that were written (jput.h) to the text of varlink_begin. */
struct buf *varlink_begin(struct varlink_call *);
void varlink_reply(struct varlink_call *);
void varlink_fail(struct varlink_call *, const struct diag *); /* its mistakes as org.gwd.Gateway.KIND */
void varlink_invalid_parameter(struct varlink_call *, const char *parameter);
void varlink_denied(struct varlink_call *); /* .Denied */
void varlink_expected_more(struct varlink_call *); /* too long for one reply: org.varlink.service.ExpectedMore */

void varlink_mistakes(struct buf *, const char *key, const struct diag *);

extern const char varlink_description[]; /* org.gwd.Gateway.varlink, embedded */

#endif
