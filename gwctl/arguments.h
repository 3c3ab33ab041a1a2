/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words and options of one command line. Every option stands in one table, whichever command takes it, so options
 * may stand before, between or after the words; which command takes which is the command table's business. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diag.h"
#include "timestamp.h"

enum option_id {
	OPTION_SOCKET,
	OPTION_OUTPUT,
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_NAME,
	OPTION_DESCRIPTION,
	OPTION_PROTO,
	OPTION_LISTEN,
	OPTION_DISABLED,
	OPTION_REPLACE,
	OPTION_DRY_RUN,
	OPTION_FORCE,
	OPTION_KILL,
	OPTION_SORT,
	OPTION_NUMBER,
	OPTION_REVISION,
	OPTION_FOR,
	OPTION_EXPIRES,
	OPTION_ON_EXPIRY,
	OPTION_TEMPORARY,
	OPTION_HOLD,
	OPTION_FROM,
	OPTION_SNAT,
	OPTION_LIMIT_CONNECTIONS,
	OPTION_LIMIT_RATE,
	OPTION_LOG,
	OPTION_BALANCE,
	OPTION_NO_NAT,
	OPTION_IN,
	OPTION_CONFIRM,
	OPTION_HTTP,
	OPTION_RESET,
	OPTION_TO,
	/* of later versions: no command takes them yet */
	OPTION_WAIT,
	OPTION_COUNT
};
#define OPTION_BIT(id) (UINT64_C(1) << (id))

enum option_takes { TAKES_NOTHING, TAKES_VALUE, TAKES_PERHAPS /* only as --option=VALUE */ };

struct option {
	const char *name; /* without the dashes */
	char letter;      /* 0 = none */
	enum option_takes takes;
	const char *value; /* what help calls its value */
	const char *help;  /* NULL: of a later version */
};
extern const struct option options[OPTION_COUNT];

struct arguments {
	const char *values[OPTION_COUNT]; /* NULL = not given; "" for a flag. Borrowed from argv, like the words */
	const char **words;
	size_t n_words;
	char expires[TIMESTAMP_TEXT_MAX]; /* what --for comes to (lease.c) */
	int64_t confirm, wait;            /* ... and --confirm, --wait: seconds; 0 = not given */
};

/* False plus every mistake in `diag`; `ret` holds what could be understood in either case. */
bool arguments_parse(int argc, char *const *argv, struct arguments *ret, struct diag *);
void arguments_free(struct arguments *);

#endif
