/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon does, as its callers see it: requests, signals and events come in here, and each that changes something
 * goes down the one road (road.h). Nothing else writes to the kernel or the database. */
#ifndef GWD_H
#define GWD_H

#include "check.h"
#include "config.h"
#include "diag.h"
#include "forward.h"
#include "kernel.h"
#include "links.h"
#include "listeners.h"
#include "state.h"
#include "topology.h"
#include "traffic.h"

#define GWD_VERSION "0.1.0"

struct gwd;
struct events;

struct gwd_options {
	const char *config_path; /* gwd.yaml; gwd.d is beside it */
	const char *state_dir;
};

/* Opens state, kernel and links, decides what runs (INTERFACE section 2, Start), brings the kernel there. A broken file
 * is no error here. 0, or -errno plus diag when gwd cannot run at all. */
int gwd_start(const struct gwd_options *, struct gwd **ret, struct diag *);
void gwd_stop(struct gwd *); /* leaves the rules in place */

int gwd_links_fd(const struct gwd *);
void gwd_links_event(struct gwd *); /* logs its own errors: nobody asked */
int gwd_kernel_fd(const struct gwd *); /* readable = call gwd_kernel_event; -1 = none */
void gwd_kernel_event(struct gwd *);
int gwd_alarm_fd(const struct gwd *); /* readable = call gwd_alarm_event: something ends, or the clock was set */
void gwd_alarm_event(struct gwd *);
int gwd_confirm_fd(const struct gwd *); /* readable = call gwd_confirm_event: nobody confirmed in time */
void gwd_confirm_event(struct gwd *);
int gwd_connections_fd(const struct gwd *); /* readable = call gwd_connections_event */
void gwd_connections_event(struct gwd *);
int gwd_traffic_fd(const struct gwd *); /* readable = call gwd_traffic_event: connections ended */
void gwd_traffic_event(struct gwd *);
/* What happened; for those who watch, and what is said from outside of gwd. */
struct events *gwd_events(struct gwd *);
/* To be called now and then: what the kernel refused or lost while nobody asked is tried again. Costs nothing otherwise. */
void gwd_settle(struct gwd *);

/* ---- Turns --------------------------------------------------------------------------------------
 * Changes that come together share one transaction, one batch to the kernel and one wait for the disk: between
 * gwd_turn_begin and gwd_turn_end a change may return 0 before it is so, and nobody may hear of it until then. */

void gwd_turn_begin(struct gwd *);
enum turn_state {
	TURN_EMPTY, /* nothing waits: what was answered is so */
	TURN_WAITS, /* all of it waits for the end */
	TURN_AGAIN, /* the last call failed because it may not wait: ask again behind the end */
};
enum turn_state gwd_turn_state(const struct gwd *);
/* 0: what waited is done. -errno: none of it is, as if it had not been asked; ask one by one, so that only what is to blame
 * fails. Outside of a turn: nothing happens. */
int gwd_turn_end(struct gwd *);

/* ---- Changes ------------------------------------------------------------------------------------
 * Each returns 0 with `ret` filled, or -errno with every reason in diag and nothing changed in file, database or
 * kernel. Warnings go to diag too. The journal gets one line per applied change. */

struct request_options {
	struct caller who;
	bool dry_run;
	bool replace; /* add only */
	bool force;   /* also over a port on which a program of this machine listens, and whoever is locked out by it */
	bool unasked; /* by the daemon itself: nobody to be refused anything */
	bool kill;    /* what leaves loses its open connections too; of UDP it always does */
	unsigned confirm;    /* seconds after which it is taken back, unless gwd_confirm comes first; 0 = it stays */
	const char *session; /* with confirm: the login that asked; NULL = not known */
	enum lifetime lifetime; /* add only: of what is added */
	const void *holder;     /* LIFETIME_HELD: gwd_release with it ends it */
};

struct outcome {
	char **messages;
	size_t n_messages, messages_capacity;
	bool changed;
	size_t cut;           /* connections that were ended */
	bool waits;           /* to be confirmed */
	int64_t revision;     /* 0 = none made */
	char *plan;           /* text of the plan, with dry_run */
	struct forward *forward; /* add and set: as it stands now; owned */
};
void outcome_free(struct outcome *);
void outcome_say(struct outcome *, char *message); /* takes the string */
void outcome_say_cut(struct outcome *); /* "cut 3 connections", if any were */

