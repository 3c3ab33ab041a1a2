/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's own tree in a network namespace for each test; a made-up one in a directory where errors are wanted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/capability.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "own_netns.h"
#include "sysctl.h"
#include "util.h"

static char tree[64]; /* the made-up one */

static void put(const char *name, const char *text)
{
	_cleanup_(freep) char *path = xasprintf("%s/%s", tree, name);
	_cleanup_(freep) char *dirs = xasprintf("mkdir -p $(dirname %s)", path);
	FILE *f;

	netns_run(dirs);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int tree_new(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(tree, sizeof(tree), "%s/sysctl.XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (!mkdtemp(tree))
		return -1;
	sysctl_set_root(tree);
	return 0;
}

static int tree_gone(void **state)
{
	_cleanup_(freep) char *command = xasprintf("rm -rf %s", tree);

	(void)state;
	sysctl_set_root(NULL);
	return netns_try(command);
}

/* Root may write what is read-only, unless it gives up this: true if it could. */
static bool override_permissions(bool on)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	data[0].effective &= ~(1u << CAP_DAC_OVERRIDE);
	data[0].effective |= on ? data[0].permitted & (1u << CAP_DAC_OVERRIDE) : 0;
	return syscall(SYS_capset, &header, data) == 0;
}

static void read_only(const char *name)
{
	_cleanup_(freep) char *path = xasprintf("%s/%s", tree, name);

	assert_int_equal(chmod(path, 0444), 0);
	assert_true(override_permissions(false));
}

static int value_of(const char *name)
{
	int value = 0, r = sysctl_get(name, &value);

	if (r < 0)
		fail_msg("%s: %s", name, strerror(-r));
	return value;
}

static void expect_says(struct diag *diag, const char *text)
{
	assert_int_equal(diag->n, 1);
	assert_int_equal(diag->kind, DIAG_KERNEL);
	if (!strstr(diag->mistakes[0].message, text))
		fail_msg("'%s' lacks '%s'", diag->mistakes[0].message, text);
}

#define QUIETLY(call, expected)                                                                                        \
	do {                                                                                                           \
		struct diag diag_ = {0};                                                                               \
		int r_ = call(&diag_);                                                                                 \
		if (diag_failed(&diag_))                                                                               \
			fail_msg("%s", diag_.mistakes[0].message);                                                     \
		assert_int_equal(r_, expected);                                                                        \
	} while (0)
#define ON4(d) sysctl_forwarding_on(AF_INET, d)
#define OFF4(d) sysctl_forwarding_off(AF_INET, -1, d)
#define OFF4_REDIRECTS_WERE_1(d) sysctl_forwarding_off(AF_INET, 1, d)
#define ON6(d) sysctl_forwarding_on(AF_INET6, d)
#define OFF6(d) sysctl_forwarding_off(AF_INET6, -1, d)

/* What is kept open is of the namespace that it was opened in. */
static int fresh(void **state)
{
	sysctl_set_root(NULL);
	return netns_fresh(state);
}

/* ---- A made-up tree ----------------------------------------------------------------------------- */

static void test_values(void **state)
{
	static const struct {
		const char *text;
		int r, value;
	} rows[] = {
		{"1\n", 0, 1},
		{"-1\n", 0, -1},
		{"7", 0, 7},
		{"\t3 \n", 0, 3},
		{"1\t2\n", -EBADMSG, 0},
		{"", -EBADMSG, 0},
		{"\n", -EBADMSG, 0},
		{"on\n", -EBADMSG, 0},
		{"5x\n", -EBADMSG, 0},
		{"2147483648\n", -EBADMSG, 0},
	};
	int value = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		value = 42;
		put("net/a", rows[i].text);
		if (sysctl_get("net/a", &value) != rows[i].r || value != (rows[i].r ? 42 : rows[i].value))
			fail_msg("'%s' is read as %d", rows[i].text, value);
	}
	assert_int_equal(sysctl_get("net/b", &value), -ENOENT);
	assert_int_equal(sysctl_get("net", &value), -EISDIR);
}

static void test_set(void **state)
{
	struct diag diag = {0};

	(void)state;
	put("net/a", "1000\n");
	assert_int_equal(sysctl_set("net/a", 2, &diag), 1);
	assert_int_equal(value_of("net/a"), 2);
	read_only("net/a");
	assert_int_equal(sysctl_set("net/a", 2, &diag), 0); /* not even tried */
	assert_false(diag_failed(&diag));
	assert_int_equal(sysctl_set("net/a", 3, &diag), -EACCES);
	expect_says(&diag, "cannot write 3 to ");
	expect_says(&diag, tree);
	expect_says(&diag, "/net/a: ");
	expect_says(&diag, strerror(EACCES));
	expect_says(&diag, "CAP_NET_ADMIN");
	diag_free(&diag);
	assert_int_equal(sysctl_set("net/b", 3, &diag), -ENOENT);
	expect_says(&diag, "cannot read ");
	diag_free(&diag);
	override_permissions(true);
}

