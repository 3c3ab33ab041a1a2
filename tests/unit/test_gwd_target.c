/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets that are drained, switched off and readied while everything runs: over restarts, files and history. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_kernel.h"
#include "gwd_place.h"

#define BALANCED                                                                                                       \
	"services:\n"                                                                                                  \
	"  - {name: web, proto: tcp+udp, port: 443, to: ['10.0.0.2:8443', '10.0.0.3:8443', '10.0.0.3:8444']}\n"

/* "10.0.0.2:8443 drained by 1000" of each that is not ready. */
static void assert_orders(const char *name, const char *expected)
{
	_cleanup_(forward_view_free) struct forward_view view = {0};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(buf_free) struct buf out = {0};

	assert_int_equal(gwd_get(place.gwd, name, false, &view, &diag), 0);
	buf_printf(&out, "%s", "");
	for (size_t i = 0; i < view.forward->n_targets; i++) {
		const struct target *t = &view.forward->targets[i];
		_cleanup_(freep) char *text = target_text(view.forward, t);

		if (t->state == TARGET_READY)
			continue;
		assert_true(t->ordered_time > 0);
		buf_printf(&out, "%s%s %s by %u", out.len ? ", " : "", text, target_states[t->state], t->ordered_uid);
	}
	assert_string_equal(out.data, expected);
}

static void balanced(void)
{
	put_file("etc/gwd.yaml", BALANCED);
	start();
}

static void test_declared(void **state)
{
	(void)state;
	NEED_NETNS();
	balanced();
	DONE(try_target("web", "10.0.0.2:8443", TARGET_DRAINED));
	assert_said("web: 10.0.0.2:8443 is drained");
	assert_int_equal(place.diag.n_warnings, 0);
	assert_orders("web", "10.0.0.2:8443 drained by 1000");
	DONE(try_target("web", "10.0.0.2", TARGET_DRAINED));
	assert_said("web: 10.0.0.2:8443 is drained already");
	assert_false(place.outcome.changed);
	DONE(try_target("web", "10.0.0.3:8444", TARGET_OFF));
	restart();
	assert_orders("web", "10.0.0.2:8443 drained by 1000, 10.0.0.3:8444 off by 1000");
	DONE(try_target("web", "10.0.0.3:8443", TARGET_OFF));
	assert_int_equal(place.diag.n_warnings, 1);
	assert_string_equal(place.diag.warnings[0], "web: no target is ready any more: new connections are dropped");
	DONE(try_target("web", "10.0.0.2", TARGET_READY));
	assert_orders("web", "10.0.0.3:8443 off by 1000, 10.0.0.3:8444 off by 1000");
	restart();
	assert_orders("web", "10.0.0.3:8443 off by 1000, 10.0.0.3:8444 off by 1000");
}

static void test_which(void **state)
{
	(void)state;
	NEED_NETNS();
	balanced();
	assert_int_equal(try_target("web", "10.0.0.3", TARGET_OFF), -ENOENT);
	assert_refused(DIAG_NOT_FOUND, "web: '10.0.0.3' does not say which of its targets is meant: 10.0.0.2:8443, "
				       "10.0.0.3:8443, 10.0.0.3:8444");
	assert_int_equal(try_target("web", "10.0.0.2:80", TARGET_OFF), -ENOENT);
	assert_int_equal(try_target("web", "x", TARGET_OFF), -ENOENT);
	assert_int_equal(try_target("wab", "10.0.0.2", TARGET_OFF), -ENOENT);
	assert_refused(DIAG_NOT_FOUND, "there is no forward wab: gwctl ls");
	DONE(try_add("{'name':'six','ports':['80','443'],'to':[{'addr':'fd00::2'}]}"));
	DONE(try_target("six", "FD00::0:2", TARGET_OFF));
	DONE(try_target("six", "[fd00::2]", TARGET_DRAINED));
	assert_orders("six", "fd00::2 drained by 1000");
	add("one", "81", "fd00::2");
	DONE(try_target("one", "[fd00::0:2]:81", TARGET_OFF));
	assert_said("one: [fd00::2]:81 is off");
}

