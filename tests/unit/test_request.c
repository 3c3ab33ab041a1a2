/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole way of a request, from bytes on the socket to gwd.h and back, over the fake kernel. Every reply is held
 * against the interface description, so the tests below only look at what it cannot say. */
#include "request_place.h"

#include "fake_kernel.h"

static void test_add(void **state)
{
	(void)state;
	NEED_NETNS();
	json_auto_t *reply = call("Add", WEB "}");
	assert_at(reply, "outcome",
		  "{'changed':true,'messages':['added web: tcp 80 -> 192.168.1.2:8080'],'revision':2,'warnings':[]}");
	assert_at(reply, "forward.state", "'active'");
	assert_at(reply, "forward.origin", "'runtime'");
	assert_at(reply, "forward.service",
		  "{'enabled':true,'name':'web','ports':['80'],'proto':'tcp','to':[{'addr':'192.168.1.2','port':'8080'}"
		  "]}");
	json_auto_t *again = call("Add", WEB "}");
	assert_at(again, "outcome.changed", "false");
	assert_at(again, "outcome.revision", NULL);
	json_auto_t *history = call("History", "{'max':1}");
	assert_at(history, "revisions.0.what", "'added web: tcp 80 -> 192.168.1.2:8080'");
	assert_at(history, "revisions.0.current", "true");
	assert_at(history, "revisions.1", NULL);
	assert_int_equal(json_integer_value(at(history, "revisions.0.uid")), getuid());
	assert_int_equal(json_integer_value(at(history, "revisions.0.pid")), getpid());
}

static void test_options(void **state)
{
	(void)state;
	NEED_NETNS();
	assert_refusal("Disable", "{'name':'a','force':true}", "org.gwd.Gateway.NotFound",
		       "there is no forward a: gwctl ls"); /* force is an option of every change */
	assert_call("List", "{}", "forwards", "[]");

	json_auto_t *dry = call("Add", WEB ",'dry_run':true,'force':false,'hold':false,'temporary':false}");
	assert_true(json_array_size(at(dry, "outcome.plan")) > 0);
	assert_null(at(dry, "forward"));
	assert_call("List", "{}", "forwards", "[]");
}

/* A call of its own connection, kept open; the first reply. */
static json_t *call_held(int *ret_fd, const char *parameters)
{
	int first = server.fd;

	server.fd = peer_connect(&server.at);
	_cleanup_(freep) char *text = xstrdup(parameters);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	ask_json("Add", json_loads(text, 0, NULL), true);
	json_t *reply = receive("Add");
	*ret_fd = server.fd;
	server.fd = first;
	return reply;
}

static void test_lifetimes(void **state)
{
	int holder, other;

	(void)state;
	NEED_NETNS();
	assert_refusal("Add", WEB ",'hold':true}", "org.gwd.Gateway.Invalid",
		       "hold lasts as long as the connection: call it with `more` and keep it open");
	json_auto_t *temporary = call("Add", WEB ",'temporary':true}");
	assert_at(temporary, "forward.lifetime", "'temporary'");
	assert_at(temporary, "outcome.revision", NULL);
	json_decref(call("Remove", "{'name':'web'}"));

	json_auto_t *dry = call_held(&other, WEB ",'hold':true,'dry_run':true}");
	assert_false(json_is_true(json_object_get(dry, "continues")));
	close(other);
	json_auto_t *held = call_held(&holder, WEB ",'hold':true}");
	assert_true(json_is_true(json_object_get(held, "continues")));
	assert_at(held, "forward.lifetime", "'held open'");
	assert_at(held, "outcome.messages.0", "'added web: tcp 80 -> 192.168.1.2:8080 (held open)'");
	json_auto_t *second = call_held(&other, WEB ",'hold':true}");
	assert_string_equal(json_string_value(json_object_get(second, "error")), "org.gwd.Gateway.Conflict");
	close(other);
	peer_turn(&server.at, 20);
	assert_call("Get", "{'name':'web'}", "forward.state", "'active'");
	close(holder);
	peer_turn(&server.at, 20);
	assert_call("List", "{}", "forwards", "[]");

	json_decref(call("Add", WEB "}")); /* is there for longer: nothing to hold */
	json_auto_t *there = call_held(&holder, WEB ",'hold':true}");
	assert_false(json_is_true(json_object_get(there, "continues")));
	close(holder);
	peer_turn(&server.at, 20);
	assert_call("Get", "{'name':'web'}", "forward.state", "'active'");
}

