/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gwd.yaml may say, and what is answered to everything else: each mistake at its place, all in one run. */
#include "config_texts.h"

/* ---- Right texts -------------------------------------------------------------------------------- */

static void test_empty(void **state)
{
	static const char *const texts[] = {"", "# nothing\n", "services:\n", "services: []\n", "version: 1\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(config_freep) struct config *c = must_read(texts[i]);
		_cleanup_(settings_freep) struct settings *plain = settings_default();

		assert_int_equal(forwards_count(c->forwards), 0);
		assert_true(settings_same(c->settings, plain));
		assert_true(plain->masquerade);
		assert_int_equal(plain->n_wan + plain->n_lan, 0);
	}
}

static void test_smallest(void **state)
{
	_cleanup_(config_freep) struct config *c = must_read("services:\n  - port: 80\n    to: 192.168.0.102\n");
	_cleanup_(freep) char *text = text_of(only(c));

	(void)state;
	assert_string_equal(
		text, "{\"name\":\"tcp-80\",\"proto\":\"tcp\",\"ports\":[\"80\"],\"to\":[{\"addr\":\"192.168.0.102\"}],"
		      "\"enabled\":true}");
	assert_int_equal(only(c)->family, AF_INET);
	assert_int_equal(only(c)->listen.kind, LISTEN_ANY);
	assert_string_equal(only(c)->loc.file, "gwd.yaml");
	assert_int_equal(only(c)->loc.line, 2);
}

static void test_whole(void **state)
{
	_cleanup_(config_freep) struct config *c = must_read(
		"version: 1\nwan: [eth0, ppp*]\nlan: br0\nmasquerade: no\nsnat: auto\npolicy: coexist\n"
		"table_owner: auto\naccounting: false\noffload: off\nmss_clamp: off\nservices:\n"
		"  - {name: web, description: the site, proto: tcp+udp, listen: 203.0.113.5, port: [80, 8000-8010],\n"
		"     to: 10.0.0.1, enabled: off, snat: auto, log: no, nat: yes, force: false}\n");
	_cleanup_(freep) char *text = text_of(only(c));

	(void)state;
	assert_string_equal(
		text, "{\"name\":\"web\",\"description\":\"the site\",\"proto\":\"tcp+udp\",\"listen\":\"203.0.113.5\","
		      "\"ports\":[\"80\",\"8000-8010\"],\"to\":[{\"addr\":\"10.0.0.1\"}],\"snat\":\"auto\",\"enabled\":"
		      "false}");
	assert_false(c->settings->masquerade);
	assert_int_equal(c->settings->n_wan, 2);
	assert_string_equal(c->settings->wan[1], "ppp*");
	assert_int_equal(c->settings->n_lan, 1);
	assert_string_equal(c->settings->lan[0], "br0");
}

static void test_settings(void **state)
{
	_cleanup_(settings_freep) struct settings *plain = settings_default();
	_cleanup_(config_freep) struct config *defaults = must_read(
		"snat: auto\npolicy: coexist\ntable_owner: auto\naccounting: true\noffload: false\nmss_clamp: auto\n");
	_cleanup_(config_freep) struct config *c =
		must_read("lan: br0\ndmz: [br1, 'v*']\nsnat: 203.0.113.1\npolicy: exclusive\ntable_owner: off\n"
			  "accounting: no\noffload: yes\nmss_clamp: off\n");
	_cleanup_(config_freep) struct config *words = must_read("snat: routed\ntable_owner: on\nmss_clamp: always\n");

	(void)state;
	assert_true(settings_same(defaults->settings, plain));
	assert_int_equal(c->settings->n_dmz, 2);
	assert_string_equal(c->settings->dmz[1], "v*");
	assert_int_equal(c->settings->snat.mode, SNAT_ADDRESS);
	assert_int_equal(c->settings->snat.addr.bytes[0], 203);
	assert_int_equal(c->settings->policy, POLICY_EXCLUSIVE);
	assert_int_equal(c->settings->table_owner, OWNER_OFF);
	assert_false(c->settings->accounting);
	assert_true(c->settings->offload);
	assert_int_equal(c->settings->mss_clamp, CLAMP_OFF);
	assert_int_equal(words->settings->snat.mode, SNAT_ROUTED);
	assert_int_equal(words->settings->table_owner, OWNER_ON);
	assert_int_equal(words->settings->mss_clamp, CLAMP_ALWAYS);
}

static char *names_of(const struct config *c)
{
	struct buf out = {0};

	for (const struct forward_entry *e = forwards_first(c->forwards); e; e = e->next)
		buf_printf(&out, "%s ", e->forward->name);
	return buf_take(&out);
}

