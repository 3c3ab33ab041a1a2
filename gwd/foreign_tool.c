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

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static const struct sign *sign_of(const struct sign *signs, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (begins(name, signs[i].name))
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
	return t->family == NFPROTO_INET     ? "inet"
	       : t->family == NFPROTO_IPV4   ? "ip"
	       : t->family == NFPROTO_NETDEV ? "netdev"
					     : "ip6";
}

static const char *chain_of(const struct fate *f)
{
	return f->translated_in ? f->translated_in : f->dropped_in ? f->dropped_in : f->altered_in;
}

char *foreign_place(const struct obstacle *o)
{
	return xasprintf("%s (table %s %s, chain %s)", names[o->tool], foreign_family(o->table), o->table->name,
			 chain_of(&o->fate));
}

/* ---- What to do ---------------------------------------------------------------------------------- */

static const char *proto_of(const struct foreign_packet *p)
{
	return p->proto == IPPROTO_UDP ? "udp" : p->proto == IPPROTO_SCTP ? "sctp" : "tcp";
}

/* The rule that lets the packet through, as nft and iptables write it. Caller's strings. */
static char *nft_rule(const struct obstacle *o, const struct foreign_packet *p)
{
	bool of_devices = o->table->family == NFPROTO_NETDEV;
	char addr[ADDR_TEXT_MAX];

	if (p->reply)
		return p->from.ip.family
			       ? xasprintf("%s saddr %s %s sport %u accept", p->family == AF_INET ? "ip" : "ip6",
					   ip_text(&p->from.ip, addr), proto_of(p), p->from.port)
			       : xasprintf("%s sport %u accept", proto_of(p), p->from.port);
	if (p->translated && !of_devices) /* the rules of a device know no connections */
		return xstrdup("ct status dnat accept");
	if (of_devices ? !p->translated : o->base->hook != NF_INET_FORWARD)
		return xasprintf("%s dport %u accept", proto_of(p), p->to.port);
	return xasprintf("%s daddr %s %s dport %u accept", p->family == AF_INET ? "ip" : "ip6",
			 ip_text(&p->to.ip, addr), proto_of(p), p->to.port);
}

static char *iptables_rule(const struct obstacle *o, const struct foreign_packet *p)
{
	char addr[ADDR_TEXT_MAX];

	if (p->reply)
		return xasprintf("-p %s --sport %u -j ACCEPT", proto_of(p), p->from.port);
	if (p->translated)
		return xstrdup("-m conntrack --ctstate DNAT -j ACCEPT");
	if (o->base->hook != NF_INET_FORWARD)
		return xasprintf("-p %s --dport %u -j ACCEPT", proto_of(p), p->to.port);
	return xasprintf("-d %s -p %s --dport %u -j ACCEPT", ip_text(&p->to.ip, addr), proto_of(p), p->to.port);
}

/* The base chain is where an accept counts; Docker keeps a chain for others' rules ahead of its own. */
static char *insert(const struct obstacle *o, const struct foreign_packet *p)
{
	const struct chain *users = ruleset_chain(o->table->rules, "DOCKER-USER");
	const char *table = o->table->name, *chain = o->tool == TOOL_DOCKER && users ? users->name : o->base->name;

	if (is_iptables(o->table, o->base)) {
		_cleanup_(freep) char *rule = iptables_rule(o, p);
		const char *tool = o->table->family == NFPROTO_IPV6 ? "ip6tables" : "iptables";

		return xasprintf("%s%s%s -I %s %s", tool, streq(table, "filter") ? "" : " -t ",
				 streq(table, "filter") ? "" : table, chain, rule);
	}
	_cleanup_(freep) char *rule = nft_rule(o, p);

	return xasprintf("nft insert rule %s %s %s %s", foreign_family(o->table), table, chain, rule);
}

/* Helps at once; takes what makes it last. */
static struct remedy insert_and_keep(const struct obstacle *o, const struct foreign_packet *p, char *how)
{
	return (struct remedy){.command = insert(o, p), .lasting = how};
}

static struct remedy remedy_rule(const struct obstacle *o, const struct foreign_packet *p)
{
	return insert_and_keep(o, p,
			       xstrdup(o->tool == TOOL_IPTABLES
					       ? "netfilter-persistent save, or rc-service iptables save"
					       : "the same without 'nft' as last line of /etc/nftables.conf, or as a "
						 "file /etc/nftables.d/gwd.nft"));
}

/* A refusal that ufw was told comes before whatever it is told now. */
static struct remedy remedy_ufw(const struct obstacle *o, const struct foreign_packet *p)
{
	char addr[ADDR_TEXT_MAX];

	if (begins(o->fate.dropped_in, "ufw-user-") || begins(o->fate.dropped_in, "ufw6-user-"))
		return remedy_advice(xstrdup("ufw status numbered shows the rule, ufw delete NUMBER removes it"));
	if (p->proto == IPPROTO_SCTP) /* which ufw has no word for */
		return insert_and_keep(o, p, xstrdup("the same rule in /etc/ufw/before.rules"));
	if (o->base->hook != NF_INET_FORWARD)
		return remedy_command(xasprintf("ufw allow %u/%s", p->to.port, proto_of(p)));
	return remedy_command(xasprintf("ufw route allow proto %s from any to %s port %u", proto_of(p),
					ip_text(&p->to.ip, addr), p->to.port));
}