/* kill reaches the road: a connection of what is removed or put off is cut. */
static void test_kill(void **state)
{
	struct flow flow = {.id = 1, .proto = IPPROTO_TCP, .to_port = 80, .server_port = 8080};

	(void)state;
	NEED_NETNS();
	ip_parse("203.0.113.9", &flow.from);
	ip_parse("203.0.113.5", &flow.to);
	ip_parse("192.168.1.2", &flow.server);
	compile_label(flow.labels);
	json_decref(call("Add", WEB "}"));
	fake_conntrack_put(&flow);
	json_decref(call("Disable", "{'name':'web'}"));
	assert_int_equal(fake_conntrack_count(), 1);
	assert_call("Disable", "{'name':'web','kill':true}", "outcome.messages",
		    "['web is off already','cut 1 connection']");
	assert_int_equal(fake_conntrack_count(), 0);
	json_decref(call("Enable", "{'name':'web'}"));
	fake_conntrack_put(&flow);
	json_auto_t *removed = call("Remove", "{'ports':['80'],'kill':true}");
	assert_at(removed, "outcome.messages.1", "'cut 1 connection'");
}

static void test_target(void **state)
{
	(void)state;
	NEED_NETNS();
	json_decref(call("Add", WEB "}"));
	json_auto_t *reply = call("Target", "{'name':'web','target':'192.168.1.2','state':'drained'}");
	assert_at(reply, "outcome.messages.0", "'web: 192.168.1.2:8080 is drained'");
	assert_at(reply, "forward.orders.0.target", "'192.168.1.2:8080'");
	assert_at(reply, "forward.orders.0.state", "'drained'");
	assert_at(reply, "forward.service.to.0.state", NULL);
	assert_call("Target", "{'name':'web','target':'192.168.1.2','state':'ready'}", "forward.orders", NULL);
	assert_call("Target", "{'name':'web','target':'192.168.1.2','state':'x'}", "parameter", "'state'");
}

static void test_openings(void **state)
{
	(void)state;
	NEED_NETNS();
	assert_call("Open", "{'opening':{'ports':'22','from':['local']}}", "outcome.messages",
		    "['opened tcp 22 from local']");
	assert_call("Open", "{'opening':{'ports':'53','proto':'udp','in':'dmz'},'temporary':true}", "outcome.revision",
		    NULL);
	json_auto_t *now = call("Status", "{}");
	assert_at(now, "openings.0",
		  "{'opening':{'in':'wan','local':true,'ports':'22','proto':'tcp'},'origin':'runtime',"
		  "'reason':'nothing closes this port'}");
	assert_at(now, "openings.1.temporary", "true");
	assert_call("Close", "{'ports':'22'}", "outcome.messages", "['closed tcp 22 from local']");
	assert_call("Close", "{'ports':'22'}", "outcome.messages", "['not there']");
	assert_call("Close", "{'ports':'53','proto':'udp','in':'dmz'}", "outcome.changed", "true");
}

static void test_changes(void **state)
{
	(void)state;
	NEED_NETNS();
	json_decref(call("Add", WEB "}"));
	assert_call("Set", "{'name':'web','changes':{'description':'the site'}}", "forward.service.description",
		    "'the site'");
	assert_call("Set", "{'name':'web','changes':{'description':'other'},'dry_run':true}", "forward", NULL);
	assert_call("Disable", "{'name':'web'}", "outcome.changed", "true");
	assert_call("Get", "{'name':'web'}", "forward.state", "'off'");
	assert_call("Enable", "{'name':'web'}", "outcome.changed", "true");
	assert_call("Get", "{'name':'web'}", "forward.state", "'active'");
	assert_refusal("Remove", "{}", "org.gwd.Gateway.Invalid", "say what to remove: either a name or ports");
	assert_refusal("Remove", "{'name':'web','ports':['80']}", "org.gwd.Gateway.Invalid",
		       "say what to remove: either a name or ports");
	assert_call("Remove", "{'ports':['80'],'proto':'udp'}", "outcome.changed", "false");
	assert_call("Add", "{'replace':true,'service':{'name':'new','ports':['80'],'to':[{'addr':'192.168.1.3'}]}}",
		    "outcome.changed", "true");
	assert_call("Remove", "{'ports':['80'],'proto':'tcp'}", "outcome.changed", "true");
	assert_call("Undo", "{}", "outcome.changed", "true");
	assert_call("Get", "{'name':'new'}", "forward.state", "'active'");
	assert_call("Rollback", "{'revision':2}", "outcome.changed", "true");
	assert_call("Get", "{'name':'web'}", "forward.state", "'active'");
	json_auto_t *history = call("History", "{}");
	assert_at(history, "revisions.0.current", "true");
	assert_at(history, "revisions.1.current", "false");
	assert_at(history, "revisions.1.reverses", "7");
}

