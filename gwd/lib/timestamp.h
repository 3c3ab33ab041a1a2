/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points in time as people write them: RFC 3339, "2026-12-31T23:59:00Z". */
#ifndef TIMESTAMP_H
#define TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#define TIMESTAMP_TEXT_MAX 24

/* Seconds since the epoch, at least 1; fractions are dropped. `ret` untouched on failure. */
bool timestamp_parse(const char *text, int64_t *ret);
const char *timestamp_text(int64_t, char out[TIMESTAMP_TEXT_MAX]); /* in UTC, with 'Z'; up to the year 9999 */

#endif
