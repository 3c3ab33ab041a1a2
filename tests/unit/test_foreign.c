/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other people's tables, made with their own tools in a network namespace of each test's own, read back by kernel.c and
 * judged. Every way to drop has a healthy twin, in which nothing may be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <limits.h>
#include <netinet/in.h>

#include <linux/netfilter.h>

#include "foreign.h"
#include "kernel.h"
#include "own_netns.h"

static int fresh(void **state)
{
	return netns_fresh(state);
}

static bool have(const char *program)
{
	_cleanup_(freep) char *command = xasprintf("command -v %s >/dev/null", program);

	return netns_try(command) == 0;
}

#define NEED(program)                                                                                                  \
	do {                                                                                                           \
		NEED_NETNS();                                                                                          \
		if (!have(program)) {                                                                                  \
			print_message("# %s: there is no " program " here\n", __func__);                               \
			skip();                                                                                        \
		}                                                                                                      \
	} while (0)

static void nft(const char *script)
{
	FILE *f = popen("nft -f -", "w");

	assert_non_null(f);
	fputs(script, f);
	if (pclose(f) != 0)
		fail_msg("nft refuses: %s", script);
}

static struct foreign *read_back(void)
{
	_cleanup_(diag_free) struct diag diag = {0};
	struct foreign *f = NULL;
	struct kernel *k;

	assert_int_equal(kernel_open(&k, &diag), 0);
	if (kernel_read_foreign(k, false, &f, &diag) < 0)
		fail_msg("%s", diag_text(&diag));
	kernel_close(k);
	return f;
}

/* web: tcp 80 from outside (eth0) -> 192.168.0.102:8080, behind br0. */
static struct foreign_packet web(void)
{
	struct foreign_packet p = {.family = AF_INET, .proto = IPPROTO_TCP, .translated = true};

	ip_parse("192.168.0.102", &p.to.ip);
	p.to.port = 8080;
	strcpy(p.from.ifname, "eth0"); /* number not known */
	strcpy(p.to.ifname, "br0");
	p.to.ifindex = 7;
	return p;
}

static struct foreign_packet web_arriving(void)
{
	struct foreign_packet p = {.family = AF_INET, .proto = IPPROTO_TCP, .local = true};

	ip_parse("203.0.113.5", &p.to.ip);
	p.to.port = 80;
	strcpy(p.from.ifname, "eth0");
	return p;
}

/* "drops: ufw (table ip filter, chain FORWARD)" a line each, "" for nothing. */
static void assert_found(const struct foreign_packet *p, uint32_t hook, const char *expected)
{
	_cleanup_(foreign_freep) struct foreign *f = read_back();
	_cleanup_(buf_free) struct buf out = {0};
	struct obstacle o[8];
	const struct foreign_stop stop = foreign_hook(hook);
	size_t n = foreign_drops(f, &stop, p, o, ARRAY_SIZE(o));

	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *place = foreign_place(&o[i]);

		buf_printf(&out, "%s%s: %s", i ? "\n" : "", o[i].fate.dropped == BELIEF_YES ? "drops" : "may drop",
			   place);
	}
	assert_string_equal(out.data ? out.data : "", expected);
}

static void assert_web(const char *expected)
{
	const struct foreign_packet p = web();

	assert_found(&p, NF_INET_FORWARD, expected);
}

static void assert_translated(const char *expected)
{
	_cleanup_(foreign_freep) struct foreign *f = read_back();
	const struct foreign_packet p = web_arriving();
	struct obstacle o;
	_cleanup_(freep) char *text = NULL;
	char ip[ADDR_TEXT_MAX];

	if (foreign_translates(f, &p, &o)) {
		_cleanup_(freep) char *place = foreign_place(&o);

		text = xasprintf("%s: %s to %s:%u", o.fate.translated == BELIEF_YES ? "is" : "may be", place,
				 o.fate.to.family ? ip_text(&o.fate.to, ip) : "", o.fate.to_port);
	}
	assert_string_equal(text ? text : "", expected);
}

/* ---- nft ----------------------------------------------------------------------------------------- */

#define FORWARD(policy, rules)                                                                                         \
	"table inet filter { chain forward { type filter hook forward priority filter; policy " policy "; " rules      \
	"; }; }\n"
#define PLACE "nftables (table inet filter, chain forward)"

