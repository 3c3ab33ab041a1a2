/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rule of others sees of a packet of which not all is known: its registers, and whether they meet a condition.
 * For foreign_run.c, which follows the verdicts. Pure. */
#ifndef FOREIGN_MATCH_H
#define FOREIGN_MATCH_H

#include "foreign.h"

enum {
	FOREIGN_SLOTS = 16,
	FOREIGN_LOAD_MAX = 16, /* bytes of one load that are followed */
};

struct registers {                           /* a bit of `value` counts where `known` has one */
	const struct foreign_packet *packet; /* that they are loaded from */
	uint8_t value[FOREIGN_SLOTS * 4], known[FOREIGN_SLOTS * 4];
};

static inline enum belief belief_both(enum belief a, enum belief b)
{
	return a < b ? a : b;
}

static inline enum belief belief_either(enum belief a, enum belief b)
{
	return a > b ? a : b;
}

static inline enum belief belief_not(enum belief b)
{
	return (enum belief)(BELIEF_YES - b);
}

/* `len` bytes into the slot and those behind it; what does not fit is left out. */
void foreign_load(struct registers *, uint8_t slot, const void *value, size_t len);
void foreign_load_unknown(struct registers *, uint8_t slot, size_t len);
void foreign_load_if(struct registers *, uint8_t slot, bool known, const void *value, size_t len);
/* What fills a register, or does nothing to the packet; false: something else. */
bool foreign_load_expr(struct registers *, const struct expr *);

/* Whether the slot holds something from `first` to `last`, both included. */
enum belief foreign_within(const struct registers *, uint8_t slot, const uint8_t *first, const uint8_t *last,
			   size_t len);
enum belief foreign_compare(const struct registers *, const struct expr *); /* EXPR_CMP */
/* FOREIGN_STATES, _TO_TYPE, _PORTS, _MULTIPORT */
enum belief foreign_iptables_match(const struct registers *, const struct expr *);
/* Whether it is this element of the set. */
enum belief foreign_is_elem(const struct registers *, const struct set *, uint8_t slot, const struct elem *);

#endif
