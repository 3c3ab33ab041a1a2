/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gwctl doctor says of the machine where no network namespace can be made so: the kernel's last error, a connection
 * table that fills, an interface that is not there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

/* Those about `about`, "error: text | remedy", a line each. */
static void assert_found(const char *about, const char *wanted)
{
	_cleanup_(diagnosis_free) struct diagnosis d = {0};
	_cleanup_(buf_free) struct buf text = {0};

	gwd_doctor(place.gwd, 0, NULL, 0, &d);
	buf_printf(&text, "%s", "");
	for (size_t i = 0; i < d.n; i++) {
		const struct fault *f = &d.faults[i];

		if (streq(f->about, about))
			buf_printf(&text, "%s: %s%s%s\n", severity_names[f->severity], f->text, *remedy_text(&f->remedy) ? " | " : "",
				   remedy_text(&f->remedy));
	}
	assert_string_equal(text.data, wanted);
}

static void begin(void)
{
	put_file("etc/gwd.yaml", "services:\n  - {name: web, port: 80, to: 10.0.0.2}\n");
	start();
}

static void test_last_error(void **state)
{
	(void)state;
	NEED_NETNS();
	begin();
	assert_found("kernel", "");
	netns_run("ip address add 203.0.113.6/24 dev wan0");
	fake_kernel_fail_commit(-EINVAL);
	gwd_links_event(place.gwd);
	assert_found("kernel", "error: interfaces changed, but the rules could not follow: the kernel refused it: Invalid "
			       "argument | gwctl apply\n");
	try_apply(NULL, NULL); /* as it says */
	fail_if_refused();
	assert_found("kernel", "");
	assert_null(status().last_error);
	assert_settled();
}

/* No address helps where there is no interface. */
static void test_absent(void **state)
{
	(void)state;
	NEED_NETNS();
	put_file("etc/gwd.yaml", "services:\n  - {name: a, port: 80, to: 10.0.0.2, listen: ppp0}\n"
				 "  - {name: b, port: 80, to: 10.0.0.2, listen: bare0}\n");
	netns_run("ip link add bare0 type veth peer name bare1");
	start();
	assert_found("address", "error: ppp0, on which a listens, does not exist | another `listen:` "
				"at gwd.yaml:2, then gwctl apply\n"
				"error: bare0, on which b listens, has no IPv4 address | ip addr add ADDRESS dev bare0\n");
}

static void test_conntrack(void **state)
{
	static const struct {
		const char *count, *wanted;
	} cases[] = {
		{"79\n", ""},
		{"80\n", "warning: the kernel tracks 80 connections and may track 100: then new ones are dropped | sysctl -w "
			 "net.netfilter.nf_conntrack_max=200\n"},
		{"100\n", "error: the kernel tracks 100 connections and may track no more: new ones are dropped | sysctl -w "
			  "net.netfilter.nf_conntrack_max=200\n"},
	};

	(void)state;
	NEED_NETNS();
	_cleanup_(freep) char *command = xasprintf("mkdir -p %s/sys/net/netfilter", place.base);
	netns_run(command);
	begin();
	put_file("sys/net/netfilter/nf_conntrack_max", "100\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_file("sys/net/netfilter/nf_conntrack_count", cases[i].count);
		assert_found("conntrack", cases[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_last_error),
		IN_PLACE(test_absent),
		IN_PLACE(test_conntrack),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
