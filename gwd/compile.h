/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How we express NAT: the only module that knows. Settings, topology and forwards in, ruleset objects out. Pure, cannot
 * fail. compile.c has the frame of the table, compile_forward.c what one forward adds to it. */
#ifndef COMPILE_H
#define COMPILE_H

#include "config.h"
#include "ruleset.h"
#include "topology.h"

/* A connection that we translate carries this connection tracking label (bit number, of 128): later chains touch ours and
 * leave other people's DNAT alone. Set bit by bit, so labels of others stay. The bits behind it say how its target is to
 * see the client, where its forward does not leave that to the settings (compile_source.c). */
#define COMPILE_LABEL 103
#define COMPILE_LABEL_LEN 16
#define COMPILE_LABEL_PINHOLE 110 /* let in untranslated (nat: false); set by itself, so it proves what it says */
void compile_pinhole_label(uint8_t out[COMPILE_LABEL_LEN]);
void compile_label(
	uint8_t out[COMPILE_LABEL_LEN]); /* all labels of a connection, this one set, as the kernel has them */

#define COMPILE_LOG_GROUP 103 /* nfnetlink_log group of new connections; the prefix is the forward's name */

/* All that the frame depends on: everything but the forwards' own elements. */
struct frame {
	const struct settings *settings;
	const struct topology *topology;
	const struct listen_use *interfaces; /* that active forwards listen on: forwards_interfaces() */
	bool fixed_sources;                  /* forwards_fixed_sources() */
	bool guard4, guard6; /* we turned forwarding on for the family: drop what nobody asked for from outside */
	uint32_t table_flags; /* TABLE_* */
	const struct opening *open; /* declared and runtime ones together; no two overlap */
	size_t n_open;
};

/* Comments of the rules that drop what nobody asked for where we turned forwarding on; by family. A table that has one
 * says so itself, whatever became of the database. */
#define COMPILE_GUARD4 "unasked4"
#define COMPILE_GUARD6 "unasked6"

/* The table, its sets, chains and rules, and the elements that name interfaces and addresses. */
void compile_frame(struct ruleset *, const struct frame *);
/* Everything, sorted, of what the text of a file says, on a machine of which nothing is known: no interface has an
 * address. Its forwards become active. Caller's. */
struct ruleset *compile_config(const struct config *);
/* Instead of owning the table where the kernel cannot do that: what keeps translated connections alive while the table is
 * not there. Conntrack and its NAT stay hooked, at all hooks, as long as one nat chain and one ct rule need them. */
void compile_keeper(struct ruleset *);
/* What marks packets for the kernel to tell about (`why --wait`), and chains at the end of each hook that show how far they
 * came: in a table of its own that goes with its owner. New connections only: of TCP the first packet, and the answer to
 * it. */
struct compile_traced {
	uint8_t proto;        /* IPPROTO_* */
	struct ip from, to;   /* family 0: any; one of them is not */
	uint16_t from_port, to_port; /* 0: any */
	bool answer;
};
#define COMPILE_TRACED_MAX 16
void compile_trace(struct ruleset *, const struct compile_traced *, size_t n);

/* The chain of an address on which ranges listen, with its maps; see forward_wants_chain. */
void compile_address(struct ruleset *, const struct ip *);
/* One forward's elements. A simple forward is exactly one. */
void compile_forward(struct ruleset *, const struct forward *);

/* The dynamic sets of a forward's limits, whose elements are the addresses that met them: the kernel keeps each from its
 * latest attempt on for compile_rate_forgets() seconds, or as long as it has connections. Names in arena. */
const char *compile_rate_set(struct arena *, const struct forward *);
uint32_t compile_rate_forgets(const struct forward *);
const char *compile_connections_set(struct arena *, const struct forward *);

/* For both files: names of what belongs to a family and a listen, e.g. "any4", "on4_eth0", "at6_2001-db8--1"; in arena. */
char *compile_listen_name(struct arena *, uint8_t family, const struct listen *);
extern const char *const compile_proto[PROTO_COUNT]; /* suffix of range maps */

#endif
