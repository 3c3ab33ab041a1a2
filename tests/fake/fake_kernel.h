/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel in memory behind kernel.h. There is one per process, and like the real one it outlives kernel_close: restart
 * gwd in a test by closing and opening. The script below is what a test makes happen to it. */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include "ruleset.h"

void fake_kernel_reset(void);                        /* empty, nothing scripted; also frees everything */
const struct ruleset *fake_kernel_ruleset(void);     /* what it has now, sorted; valid until the next commit */

void fake_kernel_fail_open(int error);               /* the next kernel_open fails with this -errno */
void fake_kernel_fail_read(int error);               /* the next kernel_read */
void fake_kernel_fail_commit(int error);             /* the next kernel_commit, about its last op; nothing applied */
void fake_kernel_restart(unsigned times);            /* so many commits that insist on a generation: -ERESTART */
void fake_kernel_lose_reply(void);                   /* the next commit is applied, but returns -ENOBUFS */

void fake_kernel_flush(void);                        /* somebody runs `nft flush ruleset` */
void fake_kernel_set_foreign_chains(size_t n);       /* answer of kernel_foreign_chains */
void fake_kernel_touch(const char *program, uint32_t pid); /* the next kernel_touched() says that our table was */
void fake_kernel_cannot_own(void);                   /* it is older than Linux 6.9 */
bool fake_kernel_traces(void);                       /* packets are marked */
bool fake_kernel_keeps(void);                        /* the keeper is there */

#endif
