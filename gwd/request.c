/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameters arrive here as the interface description says (varlink.c has seen to it), so what is left is to hand them
 * to gwd.h, and to say what came out of it in JSON. What a later version will do is refused by name: an option that is
 * accepted and ignored is worse than one that is missing. */
#include "request.h"

#include "arena.h"
#include "killpoint.h"
#include "request_json.h"
#include "request_metrics.h"
#include "request_traffic.h"
#include "request_watch.h"
#include "request_doctor.h"
#include "request_why.h"
#include "sandbox.h"
#include "util.h"
#include "wire.h"

#define SESSION_MAX 256

/* What every handler needs, released in one place. */
struct answer {
	struct diag diag;
	struct outcome outcome;
	struct request_options options;
	struct arena *arena;
};

static void answer_free(struct answer *a)
{
	diag_free(&a->diag);
	outcome_free(&a->outcome);
	arena_free(a->arena);
}

static struct gwd *gwd_of(const struct varlink_call *call)
{
	const struct request_context *context = call->ctx;

	return context->gwd;
}

static const char *string(const struct varlink_call *call, const char *name)
{
	return json_string_value(json_object_get(call->parameters, name));
}

static int64_t integer(const struct varlink_call *call, const char *name)
{
	return json_integer_value(json_object_get(call->parameters, name));
}

static bool boolean(const struct varlink_call *call, const char *name)
{
	return json_is_true(json_object_get(call->parameters, name));
}

/* The members `names` of the parameters as a map of nodes. */
static const struct node *members(const struct varlink_call *call, struct arena *arena, const char *const *names)
{
	json_auto_t *some = json_object();

	for (; *names; names++)
		json_object_set(some, *names, json_object_get(call->parameters, *names));
	return doc_from_json(arena, some);
}

/* The login that asks, as the client tells them apart. False when that is no such text; then the call has been answered. */
static bool session(struct varlink_call *call, const char **ret)
{
	*ret = string(call, "session");
	if (!*ret || strlen(*ret) <= SESSION_MAX)
		return true;
	varlink_invalid_parameter(call, "session");
	return false;
}

/* The options of a change. False when one of them is wrong; then the call has been answered. */
static bool options(struct varlink_call *call, struct answer *a)
{
	int64_t confirm = integer(call, "confirm");

	a->arena = arena_new();
	a->options = (struct request_options){.who = *client_who(call->client),
					      .dry_run = boolean(call, "dry_run"),
					      .replace = boolean(call, "replace"),
					      .force = boolean(call, "force"),
					      .kill = boolean(call, "kill")};
	if (json_object_get(call->parameters, "confirm") && (confirm < 1 || confirm > WIRE_CONFIRM_MAX)) {
		varlink_invalid_parameter(call, "confirm");
		return false;
	}
	a->options.confirm = (unsigned)confirm;
	return session(call, &a->options.session);
}

/* What a change did. */
static void put_change(struct varlink_call *call, struct answer *a)
{
	_cleanup_(forward_view_free) struct forward_view view = {0};
	_cleanup_(diag_free) struct diag ignored = {0};
	if (a->outcome.waits)
		outcome_say(&a->outcome, xasprintf("taken back by itself in %u s, unless it is confirmed: open a second "
						   "session and type gwctl confirm there",
						   a->options.confirm));
	bool stands = a->outcome.forward && !a->options.dry_run &&
		      gwd_get(gwd_of(call), a->outcome.forward->name, false, &view, &ignored) == 0;
	struct buf *out = varlink_begin(call);
	request_outcome(out, "outcome", &a->outcome, &a->diag);
	if (stands)
		request_forward(out, "forward", &view);
}

/* Ends a change: what it did, or why it did not. */
static void finish(struct varlink_call *call, struct answer *a, int r)
{
	if (r < 0) {
		varlink_fail(call, &a->diag);
		return;
	}
	KILLPOINT("change", "before-reply");
	put_change(call, a);
	varlink_reply(call);
}

