/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transactions, small facts, runtime forwards, overrides and other orders. Each function is one statement; what history needs to know
 * about a change is taken down by the same call, so that no caller can forget it. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/statvfs.h>
#include <time.h>

#include "state_db.h"
#include "util.h"

int state_open(const char *dir, struct state **ret, struct diag *diag)
{
	struct state *state = xcalloc(1, sizeof(*state));
	int r;

	state->lock = -1;
	r = db_open(state, dir, diag);
	if (r == 0)
		r = history_load(state, diag);
	if (r < 0) {
		state_close(state);
		return r;
	}
	*ret = state;
	return 0;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	state_abort(state);
	db_close(state);
	free(state->loose);
	free(state);
}

void state_trim(struct state *state)
{
	sqlite3_db_release_memory(state->db);
}

bool state_newer(const struct state *state)
{
	return state->newer;
}

bool state_changeable(const struct state *state)
{
	return !state->newer && !state->read_only;
}

/* Caller's string. */
static char *frozen(const struct state *state)
{
	if (state->newer)
		return xasprintf("%s was written by a newer gwd, which this one must not change: install that version "
				 "again, or move the file away and restart gwd without it",
				 state->path);
	return xasprintf("%s is on a read-only file system: let it be written, then restart gwd", state->path);
}

int state_refuse(const struct state *state, struct diag *diag)
{
	_cleanup_(freep) char *why = state_changeable(state) ? NULL : frozen(state);

	if (!why)
		return 0;
	diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "%s", why);
	return -EROFS;
}

const char *state_path(const struct state *state)
{
	return state->path;
}

size_t state_kept_aside(const struct state *state, char **ret)
{
	return db_kept_aside(state, ret);
}

/* Leaves no trace but what had to be written: what is deleted again was on its way to the disk. */
static int attempt(struct state *state, struct diag *diag)
{
	int r = state_begin_fleeting(state, diag);

	if (r == 0)
		r = state_put(state, "attempt", "", diag);
	if (r == 0)
		r = state_put(state, "attempt", NULL, diag);
	if (r == 0)
		return state_commit(state, diag);
	state_abort(state);
	return r;
}

int state_try(struct state *state, char **ret_low, struct diag *diag)
{
	enum { ROOM = 1 << 20 }; /* bytes */
	struct statvfs fs;
	int r = state_refuse(state, diag);
	bool low = r == 0 && fstatvfs(state->lock, &fs) == 0 && fs.f_bavail * fs.f_frsize < ROOM;

	if (r == 0 && !state->begun && (low || state->refused))
		r = attempt(state, diag);
	if (r == 0 && low)
		*ret_low = xasprintf("only %llu KiB are left on the file system of %s: when it is full, changes are refused",
				     (unsigned long long)(fs.f_bavail * fs.f_frsize / 1024), state->path);
	return r;
}

void state_warn(struct state *state, struct diag *warnings)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *low = NULL, *kept = NULL;
	size_t n = db_kept_aside(state, &kept);

	if (state_try(state, &low, &diag) < 0)
		diag_warn(warnings, "changes are refused, %s: %s",
			  state->newer       ? "and only what gwd.yaml says runs"
			  : state->read_only ? "and what was stored before runs"
					     : "because none can be stored",
			  diag.mistakes[0].message);
	if (low)
		diag_warn(warnings, "%s", low);
	if (n)
		diag_warn(warnings,
			  "the state database was damaged%s: what gwctl had added until then, and the history, are only in "
			  "%s; to have them back restore %s from a backup while gwd is stopped; gwctl doctor says what "
			  "else can be done",
			  n > 1 ? " more than once" : "", kept, state->path);
}

/* ---- Transactions ------------------------------------------------------------------------------- */

static int begin(struct state *state, bool relaxed, struct diag *diag)
{
	int r = state_refuse(state, diag);

	if (r < 0)
		return r;
	assert(!state->begun);
	r = db_relax(state, relaxed, diag);
	if (r < 0)
		return r;
	r = db_run(state, diag, QUERY_BEGIN, "");
	if (r < 0)
		return r;
	state->begun = true;
	state->failed = false;
	state->revision = 0;
	state->inverting = false;
	state->n_loose = 0;
	state->history_before = state->history;
	return 0;
}

