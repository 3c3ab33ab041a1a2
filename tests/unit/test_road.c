/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The road under bad weather: a kernel that refuses, forgets or was changed by someone else, a disk that is full. After
 * whatever happens, memory, kernel and database must agree: a start on the same state then has nothing to send. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

#define WEB "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n"
#define MAIL "{'name':'mail','ports':['25'],'to':[{'addr':'10.0.0.3'}]}"
#define BOTH                                                                                                           \
	"element any4 { tcp . 25 : 10.0.0.3 . 25 } # mail\n"                                                           \
	"element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n"

static struct kernel_stats netlink(void)
{
	return *status().netlink;
}

static void begin_with_web(void)
{
	put_file("etc/gwd.yaml", WEB);
	start();
}

/* ---- The kernel refuses -------------------------------------------------------------------------- */

static void refused_call(int (*call)(void), int error)
{
	_cleanup_(freep) char *before = rules(), *after = NULL;
	int64_t revision = status().revision;

	fake_kernel_fail_commit(error);
	assert_int_equal(call(), error);
	assert_int_equal(place.diag.kind, DIAG_KERNEL);
	assert_int_equal(place.outcome.n_messages, 0);
	after = rules();
	assert_same_text(after, before);
	assert_int_equal(status().revision, revision);
	assert_list("web active\na active");
	assert_settled();
	assert_list("web active\na active");
	assert_int_equal(status().revision, revision);
}

static int call_add(void)
{
	return try_add(MAIL);
}
static int call_set(void)
{
	return try_set("a", "{'to':[{'addr':'10.0.0.9'}],'name':'b'}");
}
static int call_remove(void)
{
	return try_remove("a");
}
static int call_off(void)
{
	return try_enable("web", false);
}
static int call_apply(void)
{
	return try_apply("services:\n  - {port: 90, to: 10.0.0.2}\n", "other.yaml");
}
static int call_rollback(void)
{
	return try_rollback(1);
}
static int call_undo(void)
{
	return try_undo();
}
static int call_replace(void)
{
	int r;

	place.options.replace = true;
	r = try_add("{'name':'c','ports':['1-79'],'to':[{'addr':'10.0.0.9'}],'listen':'203.0.113.5'}");
	place.options.replace = false;
	return r;
}
static int (*const calls[])(void) = {call_add, call_set, call_remove, call_off, call_apply, call_rollback, call_undo,
				     call_replace};

static void test_kernel_refuses(void **state)
{
	static const int errors[] = {-EINVAL, -EPERM, -EINTR, -ENOMEM};

	(void)state;
	NEED_NETNS();
	begin_with_web();
	DONE(try_add("{'name':'a','ports':['7'],'to':[{'addr':'10.0.0.3'}],'listen':'203.0.113.5'}"));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		for (size_t k = 0; k < ARRAY_SIZE(errors); k++)
			refused_call(calls[i], errors[k]);
	fake_kernel_fail_commit(-EINVAL);
	call_add();
	assert_refused(DIAG_KERNEL, "mail: the kernel refused element of any4: Invalid argument");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		assert_int_equal(calls[i](), 0);
		assert_settled();
	}
}

/* ---- The kernel is not what we think ---------------------------------------------------------------- */

static void test_somebody_flushed(void **state)
{
	(void)state;
	NEED_NETNS();
	begin_with_web();
	fake_kernel_flush();
	DONE(try_add(MAIL));
	assert_elements(BOTH);
	assert_int_equal(netlink().dumps, 2);
	assert_settled();
	fake_kernel_flush();
	DONE(try_remove("mail"));
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
	fake_kernel_flush();
	restart();
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
	assert_settled();
}

static void test_reply_lost(void **state)
{
	(void)state;
	NEED_NETNS();
	begin_with_web();
	fake_kernel_lose_reply();
	DONE(try_add(MAIL));
	assert_elements(BOTH);
	assert_int_equal(netlink().batches, 2); /* the start's, and the one whose reply was lost */
	assert_settled();
}