static void test_default_names(void **state)
{
	_cleanup_(config_freep) struct config *c =
		must_read("services:\n- {port: 80, to: 10.0.0.1}\n- {port: 81, to: 10.0.0.1}\n"
			  "- {port: 80, listen: 1.2.3.4, to: 10.0.0.1}\n- {name: tcp-81, port: 9, to: 10.0.0.1}\n"
			  "- {port: [80, 443], proto: tcp, to: fd00::1}\n- {name: last, port: 10, to: 10.0.0.1}\n"
			  "- {port: 53, proto: tcp+udp, to: 10.0.0.1}\n");
	_cleanup_(freep) char *names = names_of(c);

	(void)state;
	assert_string_equal(names, "tcp-80 tcp-81-2 tcp-80-1.2.3.4 tcp-81 tcp6-80_443 last tcp-udp-53 ");
}

static void test_several_documents(void **state)
{
	static const char *const texts[] = {
		"wan: eth0\nservices: [{name: web, port: 80, to: 10.0.0.1}, {port: 82, to: 10.0.0.1}]\n",
		"services: [{port: 81, to: 10.0.0.1}]\n",
		"services: [{name: tcp-82, port: 83, to: 10.0.0.1}]\n",
	};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(config_freep) struct config *c = read_texts(texts, 3, &diag);
	_cleanup_(freep) char *names = NULL;

	(void)state;
	assert_non_null(c);
	names = names_of(c);
	assert_string_equal(names, "web tcp-82-2 tcp-81 tcp-82 ");
	assert_string_equal(forwards_by_name(c->forwards, "tcp-81")->forward->loc.file, "gwd.d/a.yaml");
}

/* ---- Wrong texts -------------------------------------------------------------------------------- */

static void test_all_in_one_run(void **state)
{
	(void)state;
	assert_mistakes(
		"wam: eth0\nmasquerade: maybe\nservices:\n  - name: web\n    prot: udp\n    port: 0\n    to: 10.0.0.1\n"
		"  - port: 81\n  - {name: web, port: 82, to: 10.0.0.1}\n  - {port: 83, to: 10.0.0.1, enabled: 1}\n",
		"gwd.yaml:1:1: unknown key 'wam', did you mean 'wan'?\n"
		"gwd.yaml:2:13: masquerade: expected true or false, not 'maybe'\n"
		"gwd.yaml:5:5: web: unknown key 'prot', did you mean 'proto'?\n"
		"gwd.yaml:6:11: web: port: '0' is no port; expected 1 to 65535, or a range such as 8000-8010\n"
		"gwd.yaml:8:5: services[1]: to is missing: where it is forwarded to\n"
		"gwd.yaml:10:39: services[3]: enabled: expected true or false, not '1'\n"
		"gwd.yaml:9:5: web: the name is taken already at gwd.yaml:4:5\n");
}

static void test_settings_refused(void **state)
{
	(void)state;
	assert_mistakes(
		"version: 2\nsnat: foo\npolicy: foo\ntable_owner: [on]\naccounting: 1\noffload: maybe\nmss_clamp: 1\n"
		"services: [{name: a, port: 80, to: 10.0.0.1, snat: 1, on_expiry: x, balance: y, nat: maybe}]\n",
		"gwd.yaml:1:10: version: this gwd reads files of version 1, not '2'\n"
		"gwd.yaml:2:7: snat: expected auto, routed, always, never or an IP address, not 'foo'\n"
		"gwd.yaml:3:9: policy: expected coexist or exclusive, not 'foo'\n"
		"gwd.yaml:4:14: table_owner: expected one value, not a list\n"
		"gwd.yaml:5:13: accounting: expected true or false, not '1'\n"
		"gwd.yaml:6:10: offload: expected true or false, not 'maybe'\n"
		"gwd.yaml:7:12: mss_clamp: expected auto, always or off, not '1'\n"
		"gwd.yaml:8:52: a: snat: expected auto, routed, always, never or an IP address, not '1'\n"
		"gwd.yaml:8:66: a: on_expiry: expected drain or cut, not 'x'\n"
		"gwd.yaml:8:78: a: balance: expected source, round-robin or random, not 'y'\n"
		"gwd.yaml:8:86: a: nat: expected true or false, not 'maybe'\n");
	assert_mistakes("snat: 127.0.0.1\n", "gwd.yaml:1:7: snat: 127.0.0.1 is loopback, which no reply would find\n");
}

