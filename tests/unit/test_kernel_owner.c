/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who owns a table, against the real kernel: what others can do to it, and what becomes of it and of connections. */
#include <errno.h>
#include <netinet/in.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "compile.h"
#include "foreign.h"
#include "kernel_place.h"
#include "sample_ruleset.h"
#include "watch.h"

static bool listed(const char *table)
{
	_cleanup_(freep) char *command = xasprintf("nft list table inet %s >/dev/null 2>&1", table);

	return netns_try(command) == 0;
}

static bool refused(const char *command)
{
	_cleanup_(freep) char *quiet = xasprintf("%s 2>/dev/null", command);

	return netns_try(quiet) != 0;
}

static struct kernel *again(void **state)
{
	struct diag d = {0};

	kernel_close(*state);
	*state = NULL;
	assert_int_equal(kernel_open((struct kernel **)state, &d), 0);
	return *state;
}

static struct kernel *owning(void **state)
{
	struct kernel *k = opened(state);

	need_nft();
	if (!kernel_can_own(k)) {
		print_message("SKIP: this kernel has no tables that outlive their owner\n");
		skip();
	}
	return k;
}

static void test_owned(void **state)
{
	struct kernel *k = owning(state);
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *have = NULL, *orphan = NULL,
						*none = ruleset_new();
	_cleanup_(plan_freep) struct plan *adoption = NULL;
	struct diag d = {0};

	assert_false(listed("gwd-probe")); /* the question left nothing behind */
	want->table_flags = TABLE_OWNED;
	must_reach(k, want);
	netns_run("nft flush ruleset");
	assert_true(refused("nft delete table inet gwd"));
	assert_true(refused("nft add chain inet gwd other"));
	have = read_all(k, NULL);
	assert_nothing_to_do(have, want);

	k = again(state); /* the orphan is as it was, and is adopted in one step */
	orphan = read_all(k, NULL);
	assert_int_equal(orphan->table_flags, TABLE_PERSIST);
	adoption = plan_diff(orphan, want);
	assert_int_equal(adoption->n, 1);
	must_reach(k, want);
	assert_true(refused("nft delete table inet gwd"));

	want->table_flags = 0; /* and becomes a plain one, which is nobody's */
	must_reach(k, want);
	want->table_flags = TABLE_OWNED;
	must_reach(k, want);
	k = again(state);
	assert_int_equal(reach(k, none, &d), 0); /* as gwd --purge does */
	assert_false(listed("gwd"));
}

/* ---- The keeper ---------------------------------------------------------------------------------- */

static int keep(struct kernel *k, bool on)
{
	_cleanup_(ruleset_freep) struct ruleset *keeper = on ? ruleset_new() : NULL;
	_cleanup_(diag_free) struct diag d = {0};

	if (on)
		compile_keeper(keeper);
	return kernel_keep(k, keeper, &d);
}

#define TRANSLATION                                                                                                    \
	"nft -f - <<E\n"                                                                                               \
	"table ip other {\n"                                                                                           \
	"	chain output {\n"                                                                                            \
	"		type nat hook output priority -100\n"                                                                       \
	"		ip daddr 127.0.0.2 tcp dport 80 dnat to 127.0.0.1:2000\n"                                                   \
	"	}\n"                                                                                                         \
	"	chain forward {\n"                                                                                           \
	"		type filter hook forward priority 0\n"                                                                      \
	"		ct state established accept\n"                                                                              \
	"	}\n"                                                                                                         \
	"}\n"                                                                                                          \
	"E\n"

static struct sockaddr_in loopback(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK + host)};
}

/* A connection to 127.0.0.2 that is translated, and both its ends. */
static void connected(int ends[2])
{
	struct sockaddr_in here = loopback(0, 2000), there = loopback(1, 80);
	_cleanup_(closep) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	netns_run("ip link set lo up");
	netns_run(TRANSLATION);
	assert_int_equal(bind(listener, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(listen(listener, 1), 0);
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(ends[0], (struct sockaddr *)&there, sizeof(there)), 0);
	ends[1] = accept(listener, NULL, NULL);
	assert_true(ends[1] >= 0);
}

/* A byte from the second end to the first gets there. */
static bool lives(const int ends[2])
{
	struct pollfd in = {.fd = ends[0], .events = POLLIN};
	char c = 'x';

	return send(ends[1], &c, 1, MSG_NOSIGNAL) == 1 && poll(&in, 1, 1000) == 1 && recv(ends[0], &c, 1, 0) == 1;
}

static void test_keeper(void **state)
{
	_cleanup_(foreign_freep) struct foreign *others = NULL;
	struct kernel *k = opened(state);
	struct diag d = {0};

	need_nft();
	for (int kept = 0; kept < 2; kept++) {
		int ends[2];

		connected(ends);
		assert_true(lives(ends));
		assert_int_equal(keep(k, kept), 0);
		netns_run("nft flush ruleset");
		assert_int_equal(listed(RULESET_KEEPER), kept);
		assert_int_equal(lives(ends), kept); /* without it NAT is gone: the answer comes from another address */
		close(ends[0]);
		close(ends[1]);
	}
	assert_int_equal(keep(k, true), 0);
	assert_true(listed(RULESET_KEEPER));
	assert_int_equal(kernel_read_foreign(k, false, &others, &d), 0);
	assert_int_equal(others->n, 0); /* it is nobody else's */
	assert_int_equal(keep(k, false), 0);
	assert_false(listed(RULESET_KEEPER));
	assert_int_equal(keep(k, true), 0);
	k = again(state);
	assert_false(listed(RULESET_KEEPER)); /* it goes with its owner */
}

/* What nl.c hears of the kernel (Makefile), or what was lost. */
ssize_t __real_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
static bool deaf;

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t n;

	do
		n = __real_recvmsg(fd, msg, flags);
	while (deaf && n > 0);
	return n;
}

