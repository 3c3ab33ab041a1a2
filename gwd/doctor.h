/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For gwd_doctor.c, which looks at forwards, and doctor_machine.c, which looks at what all of them need. Inside of gwd
 * only. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "road.h"

/* Takes the text and the remedy; `f` may be NULL. */
void doctor_add(struct diagnosis *, enum severity, const char *about, char *text, struct remedy,
		const struct forward *f);

void doctor_machine(struct gwd *, struct diagnosis *);

#endif