int state_begin(struct state *state, struct diag *diag)
{
	return begin(state, false, diag);
}

int state_begin_fleeting(struct state *state, struct diag *diag)
{
	return begin(state, true, diag);
}

/* A change is whole or not at all. Also, after some errors (disk full, I/O) SQLite itself has rolled back, and what
 * comes then would be committed on its own. */
int state_writable(struct state *state, struct diag *diag)
{
	int r = state_refuse(state, diag);

	if (r < 0)
		return r;
	assert(state->begun);
	if (!state->failed)
		return 0;
	diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "%s: the change was given up after an earlier error",
		 state->path);
	return -EIO;
}

int state_commit(struct state *state, struct diag *diag)
{
	int r = state_writable(state, diag);

	if (r == 0)
		r = history_prune(state, diag);
	if (r == 0)
		r = db_run(state, diag, QUERY_COMMIT, "");
	if (r < 0)
		state_abort(state);
	else
		state->refused = false;
	state->begun = false;
	return r;
}

void state_abort(struct state *state)
{
	struct diag ignored = {0};

	if (!state->begun)
		return;
	if (!sqlite3_get_autocommit(state->db))
		db_run(state, &ignored, QUERY_ROLLBACK, "");
	diag_free(&ignored);
	state->history = state->history_before;
	state->begun = false;
}

/* ---- Small facts -------------------------------------------------------------------------------- */

int state_get(struct state *state, const char *key, char **ret, struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, META_GET, "t", key);
	int r = db_step(state, stmt, diag);

	if (r < 0)
		return r;
	*ret = r ? xstrdup(db_text(stmt, 0)) : NULL;
	return 0;
}

int state_put(struct state *state, const char *key, const char *value, struct diag *diag)
{
	int64_t accepted = 0;
	int r = state_writable(state, diag);

	if (r == 0 && streq(key, "accepted"))
		r = db_number(state, diag, &accepted, META_GET, "t", key);
	if (r < 0)
		return r;
	history_loosen(state, accepted);
	if (!value)
		return db_run(state, diag, META_DEL, "t", key);
	return db_run(state, diag, META_PUT, "tt", key, value);
}

/* ---- Runtime forwards --------------------------------------------------------------------------- */

int state_each_runtime(struct state *state,
		       int (*fn)(void *ctx, const char *name, const char *service, const char *boot), void *ctx,
		       struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, RUNTIME_EACH, "");
	int r, stop;

	while ((r = db_step(state, stmt, diag)) > 0) {
		stop = fn(ctx, db_text(stmt, 0), db_text(stmt, 1), db_text(stmt, 2));
		if (stop)
			return stop;
	}
	return r;
}

int state_put_runtime(struct state *state, const char *name, const char *service, const char *boot,
		      const struct caller *who, struct diag *diag)
{
	int r = history_record(state, ITEM_RUNTIME, name, boot ? NULL : service, diag);

	if (r < 0)
		return r;
	return db_run(state, diag, RUNTIME_PUT, "tttii", name, service, boot, (int64_t)who->uid, (int64_t)time(NULL));
}

int state_del_runtime(struct state *state, const char *name, struct diag *diag)
{
	int r = history_record(state, ITEM_RUNTIME, name, NULL, diag);

	return r < 0 ? r : db_run(state, diag, RUNTIME_DEL, "t", name);
}

/* ---- Overrides ---------------------------------------------------------------------------------- */

static bool parse_number(const char **text, int64_t max, int64_t *ret)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*ret = strtoll(*text, &end, 10);
	*text = *end == ' ' ? end + 1 : end;
	return errno == 0 && *ret <= max;
}

bool state_parse_override(const char *text, struct override *ret)
{
	int64_t enabled, declared, uid, when;

	if (!parse_number(&text, 1, &enabled) || !parse_number(&text, 1, &declared) ||
	    !parse_number(&text, UINT32_MAX, &uid) || !parse_number(&text, INT64_MAX, &when) || *text)
		return false;
	*ret = (struct override){enabled, declared, (uid_t)uid, (time_t)when};
	return true;
}

