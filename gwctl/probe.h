/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is somebody there? Connection attempts, all at once. */
#ifndef PROBE_H
#define PROBE_H

#include "addr.h"

#define PROBE_MS 300       /* for a hint */
#define PROBE_SURE_MS 2000 /* past the first retransmission of TCP and ARP */
#define PROBE_OLD_MS 1300  /* after these, the kernel no longer believes in a neighbour that gwd has had it ask */
#define PROBE_NEW_MS 500   /* ... and has asked everybody for it */

enum probe_answer {
	PROBE_ACCEPTS, /* of UDP: answers */
	PROBE_REFUSED,
	PROBE_SILENT,      /* in time; of UDP it says nothing */
	PROBE_UNREACHABLE, /* somebody says that there is no way */
	PROBE_REJECTED,    /* ... that it is not allowed, which only a firewall does */
	PROBE_UNKNOWN,     /* it cannot be asked */
};
#define PROBE_ANSWERS 6
extern const char *const probe_names[PROBE_ANSWERS]; /* as the wire has them */

struct probe {
	uint8_t proto; /* enum proto: one bit */
	struct ip to;
	uint16_t port;
	struct ip source; /* where it comes from; family 0: any address */
	enum probe_answer answer;
	int fd; /* probe.c's own */
};
/* Fills in the answers, within `ms`. UDP is asked with an empty datagram. */
void probe_all(struct probe *, size_t n, int ms);

/* 1 = it accepts, 0 = nobody answers within PROBE_MS, -EINVAL when `addr` and `port` are none. */
int probe(const char *addr, const char *port);

#endif
