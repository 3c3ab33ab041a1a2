/* SPDX-License-Identifier: GPL-2.0-or-later */
/* on and off: of declared forwards as an override, of runtime ones as what they say themselves; and what is ordered of
 * single targets, of both alike. */
#include <errno.h>
#include <time.h>

#include "gwd_change.h"

static int switch_declared(struct gwd *g, struct forward_entry *e, bool on, const struct request_options *options,
			   struct outcome *ret, struct diag *diag)
{
	const struct override override = {
		.enabled = on, .declared = e->forward->enabled, .uid = options->who.uid, .time = time(NULL)};
	_cleanup_(draft_free) struct draft d = {0};
	struct step *s = draft_switch(&d, e);
	bool back = on == e->forward->enabled; /* the file says so too: no override is left */

	s->off = !on;
	s->own_port = 0; /* whoever puts it on has decided that */
	s->overridden = !back;
	s->uid = override.uid;
	s->time = override.time;
	draft_override(&d, e->forward->name, back ? NULL : &override);
	return change_finish(g, &d, xasprintf("%s is %s", e->forward->name, on ? "on" : "off"), options, ret, diag);
}

/* It left some time ago; now its connections go too. */
static void cut_left(struct gwd *g, const struct forward *f, struct outcome *ret, struct diag *diag)
{
	ret->cut = road_cut(g, &(struct delta){.leave = &f, .n_leave = 1}, false, true, diag);
	outcome_say_cut(ret);
}

int gwd_enable(struct gwd *g, const char *name, bool on, const struct request_options *options, struct outcome *ret,
	       struct diag *diag)
{
	struct forward_entry *e = forwards_by_name(g->world->forwards, name);
	_cleanup_(forward_unrefp) struct forward *f = NULL;
	int r = change_allowed(g, diag);

	if (r < 0)
		return r;
	if (!e)
		return change_not_found(name, diag);
	if (e->shadowed)
		return change_refuse_shadowed(g, e, diag);
	if (e->off == !on && !(on && e->own_port)) {
		outcome_say(ret, xasprintf("%s is %s already", name, on ? "on" : "off"));
		if (options->kill && !options->dry_run)
			cut_left(g, e->forward, ret, diag);
		return 0;
	}
	f = forward_renamed(e->forward, name);
	f->enabled = on;
	if (!forward_declared(f))
		return change_replace(g, e, f, options->force || f->force,
				      xasprintf("%s is %s", name, on ? "on" : "off"), options, ret, diag);
	r = change_can_act(g, f, &(struct place){.force = options->force || f->force}, diag);
	return r < 0 ? r : switch_declared(g, e, on, options, ret, diag);
}

/* ---- Targets ------------------------------------------------------------------------------------ */

static int refuse_target(const struct forward *f, const char *target, struct diag *diag)
{
	struct buf all = {0};

	for (size_t i = 0; i < f->n_targets; i++) {
		_cleanup_(freep) char *text = target_text(f, &f->targets[i]);

		buf_printf(&all, "%s%s", i ? ", " : "", text);
	}
	_cleanup_(freep) char *names = buf_take(&all);
	return change_refuse(
		diag, DIAG_NOT_FOUND, -ENOENT,
		xasprintf("%s: '%s' does not say which of its targets is meant: %s", f->name, target, names));
}

static int order_target(struct gwd *g, struct forward_entry *e, size_t at, enum target_state state,
			const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	_cleanup_(forward_unrefp) struct forward *f = forward_renamed(e->forward, e->forward->name);
	_cleanup_(freep) char *text = target_text(f, &f->targets[at]), *key = target_key(f, &f->targets[at]);
	const struct order order = {.state = (uint8_t)state, .uid = options->who.uid, .time = time(NULL)};
	_cleanup_(draft_free) struct draft d = {0};
	struct step *s = draft_step(&d, STEP_EXCHANGE);
	int r;

	f->targets[at].state = order.state;
	f->targets[at].ordered_uid = order.uid;
	f->targets[at].ordered_time = order.time;
	s->entry = e;
	s->forward = forward_ref(f);
	draft_order(&d, key, state == TARGET_READY ? NULL : &order);
	r = change_finish(g, &d, xasprintf("%s: %s is %s", f->name, text, target_states[state]), options, ret, diag);
	if (r < 0)
		return r;
	ret->forward = forward_ref(f);
	if (!forward_ready_target(f))
		diag_warn(diag, "%s: no target is ready any more: new connections are dropped", f->name);
	return 0;
}

int gwd_target(struct gwd *g, const char *name, const char *target, enum target_state state,
	       const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	struct forward_entry *e = forwards_by_name(g->world->forwards, name);
	_cleanup_(freep) char *text = NULL;
	const struct target *t;
	int r = change_allowed(g, diag);

	if (r < 0)
		return r;
	if (!e)
		return change_not_found(name, diag);
	if (e->shadowed)
		return change_refuse_shadowed(g, e, diag);
	t = forward_target(e->forward, target);
	if (!t)
		return refuse_target(e->forward, target, diag);
	if (t->state != state)
		return order_target(g, e, (size_t)(t - e->forward->targets), state, options, ret, diag);
	text = target_text(e->forward, t);
	outcome_say(ret, xasprintf("%s: %s is %s already", name, text, target_states[state]));
	if (options->kill && !options->dry_run && e->active)
		cut_left(g, e->forward, ret, diag);
	return 0;
}
