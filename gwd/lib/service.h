/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short forms of a service entry (INTERFACE section 1) resolved into the canonical form of the wire
 * (INTERFACE section 5): the one function that file reader and gwctl share. */
#ifndef SERVICE_H
#define SERVICE_H

#include "arena.h"
#include "diag.h"
#include "doc.h"

/* Canonical: {name, description, proto, listen, ports: [STRING...], to: [{addr, port, weight}...], from: [STRING...]}.
 * `port: 80 | 8000-8010 | [80, 443] | "80,443"` becomes ports; `to: ADDR | ADDR:PORT | "[ADDR6]:PORT" | a list of those
 * or of {addr, port, weight}` becomes a list of maps; `from` becomes a list. Keys it does not know pass unchanged: the
 * key tables of config.c judge them. What cannot be split (an unquoted IPv6 address with a port, ...) goes to `diag`
 * with a human hint. Locations are kept. Texts come out as quoted scalars (strings in JSON). `ports` in `entry` is an
 * unknown key: that is its name on the wire only. Mistakes may be added though a map is returned.
 * Returns a new map in `arena` (it shares nodes with `entry` and lives no longer), or NULL plus diag when `entry` is no
 * map. */
struct node *service_canonical(struct arena *, const struct node *entry, struct diag *);

#endif
