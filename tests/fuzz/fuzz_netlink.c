/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says on netlink, up to the values that are made of it, through the real sockets code: what would be sent
 * is not (--wrap in the Makefile), and the answer is the input, message by message. Its first byte says who reads.
 * Bytes behind a message that was received are poisoned: who reads on is caught. */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <sanitizer/asan_interface.h>
#include <sys/socket.h>
#include <time.h>

#include "conntrack.h"
#include "foreign.h"
#include "fuzz.h"
#include "import.h"
#include "links_facts.h"
#include "nflog.h"
#include "nl.h"
#include "watch.h"

/* ---- The kernel ------------------------------------------------------------------------------------- */

static struct {
	const uint8_t *data;
	size_t len;
	uint32_t seq, port; /* of the request being answered */
	bool asked;
	void *poisoned;
	size_t poisoned_len;
} input;

size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *, const void *request, size_t len);
ssize_t __wrap_send(int fd, const void *request, size_t len, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t size, int flags);
int __wrap_nanosleep(const struct timespec *, struct timespec *);
int __wrap_mnl_attr_validate(const struct nlattr *, enum mnl_attr_data_type);

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t len)
{
	input.seq = ((const struct nlmsghdr *)request)->nlmsg_seq;
	input.port = mnl_socket_get_portid(socket);
	input.asked = true;
	return (ssize_t)len;
}

ssize_t __wrap_send(int fd, const void *request, size_t len, int flags)
{
	(void)fd, (void)flags;
	input.seq = ((const struct nlmsghdr *)request)->nlmsg_seq;
	input.port = 0;
	input.asked = true;
	return (ssize_t)len;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *rest)
{
	(void)time, (void)rest;
	return 0;
}

/* libnftnl ends the process when an attribute is not as the kernel writes it; here it has to live with that. */
int mnl_attr_validate(const struct nlattr *attr, enum mnl_attr_data_type type)
{
	(void)attr, (void)type;
	return 0;
}

/* We ourselves look what we get. */
int __wrap_mnl_attr_validate(const struct nlattr *attr, enum mnl_attr_data_type type)
{
	static int (*strict)(const struct nlattr *, enum mnl_attr_data_type);

	if (!strict)
		*(void **)&strict = dlsym(RTLD_NEXT, "mnl_attr_validate");
	return strict(attr, type);
}

static void unpoison(void)
{
	ASAN_UNPOISON_MEMORY_REGION(input.poisoned, input.poisoned_len);
	input.poisoned_len = 0;
}

static size_t deliver(const void *from, size_t len, void *buf, size_t size)
{
	memcpy(buf, from, len);
	input.poisoned = (char *)buf + len;
	input.poisoned_len = size - len;
	ASAN_POISON_MEMORY_REGION(input.poisoned, input.poisoned_len);
	return len;
}

/* Messages up to one that ends an answer. They get the sequence number and port that they answer to; what is no message,
 * which libmnl would not live through, ends the input. */
static size_t next_answer(void *buf, size_t size)
{
	_cleanup_(freep) char *copy = xmalloc(size);
	size_t n = 0;
	bool end = false;

	while (!end && input.len >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr nlh;

		memcpy(&nlh, input.data, sizeof(nlh));
		size_t step = NLMSG_ALIGN(nlh.nlmsg_len) < input.len ? NLMSG_ALIGN(nlh.nlmsg_len) : input.len;
		if (nlh.nlmsg_len < sizeof(nlh) || nlh.nlmsg_len > input.len || n + step > size)
			break;
		end = nlh.nlmsg_type == NLMSG_DONE || nlh.nlmsg_type == NLMSG_ERROR;
		nlh.nlmsg_seq = input.seq;
		nlh.nlmsg_pid = input.port;
		memcpy(copy + n, input.data, step);
		memcpy(copy + n, &nlh, sizeof(nlh));
		n += step;
		input.data += step;
		input.len -= step;
	}
	input.len = end ? input.len : 0;
	return n ? deliver(copy, n, buf, size) : 0;
}

/* When nothing is left, every answer is an empty one. */
static ssize_t receive(void *buf, size_t size, int flags)
{
	struct {
		struct nlmsghdr nlh;
		int error;
	} end = {{sizeof(end), NLMSG_DONE, 0, input.seq, input.port}, 0};

	unpoison();
	if (input.asked && input.len) {
		size_t n = next_answer(buf, size);

		if (n)
			return (ssize_t)n;
	}
	if (input.asked && !(flags & MSG_DONTWAIT)) {
		input.asked = false;
		return (ssize_t)deliver(&end, sizeof(end), buf, size);
	}
	input.asked = false;
	errno = EAGAIN;
	return -1;
}

