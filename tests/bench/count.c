/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pure parts with N forwards, to have their instructions counted (tests/unit/test_instructions.py).
 *   count yaml|propose|compile|plan|reply N
 * All but yaml come behind the reading of yaml, and plan behind compile too. */
#include <string.h>

#include "arena.h"
#include "bench.h"
#include "compile.h"
#include "nft_put.h"
#include "request_json.h"
#include "util.h"

static struct config *read_yaml(unsigned n)
{
	struct diag diag = {0};
	struct buf text = {0};
	struct document doc = {.path = "gwd.yaml"};
	struct documents docs = {.items = &doc, .n = 1};
	struct config *config;

	buf_printf(&text, "services:\n");
	for (unsigned i = 0; i < n; i++)
		buf_printf(&text, "  - {name: web-%u, port: %u, to: \"10.0.%u.2:8080\"}\n", i, i + 1, i % 250);
	doc.text = text.data;
	doc.len = text.len;
	config = config_read(&docs, &diag);
	if (!config)
		die("%s", diag.mistakes[0].message);
	return config;
}

/* A request, until it is known what it means and that nothing is in its way. */
static void propose(struct forwards *table, unsigned i)
{
	struct arena *arena = arena_new();
	struct diag diag = {0};
	char text[200];
	struct forward_entry *taken;
	struct forward *f;
	json_t *json;

	snprintf(text, sizeof(text),
		 "{\"name\":\"own-%u\",\"proto\":\"tcp\",\"listen\":\"198.51.100.1\",\"ports\":[\"%u\"],"
		 "\"to\":[{\"addr\":\"10.0.0.2\",\"port\":\"8080\"}]}",
		 i, i + 1);
	json = json_loads(text, 0, NULL);
	f = config_forward(doc_from_json(arena, json), table, &diag);
	if (!f || forwards_overlap(table, f, &taken, 1))
		die("forward %u is refused", i);
	forwards_add(table, f, false);
	forward_unref(f);
	json_decref(json);
	arena_free(arena);
}

static struct ruleset *compile(struct config *config)
{
	struct ruleset *out = ruleset_new();

	for (struct forward_entry *e = forwards_first(config->forwards); e; e = e->next)
		compile_forward(out, e->forward);
	ruleset_sort(out);
	return out;
}

static void plan(const struct ruleset *want)
{
	struct ruleset *nothing = ruleset_new();

	nft_put_plan(plan_diff(nothing, want), 0);
}

static void reply(struct config *config)
{
	struct buf out = {0};

	for (struct forward_entry *e = forwards_first(config->forwards); e; e = e->next) {
		struct forward_view view = {.forward = e->forward};

		out.len = 0;
		request_forward(&out, NULL, &view);
	}
}

int main(int argc, char **argv)
{
	const char *part = argc == 3 ? argv[1] : "";
	unsigned n = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
	struct config *config;

	if (!n || n > 60000)
		die("usage: count yaml|propose|compile|plan|reply N");
	config = read_yaml(n);
	for (unsigned i = 0; i < n && streq(part, "propose"); i++)
		propose(config->forwards, i);
	if (streq(part, "compile"))
		compile(config);
	if (streq(part, "plan"))
		plan(compile(config));
	if (streq(part, "reply"))
		reply(config);
	return 0; /* too soon to free anything */
}
