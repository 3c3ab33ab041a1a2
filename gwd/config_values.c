/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong is answered with what would be right wherever that can be told: a range turned round, a prefix without
 * its host bits, a date with a time. */
#include "config_values.h"

#include "timestamp.h"
#include "util.h"

/* ---- Addresses ---------------------------------------------------------------------------------- */

bool value_address(const struct node *value, const char *label, const struct ip *ip, const char *const why[IP_KINDS],
		   struct diag *diag)
{
	enum ip_kind kind = ip_kind(ip);

	if (kind != IP_HOST)
		diag_add(diag, DIAG_INVALID, value->loc, "%s: %s %s", label, value->text, why[kind]);
	return kind == IP_HOST;
}

static void prefix_mistake(const struct key *k, const struct node *value, struct diag *diag)
{
	char text[PREFIX_TEXT_MAX];
	const char *label = key_label(k, value);
	struct prefix rounded;

	if (streq(value->text, "local"))
		diag_add(diag, DIAG_INVALID, value->loc,
			 "%s: 'local' is for ports of the gateway itself (gateway.open); write the networks", label);
	else if (prefix_round(value->text, &rounded))
		diag_add(diag, DIAG_INVALID, value->loc, "%s: '%s' has bits set behind its length; write %s", label,
			 value->text, prefix_text(&rounded, text));
	else
		diag_add(diag, DIAG_INVALID, value->loc,
			 "%s: '%s' is no address or prefix; expected one such as 198.51.100.0/24", label, value->text);
}

bool value_prefixes(const struct key *k, const struct node *value, bool *local, struct prefix **ret, size_t *ret_n,
		    struct diag *diag)
{
	size_t before = diag_count(diag), total = items_of(value), n = 0;
	_cleanup_(freep) struct prefix *prefixes = NULL;
	bool have_local = false;

	if (!total)
		diag_add(diag, DIAG_INVALID, value->loc, "%s: the list is empty; leave the key out to let anyone in",
			 key_label(k, value));
	if (total > FORWARD_FROM_MAX) {
		diag_add(diag, DIAG_INVALID, value->loc, "%s: at most %d addresses and prefixes, not %zu",
			 key_label(k, value), FORWARD_FROM_MAX, total);
		return false;
	}
	prefixes = xcalloc(total, sizeof(*prefixes));
	for (size_t i = 0; i < total; i++) {
		const struct node *item = item_of(value, i);

		if (item->type == NODE_NULL)
			diag_add(diag, DIAG_INVALID, item->loc, "%s: an entry of the list is empty",
				 key_label(k, value));
		else if (!key_text(k, item, diag))
			continue;
		else if (local && streq(item->text, "local"))
			have_local = true;
		else if (prefix_parse(item->text, &prefixes[n]))
			n++;
		else
			prefix_mistake(k, item, diag);
	}
	if (diag_count(diag) > before)
		return false;
	if (have_local)
		*local = true;
	*ret_n = prefixes_normalize(prefixes, n);
	*ret = TAKE_PTR(prefixes);
	return true;
}

bool value_snat(const struct key *k, const struct node *value, struct snat *ret, struct diag *diag)
{
	static const char *const why[IP_KINDS] = {
		[IP_UNSPECIFIED] = "is no address that a connection can come from",
		[IP_LOOPBACK] = "is loopback, which no reply would find",
		[IP_MULTICAST] = "is a multicast group; connections do not come from one",
		[IP_BROADCAST] = "is the broadcast address; connections do not come from it",
		[IP_LINK_LOCAL] = "is link-local and cannot be routed from",
		[IP_MAPPED] = "is an IPv4 address in IPv6 clothes; write it as IPv4",
	};
	struct snat snat = {.mode = SNAT_ADDRESS};
	int word;

	if (value->type == NODE_SCALAR && ip_parse(value->text, &snat.addr)) {
		if (!value_address(value, k->name, &snat.addr, why, diag))
			return false;
		*ret = snat;
		return true;
	}
	word = key_choice(k, value, " or an IP address", diag);
	if (word < 0)
		return false;
	*ret = (struct snat){.mode = SNAT_AUTO + (enum snat_mode)word};
	return true;
}

/* ---- Ports and protocols ------------------------------------------------------------------------ */

bool value_port(const struct node *value, const char *label, struct port_range *ret, struct diag *diag)
{
	const char *text = value->text, *dash = strchr(text, '-');
	_cleanup_(freep) char *turned = NULL;
	struct port_range range;

	if (port_range_parse(text, ret))
		return true;
	if (dash)
		turned = xasprintf("%s-%.*s", dash + 1, (int)(dash - text), text);
	if (turned && port_range_parse(turned, &range))
		diag_add(diag, DIAG_INVALID, value->loc, "%s: '%s' runs backwards; write %s", label, text, turned);
	else
		diag_add(diag, DIAG_INVALID, value->loc,
			 "%s: '%s' is no port; expected 1 to 65535, or a range such as 8000-8010", label, text);
	return false;
}

