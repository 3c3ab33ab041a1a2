/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines that change something, read files, or ask nothing. */
#include "gwctl_line.h"

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
	       "gwctl: gwd has ended: what was held open is gone\n");
	assert_non_null(strstr(r->asked, "\"hold\":true},\"more\":true}"));
	const char *stays[] = {HELD, STUB_STAY, NULL};
	r = gwctl_in("gwctl add 80 192.168.0.102 --hold -q", NULL, stays);
	expect(r, 3, "", "warning: mind\ngwctl: gwd has cut us, as nobody read what it said: what was held open is gone\n");
	r = gwctl("gwctl add 80 192.168.0.102 --hold -q", ADDED); /* there already: nothing to hold */
	expect(r, 0, "", "");
	r = gwctl("gwctl add 80 192.168.0.102 --hold", "{\"error\":\"org.gwd.Gateway.Conflict\",\"parameters\":{"
						       "\"mistakes\":[{\"message\":\"taken\"}]}}");
	expect(r, 1, "", "taken\n");
}

/* ---- To be confirmed ---------------------------------------------------------------------------- */

static void test_confirm(void **state)
{
	static const struct {
		const char *line, *asked;
	} cases[] = {
		{"gwctl apply --confirm", "\"confirm\":120"},
		{"gwctl apply --confirm=", "\"confirm\":120"},
		{"gwctl add 80 10.0.0.2 --confirm=5m", "\"confirm\":300"},
		{"gwctl rm web --confirm=1h30m", "\"confirm\":5400"},
		{"gwctl undo --confirm=2", "\"confirm\":2"},
		{"gwctl confirm", "Gateway.Confirm\""},
		{"gwctl confirm --force", "\"force\":true"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct result *r =
			gwctl(cases[i].line, OUTCOME "{\"messages\":[\"done\"],\"warnings\":[],\"changed\":true}}}");
		expect(r, 0, "done\n", "");
		if (!strstr(r->asked, cases[i].asked))
			fail_msg("%s: %s", cases[i].line, r->asked);
	}
	const struct result *r = gwctl("gwctl rm web", "{\"error\":\"org.gwd.Gateway.Pending\",\"parameters\":{"
						       "\"mistakes\":[{\"message\":\"not yet\"}]}}");
	expect(r, 1, "", "not yet\n");
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

static void test_import(void **state)
{
	static const char all[] = "{\"parameters\":{\"yaml\":\"# y\\n\",\"services\":[{}],\"not_expressed\":[],"
				  "\"left_alone\":[]}}";
	static const char some[] = "{\"parameters\":{\"yaml\":\"# y\\n\",\"services\":[],\"not_expressed\":[{}],"
				   "\"left_alone\":[{},{}]}}";
	static const char summary[] = "0 services; 1 rule not expressed, 2 left alone: see the comments at the end\n";
	(void)state;
	const struct result *r = gwctl("gwctl import", all);
	expect(r, 0, "# y\n", "1 service; 0 rules not expressed, 0 left alone\n");
	assert_string_equal(r->asked, METHOD "Import\",\"parameters\":{}}\n");
	r = gwctl("gwctl import -o yaml", some);
	expect(r, 1, "# y\n", summary);
	r = gwctl("gwctl import -q", some);
	expect(r, 1, "# y\n", "");
	r = gwctl("gwctl import -q -o json", some);
	assert_int_equal(r->status, 1);
	assert_non_null(strstr(r->out, "\"left_alone\": ["));
}

/* ---- Command lines that ask nothing -------------------------------------------------------------- */

static void test_why_usage(void **state)
{
	static const char *const cases[][2] = {
		{"gwctl why web", "'web': why is asked of one port and protocol, as in 80 or 53/udp"},
		{"gwctl why 80-81", "'80-81': why is asked of one port"},
		{"gwctl why 53/tcp+udp", "why is asked of one port and protocol"},
		{"gwctl why 80 --from 10.0.0.0/8", "why: --from is one address, not '10.0.0.0/8'\n"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct result *r = gwctl(cases[i][0], ADDED);
		if (!strstr(r->err, cases[i][1]) || r->status != 2)
			fail_msg("%s: %d, %s", cases[i][0], r->status, r->err);
		assert_string_equal(r->asked, "");
	}
}

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
		{"gwctl flows --kill", 2, "gwctl: flows --kill takes the NAME of the forward whose connections end\n"},
		{"gwctl ls --sort size", 2, "--sort takes name, bytes or conns, not 'size'\n"},
		{"gwctl ls -o xml", 2, "-o takes table, json or yaml, not 'xml'\n"},
		{"gwctl rollback -- -1", 2, "not '-1'\n"},
		{"gwctl history -n 0", 2, "not '0'\n"},
		{"gwctl diff --revision 99999999999999999999", 2, "a whole number"},
		{"gwctl diff --revision 1 file", 2, "either FILE or --revision"},
		{"gwctl set web", 2, "nothing to change"},
		{"gwctl add 80 10.0.0.2 --for 2", 2, "--for takes a time such as 90s, 30m, 2h, 1d or 1h30m, not '2'\n"},
		{"gwctl add 80 10.0.0.2 --for 0s", 2, "not '0s'\n"},
		{"gwctl add 80 10.0.0.2 --for -5s", 2, "not '-5s'\n"},
		{"gwctl add 80 10.0.0.2 --for '1h +5s'", 2, "not '1h +5s'\n"},
		{"gwctl add 80 10.0.0.2 --for 2h --expires 2026-12-31T23:59:00Z", 2, "give one of them\n"},
		{"gwctl set web --hold", 2, "set takes no --hold: gwctl help set\n"},
		{"gwctl rm web --confirm=soon", 2,
		 "--confirm takes a time such as 90s or 5m, written --confirm=5m, not 'soon'\n"},
		{"gwctl rm web --confirm=0", 2, "not '0'\n"},
		{"gwctl ls --confirm", 2, "ls takes no --confirm"},
		{"gwctl confirm web", 2, "too many words"},
		{"gwctl ls --for 2h", 2, "ls takes no --for"},
		{"gwctl add 10.0.0.2 80", 1, "gwctl: the port comes first: gwctl add 80 10.0.0.2\n"},
		{"gwctl target stop web 10.0.0.2", 2, "told to drain, ready or off, not 'stop'"},
		{"gwctl open eth0:22", 1, "'eth0:22': what is opened is a port"},
		{"gwctl open 22,80", 1, "one port or range at a time"},
		{"gwctl open 22 --hold", 2, "open takes no --hold"},
		{"gwctl add 80 10.0.0.2 --log=no", 1, "write --log, or --log= to return to the default"},
		{"gwctl rm 80/", 1, "stands a protocol"},
		{"gwctl add 80 10.0.0.2 --limit-connections 0", 1, "1 to 1000000, not '0'; --limit-connections= takes"},
		{"gwctl set web --limit-connections 00", 1, "1 to 1000000, not '00'"},
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
		{"gwctl version -o yaml", "version: \"" GWCTL_VERSION "\"\n"},
		{"gwctl -V -o json", "{\n  \"version\": \"" GWCTL_VERSION "\"\n}\n"},
		{"gwctl ls --sort none --help", "usage: gwctl ls [PATTERN] "},
		{"gwctl add --help", "who may use it (default: anyone)"},
		{"gwctl apply --help", "even if it locks out"},
		{"gwctl open --help", "who may reach it"},
		{"gwctl why --help", "--from ADDR             who dials (default: somebody outside)"},
		{"gwctl confirm --help", "--force                 even from the login that made the change"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct result *r = gwctl(cases[i].line, "");
		assert_int_equal(r->status, 0);
		assert_string_equal(r->err, "");
		assert_non_null(strstr(r->out, cases[i].says));
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
		cmocka_unit_test(test_confirm),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_export),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_why_usage),
		cmocka_unit_test(test_help),
	};
	return cmocka_run_group_tests(tests, NULL, result_free);
}