/* Every key of a service there and back, as many together as bear each other; and what Export prints says the same. */
static void test_all_keys(void **state)
{
	static const char *const names[] = {"{'name':'rich'}", "{'name':'pinhole'}", "{'name':'moved'}"};
	static const char *const services[] = {
		"'balance':'random','description':'all','enabled':false,'expires':'2099-12-31T23:59:00Z','force':true,"
		"'from':['192.0.2.0/24','198.51.100.7'],'limit':{'connections':50,'rate':'20/second'},"
		"'listen':'203.0.113.5','log':true,'name':'rich','on_expiry':'cut','ports':['443','8000-8010'],"
		"'proto':'tcp+udp','snat':'10.0.0.9','to':[{'addr':'192.168.1.2','weight':2},{'addr':'192.168.1.3'}]",
		"'enabled':true,'name':'pinhole','nat':false,'ports':['80'],'proto':'tcp','to':[{'addr':'2001:db8::10'}"
		"]",
		"'enabled':true,'name':'moved','ports':['25'],'proto':'tcp','to':[{'addr':'192.168.1.2','port':'2525'}"
		"]",
	};

	_cleanup_(freep) char *all = xasprintf("%s%s%s", services[0], services[1], services[2]);

	(void)state;
	for (const char *const *key = config_keys(); *key; key++) {
		const char *dot = strrchr(*key, '.');
		_cleanup_(freep) char *member = xasprintf("'%s", dot ? dot + 1 : "");

		if (strncmp(*key, "services.", 9) == 0 && !strstr(all, member))
			fail_msg("no service here has %s", *key);
	}
	NEED_NETNS();
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		_cleanup_(freep) char *service = xasprintf("{%s}", services[i]);
		_cleanup_(freep) char *parameters = xasprintf("{'service':%s}", service);
		_cleanup_(freep) char *row = xasprintf("forwards.%zu.service", i);

		assert_call("Add", parameters, "forward.service", service);
		assert_call("Get", names[i], "forward.service", service);
		assert_call("List", "{}", row, service);
	}
	json_auto_t *exported = call("Export", "{}"), *before = call("List", "{}");
	ask_json("Apply", json_pack("{s:O}", "text", at(exported, "yaml")), false);
	json_auto_t *applied = receive("Apply");
	assert_at(applied, "outcome.messages.0", "'applied gwd.yaml: nothing changed'");
	assert_call("Get", names[0], "forward.origin", "'gwd.yaml:2'");
	json_auto_t *after = call("List", "{}");
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		_cleanup_(freep) char *row = xasprintf("forwards.%zu.service", i);

		assert_true(json_equal(at(before, row), at(after, row)));
	}
	json_auto_t *again = call("Export", "{}");
	assert_true(json_equal(at(again, "yaml"), at(exported, "yaml")));
}

/* What unsets: an empty text or list; for the numbers inside limit, 0. */
static void test_set_back(void **state)
{
	(void)state;
	NEED_NETNS();
	json_decref(call("Add", "{'service':{'name':'web','ports':['80'],'to':[{'addr':'192.168.1.2'}],"
				"'from':['192.0.2.0/24'],'snat':'never','balance':'random','on_expiry':'cut',"
				"'limit':{'connections':50,'rate':'20/second'},'expires':'2099-12-31T23:59:00Z'}}"));
	assert_call("Set", "{'name':'web','changes':{'limit':{'connections':0}}}", "forward.service.limit",
		    "{'rate':'20/second'}");
	assert_call("Set", "{'name':'web','changes':{'limit':{'rate':'','connections':7}}}", "forward.service.limit",
		    "{'connections':7}");
	assert_call("Set",
		    "{'name':'web','changes':{'limit':{'connections':0},'from':[],'snat':'','balance':'','expires':'',"
		    "'on_expiry':''}}",
		    "forward.service",
		    "{'enabled':true,'name':'web','ports':['80'],'proto':'tcp','to':[{'addr':'192.168.1.2'}]}");
}

