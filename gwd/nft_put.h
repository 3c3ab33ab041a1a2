/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan as the one netlink batch that does it, and the way back from the kernel's complaint to the step it means. Used
 * by kernel.c only (and by tests). Builds values; sends nothing. */
#ifndef NFT_PUT_H
#define NFT_PUT_H

#include <sys/types.h>

#include "plan.h"

/* linux/nfnetlink.h: one message of the batch; its sequence number is its index. The first is BATCH_BEGIN, the last
 * BATCH_END. */
struct nft_message {
	size_t offset;   /* in nft_batch.buf */
	size_t first_op; /* in plan.ops; further ones only when they are elements. Two may be about the same ops */
	size_t n_ops;    /* 0: begins or ends the batch */
};

struct nft_batch {
	struct buf buf;
	struct nft_message *messages;
	size_t n, capacity;
	size_t elements; /* ops that are elements */
};

/* `generation` 0: do not insist on one. The message before BATCH_END asks for an ack. What expires gets the time that it
 * has left by the wall clock now. */
struct nft_batch *nft_put_plan(const struct plan *, uint32_t generation);
void nft_batch_free(struct nft_batch *);
void nft_batch_freep(struct nft_batch **);

/* The op that an error of message `seq` at attribute `offset` (0 = not told) is about: an index into plan.ops, or -1
 * when it is about the batch itself. *ret_exact false: one of the elements that share that message with this one. */
ssize_t nft_batch_op(const struct nft_batch *, uint32_t seq, uint32_t offset, bool *ret_exact);

#endif