/* `service` is canonical; its keys decide what `identical` means. */
int gwd_add(struct gwd *, const struct node *service, const struct request_options *, struct outcome *ret,
	    struct diag *);
int gwd_set(struct gwd *, const char *name, const struct node *changes, const struct request_options *,
	    struct outcome *ret, struct diag *);
struct selector { /* by name, or by ports (canonical {ports, proto, listen}); proto and listen only narrow */
	const char *name;
	const struct node *occupies;
};
int gwd_remove(struct gwd *, const struct selector *, const struct request_options *, struct outcome *ret,
	       struct diag *);
/* The holder has gone, and what was held open for it goes too. Logs: nobody is left to be told. */
void gwd_release(struct gwd *, const void *holder);
int gwd_enable(struct gwd *, const char *name, bool on, const struct request_options *, struct outcome *ret,
	       struct diag *);
/* `target`: ADDR or ADDR:PORT of one of the forward's. */
int gwd_target(struct gwd *, const char *name, const char *target, enum target_state, const struct request_options *,
	       struct outcome *ret, struct diag *);
/* Ports of the gateway itself, canonical openings. close: {ports, proto, in}; without `in` every one. */
int gwd_open(struct gwd *, const struct node *opening, const struct request_options *, struct outcome *ret,
	     struct diag *);
int gwd_close(struct gwd *, const struct node *opening, const struct request_options *, struct outcome *ret,
	      struct diag *);
/* `text` NULL: gwd.yaml and gwd.d from disk; otherwise `text` (shown as `path`) in place of gwd.yaml. */
int gwd_apply(struct gwd *, const char *text, size_t len, const char *path, const struct request_options *,
	      struct outcome *ret, struct diag *);
int gwd_rollback(struct gwd *, int64_t revision, const struct request_options *, struct outcome *ret, struct diag *);
int gwd_undo(struct gwd *, const struct request_options *, struct outcome *ret, struct diag *);
/* What waits stays for good. Refused to the very session that made the change, unless by force. */
int gwd_confirm(struct gwd *, const char *session, bool force, const struct caller *, struct outcome *ret,
		struct diag *);
/* Every trace out of the kernel; the caller ends the loop after it. Offline: no gwd runs. */
int gwd_purge_offline(const struct gwd_options *, struct outcome *ret, struct diag *);
int gwd_purge(struct gwd *, const struct request_options *, struct outcome *ret, struct diag *);

/* ---- Looking ------------------------------------------------------------------------------------ */

enum forward_state { FORWARD_ACTIVE, FORWARD_OFF, FORWARD_HELD };

/* One row, a value: stays valid while the forward changes or goes (a list is streamed over many turns of the loop). */
struct forward_view {
	struct forward *forward; /* owned reference */
	enum forward_state state;
	char *reason; /* NULL = none; owned */
	bool counted;                    /* what passed is known: */
	int64_t since;                   /* from then on, seconds since the epoch; 0 = nothing passed yet */
	struct traffic_target *traffic;  /* of each target; owned */
	size_t n_traffic;
	struct traffic_missed missed[TRAFFIC_MISSED_KINDS]; /* what may be missing of it */
	struct strings sees;  /* how targets see clients (sees.h), once per different answer; only gwd_get fills it */
};
void forward_view_free(struct forward_view *);

