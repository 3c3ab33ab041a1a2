/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libnftnl knows the attributes, we know the batch. Elements of one set share messages, but a message stays far below
 * 64 KiB: nla_len is 16 bits wide, and a list of elements that wraps it is stored in part and acknowledged as a whole
 * (KERNEL.md section 1).
 *
 * An element with a timeout may go by itself at any moment, and the kernel refuses to delete what is not there (the
 * message that does not mind is younger than Linux 6.1). So it is added once more before it is deleted: adding what is
 * there changes nothing, and then it is there for certain. */
#include "nft_put.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft_expr.h"

enum {
	MESSAGE_MAX = 1 << 16,
	CLEARED = 1 << 12,      /* bytes of the message: what is no list of elements has less, and padding somewhere */
	ELEMENTS_MAX = 1 << 15, /* bytes after which a list of elements is closed; one element has less than 1 KiB */
	USERDATA_MAX = 256,     /* NFT_USERDATA_MAXLEN */
};

struct writer {
	struct nft_batch *batch;
	const struct plan *plan;
	int64_t now; /* ms since the epoch */
	_Alignas(struct nlmsghdr) char message[MESSAGE_MAX];
};

static void *must(void *p)
{
	if (!p)
		abort(); /* out of memory, as in xmalloc() */
	return p;
}

/* ---- Messages ----------------------------------------------------------------------------------- */

static void note_message(struct nft_batch *b, size_t first_op, size_t n_ops)
{
	b->messages = grow(b->messages, b->n, &b->capacity, sizeof(*b->messages));
	b->messages[b->n++] = (struct nft_message){.offset = b->buf.len, .first_op = first_op, .n_ops = n_ops};
}

static struct nlmsghdr *message_at(const struct nft_batch *b, size_t i)
{
	return (struct nlmsghdr *)(void *)(b->buf.data + b->messages[i].offset);
}

static struct nlmsghdr *start(struct writer *w, uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(w->message, type, NFPROTO_INET, flags, (uint32_t)w->batch->n);
}

static void finish(struct writer *w, const struct nlmsghdr *nlh, size_t first_op, size_t n_ops)
{
	note_message(w->batch, first_op, n_ops);
	buf_add(&w->batch->buf, nlh, nlh->nlmsg_len);
}

/* Comments have type 0 in the userdata of tables, rules and elements alike. */
static struct nftnl_udata_buf *comment_new(const char *comment)
{
	struct nftnl_udata_buf *u = must(nftnl_udata_buf_alloc(USERDATA_MAX));
	bool fits = nftnl_udata_put_strz(u, NFTNL_UDATA_RULE_COMMENT, comment);

	assert(fits);
	(void)fits;
	return u;
}

/* ---- The table ---------------------------------------------------------------------------------- */

static void put_table(struct writer *w, size_t i, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = start(w, type, flags);
	struct nftnl_table *t = must(nftnl_table_alloc());

	nftnl_table_set_str(t, NFTNL_TABLE_NAME, w->plan->table);
	if (type == NFT_MSG_NEWTABLE) {
		struct nftnl_udata_buf *u = comment_new(RULESET_COMMENT);

		nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, w->plan->table_flags);
		nftnl_table_set_data(t, NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
		nftnl_udata_buf_free(u);
	}
	nftnl_table_nlmsg_build_payload(nlh, t);
	nftnl_table_free(t);
	finish(w, nlh, i, 1);
}

/* ---- Sets --------------------------------------------------------------------------------------- */

/* What nft itself leaves in a set's userdata (nftables include/expression.h, include/proto.h): an expression that has the
 * type of a key, or of data, with its parameters. */
static const struct typeof_expr {
	uint32_t type; /* ours */
	uint32_t expr; /* enum expr_types */
	uint32_t values[3];
	uint8_t n;
} typeof_exprs[] = {
	{TYPE_INTEGER, 23, {NFT_NG_INCREMENTAL, 1, 0}, 3},     /* numgen inc mod 1 */
	{TYPE_CT_LABEL, 12, {NFT_CT_LABELS, (uint32_t)-1}, 2}, /* ct label */
	{TYPE_IPV4, 7, {12, 12}, 2},                           /* ip daddr */
	{TYPE_IPV6, 7, {13, 9}, 2},                            /* ip6 daddr */
	{NFT_DATA_VERDICT, 1, {0}, 0},                         /* verdict */
};

