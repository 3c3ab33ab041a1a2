/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rulesets that somebody saved with a copy of gwd's table in them. */
#ifndef SAVED_H
#define SAVED_H

#include <jansson.h>

/* Appends the path of each, of those that the distributions' nftables services load and the caller may read. */
void saved_find(json_t *paths);
/* What that means, and what takes the table out of it. Caller's strings. */
char *saved_text(const char *path);
char *saved_remedy(const char *path);

#endif