ssize_t __wrap_recv(int fd, void *buf, size_t size, int flags)
{
	(void)fd;
	return receive(buf, size, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	(void)fd;
	msg->msg_flags = 0;
	memset(msg->msg_name, 0, msg->msg_namelen); /* it is from the kernel */
	return receive(msg->msg_iov->iov_base, msg->msg_iov->iov_len, flags);
}

/* ---- Who reads -------------------------------------------------------------------------------------- */

static struct kernel *kernel;
static struct conntrack *conntrack;
static struct nflog *nflog;
static struct watch *watch;
static struct links *links;

static void read_table(struct diag *diag)
{
	_cleanup_(ruleset_freep) struct ruleset *have = NULL, *want = ruleset_new();
	_cleanup_(buf_free) struct buf text = {0};
	uint32_t generation;

	if (kernel_read(kernel, &have, &generation, diag) < 0)
		return;
	_cleanup_(plan_freep) struct plan *plan = plan_diff(have, want);
	ruleset_text(&text, have);
	kernel_commit(kernel, plan, generation, diag);
}

static void tell(const struct obstacle *o, const struct foreign_packet *packet)
{
	_cleanup_(freep) char *where = foreign_place(o);
	_cleanup_(remedy_free) struct remedy remedy = foreign_remedy(o, packet);

	PROMISE(where && (remedy.command || remedy.advice));
}

static void read_foreign(struct diag *diag)
{
	const struct foreign_packet packet = {.family = AF_INET,
					      .proto = IPPROTO_TCP,
					      .to = {.ip = {AF_INET, {192, 168, 1, 2}}, .port = 80, .ifname = "lan0"}};
	_cleanup_(foreign_freep) struct foreign *foreign = NULL;
	struct foreign_stop stops[FOREIGN_STOPS_MAX];
	struct obstacle found[4];

	if (kernel_read_foreign(kernel, true, &foreign, diag) < 0)
		return;
	size_t n_stops = foreign_way(FOREIGN_FROM_OUTSIDE | FOREIGN_TO_TARGET, stops);
	for (size_t k = 0; k < n_stops; k++) {
		size_t n = foreign_drops(foreign, &stops[k], &packet, found, ARRAY_SIZE(found));

		for (size_t i = 0; i < n && i < ARRAY_SIZE(found); i++)
			tell(&found[i], &packet);
	}
	if (foreign_translates(foreign, &packet, &found[0]))
		tell(&found[0], &packet);
	_cleanup_(settings_freep) struct settings *settings = settings_default();
	_cleanup_(topology_freep) struct topology *topology =
		topology_build(settings, &(struct facts){0}, &(struct wan_memory){0});
	_cleanup_(import_freep) struct import *import = import_build(foreign, topology, &(struct facts){0});
	_cleanup_(freep) char *yaml = import_yaml(import);
	promise_clean(yaml);
}

static void one_flow(void *last, const struct flow *flow)
{
	*(struct flow *)last = *flow;
}

static void read_flows(struct diag *diag)
{
	struct flow last = {0};

	(void)diag;
	conntrack_list(conntrack, &(struct flow_filter){.family = AF_INET, .proto = IPPROTO_TCP}, one_flow, &last);
	if (last.id) {
		conntrack_cut(conntrack, &last, &last.server, last.server_port);
		conntrack_cut(conntrack, &last, NULL, 0);
	}
}

static void read_facts(struct diag *diag)
{
	struct facts facts = {0};
	bool nexthops;

	(void)diag;
	if (facts_read(NULL, &facts, &nexthops) == 0)
		facts_free(&facts);
}

static void read_link_events(struct diag *diag)
{
	links_read(links, diag);
}

static void read_listeners(struct diag *diag)
{
	_cleanup_(listeners_free) struct listeners found = {0};
	_cleanup_(peers_free) struct peers peers = {0};
	struct port_range all = {1, 65535};

	listeners_read(PROTO_TCP | PROTO_UDP, all, &found, diag);
	listeners_peers(all, &peers, diag);
}

static void one_logged(void *ctx, const struct logged *logged)
{
	_cleanup_(freep) char *text = logged_text(logged);

	(void)ctx;
	PROMISE(text_printable(text) && logged->name);
}

static void read_log(struct diag *diag)
{
	(void)diag;
	nflog_read(nflog, one_logged, NULL);
}

static void read_events(struct diag *diag)
{
	struct culprit who;

	(void)diag;
	watch_read(watch, &who);
	PROMISE(text_printable(who.program));
}

static void (*const readers[])(struct diag *) = {read_table,       read_foreign, read_flows, read_facts,
						 read_link_events, read_listeners, read_log,     read_events};

/* ---- What is tried ---------------------------------------------------------------------------------- */

enum { LIBNFTNL = 2 }; /* readers before this one parse through it */

/* One attribute in there, or in one of those that it holds (NULL: none); one that holds others not without `any`. */
static struct nlattr *some_attribute(char *at, size_t len, bool any, unsigned *seed)
{
	struct nlattr *chosen = NULL;
	int n = 0;

	while (len >= sizeof(struct nlattr)) {
		struct nlattr *attr = (void *)at;
		size_t step = MNL_ALIGN(attr->nla_len) < len ? MNL_ALIGN(attr->nla_len) : len;

		if (attr->nla_len < sizeof(*attr) || attr->nla_len > len)
			break;
		if (rand_r(seed) % ++n == 0)
			chosen = attr;
		at += step;
		len -= step;
	}
	if (!chosen || !(chosen->nla_type & NLA_F_NESTED) || (any && rand_r(seed) % 2))
		return chosen;
	return some_attribute((char *)chosen + sizeof(*chosen), chosen->nla_len - sizeof(*chosen), any, seed);
}

static struct nlmsghdr *some_message(char *at, size_t len, unsigned *seed)
{
	struct nlmsghdr *chosen = NULL;
	int n = 0;

	while (len >= sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg)) {
		struct nlmsghdr *nlh = (void *)at;
		size_t step = NLMSG_ALIGN(nlh->nlmsg_len) < len ? NLMSG_ALIGN(nlh->nlmsg_len) : len;

		if (nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > len)
			break;
		if (nlh->nlmsg_len > sizeof(*nlh) + sizeof(struct nfgenmsg) && rand_r(seed) % ++n == 0)
			chosen = nlh;
		at += step;
		len -= step;
	}
	return chosen;
}

