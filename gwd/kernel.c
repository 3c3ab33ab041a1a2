/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading takes several dumps, and the kernel marks an interrupted one only for some kinds of objects, never for set
 * elements (KERNEL.md section 1): so the generation is compared around all of them. Writing is one batch in one sendmsg;
 * what the kernel says about it is brought back to the forward that it concerns. */
#include "kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <time.h>

#include "addr.h"
#include "foreign.h"
#include "nft_foreign.h"
#include "nft_get.h"
#include "nft_put.h"
#include "nl.h"
#include "watch.h"

enum {
	REQUEST_MAX = 512, /* header and two names */
	READ_TRIES = 10,
	ERRORS_MAX = 32,
	ELEMENTS_WATCHED = 1000, /* of a batch whose events we can do with: watch_look_away */
};

struct kernel {
	struct nl *nl; /* all writing goes through it: the kernel takes the socket for the owner */
	struct watch *watch;
	enum { OWNING_NOT_TRIED, OWNING_WORKS, OWNING_FAILS } owning;
	bool keeps, traces; /* RULESET_KEEPER, RULESET_TRACE are there */
	bool deaf;	    /* what others change is not heard */
	struct kernel_stats stats;
};

/* ---- Asking ------------------------------------------------------------------------------------- */

/* A table. */
struct whose {
	uint8_t family;
	const char *table;
};
static const struct whose ours = {NFPROTO_INET, RULESET_TABLE};

/* `whose` and `set` narrow it down, NULL = no. The table's name is attribute 1 of every kind of object, a set's name
 * attribute 2 of requests for elements. `buf`: REQUEST_MAX bytes of zeroes, padding too. */
static struct nlmsghdr *question(void *buf, uint16_t type, uint16_t flags, const struct whose *whose, const char *set)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = whose ? whose->family : NFPROTO_UNSPEC;
	nfg->version = NFNETLINK_V0;
	if (whose)
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, whose->table);
	if (set)
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	return nlh;
}

static int ask(struct kernel *k, uint16_t type, uint16_t flags, const struct whose *whose, const char *set, mnl_cb_t cb,
	       void *ctx)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_MAX] = {0};

	return nl_talk(k->nl, question(buf, type, flags, whose, set), cb, ctx);
}

static int dump(struct kernel *k, uint16_t type, const char *set, mnl_cb_t cb, void *ctx)
{
	return ask(k, type, NLM_F_DUMP, &ours, set, cb, ctx);
}

static int generation(struct kernel *k, uint32_t *ret)
{
	return ask(k, NFT_MSG_GETGEN, 0, NULL, NULL, nft_get_generation, ret);
}

static int read_failed(struct diag *d, int error, const char *doing)
{
	const char *hint = "";

	if (error == -EPERM)
		hint = ": gwd needs CAP_NET_ADMIN in this network namespace";
	else if (error == -EINVAL || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT)
		hint = ": does this kernel have nf_tables (modprobe nf_tables)?";
	else if (error == -EINTR)
		hint = ": somebody keeps changing the ruleset meanwhile";
	diag_add(d, DIAG_KERNEL, (struct loc){0}, "cannot %s: %s%s", doing, strerror(-error), hint);
	return error;
}

int kernel_open(struct kernel **ret, struct diag *d)
{
	struct kernel *k = xcalloc(1, sizeof(*k));
	uint32_t id;
	int r;

	r = nl_open(NETLINK_NETFILTER, &k->nl);
	if (r == 0)
		r = generation(k, &id);
	if (r == 0)
		r = watch_open(nl_port(k->nl), &k->watch);
	if (r < 0) {
		kernel_close(k);
		return read_failed(d, r, "talk to the kernel's nf_tables");
	}
	*ret = k;
	return 0;
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	watch_close(k->watch);
	nl_close(k->nl);
	free(k);
}

int kernel_fd(const struct kernel *k)
{
	return watch_fd(k->watch);
}

unsigned kernel_touched(struct kernel *k, struct culprit *ret_who)
{
	return watch_read(k->watch, ret_who);
}

const struct kernel_stats *kernel_stats(const struct kernel *k)
{
	return &k->stats;
}

