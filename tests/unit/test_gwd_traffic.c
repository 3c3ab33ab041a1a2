/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passes through forwards, from connections that live, end, are missed, or belong to somebody else, over all that
 * can happen to a forward. The kernel's part is made up; tests/netns/test_traffic.sh has the real one. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "traffic_place.h"

static void test_live_and_ended(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	assert_traffic("web", NOTHING);
	put(1, 80, "10.0.0.2", 80);
	assert_traffic("web", ONE_LIVE);
	assert_traffic("web", ONE_LIVE); /* looking twice counts once */
	fake_conntrack_find(1)->bytes[0] = 1500;
	assert_traffic("web", "1/1 in 10:1500 out 5:5000");
	fake_conntrack_find(1)->bytes[0] = 2000;
	fake_conntrack_end(1);
	assert_traffic("web", "1/0 in 10:2000 out 5:5000");
	put_ended(2, 80, "10.0.0.2", 80);
	put(3, 80, "10.0.0.2", 80);
	gwd_traffic_event(place.gwd);
	assert_traffic("web", "3/1 in 30:4000 out 15:15000");
}

/* It is told as living, and its end just after: that is one connection, then and later. */
static void test_ends_while_read(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	put(1, 80, "10.0.0.2", 80);
	put(2, 80, "10.0.0.2", 80);
	fake_conntrack_end_while_listed(1);
	assert_traffic("web", "2/2 in 20:2000 out 10:10000");
	assert_traffic("web", "2/1 in 20:2000 out 10:10000");
	gwd_reset(place.gwd, "web", &place.options.who);
	fake_conntrack_end_while_listed(2);
	fake_conntrack_find(2)->bytes[0] += 7;
	assert_traffic("web", "0/1 in 0:7 out 0:0");
	gwd_reset(place.gwd, NULL, &place.options.who); /* its end is taken down already */
	assert_traffic("web", NOTHING);
}

/* Translated by somebody else, not at all, or to ports that no forward has. */
static void test_strangers(void **state)
{
	struct flow f;

	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'name':'web','ports':['80'],'to':[{'addr':'10.0.0.2','port':'8080'}]}"));
	put_ended(1, 80, "10.0.0.9", 8080);
	put_ended(2, 80, "10.0.0.2", 80);
	put_ended(3, 81, "10.0.0.2", 8080);
	f = flow_to(4, "203.0.113.5", 80, "203.0.113.5", 80);
	f.translated = false;
	fake_conntrack_put(&f);
	fake_conntrack_end(4);
	f = flow_to(5, "203.0.113.5", 80, "10.0.0.2", 8080);
	f.proto = IPPROTO_UDP;
	fake_conntrack_put(&f);
	f.id = 6;
	f.proto = IPPROTO_ICMP;
	fake_conntrack_put(&f);
	assert_traffic("web", NOTHING);
}

/* One port on an address, an interface and any: each has its own, also while the more specific one is off. */
static void test_nested(void **state)
{
	struct flow f;

	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'name':'any','ports':['80'],'to':[{'addr':'10.0.0.2'}]}"));
	DONE(try_add("{'name':'here','listen':'203.0.113.5','ports':['80'],'to':[{'addr':'10.0.0.3'}]}"));
	DONE(try_add("{'name':'inside','listen':'lan0','ports':['80'],'to':[{'addr':'10.0.0.4'}]}"));
	put_ended(1, 80, "10.0.0.3", 80);
	f = flow_to(2, "192.168.1.1", 80, "10.0.0.4", 80);
	fake_conntrack_put(&f);
	put_ended(3, 80, "10.0.0.2", 80); /* from before `here` was added */
	f = flow_to(4, "203.0.113.77", 80, "10.0.0.2", 80); /* an address that was ours once */
	fake_conntrack_put(&f);
	assert_traffic("here", ONE_ENDED);
	assert_traffic("inside", ONE_LIVE);
	assert_traffic("any", "2/1 in 20:2000 out 10:10000");
	DONE(try_enable("here", false));
	put_ended(5, 80, "10.0.0.3", 80);
	assert_traffic("here", "2/0 in 20:2000 out 10:10000");
}

