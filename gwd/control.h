/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Unix socket: listening, clients, framing, peer credentials, limits. A client that sends garbage, too much, or does
 * not read is cut; no other client notices. Runs on libuv's loop. */
#ifndef CONTROL_H
#define CONTROL_H

#include <jansson.h>
#include <uv.h>

#include "diag.h"
#include "state.h"
#include "util.h"

#define CONTROL_CLIENTS_MAX 1024

struct control;
struct client;

enum access { ACCESS_NONE, ACCESS_LOOK, ACCESS_CHANGE };

/* Called for every message: `method` with its parameters (an object; both borrowed). Must answer
 * exactly once (a `oneway` call is answered with silence), or start a stream with client_stream; then or later: the client
 * stays valid until answered, also when it is gone. */
struct control_handler {
	void (*call)(void *ctx, struct client *, const char *method, json_t *parameters, bool more);
	void *ctx;
};

/* Calls that arrive together, of one client or of many, may share a turn: each is answered as it comes, and the answers
 * are seen when the turn has ended well. Otherwise they are forgotten, and the calls are made once more, one by one. */
enum control_turn {
	CONTROL_DONE,  /* nothing waits for the end */
	CONTROL_WAITS, /* it does */
	CONTROL_AGAIN, /* the last call may not wait: its answer is forgotten, and it is made once more behind the end */
};
struct control_turns {
	bool (*takes)(void *ctx, const char *method); /* such calls may share one */
	void (*begin)(void *ctx);
	enum control_turn (*state)(void *ctx);
	int (*end)(void *ctx); /* -errno: nothing of it has happened */
	void *ctx;
};

/* Binds (a stale socket of a dead gwd is replaced, a live one refused), mode 0666. 0 or -errno plus diag. */
int control_open(uv_loop_t *, const char *path, const struct control_handler *, struct control **ret, struct diag *);
/* Removes the socket and closes every client; run the loop once more after it. What was answered during a callback is
 * handed to the kernel when the callback returns: leave the loop by uv_stop, then close. */
void control_close(struct control *);
void control_share(struct control *, const struct control_turns *);
/* Ends the turn: before anything else changes what the calls in it see. Costs nothing without one. */
void control_settle(struct control *);
/* For half a message, or for not reading a reply: 30 s unless a test says otherwise. */
void control_set_patience(struct control *, unsigned milliseconds);

const struct caller *client_who(const struct client *);
enum access client_access(const struct client *); /* root, our own uid, group gwd: change; group gwd-read: look */

/* An answer: what is written (jput.h) to the text of client_begin, before anything else is done with the client, are the
 * members of its parameters. */
struct buf *client_begin(struct client *);
void client_reply(struct client *, bool continues);
void client_error(struct client *, const char *error); /* its full name */

/* Several replies as fast as the client reads them: `next` writes the members of the following reply's parameters and says
 * whether more follow; `done` is called once at the end, also when the client is gone. False from `next`: nothing to say for
 * now, it is asked again after client_wake. `next` itself NULL: nothing ever follows, but the call is kept open (after a
 * reply that continues). Either lasts until the client goes or closes its side. */
struct stream {
	bool (*next)(void *ctx, struct buf *out, bool *ret_continues);
	void (*done)(void *ctx);
	void *ctx;
	size_t bytes; /* that it holds until then: who makes us hold too much is cut */
};
void client_stream(struct client *, const struct stream *);
void client_wake(struct client *); /* while its stream is not done; from anywhere but its `next` */

#endif
