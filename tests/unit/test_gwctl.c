/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole command lines against a gwd that answers from a script: what is asked, what is printed where, how it ends. */
#include <stdlib.h>

#include "stub_gwd.h"

#include <time.h>

#include "command.h"

/* Of the latest command line. In one place, so that a test that fails loses nothing that a later child would find. */
static struct result {
	int status;
	char *out, *err, *asked; /* asked: one call a line */
} latest;

static int result_free(void **state)
{
	(void)state;
	free(latest.out);
	free(latest.err);
	free(latest.asked);
	latest = (struct result){0};
	return 0;
}

static char *take_file(const char *path)
{
	struct buf text = {0};
	file_read(path, 1 << 20, &text);
	unlink(path);
	return buf_take(&text);
}

/* Words at blanks; what stands in '...' is one word. */
static int split(char *line, char **argv)
{
	int argc = 0;
	while (*line) {
		char end = *line == '\'' ? '\'' : ' ';
		line += end == '\'';
		argv[argc++] = line;
		line += strcspn(line, end == '\'' ? "'" : " ");
		if (*line)
			*line++ = '\0';
		line += *line == ' ';
	}
	argv[argc] = NULL;
	return argc;
}

static void run_here(const char *line, const char *out, const char *err, const char *in)
{
	char *text = xstrdup(line), *argv[32];
	int argc = split(text, argv);
	if (!freopen(out, "w", stdout) || !freopen(err, "w", stderr) || !freopen(in ? in : "/dev/null", "r", stdin))
		_exit(99);
	int status = commands_main(argc, argv);
	free(text);
	exit(status); /* so that leaks are looked for */
}

/* `in`: a file for standard input, or NULL. */
static const struct result *gwctl_in(const char *line, const char *in, const char *const *replies)
{
	struct stub stub;
	char out[96], err[96];
	int status;
	result_free(NULL);
	stub_start(&stub, replies);
	snprintf(out, sizeof(out), "%s/out", stub.dir);
	snprintf(err, sizeof(err), "%s/err", stub.dir);
	setenv("GWD_SOCKET", stub.path, 1);
	pid_t pid = fork();
	if (pid == 0)
		run_here(line, out, err, in);
	waitpid(pid, &status, 0);
	latest.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	latest.out = take_file(out);
	latest.err = take_file(err);
	latest.asked = stub_end(&stub);
	return &latest;
}

static const struct result *gwctl(const char *line, const char *reply)
{
	const char *replies[] = {reply, NULL};
	return gwctl_in(line, NULL, replies);
}

static void expect(const struct result *r, int status, const char *out, const char *err)
{
	assert_string_equal(r->err, err);
	assert_string_equal(r->out, out);
	assert_int_equal(r->status, status);
}

#define METHOD "{\"method\":\"org.gwd.Gateway."
#define OUTCOME "{\"parameters\":{\"outcome\":"
#define SERVICE                                                                                                        \
	"\"service\":{\"name\":\"tcp-80\",\"proto\":\"tcp\",\"ports\":[\"80\"],\"to\":[{\"addr\":\"192.168.0.102\"}]}"
#define ADDED                                                                                                          \
	OUTCOME "{\"messages\":[\"added tcp-80: tcp 80 -> 192.168.0.102:80\"],\"warnings\":[],\"changed\":true,"       \
		"\"revision\":3},\"forward\":{" SERVICE                                                                \
		",\"state\":\"active\",\"origin\":\"runtime\",\"connections\":0}}}"

/* ---- Changes ------------------------------------------------------------------------------------ */

static void test_add(void **state)
{
	(void)state;
	const struct result *r = gwctl("gwctl add 80 192.168.0.102", ADDED);
	expect(r, 0, "added tcp-80: tcp 80 -> 192.168.0.102:80\n", "");
	assert_string_equal(r->asked, METHOD "Add\",\"parameters\":{\"service\":{\"ports\":[\"80\"],"
					     "\"to\":[{\"addr\":\"192.168.0.102\"}]}}}\n");
	r = gwctl("gwctl add -q 80 192.168.0.102 --replace", ADDED);
	expect(r, 0, "", "");
	assert_non_null(strstr(r->asked, ",\"replace\":true}}"));
	r = gwctl("gwctl add -o json 80 192.168.0.102", ADDED);
	json_auto_t *outcome = json_loads(r->out, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(outcome, "revision")), 3);
}