static void put_typeof(struct nftnl_udata_buf *u, uint8_t of, uint32_t type)
{
	enum { EXPR, PARAMETERS };
	const struct typeof_expr *t = typeof_exprs;
	struct nftnl_udata *outer, *inner;

	while (t->type != type)
		if (++t == typeof_exprs + ARRAY_SIZE(typeof_exprs))
			return;
	outer = nftnl_udata_nest_start(u, of);
	nftnl_udata_put_u32(u, EXPR, t->expr);
	inner = nftnl_udata_nest_start(u, PARAMETERS);
	for (uint8_t i = 0; i < t->n; i++)
		nftnl_udata_put_u32(u, i, t->values[i]);
	nftnl_udata_nest_end(u, inner);
	nftnl_udata_nest_end(u, outer);
}

/* nft takes a key for network order unless the set says otherwise, and would list an interface's name as "". Of integers
 * and labels it would list the name of a type that it cannot load again: `typeof numgen inc mod 1 : verdict` it can. */
static void put_userdata(struct nftnl_set *s, const struct set *set)
{
	enum { HOST_ORDER = 1, NETWORK_ORDER = 2 }; /* enum byteorder, ibid. */
	bool nameless = set->key_type == TYPE_INTEGER || set->key_type == TYPE_CT_LABEL;
	struct nftnl_udata_buf *u;

	if (set->key_type != TYPE_IFNAME && !nameless)
		return;
	u = must(nftnl_udata_buf_alloc(USERDATA_MAX));
	nftnl_udata_put_u32(u, NFTNL_UDATA_SET_KEYBYTEORDER, HOST_ORDER);
	if (nameless)
		put_typeof(u, NFTNL_UDATA_SET_KEY_TYPEOF, set->key_type);
	if (nameless && (set->flags & NFT_SET_MAP)) {
		nftnl_udata_put_u32(u, NFTNL_UDATA_SET_DATABYTEORDER, NETWORK_ORDER);
		put_typeof(u, NFTNL_UDATA_SET_DATA_TYPEOF, set->data_type);
	}
	nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
	nftnl_udata_buf_free(u);
}

static uint32_t concat_fields(const struct set *set)
{
	uint32_t n = 0;

	while (n < sizeof(set->fields) && set->fields[n])
		n++;
	return n;
}

static void put_set_definition(struct nftnl_set *s, const struct set *set, uint32_t id)
{
	uint32_t n = concat_fields(set);
	/* nft 1.0.6 does not know its own code for labels, and once it sees it lists no sets at all, and rules without them */
	uint32_t key_type = set->key_type == TYPE_CT_LABEL ? TYPE_INTEGER : set->key_type;

	nftnl_set_set_u32(s, NFTNL_SET_ID, id); /* the kernel insists, though we refer to sets by name */
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, set->flags | (n ? NFT_SET_CONCAT : 0));
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, key_type);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, set->key_len);
	if (n)
		nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, set->fields, n);
	if (set->flags & NFT_SET_MAP) {
		nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, set->data_type);
		nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, set->data_len);
	}
	if (set->size)
		nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, set->size);
	if (set->timeout)
		nftnl_set_set_u64(s, NFTNL_SET_TIMEOUT, set->timeout * 1000ULL);
	put_userdata(s, set);
}

static void put_set(struct writer *w, size_t i, uint16_t type, uint16_t flags)
{
	const struct set *set = w->plan->ops[i].set;
	struct nlmsghdr *nlh = start(w, type, flags);
	struct nftnl_set *s = must(nftnl_set_alloc());

	nftnl_set_set_str(s, NFTNL_SET_TABLE, w->plan->table);
	nftnl_set_set_str(s, NFTNL_SET_NAME, set->name);
	if (type == NFT_MSG_NEWSET)
		put_set_definition(s, set, (uint32_t)i + 1);
	nftnl_set_nlmsg_build_payload(nlh, s);
	nftnl_set_free(s);
	finish(w, nlh, i, 1);
}

/* ---- Chains ------------------------------------------------------------------------------------- */

static void put_chain(struct writer *w, size_t i, uint16_t type, uint16_t flags)
{
	const struct chain *chain = w->plan->ops[i].chain;
	struct nlmsghdr *nlh = start(w, type, flags);
	struct nftnl_chain *c = must(nftnl_chain_alloc());

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, w->plan->table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, chain->name);
	if (type == NFT_MSG_NEWCHAIN && chain->base) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, chain->type);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, chain->hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, chain->priority);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, chain->policy);
	}
	nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
	finish(w, nlh, i, 1);
}

/* ---- Rules -------------------------------------------------------------------------------------- */

