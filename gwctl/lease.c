/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On the wire an end is a point in time, so that nothing is lost on the way; here it is counted from now. */
#include "lease.h"

#include <inttypes.h>
#include <stdio.h>

#include "util.h"
#include "wire.h"

enum { CONFIRM_DEFAULT = 120, WAIT_MAX = 3600 }; /* seconds */

static const struct {
	char letter;
	int64_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

/* "90s", "1h30m": each unit once, the big ones first. */
static bool parse(const char *text, int64_t *ret)
{
	int64_t sum = 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		/* sscanf alone takes "-5" and " 5" for numbers, too. */
		size_t len = strspn(text, "0123456789");
		unsigned n;
		if (!len || len > 6 || text[len] != units[i].letter || sscanf(text, "%6u", &n) != 1)
			continue;
		sum += n * units[i].seconds;
		text += len + 1;
	}
	*ret = sum;
	return !*text && sum > 0;
}

/* --confirm alone, --confirm=5m, --confirm=300 */
static bool resolve_confirm(struct arguments *a, struct diag *diag)
{
	const char *text = a->values[OPTION_CONFIRM];
	_cleanup_(freep) char *seconds = text ? xasprintf("%ss", text) : NULL;
	bool known = text && (parse(text, &a->confirm) || parse(seconds, &a->confirm));
	if (known && a->confirm > WIRE_CONFIRM_MAX)
		diag_add(diag, DIAG_INVALID, (struct loc){0}, "--confirm takes at most %dd, not '%s'",
			 WIRE_CONFIRM_MAX / 86400, text);
	if (!text)
		a->confirm = 0;
	if (!text || known)
		return !diag_failed(diag);
	a->confirm = CONFIRM_DEFAULT;
	if (*text && !streq(text, options[OPTION_CONFIRM].name))
		diag_add(diag, DIAG_INVALID, (struct loc){0},
			 "--confirm takes a time such as 90s or 5m, written --confirm=5m, not '%s'", text);
	return !diag_failed(diag);
}

/* --wait 30s */
static bool resolve_wait(struct arguments *a, struct diag *diag)
{
	const char *text = a->values[OPTION_WAIT];
	a->wait = 0;
	if (!text || (parse(text, &a->wait) && a->wait <= WAIT_MAX))
		return true;
	diag_add(diag, DIAG_INVALID, (struct loc){0}, "--wait takes a time up to 1h, such as 30s or 5m, not '%s'", text);
	return false;
}

bool lease_resolve(struct arguments *a, int64_t now, struct diag *diag)
{
	const char *text = a->values[OPTION_FOR];
	int64_t seconds;
	if (!resolve_confirm(a, diag) || !resolve_wait(a, diag))
		return false;
	if (!text)
		return true;
	if (a->values[OPTION_EXPIRES]) {
		diag_add(diag, DIAG_INVALID, (struct loc){0}, "--for and --expires say the same: give one of them");
		return false;
	}
	if (*text && !parse(text, &seconds)) {
		diag_add(diag, DIAG_INVALID, (struct loc){0},
			 "--for takes a time such as 90s, 30m, 2h, 1d or 1h30m, not '%s'", text);
		return false;
	}
	a->values[OPTION_EXPIRES] = *text ? timestamp_text(now + seconds, a->expires) : "";
	return true;
}

char *lease_length(int64_t seconds)
{
	size_t i = 0;
	int64_t next;
	if (seconds < 0)
		seconds = 0;
	while (seconds < units[i].seconds && i + 1 < ARRAY_SIZE(units))
		i++;
	next = i + 1 < ARRAY_SIZE(units) ? seconds % units[i].seconds / units[i + 1].seconds : 0;
	if (!next)
		return xasprintf("%" PRId64 "%c", seconds / units[i].seconds, units[i].letter);
	return xasprintf("%" PRId64 "%c %" PRId64 "%c", seconds / units[i].seconds, units[i].letter, next,
			 units[i + 1].letter);
}

char *lease_left(int64_t seconds)
{
	_cleanup_(freep) char *left = lease_length(seconds);
	return seconds <= 0 ? xstrdup("over") : xasprintf("in %s", left);
}

char *lease_ago(int64_t seconds)
{
	_cleanup_(freep) char *gone = lease_length(seconds);
	return xasprintf("%s ago", gone);
}