static void test_nothing(void **state)
{
	(void)state;
	NEED("nft");
	assert_web("");
	nft("table inet gwd { chain forward { type filter hook forward priority filter; policy drop; }; }\n"
	    "table bridge b { chain c { type filter hook forward priority filter; policy drop; }; }\n"
	    "table ip6 six { chain c { type filter hook forward priority filter; policy drop; }; }\n");
	assert_web(""); /* ours, and what sees nothing of it */
}

static const struct {
	const char *rules, *found;
} each_rule[] = {
	{FORWARD("drop", ""), "drops: " PLACE},
	{FORWARD("accept", ""), ""},
	{FORWARD("drop", "ct status dnat accept"), ""},
	{FORWARD("drop", "ct state established,related accept"), "drops: " PLACE},
	{FORWARD("drop", "ct state { established, related } accept; ct status dnat accept"), ""},
	{FORWARD("drop", "ct state vmap { established : accept, related : accept, invalid : drop }"), "drops: " PLACE},
	{FORWARD("drop", "ct state vmap { established : accept, related : accept, invalid : drop }\n"
			 "ct status dnat accept"),
	 ""},
	{FORWARD("drop", "ct state invalid drop; accept"), ""},
	{FORWARD("drop", "ct state new accept"), "drops: " PLACE}, /* the replies */
	{FORWARD("drop", "ct state new,established accept"), ""},
	{FORWARD("accept", "reject with icmpx admin-prohibited"), "drops: " PLACE},
	/* what is known of the packet */
	{FORWARD("drop", "ct state established accept; tcp dport 8080 accept"), ""},
	{FORWARD("drop", "ct state established accept; tcp dport 80 accept"), "drops: " PLACE},
	{FORWARD("drop", "ct state established accept; tcp dport { 22, 8000-8100 } accept"), ""},
	{FORWARD("drop", "ct state established accept; tcp dport { 22, 8000-8079 } accept"), "drops: " PLACE},
	{FORWARD("drop", "ct state established accept; tcp dport >= 8000 accept"), ""},
	{FORWARD("drop", "ct state established accept; tcp dport != 8080 accept"), "drops: " PLACE},
	{FORWARD("drop", "ct state established accept; udp dport 8080 accept"), "drops: " PLACE},
	{FORWARD("drop", "ct state established accept; ip daddr 192.168.0.0/24 accept"), ""},
	{FORWARD("drop", "ct state established accept; ip daddr 192.168.1.0/25 accept"), "drops: " PLACE},
	{FORWARD("drop", "ct state established accept; ip daddr . tcp dport { 192.168.0.102 . 8080 } accept"), ""},
	{FORWARD("drop", "ct state established accept; iifname \"eth0\" oifname \"br*\" accept"), ""},
	{FORWARD("drop", "ct state established accept; iifname \"br0\" oifname \"eth0\" accept"), "drops: " PLACE},
	{FORWARD("drop", "meta nfproto ipv6 accept"), "drops: " PLACE},
	{FORWARD("accept", "oif 7 counter reject"), "drops: " PLACE},
	{FORWARD("accept", "oif 8 counter reject"), ""},
	{FORWARD("accept", "ct status expected drop"), ""},
	{FORWARD("accept", "ct status == 0x2 drop"), ""},
	{FORWARD("drop", "ct state established accept; ip daddr . tcp dport { 192.168.0.0/24 . 8080 } accept"), ""},
	{FORWARD("drop", "ct state established accept; ip daddr . tcp dport { 192.168.0.0/23 . 9000 } accept"),
	 "drops: " PLACE},
	{FORWARD("drop", "ct state established accept; tcp dport != { 22, 80 } accept"), ""},
	{FORWARD("drop", "ct state established accept; tcp dport != { 22, 8080 } accept"), "drops: " PLACE},
	/* what is not */
	{FORWARD("accept", "meta l4proto tcp tcp option maxseg size 1000 drop"), "may drop: " PLACE},
	{FORWARD("accept", "fib daddr type broadcast drop"), ""},
	{FORWARD("accept", "fib daddr type unicast drop"), "drops: " PLACE},
	{FORWARD("accept", "rt type 0 drop"), ""},
	{FORWARD("drop", "ct state established accept; ip saddr 10.0.0.0/8 accept"), "may drop: " PLACE},
	{FORWARD("accept", "ip saddr 198.51.100.0/24 drop"), "may drop: " PLACE},
	{FORWARD("accept", "ct mark 5 drop"), "may drop: " PLACE},
	{FORWARD("accept", "limit rate over 5/second drop"), "may drop: " PLACE},
	{FORWARD("accept", "meta mark set 1 counter log prefix \"x\" accept; drop"), ""},
	{"table inet filter { set bad { type ipv4_addr; }\nchain forward { type filter hook forward priority "
	 "filter;\n ip saddr @bad drop; }; }",
	 "may drop: " PLACE},
};

