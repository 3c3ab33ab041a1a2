/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules as people write them with nft and iptables, each in a network namespace of its own, and what `gwctl import` makes
 * of them. Whatever comes out is read again as a gwd.yaml: it has to say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <linux/netfilter.h>

#include "config.h"
#include "import.h"
#include "kernel.h"
#include "own_netns.h"

static int fresh(void **state)
{
	return netns_fresh(state);
}

#define NEED(program)                                                                                                  \
	do {                                                                                                           \
		NEED_NETNS();                                                                                          \
		if (netns_try("command -v " program " >/dev/null") != 0) {                                             \
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

/* eth0 (7) is wan, br0 (8) is not. */
static struct interface interfaces[] = {{.name = "br0", .present = true},
					{.name = "eth0", .zone = ZONE_WAN, .present = true}};
static struct local_address addresses[] = {
	{.ip = {.family = AF_INET, .bytes = {203, 0, 113, 1}}, .prefix_len = 24, .ifname = "eth0"}};
static const struct topology topology = {
	.interfaces = interfaces, .n_interfaces = 2, .addresses = addresses, .n_addresses = 1, .wan_known = true};
static struct link links[] = {{.index = 7, .name = "eth0"}, {.index = 8, .name = "br0"}};
static const struct facts facts = {.links = links, .n_links = 2};

static struct import *import_now(void)
{
	_cleanup_(foreign_freep) struct foreign *f = NULL;
	_cleanup_(diag_free) struct diag diag = {0};
	struct kernel *k;

	assert_int_equal(kernel_open(&k, &diag), 0);
	if (kernel_read_foreign(k, true, &f, &diag) < 0)
		fail_msg("%s", diag_text(&diag));
	kernel_close(k);
	return import_build(f, &topology, &facts);
}

/* The yaml says what the services say. */
static void assert_reads_back(const struct import *im)
{
	_cleanup_(freep) char *yaml = import_yaml(im);
	struct document file = {.path = "import", .text = yaml, .len = strlen(yaml)};
	const struct documents docs = {&file, 1};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(config_freep) struct config *config = config_read(&docs, &diag);
	const struct forward_entry *e;

	if (!config)
		fail_msg("%s%s", diag_text(&diag), yaml);
	e = forwards_first(config->forwards);
	for (size_t i = 0; i < im->n; i++) {
		if (!im->items[i].forward)
			continue;
		assert_non_null(e);
		assert_string_equal(e->forward->name, im->items[i].forward->name);
		assert_true(forward_same(e->forward, im->items[i].forward));
		e = e->next;
	}
	assert_null(e);
}

/* "+ tcp 80 -> 192.168.0.102:80 from 10.0.0.0/8", "- why it is not expressed", "= why it is left alone". */
static void item_text(struct buf *out, const struct import_item *item)
{
	static const char marks[] = {[IMPORT_SERVICE] = '+', [IMPORT_NOT_EXPRESSED] = '-', [IMPORT_LEFT_ALONE] = '='};
	const struct forward *f = item->forward;
	_cleanup_(freep) char *text = f ? forward_text(f) : xstrdup(item->why);
	char prefix[PREFIX_TEXT_MAX];

	buf_printf(out, "%s%c %s", out->len ? "\n" : "", marks[item->kind], text);
	for (size_t i = 0; f && i < f->n_from; i++)
		buf_printf(out, "%s%s", i ? "," : " from ", prefix_text(&f->from[i], prefix));
	if (f && f->log)
		buf_printf(out, " log");
	if (f && f->description)
		buf_printf(out, " '%s'", f->description);
}

/* Which numbers the kernel gives depends on what nft says first. */
static void hide_handles(char *text)
{
	for (char *at = text; (at = strstr(at, "handle ")); at++) {
		char *number = at + strlen("handle "), *behind = number + strspn(number, "0123456789");

		if (behind == number)
			continue;
		*number = 'N';
		memmove(number + 1, behind, strlen(behind) + 1);
	}
}

static void assert_import(const char *expected)
{
	_cleanup_(import_freep) struct import *im = import_now();
	_cleanup_(buf_free) struct buf out = {0};

	for (size_t i = 0; i < im->n; i++)
		item_text(&out, &im->items[i]);
	buf_add(&out, "", 0);
	hide_handles(out.data);
	assert_string_equal(out.data, expected);
	assert_reads_back(im);
}

struct rules_case {
	const char *rules, *found;
};

static void assert_cases(const char *table, const struct rules_case *cases, size_t n)
{
	netns_run("ip link add eth0 index 7 type bridge && ip link add br0 index 8 type bridge");
	for (size_t i = 0; i < n; i++) {
		_cleanup_(freep) char *script =
			xasprintf("table %s mine { chain in { type nat hook prerouting priority dstnat; %s; }; }\n",
				  table, cases[i].rules);

		print_message("# %s\n", cases[i].rules);
		nft("flush ruleset\n");
		nft(script);
		assert_import(cases[i].found);
	}
}

/* ---- nft ----------------------------------------------------------------------------------------- */

static void test_article(void **state)
{
	(void)state;
	NEED("nft");
	netns_run("ip link add eth0 index 7 type bridge");
	nft("add table nat\n"
	    "add chain nat prerouting { type nat hook prerouting priority 0; }\n"
	    "add chain nat postrouting { type nat hook postrouting priority 100; }\n"
	    "add rule nat prerouting iif \"eth0\" tcp dport 80 dnat to 192.168.0.102\n"
	    "add rule nat prerouting iif \"eth0\" tcp dport 443 dnat to 192.168.0.102\n"
	    "add rule nat postrouting oif \"eth0\" masquerade\n");
	_cleanup_(import_freep) struct import *im = import_now();
	_cleanup_(freep) char *yaml = import_yaml(im);
	hide_handles(yaml);
	assert_string_equal(yaml,
			    "# From the rules of other tables. Read it; when gwd runs with it, delete those rules.\n"
			    "services:\n"
			    "  # tcp 80 on eth0 -> 192.168.0.102 (table ip nat, chain prerouting, handle N)\n"
			    "  - name: tcp-80\n"
			    "    port: 80\n"
			    "    to: 192.168.0.102\n"
			    "  # tcp 443 on eth0 -> 192.168.0.102 (table ip nat, chain prerouting, handle N)\n"
			    "  - name: tcp-443\n"
			    "    port: 443\n"
			    "    to: 192.168.0.102\n"
			    "# left alone: every protocol (oif) masqueraded (table ip nat, chain postrouting, handle "
			    "N): gwd masquerades by itself where it has to; `snat: always` is for every forwarded "
			    "client\n");
}

static void test_expressed(void **state)
{
	static const struct rules_case cases[] = {
		{"tcp dport 80 dnat to 192.168.0.102", "+ tcp 80 -> 192.168.0.102:80"},
		{"iifname \"eth0\" tcp dport 80 counter dnat to 192.168.0.102:8080 comment \"the site\"",
		 "+ tcp 80 -> 192.168.0.102:8080 'the site'"},
		{"iifname \"br0\" udp dport 53 dnat to 10.0.0.2", "+ udp br0:53 -> 10.0.0.2:53"},
		{"iifname { \"br0\", \"eth0\" } tcp dport 80 dnat to 10.0.0.2",
		 "+ tcp br0:80 -> 10.0.0.2:80\n+ tcp eth0:80 -> 10.0.0.2:80"},
		{"iif { 7, 8 } tcp dport 80 dnat to 10.0.0.2",
		 "+ tcp eth0:80 -> 10.0.0.2:80\n+ tcp br0:80 -> 10.0.0.2:80"},
		{"ip daddr 203.0.113.5 tcp dport { 80, 443, 8000-8010 } dnat to 10.0.0.2",
		 "+ tcp 203.0.113.5:80,443,8000-8010 -> 10.0.0.2"},
		{"iif eth0 ip daddr { 203.0.113.5, 203.0.113.6 } tcp dport 80 dnat to 10.0.0.2",
		 "+ tcp 203.0.113.5:80 -> 10.0.0.2:80\n+ tcp 203.0.113.6:80 -> 10.0.0.2:80"},
		{"ip saddr 198.51.100.9 ip daddr 203.0.113.5 tcp dport 22 dnat to 10.0.0.2",
		 "+ tcp 203.0.113.5:22 -> 10.0.0.2:22 from 198.51.100.9"},
		{"ip saddr 198.51.100.0/24 tcp dport 22 log prefix \"ssh \" dnat to 10.0.0.2",
		 "+ tcp 22 -> 10.0.0.2:22 from 198.51.100.0/24 log"},
		{"ip saddr { 198.51.100.0/24, 192.0.2.1, 10.0.0.1-10.0.0.6 } tcp dport 22 dnat to 10.0.0.2",
		 "+ tcp 22 -> 10.0.0.2:22 from 10.0.0.1,10.0.0.2/31,10.0.0.4/31,10.0.0.6,192.0.2.1,198.51.100.0/24"},
		{"ip saddr != 128.0.0.0/1 tcp dport 22 dnat to 10.0.0.2", "+ tcp 22 -> 10.0.0.2:22 from 0.0.0.0/1"},
		{"ip saddr & 255.240.0.0 == 172.16.0.0 tcp dport 22 dnat to 10.0.0.2",
		 "+ tcp 22 -> 10.0.0.2:22 from 172.16.0.0/12"},
		{"tcp dport 1-1000 tcp dport >= 900 dnat to 10.0.0.2", "+ tcp 900-1000 -> 10.0.0.2:900-1000"},
		{"tcp dport < 22 dnat to 10.0.0.2", "+ tcp 1-21 -> 10.0.0.2:1-21"},
		{"tcp dport != { 22, 80 } dnat to 10.0.0.2", "+ tcp 1-21,23-79,81-65535 -> 10.0.0.2"},
		{"meta l4proto tcp dnat to 10.0.0.2 persistent", "+ tcp 1-65535 -> 10.0.0.2:1-65535"},
		{"meta l4proto { tcp, udp } th dport 53 dnat to 10.0.0.2", "+ tcp+udp 53 -> 10.0.0.2:53"},
		{"sctp dport 5000 dnat to 10.0.0.2:5001", "+ sctp 5000 -> 10.0.0.2:5001"},
		{"fib daddr type local ct state new tcp dport 80 dnat to 10.0.0.2", "+ tcp 80 -> 10.0.0.2:80"},
		{"ct state { new, established } tcp dport 80 dnat to 10.0.0.2", "+ tcp 80 -> 10.0.0.2:80"},
		{"tcp dport 8000-8010 dnat to 10.0.0.2:8000-8010", "+ tcp 8000-8010 -> 10.0.0.2:8000-8010"},
		{"dnat to tcp dport map { 80 : 10.0.0.2, 443 : 10.0.0.3 }",
		 "+ tcp 80 -> 10.0.0.2:80\n+ tcp 443 -> 10.0.0.3:443"},
		{"dnat to tcp dport map { 80 : 10.0.0.2 . 8080, 443 : 10.0.0.3 . 8443 }",
		 "+ tcp 80 -> 10.0.0.2:8080\n+ tcp 443 -> 10.0.0.3:8443"},
		{"dnat to ip daddr . tcp dport map { 203.0.113.5 . 80 : 10.0.0.2 . 8080 }",
		 "+ tcp 203.0.113.5:80 -> 10.0.0.2:8080"},
		{"meta l4proto . th dport { tcp . 80, udp . 53 } dnat to 10.0.0.2",
		 "+ tcp 80 -> 10.0.0.2:80\n+ udp 53 -> 10.0.0.2:53"},
		{"ip saddr 10.0.0.1 tcp dport 22 dnat to 10.0.0.2; ip saddr 10.0.0.9 tcp dport 22 dnat to 10.0.0.2",
		 "+ tcp 22 -> 10.0.0.2:22 from 10.0.0.1,10.0.0.9"},
		{"ip saddr 10.0.0.1 tcp dport 22 dnat to 10.0.0.2; tcp dport 22 dnat to 10.0.0.2",
		 "+ tcp 22 -> 10.0.0.2:22"},
		{"tcp dport 22 accept; tcp dport 80 dnat to 10.0.0.2", "+ tcp 80 -> 10.0.0.2:80"},
	};

	(void)state;
	NEED("nft");
	assert_cases("ip", cases, ARRAY_SIZE(cases));
}

#define NO_WORD "- gwd.yaml has no word for: "
#define TAKEN "- some of its packets are taken before by table ip mine, chain in, handle N"

static void test_not_expressed(void **state)
{
	static const struct rules_case cases[] = {
		{"tcp dport 80 redirect to 8080", "- gwd forwards to other machines, not to a port of this one"},
		{"tcp dport 80 dnat to 203.0.113.1:8080",
		 "- gwd forwards to other machines, not to a port of this one"},
		{"dnat to 192.168.0.102",
		 "- a service is of tcp, udp, both or sctp, and of named ports: write those that are needed"},
		{"meta l4proto icmp dnat to 192.168.0.102",
		 "- a service is of tcp, udp, both or sctp, and of named ports: write those that are needed"},
		{"ct mark 5 meta mark 7 tcp dport 80 dnat to 10.0.0.2", NO_WORD "ct mark, meta mark"},
		{"tcp sport 1000 tcp dport 80 dnat to 10.0.0.2", NO_WORD "the source port"},
		{"iifname != \"br0\" tcp dport 80 dnat to 10.0.0.2", NO_WORD "iifname != br0"},
		{"iifname \"eth*\" tcp dport 80 dnat to 10.0.0.2",
		 "- `listen` is an interface's whole name; or name these interfaces in `wan`"},
		{"iifname \"br0\" ip daddr 203.0.113.5 tcp dport 80 dnat to 10.0.0.2",
		 "- `listen` is an address or an interface, not both"},
		{"ip daddr 203.0.113.0/24 tcp dport 80 dnat to 10.0.0.2",
		 "- it is for a network of addresses, and `listen` is one"},
		{"fib daddr type != local tcp dport 80 dnat to 10.0.0.2", NO_WORD "fib daddr type"},
		{"limit rate 5/second tcp dport 80 dnat to 10.0.0.2", NO_WORD "a limit of all clients together"},
		{"tcp dport 80 meta mark set 1 dnat to 10.0.0.2", NO_WORD "what 'meta' does"},
		{"tcp dport 80 dnat to 10.0.0.2-10.0.0.5", "- it chooses among several addresses, which `to` may list"},
		{"tcp dport 80 dnat to numgen inc mod 2 map { 0 : 10.0.0.2, 1 : 10.0.0.3 }",
		 NO_WORD "numgen\n" NO_WORD "numgen"},
		{"tcp dport 5000-5010 dnat to 10.0.0.2:7000-7010",
		 "- it takes any free one of the target's ports; write `to: ADDR:FIRST-LAST` to have them one to one"},
		{"tcp dport 5000-5010 dnat to 10.0.0.2:80", "- to: the range 5000-5010 cannot go to the one port 80; "
							    "leave the port out to keep each, or write 80-90"},
		{"tcp dport 80 dnat to 127.0.0.1",
		 "- to: 127.0.0.1 is the gateway's own loopback, which nothing from outside may reach"},
		/* what comes before */
		{"ip saddr 10.0.0.0/8 return; tcp dport 80 dnat to 10.0.0.2",
		 "- the rule with handle N before it lets some of these pass as they are"},
		{"tcp dport 80 dnat to 10.0.0.2; tcp dport 80 dnat to 10.0.0.3", "+ tcp 80 -> 10.0.0.2:80\n" TAKEN},
		{"tcp dport 80 dnat to 10.0.0.2; ip daddr 203.0.113.5 tcp dport 80 dnat to 10.0.0.3",
		 "+ tcp 80 -> 10.0.0.2:80\n" TAKEN},
		{"ip daddr 203.0.113.5 tcp dport 80 dnat to 10.0.0.3; tcp dport 80 dnat to 10.0.0.2",
		 "+ tcp 203.0.113.5:80 -> 10.0.0.3:80\n+ tcp 80 -> 10.0.0.2:80"},
		{"ip saddr 10.0.0.1 ip daddr 203.0.113.5 tcp dport 80 dnat to 10.0.0.3; tcp dport 80 dnat to 10.0.0.2",
		 "+ tcp 203.0.113.5:80 -> 10.0.0.3:80 from 10.0.0.1\n" TAKEN},
		{"ip saddr 10.0.0.1 tcp dport 80 dnat to 10.0.0.3; ip saddr 10.0.0.2 tcp dport 80 dnat to 10.0.0.2",
		 "+ tcp 80 -> 10.0.0.3:80 from 10.0.0.1\n" TAKEN},
		{"ip saddr 10.0.0.1 tcp dport 80 log dnat to 10.0.0.2; ip saddr 10.0.0.2 tcp dport 80 dnat to 10.0.0.2",
		 "+ tcp 80 -> 10.0.0.2:80 from 10.0.0.1 log\n" TAKEN},
		{"ip saddr 10.0.0.1 tcp dport 80 dnat to 10.0.0.2; ip saddr 10.0.0.2 ct mark 5 tcp dport 80 dnat to "
		 "10.0.0.2",
		 "+ tcp 80 -> 10.0.0.2:80 from 10.0.0.1\n" NO_WORD "ct mark"},
		{"ip saddr 10.0.0.1 tcp dport 80 dnat to 10.0.0.2; ip saddr 10.0.0.2 ct mark 5 tcp dport 80 dnat to "
		 "10.0.0.3; ip saddr 10.0.0.2 tcp dport 80 dnat to 10.0.0.2",
		 "+ tcp 80 -> 10.0.0.2:80 from 10.0.0.1\n" NO_WORD "ct mark\n" TAKEN},
		{"ct mark 5 tcp dport 80 dnat to 10.0.0.2; tcp dport 80-81 dnat to 10.0.0.2",
		 NO_WORD "ct mark\n" TAKEN},
		{"ct mark 5 tcp dport 80 dnat to 10.0.0.2; tcp dport 81 dnat to 10.0.0.2",
		 NO_WORD "ct mark\n+ tcp 81 -> 10.0.0.2:81"},
	};

	(void)state;
	NEED("nft");
	assert_cases("ip", cases, ARRAY_SIZE(cases));
}

static void test_families(void **state)
{
	static const struct rules_case cases[] = {
		{"tcp dport 80 dnat ip to 10.0.0.2", "+ tcp 80 -> 10.0.0.2:80"},
		{"tcp dport 80 dnat ip6 to [fd00::2]:8080", "+ tcp 80 -> [fd00::2]:8080"},
		{"ip6 saddr 2001:db8::/32 tcp dport 80 dnat ip6 to fd00::2",
		 "+ tcp 80 -> [fd00::2]:80 from 2001:db8::/32"},
		{"ip6 daddr 2001:db8::5 tcp dport 80 dnat ip6 to fd00::2", "+ tcp [2001:db8::5]:80 -> [fd00::2]:80"},
		{"meta protocol ip tcp dport 80 dnat ip to 10.0.0.2", "+ tcp 80 -> 10.0.0.2:80"},
		{"tcp dport { 80, 443 } dnat ip to 10.0.0.2 random", "+ tcp 80,443 -> 10.0.0.2"},
		{"tcp dport 80 dnat ip to 10.0.0.2; tcp dport 80 dnat ip6 to fd00::2",
		 "+ tcp 80 -> 10.0.0.2:80\n+ tcp 80 -> [fd00::2]:80"},
		{"ip saddr 10.0.0.1 accept; tcp dport 80 dnat ip6 to fd00::2", "+ tcp 80 -> [fd00::2]:80"},
	};

	(void)state;
	NEED("nft");
	assert_cases("inet", cases, ARRAY_SIZE(cases));
}

static void test_chains(void **state)
{
	(void)state;
	NEED("nft");
	nft("table ip t {\n"
	    "map ports { type inet_service : ipv4_addr . inet_service; elements = { 9001 : 10.0.0.9 . 91 }; }\n"
	    "set trusted { type ipv4_addr; flags interval; elements = { 198.51.100.0/24 }; }\n"
	    "set banned { type ipv4_addr; elements = { 192.0.2.1 }; }\n"
	    "chain web { tcp dport 80 dnat to 10.0.0.2; tcp dport 81 return; }\n"
	    "chain dns { dnat to 10.0.0.3; }\n"
	    "chain unused { tcp dport 99 dnat to 10.0.0.9; }\n"
	    "chain in { type nat hook prerouting priority -100;\n"
	    "ip daddr 203.0.113.5 jump web; tcp dport vmap { 443 : jump web, 8443 : accept }\n"
	    "udp dport 53 goto dns; tcp dport 8443 dnat to 10.0.0.2; tcp dport 81 dnat to 10.0.0.4\n"
	    "dnat to tcp dport map @ports; ip saddr @trusted tcp dport 22 dnat to 10.0.0.5; }\n"
	    "chain out { type nat hook output priority -100; tcp dport 81 dnat to 10.0.0.4; tcp dport 82 dnat to "
	    "10.0.0.4; }\n"
	    "chain f { type filter hook forward priority 0; ip saddr @banned drop; }\n"
	    "}\n"
	    "table ip later { chain in { type nat hook prerouting priority 0; tcp dport 8443 dnat to 10.0.0.7; }; }\n");
	assert_import("+ tcp 203.0.113.5:80 -> 10.0.0.2:80\n"
		      "+ udp 53 -> 10.0.0.3:53\n"
		      "- the rule with handle N before it lets some of these pass as they are\n"
		      "+ tcp 81 -> 10.0.0.4:81\n"
		      "+ tcp 9001 -> 10.0.0.9:91\n"
		      "+ tcp 22 -> 10.0.0.5:22 from 198.51.100.0/24\n"
		      "- some of its packets are taken before by table ip t, chain in, handle N\n"
		      "- it is for connections of this machine itself alone");
}

/* A drop is final, an accept leaves it to the chains behind. */
static void test_passes(void **state)
{
	(void)state;
	NEED("nft");
	nft("table ip a { chain in { type nat hook prerouting priority -150; tcp dport 80 drop; tcp dport 81 accept; "
	    "}; }\n"
	    "table ip b { chain in { type nat hook prerouting priority -100; tcp dport 80 dnat to 10.0.0.2; tcp dport "
	    "81 "
	    "dnat to 10.0.0.2; }; }\n");
	assert_import("- the rule with handle N before it lets some of these pass as they are\n"
		      "+ tcp 81 -> 10.0.0.2:81");
}

/* ---- iptables ------------------------------------------------------------------------------------ */

/* The *nat section of ufw's manual, and what people put beside it. */
static void test_ufw(void **state)
{
	(void)state;
	NEED("iptables-nft-restore");
	netns_run(
		"iptables-nft-restore <<'E'\n"
		"*nat\n"
		":PREROUTING ACCEPT [0:0]\n"
		":POSTROUTING ACCEPT [0:0]\n"
		"-A PREROUTING -p tcp --dport 22222 -j DNAT --to-destination 10.0.3.2:22\n"
		"-A PREROUTING -i eth0 -p tcp -m multiport --dports 80,443,8000:8010 -m comment --comment \"the site\" "
		"-j DNAT --to-destination 10.0.3.3\n"
		"-A PREROUTING -i br0 -d 203.0.113.5 -p udp --dport 53 -j DNAT --to-destination 10.0.3.2\n"
		"-A PREROUTING -d 203.0.113.5/32 -s 198.51.100.0/24 -p udp --dport 53 -m conntrack --ctstate NEW "
		"-j DNAT --to-destination 10.0.3.2\n"
		"-A PREROUTING -p tcp --dport 5000:5010 -j DNAT --to-destination 10.0.3.2:7000-7010/5000\n"
		"-A PREROUTING -p tcp --dport 6000:6010 -j DNAT --to-destination 10.0.3.2:6000-6010\n"
		"-A PREROUTING -p tcp --dport 6020:6030 -j DNAT --to-destination 10.0.3.2:7000-7010\n"
		"-A PREROUTING -p tcp --dport 90 -m statistic --mode nth --every 2 --packet 0 -j DNAT --to-destination "
		"10.0.3.2\n"
		"-A PREROUTING -p tcp --dport 91 -j DNAT --to-destination 10.0.3.2-10.0.3.9\n"
		"-A PREROUTING -p tcp --dport 92 -j REDIRECT --to-ports 8080\n"
		"-A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE\n"
		"-A POSTROUTING -d 10.0.3.2 -j SNAT --to-source 10.0.3.1\n"
		"COMMIT\n"
		"E\n");
	assert_import(
		"+ tcp 22222 -> 10.0.3.2:22\n"
		"+ tcp 80,443,8000-8010 -> 10.0.3.3 'the site'\n"
		"- `listen` is an address or an interface, not both\n"
		"- some of its packets are taken before by table ip nat, chain PREROUTING, handle N\n"
		"+ tcp 5000-5010 -> 10.0.3.2:7000-7010\n"
		"+ tcp 6000-6010 -> 10.0.3.2:6000-6010\n"
		"- it takes any free one of the target's ports; write `to: ADDR:FIRST-LAST` to have them one to one\n"
		"- gwd.yaml has no word for: -m statistic\n"
		"- it chooses among several addresses, which `to` may list\n"
		"- gwd forwards to other machines, not to a port of this one\n"
		"= gwd masquerades by itself where it has to; `snat: always` is for every forwarded client\n"
		"= gwd masquerades by itself where it has to; `snat: always` is for every forwarded client");
}

static void test_inverted(void **state)
{
	(void)state;
	NEED("iptables-nft");
	netns_run("set -e; exec 2>&1; r='iptables-nft -t nat -A PREROUTING -p tcp'\n"
		  "$r -m addrtype ! --dst-type LOCAL --dport 90 -j DNAT --to-destination 10.0.0.2\n"
		  "$r -m conntrack ! --ctstate NEW --dport 91 -j DNAT --to-destination 10.0.0.2\n"
		  "$r ! -i eth0 --dport 92 -j DNAT --to-destination 10.0.0.2\n"
		  "$r -m multiport ! --dports 1:99,200 -j DNAT --to-destination 10.0.0.2\n");
	assert_import(NO_WORD "! --dst-type LOCAL\n" NO_WORD "-m conntrack\n" NO_WORD "iifname != eth0\n"
			      "+ tcp 100-199,201-65535 -> 10.0.0.2");
}

static void test_docker(void **state)
{
	(void)state;
	NEED("iptables-nft");
	netns_run("set -e; exec 2>&1; iptables-nft -t nat -N DOCKER\n"
		  "iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
		  "iptables-nft -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER\n"
		  "iptables-nft -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n"
		  "iptables-nft -t nat -A DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT --to-destination "
		  "172.17.0.2:80\n"
		  "iptables-nft -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2\n"
		  "iptables-nft -t nat -A PREROUTING -p tcp --dport 81 -j DNAT --to-destination 10.0.0.2\n"
		  "ip6tables-nft -t nat -A PREROUTING -p tcp --dport 81 -j DNAT --to-destination '[fd00::2]:8081'\n");
	assert_import("= Docker's; leave it to Docker\n"
		      "- some of its packets are taken before by table ip nat, chain DOCKER, handle N\n"
		      "+ tcp 81 -> 10.0.0.2:81\n"
		      "+ tcp 81 -> [fd00::2]:8081\n"
		      "= gwd masquerades by itself where it has to; `snat: always` is for every forwarded client");
}

/* ---- Names --------------------------------------------------------------------------------------- */

/* A name may hold whatever ends a comment in YAML. */
static void test_hostile_names(void **state)
{
	struct foreign f = {0};
	struct foreign_table *t = foreign_table(&f, NFPROTO_IPV4, "x\nwan: y\xe2\x80\xa8wan: z\r#");
	struct chain *c = ruleset_add_chain(t->rules);
	struct expr exprs[] = {{.kind = EXPR_OTHER, .op = FOREIGN_REDIRECT, .count = 1, .name = "redir"}};
	struct rule rule = {.handle = 1, .exprs = exprs, .n = 1, .comment = "a\nb"};
	_cleanup_(import_freep) struct import *im = NULL;
	_cleanup_(freep) char *yaml = NULL;

	(void)state;
	*c = (struct chain){.name = "c", .base = true, .type = "nat", .rules = &rule, .n = 1};
	im = import_build(&f, &topology, &facts);
	yaml = import_yaml(im);
	assert_int_equal(im->n, 1);
	assert_non_null(strstr(yaml, "table ip x?wan: y???wan: z?#"));
	assert_reads_back(im);
	ruleset_free(t->rules);
	free(f.tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_article, fresh),       cmocka_unit_test_setup(test_expressed, fresh),
		cmocka_unit_test_setup(test_not_expressed, fresh), cmocka_unit_test_setup(test_families, fresh),
		cmocka_unit_test_setup(test_chains, fresh),        cmocka_unit_test_setup(test_ufw, fresh),
		cmocka_unit_test_setup(test_docker, fresh),        cmocka_unit_test_setup(test_passes, fresh),
		cmocka_unit_test_setup(test_inverted, fresh),      cmocka_unit_test(test_hostile_names),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
