/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Worlds are written as YAML: the declared set, and the runtime forwards as another one. What comes out is compared as
 * text: a line for each forward, what was settled, and what was said. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "util.h"
#include "world.h"

static struct config *config_of(const char *services)
{
	_cleanup_(freep) char *yaml = xasprintf("%s%s", *services == '-' ? "services:\n" : "", services);
	struct document d = {.path = "gwd.yaml", .text = yaml, .len = strlen(yaml)};
	_cleanup_(diag_free) struct diag diag = {0};
	struct config *config = config_read(&(struct documents){&d, 1}, &diag);

	if (!config)
		fail_msg("%s: %s", yaml, diag.mistakes[0].message);
	return config;
}

enum { RUNTIME_MAX = 8 };

/* The same forwards as if they had been added by hand: they are declared nowhere. */
static size_t runtime_of(const char *services, struct forward *ret[RUNTIME_MAX])
{
	_cleanup_(config_freep) struct config *config = config_of(services);
	size_t n = 0;

	for (struct forward_entry *e = forwards_first(config->forwards); e; e = e->next) {
		ret[n] = forward_renamed(e->forward, e->forward->name);
		ret[n++]->loc = (struct loc){0};
	}
	return n;
}

static const char *drained; /* this target of web */

/* `overrides` of web or nothing. */
static struct world *assemble(const char *declared, const char *runtime, const struct override *override,
			      struct settled *ret)
{
	_cleanup_(config_freep) struct config *config = config_of(declared);
	struct forward *added[RUNTIME_MAX];
	struct named_order order = {xstrdup("web"), xstrdup(drained), {TARGET_DRAINED, 7, 9}, false};
	char name[] = "web";
	const struct named_override named = {name, override ? *override : (struct override){0}};
	struct parts parts = {.config = config,
			      .runtime = added,
			      .n_runtime = runtime_of(runtime, added),
			      .overrides = &named,
			      .n_overrides = override != NULL,
			      .orders = &order,
			      .n_orders = drained != NULL};
	struct world *w = world_assemble(&parts, ret);

	free(order.name);
	free(order.target);

	for (size_t i = 0; i < parts.n_runtime; i++)
		forward_unref(added[i]);
	return w;
}

static char *text_of(const struct world *w, const struct settled *s)
{
	struct buf out = {0};

	for (const struct forward_entry *e = forwards_first(w->forwards); e; e = e->next) {
		_cleanup_(freep) char *text = forward_text(e->forward);

		buf_printf(&out, "%s %s%s%s", e->forward->name, text, e->off ? " off" : "", e->overridden ? " by hand" : "");
		if (e->shadowed)
			buf_printf(&out, " held");
		for (size_t i = 0; i < e->forward->n_targets; i++)
			if (e->forward->targets[i].state != TARGET_READY)
				buf_printf(&out, " %s", target_states[e->forward->targets[i].state]);
		buf_printf(&out, "\n");
	}
	for (size_t i = 0; i < s->n_runtime; i++)
		buf_printf(&out, "row %s -> %s\n", s->runtime[i].name,
			   s->runtime[i].renamed ? s->runtime[i].renamed->name : "gone");
	for (size_t i = 0; i < s->ended.n; i++)
		buf_printf(&out, "ended %s\n", s->ended.items[i]);
	for (size_t i = 0; i < s->n_orders; i++)
		buf_printf(&out, "order %s -> %s\n", s->orders[i].key,
			   s->orders[i].remove ? "gone" : target_states[s->orders[i].order.state]);
	for (size_t i = 0; i < s->messages.n; i++)
		buf_printf(&out, "%s\n", s->messages.items[i]);
	return buf_take(&out);
}

static void assert_world(const char *declared, const char *runtime, const struct override *override,
			 const char *expected)
{
	_cleanup_(settled_free) struct settled settled = {0};
	_cleanup_(world_freep) struct world *w = assemble(declared, runtime, override, &settled);
	_cleanup_(freep) char *text = text_of(w, &settled);

	assert_string_equal(text, expected);
}

#define WEB "- {name: web, port: 80, to: 10.0.0.2}\n"

/* ---- File against runtime ------------------------------------------------------------------------- */

