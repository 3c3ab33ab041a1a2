/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports on which a program of this machine listens are not forwarded unless somebody insists. A forward is judged when it
 * is accepted, never again while it runs, and never at start or by a link event. Inside of gwd only. */
#ifndef GWD_GUARD_H
#define GWD_GUARD_H

#include "road.h"

/* `f` as an interactive change brings it, in place of `was`: what those take already is not asked for again. 0 = nobody
 * listens there; 1 = somebody does, and with `force` it is only a warning; -EEXIST plus diag. */
int guard_forward(const struct gwd *, const struct forward *f, struct forward_entry *const *was, size_t n_was,
		  bool force, struct diag *);
/* Holds those of the draft's world that are in the way and do not run already, and says so in `messages`; with `force`
 * warns only. */
void guard_world(const struct gwd *, struct draft *, bool force, struct settled *messages, struct diag *);

/* Who is held, from one start to the next: into the draft's world, and from the world into the running transaction. */
int guard_recall(const struct gwd *, struct draft *, struct diag *);
/* The same for a world in which something is taken back: of the names that it touched (NULL: all) who was held then, by
 * fact "held" of before it, and of the rest who is held now. */
int guard_return(const struct gwd *, struct draft *, const char *held_then, const struct strings *touched,
		 struct diag *);
int guard_store(const struct gwd *, const struct draft *, struct diag *);

#endif
