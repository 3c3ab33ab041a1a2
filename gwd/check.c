/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is certain comes before what is not, wherever it is on the way: whoever puts it right asks again. */
#include "check.h"

#include "util.h"

const char *const verdict_names[VERDICTS] = {"pass", "may", "fail"};

void checks_add_remedy(struct checks *c, const char *step, enum verdict verdict, char *text, struct remedy remedy)
{
	c->items = grow(c->items, c->n, &c->capacity, sizeof(*c->items));
	c->items[c->n++] = (struct check){step, verdict, text, remedy};
}

void checks_add(struct checks *c, const char *step, enum verdict verdict, char *text, char *command)
{
	checks_add_remedy(c, step, verdict, text, remedy_command(command));
}

void checks_pass(struct checks *c, const char *step, char *text)
{
	checks_add(c, step, VERDICT_PASS, text, NULL);
}

void checks_free(struct checks *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->items[i].text);
		remedy_free(&c->items[i].remedy);
	}
	free(c->items);
	*c = (struct checks){0};
}

const struct check *checks_cause(const struct checks *c)
{
	const struct check *cause = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].verdict > (cause ? cause->verdict : VERDICT_PASS))
			cause = &c->items[i];
	return cause;
}
