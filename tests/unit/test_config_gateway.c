/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gateway:` in the file, and one opening on the wire. */
#include "config_texts.h"

static char *settings_text(const struct settings *s, bool extra)
{
	struct buf out = {0};

	config_print_settings(&out, s, extra);
	return buf_take(&out);
}

static void assert_gateway(const char *text, const char *expected)
{
	_cleanup_(config_freep) struct config *c = must_read(text), *again = NULL;
	_cleanup_(freep) char *got = settings_text(c->settings, false);

	assert_string_equal(got, expected);
	again = must_read(got);
	assert_true(settings_same(c->settings, again->settings));
}

static void test_values(void **state)
{
	_cleanup_(config_freep) struct config *c = must_read(
		"gateway: {open: [{port: [22, 8000-8010], proto: tcp+udp, in: dmz, from: [local, 10.0.0.0/8]}]}\n");
	const struct settings *s = c->settings;

	(void)state;
	assert_true(s->protect);
	assert_int_equal(s->n_open, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(s->open[i].in, OPENING_DMZ);
		assert_int_equal(s->open[i].protos, PROTO_TCP | PROTO_UDP);
		assert_true(s->open[i].local);
		assert_int_equal(s->open[i].n_from, 1);
		assert_string_equal(s->open[i].loc.file, "gwd.yaml");
		assert_int_equal(s->open[i].loc.col, 18);
		assert_false(s->open[i].extra);
	}
	assert_int_equal(s->open[0].ports.last, 22);
	assert_int_equal(s->open[1].ports.last, 8010);
}

static void test_looks(void **state)
{
	(void)state;
	assert_gateway("gateway: {}\n", "gateway: {}\n");
	assert_gateway("gateway: {open: []}\n", "gateway: {}\n");
	assert_gateway("gateway: {open: [{port: 22}]}\n", "gateway:\n  open:\n    - {port: 22}\n");
	assert_gateway("gateway:\n  open:\n  - {in: wan, proto: tcp, port: 22, from: local}\n"
		       "  - {port: 53, proto: udp, in: dmz, from: ['2001:db8::/32', 10.1.0.0/16, local, 10.0.0.0/8]}\n"
		       "  - {port: [80, 443], from: 'fd00::1'}\n",
		       "gateway:\n  open:\n    - {port: 22, from: local}\n"
		       "    - {port: 53, proto: udp, from: [local, 10.0.0.0/8, \"2001:db8::/32\"], in: dmz}\n"
		       "    - {port: 80, from: \"fd00::1\"}\n    - {port: 443, from: \"fd00::1\"}\n");
}

static void test_refused(void **state)
{
	(void)state;
	assert_mistakes("gateway:\n", "gwd.yaml:1:9: gateway has no value; give it one, or remove the key\n");
	assert_mistakes("gateway: []\n", "gwd.yaml:1:10: gateway: expected a map of keys, {open: ...}\n");
	assert_mistakes("gateway: {opn: []}\n", "gwd.yaml:1:11: unknown key 'opn', did you mean 'open'?\n");
	assert_mistakes("gateway: {open: {port: 22}}\n",
			"gwd.yaml:1:17: open: expected a list, each entry beginning with '- '\n");
	assert_mistakes(
		"gateway:\n  open:\n  - 22\n  - 53/udp\n  - ssh\n  - [22]\n  - {prt: 22}\n  - {from: local}\n"
		"  - {port: 0}\n  - {port: []}\n  - {port: 22, proto: icmp}\n  - {port: 22, in: lan}\n"
		"  - {port: 22, from: 10.0.0.1/8}\n  - {port: 22, from: []}\n  - {port: 22, expires: x, local: true}\n"
		"  -\n",
		"gwd.yaml:3:5: open: '22' is written {port: 22}\n"
		"gwd.yaml:4:5: open: '53/udp' is written {port: 53, proto: udp}\n"
		"gwd.yaml:5:5: open: expected a map such as {port: 22, from: local}\n"
		"gwd.yaml:6:5: open: expected a map such as {port: 22, from: local}\n"
		"gwd.yaml:7:6: unknown key 'prt', did you mean 'port'?\n"
		"gwd.yaml:8:5: port is missing: which port is open\n"
		"gwd.yaml:9:12: port: '0' is no port; expected 1 to 65535, or a range such as 8000-8010\n"
		"gwd.yaml:10:12: port: expected a port, a range such as 8000-8010, or a list of those\n"
		"gwd.yaml:11:23: proto: expected tcp, udp, tcp+udp or sctp, not 'icmp'\n"
		"gwd.yaml:12:20: in: expected wan or dmz, not 'lan'\n"
		"gwd.yaml:13:22: from: '10.0.0.1/8' has bits set behind its length; write 10.0.0.0/8\n"
		"gwd.yaml:14:22: from: the list is empty; leave the key out to let anyone in\n"
		"gwd.yaml:15:16: unknown key 'expires' in gateway.open\n"
		"gwd.yaml:15:28: unknown key 'local' in gateway.open\n"
		"gwd.yaml:16:4: open: expected a map such as {port: 22, from: local}\n");
}

static void test_twice(void **state)
{
	(void)state;
	config_free(
		must_read("gateway: {open: [{port: 22}, {port: 22, in: dmz}, {port: 22, proto: udp}, {port: 23}]}\n"));
	assert_mistakes("gateway:\n  open:\n  - {port: 20-30, from: local}\n  - {port: [21, 31], proto: tcp+udp}\n",
			"gwd.yaml:4:5: open: tcp 20-30 from local is open already at gwd.yaml:3:5\n");
	assert_mistakes("gateway: {open: [{port: [22, 80, 22]}]}\n", "gwd.yaml:1:34: port: 22 is in this list twice\n");
}

static void test_many(void **state)
{
	_cleanup_(buf_free) struct buf text = {0};

	(void)state;
	buf_printf(&text, "gateway:\n  open:\n");
	for (int i = 0; i <= 1024; i++)
		buf_printf(&text, "  - {port: %d}\n", 1 + i);
	assert_mistakes(text.data, "gwd.yaml:1027:5: open: more than 1024 openings are not supported; use ranges\n");
}

static void test_gwd_d(void **state)
{
	static const char *const texts[] = {"gateway: {open: [{port: 22}]}\n", "gateway: {open: [{port: 25}]}\n"};
	static const char *const twice[] = {"gateway: {open: [{port: 22}]}\n", "gateway: {open: [{port: 20-29}]}\n"};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(config_freep) struct config *c = read_texts(texts, 2, &diag);
	_cleanup_(freep) char *all = NULL, *own = NULL, *mistakes = mistakes_of(twice, 2);

	(void)state;
	assert_non_null(c);
	assert_int_equal(diag.n_warnings, 0);
	assert_true(c->settings->open[1].extra);
	all = settings_text(c->settings, true);
	own = settings_text(c->settings, false);
	assert_string_equal(all, "gateway:\n  open:\n    - {port: 22}\n    - {port: 25}\n");
	assert_string_equal(own, "gateway:\n  open:\n    - {port: 22}\n");
	assert_string_equal(mistakes, "gwd.d/a.yaml:1:18: open: tcp 22 is open already at gwd.yaml:1:18\n");
}

/* A file in gwd.d never closes anything. */
static void test_gwd_d_alone(void **state)
{
	static const char *const texts[] = {"", "gateway: {open: [{port: 25}]}\n"};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(config_freep) struct config *c = read_texts(texts, 2, &diag), *again = NULL;
	_cleanup_(freep) char *text = NULL;

	(void)state;
	assert_non_null(c);
	assert_false(c->settings->protect);
	assert_int_equal(diag.n_warnings, 1);
	assert_string_equal(diag.warnings[0], "gwd.d/a.yaml:1: 'gateway' opens ports here, but nothing closes them: "
					      "gwd.yaml has no 'gateway'");
	text = settings_text(c->settings, true);
	assert_string_equal(text, "# gateway:\n#   open:\n#     - {port: 25}\n");
	again = must_read(text);
	assert_false(again->settings->protect);
}

/* ---- On the wire -------------------------------------------------------------------------------- */

static void test_wire(void **state)
{
	static const char *const cases[][2] = {
		{"{\"ports\":\"22\"}", "{\"in\":\"wan\",\"proto\":\"tcp\",\"ports\":\"22\"}"},
		{"{\"ports\":[\"22\"],\"local\":false,\"from\":null}",
		 "{\"in\":\"wan\",\"proto\":\"tcp\",\"ports\":\"22\"}"},
		{"{\"in\":\"dmz\",\"proto\":\"udp\",\"ports\":\"1-9\",\"local\":true,\"from\":[\"10.0.0.0/8\"],"
		 "\"expires\":\"2026-12-31T23:59:00Z\"}",
		 "{\"in\":\"dmz\",\"proto\":\"udp\",\"ports\":\"1-9\",\"from\":[\"10.0.0.0/8\"],\"local\":true,"
		 "\"expires\":\"2026-12-31T23:59:00Z\"}"},
		{"{\"ports\":\"22\",\"from\":[\"local\"]}",
		 "{\"in\":\"wan\",\"proto\":\"tcp\",\"ports\":\"22\",\"local\":true}"},
		{"{}", "ports is missing: which port is open"},
		{"{\"ports\":[\"22\",\"23\"]}", "ports: one port or one range, not 2"},
		{"{\"ports\":\"22\",\"from\":[]}", "from: the list is empty; leave the key out to let anyone in"},
		{"{\"port\":\"22\"}", "unknown key 'port', did you mean 'ports'?"},
		{"{\"ports\":\"22\",\"expires\":\"soon\"}",
		 "expires: expected a time such as 2026-12-31T23:59:00Z, not 'soon'"},
		{"\"22\"", "open: '22' is written {port: 22}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(arena_freep) struct arena *a = arena_new();
		_cleanup_(diag_free) struct diag diag = {0};
		_cleanup_(buf_free) struct buf text = {0};
		json_auto_t *json = json_loads(cases[i][0], JSON_DECODE_ANY, NULL);
		struct opening o = {0};

		if (config_opening(doc_from_json(a, json), &o, &diag)) {
			config_opening_json(&text, NULL, &o);
			opening_free(&o);
		} else {
			buf_printf(&text, "%s", diag.mistakes[0].message);
		}
		assert_string_equal(text.data, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),      cmocka_unit_test(test_looks), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_twice),       cmocka_unit_test(test_many),  cmocka_unit_test(test_gwd_d),
		cmocka_unit_test(test_gwd_d_alone), cmocka_unit_test(test_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
