/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file wins, and nothing that was asked for at run time is thrown away: what the file says too is absorbed, what it
 * contradicts is kept aside until the file lets go, and a name that it takes is given back with a number. */
#include "world.h"

#include "config_print.h"

void world_free(struct world *w)
{
	if (!w)
		return;
	settings_free(w->settings);
	forwards_free(w->forwards);
	opening_list_free(&w->open);
	free(w);
}

void world_freep(struct world **w)
{
	world_free(*w);
}

void settled_free(struct settled *s)
{
	for (size_t i = 0; i < s->n_runtime; i++) {
		free(s->runtime[i].name);
		forward_unref(s->runtime[i].renamed);
	}
	free(s->runtime);
	for (size_t i = 0; i < s->n_orders; i++)
		free(s->orders[i].key);
	free(s->orders);
	opening_list_free(&s->closed);
	strings_free(&s->ended);
	strings_free(&s->messages);
	*s = (struct settled){0};
}

void settled_say(struct settled *s, char *message)
{
	strings_add(&s->messages, message);
}

static void note_runtime(struct settled *s, const char *name, struct forward *renamed)
{
	s->runtime = grow(s->runtime, s->n_runtime, &s->runtime_capacity, sizeof(*s->runtime));
	s->runtime[s->n_runtime].name = xstrdup(name);
	s->runtime[s->n_runtime++].renamed = renamed ? forward_ref(renamed) : NULL;
}

/* ---- Overrides ---------------------------------------------------------------------------------- */

static void override_one(struct forwards *forwards, const struct named_override *o, struct settled *s)
{
	struct forward_entry *e = forwards_by_name(forwards, o->name);

	if (!e || e->forward->enabled != o->override.declared) {
		settled_say(s, xasprintf("%s: no longer switched %s by hand: %s", o->name,
					 o->override.enabled ? "on" : "off",
					 e ? "the file's `enabled` changed" : "the file has it no more"));
		strings_add(&s->ended, xstrdup(o->name));
		return;
	}
	e->off = !o->override.enabled;
	e->overridden = true;
	e->override_uid = o->override.uid;
	e->override_time = o->override.time;
}

/* ---- Targets ------------------------------------------------------------------------------------ */

char *order_key(const char *name, const char *target)
{
	return xasprintf("%s %s", name, target);
}

char *target_key(const struct forward *f, const struct target *t)
{
	_cleanup_(freep) char *target = target_text(f, t);

	return order_key(f->name, target);
}

/* `order` NULL: it is no more. */
static void note_order(struct settled *s, const char *name, const char *target, const struct order *order)
{
	s->orders = grow(s->orders, s->n_orders, &s->orders_capacity, sizeof(*s->orders));
	s->orders[s->n_orders].key = order_key(name, target);
	s->orders[s->n_orders].remove = !order;
	s->orders[s->n_orders++].order = order ? *order : (struct order){0};
}

/* What was ordered of targets of `f` goes on as that of the forward `name`. */
static void move_orders(struct parts *p, const struct forward *f, const char *name, struct settled *s)
{
	for (size_t i = 0; i < p->n_orders; i++) {
		struct named_order *o = &p->orders[i];

		if (o->moved || !streq(o->name, f->name))
			continue;
		o->moved = true;
		if (streq(name, o->name))
			continue;
		note_order(s, o->name, o->target, NULL);
		note_order(s, name, o->target, &o->order);
		free(o->name);
		o->name = xstrdup(name);
	}
}

static void order_one(struct forwards *forwards, const struct named_order *o, struct settled *s)
{
	struct forward_entry *e = forwards_by_name(forwards, o->name);
	struct target *t = e ? forward_target(e->forward, o->target) : NULL;
	struct forward *f;

	if (!t) {
		settled_say(s, xasprintf("%s: %s is no longer %s by hand: %s", o->name, o->target,
					 target_states[o->order.state],
					 e ? "the forward has it no more" : "there is no such forward any more"));
		note_order(s, o->name, o->target, NULL);
		return;
	}
	f = forward_renamed(e->forward, e->forward->name);
	t = &f->targets[t - e->forward->targets];
	t->state = o->order.state;
	t->ordered_uid = o->order.uid;
	t->ordered_time = o->order.time;
	forward_unref(e->forward);
	e->forward = f;
}