static void test_each_rule(void **state)
{
	(void)state;
	NEED("nft");
	for (size_t i = 0; i < ARRAY_SIZE(each_rule); i++) {
		print_message("# %s\n", each_rule[i].rules);
		nft("flush ruleset\n");
		nft(each_rule[i].rules);
		assert_web(each_rule[i].found);
	}
}

static void test_chains(void **state)
{
	(void)state;
	NEED("nft");
	nft("table ip t {\n"
	    "chain leave { tcp dport 8080 return; }\n"
	    "chain good { ct status dnat accept; }\n"
	    "chain bad { tcp dport 8080 drop; }\n"
	    "chain f { type filter hook forward priority 0; jump leave; jump good; jump bad; }\n"
	    "}\n");
	assert_web("");
	nft("insert rule ip t good return\n");
	assert_web("drops: nftables (table ip t, chain bad)");
	nft("insert rule ip t f goto leave\n"); /* its end is the policy's */
	assert_web("");
	nft("flush chain ip t f; add rule ip t f meta l4proto . th dport vmap { tcp . 8080 : jump bad, udp . 53 : "
	    "accept }\n");
	assert_web("drops: nftables (table ip t, chain bad)");
	nft("flush chain ip t f; add rule ip t f ip saddr vmap { 10.0.0.1 : jump leave, 10.0.0.2 : goto bad }\n");
	assert_web("may drop: nftables (table ip t, chain bad)");
}

/* As many ways through the chains as there are subsets of them: it ends, and "maybe" it is. */
static void test_endless(void **state)
{
	struct buf script = {0};

	(void)state;
	NEED("nft");
	buf_printf(&script, "table ip t {\nchain c14 { }\n");
	for (int i = 13; i >= 0; i--) {
		buf_printf(&script, "chain c%d {", i);
		for (int k = 0; k < 4; k++)
			buf_printf(&script, "ct mark %d jump c%d;", k, i + 1);
		buf_printf(&script, "}\n");
	}
	buf_printf(&script, "chain f { type filter hook forward priority 0; jump c0; }\n}\n");
	nft(script.data);
	buf_free(&script);
	assert_web("may drop: nftables (table ip t, chain c13)");
}

static void test_input(void **state)
{
	struct foreign_packet p = web_arriving();

	(void)state;
	NEED("nft");
	nft("table inet filter { chain input { type filter hook input priority 0; policy drop; ct state established "
	    "accept; tcp dport 22 accept; }; }\n");
	p.to.port = 22;
	assert_found(&p, NF_INET_LOCAL_IN, "");
	p.to.port = 80;
	assert_found(&p, NF_INET_LOCAL_IN, "drops: nftables (table inet filter, chain input)");
}

/* A chain of devices, "eth*" being all that begin so, meets what comes in on one of them, and maybe what comes in
 * nobody knows where. */
static void test_devices(void **state)
{
	static const struct {
		const char *devices;
		bool meets;
	} cases[] = {{"eth0", true},     {"wan eth0", true}, {"eth0 wan", true}, {"eth*", true}, {"wan e*", true},
		     {"*", true},        {"eth", false},     {"eth01", false},   {"th0", false}, {"eth0*", true},
		     {"eth00*", false},  {"wan", false},     {"eth1 ppp*", false}};
	const struct foreign_packet p = web_arriving(), anywhere = {.family = AF_INET, .proto = IPPROTO_TCP};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct foreign *f = xcalloc(1, sizeof(*f));
		struct chain *c = ruleset_add_chain(foreign_table(f, NFPROTO_NETDEV, "t")->rules);
		const struct foreign_stop stop = foreign_hook(NF_INET_INGRESS);
		struct obstacle o;

		*c = (struct chain){.name = "c", .base = true, .type = "filter", .devices = cases[i].devices};
		c->policy = NF_DROP;
		c->hook = NF_NETDEV_INGRESS;
		foreign_sort(f);
		if (foreign_drops(f, &stop, &p, &o, 1) != cases[i].meets)
			fail_msg("%s", cases[i].devices);
		assert_int_equal(foreign_drops(f, &stop, &anywhere, &o, 1), 1);
		assert_int_equal(o.fate.dropped, BELIEF_MAYBE);
		foreign_free(f);
	}
}

