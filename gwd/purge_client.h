/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gwd --purge while a gwd runs: ask that one, so that it does not put back what is removed under it. */
#ifndef PURGE_CLIENT_H
#define PURGE_CLIENT_H

#include "gwd.h"

/* Calls Purge on `socket` and waits for the answer. 0 with its messages, -ENOENT when nobody listens there, another
 * -errno plus diag. */
int purge_client(const char *socket, struct outcome *ret, struct diag *);

#endif