/* What says that the kernel is not as it was believed to be: everything is compared, and the change is done. */
static void test_kernel_surprises(void **state)
{
	static const int errors[] = {-ENOBUFS, -ERESTART, -ENOENT, -EEXIST, -EBUSY};

	(void)state;
	NEED_NETNS();
	begin_with_web();
	DONE(try_add("{'name':'a','ports':['7'],'to':[{'addr':'10.0.0.3'}],'listen':'203.0.113.5'}"));
	for (size_t k = 0; k < ARRAY_SIZE(errors); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
			uint64_t dumps = netlink().dumps;

			fake_kernel_fail_commit(errors[k]);
			DONE(calls[i]());
			assert_int_equal(netlink().dumps, dumps + place.outcome.changed);
			assert_settled();
		}
		DONE(try_rollback(2));
		assert_list("web active\na active");
		assert_settled();
	}
}

/* The kernel has it, nobody knows, and nobody can look: refused, and put back as soon as one can. */
static void test_reply_lost_and_unreadable(void **state)
{
	static const int errors[] = {-ENOBUFS, -EPERM, -EINTR, -EIO};

	(void)state;
	NEED_NETNS();
	begin_with_web();
	for (size_t k = 0; k < ARRAY_SIZE(errors); k++) {
		fake_kernel_lose_reply();
		fake_kernel_fail_read(errors[k]);
		assert_int_equal(try_add(MAIL), errors[k]);
		assert_list("web active");
		assert_elements(BOTH);
		gwd_settle(place.gwd);
		assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
		assert_settled();
	}
}

static void test_read_then_changed(void **state)
{
	(void)state;
	NEED_NETNS();
	begin_with_web();
	fake_kernel_flush();
	fake_kernel_restart(3);
	DONE(try_add(MAIL));
	assert_elements(BOTH);
	assert_int_equal(netlink().dumps, 1 + 4);
	assert_settled();
	fake_kernel_flush();
	fake_kernel_restart(2);
	restart();
	assert_elements(BOTH);
}

/* Reading fails in the middle of a surprise: refused, and the next change compares all of it. */
static void test_cannot_read(void **state)
{
	(void)state;
	NEED_NETNS();
	begin_with_web();
	fake_kernel_flush();
	fake_kernel_fail_read(-EIO);
	assert_int_equal(try_add(MAIL), -EIO);
	assert_int_equal(place.diag.n, 1);
	assert_list("web active");
	DONE(try_add(MAIL));
	assert_elements(BOTH);
	assert_settled();
}

static void test_reason_when_it_never_settles(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	fake_kernel_restart(1000);
	assert_int_equal(try_add(MAIL), -ERESTART);
	assert_true(place.diag.n > 0);
	assert_list("");
	fake_kernel_restart(0);
	DONE(try_add(MAIL));
	assert_settled();
}

static void test_cannot_open(void **state)
{
	(void)state;
	NEED_NETNS();
	fake_kernel_fail_open(-EPERM);
	try_start();
	assert_int_equal(place.r, -EPERM);
	assert_int_equal(place.diag.n, 1);
	assert_null(place.gwd);
	start();
}

/* ---- The disk is full ---------------------------------------------------------------------------- */

static void full_disk_call(int (*call)(void))
{
	_cleanup_(freep) char *before = rules(), *after = NULL;
	struct kernel_stats old = netlink();
	int64_t revision = status().revision;
	int r;

	disk_full(true);
	r = call();
	disk_full(false);
	assert_true(r < 0);
	assert_int_equal(place.diag.kind, DIAG_INTERNAL);
	assert_true(place.diag.n > 1);
	assert_string_equal(place.diag.mistakes[place.diag.n - 1].message, "nothing was changed");
	assert_int_equal(netlink().batches, old.batches + 2); /* there and back */
	assert_int_equal(netlink().dumps, old.dumps);
	after = rules();
	assert_same_text(after, before);
	assert_int_equal(status().revision, revision);
	assert_list("web active\na active");
	assert_settled();
	assert_list("web active\na active");
}