static void put_rule(struct writer *w, size_t i)
{
	const struct op *op = &w->plan->ops[i];
	struct nlmsghdr *nlh = start(w, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	struct nftnl_rule *r = must(nftnl_rule_alloc());

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, w->plan->table);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, op->chain->name);
	for (size_t k = 0; k < op->rule->n; k++)
		nftnl_rule_add_expr(r, nft_expr_put(&op->rule->exprs[k]));
	if (op->rule->comment) {
		struct nftnl_udata_buf *u = comment_new(op->rule->comment);

		nftnl_rule_set_data(r, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
		nftnl_udata_buf_free(u);
	}
	nftnl_rule_nlmsg_build_payload(nlh, r);
	nftnl_rule_free(r);
	finish(w, nlh, i, 1);
}

/* All rules of the chain. */
static void put_flush(struct writer *w, size_t i)
{
	struct nlmsghdr *nlh = start(w, NFT_MSG_DELRULE, 0);
	struct nftnl_rule *r = must(nftnl_rule_alloc());

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, w->plan->table);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, w->plan->ops[i].chain->name);
	nftnl_rule_nlmsg_build_payload(nlh, r);
	nftnl_rule_free(r);
	finish(w, nlh, i, 1);
}

/* ---- Elements ----------------------------------------------------------------------------------- */

/* libmnl leaves the padding as it finds it. */
static void put_padded(struct nlmsghdr *nlh, uint16_t attribute, const uint8_t *data, size_t len)
{
	char *end = (char *)mnl_nlmsg_get_payload_tail(nlh) + MNL_ALIGN(MNL_ATTR_HDRLEN + len);

	memset(end - MNL_ALIGNTO, 0, MNL_ALIGNTO);
	mnl_attr_put(nlh, attribute, len, data);
}

static void put_value(struct nlmsghdr *nlh, uint16_t attribute, const uint8_t *value, uint8_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, attribute);

	put_padded(nlh, NFTA_DATA_VALUE, value, len);
	mnl_attr_nest_end(nlh, nest);
}

static void put_verdict(struct nlmsghdr *nlh, const struct elem *e)
{
	struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
	struct nlattr *verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);

	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)e->verdict));
	if (e->chain)
		put_padded(nlh, NFTA_VERDICT_CHAIN, (const uint8_t *)e->chain, strlen(e->chain) + 1);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, data);
}

/* What comment_new makes. */
static void put_comment(struct nlmsghdr *nlh, const char *comment)
{
	size_t len = strlen(comment) + 1;
	uint8_t userdata[USERDATA_MAX] = {NFTNL_UDATA_RULE_COMMENT, (uint8_t)len};

	assert(len + 2 <= sizeof(userdata));
	memcpy(userdata + 2, comment, len);
	put_padded(nlh, NFTA_SET_ELEM_USERDATA, userdata, len + 2);
}

/* Without libnftnl, which takes four allocations and five times as long: elements come by the hundred thousand. */
static void put_elem_start(const struct writer *w, struct nlmsghdr *nlh, const struct elem *e, bool add)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	int64_t left = e->expires * 1000 - w->now;

	if (add && e->expires) /* 0 would be never */
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(left > 0 ? (uint64_t)left : 1));
	if (e->key_len)
		put_value(nlh, NFTA_SET_ELEM_KEY, e->key, e->key_len);
	else
		mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_CATCHALL));
	if (e->concat)
		put_value(nlh, NFTA_SET_ELEM_KEY_END, e->key_end, e->key_len);
	if (add && e->data_type == NFT_DATA_VERDICT)
		put_verdict(nlh, e);
	else if (add && e->data_len)
		put_value(nlh, NFTA_SET_ELEM_DATA, e->data, e->data_len);
	if (add && e->comment)
		put_comment(nlh, e->comment);
	mnl_attr_nest_end(nlh, nest);
}

/* The kernel's intervals (of one field) end before an element of their own, one beyond the last key. The last interval
 * of all has no such key: it stays open. */
static void put_elem_end(struct nlmsghdr *nlh, const struct elem *e)
{
	struct nlattr *nest;
	uint8_t end[KEY_MAX];
	size_t i = e->key_len;

	memcpy(end, e->key_end, sizeof(end));
	while (i > 0 && ++end[i - 1] == 0)
		i--;
	if (i == 0)
		return;
	nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	put_value(nlh, NFTA_SET_ELEM_KEY, end, e->key_len);
	mnl_attr_nest_end(nlh, nest);
}

static bool same_list(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && streq(a->elem->set, b->elem->set) && !a->elem->expires == !b->elem->expires;
}

