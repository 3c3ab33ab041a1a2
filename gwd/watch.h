/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of nf_tables: whether somebody else touched our table, and who, or rules of other tables. For kernel.c alone. */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch;

/* `port` is the netlink port that our own changes come from: its events never reach us. 0 or -errno. */
int watch_open(uint32_t port, struct watch **ret);
void watch_close(struct watch *);
int watch_fd(const struct watch *);
/* Takes what is queued: bits of enum kernel_whose (elements of sets count only in our table), all when events were lost.
 * *ret_who: "nft (pid 6057)", caller's string, or NULL when nobody is known to have touched ours. */
unsigned watch_read(struct watch *, char **ret_who);

#endif
