/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection to gwd: a call and its replies (varlink.org), blocking, never for ever. */
#ifndef CLIENT_H
#define CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "diag.h"
#include "reply.h"

#define CLIENT_TIMEOUT 30       /* seconds without a byte from gwd */
#define CLIENT_TIMEOUT_LONG 300 /* for what reads or writes everything */

struct client;

/* 0, or -errno plus diag: gwd does not run, or this user may not reach it. */
int client_open(const char *path, struct client **ret, struct diag *);
void client_free(struct client *); /* NULL is fine */
void client_freep(struct client **);

/* Parameters of one reply; borrowed. */
typedef void (*client_each)(void *ctx, const json_t *parameters);

/* Calls METHOD of org.gwd.Gateway; takes `parameters` (NULL = none). With `more`, every reply goes to `each`, otherwise
 * the only one. 0; -EREMOTEIO when gwd refused, its mistakes in diag; any other -errno when it could not be asked or
 * did not answer, and whether it acted is unknown. */
int client_call(struct client *, const char *method, json_t *parameters, bool more, unsigned seconds, client_each each,
		void *ctx, struct diag *);

/* The same with `more`, but the rows of the list `name` are given one by one. */
int client_list(struct client *, const char *method, json_t *parameters, unsigned seconds, const char *name,
		reply_row each, void *ctx, struct diag *);

/* To be called by `each`: the call stays open for as long as both sides want, so wait without end for more. `over`
 * (static): what is over then, said behind whether gwd has ended, or has cut us. */
void client_hold(struct client *, const char *over);

/* A list of the wire's Mistake, each with its place and source line. */
void client_mistakes(const json_t *mistakes, enum diag_kind, struct diag *);

#endif