static void test_beside(void **state)
{
	(void)state;
	assert_world("{}\n", "{}\n", NULL, "");
	assert_world(WEB, "- {name: mail, port: 25, to: 10.0.0.3, enabled: no}\n", NULL,
		     "web tcp 80 -> 10.0.0.2:80\nmail tcp 25 -> 10.0.0.3:25 off\n");
}

static void test_absorbed(void **state)
{
	(void)state;
	assert_world(WEB, WEB, NULL,
		     "web tcp 80 -> 10.0.0.2:80\n"
		     "row web -> gone\n"
		     "web: now in gwd.yaml:2, no longer kept as a runtime forward\n");
	assert_world(WEB, "- {name: other, port: 80, to: 10.0.0.2}\n", NULL,
		     "web tcp 80 -> 10.0.0.2:80\n"
		     "row other -> gone\n"
		     "other: now in gwd.yaml:2, no longer kept as a runtime forward\n");
}

static void test_shadowed(void **state)
{
	(void)state;
	assert_world(WEB, "- {name: mine, port: 79-81, to: 10.0.0.3}\n", NULL,
		     "web tcp 80 -> 10.0.0.2:80\n"
		     "mine tcp 79-81 -> 10.0.0.3:79-81 held\n"
		     "mine: held: shadowed by gwd.yaml:2\n");
	/* not the same in all, so not absorbed; its name is taken too */
	assert_world(WEB, "- {name: web, port: 80, to: 10.0.0.2, description: mine}\n", NULL,
		     "web tcp 80 -> 10.0.0.2:80\n"
		     "web-2 tcp 80 -> 10.0.0.2:80 held\n"
		     "row web -> web-2\n"
		     "web: the file took this name: the runtime forward is now web-2\n"
		     "web-2: held: shadowed by gwd.yaml:2\n");
	/* a declared one that is off occupies as well */
	assert_world("- {name: web, port: 80, to: 10.0.0.2, enabled: no}\n", "- {name: mine, port: 80, to: 10.0.0.3}\n", NULL,
		     "web tcp 80 -> 10.0.0.2:80 off\n"
		     "mine tcp 80 -> 10.0.0.3:80 held\n"
		     "mine: held: shadowed by gwd.yaml:2\n");
	/* and when the file lets go */
	assert_world("{}\n", "- {name: mine, port: 79-81, to: 10.0.0.3}\n", NULL, "mine tcp 79-81 -> 10.0.0.3:79-81\n");
}

static void test_renamed(void **state)
{
	(void)state;
	assert_world(WEB, "- {name: web, port: 81, to: 10.0.0.2}\n", NULL,
		     "web tcp 80 -> 10.0.0.2:80\n"
		     "web-2 tcp 81 -> 10.0.0.2:81\n"
		     "row web -> web-2\n"
		     "web: the file took this name: the runtime forward is now web-2\n");
	/* to a name that neither the file nor another runtime forward has */
	assert_world(WEB "- {name: web-2, port: 82, to: 10.0.0.2}\n",
		     "- {name: web, port: 81, to: 10.0.0.2}\n- {name: web-3, port: 83, to: 10.0.0.2}\n", NULL,
		     "web tcp 80 -> 10.0.0.2:80\n"
		     "web-2 tcp 82 -> 10.0.0.2:82\n"
		     "web-4 tcp 81 -> 10.0.0.2:81\n"
		     "web-3 tcp 83 -> 10.0.0.2:83\n"
		     "row web -> web-4\n"
		     "web: the file took this name: the runtime forward is now web-4\n");
}

/* The longest name is cut to make room for its number. */
static void test_renamed_long(void **state)
{
	static const char name[] = "a234567890123456789012345678901234567890123456789012345678901234";
	_cleanup_(freep) char *declared = xasprintf("- {name: %s, port: 80, to: 10.0.0.2}\n", name);
	_cleanup_(freep) char *runtime = xasprintf("- {name: %s, port: 81, to: 10.0.0.2}\n", name);
	_cleanup_(settled_free) struct settled s = {0};
	_cleanup_(world_freep) struct world *w = assemble(declared, runtime, NULL, &s);

	(void)state;
	assert_int_equal(forwards_count(w->forwards), 2);
	assert_string_equal(s.runtime[0].renamed->name, "a2345678901234567890123456789012345678901234567890123456789012-2");
	assert_true(forward_name_valid(s.runtime[0].renamed->name));
}

/* ---- Overrides ------------------------------------------------------------------------------------ */

