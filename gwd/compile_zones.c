/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where interfaces and networks are, as sets: the rules ask these and never change with them. Sets hold names, which
 * survive an interface that goes and comes back. */
#include "compile_parts.h"

#include <linux/netfilter/nf_tables.h>

/* Also interfaces that are not there now: their first packet need not wait for us. */
static void zone_elements(struct ruleset *out, const struct interface *in)
{
	static const char *const zones[] = {[ZONE_WAN] = "wan", [ZONE_LAN] = "lan", [ZONE_DMZ] = "dmz"};

	if (in->zone != ZONE_NONE)
		build_ifname(out, zones[in->zone], in->name);
	if (in->zone == ZONE_WAN || in->former)
		build_ifname(out, "outside", in->name);
	if (in->zone == ZONE_LAN || in->zone == ZONE_DMZ)
		build_ifname(out, "inside", in->name);
}

/* element same_if { "eth0" . "eth0" } */
static void same_interface(struct ruleset *out, const char *ifname)
{
	char pair[2 * IFNAMSIZ] = {0};

	for (size_t i = 0; i < 2; i++)
		memcpy(pair + i * IFNAMSIZ, ifname, strnlen(ifname, IFNAMSIZ));
	build_elem(out, "same_if", TYPE_CONCAT(TYPE_IFNAME, TYPE_IFNAME), pair, sizeof(pair));
}

static const char *near_set(const struct family *f)
{
	return f->af == AF_INET ? "near4" : "near6";
}

static const char *pair_set(const struct family *f)
{
	return f->af == AF_INET ? "same_net4" : "same_net6";
}

/* elements near4 { 10.0.0.0/24 }, same_net4 { 10.0.0.0/24 . 10.0.0.0/24 } */
static void same_network(struct ruleset *out, const struct prefix *network)
{
	const struct family *f = &compile_families[network->ip.family == AF_INET6];
	uint8_t first[KEY_MAX], last[KEY_MAX];
	struct ip highest;

	prefix_last(network, &highest);
	for (size_t i = 0; i < 2; i++) {
		memcpy(first + i * f->len, network->ip.bytes, f->len);
		memcpy(last + i * f->len, highest.bytes, f->len);
	}
	part_prefix(out, near_set(f), network);
	build_range(out, pair_set(f), TYPE_CONCAT(f->type, f->type), first, last, 2u * f->len, true);
}

void compile_zones(struct ruleset *out, const struct topology *t)
{
	static const char *const sets[] = {"wan", "outside", "lan", "dmz", "inside"};

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		build_set(out, sets[i], TYPE_IFNAME, IFNAMSIZ, 0);
	build_set(out, "same_if", TYPE_CONCAT(TYPE_IFNAME, TYPE_IFNAME), 2 * IFNAMSIZ, 0);
	for (size_t i = 0; i < ARRAY_SIZE(compile_families); i++) {
		const struct family *f = &compile_families[i];
		const uint8_t fields[] = {f->len, f->len};

		build_set(out, near_set(f), f->type, f->len, NFT_SET_INTERVAL);
		build_concat(out, pair_set(f), TYPE_CONCAT(f->type, f->type), fields, ARRAY_SIZE(fields), 0);
	}
	for (size_t i = 0; i < t->n_interfaces; i++) {
		zone_elements(out, &t->interfaces[i]);
		if (t->interfaces[i].l3)
			same_interface(out, t->interfaces[i].name);
	}
	for (size_t i = 0; i < t->n_networks; i++)
		same_network(out, &t->networks[i]);
}
