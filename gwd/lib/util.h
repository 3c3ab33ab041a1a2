/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory and cleanup idioms that every file here uses. Out of memory is fatal, in one
 * place: the kernel keeps the last ruleset and the supervisor starts us again. */
#ifndef UTIL_H
#define UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Declares a local that is released by `fn(&local)` when it goes out of scope. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))
/* Hands an owned pointer over: its value, leaving NULL behind. */
#define TAKE_PTR(p)                                                                                                    \
	({                                                                                                             \
		__typeof__(p) take_ = (p);                                                                             \
		(p) = NULL;                                                                                            \
		take_;                                                                                                 \
	})

void freep(void *p);   /* _cleanup_(freep) char *s */
void closep(int *fd);  /* _cleanup_(closep) int fd = -1 */
/* TAKE_PTR for a file descriptor. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Says so on stderr and ends the process. */
_Noreturn void out_of_memory(void);

/* Like their libc namesakes, but never return NULL: they end the process instead. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static inline bool streq(const char *a, const char *b)
{
	return *a == *b && strcmp(a, b) == 0; /* most differ at once */
}

/* True when both are NULL or both say the same. */
static inline bool str_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Length in bytes of the UTF-8 character at `s` (RFC 3629; `len` bytes are there), 0 when it is none. */
size_t utf8_char(const char *s, size_t len);
/* The same, but 0 also for a control character: C0, DEL, C1, the line ends of Unicode, and what turns the direction of the
 * text around it (UAX #9, explicit formatting), by which a line shows something else than it says. */
size_t text_char(const char *s, size_t len);
size_t text_span(const char *s);    /* bytes at its beginning that may go to logs and terminals as they are */
bool text_printable(const char *s); /* all of it */
/* Makes it so: every offending byte becomes '?', but for the control characters in `keep` ("\t\n"). */
void text_clean(char *s, const char *keep);

/* The ending of a word after this number, "%zu batch%s": nothing after 1, otherwise `many` ("es"). */
static inline const char *plural(unsigned long long n, const char *many)
{
	return n == 1 ? "" : many;
}

/* FNV-1a (Fowler, Noll, Vo), to find things again; anybody can make two texts alike. Begins with HASH_START. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *bytes = (const unsigned char *)data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Writes the decimal and a NUL at `to` and returns the place of the NUL: a printf() of one number costs ten times as much. */
#define NUMBER_TEXT_MAX 21 /* with NUL */
char *number_text(char *to, uint64_t number);

/* Decimal without sign or leading zero at *text, moved past it; false (both untouched) when there is none or it exceeds
 * `max` (below UINT_MAX / 10). */
bool number_parse(const char **text, unsigned max, unsigned *ret);

/* `items` (elements of `size` bytes), moved where needed so that one more than `n` fits; amortised O(1). */
void *grow(void *items, size_t n, size_t *capacity, size_t size);

int64_t clock_ms(void); /* wall clock: milliseconds since the epoch */

/* Sorts and drops twins; returns how many are left. */
size_t sort_unique(void *items, size_t n, size_t size, int (*cmp)(const void *, const void *));

/* Growing byte string; `buf.data` is always NUL-terminated once something was added. */
struct buf {
	char *data;
	size_t len, capacity;
};
void buf_room(struct buf *, size_t len); /* for so many bytes more, and the NUL */
static inline void buf_add(struct buf *b, const void *data, size_t len)
{
	if (b->capacity - b->len <= len)
		buf_room(b, len);
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}
void buf_printf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *buf_take(struct buf *); /* the string ("" when empty), owned by the caller; `buf` is empty afterwards */
void buf_free(struct buf *);

/* Growing list of owned strings. */
struct strings {
	char **items;
	size_t n, capacity;
};
void strings_add(struct strings *, char *string); /* takes it */
bool strings_have(const struct strings *, const char *string);
void strings_free(struct strings *); /* contents; empty and usable afterwards */

/* Gives back to the system what was freed. Costs a walk over all that is left. */
void memory_trim(void);

/* Whole file into `ret`; 0, or -errno with `ret` untouched. `max` bounds its size (-EFBIG). */
int file_read(const char *path, size_t max, struct buf *ret);

#endif
