/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short forms to the wire's form, and the place of every piece. */
#include "service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util.h"

struct result {
	struct arena *arena;
	struct node *node; /* NULL = none */
	struct diag diag;
};

/* The reader's nodes do not outlive its call. */
static struct node *copy(struct arena *a, const struct node *node)
{
	struct node *new = node->type == NODE_LIST ? node_list(a, node->loc) : node_map(a, node->loc);

	if (node->type == NODE_SCALAR)
		return node_scalar(a, node->loc, node->text, node->quoted);
	new->type = node->type;
	for (size_t i = 0; i < node->n; i++) {
		if (node->type == NODE_LIST)
			node_append(a, new, copy(a, node->items[i]));
		else
			node_pair(a, new, copy(a, node->keys[i]), copy(a, node->items[i]));
	}
	return new;
}

static void take_item(void *ctx, const struct node *item)
{
	struct result *r = ctx;

	r->node = service_canonical(r->arena, copy(r->arena, item), &r->diag);
}

static void nothing(void *ctx, const struct node *key, const struct node *value)
{
	(void)ctx;
	(void)key;
	(void)value;
}

/* The only entry of services, given as a flow map in line 2 from column 3. */
static struct result canonical(const char *entry)
{
	struct result r = {.arena = arena_new()};
	const struct doc_handler handler = {nothing, take_item, "services", &r};
	_cleanup_(freep) char *text = xasprintf("services:\n- %s\n", entry);

	assert_true(doc_read_yaml(text, strlen(text), diag_file("gwd.yaml"), &handler, &r.diag));
	return r;
}

static void result_free(struct result *r)
{
	arena_free(r->arena);
	diag_free(&r->diag);
}

static void assert_becomes(const char *entry, const char *expected)
{
	_cleanup_(result_free) struct result r = canonical(entry);
	_cleanup_(freep) char *mistakes = diag_text(&r.diag), *got = NULL;
	json_t *json;

	assert_string_equal(mistakes, "");
	assert_non_null(r.node);
	json = doc_to_json(r.node);
	got = json_dumps(json, 0);
	json_decref(json);
	if (!streq(got, expected))
		fail_msg("%s\ngave: %s\nnot:  %s", entry, got, expected);
}

static void test_ports(void **state)
{
	(void)state;
	assert_becomes("{port: 80}", "{\"ports\": [\"80\"]}");
	assert_becomes("{port: 8000-8010}", "{\"ports\": [\"8000-8010\"]}");
	assert_becomes("{port: [80, 443]}", "{\"ports\": [\"80\", \"443\"]}");
	assert_becomes("{port: \"80,443 , 8000-8010\"}", "{\"ports\": [\"80\", \"443\", \"8000-8010\"]}");
	assert_becomes("{port: [\"80,90\", 443]}", "{\"ports\": [\"80\", \"90\", \"443\"]}");
	assert_becomes("{port: \"80,,90,\"}", "{\"ports\": [\"80\", \"\", \"90\", \"\"]}");
	assert_becomes("{port: []}", "{\"ports\": []}");
	assert_becomes("{port: \"\"}", "{\"ports\": []}");
	assert_becomes("{port: {a: b}}", "{\"ports\": {\"a\": \"b\"}}");
	assert_becomes("{port: ~}", "{\"ports\": null}");
	assert_becomes("{port: [[80], ~]}", "{\"ports\": [[80], null]}");
}

static void test_targets(void **state)
{
	(void)state;
	assert_becomes("{to: 10.0.0.1}", "{\"to\": [{\"addr\": \"10.0.0.1\"}]}");
	assert_becomes("{to: 10.0.0.1:80}", "{\"to\": [{\"addr\": \"10.0.0.1\", \"port\": \"80\"}]}");
	assert_becomes("{to: 10.0.0.1:7000-7010}", "{\"to\": [{\"addr\": \"10.0.0.1\", \"port\": \"7000-7010\"}]}");
	assert_becomes("{to: \"[fd00::10]:80\"}", "{\"to\": [{\"addr\": \"fd00::10\", \"port\": \"80\"}]}");
	assert_becomes("{to: \"[fd00::10]\"}", "{\"to\": [{\"addr\": \"fd00::10\"}]}");
	assert_becomes("{to: [fd00::10]}", "{\"to\": [{\"addr\": \"fd00::10\"}]}");
	assert_becomes("{to: fd00::10}", "{\"to\": [{\"addr\": \"fd00::10\"}]}");
	assert_becomes("{to: [10.0.0.1, 10.0.0.2:8443]}",
		       "{\"to\": [{\"addr\": \"10.0.0.1\"}, {\"addr\": \"10.0.0.2\", \"port\": \"8443\"}]}");
	assert_becomes("{to: [{addr: 10.0.0.3, port: 8443, weight: 2}]}",
		       "{\"to\": [{\"addr\": \"10.0.0.3\", \"port\": \"8443\", \"weight\": 2}]}");
	assert_becomes("{to: {addr: 10.0.0.3}}", "{\"to\": [{\"addr\": \"10.0.0.3\"}]}");
	assert_becomes("{to: \"10.0.0.1:\"}", "{\"to\": [{\"addr\": \"10.0.0.1\", \"port\": \"\"}]}");
	assert_becomes("{to: example.org:80}", "{\"to\": [{\"addr\": \"example.org\", \"port\": \"80\"}]}");
	assert_becomes("{to: 1:2:3}", "{\"to\": [{\"addr\": \"1:2:3\"}]}");
	assert_becomes("{to: ~}", "{\"to\": null}");
	assert_becomes("{to: [[x], ~]}", "{\"to\": [[\"x\"], null]}");
	assert_becomes("{to: \"\"}", "{\"to\": []}");
	assert_becomes("{to: []}", "{\"to\": []}");
}

