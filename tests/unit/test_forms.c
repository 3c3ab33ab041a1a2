/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "forms.h"
#include "util.h"

static void expect(json_t *made, const char *json, const struct diag *diag)
{
	if (diag->n)
		print_error("%s\n", diag->mistakes[0].message);
	assert_int_equal(diag->n, 0);
	assert_non_null(made);
	json_auto_t *wanted = json_loads(json, 0, NULL);
	assert_non_null(wanted);
	_cleanup_(freep) char *got = json_dumps(made, JSON_COMPACT | JSON_SORT_KEYS);
	_cleanup_(freep) char *want = json_dumps(wanted, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(got, want);
	json_decref(made);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__}), ARRAY_SIZE(((const char *const[]){__VA_ARGS__}))

static void test_service(void **state)
{
	struct arguments a = {0};
	struct diag diag = {0};
	(void)state;
	expect(forms_service(&a, WORDS("80", "192.168.0.102"), &diag),
	       "{\"ports\":[\"80\"],\"to\":[{\"addr\":\"192.168.0.102\"}]}", &diag);
	expect(forms_service(&a, WORDS("80,8000-8010/tcp+udp", "10.0.0.2:90"), &diag),
	       "{\"ports\":[\"80\",\"8000-8010\"],\"proto\":\"tcp+udp\",\"to\":[{\"addr\":\"10.0.0.2\",\"port\":\"90\"}"
	       "]}",
	       &diag);
	expect(forms_service(&a, WORDS("203.0.113.5:443", "10.0.0.5:8443"), &diag),
	       "{\"listen\":\"203.0.113.5\",\"ports\":[\"443\"],\"to\":[{\"addr\":\"10.0.0.5\",\"port\":\"8443\"}]}",
	       &diag);
	expect(forms_service(&a, WORDS("eth0:53/udp", "10.0.0.53"), &diag),
	       "{\"listen\":\"eth0\",\"ports\":[\"53\"],\"proto\":\"udp\",\"to\":[{\"addr\":\"10.0.0.53\"}]}", &diag);
	expect(forms_service(&a, WORDS("[2001:db8::1]:80", "[fd00::10]:80"), &diag),
	       "{\"listen\":\"2001:db8::1\",\"ports\":[\"80\"],\"to\":[{\"addr\":\"fd00::10\",\"port\":\"80\"}]}",
	       &diag);
	expect(forms_service(&a, WORDS("443", "10.0.0.2:8443", "10.0.0.3:8443@2"), &diag),
	       "{\"ports\":[\"443\"],\"to\":[{\"addr\":\"10.0.0.2\",\"port\":\"8443\"},"
	       "{\"addr\":\"10.0.0.3\",\"port\":\"8443\",\"weight\":2}]}",
	       &diag);
}

static void test_service_options(void **state)
{
	struct arguments a = {.values = {[OPTION_NAME] = "12",
					 [OPTION_DESCRIPTION] = "true",
					 [OPTION_PROTO] = "udp",
					 [OPTION_LISTEN] = "eth0",
					 [OPTION_DISABLED] = "disabled"}};
	struct arguments empty = {.values = {[OPTION_NAME] = "",
					     [OPTION_DESCRIPTION] = "",
					     [OPTION_PROTO] = "",
					     [OPTION_LISTEN] = "",
					     [OPTION_DISABLED] = ""}};
	struct diag diag = {0};
	(void)state;
	expect(forms_service(&a, WORDS("80/udp", "10.0.0.2"), &diag),
	       "{\"name\":\"12\",\"description\":\"true\",\"proto\":\"udp\",\"listen\":\"eth0\",\"enabled\":false,"
	       "\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.2\"}]}",
	       &diag);
	expect(forms_service(&empty, WORDS("80", "10.0.0.2"), &diag),
	       "{\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.2\"}]}", &diag);
	expect(forms_changes(&a, NULL, 0, &diag),
	       "{\"name\":\"12\",\"description\":\"true\",\"proto\":\"udp\",\"listen\":\"eth0\",\"enabled\":false}",
	       &diag);
	expect(forms_changes(&empty, WORDS("10.0.0.3"), &diag),
	       "{\"name\":\"\",\"description\":\"\",\"proto\":\"\",\"listen\":\"\",\"enabled\":true,"
	       "\"to\":[{\"addr\":\"10.0.0.3\"}]}",
	       &diag);
	expect(forms_changes(&(struct arguments){0}, NULL, 0, &diag), "{}", &diag);
}

static void test_selector(void **state)
{
	struct diag diag = {0};
	(void)state;
	expect(forms_selector("shop", &diag), "{\"name\":\"shop\"}", &diag);
	expect(forms_selector("tcp-80", &diag), "{\"name\":\"tcp-80\"}", &diag);
	expect(forms_selector("80a", &diag), "{\"name\":\"80a\"}", &diag);
	expect(forms_selector("80", &diag), "{\"ports\":[\"80\"]}", &diag);
	expect(forms_selector("8000-8010", &diag), "{\"ports\":[\"8000-8010\"]}", &diag);
	expect(forms_selector("53/udp", &diag), "{\"ports\":[\"53\"],\"proto\":\"udp\"}", &diag);
	expect(forms_selector("eth0:80", &diag), "{\"listen\":\"eth0\",\"ports\":[\"80\"]}", &diag);
	expect(forms_selector("eth0:80,443", &diag), "{\"listen\":\"eth0\",\"ports\":[\"80\",\"443\"]}", &diag);
	expect(forms_selector("[2001:db8::1]:80", &diag), "{\"listen\":\"2001:db8::1\",\"ports\":[\"80\"]}", &diag);
}

