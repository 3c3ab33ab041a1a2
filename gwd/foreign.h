/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other people's tables, and what becomes in them of a connection that is ours: another table's drop beats our accept,
 * and another table's translation may want the same port. Read by kernel.c, judged here: a packet of which some things
 * are known and others are not goes through their rules. Pure. */
#ifndef FOREIGN_H
#define FOREIGN_H

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#include "addr.h"
#include "remedy.h"
#include "ruleset.h"

struct foreign_table {
	uint8_t family; /* NFPROTO_IPV4, _IPV6, _INET; _NETDEV, whose ingress sees it first; of the others nothing is read */
	const char *name;
	struct ruleset *rules; /* sorted; a set that is not there is not known */
	bool dormant;          /* it sees no packet, and nothing of it is read */
};

struct foreign {
	struct foreign_table *tables; /* in the kernel's order */
	size_t n, capacity;
	char *below; /* "bridge filter": a table that sees packets below IP, and is not read; NULL: there is none */
	bool named;  /* with the named sets of rules that translate a destination, not only anonymous ones */
};
void foreign_sort(struct foreign *); /* what was added to the tables so far */
void foreign_free(struct foreign *); /* the struct too; NULL is fine */
void foreign_freep(struct foreign **);
struct foreign_table *foreign_table(struct foreign *, uint8_t family, const char *name); /* made when it is not there */
bool foreign_is_dormant(const struct foreign *, uint32_t family, const char *name);
void foreign_drop_sets(struct foreign *); /* the named ones of other rules, before anybody reads their elements */

/* What an EXPR_OTHER of these rules is, in its `op`; the fields that go with it. Its name is the kernel's. */
enum foreign_expr {
	FOREIGN_UNREAD = 0, /* a condition, or something that fills registers */
	FOREIGN_NOTHING,    /* neither matches nor ends anything */
	FOREIGN_COMMENT,    /* ..., its name is the text */
	FOREIGN_LOG,        /* ... */
	FOREIGN_NOTRACK,    /* nothing tracks the packet's connection, so nothing translates it */
	FOREIGN_REWRITE,    /* changes what the packet itself says, not its translation */
	FOREIGN_NEVER,      /* a condition that no packet of ours meets, inverted or not; its name is the kernel's */
	FOREIGN_REJECT,
	FOREIGN_STATES,    /* key = XT_CONNTRACK_STATE_* bits, one of them; has_dir = none of them (iptables) */
	FOREIGN_TO_TYPE,   /* key = XT_ADDRTYPE_* bits, one of which the destination is; has_dir = none (iptables) */
	FOREIGN_PORTS,     /* destination port from `rate` to `per`; has_dir = outside of these (iptables) */
	FOREIGN_MULTIPORT, /* destination port in the list in `name`, "80,8000-8010"; has_dir = not (iptables) */
	FOREIGN_RANGE,     /* sreg from data to data + FOREIGN_RANGE_MAX, `len` bytes; has_dir = outside of these */
	FOREIGN_DNAT,     /* to `len` bytes of address in data, or 0 = not known; port `count`, 0 = kept or not known */
	FOREIGN_REDIRECT, /* to this machine itself, port `count`, 0 = not known */
	FOREIGN_SOURCE,   /* the source is translated */
};
enum { FOREIGN_RANGE_MAX = 8 };
/* More of FOREIGN_DNAT: has_dir = to one of several addresses; `per` is the last of the ports (from `count`), one of
 * which is taken, or with `rate` the one that is as far from `count` as the dialled one from `rate`. What nft says in
 * registers has has_dreg: address in `sreg`, ports from the one in `dreg` to the one in `offset`; `dir` = no ports;
 * `key` = NFPROTO_*. */

/* ---- Packets ------------------------------------------------------------------------------------ */

struct foreign_end {
	struct ip ip;          /* family 0: not known */
	uint16_t port;         /* 0: not known */
	char ifname[IFNAMSIZ]; /* where it comes in or goes out; "": not known */
	uint32_t ifindex;      /* 0: not known */
};

struct foreign_packet {
	uint8_t family, proto; /* AF_*, IPPROTO_* */
	struct foreign_end from, to;
	bool reply;      /* ... of a connection that is known; otherwise its first one */
	bool translated; /* its connection had its destination translated */
	bool local;      /* `to` is this machine; otherwise another one, not a broadcast */
};

enum belief { BELIEF_NO, BELIEF_MAYBE, BELIEF_YES };

