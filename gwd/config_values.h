/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values that several keys hold, each read in one place: true, or false plus diag with `ret` untouched. Lists are the
 * caller's. For config*.c only. */
#ifndef CONFIG_VALUES_H
#define CONFIG_VALUES_H

#include "config_keys.h"
#include "forward.h"

/* An address that is some host's. `why` says what is wrong with the other kinds. */
bool value_address(const struct node *value, const char *label, const struct ip *, const char *const why[IP_KINDS],
		   struct diag *);
bool value_port(const struct node *value, const char *label, struct port_range *ret, struct diag *);
/* One or a list, no port twice, at least one. */
bool value_ports(const struct key *, const struct node *value, struct port_range **ret, size_t *ret_n, struct diag *);
bool value_proto(const struct key *, const struct node *value, uint8_t *ret, struct diag *);
/* One or a list of addresses and prefixes, at least one; sorted, none inside another. The word "local" sets `local`, or
 * is refused where that is NULL. */
bool value_prefixes(const struct key *, const struct node *value, bool *local, struct prefix **ret, size_t *ret_n,
		    struct diag *);
bool value_snat(const struct key *, const struct node *value, struct snat *ret, struct diag *); /* SNAT_WORDS */
#define SNAT_WORDS "auto|routed|always|never"
bool value_number(const struct key *, const struct node *value, unsigned max, unsigned *ret,
		  struct diag *);                                                                /* 1 to max */
bool value_rate(const struct key *, const struct node *value, struct limit *ret, struct diag *); /* "20/second" */
bool value_time(const struct key *, const struct node *value, int64_t *ret,
		struct diag *); /* seconds since the epoch */

#endif
