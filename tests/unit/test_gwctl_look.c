/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines that look: rows, one forward, revisions, the one screen. */
#include "gwctl_line.h"

#include <sys/stat.h>

#define ROW(name, state, n, b)                                                                                            \
	"{\"service\":{\"name\":\"" name "\",\"proto\":\"tcp\",\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.2\"}]},"  \
	"\"state\":\"" state "\",\"reason\":\"why\",\"origin\":\"runtime\",\"traffic\":"                \
	"{\"connections\":" #n ",\"live\":1,\"packets_in\":7,\"packets_out\":8,\"bytes_in\":900,\"bytes_out\":" #b "}}"
#define LIST                                                                                                           \
	"{\"parameters\":{\"forwards\":[" ROW("web", "active", 2, 2100000) "," ROW(                                             \
		"b", "held", 30, 0) "]},\"continues\":true}" STUB_NEXT                                                    \
				 "{\"parameters\":{\"forwards\":[" ROW("a", "off", 2, 200) "]}}"

static void test_ls(void **state)
{
	(void)state;
	const struct result *r = gwctl("gwctl ls 'w*'", LIST);
	expect(r, 0,
	       "NAME  STATE         ORIGIN   LISTEN  TARGETS      EXPIRES  CONNS  BYTES\n"
	       "web   active (why)  runtime  tcp 80  10.0.0.2:80               2   2.0M\n"
	       "b     held: why     runtime  tcp 80  10.0.0.2:80              30    900\n"
	       "a     off (why)     runtime  tcp 80  10.0.0.2:80               2   1.1K\n",
	       "");
	assert_string_equal(r->asked, METHOD "List\",\"parameters\":{\"pattern\":\"w*\"},\"more\":true}\n");
}

static void test_ls_sorted(void **state)
{
	static const struct {
		const char *line, *names[3];
	} cases[] = {
		{"gwctl ls -o json", {"web", "b", "a"}},
		{"gwctl ls -o json --sort name", {"a", "b", "web"}},
		{"gwctl ls -o json --sort conns", {"b", "a", "web"}},
		{"gwctl ls -o json --sort bytes", {"web", "a", "b"}},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct result *r = gwctl(cases[i].line, LIST);
		json_auto_t *rows = json_loads(r->out, 0, NULL);
		assert_int_equal(r->status, 0);
		assert_int_equal(json_array_size(rows), 3);
		for (size_t n = 0; n < 3; n++) {
			const json_t *service = json_object_get(json_array_get(rows, n), "service");
			assert_string_equal(json_text(service, "name"), cases[i].names[n]);
		}
	}
}

/* A refused list leaves nothing on standard output that a program could take for an empty one. */
static void test_ls_refused(void **state)
{
	static const char *const lines[] = {"gwctl ls", "gwctl ls -o json", "gwctl ls -o yaml", "gwctl history"};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const struct result *r =
			gwctl(lines[i], "{\"error\":\"org.gwd.Gateway.Denied\",\"parameters\":{\"mistakes\":["
					"{\"message\":\"permission denied: sudo gwctl ...\"}]}}");
		expect(r, 1, "", "permission denied: sudo gwctl ...\n");
	}
}

#define TRAFFIC(n, live, seen)                                                                                         \
	"{\"connections\":" #n ",\"live\":" #live ",\"packets_in\":7,\"packets_out\":8,\"bytes_in\":900,"                \
	"\"bytes_out\":1500000" seen "}"
#define STATS_ROW                                                                                                      \
	"{\"name\":\"web\",\"since\":1795348800,\"traffic\":" TRAFFIC(3, 1, ",\"last_seen\":1795348801") ",\"targets\":["    \
	"{\"target\":\"10.0.0.2:80\",\"traffic\":" TRAFFIC(2, 1, "") "},{\"target\":\"10.0.0.3:80\",\"former\":true,"       \
	"\"traffic\":" TRAFFIC(1, 0, "") "}],\"missing\":[{\"reason\":\"down\",\"from\":1795348800,\"to\":1795348805}]}"
