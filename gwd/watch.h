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
/* The kernel makes an event of each element even when a filter drops it, which is a third of what a large batch costs: one
 * who sends that looks away meanwhile, and says at the end which generation there should be. When it is another, or
 * `generation` is 0, watch_read will say that events were lost. Without membership again: -errno. */
int watch_look_away(struct watch *);
int watch_look_again(struct watch *, uint32_t generation);
/* Takes what is queued: bits of enum kernel_whose (elements of sets count only in our table), all when events were lost.
 * A transaction counts when its end has come, which says whose it was. *ret_who: the last one who touched ours. */
unsigned watch_read(struct watch *, struct culprit *ret_who);

#endif
