/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rulesets that somebody saved with a copy of gwd's table in them. */
#ifndef SAVED_H
#define SAVED_H

#include <jansson.h>

/* Appends a warning for each file that the distributions' nftables services load and the caller may read. */
void saved_warn(json_t *warnings);

#endif
