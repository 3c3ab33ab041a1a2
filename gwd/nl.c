/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libmnl parses; the receive loops are our own, because mnl_cb_run stops at the first error of a batch, cannot show the
 * extended acks, ignores NLM_F_DUMP_INTR of all but the message at hand, and takes a foreign message for a failure. */
#include "nl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "util.h"

#ifndef SO_SNDBUFFORCE
#define SO_SNDBUFFORCE 32
#endif

enum {
	RECEIVE_MAX = 1 << 16, /* the kernel fills dumps up to 32 KiB per recv when the buffer is that large */
	EVENTS_MAX = 1 << 14,  /* readings of nl_events: one is mostly one message, and a burst has thousands */
	SEND_EXTRA = 1 << 12,  /* the kernel counts its own bookkeeping against the send buffer */
};

struct nl {
	struct mnl_socket *socket;
	uint32_t seq, portid;
	size_t send_buffer; /* bytes */
	_Alignas(struct nlmsghdr) char buf[RECEIVE_MAX];
};

static int send_buffer(struct nl *);

int nl_open(int bus, struct nl **ret)
{
	struct nl *nl = xcalloc(1, sizeof(*nl));
	int on = 1, r;

	nl->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	r = nl->socket && mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;
	if (r == 0)
		r = send_buffer(nl);
	if (r < 0) {
		nl_close(nl);
		return r;
	}
	/* Best effort: without them errors are only less precise. */
	mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	nl->portid = mnl_socket_get_portid(nl->socket);
	nl->seq = (uint32_t)time(NULL);
	*ret = nl;
	return 0;
}

void nl_close(struct nl *nl)
{
	if (!nl)
		return;
	if (nl->socket)
		mnl_socket_close(nl->socket);
	free(nl);
}

int nl_fd(const struct nl *nl)
{
	return mnl_socket_get_fd(nl->socket);
}

uint32_t nl_port(const struct nl *nl)
{
	return mnl_socket_get_portid(nl->socket);
}

uint32_t nl_next_seq(struct nl *nl)
{
	return ++nl->seq;
}

int nl_join(struct nl *nl, uint32_t group)
{
	return mnl_socket_setsockopt(nl->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ? -errno : 0;
}

int nl_leave(struct nl *nl, uint32_t group)
{
	return mnl_socket_setsockopt(nl->socket, NETLINK_DROP_MEMBERSHIP, &group, sizeof(group)) < 0 ? -errno : 0;
}

static int send_buffer(struct nl *nl)
{
	int size;
	socklen_t len = sizeof(size);

	if (getsockopt(nl_fd(nl), SOL_SOCKET, SO_SNDBUF, &size, &len) < 0)
		return -errno;
	nl->send_buffer = (size_t)size;
	return 0;
}

int nl_reserve(struct nl *nl, size_t bytes)
{
	int want, r;

	if (bytes > INT32_MAX / 2 - SEND_EXTRA)
		return -EMSGSIZE;
	if (bytes + SEND_EXTRA <= nl->send_buffer)
		return 0;
	want = (int)bytes + SEND_EXTRA;
	if (setsockopt(nl_fd(nl), SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)) < 0 &&
	    setsockopt(nl_fd(nl), SOL_SOCKET, SO_SNDBUF, &want, sizeof(want)) < 0)
		return -errno;
	r = send_buffer(nl);
	if (r < 0)
		return r;
	return bytes + SEND_EXTRA <= nl->send_buffer ? 0 : -EMSGSIZE;
}