/* libnftnl believes that the kernel never forgets an attribute 1, the name of what follows, nor says half of one. For its
 * readers messages keep their form: what an attribute says becomes something else, or an attribute one that nobody knows. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed)
{
	const size_t headers = sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg);
	_cleanup_(freep) char *copy = xmalloc(len + 1); /* aligned */
	bool rename = rand_r(&seed) % 8 == 0;
	struct nlmsghdr *nlh;
	struct nlattr *attr;

	if (len < 2 || data[0] % ARRAY_SIZE(readers) >= LIBNFTNL)
		return len < 2 ? len : 1 + LLVMFuzzerMutate(data + 1, len - 1, max - 1); /* the reader stays */
	memcpy(copy, data + 1, len - 1);
	nlh = some_message(copy, len - 1, &seed);
	attr = nlh ? some_attribute((char *)nlh + headers, nlh->nlmsg_len - headers, rename, &seed) : NULL;
	if (attr && rename && mnl_attr_get_type(attr) != 1)
		attr->nla_type = 0x3ff;
	else if (attr && !rename && attr->nla_len > sizeof(*attr))
		LLVMFuzzerMutate((uint8_t *)attr + sizeof(*attr), attr->nla_len - sizeof(*attr),
				 attr->nla_len - sizeof(*attr));
	memcpy(data + 1, copy, len - 1);
	return len;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	_cleanup_(diag_free) struct diag diag = {0};
	static struct place place;

	(void)argc, (void)argv;
	place_make(&place); /* for /proc/sys */
	PROMISE(kernel_open(&kernel, &diag) == 0 && links_open(&links, &diag) == 0 && nflog_open(&nflog) == 0);
	PROMISE(conntrack_open(&conntrack) == 0 && watch_open(0, &watch) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(diag_free) struct diag diag = {0};

	if (!len)
		return 0;
	input.data = data + 1;
	input.len = len - 1;
	input.asked = true; /* events come unasked */
	readers[data[0] % ARRAY_SIZE(readers)](&diag);
	unpoison();
	_cleanup_(freep) char *said = diag_text(&diag);
	promise_clean(said);
	return 0;
}
