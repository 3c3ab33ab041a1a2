/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only place where a user's text meets a terminal or a log, so it is cleaned here, once, whoever made the message.
 * Everything is bounded: a hostile file of a million mistakes costs what a hundred cost. */
#include "diag.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "util.h"

#define FILES_MAX 1000
#define WORD_MAX 64 /* longer words have no neighbours */

static char *message_vprintf(const char *subject, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static char *message_vprintf(const char *subject, const char *fmt, va_list ap)
{
	char text[DIAG_MESSAGE_MAX];
	size_t used = 0;

	if (subject) {
		int n = snprintf(text, DIAG_MESSAGE_MAX / 4, "%s", subject);

		used = n < 0 ? 0 : strlen(text);
		memcpy(text + used, ": ", 3);
		used += 2;
	}
	if (vsnprintf(text + used, sizeof(text) - used, fmt, ap) < 0)
		text[used] = '\0';
	text_clean(text, "");
	return xstrdup(text);
}

void diag_add(struct diag *d, enum diag_kind kind, struct loc loc, const char *fmt, ...)
{
	struct mistake *m;
	va_list ap;

	if (d->n > DIAG_MAX) {
		m = &d->mistakes[DIAG_MAX];
		free(m->message);
		m->message = xasprintf("and %zu more mistakes", ++d->omitted + 1);
		return;
	}
	if (d->n == 0)
		d->kind = kind;
	d->mistakes = grow(d->mistakes, d->n, &d->capacity, sizeof(*d->mistakes));
	m = &d->mistakes[d->n++];
	if (d->n > DIAG_MAX) {
		*m = (struct mistake){.message = xstrdup("and 1 more mistake")};
		return;
	}
	*m = (struct mistake){.loc = loc};
	va_start(ap, fmt);
	m->message = message_vprintf(d->subject, fmt, ap);
	va_end(ap);
}

void diag_warn(struct diag *d, const char *fmt, ...)
{
	va_list ap;

	if (d->n_warnings > DIAG_MAX) {
		free(d->warnings[DIAG_MAX]);
		d->warnings[DIAG_MAX] = xasprintf("and %zu more warnings", ++d->omitted_warnings + 1);
		return;
	}
	d->warnings = grow(d->warnings, d->n_warnings, &d->warnings_capacity, sizeof(*d->warnings));
	if (d->n_warnings == DIAG_MAX) {
		d->warnings[d->n_warnings++] = xstrdup("and 1 more warning");
		return;
	}
	va_start(ap, fmt);
	d->warnings[d->n_warnings++] = message_vprintf(d->subject, fmt, ap);
	va_end(ap);
}

/* The start of the line after `at`, or NULL when it is the last. */
static const char *line_after(const char *at, const char *end)
{
	const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;

	return newline ? newline + 1 : NULL;
}

static char *source_line(const char *at, const char *end)
{
	const char *next = line_after(at, end);
	size_t len = next ? (size_t)(next - 1 - at) : (size_t)(end - at);
	char *line;

	if (len && at[len - 1] == '\r')
		len--;
	if (len > DIAG_SOURCE_MAX)
		for (len = DIAG_SOURCE_MAX; len && ((unsigned char)at[len] & 0xc0) == 0x80;)
			len--;
	line = xstrndup(at, len);
	text_clean(line, "\t");
	return line;
}

void diag_attach_source(struct diag *d, const char *file, const char *text, size_t len)
{
	const char *at = text, *end = text + len;
	uint32_t line = 1;

	for (size_t i = 0; i < d->n && len; i++) {
		struct mistake *m = &d->mistakes[i];

		if (m->loc.file != file || !m->loc.line || m->source)
			continue;
		if (m->loc.line < line) {
			at = text;
			line = 1;
		}
		for (; line < m->loc.line && line_after(at, end); line++)
			at = line_after(at, end);
		if (line == m->loc.line)
			m->source = source_line(at, end);
	}
}

/* Blanks up to column `col` of `source`: tabs stay tabs, so that the caret stands under its character. */
static void add_caret(struct buf *out, const char *source, uint32_t col)
{
	size_t len = strlen(source), n;

	for (uint32_t c = 1; c < col; c++, source += n, len -= n) {
		if (!len)
			return; /* cut off */
		n = utf8_char(source, len);
		n = n ? n : 1;
		buf_add(out, *source == '\t' ? "\t" : " ", 1);
	}
	buf_add(out, "^", 1);
}

char *diag_text(const struct diag *d)
{
	struct buf out = {0};

	for (size_t i = 0; i < d->n; i++) {
		const struct mistake *m = &d->mistakes[i];

		if (m->loc.file) {
			buf_printf(&out, "%s:", m->loc.file);
			if (m->loc.line)
				buf_printf(&out, "%u:", m->loc.line);
			if (m->loc.line && m->loc.col)
				buf_printf(&out, "%u:", m->loc.col);
			buf_add(&out, " ", 1);
		}
		buf_printf(&out, "%s\n", m->message);
		if (!m->source)
			continue;
		buf_printf(&out, "  %s\n", m->source);
		if (m->loc.col) {
			buf_add(&out, "  ", 2);
			add_caret(&out, m->source, m->loc.col);
			buf_add(&out, "\n", 1);
		}
	}
	return buf_take(&out);
}

void diag_free(struct diag *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->mistakes[i].message);
		free(d->mistakes[i].source);
	}
	for (size_t i = 0; i < d->n_warnings; i++)
		free(d->warnings[i]);
	free(d->mistakes);
	free(d->warnings);
	*d = (struct diag){0};
}

const char *diag_file_once(const char *name)
{
	static char *last;

	free(last);
	last = xstrdup(name);
	text_clean(last, "");
	return last;
}

const char *diag_file(const char *name)
{
	static char *files[FILES_MAX];
	static size_t n;
	_cleanup_(freep) char *clean = xstrdup(name);

	text_clean(clean, "");
	for (size_t i = 0; i < n; i++)
		if (streq(files[i], clean))
			return files[i];
	if (n == FILES_MAX)
		return "(file)";
	files[n] = TAKE_PTR(clean);
	return files[n++];
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Insertions, deletions, substitutions and swaps of neighbours that lead from `a` to `b`, whatever the case. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t d[3][WORD_MAX + 1];

	for (size_t j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *now = d[i % 3], *before = d[(i + 2) % 3], *swap = d[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);

			now[j] = min3(before[j] + 1, now[j - 1] + 1, before[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
			    cb == tolower((unsigned char)a[i - 2]) && swap[j - 2] + 1 < now[j])
				now[j] = swap[j - 2] + 1;
		}
	}
	return d[la % 3][lb];
}

static size_t common_prefix(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

const char *diag_nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strlen(word), limit = len < 6 ? 1 : len / 3, best_distance = limit + 1, best_prefix = 0;
	const char *best = NULL;

	if (!len || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t distance, prefix;

		if (strlen(candidates[i]) > WORD_MAX)
			continue;
		distance = edit_distance(word, candidates[i]);
		prefix = common_prefix(word, candidates[i]);
		if (distance < best_distance || (best && distance == best_distance && prefix > best_prefix)) {
			best = candidates[i];
			best_distance = distance;
			best_prefix = prefix;
		}
	}
	return best;
}
