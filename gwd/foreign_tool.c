/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who made a table is told by the names in it. Each tool writes its rules anew whenever it likes, so a remedy is what the
 * tool itself remembers; where there is no such thing, it is a rule and the place where it has to be kept. */
#include "foreign.h"

#include <linux/netfilter.h>
#include <netinet/in.h>

/* ---- Who ----------------------------------------------------------------------------------------- */

static const char *const names[] = {
	[TOOL_NFTABLES] = "nftables",
	[TOOL_IPTABLES] = "iptables",
	[TOOL_UFW] = "ufw",
	[TOOL_FIREWALLD] = "firewalld",
	[TOOL_DOCKER] = "Docker",
	[TOOL_LIBVIRT] = "libvirt",
	[TOOL_INCUS] = "Incus",
	[TOOL_LXD] = "LXD",
	[TOOL_PODMAN] = "Podman",
	[TOOL_KUBERNETES] = "Kubernetes",
	[TOOL_TAILSCALE] = "Tailscale",
};

const char *foreign_tool_name(enum foreign_tool tool)
{
	return names[tool];
}

struct sign {
	const char *name; /* how it begins */
	enum foreign_tool tool;
};

static const struct sign tables[] = {
	{"firewalld", TOOL_FIREWALLD},
	{"docker-bridges", TOOL_DOCKER},
	{"libvirt_network", TOOL_LIBVIRT},
	{"incus", TOOL_INCUS},
	{"lxd", TOOL_LXD},
	{"netavark", TOOL_PODMAN},
	{"kube-", TOOL_KUBERNETES},
};

/* A chain whose policy drops is told by the others beside it: the first of these that is there. */
static const struct sign chains[] = {
	{"ufw", TOOL_UFW},     {"DOCKER", TOOL_DOCKER},    {"LIBVIRT_", TOOL_LIBVIRT}, {"NETAVARK", TOOL_PODMAN},
	{"CNI-", TOOL_PODMAN}, {"KUBE-", TOOL_KUBERNETES}, {"cali-", TOOL_KUBERNETES}, {"ts-", TOOL_TAILSCALE},
};

static const struct sign *sign_of(const struct sign *signs, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(name, signs[i].name, strlen(signs[i].name)) == 0)
			return &signs[i];
	return NULL;
}

/* Only these two set the policy of a chain that is not their own. */
static const struct sign *policy_of(const struct foreign_table *t, uint32_t hook)
{
	size_t n = hook == NF_INET_FORWARD ? 2 : 1;
	const struct sign *found = NULL;

	for (size_t i = 0; i < t->rules->n_chains; i++) {
		const struct sign *s = sign_of(chains, n, t->rules->chains[i].name);

		if (s && (!found || s < found))
			found = s;
	}
	return found;
}