/* ---- Runtime forwards --------------------------------------------------------------------------- */

/* A name that neither the world so far nor any runtime forward has. */
static bool name_taken(const struct forwards *forwards, const struct parts *p, const char *name)
{
	if (forwards_by_name(forwards, name))
		return true;
	for (size_t i = 0; i < p->n_runtime; i++)
		if (streq(p->runtime[i]->name, name))
			return true;
	return false;
}

static struct forward *rename_free(const struct forwards *forwards, const struct parts *p, const struct forward *f)
{
	for (unsigned i = 2;; i++) {
		_cleanup_(freep) char *number = xasprintf("-%u", i);
		int room = FORWARD_NAME_MAX - (int)strlen(number);
		_cleanup_(freep) char *name = xasprintf("%.*s%s", room, f->name, number);

		if (!name_taken(forwards, p, name))
			return forward_renamed(f, name);
	}
}

static struct forward_entry *merge_runtime(struct forwards *forwards, struct parts *p, const struct forward *runtime,
					   struct forward_entry *before, struct settled *s)
{
	_cleanup_(forward_unrefp) struct forward *f = forward_with_states(runtime, NULL); /* as it was written */
	struct forward_entry *other, *e;
	bool taken = forwards_overlap(forwards, f, &other, 1) > 0;
	_cleanup_(forward_unrefp) struct forward *placed = NULL;

	if (taken && forward_declared(other->forward) && forward_same(other->forward, f)) {
		settled_say(s, xasprintf("%s: now in %s:%u, no longer kept as a runtime forward", f->name,
					 other->forward->loc.file, other->forward->loc.line));
		note_runtime(s, f->name, NULL);
		move_orders(p, f, other->forward->name, s);
		return before;
	}
	placed = forwards_by_name(forwards, f->name) ? rename_free(forwards, p, f) : forward_ref(f);
	if (!streq(placed->name, f->name)) {
		settled_say(s, xasprintf("%s: the file took this name: the runtime forward is now %s", f->name,
					 placed->name));
		note_runtime(s, f->name, placed);
	}
	move_orders(p, f, placed->name, s);
	e = forwards_insert(forwards, placed, taken, before);
	if (taken) {
		_cleanup_(freep) char *by = forward_place(other->forward);

		settled_say(s, xasprintf("%s: held: shadowed by %s", placed->name, by));
	}
	return e;
}

/* ---- Openings ----------------------------------------------------------------------------------- */

const struct opening *world_over_opening(const struct world *w, const struct opening *o)
{
	for (size_t i = 0; i < w->settings->n_open; i++)
		if (opening_overlaps(&w->settings->open[i], o))
			return &w->settings->open[i];
	return NULL;
}

struct opening *world_openings(const struct world *w, size_t *ret_n)
{
	const struct settings *s = w->settings;
	struct opening *all = xcalloc(s->n_open + w->open.n + 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < s->n_open; i++)
		all[n++] = s->open[i];
	for (size_t i = 0; i < w->open.n; i++)
		if (!w->open.items[i].over && !world_over_opening(w, &w->open.items[i]))
			all[n++] = w->open.items[i];
	*ret_n = n;
	return all;
}

static void merge_opening(struct world *w, const struct opening *o, struct settled *s)
{
	const struct opening *other = world_over_opening(w, o);
	_cleanup_(freep) char *text = opening_text(o), *place = other ? opening_place(other) : NULL;

	if (other && opening_same(other, o)) {
		settled_say(s, xasprintf("%s: now in %s, no longer kept as opened at run time", text, place));
		opening_list_add(&s->closed, o);
		return;
	}
	opening_list_add(&w->open, o);
	if (other)
		settled_say(s, xasprintf("%s: held: shadowed by %s", text, place));
}

struct world *world_assemble(struct parts *p, struct settled *ret)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct forward_entry *before = NULL;

	w->settings = TAKE_PTR(p->config->settings);
	w->forwards = TAKE_PTR(p->config->forwards);
	for (size_t i = 0; i < p->n_overrides; i++)
		override_one(w->forwards, &p->overrides[i], ret);
	/* Newest first: it could only be added where none was in its way, whatever is held for an older one. */
	for (size_t i = p->n_runtime; i > 0; i--)
		before = merge_runtime(w->forwards, p, p->runtime[i - 1], before, ret);
	for (size_t i = 0; i < p->n_orders; i++)
		order_one(w->forwards, &p->orders[i], ret);
	for (size_t i = 0; p->open && i < p->open->n; i++)
		merge_opening(w, &p->open->items[i], ret);
	return w;
}

