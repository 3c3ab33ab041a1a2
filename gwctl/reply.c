/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of 100,000 rows is most of a second as trees. Brackets and quotes are enough to tell one row from the next; the
 * little around the rows is left to a real reader. Every look ahead ends at the NUL of the message. */
#include "reply.h"

static const char *skip_blank(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* Behind the text whose opening quote is at `s`; NULL: it does not end, or has what JSON does not allow in it. */
static const char *past_text(const char *s)
{
	for (s++; *s != '"'; s++) {
		if (*s == '\\')
			s++;
		if ((unsigned char)*s < ' ')
			return NULL;
	}
	return s + 1;
}

/* At the comma or bracket that ends the value at `s`; NULL: nothing does. */
static const char *past_value(const char *s)
{
	enum { NOTHING, TEXT, OPENS, CLOSES, COMMA, OTHER };
	static const unsigned char kinds[256] = {
		['"'] = TEXT,          ['{'] = OPENS,         ['['] = OPENS, ['}'] = CLOSES, [']'] = CLOSES,
		[','] = COMMA,         [':'] = OTHER,         [' '] = OTHER, ['\t'] = OTHER, ['\r'] = OTHER,
		['\n'] = OTHER,        ['+'] = OTHER,         ['-'] = OTHER, ['.'] = OTHER,  ['E'] = OTHER,
		['0' ... '9'] = OTHER, ['a' ... 'z'] = OTHER,
	};
	size_t depth = 0;

	for (;;) {
		unsigned kind = kinds[(unsigned char)*s];

		if (!depth && (kind == CLOSES || kind == COMMA))
			return s;
		depth += kind == OPENS;
		depth -= kind == CLOSES;
		s = kind == TEXT ? past_text(s) : kind != NOTHING ? s + 1 : NULL;
		if (!s)
			return NULL;
	}
}

/* The value of a member of the object at `s`, or NULL. */
static const char *member(const char *s, const char *name)
{
	size_t len = strlen(name);

	while (s && (*s == '{' || *s == ',')) {
		const char *key = skip_blank(s + 1);

		s = *key == '"' ? past_text(key) : NULL;
		bool found = s && (size_t)(s - key) == len + 2 && memcmp(key + 1, name, len) == 0;

		s = s ? skip_blank(s) : NULL;
		if (!s || *s != ':')
			return NULL;
		s = skip_blank(s + 1);
		if (found)
			return s;
		s = past_value(s);
	}
	return NULL;
}

bool reply_rows(const char *text, const char *name, reply_row each, void *ctx, struct buf *rest)
{
	const char *parameters = member(skip_blank(text), "parameters");
	const char *list = parameters ? member(parameters, name) : NULL;
	const char *s = list && *list == '[' ? skip_blank(list + 1) : NULL;

	if (!s) { /* an error, say */
		buf_add(rest, text, strlen(text));
		return true;
	}
	for (bool more = *s != ']'; more; s = more ? skip_blank(s + 1) : s) {
		const char *row = s;

		s = past_value(row);
		if (!s || s == row || !each(ctx, row, (size_t)(s - row)))
			return false;
		more = *s == ',';
	}
	buf_add(rest, text, (size_t)(list + 1 - text));
	buf_add(rest, s, strlen(s));
	return true;
}
