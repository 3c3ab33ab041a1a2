/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One service, from the file or from the socket: every rule has its answer; set changes what is named and no more. */
#include "config_texts.h"

/* ---- In the file -------------------------------------------------------------------------------- */

static void test_mappings(void **state)
{
	static const char *const good[] = {
		"{port: 80, to: 10.0.0.1:8080}",          "{port: [80, 443], to: 10.0.0.1:8080}",
		"{port: [80, 443], to: 10.0.0.1}",        "{port: [80, 8000-8010], to: 10.0.0.1}",
		"{port: 8000-8010, to: 10.0.0.1}",        "{port: 8000-8010, to: 10.0.0.1:9000-9010}",
		"{port: 1-65535, to: 10.0.0.1:1-65535}",  "{port: 1-4096, to: 10.0.0.1:10001-14096}",
		"{port: 80, to: \"[fd00::10]:8080\"}",    "{port: 80, to: fd00::10, listen: \"2001:db8::1\"}",
		"{port: 80, to: fd00::10, listen: eth0}", "{port: 80, to: [{addr: 10.0.0.1, port: 81, weight: 1}]}",
		"{port: 80, proto: sctp, to: 10.0.0.1}",  "{port: 80, to: 169.254.1.1}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_(freep) char *text = xasprintf("services: [%s]", good[i]);
		_cleanup_(config_freep) struct config *c = must_read(text);

		assert_int_equal(only(c)->n_targets, 1);
		assert_int_equal(only(c)->targets[0].weight, 1);
		assert_int_equal(only(c)->family, strchr(good[i], '[') && strstr(good[i], "fd00") ? AF_INET6
						  : strstr(good[i], "fd00")                       ? AF_INET6
												  : AF_INET);
	}
}

static void test_ports_refused(void **state)
{
	static const char *const wrong[] = {"0",    "65536",          "080", "-1", "http", "22:80", "1e3",
					    "0x50", "8000-8010-8020", "8 0"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(freep) char *entry = xasprintf("{name: a, port: %s, to: 10.0.0.1}", wrong[i]);

		assert_entry(entry, "gwd.yaml:2:19: a: port: '...");
	}
	assert_entry("{name: a, port: 90-80, to: 10.0.0.1}",
		     "gwd.yaml:2:19: a: port: '90-80' runs backwards; write 80-90");
	assert_entry("{name: a, port: [80, 70000], to: 10.0.0.1}", "gwd.yaml:2:24: a: port: '70000' is no port...");
	assert_entry("{name: a, port: [80, 443, 80], to: 10.0.0.1}",
		     "gwd.yaml:2:29: a: port: 80 is in this list twice");
	assert_entry("{name: a, port: [80-90, 85-95], to: 10.0.0.1}",
		     "gwd.yaml:2:27: a: port: 85 is in this list twice");
	assert_entry("{name: a, port: \"80,443,80\", to: 10.0.0.1}",
		     "gwd.yaml:2:27: a: port: 80 is in this list twice");
	assert_entry("{name: a, port: [], to: 10.0.0.1}", "gwd.yaml:2:19: a: port: expected a port, a range...");
	assert_entry("{name: a, port: {b: c}, to: 10.0.0.1}", "gwd.yaml:2:19: a: port: expected a port, a range...");
	assert_entry("{name: a, port: [[80]], to: 10.0.0.1}", "gwd.yaml:2:20: a: port: expected one value, not a list");
	assert_entry("{name: a, port: [80, ~], to: 10.0.0.1}", "gwd.yaml:2:24: a: port: an entry of the list is empty");
	assert_entry("{name: a, port: , to: 10.0.0.1}", "gwd.yaml:2:19: a: port has no value...");
	assert_entry("{name: a, to: 10.0.0.1}", "gwd.yaml:2:3: a: port is missing: which port is forwarded");
	assert_entry("{name: a, port: 80, ports: 81, to: 10.0.0.1}",
		     "gwd.yaml:2:23: a: unknown key 'ports', did you mean 'port'?");
}