static void test_read_only_tree(void **state)
{
	struct diag diag = {0};
	int r;

	(void)state;
	NEED_NETNS();
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("gwd-test", tree, "tmpfs", 0, NULL) < 0) {
		print_message("# test_read_only_tree: no mounts allowed here: %s\n", strerror(errno));
		skip();
	}
	put("net/ipv4/ip_forward", "0\n");
	assert_int_equal(mount("gwd-test", tree, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
	r = sysctl_forwarding_on(AF_INET, &diag);
	umount2(tree, MNT_DETACH);
	assert_int_equal(r, -EROFS);
	expect_says(&diag, "net/ipv4/ip_forward: ");
	expect_says(&diag, "ProtectKernelTunables=no");
	diag_free(&diag);
}

static void test_without_ipv6(void **state)
{
	struct diag diag = {0};

	(void)state;
	assert_int_equal(sysctl_forwarding_get(AF_INET6), -ENOENT);
	assert_int_equal(sysctl_forwarding_on(AF_INET6, &diag), -ENOENT);
	expect_says(&diag, "this kernel has no IPv6");
	diag_free(&diag);
	QUIETLY(OFF6, 0);
}

/* Forwarding would cost the machine its default route. */
static void test_accept_ra_refused(void **state)
{
	struct diag diag = {0};

	(void)state;
	put("net/ipv6/conf/all/forwarding", "0\n");
	put("net/ipv6/conf/all/accept_ra", "1\n");
	put("net/ipv6/conf/default/accept_ra", "1\n");
	put("net/ipv6/conf/eth0.5/accept_ra", "1\n");
	read_only("net/ipv6/conf/eth0.5/accept_ra");
	assert_int_equal(sysctl_forwarding_on(AF_INET6, &diag), -EACCES);
	expect_says(&diag, "/net/ipv6/conf/eth0.5/accept_ra");
	diag_free(&diag);
	assert_int_equal(value_of("net/ipv6/conf/all/forwarding"), 0);
	override_permissions(true);
	QUIETLY(ON6, 1);
	assert_int_equal(value_of("net/ipv6/conf/all/forwarding"), 1);
	assert_int_equal(value_of("net/ipv6/conf/all/accept_ra"), 1);
	assert_int_equal(value_of("net/ipv6/conf/default/accept_ra"), 2);
	assert_int_equal(value_of("net/ipv6/conf/eth0.5/accept_ra"), 2);
}

/* ---- The kernel's ------------------------------------------------------------------------------- */

static void set(const char *name, int value)
{
	struct diag diag = {0};

	if (sysctl_set(name, value, &diag) < 0)
		fail_msg("%s", diag.mistakes[0].message);
}

static void test_forwarding4(void **state)
{
	(void)state;
	NEED_NETNS();
	set("net/ipv4/ip_forward", 0);
	assert_int_equal(sysctl_forwarding_get(AF_INET), 0);
	QUIETLY(OFF4, 0);
	QUIETLY(ON4, 1);
	assert_int_equal(sysctl_forwarding_get(AF_INET), 1);
	assert_int_equal(value_of("net/ipv4/ip_forward"), 1);
	QUIETLY(ON4, 0);
	QUIETLY(OFF4, 1);
	assert_int_equal(value_of("net/ipv4/ip_forward"), 0);
}

static void test_accept_redirects(void **state)
{
	(void)state;
	NEED_NETNS();
	set("net/ipv4/ip_forward", 0);
	set(SYSCTL_ACCEPT_REDIRECTS, 1);
	set("net/ipv4/ip_forward", 1);
	assert_int_equal(value_of(SYSCTL_ACCEPT_REDIRECTS), 0);
	set("net/ipv4/ip_forward", 0);
	assert_int_equal(value_of(SYSCTL_ACCEPT_REDIRECTS), 1); /* what the kernel does without us */
	set(SYSCTL_ACCEPT_REDIRECTS, 0);
	QUIETLY(ON4, 1);
	QUIETLY(OFF4, 1);
	assert_int_equal(value_of(SYSCTL_ACCEPT_REDIRECTS), 0);
	QUIETLY(ON4, 1);
	set(SYSCTL_ACCEPT_REDIRECTS, 1);
	QUIETLY(OFF4, 1);
	assert_int_equal(value_of(SYSCTL_ACCEPT_REDIRECTS), 1);
	QUIETLY(ON4, 1); /* the kernel sets it to 0; what it was before is put back */
	QUIETLY(OFF4_REDIRECTS_WERE_1, 1);
	assert_int_equal(value_of(SYSCTL_ACCEPT_REDIRECTS), 1);
}

static void test_forwarding6(void **state)
{
	(void)state;
	NEED_NETNS();
	if (sysctl_forwarding_get(AF_INET6) < 0) {
		print_message("# test_forwarding6: this kernel has no IPv6\n");
		skip();
	}
	set("net/ipv6/conf/all/forwarding", 0);
	set("net/ipv6/conf/default/accept_ra", 1);
	netns_run("for i in a0.7 b0 c0; do ip link add $i type veth peer name p$i || exit 1; done");
	set("net/ipv6/conf/b0/accept_ra", 0);
	set("net/ipv6/conf/c0/accept_ra", 2);
	QUIETLY(OFF6, 0);
	QUIETLY(ON6, 1);
	assert_int_equal(sysctl_forwarding_get(AF_INET6), 1);
	assert_int_equal(value_of("net/ipv6/conf/default/accept_ra"), 2);
	assert_int_equal(value_of("net/ipv6/conf/a0.7/accept_ra"), 2);
	assert_int_equal(value_of("net/ipv6/conf/b0/accept_ra"), 0);
	assert_int_equal(value_of("net/ipv6/conf/c0/accept_ra"), 2);
	netns_run("ip link add d0 type veth peer name pd0");
	assert_int_equal(value_of("net/ipv6/conf/d0/accept_ra"), 2);
	set("net/ipv6/conf/d0/accept_ra", 1);
	QUIETLY(ON6, 0); /* on already: nothing is touched */
	assert_int_equal(value_of("net/ipv6/conf/d0/accept_ra"), 1);
	QUIETLY(OFF6, 1);
	assert_int_equal(sysctl_forwarding_get(AF_INET6), 0);
}

static void test_redirects(void **state)
{
	struct diag diag = {0};

	(void)state;
	NEED_NETNS();
	netns_run("ip link add a0.7 type veth peer name a1");
	set("net/ipv4/conf/all/send_redirects", 1);
	set("net/ipv4/conf/a0.7/send_redirects", 1);
	assert_int_equal(sysctl_redirects_off("a0.7", &diag), 1);
	assert_int_equal(value_of("net/ipv4/conf/all/send_redirects"), 0);
	assert_int_equal(value_of("net/ipv4/conf/a0.7/send_redirects"), 0);
	assert_int_equal(sysctl_redirects_off("a0.7", &diag), 0);
	assert_false(diag_failed(&diag));
	assert_int_equal(sysctl_redirects_off("a9", &diag), -ENOENT);
	expect_says(&diag, "/net/ipv4/conf/a9/send_redirects");
	diag_free(&diag);
}

/* A router advertisement out of `ifname`, to all nodes. */
static void advertise(const char *ifname)
{
	struct nd_router_advert ra = {.nd_ra_type = ND_ROUTER_ADVERT, .nd_ra_curhoplimit = 64};
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_scope_id = if_nametoindex(ifname)};
	_cleanup_(closep) int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	int hops = 255, index = (int)to.sin6_scope_id;

	ra.nd_ra_router_lifetime = htons(1800);
	assert_int_equal(inet_pton(AF_INET6, "ff02::1", &to.sin6_addr), 1);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)), 0);
	assert_int_equal(sendto(fd, &ra, sizeof(ra), 0, (const struct sockaddr *)&to, sizeof(to)), sizeof(ra));
}