/* ---- Reading ------------------------------------------------------------------------------------ */

static int read_elems(struct kernel *k, struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n_sets; i++) {
		struct nft_elems elems = {.ruleset = rs, .set = &rs->sets[i]};
		size_t first = rs->n_elems;
		int r;

		if (!nft_get_wants_elems(&rs->sets[i]))
			continue;
		r = dump(k, NFT_MSG_GETSETELEM, rs->sets[i].name, nft_get_elems, &elems);
		if (r < 0)
			return r;
		nft_get_intervals(rs, &rs->sets[i], first);
	}
	return 0;
}

static int read_table(struct kernel *k, struct ruleset *rs)
{
	int r = ask(k, NFT_MSG_GETTABLE, 0, &ours, NULL, nft_get_table, rs);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = dump(k, NFT_MSG_GETSET, NULL, nft_get_set, rs);
	if (r == 0)
		r = dump(k, NFT_MSG_GETCHAIN, NULL, nft_get_chain, rs);
	if (r == 0)
		r = dump(k, NFT_MSG_GETRULE, NULL, nft_get_rule, rs);
	if (r == 0)
		r = read_elems(k, rs);
	return r == -ENOENT ? -EINTR : r; /* it was there a moment ago */
}

/* A dump continues by counting: while the kernel resizes a hash in the background, as after many elements were added,
 * their order changes under it, and some come twice in place of others (of 100,000 we saw thousands missing). */
static int read_once(struct kernel *k, struct ruleset **ret, uint32_t *ret_generation)
{
	_cleanup_(ruleset_freep) struct ruleset *rs = ruleset_new();
	uint32_t before = 0, after = 0;
	size_t n;
	int r;

	k->stats.dumps++;
	r = generation(k, &before);
	if (r == 0)
		r = read_table(k, rs);
	if (r == 0)
		r = generation(k, &after);
	if (r < 0)
		return r;
	if (before != after)
		return -EINTR;
	n = rs->n_elems;
	ruleset_sort(rs); /* drops twins */
	if (rs->n_elems != n)
		return -EINTR;
	*ret = TAKE_PTR(rs);
	*ret_generation = before;
	return 0;
}

int kernel_has_source(struct kernel *k, const char *set, const struct ip *source, uint64_t *ret_left)
{
	_Alignas(struct nlmsghdr) char buf[REQUEST_MAX] = {0};
	struct nlmsghdr *nlh = question(buf, NFT_MSG_GETSETELEM, 0, &ours, set);
	struct nlattr *elements = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS),
		      *element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM),
		      *key = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	uint64_t left = 0;
	int r;

	mnl_attr_put(nlh, NFTA_DATA_VALUE, ip_len(source), source->bytes);
	mnl_attr_nest_end(nlh, key);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, elements);
	r = nl_talk(k->nl, nlh, nft_get_left, &left);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	*ret_left = left;
	return 1;
}

/* Somebody who changes things, or a hash being resized, gets a little more time in every round. */
static int read_settled(struct kernel *k, struct ruleset **ret, uint32_t *ret_generation)
{
	int r = -EINTR;

	for (int i = 0; i < READ_TRIES && r == -EINTR; i++) {
		struct timespec pause = {.tv_nsec = i ? 500000L << i : 0};

		nanosleep(&pause, NULL);
		r = read_once(k, ret, ret_generation);
	}
	return r;
}

int kernel_read(struct kernel *k, struct ruleset **ret, uint32_t *ret_generation, struct diag *d)
{
	int r = read_settled(k, ret, ret_generation);

	return r < 0 ? read_failed(d, r, "read table inet " RULESET_TABLE) : 0;
}

int kernel_foreign_chains(struct kernel *k, size_t *ret, struct diag *d)
{
	int r = -EINTR;
	size_t n = 0;

	for (int i = 0; i < READ_TRIES && r == -EINTR; i++) {
		n = 0;
		r = ask(k, NFT_MSG_GETCHAIN, NLM_F_DUMP, NULL, NULL, nft_get_foreign_chain, &n);
	}
	if (r < 0)
		return read_failed(d, r, "list the chains of other tables");
	*ret = n;
	return 0;
}

