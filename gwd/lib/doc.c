/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libyaml's event interface, because its document interface keeps the whole text as nodes: 150 MB for 100,000 services.
 * Here one value of the top level is alive at a time. Scalars stay text: what 1e3, 22:80 or `no` mean is decided by the
 * key they belong to, not by YAML. What libyaml calls a problem is translated into what to do about it. */
#include "doc.h"

#include <stdio.h>
#include <strings.h>
#include <yaml.h>

#include "util.h"

struct reader {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	const char *file;
	const struct doc_handler *handler;
	struct diag *diag;
	struct arena *arena; /* of the value being read */
	size_t nodes;        /* in it */
};

/* ---- Nodes -------------------------------------------------------------------------------------- */

static struct node *node_new(struct arena *a, enum node_type type, struct loc loc)
{
	struct node *node = arena_alloc(a, sizeof(*node));

	node->type = type;
	node->loc = loc;
	return node;
}

struct node *node_map(struct arena *a, struct loc loc)
{
	return node_new(a, NODE_MAP, loc);
}

struct node *node_list(struct arena *a, struct loc loc)
{
	return node_new(a, NODE_LIST, loc);
}

struct node *node_text(struct arena *a, struct loc loc, const char *text, size_t len)
{
	struct node *node = node_new(a, NODE_SCALAR, loc);

	node->text = arena_strndup(a, text, len);
	node->quoted = true;
	return node;
}

struct node *node_scalar(struct arena *a, struct loc loc, const char *text, bool quoted)
{
	struct node *node = node_text(a, loc, text, strlen(text));

	node->quoted = quoted;
	return node;
}

/* Room for one more than `n`: four at first, doubled whenever `n` is a larger power of two. */
static struct node **array_grow(struct arena *a, struct node **items, size_t n)
{
	struct node **larger;

	if (n & (n - 1) || (n < 4 && items))
		return items;
	larger = arena_alloc(a, (n ? n * 2 : 4) * sizeof(struct node *));
	if (items)
		memcpy(larger, items, n * sizeof(struct node *));
	return larger;
}

void node_pair(struct arena *a, struct node *map, struct node *key, struct node *value)
{
	map->keys = array_grow(a, map->keys, map->n);
	map->items = array_grow(a, map->items, map->n);
	map->keys[map->n] = key;
	map->items[map->n++] = value;
}

void node_set(struct arena *a, struct node *map, const char *key, struct node *value)
{
	for (size_t i = 0; i < map->n; i++) {
		if (streq(map->keys[i]->text, key)) {
			map->items[i] = value;
			return;
		}
	}
	node_pair(a, map, node_scalar(a, value->loc, key, true), value);
}

void node_append(struct arena *a, struct node *list, struct node *value)
{
	list->items = array_grow(a, list->items, list->n);
	list->items[list->n++] = value;
}

const struct node *doc_get(const struct node *map, const char *key)
{
	for (size_t i = 0; map->type == NODE_MAP && i < map->n; i++)
		if (streq(map->keys[i]->text, key))
			return map->items[i];
	return NULL;
}

