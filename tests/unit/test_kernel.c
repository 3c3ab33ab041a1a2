/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel.c against the real kernel, every test in a network namespace that it makes itself. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_place.h"
#include "nft_put.h"
#include "nl.h"
#include "sample_ruleset.h"

/* ---- Helpers ------------------------------------------------------------------------------------ */

/* `nft` with `script` on its standard input; its exit status. */
static int nft(const char *script)
{
	FILE *f = popen("nft -f -", "w");

	assert_non_null(f);
	fputs(script, f);
	return pclose(f);
}

/* Adds (or deletes) what is in the part, on top of what is there. */
static int change(struct kernel *k, const struct ruleset *part, bool add, struct diag *d)
{
	_cleanup_(ruleset_freep) struct ruleset *nothing = ruleset_new();
	_cleanup_(plan_freep) struct plan *p = add ? plan_diff(nothing, part) : plan_diff(part, nothing);

	return kernel_commit(k, p, 0, d);
}

static struct set any4_of(const struct ruleset *r)
{
	return *ruleset_set(r, "any4");
}

/* ---- Tests -------------------------------------------------------------------------------------- */

static void test_absent_table(void **state)
{
	_cleanup_(ruleset_freep) struct ruleset *r = read_all(opened(state), NULL);

	assert_false(r->table);
	assert_int_equal(r->n_sets + r->n_chains + r->n_elems, 0);
}

static void test_round_trip(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *nothing = ruleset_new(), *have = NULL;
	struct kernel_stats before;

	must_reach(k, want);
	have = read_all(k, NULL);
	assert_nothing_to_do(want, have);
	assert_int_equal(have->n_elems, want->n_elems);
	before = *kernel_stats(k);
	must_reach(k, want);
	assert_int_equal(kernel_stats(k)->batches, before.batches); /* nothing to do, nothing sent */
	must_reach(k, nothing);
	ruleset_free(have);
	have = read_all(k, NULL);
	assert_false(have->table);
}

/* One forward more or less is one message with one element, whatever is there. */
static void test_incremental(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *part = ruleset_new(), *have = NULL;
	struct set any4 = any4_of(want);
	struct kernel_stats before, after;
	struct diag d = {0};

	must_reach(k, want);
	sample_forward(part, &any4, 8080, 12, "more");
	before = *kernel_stats(k);
	assert_int_equal(change(k, part, true, &d), 0);
	after = *kernel_stats(k);
	assert_int_equal(after.batches - before.batches, 1);
	assert_int_equal(after.messages - before.messages, 1);
	assert_int_equal(after.elements - before.elements, 1);
	assert_int_equal(after.dumps, before.dumps);
	have = read_all(k, NULL);
	assert_non_null(ruleset_elem(have, &part->elems[0]));
	assert_int_equal(have->n_elems, want->n_elems + 1);
	assert_int_equal(change(k, part, false, &d), 0);
	ruleset_free(have);
	have = read_all(k, NULL);
	assert_nothing_to_do(have, want);
}

/* The same for ranges: touching ones, the last port, one that goes alone. */
static void test_ranges(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *part = ruleset_new(), *have = NULL;
	struct set ranges = *ruleset_set(want, "any4_tcp_range");
	struct diag d = {0};

	must_reach(k, want);
	sample_range(part, &ranges, 6101, 6200, 9, "above");
	sample_range(part, &ranges, 5990, 5999, 9, "below");
	ruleset_sort(part);
	assert_int_equal(change(k, part, true, &d), 0);
	have = read_all(k, NULL);
	assert_int_equal(have->n_elems, want->n_elems + 2);
	assert_non_null(ruleset_elem(have, &part->elems[0]));
	assert_non_null(ruleset_elem(have, &part->elems[1]));
	assert_int_equal(change(k, part, false, &d), 0);
	ruleset_free(have);
	have = read_all(k, NULL);
	assert_nothing_to_do(have, want);
}

