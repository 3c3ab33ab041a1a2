/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whoever reaches the socket may be careless or hostile, so everything a client can make us hold or wait for is bounded:
 * the size of a message and of what is parsed out of it, the replies it has not read yet (until it has, nothing more is
 * taken from it or produced for it), the time for half a message, the number of clients and each user's part of
 * it, and the sum of all their buffers and lists. A client's messages are answered in order, at most one in a turn of the
 * loop. Every callback of a client ends in client_pump(), which does what can be done now and then arms writing, the clock and reading for the rest. */
#include "control.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_client.h"
#include "control_socket.h"
#include "log.h"
#include "util.h"
#include "wire.h"

#define BACKLOG 128
#define HELD_MAX (64u << 20)     /* buffers of all clients of one access together */
#define HELD_SMALL (2 * CHUNK)   /* ... which a client with less than this is never blamed for */
#define STRANGER_MAX (4u << 10)  /* message of who may do nothing but ask what this is: more is not even parsed */
#define PATIENCE_MS 30000
#define STARVED_MS 100
#define TURN_MS 1 /* 0 would run in the same turn */

static void control_unref(struct control *ctl)
{
	if (--ctl->refs)
		return;
	free(ctl->shared);
	free(ctl->path);
	free(ctl);
}

/* ---- A client's life -------------------------------------------------------------------------- */

static void level_remove(struct client *c)
{
	struct level *l = &c->control->levels[c->access];

	*(c->prev ? &c->prev->next : &l->first) = c->next;
	*(c->next ? &c->next->prev : &l->last) = c->prev;
}

static void level_append(struct client *c)
{
	struct level *l = &c->control->levels[c->access];

	c->prev = l->last;
	c->next = NULL;
	*(l->last ? &l->last->next : &l->first) = c;
	l->last = c;
}

void client_unref(struct client *c)
{
	if (--c->refs)
		return;
	control_unref(c->control);
	free(c);
}

void client_hold(struct client *c)
{
	c->refs++;
}

static void on_closed(uv_handle_t *handle)
{
	client_unref(handle->data);
}

void client_finish(struct client *c)
{
	c->calling = false;
	if (c->streaming) {
		turns_settle(c->control); /* what it held goes, behind what others asked for before */
		c->streaming = false;
		c->stream.done(c->stream.ctx);
	}
	client_unref(c);
}

static void client_close(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	level_remove(c);
	c->control->n_clients--;
	c->control->levels[c->access].held -= c->held;
	wire_in_free(&c->in);
	buf_free(&c->out);
	uv_close((uv_handle_t *)&c->pipe, on_closed);
	uv_close((uv_handle_t *)&c->patience, on_closed);
	if (c->streaming)
		client_finish(c);
}

static size_t unread(const struct client *c)
{
	return c->in.buf.len - c->in.taken;
}

static size_t unwritten(const struct client *c)
{
	return c->out.len + c->sending.len;
}

/* What a user has: clients, or the bytes that they make us hold. */
static size_t of_user(const struct control *ctl, uid_t uid, bool bytes)
{
	size_t n = 0;

	for (enum access level = ACCESS_NONE; level <= ACCESS_CHANGE; level++)
		for (const struct client *c = ctl->levels[level].first; c; c = c->next)
			n += c->who.uid != uid ? 0 : bytes ? c->held : 1;
	return n;
}

/* What the client makes us hold. False: all of its access hold too much, its user a good part of it, and itself. */
static bool account(struct client *c)
{
	struct level *l = &c->control->levels[c->access];
	size_t now = c->in.buf.capacity + c->out.capacity + c->sending.capacity + (c->streaming ? c->stream.bytes : 0);

	l->held += now - c->held;
	c->held = now;
	return l->held <= HELD_MAX || now <= HELD_SMALL || of_user(c->control, c->who.uid, true) <= HELD_MAX / 2;
}

/* ---- Messages --------------------------------------------------------------------------------- */

