/* SPDX-License-Identifier: GPL-2.0-or-later */
/* add and set: what is there already is said, what is in the way is named with the exact commands that would help. */
#include <errno.h>

#include "config_print.h"
#include "gwd_change.h"
#include "gwd_confirm.h"
#include "gwd_expire.h"
#include "timestamp.h"

/* ---- add ---------------------------------------------------------------------------------------- */

/* What `gwctl add` takes for this forward: "80 10.0.0.2:80", "'[2001:db8::1]:53/udp' '[fd00::2]:53'". Caller's string. */
static char *add_arguments(const struct forward *f)
{
	_cleanup_(buf_free) struct buf out = {0};
	_cleanup_(freep) char *ports = forward_ports_text(f), *listen = listen_text(&f->listen);
	const char *quote = f->family == AF_INET6 ? "'" : "";
	bool brackets = f->listen.kind == LISTEN_ADDRESS && f->family == AF_INET6;

	buf_printf(&out, "%s", f->listen.kind == LISTEN_ANY ? "" : quote);
	if (f->listen.kind != LISTEN_ANY)
		buf_printf(&out, "%s%s%s:", brackets ? "[" : "", listen, brackets ? "]" : "");
	buf_printf(&out, "%s%s%s%s", ports, f->protos == PROTO_TCP ? "" : "/",
		   f->protos == PROTO_TCP ? "" : proto_text(f->protos), f->listen.kind == LISTEN_ANY ? "" : quote);
	for (size_t i = 0; i < f->n_targets; i++) {
		_cleanup_(freep) char *target = target_text(f, &f->targets[i]);

		buf_printf(&out, " %s%s%s", quote, target, quote);
	}
	return buf_take(&out);
}

/* Those arguments and a name say all that was asked for. */
static bool arguments_suffice(const struct forward *f, const struct node *service,
			      const struct request_options *options)
{
	static const char *const said[] = {"name", "proto", "listen", "ports", "to"};
	size_t known = 0;

	for (size_t i = 0; i < ARRAY_SIZE(said); i++)
		known += doc_get(service, said[i]) != NULL;
	for (size_t i = 0; i < f->n_targets; i++)
		if (f->targets[i].weight != 1)
			return false;
	return known == service->n && options->lifetime == LIFETIME_DURABLE && !options->force;
}

/* `remedy` is for a runtime forward in the way; a declared one is its file's business, and one that waits to be confirmed
 * is not to be replaced. */
static int refuse_taken(const struct gwd *g, struct forward_entry *const *in_the_way, size_t n, const char *remedy,
			struct diag *diag)
{
	for (size_t i = 0; i < n; i++) {
		const struct forward *other = in_the_way[i]->forward;
		_cleanup_(freep) char *text = forward_text(other), *from = change_origin(other);
		_cleanup_(freep) char *ways = confirm_touches(g, other) ? confirm_ways(g) : NULL;

		diag_add(diag, DIAG_CONFLICT, (struct loc){0}, "taken by %s (%s, %s); %s", other->name, text, from,
			 ways                      ? ways
			 : forward_declared(other) ? "change it there"
						   : remedy);
	}
	return -EEXIST;
}

/* The exact commands that would get the user further. */
static int refuse_add(const struct gwd *g, const struct forward *f, const struct node *service,
		      const struct request_options *options, struct forward_entry *const *in_the_way, size_t n,
		      struct diag *diag)
{
	bool exact = arguments_suffice(f, service, options), named = doc_get(service, "name");
	_cleanup_(freep) char *arguments = add_arguments(f), *command = NULL, *remedy = NULL;

	if (exact)
		command = xasprintf("gwctl add %s%s%s", arguments, named ? " --name " : "", named ? f->name : "");
	remedy = xasprintf("to put this one in its place: %s --replace; to change only what differs: gwctl set %s ...",
			   exact ? command : "the same command with", in_the_way[0]->forward->name);
	return refuse_taken(g, in_the_way, n, remedy, diag);
}

static int refuse_name(const struct forward *f, const struct forward *other, struct diag *diag)
{
	_cleanup_(freep) char *text = forward_text(other), *from = change_origin(other);

	return change_refuse(
		diag, DIAG_CONFLICT, -EEXIST,
		xasprintf("%s: the name is taken (%s, %s); give another with --name", f->name, text, from));
}

