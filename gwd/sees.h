/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In words how a target sees its clients, and why: what compile_source.c does, told to the user. Pure. */
#ifndef SEES_H
#define SEES_H

#include "topology.h"

/* "as 192.168.0.101 (same network)", "with their own addresses; ...": completes "it sees clients ...". Caller's string. */
char *sees_text(const struct topology *, const struct settings *, const struct forward *, const struct target *);

#endif
