/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A forward as a value, and the table of all of them: by name and by what each occupies.
 *
 * A forward is immutable once built and shared by reference count. What it occupies, its identity, is
 * (family, listen, protocol, ports); its name is a unique label (INTERFACE section 2). Pure: no I/O, no time. */
#ifndef FORWARD_H
#define FORWARD_H

#include "addr.h"
#include "diag.h"

#define FORWARD_NAME_MAX 64
#define FORWARD_DESCRIPTION_MAX 200 /* bytes */
#define FORWARD_SHIFT_MAX 4096      /* ports of a shifted range, which nftables wants one by one */
#define FORWARD_TARGETS_MAX 64
#define FORWARD_WEIGHT_MAX 256
#define FORWARD_FROM_MAX 4096
#define FORWARD_LIMIT_MAX 1000000 /* connections, and those of a rate */

enum listen_kind { LISTEN_ANY, LISTEN_INTERFACE, LISTEN_ADDRESS }; /* from least to most specific */

struct listen {
	enum listen_kind kind;
	struct ip addr;          /* LISTEN_ADDRESS */
	char ifname[IFNAMSIZ];   /* LISTEN_INTERFACE */
};

/* TARGET_DRAINED: no new connections, those there are stay. TARGET_OFF: nothing. Never written, only ordered at run time. */
enum target_state { TARGET_READY, TARGET_DRAINED, TARGET_OFF };
#define TARGET_STATES 3
extern const char *const target_states[TARGET_STATES]; /* "ready", "drained", "off" */

struct target {
	struct ip addr;
	struct port_range ports; /* first == 0: the port that was dialled */
	uint16_t weight;         /* 1 unless said */
	uint8_t state;           /* enum target_state */
	uint32_t ordered_uid;    /* who said that it is not ready, ... */
	int64_t ordered_time;    /* ... and when: seconds since the epoch */
};

/* How a target sees the client. SNAT_DEFAULT: as the settings say (only in forwards). */
enum snat_mode { SNAT_DEFAULT, SNAT_AUTO, SNAT_ROUTED, SNAT_ALWAYS, SNAT_NEVER, SNAT_ADDRESS };
#define SNAT_MODES 6

struct snat {
	enum snat_mode mode;
	struct ip addr; /* SNAT_ADDRESS */
};

enum balance { BALANCE_SOURCE, BALANCE_ROUND_ROBIN, BALANCE_RANDOM };

struct limit { /* per source address; zero = none */
	uint32_t connections; /* at a time */
	uint32_t rate;        /* new ones ... */
	uint32_t per;         /* ... in this many seconds: 1, 60, 3600, 86400; 0 with rate 0 */
};
#define LIMIT_UNITS 4
extern const struct limit_unit {
	const char *name; /* "second" */
	uint32_t seconds;
} limit_units[LIMIT_UNITS];
const char *limit_unit_name(uint32_t seconds); /* static; one of those */

/* How long a runtime forward is kept: always, until the next boot, while its client's connection is open. */
enum lifetime { LIFETIME_DURABLE, LIFETIME_TEMPORARY, LIFETIME_HELD };

struct forward {
	unsigned refs;
	char *name;
	char *description; /* NULL = none */
	uint8_t family;    /* AF_INET or AF_INET6, of listen and targets alike */
	uint8_t protos;    /* enum proto bits */
	bool enabled;      /* as written; overrides are kept by gwd.c */
	bool force;        /* may take a port on which a program of this machine listens */
	struct listen listen;
	struct port_range *ports; /* as written, no overlaps */
	size_t n_ports;
	struct target *targets;
	size_t n_targets;
	struct prefix *from; /* who may use it; none: anyone. Of the forward's family, sorted, none inside another */
	size_t n_from;
	struct snat snat;
	struct limit limit;
	enum balance balance;
	bool log;       /* new connections */
	bool no_nat;    /* let in only, to a target with a public address; listen is then the target's address */
	int64_t expires; /* seconds since the epoch; 0 = never */
	bool cut;       /* at its end open connections are ended too */
	enum lifetime lifetime; /* of a runtime forward; no part of what was written */
	const void *holder;     /* LIFETIME_HELD: whose it is, told apart by the pointer alone */
	struct loc loc; /* where it is declared; file NULL = runtime */
	bool extra;     /* declared in a file of gwd.d */
};

struct forward *forward_new(void); /* all zero but refs 1, enabled */
struct forward *forward_ref(const struct forward *); /* the same object; const is about its contents */
void forward_unref(struct forward *);                /* NULL is fine */
void forward_unrefp(struct forward **);
struct forward *forward_renamed(const struct forward *, const char *name); /* a copy under another name */
/* With the states that the same targets have in `other`, or all ready where that is NULL. A reference; a copy only where
 * something differs. */
struct forward *forward_with_states(const struct forward *, const struct forward *other);

/* One that takes new connections; NULL: nobody does. */
const struct target *forward_ready_target(const struct forward *);
bool forward_declared(const struct forward *);
bool forward_ports_overlap(const struct forward *, const struct forward *);
bool forward_overlaps(const struct forward *, const struct forward *); /* they occupy something in common */
/* Same in all that a user wrote or ordered (states of targets); names, places and lifetimes are not compared. */
bool forward_same(const struct forward *, const struct forward *);
bool forward_name_valid(const char *);
bool target_same_place(const struct target *, const struct target *); /* address and ports, as written */
bool snat_same(const struct snat *, const struct snat *);
bool limit_same(const struct limit *, const struct limit *);