/* ---- Difference in words ------------------------------------------------------------------------ */

static bool has_line(const char *text, const char *line, size_t len)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (strcspn(text, "\n") == len && memcmp(text, line, len) == 0)
			return true;
	return false;
}

/* The lines of `text` that `other` has not, each behind its sign. */
static void add_lines(struct strings *out, char sign, const char *text, const char *other)
{
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		if (!has_line(other, text, (size_t)(end - text)))
			strings_add(out, xasprintf("%c %.*s", sign, (int)(end - text), text));
	}
}

static void diff_settings(const struct settings *a, const struct settings *b, struct strings *out)
{
	_cleanup_(buf_free) struct buf old = {0}, new = {0};

	if (settings_same(a, b))
		return;
	buf_printf(&old, "%s", "");
	buf_printf(&new, "%s", "");
	config_print_settings(&old, a, true);
	config_print_settings(&new, b, true);
	add_lines(out, '-', old.data, new.data);
	add_lines(out, '+', new.data, old.data);
}

static char *entry_text(const struct forward_entry *e)
{
	_cleanup_(freep) char *text = forward_text(e->forward);
	struct buf out = {0};

	buf_printf(&out, "%s%s%s", text, e->off ? ", off" : "",
		   e->shadowed || e->own_port || e->expired ? ", held" : "");
	for (size_t i = 0; i < e->forward->n_targets; i++) {
		const struct target *t = &e->forward->targets[i];
		_cleanup_(freep) char *target = target_text(e->forward, t);

		if (t->state != TARGET_READY)
			buf_printf(&out, ", %s %s", target, target_states[t->state]);
	}
	return buf_take(&out);
}

static char *change_text(const struct forward_entry *a, const struct forward_entry *b)
{
	_cleanup_(freep) char *old = entry_text(a), *new = entry_text(b);
	_cleanup_(freep) char *keys = config_forward_changes(a->forward, b->forward);

	if (!streq(old, new))
		return xasprintf("%s, was %s%s%s", new, old, *keys ? "; " : "", keys);
	return *keys ? TAKE_PTR(keys) : xstrdup("what the file says of enabled");
}

/* Lines for what `a` has and `b` has not (sign '-') or the other way round ('+'); changes are told once, by '-' runs. */
static void diff_forwards(const struct forwards *a, const struct forwards *b, char sign, struct strings *out)
{
	struct forward_entry *expected = forwards_first(b);

	for (const struct forward_entry *e = forwards_first(a); e; e = e->next) {
		const struct forward_entry *other = forwards_twin(b, e, &expected);
		_cleanup_(freep) char *text = NULL;

		if (!other) {
			text = entry_text(e);
			strings_add(out, xasprintf("%c %s: %s", sign, e->forward->name, text));
			continue;
		}
		if (sign == '+' ||
		    (forward_same(e->forward, other->forward) && e->off == other->off &&
		     e->shadowed == other->shadowed && e->own_port == other->own_port && e->expired == other->expired))
			continue;
		text = change_text(e, other);
		strings_add(out, xasprintf("~ %s: %s", e->forward->name, text));
	}
}

/* Runtime openings of `a` that `b` has not. */
static void diff_openings(const struct world *a, const struct world *b, char sign, struct strings *out)
{
	for (size_t i = 0; i < a->open.n; i++) {
		const struct opening *o = &a->open.items[i];
		_cleanup_(freep) char *text = opening_text(o);
		size_t k = 0;

		while (k < b->open.n && !opening_same(o, &b->open.items[k]))
			k++;
		if (k == b->open.n)
			strings_add(out, xasprintf("%c open %s", sign, text));
	}
}

size_t world_diff(const struct world *a, const struct world *b, struct strings *ret)
{
	size_t settings;

	diff_settings(a->settings, b->settings, ret);
	settings = ret->n;
	diff_forwards(a->forwards, b->forwards, '-', ret);
	diff_forwards(b->forwards, a->forwards, '+', ret);
	diff_openings(a, b, '-', ret);
	diff_openings(b, a, '+', ret);
	return settings;
}
