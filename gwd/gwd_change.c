/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of single forwards: each finds what is meant, refuses with the reason and the remedy, or drafts the steps and
 * sends them down the road. Asking twice for the same thing is no error. */
#include <errno.h>
#include <time.h>

#include "gwd_guard.h"
#include "log.h"

enum { MATCHES_MAX = 16 }; /* named when a selector is ambiguous */

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
		outcome_say(o, xasprintf("cut %zu connection%s", o->cut, o->cut == 1 ? "" : "s"));
}

static int refuse(struct diag *diag, enum diag_kind kind, int error, char *message)
{
	diag_add(diag, kind, (struct loc){0}, "%s", message);
	free(message);
	return error;
}

/* "gwd.yaml:12" or "runtime". Caller's string. */
static char *origin(const struct forward *f)
{
	return forward_declared(f) ? xasprintf("%s:%u", f->loc.file, f->loc.line) : xstrdup("runtime");
}

static int refuse_declared(struct diag *diag, const struct forward *f, const char *remedy)
{
	return refuse(diag, DIAG_DECLARED, -EPERM,
		      xasprintf("%s: declared at %s:%u; %s it there, or gwctl off %s", f->name, f->loc.file,
				f->loc.line, remedy, f->name));
}

static int changes_allowed(const struct gwd *g, struct diag *diag)
{
	int r = road_writable(g, diag);

	if (r < 0)
		return r;
	if (g->frozen)
		return refuse(
			diag, DIAG_INVALID, -EINVAL,
			xstrdup("gwd.yaml has mistakes and no earlier state is known: correct it, then gwctl apply"));
	return 0;
}

/* What a new forward takes the place of. */
struct place {
	struct forward_entry *const *was;
	size_t n;
	bool force; /* over a listener of this machine */
};

/* An interactive change must be able to act at once; a file's need not. What was only accepted by force says so from
 * then on, for an export and for a rollback. */
static int can_act_now(const struct gwd *g, struct forward *f, const struct place *place, struct diag *diag)
{
	struct forward_entry like = {.forward = f};
	bool waits = false;
	_cleanup_(freep) char *reason = f->enabled ? road_held(g, &like, &waits) : NULL;
	int r;

	if (!f->enabled)
		return 0;
	if (reason && !waits)
		return refuse(diag, DIAG_INVALID, -EINVAL, xasprintf("%s: %s; it could not work", f->name, reason));
	r = guard_forward(g, f, place->was, place->n, place->force, diag);
	if (r < 0)
		return r;
	f->force = f->force || r > 0;
	if (reason) /* comes by itself with the first route */
		diag_warn(diag, "%s: %s", f->name, reason);
	return 0;
}

static void draft_add(struct draft *d, struct forward *f, bool in_place)
{
	struct step *s = draft_step(d, STEP_ADD);

	s->forward = forward_ref(f);
	s->in_place = in_place;
	draft_runtime(d, f->name, f);
}

static void draft_remove(struct draft *d, struct forward_entry *e)
{
	draft_step(d, STEP_REMOVE)->entry = e;
	draft_runtime(d, e->forward->name, NULL);
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

/* Held forwards whose shadow the draft takes away come to light; their rows were always there. */
static void draft_unshadow(const struct gwd *g, struct draft *d)
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
		s->in_place = true;
	}
}

static int finish(struct gwd *g, struct draft *d, char *what, const struct request_options *options,
		  struct outcome *ret, struct diag *diag)
{
	int r;

	d->what = what;
	draft_unshadow(g, d);
	r = road_commit(g, d, options, ret, diag);
	if (r == 0)
		outcome_say(ret, options->dry_run ? xasprintf("would be done: %s", what) : xstrdup(what));
	outcome_say_cut(ret);
	free(what);
	return r;
}

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

/* `remedy` is for a runtime forward in the way; a declared one is its file's business. */
static int refuse_taken(struct forward_entry *const *in_the_way, size_t n, const char *remedy, struct diag *diag)
{
	for (size_t i = 0; i < n; i++) {
		const struct forward *other = in_the_way[i]->forward;
		_cleanup_(freep) char *text = forward_text(other), *from = origin(other);

		diag_add(diag, DIAG_CONFLICT, (struct loc){0}, "taken by %s (%s, %s); %s", other->name, text, from,
			 forward_declared(other) ? "change it there" : remedy);
	}
	return -EEXIST;
}

