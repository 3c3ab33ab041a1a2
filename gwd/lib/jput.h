/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON as it is said: appended to a text, compact, members in the order of the calls, without a tree in between. The
 * commas come by themselves, for what was written last tells whether one is due. `key` is a plain word of ours, or NULL
 * for an item of a list and for the outermost value. Pure. */
#ifndef JPUT_H
#define JPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "util.h"

void jput_object(struct buf *, const char *key); /* begins; ended by jput_end */
void jput_list(struct buf *, const char *key);
void jput_end(struct buf *, char bracket); /* '}' or ']' */

/* Any bytes, for any terminal: what is neither printable nor the end of a line or a tab becomes '?'. NULL: nothing. */
void jput_text(struct buf *, const char *key, const char *text);
void jput_format(struct buf *, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void jput_texts(struct buf *, const char *key, char *const *texts, size_t n);
void jput_number(struct buf *, const char *key, int64_t);
void jput_nonzero(struct buf *, const char *key, int64_t); /* 0: nothing */
void jput_bool(struct buf *, const char *key, bool);

#endif