/* All whose name matches the shell pattern (NULL = all), in file order, runtime ones after. *ret is the caller's. */
int gwd_list(struct gwd *, const char *pattern, struct forward_view **ret, size_t *ret_n, struct diag *);
/* Counting looks at all connections, which costs milliseconds. */
int gwd_get(struct gwd *, const char *name, bool count, struct forward_view *ret, struct diag *);
/* What the last list or get counted is forgotten: of this forward, or with NULL of all. */
void gwd_reset(struct gwd *, const char *name, const struct caller *);
/* What is told of a connection that the kernel tracks, a value; as in struct flow. */
struct flow_view {
	struct forward *forward; /* owned reference */
	uint64_t packets[DIRECTIONS], bytes[DIRECTIONS];
	int64_t began;
	const char *state;
	uint32_t timeout;
	uint16_t from_port, to_port, server_port;
	struct ip from, to, server;
	uint8_t proto;
	bool counted;
};
void flow_view_free(struct flow_view *); /* contents */
void flow_views_free(struct flow_view *, size_t n);
#define FLOWS_MAX 100000 /* of a list: 20 MB of the 64 MiB that clients may make gwd hold */
/* Those of one forward, or with NULL of all. *ret is the caller's. 0 or -errno plus diag; -E2BIG: more than FLOWS_MAX. */
int gwd_flows(struct gwd *, const char *name, struct flow_view **ret, size_t *ret_n, struct diag *);
/* Ends them. A TCP client notices at once; what goes on sending UDP begins a new connection, under the rules of now. */
int gwd_kill_flows(struct gwd *, const char *name, const struct caller *, struct outcome *ret, struct diag *);
/* 0, or -ENODATA plus diag (accounting: false). */
int gwd_counts(const struct gwd *, struct diag *);

/* An opening, declared or runtime. */
struct opening_view {
	struct opening opening; /* its contents are borrowed until the next call */
	char *reason; /* why it opens nothing, or NULL */
};
struct opening_view *gwd_openings(const struct gwd *, size_t *ret_n);
void opening_views_free(struct opening_view *, size_t n);

/* A chain of somebody else that takes something away from us. */
struct gwd_firewall {
	const char *tool;         /* "ufw" */
	char *table, *chain;      /* "ip filter", "FORWARD"; owned */
	const char *hook;         /* "forward", "input", "prerouting", "output", "postrouting", "ingress", "egress" */
	bool certain;             /* drops; otherwise it may, by what can be read */
	size_t n;                 /* forwards, and open ports */
	struct remedy remedy;     /* what lets the first of them through */
};

/* What other programs undid and gwd put right. */
struct gwd_drift {
	const char *what; /* "table", "forwarding" */
	size_t repaired;  /* times since start ... */
	int64_t time;     /* ... and when that was last: seconds since the epoch */
	struct culprit culprit;
	bool stopped; /* left as it is, because somebody fights for it */
};

struct gwd_status {
	const struct topology *topology; /* borrowed until the next call */
	bool forwarding[2];              /* IPv4, IPv6 */
	bool raised[2];                  /* gwd turned it on, in this boot and network namespace */
	size_t active, off, held;
	int64_t revision;
	bool table;
	bool protected; /* what no opening names is closed to the outside */
	const char *file; /* gwd.yaml; borrowed */
	bool file_in_force;
	int64_t file_unconfirmed; /* when it was taken back because nobody confirmed it; 0 = it was not */
	struct diag *file_mistakes; /* of the file as it is on disk; borrowed */
	const char *last_error;     /* since the last apply; borrowed, may be NULL */
	const struct kernel_stats *netlink;
	int64_t uptime; /* seconds */
	int connections, connections_max; /* that the kernel tracks, of everyone; -1 = it does not say */
	const struct gwd_firewall *firewalls; /* borrowed until the next call; warnings say which forwards */
	size_t n_firewalls;
	const char *ownership; /* of the table: "plain", "owned", "kept" */
	struct gwd_drift drift[2];
	size_t n_drift;
};
int gwd_status(struct gwd *, struct gwd_status *ret, struct diag *);
/* What waits to be confirmed, and seconds until it is taken back (-1: it was, but the database cannot be told); borrowed
 * until the next call. NULL = nothing. */
const struct pending *gwd_pending(const struct gwd *, int64_t *ret_seconds);
/* Programs of this machine that a new connection from anywhere outside reaches, sorted by port, each socket once. 0, or
 * -errno plus diag when it cannot be told. */
int gwd_reachable(struct gwd *, struct listeners *ret, struct diag *);

/* Mistakes of a text (or of the files on disk, NULL) go to diag with 0 returned: finding them is the task. */
int gwd_check(struct gwd *, const char *text, size_t len, const char *path, size_t *ret_services, struct diag *);
/* In words, one line each: "+ web: tcp 80 -> 10.0.0.2:80", "- ...", "~ ...". revision > 0: what rollback would do. */
int gwd_diff(struct gwd *, const char *text, size_t len, const char *path, int64_t revision, char ***ret, size_t *ret_n,
	     struct diag *);