#define STATS "{\"parameters\":{\"stats\":[" STATS_ROW "]}}"

static void test_show(void **state)
{
	(void)state;
	static const char *const replies[] = {"{\"parameters\":{\"forward\":" ROW("web", "active", 2, 200) "}}", STATS,
					      NULL};
	setenv("TZ", "UTC0", 1);
	const struct result *r = gwctl_in("gwctl show web", NULL, replies);
	expect(r, 0,
	       "name         web\nstate        active (why)\norigin       runtime\nlisten       tcp 80\n"
	       "targets      10.0.0.2:80\n"
	       "passed       3 connections, 1 live; in 7 packets, 900 bytes; out 8 packets, 1500000 bytes; last seen now\n"
	       "by target    10.0.0.2:80: 2 connections, 1 live; in 7 packets, 900 bytes; out 8 packets, 1500000 bytes; "
	       "last seen now\n"
	       "             10.0.0.3:80 (no more): 1 connection, 0 live; in 7 packets, 900 bytes; out 8 packets, "
	       "1500000 bytes; last seen never\n"
	       "missing      what ended while gwd did not run, 2026-11-22T12:00:00+0000 to 2026-11-22T12:00:05+0000\n",
	       "");
	assert_string_equal(r->asked, METHOD "Get\",\"parameters\":{\"name\":\"web\"}}\n" METHOD
					     "Stats\",\"parameters\":{\"name\":\"web\"},\"more\":true}\n");
}

static void test_stats(void **state)
{
	(void)state;
	setenv("TZ", "UTC0", 1);
	const struct result *r = gwctl("gwctl stats", STATS);
	expect(r, 0,
	       "NAME  CONNS  LIVE  PACKETS IN  BYTES IN  PACKETS OUT  BYTES OUT  LAST SEEN\n"
	       "web       3     1           7       900            8       1.4M  now\n",
	       "gwctl: these are lower bounds; missing: what ended while gwd did not run, 2026-11-22T12:00:00+0000 to "
	       "2026-11-22T12:00:05+0000\n");
	assert_string_equal(r->asked, METHOD "Stats\",\"parameters\":{},\"more\":true}\n");
	r = gwctl("gwctl stats -q web --reset -o json", STATS);
	assert_string_equal(r->err, "");
	json_auto_t *one = json_loads(r->out, 0, NULL);
	assert_string_equal(json_text(one, "name"), "web");
	assert_string_equal(r->asked,
			    METHOD "Stats\",\"parameters\":{\"name\":\"web\",\"reset\":true},\"more\":true}\n");
	r = gwctl("gwctl stats web", STATS);
	assert_non_null(strstr(r->out, "since    2026-11-22T12:00:00+0000\ntotal    3 connections, 1 live; in 7 packets"));
}

