/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One spelling per value: what is parsed here prints back as itself, and spellings that different programs read
 * differently (leading zeros are octal to some) are refused instead of guessed. */
#include "addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

const uint8_t proto_numbers[PROTO_COUNT] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
const char *const proto_names[PROTO_COUNT] = {"tcp", "udp", "sctp"};

bool ip_parse(const char *text, struct ip *ret)
{
	struct ip ip = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(ip.family, text, ip.bytes) != 1)
		return false;
	*ret = ip;
	return true;
}

/* Clears the bits behind the length; false when there were any. */
static bool clear_host_bits(struct prefix *p)
{
	bool clear = true;

	for (unsigned bit = p->len; bit < ip_len(&p->ip) * 8; bit++) {
		uint8_t *byte = &p->ip.bytes[bit / 8], mask = (uint8_t)(0x80 >> bit % 8);

		clear = clear && !(*byte & mask);
		*byte &= (uint8_t)~mask;
	}
	return clear;
}

/* Host bits as they are. */
static bool prefix_split(const char *text, struct prefix *ret)
{
	const char *slash = strchr(text, '/');
	char addr[ADDR_TEXT_MAX];
	unsigned len;

	if (!slash) {
		if (!ip_parse(text, &ret->ip))
			return false;
		ret->len = (uint8_t)(ip_len(&ret->ip) * 8);
		return true;
	}
	if ((size_t)(slash - text) >= sizeof(addr))
		return false;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	slash++;
	if (!ip_parse(addr, &ret->ip) || !number_parse(&slash, (unsigned)ip_len(&ret->ip) * 8, &len) || *slash)
		return false;
	ret->len = (uint8_t)len;
	return true;
}

bool prefix_parse(const char *text, struct prefix *ret)
{
	struct prefix p;

	if (!prefix_split(text, &p) || !clear_host_bits(&p))
		return false;
	*ret = p;
	return true;
}

bool prefix_round(const char *text, struct prefix *ret)
{
	struct prefix p;

	if (!prefix_split(text, &p))
		return false;
	clear_host_bits(&p);
	*ret = p;
	return true;
}

bool port_range_parse(const char *text, struct port_range *ret)
{
	unsigned first, last;

	if (!number_parse(&text, UINT16_MAX, &first))
		return false;
	last = first;
	if (*text == '-') {
		text++;
		if (!number_parse(&text, UINT16_MAX, &last))
			return false;
	}
	if (*text || !first || first > last)
		return false;
	*ret = (struct port_range){.first = (uint16_t)first, .last = (uint16_t)last};
	return true;
}

bool proto_parse(const char *text, uint8_t *ret)
{
	static const uint8_t all[] = {PROTO_TCP, PROTO_UDP, PROTO_TCP | PROTO_UDP, PROTO_SCTP};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (streq(text, proto_text(all[i]))) {
			*ret = all[i];
			return true;
		}
	}
	return false;
}

const char *ip_text(const struct ip *ip, char out[ADDR_TEXT_MAX])
{
	char *end = out;

	if (ip->family == AF_INET) {
		for (size_t i = 0; i < 4; i++)
			end = number_text(i ? stpcpy(end, ".") : end, ip->bytes[i]);
		return out;
	}
	if (!inet_ntop(ip->family, ip->bytes, out, ADDR_TEXT_MAX))
		out[0] = '\0';
	return out;
}

const char *port_range_text(struct port_range r, char out[PORTS_TEXT_MAX])
{
	char *end = number_text(out, r.first);

	if (r.first != r.last) {
		*end = '-';
		number_text(end + 1, r.last);
	}
	return out;
}

const char *proto_text(uint8_t protos)
{
	switch (protos) {
	case PROTO_TCP:
		return "tcp";
	case PROTO_UDP:
		return "udp";
	case PROTO_TCP | PROTO_UDP:
		return "tcp+udp";
	case PROTO_SCTP:
		return "sctp";
	default:
		return "";
	}
}

int ip_cmp(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

struct prefix prefix_of(const struct ip *ip, uint8_t len)
{
	struct prefix p = {.ip = *ip, .len = len};

	for (size_t bit = len; bit < ip_len(ip) * 8; bit++)
		p.ip.bytes[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	return p;
}

bool prefix_contains(const struct prefix *p, const struct ip *ip)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (p->ip.family != ip->family || (whole && p->ip.bytes[0] != ip->bytes[0]) || memcmp(p->ip.bytes, ip->bytes, whole) != 0)
		return false;
	return !rest || (p->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest) == 0;
}

enum ip_kind ip_kind(const struct ip *ip)
{
	static const struct {
		struct prefix prefix;
		enum ip_kind kind;
	} special[] = {
		{{{AF_INET, {0}}, 8}, IP_UNSPECIFIED},
		{{{AF_INET, {127}}, 8}, IP_LOOPBACK},
		{{{AF_INET, {224}}, 4}, IP_MULTICAST},
		{{{AF_INET, {255, 255, 255, 255}}, 32}, IP_BROADCAST},
		{{{AF_INET6, {0}}, 128}, IP_UNSPECIFIED},
		{{{AF_INET6, {[15] = 1}}, 128}, IP_LOOPBACK},
		{{{AF_INET6, {0xff}}, 8}, IP_MULTICAST},
		{{{AF_INET6, {0xfe, 0x80}}, 10}, IP_LINK_LOCAL},
		{{{AF_INET6, {[10] = 0xff, [11] = 0xff}}, 96}, IP_MAPPED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (prefix_contains(&special[i].prefix, ip))
			return special[i].kind;
	return IP_HOST;
}

const char *prefix_text(const struct prefix *p, char out[PREFIX_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];

	if (p->len == ip_len(&p->ip) * 8)
		return ip_text(&p->ip, out);
	snprintf(out, PREFIX_TEXT_MAX, "%s/%u", ip_text(&p->ip, addr), p->len);
	return out;
}

int prefix_cmp(const struct prefix *a, const struct prefix *b)
{
	int c = ip_cmp(&a->ip, &b->ip);

	return c ? c : a->len - b->len;
}

static int prefix_cmp_item(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

/* Sorted, a prefix comes right behind the last one kept that may contain it. */
size_t prefixes_normalize(struct prefix *prefixes, size_t n)
{
	size_t kept = 0;

	n = sort_unique(prefixes, n, sizeof(*prefixes), prefix_cmp_item);
	for (size_t i = 0; i < n; i++)
		if (!kept || !prefix_contains(&prefixes[kept - 1], &prefixes[i].ip))
			prefixes[kept++] = prefixes[i];
	return kept;
}

bool prefixes_same(const struct prefix *a, size_t n_a, const struct prefix *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (prefix_cmp(&a[i], &b[i]) != 0)
			return false;
	return true;
}

void prefix_last(const struct prefix *p, struct ip *ret)
{
	*ret = p->ip;
	for (size_t bit = p->len; bit < ip_len(&p->ip) * 8; bit++)
		ret->bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

/* Linux net/core/dev.c: dev_valid_name(); its isspace() counts 0xa0 too. */
bool ifname_valid(const char *name)
{
	size_t len = strnlen(name, IFNAMSIZ);

	if (!len || len >= IFNAMSIZ || streq(name, ".") || streq(name, ".."))
		return false;
	for (; *name; name++)
		if (strchr("/: \t\n\v\f\r\xa0", *name))
			return false;
	return true;
}

bool ifname_plain(const char *name)
{
	return ifname_valid(name) && text_printable(name) && !strpbrk(name, "\"\\");
}
