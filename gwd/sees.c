/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a target answers past us is a question of its network: where clients come in on the interface behind which it
 * stands, its answer would take the short way and meet a client that never asked it. */
#include "sees.h"

/* Clients come in where the target is. */
static bool same_way(const struct topology *t, const struct forward *f, const char *ifname)
{
	const struct interface *in = topology_interface(t, ifname);

	if (f->listen.kind == LISTEN_INTERFACE)
		return streq(f->listen.ifname, ifname);
	return in && in->zone == ZONE_WAN;
}

char *sees_text(const struct topology *t, const struct settings *settings, const struct forward *f,
		const struct target *target)
{
	bool own = f->snat.mode != SNAT_DEFAULT;
	const struct snat *snat = own ? &f->snat : &settings->snat;
	const struct local_address *near = topology_neighbour(t, &target->addr, NULL);
	char ours[ADDR_TEXT_MAX] = "this gateway", addr[ADDR_TEXT_MAX];

	if (near)
		ip_text(&near->ip, ours);
	if (f->no_nat)
		return xstrdup("with their own addresses (nat: false)");
	if (snat->mode == SNAT_ADDRESS && snat->addr.family == f->family)
		return xasprintf("as %s (snat: %s)", ip_text(&snat->addr, addr), addr);
	if (snat->mode == SNAT_ALWAYS)
		return xasprintf("as %s (snat: always)", ours);
	if (snat->mode == SNAT_NEVER)
		return xstrdup("with their own addresses (snat: never)");
	if (snat->mode != SNAT_ROUTED && near && same_way(t, f, near->ifname))
		return xasprintf("as %s (same network)", ours);
	if (!near)
		return xstrdup("with their own addresses");
	return xasprintf("with their own addresses, those of its own network as %s%s", ours,
			 snat->mode == SNAT_ROUTED ? " (snat: routed)" : "");
}