/* "tcp 80 -> 192.168.0.102:80", "udp 203.0.113.5:53 -> ...": what `add` answers and `ls` shows. Caller's string. */
char *forward_text(const struct forward *);
char *forward_place(const struct forward *); /* "gwd.yaml:12", or a runtime forward's name */
char *forward_ports_text(const struct forward *);              /* "80,443", "8000-8010" */
char *listen_text(const struct listen *);                      /* "any", "eth0", "203.0.113.5" */
char *target_text(const struct forward *, const struct target *); /* "10.0.0.2:8080", "[fd00::1]:80" */
/* The one target that is called so: ADDR or ADDR:PORT, with brackets or without where it is clear. NULL: none, or several
 * with ADDR. */
struct target *forward_target(const struct forward *, const char *text);

/* The default name (INTERFACE section 1, key `name`) that no forward of `taken` has. */
struct forwards;
char *forward_default_name(const struct forward *, const struct forwards *taken);

/* ---- The table ---------------------------------------------------------------------------------- */

struct forward_entry {
	struct forward *forward;     /* owned reference */
	struct forward_entry *prev, *next;   /* insertion order */
	bool off;                    /* by `enabled: false` or an override: occupies, but is not in the kernel */
	bool shadowed;               /* runtime forward in the way of a declared one: does not occupy */
	uint16_t own_port;           /* held: a program of this machine listens there; 0 = no (kept by gwd_guard.c) */
	bool expired;                /* held: its time is over, or the clock cannot say (kept by gwd_expire.c) */
	bool active;                 /* its elements are in the kernel (kept by road.c, with forwards_activate) */
	bool carried;                /* road_draft.c's own, during a comparison of two worlds */
	bool overridden;             /* `off` is an override's, made by: */
	uint32_t override_uid;
	int64_t override_time;       /* seconds since the epoch */
	bool marked;                 /* forward_table.c's own, during a search */
	uint32_t hash;               /* likewise, of its name */
	struct forward_entry *alike; /* likewise, the next one with a hash like that */
};

struct forwards *forwards_new(void);
void forwards_free(struct forwards *);
void forwards_freep(struct forwards **);
size_t forwards_count(const struct forwards *);
size_t forwards_shadowed(const struct forwards *); /* how many of them */
struct forward_entry *forwards_first(const struct forwards *); /* then entry->next */

/* Adds a reference to `forward`. Its name must be free and, unless `shadowed`, what it occupies too (assert):
 * ask forwards_by_name and forwards_overlap before. O(log n). */
struct forward_entry *forwards_add(struct forwards *, struct forward *, bool shadowed);
/* The same at a place of the order: before `next` (NULL = last). */
struct forward_entry *forwards_insert(struct forwards *, struct forward *, bool shadowed, struct forward_entry *next);
/* Takes the entry out without freeing it: it may come back where it was, provided that its then neighbours are there
 * again, or be freed. O(log n). */
void forwards_detach(struct forwards *, struct forward_entry *);
void forwards_reattach(struct forwards *, struct forward_entry *);
void forward_entry_free(struct forward_entry *); /* a detached one */

struct forward_entry *forwards_by_name(const struct forwards *, const char *name); /* O(1) */
/* The one with the name of this entry of another table. Two tables in about the same order are walked side by side, without
 * searching: *expected is looked at first, and becomes the entry behind the answer. It begins as forwards_first. */
struct forward_entry *forwards_twin(const struct forwards *, const struct forward_entry *, struct forward_entry **expected);
/* Entries that occupy something `forward` wants (same family, same listen, a shared protocol, shared ports): fills up to
 * `max`, returns how many there are of those found (each once). O(ports of the forward * log n). */
size_t forwards_overlap(const struct forwards *, const struct forward *, struct forward_entry **ret, size_t max);
/* ---- What active forwards listen on -------------------------------------------------------------
 * Most forwards live in a common map. Those of an interface, and ranges of an address, want a chain of their own listen
 * (compile.c): these are counted, so that the chain comes with its first forward and goes with its last. */

struct listen_use {
	uint8_t family;
	struct listen listen;
	size_t count;
	struct listen_use *prev, *next; /* interfaces only */
};
/* This target of the forward is dialled on the port that was: said so, or a range to the very same range. */
bool forward_keeps_ports(const struct forward *, const struct target *);
/* What this target is dialled on; `listened` is the one of the forward's ports that `port` is in. */
uint16_t forward_target_port(const struct forward *, const struct target *, struct port_range listened,
			     uint16_t port);
/* The same for a port that is one of the forward's. */
uint16_t forward_server_port(const struct forward *, const struct target *, uint16_t port);
bool forward_wants_chain(const struct forward *);
/* Its element says all there is to say. Others have a chain of their own, which the element leads to. */
bool forward_simple(const struct forward *);
/* `forward` enters or leaves the kernel. O(log n). */
void forwards_activate(struct forwards *, const struct forward *, bool active);
/* Active forwards that want the chain of this listen. O(log n). */
size_t forwards_listening(const struct forwards *, uint8_t family, const struct listen *);
/* Some active forward has a source address of its own (SNAT_ADDRESS). */
bool forwards_fixed_sources(const struct forwards *);
/* The interfaces among them, then use->next; NULL = none. */
const struct listen_use *forwards_interfaces(const struct forwards *);

#endif