void client_dispatch(struct client *c, const struct control_call *call)
{
	const struct control_handler *handler = &c->control->handler;

	c->turn = c->oneway = call->oneway;
	c->calling = !call->oneway;
	c->refs += c->calling;
	c->more = call->more;
	handler->call(handler->ctx, c, call->method, call->parameters, call->more);
}

static void dispatch(struct client *c, const char *text, size_t len)
{
	_cleanup_(control_call_free) struct control_call call = {0};
	char *refusal = control_call_read(text, len, &call);

	if (refusal)
		client_refuse(c, refusal);
	else
		turns_call(c, &call, text, len);
}

/* The clock starts anew for what is waited for next. It runs only while something is. */
static void stop_waiting(struct client *c)
{
	c->waiting = WAIT_NOTHING;
	uv_timer_stop(&c->patience);
}

/* Takes the next message, if there is a whole one. */
static bool take(struct client *c)
{
	const char *text;
	size_t len;
	int r = wire_in_next(&c->in, &text, &len);

	if (r >= 0 && c->access == ACCESS_NONE && (r > 0 ? len : unread(c)) > STRANGER_MAX)
		r = -EMSGSIZE;
	if (r < 0) {
		client_refuse(c, control_refusal("Invalid", "the message is too long"));
		return false;
	}
	if (r == 0) {
		c->cut = c->cut || c->eof;
		return false;
	}
	stop_waiting(c);
	level_remove(c);
	level_append(c);
	dispatch(c, text, len);
	return true;
}

/* Its call is open for as long as it is there, with nothing to say now. */
static bool waits(const struct client *c)
{
	return c->streaming && (c->asleep || !c->stream.next);
}

/* It waits for the end of a turn with others anyway, and may ask for more meanwhile. */
static bool shares_more(const struct client *c)
{
	return c->n_shared && !c->writing && c->out.len < SHARED_OUT_MAX;
}

static void next_reply(struct client *c)
{
	bool continues = false;
	struct buf *out = client_begin(c);

	c->asleep = !c->stream.next(c->stream.ctx, out, &continues);
	if (!c->asleep) {
		client_reply(c, continues);
		return;
	}
	out->len = c->begun;
	if (!out->len)
		buf_free(out); /* it may sleep for days */
}

/* One thing that can be done for the client now; false when there is none. Nothing is done for who has not read yet, and
 * while a turn ends nobody is taken anything from; but who watches is told what it did. */
static bool step(struct client *c)
{
	if (c->closing || c->turn || (unwritten(c) && !shares_more(c)))
		return false;
	if (waits(c)) {
		c->cut = c->cut || c->eof || unread(c) >= CHUNK; /* it would not be read any more */
		return false;
	}
	if (c->streaming) {
		next_reply(c);
		return true;
	}
	return !c->calling && !c->cut && !c->control->settling && take(c);
}

/* ---- What is waited for ----------------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
{
	struct client *c = write->data;

	c->writing = false;
	stop_waiting(c);
	buf_free(&c->sending);
	if (status < 0)
		client_close(c);
	client_pump(c);
}

static void flush(struct client *c)
{
	if (c->closing || c->writing || c->n_shared || !c->out.len)
		return;
	c->sending = c->out;
	c->out = (struct buf){0};
	uv_buf_t data = uv_buf_init(c->sending.data, (unsigned)c->sending.len);
	c->writing = true;
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &data, 1, on_written) < 0) {
		c->writing = false;
		buf_free(&c->sending);
		client_close(c);
	}
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	struct client *c = handle->data;

	(void)size;
	*ret = uv_buf_init(c->control->chunk, CHUNK);
}

static void on_read(uv_stream_t *pipe, ssize_t n, const uv_buf_t *data)
{
	struct client *c = pipe->data;

	if (n > 0)
		wire_in_add(&c->in, data->base, (size_t)n);
	else if (n == UV_EOF)
		c->eof = true;
	else if (n < 0)
		client_close(c);
	client_pump(c);
}

static void arm_reading(struct client *c)
{
	bool ready = !c->calling && !unwritten(c);
	bool want = !c->cut && !c->eof && (ready || unread(c) < CHUNK);

	if (want == c->reading)
		return;
	c->reading = want;
	if (!want)
		uv_read_stop((uv_stream_t *)&c->pipe);
	else if (uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) < 0)
		client_close(c);
}

static void on_patience(uv_timer_t *);

static void arm_patience(struct client *c)
{
	enum waiting waiting = WAIT_NOTHING;

	if (c->turn)
		waiting = WAIT_TURN;
	else if (c->writing)
		waiting = WAIT_READER;
	else if (!c->calling && unread(c))
		waiting = WAIT_REST;

	if (waiting == c->waiting)
		return;
	c->waiting = waiting;
	c->late = false;
	c->unsent = uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe);
	uv_update_time(c->patience.loop); /* a call may have taken long */
	if (waiting == WAIT_NOTHING)
		stop_waiting(c);
	else
		uv_timer_start(&c->patience, on_patience, c->turn ? TURN_MS : c->control->patience, 0);
}

