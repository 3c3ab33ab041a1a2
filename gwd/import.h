/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What other people's rules translate, as services of a gwd.yaml: `gwctl import`. A service never lets in more than its
 * rule did; a rule that cannot be said so is told in words. Pure. */
#ifndef IMPORT_H
#define IMPORT_H

#include "foreign.h"
#include "forward.h"
#include "topology.h"

enum import_kind {
	IMPORT_SERVICE,
	IMPORT_NOT_EXPRESSED,
	IMPORT_LEFT_ALONE, /* nobody has to do anything about it */
};

struct import_item {
	enum import_kind kind;
	char *rule;              /* "tcp 80 on eth0 -> 192.168.0.102" */
	char *origin;            /* "table ip nat, chain prerouting, handle 4" */
	char *why;               /* NULL with IMPORT_SERVICE */
	struct forward *forward; /* only with IMPORT_SERVICE */
};

struct import {
	struct import_item *items; /* in the order in which a packet meets the rules */
	size_t n, capacity;
};

/* The topology decides which interfaces need not be named, being wan's. */
struct import *import_build(const struct foreign *, const struct topology *, const struct facts *);
void import_free(struct import *); /* NULL is fine */
void import_freep(struct import **);

/* A gwd.yaml that says where each service comes from, with what is no service as comments. Caller's string. */
char *import_yaml(const struct import *);

#endif
