/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state database STATE_DIR/state.db (SQLite): what must survive a restart that the file does not say, and the
 * history. WAL, synchronous=FULL, temp_store=MEMORY. Only state_db.h, private to state*.c, includes sqlite3.h.
 * A function given to state_each_* must not call that same state_each_*, nor change what it walks over.
 *
 * Schema (user_version 4): meta(key, value) · docset(id, hash) · document(docset, position, path, text) ·
 * runtime(id, name, service, uid, time, boot) · override(name, enabled, declared_enabled, uid, time) ·
 * live(kind, name, value, boot) ·
 * revision(id, time, uid, pid, what, docset, reverses) · item(revision, kind, name, before, after) ·
 * pending(one row: struct pending) · inverse(kind, name, before, boot) · traffic(name, target, value).
 * A revision names the declared documents it ran with and what it changed in runtime forwards and overrides (before and
 * after, each a value or NULL), so that its cost is the size of the change. Bounded: see STATE_REVISIONS_MAX. */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "config.h"
#include "diag.h"

enum item_kind { ITEM_RUNTIME, ITEM_OVERRIDE, ITEM_TARGET, ITEM_OPENING };

#define STATE_REVISIONS_MAX 1000        /* older ones are forgotten */
#define STATE_SIZE_MAX (64u << 20)      /* bytes of document texts and items kept for history */

struct state;

/* Opens or creates. Refuses a directory that another gwd has open (DIAG_BUSY). A database from a newer version is left
 * untouched: state_newer() is true, it reads as empty, every change is refused. One on a read-only file system is read,
 * and every change refused. A damaged one is kept aside with a warning, and a new one begun. 0 or -errno plus diag. */
int state_open(const char *dir, struct state **ret, struct diag *);
void state_close(struct state *);
void state_trim(struct state *); /* drops what is only kept in memory for speed */
bool state_newer(const struct state *);
/* False: every change is refused, with -EROFS and the diag of state_refuse. */
bool state_changeable(const struct state *);
int state_refuse(const struct state *, struct diag *); /* 0, or that */
const char *state_path(const struct state *);          /* of the database; borrowed */
/* What somebody must know who relies on it: it cannot be changed, a damaged one is kept aside. Looks into the directory. */
void state_warn(struct state *, struct diag *warnings);
/* Whether changes can be stored. Where the last one could not be or there is next to no room, one is tried that leaves no
 * trace. 0, or -errno plus diag; *ret_low, the caller's: a warning of the room. */
int state_try(struct state *, char **ret_low, struct diag *);
/* How many damaged ones lie there; *ret, the caller's: the newest. */
size_t state_kept_aside(const struct state *, char **ret);

/* Transactions. Every put below must be inside one. state_commit returns 0 when the change is durable; on failure the
 * transaction is rolled back, diag says why. After an error inside one, state_commit refuses: state_abort. */
int state_begin(struct state *, struct diag *);
/* The same for what does not outlive this boot, or is not worth a wait: state_commit need not wait for the disk. */
int state_begin_fleeting(struct state *, struct diag *);
int state_commit(struct state *, struct diag *);
void state_abort(struct state *);

/* Small facts. Value NULL = remove. `ret` NULL when there is none; caller's string. Known keys: "seen" (hash of the
 * documents last seen), "accepted" (docset id that runs), "wan" (remembered interfaces, space separated),
 * "unconfirmed" (hash of the documents that were taken back because nobody confirmed them, and when),
 * "clock" (the latest wall-clock time that was believed), "held" (NAME:PORT of forwards held for a listener of this
 * machine, space separated), "raised4", "raised6" (boot and network namespace in which gwd turned forwarding on). */
int state_get(struct state *, const char *key, char **ret, struct diag *);
int state_put(struct state *, const char *key, const char *value, struct diag *);

struct caller { /* who asked: SO_PEERCRED */
	uid_t uid;
	pid_t pid;
};

/* Runtime forwards: canonical JSON text by name, in the order in which they were first added. `boot` NULL: for good;
 * otherwise only as long as the machine runs under this boot id, and in no revision. Deleting what is not there is no
 * error, here and below. */
int state_each_runtime(struct state *,
		       int (*fn)(void *ctx, const char *name, const char *service, const char *boot), void *ctx,
		       struct diag *);
int state_put_runtime(struct state *, const char *name, const char *service, const char *boot, const struct caller *,
		      struct diag *);
int state_del_runtime(struct state *, const char *name, struct diag *);

/* on/off of declared forwards. `declared` = what `enabled:` said when it was set: the override ends when that
 * changes. */
struct override {
	bool enabled, declared;
	uid_t uid;
	time_t time;
};
int state_each_override(struct state *, int (*fn)(void *ctx, const char *name, const struct override *), void *ctx,
			struct diag *);
