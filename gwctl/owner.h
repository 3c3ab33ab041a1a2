/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which program has a socket, and who a user is: gwd may not look (KERNEL.md 0.10), its caller may. */
#ifndef OWNER_H
#define OWNER_H

#include <stddef.h>

struct owner {
	unsigned inode; /* of the socket */
	char *program;  /* "sshd (pid 812)"; NULL: not to be seen */
};
/* Fills in the programs, which are then the caller's, in one walk over /proc. */
void owners_find(struct owner *, size_t n);

/* "root", or "uid 1234" of one without a name. Until the next call. */
const char *owner_user(unsigned uid);

/* `text` of gwd with "sshd (pid 812)" for every "(uid 0, inode 12345)" whose program can be seen. Caller's string. */
char *owner_named(const char *text);

#endif
