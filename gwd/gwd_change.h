/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the changes of single forwards (gwd_add.c, gwd_remove.c, gwd_switch.c) share. Inside of gwd only. Functions that
 * return int: 0, or -errno plus diag. */
#ifndef GWD_CHANGE_H
#define GWD_CHANGE_H

#include "road.h"

int change_refuse(struct diag *, enum diag_kind, int error, char *message); /* takes the message; returns `error` */
int change_refuse_declared(struct diag *, const struct forward *, const char *remedy);
int change_refuse_shadowed(const struct gwd *, const struct forward_entry *, struct diag *);
int change_not_found(const char *name, struct diag *);
/* Changes can be made at all. */
int change_allowed(const struct gwd *, struct diag *);
char *change_origin(const struct forward *); /* "gwd.yaml:12", "runtime", "temporary", "held open"; caller's string */

/* What a new forward takes the place of. */
struct place {
	struct forward_entry *const *was;
	size_t n;
	bool force; /* over a listener of this machine */
};
/* An interactive change must be able to act at once; a file's need not. What was only accepted by force says so from
 * then on, for an export and for a rollback. */
int change_can_act(const struct gwd *, struct forward *, const struct place *, struct diag *);

/* Held forwards whose shadow the draft takes away come to light. */
void change_unshadow(const struct gwd *, struct draft *);
/* Rows of what is ordered of targets, as `now` in place of `was` wants them; either may be NULL. */
void change_draft_orders(struct draft *, const struct forward *was, const struct forward *now);
void change_draft_add(struct draft *, struct forward *, bool in_place);
void change_draft_remove(struct draft *, struct forward_entry *);
/* Down the road; takes `what`, which is told and recorded. */
int change_finish(struct gwd *, struct draft *, char *what, const struct request_options *, struct outcome *ret,
		  struct diag *);
/* `f` in place of the runtime forward `e`; takes `what`. */
int change_replace(struct gwd *, struct forward_entry *e, struct forward *f, bool force, char *what,
		   const struct request_options *, struct outcome *ret, struct diag *);

#endif
