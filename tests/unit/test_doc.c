/* SPDX-License-Identifier: GPL-2.0-or-later */
/* YAML and JSON as one tree with places; YAML's traps; texts that want to hurt. */
#include "doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util.h"

static const char *file;

/* ---- What was read, as one line of text --------------------------------------------------------- */

static void print(struct buf *out, const struct node *node)
{
	static const char *const brackets[] = {[NODE_LIST] = "[]", [NODE_MAP] = "{}"};

	if (node->type == NODE_NULL) {
		buf_printf(out, "null");
	} else if (node->type == NODE_SCALAR) {
		buf_printf(out, node->quoted ? "'%s'" : "%s", node->text);
	} else {
		buf_printf(out, "%c", brackets[node->type][0]);
		for (size_t i = 0; i < node->n; i++) {
			buf_printf(out, "%s%s%s", i ? " " : "", node->type == NODE_MAP ? node->keys[i]->text : "",
				   node->type == NODE_MAP ? ":" : "");
			print(out, node->items[i]);
		}
		buf_printf(out, "%c", brackets[node->type][1]);
	}
	if (node->loc.file)
		buf_printf(out, "@%u:%u", node->loc.line, node->loc.col);
}

static void take_pair(void *ctx, const struct node *key, const struct node *value)
{
	buf_printf(ctx, "%s=", key->text);
	print(ctx, value);
	buf_printf(ctx, ";");
}

static void take_item(void *ctx, const struct node *item)
{
	buf_printf(ctx, "-");
	print(ctx, item);
	buf_printf(ctx, ";");
}

static char *read_text(const char *text, size_t len, bool *ret_ok, struct diag *diag)
{
	struct buf out = {0};
	const struct doc_handler handler = {take_pair, take_item, "services", &out};

	*ret_ok = doc_read_yaml(text, len, file, &handler, diag);
	return buf_take(&out);
}

static void assert_reads(const char *text, const char *expected)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *got = NULL, *mistakes = NULL;
	bool ok;

	got = read_text(text, strlen(text), &ok, &diag);
	mistakes = diag_text(&diag);
	assert_string_equal(mistakes, "");
	assert_true(ok);
	assert_string_equal(got, expected);
}

/* The first mistake is `expected`; `ok` as doc_read_yaml answers. */
static void assert_refused(const char *text, size_t len, bool ok, const char *expected)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *got = NULL, *mistakes = NULL;
	bool answer;

	got = read_text(text, len, &answer, &diag);
	mistakes = diag_text(&diag);
	if (strncmp(mistakes, expected, strlen(expected)) != 0)
		fail_msg("%s\ngave: %s\nnot:  %s", text, mistakes, expected);
	assert_int_equal(answer, ok);
}

/* ---- YAML --------------------------------------------------------------------------------------- */

static void test_trees(void **state)
{
	(void)state;
	assert_reads("", "");
	assert_reads("# nothing\n", "");
	assert_reads("---\n", "");
	assert_reads("~\n", "");
	assert_reads("---\na: 1\n...\n", "a=1@2:4;");
	assert_reads("a: {b: [c, \"d\"], e: ~}\n", "a={b:[c@1:9 'd'@1:12]@1:8 e:null@1:21}@1:4;");
	assert_reads("a:\nb: null\nc: 'null'\nd: ''\n", "a=null@1:3;b=null@2:4;c='null'@3:4;d=''@4:4;");
	assert_reads("a: |\n  x\n  y\n", "a='x\ny\n'@1:4;");
	assert_reads("\xef\xbb\xbf"
		     "a: b\r\nc: d\r\n",
		     "a=b@1:4;c=d@2:4;");
	assert_reads("\xc3\xa9: \xc3\xa9\xc3\xa9 # x\nb: c\n", "\xc3\xa9=\xc3\xa9\xc3\xa9@1:4;b=c@2:4;");
}

static void test_scalars_stay_text(void **state)
{
	(void)state;
	assert_reads("a: [010, 22:80, 1e3, 0x1f, no, 2026-12-31, .5, 1_000]\n",
		     "a=[010@1:5 22:80@1:10 1e3@1:17 0x1f@1:22 no@1:28 2026-12-31@1:32 .5@1:44 1_000@1:48]@1:4;");
}