/* ---- Changes ---------------------------------------------------------------------------------- */

struct holder { /* a client that holds a forward open */
	struct gwd *gwd;
	const struct client *client;
};

static void let_go(void *ctx)
{
	struct holder *h = ctx;

	gwd_release(h->gwd, h->client);
	free(h);
}

/* The call is answered, but stays open, and what was added lives as long as it does. */
static void hold(struct varlink_call *call, struct answer *a)
{
	struct holder *h = xmalloc(sizeof(*h));

	*h = (struct holder){gwd_of(call), call->client};
	put_change(call, a);
	client_reply(call->client, true);
	client_stream(call->client, &(struct stream){.done = let_go, .ctx = h});
}

static bool lifetime(struct varlink_call *call, struct answer *a)
{
	bool held = boolean(call, "hold");

	if (held)
		a->options.holder = call->client;
	a->options.lifetime = held ? LIFETIME_HELD : boolean(call, "temporary") ? LIFETIME_TEMPORARY : LIFETIME_DURABLE;
	if (held && !call->more)
		diag_add(&a->diag, DIAG_INVALID, (struct loc){0},
			 "hold lasts as long as the connection: call it with `more` and keep it open");
	if (diag_failed(&a->diag))
		varlink_fail(call, &a->diag);
	return !diag_failed(&a->diag);
}

static void add(struct varlink_call *call)
{
	_cleanup_(answer_free) struct answer a = {0};

	if (!options(call, &a) || !lifetime(call, &a))
		return;
	const struct node *service = doc_from_json(a.arena, json_object_get(call->parameters, "service"));
	int r = gwd_add(gwd_of(call), service, &a.options, &a.outcome, &a.diag);

	if (r == 0 && a.options.holder && a.outcome.forward && a.outcome.forward->holder == a.options.holder &&
	    !a.options.dry_run)
		hold(call, &a);
	else
		finish(call, &a, r);
}

static void set(struct varlink_call *call)
{
	_cleanup_(answer_free) struct answer a = {0};

	if (!options(call, &a))
		return;
	const struct node *changes = doc_from_json(a.arena, json_object_get(call->parameters, "changes"));
	finish(call, &a, gwd_set(gwd_of(call), string(call, "name"), changes, &a.options, &a.outcome, &a.diag));
}

static void remove_forward(struct varlink_call *call)
{
	static const char *const selectors[] = {"ports", "proto", "listen", NULL};
	_cleanup_(answer_free) struct answer a = {0};
	struct selector selector = {.name = string(call, "name")};

	if (!options(call, &a))
		return;
	if (!selector.name)
		selector.occupies = members(call, a.arena, selectors);
	if (!selector.name == !json_object_get(call->parameters, "ports")) {
		diag_add(&a.diag, DIAG_INVALID, (struct loc){0}, "say what to remove: either a name or ports");
		varlink_fail(call, &a.diag);
		return;
	}
	finish(call, &a, gwd_remove(gwd_of(call), &selector, &a.options, &a.outcome, &a.diag));
}

static void enable(struct varlink_call *call)
{
	_cleanup_(answer_free) struct answer a = {0};
	bool on = streq(call->method->name, "Enable");

	if (options(call, &a))
		finish(call, &a, gwd_enable(gwd_of(call), string(call, "name"), on, &a.options, &a.outcome, &a.diag));
}

static void target(struct varlink_call *call)
{
	_cleanup_(answer_free) struct answer a = {0};
	enum target_state state = 0;

	while (state < TARGET_STATES && !streq(string(call, "state"), target_states[state]))
		state++;
	if (state == TARGET_STATES) {
		varlink_invalid_parameter(call, "state");
		return;
	}
	if (options(call, &a))
		finish(call, &a,
		       gwd_target(gwd_of(call), string(call, "name"), string(call, "target"), state, &a.options,
				  &a.outcome, &a.diag));
}

