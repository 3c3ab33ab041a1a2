/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers are written into the clients' buffers at once and kept there until the turn has ended: so a handler knows
 * nothing of turns, and what is not to be said can be cut off again. Of a call its text is kept, and read once more in the
 * rare case: as JSON it may take some 80 times as much. */
#include "control_client.h"

#include <assert.h>

#define SHARED_MAX 2000
#define SHARED_BYTES_MAX (1u << 20)

static void keep(struct client *c, const char *text, size_t len)
{
	struct control *ctl = c->control;

	ctl->shared = grow(ctl->shared, ctl->n_shared, &ctl->shared_capacity, sizeof(*ctl->shared));
	ctl->shared[ctl->n_shared++] =
		(struct shared){.client = c, .text = xstrndup(text, len), .len = len, .mark = c->out.len};
	ctl->shared_bytes += len;
	client_hold(c);
	c->n_shared++;
}

static void forget_answer(const struct shared *s)
{
	if (!s->client->closing)
		s->client->out.len = s->mark;
}

static void release(struct shared *s)
{
	s->client->n_shared--;
	free(s->text);
}

/* The last one that was kept, which is the caller's then. */
static struct shared take_last(struct control *ctl)
{
	ctl->shared_bytes -= ctl->shared[ctl->n_shared - 1].len;
	return ctl->shared[--ctl->n_shared];
}

static void answer_anew(const struct shared *s)
{
	_cleanup_(control_call_free) struct control_call call = {0};
	char *refusal = control_call_read(s->text, s->len, &call);

	assert(!refusal); /* or it would not have come here */
	(void)refusal;
	client_dispatch(s->client, &call);
}

void turns_settle(struct control *ctl)
{
	struct shared *all = ctl->shared;
	size_t n = ctl->n_shared;

	if (!ctl->turn_open || ctl->settling || ctl->answering)
		return;
	ctl->turn_open = false;
	ctl->settling = true;
	ctl->shared = NULL;
	ctl->n_shared = ctl->shared_capacity = ctl->shared_bytes = 0;
	if (ctl->turns.end(ctl->turns.ctx) < 0) {
		for (size_t i = n; i > 0; i--)
			forget_answer(&all[i - 1]);
		for (size_t i = 0; i < n; i++)
			answer_anew(&all[i]);
	}
	ctl->settling = false;
	for (size_t i = 0; i < n; i++)
		release(&all[i]);
	ctl->backwards = !ctl->backwards; /* who is answered first asks again first: not always the same */
	for (size_t i = 0; i < n; i++) {
		struct client *c = all[ctl->backwards ? n - 1 - i : i].client;

		client_pump(c);
		client_unref(c);
	}
	free(all);
}

/* Alone, behind the others. */
static void once_more(struct client *c)
{
	struct shared s = take_last(c->control);

	forget_answer(&s);
	turns_settle(c->control);
	answer_anew(&s);
	release(&s);
	client_unref(c);
}

/* What the handler of a call does may end another client; the call stands in the turn all the same. */
static void answer_in_turn(struct client *c, const struct control_call *call)
{
	struct control *ctl = c->control;

	ctl->answering = true;
	client_dispatch(c, call);
	ctl->answering = false;
}

void turns_call(struct client *c, const struct control_call *call, const char *text, size_t len)
{
	struct control *ctl = c->control;
	const struct control_turns *t = &ctl->turns;
	bool takes = t->takes && t->takes(t->ctx, call->method);

	/* Is told no, and sees nothing that a turn keeps back: nobody waits for it, and nothing of it is kept. */
	bool refused = c->access == ACCESS_NONE || (takes && c->access < ACCESS_CHANGE);

	if (!refused && (!takes || ctl->n_shared == SHARED_MAX || ctl->shared_bytes + len > SHARED_BYTES_MAX))
		turns_settle(ctl);
	if (!takes || refused) {
		client_dispatch(c, call);
		return;
	}
	if (!ctl->turn_open)
		t->begin(t->ctx);
	ctl->turn_open = true;
	keep(c, text, len);
	answer_in_turn(c, call);
	if (t->state(t->ctx) == CONTROL_AGAIN) {
		once_more(c);
	} else if (t->state(t->ctx) == CONTROL_DONE) { /* and nothing was kept before it */
		struct shared s = take_last(ctl);

		release(&s);
		client_unref(c);
	}
}
