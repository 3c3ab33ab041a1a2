/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A batch of ours makes an event for each of its elements, and would drown the socket: a filter in the kernel drops what
 * our own port did. Of the rest our table counts, and that others changed their rules; a host where a ban list
 * changes all day costs nothing more than the reading of it. */
#include "watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

#include "kernel.h"
#include "nft_get.h"
#include "nl.h"
#include "ruleset.h"
#include "util.h"

struct watch {
	struct nl *nl;
	unsigned touching; /* by the transaction being read */
	unsigned touched;  /* by those before it */
	bool lost;
	struct culprit who;
};

/* BPF loads words in network order. */
static int drop_own(int fd, uint32_t port)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(port), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

int watch_open(uint32_t port, struct watch **ret)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	int r = nl_open(NETLINK_NETFILTER, &w->nl);

	if (r == 0)
		r = drop_own(nl_fd(w->nl), port);
	if (r == 0)
		r = nl_join(w->nl, NFNLGRP_NFTABLES);
	if (r < 0) {
		watch_close(w);
		return r;
	}
	*ret = w;
	return 0;
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	if (w->nl)
		nl_close(w->nl);
	free(w);
}

int watch_fd(const struct watch *w)
{
	return nl_fd(w->nl);
}

int watch_look_away(struct watch *w)
{
	return nl_leave(w->nl, NFNLGRP_NFTABLES);
}

/* The answer comes among the events, and makes the descriptor readable. Its sequence number says what it should be:
 * several large batches may have gone by when it is read. */
int watch_look_again(struct watch *w, uint32_t generation)
{
	_Alignas(struct nlmsghdr) char buf[MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg)] = {0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int r = nl_join(w->nl, NFNLGRP_NFTABLES);

	nlh->nlmsg_seq = generation;
	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	if (r == 0 && send(nl_fd(w->nl), buf, nlh->nlmsg_len, 0) < 0)
		r = -errno;
	return r;
}

static uint32_t generation_of(const struct nlmsghdr *nlh)
{
	uint32_t id = 0;

	nft_get_generation(nlh, &id);
	return id;
}

/* The last message of a transaction says whose it was. */
static void note_who(struct watch *w, const struct nlmsghdr *nlh)
{
	const struct nlattr *pid = NULL, *name = NULL;
	struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_GEN_PROC_PID && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			pid = attr;
		if (mnl_attr_get_type(attr) == NFTA_GEN_PROC_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			name = attr;
	}
	w->who.pid = pid ? ntohl(mnl_attr_get_u32(pid)) : 0;
	snprintf(w->who.program, sizeof(w->who.program), "%s", name ? mnl_attr_get_str(name) : "");
	text_clean(w->who.program, "");
}

static void end_transaction(struct watch *w, const struct nlmsghdr *nlh)
{
	if (w->touching & KERNEL_OURS)
		note_who(w, nlh);
	w->touched |= w->touching;
	w->touching = 0;
}

/* The table's name is attribute 1 of every kind of object. */
static bool is_ours(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct nlattr *attr = mnl_nlmsg_get_payload_offset(nlh, sizeof(*nfg));

	return nfg->nfgen_family == NFPROTO_INET &&
	       mnl_attr_ok(attr, (int)(mnl_nlmsg_get_payload_len(nlh) - sizeof(*nfg))) &&
	       mnl_attr_get_type(attr) == NFTA_TABLE_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 &&
	       streq(mnl_attr_get_str(attr), RULESET_TABLE);
}

/* What was begun may never come to its end. */
static void lose(struct watch *w)
{
	w->lost = true;
	w->touching = 0;
}

static void read_message(void *ctx, const struct nlmsghdr *nlh)
{
	struct watch *w = ctx;

	if (nlh->nlmsg_type == NLMSG_ERROR) /* no answer to watch_look_again */
		lose(w);
	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return;
	switch (NFNL_MSG_TYPE(nlh->nlmsg_type)) {
	case NFT_MSG_NEWGEN:
		if (nlh->nlmsg_pid != nl_port(w->nl))
			end_transaction(w, nlh);
		else if (!nlh->nlmsg_seq || generation_of(nlh) != nlh->nlmsg_seq)
			lose(w);
		break;
	case NFT_MSG_NEWSETELEM: /* ban lists change all day */
	case NFT_MSG_DELSETELEM:
		w->touching |= is_ours(nlh) ? KERNEL_OURS : 0;
		break;
	default:
		w->touching |= is_ours(nlh) ? KERNEL_OURS : KERNEL_OTHERS;
	}
}

unsigned watch_read(struct watch *w, struct culprit *ret_who)
{
	w->lost = false;
	w->touched = 0;
	w->who = (struct culprit){0};
	if (nl_events(w->nl, read_message, w) > 0)
		lose(w);
	*ret_who = w->who;
	return w->lost ? KERNEL_OURS | KERNEL_OTHERS : w->touched;
}
