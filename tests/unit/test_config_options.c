/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a forward may say beyond port and target: its values, what is refused, and that `set` and both printed forms
 * carry it. */
#include "config_texts.h"

/* The only forward of a file whose one service is a plain one with `keys` added; the caller's reference. */
static struct forward *with(const char *keys)
{
	_cleanup_(freep) char *text = xasprintf("services: [{name: a, port: 80, to: 10.0.0.1, %s}]", keys);
	_cleanup_(config_freep) struct config *c = must_read(text);

	return forward_ref(only(c));
}

static void assert_option(const char *keys, const char *expected)
{
	_cleanup_(freep) char *entry = xasprintf("{name: a, port: 80, to: 10.0.0.1, %s}", keys);

	assert_entry(entry, expected);
}

/* ---- Values ------------------------------------------------------------------------------------- */

static void test_from(void **state)
{
	_cleanup_(forward_unrefp) struct forward *f =
		with("from: [198.51.100.7, 10.1.0.0/16, 10.0.0.0/8, 198.51.100.7, 192.0.2.0/24]");
	_cleanup_(forward_unrefp) struct forward *one = with("from: 0.0.0.0/0");
	_cleanup_(forward_unrefp) struct forward *commas = with("from: \"10.0.0.0/8, 192.0.2.1\"");
	_cleanup_(config_freep) struct config *c =
		must_read("services: [{port: 80, to: fd00::1, from: ['2001:db8::/32', '2001:db8::1']}]");
	char text[PREFIX_TEXT_MAX];

	(void)state;
	assert_int_equal(f->n_from, 3); /* sorted, none inside another */
	assert_string_equal(prefix_text(&f->from[0], text), "10.0.0.0/8");
	assert_string_equal(prefix_text(&f->from[1], text), "192.0.2.0/24");
	assert_string_equal(prefix_text(&f->from[2], text), "198.51.100.7");
	assert_int_equal(one->n_from, 1);
	assert_int_equal(commas->n_from, 2);
	assert_int_equal(only(c)->n_from, 1);
}

static void test_from_refused(void **state)
{
	_cleanup_(buf_free) struct buf many = {0};

	(void)state;
	assert_option("from: 10.0.0.1/8", "gwd.yaml:2:43: a: from: '10.0.0.1/8' has bits set behind its length; write "
					  "10.0.0.0/8");
	assert_option("from: [10.0.0.0/8, 1.2.3.4/0]", "gwd.yaml:2:56: a: from: '1.2.3.4/0' has bits set behind its "
						       "length; write 0.0.0.0/0");
	assert_option("from: office", "gwd.yaml:2:43: a: from: 'office' is no address or prefix; expected one such as "
				      "198.51.100.0/24");
	assert_option("from: 10.0.0.0/33", "gwd.yaml:2:43: a: from: '10.0.0.0/33' is no address or prefix...");
	assert_option("from: \"10.0.0.1,\"", "gwd.yaml:2:53: a: from: '' is no address or prefix...");
	assert_option("from: local", "gwd.yaml:2:43: a: from: 'local' is for ports of the gateway itself...");
	assert_option("from: []", "gwd.yaml:2:43: a: from: the list is empty; leave the key out to let anyone in");
	assert_option("from: [~]", "gwd.yaml:2:44: a: from: an entry of the list is empty");
	assert_option("from: [[10.0.0.1]]", "gwd.yaml:2:44: a: from: expected one value, not a list");
	assert_option("from: {a: b}", "gwd.yaml:2:43: a: from: expected one value, not a map");
	assert_option("from: ~", "gwd.yaml:2:43: a: from has no value; give it one, or remove the key");
	assert_option("from: [10.0.0.1, '2001:db8::/32']", "gwd.yaml:2:55: a: from: 2001:db8::/32 is IPv6 and the "
							   "target an IPv4 address; both must be of one kind");
	buf_printf(&many, "from: [");
	for (int i = 0; i <= FORWARD_FROM_MAX; i++)
		buf_printf(&many, "%s10.%d.%d.0/24", i ? ", " : "", i / 256, i % 256);
	buf_printf(&many, "]");
	assert_option(many.data, "gwd.yaml:2:43: a: from: at most 4096 addresses and prefixes, not 4097");
}

