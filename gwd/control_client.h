/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What control*.c share, and nobody else may include. */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include "control.h"
#include "control_call.h"
#include "control_socket.h"
#include "util.h"
#include "wire.h"

#define CHUNK (64u << 10) /* one read; also what may wait unread behind a call */
#define SHARED_OUT_MAX (256u << 10) /* answers of one client that wait for the end of a turn */

enum waiting {
	WAIT_NOTHING,
	WAIT_TURN,   /* until the others had theirs */
	WAIT_READER, /* for it to read */
	WAIT_REST,   /* of a message */
};

struct client {
	struct control *control;
	struct client *prev, *next; /* of its level */
	uv_pipe_t pipe;
	uv_timer_t patience;
	uv_write_t write;
	struct caller who;
	enum access access;
	unsigned refs; /* pipe, patience, the call being answered */
	struct wire_in in;
	struct buf out, sending; /* next to be written; being written */
	size_t held;             /* its part of its level's */
	size_t unsent;           /* of `sending`, when the clock was set */
	enum waiting waiting;
	bool late; /* the time for it is over */
	struct stream stream;
	bool calling;   /* a call is not answered yet */
	bool more;      /* ... and may have several replies */
	bool oneway;    /* the last one gets none */
	size_t begun;   /* where the answer that is written begins in `out` */
	bool streaming; /* ... which `stream` gives */
	bool asleep;    /* ... when it is woken: it has nothing to say */
	bool pumping, writing, reading;
	bool turn; /* had its part of this turn of the loop */
	size_t n_shared; /* its calls in the shared turn: nothing is written before that has ended */
	bool eof;  /* it sends nothing more */
	bool cut;  /* nothing more is taken from it: closed when all is written */
	bool closing;
};

struct shared { /* a call that was answered, which nobody may see yet */
	struct client *client; /* a reference */
	char *text; /* its message */
	size_t len;
	size_t mark; /* where its answer begins in the client's `out` */
};

struct level { /* clients of one access, the one longest without a request first */
	struct client *first, *last;
	size_t held;
};

struct control {
	uv_poll_t listener;
	uv_timer_t starved; /* no descriptors: accept again later */
	int fd;
	char *path;
	struct control_handler handler;
	struct control_groups groups;
	struct level levels[ACCESS_CHANGE + 1];
	size_t n_clients, clients_max;
	struct control_turns turns; /* all NULL: no call shares one */
	struct shared *shared;      /* calls that wait for its end */
	size_t n_shared, shared_capacity, shared_bytes;
	bool turn_open;
	bool backwards;             /* the order in which the last one was answered */
	bool answering;             /* one of its calls is at its handler */
	bool settling;              /* it is ending: no new call is taken */
	uv_prepare_t before_wait;   /* it ends before the loop waits, ... */
	uv_check_t after_events;    /* ... and once all that arrived together has been read */
	unsigned refs; /* handles, clients */
	unsigned patience;
	bool closing;
	char chunk[CHUNK]; /* what is read is copied at once, so one is enough for all */
};

/* ---- control.c ---------------------------------------------------------------------------------- */

void client_dispatch(struct client *, const struct control_call *); /* to the handler */
void client_pump(struct client *); /* does what can be done for it now. May close it, but does not free it */
void client_hold(struct client *); /* a reference, and the end of it */
void client_unref(struct client *);
void client_finish(struct client *); /* the call is over. May free the client when it is gone already */

/* ---- control_answer.c ---------------------------------------------------------------------------- */

void client_refuse(struct client *, char *reply); /* the last it hears from us; takes the reply */

/* ---- control_turn.c ------------------------------------------------------------------------------ */

void turns_call(struct client *, const struct control_call *, const char *text, size_t len); /* with others, if it may */
/* All that shares the turn is done and may be seen, or is done anew one by one. */
void turns_settle(struct control *);

#endif