/* The 777th of 1,000 new forwards clashes: it is named with its place, and none of them is there. */
static void test_error_names_forward(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *part = ruleset_new(), *have = NULL;
	struct set any4 = any4_of(want);
	_cleanup_(diag_free) struct diag d = {0};

	must_reach(k, want);
	sample_forward(part, &any4, 80, 77, "clash")->loc = (struct loc){.file = "gwd.yaml", .line = 7, .col = 3};
	for (uint16_t i = 1; i < 1000; i++)
		sample_forward(part, &any4, (uint16_t)(i < 777 ? i + 80 : i + 1000), 1, "fine");
	for (size_t i = 0; i < 776; i++) { /* not sorted: the clash stands somewhere in the second message or so */
		struct elem e = part->elems[i];

		part->elems[i] = part->elems[i + 1];
		part->elems[i + 1] = e;
	}
	assert_int_equal(change(k, part, true, &d), -EEXIST);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.kind, DIAG_KERNEL);
	assert_string_equal(d.mistakes[0].message,
			    "clash: the kernel refused element any4 { tcp . 80 }: File exists");
	assert_int_equal(d.mistakes[0].loc.line, 7);
	have = read_all(k, NULL);
	assert_nothing_to_do(have, want);
}

static void test_error_of_range(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *part = ruleset_new();
	struct set ranges = *ruleset_set(want, "any4_tcp_range");
	_cleanup_(diag_free) struct diag d = {0};

	must_reach(k, want);
	sample_range(part, &ranges, 5000, 5100, 1, "fine");
	sample_range(part, &ranges, 6050, 6150, 2, "overlaps");
	sample_range(part, &ranges, 7000, 7100, 1, "fine too");
	ruleset_sort(part);
	assert_true(change(k, part, true, &d) < 0);
	assert_true(d.n >= 1);
	for (size_t i = 0; i < d.n; i++)
		assert_non_null(strstr(d.mistakes[i].message, "overlaps: the kernel refused element any4_tcp_range"));
}

static void test_error_without_forward(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = ruleset_new(), *part = ruleset_new();
	_cleanup_(diag_free) struct diag d = {0};
	struct chain *c;

	want->table = true;
	c = sample_chain(want, "lost", NULL, 0, 0);
	SAMPLE_RULE(want, c, "nowhere", VERDICT(NFT_GOTO, "no_such_chain"));
	assert_int_equal(reach(k, want, &d), -ENOENT);
	assert_string_equal(d.mistakes[0].message, "the kernel refused a rule of chain lost: [goto no_such_chain] # "
						   "nowhere: No such file or directory");
	diag_free(&d);
	struct set any4 = {.name = "any4", .key_type = TYPE_CONCAT(TYPE_PROTO, TYPE_PORT), .key_len = 8};
	sample_forward(part, &any4, 1, 1, "one");
	sample_forward(part, &any4, 2, 1, "two");
	assert_int_equal(change(k, part, true, &d), -ENOENT); /* no table: no element in particular is to blame */
	assert_string_equal(d.mistakes[0].message,
			    "the kernel refused one of the elements of any4: No such file or directory");
}

static void test_restart_when_changed(void **state)
{
	struct kernel *k = opened(state), *other = NULL;
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *part = ruleset_new(), *more = ruleset_new();
	_cleanup_(ruleset_freep) struct ruleset *nothing = ruleset_new(), *have = NULL;
	_cleanup_(plan_freep) struct plan *p = NULL;
	struct set any4 = any4_of(want);
	_cleanup_(diag_free) struct diag d = {0};
	uint32_t generation;

	must_reach(k, want);
	have = read_all(k, &generation);
	sample_forward(part, &any4, 8080, 12, "ours");
	sample_forward(more, &any4, 8081, 12, "theirs");
	p = plan_diff(nothing, part);
	assert_int_equal(kernel_open(&other, &d), 0);
	assert_int_equal(change(other, more, true, &d), 0);
	kernel_close(other);
	assert_int_equal(kernel_commit(k, p, generation, &d), -ERESTART);
	assert_int_equal(d.n, 0); /* the caller reads again, nobody is bothered */
	ruleset_free(have);
	have = read_all(k, &generation);
	assert_null(ruleset_elem(have, &part->elems[0]));
	assert_int_equal(kernel_commit(k, p, generation, &d), 0);
}