static void test_snat(void **state)
{
	static const struct {
		const char *text;
		enum snat_mode mode;
	} cases[] = {{"log: no", SNAT_DEFAULT},       {"snat: auto", SNAT_AUTO},   {"snat: routed", SNAT_ROUTED},
		     {"snat: always", SNAT_ALWAYS},   {"snat: never", SNAT_NEVER}, {"snat: 10.0.0.9", SNAT_ADDRESS},
		     {"snat: 10.0.0.9", SNAT_ADDRESS}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(forward_unrefp) struct forward *f = with(cases[i].text);

		assert_int_equal(f->snat.mode, cases[i].mode);
		assert_int_equal(f->snat.addr.bytes[3], cases[i].mode == SNAT_ADDRESS ? 9 : 0);
	}
	assert_option("snat: sometimes", "gwd.yaml:2:43: a: snat: expected auto, routed, always, never or an IP "
					 "address, not 'sometimes'");
	assert_option("snat: [auto]", "gwd.yaml:2:43: a: snat: expected one value, not a list");
	assert_option("snat: 224.0.0.1", "gwd.yaml:2:43: a: snat: 224.0.0.1 is a multicast group...");
	assert_option("snat: 0.0.0.0", "gwd.yaml:2:43: a: snat: 0.0.0.0 is no address...");
	assert_option("snat: fd00::9",
		      "gwd.yaml:2:43: a: snat: an IPv6 address and an IPv4 target; both must be of one kind");
}

static void test_limit(void **state)
{
	static const struct {
		const char *text;
		struct limit limit;
	} cases[] = {
		{"limit: {connections: 50}", {50, 0, 0}},
		{"limit: {rate: 20/second}", {0, 20, 1}},
		{"limit: {rate: 1/minute, connections: 1000000}", {1000000, 1, 60}},
		{"limit: {rate: 1000000/hour}", {0, 1000000, 3600}},
		{"limit: {rate: 5/day}", {0, 5, 86400}},
		{"limit: {}", {0, 0, 0}},
	};
	static const char *const rates[] = {"20",         "20/s",    "20/seconds", "0/second",   "1000001/second",
					    "020/second", "/second", "20/",        "20 /second", "-1/day"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(forward_unrefp) struct forward *f = with(cases[i].text);

		assert_true(limit_same(&f->limit, &cases[i].limit));
	}
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		_cleanup_(freep) char *keys = xasprintf("limit: {rate: %s}", rates[i]);
		_cleanup_(freep) char *expected = xasprintf(
			"gwd.yaml:2:51: a: rate: expected 1 to 1000000 connections per second, minute, hour or day, "
			"such as 20/second, not '%s'",
			rates[i]);

		assert_option(keys, expected);
	}
	assert_option("limit: {connections: 0}",
		      "gwd.yaml:2:58: a: connections: expected a whole number from 1 to 1000000, not '0'");
	assert_option("limit: {connections: 1000001}", "gwd.yaml:2:58: a: connections: expected...");
	assert_option("limit: {connections: many}", "gwd.yaml:2:58: a: connections: expected...");
	assert_option("limit: {connections: ~}", "gwd.yaml:2:58: a: connections has no value...");
	assert_option("limit: {conections: 5}", "gwd.yaml:2:45: a: unknown key 'conections', did you mean "
						"'connections'?");
	assert_option("limit: 50", "gwd.yaml:2:44: a: limit: expected a map of keys, {connections: ..., rate: ...}");
	assert_option("limit: [50]", "gwd.yaml:2:44: a: limit: expected a map of keys...");
}