/* ---- Other tables ------------------------------------------------------------------------------- */

static int read_foreign_elems(struct kernel *k, struct foreign_table *t)
{
	const struct whose whose = {t->family, t->name};

	for (size_t i = 0; i < t->rules->n_sets; i++) {
		struct nft_elems elems = {.ruleset = t->rules, .set = &t->rules->sets[i]};
		size_t first = t->rules->n_elems;
		int r = ask(k, NFT_MSG_GETSETELEM, NLM_F_DUMP, &whose, elems.set->name, nft_get_elems, &elems);

		if (r < 0)
			return r == -ENOENT ? -EINTR : r; /* it was there a moment ago */
		nft_get_intervals(t->rules, elems.set, first);
	}
	return 0;
}

static int read_foreign_once(struct kernel *k, bool named, struct foreign **ret)
{
	_cleanup_(foreign_freep) struct foreign *f = xcalloc(1, sizeof(*f));
	uint32_t before = 0, after = 0;
	int r = generation(k, &before);

	f->named = named;
	if (r == 0)
		r = ask(k, NFT_MSG_GETTABLE, NLM_F_DUMP, NULL, NULL, nft_foreign_table, f);
	if (r == 0)
		r = ask(k, NFT_MSG_GETSET, NLM_F_DUMP, NULL, NULL, nft_foreign_set, f);
	if (r == 0)
		r = ask(k, NFT_MSG_GETCHAIN, NLM_F_DUMP, NULL, NULL, nft_foreign_chain, f);
	foreign_sort(f);
	if (r == 0)
		r = ask(k, NFT_MSG_GETRULE, NLM_F_DUMP, NULL, NULL, nft_foreign_rule, f);
	foreign_drop_sets(f);
	for (size_t i = 0; i < f->n && r == 0; i++)
		r = read_foreign_elems(k, &f->tables[i]);
	if (r == 0)
		r = generation(k, &after);
	if (r < 0)
		return r;
	if (before != after)
		return -EINTR;
	foreign_sort(f);
	*ret = TAKE_PTR(f);
	return 0;
}

int kernel_read_foreign(struct kernel *k, bool named, struct foreign **ret, struct diag *d)
{
	int r = -EINTR;

	for (int i = 0; i < READ_TRIES && r == -EINTR; i++)
		r = read_foreign_once(k, named, ret);
	return r < 0 ? read_failed(d, r, "read the tables of others") : 0;
}

/* ---- What the kernel complains about, in words -------------------------------------------------- */

static const char *module_of_rule(const struct rule *rule)
{
	static const char *const modules[] = {
		[EXPR_NAT] = "nft_nat",
		[EXPR_MASQ] = "nft_masq",
		[EXPR_FIB] = "nft_fib_inet",
		[EXPR_CT] = "nft_ct",
		[EXPR_CT_SET] = "nft_ct with CONFIG_NF_CONNTRACK_LABELS",
		[EXPR_LIMIT] = "nft_limit",
		[EXPR_CONNLIMIT] = "nft_connlimit",
		[EXPR_LOG] = "nft_log and nfnetlink_log",
		[EXPR_HASH] = "nft_hash",
		[EXPR_NUMGEN] = "nft_numgen",
	};

	for (size_t i = 0; i < rule->n; i++)
		if (rule->exprs[i].kind < ARRAY_SIZE(modules) && modules[rule->exprs[i].kind])
			return modules[rule->exprs[i].kind];
	return NULL;
}

static const char *module_of(const struct op *op)
{
	if (!op)
		return "nf_tables";
	if (op->kind == OP_ADD_RULE)
		return module_of_rule(op->rule);
	if (op->kind == OP_ADD_CHAIN && op->chain->base)
		return streq(op->chain->type, "nat") ? "nft_chain_nat" : NULL;
	return NULL;
}