static void test_mappings_refused(void **state)
{
	(void)state;
	assert_entry("{name: a, port: 8000-8010, to: 10.0.0.1:80}",
		     "gwd.yaml:2:34: a: to: the range 8000-8010 cannot go to the one port 80; leave the port out to "
		     "keep each, or "
		     "write 80-90");
	assert_entry("{name: a, port: 8000-8010, to: 10.0.0.1:65530}",
		     "gwd.yaml:2:34: a: to: the range 8000-8010 cannot go to the one port 65530; leave the port out to "
		     "keep each");
	assert_entry("{name: a, port: [80, 90-95], to: 10.0.0.1:80}",
		     "gwd.yaml:2:36: a: to: a list with a range in it cannot...");
	assert_entry("{name: a, port: [80, 81], to: 10.0.0.1:80-81}",
		     "gwd.yaml:2:33: a: to: a list of ports cannot go to the "
		     "range 80-81; give each its own service");
	assert_entry(
		"{name: a, port: 80-90, to: 10.0.0.1:80-91}",
		"gwd.yaml:2:30: a: to: 80-90 and 80-91 differ in length (11 and 12 ports); ranges map port by port");
	assert_entry("{name: a, port: 80, to: 10.0.0.1:80-81}",
		     "gwd.yaml:2:27: a: to: 80 and 80-81 differ in length...");
	assert_entry(
		"{name: a, port: 1-4097, to: 10.0.0.1:10001-14097}",
		"gwd.yaml:2:31: a: to: a range that is moved to other ports may have at most 4096 ports, not 4097");
	assert_entry(
		"{name: a, port: 80, listen: 1.2.3.4, to: fd00::1}",
		"gwd.yaml:2:44: a: to: listen is an IPv4 address and the target an IPv6 one; both must be of one kind");
	assert_entry(
		"{name: a, port: 80, listen: \"fd00::1\", to: 10.0.0.1}",
		"gwd.yaml:2:46: a: to: listen is an IPv6 address and the target an IPv4 one; both must be of one kind");
}

