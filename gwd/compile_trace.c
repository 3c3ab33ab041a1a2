/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mark is set ahead of every other rule, so that even a raw table is seen, and few packets get it: each makes the
 * kernel send a message for every rule that it meets. The chains at the other end of the hooks have no rules; that a
 * packet passes their policy tells that nobody has dropped it on this hook. */
#include "compile_parts.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/tcp.h>

enum { PER_SECOND = 5, FLAGS_AT = 13 };

static void match_address(struct builder *b, const struct family *f, uint32_t offset, const struct ip *ip)
{
	if (!ip->family)
		return;
	build_payload(b, NFT_PAYLOAD_NETWORK_HEADER, offset, f->len, 0);
	build_cmp(b, NFT_CMP_EQ, ip->bytes, f->len);
}

static void match_port(struct builder *b, uint32_t offset, uint16_t port)
{
	const uint16_t be = htons(port);

	if (!port)
		return;
	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2, 0);
	build_cmp(b, NFT_CMP_EQ, &be, sizeof(be));
}

/* tcp flags & (syn | ack) == WANTED */
static void match_flags(struct builder *b, uint8_t wanted)
{
	struct expr *mask;

	build_payload(b, NFT_PAYLOAD_TRANSPORT_HEADER, FLAGS_AT, 1, 0);
	mask = build_expr(b, EXPR_BITWISE);
	mask->len = 1;
	mask->data[0] = TH_SYN | TH_ACK;
	build_cmp8(b, NFT_CMP_EQ, wanted);
}

/* meta nfproto ipv4 meta l4proto tcp [ip saddr FROM] [ip daddr TO] [th sport PORT] [th dport PORT] [(match_flags)]
 *   limit rate 5/second burst 5 packets meta nftrace set 1 */
static void mark(struct builder *b, const struct compile_traced *t)
{
	const struct family *f = &compile_families[(t->to.family ? t->to.family : t->from.family) == AF_INET6];
	struct expr *e;

	build_rule(b, t->answer ? "answer" : "asked");
	part_nfproto(b, f);
	build_meta(b, NFT_META_L4PROTO, 0);
	build_cmp8(b, NFT_CMP_EQ, t->proto);
	match_address(b, f, f->saddr, &t->from);
	match_address(b, f, f->daddr, &t->to);
	match_port(b, 0, t->from_port);
	match_port(b, 2, t->to_port);
	if (t->proto == IPPROTO_TCP)
		match_flags(b, t->answer ? TH_SYN | TH_ACK : TH_SYN);
	e = build_expr(b, EXPR_LIMIT);
	e->rate = PER_SECOND;
	e->per = 1;
	e->burst = PER_SECOND;
	e = build_expr(b, EXPR_IMMEDIATE);
	e->len = 1;
	e->data[0] = 1;
	build_expr(b, EXPR_META_SET)->key = NFT_META_NFTRACE;
}

void compile_trace(struct ruleset *out, const struct compile_traced *traced, size_t n)
{
	static const struct {
		const char *mark, *passed;
		uint32_t hook;
	} hooks[] = {
		{"marked-in", "prerouting", NF_INET_PRE_ROUTING},
		{"marked-out", "output", NF_INET_LOCAL_OUT},
		{NULL, "input", NF_INET_LOCAL_IN},
		{NULL, "forward", NF_INET_FORWARD},
		{NULL, "postrouting", NF_INET_POST_ROUTING},
	};
	struct builder b = {.out = out};

	assert(n <= COMPILE_TRACED_MAX);
	out->table = true;
	out->table_flags = TABLE_OWNER;
	for (size_t h = 0; h < ARRAY_SIZE(hooks); h++) {
		for (size_t i = 0; i < n && hooks[h].mark; i++)
			mark(&b, &traced[i]);
		if (hooks[h].mark)
			build_base_chain(&b, hooks[h].mark, "filter", hooks[h].hook, INT32_MIN);
		build_base_chain(&b, hooks[h].passed, "filter", hooks[h].hook, INT32_MAX);
	}
	ruleset_sort(out);
}