static bool is_word(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

bool doc_bool(const struct node *node, bool *ret)
{
	static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
	bool value;

	if (node->type != NODE_SCALAR || node->quoted)
		return false;
	value = is_word(node->text, yes, ARRAY_SIZE(yes));
	if (!value && !is_word(node->text, no, ARRAY_SIZE(no)))
		return false;
	*ret = value;
	return true;
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static const char *json_scalar(struct arena *a, const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_STRING:
		return json_string_value(json);
	case JSON_INTEGER:
		return arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
	case JSON_REAL:
		return arena_printf(a, "%.17g", json_real_value(json));
	default:
		return json_is_true(json) ? "true" : "false";
	}
}

/* Recursion is bounded by jansson's own limit on depth. */
struct node *doc_from_json(struct arena *a, const json_t *json)
{
	const struct loc nowhere = {0};
	struct node *node;

	if (json_is_null(json))
		return node_new(a, NODE_NULL, nowhere);
	if (json_is_object(json)) {
		void *at = json_object_iter((json_t *)(uintptr_t)json);

		for (node = node_map(a, nowhere); at; at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
			json_t *value = json_object_iter_value(at);

			if (!json_is_null(value))
				node_pair(a, node, node_scalar(a, nowhere, json_object_iter_key(at), true),
					  doc_from_json(a, value));
		}
		return node;
	}
	if (json_is_array(json)) {
		node = node_list(a, nowhere);
		for (size_t i = 0; i < json_array_size(json); i++)
			node_append(a, node, doc_from_json(a, json_array_get(json, i)));
		return node;
	}
	return node_scalar(a, nowhere, json_scalar(a, json), json_is_string(json));
}

static json_t *scalar_to_json(const struct node *node)
{
	size_t digits = strspn(node->text, "0123456789");
	json_t *json;

	if (!node->quoted && (streq(node->text, "true") || streq(node->text, "false")))
		return json_boolean(streq(node->text, "true"));
	if (!node->quoted && digits && digits < 10 && !node->text[digits])
		return json_integer(atol(node->text));
	json = json_string(node->text);
	return json ? json : json_string("?"); /* not UTF-8, which only an argument vector can carry */
}

json_t *doc_to_json(const struct node *node)
{
	json_t *json;

	switch (node->type) {
	case NODE_SCALAR:
		return scalar_to_json(node);
	case NODE_LIST:
		json = json_array();
		for (size_t i = 0; i < node->n; i++)
			json_array_append_new(json, doc_to_json(node->items[i]));
		return json;
	case NODE_MAP:
		json = json_object();
		for (size_t i = 0; i < node->n; i++)
			json_object_set_new(json, node->keys[i]->text, doc_to_json(node->items[i]));
		return json;
	default:
		return json_null();
	}
}

/* ---- YAML: what went wrong ---------------------------------------------------------------------- */

static struct loc mark_loc(const struct reader *r, yaml_mark_t mark)
{
	return (struct loc){.file = r->file, .line = (uint32_t)mark.line + 1, .col = (uint32_t)mark.column + 1};
}

static struct loc offset_loc(const struct reader *r, size_t offset)
{
	struct loc loc = {.file = r->file, .line = 1, .col = 1};

	for (size_t i = 0; i < offset && i < r->len; i++) {
		if (r->text[i] == '\n') {
			loc.line++;
			loc.col = 1;
		} else if (((unsigned char)r->text[i] & 0xc0) != 0x80) {
			loc.col++;
		}
	}
	return loc;
}

/* Line `line` (from 0) of the text; caller's string. */
static char *line_text(const struct reader *r, size_t line)
{
	const char *at = r->text, *end = r->text + r->len, *newline;

	for (; line && at < end; line--) {
		newline = memchr(at, '\n', (size_t)(end - at));
		at = newline ? newline + 1 : end;
	}
	newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
	return xstrndup(at, (size_t)((newline ? newline : end) - at));
}

/* "[fd00::10]:80" not in quotes. */
static bool has_bare_ipv6_port(const char *line)
{
	for (const char *at = strchr(line, '['); at; at = strchr(at + 1, '[')) {
		size_t n = strspn(at + 1, "0123456789abcdefABCDEF:.");

		if (memchr(at + 1, ':', n) && at[1 + n] == ']' && at[2 + n] == ':' && (at == line || at[-1] != '"'))
			return true;
	}
	return false;
}

static const char *problem_hint(const char *problem, const char *line)
{
	static const char *const hints[][2] = {
		{"cannot start any token", "a value cannot begin with this character; put it in quotes"},
		{"did not find expected alphabetic", "'*' and '&' begin YAML aliases; put the value in quotes"},
		{"mapping values are not allowed",
		 "a ':' is not expected here; check the indentation, or put a text with ': ' in it in quotes"},
		{"did not find expected key",
		 "this does not fit the lines above it; check the indentation, and whether a quote is left open"},
		{"did not find expected '-'",
		 "this does not fit the list above it; check the indentation (an entry begins with '- ')"},
		{"block sequence entries are not allowed", "a '- ' is not expected here; check the indentation"},
		{"could not find expected ':'", "this line is no 'key: value'"},
		{"expected ',' or", "a list in brackets or braces is not closed, or lacks a ','"},
		{"unexpected end of stream", "the text ends inside quotes that are not closed"},
		{"unexpected document indicator", "'---' inside quotes that are not closed"},
	};

	if (line[strspn(line, " ")] == '\t')
		return "indent with spaces: YAML does not allow tabs";
	if (has_bare_ipv6_port(line))
		return "an IPv6 address with a port must be quoted: \"[fd00::10]:80\"";
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (strstr(problem, hints[i][0]))
			return hints[i][1];
	return problem;
}

static void syntax_mistake(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "this is not YAML";
	_cleanup_(freep) char *line = NULL;
	bool unclosed;

	if (p->error == YAML_MEMORY_ERROR)
		out_of_memory();
	if (p->error == YAML_READER_ERROR) {
		bool control = strstr(problem, "control") != NULL;

		if (control)
			diag_add(r->diag, DIAG_INVALID, offset_loc(r, p->problem_offset),
				 "control character 0x%02x is not allowed", (unsigned)p->problem_value);
		else
			diag_add(r->diag, DIAG_INVALID, offset_loc(r, p->problem_offset),
				 "this is not UTF-8 text; save the file as UTF-8");
		return;
	}
	line = line_text(r, p->problem_mark.line);
	unclosed = (strstr(problem, "expected ',' or") && !has_bare_ipv6_port(line)) ||
		   strstr(problem, "unexpected end of stream");
	diag_add(r->diag, DIAG_INVALID, mark_loc(r, unclosed ? p->context_mark : p->problem_mark), "%s",
		 problem_hint(problem, line));
}

static bool refuse(struct reader *r, yaml_mark_t mark, const char *why)
{
	diag_add(r->diag, DIAG_INVALID, mark_loc(r, mark), "%s", why);
	return false;
}

/* ---- YAML: events to nodes ---------------------------------------------------------------------- */

/* What YAML can do and nobody needs here: it lets a small text stand for a huge one, or hides what is said. */
static bool refuse_extras(struct reader *r, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (e->type == YAML_ALIAS_EVENT)
		return refuse(r, e->start_mark, "aliases (*name) are not supported; write the value out, or in quotes");
	if (e->type == YAML_SCALAR_EVENT) {
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
	} else if (e->type == YAML_SEQUENCE_START_EVENT) {
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
	}
	if (anchor)
		return refuse(r, e->start_mark, "anchors (&name) are not supported; write the value out, or in quotes");
	if (tag)
		return refuse(r, e->start_mark, "tags (!name) are not supported; put the value in quotes");
	return true;
}

/* The next event in *ret (released by the caller), or false plus diag. */
static bool next_event(struct reader *r, yaml_event_t *ret)
{
	yaml_event_delete(ret);
	if (!yaml_parser_parse(&r->parser, ret)) {
		*ret = (yaml_event_t){0};
		syntax_mistake(r);
		return false;
	}
	return refuse_extras(r, ret);
}

static struct node *read_value(struct reader *r, const yaml_event_t *, unsigned depth);

static struct node *read_scalar(const struct reader *r, const yaml_event_t *e)
{
	static const char *const nulls[] = {"", "~", "null"};
	const char *text = (const char *)e->data.scalar.value;
	bool quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	struct loc loc = mark_loc(r, e->start_mark);
	struct node *node;

	if (!quoted && e->data.scalar.length <= 4 && is_word(text, nulls, ARRAY_SIZE(nulls)))
		return node_new(r->arena, NODE_NULL, loc);
	node = node_text(r->arena, loc, text, e->data.scalar.length);
	node->quoted = quoted;
	return node;
}

static bool read_items(struct reader *r, struct node *list, unsigned depth)
{
	_cleanup_(yaml_event_delete) yaml_event_t e = {0};

	while (next_event(r, &e)) {
		struct node *item;

		if (e.type == YAML_SEQUENCE_END_EVENT)
			return true;
		item = read_value(r, &e, depth);
		if (!item)
			return false;
		node_append(r->arena, list, item);
	}
	return false;
}

static struct node *read_key(struct reader *r, const yaml_event_t *e, struct arena *a)
{
	_cleanup_(freep) char *line = NULL;

	if (e->type == YAML_SCALAR_EVENT)
		return node_text(a, mark_loc(r, e->start_mark), (const char *)e->data.scalar.value, e->data.scalar.length);
	line = line_text(r, e->start_mark.line);
	refuse(r, e->start_mark, problem_hint("a key must be a plain word", line));
	return NULL;
}

/* Whether `key` may be added to `map`; *ret_new false: it is there already (said, reading goes on). */
static bool check_key(struct reader *r, const struct node *map, const struct node *key, bool *ret_new)
{
	const struct loc *first;

	if (map->n == DOC_KEYS_MAX) {
		diag_add(r->diag, DIAG_INVALID, key->loc, "a map may have at most %d keys", DOC_KEYS_MAX);
		return false;
	}
	*ret_new = true;
	for (size_t i = 0; i < map->n && *ret_new; i++) {
		if (!streq(map->keys[i]->text, key->text))
			continue;
		first = &map->keys[i]->loc;
		diag_add(r->diag, DIAG_INVALID, key->loc, "key '%s' is given twice; first at %s:%u:%u", key->text,
			 first->file, first->line, first->col);
		*ret_new = false;
	}
	return true;
}

static bool read_pairs(struct reader *r, struct node *map, unsigned depth)
{
	_cleanup_(yaml_event_delete) yaml_event_t e = {0};

	while (next_event(r, &e)) {
		struct node *key, *value;
		bool new;

		if (e.type == YAML_MAPPING_END_EVENT)
			return true;
		key = read_key(r, &e, r->arena);
		if (!key || !check_key(r, map, key, &new) || !next_event(r, &e))
			return false;
		value = read_value(r, &e, depth);
		if (!value)
			return false;
		if (new)
			node_pair(r->arena, map, key, value);
	}
	return false;
}

/* The value that `e` begins, or NULL plus diag. */
static struct node *read_value(struct reader *r, const yaml_event_t *e, unsigned depth)
{
	struct node *node;

	if (depth > DOC_DEPTH_MAX) {
		refuse(r, e->start_mark, "too many lists and maps inside each other");
		return NULL;
	}
	if (++r->nodes > DOC_NODES_MAX) {
		refuse(r, e->start_mark, "one entry with that many values is not supported");
		return NULL;
	}
	if (e->type == YAML_SCALAR_EVENT)
		return read_scalar(r, e);
	if (e->type == YAML_SEQUENCE_START_EVENT) {
		node = node_list(r->arena, mark_loc(r, e->start_mark));
		return read_items(r, node, depth + 1) ? node : NULL;
	}
	node = node_map(r->arena, mark_loc(r, e->start_mark));
	return read_pairs(r, node, depth + 1) ? node : NULL;
}

/* ---- YAML: the top level ------------------------------------------------------------------------ */

static bool read_streamed(struct reader *r)
{
	_cleanup_(yaml_event_delete) yaml_event_t e = {0};

	while (next_event(r, &e)) {
		const struct node *item;

		if (e.type == YAML_SEQUENCE_END_EVENT)
			return true;
		arena_reset(r->arena);
		r->nodes = 0;
		item = read_value(r, &e, 3);
		if (!item)
			return false;
		r->handler->item(r->handler->ctx, item);
	}
	return false;
}

static bool read_top_value(struct reader *r, const struct node *key, bool new)
{
	_cleanup_(yaml_event_delete) yaml_event_t e = {0};
	const char *streamed = r->handler->streamed;
	const struct node *value;

	if (!next_event(r, &e))
		return false;
	if (new &&e.type == YAML_SEQUENCE_START_EVENT && streamed &&streq(key->text, streamed))
		return read_streamed(r);
	arena_reset(r->arena);
	r->nodes = 0;
	value = read_value(r, &e, 2);
	if (value && new)
		r->handler->pair(r->handler->ctx, key, value);
	return value != NULL;
}

static bool read_top(struct reader *r)
{
	_cleanup_(yaml_event_delete) yaml_event_t e = {0};
	_cleanup_(arena_freep) struct arena *keys = arena_new();
	struct node *top = node_map(keys, (struct loc){0});

	while (next_event(r, &e)) {
		struct node *key;
		bool new;

		if (e.type == YAML_MAPPING_END_EVENT)
			return true;
		key = read_key(r, &e, keys);
		if (!key || !check_key(r, top, key, &new) || !read_top_value(r, key, new))
			return false;
		if (new)
			node_pair(keys, top, key, key);
	}
	return false;
}

static bool read_document(struct reader *r)
{
	_cleanup_(yaml_event_delete) yaml_event_t e = {0};

	if (!next_event(r, &e)) /* stream start */
		return false;
	if (!next_event(r, &e))
		return false;
	if (e.type == YAML_STREAM_END_EVENT)
		return true; /* empty, or comments only */
	if (!next_event(r, &e))
		return false;
	if (e.type == YAML_SEQUENCE_START_EVENT)
		return refuse(r, e.start_mark, "the file begins with a list; write 'services:' above it");
	if (e.type == YAML_SCALAR_EVENT && read_scalar(r, &e)->type == NODE_SCALAR)
		return refuse(r, e.start_mark, "expected 'key: value' lines, such as 'services:'");
	if (e.type == YAML_MAPPING_START_EVENT && !read_top(r))
		return false;
	if (!next_event(r, &e)) /* document end */
		return false;
	if (!next_event(r, &e)) /* what comes after it */
		return false;
	if (e.type != YAML_STREAM_END_EVENT)
		return refuse(r, e.start_mark, "a second document begins here ('---'); a file holds one");
	return true;
}

bool doc_read_yaml(const char *text, size_t len, const char *file, const struct doc_handler *handler, struct diag *diag)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	size_t bom = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	struct reader r = {
		.text = text + bom,
		.len = len - bom,
		.file = file,
		.handler = handler,
		.diag = diag,
		.arena = arena,
	};
	bool ok;

	if (!yaml_parser_initialize(&r.parser))
		out_of_memory();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, r.len);
	ok = read_document(&r);
	yaml_parser_delete(&r.parser);
	return ok;
}