/* The kernel made it, and nobody heard of that: it can be taken away all the same, and made once. */
static void test_unheard(void **state)
{
	struct kernel *k = opened(state);

	need_nft();
	deaf = true;
	assert_int_equal(keep(k, true), -ENOBUFS);
	deaf = false;
	assert_true(listed(RULESET_KEEPER));
	assert_int_equal(keep(k, false), 0);
	assert_false(listed(RULESET_KEEPER));
}

/* ---- Who it was ---------------------------------------------------------------------------------- */

/* nft under another name. */
static void as(const char *dir, const char *name, const char *script)
{
	_cleanup_(freep) char *path = xasprintf("%s/%s", dir, name), *command = NULL;

	command = xasprintf("ln -s \"$(command -v nft)\" '%s' && '%s' '%s' && rm '%s'", path, path, script, path);
	netns_run(command);
}

static void test_culprit(void **state)
{
	struct kernel *k = opened(state);
	char dir[] = "/tmp/gwd-owner-XXXXXX";
	struct culprit who;

	need_nft();
	assert_non_null(mkdtemp(dir));
	as(dir, "first", "add table inet gwd");
	as(dir, "banlist", "add table ip banned");
	assert_int_equal(kernel_touched(k, &who), KERNEL_OURS | KERNEL_OTHERS);
	assert_string_equal(who.program, "first"); /* not whoever came last */
	assert_true(who.pid > 0);
	as(dir, "banlist", "delete table ip banned");
	assert_int_equal(kernel_touched(k, &who), KERNEL_OTHERS);
	assert_int_equal(who.pid, 0);
	as(dir, "a\033[31m\xff", "delete table inet gwd");
	assert_int_equal(kernel_touched(k, &who), KERNEL_OURS);
	assert_string_equal(who.program, "a?[31m?");
	rmdir(dir);
}

/* After looking away: nothing when the generation is the one that was to come, everything when it is not. */
static void test_looking_away(void **state)
{
	struct kernel *k = opened(state);
	struct culprit who;
	uint32_t generation;
	struct watch *w;
	struct {
		struct nlmsghdr header;
		struct nfgenmsg nfg;
	} refuse = {.header = {.nlmsg_len = sizeof(refuse), .nlmsg_flags = NLM_F_REQUEST}};

	need_nft();
	assert_int_equal(watch_open(0, &w), 0);
	netns_run("nft add table ip others");
	assert_int_equal(watch_read(w, &who), KERNEL_OTHERS);
	assert_int_equal(watch_look_away(w), 0);
	netns_run("nft add table inet gwd");
	ruleset_free(read_all(k, &generation));
	assert_int_equal(watch_look_again(w, generation), 0);
	assert_int_equal(watch_look_away(w), 0); /* once more before the answer is read */
	netns_run("nft add table ip more");
	assert_int_equal(watch_look_again(w, generation + 1), 0);
	assert_int_equal(watch_read(w, &who), 0);
	assert_int_equal(watch_look_away(w), 0);
	netns_run("nft delete table inet gwd");
	assert_int_equal(watch_look_again(w, generation), 0);
	assert_int_equal(poll(&(struct pollfd){.fd = watch_fd(w), .events = POLLIN}, 1, 0), 1);
	assert_int_equal(watch_read(w, &who), KERNEL_OURS | KERNEL_OTHERS);
	assert_int_equal(watch_look_again(w, 0), 0);
	assert_int_equal(watch_read(w, &who), KERNEL_OURS | KERNEL_OTHERS);
	netns_run("nft add table inet gwd");
	assert_int_equal(watch_read(w, &who), KERNEL_OURS);
	refuse.header.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_MAX; /* an error for an answer */
	assert_int_equal(send(watch_fd(w), &refuse, sizeof(refuse), 0), sizeof(refuse));
	assert_int_equal(watch_read(w, &who), KERNEL_OURS | KERNEL_OTHERS);
	watch_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_KERNEL_PLACE(test_owned),
		IN_KERNEL_PLACE(test_keeper),
		IN_KERNEL_PLACE(test_unheard),
		IN_KERNEL_PLACE(test_culprit),
		IN_KERNEL_PLACE(test_looking_away),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
