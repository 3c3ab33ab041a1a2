/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What our table contains, as plain data that can be compared: the kernel's own vocabulary (table, chain, rule, set,
 * element, expression), without netlink. compile.c makes one of what we want, nft_get.c one of what the kernel has,
 * plan.c tells them apart. A ruleset may be a part (one forward's elements): then `table` is false. */
#ifndef RULESET_H
#define RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "diag.h"
#include "util.h"

#define RULESET_TABLE "gwd" /* family inet */
#define RULESET_COMMENT "managed by gwd"
#define RULESET_TRACE "gwd-trace" /* family inet: ours too, see compile_trace */
#define RULESET_KEEPER "gwd-keeper" /* family inet: ours too, see compile_keeper */

/* Table flags, which older headers lack in part (linux/netfilter/nf_tables.h). A table with both is an orphan once its
 * owner's socket is closed: it has lost the first, and whoever asks for both adopts it. */
enum { TABLE_OWNER = 0x2, TABLE_PERSIST = 0x4, TABLE_OWNED = TABLE_OWNER | TABLE_PERSIST };

#define KEY_MAX 32  /* ifname . ifname, ip6 . ip6 */
#define DATA_MAX 20 /* ip6 . port */
#define REG_VERDICT 0xff
#define ELEM_EXPIRES_SLACK 3 /* seconds: the kernel counts from when it was told */

/* nft's datatype codes (nftables include/datatype.h): 6 bits per field of a concatenation, the first field highest. They
 * decide how `nft list` shows a value. */
enum { TYPE_INTEGER = 4, TYPE_IPV4 = 7, TYPE_IPV6 = 8, TYPE_PROTO = 12, TYPE_PORT = 13, TYPE_CT_LABEL = 30, TYPE_IFNAME = 41 };
#define TYPE_CONCAT(a, b) ((uint32_t)(a) << 6 | (uint32_t)(b))

/* Registers are 32-bit slots 0..15 (NFT_REG32_00 + n). */
enum expr_kind {
	EXPR_META,      /* dreg = meta key */
	EXPR_PAYLOAD,   /* dreg = len bytes at base + offset */
	EXPR_CT,        /* dreg = ct key [of dir] */
	EXPR_CT_SET,    /* ct key = sreg */
	EXPR_RT,        /* dreg = routing key: NFT_RT_* */
	EXPR_FIB,       /* dreg = fib result for flags */
	EXPR_BITWISE,   /* dreg = (sreg & mask) ^ 0, len bytes */
	EXPR_CMP,       /* sreg op data */
	EXPR_LOOKUP,    /* sreg in set; dreg when it is a map (REG_VERDICT for verdict maps); op = NFT_LOOKUP_F_INV: not in */
	EXPR_IMMEDIATE, /* dreg = data, or the verdict with its chain when dreg == REG_VERDICT */
	EXPR_NAT,       /* kind NFT_NAT_*, family, address register, port register (has_port) */
	EXPR_MASQ,
	EXPR_COUNTER,
	EXPR_LIMIT,     /* rate per `per` seconds, burst; op = NFT_LIMIT_F_INV: matches what is over it */
	EXPR_CONNLIMIT, /* count; op = NFT_CONNLIMIT_F_INV: matches what is over it */
	EXPR_DYNSET,    /* op NFT_DYNSET_OP_*: (sreg) into set `name`; key = EXPR_LIMIT or EXPR_CONNLIMIT that every element has */
	EXPR_LOG,       /* to the log group `key`, prefix `name`, the first `offset` bytes of the packet */
	EXPR_HASH,      /* dreg = jhash of len bytes at sreg, seed `burst`, modulo `count` */
	EXPR_NUMGEN,    /* dreg = NFT_NG_INCREMENTAL or _RANDOM (key), modulo `count` */
	EXPR_BYTEORDER, /* dreg = hton of the 2 bytes of sreg (len 2, size 2) */
	EXPR_MSS_SET,   /* TCP option maxseg, size = sreg */
	EXPR_META_SET,  /* meta key = sreg; only written, in a table that is never read */
	EXPR_OTHER,     /* the kernel has something we never write (read side only): equal to nothing */
};

struct expr { /* unused fields are zero, so two of them compare with memcmp after resolving `name` */
	enum expr_kind kind;
	uint32_t key;       /* META, CT, CT_SET, RT: NFT_META_*, NFT_CT_*, NFT_RT_*; FIB: NFT_FIB_RESULT_*; NAT: NFT_NAT_* */
	uint32_t op;        /* CMP: NFT_CMP_*; PAYLOAD: NFT_PAYLOAD_* base; FIB: NFTA_FIB_F_* flags; NAT: family */
	uint32_t offset;    /* PAYLOAD */
	int32_t verdict;    /* IMMEDIATE into REG_VERDICT: NF_DROP, NF_ACCEPT, NFT_JUMP, NFT_GOTO, ... */
	uint8_t dreg, sreg; /* NAT: sreg = address register, dreg = port register */
	uint8_t has_dreg;   /* LOOKUP: it is a map; NAT: there is a port register */
	uint8_t has_dir, dir; /* CT: IP_CT_DIR_* */
	uint8_t len;        /* PAYLOAD, BITWISE, CMP, IMMEDIATE: bytes of data */
	uint8_t data[16];   /* CMP, IMMEDIATE, BITWISE (the mask) */
	uint32_t rate, per, burst; /* LIMIT, DYNSET of it */
	uint32_t count;     /* CONNLIMIT, DYNSET of it; HASH, NUMGEN: modulus */
	const char *name;   /* LOOKUP, DYNSET: set; IMMEDIATE jump/goto: chain; LOG: prefix */
};

struct rule {
	const char *comment; /* stable key, unique in its chain; NULL when someone else wrote the rule */
	uint64_t handle;     /* read side only */
	struct expr *exprs;
	size_t n;
};

struct chain {
	const char *name;
	bool base;
	const char *type; /* base: "nat", "filter", "route" */
	uint32_t hook;    /* NF_INET_*, of a family netdev NF_NETDEV_* */
	const char *devices; /* base of others, at a hook of devices: "eth0 ppp*"; NULL: of all, or not known */
	int32_t priority;
	uint32_t policy; /* NF_ACCEPT, NF_DROP */
	struct rule *rules;
	size_t n;
};

struct set { /* sets and maps */
	const char *name;
	uint32_t flags; /* NFT_SET_MAP, _INTERVAL, _TIMEOUT, ...: without NFT_SET_CONCAT, which the kernel does not return alike */
	uint32_t key_type, key_len;   /* nft's datatype code (display), bytes */
	uint32_t data_type, data_len; /* maps; NFT_DATA_VERDICT for verdict maps */
	uint32_t size;                /* at most so many elements; 0 = any number. Only of dynamic ones (NFT_SET_EVAL) */
	uint32_t timeout;             /* seconds after which an element goes that says nothing else; 0 = never */
	uint8_t fields[4];            /* interval concatenations: bytes of each field (NFT_SET_CONCAT); all 0 = none */
};
/* Elements of dynamic sets are the kernel's own: never read, planned or compared. */

struct elem {
	const char *set;
	uint8_t key[KEY_MAX];     /* network order, every field padded to 4 bytes */
	uint8_t key_end[KEY_MAX]; /* last key of the interval, included; equal to `key` in sets without NFT_SET_INTERVAL */
	uint8_t data[DATA_MAX];
	uint32_t key_type, data_type; /* those of its set; data_type 0: a set. Not compared */
	uint8_t key_len, data_len;
	bool interval;            /* its set has NFT_SET_INTERVAL (so a netlink message can be built from the element alone) */
	bool concat;              /* ... and is a concatenation: the kernel wants key and key_end in one element */
	int32_t verdict;          /* verdict maps; 0 and chain NULL otherwise */
	const char *chain;
	const char *comment;      /* forward's name, or NULL */
	int64_t expires;          /* wall clock, seconds since the epoch; 0 = never. Compared to within ELEM_EXPIRES_SLACK */
	struct loc loc;           /* want side: the forward's place, for errors; not compared */
};

struct ruleset {
	struct arena *arena; /* owns every string, rule and expression below */
	bool table;          /* the table itself is meant, not only a part of it */
	uint32_t table_flags; /* TABLE_* */
	struct set *sets;
	size_t n_sets, sets_capacity;
	struct chain *chains;
	size_t n_chains, chains_capacity;
	struct elem *elems;
	size_t n_elems, elems_capacity;
};

struct ruleset *ruleset_new(void);
void ruleset_free(struct ruleset *);
void ruleset_freep(struct ruleset **);
void ruleset_clear(struct ruleset *); /* empty again, its memory kept for reuse */

/* Each returns the new zeroed object, valid until the next call of its kind. Strings given later must be in `arena` or static. */
struct set *ruleset_add_set(struct ruleset *);
struct chain *ruleset_add_chain(struct ruleset *);
struct elem *ruleset_add_elem(struct ruleset *);

/* Sets and chains by name, elements by (set, key); what was said twice is kept once. Rules keep their order. plan_diff
 * wants both sides sorted. */
void ruleset_sort(struct ruleset *);
const struct set *ruleset_set(const struct ruleset *sorted, const char *name);
const struct chain *ruleset_chain(const struct ruleset *sorted, const char *name);
/* The first element of the set, or where it would be; the others follow. */
const struct elem *ruleset_elems(const struct ruleset *sorted, const char *set);
/* The element of `sorted` with the set and key of `like`, or NULL. */
const struct elem *ruleset_elem(const struct ruleset *sorted, const struct elem *like);

bool rule_same(const struct rule *, const struct rule *);
bool set_same(const struct set *, const struct set *);
int elem_cmp_key(const struct elem *, const struct elem *); /* set, then key, then key_end */
bool elem_same(const struct elem *, const struct elem *);   /* all that matters: data, verdict, chain, comment */

void ruleset_text(struct buf *, const struct ruleset *); /* one line per object, stable: golden files, --dry-run */
void set_text(struct buf *, const struct set *);
void chain_text(struct buf *, const struct chain *);
void rule_text(struct buf *, const struct rule *);
void elem_text(struct buf *, const struct elem *);

#endif
