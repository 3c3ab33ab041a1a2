/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What compile*.c share and nobody else may include: the two families, and matches that stand in many rules. Registers
 * are 32-bit slots. Pure. */
#ifndef COMPILE_PARTS_H
#define COMPILE_PARTS_H

#include "build.h"
#include "compile.h"

struct family {
	uint8_t af, nfproto, len;    /* bytes of an address */
	uint32_t type, daddr, saddr; /* nft datatype; offsets in the IP header */
	char digit;
};
extern const struct family compile_families[2];

void part_nfproto(struct builder *, const struct family *);         /* meta nfproto ipv4 */
void part_same_interface(struct builder *);                         /* iifname . oifname @same_if */
void part_any_bit(struct builder *, const void *mask, uint8_t len); /* (register 0, of `len` bytes) & mask != 0 */

/* compile_filter.c: the chains that let pass or drop. */
void compile_filter(struct builder *, const struct frame *);

#endif