static void test_streamed(void **state)
{
	(void)state;
	assert_reads("services:\n  - a: 1\n  - b\n  - [c]\nwan: x\n", "-{a:1@2:8}@2:5;-b@3:5;-[c@4:6]@4:5;wan=x@5:6;");
	assert_reads("services: []\n", "");
	assert_reads("services:\n", "services=null@1:10;");
	assert_reads("services: {a: b}\n", "services={a:b@1:15}@1:11;");
	assert_reads("wan: [services]\nx: {services: [a]}\n", "wan=[services@1:7]@1:6;x={services:[a@2:16]@2:15}@2:4;");
}

static void test_hints(void **state)
{
	static const char *const cases[][2] = {
		{"services:\n\t- port: 80\n", "gwd.yaml:2:1: indent with spaces"},
		{"services:\n  - port: 80\n\tto: 1.2.3.4\n", "gwd.yaml:3:1: indent with spaces"},
		{"services:\n  - to: [fd00::10]:80\n",
		 "gwd.yaml:2:19: an IPv6 address with a port must be quoted: \"["},
		{"services:\n  - {to: [fd00::10]:80}\n", "gwd.yaml:2:20: an IPv6 address with a port must be quoted"},
		{"services:\n  - to:\n    - [::1]:80-90\n", "gwd.yaml:3:8: an IPv6 address with a port must be quoted"},
		{"to: [fd00::10]: 80\n", "gwd.yaml:1:15: an IPv6 address with a port must be quoted"},
		{"a: &x 1\n", "gwd.yaml:1:4: anchors (&name) are not supported"},
		{"a: &x [1]\n", "gwd.yaml:1:4: anchors"},
		{"a: &x {b: 1}\n", "gwd.yaml:1:4: anchors"},
		{"a: *x\n", "gwd.yaml:1:4: aliases (*name) are not supported"},
		{"<<: *x\n", "gwd.yaml:1:5: aliases"},
		{"a: !!int 3\n", "gwd.yaml:1:4: tags"},
		{"a: !x [3]\n", "gwd.yaml:1:4: tags"},
		{"wan: *\n", "gwd.yaml:1:7: '*' and '&' begin YAML aliases; put the value in quotes"},
		{"wan: @x\n", "gwd.yaml:1:6: a value cannot begin with this character; put it in quotes"},
		{"wan: `x`\n", "gwd.yaml:1:6: a value cannot begin with this character"},
		{"---\na: 1\n---\nb: 2\n", "gwd.yaml:3:1: a second document begins here ('---')"},
		{"- port: 80\n", "gwd.yaml:1:1: the file begins with a list; write 'services:' above it"},
		{"hello\n", "gwd.yaml:1:1: expected 'key: value' lines"},
		{"a: \"b\nc: d\n", "gwd.yaml:1:4: the text ends inside quotes that are not closed"},
		{"a: [1, 2\nb: 3\n", "gwd.yaml:1:4: a list in brackets or braces is not closed"},
		{"a: b: c\n", "gwd.yaml:1:5: a ':' is not expected here"},
		{"services:\n  - port: 80\n  to: x\n",
		 "gwd.yaml:3:3: this does not fit the list above it; check the ind"},
		{"services:\n  port: 80\n  - to: x\n", "gwd.yaml:3:3: this does not fit the lines above it"},
		{"[a]: b\n", "gwd.yaml:1:1: a key must be a plain word"},
		{"a: {[b]: c}\n", "gwd.yaml:1:5: a key must be a plain word"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(cases[i][0], strlen(cases[i][0]), false, cases[i][1]);
}

static void test_bytes(void **state)
{
	(void)state;
	assert_refused("a: b\x01\n", 6, false, "gwd.yaml:1:5: control character 0x01 is not allowed\n");
	assert_refused("a: b\nc: \0\n", 10, false, "gwd.yaml:2:4: control character 0x00 is not allowed\n");
	assert_refused("a: \xc3\xa9\x1b\n", 7, false, "gwd.yaml:1:5: control character 0x1b is not allowed\n");
	assert_refused("a: \xff\n", 5, false, "gwd.yaml:1:4: this is not UTF-8 text");
	assert_refused("a: \xed\xa0\x80\n", 7, false, "gwd.yaml:1:4: this is not UTF-8 text");
	assert_refused("a: \xc3", 4, false, "gwd.yaml:1:4: this is not UTF-8 text");
	assert_refused("\xff\xfe"
		       "a\0:\0",
		       6, false, "gwd.yaml:1:1: this is not UTF-8 text");
	assert_refused("\0", 1, false, "gwd.yaml:1:1: control character 0x00");
}

static void test_duplicates(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *got = NULL, *mistakes = NULL;
	const char *text = "a: 1\nservices:\n  - {b: 1, c: 2, b: 3, b: 4}\na: 2\nservices:\n  - x\n";
	bool ok;

	(void)state;
	got = read_text(text, strlen(text), &ok, &diag);
	mistakes = diag_text(&diag);
	assert_true(ok);
	assert_string_equal(got, "a=1@1:4;-{b:1@3:9 c:2@3:15}@3:5;");
	assert_string_equal(mistakes, "gwd.yaml:3:18: key 'b' is given twice; first at gwd.yaml:3:6\n"
				      "gwd.yaml:3:24: key 'b' is given twice; first at gwd.yaml:3:6\n"
				      "gwd.yaml:4:1: key 'a' is given twice; first at gwd.yaml:1:1\n"
				      "gwd.yaml:5:1: key 'services' is given twice; first at gwd.yaml:2:1\n");
}

static char *repeat(const char *head, const char *piece, size_t n, const char *tail)
{
	struct buf b = {0};

	buf_printf(&b, "%s", head);
	for (size_t i = 0; i < n; i++)
		buf_add(&b, piece, strlen(piece));
	buf_printf(&b, "%s", tail);
	return buf_take(&b);
}

static void assert_refused_long(char *text, const char *expected)
{
	assert_refused(text, strlen(text), false, expected);
	free(text);
}

static void test_depth(void **state)
{
	_cleanup_(freep) char *deepest = repeat("a: ", "[", DOC_DEPTH_MAX - 2, "x"), *whole = NULL;

	(void)state;
	whole = repeat(deepest, "]", DOC_DEPTH_MAX - 2, "\n");
	assert_refused(whole, strlen(whole), true, "");
	assert_refused_long(repeat("a: ", "[", 100000, ""), "gwd.yaml:1:19: too many lists and maps inside each other");
	assert_refused_long(repeat("a: ", "{b: ", 500, ""), "gwd.yaml:1:");
	assert_refused_long(repeat("services: [", "[", 500, ""), "gwd.yaml:1:26: too many lists and maps");
}

static void test_sizes(void **state)
{
	struct buf keys = {0};

	(void)state;
	for (int i = 0; i < DOC_KEYS_MAX + 1; i++)
		buf_printf(&keys, "k%d: 1\n", i);
	assert_refused(keys.data, keys.len, false, "gwd.yaml:129:1: a map may have at most 128 keys\n");
	buf_free(&keys);
	assert_refused_long(repeat("a: [", "1,\n", DOC_NODES_MAX + 1, "]"),
			    "gwd.yaml:100000:1: one entry with that many");
	assert_refused_long(repeat("services:\n  - {a: [", "1,\n", DOC_NODES_MAX + 1, "]}"), "gwd.yaml:1000");
}

static void note_place(void *ctx, const struct node *item)
{
	const struct node **last = ctx;

	assert_true(!*last || *last == item);
	*last = item;
}

/* A great many entries need the memory of one. */
static void test_one_item_alive(void **state)
{
	const struct node *place = NULL;
	const struct doc_handler watcher = {take_pair, note_place, "services", &place};
	struct buf text = {0};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *got = NULL;
	bool ok;

	(void)state;
	buf_printf(&text, "services:\n");
	for (int i = 0; i < DOC_NODES_MAX / 2; i++)
		buf_printf(&text, "- {a: %d, b: x}\n", i % 10);
	assert_true(doc_read_yaml(text.data, text.len, file, &watcher, &diag));
	assert_non_null(place);
	got = read_text(text.data, text.len, &ok, &diag);
	assert_true(ok);
	assert_false(diag_failed(&diag));
	assert_non_null(strstr(got, "-{a:9@50001:7 b:x@50001:13}@50001:3;"));
	buf_free(&text);
}

/* Any cut and any changed byte of a text is read or refused, never worse (sanitizers watch). */
static void test_mutilated(void **state)
{
	static const char text[] =
		"wan: [eth0, 'ppp*']\nservices:\n  - {name: \"a\\n\", port: [80]}\n  - to: >-\n      x\n\n"
		"    y: |\n      z\n# end\n";
	char copy[sizeof(text)];

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (int c = -1; c < 256; c += 3) {
			_cleanup_(diag_free) struct diag diag = {0};
			bool ok;

			memcpy(copy, text, sizeof(text));
			if (c >= 0)
				copy[i] = (char)c;
			free(read_text(copy, c < 0 ? i : sizeof(text) - 1, &ok, &diag));
			assert_true(ok || diag_failed(&diag));
		}
	}
}

/* ---- JSON and values ---------------------------------------------------------------------------- */

static void test_from_json(void **state)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	json_t *json = json_loads(
		"{\"s\":\"80\",\"i\":-80,\"r\":1.5,\"t\":true,\"n\":null,\"l\":[1,\"x\",null,{}],\"f\":false}", 0,
		NULL);
	struct buf out = {0};

	(void)state;
	print(&out, doc_from_json(arena, json));
	assert_string_equal(out.data, "{s:'80' i:-80 r:1.5 t:true l:[1 'x' null {}] f:false}");
	buf_free(&out);
	json_decref(json);
}