static void on_patience(uv_timer_t *timer)
{
	struct client *c = timer->data;
	enum waiting waited = c->waiting;

	if (waited != WAIT_TURN && !c->late) { /* it may have been us who was late: look at its socket once more */
		c->late = true;
		uv_timer_start(timer, on_patience, TURN_MS, 0);
		return;
	}
	stop_waiting(c);
	if (waited == WAIT_TURN)
		c->turn = false;
	else if (waited == WAIT_REST)
		client_refuse(c, control_refusal("Invalid", "the rest of the message did not come"));
	else if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) == c->unsent)
		client_close(c);
	client_pump(c);
}

/* Does what can be done, and arms the rest. The client is not freed before its handles' callbacks have run. */
void client_pump(struct client *c)
{
	if (c->pumping || c->closing)
		return;
	c->pumping = true;
	while (step(c))
		;
	c->pumping = false;
	flush(c);
	if (c->closing)
		return;
	if (!unread(c))
		wire_in_free(&c->in); /* an idle client costs nothing but itself */
	if (!account(c) || (c->cut && !c->writing && !c->n_shared && (!c->calling || waits(c)))) {
		client_close(c);
		return;
	}
	arm_patience(c);
	arm_reading(c);
}

/* ---- New clients ------------------------------------------------------------------------------ */

/* It does nothing; of the user when one is given. */
static bool missed_less(const struct client *c, const uid_t *of)
{
	return !c->calling && !c->writing && !c->n_shared && (!of || c->who.uid == *of);
}

/* Closes the client that is missed least, for one with `access`: of lower access, whatever it does, or of the same, if it
 * does nothing; `of`: one of that user only. False when there is none. */
static bool make_room(struct control *ctl, enum access access, const uid_t *of)
{
	for (enum access level = ACCESS_NONE; level <= access; level++)
		for (struct client *c = ctl->levels[level].first; c; c = c->next)
			if ((level < access && !of) || missed_less(c, of)) {
				client_close(c);
				return true;
			}
	return false;
}

