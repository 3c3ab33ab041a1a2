/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few things that libc leaves to everyone: allocation that cannot fail, byte strings that grow, and text that may
 * be shown. Kept so small that no module has a reason for a variant of its own. */
#define _GNU_SOURCE 1 /* vasprintf */
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void freep(void *p)
{
	free(*(void **)p);
}

void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void out_of_memory(void)
{
	static const char message[] = "out of memory\n";

	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		out_of_memory();
	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	return s ? xstrndup(s, strlen(s)) : NULL;
}

char *xstrndup(const char *s, size_t len)
{
	char *copy;

	len = strnlen(s, len);
	copy = xmalloc(len + 1);
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

enum { SHORT_MAX = 256 }; /* nearly all that is said: vasprintf(3) would allocate for each of them twice */

/* In `room`, or the caller's when it is too long for that. */
static __attribute__((format(printf, 3, 0))) char *format(char room[SHORT_MAX], size_t *ret_len, const char *fmt,
							  va_list ap)
{
	char *s = room;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(room, SHORT_MAX, fmt, again);
	va_end(again);
	if (n >= SHORT_MAX)
		n = vasprintf(&s, fmt, ap);
	if (n < 0)
		out_of_memory();
	*ret_len = (size_t)n;
	return s;
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char room[SHORT_MAX];
	size_t len;
	char *s = format(room, &len, fmt, ap);

	return s == room ? xstrndup(room, len) : s;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

bool number_parse(const char **text, unsigned max, unsigned *ret)
{
	const char *s = *text;
	unsigned value = 0;

	if (!isdigit((unsigned char)*s) || (*s == '0' && isdigit((unsigned char)s[1])))
		return false;
	for (; isdigit((unsigned char)*s); s++) {
		value = value * 10 + (unsigned)(*s - '0');
		if (value > max)
			return false;
	}
	*text = s;
	*ret = value;
	return true;
}

char *number_text(char *to, uint64_t number)
{
	char digits[NUMBER_TEXT_MAX], *at = digits + sizeof(digits);
	size_t n;

	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	n = (size_t)(digits + sizeof(digits) - at);
	memcpy(to, at, n);
	to[n] = '\0';
	return to + n;
}

int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void *grow(void *items, size_t n, size_t *capacity, size_t size)
{
	if (n < *capacity)
		return items;
	*capacity = n < 2 ? 4 : n * 2; /* most lists are of one or two */
	return xrealloc(items, *capacity, size);
}

void buf_room(struct buf *b, size_t len)
{
	size_t need;

	if (b->capacity - b->len > len)
		return;
	if (__builtin_add_overflow(b->len + 1, len, &need))
		out_of_memory();
	b->capacity = need < b->capacity * 2 ? b->capacity * 2 : need;
	b->data = xrealloc(b->data, b->capacity, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char room[SHORT_MAX], *s;
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	s = format(room, &len, fmt, ap);
	va_end(ap);
	buf_add(b, s, len);
	if (s != room)
		free(s);
}

char *buf_take(struct buf *b)
{
	char *s = b->data ? b->data : xstrdup("");

	*b = (struct buf){0};
	return s;
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

size_t sort_unique(void *items, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	char *base = items;
	size_t kept = 1;

	if (n < 2)
		return n;
	qsort(items, n, size, cmp);
	for (size_t i = 1; i < n; i++) {
		if (cmp(base + (kept - 1) * size, base + i * size) == 0)
			continue;
		if (kept != i)
			memcpy(base + kept * size, base + i * size, size);
		kept++;
	}
	return kept;
}

void strings_add(struct strings *s, char *string)
{
	s->items = grow(s->items, s->n, &s->capacity, sizeof(*s->items));
	s->items[s->n++] = string;
}

bool strings_have(const struct strings *s, const char *string)
{
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->items[i], string))
			return true;
	return false;
}

void strings_free(struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->items[i]);
	free(s->items);
	*s = (struct strings){0};
}

void memory_trim(void)
{
#ifdef __GLIBC__ /* musl gives it back by itself */
	malloc_trim(0);
#endif
}

int file_read(const char *path, size_t max, struct buf *ret)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(buf_free) struct buf b = {0};
	char chunk[16384];
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && (size_t)n > max - b.len)
			return -EFBIG;
		buf_add(&b, chunk, n > 0 ? (size_t)n : 0);
	} while (n);
	*ret = b;
	b = (struct buf){0};
	return 0;
}

size_t utf8_char(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t min, value;
	size_t n;

	if (!len)
		return 0;
	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n > len)
		return 0;
	min = n == 4 ? 0x10000 : n == 3 ? 0x800 : 0x80;
	value = s[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3f);
	}
	return value < min || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) ? 0 : n;
}

size_t text_char(const char *s, size_t len)
{
	static const struct {
		const char *first, *last; /* of one length */
	} bad[] = {{"\x01", "\x1f"},
		   {"\x7f", "\x7f"},
		   {"\xc2\x80", "\xc2\x9f"},          /* U+0080 .. U+009F */
		   {"\xe2\x80\xa8", "\xe2\x80\xae"},  /* U+2028 .. U+202E */
		   {"\xe2\x81\xa6", "\xe2\x81\xa9"}}; /* U+2066 .. U+2069 */
	size_t n = utf8_char(s, len);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (n == strlen(bad[i].first) && memcmp(s, bad[i].first, n) >= 0 && memcmp(s, bad[i].last, n) <= 0)
			return 0;
	return n;
}

size_t text_span(const char *s)
{
	size_t n = 0, more;

	for (; s[n]; n += more) {
		more = s[n] >= ' ' && s[n] <= '~' ? 1 : text_char(s + n, strnlen(s + n, 4));
		if (!more)
			break;
	}
	return n;
}

bool text_printable(const char *s)
{
	return !s[text_span(s)];
}

void text_clean(char *s, const char *keep)
{
	while (*(s += text_span(s))) {
		if (!strchr(keep, *s))
			*s = '?';
		s++;
	}
}
