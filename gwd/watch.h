/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of nf_tables: whether somebody else touched our table, and who, or rules of other tables. For kernel.c alone. */
#ifndef WATCH_H
#define WATCH_H

#include <stdint.h>

struct watch;
struct culprit;

/* `port` is the netlink port that our own changes come from: its events never reach us. 0 or -errno. */
int watch_open(uint32_t port, struct watch **ret);
void watch_close(struct watch *);
int watch_fd(const struct watch *);
/* Takes what is queued: bits of enum kernel_whose (elements of sets count only in our table), all when events were lost.
 * A transaction counts when its end has come, which says whose it was. *ret_who: the last one who touched ours. */
unsigned watch_read(struct watch *, struct culprit *ret_who);

#endif
