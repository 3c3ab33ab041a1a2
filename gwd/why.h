/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection on its way through this machine, for gwd_why.c and the why_*.c that look at one part of the way each.
 * Every step adds what it saw to ret->checks; those that return false say that there is no way beyond. Inside of gwd
 * only. */
#ifndef WHY_H
#define WHY_H

#include "foreign.h"
#include "road.h"
#include "route.h"

struct walk {
	struct gwd *gwd;
	const struct why_question *asked;
	const struct probe *answers;
	size_t n_answers;
	struct rules rules;
	const struct foreign *others; /* NULL: not known */
	struct route_mark *marks;
	size_t n_marks;
	struct why *ret;

	const struct forward_entry *entry; /* that it is for; NULL: this machine itself */
	struct ip from, to;                /* from: family 0: somebody outside */
	char in[IFNAMSIZ];                 /* where it arrives; "lo": it begins here */
	struct ip stirred;                 /* the neighbour that the kernel was last told to ask */
};

struct leg { /* the rest of the way, to one of the targets */
	const struct target *target;
	uint16_t port;
	struct route route;
	char out[IFNAMSIZ];
	bool apart; /* what this machine itself sends to the target goes another way: asking it tells nothing */
};

/* Takes events first: what somebody changed a moment ago is what he asks about. Then one question, or several. */
void walk_open(struct walk *, struct gwd *);
/* `e` NULL: the forward that is most likely meant. */
void walk_ask(struct walk *, const struct why_question *, const struct forward_entry *e, struct why *ret);
void walk_on(struct walk *); /* all of the way */
/* The first two for one question. */
void walk_begin(struct walk *, struct gwd *, const struct why_question *, struct why *ret);
void walk_end(struct walk *);

/* ---- why_entry.c: where it arrives, and what gwd itself does with it ------------------------------- */

/* Fills in what was not asked for: entry (unless it is there), to, in. */
void why_resolve(struct walk *);
bool why_outside(const struct walk *, const char *ifname); /* it is a wan interface */
bool why_address(struct walk *);
bool why_forward(struct walk *);

/* ---- why_limits.c: who may, and how much ----------------------------------------------------------- */

void why_limits(struct walk *);

/* ---- why_way.c: what the kernel does with it ------------------------------------------------------- */

void why_source(struct walk *);
void why_conntrack(struct walk *);
char *why_conntrack_full(int count); /* "the kernel tracks ... and may track no more ..."; caller's */
void why_forwarding(struct walk *);
void why_reverse_path(struct walk *, const struct ip *to, uint16_t port); /* as it leaves our translation */
bool why_route(struct walk *, struct leg *);
void why_neighbour(struct walk *, const struct leg *);
void why_route_back(struct walk *, const struct leg *); /* NULL: from a program of this machine */
bool why_way_out(uint8_t family, struct route *ret); /* to somebody outside; false: there is none */
/* The next hop of the default route, if there is one: a check of step why_step_router. */
void why_default_router(struct walk *, uint8_t family);
extern const char why_step_router[];

/* ---- why_others.c: what other people's tables do with it ------------------------------------------- */

void why_before(struct walk *); /* ahead of our translation */
void why_between(struct walk *, const struct leg *);
void why_local(struct walk *);
/* "dropped by ufw (...): ..." and what helps, for one base chain. Caller's string. */
char *why_drop_text(const struct obstacle *);
/* What this machine itself sends to the target may be dropped, or the answers: asking it tells nothing. */
bool why_own_dropped(const struct walk *, const struct leg *);

/* ---- why_answer.c: the other end ------------------------------------------------------------------- */

void why_answer(struct walk *, const struct leg *);
void why_reply(struct walk *, const struct leg *);
bool why_masqueraded(const struct walk *, const struct leg *); /* the target sees an address of ours */
bool why_probe_same(const struct probe *, const struct probe *); /* but for the answer */
/* What was answered, or *ret is added to what is to be asked: ANSWER_UNASKED. */
enum answered why_probe(struct walk *, const struct probe *);
/* It is to be asked once more: what was answered does not tell yet. */
void why_probe_again(struct walk *, const struct probe *);
/* The probe of the target itself; one from an address of ours outside its network, or false: there is none. */
struct probe why_probe_near(const struct walk *, const struct leg *);
bool why_probe_far(const struct walk *, const struct leg *, struct probe *ret);

/* ---- What they share ------------------------------------------------------------------------------- */

/* "gwctl set NAME OPTION", or where gwd.yaml has it the advice "WRITTEN at gwd.yaml:12, then gwctl apply". Caller's. */
struct remedy why_change(const struct forward *, const char *option, const char *written);
/* The same of an option with a gap that only a person can fill, "--listen ADDR": advice in both. */
struct remedy why_advise(const struct forward *, const char *option, const char *written);
char *why_wait(const struct walk *); /* the command that lets the kernel say it of a real packet; caller's */
char *why_end(const struct ip *, uint16_t port); /* "10.0.0.2:80", "[fd00::2]:80"; port 0 = none. Caller's */
const char *why_from(const struct walk *, char text[ADDR_TEXT_MAX]);  /* "203.0.113.9", or "somebody outside" */
/* "loopback", "a multicast group": what no host has as its address to others; NULL: one may have it. */
const char *why_no_host(const struct walk *, const struct ip *);
const struct link *why_link(const struct walk *, const char *ifname); /* or NULL */
const char *why_ifname(const struct walk *, uint32_t ifindex);        /* or "" */
bool why_link_works(struct walk *, const char *step, const char *ifname); /* or else says so */
uint8_t why_proto_number(const struct walk *);                            /* IPPROTO_* */
uint16_t why_target_port(const struct walk *, const struct target *);     /* for the port that is asked about */

#endif