static void test_targets_refused(void **state)
{
	static const char *const cases[][2] = {
		{"0.0.0.0", "is no address of a host"},
		{"0.1.2.3", "is no address of a host"},
		{"127.0.0.1", "is the gateway's own loopback..."},
		{"224.0.0.1", "is a multicast group, not a host"},
		{"255.255.255.255", "is the broadcast address, not a host"},
		{"\"::\"", "is no address of a host"},
		{"\"::1\"", "is the gateway's own loopback..."},
		{"ff02::1", "is a multicast group, not a host"},
		{"fe80::1", "is link-local and cannot be routed to..."},
		{"\"::ffff:10.0.0.1\"", "is an IPv4 address in IPv6 clothes; write it as IPv4"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool quoted = cases[i][0][0] == '"';
		_cleanup_(freep) char *entry = xasprintf("{name: a, port: 80, to: %s}", cases[i][0]);
		_cleanup_(freep) char *expected =
			xasprintf("gwd.yaml:2:%d: a: to: %.*s %s", 27 + quoted, (int)strlen(cases[i][0]) - 2 * quoted,
				  cases[i][0] + quoted, cases[i][1]);

		assert_entry(entry, expected);
	}
	assert_entry("{name: a, port: 80, to: example.org}",
		     "gwd.yaml:2:27: a: to: 'example.org' is no IP address (names are not "
		     "resolved)");
	assert_entry("{name: a, port: 80, to: 10.0.0.256}", "gwd.yaml:2:27: a: to: '10.0.0.256' is no IP address");
	assert_entry("{name: a, port: 80, to: 10.0.0.1:0}", "gwd.yaml:2:36: a: to: '0' is no port...");
	assert_entry("{name: a, port: 80, to: \"10.0.0.1:\"}", "gwd.yaml:2:37: a: to: '' is no port...");
	assert_entry("{name: a, port: 80, to: fd00::10:10080}",
		     "gwd.yaml:2:27: a: to: an IPv6 address with a port needs...");
	assert_entry("{name: a, port: 80, to: []}", "gwd.yaml:2:27: a: to is missing...");
	assert_entry("{name: a, port: 80, to: [{port: 80}]}", "gwd.yaml:2:28: a: to: addr is missing");
	assert_entry("{name: a, port: 80, to: [[10.0.0.1]]}", "gwd.yaml:2:28: a: to: expected ADDR...");
	assert_entry("{name: a, port: 80, to: {addr: 10.0.0.1, prt: 80}}",
		     "gwd.yaml:2:44: a: unknown key 'prt', did you mean 'port'?");
	assert_entry("{name: a, port: 80, to: {addr: 10.0.0.1, weight: 0}}",
		     "gwd.yaml:2:52: a: weight: expected a whole number from 1 to 256, not '0'");
}

static void test_listen_refused(void **state)
{
	static const char *const cases[][2] = {
		{"0.0.0.0", "0.0.0.0 is no address; leave listen out for every address of the wan interfaces"},
		{"127.0.0.1", "127.0.0.1 is loopback..."},
		{"239.1.2.3", "239.1.2.3 is a multicast group..."},
		{"255.255.255.255", "255.255.255.255 is the broadcast address..."},
		{"1.2.3.400", "'1.2.3.400' is neither an IP address nor an interface name"},
		{"1.2.3.4:80", "'1.2.3.4:80' is neither..."},
		{"10.0.0.0/8", "'10.0.0.0/8' is neither..."},
		{"interface-name-1", "'interface-name-1' is neither..."},
		{"ppp*", "'ppp*': one address or one interface; leave listen out for every wan address"},
		{"any", "'any': one address..."},
		{"[eth0]", "expected one value, not a list"},
		{"fe80::1", "fe80::1 is link-local..."},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(freep) char *entry = xasprintf("{name: a, listen: %s, port: 80, to: 10.0.0.1}", cases[i][0]);
		_cleanup_(freep) char *expected = xasprintf("gwd.yaml:2:21: a: listen: %s", cases[i][1]);

		assert_entry(entry, expected);
	}
	assert_entry("{name: a, listen: \"e\\x01\", port: 80, to: 10.0.0.1}",
		     "gwd.yaml:2:21: a: listen: 'e?' is neither...");
}

static void test_names_and_texts_refused(void **state)
{
	static const char *const names[] = {"12",
					    "-a",
					    "a b",
					    "a/b",
					    "\"\"",
					    ".a",
					    "\"caf\xc3\xa9\"",
					    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg"};
	_cleanup_(freep) char *longest = xcalloc(FORWARD_DESCRIPTION_MAX + 2, 1), *entry = NULL, *fits = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(freep) char *named = xasprintf("{name: %s, port: 80, to: 10.0.0.1}", names[i]);
		const char *label = streq(names[i], "\"\"") ? "services[0]" : "";
		_cleanup_(freep) char *expected = xasprintf("gwd.yaml:2:10: %s...", label);

		assert_entry(named, expected);
	}
	memset(longest, 'x', FORWARD_DESCRIPTION_MAX + 1);
	entry = xasprintf("{name: a, description: %s, port: 80, to: 10.0.0.1}", longest);
	assert_entry(entry, "gwd.yaml:2:26: a: description: 201 bytes are too many; at most 200");
	longest[FORWARD_DESCRIPTION_MAX] = '\0';
	fits = xasprintf("{name: a, description: %s, port: 80, to: 10.0.0.1}", longest);
	assert_entry("{name: a, description: \"x\\ty\", port: 80, to: 10.0.0.1}",
		     "gwd.yaml:2:26: a: description: line breaks...");
	assert_entry("{name: a, description: \"x\\e[31m\", port: 80, to: 10.0.0.1}",
		     "gwd.yaml:2:26: a: description: line...");
	assert_entry("{name: a, description: \"x\\N\", port: 80, to: 10.0.0.1}",
		     "gwd.yaml:2:26: a: description: line...");
	assert_entry("{name: a, description: {b: c}, port: 80, to: 10.0.0.1}",
		     "gwd.yaml:2:26: a: description: expected one "
		     "value, not a map");
	assert_entry("{name: a, proto: icmp, port: 80, to: 10.0.0.1}",
		     "gwd.yaml:2:20: a: proto: expected tcp, udp, tcp+udp or "
		     "sctp, not 'icmp'");
	assert_entry("{name: a, enabled: \"yes\", port: 80, to: 10.0.0.1}",
		     "gwd.yaml:2:22: a: enabled: expected true or false, "
		     "not 'yes'");
}

/* ---- On the socket ------------------------------------------------------------------------------ */

static void test_forward_from_json(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(forward_unrefp) struct forward *f =
		forward_of("{\"name\":null,\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.1\",\"port\":null}]}", &diag);

	(void)state;
	assert_non_null(f);
	assert_string_equal(f->name, "tcp-80");
	assert_false(forward_declared(f));
	assert_int_equal(f->refs, 1);
	assert_true(f->enabled);
}

static void test_forward_names_avoid_taken(void **state)
{
	_cleanup_(config_freep) struct config *c = must_read("services: [{port: 80, to: 10.0.0.1}]");
	_cleanup_(arena_freep) struct arena *a = arena_new();
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(forward_unrefp) struct forward *f = NULL;

	(void)state;
	f = config_forward(json_node(a, "{\"ports\":[\"80\"],\"listen\":\"eth0\",\"to\":[{\"addr\":\"10.0.0.1\"}]}"),
			   c->forwards, &diag);
	assert_string_equal(f->name, "tcp-80-eth0");
}

static void test_forward_refused(void **state)
{
	static const char *const cases[][2] = {
		{"{}", "ports is missing: which port is forwarded\nto is missing: where it is forwarded to\n"},
		{"{\"port\":\"80\",\"to\":[{\"addr\":\"10.0.0.1\"}]}",
		 "unknown key 'port', did you mean 'ports'?\nports is missing: which port is forwarded\n"},
		{"{\"name\":\"web\",\"ports\":\"80\",\"to\":[{\"addr\":\"10.0.0.1\"}]}",
		 "web: ports: expected a list of ports and ranges\n"},
		{"{\"ports\":[\"80\"],\"to\":\"10.0.0.1\"}", "to: expected a list of targets\n"},
		{"{\"ports\":[\"80\"],\"to\":[\"10.0.0.1\"]}",
		 "to: expected ADDR, ADDR:PORT or {addr: ADDR, port: PORT}\n"},
		{"{\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.1:80\"}]}", "to: '10.0.0.1:80' is no IP address\n"},
		{"{\"ports\":[\"80\",null],\"to\":[{\"addr\":\"10.0.0.1\"}]}",
		 "ports: an entry of the list is empty\n"},
		{"{\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.1\"}],\"enabled\":\"true\"}",
		 "enabled: expected true or false, not 'true'\n"},
		{"[1]", "a service is a map of keys\n"},
		{"{\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.1\"}],\"from\":[]}",
		 "from: the list is empty; leave the key out to let anyone in\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(diag_free) struct diag diag = {0};
		_cleanup_(freep) char *text = NULL;

		assert_null(forward_of(cases[i][0], &diag));
		text = diag_text(&diag);
		if (!streq(text, cases[i][1]))
			fail_msg("%s\ngave: %snot:  %s", cases[i][0], text, cases[i][1]);
	}
}

static const char base[] =
	"{\"name\":\"web\",\"description\":\"d\",\"proto\":\"udp\",\"listen\":\"1.2.3.4\",\"ports\":[\"80\"],"
	"\"to\":[{\"addr\":\"10.0.0.1\",\"port\":\"81\"}],\"enabled\":false}";

static void test_set(void **state)
{
	static const char *const cases[][2] = {
		{"{}", base},
		{"{\"name\":\"new\",\"enabled\":true}",
		 "{\"name\":\"new\",\"description\":\"d\",\"proto\":\"udp\",\"listen\":\"1.2.3.4\",\"ports\":[\"80\"],"
		 "\"to\":[{\"addr\":\"10.0.0.1\",\"port\":\"81\"}],\"enabled\":true}"},
		{"{\"description\":\"\",\"listen\":\"\",\"proto\":\"\",\"name\":\"\",\"enabled\":\"\",\"from\":[]}",
		 "{\"name\":\"tcp-80\",\"proto\":\"tcp\",\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.1\",\"port\":"
		 "\"81\"}],"
		 "\"enabled\":true}"},
		{"{\"listen\":\"\",\"to\":[{\"addr\":\"fd00::1\"}]}",
		 "{\"name\":\"web\",\"description\":\"d\",\"proto\":\"udp\",\"ports\":[\"80\"],\"to\":[{\"addr\":"
		 "\"fd00::1\"}],"
		 "\"enabled\":false}"},
		{"{\"ports\":[\"90\",\"91\"]}", "{\"name\":\"web\",\"description\":\"d\",\"proto\":\"udp\",\"listen\":"
						"\"1.2.3.4\",\"ports\":[\"90\",\"91\"],"
						"\"to\":[{\"addr\":\"10.0.0.1\",\"port\":\"81\"}],\"enabled\":false}"},
	};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(forward_unrefp) struct forward *old = forward_of(base, &diag);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(arena_freep) struct arena *a = arena_new();
		_cleanup_(forward_unrefp) struct forward *new =
			config_forward_set(old, json_node(a, cases[i][0]), &diag);
		_cleanup_(freep) char *text = NULL, *unchanged = text_of(old);

		assert_non_null(new);
		text = text_of(new);
		assert_string_equal(text, cases[i][1]);
		assert_string_equal(unchanged, base);
	}
}

static void test_set_refused(void **state)
{
	static const char *const cases[][2] = {
		{"{\"to\":[{\"addr\":\"fd00::1\"}]}", "web: to: listen is an IPv4 address"},
		{"{\"ports\":[\"80-90\"]}", "web: to: the range 80-90 cannot go to the one port 81"},
		{"{\"ports\":[]}", "web: ports is missing"},
		{"{\"to\":[]}", "web: to is missing"},
		{"{\"enabledd\":[]}", "web: unknown key 'enabledd', did you mean 'enabled'?"},
		{"{\"ports\":[\"x\"]}", "web: ports: 'x' is no port"},
		{"{\"log\":\"yes\"}", "web: log: expected true or false"},
	};
	_cleanup_(diag_free) struct diag none = {0};
	_cleanup_(forward_unrefp) struct forward *old = forward_of(base, &none);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(arena_freep) struct arena *a = arena_new();
		_cleanup_(diag_free) struct diag diag = {0};

		assert_null(config_forward_set(old, json_node(a, cases[i][0]), &diag));
		assert_int_equal(diag.n, 1);
		if (strncmp(diag.mistakes[0].message, cases[i][1], strlen(cases[i][1])) != 0)
			fail_msg("%s gave: %s", cases[i][0], diag.mistakes[0].message);
	}
}

