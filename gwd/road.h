/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of struct gwd, shared by gwd*.c, and the one road itself: a draft is compiled, planned, sent and stored, or
 * taken back as if it had never been. Nobody else may include this. */
#ifndef ROAD_H
#define ROAD_H

#include "arrival.h"
#include "backoff.h"
#include "events.h"
#include "gwd.h"
#include "world.h"

enum { V4, V6, FAMILIES };

/* What others undo, since start. */
enum drift_kind { DRIFT_TABLE, DRIFT_FORWARDING, DRIFT_KINDS };
struct drift {
	struct backoff backoff;
	size_t repaired;        /* times ... */
	int64_t time;           /* ... and the last of them, wall clock */
	struct culprit culprit; /* of that one */
	struct culprit suspect; /* who touched it since, if there is something to put right */
};

struct gwd {
	char *config_path;
	struct state *state;
	struct kernel *kernel;
	struct links *links;
	struct events *events; /* what happens is said there, and not to the log alone */

	struct world *world;        /* what should run: never NULL after start */
	struct topology *topology;  /* where it runs */
	struct wan_memory wan;      /* wan interfaces found by default route */
	bool remember;              /* they are others than the database says: store them with the next change */
	int64_t docset;             /* declared documents in force; 0 = none */
	uint64_t docset_hash;

	int64_t started;            /* boottime_now */
	bool starting;              /* memory is not yet what ran: there is nothing to go back to */
	bool frozen;                /* nothing was ever accepted and the file is broken: hands off */
	bool table;                 /* our table is in the kernel */
	struct documents *unstored; /* declared ones in force that could not be stored at start: the next change does */
	bool store_nothing;         /* the database cannot be written, and it must not matter now */
	bool outgrown;              /* another world has gone: its memory goes back with the next gwd_settle */
	bool stale;                 /* what is in the kernel is not certain: compare before the next change */
	bool raised[FAMILIES];      /* forwarding was turned on by us, in this boot and network namespace */
	bool store_raised;          /* the database does not know it yet */
	int redirects;              /* IPv4's accept_redirects before we turned forwarding on; -1 = not known */
	char *boot;                 /* this boot ... */
	char *here;                 /* ... and network namespace */
	size_t active[FAMILIES];    /* active forwards */
	size_t untranslated;        /* active ones that only let in */
	struct ledger *ledger;      /* what passes through them (gwd_traffic.c) */
	size_t logging;             /* active ones whose new connections are logged */
	struct nflog *nflog;
	size_t logged;              /* connections, since the last gwd_settle (gwd_log.c) */
	struct drift drift[DRIFT_KINDS]; /* gwd_drift.c's own */
	struct others *others;      /* tables of other people (gwd_foreign.c) */
	struct tracing *tracing;    /* what `why --wait` waits for (gwd_trace.c) */
	struct confirm *confirm;    /* what is taken back unless it is confirmed (gwd_confirm.c) */

	struct {                    /* gwd_expire.c's own */
		int alarm;          /* readable when the next lease ends, and when the clock is set */
		int64_t next;       /* for when it is set; INT64_MAX = no lease ends */
		int64_t seen;       /* the latest time that was believed ... */
		int64_t stored;     /* ... and what of it the database knows */
		bool off;           /* what the clock says is earlier than that: it is not set yet */
	} clock;

	struct diag file_mistakes;  /* of the files with this hash */
	uint64_t file_mistakes_hash;
	struct turn *turn;          /* changes that wait for each other (road_turn.c) */
	char *last_error;
};

enum step_kind { STEP_ADD, STEP_REMOVE, STEP_SWITCH, STEP_EXCHANGE };

struct step { /* on the live table */
	enum step_kind kind;
	struct forward_entry *entry; /* REMOVE, SWITCH, EXCHANGE; ADD: once it was taken */
	struct forward *forward;     /* owned reference. ADD; EXCHANGE: for the entry's, of the same name and listening alike */
	bool in_place;               /* ADD: where the REMOVE before it was */
	bool off, overridden;        /* SWITCH: to what */
	bool expired;                /* ADD, SWITCH: to what */
	uint16_t own_port;           /* SWITCH: what the entry was held for, once it was taken */
	uint32_t uid;                /* SWITCH: by whom and when, while overridden */
	int64_t time;
};

struct row { /* of the database */
	enum item_kind kind;
	char *name;
	struct forward *forward;  /* ITEM_RUNTIME: owned reference; NULL = delete */
	struct override override; /* ITEM_OVERRIDE */
	bool remove;              /* ITEM_OVERRIDE */
	char *value;              /* ITEM_TARGET, ITEM_OPENING: owned; NULL = delete */
	bool temporary;           /* ITEM_OPENING: it is, or was */
};