static void test_expires(void **state)
{
	_cleanup_(forward_unrefp) struct forward *f = with("expires: 2026-12-31T23:59:00Z, on_expiry: cut, log: on");
	_cleanup_(forward_unrefp) struct forward *past =
		with("expires: \"2001-01-01T00:00:00+01:00\", on_expiry: drain");

	(void)state;
	assert_int_equal(f->expires, 1798761540);
	assert_true(f->cut && f->log);
	assert_int_equal(past->expires, 978303600); /* the text alone decides; it will be held */
	assert_false(past->cut || past->log);
	assert_option("expires: 2026-12-31",
		      "gwd.yaml:2:46: a: expires: '2026-12-31' is a day; write 2026-12-31T23:59:59Z for the end of it");
	assert_option("expires: 2026-12-31T10:00:00",
		      "gwd.yaml:2:46: a: expires: '2026-12-31T10:00:00' is without time zone; write "
		      "2026-12-31T10:00:00Z for UTC, or an offset such as +02:00");
	assert_option("expires: 2h", "gwd.yaml:2:46: a: expires: expected a time such as 2026-12-31T23:59:00Z, not "
				     "'2h'");
	assert_option("expires: 2026-02-30", "gwd.yaml:2:46: a: expires: expected a time...");
	assert_option("on_expiry: kill", "gwd.yaml:2:48: a: on_expiry: expected drain or cut, not 'kill'");
	assert_option("log: 1", "gwd.yaml:2:42: a: log: expected true or false, not '1'");
}

/* ---- Several targets ---------------------------------------------------------------------------- */

static void test_targets(void **state)
{
	_cleanup_(config_freep) struct config *c = must_read(
		"services:\n- {port: 443, balance: round-robin, to: [10.0.0.2:8443, {addr: 10.0.0.3, weight: 256},"
		" {addr: 10.0.0.3, port: 444}]}\n");
	_cleanup_(freep) char *text = forward_text(only(c));
	_cleanup_(forward_unrefp) struct forward *plain = with("balance: random");

	(void)state;
	assert_int_equal(only(c)->n_targets, 3);
	assert_int_equal(only(c)->targets[1].weight, 256);
	assert_int_equal(only(c)->balance, BALANCE_ROUND_ROBIN);
	assert_string_equal(text, "tcp 443 -> 10.0.0.2:8443, 10.0.0.3:443@256, 10.0.0.3:444");
	assert_int_equal(plain->balance, BALANCE_RANDOM);
}

static void test_targets_refused(void **state)
{
	_cleanup_(buf_free) struct buf many = {0};

	(void)state;
	assert_entry(
		"{name: a, port: 80, to: [10.0.0.1, fd00::1]}",
		"gwd.yaml:2:38: a: to: fd00::1 is an IPv6 address and the first target an IPv4 one; all must be of "
		"one kind");
	assert_entry("{name: a, port: 80, to: [10.0.0.1, 10.0.0.2, 10.0.0.1]}",
		     "gwd.yaml:2:48: a: to: 10.0.0.1 is in this list twice; give it a weight instead");
	assert_entry("{name: a, port: 80, to: [10.0.0.1, \"10.0.0.1:80\"]}", "gwd.yaml:2:38: a: to: 10.0.0.1 is in...");
	assert_entry("{name: a, port: 80-90, to: [10.0.0.1:100-110, 10.0.0.2:100-111]}",
		     "gwd.yaml:2:49: a: to: 80-90 and 100-111 differ in length...");
	assert_entry("{name: a, port: 80, to: [10.0.0.1, 10.0.0.2, 10.0.0.256]}",
		     "gwd.yaml:2:48: a: to: '10.0.0.256' is no IP address");
	assert_entry("{name: a, port: 80, to: {addr: 10.0.0.1, weight: 257}}",
		     "gwd.yaml:2:52: a: weight: expected a whole number from 1 to 256, not '257'");
	assert_entry("{name: a, port: 80, to: {addr: 10.0.0.1, weight: 1.5}}", "gwd.yaml:2:52: a: weight: expected...");
	for (int i = 0; i <= FORWARD_TARGETS_MAX; i++)
		buf_printf(&many, "%s10.0.0.%d", i ? ", " : "{name: a, port: 80, to: [", i + 1);
	buf_printf(&many, "]}");
	assert_entry(many.data, "gwd.yaml:2:27: a: to: at most 64 targets, not 65");
}