static void test_errors(void **state)
{
	(void)state;
	NEED_NETNS();
	json_decref(call("Add", WEB "}"));
	json_auto_t *none = call("Get", "{'name':'nope'}");
	assert_string_equal(json_string_value(json_object_get(none, "error")), "org.gwd.Gateway.NotFound");
	json_auto_t *taken = call("Add", "{'service':{'ports':['79-81'],'to':[{'addr':'192.168.1.2'}]}}");
	assert_string_equal(json_string_value(json_object_get(taken, "error")), "org.gwd.Gateway.Conflict");
	json_auto_t *wrong = call("Add", "{'service':{'prot':'tcp','ports':['0'],'to':[{'addr':'192.168.1.2'}]}}");
	assert_string_equal(json_string_value(json_object_get(wrong, "error")), "org.gwd.Gateway.Invalid");
	assert_non_null(at(wrong, "mistakes.1"));
	fake_kernel_fail_commit(-EPERM);
	json_auto_t *refused = call("Remove", "{'name':'web'}");
	assert_string_equal(json_string_value(json_object_get(refused, "error")), "org.gwd.Gateway.Kernel");
	assert_call("Get", "{'name':'web'}", "forward.state", "'active'");
	assert_call("History", "{'max':-1}", "parameter", "'max'");
	assert_call("Diff", "{'revision':0}", "parameter", "'revision'");
}

static void test_files(void **state)
{
	static const char broken[] = "{'text':'services:\\n  - prot: tcp\\n','path':'/home/x/my.yaml'}";
	static const char good[] =
		"{'text':'services:\\n  - port: 443\\n    to: 192.168.1.9\\n','path':'/home/x/my.yaml'}";

	(void)state;
	NEED_NETNS();
	json_auto_t *check = call("Check", broken);
	assert_at(check, "mistakes.0.file", "'/home/x/my.yaml'");
	assert_at(check, "mistakes.0.line", "2");
	assert_at(check, "mistakes.0.source", "'  - prot: tcp'");
	assert_call("Check", good, "mistakes", "[]");
	assert_call("Check", good, "services", "1");
	json_auto_t *refused = call("Apply", broken);
	assert_at(refused, "mistakes.0.file", "'/home/x/my.yaml'");
	assert_call("Diff", good, "changes", "['+ tcp-443: tcp 443 -> 192.168.1.9:443']");
	assert_call("Apply", good, "outcome.changed", "true");
	assert_call("Diff", good, "changes", "[]");
	assert_call("Diff", "{'revision':1}", "changes", "['- tcp-443: tcp 443 -> 192.168.1.9:443']");
	assert_call("Get", "{'name':'tcp-443'}", "forward.origin", "'/home/x/my.yaml:2'");
	assert_call("Export", "{}", "yaml", "'services:\\n  - name: tcp-443\\n    port: 443\\n    to: 192.168.1.9\\n'");
	assert_call("Import", "{}", "services", "[]");
}

static void test_status(void **state)
{
	(void)state;
	NEED_NETNS();
	json_decref(call("Add", WEB "}"));
	json_auto_t *reply = call("Status", "{}");
	assert_at(reply, "version", "'" GWD_VERSION "'");
	assert_at(reply, "active", "1");
	assert_at(reply, "off", "0");
	assert_at(reply, "table", "true");
	assert_at(reply, "revision", "2");
	assert_at(reply, "forwarding4", "'on by gwd'");
	assert_at(reply, "forwarding6", "'off'");
	assert_at(reply, "interfaces.0.name", "'lan0'");
	assert_at(reply, "interfaces.0.zone", "'none'");
	assert_at(reply, "interfaces.0.why", NULL);
	assert_at(reply, "interfaces.2",
		  "{'addresses':['203.0.113.5/24','2001:db8::5/64'],'name':'wan0','present':true,'why':'default-route',"
		  "'zone':'wan'}");
}

static void assert_wrong_parameter(const char *method, const char *parameters, const char *name)
{
	json_auto_t *reply = call(method, parameters);

	assert_string_equal(json_string_value(json_object_get(reply, "error")), "org.varlink.service.InvalidParameter");
	assert_string_equal(json_string_value(at(reply, "parameter")), name);
}

