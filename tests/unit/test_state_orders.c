/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is ordered of what is declared, and everything else that is kept by kind and name. */
#include "state_place.h"

static int join_override(void *ctx, const char *name, const struct override *override)
{
	buf_printf(ctx, "%s=%d/%d/%u/%lld ", name, override->enabled, override->declared, (unsigned)override->uid,
		   (long long)override->time);
	return streq(name, "stop") ? 7 : 0;
}

static void test_overrides(void **ctx)
{
	_cleanup_(buf_free) struct buf buf = {0};
	struct override off = {false, true, 4294967294u, 5000000000}, on = {true, false, 0, 1};
	struct state *state = open_again(ctx);
	struct diag diag = {0};

	begin(state);
	OK(state_put_override(state, "web", &on, &diag));
	OK(state_put_override(state, "web", &off, &diag));
	OK(state_put_override(state, "gone", &on, &diag));
	OK(state_put_override(state, "dns", &on, &diag));
	OK(state_del_override(state, "gone", &diag));
	commit(state);
	state_close(state);
	state = open_again(ctx);
	OK(state_each_override(state, join_override, &buf, &diag));
	assert_string_equal(buf.data, "dns=1/0/0/1 web=0/1/4294967294/5000000000 ");
	begin(state);
	OK(state_put_override(state, "stop", &on, &diag));
	commit(state);
	assert_int_equal(state_each_override(state, join_override, &buf, &diag), 7);
	state_close(state);
}

static void test_parse_override(void **ctx)
{
	static const char *const wrong[] = {"", "1", "1 0 5", "1 0 5 ", "2 0 5 6", "1 0 4294967296 6", "1 0 5 6 7",
					    "1 0 -5 6", "1 0 5 99999999999999999999", "1  0 5 6", "x 0 5 6"};
	struct override override = {.uid = 9};

	(void)ctx;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (state_parse_override(wrong[i], &override))
			fail_msg("'%s' was taken", wrong[i]);
	}
	assert_int_equal(override.uid, 9);
	assert_true(state_parse_override("1 0 1000 1800000000", &override));
	assert_true(override.enabled && !override.declared && override.uid == 1000 && override.time == 1800000000);
}

static int join_live(void *ctx, const char *name, const char *value, const char *boot)
{
	assert_true(str_same(boot, streq(value, "short") ? "boot" : NULL));
	buf_printf(ctx, "%s=%s ", name, value);
	return streq(name, "stop") ? 7 : 0;
}

static void test_live(void **ctx)
{
	_cleanup_(buf_free) struct buf targets = {0}, openings = {0};
	struct state *state = open_again(ctx);
	struct diag diag = {0};

	begin(state);
	OK(state_put_live(state, ITEM_TARGET, "web 10.0.0.2", "off 0 1", NULL, &diag));
	OK(state_put_live(state, ITEM_TARGET, "web 10.0.0.2", "drained 0 1", NULL, &diag));
	OK(state_put_live(state, ITEM_TARGET, "a", "gone", NULL, &diag));
	OK(state_put_live(state, ITEM_TARGET, "a", NULL, NULL, &diag));
	OK(state_put_live(state, ITEM_TARGET, "a", NULL, NULL, &diag));
	OK(state_put_live(state, ITEM_OPENING, "web 10.0.0.2", "short", "boot", &diag));
	commit(state);
	state_close(state);
	state = open_again(ctx);
	OK(state_each_live(state, ITEM_TARGET, join_live, &targets, &diag));
	assert_string_equal(targets.data, "web 10.0.0.2=drained 0 1 ");
	OK(state_each_live(state, ITEM_OPENING, join_live, &openings, &diag));
	assert_string_equal(openings.data, "web 10.0.0.2=short ");
	begin(state);
	OK(state_put_live(state, ITEM_TARGET, "stop", "", NULL, &diag));
	commit(state);
	assert_int_equal(state_each_live(state, ITEM_TARGET, join_live, &targets, &diag), 7);
	state_close(state);
}

static void test_order_text(void **ctx)
{
	static const char *const wrong[] = {"", "ready", "drained", "drained 0", "drained 0 1 2", "drain 0 1", "off -1 1"};
	struct order order = {.uid = 9};

	(void)ctx;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (order_parse(wrong[i], &order))
			fail_msg("'%s' was taken", wrong[i]);
	}
	assert_int_equal(order.uid, 9);
	assert_true(order_parse("drained 1000 1800000000", &order));
	assert_true(order.state == TARGET_DRAINED && order.uid == 1000 && order.time == 1800000000);
	_cleanup_(freep) char *text = order_text(&(struct order){TARGET_OFF, 4294967294u, 5000000000});
	assert_string_equal(text, "off 4294967294 5000000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_overrides),
		TEST(test_parse_override),
		TEST(test_live),
		TEST(test_order_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