/* What somebody else puts into our table is seen, and goes again; what lives and dies with a rule is left to it. */
static void test_foreign_additions(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *have = NULL;
	size_t others = 0;
	struct diag d = {0};

	need_nft();
	must_reach(k, want);
	assert_int_equal(nft("add chain inet gwd theirs { type filter hook input priority 0; }\n"
			     "add rule inet gwd theirs tcp dport { 22, 80 } limit rate 5/second accept comment \"a\"\n"
			     "add rule inet gwd theirs ip saddr vmap { 10.0.0.1 : drop, 10.0.0.2 : jump set_mark }\n"
			     "add rule inet gwd any_wan4 jump { ip ttl 1 drop; }\n"
			     "add set inet gwd recent { type ipv4_addr; flags dynamic,timeout; timeout 1h; size 100; }\n"
			     "add element inet gwd recent { 10.0.0.9 timeout 1h }\n"
			     "add set inet gwd nets { type ipv4_addr . inet_service; flags interval; }\n"
			     "add element inet gwd nets { 10.0.0.0/8 . 80-90 }\n"
			     "add element inet gwd any4 { tcp . 4444 : 10.0.0.66 . 4444 }\n"
			     "add element inet gwd any4 { * : 10.0.0.67 . 1 }\n"
			     "add element inet gwd any4_tcp_range { 7000-7100 : 10.0.0.66 }\n"),
			 0);
	have = read_all(k, NULL);
	assert_non_null(ruleset_chain(have, "theirs"));
	assert_non_null(ruleset_set(have, "recent"));
	assert_int_equal(have->n_elems, want->n_elems + 4);
	assert_int_equal(have->n_chains, want->n_chains + 1);
	assert_int_equal(have->n_sets, want->n_sets + 2);
	assert_true(ruleset_chain(have, "theirs")->rules[0].handle > 0);
	must_reach(k, want);

	assert_int_equal(kernel_foreign_chains(k, &others, &d), 0);
	assert_int_equal(others, 0);
	assert_int_equal(nft("table ip nat { chain a { type nat hook output priority 0; }; chain none { }; }\n"
			     "table inet fw { chain f { type filter hook forward priority 0; };\n"
			     "chain i { type filter hook input priority 0; }; }\n"
			     "table bridge b { chain f { type filter hook forward priority 0; }; }\n"),
			 0);
	assert_int_equal(kernel_foreign_chains(k, &others, &d), 0);
	assert_int_equal(others, 2);
}

/* The listing of our table loads again, as Debian's and Alpine's services save and load it. */
static void test_listing_reloads(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *have = NULL;
	_cleanup_(plan_freep) struct plan *p = NULL;

	need_nft();
	must_reach(k, want);
	assert_int_equal(system("l=$(nft list ruleset) && nft flush ruleset && echo \"$l\" | nft -f -"), 0);
	have = read_all(k, NULL);
	p = plan_diff(have, want);
	for (size_t i = 0; i < p->n; i++) /* nft chooses other registers in one rule, and nothing else differs */
		assert_string_equal(p->ops[i].chain ? p->ops[i].chain->name : "no chain", "forward");
}