/* What is asked of the target is answered by the client, and judged then. */
static void test_why(void **state)
{
	(void)state;
	NEED_NETNS();
	json_decref(call("Add", WEB "}"));
	json_auto_t *first = call("Why", "{'port':80}");
	assert_at(first, "packet", "'tcp somebody outside -> 203.0.113.5:80'");
	assert_at(first, "verdict", "'may'");
	assert_at(first, "cause.step", "'target'");
	assert_at(first, "probes.0", "{'addr':'192.168.1.2','answer':'unasked','port':8080,'proto':'tcp'}");
	assert_at(first, "probes.1.source", "'203.0.113.5'");
	json_auto_t *there = call("Why", "{'port':80,'probes':[{'proto':'tcp','addr':'192.168.1.2','port':8080,'answer':"
					 "'accepts'},{'proto':'tcp','addr':'192.168.1.2','port':8080,'source':"
					 "'203.0.113.5','answer':'refused'},{'proto':'tcp','addr':'203.0.113.1','port':9,"
					 "'answer':'refused'}]}");
	assert_at(there, "verdict", "'pass'");
	assert_at(there, "cause", NULL);
	json_auto_t *refused = call("Why", "{'port':80,'probes':[{'proto':'tcp','addr':'192.168.1.2','port':8080,'answer'"
					   ":'refused'}]}");
	assert_at(refused, "cause.step", "'target'");
	assert_at(refused, "cause.verdict", "'fail'");
	json_auto_t *none = call("Why", "{'port':81,'proto':'udp','from':'198.51.100.7','to':'203.0.113.5'}");
	assert_at(none, "packet", "'udp 198.51.100.7 -> 203.0.113.5:81'");
	assert_at(none, "cause.advice", "'gwctl add 81/udp ADDR'"); /* nobody knows whom: it is no command */
	assert_at(none, "cause.remedy", NULL);
	assert_refusal("Why", "{'port':80,'from':'10.0.0.1','to':'fd00::1'}", "org.gwd.Gateway.Invalid",
		       "from and to are of two families: one is IPv4, the other IPv6");
	_cleanup_(freep) char *netfilter = place_path("sys/net/netfilter");
	assert_return_code(mkdir(netfilter, 0755), errno);
	put_file("sys/net/netfilter/nf_conntrack_count", "1000\n");
	put_file("sys/net/netfilter/nf_conntrack_max", "1000\n");
	json_auto_t *full = call("Why", "{'port':80}");
	assert_at(full, "cause.step", "'conntrack'");
	assert_at(full, "cause.remedy", "'sysctl -w net.netfilter.nf_conntrack_max=2000'");
	put_file("sys/net/netfilter/nf_conntrack_count", "999\n");
	json_auto_t *nearly = call("Why", "{'port':80}");
	assert_at(nearly, "cause.step", "'target'");
	assert_wrong_parameter("Why", "{'port':65536}", "port");
	assert_wrong_parameter("Why", "{'port':0}", "port");
	assert_wrong_parameter("Why", "{'port':80,'proto':'tcp+udp'}", "proto");
	assert_wrong_parameter("Why", "{'port':80,'from':'web'}", "from");
	assert_wrong_parameter("Why", "{'port':80,'to':'10.0.0.1/8'}", "to");
	assert_wrong_parameter("Why", "{'port':80,'probes':[{'proto':'tcp','addr':'10.0.0.1','port':1,'answer':'no'}]}",
			       "probes");
}

/* One waits at a time; when it goes nothing is traced any more. */
static void test_why_waits(void **state)
{
	int waiting, first = server.fd;

	(void)state;
	NEED_NETNS();
	assert_wrong_parameter("Why", "{'port':80,'wait':0}", "wait");
	assert_wrong_parameter("Why", "{'port':80,'wait':3601}", "wait");
	json_auto_t *alone = call("Why", "{'port':80,'wait':9}");
	assert_string_equal(json_string_value(json_object_get(alone, "error")), "org.varlink.service.ExpectedMore");
	assert_false(fake_kernel_traces());
	server.fd = waiting = peer_connect(&server.at);
	fake_kernel_lose_reply();
	ask_json("Why", json_pack("{s:i, s:i}", "port", 80, "wait", 9), true);
	json_auto_t *unheard = receive("Why");
	assert_string_equal(json_string_value(json_object_get(unheard, "error")), "org.gwd.Gateway.Kernel");
	assert_false(fake_kernel_traces());
	ask_json("Why", json_pack("{s:i, s:i}", "port", 80, "wait", 9), true);
	json_auto_t *marked = receive("Why");
	assert_true(json_is_true(json_object_get(marked, "continues")));
	assert_true(fake_kernel_traces());
	server.fd = first;
	ask_json("Why", json_pack("{s:i, s:i}", "port", 80, "wait", 9), true);
	json_auto_t *busy = receive("Why");
	assert_string_equal(json_string_value(json_object_get(busy, "error")), "org.gwd.Gateway.Busy");
	close(waiting);
	peer_turn(&server.at, 20);
	assert_false(fake_kernel_traces());
}

