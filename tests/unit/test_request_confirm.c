/* SPDX-License-Identifier: GPL-2.0-or-later */
/* confirm and session on the wire, and what is told of a change that waits. */
#include "request_place.h"

#include "fake_kernel.h"

static void test_confirm(void **state)
{
	static const char *const wrong[] = {"'confirm':0", "'confirm':-1", "'confirm':2592001",
					    "'confirm':1,'session':"};
	_cleanup_(freep) char *long_text = xasprintf("%0257d", 0);

	(void)state;
	NEED_NETNS();
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		bool session = i == ARRAY_SIZE(wrong) - 1;
		_cleanup_(freep) char *parameters = xasprintf(WEB ",%s%s%s%s}", wrong[i], session ? "'" : "",
							      session ? long_text : "", session ? "'" : "");
		json_auto_t *reply = call("Add", parameters);

		assert_string_equal(json_string_value(json_object_get(reply, "error")),
				    "org.varlink.service.InvalidParameter");
		assert_at(reply, "parameter", session ? "'session'" : "'confirm'");
	}
	assert_call("Status", "{}", "pending", NULL);
	json_auto_t *added = call("Add", WEB ",'confirm':1000,'session':'one'}");
	assert_at(
		added, "outcome.messages.1",
		"'taken back by itself in 1000 s, unless it is confirmed: open a second session and type gwctl confirm "
		"there'");
	json_auto_t *status = call("Status", "{}");
	assert_at(status, "pending.what", "'added web: tcp 80 -> 192.168.1.2:8080'");
	assert_at(status, "pending.revision", "2");
	assert_in_range(json_integer_value(at(status, "pending.seconds")), 900, 1000);
	assert_int_equal(json_integer_value(at(status, "pending.uid")), getuid());
	json_auto_t *history = call("History", "{}");
	assert_at(history, "revisions.0.pending", "true");
	assert_at(history, "revisions.1.pending", NULL);
	json_auto_t *refused = call("Remove", "{'name':'web'}");
	assert_string_equal(json_string_value(json_object_get(refused, "error")), "org.gwd.Gateway.Pending");
	refused = (json_decref(refused), call("Confirm", "{'session':'one'}"));
	assert_string_equal(json_string_value(json_object_get(refused, "error")), "org.gwd.Gateway.Pending");
	assert_call("Confirm", "{'session':'two'}", "outcome.messages.0",
		    "'confirmed: added web: tcp 80 -> 192.168.1.2:8080'");
	refused = (json_decref(refused), call("Confirm", "{'session':'one','force':true}"));
	assert_string_equal(json_string_value(json_object_get(refused, "error")), "org.gwd.Gateway.NotFound");
	assert_call("Status", "{}", "pending", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_confirm, setup, teardown),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