/* ---- Size --------------------------------------------------------------------------------------- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static struct ruleset *many(struct arena *names, uint32_t n)
{
	struct ruleset *r = sample_ruleset();
	struct set any4 = any4_of(r), pin4 = *ruleset_set(r, "pin4");

	for (uint32_t i = 0; i < n; i++) {
		uint32_t address = htonl(0x0a800000u + i / 1000);
		uint16_t port = htons((uint16_t)(20000 + i % 1000));
		uint8_t key[12] = {0, 0, 0, 0, IPPROTO_UDP};

		memcpy(key, &address, 4);
		memcpy(key + 8, &port, 2);
		sample_elem(r, &pin4, key, key + 4, arena_printf(names, "service-%u", i));
	}
	sample_forward(r, &any4, 9999, 1, "last");
	ruleset_sort(r);
	return r;
}

/* All of them are stored: a list of elements that wraps its 16-bit length is acknowledged, but stored in part. */
static void test_hundred_thousand(void **state)
{
	struct kernel *k = opened(state);
	struct arena *names = arena_new();
	_cleanup_(ruleset_freep) struct ruleset *want = many(names, 100000), *have = NULL;
	double start = seconds(), written, read;
	long before = peak_kib();
	_cleanup_(ruleset_freep) struct ruleset *nothing = ruleset_new();
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct kernel *other;
	struct culprit who;
	struct diag d = {0};

	if (reach(k, want, &d) < 0) {
		print_message("SKIP: %s\n", diag_text(&d)); /* a small wmem_max without CAP_NET_ADMIN in the first namespace */
		arena_free(names);
		skip();
	}
	written = seconds();
	assert_int_equal(kernel_touched(k, &who), 0);
	have = read_all(k, NULL);
	read = seconds();
	assert_int_equal(have->n_elems, want->n_elems);
	assert_nothing_to_do(have, want);
	assert_int_equal(kernel_open(&other, &d), 0);
	plan = plan_diff(have, nothing);
	assert_int_equal(kernel_commit(other, plan, 0, &d), 0);
	kernel_close(other);
	assert_int_equal(kernel_touched(k, &who) & KERNEL_OURS, KERNEL_OURS);
	print_message("100,000 forwards: written in %.0f ms (%llu KiB in one batch), read in %.0f ms, peak %ld -> %ld KiB\n",
		      (written - start) * 1e3, (unsigned long long)kernel_stats(k)->bytes / 1024, (read - written) * 1e3,
		      before, peak_kib());
	arena_free(names);
}

/* What nl.c asks for (Makefile), or what is refused. */
int __real_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value, socklen_t len);
int __wrap_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value, socklen_t len);
static bool no_joining;

int __wrap_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value, socklen_t len)
{
	if (!no_joining || type != NETLINK_ADD_MEMBERSHIP)
		return __real_mnl_socket_setsockopt(socket, type, value, len);
	errno = ENOMEM;
	return -1;
}

/* After a large batch: what others do is heard again, or that it is not is said before anything else is done. */
static void test_deaf(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(arena_freep) struct arena *names = arena_new();
	_cleanup_(ruleset_freep) struct ruleset *want = many(names, 1500), *nothing = ruleset_new();
	_cleanup_(plan_freep) struct plan *plan = plan_diff(nothing, want), *none = plan_diff(want, want);
	struct diag d = {0};
	struct culprit who;

	no_joining = true;
	assert_int_equal(kernel_commit(k, plan, 0, &d), -ENOBUFS);
	assert_int_equal(d.n, 0);
	assert_int_equal(kernel_commit(k, none, 0, &d), -ENOMEM);
	no_joining = false;
	_cleanup_(freep) char *text = diag_text(&d);
	assert_non_null(strstr(text, "listen for what other programs change"));
	diag_free(&d);
	assert_int_equal(kernel_commit(k, none, 0, &d), 0);
	assert_int_equal(kernel_touched(k, &who), KERNEL_OURS | KERNEL_OTHERS); /* whatever was done meanwhile */
	assert_int_equal(nft("delete table inet gwd"), 0);
	assert_int_equal(kernel_touched(k, &who), KERNEL_OURS);
}