/* "prerouting <= -102 dialled": what a way passes. */
static void assert_way(unsigned way, const char *expected)
{
	const char *const hooks[] = {"prerouting", "input", "forward", "output", "postrouting", "ingress", "egress"};
	static const char *const faces[] = {"dialled", "sent", "answered", "returning", "returned"};
	_cleanup_(buf_free) struct buf out = {0};
	struct foreign_stop stops[FOREIGN_STOPS_MAX];
	size_t n = foreign_way(way, stops);

	for (size_t i = 0; i < n; i++) {
		const struct foreign_stop *s = &stops[i];

		buf_printf(&out, "%s%s %s", i ? ", " : "", faces[s->face], hooks[s->hook]);
		if (s->first != INT_MIN)
			buf_printf(&out, " from %d", s->first);
		if (s->last != INT_MAX)
			buf_printf(&out, " to %d", s->last);
	}
	assert_string_equal(out.data, expected);
}

static void test_ways(void **state)
{
	(void)state;
	assert_way(FOREIGN_FROM_OUTSIDE | FOREIGN_TO_TARGET,
		   "dialled ingress, dialled prerouting to -102, sent prerouting from -101, sent forward, "
		   "sent postrouting, sent egress, answered ingress, answered prerouting to -101, "
		   "returning prerouting from -100, returning postrouting to 99, returned postrouting from 100, returned egress");
	assert_way(FOREIGN_FROM_OUTSIDE | FOREIGN_TO_HERE,
		   "dialled ingress, dialled prerouting to -102, sent prerouting from -101, sent input, "
		   "returned output, returned postrouting, returned egress");
	assert_way(FOREIGN_FROM_HERE | FOREIGN_TO_TARGET,
		   "dialled output to -102, sent output from -101, sent postrouting, sent egress, answered ingress, "
		   "answered prerouting to -101, returning prerouting from -100");
	assert_way(FOREIGN_FROM_HERE | FOREIGN_TO_HERE,
		   "dialled output to -102, sent output from -101, sent input");
}

static void test_translations(void **state)
{
	static const struct {
		const char *rules, *found;
	} cases[] = {
		{"tcp dport 80 dnat to 10.0.0.2:8080", "is: nftables (table ip mine, chain in) to 10.0.0.2:8080"},
		{"tcp dport 80 dnat to 10.0.0.2", "is: nftables (table ip mine, chain in) to 10.0.0.2:0"},
		{"tcp dport 81 dnat to 10.0.0.2", ""},
		{"udp dport 80 dnat to 10.0.0.2", ""},
		{"ip daddr 127.0.0.1 tcp dport 80 dnat to 10.0.0.2", ""},
		{"iifname != \"docker0\" fib daddr type local tcp dport 80 dnat to 10.0.0.2:80 persistent",
		 "is: nftables (table ip mine, chain in) to :0"},
		{"ip saddr 10.0.0.0/8 tcp dport 80 dnat to 10.0.0.2:80",
		 "may be: nftables (table ip mine, chain in) to 10.0.0.2:80"},
		{"dnat to tcp dport map { 80 : 10.0.0.7, 443 : 10.0.0.8 }",
		 "is: nftables (table ip mine, chain in) to 10.0.0.7:0"},
		{"dnat ip to tcp dport map { 79 : 10.0.0.7, 443 : 10.0.0.8 }", ""},
		{"tcp dport 80 redirect to 8080", "is: nftables (table ip mine, chain in) to :0"},
		{"masquerade", NULL},
	};

	(void)state;
	NEED("nft");
	for (size_t i = 0; cases[i].found; i++) {
		_cleanup_(freep) char *script =
			xasprintf("table ip mine { chain in { type nat hook prerouting priority dstnat; %s; }; }\n",
				  cases[i].rules);

		print_message("# %s\n", cases[i].rules);
		nft("flush ruleset\n");
		nft(script);
		assert_translated(cases[i].found);
	}
}

