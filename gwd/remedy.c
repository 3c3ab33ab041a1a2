/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "remedy.h"

#include "util.h"

struct remedy remedy_command(char *command)
{
	return (struct remedy){.command = command};
}

struct remedy remedy_advice(char *advice)
{
	return (struct remedy){.advice = advice};
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

struct remedy remedy_copy(const struct remedy *r)
{
	return (struct remedy){copy(r->command), copy(r->lasting), copy(r->advice)};
}

void remedy_free(struct remedy *r)
{
	free(r->command);
	free(r->lasting);
	free(r->advice);
	*r = (struct remedy){0};
}

const char *remedy_text(const struct remedy *r)
{
	return r->command ? r->command : r->advice ? r->advice : "";
}