static void test_targets_and_ranges(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'name':'two','ports':['80'],'to':[{'addr':'10.0.0.2','port':'81'},{'addr':'10.0.0.2','port':'82'},"
		     "{'addr':'10.0.0.3'}]}"));
	DONE(try_add("{'name':'range','ports':['5000-5010'],'to':[{'addr':'10.0.0.5','port':'7000-7010'}]}"));
	put_ended(1, 80, "10.0.0.2", 82);
	put_ended(2, 80, "10.0.0.3", 80);
	put(3, 80, "10.0.0.3", 80);
	put_ended(4, 5003, "10.0.0.5", 7003);
	put_ended(5, 5003, "10.0.0.5", 7004); /* not ours */
	assert_traffic("two", "3/1 in 30:3000 out 15:15000 | 10.0.0.2 1/0 in 10:1000 out 5:5000"
			      " | 10.0.0.3 2/1 in 20:2000 out 10:10000");
	assert_traffic("range", ONE_ENDED);
}

/* Let in untranslated: what is translated to the same place is somebody else's. */
static void test_pinhole(void **state)
{
	struct flow f;

	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'name':'hole','nat':false,'ports':['443'],'to':[{'addr':'2001:db8:1::10'}]}"));
	f = flow_to(1, "2001:db8:1::10", 443, "2001:db8:1::10", 443);
	f.translated = false;
	fake_conntrack_put(&f);
	assert_traffic("hole", ONE_LIVE);
	f.id = 2;
	f.translated = true;
	fake_conntrack_put(&f);
	assert_traffic("hole", ONE_LIVE);
	f.id = 3;
	f.translated = false;
	assert_true(ip_parse("192.168.1.1", &f.from)); /* the gateway asks the target, as `why` does */
	fake_conntrack_put(&f);
	assert_traffic("hole", ONE_LIVE);
	fake_conntrack_end(3);
	fake_conntrack_end(1);
	assert_traffic("hole", ONE_ENDED);
	add("web", "80", "10.0.0.2");
	f = flow_to(4, "203.0.113.5", 80, "10.0.0.2", 80);
	assert_true(ip_parse("192.168.1.1", &f.from)); /* what it opens to the public address is translated */
	fake_conntrack_put(&f);
	assert_traffic("web", ONE_LIVE);
}

static void test_renamed_and_removed(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	put_ended(1, 80, "10.0.0.2", 80);
	put(2, 80, "10.0.0.2", 80);
	DONE(try_set("web", "{'name':'shop'}"));
	assert_traffic("shop", "2/1 in 20:2000 out 10:10000");
	DONE(try_enable("shop", false));
	DONE(try_set("shop", "{'name':'store'}"));
	assert_traffic("store", "2/1 in 20:2000 out 10:10000");
	fake_conntrack_end(2);
	gwd_traffic_event(place.gwd);
	DONE(try_remove("store"));
	add("store", "80", "10.0.0.2");
	assert_traffic("store", NOTHING);
	restart();
	assert_traffic("store", NOTHING);
}

/* A target that it no longer has stays the forward's, with what still comes through it. */
static void test_former_targets(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	put(1, 80, "10.0.0.2", 80); /* nobody has looked yet */
	DONE(try_set("web", "{'to':[{'addr':'10.0.0.3'}]}"));
	put_ended(2, 80, "10.0.0.3", 80);
	fake_conntrack_end(1);
	assert_traffic("web", "2/0 in 20:2000 out 10:10000 | 10.0.0.2 1/0 in 10:1000 out 5:5000"
			      " | 10.0.0.3 1/0 in 10:1000 out 5:5000");
	for (int i = 0; i < 100; i++) {
		_cleanup_(freep) char *to = xasprintf("{'to':[{'addr':'10.0.1.%d'}]}", i + 1), *addr = NULL;

		DONE(try_set("web", to));
		addr = xasprintf("10.0.1.%d", i + 1);
		put_ended(100u + (unsigned)i, 80, addr, 80);
		gwd_traffic_event(place.gwd);
	}
	_cleanup_(forward_view_free) struct forward_view v = {0};
	_cleanup_(diag_free) struct diag diag = {0};
	assert_int_equal(gwd_get(place.gwd, "web", true, &v, &diag), 0);
	assert_in_range(v.n_traffic, TRAFFIC_FORMER_MAX, TRAFFIC_FORMER_MAX + 2);
	const struct traffic_row row = {.targets = v.traffic, .n = v.n_traffic};
	assert_int_equal(traffic_sum(&row).told.connections, 102);
}

