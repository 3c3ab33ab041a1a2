/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probes of a reply of gwd: whoever asks them puts the answers in, and calls again. */
#ifndef ASK_H
#define ASK_H

#include <jansson.h>
#include <stdbool.h>

/* Asks those that are unasked, within `ms` for every ASK_MAX of them; false: there is none. */
#define ASK_MAX 512 /* at once */
bool ask_probes(json_t *probes, int ms);

#endif