static void test_full_disk(void **state)
{
	(void)state;
	NEED_NETNS();
	begin_with_web();
	DONE(try_add("{'name':'a','ports':['7'],'to':[{'addr':'10.0.0.3'}],'listen':'203.0.113.5'}"));
	DONE(try_set("a", "{'description':'for undo'}"));
	DONE(try_set("a", "{'to':[{'addr':'10.0.0.8'}]}"));
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		full_disk_call(calls[i]);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		assert_int_equal(calls[i](), 0);
	assert_settled();
}

/* The data path never needs us: what runs goes on when gwd cannot start. */
static void test_full_disk_at_start(void **state)
{
	_cleanup_(freep) char *have = NULL;

	(void)state;
	NEED_NETNS();
	begin_with_web();
	stop();
	disk_full(true);
	try_start();
	disk_full(false);
	have = elements();
	assert_string_equal(have, "element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
}

/* A start that could not be stored is no hole in the history. */
static void test_rollback_to_unstored_start(void **state)
{
	(void)state;
	NEED_NETNS();
	begin_with_web();
	stop();
	put_file("etc/gwd.yaml", WEB "  - {name: new, port: 90, to: 10.0.0.2}\n");
	disk_full(true);
	start();
	disk_full(false);
	assert_list("web active\nnew active");
	DONE(try_add(MAIL));
	int64_t then = status().revision;
	DONE(try_remove("mail"));
	DONE(try_rollback(then));
	assert_list("web active\nnew active\nmail active");
	assert_settled();
	assert_list("web active\nnew active\nmail active");
}

/* ---- Links --------------------------------------------------------------------------------------- */

static bool rules_say(const char *text)
{
	_cleanup_(freep) char *have = rules();

	return strstr(have, text) != NULL;
}

static void test_links_are_followed(void **state)
{
	(void)state;
	NEED_NETNS();
	begin_with_web();
	assert_true(rules_say("element listen4 { 203.0.113.5 : goto any4 }"));
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	gwd_links_event(place.gwd);
	assert_true(rules_say("element listen4 { 203.0.113.6 : goto any4 }"));
	assert_settled();
	netns_run("ip route del default");
	gwd_links_event(place.gwd);
	assert_list("web active"); /* remembered */
	restart();
	assert_list("web active");
	netns_run("ip route add default via 192.168.1.9");
	gwd_links_event(place.gwd);
	assert_true(rules_say("element listen4 { 192.168.1.1 : goto any4 }"));
	assert_false(rules_say("element listen4 { 203.0.113.5"));
	assert_settled();
	gwd_links_event(place.gwd);
	assert_int_equal(netlink().batches, 0); /* nothing new, nothing sent */
}

static void test_target_becomes_own_address(void **state)
{
	(void)state;
	NEED_NETNS();
	begin_with_web();
	netns_run("ip address add 10.0.0.2/24 dev lan0");
	gwd_links_event(place.gwd);
	assert_list("web held: 10.0.0.2 is this gateway's own address");
	assert_elements("");
	netns_run("ip address del 10.0.0.2/24 dev lan0");
	gwd_links_event(place.gwd);
	assert_list("web active");
	assert_elements("element any4 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
	assert_settled();
}

static void test_interface_comes(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2, listen: ppp0}\n");
	start();
	assert_list("web held: no interface ppp0");
	netns_run("ip link add ppp0 type bridge && ip address add 198.51.100.1/24 dev ppp0 && ip link set ppp0 up");
	gwd_links_event(place.gwd);
	assert_list("web active");
	assert_true(rules_say("element listen4 { 198.51.100.1 : goto on4_ppp0 }"));
	assert_elements("element on4_ppp0 { tcp . 80 : 10.0.0.2 . 80 } # web\n");
	assert_settled();
}

/* The first forward that acts does so by a link event: forwarding is raised, and a restart still knows that it was us. */
static void test_raised_by_link_event(void **state)
{
	(void)state;
	NEED_NETNS();
	netns_run("ip address add 10.0.0.2/24 dev lan0");
	begin_with_web();
	assert_false(status().forwarding[0]);
	netns_run("ip address del 10.0.0.2/24 dev lan0");
	gwd_links_event(place.gwd);
	assert_true(status().forwarding[0] && status().raised[0]);
	assert_true(rules_say("# unasked4"));
	assert_settled();
	assert_true(status().raised[0]);
}

static void test_refused_links_follow_later(void **state)
{
	(void)state;
	NEED_NETNS();
	begin_with_web();
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	fake_kernel_fail_commit(-EINVAL);
	gwd_links_event(place.gwd);
	assert_string_equal(status().last_error,
			    "interfaces changed, but the rules could not follow: the kernel refused it: Invalid argument");
	assert_list("web active");
	DONE(try_add(MAIL));
	assert_true(rules_say("element listen4 { 203.0.113.6 : goto any4 }"));
	assert_settled();
}

static void test_refused_links_are_remembered_later(void **state)
{
	(void)state;
	NEED_NETNS();
	netns_run("ip route del default");
	begin_with_web();
	netns_run("ip route add default via 203.0.113.1");
	fake_kernel_fail_commit(-EINVAL);
	gwd_links_event(place.gwd);
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	gwd_links_event(place.gwd);
	netns_run("ip route del default");
	gwd_links_event(place.gwd);
	assert_list("web active");
	restart();
	assert_list("web active");
}

/* ---- Cost ---------------------------------------------------------------------------------------- */

static void test_cost_of_one(void **state)
{
	_cleanup_(buf_free) struct buf yaml = {0};
	struct kernel_stats before, after;
	uint64_t bytes = 0;

	(void)state;
	NEED_NETNS();
	buf_printf(&yaml, "services:\n");
	for (unsigned i = 0; i < 2000; i++)
		buf_printf(&yaml, "  - {port: %u, to: 10.0.%u.%u}\n", 10000 + i, i / 250, i % 250 + 1);
	put_file("etc/gwd.yaml", yaml.data);
	start();
	for (unsigned i = 0; i < 4; i++) {
		_cleanup_(freep) char *service = xasprintf("{'ports':['%u'],'to':[{'addr':'10.1.1.%u'}]}", 80 + i, 10 + i);

		before = netlink();
		DONE(try_add(service));
		after = netlink();
		assert_int_equal(after.batches - before.batches, 1);
		assert_int_equal(after.messages - before.messages, 1);
		assert_int_equal(after.elements - before.elements, 1);
		assert_int_equal(after.dumps, before.dumps);
		bytes = bytes ? bytes : after.bytes - before.bytes;
		assert_int_equal(after.bytes - before.bytes, bytes);
	}
	before = netlink();
	DONE(try_remove("tcp-80"));
	DONE(try_apply(NULL, NULL)); /* unchanged: sends nothing */
	assert_said("applied gwd.yaml: nothing changed");
	after = netlink();
	assert_int_equal(after.batches - before.batches, 1);
	assert_int_equal(after.messages - before.messages, 1);
	assert_int_equal(after.dumps, before.dumps);
	assert_settled();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_kernel_refuses),
		IN_PLACE(test_somebody_flushed),
		IN_PLACE(test_reply_lost),
		IN_PLACE(test_kernel_surprises),
		IN_PLACE(test_reply_lost_and_unreadable),
		IN_PLACE(test_read_then_changed),
		IN_PLACE(test_cannot_read),
		IN_PLACE(test_reason_when_it_never_settles),
		IN_PLACE(test_cannot_open),
		IN_PLACE(test_full_disk),
		IN_PLACE(test_full_disk_at_start),
		IN_PLACE(test_rollback_to_unstored_start),
		IN_PLACE(test_links_are_followed),
		IN_PLACE(test_target_becomes_own_address),
		IN_PLACE(test_interface_comes),
		IN_PLACE(test_raised_by_link_event),
		IN_PLACE(test_refused_links_follow_later),
		IN_PLACE(test_refused_links_are_remembered_later),
		IN_PLACE(test_cost_of_one),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
