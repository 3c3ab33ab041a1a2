/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, prefixes, ports and protocols as values: parse and print, nothing else. */
#ifndef ADDR_H
#define ADDR_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORTS_TEXT_MAX 12                    /* "65535-65535" and NUL */
#define ADDR_TEXT_MAX INET6_ADDRSTRLEN
#define PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + 4)

struct ip {
	uint8_t family;    /* AF_INET or AF_INET6; 0 = none */
	uint8_t bytes[16]; /* network order; the first 4 for IPv4, the rest zero */
};

struct prefix {
	struct ip ip; /* host bits are zero */
	uint8_t len;
};

struct port_range { /* host order, both ends included; first == 0: none */
	uint16_t first, last;
};

enum proto { PROTO_TCP = 1, PROTO_UDP = 2, PROTO_SCTP = 4 }; /* bits: tcp+udp is both */
#define PROTO_COUNT 3
extern const uint8_t proto_numbers[PROTO_COUNT]; /* IPPROTO_* of bit i */
extern const char *const proto_names[PROTO_COUNT];

static inline size_t ip_len(const struct ip *ip) /* bytes in use */
{
	return ip->family == AF_INET ? 4 : 16;
}

/* RFC 6890 as far as it matters: what can be neither a host behind us nor an address that others reach us at. */
enum ip_kind { IP_HOST, IP_UNSPECIFIED, IP_LOOPBACK, IP_MULTICAST, IP_BROADCAST, IP_LINK_LOCAL, IP_MAPPED };
#define IP_KINDS 7
enum ip_kind ip_kind(const struct ip *);

/* Text to value: true on success; `ret` untouched otherwise. No leading zeros, no host names, no scope ids. */
bool ip_parse(const char *text, struct ip *ret);
bool prefix_parse(const char *text, struct prefix *ret);          /* "10.0.0.0/8"; a bare address is /32 or /128; host bits set = false */
bool prefix_round(const char *text, struct prefix *ret);          /* the same with host bits cleared: what was meant */
bool port_range_parse(const char *text, struct port_range *ret);  /* "80", "8000-8010"; 1..65535, first <= last */
bool proto_parse(const char *text, uint8_t *ret);                 /* "tcp", "udp", "tcp+udp", "sctp" */

const char *ip_text(const struct ip *, char out[ADDR_TEXT_MAX]);                 /* RFC 5952 */
const char *port_range_text(struct port_range, char out[PORTS_TEXT_MAX]);
const char *proto_text(uint8_t protos);                                          /* static; "tcp+udp" */

int ip_cmp(const struct ip *, const struct ip *); /* by family, then bytes */
struct prefix prefix_of(const struct ip *, uint8_t len); /* its network of that length */
bool prefix_contains(const struct prefix *, const struct ip *);
const char *prefix_text(const struct prefix *, char out[PREFIX_TEXT_MAX]); /* a single address without its length */
int prefix_cmp(const struct prefix *, const struct prefix *); /* by address, shorter lengths first */
/* Sorts and drops those inside another; how many are left. */
size_t prefixes_normalize(struct prefix *, size_t n);
bool prefixes_same(const struct prefix *, size_t n, const struct prefix *, size_t n_other);
void prefix_last(const struct prefix *, struct ip *ret); /* its highest address */
bool ifname_valid(const char *); /* what the kernel's dev_valid_name() takes */
bool ifname_plain(const char *); /* ... and nft and terminals show as it is: printable, no quotes or backslashes */

#endif