/* A host a0 and its router a1 on one cable, in one namespace: hence accept_ra_from_local. */
static void cable_with_router(void)
{
	netns_run("cd /proc/sys/net/ipv6/conf && echo 0 >all/forwarding && echo 0 >default/forwarding &&"
		  "echo 1 >default/accept_ra && echo 0 >all/accept_dad && echo 0 >default/accept_dad &&"
		  "ip link add a0 type veth peer name a1 && echo 1 >a0/accept_ra_from_local && ip link set a1 up &&"
		  "ip link set a0 up");
}

static bool has_route(void)
{
	return netns_try("ip -6 route show default | grep -q 'dev a0 proto ra'") == 0;
}

static bool route_after_advertising(void)
{
	for (int i = 0; i < 40 && !has_route(); i++) {
		advertise("a1");
		usleep(50000);
	}
	return has_route();
}

static void test_advertised_route(void **state)
{
	(void)state;
	NEED_NETNS();
	if (sysctl_forwarding_get(AF_INET6) < 0) {
		print_message("# test_advertised_route: this kernel has no IPv6\n");
		skip();
	}
	cable_with_router();
	assert_true(route_after_advertising());
	set("net/ipv6/conf/all/forwarding", 1);
	assert_false(has_route()); /* what the kernel does without us */
	set("net/ipv6/conf/all/forwarding", 0);
	assert_true(route_after_advertising());
	QUIETLY(ON6, 1);
	assert_true(has_route());
	netns_run("ip -6 route del default");
	assert_true(route_after_advertising()); /* and it comes again */
	QUIETLY(OFF6, 1);
	assert_true(has_route());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, tree_new, tree_gone),
		cmocka_unit_test_setup_teardown(test_set, tree_new, tree_gone),
		cmocka_unit_test_setup_teardown(test_read_only_tree, tree_new, tree_gone),
		cmocka_unit_test_setup_teardown(test_without_ipv6, tree_new, tree_gone),
		cmocka_unit_test_setup_teardown(test_accept_ra_refused, tree_new, tree_gone),
		cmocka_unit_test_setup(test_forwarding4, fresh),
		cmocka_unit_test_setup(test_accept_redirects, fresh),
		cmocka_unit_test_setup(test_forwarding6, fresh),
		cmocka_unit_test_setup(test_redirects, fresh),
		cmocka_unit_test_setup(test_advertised_route, fresh),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