/* As many consecutive elements of one set, before the op `end`, as go into one message; the index of the op after them. */
static size_t put_list(struct writer *w, bool add, size_t first, size_t end)
{
	const struct op *ops = w->plan->ops;
	struct nlmsghdr *nlh = start(w, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, add ? NLM_F_CREATE : 0);
	struct nlattr *list;
	size_t i = first;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, w->plan->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, ops[first].elem->set);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (; i < end && same_list(&ops[i], &ops[first]) && nlh->nlmsg_len < ELEMENTS_MAX; i++) {
		put_elem_start(w, nlh, ops[i].elem, add);
		if (ops[i].elem->interval && !ops[i].elem->concat)
			put_elem_end(nlh, ops[i].elem);
	}
	mnl_attr_nest_end(nlh, list);
	finish(w, nlh, first, i - first);
	return i;
}

static size_t put_elems(struct writer *w, size_t first)
{
	const struct op *op = &w->plan->ops[first];
	size_t end = w->plan->n;

	if (op->kind == OP_DEL_ELEM && op->elem->expires)
		end = put_list(w, true, first, end);
	end = put_list(w, op->kind == OP_ADD_ELEM, first, end);
	w->batch->elements += end - first;
	return end;
}

/* ---- The batch ---------------------------------------------------------------------------------- */

static size_t put_op(struct writer *w, size_t i)
{
	switch (w->plan->ops[i].kind) {
	case OP_DEL_TABLE:
		put_table(w, i, NFT_MSG_DELTABLE, 0);
		break;
	case OP_ADD_TABLE:
		put_table(w, i, NFT_MSG_NEWTABLE, NLM_F_CREATE);
		break;
	case OP_ADD_SET:
		put_set(w, i, NFT_MSG_NEWSET, NLM_F_CREATE);
		break;
	case OP_DEL_SET:
		put_set(w, i, NFT_MSG_DELSET, 0);
		break;
	case OP_ADD_CHAIN:
		put_chain(w, i, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
		break;
	case OP_DEL_CHAIN:
		put_chain(w, i, NFT_MSG_DELCHAIN, 0);
		break;
	case OP_FLUSH_CHAIN:
		put_flush(w, i);
		break;
	case OP_ADD_RULE:
		put_rule(w, i);
		break;
	case OP_DEL_ELEM:
	case OP_ADD_ELEM:
		return put_elems(w, i);
	}
	return i + 1;
}

struct nft_batch *nft_put_plan(const struct plan *plan, uint32_t generation)
{
	struct nft_batch *b = xcalloc(1, sizeof(*b));
	struct writer *w = xmalloc(sizeof(*w));
	struct nlmsghdr *nlh;

	w->batch = b;
	w->plan = plan;
	w->now = clock_ms();
	memset(w->message, 0, CLEARED); /* all of it costs more than one element */
	nlh = nftnl_batch_begin(w->message, 0);
	if (generation)
		mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(generation));
	finish(w, nlh, 0, 0);
	for (size_t i = 0; i < plan->n;)
		i = put_op(w, i);
	message_at(b, b->n - 1)->nlmsg_flags |= NLM_F_ACK;
	finish(w, nftnl_batch_end(w->message, (uint32_t)b->n), plan->n, 0);
	free(w);
	return b;
}

void nft_batch_free(struct nft_batch *b)
{
	if (!b)
		return;
	buf_free(&b->buf);
	free(b->messages);
	free(b);
}

void nft_batch_freep(struct nft_batch **b)
{
	nft_batch_free(*b);
}

/* ---- From an error back to its op --------------------------------------------------------------- */

static bool ends_interval(const struct nlattr *elem)
{
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, elem)
		if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_FLAGS)
			return ntohl(mnl_attr_get_u32(attr)) & NFT_SET_ELEM_INTERVAL_END;
	return false;
}

/* How many ops of the message come before the one whose element covers `offset`, or -1. */
static ssize_t elem_at(const struct nlmsghdr *nlh, uint32_t offset)
{
	struct nlattr *list, *elem;
	ssize_t n = -1;

	mnl_attr_for_each(list, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(list) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(elem, list) {
			size_t at = (size_t)((char *)elem - (const char *)nlh);

			if (!ends_interval(elem))
				n++;
			if (offset >= at && offset < at + mnl_attr_get_len(elem))
				return n;
		}
	}
	return -1;
}

ssize_t nft_batch_op(const struct nft_batch *b, uint32_t seq, uint32_t offset, bool *ret_exact)
{
	const struct nft_message *m = seq < b->n ? &b->messages[seq] : NULL;
	ssize_t elem;

	if (!m || !m->n_ops)
		return -1;
	elem = m->n_ops > 1 ? elem_at(message_at(b, seq), offset) : 0;
	*ret_exact = elem >= 0;
	return (ssize_t)m->first_op + (elem < 0 ? 0 : elem);
}