/* Entries that occupy something of what `f` wants. Owned by the caller, *ret_n of them. */
static struct forward_entry **find_in_the_way(const struct gwd *g, const struct forward *f,
					      const struct forward_entry *except, size_t *ret_n)
{
	struct forward_entry **all = NULL;
	size_t max = 16, n = max, kept = 0;

	while (n == max) { /* until there was room for more */
		max *= 2;
		all = xrealloc(all, max, sizeof(*all));
		n = forwards_overlap(g->world->forwards, f, all, max);
	}
	for (size_t i = 0; i < n; i++)
		if (all[i] != except)
			all[kept++] = all[i];
	*ret_n = kept;
	return all;
}

static int draft_replacements(const struct gwd *g, struct draft *d, struct forward_entry *const *in_the_way, size_t n,
			      struct diag *diag)
{
	for (size_t i = 0; i < n; i++)
		if (forward_declared(in_the_way[i]->forward))
			return refuse_taken(g, &in_the_way[i], 1, NULL, diag);
	for (size_t i = 0; i < n; i++)
		change_draft_remove(d, in_the_way[i]);
	return 0;
}

static int already_there(const struct forward_entry *e, struct outcome *ret)
{
	const char *name = e->forward->name;
	_cleanup_(freep) char *text = forward_text(e->forward);
	_cleanup_(freep) char *hint = e->off ? xasprintf(" (off: gwctl on %s)", name) : xstrdup("");

	outcome_say(ret, xasprintf("%s is there already: %s%s", name, text, hint));
	ret->forward = forward_ref(e->forward);
	return 0;
}

static bool among(const struct forward_entry *e, struct forward_entry *const *entries, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (entries[i] == e)
			return true;
	return false;
}

/* What is there is not gone earlier than what is asked for. */
static bool lasts(const struct forward *have, const struct request_options *options)
{
	return have->lifetime < options->lifetime ||
	       (have->lifetime == options->lifetime && have->holder == options->holder);
}

/* " (off)", " (temporary, until 2026-12-31T23:59:00Z)", "". Caller's string. */
static char *terms(const struct forward *f)
{
	_cleanup_(buf_free) struct buf out = {0};
	char end[TIMESTAMP_TEXT_MAX];
	static const char *const lifetimes[] = {
		[LIFETIME_DURABLE] = "", [LIFETIME_TEMPORARY] = ", temporary", [LIFETIME_HELD] = ", held open"};

	buf_printf(&out, "%s%s", f->enabled ? "" : ", off", lifetimes[f->lifetime]);
	if (f->expires)
		buf_printf(&out, ", until %s", timestamp_text(f->expires, end));
	return out.len ? xasprintf(" (%s)", out.data + strlen(", ")) : xstrdup("");
}

static int renew(struct gwd *g, struct forward_entry *e, const struct node *service,
		 const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	_cleanup_(forward_unrefp) struct forward *f = config_forward_set(e->forward, service, diag);
	_cleanup_(freep) char *text = f ? forward_text(f) : NULL, *how = f ? terms(f) : NULL;
	int r = f ? expire_allowed(g, f->name, f->expires, diag) : -EINVAL;

	return r < 0 ? r
		     : change_replace(g, e, f, options->force || f->force,
				      xasprintf("renewed %s: %s%s", f->name, text, how), options, ret, diag);
}

/* A forward that takes another's place may have the default name that goes with it. */
static struct forward *inherit_name(const struct gwd *g, struct forward *f, struct forward_entry *const *replaced,
				    size_t n)
{
	_cleanup_(forwards_freep) struct forwards *none = forwards_new();
	_cleanup_(freep) char *name = forward_default_name(f, none);
	struct forward_entry *e = forwards_by_name(g->world->forwards, name);

	return e && among(e, replaced, n) ? forward_renamed(f, name) : forward_ref(f);
}

int gwd_add(struct gwd *g, const struct node *service, const struct request_options *options, struct outcome *ret,
	    struct diag *diag)
{
	_cleanup_(forward_unrefp) struct forward *f = NULL;
	_cleanup_(draft_free) struct draft d = {0};
	_cleanup_(freep) struct forward_entry **in_the_way = NULL;
	struct forward_entry *namesake;
	_cleanup_(freep) char *text = NULL, *how = NULL;
	size_t n;
	int r = change_allowed(g, diag);