static bool is_iptables(const struct foreign_table *t, const struct chain *base)
{
	static const char *const hooks[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

	return t->family != NFPROTO_INET && base->hook < ARRAY_SIZE(hooks) && streq(base->name, hooks[base->hook]);
}

enum foreign_tool foreign_tool(const struct foreign_table *t, const struct chain *base, const struct fate *fate)
{
	const char *chain = fate->translated_in ? fate->translated_in : fate->dropped_in;
	const struct sign *s = sign_of(tables, ARRAY_SIZE(tables), t->name);

	if (!s && fate->by_policy)
		s = policy_of(t, base->hook);
	else if (!s && chain)
		s = sign_of(chains, ARRAY_SIZE(chains), chain);
	if (s)
		return s->tool;
	return is_iptables(t, base) ? TOOL_IPTABLES : TOOL_NFTABLES;
}

const char *foreign_family(const struct foreign_table *t)
{
	return t->family == NFPROTO_INET ? "inet" : t->family == NFPROTO_IPV4 ? "ip" : "ip6";
}

char *foreign_place(const struct obstacle *o)
{
	return xasprintf("%s (table %s %s, chain %s)", names[o->tool], foreign_family(o->table), o->table->name,
			 o->fate.translated_in ? o->fate.translated_in : o->fate.dropped_in);
}

/* ---- What to do ---------------------------------------------------------------------------------- */

static const char *proto_of(const struct foreign_packet *p)
{
	return p->proto == IPPROTO_UDP ? "udp" : p->proto == IPPROTO_SCTP ? "sctp" : "tcp";
}

/* The rule that lets the packet through, as nft and iptables write it. Caller's strings. */
static char *nft_rule(const struct obstacle *o, const struct foreign_packet *p)
{
	char addr[ADDR_TEXT_MAX];

	if (p->translated)
		return xstrdup("ct status dnat accept");
	if (o->base->hook != NF_INET_FORWARD)
		return xasprintf("%s dport %u accept", proto_of(p), p->to.port);
	return xasprintf("%s daddr %s %s dport %u accept", p->family == AF_INET ? "ip" : "ip6",
			 ip_text(&p->to.ip, addr), proto_of(p), p->to.port);
}

static char *iptables_rule(const struct obstacle *o, const struct foreign_packet *p)
{
	char addr[ADDR_TEXT_MAX];

	if (p->translated)
		return xstrdup("-m conntrack --ctstate DNAT -j ACCEPT");
	if (o->base->hook != NF_INET_FORWARD)
		return xasprintf("-p %s --dport %u -j ACCEPT", proto_of(p), p->to.port);
	return xasprintf("-d %s -p %s --dport %u -j ACCEPT", ip_text(&p->to.ip, addr), proto_of(p), p->to.port);
}

/* The base chain is where an accept counts. */
static char *insert(const struct obstacle *o, const struct foreign_packet *p, const char *kept)
{
	const char *table = o->table->name;

	if (is_iptables(o->table, o->base)) {
		_cleanup_(freep) char *rule = iptables_rule(o, p);
		const char *tool = o->table->family == NFPROTO_IPV6 ? "ip6tables" : "iptables";

		return xasprintf("%s%s%s -I %s %s%s", tool, streq(table, "filter") ? "" : " -t ",
				 streq(table, "filter") ? "" : table, o->base->name, rule, kept);
	}
	_cleanup_(freep) char *rule = nft_rule(o, p);

	return xasprintf("nft insert rule %s %s %s %s%s", foreign_family(o->table), table, o->base->name, rule, kept);
}

static char *remedy_forward(const struct obstacle *o, const struct foreign_packet *p)
{
	char addr[ADDR_TEXT_MAX];

	switch (o->tool) {
	case TOOL_UFW:
		return xasprintf("ufw route allow proto %s from any to %s port %u", proto_of(p),
				 ip_text(&p->to.ip, addr), p->to.port);
	case TOOL_FIREWALLD:
		return xstrdup(p->translated ? "set StrictForwardPorts=no in /etc/firewalld/firewalld.conf, then "
					       "firewall-cmd --reload"
					     : "let it through with a firewalld policy: man firewalld.policies");
	case TOOL_DOCKER:
		return o->fate.by_policy
			       ? xstrdup("set \"ip-forward-no-drop\": true in /etc/docker/daemon.json, then systemctl "
					 "restart docker")
			       : xasprintf(
					 "make the container's network with -o com.docker.network.bridge.gateway_mode_"
					 "ipv%c=nat-unprotected",
					 p->family == AF_INET ? '4' : '6');
	case TOOL_LIBVIRT:
		return insert(o, p, ", and the same in /etc/libvirt/hooks/network: libvirt makes its rules anew");
	case TOOL_INCUS:
	case TOOL_LXD:
		return xasprintf("%s network acl rule add ACL ingress action=allow protocol=%s destination_port=%u",
				 o->tool == TOOL_INCUS ? "incus" : "lxc", proto_of(p), p->to.port);
	case TOOL_IPTABLES:
		return insert(o, p, ", then netfilter-persistent save");
	default:
		return insert(o, p, ", and the same rule first in that chain of /etc/nftables.conf");
	}
}

static char *remedy_input(const struct obstacle *o, const struct foreign_packet *p)
{
	switch (o->tool) {
	case TOOL_UFW:
		return xasprintf("ufw allow %u/%s", p->to.port, proto_of(p));
	case TOOL_FIREWALLD:
		return xasprintf("firewall-cmd --permanent --add-port=%u/%s && firewall-cmd --reload", p->to.port,
				 proto_of(p));
	case TOOL_IPTABLES:
		return insert(o, p, ", then netfilter-persistent save");
	default:
		return insert(o, p, ", and the same rule first in that chain of /etc/nftables.conf");
	}
}

char *foreign_remedy(const struct obstacle *o, const struct foreign_packet *p)
{
	return o->base->hook == NF_INET_FORWARD ? remedy_forward(o, p) : remedy_input(o, p);
}