static void open_port(struct varlink_call *call)
{
	_cleanup_(answer_free) struct answer a = {0};

	if (!options(call, &a) || !lifetime(call, &a))
		return;
	const struct node *opening = doc_from_json(a.arena, json_object_get(call->parameters, "opening"));
	finish(call, &a, gwd_open(gwd_of(call), opening, &a.options, &a.outcome, &a.diag));
}

static void close_port(struct varlink_call *call)
{
	static const char *const selectors[] = {"ports", "proto", "in", NULL};
	_cleanup_(answer_free) struct answer a = {0};

	if (options(call, &a))
		finish(call, &a,
		       gwd_close(gwd_of(call), members(call, a.arena, selectors), &a.options, &a.outcome, &a.diag));
}

/* The text of a file that comes with the call, or NULL, and how to call it. */
static const char *text_of(const struct varlink_call *call, size_t *ret_len, const char **ret_path)
{
	const json_t *text = json_object_get(call->parameters, "text");
	const char *path = string(call, "path");

	*ret_len = json_string_length(text);
	*ret_path = path ? path : "gwd.yaml";
	return json_string_value(text);
}

static void apply(struct varlink_call *call)
{
	_cleanup_(answer_free) struct answer a = {0};
	const char *path;
	size_t len;
	const char *text = text_of(call, &len, &path);

	if (options(call, &a))
		finish(call, &a, gwd_apply(gwd_of(call), text, len, path, &a.options, &a.outcome, &a.diag));
}

static void confirm(struct varlink_call *call)
{
	_cleanup_(answer_free) struct answer a = {0};
	const char *from;

	if (session(call, &from))
		finish(call, &a,
		       gwd_confirm(gwd_of(call), from, boolean(call, "force"), client_who(call->client), &a.outcome,
				   &a.diag));
}

static void undo(struct varlink_call *call)
{
	_cleanup_(answer_free) struct answer a = {0};

	if (options(call, &a))
		finish(call, &a, gwd_undo(gwd_of(call), &a.options, &a.outcome, &a.diag));
}

static void rollback(struct varlink_call *call)
{
	_cleanup_(answer_free) struct answer a = {0};

	if (options(call, &a))
		finish(call, &a,
		       gwd_rollback(gwd_of(call), integer(call, "revision"), &a.options, &a.outcome, &a.diag));
}

static void purge(struct varlink_call *call)
{
	const struct request_context *context = call->ctx;
	_cleanup_(answer_free) struct answer a = {0};

	if (!options(call, &a))
		return;
	int r = gwd_purge(gwd_of(call), &a.options, &a.outcome, &a.diag);
	finish(call, &a, r);
	if (r == 0 && context->quit)
		context->quit(context->quit_ctx);
}

/* ---- Lists ------------------------------------------------------------------------------------ */

static void list(struct varlink_call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct forward_view *views = NULL;
	size_t n = 0;

	if (gwd_list(gwd_of(call), string(call, "pattern"), &views, &n, &diag) < 0)
		varlink_fail(call, &diag);
	else
		rows_reply(call, "forwards", request_views(views, n, request_forward_row));
}

struct revision_row {
	struct revision revision;
	bool current, pending;
};

struct revisions {
	struct revision_row *rows;
	size_t n, capacity;
	int64_t newest, waits; /* to be confirmed */
};

static int add_revision(void *ctx, const struct revision *revision)
{
	struct revisions *list = ctx;
	struct revision_row row = {*revision, revision->id == list->newest, revision->id == list->waits};

	row.revision.what = xstrdup(revision->what);
	list->rows = grow(list->rows, list->n, &list->capacity, sizeof(row));
	list->rows[list->n++] = row;
	return 0;
}