static void test_to_json(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	const struct loc nowhere = {0};
	struct node *map = node_map(a, nowhere), *list = node_list(a, nowhere);
	_cleanup_(freep) char *text = NULL;
	json_t *json;

	(void)state;
	for (int i = 0; i < 5; i++)
		node_append(a, list, node_scalar(a, nowhere, i % 2 ? "80" : "x", i % 3 == 0));
	node_set(a, map, "list", list);
	node_set(a, map, "yes", node_scalar(a, nowhere, "true", false));
	node_set(a, map, "text", node_scalar(a, nowhere, "false", true));
	node_set(a, map, "big", node_scalar(a, nowhere, "99999999999999999999", false));
	node_set(a, map, "broken", node_scalar(a, nowhere, "\xff", true));
	node_set(a, map, "big", node_scalar(a, nowhere, "8-9", false));
	json = doc_to_json(map);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text,
			    "{\"list\":[\"x\",80,\"x\",\"80\",\"x\"],\"yes\":true,\"text\":\"false\",\"big\":\"8-9\","
			    "\"broken\":\"?\"}");
	json_decref(json);
	assert_string_equal(doc_get(map, "text")->text, "false");
	assert_null(doc_get(map, "none"));
	assert_null(doc_get(list, "x"));
}

static void test_bool(void **state)
{
	static const char *const yes[] = {"true", "yes", "on", "True", "YES"}, *const no[] = {"false", "no", "off",
											      "Off"};
	_cleanup_(arena_freep) struct arena *a = arena_new();
	const struct loc nowhere = {0};
	bool value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		value = false;
		assert_true(doc_bool(node_scalar(a, nowhere, yes[i], false), &value) && value);
		assert_false(doc_bool(node_scalar(a, nowhere, yes[i], true), &value));
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		value = true;
		assert_true(doc_bool(node_scalar(a, nowhere, no[i], false), &value) && !value);
	}
	assert_false(doc_bool(node_scalar(a, nowhere, "1", false), &value));
	assert_false(doc_bool(node_scalar(a, nowhere, "", false), &value));
	assert_false(doc_bool(node_list(a, nowhere), &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),          cmocka_unit_test(test_scalars_stay_text),
		cmocka_unit_test(test_streamed),       cmocka_unit_test(test_hints),
		cmocka_unit_test(test_bytes),          cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_depth),          cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_one_item_alive), cmocka_unit_test(test_mutilated),
		cmocka_unit_test(test_from_json),      cmocka_unit_test(test_to_json),
		cmocka_unit_test(test_bool),
	};

	file = diag_file("gwd.yaml");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