/* Without rights in the first user namespace the send buffer ends at wmem_max: said, never split. */
static void test_send_buffer_bounded(void **state)
{
	pid_t pid;
	int status;

	opened(state);
	pid = fork();
	if (pid == 0) {
		struct nl *nl;

		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			_exit(77);
		_exit(nl_open(NETLINK_NETFILTER, &nl) == 0 && nl_reserve(nl, 1000) == 0 &&
				      nl_reserve(nl, 900u << 20) == -EMSGSIZE ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 77) {
		print_message("SKIP: no user namespaces here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* Neither refused nor confirmed is unknown: the reply may have been lost. */
static void test_silence_is_unknown(void **state)
{
	struct ruleset *want = sample_ruleset(), *nothing = ruleset_new();
	struct plan *p = plan_diff(nothing, want);
	struct nft_batch *b = nft_put_plan(p, 0);
	struct nlmsghdr *last = (void *)(b->buf.data + b->messages[b->n - 2].offset);
	struct nl_error errors[1];
	struct nl *nl = NULL;

	opened(state);
	assert_int_equal(nl_open(NETLINK_NETFILTER, &nl), 0);
	last->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	assert_int_equal(nl_batch(nl, b->buf.data, b->buf.len, errors, 1), -ENOBUFS);
	last->nlmsg_flags |= NLM_F_ACK;
	assert_int_equal(nl_batch(nl, b->buf.data, b->buf.len, errors, 1), 0);
	nl_close(nl);
	nft_batch_free(b);
	plan_free(p);
	ruleset_free(nothing);
	ruleset_free(want);
}

/* Adds and deletes what is in the part, in one batch each time, until it is killed. */
static void flip_forever(const struct ruleset *part)
{
	struct kernel *k;
	struct diag d = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (kernel_open(&k, &d) < 0)
		_exit(1);
	for (bool add = true; change(k, part, add, &d) == 0; add = !add)
		usleep(100);
	_exit(2);
}

/* Somebody changes elements while we read, of which the kernel gives no sign: never half of a change. */
static void test_read_is_from_one_generation(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset(), *part = ruleset_new();
	struct set first = any4_of(want), second = *ruleset_set(want, "listen4");
	size_t good = 0;
	int status;
	pid_t pid;

	must_reach(k, want);
	sample_forward(part, &first, 8080, 1, "both");
	sample_verdict(part, &second, "\x0a\0\0\x02", NF_ACCEPT, NULL);
	ruleset_sort(part);
	pid = fork();
	if (pid == 0)
		flip_forever(part);
	for (int i = 0; i < 200; i++) {
		_cleanup_(ruleset_freep) struct ruleset *have = NULL;
		_cleanup_(diag_free) struct diag busy = {0};
		uint32_t generation;

		if (kernel_read(k, &have, &generation, &busy) < 0)
			continue;
		assert_int_equal(!ruleset_elem(have, &part->elems[0]), !ruleset_elem(have, &part->elems[1]));
		good++;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status)); /* and it was at work until then */
	assert_true(good > 0);
}

/* A table that goes while it is being read is no error of the reader's. */
static void test_table_goes_while_read(void **state)
{
	struct kernel *k = opened(state);
	_cleanup_(ruleset_freep) struct ruleset *want = sample_ruleset();
	pid_t pid = fork();
	int status;

	if (pid == 0)
		flip_forever(want);
	for (int i = 0; i < 100; i++) {
		_cleanup_(ruleset_freep) struct ruleset *have = NULL;
		_cleanup_(diag_free) struct diag busy = {0};
		uint32_t generation;
		int r = kernel_read(k, &have, &generation, &busy);

		if (r == 0)
			assert_int_equal(have->n_elems, have->table ? want->n_elems : 0);
		else
			assert_int_equal(r, -EINTR);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_KERNEL_PLACE(test_absent_table),
		IN_KERNEL_PLACE(test_round_trip),
		IN_KERNEL_PLACE(test_incremental),
		IN_KERNEL_PLACE(test_ranges),
		IN_KERNEL_PLACE(test_error_names_forward),
		IN_KERNEL_PLACE(test_error_of_range),
		IN_KERNEL_PLACE(test_error_without_forward),
		IN_KERNEL_PLACE(test_restart_when_changed),
		IN_KERNEL_PLACE(test_foreign_additions),
		IN_KERNEL_PLACE(test_listing_reloads),
		IN_KERNEL_PLACE(test_hundred_thousand),
		IN_KERNEL_PLACE(test_deaf),
		IN_KERNEL_PLACE(test_send_buffer_bounded),
		IN_KERNEL_PLACE(test_silence_is_unknown),
		IN_KERNEL_PLACE(test_table_goes_while_read),
		IN_KERNEL_PLACE(test_read_is_from_one_generation),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
