/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was there before is kept in the database before it is changed, so that whatever becomes of gwd, a purge finds it.
 * A value that is neither the kernel's own default nor ours is somebody's choice: it stays. */
#include "gwd_accounting.h"

#include <errno.h>
#include <stdio.h>

#include "sysctl.h"

#define KEY "accounting" /* "HERE" and, for each setting, what it was or -1 */
#define NETFILTER "net/netfilter/nf_conntrack_"

static const struct setting {
	const char *name;
	int from, to;
} settings[] = {
	{NETFILTER "acct", 0, 1},      /* packets and bytes */
	{NETFILTER "timestamp", 0, 1}, /* when it began */
	{NETFILTER "events", 2, 1},    /* of connections that begin while gwd is not there, too */
};

/* What gwd turned on, here. */
struct before {
	int values[ARRAY_SIZE(settings)]; /* -1 = it did not */
};

static struct before load(struct state *state, const char *here)
{
	_cleanup_(diag_free) struct diag ignored = {0};
	_cleanup_(freep) char *text = NULL;
	struct before b = {{-1, -1, -1}};
	size_t len = strlen(here);

	if (state && state_get(state, KEY, &text, &ignored) == 0 && text && strncmp(text, here, len) == 0 &&
	    sscanf(text + len, " %d %d %d", &b.values[0], &b.values[1], &b.values[2]) != ARRAY_SIZE(settings))
		b = (struct before){{-1, -1, -1}};
	return b;
}

static bool none(const struct before *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (b->values[i] >= 0)
			return false;
	return true;
}

static int store(struct state *state, const char *here, const struct before *b, struct diag *diag)
{
	_cleanup_(freep) char *text =
		none(b) ? NULL : xasprintf("%s %d %d %d", here, b->values[0], b->values[1], b->values[2]);
	int r = state_begin(state, diag);

	if (r < 0)
		return r;
	r = state_put(state, KEY, text, diag);
	if (r == 0)
		return state_commit(state, diag);
	state_abort(state);
	return r;
}

static void pass_on(struct diag *to, const struct diag *from)
{
	for (size_t i = 0; i < from->n; i++)
		diag_warn(to, "%s", from->mistakes[i].message);
}

bool accounting_wanted(const struct gwd *g)
{
	return g->table && g->world->settings->accounting;
}

/* A kernel that does not have them counts nothing; what is told then says so. */
static void turn_on(struct gwd *g, struct diag *warnings)
{
	struct before b = load(g->state, g->here);
	_cleanup_(diag_free) struct diag diag = {0};
	bool change[ARRAY_SIZE(settings)] = {false}, any = false;
	int have;

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		change[i] = sysctl_get(settings[i].name, &have) == 0 && have == settings[i].from;
		any |= change[i];
		if (change[i])
			b.values[i] = settings[i].from;
	}
	if (!any)
		return;
	if (!state_changeable(g->state)) {
		if (g->starting)
			diag_warn(warnings, "connections are not counted: what that changes in the kernel cannot be "
					    "remembered now, and a purge could not put it back");
		return;
	}
	if (!g->store_nothing && store(g->state, g->here, &b, &diag) < 0) {
		pass_on(warnings, &diag);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (change[i] && sysctl_set(settings[i].name, settings[i].to, &diag) < 0)
			diag_warn(warnings, "connections are not counted as they should be: %s",
				  diag.mistakes[diag.n - 1].message);
}

/* How many were put back. */
static size_t put_back(struct state *state, const char *here, struct diag *warnings)
{
	struct before b = load(state, here);
	_cleanup_(diag_free) struct diag diag = {0};
	size_t n = 0;
	int have;

	if (none(&b))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (b.values[i] >= 0 && sysctl_get(settings[i].name, &have) == 0 && have == settings[i].to)
			n += sysctl_set(settings[i].name, b.values[i], &diag) == 1;
	store(state, here, &(struct before){{-1, -1, -1}}, &diag);
	pass_on(warnings, &diag);
	return n;
}

void accounting_follow(struct gwd *g, struct diag *warnings)
{
	if (accounting_wanted(g))
		turn_on(g, warnings);
	else if (!g->world->settings->accounting)
		put_back(state_newer(g->state) ? NULL : g->state, g->here, warnings);
}

void accounting_restore(struct state *state, const char *here, struct outcome *ret, struct diag *warnings)
{
	if (put_back(state, here, warnings))
		outcome_say(ret, xstrdup("connection tracking counts as it did before"));
}
