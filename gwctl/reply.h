/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of a long list in a Varlink reply, found in its text: what is only passed on need not be read. Pure. */
#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>

#include "util.h"

/* A row: its texts whole and without control characters, outside of them only what JSON has there, brackets closed; else as
 * it came, for who gives it is trusted with the rest. False: it is no row after all. */
typedef bool (*reply_row)(void *ctx, const char *row, size_t len);

/* Each row of the list `name` among the parameters of the reply; `rest` gets the reply without them. False: `text` is no
 * such reply, and some rows may have been given before that was seen. */
bool reply_rows(const char *text, const char *name, reply_row each, void *ctx, struct buf *rest);

#endif