/* ---- Without translation ------------------------------------------------------------------------ */

static void test_no_nat(void **state)
{
	_cleanup_(config_freep) struct config *c =
		must_read("services:\n- {name: a, port: [80, 443], to: '2001:db8::10', nat: no}\n"
			  "- {name: b, port: 80, to: '203.0.113.9:80', nat: false}\n");
	struct forward *a = forwards_by_name(c->forwards, "a")->forward,
		       *b = forwards_by_name(c->forwards, "b")->forward;
	_cleanup_(freep) char *text = forward_text(a), *json = text_of(b);

	(void)state;
	assert_true(a->no_nat && b->no_nat);
	assert_int_equal(a->listen.kind, LISTEN_ADDRESS);
	assert_int_equal(ip_cmp(&a->listen.addr, &a->targets[0].addr), 0);
	assert_string_equal(text, "tcp 80,443 -> 2001:db8::10 without translation");
	assert_string_equal(json, "{\"name\":\"b\",\"proto\":\"tcp\",\"ports\":[\"80\"],\"to\":[{\"addr\":"
				  "\"203.0.113.9\",\"port\":\"80\"}],\"enabled\":true,\"nat\":false}");
	assert_mistakes("services:\n- {name: a, port: 80, to: 203.0.113.9, nat: no}\n"
			"- {name: b, port: 80, to: 10.0.0.1, listen: 203.0.113.9}\n",
			"gwd.yaml:3:3: b: tcp 203.0.113.9 80 is taken already by 'a' at gwd.yaml:2:3\n");
}

static void test_no_nat_refused(void **state)
{
	(void)state;
	assert_option("nat: no, listen: eth0",
		      "gwd.yaml:2:54: a: listen: without translation (nat: false) clients dial the target's own "
		      "address; remove it");
	assert_option("nat: no, snat: auto", "gwd.yaml:2:52: a: snat: without translation (nat: false) the target "
					     "sees the client as it is; remove it");
	assert_entry("{name: a, nat: no, port: 80, to: 10.0.0.1:81}",
		     "gwd.yaml:2:36: a: to: without translation (nat: false) the target keeps the port; leave its port "
		     "out");
	assert_entry("{name: a, nat: no, port: 80, to: [10.0.0.1, 10.0.0.2]}",
		     "gwd.yaml:2:47: a: to: without translation (nat: false) there is one target; give each its own "
		     "service");
}

/* ---- Printed, read back, changed ---------------------------------------------------------------- */

static const char rich[] =
	"services:\n"
	"  - name: rich\n    proto: udp\n    port: 80\n    to:\n      - 10.0.0.2:81\n"
	"      - {addr: 10.0.0.3, weight: 2}\n    from: [10.0.0.0/8, 192.0.2.1]\n    snat: 10.0.0.9\n"
	"    enabled: false\n    log: true\n    limit: {connections: 50, rate: 20/minute}\n"
	"    expires: \"2026-12-31T23:59:00Z\"\n    on_expiry: cut\n    force: true\n    balance: random\n"
	"  - name: rich6\n    listen: eth0\n    port: 80\n    to:\n      - \"[fd00::2]\"\n"
	"      - {addr: \"fd00::3\", port: 81, weight: 3}\n    from: \"2001:db8::/32\"\n    snat: \"fd00::9\"\n"
	"    limit: {rate: 5/day}\n    balance: round-robin\n"
	"  - name: hole\n    port: 80-90\n    to: \"[2001:db8::10]\"\n    limit: {connections: 3}\n    nat: false\n"
	"  - name: words\n    port: 82\n    to: 10.0.0.2\n    snat: never\n";

