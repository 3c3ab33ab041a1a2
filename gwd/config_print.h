/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings and forwards as canonical YAML (export, --print, golden tests; reads back as itself) and as the wire's
 * canonical JSON (socket, database). Pure. */
#ifndef CONFIG_PRINT_H
#define CONFIG_PRINT_H

#include "config.h"
#include "util.h"

extern const char *const snat_words[SNAT_MODES], *const balance_words[]; /* but for SNAT_DEFAULT, SNAT_ADDRESS */

/* Only what differs from the defaults, keys in INTERFACE's order; "services:" last; "" for nothing at all. `extra`: with
 * the openings of gwd.d; those that open nothing, as gwd.yaml has no `gateway`, are comments. */
void config_print_settings(struct buf *, const struct settings *, bool extra);
void config_print_forward(struct buf *, const struct forward *); /* one list item under "services:" */
void config_print(struct buf *, const struct config *);

/* A canonical service (IDL type Service): what is unset or default is absent, except proto, ports, to, name, enabled.
 * States of targets and lifetimes are no part of it. `key`: as jput.h has it. */
void config_forward_json(struct buf *, const char *key, const struct forward *);
/* What tells `b` from `a` beside name, forward_text and enabled: "from 198.51.100.0/24, was 192.0.2.0/24; no log"; "" for
 * nothing. Caller's string. */
char *config_forward_changes(const struct forward *a, const struct forward *b);
/* {in, proto, ports, from, local, expires}: in, proto and ports are always there. */
void config_opening_json(struct buf *, const char *key, const struct opening *);

#endif
