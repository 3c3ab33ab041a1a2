/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `accounting: true`: the kernel settings that make connection tracking count, and what they were before. Inside of gwd
 * only. */
#ifndef GWD_ACCOUNTING_H
#define GWD_ACCOUNTING_H

#include "road.h"

/* Connections are to be counted: asked for, and there is something to count. */
bool accounting_wanted(const struct gwd *);
/* After every change: turns the settings on, or puts back what was turned on. A failure becomes a warning. */
void accounting_follow(struct gwd *, struct diag *warnings);
/* Purge: puts back what gwd turned on here, unless somebody changed it since. state NULL: nothing is known. */
void accounting_restore(struct state *, const char *here, struct outcome *, struct diag *warnings);

#endif
