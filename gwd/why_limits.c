/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may use a forward, and how much: what its own chain (compile_chain.c) asks. What the kernel has counted for an
 * address cannot be read, only whether it has met the limit at all; the rest is concluded from that. */
#include "why.h"

#include "compile.h"
#include "conntrack.h"

static const char step_limit[] = "limit";

/* ---- Who -------------------------------------------------------------------------------------------- */

static void allow_list(struct walk *w, const struct forward *f)
{
	struct buf list = {0};
	char text[PREFIX_TEXT_MAX], from[ADDR_TEXT_MAX];

	for (size_t i = 0; i < f->n_from; i++)
		buf_printf(&list, "%s%s", i ? "," : "", prefix_text(&f->from[i], text));
	if (!w->from.family) {
		checks_pass(&w->ret->checks, "from", xasprintf("only %s may use it: --from asks about one", list.data));
	} else if (arrival_may_use(f, &w->from)) {
		checks_pass(&w->ret->checks, "from", xasprintf("%s may use it", ip_text(&w->from, from)));
	} else {
		_cleanup_(freep) char *option = xasprintf("--from %s,%s", list.data, ip_text(&w->from, from));
		_cleanup_(freep) char *written = xasprintf("`%s` in `from:`", from);

		checks_add_remedy(&w->ret->checks, "from", VERDICT_FAIL,
				  xasprintf("%s lets in only %s, and %s is none of them", f->name, list.data, from),
				  why_change(f, option, written));
	}
	buf_free(&list);
}

/* ---- At a time -------------------------------------------------------------------------------------- */

struct count { /* of a source's connections to a forward */
	const struct walk *walk;
	const struct forward *forward;
	size_t n;
};

static const struct forward *taken_by(const struct walk *w, const struct flow *flow)
{
	for (size_t i = 0; i < PROTO_COUNT; i++)
		if (proto_numbers[i] == flow->proto)
			return arrival_forward(&w->rules, &flow->to, (uint8_t)(1u << i), flow->to_port);
	return NULL;
}

/* The kernel does not count those that were closed either. */
static void count_flow(void *ctx, const struct flow *flow)
{
	struct count *c = ctx;

	c->n += !flow->ended && ip_cmp(&flow->from, &c->walk->from) == 0 && taken_by(c->walk, flow) == c->forward;
}

/* As many as can be counted; SIZE_MAX: not known. */
static size_t connections(const struct walk *w, const struct forward *f)
{
	struct flow_filter filter = {.family = f->family};
	struct count count = {.walk = w, .forward = f};
	struct conntrack *ct;
	int r;

	if (conntrack_open(&ct) < 0)
		return SIZE_MAX;
	r = conntrack_list(ct, &filter, count_flow, &count);
	conntrack_close(ct);
	return r < 0 ? SIZE_MAX : count.n;
}

/* Those that were opened before this very limit was set do not count, and nothing tells them from the others. */
static bool too_many(struct walk *w, const struct forward *f)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	const char *set = compile_connections_set(arena, f);
	uint32_t max = f->limit.connections;
	char from[ADDR_TEXT_MAX];
	uint64_t left;
	size_t have;

	if (kernel_has_source(w->gwd->kernel, set, &w->from, &left) <= 0)
		return false;
	have = connections(w, f);
	if (have < max)
		return false;
	size_t enough = have == SIZE_MAX ? 2 * (size_t)max : have + max;
	_cleanup_(freep) char *option = xasprintf("--limit-connections %zu", enough);
	_cleanup_(freep) char *written = xasprintf("`limit: {connections: %zu}`", enough);
	_cleanup_(freep) char *has = have == SIZE_MAX ? xstrdup("connections") : xasprintf("%zu connection%s", have, plural(have, "s"));
	checks_add_remedy(
		&w->ret->checks, step_limit, VERDICT_MAY,
		xasprintf(
			"%s has %s open, and each address may have %u: only those from before this limit do not count",
			why_from(w, from), has, max),
		why_change(f, option, written));
	return true;
}

/* ---- In a time -------------------------------------------------------------------------------------- */

/* Its element is as old as its latest attempt, since when it may do as much more as the rate gives. */
static bool too_fast(struct walk *w, const struct forward *f)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	const char *set = compile_rate_set(arena, f), *unit = limit_unit_name(f->limit.per);
	const uint64_t forgets = compile_rate_forgets(f) * UINT64_C(1000);
	char from[ADDR_TEXT_MAX];
	uint64_t left = forgets, ago;

	if (kernel_has_source(w->gwd->kernel, set, &w->from, &left) <= 0)
		return false;
	ago = left < forgets ? forgets - left : 0;
	if (ago * f->limit.rate >= f->limit.per * UINT64_C(1000))
		return false;
	_cleanup_(freep) char *option = xasprintf("--limit-rate %u/%s", 2 * f->limit.rate, unit);
	_cleanup_(freep) char *written = xasprintf("`limit: {rate: %u/%s}`", 2 * f->limit.rate, unit);
	checks_add_remedy(&w->ret->checks, step_limit, VERDICT_MAY,
			  xasprintf("%s came %u s ago, and each address may open %u/%s: one more now may be too many",
				    why_from(w, from), (unsigned)(ago / 1000), f->limit.rate, unit),
			  why_change(f, option, written));
	return true;
}

static void limits(struct walk *w, const struct forward *f)
{
	const struct limit *l = &f->limit;
	bool known = w->from.family != 0;
	bool fast = known && l->rate && too_fast(w, f), many = known && l->connections && too_many(w, f);
	struct buf text = {0};

	if (fast || many)
		return;
	if (l->connections)
		buf_printf(&text, "have %u connection%s open", l->connections, plural(l->connections, "s"));
	if (l->rate)
		buf_printf(&text, "%sopen %u/%s", text.len ? " and " : "", l->rate, limit_unit_name(l->per));
	checks_pass(&w->ret->checks, step_limit, xasprintf("each address may %s", text.data));
	buf_free(&text);
}

void why_limits(struct walk *w)
{
	const struct forward *f = w->entry->forward;

	if (f->n_from)
		allow_list(w, f);
	if (f->limit.connections || f->limit.rate)
		limits(w, f);
	if (!forward_ready_target(f)) {
		_cleanup_(freep) char *target = target_text(f, &f->targets[0]);

		checks_add(&w->ret->checks, "targets", VERDICT_FAIL,
			   xasprintf(f->n_targets > 1 ? "none of the targets of %s takes new connections"
						      : "the target of %s takes no new connections",
				     f->name),
			   xasprintf("gwctl target ready %s %s", f->name, target));
	}
}
