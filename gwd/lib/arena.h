/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that is released all at once: one parsed entry, one compiled ruleset. */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *);            /* NULL is fine */
void arena_freep(struct arena **);
void arena_reset(struct arena *);           /* forgets everything, keeps one chunk for reuse */
void *arena_alloc(struct arena *, size_t);  /* zeroed, aligned for any type */
char *arena_strdup(struct arena *, const char *);
char *arena_strndup(struct arena *, const char *, size_t len);
char *arena_printf(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
