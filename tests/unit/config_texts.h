/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts in, settings, forwards and mistakes out: what the tests of config share. */
#ifndef CONFIG_TEXTS_H
#define CONFIG_TEXTS_H

#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_print.h"
#include "util.h"

static inline struct documents *documents(const char *const *texts, size_t n)
{
	static const char *const paths[] = {"gwd.yaml", "gwd.d/a.yaml", "gwd.d/b.yaml"};
	struct documents *docs = xcalloc(1, sizeof(*docs));

	docs->items = xcalloc(n, sizeof(*docs->items));
	for (docs->n = 0; docs->n < n; docs->n++)
		docs->items[docs->n] =
			(struct document){diag_file(paths[docs->n]), xstrdup(texts[docs->n]), strlen(texts[docs->n])};
	return docs;
}

static inline struct config *read_texts(const char *const *texts, size_t n, struct diag *diag)
{
	_cleanup_(documents_freep) struct documents *docs = documents(texts, n);

	return config_read(docs, diag);
}

static inline struct config *must_read(const char *text)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *mistakes = NULL;
	struct config *config = read_texts(&text, 1, &diag);

	mistakes = diag_text(&diag);
	if (!config)
		fail_msg("%s\ngave: %s", text, mistakes);
	return config;
}

/* The messages with their places, one a line, without source lines. */
static inline char *mistakes_of(const char *const *texts, size_t n)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(config_freep) struct config *config = read_texts(texts, n, &diag);
	struct buf out = {0};

	assert_int_equal(config == NULL, diag_failed(&diag));
	for (size_t i = 0; i < diag.n; i++) {
		const struct mistake *m = &diag.mistakes[i];

		buf_printf(&out, "%s:%u:%u: %s\n", m->loc.file, m->loc.line, m->loc.col, m->message);
		assert_non_null(m->source);
	}
	return buf_take(&out);
}

static inline void assert_mistakes(const char *text, const char *expected)
{
	_cleanup_(freep) char *got = mistakes_of(&text, 1);

	if (!streq(got, expected))
		fail_msg("%s\ngave:\n%snot:\n%s", text, got, expected);
}

/* `entry`, a flow map, gives exactly one mistake, which is or (ending in "...") begins with `expected`. */
static inline void assert_entry(const char *entry, const char *expected)
{
	_cleanup_(freep) char *text = xasprintf("services:\n- %s\n", entry), *got = NULL, *whole = NULL;
	const char *texts[] = {text};
	size_t len = strlen(expected);

	got = mistakes_of(texts, 1);
	if (len > 3 && streq(expected + len - 3, "...")) {
		if (strncmp(got, expected, len - 3) != 0 || strchr(got, '\n')[1])
			fail_msg("%s\ngave: %snot:  %s", entry, got, expected);
		return;
	}
	whole = xasprintf("%s\n", expected);
	if (!streq(got, whole))
		fail_msg("%s\ngave: %snot:  %s", entry, got, whole);
}

static inline struct forward *only(const struct config *c)
{
	assert_int_equal(forwards_count(c->forwards), 1);
	return forwards_first(c->forwards)->forward;
}

static inline struct node *json_node(struct arena *a, const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	struct node *node;

	assert_non_null(json);
	node = doc_from_json(a, json);
	json_decref(json);
	return node;
}

static inline struct forward *forward_of(const char *json, struct diag *diag)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();

	return config_forward(json_node(a, json), NULL, diag);
}

static inline char *text_of(const struct forward *f)
{
	struct buf text = {0};

	config_forward_json(&text, NULL, f);
	return buf_take(&text);
}

#endif
