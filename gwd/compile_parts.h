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

void part_nfproto(struct builder *, const struct family *);            /* meta nfproto ipv4 */
void part_same_interface(struct builder *);                            /* iifname . oifname @same_if */
void part_between(struct builder *, const char *from, const char *to); /* iifname @FROM oifname @TO; NULL: any */
void part_known(struct builder *);                     /* rule "known": ct state established,related accept */
void part_drop(struct builder *, const char *comment); /* rule: counter drop */
void part_translated(struct builder *);                /* ct status dnat */
/* ct status dnat ct label OURS: we translated it. nft lists the label as set before the lookup of the rule that translates,
 * so after nft has loaded its listing every connection has it, until gwd repairs that: the label alone proves nothing. */
void part_ours(struct builder *);
void part_labelled(struct builder *, const uint8_t mask[COMPILE_LABEL_LEN]); /* ct label, any of these */
void part_any_bit(struct builder *, const void *mask, uint8_t len); /* (register 0, of `len` bytes) & mask != 0 */

void part_address(struct builder *, const struct family *, uint32_t offset); /* nfproto; ip saddr or daddr => 0 */
void part_l4proto(struct builder *);                                         /* meta l4proto @l4proto */
size_t part_port(uint8_t *at, uint16_t port);                                /* a field of a key; its length */
void part_prefix(struct ruleset *, const char *set, const struct prefix *);  /* an element of an interval set */

void part_label(struct builder *, const uint8_t value[COMPILE_LABEL_LEN]); /* ct label set VALUE */
/* ct label set OURS [and how the target sees the client; `forward` NULL: as the settings say], then dnat ip to (register 0) [: (the port behind the address)]. It is set behind the lookup: only what has an
 * element is ours. */
void part_dnat(struct builder *, const struct family *, bool port, const struct forward *forward);

/* compile_source.c: how targets see clients. */
void compile_source(struct builder *, const struct frame *);               /* chain postrouting and those behind it */
void compile_source_address(struct ruleset *, const struct forward *);     /* what `snat: ADDR` of a forward adds */
void source_label(uint8_t out[COMPILE_LABEL_LEN], const struct forward *); /* NULL: as the settings say */

/* compile_chain.c: the chain of a forward that an element alone cannot express; its name. */
const char *compile_chain(struct ruleset *, const struct forward *);

/* compile_zones.c: the sets of interfaces and networks. */
void compile_zones(struct ruleset *, const struct topology *);
/* compile_filter.c: what is forwarded, chain forward. */
void compile_filter(struct builder *, const struct frame *);
#define COMPILE_PINHOLE "pinhole" /* its chain that lets a connection in untranslated */
/* compile_gateway.c: what reaches the gateway itself, chain input. */
void compile_gateway(struct builder *, const struct frame *);

#endif
