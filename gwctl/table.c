/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The front of the writers: which format it is, and what the screen can show. */
#include "table.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util.h"

static const struct writer_ops *const formats[] = {&writer_text, &writer_json, &writer_yaml};

/* For a terminal that does not tell, as on a serial line. */
static unsigned columns_said(void)
{
	const char *text = getenv("COLUMNS");
	unsigned columns;
	return text && number_parse(&text, 10000, &columns) && !*text && columns ? columns : 80;
}

struct screen screen_of(int fd)
{
	struct screen screen = {0};
	struct winsize size = {0};
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	if (!isatty(fd))
		return screen;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0)
		screen.height = size.ws_row;
	screen.width = size.ws_col ? size.ws_col : columns_said();
	screen.colour = !(no_colour && *no_colour) && term && !streq(term, "dumb");
	return screen;
}

struct writer *writer_new(const char *format, FILE *file, struct screen screen)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!streq(formats[i]->name, format))
			continue;
		struct writer *w = xcalloc(1, sizeof(*w));
		w->ops = formats[i];
		w->file = file;
		w->screen = screen;
		return w;
	}
	return NULL;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_cells; i++)
		free(w->cells[i]);
	free(w->cells);
	free(w);
}

void writer_freep(struct writer **w)
{
	writer_free(*w);
}

void writer_rows(struct writer *w, const struct column *columns, size_t n)
{
	w->columns = columns;
	w->n_columns = n;
	w->n_rows = 0;
}

void writer_row(struct writer *w, const json_t *row)
{
	w->ops->row(w, row);
	w->n_rows++;
}

bool writer_row_text(struct writer *w, const char *json, size_t len)
{
	if (w->ops->row_text) {
		w->ops->row_text(w, json, len);
		w->n_rows++;
		return true;
	}
	json_auto_t *row = json_loadb(json, len, 0, NULL);
	if (row)
		writer_row(w, row);
	return row;
}

void writer_end(struct writer *w)
{
	w->ops->end(w);
}

void writer_object(struct writer *w, const struct column *fields, size_t n, const json_t *object)
{
	w->columns = fields;
	w->n_columns = n;
	w->ops->object(w, object);
}

void writer_line(struct writer *w, const struct column *column, const json_t *row)
{
	w->columns = column;
	w->n_columns = 1;
	w->ops->line(w, row);
}

void writer_document(struct writer *w, const char *yaml)
{
	w->ops->document(w, yaml);
}
