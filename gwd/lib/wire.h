/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Framing of Varlink on a stream: JSON messages ended by NUL (varlink.org/Method-Call). */
#ifndef WIRE_H
#define WIRE_H

#include <jansson.h>
#include <stddef.h>

#include "util.h"

#define WIRE_INTERFACE "org.gwd.Gateway"
#define WIRE_MESSAGE_MAX (16u << 20) /* bytes of one message, NUL excluded */
#define WIRE_CONFIRM_MAX (30 * 86400) /* seconds: what --confirm takes */
#define WIRE_SOCKET_DEFAULT "/run/gwd/gwd.sock"

/* Bytes received but not yet taken as messages. */
struct wire_in {
	struct buf buf;
	size_t taken, scanned; /* bytes handed out; bytes already searched for NUL */
};

void wire_in_add(struct wire_in *, const void *data, size_t len);
/* Next whole message (borrowed until the next wire_in_add or wire_in_next; NUL-terminated) in *ret:
 * 1 = one is there, 0 = more bytes needed, -EMSGSIZE = the message exceeds WIRE_MESSAGE_MAX. */
int wire_in_next(struct wire_in *, const char **ret, size_t *ret_len);
void wire_in_free(struct wire_in *);

/* Appends `message` as compact JSON and the NUL. */
void wire_out(struct buf *out, const json_t *message);

#endif