/* N services, one port each. */
static void apply_many(int n)
{
	_cleanup_(buf_free) struct buf text = {0};

	buf_printf(&text, "services:\n");
	for (int i = 1; i <= n; i++)
		buf_printf(&text, "  - {port: %d, to: 192.168.1.2}\n", i);
	ask_json("Apply", json_pack("{s:s}", "text", text.data), false);
	json_auto_t *reply = receive("Apply");
	assert_at(reply, "outcome.changed", "true");
}

static void test_list(void **state)
{
	(void)state;
	NEED_NETNS();
	ask_json("List", json_object(), true);
	json_auto_t *empty = receive("List");
	assert_at(empty, "forwards", "[]");
	assert_null(json_object_get(empty, "continues"));

	apply_many(1201);
	json_auto_t *whole = call("List", "{}");
	assert_int_equal(json_array_size(at(whole, "forwards")), 1201);
	assert_at(whole, "forwards.1200.service.name", "'tcp-1201'");
	json_auto_t *some = call("List", "{'pattern':'tcp-120?'}");
	assert_int_equal(json_array_size(at(some, "forwards")), 2);
	ask_json("History", json_object(), true);
	json_auto_t *history = receive("History");
	assert_int_equal(json_array_size(at(history, "revisions")), 2);
}

static void test_long_list(void **state)
{
	size_t rows = 0;
	bool continues = true;

	(void)state;
	NEED_NETNS();
	apply_many(10001);
	json_auto_t *reply = call("List", "{}");
	assert_string_equal(json_string_value(json_object_get(reply, "error")), "org.varlink.service.ExpectedMore");
	ask_json("List", json_object(), true);
	while (continues) {
		json_auto_t *part = receive("List");

		rows += json_array_size(at(part, "forwards"));
		continues = json_is_true(json_object_get(part, "continues"));
	}
	assert_int_equal(rows, 10001);
}

/* Rows with very many ports make smaller messages. */
static void test_wide_rows(void **state)
{
	_cleanup_(buf_free) struct buf text = {0};

	(void)state;
	NEED_NETNS();
	buf_printf(&text, "services:\n");
	for (int i = 0; i < 3; i++) {
		buf_printf(&text, "  - to: 192.168.1.2\n    port: [");
		for (int port = 1; port <= 15000; port++)
			buf_printf(&text, "%d,", 20000 * i + port);
		buf_printf(&text, "]\n");
	}
	ask_json("Apply", json_pack("{s:s}", "text", text.data), false);
	json_decref(receive("Apply"));
	ask_json("List", json_object(), true);
	json_auto_t *part = receive("List");
	assert_in_range(json_array_size(at(part, "forwards")), 1, 2);
	assert_true(json_is_true(json_object_get(part, "continues")));
}

static void test_purge(void **state)
{
	(void)state;
	NEED_NETNS();
	json_decref(call("Add", WEB "}"));
	assert_int_equal(server.quits, 0);
	json_auto_t *reply = call("Purge", "{}"); /* it is answered, and gwd ends */
	assert_null(json_object_get(reply, "error"));
	assert_int_equal(server.quits, 1);
	assert_false(fake_kernel_ruleset()->table);
}

/* Every method of the description has a handler, and only looking is for those who may only look. */
static void test_table(void **state)
{
	static const char *const looks[] = {"List",    "Get",	 "Stats",  "Flows",   "Status", "Check",	"Diff",
					    "History", "Export", "Import", "Watch",  "Metrics", "Why", "Doctor"};
	size_t described = 0, handled = 0, looking = 0;

	(void)state;
	for (const char *s = varlink_description; (s = strstr(s, "\nmethod ")); s++)
		described++;
	for (const struct varlink_method *m = request_methods; m->name; m++) {
		bool look = false;

		for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
			look |= streq(looks[i], m->name);
		assert_non_null(types_find("method", m->name));
		assert_int_equal(m->access, look ? ACCESS_LOOK : ACCESS_CHANGE);
		handled++;
		looking += look;
	}
	assert_int_equal(described, handled);
	assert_int_equal(looking, ARRAY_SIZE(looks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup_teardown(test_add, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lifetimes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_target, setup, teardown),
		cmocka_unit_test_setup_teardown(test_openings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_status, setup, teardown),
		cmocka_unit_test_setup_teardown(test_why, setup, teardown),
		cmocka_unit_test_setup_teardown(test_why_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wide_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_purge, setup, teardown),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