static void test_flows(void **state)
{
	(void)state;
	_cleanup_(freep) char *reply =
		xasprintf("{\"parameters\":{\"flows\":[{\"forward\":\"web\",\"proto\":\"tcp\",\"client\":\"198.51.100.9:40312\","
			  "\"listen\":\"203.0.113.5:80\",\"target\":\"10.0.0.2:8080\",\"timeout\":7261,\"state\":\"established\","
			  "\"since\":%lld,\"packets_in\":1,\"packets_out\":1,\"bytes_in\":999,\"bytes_out\":1048576},"
			  "{\"forward\":\"dns\",\"proto\":\"udp\",\"client\":\"[2001:db8::9]:5353\",\"listen\":"
			  "\"[2001:db8::5]:53\",\"target\":\"[fd00::2]:53\",\"timeout\":3,\"state\":\"unreplied\"}]}}",
			  (long long)time(NULL) - 90);
	const struct result *r = gwctl("gwctl flows", reply);
	/* clang-format off */
	expect(r, 0,
	       "FORWARD  CLIENT                  LISTEN            TARGET         STATE           AGE   IN   OUT  TIMEOUT\n"
	       "web      tcp 198.51.100.9:40312  203.0.113.5:80    10.0.0.2:8080  established  1m 30s  999  1.0M    2h 1m\n"
	       "dns      udp [2001:db8::9]:5353  [2001:db8::5]:53  [fd00::2]:53   unreplied                            3s\n",
	       "");
	/* clang-format on */
	assert_string_equal(r->asked, METHOD "Flows\",\"parameters\":{},\"more\":true}\n");
	r = gwctl("gwctl flows web --kill",
		  OUTCOME "{\"messages\":[\"web: cut 3 connections\"],\"warnings\":[],\"changed\":true}}}");
	expect(r, 0, "web: cut 3 connections\n", "");
	assert_string_equal(r->asked, METHOD "KillFlows\",\"parameters\":{\"name\":\"web\"}}\n");
}

/* Every key that was set, in the file's words. */
static void test_show_keys(void **state)
{
	(void)state;
	const struct result *r =
		gwctl("gwctl show web",
		      "{\"parameters\":{\"forward\":{\"service\":{\"name\":\"web\",\"proto\":\"tcp\",\"ports\":[\"80\"]"
		      ",\"to\":[{"
		      "\"addr\":\"10.0.0.2\"}],\"from\":[\"198.51.100.0/"
		      "24\",\"192.0.2.7\"],\"balance\":\"random\",\"limit\":{"
		      "\"connections\":50,\"rate\":\"20/second\"},\"log\":true,\"on_expiry\":\"cut\"},\"state\":"
		      "\"active\",\"origin\":\"runtime\"}}}");
	assert_int_equal(r->status, 0);
	assert_non_null(strstr(r->out, "\nbalance      random\n"
				       "from         198.51.100.0/24\n"
				       "             192.0.2.7\n"
				       "limit        50 connections, 20/second\n"
				       "log          true\n"));
	assert_non_null(strstr(r->out, "\non expiry    cut\n"));
	r = gwctl("gwctl show web",
		  "{\"parameters\":{\"forward\":{" SERVICE ",\"state\":\"active\",\"origin\":\"x\"}}}");
	assert_null(strstr(r->out, "from "));
	assert_null(strstr(r->out, "limit "));
	assert_null(strstr(r->out, "log "));
}

static void test_history(void **state)
{
	(void)state;
	setenv("TZ", "UTC0", 1);
	const struct result *r =
		gwctl("gwctl history -n 2",
		      "{\"parameters\":{\"revisions\":["
		      "{\"id\":12,\"time\":1795338000,\"uid\":0,\"pid\":7,\"what\":\"add web\",\"current\":true},"
		      "{\"id\":9,\"time\":0,\"uid\":4294967000,\"pid\":7,\"what\":\"start\",\"current\":false}]}}");
	expect(r, 0,
	       "   REVISION  TIME                      WHO             WHAT\n"
	       "*        12  2026-11-22T09:00:00+0000  root            add web\n"
	       "          9  1970-01-01T00:00:00+0000  uid 4294967000  start\n",
	       "");
	assert_string_equal(r->asked, METHOD "History\",\"parameters\":{\"max\":2},\"more\":true}\n");
}