/* What is to become of memory, kernel and database; nothing has happened yet. */
struct draft {
	struct step *steps; /* either steps ... */
	size_t n_steps, steps_capacity;
	struct world *world;       /* ... or everything anew; owned */
	struct topology *topology; /* new one, with a world or alone; owned */
	bool opens;                /* beside steps: these runtime openings in place of the world's */
	struct opening_list open;
	struct row *rows;
	size_t n_rows, rows_capacity;
	struct forward **over; /* came to their end before, in force no more: cut like those that end; owned references */
	size_t n_over, over_capacity;
	const struct documents *documents; /* to store as the declared ones in force; NULL = see docset */
	int64_t docset;                    /* stored ones to return to; 0 = those in force */
	const char *what;                  /* for history and journal; NULL = no revision */
	bool unrecorded;                   /* no revision all the same: only what is temporary or held open changes */
	bool ended;                        /* what leaves has come to its end: `on_expiry: cut` cuts its connections */
	int64_t reverses;                  /* the revision that this undoes */
	bool reverts;                      /* takes back what waits to be confirmed: all that leaves is cut */
	const char *unconfirmed;           /* ... and this is to be remembered of the file; NULL = nothing */
	const char *said;                  /* to who watches, in place of `what`; NULL = that */
	bool raises[FAMILIES];             /* forwarding will be turned on behind it (found out by road_commit) */
	const char *seen;                  /* hash of the files on disk, to store; NULL = leave */
};
void draft_free(struct draft *); /* contents */
struct step *draft_step(struct draft *, enum step_kind);
struct step *draft_switch(struct draft *, struct forward_entry *); /* to what it is already: change what is meant */
/* Row: put, or with NULL delete. None for what is held open, which no database knows. */
void draft_runtime(struct draft *, const char *name, struct forward *);
void draft_override(struct draft *, const char *name, const struct override *); /* row: put, or with NULL delete */
/* Row of a runtime opening: put, or delete. Its memory is draft->open. */
void draft_opening(struct draft *, const struct opening *, bool remove);
void draft_forget(struct draft *, enum item_kind, const char *name); /* row: delete, whatever it is */
void draft_order(struct draft *, const char *key, const struct order *);        /* row: put, or with NULL delete */
void draft_over(struct draft *, const struct forward *);
void draft_rest(struct draft *, struct draft *ret); /* of one that memory took: what is still to be written and cut */

/* What a draft makes leave and enter the kernel. Forwards are borrowed. */
struct delta {
	const struct forward **leave, **enter;
	size_t n_leave, leave_capacity, n_enter, enter_capacity;
	struct forward *const *over; /* these as in the draft */
	size_t n_over;
	bool ended;
};
void delta_of(const struct gwd *, const struct draft *, struct delta *ret);
void delta_leaves(struct delta *, const struct forward *);
void delta_free(struct delta *);
/* To memory, and back as if it had never been; or for good. */
void draft_take(struct gwd *, struct draft *);
void draft_take_back(struct gwd *, struct draft *);
void draft_settle(struct draft *);
/* Changes can be stored: 0, or -EROFS plus diag when the database must not or cannot be changed. */
int road_writable(const struct gwd *, struct diag *);
/* The draft's rows, inside a transaction. *ret_docset: the documents in force after it. */
int road_store(struct gwd *, const struct draft *, const struct request_options *, int64_t *ret_docset,
	       int64_t *ret_revision, struct diag *);
size_t road_family(const struct forward *); /* V4 or V6 */

/* A change on its way. */
struct journey {
	struct draft *draft;
	const struct request_options *options;
	struct outcome *outcome;
	struct delta delta;
	struct peers peers; /* whom it may lock out */
	struct ruleset *have, *want; /* what is sent is their difference; owned */
	int64_t docset, revision;
	size_t ops;    /* sent */
	bool compared; /* all of it, not only what the change touches */
	bool surprise; /* the kernel was not known to be as memory had it */
	bool undo_kernel;
};

void journey_free(struct journey *);
/* What was sent and must not have been, once memory is back. Logs. */
void road_undo_kernel(struct gwd *, const struct plan *back); /* NULL: all is compared */
void road_say(const struct gwd *, const struct journey *); /* that it has arrived */
/* Rows to write, or something that a restart must know; nothing of it outlives this boot. */
bool road_is_durable(const struct gwd *, const struct draft *);
bool road_is_fleeting(const struct gwd *, const struct draft *);
/* The kernel's answers that mean that our idea of it is wrong, not the change. */
bool road_surprising(int r);

