/* SPDX-License-Identifier: GPL-2.0-or-later */
/* foreign_run.c asks what becomes of one packet; here the question is which packets a rule takes. So registers hold no
 * values but what they are loaded from, and a comparison narrows the packets down. What a forward cannot ask about is
 * kept in words: whoever leaves a condition out lets more in than was meant. */
#include "import_narrow.h"

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/rtnetlink.h>

enum holds {                             /* the first ones are those of enum match_field */
	     HOLDS_ETHER = MATCH_FIELDS, /* ethertype */
	     HOLDS_IIF,
	     HOLDS_STATE,
	     HOLDS_LOCAL, /* type of the destination address */
	     HOLDS_CONST,
	     HOLDS_OTHER,
};

/* ---- Registers ----------------------------------------------------------------------------------- */

void narrow_forget(struct reading *s, const char *words)
{
	for (size_t i = 0; i < NARROW_SLOTS; i++)
		s->regs[i] = (struct reg){.holds = HOLDS_OTHER, .words = words};
}

static void set_reg(struct reading *s, uint8_t slot, uint8_t holds, uint8_t len, const char *words)
{
	for (size_t i = slot; i < NARROW_SLOTS && i < slot + (len + 3u) / 4; i++)
		s->regs[i] = (struct reg){.holds = HOLDS_OTHER, .words = words ? words : "the packet"};
	if (slot < NARROW_SLOTS)
		s->regs[slot] = (struct reg){.holds = holds, .len = len, .words = words};
}

/* How much of it is loaded is not always known; that the registers hold it no more is. */
static void set_other(struct reading *s, uint8_t slot, uint8_t len, const char *words)
{
	set_reg(s, slot, HOLDS_OTHER, SPAN_MAX, words);
	if (slot < NARROW_SLOTS)
		s->regs[slot].len = len;
}

void narrow_set_const(struct reading *s, uint8_t slot, const uint8_t *value, size_t len)
{
	for (size_t i = 0; i < len && slot * 4 + i < sizeof(s->value); i += 4) {
		s->regs[slot + i / 4] = (struct reg){.holds = HOLDS_CONST, .words = "a constant"};
		memcpy(s->value + slot * 4 + i, value + i, len - i < 4 ? len - i : 4);
	}
}

const uint8_t *narrow_const(const struct reading *s, uint8_t slot, size_t len)
{
	for (size_t i = 0; i < len; i += 4)
		if (slot + i / 4 >= NARROW_SLOTS || s->regs[slot + i / 4].holds != HOLDS_CONST)
			return NULL;
	return s->value + slot * 4;
}

static void load_meta(struct reading *s, const struct expr *e)
{
	static const char *const words[] = {
		[NFT_META_LEN] = "meta length",   [NFT_META_MARK] = "meta mark", [NFT_META_OIF] = "oif",
		[NFT_META_OIFNAME] = "oifname",   [NFT_META_SKUID] = "skuid",    [NFT_META_PKTTYPE] = "pkttype",
		[NFT_META_IIFGROUP] = "iifgroup", [NFT_META_CPU] = "cpu",
	};
	const char *other = e->key < ARRAY_SIZE(words) ? words[e->key] : NULL;

	if (e->key == NFT_META_NFPROTO)
		set_reg(s, e->dreg, MATCH_FAMILY, 1, NULL);
	else if (e->key == NFT_META_PROTOCOL)
		set_reg(s, e->dreg, HOLDS_ETHER, 2, NULL);
	else if (e->key == NFT_META_L4PROTO)
		set_reg(s, e->dreg, MATCH_PROTO, 1, NULL);
	else if (e->key == NFT_META_IIFNAME)
		set_reg(s, e->dreg, MATCH_IFNAME, IFNAMSIZ, NULL);
	else if (e->key == NFT_META_IIF)
		set_reg(s, e->dreg, HOLDS_IIF, 4, NULL);
	else
		set_other(s, e->dreg, e->key == NFT_META_OIFNAME ? IFNAMSIZ : 4,
			  other ? other : arena_printf(s->arena, "meta key %u", e->key));
}

/* nft loads only the leading bytes of an address when that is all that a prefix needs, and both IPv4 addresses at once
 * when it asks for both. */
static bool load_address(struct reading *s, const struct expr *e)
{
	uint8_t family = match_family(&s->match), len = family == AF_INET ? 4 : 16, from = family == AF_INET ? 12 : 8;

	if (family == AF_INET && e->offset == from && e->len > len && e->len <= 2 * len) {
		set_reg(s, e->dreg, MATCH_FROM, len, NULL);
		set_reg(s, e->dreg + 1, MATCH_TO, e->len - len, NULL);
		return true;
	}
	if (!family || e->len > len || (e->offset != from && e->offset != from + len))
		return false;
	set_reg(s, e->dreg, e->offset == from ? MATCH_FROM : MATCH_TO, e->len, NULL);
	return true;
}

