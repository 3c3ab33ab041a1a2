/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of gwd.yaml, up to the plan. What is taken must read back as itself, and what runs already needs no plan. */
#include "config_print.h"
#include "fuzz.h"
#include "plan.h"

static struct config *read_text(const char *text, size_t len, struct diag *diag)
{
	_cleanup_(buf_free) struct buf copy = {0};

	buf_add(&copy, text, len);
	struct document document = {.path = diag_file("gwd.yaml"), .text = copy.data, .len = len};
	return config_read(&(struct documents){.items = &document, .n = 1}, diag);
}

static void plan(const struct config *config)
{
	_cleanup_(ruleset_freep) struct ruleset *want = compile_config(config), *nothing = ruleset_new();
	_cleanup_(plan_freep) struct plan *all = plan_diff(nothing, want), *none = plan_diff(want, want);
	_cleanup_(buf_free) struct buf text = {0};

	plan_text(&text, all);
	PROMISE(all->n > 0 && none->n == 0);
}

static void read_back(const struct config *config)
{
	_cleanup_(buf_free) struct buf once = {0}, twice = {0};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(config_freep) struct config *again = NULL;

	config_print(&once, config);
	again = read_text(once.data ? once.data : "", once.len, &diag);
	PROMISE(again);
	config_print(&twice, again);
	PROMISE(str_same(once.data, twice.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(config_freep) struct config *config = read_text((const char *)data, len, &diag);
	_cleanup_(freep) char *said = diag_text(&diag);

	promise_clean(said);
	for (size_t i = 0; i < diag.n_warnings; i++)
		PROMISE(text_printable(diag.warnings[i]));
	PROMISE(!config == diag_failed(&diag));
	if (config) {
		read_back(config);
		plan(config);
	}
	return 0;
}