static void test_overrides(void **state)
{
	const struct override off = {.enabled = false, .declared = true, .uid = 7, .time = 9};
	const struct override on = {.enabled = true, .declared = false};
	_cleanup_(settled_free) struct settled s = {0};
	_cleanup_(world_freep) struct world *w = assemble(WEB, "{}\n", &off, &s);

	(void)state;
	assert_int_equal(forwards_first(w->forwards)->override_uid, 7);
	assert_int_equal(forwards_first(w->forwards)->override_time, 9);
	assert_world(WEB, "{}\n", &off, "web tcp 80 -> 10.0.0.2:80 off by hand\n");
	assert_world("- {name: web, port: 9, to: 10.0.0.2, enabled: no}\n", "{}\n", &on,
		     "web tcp 9 -> 10.0.0.2:9 by hand\n");
	assert_world("- {name: web, port: 80, to: 10.0.0.2, enabled: no}\n", "{}\n", &off,
		     "web tcp 80 -> 10.0.0.2:80 off\n"
		     "ended web\n"
		     "web: no longer switched off by hand: the file's `enabled` changed\n");
	assert_world("{}\n", "{}\n", &on, "ended web\nweb: no longer switched on by hand: the file has it no more\n");
	/* a runtime forward of that name is none of its business */
	assert_world("{}\n", WEB, &off, "web tcp 80 -> 10.0.0.2:80\nended web\n"
					"web: no longer switched off by hand: the file has it no more\n");
}

/* ---- Targets ------------------------------------------------------------------------------------ */

static void assert_drained(const char *target, const char *declared, const char *runtime, const char *expected)
{
	drained = target;
	assert_world(declared, runtime, NULL, expected);
	drained = NULL;
}

static void test_orders(void **state)
{
	(void)state;
	assert_drained("10.0.0.2:80", WEB, "{}\n", "web tcp 80 -> 10.0.0.2:80 drained\n");
	assert_drained("10.0.0.2:80", "{}\n", WEB, "web tcp 80 -> 10.0.0.2:80 drained\n");
	assert_drained("10.0.0.2:80", "- {name: web, port: 80, to: 10.0.0.2, description: x}\n", "{}\n",
		       "web tcp 80 -> 10.0.0.2:80 drained\n");
	assert_drained("10.0.0.2:80", "- {name: web, port: 80, to: 10.0.0.3}\n", "{}\n",
		       "web tcp 80 -> 10.0.0.3:80\norder web 10.0.0.2:80 -> gone\n"
		       "web: 10.0.0.2:80 is no longer drained by hand: the forward has it no more\n");
	assert_drained("10.0.0.2:80", "{}\n", "{}\n",
		       "order web 10.0.0.2:80 -> gone\n"
		       "web: 10.0.0.2:80 is no longer drained by hand: there is no such forward any more\n");
}

/* They go where their forward goes. */
static void test_orders_move(void **state)
{
	(void)state;
	assert_drained("10.0.0.2:80", WEB, WEB,
		       "web tcp 80 -> 10.0.0.2:80 drained\nrow web -> gone\n"
		       "web: now in gwd.yaml:2, no longer kept as a runtime forward\n");
	assert_drained("10.0.0.2:80", "- {name: site, port: 80, to: 10.0.0.2}\n", WEB,
		       "site tcp 80 -> 10.0.0.2:80 drained\nrow web -> gone\n"
		       "order web 10.0.0.2:80 -> gone\norder site 10.0.0.2:80 -> drained\n"
		       "web: now in gwd.yaml:2, no longer kept as a runtime forward\n");
	assert_drained("10.0.0.2:80", "- {name: web, port: 81, to: 10.0.0.2}\n", WEB,
		       "web tcp 81 -> 10.0.0.2:81\nweb-2 tcp 80 -> 10.0.0.2:80 drained\nrow web -> web-2\n"
		       "order web 10.0.0.2:80 -> gone\norder web-2 10.0.0.2:80 -> drained\n"
		       "web: the file took this name: the runtime forward is now web-2\n");
}

/* ---- Difference ----------------------------------------------------------------------------------- */