static void test_exclusive_needs_lan(void **state)
{
	static const char expected[] = "gwd.yaml:1:9: policy: exclusive needs lan: nothing that is not named there "
				       "could reach the internet\n";

	(void)state;
	assert_mistakes("policy: exclusive\n", expected);
	assert_mistakes("policy: exclusive\nlan: []\n", expected);
	assert_mistakes("policy: exclusive\nlan: a/b\n", /* one of them is enough */
			"gwd.yaml:2:6: lan: 'a/b' is no interface name (1 to 15 characters, without '/', ':', '\"', '\\' and "
			"blanks)\n");
}

static void test_interfaces_refused(void **state)
{
	(void)state;
	assert_mistakes(
		"wan: [eth0, eth0, \"*\", \"p*p\", a/b, \"\", [x]]\nlan: [eth0, br0]\n",
		"gwd.yaml:1:13: wan: 'eth0' is already named as 'eth0' in wan at gwd.yaml:1:7\n"
		"gwd.yaml:1:19: wan: '*' would be any interface; name them, or what they begin with (\"ppp*\")\n"
		"gwd.yaml:1:24: wan: 'p*p': '*' may only stand at the end\n"
		"gwd.yaml:1:31: wan: 'a/b' is no interface name (1 to 15 characters, without '/', ':', '\"', '\\' and blanks)\n"
		"gwd.yaml:1:36: wan: '' is no interface name (1 to 15 characters, without '/', ':', '\"', '\\' and blanks)\n"
		"gwd.yaml:1:40: wan: expected one value, not a list\n"
		"gwd.yaml:2:7: lan: 'eth0' is already named as 'eth0' in wan at gwd.yaml:1:7\n");
	assert_mistakes("wan: []\nlan:\n",
			"gwd.yaml:1:6: wan: the list is empty; leave the key out to follow the default route\n"
			"gwd.yaml:2:5: lan has no value; give it one, or remove the key\n");
	assert_mistakes("wan: [ppp*, eth0]\nlan: [ppp0, pp*, pppp*, eth*, br0]\ndmz: br0\n",
			"gwd.yaml:2:7: lan: 'ppp0' is already named as 'ppp*' in wan at gwd.yaml:1:7\n"
			"gwd.yaml:2:13: lan: 'pp*' is already named as 'ppp*' in wan at gwd.yaml:1:7\n"
			"gwd.yaml:2:18: lan: 'pppp*' is already named as 'ppp*' in wan at gwd.yaml:1:7\n"
			"gwd.yaml:2:25: lan: 'eth*' is already named as 'eth0' in wan at gwd.yaml:1:13\n"
			"gwd.yaml:3:6: dmz: 'br0' is already named as 'br0' in lan at gwd.yaml:2:31\n");
}

static void test_interfaces_apart(void **state)
{
	_cleanup_(config_freep) struct config *c = must_read("wan: [ppp*, ppp0, p]\nlan: [pp, q*, br-0]\n");

	(void)state;
	assert_int_equal(c->settings->n_wan, 3);
	assert_int_equal(c->settings->n_lan, 3);
}

static void test_top_level(void **state)
{
	(void)state;
	assert_mistakes("port: 80\nservice: []\nfoo: bar\n",
			"gwd.yaml:1:1: 'port' belongs in an entry of 'services', below a '- '\n"
			"gwd.yaml:2:1: unknown key 'service', did you mean 'services'?\n"
			"gwd.yaml:3:1: unknown key 'foo' in gwd.yaml\n");
	assert_mistakes("services: {web: {port: 80}}\n",
			"gwd.yaml:1:11: services: expected a list, each entry beginning with '- '\n");
	assert_mistakes("services:\n  - port: 80\n    to: 10.0.0.1\n  - x\n\tbad: 1\n",
			"gwd.yaml:5:1: indent with spaces: YAML does not allow tabs\n");
}

static void test_conflicts(void **state)
{
	(void)state;
	assert_mistakes(
		"services:\n- {name: a, port: 80-90, to: 10.0.0.1}\n- {name: b, port: [22, 85], to: 10.0.0.1}\n"
		"- {name: c, port: 85, proto: udp, to: 10.0.0.1}\n- {name: d, port: 85, to: fd00::1}\n"
		"- {name: e, port: 85, listen: 1.2.3.4, to: 10.0.0.1}\n- {port: 85, listen: 1.2.3.4, to: 10.0.0.2}\n"
		"- {name: f, port: 85, proto: tcp+udp, listen: eth0, to: 10.0.0.1}\n"
		"- {name: g, port: 85, proto: udp, listen: eth0, to: 10.0.0.1}\n",
		"gwd.yaml:3:3: b: tcp 22,85 is taken already by 'a' at gwd.yaml:2:3\n"
		"gwd.yaml:9:3: g: udp eth0 85 is taken already by 'f' at gwd.yaml:8:3\n"
		"gwd.yaml:7:3: tcp 1.2.3.4 85 is taken already by 'e' at gwd.yaml:6:3\n");
}

