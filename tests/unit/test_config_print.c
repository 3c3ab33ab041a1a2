/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is printed, as YAML and as JSON, reads back as what it was printed from, and looks like what a user writes. */
#include "config_texts.h"

static char *printed(const struct config *c)
{
	struct buf out = {0};

	config_print(&out, c);
	return buf_take(&out);
}

static void assert_prints(const char *text, const char *expected)
{
	_cleanup_(config_freep) struct config *c = must_read(text), *again = NULL;
	_cleanup_(freep) char *got = printed(c), *twice = NULL;

	assert_string_equal(got, expected);
	again = must_read(got);
	twice = printed(again);
	assert_string_equal(twice, expected);
}

static void test_looks(void **state)
{
	(void)state;
	assert_prints("", "");
	assert_prints("services: []\nmasquerade: true\npolicy: coexist\n", "");
	assert_prints("wan: [eth0]\n", "wan: eth0\n");
	assert_prints("masquerade: off\nlan: [br0, 'virbr*']\nwan: [eth0, ppp*]\n",
		      "wan: [eth0, ppp*]\nlan: [br0, virbr*]\nmasquerade: false\n");
	assert_prints("services: [{to: 192.168.0.102, port: 80}]", "services:\n  - name: tcp-80\n    port: 80\n"
								   "    to: 192.168.0.102\n");
	assert_prints(
		"wan: eth0\nservices:\n"
		"- {enabled: no, to: 10.0.0.1:8080, port: \"80,443\", listen: 1.2.3.4, proto: tcp+udp, description: "
		"the "
		"site, name: web}\n"
		"- {name: b, port: 8000-8010, to: \"[fd00::10]:9000-9010\", listen: \"2001:db8::1\"}\n"
		"- {name: c, port: [1, 5-6], to: fd00::10:80, listen: eth0.100, proto: udp}\n",
		"wan: eth0\nservices:\n"
		"  - name: web\n    description: the site\n    proto: tcp+udp\n    listen: 1.2.3.4\n    port: [80, "
		"443]\n"
		"    to: 10.0.0.1:8080\n    enabled: false\n"
		"  - name: b\n    listen: \"2001:db8::1\"\n    port: 8000-8010\n    to: \"[fd00::10]:9000-9010\"\n"
		"  - name: c\n    proto: udp\n    listen: eth0.100\n    port: [1, 5-6]\n    to: \"[fd00::10:80]\"\n");
}

/* Printed by ourselves, an IPv6 target never warns. */
static void test_no_warning(void **state)
{
	const char *text = "services:\n  - name: a\n    port: 80\n    to: \"[fd00::10:80]\"\n";
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(config_freep) struct config *c = read_texts(&text, 1, &diag);
	_cleanup_(freep) char *got = printed(c);

	(void)state;
	assert_string_equal(got, text);
	assert_int_equal(diag.n_warnings, 0);
}

static const char *const hard[] = {
	"the site",
	"yes",
	"No",
	"null",
	"~",
	"y",
	"true",
	"on",
	"12",
	"1e3",
	"0x1f",
	"2026-12-31",
	"22:80",
	"a: b",
	"a #b",
	"#a",
	" a",
	"a ",
	"a  b",
	"- a",
	"-",
	"?",
	"? a",
	":",
	"[a]",
	"{a}",
	"a, b",
	"&a",
	"*a",
	"!a",
	"|",
	">",
	"'a'",
	"\"a\"",
	"a\\nb",
	"a\\",
	"%a",
	"@a",
	"`a`",
	"=",
	"<<",
	".5",
	"Site publi\xc3\xa9",
	"\xe2\x82\xac",
	"\xf0\x9f\x98\x80",
	"\xef\xbb\xbf"
	"a",
	"\xef\xbf\xbe",
	"\xc2\xa0"
	"a",
	"---",
	"...",
	"a]",
	"a\xf0\x9f\xbf\xbe"
	"b",
	"/",
	"e",
};

static struct forward *described(const char *description)
{
	struct forward *f = forward_new();

	f->name = xstrdup("a");
	f->description = xstrdup(description);
	f->family = AF_INET;
	f->protos = PROTO_TCP;
	f->n_ports = f->n_targets = 1;
	f->ports = xcalloc(1, sizeof(*f->ports));
	f->ports[0] = (struct port_range){80, 80};
	f->targets = xcalloc(1, sizeof(*f->targets));
	f->targets[0].weight = 1;
	assert_true(ip_parse("10.0.0.1", &f->targets[0].addr));
	return f;
}

static void test_hard_descriptions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hard); i++) {
		_cleanup_(forward_unrefp) struct forward *f = described(hard[i]), *back = NULL;
		_cleanup_(diag_free) struct diag diag = {0};
		_cleanup_(config_freep) struct config *c = NULL;
		_cleanup_(buf_free) struct buf text = {0};
		_cleanup_(freep) char *json = text_of(f);

		buf_printf(&text, "services:\n");
		config_print_forward(&text, f);
		c = must_read(text.data);
		assert_string_equal(only(c)->description, hard[i]);
		assert_true(forward_same(only(c), f));
		back = forward_of(json, &diag);
		assert_non_null(back);
		assert_true(forward_same(back, f));
	}
}