static void test_first_translation(void **state)
{
	(void)state;
	NEED("nft");
	nft("table ip a { chain in { type nat hook prerouting priority 10; tcp dport 80 dnat to 10.0.0.1:80; }; }\n"
	    "table ip b { chain in { type nat hook prerouting priority -150; tcp dport 80 dnat to 10.0.0.2:80; }; }\n"
	    "table ip c { chain in { type nat hook prerouting priority 0; tcp dport 80 dnat to 10.0.0.3:80; }; }\n");
	assert_translated("is: nftables (table ip b, chain in) to 10.0.0.2:80");
}

/* What a change of others makes the kernel say. */
static void test_events(void **state)
{
	static const struct {
		const char *script;
		unsigned touched;
	} cases[] = {
		{"add table ip t; add chain ip t c { type filter hook forward priority 0; }", KERNEL_OTHERS},
		{"add set ip t banned { type ipv4_addr; }", KERNEL_OTHERS},
		{"add element ip t banned { 192.0.2.1 }", 0}, /* goes on all day */
		{"delete element ip t banned { 192.0.2.1 }", 0},
		{"add rule ip t c ip saddr { 192.0.2.1, 192.0.2.2 } drop", KERNEL_OTHERS},
		{"add chain ip t c { policy drop; }", KERNEL_OTHERS},
		{"add table inet gwd; add set inet gwd s { type ipv4_addr; }", KERNEL_OURS},
		{"add element inet gwd s { 192.0.2.1 }", KERNEL_OURS},
		{"flush ruleset", KERNEL_OURS | KERNEL_OTHERS},
	};
	_cleanup_(diag_free) struct diag diag = {0};
	struct kernel *k;

	(void)state;
	NEED("nft");
	assert_int_equal(kernel_open(&k, &diag), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct culprit who;
		unsigned touched;

		nft(cases[i].script);
		touched = kernel_touched(k, &who);
		if (touched != cases[i].touched || (who.pid != 0) != ((touched & KERNEL_OURS) != 0) ||
		    !streq(who.program, who.pid ? "nft" : ""))
			fail_msg("%s: %u, by %s (%u)", cases[i].script, touched, who.program, who.pid);
	}
	kernel_close(k);
}

/* ---- Tools --------------------------------------------------------------------------------------- */

/* A shell pattern. */
static void assert_remedy(const char *expected)
{
	_cleanup_(foreign_freep) struct foreign *f = read_back();
	const struct foreign_stop stop = foreign_hook(NF_INET_FORWARD);
	const struct foreign_packet p = web();
	struct obstacle o;
	_cleanup_(remedy_free) struct remedy remedy = {0};
	_cleanup_(freep) char *text = NULL;

	assert_int_equal(foreign_drops(f, &stop, &p, &o, 1), 1);
	remedy = foreign_remedy(&o, &p);
	text = xasprintf("%s%s%s%s%s", remedy.command ? remedy.command : "", remedy.lasting ? "; for good: " : "",
			 remedy.lasting ? remedy.lasting : "", remedy.advice ? "in words: " : "",
			 remedy.advice ? remedy.advice : "");
	if (fnmatch(expected, text, 0) != 0)
		assert_string_equal(text, expected);
}

static void test_firewalld(void **state)
{
	(void)state;
	NEED("nft");
	nft("table inet firewalld { chain filter_FORWARD_POLICIES { }\n"
	    "chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept;\n"
	    "ct state { established, related } accept; iifname \"lo\" accept;\n"
	    "ct state { invalid } drop; jump filter_FORWARD_POLICIES; reject with icmpx admin-prohibited; }; }\n");
	assert_web("drops: firewalld (table inet firewalld, chain filter_FORWARD)");
	assert_remedy("sed -i 's/^StrictForwardPorts=.[*]/StrictForwardPorts=no/' /etc/firewalld/firewalld.conf && "
		      "firewall-cmd --reload");
	nft("insert rule inet firewalld filter_FORWARD ct status dnat accept\n"); /* as without StrictForwardPorts */
	assert_web("");
}

