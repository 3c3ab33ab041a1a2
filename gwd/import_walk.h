/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every translation that is in the rules of others, with the packets that it is for: their nat chains are followed as
 * the kernel does it, from the hooks through jumps, sets and maps. Only for import.c; pure. */
#ifndef IMPORT_WALK_H
#define IMPORT_WALK_H

#include "foreign.h"
#include "import_match.h"
#include "links.h"

struct translation {
	const struct foreign_table *table;
	const struct chain *base, *chain;
	const struct rule *rule;
	struct match match;
	bool source;             /* of the source: what is below is unset */
	bool self;               /* to this machine; `ports` says the port, if that is known */
	struct ip to;            /* family 0: not one that is known */
	struct port_range ports; /* first 0: the one that was dialled */
	uint16_t from_port; /* the dialled one that goes to ports.first, the next one to the next; 0 = goes to any */
	const char *why;    /* what makes `to` not known, or NULL */
	const struct rule *past; /* one before it that lets some of these packets pass as they are, or NULL */
};

typedef void import_each(void *ctx, const struct translation *);
/* Those of prerouting first, then output, then postrouting, each in the order in which a packet meets them. False: the
 * rules lead to more of them than anybody reads. */
bool import_walk(const struct foreign *, const struct facts *, struct arena *, import_each each, void *ctx);

#endif
