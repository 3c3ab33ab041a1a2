/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all changes of single forwards share: each finds what is meant, refuses with the reason and the remedy, or drafts
 * the steps and sends them down the road. Asking twice for the same thing is no error. */
#include "gwd_change.h"

#include <errno.h>

#include "gwd_expire.h"
#include "gwd_guard.h"

void outcome_free(struct outcome *o)
{
	for (size_t i = 0; i < o->n_messages; i++)
		free(o->messages[i]);
	free(o->messages);
	free(o->plan);
	forward_unref(o->forward);
	*o = (struct outcome){0};
}

void outcome_say(struct outcome *o, char *message)
{
	o->messages = grow(o->messages, o->n_messages, &o->messages_capacity, sizeof(*o->messages));
	o->messages[o->n_messages++] = message;
}

void outcome_say_cut(struct outcome *o)
{
	if (o->cut)
		outcome_say(o, xasprintf("cut %zu connection%s", o->cut, plural(o->cut, "s")));
}

int change_refuse(struct diag *diag, enum diag_kind kind, int error, char *message)
{
	diag_add(diag, kind, (struct loc){0}, "%s", message);
	free(message);
	return error;
}

char *change_origin(const struct forward *f)
{
	static const char *const runtime[] = {
		[LIFETIME_DURABLE] = "runtime", [LIFETIME_TEMPORARY] = "temporary", [LIFETIME_HELD] = "held open"};

	return forward_declared(f) ? xasprintf("%s:%u", f->loc.file, f->loc.line) : xstrdup(runtime[f->lifetime]);
}

int change_refuse_declared(struct diag *diag, const struct forward *f, const char *remedy)
{
	return change_refuse(diag, DIAG_DECLARED, -EPERM,
			     xasprintf("%s: declared at %s:%u; %s it there, or gwctl off %s", f->name, f->loc.file,
				       f->loc.line, remedy, f->name));
}

int change_allowed(const struct gwd *g, struct diag *diag)
{
	int r = road_writable(g, diag);

	if (r < 0)
		return r;
	if (g->frozen)
		return change_refuse(
			diag, DIAG_INVALID, -EINVAL,
			xstrdup("gwd.yaml has mistakes and no earlier state is known: correct it, then gwctl apply"));
	return 0;
}

int change_can_act(const struct gwd *g, struct forward *f, const struct place *place, struct diag *diag)
{
	struct forward_entry like = {.forward = f, .expired = expire_over(g, f->expires)};
	bool waits = false;
	_cleanup_(freep) char *reason = f->enabled ? road_held(g, &like, &waits) : NULL;
	char text[ADDR_TEXT_MAX];
	int r;

	if (!f->enabled)
		return 0;
	if (reason && !waits)
		return change_refuse(diag, DIAG_INVALID, -EINVAL,
				     xasprintf("%s: %s; it could not work", f->name, reason));
	r = guard_forward(g, f, place->was, place->n, place->force, diag);
	if (r < 0)
		return r;
	f->force = f->force || r > 0;
	if (f->listen.kind == LISTEN_ADDRESS && !f->no_nat && !topology_address(g->topology, &f->listen.addr))
		diag_warn(
			diag,
			"%s: %s is no address of this gateway now: nothing arrives there unless somebody sends it here",
			f->name, ip_text(&f->listen.addr, text));
	if (reason) /* comes by itself with the first route */
		diag_warn(diag, "%s: %s", f->name, reason);
	return 0;
}

static bool has_order(const struct forward *f, const char *key)
{
	for (size_t i = 0; f && i < f->n_targets; i++) {
		_cleanup_(freep) char *own = target_key(f, &f->targets[i]);

		if (f->targets[i].state != TARGET_READY && streq(own, key))
			return true;
	}
	return false;
}

void change_draft_orders(struct draft *d, const struct forward *was, const struct forward *now)
{
	for (size_t i = 0; was && i < was->n_targets; i++) {
		_cleanup_(freep) char *key = target_key(was, &was->targets[i]);

		if (was->targets[i].state != TARGET_READY && !has_order(now, key))
			draft_order(d, key, NULL);
	}
	for (size_t i = 0; now && i < now->n_targets; i++) {
		const struct target *t = &now->targets[i];
		_cleanup_(freep) char *key = target_key(now, t);

		if (t->state != TARGET_READY)
			draft_order(d, key, &(struct order){t->state, t->ordered_uid, t->ordered_time});
	}
}