static void put_revision(struct buf *out, const char *key, const void *item)
{
	const struct revision_row *row = item;
	const struct revision *r = &row->revision;

	jput_object(out, key);
	jput_number(out, "id", r->id);
	jput_number(out, "time", r->time);
	jput_number(out, "uid", r->who.uid);
	jput_number(out, "pid", r->who.pid);
	jput_text(out, "what", r->what);
	jput_bool(out, "current", row->current);
	jput_nonzero(out, "reverses", r->reverses);
	if (row->pending)
		jput_bool(out, "pending", true);
	jput_end(out, '}');
}

static void release_revision(void *item)
{
	struct revision_row *row = item;

	revision_free(&row->revision);
}

static void history(struct varlink_call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct state *state = gwd_state(gwd_of(call));
	int64_t max = integer(call, "max");

	if (max < 0) {
		varlink_invalid_parameter(call, "max");
		return;
	}
	int64_t seconds;
	const struct pending *pending = gwd_pending(gwd_of(call), &seconds);
	struct revisions list = {.newest = state_last_revision(state), .waits = pending ? pending->revision : 0};
	int r = state_each_revision(state, (size_t)max, add_revision, &list, &diag);
	struct rows_items items = {list.rows, list.n, sizeof(*list.rows), put_revision, release_revision};
	if (r == 0) {
		rows_reply(call, "revisions", items);
		return;
	}
	for (size_t i = 0; i < list.n; i++)
		release_revision(&list.rows[i]);
	free(list.rows);
	varlink_fail(call, &diag);
}

/* ---- Looking ---------------------------------------------------------------------------------- */

static void get(struct varlink_call *call)
{
	_cleanup_(forward_view_free) struct forward_view view = {0};
	_cleanup_(diag_free) struct diag diag = {0};

	if (gwd_get(gwd_of(call), string(call, "name"), true, &view, &diag) < 0) {
		varlink_fail(call, &diag);
		return;
	}
	request_forward(varlink_begin(call), "forward", &view);
	varlink_reply(call);
}

static void put_sandbox(struct buf *out, const struct varlink_call *call)
{
	const struct request_context *context = call->ctx;

	jput_list(out, "sandbox");
	if (context->sandbox & SANDBOX_LANDLOCK)
		jput_text(out, NULL, "landlock");
	if (context->sandbox & SANDBOX_SECCOMP)
		jput_text(out, NULL, "seccomp");
	jput_end(out, ']');
}

static void status(struct varlink_call *call)
{
	_cleanup_(listeners_free) struct listeners reachable = {0};
	_cleanup_(diag_free) struct diag diag = {0}, unknown = {0};
	struct gwd_status now = {0};

	if (gwd_reachable(gwd_of(call), &reachable, &unknown) < 0)
		diag_warn(&diag, "%s", unknown.mistakes[0].message);
	if (gwd_status(gwd_of(call), &now, &diag) < 0) {
		varlink_fail(call, &diag);
		return;
	}
	size_t n;
	struct opening_view *views = gwd_openings(gwd_of(call), &n);
	struct buf *out = varlink_begin(call);
	request_status(out, &now, &reachable, &diag);
	request_openings(out, "openings", views, n);
	request_pending(out, "pending", gwd_of(call));
	put_sandbox(out, call);
	varlink_reply(call);
	opening_views_free(views, n);
}

static void check(struct varlink_call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	const char *path;
	size_t len, services = 0;
	const char *text = text_of(call, &len, &path);

	if (gwd_check(gwd_of(call), text, len, path, &services, &diag) < 0) {
		varlink_fail(call, &diag);
		return;
	}
	struct buf *out = varlink_begin(call);
	varlink_mistakes(out, "mistakes", &diag);
	jput_texts(out, "warnings", diag.warnings, diag.n_warnings);
	jput_number(out, "services", (int64_t)services);
	varlink_reply(call);
}