static void turn_away(int fd, const char *why)
{
	_cleanup_(freep) char *busy = control_refusal("Busy", why);

	send(fd, busy, strlen(busy) + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void admit(struct control *ctl, int fd)
{
	struct caller who;
	enum access access = control_peer(fd, &ctl->groups, &who);

	/* A user has at most half of all places: no one takes them from the others. */
	if (of_user(ctl, who.uid, false) >= ctl->clients_max / 2 && !make_room(ctl, access, &who.uid)) {
		turn_away(fd, "this user has too many calls open; end some, or try again");
		return;
	}
	if (ctl->n_clients >= ctl->clients_max && !make_room(ctl, access, NULL)) {
		turn_away(fd, "too many clients; try again");
		return;
	}
	struct client *c = xcalloc(1, sizeof(*c));
	*c = (struct client){.control = ctl, .who = who, .access = access, .refs = 2};
	ctl->refs++;
	ctl->n_clients++;
	level_append(c);
	uv_pipe_init(ctl->listener.loop, &c->pipe, 0);
	uv_timer_init(ctl->listener.loop, &c->patience);
	c->pipe.data = c->patience.data = c->write.data = c;
	if (uv_pipe_open(&c->pipe, fd) < 0) {
		close(fd);
		client_close(c);
		return;
	}
	client_pump(c);
}

static void on_listen(uv_poll_t *listener, int status, int events);

static void on_starved(uv_timer_t *timer)
{
	struct control *ctl = timer->data;

	uv_poll_start(&ctl->listener, UV_READABLE, on_listen);
}

static void on_listen(uv_poll_t *listener, int status, int events)
{
	struct control *ctl = listener->data;

	(void)status, (void)events;
	for (int i = 0; i < BACKLOG; i++) {
		int fd = accept4(ctl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(ctl, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			log_warn("%s: new clients must wait: %s", ctl->path, strerror(errno));
			uv_poll_stop(listener);
			uv_timer_start(&ctl->starved, on_starved, STARVED_MS, 0);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

/* ---- For main and for those who answer -------------------------------------------------------- */

static void on_before_wait(uv_prepare_t *handle)
{
	turns_settle(handle->data);
}

static void on_after_events(uv_check_t *handle)
{
	turns_settle(handle->data);
}

static void on_control_closed(uv_handle_t *handle)
{
	control_unref(handle->data);
}

int control_open(uv_loop_t *loop, const char *path, const struct control_handler *handler, struct control **ret,
		 struct diag *diag)
{
	int fd = -1;
	int r = control_socket(path, BACKLOG, &fd, diag);

	if (r < 0)
		return r;
	struct control *ctl = xcalloc(1, sizeof(*ctl));
	ctl->fd = fd;
	ctl->path = xstrdup(path);
	ctl->handler = *handler;
	ctl->clients_max = control_clients_allowed();
	ctl->patience = PATIENCE_MS;
	ctl->refs = 4;
	control_groups(&ctl->groups);
	signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
	uv_poll_init(loop, &ctl->listener, fd);
	uv_timer_init(loop, &ctl->starved);
	uv_prepare_init(loop, &ctl->before_wait);
	uv_check_init(loop, &ctl->after_events);
	ctl->listener.data = ctl->starved.data = ctl->before_wait.data = ctl->after_events.data = ctl;
	uv_prepare_start(&ctl->before_wait, on_before_wait);
	uv_check_start(&ctl->after_events, on_after_events);
	uv_poll_start(&ctl->listener, UV_READABLE, on_listen);
	*ret = ctl;
	return 0;
}

void control_share(struct control *ctl, const struct control_turns *turns)
{
	ctl->turns = *turns;
}

void control_settle(struct control *ctl)
{
	turns_settle(ctl);
}

void control_set_patience(struct control *ctl, unsigned milliseconds)
{
	ctl->patience = milliseconds;
}

void control_close(struct control *ctl)
{
	if (!ctl || ctl->closing)
		return;
	turns_settle(ctl);
	ctl->closing = true;
	unlink(ctl->path);
	for (enum access level = ACCESS_NONE; level <= ACCESS_CHANGE; level++)
		while (ctl->levels[level].first)
			client_close(ctl->levels[level].first);
	uv_close((uv_handle_t *)&ctl->listener, on_control_closed);
	uv_close((uv_handle_t *)&ctl->starved, on_control_closed);
	uv_close((uv_handle_t *)&ctl->before_wait, on_control_closed);
	uv_close((uv_handle_t *)&ctl->after_events, on_control_closed);
	close(ctl->fd);
}

const struct caller *client_who(const struct client *c)
{
	return &c->who;
}

enum access client_access(const struct client *c)
{
	return c->access;
}

void client_stream(struct client *c, const struct stream *stream)
{
	assert(c->calling && c->more && !c->streaming);
	c->stream = *stream;
	c->streaming = true;
	c->asleep = false;
	if (c->closing)
		client_finish(c);
	else
		client_pump(c);
}

void client_wake(struct client *c)
{
	assert(c->streaming);
	c->asleep = false;
	client_pump(c);
}
