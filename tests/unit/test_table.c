/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "doc.h"
#include "table.h"
#include "util.h"

static char *name_cell(const json_t *row)
{
	return xstrdup(json_string_value(json_object_get(row, "name")));
}

static char *state_cell(const json_t *row)
{
	return xstrdup(json_string_value(json_object_get(row, "state")));
}

static char *number_cell(const json_t *row)
{
	return xasprintf("%d", (int)json_integer_value(json_object_get(row, "n")));
}

static const struct column columns[] = {
	{"NAME", COLUMN_TEXT, name_cell},
	{"STATE", COLUMN_STATE, state_cell},
	{"N", COLUMN_NUMBER, number_cell},
	{"AGAIN", COLUMN_TEXT, name_cell},
};

static const struct column fields[] = {
	{"name", COLUMN_TEXT, name_cell},
	{"status", COLUMN_STATE, state_cell},
	{NULL, COLUMN_TEXT, name_cell},
};

/* What `format` makes of the JSON rows, given as they are or as their texts, or of the object. */
static char *write_so(const char *format, struct screen screen, const char *json, bool texts)
{
	char *text = NULL;
	size_t len, i;
	FILE *file = open_memstream(&text, &len);
	_cleanup_(writer_freep) struct writer *w = writer_new(format, file, screen);
	json_auto_t *value = json_loads(json, 0, NULL);
	json_t *row;
	assert_non_null(w);
	assert_non_null(value);
	if (json_is_array(value)) {
		writer_rows(w, columns, ARRAY_SIZE(columns));
		json_array_foreach(value, i, row)
		{
			_cleanup_(freep) char *one = json_dumps(row, JSON_COMPACT);
			if (texts)
				assert_true(writer_row_text(w, one, strlen(one)));
			else
				writer_row(w, row);
		}
		writer_end(w);
	} else {
		writer_object(w, fields, ARRAY_SIZE(fields), value);
	}
	fclose(file);
	return text;
}

static char *write_out(const char *format, struct screen screen, const char *json)
{
	char *text = write_so(format, screen, json, false);
	_cleanup_(freep) char *same = write_so(format, screen, json, true);
	assert_string_equal(text, same);
	return text;
}

static void expect(const char *format, struct screen screen, const char *json, const char *wanted)
{
	_cleanup_(freep) char *text = write_out(format, screen, json);
	assert_string_equal(text, wanted);
}

static const struct screen pipe_end, narrow = {.width = 40}, coloured = {.width = 80, .colour = true};

static const char rows[] = "[{\"name\":\"web\",\"state\":\"active\",\"n\":5},"
			   "{\"name\":\"a long name of many words\",\"state\":\"held: why\",\"n\":12345}]";

static void test_aligned(void **state)
{
	(void)state;
	expect("table", pipe_end, rows,
	       "NAME                       STATE          N  AGAIN\n"
	       "web                        active         5  web\n"
	       "a long name of many words  held: why  12345  a long name of many words\n");
	expect("table", pipe_end, "[]", "NAME  STATE  N  AGAIN\n");
}

static void test_narrow(void **state)
{
	(void)state;
	expect("table", narrow, rows,
	       "NAME        STATE          N  AGAIN\n"
	       "web         active         5  web\n"
	       "a long na\xe2\x80\xa6  held: why  12345  a long na\xe2\x80\xa6\n");
	expect("table", (struct screen){.width = 3}, "[{\"name\":\"0123456789\",\"state\":\"a\",\"n\":123456789}]",
	       "NAME     \xe2\x80\xa6\n012345\xe2\x80\xa6\n");
	expect("table", (struct screen){.width = 34},
	       "[{\"name\":\"0123456789\",\"state\":\"a\",\"n\":123456789},{\"name\":\"b\",\"state\":\"\",\"n\":1}]",
	       "NAME     STATE          N  AGAIN\n"
	       "012345\xe2\x80\xa6  a      123456789  012345\xe2\x80\xa6\n"
	       "b                       1  b\n");
	expect("table", (struct screen){.width = 30}, "[{\"name\":\"0123456789\",\"state\":\"\",\"n\":1234567890}]",
	       "NAME               N  AGAIN\n"
	       "0123456\xe2\x80\xa6  1234567890  0123456\xe2\x80\xa6\n");
}

