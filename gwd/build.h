/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ruleset objects put together word by word, one short call per expression, so that a rule reads top-down as the nft
 * line it stands for. A header for compile*.c only; pure. */
#ifndef BUILD_H
#define BUILD_H

#include "ruleset.h"

enum { CHAIN_RULES_MAX = 24, RULE_EXPRS_MAX = 20 };

struct builder { /* the rules of one chain, until build_chain takes them */
	struct ruleset *out;
	struct rule rules[CHAIN_RULES_MAX];
	struct expr exprs[CHAIN_RULES_MAX][RULE_EXPRS_MAX];
	size_t n;
};

/* Starts the next rule; the expressions that follow are its. Registers are 32-bit slots. */
void build_rule(struct builder *b, const char *comment);
/* A zeroed expression, for what has no word of its own below. */
struct expr *build_expr(struct builder *b, enum expr_kind kind);
void build_meta(struct builder *b, uint32_t key, uint8_t dreg);
void build_cmp(struct builder *b, uint32_t op, const void *data, uint8_t len);
void build_cmp8(struct builder *b, uint32_t op, uint8_t value);
void build_payload(struct builder *b, uint32_t base, uint32_t offset, uint8_t len, uint8_t dreg);
/* register 0 in set; register 0 looked up in map, the result into dreg */
void build_in_set(struct builder *b, const char *set);
void build_not_in_set(struct builder *b, const char *set);
void build_lookup(struct builder *b, uint8_t sreg, const char *set); /* in set, from another register on */
void build_in_map(struct builder *b, const char *map, uint8_t dreg);
void build_verdict(struct builder *b, int32_t code, const char *chain);
/* The rules so far become a chain (a base chain with policy accept); the builder is empty again. */
struct chain *build_chain(struct builder *b, const char *name);
struct chain *build_base_chain(struct builder *b, const char *name, const char *type, uint32_t hook, int32_t priority);
/* Sets, maps and elements; `type` is nft's datatype code, lengths are bytes. */
void build_set(struct ruleset *out, const char *name, uint32_t type, uint32_t len, uint32_t flags);
void build_map(struct ruleset *out, const char *name, uint32_t type, uint32_t len, uint32_t data_type,
	       uint32_t data_len);
/* A set of intervals, of one field; and of several, each `fields[i]` bytes long (NFT_SET_MAP in `flags`: a map, whose
 * data the caller says). */
void build_range_set(struct ruleset *out, const char *name, uint32_t type, uint32_t len);
void build_concat(struct ruleset *out, const char *name, uint32_t type, const uint8_t *fields, size_t n,
		  uint32_t flags);
struct elem *build_elem(struct ruleset *out, const char *set, uint32_t type, const void *key, size_t len);
/* All keys from `first` to `last`, included; `concat`: its set is of build_concat, and every field has an interval. */
struct elem *build_range(struct ruleset *out, const char *set, uint32_t type, const void *first, const void *last,
			 size_t len, bool concat);
void build_ifname(struct ruleset *out, const char *set, const char *ifname);
void build_verdict_data(struct elem *e, int32_t code, const char *chain_name);

#endif