void change_draft_add(struct draft *d, struct forward *f, bool in_place)
{
	struct step *s = draft_step(d, STEP_ADD);

	s->forward = forward_ref(f);
	s->in_place = in_place;
	draft_runtime(d, f->name, f);
}

void change_draft_remove(struct draft *d, struct forward_entry *e)
{
	draft_step(d, STEP_REMOVE)->entry = e;
	if (e->forward->lifetime != LIFETIME_HELD)
		draft_runtime(d, e->forward->name, NULL);
	change_draft_orders(d, e->forward, NULL);
}

static bool removes(const struct draft *d, const struct forward_entry *e)
{
	for (size_t i = 0; i < d->n_steps; i++)
		if (d->steps[i].kind == STEP_REMOVE && d->steps[i].entry == e)
			return true;
	return false;
}

static bool adds_over(const struct draft *d, const struct forward *f)
{
	for (size_t i = 0; i < d->n_steps; i++)
		if (d->steps[i].kind == STEP_ADD && forward_overlaps(d->steps[i].forward, f))
			return true;
	return false;
}

/* Their rows were always there. */
void change_unshadow(const struct gwd *g, struct draft *d)
{
	bool removing = false;
	struct forward_entry *e;

	for (size_t i = 0; i < d->n_steps; i++)
		removing = removing || d->steps[i].kind == STEP_REMOVE;
	e = removing && forwards_shadowed(g->world->forwards) ? forwards_first(g->world->forwards) : NULL;

	for (; e; e = e->next) {
		struct forward_entry *over[2];
		struct step *s;

		if (!e->shadowed || removes(d, e) || adds_over(d, e->forward))
			continue;
		if (forwards_overlap(g->world->forwards, e->forward, over, 2) != 1 || !removes(d, over[0]))
			continue;
		draft_step(d, STEP_REMOVE)->entry = e;
		s = draft_step(d, STEP_ADD);
		s->forward = forward_ref(e->forward);
		s->expired = e->expired;
		s->in_place = true;
	}
}

/* What is temporary or held open is in no revision, and an undo leaves it. */
static bool is_recorded(const struct gwd *g, const struct draft *d)
{
	for (size_t i = 0; i < d->n_rows; i++) {
		const struct row *r = &d->rows[i];
		const struct forward_entry *e =
			r->kind == ITEM_RUNTIME && !r->forward ? forwards_by_name(g->world->forwards, r->name) : NULL;
		const struct forward *f = e ? e->forward : r->forward;

		if (r->kind == ITEM_OPENING ? !r->temporary : !f || f->lifetime == LIFETIME_DURABLE)
			return true;
	}
	return false;
}

int change_finish(struct gwd *g, struct draft *d, char *what, const struct request_options *options,
		  struct outcome *ret, struct diag *diag)
{
	int r;

	d->what = what;
	d->unrecorded = !is_recorded(g, d);
	change_unshadow(g, d);
	r = road_commit(g, d, options, ret, diag);
	if (r == 0)
		outcome_say(ret, options->dry_run ? xasprintf("would be done: %s", what) : xstrdup(what));
	outcome_say_cut(ret);
	free(what);
	return r;
}

int change_not_found(const char *name, struct diag *diag)
{
	return change_refuse(diag, DIAG_NOT_FOUND, -ENOENT, xasprintf("there is no forward %s: gwctl ls", name));
}

int change_refuse_shadowed(const struct gwd *g, const struct forward_entry *e, struct diag *diag)
{
	_cleanup_(freep) char *by = road_shadow(g, e->forward);

	return change_refuse(diag, DIAG_CONFLICT, -EEXIST,
			     xasprintf("%s: held: shadowed by %s; until that lets go, only gwctl rm %s is possible",
				       e->forward->name, by, e->forward->name));
}

int change_replace(struct gwd *g, struct forward_entry *e, struct forward *f, bool force, char *what,
		   const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	_cleanup_(draft_free) struct draft d = {0};
	int r = change_can_act(g, f, &(struct place){&e, 1, force}, diag);

	if (r < 0) {
		free(what);
		return r;
	}
	draft_step(&d, STEP_REMOVE)->entry = e;
	if (!streq(e->forward->name, f->name) && f->lifetime != LIFETIME_HELD)
		draft_runtime(&d, e->forward->name, NULL);
	change_draft_orders(&d, e->forward, f);
	change_draft_add(&d, f, true);
	r = change_finish(g, &d, what, options, ret, diag);
	if (r == 0)
		ret->forward = forward_ref(f);
	return r;
}
