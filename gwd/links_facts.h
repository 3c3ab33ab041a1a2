/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts as the kernel tells them now. For links.c alone. */
#ifndef LINKS_FACTS_H
#define LINKS_FACTS_H

#include "links.h"

/* Reads everything, or takes the IPv6 routes over from `keep6`. `ret_nexthops`: a default route that was read refers to
 * nexthop objects. 0 or -errno; -EINTR: things changed again and again while they were read. */
int facts_read(const struct facts *keep6, struct facts *ret, bool *ret_nexthops);
bool facts_same(const struct facts *, const struct facts *);

#endif
