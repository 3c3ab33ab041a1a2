/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells of packets that have `meta nftrace 1` (nf_tables' group NFTRACE), per network namespace: a message
 * for each rule and policy that decides something about them. */
#ifndef TRACE_H
#define TRACE_H

#include "nflog.h"

struct trace;

struct traced {         /* strings are valid until the callback returns */
	uint32_t id;    /* of the packet, the same on all its way */
	uint8_t family; /* NFPROTO_*, of the table */
	const char *table, *chain;
	uint64_t handle;      /* of the rule; 0: the policy of a base chain */
	bool dropped;         /* ... does it, or rejects it; otherwise it goes on, here or elsewhere */
	struct logged packet; /* its header there; family 0 = not told (once for each base chain) */
};

int trace_open(struct trace **ret);        /* hears nothing yet; 0 or -errno */
void trace_close(struct trace *);          /* NULL is fine */
int trace_fd(const struct trace *);        /* readable = call trace_read */
int trace_listen(struct trace *, bool on); /* 0 or -errno */
/* Takes what is queued, `each` for every message, but not for as long as more keeps coming. Returns whether messages were
 * lost, for the kernel had no room. Never blocks. */
bool trace_read(struct trace *, void (*each)(void *ctx, const struct traced *), void *ctx);

#endif