int state_put_override(struct state *, const char *name, const struct override *, struct diag *);
int state_del_override(struct state *, const char *name, struct diag *);

/* What else was ordered at run time and survives a restart: texts by kind (ITEM_TARGET, ITEM_OPENING) and name; value
 * NULL = remove. `boot` as for runtime forwards. By name. */
int state_each_live(struct state *, enum item_kind,
		    int (*fn)(void *ctx, const char *name, const char *value, const char *boot), void *ctx,
		    struct diag *);
int state_put_live(struct state *, enum item_kind, const char *name, const char *value, const char *boot,
		   struct diag *);

/* ITEM_TARGET: the state of a target, by "FORWARD TARGET". */
struct order {
	uint8_t state; /* enum target_state */
	uid_t uid;
	time_t time;
};
char *order_text(const struct order *); /* "drained UID TIME"; caller's string */
bool order_parse(const char *text, struct order *ret);

/* What passed through forwards, no part of history: a text for each target of each. del: all of a forward. */
int state_each_traffic(struct state *,
		       void (*fn)(void *ctx, const char *name, const char *target, const char *value), void *ctx,
		       struct diag *);
int state_put_traffic(struct state *, const char *name, const char *target, const char *value, struct diag *);
int state_del_traffic(struct state *, const char *name, struct diag *);

/* Declared documents, stored once per content. Dropped at a commit after which neither a revision nor "accepted" names
 * them. No such docset: -ENOENT plus diag. */
int state_put_documents(struct state *, const struct documents *, int64_t *ret_docset, struct diag *);
int state_get_documents(struct state *, int64_t docset, struct documents *ret, struct diag *);

struct revision {
	int64_t id;       /* set by state_put_revision */
	time_t time;
	struct caller who;
	char *what;       /* "added web: tcp 80 -> 192.168.0.102:80" */
	int64_t docset;   /* declared documents it ran with; 0 = none were ever accepted */
	int64_t reverses; /* the revision that this one undid, 0 = none */
};
/* Begins the numbered revision of the running transaction: every state_put_runtime, _del_runtime, _put_override,
 * _del_override and _put_live from here to state_commit is recorded as its items (before and after), unless it changes nothing. One
 * transaction may have several, one after the other. */
int state_put_revision(struct state *, struct revision *, struct diag *);
int64_t state_last_revision(struct state *); /* 0 = none */
int state_get_revision(struct state *, int64_t id, struct revision *ret, struct diag *); /* -ENOENT plus diag */
void revision_free(struct revision *);
/* Newest first, at most `max` (0 = all). */
int state_each_revision(struct state *, size_t max, int (*fn)(void *ctx, const struct revision *), void *ctx,
			struct diag *);
/* The items of a revision in the order they were made. `before` and `after` are canonical service JSON, for
 * overrides "ENABLED DECLARED UID TIME" (state_parse_override), for the others their text; or NULL = was or is not
 * there. */
int state_each_item(struct state *, int64_t revision,
		    int (*fn)(void *ctx, enum item_kind, const char *name, const char *before, const char *after),
		    void *ctx, struct diag *);
bool state_parse_override(const char *text, struct override *ret);
/* The newest revision that is neither an undo nor undone yet: what `undo` would reverse. 0 = none, also when the one
 * before it has been forgotten, so that nobody knows what to go back to. */
int64_t state_newest_undoable(struct state *);

/* The change that is taken back unless somebody confirms it; there is one at most. */
struct pending {
	char *what;         /* as its revision says; NULL = there is none */
	int64_t revision;   /* its own; 0 = it made none */
	int64_t since;      /* the newest one right after it */
	bool declared;      /* it changed the declared documents, which were: */
	int64_t docset;     /* 0 = none */
	struct caller who;
	char *session;      /* in which it was made; NULL = nobody knows */
	char *held;         /* fact "held" before it, or NULL */
	char *boot;         /* the deadline is one of this boot: */
	int64_t deadline;   /* boottime.h */
};
void pending_free(struct pending *); /* contents */
/* Begins the inverse of the running transaction: of every runtime forward, override, order and opening that is changed
 * from here to state_commit is kept what was there, also if it is no part of history. */
int state_put_pending(struct state *, const struct pending *, struct diag *);
int state_get_pending(struct state *, struct pending *ret, struct diag *); /* 1, or 0: there is none */
int state_del_pending(struct state *, struct diag *);                      /* with its inverse */
/* `before` as in state_each_item, for what is temporary too; `boot` then says of which boot. */
int state_each_inverse(struct state *,
		       int (*fn)(void *ctx, enum item_kind, const char *name, const char *before, const char *boot),
		       void *ctx, struct diag *);

#endif
