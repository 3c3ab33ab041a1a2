/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long output on a terminal goes through $PAGER, as git's does. */
#ifndef PAGER_H
#define PAGER_H

#include <stdbool.h>

/* From now on standard output does; nothing happens when PAGER is "" or cat, or it cannot be started. */
void pager_start(void);
/* Waits until it has been read; false when it could not be run, which the shell has said. True without pager_start. */
bool pager_end(void);

#endif