static void test_libvirt(void **state)
{
	struct foreign_packet elsewhere = web();

	(void)state;
	NEED("nft");
	nft("table ip libvirt_network {\n"
	    "chain guest_input { oif 7 ip daddr 192.168.0.0/24 ct state established,related counter accept; oif 7 "
	    "counter reject; }\n"
	    "chain forward { type filter hook forward priority filter; policy accept; jump guest_input; }\n}\n");
	assert_web("drops: libvirt (table ip libvirt_network, chain guest_input)");
	assert_remedy("install -D -m 755 /*/hooks/libvirt-network /etc/libvirt/hooks/network.d/gwd && "
		      "/etc/libvirt/hooks/network.d/gwd - started");
	elsewhere.to.ifindex = 8; /* no guest */
	assert_found(&elsewhere, NF_INET_FORWARD, "");
	netns_run("nft insert rule ip libvirt_network forward ct status dnat accept");
	assert_web("");
}

/* What ufw writes with `ufw enable`, as far as forwarding goes. */
#define UFW                                                                                                            \
	"set -e; exec 2>&1; iptables-nft -P FORWARD DROP\n"                                                            \
	"for c in before-forward user-forward reject-forward; do iptables-nft -N ufw-$c; done\n"                       \
	"iptables-nft -A FORWARD -j ufw-before-forward\n"                                                              \
	"iptables-nft -A FORWARD -j ufw-reject-forward\n"                                                              \
	"iptables-nft -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"                    \
	"iptables-nft -A ufw-before-forward -p icmp --icmp-type echo-request -j ACCEPT\n"                              \
	"iptables-nft -A ufw-before-forward -j ufw-user-forward\n"

static void test_ufw(void **state)
{
	(void)state;
	NEED("iptables-nft");
	netns_run(UFW);
	assert_web("drops: ufw (table ip filter, chain FORWARD)");
	assert_remedy("ufw route allow proto tcp from any to 192.168.0.102 port 8080");
	netns_run("iptables-nft -A ufw-reject-forward -j REJECT"); /* DEFAULT_FORWARD_POLICY=REJECT */
	assert_web("drops: ufw (table ip filter, chain ufw-reject-forward)");
	/* what the remedy writes, and a range of ports */
	netns_run("iptables-nft -A ufw-user-forward -p tcp -d 192.168.0.102 --dport 8000:8079 -j ACCEPT");
	assert_web("drops: ufw (table ip filter, chain ufw-reject-forward)");
	netns_run("iptables-nft -A ufw-user-forward -p tcp -d 192.168.0.102 --dport 8000:8100 -j ACCEPT");
	assert_web("");
	netns_run("iptables-nft -D ufw-user-forward -p tcp -d 192.168.0.102 --dport 8000:8100 -j ACCEPT");
	netns_run("iptables-nft -A ufw-user-forward -p tcp -d 192.168.0.102 --dport 8080 -j ACCEPT");
	assert_web("");
	netns_run("iptables-nft -I ufw-user-forward -d 192.168.0.102 -j DROP"); /* ufw route insert 1 deny */
	assert_remedy("in words: ufw status numbered shows the rule, ufw delete NUMBER removes it");
}

#define DOCKER                                                                                                         \
	"set -e; exec 2>&1; for c in DOCKER-USER DOCKER-FORWARD DOCKER; do iptables-nft -N $c; done\n"                 \
	"iptables-nft -A FORWARD -j DOCKER-USER\n"                                                                     \
	"iptables-nft -A FORWARD -j DOCKER-FORWARD\n"                                                                  \
	"iptables-nft -A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"             \
	"iptables-nft -A DOCKER-FORWARD -o docker0 -j DOCKER\n"                                                        \
	"iptables-nft -A DOCKER-FORWARD -i docker0 -j ACCEPT\n"                                                        \
	"iptables-nft -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT\n"                \
	"iptables-nft -A DOCKER ! -i docker0 -o docker0 -j DROP\n"                                                     \
	"iptables-nft -t nat -N DOCKER\n"                                                                              \
	"iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"                                   \
	"iptables-nft -t nat -A DOCKER -i docker0 -j RETURN\n"                                                         \
	"iptables-nft -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80\n"