/* What the file does to names and targets is what commands do. */
static void test_file(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n");
	start();
	put(1, 80, "10.0.0.2", 80);
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.3}\n");
	DONE(try_apply(NULL, NULL));
	fake_conntrack_end(1);
	put_ended(2, 80, "10.0.0.3", 80);
	assert_traffic("web", "2/0 in 20:2000 out 10:10000 | 10.0.0.2 1/0 in 10:1000 out 5:5000"
			      " | 10.0.0.3 1/0 in 10:1000 out 5:5000");
	put_file("etc/gwd.yaml", "services:\n  - {name: shop, port: 80, to: 10.0.0.3}\n");
	DONE(try_apply(NULL, NULL));
	assert_traffic("shop", "2/0 in 20:2000 out 10:10000 | 10.0.0.2 1/0 in 10:1000 out 5:5000"
			       " | 10.0.0.3 1/0 in 10:1000 out 5:5000");
	put_file("etc/gwd.yaml", "services:\n  - {name: other, port: 80, to: 10.0.0.4}\n");
	DONE(try_apply(NULL, NULL));
	assert_traffic("other", NOTHING);
}

static void test_restart(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	put_ended(1, 80, "10.0.0.2", 80);
	put(2, 80, "10.0.0.2", 80);
	restart(); /* nobody has looked, and no timer ran */
	assert_traffic("web", "2/1 in 20:2000 out 10:10000");
	put_file("etc/gwd.yaml", "services:\n  - {port: 8080, to: 10.0.0.8}\n");
	DONE(try_apply(NULL, NULL));
	fake_conntrack_end(2);
	assert_traffic("web", "2/0 in 20:2000 out 10:10000");
	put(3, 80, "10.0.0.2", 80);
	assert_traffic("web", "3/1 in 30:3000 out 15:15000");
	stop();
	fake_conntrack_end(3); /* and nobody hears it: what was told stays, and is said to be too little */
	start();
	_cleanup_(forward_view_free) struct forward_view v = {0};
	assert_int_equal(gwd_get(place.gwd, "web", true, &v, &place.diag), 0);
	assert_true(v.missed[TRAFFIC_DOWN].to > 0 && v.missed[TRAFFIC_LOST].to == 0);
	assert_traffic("web", "3/0 in 30:3000 out 15:15000");
}

static void put_timeouts(const char *seconds)
{
	static const char *const names[] = {
		"udp_timeout", "udp_timeout_stream", "tcp_timeout_syn_sent", "tcp_timeout_syn_recv",
		"tcp_timeout_established", "tcp_timeout_unacknowledged", "tcp_timeout_max_retrans",
		"tcp_timeout_fin_wait", "tcp_timeout_close_wait", "tcp_timeout_last_ack", "tcp_timeout_time_wait",
		"tcp_timeout_close"};
	_cleanup_(freep) char *dir = place_path("sys/net/netfilter"), *command = xasprintf("mkdir -p %s", dir);

	assert_int_equal(netns_try(command), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		_cleanup_(freep) char *name = xasprintf("sys/net/netfilter/nf_conntrack_%s", names[i]);

		put_file(name, seconds);
	}
}

static bool says_down(void)
{
	_cleanup_(forward_view_free) struct forward_view v = {0};

	assert_int_equal(gwd_get(place.gwd, "web", true, &v, &place.diag), 0);
	return v.missed[TRAFFIC_DOWN].to > 0;
}

/* A restart costs nothing where everything lives on, and what ended meanwhile cannot be forgotten yet. */
static void test_restart_without_loss(void **state)
{
	(void)state;
	NEED_NETNS();
	put_timeouts("100000\n");
	start();
	add("web", "80", "10.0.0.2");
	put_ended(1, 80, "10.0.0.2", 80);
	put(2, 80, "10.0.0.2", 80);
	put(3, 80, "10.0.0.2", 80);
	restart();
	assert_false(says_down());
	stop();
	put(4, 80, "10.0.0.2", 80); /* began meanwhile */
	fake_conntrack_find(4)->began = time(NULL) + 1;
	start();
	assert_false(says_down());
	assert_traffic("web", "4/3 in 40:4000 out 20:20000");
	put_file("sys/net/netfilter/nf_conntrack_tcp_timeout_last_ack", "0\n"); /* the shortest counts */
	restart();
	assert_true(says_down());
}