static void test_wide_characters(void **state)
{
	(void)state;
	expect("table", pipe_end,
	       "[{\"name\":\"\xe7\xbd\x91\xe5\x85\xb3\",\"state\":\"x\",\"n\":1},{\"name\":\"e\xcc\x81t\xc3\xa9\","
	       "\"state\":\"y\",\"n\":2}]",
	       "NAME  STATE  N  AGAIN\n"
	       "\xe7\xbd\x91\xe5\x85\xb3  x      1  \xe7\xbd\x91\xe5\x85\xb3\n"
	       "e\xcc\x81t\xc3\xa9   y      2  e\xcc\x81t\xc3\xa9\n");
}

static void test_colour(void **state)
{
	(void)state;
	expect("table", coloured,
	       "[{\"name\":\"a\",\"state\":\"active\",\"n\":1},{\"name\":\"b\",\"state\":\"off\",\"n\":2}]",
	       "NAME  STATE   N  AGAIN\n"
	       "a     \033[32mactive\033[0m  1  a\n"
	       "b     \033[2moff\033[0m     2  b\n");
}

/* Whatever gwd sends, no control character reaches the terminal, in any format. */
static void test_controls(void **state)
{
	static const char evil[] = "{\"name\":\"a\\u001b[2J\\u009b1m\\u007f\\nb\\tc\",\"state\":\"s\\rs\",\"n\":1}";
	static const char *const formats[] = {"table", "json", "yaml"};
	char row[sizeof(evil) + 2];
	(void)state;
	snprintf(row, sizeof(row), "[%s]", evil);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(formats); i++) {
		_cleanup_(freep) char *text = write_out(formats[i / 2], pipe_end, i % 2 ? row : evil);
		_cleanup_(freep) char *safe = text_safe(text);
		assert_non_null(strchr(text, 'b'));
		assert_string_equal(text, safe);
	}
	expect("table", pipe_end, row,
	       "NAME            STATE  N  AGAIN\n"
	       "a?[2J??1m? b c  s?s    1  a?[2J??1m? b c\n");
}

static void test_object(void **state)
{
	(void)state;
	expect("table", pipe_end, "{\"name\":\"web\\nsecond\",\"state\":\"active\"}",
	       "name    web\n"
	       "        second\n"
	       "status  active\n"
	       "web\n"
	       "second\n");
	expect("table", pipe_end, "{\"name\":\"web\"}", "name    web\nweb\n");
	expect("json", pipe_end, "{\"name\":\"web\",\"n\":[]}", "{\n  \"name\": \"web\",\n  \"n\": []\n}\n");
}

/* Words go on below where the text of their line began; what is to be copied stays whole. */
static void test_wrapped(void **state)
{
	static const char prose[] = "{\"name\":\"warning  about  words that are a few too many for it\"}";
	static const char command[] = "{\"state\":\"for good: a\xc2\xa0" "command\xc2\xa0" "of\xc2\xa0" "many words\"}";
	_cleanup_(freep) char *whole = text_whole("a b  c");
	(void)state;
	assert_string_equal(whole, "a\xc2\xa0" "b\xc2\xa0\xc2\xa0" "c");
	expect("table", (struct screen){.width = 40}, prose,
	       "name    warning  about  words that are a\n"
	       "                        few too many for\n"
	       "                        it\n"
	       "warning  about  words that are a few too\n"
	       "                many for it\n");
	expect("table", (struct screen){.width = 20}, command,
	       "status  for good:\n"
	       "        a command of many\n"
	       "        words\n");
	expect("table", (struct screen){.width = 20, .colour = true}, command,
	       "status  \033[2mfor good:\033[0m\n"
	       "        \033[2ma command of many\033[0m\n"
	       "        \033[2mwords\033[0m\n");
	expect("table", pipe_end, command, "status  for good: a command of many words\n");
}

