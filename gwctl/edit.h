/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that is edited by way of a copy beside it: written whole or not at all, never over what somebody else wrote
 * meanwhile, and with the rights it had. */
#ifndef EDIT_H
#define EDIT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "util.h"

struct edit {
	char *file;      /* behind symbolic links */
	char *copy;      /* beside it */
	struct stat was; /* st_ino 0: it was not there */
	struct buf before;
};

int edit_begin(const char *file, struct edit *ret); /* makes the copy; 0 or -errno */
void edit_free(struct edit *);                      /* leaves the copy where it is */
void edit_discard(struct edit *);                   /* removes it */
/* $VISUAL, $EDITOR or vi with the copy, at `line` (0 = wherever). Its exit status; -errno when it could not be run. */
int edit_run(const struct edit *, unsigned line);
bool edit_changed(const struct edit *);   /* the copy says something else than the file did, or cannot be read */
/* The copy becomes the file, and is on the disk; 0 or -errno, -ESTALE when somebody else has changed the file meanwhile. */
int edit_install(struct edit *);

#endif