static void test_agrees(void **state)
{
	static const char *const yes[] = {
		"{}",
		base,
		"{\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.1\",\"port\":\"81\"}]}",
		"{\"description\":\"d\"}",
		"{\"name\":\"web\"}",
		"{\"enabled\":false}",
	};
	static const char *const no[] = {
		"{\"name\":\"other\"}",
		"{\"description\":\"e\"}",
		"{\"description\":\"\"}",
		"{\"proto\":\"tcp\"}",
		"{\"listen\":\"1.2.3.5\"}",
		"{\"listen\":\"\"}",
		"{\"ports\":[\"81\"]}",
		"{\"ports\":[\"80\",\"81\"]}",
		"{\"to\":[{\"addr\":\"10.0.0.2\",\"port\":\"81\"}]}",
		"{\"to\":[{\"addr\":\"10.0.0.1\"}]}",
		"{\"enabled\":true}",
		"{\"ports\":[\"x\"]}",
	};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(forward_unrefp) struct forward *have = forward_of(base, &diag);
	_cleanup_(arena_freep) struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (!config_forward_agrees(json_node(a, yes[i]), have))
			fail_msg("%s does not agree", yes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (config_forward_agrees(json_node(a, no[i]), have))
			fail_msg("%s agrees", no[i]);
}

/* `to: A` and `to: A:80` of port 80 mean the same. */
static void test_agrees_on_same_port(void **state)
{
	static const char without[] = "{\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.1\"}]}";
	static const char with[] = "{\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.1\",\"port\":\"80\"}]}";
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(forward_unrefp) struct forward *a = forward_of(without, &diag), *b = forward_of(with, &diag);
	_cleanup_(arena_freep) struct arena *arena = arena_new();

	(void)state;
	assert_true(config_forward_agrees(json_node(arena, with), a));
	assert_true(config_forward_agrees(json_node(arena, without), b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_ports_refused),
		cmocka_unit_test(test_mappings_refused),
		cmocka_unit_test(test_targets_refused),
		cmocka_unit_test(test_listen_refused),
		cmocka_unit_test(test_names_and_texts_refused),
		cmocka_unit_test(test_forward_from_json),
		cmocka_unit_test(test_forward_names_avoid_taken),
		cmocka_unit_test(test_forward_refused),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_refused),
		cmocka_unit_test(test_agrees),
		cmocka_unit_test(test_agrees_on_same_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