static void test_round_trips(void **state)
{
	_cleanup_(config_freep) struct config *c = must_read(rich);
	_cleanup_(buf_free) struct buf out = {0};

	(void)state;
	config_print(&out, c);
	assert_string_equal(out.data, rich);
	for (const struct forward_entry *e = forwards_first(c->forwards); e; e = e->next) {
		_cleanup_(freep) char *json = text_of(e->forward);
		_cleanup_(diag_free) struct diag diag = {0};
		_cleanup_(forward_unrefp) struct forward *back = forward_of(json, &diag);

		assert_non_null(back);
		assert_true(forward_same(e->forward, back));
	}
}

static void test_json(void **state)
{
	_cleanup_(config_freep) struct config *c = must_read(rich);
	_cleanup_(freep) char *text = text_of(forwards_by_name(c->forwards, "rich")->forward);

	(void)state;
	assert_string_equal(
		text,
		"{\"name\":\"rich\",\"proto\":\"udp\",\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.2\",\"port\":"
		"\"81\"},"
		"{\"addr\":\"10.0.0.3\",\"weight\":2}],\"from\":[\"10.0.0.0/8\",\"192.0.2.1\"],\"snat\":\"10.0.0.9\","
		"\"enabled\":false,\"log\":true,\"limit\":{\"connections\":50,\"rate\":\"20/minute\"},"
		"\"expires\":\"2026-12-31T23:59:00Z\",\"on_expiry\":\"cut\",\"force\":true,\"balance\":\"random\"}");
}

/* What `changes` make of the forward NAME above, as JSON; the caller's. */
static char *set(const char *name, const char *changes)
{
	_cleanup_(config_freep) struct config *c = must_read(rich);
	_cleanup_(arena_freep) struct arena *a = arena_new();
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(forward_unrefp) struct forward *f =
		config_forward_set(forwards_by_name(c->forwards, name)->forward, json_node(a, changes), &diag);

	return f ? text_of(f) : xstrdup(diag.mistakes[0].message);
}

static void assert_set(const char *name, const char *changes, const char *expected)
{
	_cleanup_(freep) char *got = set(name, changes);

	if (!strstr(got, expected))
		fail_msg("%s\ngave: %s\nnot:  %s", changes, got, expected);
}

static void test_set(void **state)
{
	(void)state;
	assert_set("rich", "{\"limit\":{\"connections\":7}}", "\"limit\":{\"connections\":7,\"rate\":\"20/minute\"}");
	assert_set("rich", "{\"limit\":{\"connections\":0}}", "\"limit\":{\"rate\":\"20/minute\"}");
	assert_set("rich", "{\"limit\":{\"rate\":\"\"}}", "\"limit\":{\"connections\":50}");
	assert_set("rich", "{\"limit\":{\"rate\":\"\",\"connections\":\"\"}}", "\"log\":true,\"expires\"");
	assert_set("rich",
		   "{\"from\":[],\"snat\":\"\",\"log\":\"\",\"limit\":\"\",\"expires\":\"\",\"on_expiry\":\"\","
		   "\"force\":\"\",\"balance\":\"\",\"enabled\":\"\"}",
		   "\"weight\":2}],\"enabled\":true}");
	assert_set("rich", "{\"from\":[\"192.0.2.0/24\"],\"snat\":\"routed\"}",
		   "\"from\":[\"192.0.2.0/24\"],\"snat\":\"routed\"");
	assert_set("hole", "{\"nat\":true}", "\"to\":[{\"addr\":\"2001:db8::10\"}],\"enabled\":true,\"limit\"");
	assert_set("hole", "{\"nat\":\"\",\"listen\":\"eth0\"}", "\"listen\":\"eth0\"");
	assert_set("hole", "{\"to\":[{\"addr\":\"203.0.113.1\"}]}", "\"nat\":false");
	assert_set("hole", "{\"listen\":\"eth0\"}", "hole: listen: without translation");
	assert_set("words", "{\"nat\":false}", "words: snat: without translation");
	assert_set("rich", "{\"to\":[{\"addr\":\"fd00::1\"}],\"snat\":\"\"}",
		   "rich: to: from has IPv4 addresses and the target is an IPv6 one; both must be of one kind");
	assert_set("rich", "{\"to\":[{\"addr\":\"fd00::1\"}],\"from\":[]}", "rich: snat: an IPv4 address and an IPv6");
}

