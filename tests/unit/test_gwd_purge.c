/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every trace out of the kernel, and forwarding back where it is ours to put back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

#define DECLARED "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n  - {name: dark, port: 81, to: 10.0.0.2, enabled: no}\n"

static void purge(void)
{
	forget();
	place.r = gwd_purge(place.gwd, &place.options, &place.outcome, &place.diag);
}

static void test_purge(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", DECLARED);
	start();
	place.options.dry_run = true;
	purge();
	assert_said("would remove the table and, if nobody else forwards, turn forwarding off");
	assert_true(fake_kernel_ruleset()->table);
	place.options.dry_run = false;
	fake_kernel_set_foreign_chains(1);
	purge();
	assert_said("table inet gwd: removed\nIPv4 forwarding stays on: other tables forward or translate too");
	assert_false(fake_kernel_ruleset()->table);
	assert_true(status().forwarding[0]);
	fake_kernel_set_foreign_chains(0);
	restart();
	purge();
	assert_said("table inet gwd: removed\nIPv4 forwarding is off again");
	assert_false(fake_kernel_ruleset()->table || status().forwarding[0] || status().table);
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	gwd_links_event(place.gwd); /* nothing brings it back before the end */
	assert_int_not_equal(try_add("{'ports':['25'],'to':[{'addr':'10.0.0.3'}]}"), 0);
	assert_false(fake_kernel_ruleset()->table);
}

static void test_purge_offline(void **state)
{
	const struct gwd_options options = {place.config, place.state};

	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", DECLARED);
	start();
	stop();
	for (int i = 0; i < 2; i++) {
		forget();
		place.r = gwd_purge_offline(&options, &place.outcome, &place.diag);
		assert_said(i ? "table inet gwd: not there" : "table inet gwd: removed\nIPv4 forwarding is off again");
		assert_false(fake_kernel_ruleset()->table);
		assert_int_equal(sysctl_forwarding_get(AF_INET), 0);
	}
	start();
	assert_list("web active\ndark off");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_purge),
		IN_PLACE(test_purge_offline),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