/* The road. 0 with memory, kernel and database agreeing on the new state; or -errno plus diag and all three as before.
 * `ret` gets changed, revision and (dry run) plan. */
int road_commit(struct gwd *, struct draft *, const struct request_options *, struct outcome *ret, struct diag *);

/* A turn (gwd.h): what joins it is taken and stored, and waits for the batch and the COMMIT that it shares with the others. */
struct turn *turn_new(void);
void turn_free(struct turn *);
bool turn_waits(const struct gwd *); /* something does */
/* This one may: its elements are all that it changes, and what is said of it does not depend on the kernel. */
bool turn_takes(const struct gwd *, const struct draft *, const struct request_options *, const struct delta *);
/* It may not, while others wait: -EAGAIN plus diag. */
int turn_refuse(struct gwd *, struct diag *);
/* Its draft and journey move there, the caller's are empty; or -errno plus diag, and the whole turn is lost. */
int turn_join(struct gwd *, struct journey *, struct diag *);
/* In a turn, which asks the kernel at most twice for all its changes: nobody listens there. */
bool turn_nobody_listens(const struct gwd *, uint8_t protos, struct port_range);

/* Brings the kernel to what memory says, whatever it has: after surprises. *ret_ops: steps that it took. */
int road_reconcile(struct gwd *, size_t *ret_ops, struct diag *);
/* Turns forwarding on where something needs it, after the rules are in. Failures become warnings. */
void road_sysctls(struct gwd *, struct diag *warnings);
/* "plain", "owned": nobody else can change the table; "kept": another table keeps connections through its loss. */
const char *road_ownership(const struct gwd *);
/* Something needs forwarding, and it is off. */
bool road_lacks_forwarding(const struct gwd *);

/* The topology of these settings now; what is new of wan will be remembered, and is guarded at once. */
struct topology *road_observe(struct gwd *, const struct settings *);
/* road_commit for what nobody asked for: where the database cannot be written, it happens all the same and is stored
 * with a later change. */
int road_commit_regardless(struct gwd *, struct draft *, struct outcome *ret, struct diag *);
/* The same for what has happened already, whatever the kernel says: if it refuses, memory follows the world, and the
 * rules are brought along later. `failure`: what to tell then. Logs. */
void road_follow(struct gwd *, struct draft *, const char *failure);
void road_failed(struct gwd *, const char *what, const struct diag *); /* to journal and status: nobody asked */
/* What is in the way of a shadowed one. Caller's string. */
char *road_shadow(const struct gwd *, const struct forward *);
/* Why this forward cannot act here and now, or NULL. Caller's string. *ret_waits: nothing is wrong with it, it only came
 * before the first default route. */
char *road_held(const struct gwd *, const struct forward_entry *, bool *ret_waits);

/* Ends connections that contradict memory, once the kernel has its rules: UDP to ports of what left or entered; with
 * `everything` UDP to any port; with `kill`, and where it ended with `on_expiry: cut`, every protocol to ports of what
 * left. Returns how many; costs nothing when
 * none of that is asked for. Failures become warnings: the change itself stands. */
size_t road_cut(const struct gwd *, const struct delta *, bool everything, bool kill, struct diag *warnings);
/* We translated it, as part_ours() has it (compile_parts.h), or let it in: its label says so. Pure. */
bool road_is_ours(const struct flow *);

/* What new connections meet, as memory has it: borrowed, but for the list itself of what is open. */
struct rules road_rules(const struct gwd *);
void road_rules_free(struct rules *);
/* Nobody who is connected to this machine is locked out: a new connection like theirs would reach it after a change as
 * it does before. Two halves, with draft_take between them. The first finds those whom the draft might concern and who
 * reach this machine now; where it cannot find out, that is a warning. */
void road_peers(const struct gwd *, const struct draft *, const struct delta *, struct peers *ret, struct diag *warnings);
/* 0, also where it is done by force and only warned of; -EEXIST plus diag. */
int road_lockout(const struct gwd *, const struct peers *, bool force, struct diag *);
/* In place of the second half, where they are to be cut: the connections of those who would not reach this machine any
 * more. Returns how many; failures become warnings. */
size_t road_cut_peers(const struct gwd *, const struct peers *, struct diag *warnings);

/* An address is new, or has become one of the outside: connections to it may have come before the rules did. */
bool road_entrance_new(const struct topology *before, const struct topology *now);

#endif