static void test_agrees(void **state)
{
	static const char *const yes[] = {
		"{\"from\":[\"192.0.2.1\",\"10.0.0.0/8\",\"10.1.0.0/16\"]}",
		"{\"limit\":{\"connections\":50}}",
		"{\"expires\":\"2027-01-01T00:59:00+01:00\"}",
		"{\"snat\":\"10.0.0.9\",\"log\":true,\"on_expiry\":\"cut\",\"nat\":true,\"balance\":\"random\"}",
		"{\"to\":[{\"addr\":\"10.0.0.2\",\"port\":\"81\"},{\"addr\":\"10.0.0.3\",\"weight\":2}]}",
	};
	static const char *const no[] = {
		"{\"from\":[\"10.0.0.0/8\"]}",
		"{\"from\":[]}",
		"{\"limit\":{\"rate\":\"20/second\"}}",
		"{\"expires\":\"2026-12-31T23:59:01Z\"}",
		"{\"snat\":\"auto\"}",
		"{\"log\":false}",
		"{\"on_expiry\":\"drain\"}",
		"{\"balance\":\"source\"}",
		"{\"to\":[{\"addr\":\"10.0.0.2\",\"port\":\"81\"}]}",
	};
	_cleanup_(config_freep) struct config *c = must_read(rich);
	const struct forward *f = forwards_by_name(c->forwards, "rich")->forward;
	_cleanup_(arena_freep) struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (!config_forward_agrees(json_node(a, yes[i]), f))
			fail_msg("%s does not agree", yes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (config_forward_agrees(json_node(a, no[i]), f))
			fail_msg("%s agrees", no[i]);
}

/* Ordered, never written: neither printed, nor lost by a change of something else. */
static void test_states_stay(void **state)
{
	static const char changes[] = "{\"to\":[{\"addr\":\"10.0.0.3\",\"weight\":5},{\"addr\":\"10.0.0.4\"}]}";
	_cleanup_(config_freep) struct config *c = must_read(rich);
	const struct forward *f = forwards_by_name(c->forwards, "rich")->forward;
	_cleanup_(forward_unrefp) struct forward *drained = forward_renamed(f, f->name), *changed = NULL;
	_cleanup_(freep) char *before = text_of(f), *after = NULL;
	_cleanup_(arena_freep) struct arena *a = arena_new();
	_cleanup_(diag_free) struct diag diag = {0};

	(void)state;
	drained->targets[1].state = TARGET_DRAINED;
	after = text_of(drained);
	assert_string_equal(before, after);
	assert_true(config_forward_agrees(json_node(a, before), drained));
	changed = config_forward_set(drained, json_node(a, changes), &diag);
	assert_non_null(changed);
	assert_int_equal(changed->targets[0].state, TARGET_DRAINED);
	assert_int_equal(changed->targets[0].weight, 5);
	assert_int_equal(changed->targets[1].state, TARGET_READY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_from_refused),
		cmocka_unit_test(test_snat),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_expires),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_targets_refused),
		cmocka_unit_test(test_no_nat),
		cmocka_unit_test(test_no_nat_refused),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_agrees),
		cmocka_unit_test(test_states_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