/* As many as before, but others. */
static void test_restart_with_loss(void **state)
{
	(void)state;
	NEED_NETNS();
	put_timeouts("100000\n");
	start();
	add("web", "80", "10.0.0.2");
	put(1, 80, "10.0.0.2", 80);
	stop();
	fake_conntrack_end(1);
	put(2, 80, "10.0.0.2", 80);
	start();
	assert_true(says_down());
}

/* No end of what lived at the shutdown is ever heard: it stands as it was told, and does not hide what comes after. */
static void test_reboot(void **state)
{
	(void)state;
	NEED_NETNS();
	boot("first\n");
	start();
	add("web", "80", "10.0.0.2");
	add("reset", "81", "10.0.0.2");
	put_ended(1, 80, "10.0.0.2", 80);
	put(2, 80, "10.0.0.2", 80);
	put(3, 81, "10.0.0.2", 81);
	assert_traffic("reset", ONE_LIVE);
	gwd_reset(place.gwd, "reset", &place.options.who);
	stop();
	fake_conntrack_end(2);
	fake_conntrack_end(3);
	boot("second\n");
	start();
	assert_traffic("web", "2/0 in 20:2000 out 10:10000");
	assert_traffic("reset", NOTHING);
	put(4, 80, "10.0.0.2", 80);
	put_ended(5, 81, "10.0.0.2", 81);
	assert_traffic("web", "3/1 in 30:3000 out 15:15000");
	assert_traffic("reset", ONE_ENDED);
	restart(); /* the same boot: it lives on */
	assert_traffic("web", "3/1 in 30:3000 out 15:15000");
}

/* As the power fails: what ended since somebody looked was stored, but never told. */
static void test_reboot_untold(void **state)
{
	(void)state;
	NEED_NETNS();
	boot("first\n");
	start();
	add("web", "80", "10.0.0.2");
	assert_traffic("web", NOTHING);
	put_ended(1, 80, "10.0.0.2", 80);
	gwd_traffic_event(place.gwd);
	gwd_settle(place.gwd);
	disk_full(true);
	stop();
	disk_full(false);
	boot("second\n");
	start();
	assert_traffic("web", ONE_ENDED);
}

static void test_lost(void **state)
{
	_cleanup_(forward_view_free) struct forward_view v = {0};

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	put_ended(1, 80, "10.0.0.2", 80);
	assert_traffic("web", ONE_ENDED);
	put_ended(2, 80, "10.0.0.2", 80);
	fake_conntrack_lose();
	assert_traffic("web", ONE_ENDED);
	assert_int_equal(gwd_get(place.gwd, "web", true, &v, &place.diag), 0);
	assert_true(v.missed[TRAFFIC_LOST].to > 0 && v.missed[TRAFFIC_DOWN].to == 0);
}

/* What lives at a reset counts from there on, in full by its end; what ended is gone. */
static void test_reset(void **state)
{
	_cleanup_(forward_view_free) struct forward_view v = {0};

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	add("other", "81", "10.0.0.2");
	put_ended(1, 80, "10.0.0.2", 80);
	put_ended(2, 81, "10.0.0.2", 81);
	put(3, 80, "10.0.0.2", 80);
	assert_traffic("web", "2/1 in 20:2000 out 10:10000");
	gwd_reset(place.gwd, "web", &place.options.who);
	assert_traffic("web", "0/1 in 0:0 out 0:0");
	assert_traffic("other", ONE_ENDED);
	fake_conntrack_find(3)->bytes[1] = 5700;
	assert_traffic("web", "0/1 in 0:0 out 0:700");
	restart();
	fake_conntrack_find(3)->packets[0] = 12;
	fake_conntrack_end(3);
	put_ended(4, 80, "10.0.0.2", 80);
	assert_traffic("web", "1/0 in 12:1000 out 5:5700");
	gwd_reset(place.gwd, NULL, &place.options.who);
	assert_traffic("other", NOTHING);
	assert_int_equal(gwd_get(place.gwd, "web", true, &v, &place.diag), 0);
	assert_true(v.since > 0);
}

/* ---- On and off ----------------------------------------------------------------------------------- */