static void load_payload(struct reading *s, const struct expr *e)
{
	uint8_t family = match_family(&s->match);

	if (e->op == NFT_PAYLOAD_NETWORK_HEADER && load_address(s, e))
		return;
	if (e->op == NFT_PAYLOAD_NETWORK_HEADER && e->len == 1 && family && e->offset == (family == AF_INET ? 9 : 6))
		set_reg(s, e->dreg, MATCH_PROTO, 1, NULL);
	else if (e->op == NFT_PAYLOAD_TRANSPORT_HEADER && e->offset == 2 && e->len == 2)
		set_reg(s, e->dreg, MATCH_PORT, 2, NULL);
	else if (e->op == NFT_PAYLOAD_TRANSPORT_HEADER && e->offset == 0)
		set_reg(s, e->dreg, HOLDS_OTHER, e->len, "the source port");
	else
		set_reg(s, e->dreg, HOLDS_OTHER, e->len, "bytes of the packet");
}

static void load_ct(struct reading *s, const struct expr *e)
{
	static const char *const words[] = {[NFT_CT_DIRECTION] = "ct direction",
					    [NFT_CT_STATUS] = "ct status",
					    [NFT_CT_MARK] = "ct mark",
					    [NFT_CT_HELPER] = "ct helper",
					    [NFT_CT_ZONE] = "ct zone"};
	const char *other = e->key < ARRAY_SIZE(words) ? words[e->key] : NULL;

	if (e->key == NFT_CT_STATE)
		set_reg(s, e->dreg, HOLDS_STATE, 4, NULL);
	else
		set_other(s, e->dreg, 4, other ? other : arena_printf(s->arena, "ct key %u", e->key));
}

/* Of an address a prefix can be masked, and of the state any bit. */
static void mask(struct reading *s, const struct expr *e)
{
	struct reg reg = e->sreg < NARROW_SLOTS ? s->regs[e->sreg] : (struct reg){.holds = HOLDS_OTHER};
	bool address = reg.holds == MATCH_FROM || reg.holds == MATCH_TO, over = false, prefix = true;

	for (size_t bit = 0; bit < e->len * 8u && bit < SPAN_MAX * 8; bit++) {
		bool set = e->data[bit / 8] & 0x80 >> bit % 8;

		prefix = prefix && !(over && set);
		over = over || !set;
	}
	memcpy(reg.mask, e->data, e->len);
	reg.masked = true;
	if ((!address || !prefix || e->len != reg.len) && reg.holds != HOLDS_STATE)
		reg = (struct reg){.holds = HOLDS_OTHER, .len = e->len, .words = "bits of the packet"};
	set_reg(s, e->dreg, reg.holds, reg.len, reg.words);
	if (e->dreg < NARROW_SLOTS)
		s->regs[e->dreg] = reg;
}

static bool load(struct reading *s, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_META:
		load_meta(s, e);
		return true;
	case EXPR_PAYLOAD:
		load_payload(s, e);
		return true;
	case EXPR_CT:
		load_ct(s, e);
		return true;
	case EXPR_FIB:
		set_reg(s, e->dreg,
			e->key == NFT_FIB_RESULT_ADDRTYPE && (e->op & NFTA_FIB_F_DADDR) ? HOLDS_LOCAL : HOLDS_OTHER, 4,
			"fib");
		return true;
	case EXPR_BITWISE:
		mask(s, e);
		return true;
	case EXPR_IMMEDIATE:
		if (e->dreg != REG_VERDICT)
			narrow_set_const(s, e->dreg, e->data, e->len);
		return e->dreg != REG_VERDICT;
	case EXPR_RT:
	case EXPR_HASH:
	case EXPR_NUMGEN:
	case EXPR_BYTEORDER:
		set_other(s, e->dreg, 4,
			  e->kind == EXPR_HASH     ? "jhash"
			  : e->kind == EXPR_NUMGEN ? "numgen"
						   : "what routing says");
		return true;
	default:
		return false;
	}
}

/* ---- Conditions ---------------------------------------------------------------------------------- */

/* What is behind the `len` bytes that were compared, and what the mask leaves out, may be anything. */
static struct spans widen(struct arena *arena, struct spans spans, const struct reg *reg, size_t len, size_t whole)
{
	struct span *wide = arena_alloc(arena, spans.n * sizeof(*wide));

	for (size_t i = 0; i < spans.n; i++) {
		wide[i] = spans.items[i];
		for (size_t k = 0; k < whole; k++)
			wide[i].last[k] |= k >= len ? 0xff : reg->masked ? (uint8_t)~reg->mask[k] : 0;
	}
	return spans_of(wide, spans.n);
}