static int send_all(struct nl *nl, const void *data, size_t len)
{
	ssize_t n;

	do
		n = mnl_socket_sendto(nl->socket, data, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Bytes received into nl->buf from the kernel itself, or -errno. */
static ssize_t receive(struct nl *nl, int flags)
{
	struct sockaddr_nl from;
	struct iovec iov = {.iov_base = nl->buf, .iov_len = sizeof(nl->buf)};
	struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do {
		msg.msg_namelen = sizeof(from);
		n = recvmsg(nl_fd(nl), &msg, flags);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0)
		return -errno;
	return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

/* ---- Request and answer ------------------------------------------------------------------------- */

struct talk {
	uint32_t seq, portid;
	mnl_cb_t cb;
	void *ctx;
	int error; /* the first one */
	bool interrupted, done;
};

static int message_error(const struct nlmsghdr *nlh)
{
	const int *error = mnl_nlmsg_get_payload(nlh);

	return mnl_nlmsg_get_payload_len(nlh) >= sizeof(*error) ? *error : -EBADMSG;
}

/* After an error the rest is still taken from the queue: an unfinished dump would block the next one. */
static void talk_message(struct talk *t, const struct nlmsghdr *nlh)
{
	int r = 0;

	if (nlh->nlmsg_seq != t->seq || nlh->nlmsg_pid != t->portid)
		return;
	t->interrupted |= (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		break;
	case NLMSG_ERROR:
		t->done = true;
		r = message_error(nlh);
		break;
	case NLMSG_DONE: /* carries the dump's own error, as when its set was deleted meanwhile */
		t->done = true;
		r = mnl_nlmsg_get_payload_len(nlh) ? message_error(nlh) : 0;
		break;
	default:
		errno = EBADMSG; /* for callbacks that do not say why */
		if (t->cb && !t->error && t->cb(nlh, t->ctx) == MNL_CB_ERROR)
			r = -errno;
	}
	if (r < 0 && !t->error)
		t->error = r;
}

int nl_talk(struct nl *nl, struct nlmsghdr *request, mnl_cb_t cb, void *ctx)
{
	struct talk t = {.seq = nl_next_seq(nl), .portid = nl->portid, .cb = cb, .ctx = ctx};
	int r;

	request->nlmsg_seq = t.seq;
	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->nlmsg_flags |= NLM_F_ACK;
	r = send_all(nl, request, request->nlmsg_len);
	if (r < 0)
		return r;
	while (!t.done) {
		ssize_t n = receive(nl, 0);
		int left = (int)n;

		if (n == -ENOBUFS) /* events for a group were lost; answers to requests never are */
			continue;
		if (n < 0)
			return (int)n;
		for (const struct nlmsghdr *nlh = (const void *)nl->buf; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			talk_message(&t, nlh);
	}
	return t.interrupted ? -EINTR : t.error;
}

/* ---- Batch -------------------------------------------------------------------------------------- */

static void read_extack(const struct nlmsghdr *nlh, struct nl_error *e)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t offset = sizeof(*err);
	struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		offset += err->msg.nlmsg_len - sizeof(err->msg);
	if (MNL_ALIGN(offset) >= mnl_nlmsg_get_payload_len(nlh))
		return;
	mnl_attr_for_each(attr, nlh, offset) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			e->offset = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			snprintf(e->text, sizeof(e->text), "%s", mnl_attr_get_str(attr));
	}
}

struct replies {
	struct nl_error *errors;
	size_t n, max;
	bool acked;
};

static void batch_message(struct replies *r, const struct nlmsghdr *nlh)
{
	struct nl_error e = {0};

	if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr))
		return;
	e.error = message_error(nlh);
	if (!e.error) {
		r->acked = true;
		return;
	}
	e.seq = nlh->nlmsg_seq;
	read_extack(nlh, &e);
	if (r->n < r->max)
		r->errors[r->n++] = e;
}

size_t nl_events(struct nl *nl, void (*each)(void *ctx, const struct nlmsghdr *), void *ctx)
{
	size_t lost = 0;

	for (int i = 0; i < EVENTS_MAX; i++) {
		ssize_t got = recv(nl_fd(nl), nl->buf, sizeof(nl->buf), MSG_DONTWAIT);
		int len = (int)got;

		lost += got < 0 && errno == ENOBUFS;
		if (got == 0 || (got < 0 && errno != ENOBUFS && errno != EINTR))
			break;
		for (const struct nlmsghdr *nlh = (const void *)nl->buf; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len))
			each(ctx, nlh);
	}
	return lost;
}

/* The kernel works through the batch inside sendmsg: what it has to say is in the queue already, or was lost. */
int nl_batch(struct nl *nl, const void *batch, size_t len, struct nl_error *errors, size_t max)
{
	struct replies replies = {.errors = errors, .max = max};
	int r = nl_reserve(nl, len);
	ssize_t n;

	if (r < 0)
		return r;
	do /* nothing stale may be taken for an answer */
		n = receive(nl, MSG_DONTWAIT);
	while (n >= 0 || n == -ENOBUFS);
	r = send_all(nl, batch, len);
	if (r < 0)
		return r;
	while ((n = receive(nl, MSG_DONTWAIT)) >= 0 || n == -ENOBUFS) {
		int left = (int)n;

		for (const struct nlmsghdr *nlh = (const void *)nl->buf; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			batch_message(&replies, nlh);
	}
	if (replies.n)
		return (int)replies.n;
	return replies.acked ? 0 : -ENOBUFS;
}
