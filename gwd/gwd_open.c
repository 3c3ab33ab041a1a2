/* SPDX-License-Identifier: GPL-2.0-or-later */
/* open and close: ports of the gateway itself. Openings are few and are looked through; what the file declares is its
 * business, and what is opened at run time never overlaps what is open already, so that each port has one answer. */
#include <errno.h>

#include "gwd_change.h"
#include "gwd_expire.h"
#include "gwd_foreign.h"

static int refuse_declared(const struct opening *declared, const char *remedy, struct diag *diag)
{
	_cleanup_(freep) char *text = opening_text(declared), *place = opening_place(declared);

	return change_refuse(diag, DIAG_DECLARED, -EPERM,
			     xasprintf("%s: declared at %s; %s it there", text, place, remedy));
}

/* "53/udp --in dmz": what `gwctl close` takes. Caller's string. */
static char *close_arguments(const struct opening *o)
{
	char ports[PORTS_TEXT_MAX];

	return xasprintf("%s%s%s%s", port_range_text(o->ports, ports), o->protos == PROTO_TCP ? "" : "/",
			 o->protos == PROTO_TCP ? "" : proto_text(o->protos),
			 o->in == OPENING_DMZ ? " --in dmz" : "");
}

static int refuse_partly(const struct opening *other, struct diag *diag)
{
	_cleanup_(freep) char *text = opening_text(other), *arguments = close_arguments(other);

	return change_refuse(diag, DIAG_CONFLICT, -EEXIST,
			     xasprintf("%s is open: gwctl close %s first", text, arguments));
}

static bool is_closed(const struct gwd *g, enum opening_in in)
{
	const struct settings *s = g->world->settings;

	return in == OPENING_DMZ ? s->n_dmz > 0 : s->protect;
}

/* ---- open --------------------------------------------------------------------------------------- */

/* A change of these openings alone. `d->open` and its rows are there; takes `what`. */
static int finish(struct gwd *g, struct draft *d, char *what, const struct request_options *options,
		  struct outcome *ret, struct diag *diag)
{
	d->opens = true;
	return change_finish(g, d, what, options, ret, diag);
}

/* 1: it is like that already; 0: nothing is in the way but what has its key; -errno plus diag. */
static int judge(const struct gwd *g, const struct opening *new, struct diag *diag)
{
	const struct opening *declared = world_over_opening(g->world, new);

	if (declared)
		return opening_same(declared, new) ? 1 : refuse_declared(declared, "change", diag);
	for (size_t i = 0; i < g->world->open.n; i++) {
		const struct opening *o = &g->world->open.items[i];

		if (opening_same(o, new) && o->lifetime == new->lifetime)
			return 1;
		if (opening_overlaps(o, new) && !opening_same_key(o, new))
			return refuse_partly(o, diag);
	}
	return 0;
}

int gwd_open(struct gwd *g, const struct node *opening, const struct request_options *options, struct outcome *ret,
	     struct diag *diag)
{
	_cleanup_(opening_free) struct opening new = {0};
	_cleanup_(draft_free) struct draft d = {0};
	_cleanup_(freep) char *text = NULL;
	int r = change_allowed(g, diag);

	if (r < 0)
		return r;
	if (!config_opening(opening, &new, diag))
		return -EINVAL;
	new.loc = (struct loc){0};
	new.lifetime = options->lifetime;
	text = opening_text(&new);
	r = expire_allowed(g, text, new.expires, diag);
	if (r == 0)
		r = judge(g, &new, diag);
	if (r < 0)
		return r;
	if (!is_closed(g, new.in))
		diag_warn(diag, "%s: nothing closes this port today: %s", text,
			  new.in == OPENING_DMZ ? "no interface is `dmz` in gwd.yaml"
						: "gwd.yaml has no `gateway:`");
	others_warn_opening(g, &new, diag);
	if (r == 1) {
		outcome_say(ret, xasprintf("%s is open already", text));
		return 0;
	}
	for (size_t i = 0; i < g->world->open.n; i++) {
		const struct opening *o = &g->world->open.items[i];

		if (!opening_same_key(o, &new))
			opening_list_add(&d.open, o);
		else if (o->lifetime != new.lifetime)
			draft_opening(&d, o, true);
	}
	opening_list_add(&d.open, &new);
	draft_opening(&d, &new, false);
	return finish(g, &d, xasprintf("opened %s", text), options, ret, diag);
}