static void test_docker(void **state)
{
	struct foreign_packet container = web();

	(void)state;
	NEED("iptables-nft");
	netns_run(DOCKER);
	assert_web(""); /* a target that is no container */
	assert_translated("is: Docker (table ip nat, chain DOCKER) to 172.17.0.2:80");
	strcpy(container.to.ifname, "docker0");
	ip_parse("172.17.0.2", &container.to.ip);
	assert_found(&container, NF_INET_FORWARD, "drops: Docker (table ip filter, chain DOCKER)");
	container.to.port = 80;
	assert_found(&container, NF_INET_FORWARD, "");
	netns_run("iptables-nft -P FORWARD DROP");
	assert_web("drops: Docker (table ip filter, chain FORWARD)");
	assert_remedy(
		"iptables -I DOCKER-USER -m conntrack --ctstate DNAT -j ACCEPT; for good: "
		"\"ip-forward-no-drop\": true in /etc/docker/daemon.json (Docker 28 or later; an earlier one drops "
		"only where it turned forwarding on itself, and gwd starts before it)");
	netns_run("iptables-nft -A DOCKER-USER -m conntrack --ctstate DNAT -j ACCEPT");
	assert_web("");
}

static void test_iptables(void **state)
{
	(void)state;
	NEED("iptables-nft");
	netns_run("iptables-nft -A FORWARD -j REJECT");
	assert_web("drops: iptables (table ip filter, chain FORWARD)");
	assert_remedy("iptables -I FORWARD -m conntrack --ctstate DNAT -j ACCEPT; for good: "
		      "netfilter-persistent save, or rc-service iptables save");
	netns_run("iptables-nft -I FORWARD -m conntrack --ctstate DNAT -j ACCEPT");
	assert_web("");
	netns_run("iptables-nft -I FORWARD -m conntrack ! --ctstate RELATED -m comment --comment all -j DROP");
	assert_web("drops: iptables (table ip filter, chain FORWARD)");
	netns_run("iptables-nft -F FORWARD; iptables-nft -A FORWARD -m conntrack --ctstate NEW -j DROP");
	assert_web("drops: iptables (table ip filter, chain FORWARD)");
	netns_run("iptables-nft -F FORWARD; iptables-nft -A FORWARD -m addrtype --dst-type BROADCAST -j DROP");
	assert_web("");
	netns_run("iptables-nft -A FORWARD -m addrtype ! --dst-type LOCAL -j DROP");
	assert_web("drops: iptables (table ip filter, chain FORWARD)");
	netns_run(
		"iptables-nft -F FORWARD; iptables-nft -A FORWARD -p tcp -m multiport --dports 80,8000:8080 -j ACCEPT; "
		"iptables-nft -A FORWARD -j DROP");
	assert_web("");
	netns_run("iptables-nft -F FORWARD; iptables-nft -A FORWARD -p tcp -m multiport ! --dports 80,8080 -j ACCEPT; "
		  "iptables-nft -A FORWARD -j DROP");
	assert_web("drops: iptables (table ip filter, chain FORWARD)");
	netns_run("iptables-nft -F FORWARD; iptables-nft -A FORWARD -m string --algo bm --string x -j DROP");
	assert_web("may drop: iptables (table ip filter, chain FORWARD)");
	netns_run("iptables-nft -t nat -A PREROUTING -m addrtype --src-type LOCAL -j DNAT --to-destination 10.0.0.9");
	assert_translated("may be: iptables (table ip nat, chain PREROUTING) to 10.0.0.9:0");
	netns_run("iptables-nft -t nat -I PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 3128");
	assert_translated("is: iptables (table ip nat, chain PREROUTING) to :3128");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing, fresh),
		cmocka_unit_test_setup(test_each_rule, fresh),
		cmocka_unit_test_setup(test_chains, fresh),
		cmocka_unit_test_setup(test_endless, fresh),
		cmocka_unit_test_setup(test_input, fresh),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_ways),
		cmocka_unit_test_setup(test_translations, fresh),
		cmocka_unit_test_setup(test_first_translation, fresh),
		cmocka_unit_test_setup(test_events, fresh),
		cmocka_unit_test_setup(test_firewalld, fresh),
		cmocka_unit_test_setup(test_libvirt, fresh),
		cmocka_unit_test_setup(test_ufw, fresh),
		cmocka_unit_test_setup(test_docker, fresh),
		cmocka_unit_test_setup(test_iptables, fresh),
	};

	netns_init();
	return cmocka_run_group_tests_name("foreign", tests, NULL, NULL);
}