static void test_dry_run(void **state)
{
	(void)state;
	const struct result *r =
		gwctl("gwctl rm 53/udp --dry-run -q",
		      OUTCOME "{\"messages\":[\"would remove dns\"],\"warnings\":[\"mind the step\"],\"changed\":false,"
			      "\"plan\":[\"del elem\",\"del chain\"]}}}");
	expect(r, 0, "would remove dns\ndel elem\ndel chain\n", "warning: mind the step\n");
	assert_string_equal(r->asked, METHOD
			    "Remove\",\"parameters\":{\"proto\":\"udp\",\"ports\":[\"53\"],\"dry_run\":true}}\n");
}

static void test_requests(void **state)
{
	static const struct {
		const char *line, *asked;
	} cases[] = {
		{"gwctl rm shop", METHOD "Remove\",\"parameters\":{\"name\":\"shop\"}}\n"},
		{"gwctl rm 53/udp --kill",
		 METHOD "Remove\",\"parameters\":{\"proto\":\"udp\",\"ports\":[\"53\"],\"kill\":true}}\n"},
		{"gwctl off shop --kill", METHOD "Disable\",\"parameters\":{\"name\":\"shop\",\"kill\":true}}\n"},
		{"gwctl on shop", METHOD "Enable\",\"parameters\":{\"name\":\"shop\"}}\n"},
		{"gwctl off shop", METHOD "Disable\",\"parameters\":{\"name\":\"shop\"}}\n"},
		{"gwctl target drain web 10.0.0.2:8443", METHOD
		 "Target\",\"parameters\":{\"name\":\"web\",\"target\":\"10.0.0.2:8443\",\"state\":\"drained\"}}\n"},
		{"gwctl target off web 10.0.0.2 --kill", METHOD "Target\",\"parameters\":{\"name\":\"web\",\"target\":"
								"\"10.0.0.2\",\"state\":\"off\",\"kill\":true}}\n"},
		{"gwctl target ready web 10.0.0.2",
		 METHOD "Target\",\"parameters\":{\"name\":\"web\",\"target\":\"10.0.0.2\",\"state\":\"ready\"}}\n"},
		{"gwctl open 22 --from local,10.0.0.0/8 --temporary",
		 METHOD "Open\",\"parameters\":{\"opening\":{\"from\":[\"local\",\"10.0.0.0/8\"],\"ports\":\"22\"},"
			"\"temporary\":true}}\n"},
		{"gwctl close 53/udp --in dmz",
		 METHOD "Close\",\"parameters\":{\"in\":\"dmz\",\"proto\":\"udp\",\"ports\":\"53\"}}\n"},
		{"gwctl undo", METHOD "Undo\",\"parameters\":{}}\n"},
		{"gwctl rollback 12", METHOD "Rollback\",\"parameters\":{\"revision\":12}}\n"},
		{"gwctl apply", METHOD "Apply\",\"parameters\":{}}\n"},
		{"gwctl set shop --name 'a shop' 10.0.0.3",
		 METHOD "Set\",\"parameters\":{\"name\":\"shop\",\"changes\":{\"name\":\"a "
			"shop\",\"to\":[{\"addr\":\"10.0.0.3\"}]}}}\n"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct result *r =
			gwctl(cases[i].line, OUTCOME "{\"messages\":[\"done\"],\"warnings\":[],\"changed\":true}}}");
		expect(r, 0, "done\n", "");
		assert_string_equal(r->asked, cases[i].asked);
	}
}

static void test_refused(void **state)
{
	(void)state;
	const struct result *r =
		gwctl("gwctl rm web", "{\"error\":\"org.gwd.Gateway.Declared\",\"parameters\":{\"mistakes\":["
				      "{\"message\":\"declared at gwd.yaml:12; remove it there\\u001b[2J\"}]}}");
	expect(r, 1, "", "declared at gwd.yaml:12; remove it there?[2J\n");
	r = gwctl("gwctl apply", "{\"error\":\"org.gwd.Gateway.Invalid\",\"parameters\":{\"mistakes\":["
				 "{\"message\":\"unknown key 'prot'\",\"file\":\"gwd.yaml\",\"line\":3,\"column\":5,"
				 "\"source\":\"    prot: udp\"},{\"message\":\"and so on\"}]}}");
	expect(r, 1, "", "gwd.yaml:3:5: unknown key 'prot'\n      prot: udp\n      ^\nand so on\n");
}

static void test_unreachable(void **state)
{
	(void)state;
	const struct result *r = gwctl("gwctl -s /nonexistent/sock add 80 10.0.0.2", "");
	expect(r, 3, "",
	       "gwctl: gwd is not running: systemctl start gwd | rc-service gwd start "
	       "(nobody listens at /nonexistent/sock)\n");
	r = gwctl("gwctl ls", "");
	expect(r, 3, "", "gwctl: gwd closed the connection before it answered\n");
	r = gwctl("gwctl show web", "{}");
	expect(r, 3, "", "gwctl: gwd's answer to Get says nothing\n");
}

/* ---- For a time --------------------------------------------------------------------------------- */

/* What was asked for as `expires`, in seconds from now; 0 = nothing. */
static int64_t asked_for(const char *line)
{
	const char *at = strstr(gwctl(line, ADDED)->asked, "\"expires\":\"");
	_cleanup_(freep) char *text = at ? xstrndup(at + 11, strcspn(at + 11, "\"")) : NULL;
	int64_t expires;
	return text && timestamp_parse(text, &expires) ? expires - time(NULL) : 0;
}

static void test_for(void **state)
{
	(void)state;
	assert_in_range(asked_for("gwctl add 80 10.0.0.2 --for 2h"), 7100, 7200);
	assert_in_range(asked_for("gwctl add 80 10.0.0.2 --for=1d1h1m1s"), 89961, 90061);
	assert_in_range(asked_for("gwctl set web --for 90m"), 5300, 5400);
	assert_int_equal(asked_for("gwctl add 80 10.0.0.2 --for="), 0);
	assert_non_null(strstr(gwctl("gwctl set web --for=", ADDED)->asked, "\"expires\":\"\""));
	assert_non_null(
		strstr(gwctl("gwctl add 80 10.0.0.2 --expires 2026-12-31T23:59:00Z --on-expiry cut", ADDED)->asked,
		       "\"expires\":\"2026-12-31T23:59:00Z\",\"on_expiry\":\"cut\""));
	assert_non_null(strstr(gwctl("gwctl add 80 10.0.0.2 --temporary", ADDED)->asked, "\"temporary\":true"));
}

static void expect_expiry(int64_t seconds, const char *lifetime, const char *shown)
{
	char text[TIMESTAMP_TEXT_MAX];
	_cleanup_(freep) char *reply =
		xasprintf("{\"parameters\":{\"forward\":{\"service\":{\"name\":\"web\"%s%s%s},"
			  "\"state\":\"active\"%s%s%s}}}",
			  seconds ? ",\"expires\":\"" : "", seconds ? timestamp_text(time(NULL) + seconds, text) : "",
			  seconds ? "\"" : "", lifetime ? ",\"lifetime\":\"" : "", lifetime ? lifetime : "",
			  lifetime ? "\"" : "");
	const char *at = strstr(gwctl("gwctl show web", reply)->out, "expires");
	_cleanup_(freep) char *line = at ? xstrndup(at, strcspn(at, "\n")) : xstrdup("");
	const char *value = line + strcspn(line, " ");
	assert_string_equal(value + strspn(value, " "), shown);
}

/* Half a unit more than is shown, so that a slow machine sees the same. */
static void test_expiry_shown(void **state)
{
	(void)state;
	expect_expiry(0, NULL, "");
	expect_expiry(2 * 86400 + 3 * 3600 + 1800, NULL, "in 2d 3h");
	expect_expiry(3600 + 59 * 60 + 30, NULL, "in 1h 59m");
	expect_expiry(86400 + 1800, NULL, "in 1d");
	expect_expiry(-5, NULL, "over");
	expect_expiry(0, "temporary", "at reboot");
	expect_expiry(0, "held open", "when let go");
	expect_expiry(7230, "temporary", "in 2h, or at reboot");
}

#define HELD                                                                                                           \
	OUTCOME "{\"messages\":[\"added tcp-80: (held "                                                                \
		"open)\"],\"warnings\":[\"mind\"],\"changed\":true},\"forward\":{" SERVICE                             \
		",\"state\":\"active\",\"origin\":\"runtime\",\"lifetime\":\"held open\"}},\"continues\":true}"

static void test_hold(void **state)
{
	(void)state;
	const struct result *r = gwctl("gwctl add 80 192.168.0.102 --hold", HELD); /* then gwd hangs up */
	expect(r, 3, "added tcp-80: (held open)\n",
	       "warning: mind\nheld open until this command ends: Ctrl-C\n"
	       "gwctl: gwd has ended, and with it what was held open\n");
	assert_non_null(strstr(r->asked, "\"hold\":true},\"more\":true}"));
	r = gwctl("gwctl add 80 192.168.0.102 --hold -q", ADDED); /* there already: nothing to hold */
	expect(r, 0, "", "");
	r = gwctl("gwctl add 80 192.168.0.102 --hold", "{\"error\":\"org.gwd.Gateway.Conflict\",\"parameters\":{"
						       "\"mistakes\":[{\"message\":\"taken\"}]}}");
	expect(r, 1, "", "taken\n");
}

/* ---- Looking ------------------------------------------------------------------------------------ */

#define ROW(name, state, n)                                                                                            \
	"{\"service\":{\"name\":\"" name "\",\"proto\":\"tcp\",\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.2\"}]},"  \
	"\"state\":\"" state "\",\"reason\":\"why\",\"origin\":\"runtime\",\"connections\":" #n "}"
#define LIST                                                                                                           \
	"{\"parameters\":{\"forwards\":[" ROW("web", "active", 2) "," ROW(                                             \
		"b", "held", 30) "]},\"continues\":true}" STUB_NEXT                                                    \
				 "{\"parameters\":{\"forwards\":[" ROW("a", "off", 2) "]}}"

static void test_ls(void **state)
{
	(void)state;
	const struct result *r = gwctl("gwctl ls 'w*'", LIST);
	expect(r, 0,
	       "NAME  STATE         ORIGIN   LISTEN  TARGETS      EXPIRES  CONNECTIONS\n"
	       "web   active (why)  runtime  tcp 80  10.0.0.2:80                     2\n"
	       "b     held: why     runtime  tcp 80  10.0.0.2:80                    30\n"
	       "a     off (why)     runtime  tcp 80  10.0.0.2:80                     2\n",
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

static void test_show(void **state)
{
	(void)state;
	const struct result *r = gwctl("gwctl show web", "{\"parameters\":{\"forward\":" ROW("web", "active", 2) "}}");
	expect(r, 0,
	       "name         web\nstate        active (why)\norigin       runtime\nlisten       tcp 80\n"
	       "targets      10.0.0.2:80\nconnections  2\n",
	       "");
	assert_string_equal(r->asked, METHOD "Get\",\"parameters\":{\"name\":\"web\"}}\n");
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

#define STATUS_REPLY                                                                                                   \
	"{\"parameters\":{\"version\":\"0.1.0\",\"pid\":812,\"interfaces\":["                                          \
	"{\"name\":\"eth0\",\"zone\":\"wan\",\"present\":true,\"why\":\"default-route\",\"addresses\":[\"192.168.0."   \
	"101/24\","                                                                                                    \
	"\"fd00::1/64\"]},{\"name\":\"veth1\",\"zone\":\"none\",\"present\":true,\"addresses\":[]},"                   \
	"{\"name\":\"br0\",\"zone\":\"lan\",\"present\":false,\"why\":\"file\",\"addresses\":[]}],"                    \
	"\"forwarding4\":\"on by "                                                                                     \
	"gwd\",\"forwarding6\":\"off\",\"active\":3,\"off\":1,\"held\":0,\"revision\":12,\"table\":true,"              \
	"\"file_in_force\":false,\"mistakes\":[],\"warnings\":[\"one\",\"two\"],\"firewalls\":["                        \
	"{\"tool\":\"ufw\",\"table\":\"ip filter\",\"chain\":\"FORWARD\",\"hook\":\"forward\",\"certain\":true,"           \
	"\"count\":2,\"remedy\":\"r\"},{\"tool\":\"nftables\",\"table\":\"inet f\",\"chain\":\"in\",\"hook\":\"input\"," \
	"\"certain\":false,\"count\":1,\"remedy\":\"r\"}],\"last_error\":null,\"netlink_"                              \
	"batches\":1,"                                                                                                 \
	"\"netlink_messages\":2,\"netlink_elements\":3,\"netlink_dumps\":4}}"

static void test_status(void **state)
{
	static const char *const lines[] = {"gwctl", "gwctl status"};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const struct result *r = gwctl(lines[i], STATUS_REPLY);
		expect(r, 0,
		       "gwd         0.1.0, pid 812\n"
		       "interfaces  eth0 wan (default-route): 192.168.0.101/24 fd00::1/64\n"
		       "            br0 lan (file), absent\n"
		       "            1 other, in no zone\n"
		       "forwarding  IPv4 on by gwd, IPv6 off\n"
		       "forwards    3 active, 1 off, 0 held\n"
		       "revision    12\n"
		       "file        gwd.yaml differs from what runs: gwctl diff, gwctl apply\n"
		       "kernel      table inet gwd; sent since start: 1 batches, 2 messages, 3 elements; 4 dumps read\n"
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

static void test_orders(void **state)
{
	(void)state;
	const struct result *r = gwctl(
		"gwctl show web", "{\"parameters\":{\"forward\":{" SERVICE ",\"state\":\"active\",\"orders\":["
				  "{\"target\":\"10.0.0.2:8443\",\"state\":\"drained\",\"uid\":7,\"time\":1795305600}],"
				  "\"origin\":\"runtime\"}}}");
	assert_int_equal(r->status, 0);
	assert_non_null(strstr(r->out, "active, 10.0.0.2:8443 drained (by uid 7, 2026-11-2"));
}

/* ---- The file ----------------------------------------------------------------------------------- */

static void test_check(void **state)
{
	(void)state;
	const struct result *r =
		gwctl("gwctl check", "{\"parameters\":{\"mistakes\":[],\"warnings\":[\"w\"],\"services\":1}}");
	expect(r, 0, "warning: w\nno mistakes, 1 service\n", "");
	assert_string_equal(r->asked, METHOD "Check\",\"parameters\":{}}\n");
	r = gwctl("gwctl check -q", "{\"parameters\":{\"mistakes\":[],\"warnings\":[],\"services\":1}}");
	expect(r, 0, "", "");
	r = gwctl("gwctl check", "{\"parameters\":{\"mistakes\":[{\"message\":\"bad\",\"file\":\"a.yaml\",\"line\":1,"
				 "\"column\":2,\"source\":\" x\"}],\"warnings\":[],\"services\":1}}");
	expect(r, 1, "a.yaml:1:2: bad\n   x\n   ^\n", "");
}

static void test_diff(void **state)
{
	(void)state;
	const struct result *r = gwctl("gwctl diff", "{\"parameters\":{\"changes\":[]}}");
	expect(r, 0, "", "");
	r = gwctl("gwctl diff --revision 3", "{\"parameters\":{\"changes\":[\"+ web\",\"- dns\"]}}");
	expect(r, 1, "+ web\n- dns\n", "");
	assert_string_equal(r->asked, METHOD "Diff\",\"parameters\":{\"revision\":3}}\n");
}

static void test_files(void **state)
{
	const char *replies[] = {"{\"parameters\":{\"mistakes\":[],\"warnings\":[],\"services\":0}}", NULL};
	char path[] = "/tmp/gwctl-test-XXXXXX", line[64], wanted[128];
	int fd = mkstemp(path);
	(void)state;
	assert_int_equal(write(fd, "wan: \xc3\xa9\n", 8), 8);
	snprintf(line, sizeof(line), "gwctl check %s", path);
	const struct result *r = gwctl_in(line, NULL, replies);
	snprintf(wanted, sizeof(wanted),
		 METHOD "Check\",\"parameters\":{\"text\":\"wan: \xc3\xa9\\n\",\"path\":\"%s\"}}\n", path);
	expect(r, 0, "no mistakes, 0 services\n", "");
	assert_string_equal(r->asked, wanted);
	r = gwctl_in("gwctl check -", path, replies);
	assert_string_equal(r->asked, METHOD
			    "Check\",\"parameters\":{\"text\":\"wan: \xc3\xa9\\n\",\"path\":\"standard input\"}}\n");
	assert_int_equal(write(fd, "\xff\n", 2), 2);
	r = gwctl_in("gwctl apply -", path, replies);
	expect(r, 1, "", "gwctl: standard input is no UTF-8 text: is it a YAML file?\n");
	assert_return_code(ftruncate(fd, (16 << 20) + 1), 0);
	r = gwctl_in(line, NULL, replies);
	assert_int_equal(r->status, 1);
	assert_non_null(strstr(r->err, "is bigger than the 16 MiB that gwd takes"));
	r = gwctl_in("gwctl diff -", path, replies);
	expect(r, 1, "", "gwctl: standard input is bigger than the 16 MiB that gwd takes\n");
	assert_string_equal(r->asked, "");
	close(fd);
	unlink(path);
	r = gwctl_in("gwctl apply /nonexistent.yaml", NULL, replies);
	expect(r, 1, "", "gwctl: cannot read /nonexistent.yaml: No such file or directory\n");
}

static void test_export(void **state)
{
	static const char *const lines[] = {"gwctl export", "gwctl export -o yaml", "gwctl export -o json"};
	static const char *const outs[] = {"wan: eth0\n", "wan: eth0\n", "{\n  \"wan\": \"eth0\"\n}\n"};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const struct result *r = gwctl(lines[i], "{\"parameters\":{\"yaml\":\"wan: eth0\\n\"}}");
		expect(r, 0, outs[i], "");
	}
}

/* ---- Command lines that ask nothing -------------------------------------------------------------- */

static void test_usage(void **state)
{
	static const struct {
		const char *line;
		int status;
		const char *says;
	} cases[] = {
		{"gwctl list", 2, "no command 'list': gwctl ls\n"},
		{"gwctl delete web", 2, "no command 'delete': gwctl rm\n"},
		{"gwctl reload", 2, "no command 'reload': gwctl apply\n"},
		{"gwctl list --long", 2, "gwctl ls\n"},
		{"gwctl save", 2, "every change is kept as it is made\n"},
		{"gwctl start", 2, "systemctl start gwd | rc-service gwd start\n"},
		{"gwctl hsitory", 2, "did you mean 'gwctl history'?\n"},
		{"gwctl 80 10.0.0.2", 2, "did you mean 'gwctl add 80 ...'?\n"},
		{"gwctl xyzzyx", 2, "gwctl help lists them\n"},
		{"gwctl help xyzzyx", 2, "gwctl help lists them\n"},
		{"gwctl add 80", 2,
		 "gwctl: add: too few words\nusage: gwctl add [LISTEN:]PORTS[/PROTO] TARGET... [OPTION...]\n"},
		{"gwctl undo 1", 2, "undo: too many words"},
		{"gwctl ls --name x", 2, "ls takes no --name: gwctl help ls\n"},
		{"gwctl ls --nmae x", 2, "did you mean '--name'?\n"},
		{"gwctl ls --sort size", 2, "--sort takes name or conns, not 'size'\n"},
		{"gwctl ls -o xml", 2, "-o takes table, json or yaml, not 'xml'\n"},
		{"gwctl rollback -- -1", 2, "not '-1'\n"},
		{"gwctl history -n 0", 2, "not '0'\n"},
		{"gwctl diff --revision 99999999999999999999", 2, "a whole number"},
		{"gwctl diff --revision 1 file", 2, "either FILE or --revision"},
		{"gwctl set web", 2, "nothing to change"},
		{"gwctl flows --kill", 1, "gwctl: 'flows' is not yet supported by this version of gwd\n"},
		{"gwctl help why", 1, "gwctl: 'why' is not yet supported by this version of gwd\n"},
		{"gwctl add 80 10.0.0.2 --for 2", 2, "--for takes a time such as 90s, 30m, 2h, 1d or 1h30m, not '2'\n"},
		{"gwctl add 80 10.0.0.2 --for 0s", 2, "not '0s'\n"},
		{"gwctl add 80 10.0.0.2 --for 2h --expires 2026-12-31T23:59:00Z", 2, "give one of them\n"},
		{"gwctl set web --hold", 2, "set takes no --hold: gwctl help set\n"},
		{"gwctl rm web --confirm", 1, "gwctl: --confirm is not yet supported by this version of gwd\n"},
		{"gwctl ls --sort bytes", 1, "--sort bytes is not yet supported by this version of gwd\n"},
		{"gwctl ls --for 2h", 2, "ls takes no --for"},
		{"gwctl add 10.0.0.2 80", 1, "gwctl: the port comes first: gwctl add 80 10.0.0.2\n"},
		{"gwctl target stop web 10.0.0.2", 2, "told to drain, ready or off, not 'stop'"},
		{"gwctl open eth0:22", 1, "'eth0:22': what is opened is a port"},
		{"gwctl open 22,80", 1, "one port or range at a time"},
		{"gwctl open 22 --hold", 2, "open takes no --hold"},
		{"gwctl add 80 10.0.0.2 --log=no", 1, "write --log, or --log= to return to the default"},
		{"gwctl rm 80/", 1, "stands a protocol"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct result *r = gwctl(cases[i].line, ADDED);
		if (!strstr(r->err, cases[i].says) || r->status != cases[i].status)
			fail_msg("%s: %d, %s", cases[i].line, r->status, r->err);
		assert_string_equal(r->out, "");
		assert_string_equal(r->asked, "");
	}
}

static void test_help(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"gwctl help", "rollback REVISION"},
		{"gwctl --help", "Exit status"},
		{"gwctl -h add", "usage: gwctl add "},
		{"gwctl help add", "gwctl add 53/udp 10.0.0.53"},
		{"gwctl add --help", "--description TEXT"},
		{"gwctl -V", "gwctl " GWCTL_VERSION "\n"},
		{"gwctl version", "gwctl " GWCTL_VERSION "\n"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct result *r = gwctl(cases[i].line, "");
		assert_int_equal(r->status, 0);
		assert_string_equal(r->err, "");
		assert_non_null(strstr(r->out, cases[i].says));
		assert_null(strstr(r->out, "--confirm")); /* what is not there is not advertised */
		assert_null(strstr(r->out, "doctor"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_dry_run),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_for),
		cmocka_unit_test(test_expiry_shown),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_ls),
		cmocka_unit_test(test_ls_sorted),
		cmocka_unit_test(test_ls_refused),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_openings),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_export),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_help),
	};
	return cmocka_run_group_tests(tests, NULL, result_free);
}