/* Marks the ports of `range` in `used`; the first one that was there already, or 0. */
static unsigned mark_ports(uint8_t used[8192], struct port_range range)
{
	for (unsigned port = range.first; port && port <= range.last; port++) {
		if (used[port / 8] & (1U << port % 8))
			return port;
		used[port / 8] |= (uint8_t)(1U << port % 8);
	}
	return 0;
}

static void check_overlaps(const struct port_range *ports, const struct node *value, const char *label,
			   struct diag *diag)
{
	uint8_t used[8192];

	if (items_of(value) < 2) /* as with nearly every service of a large file */
		return;
	memset(used, 0, sizeof(used));
	for (size_t i = 0; i < items_of(value); i++) {
		unsigned twice = mark_ports(used, ports[i]);

		if (twice)
			diag_add(diag, DIAG_INVALID, item_of(value, i)->loc, "%s: %u is in this list twice", label,
				 twice);
	}
}

bool value_ports(const struct key *k, const struct node *value, struct port_range **ret, size_t *ret_n,
		 struct diag *diag)
{
	_cleanup_(freep) struct port_range *ports = NULL;
	size_t before = diag_count(diag), n = items_of(value);
	const char *label = key_label(k, value);

	if (value->type == NODE_MAP || n == 0) {
		diag_add(diag, DIAG_INVALID, value->loc,
			 "%s: expected a port, a range such as 8000-8010, or a list of those", label);
		return false;
	}
	ports = xcalloc(n, sizeof(*ports));
	for (size_t i = 0; i < n; i++) {
		const struct node *item = item_of(value, i);

		if (item->type == NODE_NULL)
			diag_add(diag, DIAG_INVALID, item->loc, "%s: an entry of the list is empty", label);
		else if (key_text(k, item, diag))
			value_port(item, label, &ports[i], diag);
	}
	check_overlaps(ports, value, label, diag);
	if (diag_count(diag) > before)
		return false;
	*ret_n = n;
	*ret = TAKE_PTR(ports);
	return true;
}

bool value_proto(const struct key *k, const struct node *value, uint8_t *ret, struct diag *diag)
{
	const char *text = key_text(k, value, diag);

	if (!text)
		return false;
	if (proto_parse(text, ret))
		return true;
	diag_add(diag, DIAG_INVALID, value->loc, "%s: expected tcp, udp, tcp+udp or sctp, not '%s'", k->name, text);
	return false;
}

/* ---- Numbers and times -------------------------------------------------------------------------- */

bool value_number(const struct key *k, const struct node *value, unsigned max, unsigned *ret, struct diag *diag)
{
	const char *text = key_text(k, value, diag), *end = text;
	unsigned number;

	if (!text)
		return false;
	if (number_parse(&end, max, &number) && !*end && number) {
		*ret = number;
		return true;
	}
	diag_add(diag, DIAG_INVALID, value->loc, "%s: expected a whole number from 1 to %u, not '%s'", k->name, max,
		 text);
	return false;
}

bool value_rate(const struct key *k, const struct node *value, struct limit *ret, struct diag *diag)
{
	const char *text = key_text(k, value, diag), *end = text;
	unsigned number;

	if (!text)
		return false;
	if (number_parse(&end, FORWARD_LIMIT_MAX, &number) && number && *end == '/') {
		for (size_t i = 0; i < LIMIT_UNITS; i++) {
			if (!streq(end + 1, limit_units[i].name))
				continue;
			ret->rate = number;
			ret->per = limit_units[i].seconds;
			return true;
		}
	}
	diag_add(diag, DIAG_INVALID, value->loc,
		 "%s: expected 1 to %d connections per second, minute, hour or day, such as 20/second, not '%s'",
		 k->name, FORWARD_LIMIT_MAX, text);
	return false;
}

bool value_time(const struct key *k, const struct node *value, int64_t *ret, struct diag *diag)
{
	const char *text = key_text(k, value, diag);
	_cleanup_(freep) char *with_time = NULL, *with_zone = NULL;
	int64_t time;

	if (!text)
		return false;
	if (timestamp_parse(text, ret))
		return true;
	with_time = xasprintf("%sT23:59:59Z", text);
	with_zone = xasprintf("%sZ", text);
	if (timestamp_parse(with_time, &time))
		diag_add(diag, DIAG_INVALID, value->loc, "%s: '%s' is a day; write %s for the end of it", k->name, text,
			 with_time);
	else if (timestamp_parse(with_zone, &time))
		diag_add(diag, DIAG_INVALID, value->loc,
			 "%s: '%s' is without time zone; write %s for UTC, or an offset such as +02:00", k->name, text,
			 with_zone);
	else
		diag_add(diag, DIAG_INVALID, value->loc, "%s: expected a time such as 2026-12-31T23:59:00Z, not '%s'",
			 k->name, text);
	return false;
}