static char *hint(const struct op *op, int error)
{
	const char *module = error == -ENOENT || error == -EOPNOTSUPP ? module_of(op) : NULL;

	if (module)
		return xasprintf(": does this kernel have %s?", module);
	if (error == -EPERM)
		return xstrdup(op ? ": the table belongs to another program"
				  : ": gwd needs CAP_NET_ADMIN in this network namespace");
	return xstrdup("");
}

/* Elements go without their data: the key is what clashes. */
static void op_subject(struct buf *out, const struct plan *plan, const struct op *op)
{
	struct elem bare;

	switch (op->kind) {
	case OP_DEL_TABLE:
	case OP_ADD_TABLE:
		buf_printf(out, "table inet %s", plan->table);
		break;
	case OP_ADD_SET:
	case OP_DEL_SET:
		set_text(out, op->set);
		break;
	case OP_ADD_CHAIN:
	case OP_DEL_CHAIN:
	case OP_FLUSH_CHAIN:
		chain_text(out, op->chain);
		break;
	case OP_ADD_RULE:
		buf_printf(out, "a rule of chain %s: ", op->chain->name);
		rule_text(out, op->rule);
		break;
	case OP_DEL_ELEM:
	case OP_ADD_ELEM:
		bare = *op->elem;
		bare.data_type = 0;
		bare.comment = NULL;
		elem_text(out, &bare);
		break;
	}
	while (out->len && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
}

static void report(const struct plan *plan, const struct nft_batch *batch, const struct nl_error *e, struct diag *d)
{
	bool exact = true;
	ssize_t i = nft_batch_op(batch, e->seq, e->offset, &exact);
	const struct op *op = i >= 0 ? &plan->ops[i] : NULL;
	const struct elem *elem = op && exact ? op->elem : NULL;
	bool deleting = op && (op->kind == OP_DEL_TABLE || op->kind == OP_DEL_ELEM || op->kind == OP_DEL_SET ||
			       op->kind == OP_DEL_CHAIN);
	_cleanup_(freep) char *why = hint(op, e->error);
	struct buf what = {0};

	if (!op)
		buf_printf(&what, "the whole change");
	else if (!exact)
		buf_printf(&what, "one of the elements of %s", op->elem->set);
	else
		op_subject(&what, plan, op);
	diag_add(d, DIAG_KERNEL, elem ? elem->loc : (struct loc){0}, "%s%sthe kernel refused %s%s: %s%s%s%s",
		 elem && elem->comment ? elem->comment : "", elem && elem->comment ? ": " : "",
		 deleting ? "to delete " : "", what.data, strerror(-e->error), *e->text ? ": " : "", e->text, why);
	buf_free(&what);
}

/* ---- Writing ------------------------------------------------------------------------------------ */

static int commit_refused(const struct plan *plan, const struct nft_batch *batch, const struct nl_error *errors, int n,
			  struct diag *d)
{
	for (int i = 0; i < n; i++)
		if (errors[i].error == -ERESTART)
			return -ERESTART;
	for (int i = 0; i < n; i++)
		report(plan, batch, &errors[i], d);
	return errors[0].error;
}

static int commit_unsent(int error, size_t len, struct diag *d)
{
	if (error == -EMSGSIZE || error == -ENOMEM)
		diag_add(d, DIAG_KERNEL, (struct loc){0},
			 "the change is too big: it needs %zu KiB in one netlink message, more than this socket may "
			 "send. "
			 "Nothing was changed. Raise net.core.wmem_max to %zu, or run gwd in the first user namespace",
			 len / 1024 + 1, len + len / 8);
	else
		diag_add(d, DIAG_KERNEL, (struct loc){0}, "cannot send the change to the kernel: %s", strerror(-error));
	return error;
}

/* Waits until whoever is in the middle of a commit has told of all of it: the generation is counted up before that, and
 * asking for it does not wait. A batch of nothing changes nothing. */
static int let_finish(struct kernel *k)
{
	static const struct plan nothing = {0};
	_cleanup_(nft_batch_freep) struct nft_batch *batch = nft_put_plan(&nothing, 0);
	struct nl_error error;
	int r = nl_batch(k->nl, batch->buf.data, batch->buf.len, &error, 1);

	return r < 0 && r != -ENOBUFS ? r : 0; /* before Linux 6.10 it is not answered */
}

/* nl_batch, unseen by our own watch. What others did before the generation that we know is in its queue by then; what
 * they did after it makes it another one. */
static int send_unwatched(struct kernel *k, const struct nft_batch *batch, struct nl_error *errors)
{
	uint32_t before = 0;
	int r, look = generation(k, &before);

	if (look == 0)
		look = let_finish(k);
	if (look == 0)
		look = watch_look_away(k->watch);
	r = nl_batch(k->nl, batch->buf.data, batch->buf.len, errors, ERRORS_MAX);
	look = watch_look_again(k->watch, look == 0 && r == 0 ? before + 1 : 0);
	k->deaf = look < 0;
	return k->deaf ? -ENOBUFS : r;
}

/* When that failed. */
static int listen_again(struct kernel *k, struct diag *d)
{
	int r = watch_look_again(k->watch, 0);

	k->deaf = r < 0;
	return r < 0 ? read_failed(d, r, "listen for what other programs change in the ruleset") : 0;
}

int kernel_commit(struct kernel *k, const struct plan *plan, uint32_t generation_wanted, struct diag *d)
{
	_cleanup_(nft_batch_freep) struct nft_batch *batch = NULL;
	struct nl_error errors[ERRORS_MAX];
	int r = k->deaf ? listen_again(k, d) : 0;

	if (r < 0 || !plan->n)
		return r;
	batch = nft_put_plan(plan, generation_wanted);
	r = batch->elements > ELEMENTS_WATCHED ? send_unwatched(k, batch, errors)
					       : nl_batch(k->nl, batch->buf.data, batch->buf.len, errors, ERRORS_MAX);
	if (r < 0 && r != -ENOBUFS)
		return commit_unsent(r, batch->buf.len, d);
	k->stats.batches++;
	k->stats.messages += batch->n - 2; /* without its begin and end */
	k->stats.elements += batch->elements;
	k->stats.bytes += batch->buf.len;
	if (r > 0)
		return commit_refused(plan, batch, errors, r, d);
	return r;
}

/* ---- Ownership ---------------------------------------------------------------------------------- */

/* A batch without its end is looked at and not done. */
bool kernel_can_own(struct kernel *k)
{
	struct op add = {.kind = OP_ADD_TABLE};
	const struct plan plan = {.ops = &add, .n = 1, .table = RULESET_TABLE "-probe", .table_flags = TABLE_OWNED};
	_cleanup_(nft_batch_freep) struct nft_batch *batch = NULL;
	struct nl_error error;

	if (k->owning == OWNING_NOT_TRIED) {
		batch = nft_put_plan(&plan, 0);
		k->owning = nl_batch(k->nl, batch->buf.data, batch->messages[batch->n - 1].offset, &error, 1) == 0
				    ? OWNING_WORKS
				    : OWNING_FAILS;
	}
	return k->owning == OWNING_WORKS;
}

/* A table beside the main one, or NULL: none. */
static int set_aside(struct kernel *k, const char *name, bool *there, const struct ruleset *want, struct diag *d)
{
	static const struct ruleset none, some = {.table = true};
	_cleanup_(plan_freep) struct plan *plan = NULL;
	int r;

	if (*there == (want != NULL))
		return 0;
	plan = want ? plan_diff(&none, want) : plan_diff(&some, &none);
	plan->table = name;
	r = kernel_commit(k, plan, 0, d);
	if (r == 0)
		*there = want != NULL;
	if (r == -ENOBUFS) {
		*there = true; /* it may be: whoever wants it gone has it deleted */
		diag_add(d, DIAG_KERNEL, (struct loc){0}, "the kernel did not say whether it %s table inet %s",
			 want ? "made" : "deleted", name);
	}
	return r;
}

int kernel_keep(struct kernel *k, const struct ruleset *keeper, struct diag *d)
{
	return set_aside(k, RULESET_KEEPER, &k->keeps, keeper, d);
}

int kernel_trace(struct kernel *k, const struct ruleset *trace, struct diag *d)
{
	return set_aside(k, RULESET_TRACE, &k->traces, trace, d);
}