static void put_sysctls(const char *acct, const char *timestamp, const char *events)
{
	_cleanup_(freep) char *dir = place_path("sys/net/netfilter"), *command = xasprintf("mkdir -p %s", dir);

	assert_int_equal(netns_try(command), 0);
	put_file("sys/net/netfilter/nf_conntrack_acct", acct);
	put_file("sys/net/netfilter/nf_conntrack_timestamp", timestamp);
	put_file("sys/net/netfilter/nf_conntrack_events", events);
}

static void assert_sysctls(const char *expected)
{
	_cleanup_(freep) char *acct = get_file("sys/net/netfilter/nf_conntrack_acct");
	_cleanup_(freep) char *timestamp = get_file("sys/net/netfilter/nf_conntrack_timestamp");
	_cleanup_(freep) char *events = get_file("sys/net/netfilter/nf_conntrack_events");
	_cleanup_(freep) char *all = xasprintf("%.1s %.1s %.1s", acct, timestamp, events);

	assert_string_equal(all, expected);
}

static void test_sysctls(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};

	(void)state;
	NEED_NETNS();
	put_sysctls("0\n", "0\n", "2\n");
	start();
	assert_sysctls("0 0 2"); /* installing changes nothing */
	assert_false(fake_conntrack_listening());
	add("web", "80", "10.0.0.2");
	assert_sysctls("1 1 1");
	assert_true(fake_conntrack_listening());
	put_file("etc/gwd.yaml", "accounting: false\n");
	DONE(try_apply(NULL, NULL));
	assert_sysctls("0 0 2");
	assert_false(fake_conntrack_listening());
	assert_int_equal(gwd_counts(place.gwd, &diag), -ENODATA);
	put_ended(1, 80, "10.0.0.2", 80);
	put_file("etc/gwd.yaml", "");
	DONE(try_apply(NULL, NULL));
	assert_sysctls("1 1 1");
	assert_traffic("web", NOTHING);
	restart(); /* what was there before is not forgotten */
	forget();
	assert_int_equal(gwd_purge(place.gwd, &place.options, &place.outcome, &place.diag), 0);
	assert_sysctls("0 0 2");
}

/* Somebody's own choice stays, before and after. */
static void test_sysctls_of_others(void **state)
{
	(void)state;
	NEED_NETNS();
	put_sysctls("1\n", "0\n", "0\n");
	start();
	add("web", "80", "10.0.0.2");
	assert_sysctls("1 1 0");
	put_file("sys/net/netfilter/nf_conntrack_timestamp", "0\n");
	forget();
	assert_int_equal(gwd_purge(place.gwd, &place.options, &place.outcome, &place.diag), 0);
	assert_sysctls("1 0 0");
}

static void test_uncounted(void **state)
{
	_cleanup_(forward_view_free) struct forward_view v = {0};
	struct flow f = flow_to(1, "203.0.113.5", 80, "10.0.0.2", 80);

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	f.counted = false;
	memset(f.packets, 0, sizeof(f.packets));
	memset(f.bytes, 0, sizeof(f.bytes));
	fake_conntrack_put(&f);
	fake_conntrack_end(1);
	assert_traffic("web", "1/0 in 0:0 out 0:0");
	assert_int_equal(gwd_get(place.gwd, "web", true, &v, &place.diag), 0);
	assert_true(v.missed[TRAFFIC_UNCOUNTED].to > 0);
}

/* Totals wait for no disk, so a full one costs nothing but them. */
static void test_full_disk(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	put_ended(1, 80, "10.0.0.2", 80);
	gwd_traffic_event(place.gwd);
	disk_full(true);
	gwd_settle(place.gwd);
	disk_full(false);
	assert_traffic("web", ONE_ENDED);
	restart();
	assert_traffic("web", ONE_ENDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_ends_while_read), IN_PLACE(test_live_and_ended),	IN_PLACE(test_strangers),
		IN_PLACE(test_nested),		IN_PLACE(test_targets_and_ranges),
		IN_PLACE(test_pinhole),		IN_PLACE(test_renamed_and_removed),
		IN_PLACE(test_former_targets), IN_PLACE(test_file),
		IN_PLACE(test_restart_without_loss), IN_PLACE(test_restart_with_loss), IN_PLACE(test_restart),		IN_PLACE(test_reboot),
		IN_PLACE(test_reboot_untold),
		IN_PLACE(test_lost),		IN_PLACE(test_reset),
		IN_PLACE(test_sysctls),		IN_PLACE(test_sysctls_of_others),
		IN_PLACE(test_uncounted),	IN_PLACE(test_full_disk),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