#define STATUS_REPLY(protected, reachable)                                                                             \
	"{\"parameters\":{\"version\":\"0.1.0\",\"pid\":812,\"interfaces\":["                                          \
	"{\"name\":\"eth0\",\"zone\":\"wan\",\"present\":true,\"why\":\"default-route\",\"addresses\":[\"192.168.0."   \
	"101/24\","                                                                                                    \
	"\"fd00::1/64\"]},{\"name\":\"veth1\",\"zone\":\"none\",\"present\":true,\"addresses\":[]},"                   \
	"{\"name\":\"ppp0\",\"zone\":\"none\",\"present\":true,\"why\":\"former wan\",\"addresses\":[]},"              \
	"{\"name\":\"br0\",\"zone\":\"lan\",\"present\":false,\"why\":\"file\",\"addresses\":[]}],"                    \
	"\"forwarding4\":\"on by "                                                                                     \
	"gwd\",\"forwarding6\":\"off\",\"active\":3,\"off\":1,\"held\":0,\"revision\":12,\"table\":true,"              \
	"\"file_in_force\":false,\"mistakes\":[],\"warnings\":[\"one\",\"two\"],\"firewalls\":["                       \
	"{\"tool\":\"ufw\",\"table\":\"ip filter\",\"chain\":\"FORWARD\",\"hook\":\"forward\",\"certain\":true,"       \
	"\"count\":2,\"remedy\":\"r\"},{\"tool\":\"nftables\",\"table\":\"inet "                                       \
	"f\",\"chain\":\"in\",\"hook\":\"input\","                                                                     \
	"\"certain\":false,\"count\":1,\"remedy\":\"r\"}],\"last_error\":null,"                                        \
	"\"protected\":" protected ",\"reachable\":[" reachable "],\"netlink_"                                         \
				   "batches\":1,"                                                                      \
				   "\"netlink_messages\":2,\"netlink_elements\":3,\"netlink_dumps\":4}}"

static void test_status(void **state)
{
	static const char *const lines[] = {"gwctl", "gwctl status"};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const struct result *r = gwctl(lines[i], STATUS_REPLY("true", ""));
		expect(r, 0,
		       "gwd         0.1.0, pid 812\n"
		       "interfaces  eth0 wan (default-route): 192.168.0.101/24 fd00::1/64\n"
		       "            ppp0 none (former wan)\n"
		       "            br0 lan (file), absent\n"
		       "            1 other, in no zone\n"
		       "forwarding  IPv4 on by gwd, IPv6 off\n"
		       "forwards    3 active, 1 off, 0 held\n"
		       "reachable   from outside: nothing\n"
		       "revision    12\n"
		       "file        gwd.yaml differs from what runs: gwctl diff, gwctl apply\n"
		       "kernel      table inet gwd; sent since start: 1 batch, 2 messages, 3 elements; 4 dumps read\n"
		       "firewalls   ufw (table ip filter, chain FORWARD) drops 2 forwards\n"
		       "            nftables (table inet f, chain in) may drop 1 open port\n"
		       "warnings    one\n"
		       "            two\n",
		       "");
	}
}

/* Ports of the gateway, each with where it comes from, until when, and why it opens nothing. */
static void test_status_openings(void **state)
{
	(void)state;
	const struct result *r = gwctl(
		"gwctl status",
		"{\"parameters\":{\"openings\":[{\"opening\":{\"in\":\"wan\",\"proto\":\"tcp\",\"ports\":\"22\","
		"\"local\":true},"
		"\"origin\":\"gwd.yaml:3\"},{\"opening\":{\"in\":\"dmz\",\"proto\":\"udp\",\"ports\":\"53\",\"from\":"
		"[\"10.0.0.0/"
		"8\",\"fd00::1\"],\"expires\":\"2000-01-01T00:00:00Z\"},\"origin\":\"runtime\",\"temporary\":true,"
		"\"reason\":\"held: expired\"}]}}");
	assert_int_equal(r->status, 0);
	assert_non_null(strstr(r->out,
			       "open ports  tcp 22 from local (gwd.yaml:3)\n"
			       "            udp 53 from 10.0.0.0/8,fd00::1 in dmz (runtime, over, or at reboot): held: "
			       "expired\n"));
}

