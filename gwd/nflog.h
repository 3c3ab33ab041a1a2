/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New connections that rules of ours send to a log group of the kernel (nfnetlink_log), per network namespace, unlike the
 * kernel's own log. */
#ifndef NFLOG_H
#define NFLOG_H

#include "addr.h"
#include "diag.h"

struct nflog;

/* The first packet of a connection. Ports are 0 where it has none, or they were cut off. */
struct logged {
	const char *name; /* the rule's prefix; anyone may have a rule that logs to the group */
	uint8_t proto;    /* IPPROTO_* */
	struct ip from, to;
	uint16_t from_port, to_port;
};

int nflog_open(struct nflog **ret); /* hears nothing yet; 0 or -errno */
void nflog_close(struct nflog *);
int nflog_fd(const struct nflog *); /* readable = call nflog_read */
/* From now on hears of this group, or of nothing (0). Nothing is done when it is so already. 0, or -errno plus diag. */
int nflog_listen(struct nflog *, uint16_t group, struct diag *);
/* Takes what is queued, `each` for every packet. Returns how often some were lost, because they came faster than they
 * were taken. Never blocks. */
size_t nflog_read(struct nflog *, void (*each)(void *ctx, const struct logged *), void *ctx);

/* The packet, from its IP header on; false when it is none. Pure. */
bool nflog_parse(const uint8_t *packet, size_t len, struct logged *ret);
/* "tcp 203.0.113.9:40312 -> 203.0.113.5:80". Caller's string. */
char *logged_text(const struct logged *);

#endif