/* "--zone=external ": the chain is that of a zone. Caller's. */
static char *firewalld_zone(const struct obstacle *o)
{
	static const char prefix[] = "filter_IN_";
	const char *zone = o->fate.dropped_in + strlen(prefix);

	return begins(o->fate.dropped_in, prefix) ? xasprintf("--zone=%s ", zone) : xstrdup("");
}

static struct remedy remedy_firewalld(const struct obstacle *o, const struct foreign_packet *p)
{
	static const char policy[] = "firewall-cmd --permanent --policy gwd";
	char addr[ADDR_TEXT_MAX];

	if (streq(o->table->name, "firewalld_policy_drop"))
		return remedy_advice(
			xstrdup("wait, firewalld is loading its rules; if it stays so: firewall-cmd --reload"));
	if (o->base->hook != NF_INET_FORWARD) {
		_cleanup_(freep) char *zone = firewalld_zone(o);

		return remedy_command(xasprintf("firewall-cmd --permanent %s--add-port=%u/%s && firewall-cmd --reload",
						zone, p->to.port, proto_of(p)));
	}
	if (p->translated)
		return remedy_command(xstrdup("sed -i 's/^StrictForwardPorts=.*/StrictForwardPorts=no/' "
					      "/etc/firewalld/firewalld.conf && firewall-cmd --reload"));
	return remedy_command(xasprintf(
		"firewall-cmd --permanent --new-policy gwd; %s --add-ingress-zone ANY; %s --add-egress-zone ANY; "
		"%s --add-rich-rule 'rule family=\"%s\" destination address=\"%s\" port port=\"%u\" protocol=\"%s\" "
		"accept' && firewall-cmd --reload",
		policy, policy, policy, p->family == AF_INET ? "ipv4" : "ipv6", ip_text(&p->to.ip, addr), p->to.port,
		proto_of(p)));
}

/* Docker does not take back a policy before the next boot, but where its nftables are its own. */
static struct remedy remedy_docker(const struct obstacle *o, const struct foreign_packet *p)
{
	bool users = ruleset_chain(o->table->rules, "DOCKER-USER") != NULL;
	char *how = !o->fate.by_policy ? xasprintf("make the container's network with -o "
						   "com.docker.network.bridge.gateway_mode_ipv%c=nat-unprotected",
						   p->family == AF_INET ? '4' : '6')
		    : users ? xstrdup("\"ip-forward-no-drop\": true in /etc/docker/daemon.json (Docker 28 or "
				      "later; an earlier one drops only where it turned forwarding on itself, "
				      "and gwd starts before it)")
			    : xstrdup("set \"ip-forward-no-drop\": true in /etc/docker/daemon.json, then "
				      "systemctl restart docker");

	return users ? insert_and_keep(o, p, how) : remedy_advice(how);
}

/* It makes its rules anew with each network, and calls its hooks then. */
static struct remedy remedy_libvirt(const struct obstacle *o, const struct foreign_packet *p)
{
	static const char hook[] = "/etc/libvirt/hooks/network.d/gwd";

	if (!p->translated)
		return insert_and_keep(o, p, xstrdup("the same in /etc/libvirt/hooks/network"));
	return remedy_command(
		xasprintf("install -D -m 755 " GWD_DATADIR "/hooks/libvirt-network %s && %s - started", hook, hook));
}

struct remedy foreign_remedy(const struct obstacle *o, const struct foreign_packet *p)
{
	if (p->reply) /* what tools are told is for what comes in */
		return remedy_rule(o, p);
	switch (o->tool) {
	case TOOL_UFW:
		return remedy_ufw(o, p);
	case TOOL_FIREWALLD:
		return remedy_firewalld(o, p);
	case TOOL_DOCKER:
		return remedy_docker(o, p);
	case TOOL_LIBVIRT:
		return remedy_libvirt(o, p);
	case TOOL_INCUS:
	case TOOL_LXD:
		return remedy_advice(
			xasprintf("%s network acl rule add ACL ingress action=allow protocol=%s destination_port=%u",
				  o->tool == TOOL_INCUS ? "incus" : "lxc", proto_of(p), p->to.port));
	default:
		return remedy_rule(o, p);
	}
}

/* Tools translate at or behind the usual priority, where gwd's rule comes first: what is ahead of it is somebody's own. */
struct remedy foreign_untranslate(const struct obstacle *o)
{
	const char *family = foreign_family(o->table), *table = o->table->name, *chain = chain_of(&o->fate);

	if (!o->fate.rule)
		return remedy_advice(xasprintf("nft -a list chain %s %s %s shows its rules", family, table, chain));
	return remedy_command(xasprintf("nft delete rule %s %s %s handle %llu", family, table, chain,
					(unsigned long long)o->fate.rule->handle));
}
