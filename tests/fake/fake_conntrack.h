/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections in memory behind conntrack.h: a test puts them there, and sees which are left and what was asked. */
#ifndef FAKE_CONNTRACK_H
#define FAKE_CONNTRACK_H

#include <stddef.h>

#include "conntrack.h"

void fake_conntrack_reset(void);
void fake_conntrack_put(const struct flow *); /* its id must be unique */
size_t fake_conntrack_count(void);            /* what is left */
const struct flow *fake_conntrack_flow(size_t i);
size_t fake_conntrack_lists(struct flow_filter *ret_last); /* lists since the reset; may be NULL */
size_t fake_conntrack_blocked(void);                       /* how many were cut and their place taken */
void fake_conntrack_end(uint32_t id);              /* which is told, if somebody listens */
void fake_conntrack_end_while_listed(uint32_t id);  /* right after it was told as living */
struct flow *fake_conntrack_find(uint32_t id);      /* NULL: is no more */
void fake_conntrack_list_again(void);                 /* from now on the kernel tells all twice */
void fake_conntrack_lose(void);                     /* the ends not taken yet */
bool fake_conntrack_listening(void);
void fake_conntrack_fail(int error);                       /* of every list from now on; 0 = no more */

#endif