static void test_conflicts_across_documents(void **state)
{
	static const char *const texts[] = {
		"services: [{name: web, port: 80, to: 10.0.0.1}]\n",
		"wan: eth0\nservices: [{name: web, port: 81, to: 10.0.0.1}, {name: x, port: 80, to: 10.0.0.1}]\n",
		"gateway: {open: []}\nsrvices: []\n",
	};
	_cleanup_(freep) char *got = mistakes_of(texts, 3);

	(void)state;
	assert_string_equal(
		got, "gwd.d/a.yaml:1:1: 'wan' belongs in gwd.yaml: a file in gwd.d may hold 'services' and 'gateway' "
		     "only\n"
		     "gwd.d/b.yaml:2:1: unknown key 'srvices', did you mean 'services'?\n"
		     "gwd.d/a.yaml:2:12: web: the name is taken already at gwd.yaml:1:12\n"
		     "gwd.d/a.yaml:2:49: x: tcp 80 is taken already by 'web' at gwd.yaml:1:12\n");
}

static void test_many_mistakes(void **state)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *text = NULL;
	struct buf b = {0};
	const char *texts[1];

	(void)state;
	buf_printf(&b, "services:\n");
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "- {port: 80, to: 10.0.0.1}\n");
	texts[0] = text = buf_take(&b);
	assert_null(read_texts(texts, 1, &diag));
	assert_int_equal(diag.n, DIAG_MAX + 1);
	assert_string_equal(diag.mistakes[0].message, "tcp 80 is taken already by 'tcp-80' at gwd.yaml:2:3");
	assert_string_equal(diag.mistakes[DIAG_MAX].message, "and 4899 more mistakes");
}

static void test_source_attached(void **state)
{
	static const char *const texts[] = {"services:\n- {prt: 80, port: 80, to: 10.0.0.1}\n"};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *text = NULL;

	(void)state;
	assert_null(read_texts(texts, 1, &diag));
	text = diag_text(&diag);
	assert_string_equal(text, "gwd.yaml:2:4: services[0]: unknown key 'prt', did you mean 'port'?\n"
				  "  - {prt: 80, port: 80, to: 10.0.0.1}\n     ^\n");
	assert_null(diag.subject);
}

static void test_hash(void **state)
{
	static const char *const a[] = {"x", "yz"}, *const b[] = {"xy", "z"}, *const c[] = {"x", "yz", ""};
	_cleanup_(documents_freep) struct documents *one = documents(a, 2), *two = documents(b, 2),
						    *three = documents(c, 3);
	static const char *const d[] = {"x", "yz"}, *const e[] = {"xa.yamlyz"};
	_cleanup_(documents_freep) struct documents *apart = documents(d, 2), *glued = documents(e, 1);
	uint64_t hash = documents_hash(one);

	(void)state;
	assert_true(hash != documents_hash(two));
	assert_true(hash != documents_hash(three));
	assert_true(documents_hash(apart) != documents_hash(glued));
	one->items[0].path = diag_file("/etc/gwd/gwd.yaml");
	assert_true(hash == documents_hash(one));
	one->items[0].path = diag_file("/root/new.yaml"); /* `apply FILE`: what runs is what it says, not its name */
	assert_true(hash == documents_hash(one));
	one->items[1].path = diag_file("gwd.d/other.yaml");
	assert_true(hash != documents_hash(one));
}

static void test_keys(void **state)
{
	const char *const *keys = config_keys(), *first = keys[0];
	size_t n = 0;
	bool port = false, addr = false, rate = false, open_from = false;

	(void)state;
	for (; keys[n]; n++) {
		port = port || streq(keys[n], "services.port");
		addr = addr || streq(keys[n], "services.to.addr");
		rate = rate || streq(keys[n], "services.limit.rate");
		open_from = open_from || streq(keys[n], "gateway.open.from");
		assert_false(streq(keys[n], "services.ports") || streq(keys[n], "gateway.open.expires"));
	}
	assert_int_equal(n, 39);
	assert_true(port && addr && rate && open_from);
	assert_ptr_equal(config_keys()[0], first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_default_names),
		cmocka_unit_test(test_several_documents),
		cmocka_unit_test(test_all_in_one_run),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_settings_refused),
		cmocka_unit_test(test_exclusive_needs_lan),
		cmocka_unit_test(test_interfaces_refused),
		cmocka_unit_test(test_interfaces_apart),
		cmocka_unit_test(test_top_level),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_conflicts_across_documents),
		cmocka_unit_test(test_many_mistakes),
		cmocka_unit_test(test_source_attached),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