/* The exact commands that would get the user further. */
static int refuse_add(const struct forward *f, bool named, struct forward_entry *const *in_the_way, size_t n,
		      struct diag *diag)
{
	_cleanup_(freep) char *arguments = add_arguments(f);
	_cleanup_(freep) char *remedy =
		xasprintf("to put this one in its place: gwctl add %s%s%s --replace; to change "
			  "only what differs: gwctl set %s ...",
			  arguments, named ? " --name " : "", named ? f->name : "", in_the_way[0]->forward->name);

	return refuse_taken(in_the_way, n, remedy, diag);
}

static int refuse_name(const struct forward *f, const struct forward *other, struct diag *diag)
{
	_cleanup_(freep) char *text = forward_text(other), *from = origin(other);

	return refuse(diag, DIAG_CONFLICT, -EEXIST,
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

static int draft_replacements(struct draft *d, struct forward_entry *const *in_the_way, size_t n, struct diag *diag)
{
	for (size_t i = 0; i < n; i++)
		if (forward_declared(in_the_way[i]->forward))
			return refuse_taken(&in_the_way[i], 1, NULL, diag);
	for (size_t i = 0; i < n; i++)
		draft_remove(d, in_the_way[i]);
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
	_cleanup_(freep) char *text = NULL;
	size_t n;
	int r = changes_allowed(g, diag);

	if (r < 0)
		return r;
	f = config_forward(service, g->world->forwards, diag);
	if (!f)
		return -EINVAL;
	in_the_way = find_in_the_way(g, f, NULL, &n);
	if (n == 1 && config_forward_agrees(service, in_the_way[0]->forward))
		return already_there(in_the_way[0], ret);
	if (n && !options->replace)
		return refuse_add(f, doc_get(service, "name"), in_the_way, n, diag);
	r = draft_replacements(&d, in_the_way, n, diag);
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
		draft_remove(&d, namesake);
	r = can_act_now(g, f, &(struct place){in_the_way, n, options->force || f->force}, diag);
	if (r < 0)
		return r;
	draft_add(&d, f, false);
	text = forward_text(f);
	r = finish(g, &d, xasprintf("added %s: %s%s", f->name, text, f->enabled ? "" : " (off)"), options, ret, diag);
	if (r == 0)
		ret->forward = TAKE_PTR(f);
	return r;
}

/* ---- set ---------------------------------------------------------------------------------------- */

static int not_found(const char *name, struct diag *diag)
{
	return refuse(diag, DIAG_NOT_FOUND, -ENOENT, xasprintf("there is no forward %s: gwctl ls", name));
}

static int refuse_shadowed(const struct gwd *g, const struct forward_entry *e, struct diag *diag)
{
	_cleanup_(freep) char *by = road_shadow(g, e->forward);

	return refuse(diag, DIAG_CONFLICT, -EEXIST,
		      xasprintf("%s: held: shadowed by %s; until that lets go, only gwctl rm %s is possible",
				e->forward->name, by, e->forward->name));
}

static int replace(struct gwd *g, struct forward_entry *e, struct forward *f, bool force, char *what,
		   const struct request_options *options, struct outcome *ret, struct diag *diag)
{
	_cleanup_(draft_free) struct draft d = {0};
	int r = can_act_now(g, f, &(struct place){&e, 1, force}, diag);

	if (r < 0) {
		free(what);
		return r;
	}
	draft_step(&d, STEP_REMOVE)->entry = e;
	if (!streq(e->forward->name, f->name))
		draft_runtime(&d, e->forward->name, NULL);
	draft_add(&d, f, true);
	r = finish(g, &d, what, options, ret, diag);
	if (r == 0)
		ret->forward = forward_ref(f);
	return r;
}

int gwd_set(struct gwd *g, const char *name, const struct node *changes, const struct request_options *options,
	    struct outcome *ret, struct diag *diag)
{
	struct forward_entry *e = forwards_by_name(g->world->forwards, name), *other;
	_cleanup_(freep) struct forward_entry **in_the_way = NULL;
	_cleanup_(forward_unrefp) struct forward *f = NULL;
	_cleanup_(freep) char *text = NULL;
	size_t n;
	int r = changes_allowed(g, diag);

	if (r < 0)
		return r;
	if (!e)
		return not_found(name, diag);
	if (forward_declared(e->forward))
		return refuse_declared(diag, e->forward, "change");
	if (e->shadowed)
		return refuse_shadowed(g, e, diag);
	f = config_forward_set(e->forward, changes, diag);
	if (!f)
		return -EINVAL;
	text = forward_text(f);
	if (forward_same(f, e->forward) && streq(f->name, name)) {
		outcome_say(ret, xasprintf("%s is like that already: %s", name, text));
		ret->forward = forward_ref(e->forward);
		return 0;
	}
	in_the_way = find_in_the_way(g, f, e, &n);
	if (n)
		return refuse_taken(in_the_way, n, "remove or change that one first", diag);
	other = forwards_by_name(g->world->forwards, f->name);
	if (other && other != e)
		return refuse_name(f, other->forward, diag);
	return replace(g, e, f, options->force || (f->force && doc_get(changes, "force")),
		       xasprintf("changed %s: %s", f->name, text), options, ret, diag);
}

/* ---- rm ----------------------------------------------------------------------------------------- */

static bool same_ports(const struct forward *a, const struct forward *b)
{
	if (a->n_ports != b->n_ports)
		return false;
	for (size_t i = 0; i < a->n_ports; i++) {
		bool found = false;

		for (size_t k = 0; k < b->n_ports && !found; k++)
			found = a->ports[i].first == b->ports[k].first && a->ports[i].last == b->ports[k].last;
		if (!found)
			return false;
	}
	return true;
}

/* The ports, and proto and listen if named, of a canonical {ports, proto, listen} as a forward without targets. */
static struct forward *selector_forward(const struct node *occupies, struct diag *diag)
{
	_cleanup_(forward_unrefp) struct forward *f = forward_new();
	const struct node *ports = doc_get(occupies, "ports"), *proto = doc_get(occupies, "proto");
	const struct node *listen = doc_get(occupies, "listen");
	size_t before = diag_count(diag);

	f->ports = xcalloc(ports ? ports->n : 1, sizeof(*f->ports));
	for (size_t i = 0; ports && ports->type == NODE_LIST && i < ports->n; i++) {
		const char *text = ports->items[i]->text ? ports->items[i]->text : "";

		if (!port_range_parse(text, &f->ports[f->n_ports++]))
			diag_add(diag, DIAG_INVALID, (struct loc){0}, "'%s' is no port: expected 80 or 8000-8010",
				 text);
	}
	if (!f->n_ports)
		diag_add(diag, DIAG_INVALID, (struct loc){0}, "neither a name nor ports are given");
	if (proto && !(proto->text && proto_parse(proto->text, &f->protos)))
		diag_add(diag, DIAG_INVALID, (struct loc){0}, "unknown proto: expected tcp, udp, tcp+udp or sctp");
	if (listen && listen->text && ip_parse(listen->text, &f->listen.addr)) {
		f->listen.kind = LISTEN_ADDRESS;
	} else if (listen && listen->text && ifname_valid(listen->text)) {
		f->listen.kind = LISTEN_INTERFACE;
		memcpy(f->listen.ifname, listen->text, strlen(listen->text));
	} else if (listen) {
		diag_add(diag, DIAG_INVALID, (struct loc){0}, "listen: expected an address or an interface name");
	}
	return diag_count(diag) > before ? NULL : TAKE_PTR(f);
}

/* `like` has the ports; proto and listen only when the selector names them. */
static bool selected(const struct forward *f, const struct forward *like, const struct node *occupies)
{
	if (doc_get(occupies, "proto") && f->protos != like->protos)
		return false;
	if (!doc_get(occupies, "listen"))
		return true;
	return f->listen.kind == like->listen.kind && ip_cmp(&f->listen.addr, &like->listen.addr) == 0 &&
	       streq(f->listen.ifname, like->listen.ifname);
}

static void list_matches(struct diag *diag, const char *why, struct forward_entry *const *entries, size_t n)
{
	diag_add(diag, DIAG_CONFLICT, (struct loc){0}, "%s", why);
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *text = forward_text(entries[i]->forward), *from = origin(entries[i]->forward);

		diag_add(diag, DIAG_CONFLICT, (struct loc){0}, "  %s: %s (%s)", entries[i]->forward->name, text, from);
	}
}

/* The one forward that has exactly these ports; NULL with nothing in diag when nobody has any of them. */
static struct forward_entry *find_by_ports(const struct gwd *g, const struct node *occupies, struct diag *diag)
{
	_cleanup_(forward_unrefp) struct forward *like = selector_forward(occupies, diag);
	struct forward_entry *exact[MATCHES_MAX], *partly[MATCHES_MAX];
	size_t n_exact = 0, n_partly = 0;

	if (!like)
		return NULL;
	for (struct forward_entry *e = forwards_first(g->world->forwards); e; e = e->next) {
		if (!selected(e->forward, like, occupies) || !forward_ports_overlap(e->forward, like))
			continue;
		if (same_ports(e->forward, like)) {
			if (n_exact < MATCHES_MAX)
				exact[n_exact++] = e;
		} else if (n_partly < MATCHES_MAX) {
			partly[n_partly++] = e;
		}
	}
	if (n_exact == 1)
		return exact[0];
	if (n_exact)
		list_matches(diag, "several forwards match; name one of them:", exact, n_exact);
	else if (n_partly)
		list_matches(diag, "no forward has exactly these ports; name the one that is meant:", partly, n_partly);
	return NULL;
}

int gwd_remove(struct gwd *g, const struct selector *selector, const struct request_options *options,
	       struct outcome *ret, struct diag *diag)
{
	_cleanup_(draft_free) struct draft d = {0};
	struct forward_entry *e;
	_cleanup_(freep) char *text = NULL;
	int r = changes_allowed(g, diag);

	if (r < 0)
		return r;
	e = selector->name ? forwards_by_name(g->world->forwards, selector->name)
			   : find_by_ports(g, selector->occupies, diag);
	if (!e) {
		if (diag_failed(diag))
			return -EINVAL;
		outcome_say(ret, selector->name ? xasprintf("%s: not there", selector->name) : xstrdup("not there"));
		return 0;
	}
	if (forward_declared(e->forward))
		return refuse_declared(diag, e->forward, "remove");
	draft_remove(&d, e);
	text = forward_text(e->forward);
	return finish(g, &d, xasprintf("removed %s: %s", e->forward->name, text), options, ret, diag);
}

/* ---- on, off ------------------------------------------------------------------------------------ */

static int switch_declared(struct gwd *g, struct forward_entry *e, bool on, const struct request_options *options,
			   struct outcome *ret, struct diag *diag)
{
	const struct override override = {
		.enabled = on, .declared = e->forward->enabled, .uid = options->who.uid, .time = time(NULL)};
	_cleanup_(draft_free) struct draft d = {0};
	struct step *s = draft_step(&d, STEP_SWITCH);
	bool back = on == e->forward->enabled; /* the file says so too: no override is left */

	s->entry = e;
	s->off = !on;
	s->overridden = !back;
	s->uid = override.uid;
	s->time = override.time;
	draft_override(&d, e->forward->name, back ? NULL : &override);
	return finish(g, &d, xasprintf("%s is %s", e->forward->name, on ? "on" : "off"), options, ret, diag);
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
	int r = changes_allowed(g, diag);

	if (r < 0)
		return r;
	if (!e)
		return not_found(name, diag);
	if (e->shadowed)
		return refuse_shadowed(g, e, diag);
	if (e->off == !on && !(on && e->own_port)) {
		outcome_say(ret, xasprintf("%s is %s already", name, on ? "on" : "off"));
		if (options->kill && !options->dry_run)
			cut_left(g, e->forward, ret, diag);
		return 0;
	}
	f = forward_renamed(e->forward, name);
	f->enabled = on;
	if (!forward_declared(f))
		return replace(g, e, f, options->force || f->force, xasprintf("%s is %s", name, on ? "on" : "off"),
			       options, ret, diag);
	r = can_act_now(g, f, &(struct place){.force = options->force || f->force}, diag);
	return r < 0 ? r : switch_declared(g, e, on, options, ret, diag);
}
