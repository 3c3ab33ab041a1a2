/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The manual, the schema and the shipped file against the key tables: each has every key, and none that is not there.
 * Runs in the root of the source. What the schema says of values is tests/unit/test_schema.py's. */
#include "config_texts.h"

#include <stdio.h>

#include <jansson.h>

static const char manual[] = "conf/gwd.yaml.5", schema[] = "conf/gwd.schema.json", shipped[] = "conf/gwd.yaml";

static char *read_text(const char *path)
{
	struct buf text = {0};

	if (file_read(path, 1 << 20, &text) < 0)
		fail_msg("cannot read %s: run this in the root of the source", path);
	return buf_take(&text);
}

/* `found`: a member for every key that `path` documents. Used up. */
static void assert_all_keys(const char *path, json_t *found)
{
	const char *name;
	json_t *value;

	for (const char *const *key = config_keys(); *key; key++)
		if (json_object_del(found, *key) < 0)
			fail_msg("%s lacks %s", path, *key);
	json_object_foreach(found, name, value) fail_msg("%s has %s, which gwd does not", path, name);
}

/* ---- The manual --------------------------------------------------------------------------------- */

/* What the keys of a subsection are inside of, NULL when it is not about keys. */
static const char *inside(const char *title)
{
	static const char *const titles[][2] = {
		{"Top level", ""},
		{"Keys of an opening", "gateway.open."},
		{"Keys of a service", "services."},
		{"Keys of a limit", "services.limit."},
		{"Keys of a target", "services.to."},
	};

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (streq(title, titles[i][0]))
			return titles[i][1];
	return NULL;
}

static void test_manual(void **state)
{
	_cleanup_(freep) char *text = read_text(manual);
	json_auto_t *found = json_object();
	const char *path = NULL;
	char *save, key[64];

	(void)state;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, ".Ss ", 4) == 0 || strncmp(line, ".Sh ", 4) == 0)
			path = inside(line + 4);
		if (!path || strncmp(line, ".It Li ", 7) != 0)
			continue;
		snprintf(key, sizeof(key), "%s%s", path, line + 7);
		json_object_set_new(found, key, json_true());
	}
	assert_all_keys(manual, found);
}

/* "key:" stands there for every key. */
static void assert_uses_all(const char *path, const char *text)
{
	for (const char *const *key = config_keys(); *key; key++) {
		const char *dot = strrchr(*key, '.');
		_cleanup_(freep) char *use = xasprintf("%s:", dot ? dot + 1 : *key);

		if (!strstr(text, use))
			fail_msg("no example in %s has %s", path, *key);
	}
}

/* Every example is a file that gwd takes, and together they use every key. */
static void test_examples(void **state)
{
	_cleanup_(freep) char *text = read_text(manual);
	_cleanup_(buf_free) struct buf all = {0};

	(void)state;
	for (char *at = text; (at = strstr(at, "\n.Bd -literal"));) {
		char *begin = strchr(at + 1, '\n') + 1, *end = strstr(begin, "\n.Ed");
		_cleanup_(freep) char *example = xstrndup(begin, (size_t)(end + 1 - begin));

		config_free(must_read(example));
		buf_printf(&all, "%s", example);
		at = end;
	}
	assert_uses_all(manual, all.data);
}

/* The shipped file: all of it is commented out, keys without a blank behind the '#', entries with two or more. */
static void test_shipped(void **state)
{
	_cleanup_(freep) char *text = read_text(shipped);
	_cleanup_(buf_free) struct buf all = {0};
	char *save;

	(void)state;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool prose = line[0] == '#' && line[1] == ' ' && line[2] != ' ';

		buf_printf(&all, "%s\n", line + (line[0] == '#' && !prose));
	}
	config_free(must_read(all.data));
	assert_uses_all(shipped, all.data);
}

/* ---- The schema --------------------------------------------------------------------------------- */

static void collect(const json_t *whole, json_t *node, const char *path, json_t *found);

static void collect_properties(const json_t *whole, json_t *properties, const char *path, json_t *found)
{
	const char *name;
	json_t *value;

	json_object_foreach(properties, name, value)
	{
		_cleanup_(freep) char *key = xasprintf("%s%s", path, name), *below = xasprintf("%s.", key);

		json_object_set_new(found, key, json_true());
		collect(whole, value, below, found);
	}
}

/* Adds the keys that `node`, a part of the schema, describes of what is at `path` ("" or "services."). */
static void collect(const json_t *whole, json_t *node, const char *path, json_t *found)
{
	const json_t *definitions = json_object_get(whole, "definitions");
	const char *name;
	json_t *value;
	size_t i;

	json_array_foreach(node, i, value) collect(whole, value, path, found);
	json_object_foreach(node, name, value)
	{
		if (streq(name, "$ref"))
			collect(whole, json_object_get(definitions, strrchr(json_string_value(value), '/') + 1), path,
				found);
		else if (streq(name, "properties"))
			collect_properties(whole, value, path, found);
		else if (value != definitions)
			collect(whole, value, path, found);
	}
}

static void test_schema(void **state)
{
	json_auto_t *whole = json_load_file(schema, 0, NULL), *found = json_object();

	(void)state;
	assert_non_null(whole);
	collect(whole, whole, "", found);
	assert_all_keys(schema, found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
