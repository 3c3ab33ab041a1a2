/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of one service in canonical form, and the rules that hold between them. For config*.c only. */
#ifndef CONFIG_SERVICE_H
#define CONFIG_SERVICE_H

#include "config_keys.h"
#include "forward.h"

extern const struct keys service_keys, target_keys;

/* Reads the keys of `map` into `f` and judges the whole. `empty_resets` as in keys_read; `before` is what diag_count
 * was before anything of this service was read. False: mistakes were added since; `f` then holds those parts that are
 * right. `f->name` stays NULL when nobody names it. */
bool config_service_read(struct forward *f, const struct node *map, bool empty_resets, size_t before,
			 struct diag *diag);

/* The rules between the parts of a service that has targets; sets what follows from them: family, and the listen of one
 * without translation. Mistakes point into `map`. */
void config_rules_check(struct forward *f, const struct node *map, struct diag *);

#endif
