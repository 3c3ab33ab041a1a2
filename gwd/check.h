/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was looked at, and what came of it: a list of steps with verdicts, in the order of a packet's way. Pure. */
#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>

#include "remedy.h"

enum verdict {
	VERDICT_PASS,
	VERDICT_MAY, /* it may be in the way: what can be read does not tell */
	VERDICT_FAIL,
};
#define VERDICTS 3
extern const char *const verdict_names[VERDICTS]; /* "pass", "may", "fail" */

struct check {
	const char *step; /* "route"; static */
	enum verdict verdict;
	char *text;
	struct remedy remedy;
};

struct checks {
	struct check *items;
	size_t n, capacity;
};

/* All take the strings; `command` puts it right, or is NULL. */
void checks_pass(struct checks *, const char *step, char *text);
void checks_add(struct checks *, const char *step, enum verdict, char *text, char *command);
void checks_add_remedy(struct checks *, const char *step, enum verdict, char *text, struct remedy);
void checks_free(struct checks *); /* contents */
/* The first that fails, or else the first that may; NULL: all is well. */
const struct check *checks_cause(const struct checks *);

#endif