static void beyond(struct reading *s, const char *words, struct spans spans, bool inverse)
{
	bool name = streq(words, "oifname") || streq(words, "iifname");

	if (name && spans.n == 1)
		words = arena_printf(s->arena, "%s%s %.*s", words, inverse ? " !=" : "", IFNAMSIZ,
				     (const char *)spans.items[0].first);
	match_beyond(&s->match, s->arena, words);
}

static void narrow_ifname(struct reading *s, const struct reg *reg, struct spans spans, bool inverse, size_t len)
{
	if (inverse)
		beyond(s, "iifname", spans, true);
	else if (spans.n && memchr(spans.items->first, 0, len))
		match_narrow(&s->match, s->arena, MATCH_IFNAME, spans);
	else /* eth* */
		match_narrow(&s->match, s->arena, MATCH_IFNAME, widen(s->arena, spans, reg, len, IFNAMSIZ));
}

static void narrow_iif(struct reading *s, struct spans spans, bool inverse)
{
	struct span *names = arena_alloc(s->arena, spans.n * sizeof(*names));
	size_t n = 0;

	for (size_t i = 0; i < spans.n && !inverse; i++)
		for (size_t k = 0; k < s->facts->n_links; k++)
			if (memcmp(spans.items[i].first, &s->facts->links[k].index, 4) == 0)
				names[n++] = span_of(s->facts->links[k].name, IFNAMSIZ);
	if (n == spans.n && n)
		match_narrow(&s->match, s->arena, MATCH_IFNAME, spans_of(names, n));
	else
		match_beyond(&s->match, s->arena, inverse ? "iif !=" : "an interface that is not there");
}

static void narrow_ether(struct reading *s, struct spans spans, bool inverse)
{
	struct span *families = arena_alloc(s->arena, spans.n * sizeof(*families));

	for (size_t i = 0; i < spans.n; i++) {
		const uint8_t *type = spans.items[i].first;
		uint8_t family = (type[0] << 8 | type[1]) == ETH_P_IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

		families[i] = span_of(&family, 1);
	}
	spans = spans_of(families, spans.n);
	match_narrow(&s->match, s->arena, MATCH_FAMILY, inverse ? spans_not(s->arena, spans, 1) : spans);
}

/* A nat chain sees nothing but the first packet of a connection. */
static bool asks_for_new(const struct reg *reg, struct spans spans, bool inverse)
{
	const uint32_t new = NF_CT_STATE_BIT(IP_CT_NEW), zero = 0;
	const struct span is_new = span_of(&new, 4), is_zero = span_of(&zero, 4);

	if (inverse && reg->masked && (reg->mask[0] & new))
		return spans_meet(spans, spans_of(&is_zero, 1));
	return !inverse && spans_meet(spans, spans_of(&is_new, 1));
}

static bool asks_for_local(struct spans spans, bool inverse)
{
	const uint32_t type = RTN_LOCAL;
	const struct span local = span_of(&type, 4);

	return !inverse && spans_meet(spans, spans_of(&local, 1));
}

void narrow_slot(struct reading *s, uint8_t slot, struct spans spans, bool inverse, size_t len)
{
	const struct reg *reg =
		slot < NARROW_SLOTS ? &s->regs[slot] : &(struct reg){.holds = HOLDS_OTHER, .words = "?"};
	size_t whole = match_family(&s->match) == AF_INET ? 4 : 16;

	switch (reg->holds) {
	case MATCH_FAMILY:
	case MATCH_PROTO:
	case MATCH_PORT:
		match_narrow(&s->match, s->arena, reg->holds, inverse ? spans_not(s->arena, spans, len) : spans);
		break;
	case MATCH_FROM:
	case MATCH_TO:
		spans = widen(s->arena, spans, reg, reg->len, whole);
		match_narrow(&s->match, s->arena, reg->holds, inverse ? spans_not(s->arena, spans, whole) : spans);
		break;
	case MATCH_IFNAME:
		narrow_ifname(s, reg, spans, inverse, len);
		break;
	case HOLDS_IIF:
		narrow_iif(s, spans, inverse);
		break;
	case HOLDS_ETHER:
		narrow_ether(s, spans, inverse);
		break;
	case HOLDS_STATE:
		if (!asks_for_new(reg, spans, inverse))
			match_beyond(&s->match, s->arena, "ct state");
		break;
	case HOLDS_LOCAL: /* so does a forward that names no address */
		if (!asks_for_local(spans, inverse))
			match_beyond(&s->match, s->arena, "fib daddr type");
		break;
	default:
		beyond(s, reg->words ? reg->words : "the packet", spans, inverse);
	}
}

