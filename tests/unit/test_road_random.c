/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any changes in any order, also while the kernel refuses, forgets and interrupts and the disk is full. After each of
 * them memory, kernel and database must agree: a start on the same state has nothing to send and lists the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

static unsigned random_below(unsigned n)
{
	static uint32_t seed = 20261122;

	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static char *random_service(void)
{
	static const char *const listens[] = {"", "", "'listen':'wan0',", "'listen':'lan0',", "'listen':'203.0.113.5',",
					      "'listen':'203.0.113.77',"};
	static const char *const protos[] = {"tcp", "udp", "tcp+udp", "sctp"};
	unsigned port = 80 + random_below(12), more = random_below(3) ? 0 : random_below(6);
	_cleanup_(freep) char *ports = more ? xasprintf("%u-%u", port, port + more) : xasprintf("%u", port);
	_cleanup_(freep) char *shifted = xasprintf(",'port':'%u-%u'", port + 1000, port + 1000 + more);

	return xasprintf("{'name':'f%u',%s'proto':'%s','ports':['%s'],'enabled':%s,'to':[{'addr':'%s'%s}]}",
			 random_below(9), listens[random_below(6)], protos[random_below(4)], ports,
			 random_below(5) ? "true" : "false", random_below(9) ? "10.0.0.2" : "10.99.0.1",
			 random_below(4) ? "" : shifted);
}

static void random_file(void)
{
	_cleanup_(buf_free) struct buf yaml = {0};

	buf_printf(&yaml, "%s%s", random_below(3) ? "" : "lan: lan0\n", random_below(3) ? "" : "masquerade: no\n");
	buf_printf(&yaml, "services:\n");
	for (unsigned i = 0; i < random_below(5); i++)
		buf_printf(&yaml, "  - {name: f%u, port: %u, to: 10.0.0.%u, enabled: %s%s}\n", i, 80 + i * 2 + random_below(2),
			   2 + random_below(2), random_below(4) ? "yes" : "no", random_below(3) ? "" : ", listen: wan0");
	put_file("etc/gwd.yaml", yaml.data);
}

/* A start would take a file that was not applied. */
static void random_apply(void)
{
	_cleanup_(freep) char *old = get_file("etc/gwd.yaml");

	random_file();
	if (try_apply(NULL, NULL) < 0 || place.options.dry_run)
		put_file("etc/gwd.yaml", old);
}

static void random_links(void)
{
	static const char *const commands[] = {
		"ip address add 10.99.0.1/24 dev lan0 2>/dev/null || ip address del 10.99.0.1/24 dev lan0",
		"ip address add 203.0.113.77/24 dev wan0 2>/dev/null || ip address del 203.0.113.77/24 dev wan0",
		"ip route del default 2>/dev/null || ip route add default via 203.0.113.1",
	};

	netns_run(commands[random_below(ARRAY_SIZE(commands))]);
	gwd_links_event(place.gwd);
}

static void random_change(void)
{
	_cleanup_(freep) char *name = xasprintf("f%u", random_below(9)), *service = random_service();

	place.options.replace = random_below(2);
	place.options.dry_run = !random_below(8);
	switch (random_below(13)) {
	case 0:
	case 1:
	case 2:
	case 3:
		try_add(service);
		break;
	case 4:
	case 5:
		try_set(name, service);
		break;
	case 6:
		try_remove(name);
		break;
	case 7:
	case 8:
		try_enable(name, random_below(2));
		break;
	case 9:
		random_apply();
		break;
	case 10:
		try_rollback(1 + random_below((unsigned)status().revision));
		break;
	case 11:
		try_undo();
		break;
	default:
		random_links();
	}
}

static void random_weather(void)
{
	switch (random_below(12)) {
	case 0:
		fake_kernel_fail_commit(-EINVAL);
		break;
	case 1:
		fake_kernel_lose_reply();
		break;
	case 2:
		fake_kernel_flush();
		break;
	case 3:
		fake_kernel_restart(2);
		break;
	case 4:
		disk_full(true);
		break;
	default:
		break;
	}
}

static int cmp_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* By name: a runtime forward that a file renamed goes to the end of the database. */
static char *live_list(void)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct forward_view *views;
	char **lines, *text;
	size_t n;

	assert_int_equal(gwd_list(place.gwd, NULL, &views, &n, &diag), 0);
	lines = xcalloc(n + 1, sizeof(*lines));
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *what = forward_text(views[i].forward);

		lines[i] = xasprintf("%s %s %d %s", views[i].forward->name, what, views[i].state,
				     views[i].reason ? views[i].reason : "");
		forward_view_free(&views[i]);
	}
	qsort(lines, n, sizeof(*lines), cmp_line);
	text = join(lines, n);
	for (size_t i = 0; i < n; i++)
		free(lines[i]);
	free(lines);
	free(views);
	return text;
}

/* After every change, good or refused: a start on the same state finds the kernel as it should be, and lists the same. */
static void anything(unsigned changes, bool weather)
{
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n");
	start();
	for (unsigned i = 0; i < changes; i++) {
		_cleanup_(freep) char *before = NULL, *after = NULL;

		if (weather)
			random_weather();
		random_change();
		disk_full(false);
		if (weather) { /* may be unused, and would strike at the restart */
			fake_kernel_fail_commit(0);
			fake_kernel_restart(0);
			place.options.replace = place.options.dry_run = false;
			DONE(try_add("{'name':'last','ports':['9'],'to':[{'addr':'10.0.0.2'}]}"));
			DONE(try_remove("last"));
		}
		before = live_list();
		assert_settled();
		after = live_list();
		assert_same_text(after, before);
	}
}

static void test_any_changes(void **state)
{
	(void)state;
	NEED_NETNS();
	anything(200, false);
}

static void test_any_changes_in_any_weather(void **state)
{
	(void)state;
	NEED_NETNS();
	anything(200, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_any_changes),
		IN_PLACE(test_any_changes_in_any_weather),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
