/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ordered steps that turn what the kernel has into what we want, to be sent as one batch. Pure. */
#ifndef PLAN_H
#define PLAN_H

#include "ruleset.h"

enum op_kind { /* in the order in which a batch does them */
	OP_DEL_TABLE,
	OP_ADD_TABLE,
	OP_DEL_ELEM,
	OP_FLUSH_CHAIN, /* its rules */
	OP_DEL_SET,     /* no rule looks into it by now; a foreign map may hold on to a chain, so sets go first */
	OP_DEL_CHAIN,
	OP_ADD_SET,
	OP_ADD_CHAIN,   /* also changes a base chain's policy */
	OP_ADD_RULE,    /* appended */
	OP_ADD_ELEM,
};

struct op { /* borrows from the rulesets it was made of: they must outlive the plan */
	enum op_kind kind;
	const struct set *set;     /* ADD_SET, DEL_SET; the set of ADD_ELEM, DEL_ELEM is named in `elem` */
	const struct chain *chain; /* ADD_CHAIN, FLUSH_CHAIN, ADD_RULE, DEL_CHAIN */
	const struct rule *rule;   /* ADD_RULE */
	const struct elem *elem;   /* ADD_ELEM, DEL_ELEM */
};

struct plan {
	struct op *ops;
	size_t n, capacity;
	const char *table;    /* family inet; borrowed */
	uint32_t table_flags; /* ADD_TABLE; for a table that is there: adopts it */
};

/* From `have` to `want`, both sorted. Objects equal on both sides give no op; a changed element is deleted and added;
 * a chain whose rules differ in any way has all its rules written anew; so has a chain that looks into a set whose
 * definition changed, and that set is made anew with all its elements (both sides must have all of either); a base chain
 * whose definition changed, or the table's flags, makes it delete the table and build everything, but an orphan is adopted
 * as it is. A part (table false on both sides) never
 * touches the table. `want` with table false against `have` with table true deletes the table. */
struct plan *plan_diff(const struct ruleset *have, const struct ruleset *want);
void plan_free(struct plan *);
void plan_freep(struct plan **);

void plan_text(struct buf *, const struct plan *); /* one line per op: --dry-run, golden files */

#endif
