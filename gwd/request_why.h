/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The method Why of org.gwd.Gateway. Only for request.c. */
#ifndef REQUEST_WHY_H
#define REQUEST_WHY_H

#include "request.h"

void request_why(struct varlink_call *);

#endif