static void test_more_options(void **state)
{
	struct arguments a = {.values = {[OPTION_FROM] = "198.51.100.0/24, 10.0.0.1",
					 [OPTION_SNAT] = "never",
					 [OPTION_LIMIT_CONNECTIONS] = "50",
					 [OPTION_LIMIT_RATE] = "20/second",
					 [OPTION_LOG] = "log",
					 [OPTION_BALANCE] = "random",
					 [OPTION_NO_NAT] = "no-nat"}};
	struct arguments empty = {.values = {[OPTION_FROM] = "",
					     [OPTION_SNAT] = "",
					     [OPTION_LIMIT_CONNECTIONS] = "",
					     [OPTION_LIMIT_RATE] = "",
					     [OPTION_LOG] = "",
					     [OPTION_BALANCE] = "",
					     [OPTION_NO_NAT] = ""}};
	struct arguments one = {.values = {[OPTION_LIMIT_RATE] = "5/hour"}};
	struct diag diag = {0};
	(void)state;
	expect(forms_changes(&a, NULL, 0, &diag),
	       "{\"from\":[\"198.51.100.0/24\",\"10.0.0.1\"],\"snat\":\"never\",\"limit\":{\"connections\":50,"
	       "\"rate\":\"20/second\"},\"log\":true,\"balance\":\"random\",\"nat\":false}",
	       &diag);
	expect(forms_changes(&empty, NULL, 0, &diag),
	       "{\"from\":[],\"snat\":\"\",\"limit\":{\"connections\":0,\"rate\":\"\"},\"log\":false,\"balance\":\"\","
	       "\"nat\":true}",
	       &diag);
	expect(forms_service(&empty, WORDS("80", "10.0.0.2"), &diag),
	       "{\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.2\"}]}", &diag);
	expect(forms_changes(&one, NULL, 0, &diag), "{\"limit\":{\"rate\":\"5/hour\"}}", &diag);
}

static void test_opening(void **state)
{
	struct arguments a = {.values = {[OPTION_FROM] = "local,10.0.0.0/8",
					 [OPTION_IN] = "dmz",
					 [OPTION_EXPIRES] = "2026-12-31T23:59:00Z"}};
	struct diag diag = {0};
	(void)state;
	expect(forms_opening(&(struct arguments){0}, "8000-8010", &diag), "{\"ports\":\"8000-8010\"}", &diag);
	expect(forms_opening(&a, "53/udp", &diag),
	       "{\"ports\":\"53\",\"proto\":\"udp\",\"from\":[\"local\",\"10.0.0.0/8\"],\"in\":\"dmz\","
	       "\"expires\":\"2026-12-31T23:59:00Z\"}",
	       &diag);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *words[2], *proto, *says;
	} cases[] = {
		{{"192.168.0.102", "80"}, NULL, "the port comes first: gwctl add 80 192.168.0.102"},
		{{"2001:db8::1:80", "fd00::10"}, NULL, "an IPv6 address with a port is [ADDR]:PORT"},
		{{"[2001:db8::1]80", "fd00::10"}, NULL, "an IPv6 address with a port is [ADDR]:PORT"},
		{{":80", "10.0.0.2"}, NULL, "':80' cannot be read"},
		{{"80/", "10.0.0.2"}, NULL, "stands a protocol"},
		{{"80/udp", "10.0.0.2"}, "tcp", "proto is said twice: tcp and udp"},
		{{"80", "[fd00::10"}, NULL, "cannot be read"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct arguments a = {.values = {[OPTION_PROTO] = cases[i].proto}};
		struct diag diag = {0};
		assert_null(forms_service(&a, cases[i].words, 2, &diag));
		assert_true(diag.n > 0);
		assert_non_null(strstr(diag.mistakes[0].message, cases[i].says));
		diag_free(&diag);
	}
}

static void test_texts(void **state)
{
	static const struct {
		const char *service, *listen, *targets;
	} cases[] = {
		{"{\"proto\":\"tcp\",\"ports\":[\"80\"],\"to\":[{\"addr\":\"10.0.0.2\"}]}", "tcp 80", "10.0.0.2:80"},
		{"{\"proto\":\"udp\",\"listen\":\"eth0\",\"ports\":[\"80\",\"443\"],\"to\":[{\"addr\":\"fd00::1\"}]}",
		 "udp eth0:80,443", "fd00::1"},
		{"{\"proto\":\"tcp\",\"listen\":\"2001:db8::1\",\"ports\":[\"80-90\"],\"to\":[{\"addr\":\"fd00::1\"},"
		 "{\"addr\":\"fd00::2\",\"port\":\"7\",\"weight\":2}]}",
		 "tcp [2001:db8::1]:80-90", "[fd00::1]:80-90, [fd00::2]:7@2"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_auto_t *service = json_loads(cases[i].service, 0, NULL);
		_cleanup_(freep) char *listen = forms_listen_text(service);
		_cleanup_(freep) char *targets = forms_targets_text(service);
		assert_string_equal(listen, cases[i].listen);
		assert_string_equal(targets, cases[i].targets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service),  cmocka_unit_test(test_service_options),
		cmocka_unit_test(test_selector), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_texts),    cmocka_unit_test(test_more_options),
		cmocka_unit_test(test_opening),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
