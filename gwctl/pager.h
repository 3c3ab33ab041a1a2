/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long output on a terminal goes through $PAGER, as git's does. */
#ifndef PAGER_H
#define PAGER_H

/* From now on standard output does; nothing happens when PAGER is "" or cat, or it cannot be started. */
void pager_start(void);
/* Waits until it has been read. Nothing without pager_start. */
void pager_end(void);

#endif
