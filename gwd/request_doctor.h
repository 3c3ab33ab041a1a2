/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The method Doctor of org.gwd.Gateway. Only for request.c. */
#ifndef REQUEST_DOCTOR_H
#define REQUEST_DOCTOR_H

#include "request.h"

void request_doctor(struct varlink_call *);

#endif
