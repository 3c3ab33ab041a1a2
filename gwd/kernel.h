/* SPDX-License-Identifier: GPL-2.0-or-later */
/* THE SEAM: the only door to nf_tables. kernel.c is the real one (nft_put.c, nft_get.c, nl.c behind it);
 * tests/fake/kernel.c replaces it at link time. Nothing else writes to our table. */
#ifndef KERNEL_H
#define KERNEL_H

#include "diag.h"
#include "plan.h"
#include "ruleset.h"

struct kernel;

int kernel_open(struct kernel **ret, struct diag *); /* 0 or -errno plus diag */
void kernel_close(struct kernel *);                  /* leaves the table in place */

/* Our table as it is now, sorted, from one generation (read again when interrupted); an absent table gives table ==
 * false and nothing in it. *ret_generation may be given to kernel_commit. 0 or -errno plus diag. */
int kernel_read(struct kernel *, struct ruleset **ret, uint32_t *ret_generation, struct diag *);

/* Whether a dynamic set of ours has the address: 1, or 0 = no, or there is no such set. *ret_left: milliseconds until it
 * will be forgotten; 0 = of a set without a time. -errno when the kernel cannot be asked. */
struct ip;
int kernel_has_source(struct kernel *, const char *set, const struct ip *, uint64_t *ret_left);

/* Sends the plan as one batch: all of it takes effect or nothing. An empty plan sends nothing. `generation` 0 = do not
 * insist; otherwise the kernel refuses with -ERESTART when anything changed since, and the caller reads again. The
 * kernel's errors go to `diag` with the forward they belong to (the element's comment and loc). 0 or -errno. -ENOBUFS
 * means the outcome is unknown: read. These two leave `diag` alone: they are for the caller, not for the user. */
int kernel_commit(struct kernel *, const struct plan *, uint32_t generation, struct diag *);

/* Readable when somebody changed a ruleset: then ask kernel_touched. -1 = there is nothing to wait for. */
int kernel_fd(const struct kernel *);
/* What somebody else changed since the last call; both when it cannot be told. *ret_who: who touched ours last. Never
 * blocks. */
enum kernel_whose { KERNEL_OURS = 1, KERNEL_OTHERS = 2 };
struct culprit {
	char program[16]; /* fit for a terminal */
	uint32_t pid;     /* 0 = not known */
};
unsigned kernel_touched(struct kernel *, struct culprit *ret_who);

/* Whether a table can be owned and outlive its owner (TABLE_OWNED; Linux 6.9). Tried once, without a trace. */
bool kernel_can_own(struct kernel *);
/* A second table, RULESET_KEEPER, that has what `keeper` says and lives until kernel_close; NULL: none. Costs nothing
 * when it is so already. 0 or -errno plus diag. */
int kernel_keep(struct kernel *, const struct ruleset *keeper, struct diag *);

/* The same of RULESET_TRACE. */
int kernel_trace(struct kernel *, const struct ruleset *trace, struct diag *);

/* The rules of all other tables that may see what we forward, from one generation. *ret is the caller's. `named`: see
 * struct foreign. */
struct foreign;
int kernel_read_foreign(struct kernel *, bool named, struct foreign **ret, struct diag *);

/* Other tables that keep forwarding or NAT going: base chains of hook forward or type nat that are not ours. */
int kernel_foreign_chains(struct kernel *, size_t *ret, struct diag *);

/* What was sent since kernel_open, for tests of "the cost of a change is the size of the change". */
struct kernel_stats {
	uint64_t batches, messages, elements, bytes; /* netlink batches, messages in them, elements in those; bytes */
	uint64_t dumps;                              /* reads of the table */
};
const struct kernel_stats *kernel_stats(const struct kernel *);

#endif