static void test_pending(void **state)
{
	(void)state;
	const struct result *r = gwctl("gwctl status", "{\"parameters\":{\"pending\":{\"what\":\"added web\","
						       "\"revision\":2,\"seconds\":87,\"uid\":0,\"pid\":1}}}");
	if (!strstr(r->out, "\nconfirm     added web: taken back in 1m 27s without gwctl confirm\n"))
		fail_msg("%s", r->out);
	r = gwctl("gwctl status", "{\"parameters\":{\"pending\":{\"what\":\"added web\",\"seconds\":0,\"taken_back\":true,"
				  "\"declared\":true,\"uid\":0,\"pid\":1}}}");
	if (!strstr(r->out, "\nconfirm     added web: was taken back, which cannot be stored yet: gwctl doctor\n"
			    "file        gwd.yaml differs from what runs, which waits to be confirmed: gwctl diff\n"))
		fail_msg("%s", r->out);
	r = gwctl("gwctl history", "{\"parameters\":{\"revisions\":[{\"id\":2,\"what\":\"added web\",\"pending\":true},"
				   "{\"id\":1,\"what\":\"started\"}]}}");
	if (!strstr(r->out, "added web (not confirmed yet)\n") || !strstr(r->out, "started\n"))
		fail_msg("%s", r->out);
}

/* What others undid; whose the table is. */
static void test_drift(void **state)
{
	(void)state;
	_cleanup_(freep) char *reply =
		xasprintf("{\"parameters\":{\"table\":true,\"ownership\":\"kept\",\"drift\":[{\"what\":\"table\","
			  "\"repaired\":3,\"time\":%lld,"
			  "\"program\":\"nft\",\"pid\":812,\"stopped\":false},{\"what\":\"forwarding\",\"repaired\":1,"
			  "\"time\":99999999999,\"stopped\":true}]}}",
			  (long long)time(NULL) - 7205);
	const struct result *r = gwctl("gwctl status", reply);
	assert_int_equal(r->status, 0);
	assert_non_null(
		strstr(r->out, "table inet gwd, and gwd-keeper, which keeps connections through its loss; sent"));
	assert_non_null(strstr(r->out,
			       "drift       repaired 3 times, last by nft (pid 812), 2h ago\n"
			       "            forwarding turned on again 1 time, last by another program, 0s ago\n"
			       "            someone else keeps turning it off, so it is left as it is: stop that "
			       "program, then gwctl apply\n"));
}

/* Only what is missing is said. */
static void test_sandbox(void **state)
{
	static const struct {
		const char *layers, *says;
	} cases[] = {
		{"[\"seccomp\"]", "\nsandbox     gwd runs without Landlock\n"},
		{"[\"landlock\"]", "\nsandbox     gwd runs without seccomp\n"},
		{"[]", "\nsandbox     gwd runs without Landlock and seccomp\n"},
		{"[\"landlock\",\"seccomp\"]", NULL},
		{"null", NULL}, /* of an older gwd */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *reply =
			xasprintf("{\"parameters\":{\"ownership\":\"plain\",\"sandbox\":%s}}", cases[i].layers);
		const struct result *r = gwctl("gwctl status", reply);
		if (cases[i].says ? !strstr(r->out, cases[i].says) : strstr(r->out, "sandbox") != NULL)
			fail_msg("%s: %s", cases[i].layers, r->out);
	}
}

static void test_orders(void **state)
{
	(void)state;
	const struct result *r = gwctl(
		"gwctl show web", "{\"parameters\":{\"forward\":{" SERVICE ",\"state\":\"active\",\"orders\":["
				  "{\"target\":\"10.0.0.2:8443\",\"state\":\"drained\",\"uid\":4000000007,"
				  "\"time\":1795305600}],\"origin\":\"runtime\"}}}");
	assert_int_equal(r->status, 0);
	assert_non_null(strstr(r->out, "active, 10.0.0.2:8443 drained (by uid 4000000007, 2026-11-2"));
}