static void diff(struct varlink_call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	const char *path;
	size_t len, n = 0;
	const char *text = text_of(call, &len, &path);
	int64_t revision = integer(call, "revision");
	char **lines = NULL;

	if (json_object_get(call->parameters, "revision") && (revision < 1 || text)) {
		varlink_invalid_parameter(call, "revision");
		return;
	}
	if (gwd_diff(gwd_of(call), text, len, path, revision, &lines, &n, &diag) < 0) {
		varlink_fail(call, &diag);
	} else {
		jput_texts(varlink_begin(call), "changes", lines, n);
		varlink_reply(call);
	}
	for (size_t i = 0; i < n; i++)
		free(lines[i]);
	free(lines);
}

static void export(struct varlink_call *call)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *yaml = NULL;

	if (gwd_export(gwd_of(call), &yaml, &diag) < 0) {
		varlink_fail(call, &diag);
		return;
	}
	jput_text(varlink_begin(call), "yaml", yaml);
	varlink_reply(call);
}

static void import(struct varlink_call *call)
{
	_cleanup_(import_freep) struct import *found = NULL;
	_cleanup_(diag_free) struct diag diag = {0};

	if (gwd_import(gwd_of(call), &found, &diag) < 0) {
		varlink_fail(call, &diag);
		return;
	}
	request_import(varlink_begin(call), found);
	varlink_reply(call);
}

const struct varlink_method request_methods[] = {
	{"Add", ACCESS_CHANGE, add},
	{"Set", ACCESS_CHANGE, set},
	{"Remove", ACCESS_CHANGE, remove_forward},
	{"Enable", ACCESS_CHANGE, enable},
	{"Disable", ACCESS_CHANGE, enable},
	{"Target", ACCESS_CHANGE, target},
	{"Open", ACCESS_CHANGE, open_port},
	{"Close", ACCESS_CHANGE, close_port},
	{"List", ACCESS_LOOK, list},
	{"Get", ACCESS_LOOK, get},
	{"Stats", ACCESS_LOOK, request_traffic_stats},
	{"Flows", ACCESS_LOOK, request_traffic_flows},
	{"KillFlows", ACCESS_CHANGE, request_traffic_kill},
	{"Status", ACCESS_LOOK, status},
	{"Check", ACCESS_LOOK, check},
	{"Diff", ACCESS_LOOK, diff},
	{"Apply", ACCESS_CHANGE, apply},
	{"History", ACCESS_LOOK, history},
	{"Confirm", ACCESS_CHANGE, confirm},
	{"Undo", ACCESS_CHANGE, undo},
	{"Rollback", ACCESS_CHANGE, rollback},
	{"Export", ACCESS_LOOK, export},
	{"Import", ACCESS_LOOK, import},
	{"Why", ACCESS_LOOK, request_why},
	{"Doctor", ACCESS_LOOK, request_doctor},
	{"Purge", ACCESS_CHANGE, purge},
	{"Watch", ACCESS_LOOK, request_watch},
	{"Metrics", ACCESS_LOOK, request_metrics},
	{0},
};

/* ---- Turns ------------------------------------------------------------------------------------ */

static bool may_share(void *ctx, const char *method)
{
	static const char *const methods[] = {WIRE_INTERFACE ".Add", WIRE_INTERFACE ".Remove"};
	const struct request_context *context = ctx;

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (context->gwd && streq(methods[i], method))
			return true;
	return false;
}

static void begin_turn(void *ctx)
{
	const struct request_context *context = ctx;

	gwd_turn_begin(context->gwd);
}

static enum control_turn turn_state(void *ctx)
{
	static const enum control_turn states[] = {
		[TURN_EMPTY] = CONTROL_DONE, [TURN_WAITS] = CONTROL_WAITS, [TURN_AGAIN] = CONTROL_AGAIN};
	const struct request_context *context = ctx;

	return states[gwd_turn_state(context->gwd)];
}

static int end_turn(void *ctx)
{
	const struct request_context *context = ctx;

	return gwd_turn_end(context->gwd);
}

const struct control_turns request_turns = {may_share, begin_turn, turn_state, end_turn, NULL};
