/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to do about something that is wrong, apart what a shell may be given and what only a person can do. Pure. */
#ifndef REMEDY_H
#define REMEDY_H

struct remedy {        /* each of them owned; NULL: there is none */
	char *command; /* puts it right when root of this machine runs it as it is */
	char *lasting; /* what makes that last, where it does not */
	char *advice;  /* what else helps, or what to do where no command can know how */
};

/* Both take the string. */
struct remedy remedy_command(char *command);
struct remedy remedy_advice(char *advice);
struct remedy remedy_copy(const struct remedy *);
void remedy_free(struct remedy *);              /* contents */
const char *remedy_text(const struct remedy *); /* the command, or else the advice; "": neither. Borrowed */

#endif
