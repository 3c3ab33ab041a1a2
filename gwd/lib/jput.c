/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text of ours ends in a quote, so an opening bracket or the NUL of a message at the end of what is there can only be
 * what it looks like: the writer needs no state besides the text. */
#include "jput.h"

#include <stdarg.h>

static void begin(struct buf *out, const char *key)
{
	if (out->len && !memchr("{[", out->data[out->len - 1], 3)) /* and the NUL */
		buf_add(out, ",", 1);
	if (!key)
		return;
	buf_add(out, "\"", 1);
	buf_add(out, key, strlen(key));
	buf_add(out, "\":", 2);
}

void jput_object(struct buf *out, const char *key)
{
	begin(out, key);
	buf_add(out, "{", 1);
}

void jput_list(struct buf *out, const char *key)
{
	begin(out, key);
	buf_add(out, "[", 1);
}

void jput_end(struct buf *out, char bracket)
{
	buf_add(out, &bracket, 1);
}

/* How many bytes stand for themselves. */
static size_t plain(const char *s)
{
	size_t n = 0;

	while (s[n] >= ' ' && s[n] <= '~' && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

/* The character at `s`, which is not plain; returns its bytes. */
static size_t put_char(struct buf *out, const char *s)
{
	static const char special[] = "\"\"\\\\\nn\tt"; /* and what stands behind the backslash */
	size_t n = text_char(s, strnlen(s, 4));

	for (size_t i = 0; special[i]; i += 2) {
		if (*s != special[i])
			continue;
		buf_add(out, "\\", 1);
		buf_add(out, &special[i + 1], 1);
		return 1;
	}
	buf_add(out, n ? s : "?", n ? n : 1);
	return n ? n : 1;
}

void jput_text(struct buf *out, const char *key, const char *text)
{
	if (!text)
		return;
	begin(out, key);
	buf_add(out, "\"", 1);
	while (*text) {
		size_t n = plain(text);

		buf_add(out, text, n);
		text += n ? n : put_char(out, text);
	}
	buf_add(out, "\"", 1);
}

void jput_format(struct buf *out, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	_cleanup_(freep) char *text = xvasprintf(fmt, ap);
	va_end(ap);
	jput_text(out, key, text);
}

void jput_texts(struct buf *out, const char *key, char *const *texts, size_t n)
{
	jput_list(out, key);
	for (size_t i = 0; i < n; i++)
		jput_text(out, NULL, texts[i]);
	jput_end(out, ']');
}

void jput_number(struct buf *out, const char *key, int64_t number)
{
	char text[NUMBER_TEXT_MAX + 1] = "-";
	size_t sign = number < 0;
	const char *end = number_text(text + sign, sign ? -(uint64_t)number : (uint64_t)number);

	begin(out, key);
	buf_add(out, text, (size_t)(end - text));
}

void jput_nonzero(struct buf *out, const char *key, int64_t number)
{
	if (number)
		jput_number(out, key, number);
}

void jput_bool(struct buf *out, const char *key, bool value)
{
	begin(out, key);
	buf_add(out, value ? "true" : "false", value ? 4 : 5);
}
