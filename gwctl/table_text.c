/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for people: aligned columns need the widest cell, so rows are kept as texts until the last one came. Widths are
 * those of the screen (a CJK character takes two columns, a combining one none). */
#include "table.h"

#include <assert.h>
#include <wchar.h>

#include "pager.h"
#include "util.h"

#define GAP 2      /* blanks between columns */
#define SHORTEST 7 /* no column is cut below this */
#define ELLIPSIS "\xe2\x80\xa6"

char *text_safe(const char *text)
{
	char *safe = xstrdup(text);
	text_clean(safe, "\t\n");
	return safe;
}

/* Bytes of the character at `text`, which has one; its columns in *ret. What no locale knows is taken as one wide. */
static size_t next_char(const char *text, size_t *ret)
{
	mbstate_t state = {0};
	wchar_t c;
	size_t n = utf8_char(text, strnlen(text, 4));
	int width = mbrtowc(&c, text, n, &state) == n ? wcwidth(c) : 1;
	*ret = width < 0 ? 1 : (size_t)width;
	return n ? n : 1;
}

size_t text_width(const char *safe)
{
	size_t width = 0, own;
	for (; *safe; width += own)
		safe += next_char(safe, &own);
	return width;
}

/* How many bytes of `text` fill at most `width` columns. */
static size_t fitting(const char *text, size_t width)
{
	size_t bytes = 0;
	while (text[bytes]) {
		size_t own;
		size_t n = next_char(text + bytes, &own);
		if (own > width)
			break;
		width -= own;
		bytes += n;
	}
	return bytes;
}

static char *cell_of(const struct column *column, const json_t *row)
{
	_cleanup_(freep) char *raw = column->cell(row);
	return raw ? text_safe(raw) : NULL;
}

static void text_row(struct writer *w, const json_t *row)
{
	for (size_t i = 0; i < w->n_columns; i++) {
		char *cell = cell_of(&w->columns[i], row);
		for (char *p = cell; p && *p; p++)
			if (*p == '\n' || *p == '\t')
				*p = ' ';
		w->cells = grow(w->cells, w->n_cells, &w->capacity, sizeof(*w->cells));
		w->cells[w->n_cells++] = cell ? cell : xstrdup("");
	}
}

/* ---- Columns; one of width 0 is not shown -------------------------------------------------------- */

static bool is_number(const struct column *column)
{
	return (column->kind & ~COLUMN_SPARE) == COLUMN_NUMBER;
}

static size_t line_width(const struct writer *w, const size_t *widths)
{
	size_t total = 0;
	for (size_t i = 0; i < w->n_columns; i++)
		if (widths[i])
			total += widths[i] + (total ? GAP : 0);
	return total;
}

static bool is_empty(const struct writer *w, size_t column)
{
	for (size_t i = column; i < w->n_cells; i += w->n_columns)
		if (*w->cells[i])
			return false;
	return true;
}

/* Takes from the widest text column, again and again; false when nothing is left to take and the line does not fit. */
static bool squeeze(const struct writer *w, size_t *widths, size_t room)
{
	for (size_t total = line_width(w, widths); total > room; total--) {
		size_t widest = w->n_columns;
		for (size_t i = 0; i < w->n_columns; i++)
			if (!is_number(&w->columns[i]) && widths[i] > SHORTEST &&
			    (widest == w->n_columns || widths[i] > widths[widest]))
				widest = i;
		if (widest == w->n_columns)
			return false;
		widths[widest]--;
	}
	return true;
}

/* The column that is missed least: the last that can be spared, or the last. 0: there is only one. */
static size_t least(const struct writer *w, const size_t *widths)
{
	size_t last = 0, spare = 0;
	for (size_t i = 1; i < w->n_columns; i++) {
		last = widths[i] ? i : last;
		spare = widths[i] && w->columns[i].kind & COLUMN_SPARE ? i : spare;
	}
	return spare ? spare : last;
}

/* On a narrow terminal columns in which nothing stands go, cells are cut, and if those would be too short to be of use,
 * whole columns are left out: true, and there is room to say so. */
static bool fit(const struct writer *w, size_t *widths)
{
	_cleanup_(freep) size_t *cut = xcalloc(w->n_columns, sizeof(*cut));
	size_t room = w->screen.width, mark = room > GAP + 1 ? GAP + 1 : 0, gone;
	bool less = false;
	if (!room || line_width(w, widths) <= room)
		return false;
	for (size_t i = 1; i < w->n_columns; i++)
		if (is_empty(w, i))
			widths[i] = 0;
	memcpy(cut, widths, w->n_columns * sizeof(*cut));
	while (!squeeze(w, cut, room - (less ? mark : 0)) && (gone = least(w, widths))) {
		widths[gone] = 0;
		less = true;
		memcpy(cut, widths, w->n_columns * sizeof(*cut));
	}
	memcpy(widths, cut, w->n_columns * sizeof(*cut));
	return less;
}

static const char *colour_of(const char *state)
{
	if (strncmp(state, "active", strlen("active")) == 0)
		return "\033[32m";
	if (strncmp(state, "held", strlen("held")) == 0)
		return "\033[33m";
	return "\033[2m";
}

static void put_cell(const struct writer *w, const struct column *column, const char *text, size_t width, bool last)
{
	size_t own = text_width(text);
	size_t bytes = strlen(text);
	bool cut = own > width;
	bool coloured = w->screen.colour && column->kind == COLUMN_STATE && *text;
	if (cut) {
		bytes = fitting(text, width - 1);
		_cleanup_(freep) char *kept = xstrndup(text, bytes);
		own = text_width(kept) + 1;
	}
	int blanks = (int)(width - own);
	if (is_number(column))
		fprintf(w->file, "%*s", blanks, "");
	fprintf(w->file, "%s%.*s%s%s", coloured ? colour_of(text) : "", (int)bytes, text, cut ? ELLIPSIS : "",
		coloured ? "\033[0m" : "");
	if (!last)
		fprintf(w->file, "%*s", (is_number(column) ? 0 : blanks) + GAP, "");
}

