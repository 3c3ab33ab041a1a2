/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of one message as a Varlink call, and replies that refuse it. Pure. Only for control.c. */
#ifndef CONTROL_CALL_H
#define CONTROL_CALL_H

#include <jansson.h>
#include <stdbool.h>

struct control_call {
	json_t *message;
	const char *method; /* borrowed from message */
	json_t *parameters; /* an object */
	bool more, oneway;
};

/* NULL and *ret filled, or the reply that says what is wrong with the message: the caller's string. */
char *control_call_read(const char *text, size_t len, struct control_call *ret);
void control_call_free(struct control_call *);

/* The error org.gwd.Gateway.NAME with one mistake. The caller's string. */
char *control_refusal(const char *name, const char *message);

#endif