/* What a base chain does to a packet. */
struct fate {
	enum belief dropped;    /* rejected counts too */
	const char *dropped_in; /* the chain that does it first */
	bool by_policy;         /* ... of the base chain */
	enum belief translated; /* its destination, in a chain of type nat */
	const char *translated_in;
	enum belief altered;     /* rewritten, or no longer tracked */
	bool untracked;          /* ... that */
	const char *altered_in;
	const struct rule *altered_by;
	const struct rule *rule; /* that translates or else drops it; NULL: the policy, or not known */
	struct ip to;     /* family 0: not known, or this machine itself */
	uint16_t to_port; /* 0: not known, or kept */
};
bool foreign_has_port(const char *list, uint16_t port); /* the one of FOREIGN_MULTIPORT */
/* Borrows from the table. */
void foreign_run(const struct foreign_table *, const struct chain *base, const struct foreign_packet *,
		 struct fate *ret);

/* ---- Judgement ---------------------------------------------------------------------------------- */

enum foreign_tool {
	TOOL_NFTABLES,
	TOOL_IPTABLES,
	TOOL_UFW,
	TOOL_FIREWALLD,
	TOOL_DOCKER,
	TOOL_LIBVIRT,
	TOOL_INCUS,
	TOOL_LXD,
	TOOL_PODMAN,
	TOOL_KUBERNETES,
	TOOL_TAILSCALE
};
const char *foreign_tool_name(enum foreign_tool); /* as its makers write it */

/* A chain in the way, with all that its message needs. Names are borrowed from the tables. */
struct obstacle {
	const struct foreign_table *table;
	const struct chain *base;
	enum foreign_tool tool;
	struct fate fate;
};
const char *foreign_hook_name(const struct obstacle *); /* "forward", "ingress" */

/* ---- Ways ---------------------------------------------------------------------------------------- */

enum { FOREIGN_OURS = NF_IP_PRI_NAT_DST - 1 }; /* the priority of our translation: dnat_hooks() in compile.c */

enum foreign_face {                    /* of a connection: one packet each */
		    FOREIGN_DIALLED,   /* as it arrives, ahead of our translation */
		    FOREIGN_SENT,      /* behind it */
		    FOREIGN_ANSWERED,  /* what comes back, as it arrives */
		    FOREIGN_RETURNING, /* ... when it knows its client, but does not yet come from where he dialled */
		    FOREIGN_RETURNED,  /* ... as it leaves */
		    FOREIGN_FACES
};

enum {
	FOREIGN_EGRESS = NF_INET_NUMHOOKS + 1
}; /* behind those of enum nf_inet_hooks: of the interface it goes out by */

struct foreign_stop { /* base chains that meet the same packet */
	uint32_t hook; /* NF_INET_*, FOREIGN_EGRESS; ingress is that of the interface it comes in on */
	enum foreign_face face;
	int first, last; /* their priorities */
};

enum { /* a way has one of the first two and one of the others; HERE is this machine itself */
	FOREIGN_FROM_OUTSIDE = 1 << 0,
	FOREIGN_FROM_HERE = 1 << 1,
	FOREIGN_TO_TARGET = 1 << 2,
	FOREIGN_TO_HERE = 1 << 3,
};
enum { FOREIGN_STOPS_MAX = 18 };
/* The stops of a way, in the order in which they are passed. Returns how many there are. */
size_t foreign_way(unsigned way, struct foreign_stop ret[FOREIGN_STOPS_MAX]);
struct foreign_stop foreign_hook(uint32_t hook); /* all of its chains */

/* Where a connection that begins with this packet is dropped, or may be, at the stop; on the forward hook its replies
 * count too. Returns how many there are, fills up to `max`. */
size_t foreign_drops(const struct foreign *, const struct foreign_stop *, const struct foreign_packet *,
		     struct obstacle *ret, size_t max);
/* Where it is rewritten or no longer tracked, or may be, as with foreign_drops; a fate says nothing else then, and `rule`
 * is the one that does it. */
size_t foreign_alters(const struct foreign *, uint32_t hook, const struct foreign_packet *, struct obstacle *ret,
		      size_t max);
/* The first prerouting chain that translates it, or may. */
bool foreign_translates(const struct foreign *, const struct foreign_packet *, struct obstacle *ret);

/* By the names it gives: of the table, of the chain that does it, and for a policy of all the chains beside it. */
enum foreign_tool foreign_tool(const struct foreign_table *, const struct chain *base, const struct fate *);
const char *foreign_family(const struct foreign_table *); /* "ip", "ip6", "inet" */
/* "ufw (table ip filter, chain FORWARD)". Caller's string. */
char *foreign_place(const struct obstacle *);
/* What makes the tool let the packet through. Caller's. */
struct remedy foreign_remedy(const struct obstacle *, const struct foreign_packet *);
/* What takes the rule away that translates or alters it. Caller's. */
struct remedy foreign_untranslate(const struct obstacle *);

#endif
