/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which chains of others a connection meets, and as what: our translation is in the middle of the first hook, so what is
 * ahead of it sees the address that was dialled, and everything behind it the target's. The answers are
 * translated back where the kernel's own hooks stand, whatever priority our chains have: who gets them in prerouting,
 * whom they come from in postrouting. On the forward hook foreign_drops judges both ways. */
#include "foreign.h"

#include <assert.h>
#include <limits.h>
#include <linux/netfilter.h>

struct stop {
	unsigned ways; /* that lead through it */
	struct foreign_stop stop;
};

enum {
	OUTSIDE = FOREIGN_FROM_OUTSIDE | FOREIGN_TO_TARGET | FOREIGN_TO_HERE,
	HERE = FOREIGN_FROM_HERE | FOREIGN_TO_TARGET | FOREIGN_TO_HERE,
	TARGET = FOREIGN_FROM_OUTSIDE | FOREIGN_FROM_HERE | FOREIGN_TO_TARGET,
	ROUTED = FOREIGN_FROM_OUTSIDE | FOREIGN_TO_TARGET,
	OWN_ANSWER = FOREIGN_FROM_OUTSIDE | FOREIGN_TO_HERE,
	OWN_PORT = FOREIGN_FROM_OUTSIDE | FOREIGN_FROM_HERE | FOREIGN_TO_HERE,
};

static const struct stop stops[] = {
	{OUTSIDE, {NF_INET_INGRESS, FOREIGN_DIALLED, INT_MIN, INT_MAX}},
	{OUTSIDE, {NF_INET_PRE_ROUTING, FOREIGN_DIALLED, INT_MIN, FOREIGN_OURS - 1}},
	{HERE, {NF_INET_LOCAL_OUT, FOREIGN_DIALLED, INT_MIN, FOREIGN_OURS - 1}},
	{OUTSIDE, {NF_INET_PRE_ROUTING, FOREIGN_SENT, FOREIGN_OURS, INT_MAX}},
	{HERE, {NF_INET_LOCAL_OUT, FOREIGN_SENT, FOREIGN_OURS, INT_MAX}},
	{ROUTED, {NF_INET_FORWARD, FOREIGN_SENT, INT_MIN, INT_MAX}},
	{TARGET, {NF_INET_POST_ROUTING, FOREIGN_SENT, INT_MIN, INT_MAX}},
	{TARGET, {FOREIGN_EGRESS, FOREIGN_SENT, INT_MIN, INT_MAX}},
	{TARGET, {NF_INET_INGRESS, FOREIGN_ANSWERED, INT_MIN, INT_MAX}},
	{TARGET, {NF_INET_PRE_ROUTING, FOREIGN_ANSWERED, INT_MIN, NF_IP_PRI_NAT_DST - 1}},
	{TARGET, {NF_INET_PRE_ROUTING, FOREIGN_RETURNING, NF_IP_PRI_NAT_DST, INT_MAX}},
	{ROUTED, {NF_INET_POST_ROUTING, FOREIGN_RETURNING, INT_MIN, NF_IP_PRI_NAT_SRC - 1}},
	{ROUTED, {NF_INET_POST_ROUTING, FOREIGN_RETURNED, NF_IP_PRI_NAT_SRC, INT_MAX}},
	{ROUTED, {FOREIGN_EGRESS, FOREIGN_RETURNED, INT_MIN, INT_MAX}},
	{OWN_PORT, {NF_INET_LOCAL_IN, FOREIGN_SENT, INT_MIN, INT_MAX}},
	{OWN_ANSWER, {NF_INET_LOCAL_OUT, FOREIGN_RETURNED, INT_MIN, INT_MAX}},
	{OWN_ANSWER, {NF_INET_POST_ROUTING, FOREIGN_RETURNED, INT_MIN, INT_MAX}},
	{OWN_ANSWER, {FOREIGN_EGRESS, FOREIGN_RETURNED, INT_MIN, INT_MAX}},
};

size_t foreign_way(unsigned way, struct foreign_stop ret[FOREIGN_STOPS_MAX])
{
	size_t n = 0;

	static_assert(ARRAY_SIZE(stops) <= FOREIGN_STOPS_MAX, "room for all of them");
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		if ((stops[i].ways & way) == way)
			ret[n++] = stops[i].stop;
	return n;
}

struct foreign_stop foreign_hook(uint32_t hook)
{
	return (struct foreign_stop){hook, FOREIGN_SENT, INT_MIN, INT_MAX};
}

const char *foreign_hook_name(const struct obstacle *o)
{
	static const char *const names[] = {"prerouting", "input", "forward", "output", "postrouting", "ingress"};
	uint32_t hook = o->base->hook;

	if (o->table->family == NFPROTO_NETDEV)
		return hook == NF_NETDEV_INGRESS ? "ingress" : "egress";
	return hook < ARRAY_SIZE(names) ? names[hook] : "?";
}
