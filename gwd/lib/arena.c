/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chunks in a list, filled from the front, and zero where they are not. The first one is small enough for malloc(3) to have
 * it at hand, for one parsed entry needs no more; they grow with what is asked of them, so a large ruleset needs few. */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "util.h"

#define CHUNK_MIN 960
#define CHUNK_MAX (256 * 1024)

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct chunk *chunks; /* the one being filled first */
};

struct arena *arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

static void chunks_free(struct chunk *c)
{
	while (c) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	chunks_free(a->chunks);
	free(a);
}

void arena_freep(struct arena **a)
{
	arena_free(*a);
}

void arena_reset(struct arena *a)
{
	if (!a->chunks)
		return;
	chunks_free(a->chunks->next);
	a->chunks->next = NULL;
	if (a->chunks->size > CHUNK_MAX) { /* one huge entry must not stay for ever */
		free(a->chunks);
		a->chunks = NULL;
		return;
	}
	memset(a->chunks->data, 0, a->chunks->used);
	a->chunks->used = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct chunk *c = a->chunks;
	void *p;

	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = (size + align - 1) / align * align;
	if (!c || c->size - c->used < size) {
		size_t room = c ? c->size * 2 : CHUNK_MIN;

		room = room > CHUNK_MAX ? CHUNK_MAX : room;
		room = room < size ? size : room;
		c = xcalloc(1, sizeof(*c) + room);
		c->next = a->chunks;
		c->size = room;
		a->chunks = c;
	}
	p = c->data + c->used;
	c->used += size;
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy;

	len = strnlen(s, len);
	copy = arena_alloc(a, len + 1);
	memcpy(copy, s, len);
	return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	_cleanup_(freep) char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return arena_strdup(a, s);
}