/* What was ordered lasts as long as its target, whatever else changes. */
static void test_file_changes(void **state)
{
	(void)state;
	NEED_NETNS();
	balanced();
	DONE(try_target("web", "10.0.0.2:8443", TARGET_DRAINED));
	DONE(try_target("web", "10.0.0.3:8444", TARGET_OFF));
	put_file("etc/gwd.yaml", "services:\n"
				 "  - {name: web, port: [443, 444], description: x, to: ['10.0.0.4:8443', "
				 "{addr: 10.0.0.2, port: 8443, weight: 2}]}\n");
	DONE(try_apply(NULL, NULL));
	assert_int_equal(place.outcome.n_messages, 2);
	assert_string_equal(place.outcome.messages[1],
			    "web: 10.0.0.3:8444 is no longer off by hand: the forward has it no more");
	assert_orders("web", "10.0.0.2:8443 drained by 1000");
	put_file("etc/gwd.yaml", BALANCED);
	DONE(try_apply(NULL, NULL));
	assert_orders("web", "10.0.0.2:8443 drained by 1000"); /* 10.0.0.3:8444 is another one now */
	put_file("etc/gwd.yaml", "{}\n");
	DONE(try_apply(NULL, NULL));
	put_file("etc/gwd.yaml", BALANCED);
	DONE(try_apply(NULL, NULL));
	assert_orders("web", "");
	restart();
	assert_orders("web", "");
}

static void test_runtime(void **state)
{
	(void)state;
	NEED_NETNS();
	start();
	DONE(try_add("{'name':'web','ports':['443'],'to':[{'addr':'10.0.0.2'},{'addr':'10.0.0.3'}]}"));
	DONE(try_target("web", "10.0.0.2", TARGET_DRAINED));
	DONE(try_add("{'name':'web','ports':['443'],'to':[{'addr':'10.0.0.2'},{'addr':'10.0.0.3'}]}"));
	assert_said("web is there already: tcp 443 -> 10.0.0.2:443, 10.0.0.3:443");
	DONE(try_set("web", "{'name':'shop','to':[{'addr':'10.0.0.3'},{'addr':'10.0.0.2','weight':3}]}"));
	assert_orders("shop", "10.0.0.2:443 drained by 1000");
	DONE(try_enable("shop", false));
	DONE(try_enable("shop", true));
	restart();
	assert_orders("shop", "10.0.0.2:443 drained by 1000");
	DONE(try_set("shop", "{'to':[{'addr':'10.0.0.3'}]}"));
	DONE(try_set("shop", "{'to':[{'addr':'10.0.0.3'},{'addr':'10.0.0.2'}]}"));
	assert_orders("shop", "");
	DONE(try_target("shop", "10.0.0.2", TARGET_OFF));
	DONE(try_remove("shop"));
	DONE(try_add("{'name':'shop','ports':['443'],'to':[{'addr':'10.0.0.2'},{'addr':'10.0.0.3'}]}"));
	restart();
	assert_orders("shop", "");
}

static void test_history(void **state)
{
	int64_t before;

	(void)state;
	NEED_NETNS();
	balanced();
	DONE(try_add("{'name':'new','ports':['80'],'to':[{'addr':'10.0.0.2'},{'addr':'10.0.0.3'}]}"));
	before = place.outcome.revision;
	DONE(try_target("web", "10.0.0.2", TARGET_DRAINED));
	DONE(try_target("web", "10.0.0.2", TARGET_OFF));
	DONE(try_target("new", "10.0.0.3", TARGET_DRAINED));
	DONE(try_remove("new"));
	DONE(try_undo());
	assert_orders("new", "10.0.0.3:80 drained by 1000");
	DONE(try_undo());
	assert_orders("new", "");
	assert_string_equal(place.outcome.messages[0], "undid revision 5: changed new: tcp 80 -> 10.0.0.2:80, 10.0.0.3:80, was tcp 80 -> 10.0.0.2:80, 10.0.0.3:80, 10.0.0.3:80 drained");
	DONE(try_undo());
	assert_orders("web", "10.0.0.2:8443 drained by 1000");
	restart();
	assert_orders("web", "10.0.0.2:8443 drained by 1000");
	DONE(try_rollback(before));
	assert_orders("web", "");
	DONE(try_undo());
	assert_orders("web", "10.0.0.2:8443 drained by 1000");
}

static void test_refused_by_the_kernel(void **state)
{
	(void)state;
	NEED_NETNS();
	balanced();
	DONE(try_target("web", "10.0.0.2", TARGET_DRAINED));
	fake_kernel_fail_commit(-EINVAL);
	assert_true(try_target("web", "10.0.0.2", TARGET_READY) < 0);
	assert_orders("web", "10.0.0.2:8443 drained by 1000");
	place.options.dry_run = true;
	DONE(try_target("web", "10.0.0.2", TARGET_READY));
	assert_said("would be done: web: 10.0.0.2:8443 is ready");
	assert_non_null(place.outcome.plan);
	assert_orders("web", "10.0.0.2:8443 drained by 1000");
	restart();
	assert_orders("web", "10.0.0.2:8443 drained by 1000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_declared), IN_PLACE(test_which),   IN_PLACE(test_file_changes),
		IN_PLACE(test_runtime),  IN_PLACE(test_history), IN_PLACE(test_refused_by_the_kernel),
	};

	netns_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