static void test_json(void **state)
{
	(void)state;
	expect("json", pipe_end, "[]", "[]\n");
	expect("json", pipe_end, "[{\"n\":1}]", "[\n{\"n\":1}\n]\n");
	expect("json", pipe_end, "[{\"n\":1},{\"n\":2,\"name\":\"\\u009b\xc3\xa9\"}]",
	       "[\n{\"n\":1},\n{\"n\":2,\"name\":\"\\u009b\xc3\xa9\"}\n]\n");
}

static void test_yaml(void **state)
{
	(void)state;
	expect("yaml", pipe_end, "[]", "[]\n");
	expect("yaml", pipe_end,
	       "[{\"count\":1,\"to\":[{\"addr\":\"10.0.0.2\",\"port\":\"80\"},{}]},{\"name\":\"yes\"}]",
	       "- count: 1\n"
	       "  to:\n"
	       "    - addr: \"10.0.0.2\"\n"
	       "      port: \"80\"\n"
	       "    - {}\n"
	       "- name: \"yes\"\n");
	expect("yaml", pipe_end, "{\"off\":1,\"list\":[[1,2],[]],\"none\":null,\"t\":true}",
	       "\"off\": 1\n"
	       "list:\n"
	       "  - - 1\n"
	       "    - 2\n"
	       "  - []\n"
	       "none: null\n"
	       "t: true\n");
}

static void take(void *ctx, const struct node *key, const struct node *value)
{
	json_object_set_new(ctx, key->text, doc_to_json(value));
}

/* Our YAML, read by libyaml, is what we were given. */
static void test_yaml_reads_back(void **state)
{
	static const char json[] =
		"{\"name\":\"a: b # c\\n\\u0007\\u009b\\\"'\",\"list\":[{\"a\":\"1\",\"b\":[\"x\",\"- y\"]}],"
		"\"map\":{\"off\":\"off\",\"n\":3}}";
	_cleanup_(freep) char *text = write_out("yaml", pipe_end, json);
	json_auto_t *wanted = json_loads(json, 0, NULL);
	json_auto_t *got = json_object();
	struct doc_handler handler = {.pair = take, .ctx = got};
	struct diag diag = {0};
	(void)state;
	assert_true(doc_read_yaml(text, strlen(text), diag_file("test"), &handler, &diag));
	assert_int_equal(diag.n, 0);
	assert_true(json_equal(got, wanted));
}

static void test_document(void **state)
{
	static const char yaml[] = "wan: eth0\nservices:\n  - name: web\n    port: 80\n    enabled: false\n";
	static const char *const formats[] = {"table", "yaml", "json"};
	char *text[3];
	size_t len;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		FILE *file = open_memstream(&text[i], &len);
		struct writer *w = writer_new(formats[i], file, pipe_end);
		writer_document(w, yaml);
		writer_free(w);
		fclose(file);
	}
	assert_string_equal(text[0], yaml);
	assert_string_equal(text[1], yaml);
	json_auto_t *got = json_loads(text[2], 0, NULL);
	json_auto_t *wanted = json_pack("{s:s, s:[{s:s, s:i, s:b}]}", "wan", "eth0", "services", "name", "web", "port",
					80, "enabled", 0);
	assert_true(json_equal(got, wanted));
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		free(text[i]);
}

static void test_no_format(void **state)
{
	(void)state;
	assert_null(writer_new("xml", stdout, pipe_end));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligned),
		cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_wide_characters),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_object),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_yaml),
		cmocka_unit_test(test_yaml_reads_back),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_no_format),
	};
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
