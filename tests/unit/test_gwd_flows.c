/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connections of forwards that live now, and an end to them. tests/netns/test_flows.sh has real ones. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "traffic_place.h"

/* What a client goes on with: TCP is kept from it, UDP begins anew. */
static void test_flows_and_kill(void **state)
{
	struct flow_view *views = NULL;
	struct flow_filter asked;
	struct flow f;
	size_t n = 0;

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	DONE(try_add("{'name':'dns','proto':'tcp+udp','ports':['53'],'to':[{'addr':'10.0.0.2'}]}"));
	put(1, 80, "10.0.0.2", 80);
	put(2, 80, "10.0.0.9", 80); /* somebody else's */
	put(3, 80, "10.0.0.2", 80);
	fake_conntrack_find(3)->ended = true;
	f = flow_to(4, "203.0.113.5", 53, "10.0.0.2", 53);
	f.proto = IPPROTO_UDP;
	fake_conntrack_put(&f);
	assert_int_equal(gwd_flows(place.gwd, NULL, &views, &n, &place.diag), 0);
	assert_int_equal(n, 3);
	flow_views_free(views, n);
	assert_int_equal(gwd_flows(place.gwd, "web", &views, &n, &place.diag), 0);
	fake_conntrack_lists(&asked);
	assert_true(asked.family == AF_INET && asked.proto == IPPROTO_TCP && asked.port == 80 && asked.translated);
	assert_int_equal(n, 2);
	assert_string_equal(views[0].forward->name, "web");
	flow_views_free(views, n);
	assert_int_equal(gwd_flows(place.gwd, "lost", &views, &n, &place.diag), -ENOENT);
	forget();
	DONE(place.r = gwd_kill_flows(place.gwd, "web", &place.options.who, &place.outcome, &place.diag));
	assert_said("web: cut 1 connection");
	assert_int_equal(fake_conntrack_blocked(), 1);
	assert_non_null(fake_conntrack_find(3)); /* over anyway */
	forget();
	DONE(place.r = gwd_kill_flows(place.gwd, "dns", &place.options.who, &place.outcome, &place.diag));
	assert_int_equal(fake_conntrack_blocked(), 1);
	assert_int_equal(fake_conntrack_count(), 2);
}

/* A list is held for the one who asked until all of it is sent. */
static void test_flows_bounded(void **state)
{
	struct flow_view *views = NULL;
	size_t n = 0;

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	add("other", "81", "10.0.0.2");
	for (uint32_t id = 1; id <= FLOWS_MAX; id++)
		put(id, 80, "10.0.0.2", 80);
	assert_int_equal(gwd_flows(place.gwd, NULL, &views, &n, &place.diag), 0);
	assert_int_equal(n, FLOWS_MAX);
	flow_views_free(views, n);
	views = NULL;
	put(FLOWS_MAX + 1, 81, "10.0.0.2", 81);
	assert_int_equal(gwd_flows(place.gwd, NULL, &views, &n, &place.diag), -E2BIG);
	assert_string_equal(place.diag.mistakes[0].message,
			    "100001 connections are more than the 100000 of a list: name a forward, or conntrack -L "
			    "lists all of this machine");
	assert_null(views);
	assert_int_equal(gwd_flows(place.gwd, "web", &views, &n, &place.diag), 0);
	assert_int_equal(n, FLOWS_MAX);
	flow_views_free(views, n);
}

/* The kernel may tell of a connection twice in one list. */
static void test_told_twice(void **state)
{
	struct flow_view *views = NULL;
	size_t n = 0;

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	put(1, 80, "10.0.0.2", 80);
	put(2, 80, "10.0.0.2", 80);
	fake_conntrack_list_again();
	assert_traffic("web", "2/2 in 20:2000 out 10:10000");
	assert_int_equal(gwd_flows(place.gwd, NULL, &views, &n, &place.diag), 0);
	assert_int_equal(n, 2);
	flow_views_free(views, n);
}

/* What came to the same place without our doing is shown, and goes on. */
static void test_kill_only_ours(void **state)
{
	struct flow f;

	(void)state;
	NEED_NETNS();
	start();
	add("web", "80", "10.0.0.2");
	DONE(try_add("{'name':'hole','nat':false,'ports':['443'],'to':[{'addr':'2001:db8:1::10'}]}"));
	f = flow_to(1, "203.0.113.5", 80, "10.0.0.2", 80);
	memset(f.labels, 0, sizeof(f.labels)); /* translated by another program */
	fake_conntrack_put(&f);
	f = flow_to(2, "2001:db8:1::10", 443, "2001:db8:1::10", 443);
	f.translated = false;
	memset(f.labels, 0, sizeof(f.labels)); /* from one zone to another, through no hole */
	fake_conntrack_put(&f);
	f.id = 3;
	compile_pinhole_label(f.labels);
	fake_conntrack_put(&f);
	assert_traffic("hole", "2/2 in 20:2000 out 10:10000");
	forget();
	DONE(place.r = gwd_kill_flows(place.gwd, "web", &place.options.who, &place.outcome, &place.diag));
	assert_said("web: cut 0 connections");
	forget();
	DONE(place.r = gwd_kill_flows(place.gwd, "hole", &place.options.who, &place.outcome, &place.diag));
	assert_said("hole: cut 1 connection");
	assert_non_null(fake_conntrack_find(1));
	assert_non_null(fake_conntrack_find(2));
	assert_null(fake_conntrack_find(3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_flows_and_kill),
		IN_PLACE(test_flows_bounded),
		IN_PLACE(test_told_twice),
		IN_PLACE(test_kill_only_ours),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
