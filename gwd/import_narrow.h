/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule of somebody else while it is read, expression by expression: what its registers are loaded from, and which
 * packets are left. Only for import_walk.c; pure. */
#ifndef IMPORT_NARROW_H
#define IMPORT_NARROW_H

#include "foreign.h"
#include "import_match.h"
#include "links.h"

enum { NARROW_SLOTS = 16 }; /* 32-bit registers */

struct reg {
	uint8_t holds, len; /* see import_narrow.c; bytes, 0 = not known */
	bool masked;
	uint8_t mask[SPAN_MAX];
	const char *words; /* what it holds, where no forward can ask about it */
};

struct reading {
	struct arena *arena;
	const struct facts *facts;
	const struct chain *chain;
	const struct rule *rule;
	struct match match;
	struct reg regs[NARROW_SLOTS];
	uint8_t value[NARROW_SLOTS * 4]; /* where a register holds a constant */
};

/* What begins, a rule or all after an expression that cannot be read: the registers may hold anything. */
void narrow_forget(struct reading *, const char *words);
void narrow_set_const(struct reading *, uint8_t slot, const uint8_t *value, size_t len);
const uint8_t *narrow_const(const struct reading *, uint8_t slot, size_t len); /* NULL: it is none */
/* The expression only fills a register, or asks something; false: neither. */
bool narrow_expr(struct reading *, const struct expr *);
/* The register holds one of these, `len` bytes each; or with `inverse` none. */
void narrow_slot(struct reading *, uint8_t slot, struct spans, bool inverse, size_t len);

#endif
