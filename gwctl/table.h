/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output: rows, one object, or a YAML document, as text for people, JSON or YAML. A command gives the JSON it received
 * and the columns in which a person reads it; it never knows the format. */
#ifndef TABLE_H
#define TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum column_kind {
	COLUMN_TEXT,   /* shortened when the terminal is too narrow */
	COLUMN_NUMBER, /* to the right */
	COLUMN_STATE,  /* coloured by its first word */
	COLUMN_SPARE = 8, /* or one of them: among the first to go when the terminal is too narrow for all */
};

struct column {
	const char *title; /* of an object: NULL = the cell stands alone, without a label */
	enum column_kind kind;
	char *(*cell)(const json_t *row); /* the caller's; NULL = nothing to say: an object leaves the line out */
};

struct writer;

/* What the terminal at the other end can do; all zero = no terminal: nothing is shortened, coloured or paged. */
struct screen {
	unsigned width, height; /* height 0: nothing is paged */
	bool colour;
};
struct screen screen_of(int fd);

/* `format` is table, json or yaml; NULL when it is none. `file` is borrowed. */
struct writer *writer_new(const char *format, FILE *file, struct screen);
void writer_free(struct writer *);
void writer_freep(struct writer **);

/* Rows one by one as they come; json and yaml hold none of them, a table only its texts. Nothing is written before the
 * first row or the end, so that a refused request leaves nothing on standard output. Once for each writer. */
void writer_rows(struct writer *, const struct column *columns, size_t n);
void writer_row(struct writer *, const json_t *row);
bool writer_row_text(struct writer *, const char *json, size_t len); /* as reply.h gives it; false: it is no JSON */
void writer_end(struct writer *);

void writer_object(struct writer *, const struct column *fields, size_t n, const json_t *object);
void writer_document(struct writer *, const char *yaml);
/* Rows that come without an end, one at a time: a line of text, or of JSON; YAML as rows. */
void writer_line(struct writer *, const struct column *, const json_t *row);

/* ---- Between table.c and the formats -------------------------------------------------------------- */

struct writer_ops {
	const char *name;
	void (*row)(struct writer *, const json_t *row);
	void (*row_text)(struct writer *, const char *json, size_t len); /* NULL: it wants to know what is in it */
	void (*end)(struct writer *);
	void (*object)(struct writer *, const json_t *object);
	void (*document)(struct writer *, const char *yaml);
	void (*line)(struct writer *, const json_t *row);
};
extern const struct writer_ops writer_text, writer_json, writer_yaml;

struct writer {
	const struct writer_ops *ops;
	FILE *file;
	struct screen screen;
	const struct column *columns;
	size_t n_columns;
	char **cells; /* text: row after row */
	size_t n_cells, capacity;
	size_t n_rows;
};

/* Text as it may go to a terminal: control characters and what is no UTF-8 become '?'; tab and newline stay. */
char *text_safe(const char *text);
size_t text_width(const char *safe); /* columns on the screen */
/* For a cell of an object: what is to be copied, a command, is not wrapped at its blanks. Caller's string. */
char *text_whole(const char *text);

#endif