int gwd_export(struct gwd *, char **ret_yaml, struct diag *);
/* The translations of other tables, as they are now. *ret is the caller's (import.h). */
struct import;
int gwd_import(struct gwd *, struct import **ret, struct diag *);

/* ---- Why ---------------------------------------------------------------------------------------- */

struct why_question { /* a new connection */
	uint8_t proto;      /* enum proto: one bit */
	uint16_t port;
	struct ip from, to; /* family 0: from somebody outside; to where the port is forwarded */
};

/* Whether somebody answers, which gwctl finds out: the daemon opens no Internet sockets. */
enum answered {
	ANSWER_UNASKED,
	ANSWER_ACCEPTS,     /* of UDP: does not refuse */
	ANSWER_REFUSED,
	ANSWER_SILENT,
	ANSWER_UNREACHABLE, /* somebody says that there is no way */
	ANSWER_REJECTED,    /* a firewall says so */
	ANSWER_UNKNOWN,     /* it cannot be asked */
};
#define ANSWERS 7
extern const char *const answer_names[ANSWERS]; /* "unasked", ... */
struct probe {
	uint8_t proto;     /* enum proto: one bit */
	struct ip to;
	uint16_t port;
	struct ip source;  /* of ours, that it is to come from; family 0: any */
	enum answered answer;
};

struct why {
	char *packet;         /* "tcp 203.0.113.9 -> 203.0.113.1:80" */
	struct checks checks; /* in the order of its way */
	struct probe *probes; /* what was asked, or is to be asked for a better answer */
	size_t n_probes, probes_capacity;
};
#define WHY_PROBES_MAX (3 * FORWARD_TARGETS_MAX) /* the target twice, and the next hop towards the client */
void why_free(struct why *);
/* Follows the connection as far as it comes. Changes nothing, but has the kernel ask for neighbours. `probes`: those of an
 * earlier answer, with theirs. 0, or -errno plus diag when the question makes no sense. */
int gwd_why(struct gwd *, const struct why_question *, const struct probe *probes, size_t n, struct why *ret,
	    struct diag *);

/* ---- What is wrong ----
 * Everything that runs, a page of forwards at a time, so that the loop never waits for long. */

enum severity {
	SEVERITY_NOTE,    /* it works, but may surprise */
	SEVERITY_WARNING, /* it works, not as it was meant, or not for long */
	SEVERITY_ERROR,   /* something is broken */
};
#define SEVERITIES 3
extern const char *const severity_names[SEVERITIES]; /* "note", "warning", "error" */

struct fault {
	enum severity severity;
	const char *about; /* "file", or a step of gwd_why; static */
	char *text;
	struct remedy remedy;
	char *forward;     /* whose it is; NULL = of the machine */
};
struct diagnosis {
	struct fault *faults;
	size_t n, capacity;
	struct probe *probes; /* as in struct why */
	size_t n_probes, probes_capacity;
	size_t next; /* first forward of the next page; 0 = that was the last one */
};
#define DOCTOR_PROBES_MAX 1024 /* of one page */
void diagnosis_free(struct diagnosis *); /* contents */
/* Forwards from `first` on, in the order of gwd_list; with 0 the machine and the file, too.
 * Changes nothing, but has the kernel ask for neighbours. */
void gwd_doctor(struct gwd *, size_t first, const struct probe *probes, size_t n, struct diagnosis *ret);

/* The next packet that begins such a connection, and the answer to it, as the kernel sees them: waits for `seconds`, and
 * calls `wake` when gwd_traced has something to tell. One at a time. 0, or -errno plus diag. */
int gwd_trace(struct gwd *, const struct why_question *, unsigned seconds, void (*wake)(void *ctx), void *ctx,
	      struct diag *);
bool gwd_traced(struct gwd *, struct why *ret); /* false: not yet */
void gwd_trace_end(struct gwd *);               /* whether it has ended or not: nothing is traced any more */
int gwd_trace_fd(const struct gwd *);           /* readable = call gwd_trace_event */
void gwd_trace_event(struct gwd *);
int gwd_trace_alarm_fd(const struct gwd *); /* readable = call gwd_trace_alarm_event */
void gwd_trace_alarm_event(struct gwd *);

struct state *gwd_state(struct gwd *); /* history is read straight from it */

#endif