int state_each_override(struct state *state, int (*fn)(void *ctx, const char *name, const struct override *), void *ctx,
			struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, OVERRIDE_EACH, "");
	int r, stop;

	while ((r = db_step(state, stmt, diag)) > 0) {
		struct override override = {
			.enabled = sqlite3_column_int(stmt, 1),
			.declared = sqlite3_column_int(stmt, 2),
			.uid = (uid_t)sqlite3_column_int64(stmt, 3),
			.time = (time_t)sqlite3_column_int64(stmt, 4),
		};

		stop = fn(ctx, db_text(stmt, 0), &override);
		if (stop)
			return stop;
	}
	return r;
}

int state_put_override(struct state *state, const char *name, const struct override *override, struct diag *diag)
{
	_cleanup_(freep) char *text = xasprintf("%d %d %u %" PRId64, override->enabled, override->declared,
						(unsigned) override->uid, (int64_t) override->time);
	int r = history_record(state, ITEM_OVERRIDE, name, text, diag);

	if (r < 0)
		return r;
	return db_run(state, diag, OVERRIDE_PUT, "tiiii", name, (int64_t) override->enabled,
		      (int64_t) override->declared, (int64_t) override->uid, (int64_t) override->time);
}

int state_del_override(struct state *state, const char *name, struct diag *diag)
{
	int r = history_record(state, ITEM_OVERRIDE, name, NULL, diag);

	return r < 0 ? r : db_run(state, diag, OVERRIDE_DEL, "t", name);
}

/* ---- Other orders ------------------------------------------------------------------------------- */

char *order_text(const struct order *order)
{
	return xasprintf("%s %u %" PRId64, target_states[order->state], (unsigned)order->uid, (int64_t)order->time);
}

bool order_parse(const char *text, struct order *ret)
{
	size_t len = strcspn(text, " ");
	int64_t uid, when;
	uint8_t state = 0;

	while (state < TARGET_STATES &&
	       (strlen(target_states[state]) != len || memcmp(target_states[state], text, len) != 0))
		state++;
	text += len + (text[len] != '\0');
	if (state == TARGET_STATES || !parse_number(&text, UINT32_MAX, &uid) ||
	    !parse_number(&text, INT64_MAX, &when) || *text)
		return false;
	*ret = (struct order){state, (uid_t)uid, (time_t)when};
	return true;
}

int state_each_live(struct state *state, enum item_kind kind,
		    int (*fn)(void *ctx, const char *name, const char *value, const char *boot), void *ctx,
		    struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, LIVE_EACH, "i", (int64_t)kind);
	int r, stop;

	while ((r = db_step(state, stmt, diag)) > 0) {
		stop = fn(ctx, db_text(stmt, 0), db_text(stmt, 1), db_text(stmt, 2));
		if (stop)
			return stop;
	}
	return r;
}

int state_put_live(struct state *state, enum item_kind kind, const char *name, const char *value, const char *boot,
		   struct diag *diag)
{
	int r = history_record(state, kind, name, boot ? NULL : value, diag);

	if (r < 0)
		return r;
	return value ? db_run(state, diag, LIVE_PUT, "ittt", (int64_t)kind, name, value, boot)
		     : db_run(state, diag, LIVE_DEL, "it", (int64_t)kind, name);
}

/* ---- Traffic ------------------------------------------------------------------------------------ */

int state_each_traffic(struct state *state,
		       void (*fn)(void *ctx, const char *name, const char *target, const char *value), void *ctx,
		       struct diag *diag)
{
	_cleanup_(db_resetp) sqlite3_stmt *stmt = db_ask(state, TRAFFIC_EACH, "");
	int r;

	while ((r = db_step(state, stmt, diag)) > 0)
		fn(ctx, db_text(stmt, 0), db_text(stmt, 1), db_text(stmt, 2));
	return r;
}

int state_put_traffic(struct state *state, const char *name, const char *target, const char *value, struct diag *diag)
{
	int r = state_writable(state, diag);

	return r < 0 ? r : db_run(state, diag, TRAFFIC_PUT, "ttt", name, target, value);
}

int state_del_traffic(struct state *state, const char *name, struct diag *diag)
{
	int r = state_writable(state, diag);

	return r < 0 ? r : db_run(state, diag, TRAFFIC_DEL, "t", name);
}
