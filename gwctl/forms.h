/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is typed on a command line, as the wire's canonical JSON. Pure: whether a port or an address is a right one is
 * gwd's to say, in the words it has for the file as well. */
#ifndef FORMS_H
#define FORMS_H

#include <jansson.h>

#include "arguments.h"

/* A service of `[LISTEN:]PORTS[/PROTO] TARGET...` (words[0], words[1..]) and the options of add; NULL plus diag. */
json_t *forms_service(const struct arguments *, const char *const *words, size_t n_words, struct diag *);
/* What the options of set and its TARGETs change; empty when nothing was named; NULL plus diag. */
json_t *forms_changes(const struct arguments *, const char *const *targets, size_t n_targets, struct diag *);
/* {name} or {ports, proto, listen}: no name is without a letter or has one of `:/,[`. NULL plus diag. */
json_t *forms_selector(const char *word, struct diag *);

/* An opening of PORT[/PROTO] and the options of open and close; NULL plus diag. */
json_t *forms_opening(const struct arguments *, const char *word, struct diag *);
char *forms_opening_text(const json_t *opening); /* "tcp 22 from local", "udp 53 in dmz"; caller's string */

/* A canonical service as people read it: "tcp 203.0.113.5:80,443"; "192.168.0.102:80, 10.0.0.3". Caller's strings. */
char *forms_listen_text(const json_t *service);
char *forms_targets_text(const json_t *service);
char *forms_bytes_text(json_int_t bytes); /* "512", "1.5K", "20M": powers of 1024; caller's string */
/* "192.168.0.102:80", "[fd00::10]:80"; `port` "" = none. */
char *forms_address_text(const char *addr, const char *port);

#endif