/* `more`: what the line ends with when columns are left out, or NULL. */
static void put_line(const struct writer *w, char *const *cells, const size_t *widths, const char *more)
{
	static const struct column title = {.kind = COLUMN_TEXT}, number = {.kind = COLUMN_NUMBER};
	size_t last = w->n_columns - 1;
	while (last && !widths[last])
		last--;
	for (size_t i = 0; i <= last; i++) {
		const struct column *column = &w->columns[i];
		bool ends = i == last && !more;
		if (!widths[i])
			continue;
		if (!cells)
			put_cell(w, is_number(column) ? &number : &title, column->title, widths[i], ends);
		else
			put_cell(w, column, cells[i], widths[i], ends);
	}
	fprintf(w->file, "%s\n", more ? more : "");
}

static void text_end(struct writer *w)
{
	assert(w->n_columns);
	_cleanup_(freep) size_t *widths = xcalloc(w->n_columns, sizeof(*widths));
	for (size_t i = 0; i < w->n_columns; i++)
		widths[i] = text_width(w->columns[i].title);
	for (size_t i = 0; i < w->n_cells; i++) {
		size_t width = text_width(w->cells[i]);
		if (width > widths[i % w->n_columns])
			widths[i % w->n_columns] = width;
	}
	bool narrow = fit(w, widths);
	if (w->screen.height && w->n_rows + 1 >= w->screen.height)
		pager_start();
	put_line(w, NULL, widths, narrow ? ELLIPSIS : NULL);
	for (size_t i = 0; i < w->n_cells; i += w->n_columns)
		put_line(w, w->cells + i, widths, NULL);
}

/* ---- Fields; on a terminal their lines are wrapped at words ----------------------------------------- */

#define NO_BREAK "\xc2\xa0" /* a blank of what stays whole */

char *text_whole(const char *text)
{
	struct buf whole = {0};
	for (; *text; text++)
		buf_printf(&whole, *text == ' ' ? NO_BREAK : "%c", *text);
	return buf_take(&whole);
}

/* The blanks of what stays whole are shown, and copied, as any others. */
static void put_text(FILE *file, const char *text, size_t bytes)
{
	for (const char *end = text + bytes; text < end; text++) {
		bool blank = strncmp(text, NO_BREAK, strlen(NO_BREAK)) == 0;
		fputc(blank ? ' ' : *text, file);
		text += blank;
	}
}

/* Bytes of a line up to its text, which begins behind its last gap: "warning  firewalls     text". */
static size_t before_text(const char *line)
{
	size_t start = 0;
	for (size_t i = 0; line[i]; i++)
		if (line[i] != ' ' && i >= GAP && line[i - 1] == ' ' && line[i - GAP] == ' ')
			start = i;
	return start;
}

/* How many bytes of `text` are shown in `room` columns: whole words, and one at least. */
static size_t words_fitting(const char *text, size_t room)
{
	size_t n = fitting(text, room);
	if (!text[n])
		return n;
	while (n && text[n] != ' ')
		n--;
	return n ? n : strcspn(text, " ");
}

/* `line` from column `left` on; what does not fit goes on below where its text begins. */
static void put_wrapped(const struct writer *w, const char *line, size_t left, const char *colour)
{
	size_t start = before_text(line), below = left, width = w->screen.width, own, bytes;
	for (size_t i = 0; i < start; below += own)
		i += next_char(line + i, &own);
	size_t room = width > below ? width - below : 1;
	for (const char *text = line + start; *text; text += bytes) {
		bool first = text == line + start;
		text += first ? 0 : strspn(text, " ");
		bytes = width ? words_fitting(text, room) : strlen(text);
		fprintf(w->file, "%s%*s%s", first ? "" : "\n", first ? 0 : (int)below, "", colour);
		put_text(w->file, first ? line : text, bytes + (first ? start : 0));
		fputs(*colour ? "\033[0m" : "", w->file);
	}
	fputc('\n', w->file);
}

/* "label  first line" and the further lines of the cell under the first. */
static void put_field(const struct writer *w, const struct column *field, const char *text, size_t label_width)
{
	const char *label = field->title;
	const char *colour = w->screen.colour && field->kind == COLUMN_STATE ? colour_of(text) : "";
	for (const char *line = text, *end; line; line = *end ? end + 1 : NULL) {
		end = line + strcspn(line, "\n");
		_cleanup_(freep) char *one = xstrndup(line, (size_t)(end - line));
		if (field->title)
			fprintf(w->file, "%-*s  ", (int)label_width, label);
		put_wrapped(w, one, field->title ? label_width + GAP : 0, colour);
		label = "";
	}
}

static void text_object(struct writer *w, const json_t *object)
{
	size_t width = 0;
	for (size_t i = 0; i < w->n_columns; i++)
		if (w->columns[i].title && strlen(w->columns[i].title) > width)
			width = strlen(w->columns[i].title);
	for (size_t i = 0; i < w->n_columns; i++) {
		_cleanup_(freep) char *text = cell_of(&w->columns[i], object);
		if (text && *text)
			put_field(w, &w->columns[i], text, width);
	}
}

static void text_document(struct writer *w, const char *yaml)
{
	_cleanup_(freep) char *safe = text_safe(yaml);
	fputs(safe, w->file);
}

const struct writer_ops writer_text = {
	.name = "table",
	.row = text_row,
	.end = text_end,
	.object = text_object,
	.document = text_document,
	.line = text_object,
};