/* ---- close -------------------------------------------------------------------------------------- */

struct closing {
	struct opening like;
	bool any_in;
};

static bool meant(const struct closing *c, const struct opening *o, bool (*same)(const struct opening *, const struct opening *))
{
	struct opening like = c->like;

	if (c->any_in)
		like.in = o->in;
	return same(&like, o);
}

/* What `close` leaves, and why: declared, or overlapping. 0, or -errno plus diag when nothing was closed. */
static int judge_rest(const struct gwd *g, const struct closing *c, bool closed, struct diag *diag)
{
	const struct settings *s = g->world->settings;

	for (size_t i = 0; i < s->n_open; i++) {
		_cleanup_(freep) char *text = opening_text(&s->open[i]), *place = opening_place(&s->open[i]);

		if (!meant(c, &s->open[i], opening_overlaps))
			continue;
		if (!closed)
			return refuse_declared(&s->open[i], "remove", diag);
		diag_warn(diag, "%s stays open: declared at %s", text, place);
	}
	for (size_t i = 0; i < g->world->open.n && !closed; i++)
		if (meant(c, &g->world->open.items[i], opening_overlaps))
			return refuse_partly(&g->world->open.items[i], diag);
	return 0;
}

int gwd_close(struct gwd *g, const struct node *opening, const struct request_options *options, struct outcome *ret,
	      struct diag *diag)
{
	struct closing c = {.any_in = !doc_get(opening, "in")};
	_cleanup_(draft_free) struct draft d = {0};
	_cleanup_(buf_free) struct buf what = {0};
	int r = change_allowed(g, diag);

	if (r < 0)
		return r;
	if (!config_opening(opening, &c.like, diag))
		return -EINVAL;
	for (size_t i = 0; i < g->world->open.n; i++) {
		const struct opening *o = &g->world->open.items[i];
		_cleanup_(freep) char *text = opening_text(o);

		if (!meant(&c, o, opening_same_key)) {
			opening_list_add(&d.open, o);
			continue;
		}
		buf_printf(&what, "%s%s", what.len ? ", " : "closed ", text);
		draft_opening(&d, o, true);
	}
	r = judge_rest(g, &c, d.n_rows > 0, diag);
	if (r == 0 && d.n_rows)
		r = finish(g, &d, buf_take(&what), options, ret, diag);
	else if (r == 0)
		outcome_say(ret, xstrdup("not there"));
	return r;
}

/* ---- Looking ------------------------------------------------------------------------------------ */

static struct opening_view view(const struct gwd *g, const struct opening *o)
{
	const struct opening *over = o->loc.file ? NULL : world_over_opening(g->world, o);
	struct opening_view v = {.opening = *o};

	if (over) {
		_cleanup_(freep) char *place = opening_place(over);

		v.reason = xasprintf("held: shadowed by %s", place);
	} else if (o->over) {
		v.reason = xasprintf("held: %s", expire_reason(g));
	} else if (!is_closed(g, o->in)) {
		v.reason = xstrdup("nothing closes this port");
	}
	return v;
}

struct opening_view *gwd_openings(const struct gwd *g, size_t *ret_n)
{
	const struct settings *s = g->world->settings;
	const struct opening_list *runtime = &g->world->open;
	struct opening_view *views = xcalloc(s->n_open + runtime->n + 1, sizeof(*views));
	size_t n = 0;

	for (size_t i = 0; i < s->n_open; i++)
		views[n++] = view(g, &s->open[i]);
	for (size_t i = 0; i < runtime->n; i++)
		views[n++] = view(g, &runtime->items[i]);
	*ret_n = n;
	return views;
}

void opening_views_free(struct opening_view *views, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(views[i].reason);
	free(views);
}
