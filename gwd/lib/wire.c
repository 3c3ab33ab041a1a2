/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes arrive in any pieces; each is looked at once. Messages are handed out in place, without a copy, and what was
 * handed out is dropped only when room is needed for more. */
#include "wire.h"

#include <errno.h>

void wire_in_add(struct wire_in *in, const void *data, size_t len)
{
	if (in->taken) {
		in->buf.len -= in->taken;
		in->scanned -= in->taken;
		memmove(in->buf.data, in->buf.data + in->taken, in->buf.len);
		in->taken = 0;
	}
	buf_add(&in->buf, data, len);
}

int wire_in_next(struct wire_in *in, const char **ret, size_t *ret_len)
{
	const char *nul = NULL;
	size_t len;

	if (in->buf.len > in->scanned)
		nul = memchr(in->buf.data + in->scanned, '\0', in->buf.len - in->scanned);
	in->scanned = nul ? (size_t)(nul - in->buf.data) : in->buf.len;
	len = in->scanned - in->taken;
	if (len > WIRE_MESSAGE_MAX)
		return -EMSGSIZE;
	if (!nul)
		return 0;
	*ret = in->buf.data + in->taken;
	*ret_len = len;
	in->taken = ++in->scanned;
	return 1;
}

void wire_in_free(struct wire_in *in)
{
	buf_free(&in->buf);
	*in = (struct wire_in){0};
}

static int add_piece(const char *data, size_t len, void *out)
{
	buf_add(out, data, len);
	return 0;
}

void wire_out(struct buf *out, const json_t *message)
{
	if (json_dump_callback(message, add_piece, out, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
		out_of_memory();
	buf_add(out, "", 1);
}
