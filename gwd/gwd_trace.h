/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet followed by the kernel itself, for `why --wait` (gwd.h). Inside of gwd only. */
#ifndef GWD_TRACE_H
#define GWD_TRACE_H

#include "road.h"

int tracing_open(struct gwd *, struct diag *); /* traces nothing yet; 0 or -errno plus diag */
void tracing_close(struct gwd *);

#endif