static void test_texts(void **state)
{
	(void)state;
	assert_becomes("{name: 12, description: yes, proto: on, listen: 5, enabled: yes, log: true, weight: 3}",
		       "{\"name\": \"12\", \"description\": \"yes\", \"proto\": \"on\", \"listen\": \"5\", "
		       "\"enabled\": \"yes\", "
		       "\"log\": true, \"weight\": 3}");
	assert_becomes("{from: 10.0.0.0/8}", "{\"from\": [\"10.0.0.0/8\"]}");
	assert_becomes("{from: [10.0.0.0/8, local]}", "{\"from\": [\"10.0.0.0/8\", \"local\"]}");
	assert_becomes("{prot: {x: [1]}}", "{\"prot\": {\"x\": [1]}}");
	assert_becomes("{}", "{}");
}

static void test_enabled_stays_boolean(void **state)
{
	_cleanup_(result_free) struct result r = canonical("{enabled: off}");
	bool value = true;

	(void)state;
	assert_true(doc_bool(doc_get(r.node, "enabled"), &value));
	assert_false(value);
}

static void test_places(void **state)
{
	_cleanup_(result_free) struct result r =
		canonical("{port: \"80, 443\", to: [\"[fd00::1]:90\", 1.2.3.4:5], name: x}");
	const struct node *ports = doc_get(r.node, "ports"), *to = doc_get(r.node, "to");

	(void)state;
	assert_int_equal(r.node->loc.line, 2);
	assert_int_equal(r.node->loc.col, 3);
	assert_int_equal(r.node->keys[0]->loc.col, 4);  /* port */
	assert_int_equal(ports->items[0]->loc.col, 11); /* 80 inside its quotes */
	assert_int_equal(ports->items[1]->loc.col, 15); /* 443 */
	assert_int_equal(doc_get(to->items[0], "addr")->loc.col, 28);
	assert_int_equal(doc_get(to->items[0], "port")->loc.col, 37);
	assert_int_equal(doc_get(to->items[1], "addr")->loc.col, 42);
	assert_int_equal(doc_get(to->items[1], "port")->loc.col, 50);
	assert_int_equal(doc_get(r.node, "name")->loc.col, 60);
	assert_ptr_equal(ports->items[1]->loc.file, diag_file("gwd.yaml"));
}

static void assert_refused(const char *entry, const char *expected)
{
	_cleanup_(result_free) struct result r = canonical(entry);
	_cleanup_(freep) char *mistakes = diag_text(&r.diag);

	if (!strstr(mistakes, expected))
		fail_msg("%s\ngave: %s\nnot:  %s", entry, mistakes, expected);
}

static void test_refused(void **state)
{
	(void)state;
	assert_refused("x", "gwd.yaml:2:3: a service is a map of keys");
	assert_refused("[port]", "gwd.yaml:2:3: a service is a map of keys");
	assert_refused("~", "a service is a map of keys");
	assert_refused("{ports: 80}", "gwd.yaml:2:4: unknown key 'ports', did you mean 'port'?");
	assert_refused("{to: fd00::10:10080}",
		       "gwd.yaml:2:8: to: an IPv6 address with a port needs brackets, and quotes in YAML: "
		       "\"[fd00::10]:10080\"");
	assert_refused("{to: 1:2:3:4:5:6:7:8:80}", "\"[1:2:3:4:5:6:7:8]:80\"");
	assert_refused("{to: \"[fd00::10\"}", "gwd.yaml:2:8: to: '[fd00::10' cannot be read; expected \"[ADDR]:PORT\"");
	assert_refused("{to: \"[fd00::10]80\"}", "cannot be read");
	assert_refused("{to: [1.2.3.4, \"\"]}", "gwd.yaml:2:18: to: an empty text is no target");
}

static void test_glued_port_warns(void **state)
{
	_cleanup_(result_free) struct result glued = canonical("{to: fd00::10:80}"),
					     digit = canonical("{to: fd00::1:2}"),
					     told = canonical("{to: \"[fd00::10:80]\"}");

	(void)state;
	assert_false(diag_failed(&glued.diag));
	assert_int_equal(glued.diag.n_warnings, 1);
	assert_string_equal(glued.diag.warnings[0],
			    "gwd.yaml:2: 'fd00::10:80' is read as an address without a port; for port "
			    "80 write \"[fd00::10]:80\"");
	assert_int_equal(digit.diag.n_warnings, 0);
	assert_int_equal(told.diag.n_warnings, 0);
}

/* gwctl builds entries out of its arguments: no places. */
static void test_without_places(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new();
	_cleanup_(diag_free) struct diag diag = {0};
	const struct loc nowhere = {0};
	struct node *map = node_map(a, nowhere), *done;

	(void)state;
	node_set(a, map, "port", node_scalar(a, nowhere, "80,443", true));
	node_set(a, map, "to", node_scalar(a, nowhere, "fd00::10:80", true));
	done = service_canonical(a, map, &diag);
	assert_int_equal(doc_get(done, "ports")->n, 2);
	assert_null(doc_get(done, "ports")->items[1]->loc.file);
	assert_int_equal(doc_get(done, "ports")->items[1]->loc.col, 0);
	assert_int_equal(diag.n_warnings, 1);
	assert_memory_equal(diag.warnings[0], "'fd00::10:80' is", 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_enabled_stays_boolean),
		cmocka_unit_test(test_glued_port_warns),
		cmocka_unit_test(test_without_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
