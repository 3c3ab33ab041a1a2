/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An answer is written where it is sent from, without a copy; what turns out too long, or is for nobody, is cut off again. */
#include <assert.h>

#include "control_client.h"
#include "jput.h"

#define ROOM 1024 /* bytes; most answers have it in them */

/* Behind those that wait for the end of a turn it would be cut off with them. */
void client_refuse(struct client *c, char *reply)
{
	if (c->n_shared)
		turns_settle(c->control);
	buf_add(&c->out, reply, strlen(reply) + 1);
	free(reply);
	c->cut = true;
}

struct buf *client_begin(struct client *c)
{
	c->begun = c->out.len;
	buf_room(&c->out, ROOM);
	jput_object(&c->out, NULL);
	jput_object(&c->out, "parameters");
	return &c->out;
}

/* Nobody hears what was begun. */
static void drop(struct client *c)
{
	c->out.len = c->begun;
	if (c->closing)
		buf_free(&c->out);
}

static void end(struct client *c, const char *error, bool continues)
{
	bool gone = c->closing;

	assert(c->calling && (c->more || !continues));
	jput_end(&c->out, '}');
	jput_text(&c->out, "error", error);
	if (continues)
		jput_bool(&c->out, "continues", true);
	jput_end(&c->out, '}');
	buf_add(&c->out, "", 1);
	if (gone) {
		drop(c);
	} else if (c->out.len - c->begun > WIRE_MESSAGE_MAX) {
		drop(c);
		client_refuse(c, control_refusal("Internal", "the answer is too long for one message"));
		continues = false;
	}
	if (!continues)
		client_finish(c);
	if (!gone)
		client_pump(c);
}

void client_reply(struct client *c, bool continues)
{
	if (c->oneway)
		drop(c);
	else
		end(c, NULL, continues);
}

void client_error(struct client *c, const char *error)
{
	if (c->oneway)
		drop(c);
	else
		end(c, error, false);
}
