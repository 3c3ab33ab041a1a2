/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON and YAML for programs. Texts in YAML are JSON's double-quoted ones, which YAML reads as they are, so no text can
 * turn into a number, a date or a boolean. jansson escapes the control characters of ASCII alone; DEL and U+0080 to
 * U+009F, which a terminal obeys and YAML forbids, are escaped here: in JSON they stand in texts only. */
#include "doc.h"
#include "table.h"
#include "util.h"

static bool is_control(const char *p, unsigned *ret)
{
	const unsigned char *u = (const unsigned char *)p;
	bool high = u[0] == 0xc2 && u[1] >= 0x80 && u[1] <= 0x9f;
	*ret = high ? u[1] : u[0];
	return high || u[0] == 0x7f;
}

static void put_safe(FILE *file, const char *text, size_t len)
{
	const char *end = text + len, *from = text;
	bool clean = !memchr(text, 0x7f, len) && !memchr(text, 0xc2, len); /* as almost all are */
	unsigned c;
	for (const char *p = clean ? end : text; p < end; p++) {
		if (!is_control(p, &c))
			continue;
		fwrite(from, 1, (size_t)(p - from), file);
		fprintf(file, "\\u%04x", c);
		p += c > 0x7f;
		from = p + 1;
	}
	fwrite(from, 1, (size_t)(end - from), file);
}

static void put_json(FILE *file, const json_t *value, size_t flags)
{
	_cleanup_(freep) char *text = json_dumps(value, flags | JSON_ENCODE_ANY);
	if (text)
		put_safe(file, text, strlen(text));
}

/* ---- JSON: one array, a row a line -------------------------------------------------------------- */

static void json_row(struct writer *w, const json_t *row)
{
	fputs(w->n_rows ? ",\n" : "[\n", w->file);
	put_json(w->file, row, JSON_COMPACT);
}

static void json_row_text(struct writer *w, const char *json, size_t len)
{
	fputs(w->n_rows ? ",\n" : "[\n", w->file);
	put_safe(w->file, json, len);
}

static void json_end(struct writer *w)
{
	fputs(w->n_rows ? "\n]\n" : "[]\n", w->file);
}

static void json_whole(struct writer *w, const json_t *object)
{
	put_json(w->file, object, JSON_INDENT(2));
	fputc('\n', w->file);
}

static void json_line(struct writer *w, const json_t *row)
{
	put_json(w->file, row, JSON_COMPACT);
	fputc('\n', w->file);
}

static void take_pair(void *ctx, const struct node *key, const struct node *value)
{
	json_object_set_new(ctx, key->text, doc_to_json(value));
}

static void json_document(struct writer *w, const char *yaml)
{
	_cleanup_(diag_free) struct diag diag = {0};
	json_auto_t *object = json_object();
	struct doc_handler handler = {.pair = take_pair, .ctx = object};
	doc_read_yaml(yaml, strlen(yaml), diag_file("export"), &handler, &diag);
	json_whole(w, object);
}

/* ---- YAML --------------------------------------------------------------------------------------- */

#define INDENT 2

static void put_yaml(FILE *file, const json_t *value, int depth, bool in_list);

static json_t *mutable(const json_t *value) /* jansson's iterators want it, and change nothing */
{
	return (json_t *)(uintptr_t)value;
}

static bool is_leaf(const json_t *value)
{
	return !(json_is_object(value) ? json_object_size(value) : json_array_size(value));
}

/* The keys are gwd's own plain words, but YAML 1.1 takes some words for booleans. */
static void put_key(FILE *file, const char *key)
{
	static const char *const taken[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
	bool plain = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(key) && *key > '9';
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		plain = plain && !streq(key, taken[i]);
	json_auto_t *text = json_string(key);
	if (plain)
		fputs(key, file);
	else
		put_json(file, text, 0);
}

static void put_members(FILE *file, const json_t *object, int depth, bool in_list)
{
	const char *key;
	json_t *value;
	json_object_foreach (mutable(object), key, value) {
		fprintf(file, "%*s", in_list ? 0 : depth * INDENT, "");
		put_key(file, key);
		fputs(is_leaf(value) ? ": " : ":\n", file);
		put_yaml(file, value, depth + 1, false);
		in_list = false;
	}
}

static void put_items(FILE *file, const json_t *array, int depth, bool in_list)
{
	size_t i;
	json_t *value;
	json_array_foreach (array, i, value) {
		fprintf(file, "%*s- ", in_list ? 0 : depth * INDENT, "");
		put_yaml(file, value, depth + 1, true);
		in_list = false;
	}
}

/* `in_list`: "- " was just written, and what follows starts on the same line. */
static void put_yaml(FILE *file, const json_t *value, int depth, bool in_list)
{
	if (is_leaf(value)) {
		put_json(file, value, JSON_COMPACT);
		fputc('\n', file);
	} else if (json_is_object(value)) {
		put_members(file, value, depth, in_list);
	} else {
		put_items(file, value, depth, in_list);
	}
}

static void yaml_row(struct writer *w, const json_t *row)
{
	fputs("- ", w->file);
	put_yaml(w->file, row, 1, true);
}

static void yaml_end(struct writer *w)
{
	if (!w->n_rows)
		fputs("[]\n", w->file);
}

static void yaml_object(struct writer *w, const json_t *object)
{
	put_yaml(w->file, object, 0, false);
}

static void yaml_document(struct writer *w, const char *yaml)
{
	writer_text.document(w, yaml);
}

const struct writer_ops writer_json = {
	.name = "json",
	.row = json_row,
	.row_text = json_row_text,
	.end = json_end,
	.object = json_whole,
	.document = json_document,
	.line = json_line,
};

const struct writer_ops writer_yaml = {
	.name = "yaml",
	.row = yaml_row,
	.end = yaml_end,
	.object = yaml_object,
	.document = yaml_document,
	.line = yaml_row,
};