/* ls, history and watch call the same one the same. */
static void test_who(void **state)
{
	(void)state;
	const struct result *r =
		gwctl("gwctl ls", "{\"parameters\":{\"forwards\":[{" SERVICE ",\"state\":\"off\",\"origin\":\"runtime\","
				  "\"reason\":\"by uid 0, 2026-11-22\"}]}}");
	assert_non_null(strstr(r->out, " off (by root, 2026-11-22) "));
	r = gwctl("gwctl history", "{\"parameters\":{\"revisions\":[{\"id\":1,\"time\":1,\"uid\":0,\"what\":\"x\"}]}}");
	assert_non_null(strstr(r->out, " root  x\n"));
	r = gwctl("gwctl watch", "{\"parameters\":{},\"continues\":true}" STUB_NEXT
				 "{\"parameters\":{\"event\":{\"time\":1,\"kind\":\"change\",\"text\":\"added web\",\"uid\":0,"
				 "\"revision\":3}},\"continues\":true}");
	assert_non_null(strstr(r->out, " added web (root, revision 3)\n"));
}

/* No program has these sockets; ssh is known by its port, too. */
#define LISTENER(proto, port) "{\"proto\":\"" proto "\",\"port\":" port ",\"uid\":0,\"inode\":4294967295}"

static void test_reachable(void **state)
{
	static const struct {
		const char *reply, *says;
	} cases[] = {
		{STATUS_REPLY("true", LISTENER("tcp", "22") "," LISTENER("udp", "53")),
		 "\nreachable   from outside:\n              tcp 22\n              udp 53\nrevision"},
		{STATUS_REPLY("false", LISTENER("tcp", "22") "," LISTENER("udp", "53")),
		 "  udp 53\n            all of them are closed, but for what is named, by this in gwd.yaml:\n"
		 "              gateway:\n                open:\n                  - {port: 22, from: "
		 "local}\nrevision"},
		{STATUS_REPLY("false", LISTENER("udp", "22")), "                open: []\nrevision"},
		{STATUS_REPLY("false", ""), "\nreachable   from outside: nothing\n"},
		/* One program listens on IPv4 and on IPv6, as sshd does. */
		{STATUS_REPLY("false", LISTENER("tcp", "22") "," LISTENER("tcp", "22") "," LISTENER("udp", "22")),
		 "\nreachable   from outside:\n              tcp 22\n              udp 22\n            all"},
		{STATUS_REPLY("false", LISTENER("tcp", "22") "," LISTENER("tcp", "22")),
		 "                open:\n                  - {port: 22, from: local}\nrevision"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct result *r = gwctl("gwctl status", cases[i].reply);
		if (r->status != 0 || !strstr(r->out, cases[i].says))
			fail_msg("%s\nexpected: %s", r->out, cases[i].says);
	}
}

/* A program that can be seen: this one. */
static void test_reachable_program(void **state)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;
	(void)state;
	assert_return_code(fstat(fd, &st), 0);
	_cleanup_(freep) char *reply =
		xasprintf("{\"parameters\":{\"reachable\":[{\"proto\":\"tcp\",\"port\":2,\"uid\":0,"
			  "\"inode\":%u}]}}",
			  (unsigned)st.st_ino);
	_cleanup_(freep) char *says = xasprintf("tcp 2 test_gwctl_look (pid %d)\n", (int)getpid());
	const struct result *r = gwctl("gwctl status", reply);
	if (!strstr(r->out, says))
		fail_msg("%s\nexpected: %s", r->out, says);
	r = gwctl("gwctl -o json status", reply);
	if (!strstr(r->out, "\"program\": \"test_gwctl_look (pid "))
		fail_msg("%s", r->out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ls),
		cmocka_unit_test(test_ls_sorted),
		cmocka_unit_test(test_ls_refused),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_show_keys),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_reachable),
		cmocka_unit_test(test_reachable_program),
		cmocka_unit_test(test_status_openings),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_sandbox),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_pending),
	};
	return cmocka_run_group_tests(tests, NULL, result_free);
}