/* What other YAML readers would take for something else is quoted; what is plain is not. */
static void test_quotes(void **state)
{
	static const char *const quoted[] = {"yes",  "y",  "NULL", "12", "1e3",        "22:80",
					     "a: b", "#a", "",     "a ", "2026-12-31", "~"};
	static const char *const plain[] = {"the site", "Web (main) - v1.2", "a_b/c+d", "yesterday"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(quoted) + ARRAY_SIZE(plain); i++) {
		bool quote = i < ARRAY_SIZE(quoted);
		const char *text = quote ? quoted[i] : plain[i - ARRAY_SIZE(quoted)];
		_cleanup_(forward_unrefp) struct forward *f = described(text);
		_cleanup_(freep) char *line = xasprintf(quote ? "description: \"%s\"\n" : "description: %s\n", text);
		_cleanup_(buf_free) struct buf out = {0};

		config_print_forward(&out, f);
		if (!strstr(out.data, line))
			fail_msg("'%s' became %s", text, out.data);
	}
}

static void test_hard_names(void **state)
{
	static const char *const names[] = {"yes", "1e5", "0x1F", "n", "null", "a.b", "12a", "Off"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(freep) char *text = xasprintf("services: [{name: \"%s\", port: 80, to: 10.0.0.1}]", names[i]);
		_cleanup_(freep) char *out = NULL;
		_cleanup_(config_freep) struct config *c = must_read(text), *again = NULL;

		out = printed(c);
		again = must_read(out);
		assert_string_equal(only(again)->name, names[i]);
		assert_int_equal(strstr(out, "name: \"") != NULL, !streq(names[i], "a.b"));
	}
}

static void test_hard_interfaces(void **state)
{
	const char *text =
		"wan: [\"a,b\", \"[x]\", \"#y\", \"no\", \"it's\", \"12\", \"&z\"]\n"
		"services: [{name: a, listen: \"{x}\", port: 80, to: 10.0.0.1}]\n";
	_cleanup_(config_freep) struct config *c = must_read(text), *again = NULL;
	_cleanup_(freep) char *out = printed(c);

	(void)state;
	again = must_read(out);
	assert_true(settings_same(c->settings, again->settings));
	assert_string_equal(only(again)->listen.ifname, "{x}");
}

/* Every combination of what a forward may say, through YAML and JSON and back. */
static void test_round_trips(void **state)
{
	static const char *const protos[] = {"tcp", "udp", "tcp+udp", "sctp"};
	static const char *const maps[][2] = {
		{"80", "10.0.0.1"},
		{"80", "10.0.0.1:80"},
		{"[80, 443]", "10.0.0.1:8080"},
		{"[80, 90-99]", "10.0.0.1"},
		{"1-65535", "10.0.0.1"},
		{"80-90", "10.0.0.1:180-190"},
		{"80", "fd00::1"},
		{"80", "\"[fd00::1]:81\""},
		{"80-90", "\"[fd00::1]:180-190\""},
		{"[1, 2, 3]", "2001:db8::1:80"},
	};
	static const char *const listens[] = {"", "listen: eth0, ", "listen: 1.2.3.4, ", "listen: \"2001:db8::9\", "};
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(protos) * ARRAY_SIZE(maps) * ARRAY_SIZE(listens) * 2; i++) {
		const char *const *map = maps[i / 8 % ARRAY_SIZE(maps)], *listen = listens[i % 4];
		_cleanup_(freep) char *entry = NULL, *out = NULL, *json = NULL;
		_cleanup_(config_freep) struct config *c = NULL, *again = NULL;
		_cleanup_(forward_unrefp) struct forward *back = NULL;
		_cleanup_(diag_free) struct diag diag = {0};

		if (i % 4 > 1 && (i % 4 == 3) != (strchr(map[1], ':') && strstr(map[1], "::")))
			continue; /* mixed families */
		entry = xasprintf("services: [{%sproto: %s, port: %s, to: %s, enabled: %s}]", listen,
				  protos[i / 8 / ARRAY_SIZE(maps)], map[0], map[1], i / 4 % 2 ? "true" : "false");
		c = must_read(entry);
		out = printed(c);
		again = must_read(out);
		assert_true(forward_same(only(c), only(again)));
		assert_string_equal(only(c)->name, only(again)->name);
		json = text_of(only(c));
		back = forward_of(json, &diag);
		assert_non_null(back);
		assert_true(forward_same(only(c), back));
		n++;
	}
	assert_int_equal(n, 240);
}

static void test_json(void **state)
{
	_cleanup_(config_freep) struct config *c = must_read(
		"services: [{name: a, description: d, proto: udp, listen: eth0, port: [1, 2-3], to: fd00::1}]");
	_cleanup_(forward_unrefp) struct forward *heavy = described("x");
	_cleanup_(freep) char *text = text_of(only(c)), *weighted = NULL;

	(void)state;
	assert_string_equal(
		text,
		"{\"name\":\"a\",\"description\":\"d\",\"proto\":\"udp\",\"listen\":\"eth0\",\"ports\":[\"1\",\"2-3\"],"
		"\"to\":[{\"addr\":\"fd00::1\"}],\"enabled\":true}");
	heavy->targets[0].weight = 7;
	heavy->targets[0].ports = (struct port_range){90, 91};
	weighted = text_of(heavy);
	assert_non_null(strstr(weighted, "\"to\":[{\"addr\":\"10.0.0.1\",\"port\":\"90-91\",\"weight\":7}]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_no_warning),
		cmocka_unit_test(test_hard_descriptions),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_hard_names),
		cmocka_unit_test(test_hard_interfaces),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
