/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gwd says to do about something (remedy, advice, lasting), as people read it. */
#ifndef REMEDY_LINES_H
#define REMEDY_LINES_H

#include <jansson.h>

/* The command, or else the advice; then lines of their own, each behind `indent`: "or: " the advice beside a command, and
 * "for good: " what makes it last. Commands are text_whole. "" where there is nothing to do. Caller's string. */
char *remedy_lines(const json_t *object, const char *indent);

#endif