static void compare(struct reading *s, const struct expr *e)
{
	bool inverse = e->op == NFT_CMP_NEQ || e->op == NFT_CMP_GT || e->op == NFT_CMP_LT;
	bool address = e->sreg < NARROW_SLOTS && s->regs[e->sreg].holds == MATCH_FROM;
	size_t first = address ? s->regs[e->sreg].len : e->len;
	struct span span = {0};

	if (e->op == NFT_CMP_EQ && e->len > first) { /* two registers at once: see load_address() */
		span = span_of(e->data, first);
		narrow_slot(s, e->sreg, one_span(s->arena, span), false, first);
		span = span_of(e->data + first, e->len - first);
		narrow_slot(s, e->sreg + 1, one_span(s->arena, span), false, e->len - first);
		return;
	}
	if (e->op != NFT_CMP_LTE && e->op != NFT_CMP_GT)
		memcpy(span.first, e->data, e->len);
	if (e->op == NFT_CMP_GTE || e->op == NFT_CMP_LT)
		memset(span.last, 0xff, e->len);
	else
		memcpy(span.last, e->data, e->len);
	narrow_slot(s, e->sreg, one_span(s->arena, span), inverse, e->len);
}

static struct span port_span(uint16_t first, uint16_t last)
{
	return (struct span){{(uint8_t)(first >> 8), (uint8_t)first}, {(uint8_t)(last >> 8), (uint8_t)last}};
}

/* iptables' own words for ports: one range, or a list. */
static void narrow_ports(struct reading *s, const struct expr *e)
{
	_cleanup_(freep) char *list = xstrdup(e->op == FOREIGN_MULTIPORT ? e->name : "");
	struct span *spans = arena_alloc(s->arena, (strlen(list) + 1) * sizeof(*spans));
	size_t n = 0;
	char *save;

	if (e->op == FOREIGN_PORTS)
		spans[n++] = port_span((uint16_t)e->rate, (uint16_t)e->per);
	for (const char *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		struct port_range range;

		if (port_range_parse(item, &range))
			spans[n++] = port_span(range.first, range.last);
	}
	match_narrow(&s->match, s->arena, MATCH_PORT,
		     e->has_dir ? spans_not(s->arena, spans_of(spans, n), 2) : spans_of(spans, n));
}

static void narrow_range(struct reading *s, const struct expr *e)
{
	struct span span = {0};

	memcpy(span.first, e->data, e->len);
	memcpy(span.last, e->data + FOREIGN_RANGE_MAX, e->len);
	narrow_slot(s, e->sreg, one_span(s->arena, span), e->has_dir, e->len);
}

/* False: this ends the rule. */
static bool condition_other(struct reading *s, const struct expr *e)
{
	switch ((enum foreign_expr)e->op) {
	case FOREIGN_REJECT:
	case FOREIGN_DNAT:
	case FOREIGN_REDIRECT:
	case FOREIGN_SOURCE:
		return false;
	case FOREIGN_COMMENT:
		s->match.comment = e->name;
		break;
	case FOREIGN_LOG:
		s->match.log = true;
		break;
	case FOREIGN_PORTS:
	case FOREIGN_MULTIPORT:
		narrow_ports(s, e);
		break;
	case FOREIGN_RANGE:
		narrow_range(s, e);
		break;
	case FOREIGN_STATES:
		if (((e->key & NF_CT_STATE_BIT(IP_CT_NEW)) != 0) == e->has_dir)
			match_beyond(&s->match, s->arena, "-m conntrack");
		break;
	case FOREIGN_TO_TYPE:
		if (((e->key & XT_ADDRTYPE_LOCAL) != 0) == e->has_dir)
			match_beyond(&s->match, s->arena, e->has_dir ? "! --dst-type LOCAL" : e->name);
		break;
	case FOREIGN_NOTRACK:
	case FOREIGN_REWRITE:
	case FOREIGN_NOTHING:
		if (!streq(e->name, "counter") && !streq(e->name, "last"))
			match_beyond(&s->match, s->arena, arena_printf(s->arena, "what '%s' does", e->name));
		break;
	case FOREIGN_NEVER:
	case FOREIGN_UNREAD:
		narrow_forget(s, e->name);
		match_beyond(&s->match, s->arena, e->name);
	}
	return true;
}

static bool condition(struct reading *s, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_CMP:
		compare(s, e);
		return true;
	case EXPR_LOG:
		s->match.log = true;
		return true;
	case EXPR_COUNTER:
		return true;
	case EXPR_LIMIT:
		match_beyond(&s->match, s->arena, "a limit of all clients together");
		return true;
	case EXPR_CONNLIMIT:
	case EXPR_DYNSET:
		match_beyond(&s->match, s->arena, "a set that packets fill");
		return true;
	case EXPR_CT_SET:
	case EXPR_MSS_SET:
		match_beyond(&s->match, s->arena, "what it sets");
		return true;
	case EXPR_OTHER:
		return condition_other(s, e);
	default:
		return false;
	}
}

bool narrow_expr(struct reading *s, const struct expr *e)
{
	return load(s, e) || condition(s, e);
}
