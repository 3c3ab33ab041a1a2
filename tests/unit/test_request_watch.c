/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watch on the wire: every kind of event over the fake kernel, watchers that come, go and do not read. */
#include "request_place.h"

#include "events.h"
#include "fake_kernel.h"
#include "wallclock.h"

/* Another client, which watches. */
static int watch(void)
{
	static const char call_text[] = "{\"method\":\"org.gwd.Gateway.Watch\",\"more\":true}";
	int fd = peer_connect(&server.at);

	assert_true(peer_send(&server.at, fd, call_text, sizeof(call_text)));
	json_auto_t *first = peer_receive(&server.at, fd);
	assert_true(json_is_true(json_object_get(first, "continues")));
	assert_int_equal(json_object_size(json_object_get(first, "parameters")), 0);
	return fd;
}

/* The next event: "KIND LEVEL [FORWARD] text" and whether somebody asked. */
static void expect_event(int fd, const char *expected)
{
	json_auto_t *reply = peer_receive(&server.at, fd);
	const json_t *event = at(reply, "event");
	const char *forward = json_string_value(json_object_get(event, "forward"));

	types_assert_reply("Watch", reply);
	assert_non_null(event);
	_cleanup_(freep) char *text = xasprintf(
		"%s %s [%s] %s%s", json_string_value(json_object_get(event, "kind")),
		json_string_value(json_object_get(event, "level")), forward ? forward : "",
		json_string_value(json_object_get(event, "text")), json_object_get(event, "uid") ? " (asked)" : "");
	assert_string_equal(text, expected);
	assert_true(json_integer_value(json_object_get(event, "time")) > 0);
}

static void test_wants_more(void **state)
{
	(void)state;
	NEED_NETNS();
	json_auto_t *reply = call("Watch", "{}");
	assert_string_equal(json_string_value(json_object_get(reply, "error")), "org.varlink.service.ExpectedMore");
}

static void test_changes(void **state)
{
	(void)state;
	NEED_NETNS();
	int fd = watch();
	json_decref(call("Add", WEB "}"));
	expect_event(fd, "change info [web] added web: tcp 80 -> 192.168.1.2:8080 (asked)");
	json_decref(call("Target", "{'name':'web','target':'192.168.1.2:8080','state':'drained'}"));
	expect_event(fd, "change info [web] web: 192.168.1.2:8080 is drained (asked)");
	json_decref(call("Disable", "{'name':'web','dry_run':true}"));
	json_decref(call("Remove", "{'name':'web','confirm':100}"));
	expect_event(fd, "change info [web] removed web: tcp 80 -> 192.168.1.2:8080 (asked)");
	expect_event(fd, "confirm info [] waits 100 s to be confirmed: removed web: tcp 80 -> 192.168.1.2:8080");
	json_decref(call("Undo", "{}"));
	expect_event(fd, "confirm info [web] undid revision 4 (removed web: tcp 80 -> 192.168.1.2:8080) (asked)");
	json_decref(call("Remove", "{'name':'web','confirm':100}"));
	expect_event(fd, "change info [web] removed web: tcp 80 -> 192.168.1.2:8080 (asked)");
	expect_event(fd, "confirm info [] waits 100 s to be confirmed: removed web: tcp 80 -> 192.168.1.2:8080");
	json_decref(call("Confirm", "{}"));
	expect_event(fd, "confirm info [] confirmed: removed web: tcp 80 -> 192.168.1.2:8080 (asked)");
	peer_turn(&server.at, 20);
	assert_false(peer_readable(fd)); /* a dry run is no event */
	close(fd);
}

static void test_ends(void **state)
{
	int64_t now = 4000000000;
	_cleanup_(freep) char *leased =
		xasprintf("{'service':{'name':'web','ports':['80'],'to':[{'addr':'192.168.1.2'}],'expires':'%s'}}",
			  "2096-10-02T07:08:40Z");

	(void)state;
	NEED_NETNS();
	wallclock_fake(now);
	gwd_alarm_event(server.context.gwd);
	int fd = watch();
	json_decref(call("Add", leased));
	expect_event(fd, "change info [web] added web: tcp 80 -> 192.168.1.2:80 (until 2096-10-02T07:08:40Z) (asked)");
	wallclock_fake(now + 100000);
	gwd_alarm_event(server.context.gwd);
	expect_event(fd, "end info [web] web: time is up");
	close(fd);
	wallclock_fake(0);
}

static void test_links(void **state)
{
	(void)state;
	NEED_NETNS();
	json_decref(call("Add", WEB "}"));
	int fd = watch();
	assert_int_equal(netns_try("ip address add 203.0.113.6/24 dev wan0"), 0);
	gwd_links_event(server.context.gwd);
	expect_event(fd, "link info [] wan0 (wan): address 203.0.113.6/24 is there");
	assert_int_equal(netns_try("ip address del 203.0.113.6/24 dev wan0"), 0);
	gwd_links_event(server.context.gwd);
	expect_event(fd, "link info [] wan0 (wan): address 203.0.113.6/24 is gone");
	assert_int_equal(netns_try("ip link set lan0 down"), 0); /* the other end of the cable */
	gwd_links_event(server.context.gwd);
	expect_event(fd, "link info [] wan0 (wan): carrier lost");
	close(fd);
}

static void test_drift(void **state)
{
	(void)state;
	NEED_NETNS();
	json_decref(call("Add", WEB "}"));
	int fd = watch();
	fake_kernel_flush();
	fake_kernel_touch("nft", 77);
	gwd_kernel_event(server.context.gwd);
	json_auto_t *reply = peer_receive(&server.at, fd);
	assert_at(reply, "event.kind", "'drift'");
	assert_at(reply, "event.level", "'note'");
	assert_non_null(strstr(json_string_value(at(reply, "event.text")),
			       "nft (pid 77) changed table inet gwd: put right in"));
	close(fd);
}

/* Whoever does not read costs what the socket holds, others hear everything, and it is told how many it has missed. */
static void test_slow(void **state)
{
	struct events *events;
	uint64_t lost = 0, seen = 0;
	enum { MANY = 20000 };

	(void)state;
	NEED_NETNS();
	events = gwd_events(server.context.gwd);
	int slow = watch(), gone = watch();
	close(gone);
	for (int i = 0; i < MANY; i++) {
		event_say(events, EVENT_LINK, LOG_INFO, "event %d", i);
		if (i % 100 == 0)
			peer_turn(&server.at, 0);
	}
	assert_int_equal(events_stats(events)->watchers, 1);
	while (lost + seen < MANY) {
		json_auto_t *reply = peer_receive(&server.at, slow);

		assert_non_null(reply);
		lost += (uint64_t)json_integer_value(at(reply, "lost"));
		seen++;
	}
	assert_int_equal(lost + seen, MANY);
	assert_true(lost > 0 && seen > EVENTS_KEPT);
	assert_int_equal(events_stats(events)->lost, lost);
	close(slow);
}

/* A watcher that closes its side, and one that is there when gwd ends. */
static void test_over(void **state)
{
	struct events *events;

	(void)state;
	NEED_NETNS();
	events = gwd_events(server.context.gwd);
	int fd = watch(), left = watch();
	shutdown(fd, SHUT_WR);
	assert_true(peer_closed(&server.at, fd));
	assert_int_equal(events_stats(events)->watchers, 1);
	event_say(events, EVENT_DAEMON, LOG_INFO, "the last word");
	expect_event(left, "daemon info [] the last word");
	close(fd); /* `left` is still watching in teardown, which must leak nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wants_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drift, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_over, setup, teardown),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