static void assert_diff(const char *a_declared, const char *a_runtime, const char *b_declared, const char *b_runtime,
			const char *expected)
{
	_cleanup_(settled_free) struct settled s = {0}, t = {0};
	_cleanup_(world_freep) struct world *a = assemble(a_declared, a_runtime, NULL, &s);
	_cleanup_(world_freep) struct world *b = assemble(b_declared, b_runtime, NULL, &t);
	_cleanup_(buf_free) struct buf out = {0};
	_cleanup_(strings_free) struct strings lines = {0};

	world_diff(a, b, &lines);
	buf_printf(&out, "%s", "");
	for (size_t i = 0; i < lines.n; i++)
		buf_printf(&out, "%s\n", lines.items[i]);
	assert_string_equal(out.data, expected);
}

static void test_diff(void **state)
{
	(void)state;
	assert_diff(WEB, "{}\n", WEB, "{}\n", "");
	assert_diff("{}\n", "{}\n", WEB, "{}\n", "+ web: tcp 80 -> 10.0.0.2:80\n");
	assert_diff(WEB, "{}\n", "{}\n", "{}\n", "- web: tcp 80 -> 10.0.0.2:80\n");
	assert_diff(WEB, "{}\n", "{}\n", WEB, ""); /* who said it makes no difference */
	assert_diff(WEB, "{}\n", "- {name: web, port: 80, to: 10.0.0.3}\n", "{}\n",
		    "~ web: tcp 80 -> 10.0.0.3:80, was tcp 80 -> 10.0.0.2:80\n");
	assert_diff(WEB, "{}\n", "- {name: web, port: 80, to: 10.0.0.2, description: x}\n", "{}\n", "~ web: description x\n");
	assert_diff(WEB, "{}\n",
		    "- {name: web, port: 80, to: 10.0.0.2, from: 10.0.0.0/8, snat: never, log: yes, limit: {rate: 1/day}, "
		    "expires: 2026-12-31T23:59:00Z, on_expiry: cut, balance: random}\n",
		    "{}\n", "~ web: from 10.0.0.0/8; snat never; log; limit rate 1/day; expires 2026-12-31T23:59:00Z; on_expiry cut; balance random\n");
	assert_diff(WEB, "{}\n", "- {name: web, port: 80, to: [10.0.0.2, {addr: 10.0.0.3, weight: 2}], force: yes}\n",
		    "{}\n",
		    "~ web: tcp 80 -> 10.0.0.2:80, 10.0.0.3:80@2, was tcp 80 -> 10.0.0.2:80; force\n");
	assert_diff(WEB, "{}\n", "- {name: web, port: 80, to: 10.0.0.2, enabled: no}\n", "{}\n",
		    "~ web: tcp 80 -> 10.0.0.2:80, off, was tcp 80 -> 10.0.0.2:80\n");
	assert_diff("{}\n", "- {name: mine, port: 80, to: 10.0.0.2, description: x}\n", WEB,
		    "- {name: mine, port: 80, to: 10.0.0.2, description: x}\n",
		    "~ mine: tcp 80 -> 10.0.0.2:80, held, was tcp 80 -> 10.0.0.2:80\n"
		    "+ web: tcp 80 -> 10.0.0.2:80\n");
	assert_diff("- {name: a, port: 1, to: 10.0.0.2}\n- {name: b, port: 2, to: 10.0.0.2}\n", "{}\n",
		    "- {name: c, port: 1, to: 10.0.0.2}\n- {name: b, port: 3, to: 10.0.0.2}\n", "{}\n",
		    "- a: tcp 1 -> 10.0.0.2:1\n"
		    "~ b: tcp 3 -> 10.0.0.2:3, was tcp 2 -> 10.0.0.2:2\n"
		    "+ c: tcp 1 -> 10.0.0.2:1\n");
}

static void test_diff_settings(void **state)
{
	(void)state;
	assert_diff("lan: [br0]\n", "{}\n", "lan: [br0]\n", "{}\n", "");
	assert_diff("wan: eth0\n", "{}\n", "{}\n", "{}\n", "- wan: eth0\n");
	assert_diff("{}\n", "{}\n", "masquerade: no\n", "{}\n", "+ masquerade: false\n");
	assert_diff("wan: eth0\nlan: br0\n", "{}\n", "wan: eth0\nlan: br1\nsnat: always\n", "{}\n",
		    "- lan: br0\n+ lan: br1\n+ snat: always\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_absorbed),
		cmocka_unit_test(test_shadowed),
		cmocka_unit_test(test_renamed),
		cmocka_unit_test(test_renamed_long),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_orders_move),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_diff_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
