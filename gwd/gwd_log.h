/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New connections of forwards with `log: true`, as they come. Inside of gwd only. */
#ifndef GWD_LOG_H
#define GWD_LOG_H

#include "road.h"

/* Hears of connections while an active forward wants them logged. After every change. */
void connections_follow(struct gwd *, struct diag *warnings);
void connections_settle(struct gwd *); /* with gwd_settle */

#endif