	if (r < 0)
		return r;
	f = config_forward(service, g->world->forwards, diag);
	if (!f)
		return -EINVAL;
	in_the_way = find_in_the_way(g, f, NULL, &n);
	if (n == 1 && lasts(in_the_way[0]->forward, options)) {
		if (config_forward_agrees(service, in_the_way[0]->forward))
			return already_there(in_the_way[0], ret);
		if (!forward_declared(in_the_way[0]->forward) && config_forward_renews(service, in_the_way[0]->forward))
			return renew(g, in_the_way[0], service, options, ret, diag);
	}
	r = expire_allowed(g, f->name, f->expires, diag);
	if (r < 0)
		return r;
	f->lifetime = options->lifetime;
	f->holder = options->holder;
	if (n && !options->replace)
		return refuse_add(g, f, service, options, in_the_way, n, diag);
	r = draft_replacements(g, &d, in_the_way, n, diag);
	if (r < 0)
		return r;
	if (n && !doc_get(service, "name")) {
		struct forward *inherited = inherit_name(g, f, in_the_way, n);

		forward_unref(f);
		f = inherited;
	}
	namesake = forwards_by_name(g->world->forwards, f->name);
	if (namesake && among(namesake, in_the_way, n))
		namesake = NULL;
	if (namesake && (!options->replace || forward_declared(namesake->forward)))
		return refuse_name(f, namesake->forward, diag);
	if (namesake)
		change_draft_remove(&d, namesake);
	r = change_can_act(g, f, &(struct place){in_the_way, n, options->force || f->force}, diag);
	if (r < 0)
		return r;
	change_draft_add(&d, f, false);
	text = forward_text(f);
	how = terms(f);
	r = change_finish(g, &d, xasprintf("added %s: %s%s", f->name, text, how), options, ret, diag);
	if (r == 0)
		ret->forward = TAKE_PTR(f);
	return r;
}

/* ---- set ---------------------------------------------------------------------------------------- */

/* "changed web: tcp 80 -> 10.0.0.3:80, was tcp 80 -> 10.0.0.2:80; log" */
static char *told(const struct forward *was, const struct forward *f)
{
	_cleanup_(freep) char *old = forward_text(was), *new = forward_text(f), *keys = config_forward_changes(was, f);
	struct buf out = {0};

	buf_printf(&out, "changed %s", was->name);
	if (!streq(f->name, was->name))
		buf_printf(&out, " to %s", f->name);
	if (!streq(old, new))
		buf_printf(&out, ": %s, was %s%s%s", new, old, *keys ? "; " : "", keys);
	else
		buf_printf(&out, ": %s", *keys ? keys : new);
	if (f->enabled != was->enabled)
		buf_printf(&out, "; %s", f->enabled ? "on" : "off");
	return buf_take(&out);
}

int gwd_set(struct gwd *g, const char *name, const struct node *changes, const struct request_options *options,
	    struct outcome *ret, struct diag *diag)
{
	struct forward_entry *e = forwards_by_name(g->world->forwards, name), *other;
	_cleanup_(freep) struct forward_entry **in_the_way = NULL;
	_cleanup_(forward_unrefp) struct forward *f = NULL;
	_cleanup_(freep) char *text = NULL;
	size_t n;
	int r = change_allowed(g, diag);

	if (r < 0)
		return r;
	if (!e)
		return change_not_found(name, diag);
	if (forward_declared(e->forward))
		return change_refuse_declared(diag, e->forward, "change");
	if (e->shadowed)
		return change_refuse_shadowed(g, e, diag);
	f = config_forward_set(e->forward, changes, diag);
	if (!f)
		return -EINVAL;
	r = expire_allowed(g, f->name, f->expires, diag);
	if (r < 0)
		return r;
	text = forward_text(f);
	if (forward_same(f, e->forward) && streq(f->name, name)) {
		outcome_say(ret, xasprintf("%s is like that already: %s", name, text));
		ret->forward = forward_ref(e->forward);
		return 0;
	}
	in_the_way = find_in_the_way(g, f, e, &n);
	if (n)
		return refuse_taken(g, in_the_way, n, "remove or change that one first", diag);
	other = forwards_by_name(g->world->forwards, f->name);
	if (other && other != e)
		return refuse_name(f, other->forward, diag);
	return change_replace(g, e, f, options->force || (f->force && doc_get(changes, "force")), told(e->forward, f),
			      options, ret, diag);
}
