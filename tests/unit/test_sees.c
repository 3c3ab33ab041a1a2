/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sees.h"

/* A gateway between wan 203.0.113.1/24 and lan 10.0.0.1/24, whose wan is the LAN of other servers. */
static struct interface interfaces[] = {
	{.name = "lan", .zone = ZONE_LAN, .present = true, .l3 = true},
	{.name = "wan", .zone = ZONE_WAN, .present = true, .l3 = true},
};
static struct local_address addresses[] = {
	{.prefix_len = 8, .ifname = "wan"},
	{.prefix_len = 24, .ifname = "lan"},
	{.prefix_len = 24, .ifname = "wan"},
	{.prefix_len = 64, .ifname = "lan"},
};
static const struct topology topology = {
	.interfaces = interfaces, .n_interfaces = 2, .addresses = addresses, .n_addresses = 4, .wan_known = true};

static void assert_sees(const char *to, struct snat snat, struct snat all, const char *listen_if, const char *expected)
{
	struct target target = {.weight = 1};
	struct settings settings = {.snat = all};
	struct forward f = {.targets = &target, .n_targets = 1, .snat = snat};
	_cleanup_(freep) char *text = NULL;

	assert_true(ip_parse(to, &target.addr));
	f.family = target.addr.family;
	if (listen_if) {
		f.listen.kind = LISTEN_INTERFACE;
		memcpy(f.listen.ifname, listen_if, strlen(listen_if) + 1);
	}
	text = sees_text(&topology, &settings, &f, &target);
	assert_string_equal(text, expected);
}

#define MODE(m) ((struct snat){.mode = SNAT_##m})

static void test_modes(void **state)
{
	struct snat fixed = {.mode = SNAT_ADDRESS};

	(void)state;
	ip_parse("10.0.0.99", &fixed.addr);
	assert_sees("203.0.113.80", MODE(DEFAULT), MODE(AUTO), NULL, "as 203.0.113.1 (same network)");
	assert_sees("10.0.0.2", MODE(DEFAULT), MODE(AUTO), NULL,
		    "with their own addresses, those of its own network as 10.0.0.1");
	assert_sees("fd00::2", MODE(DEFAULT), MODE(AUTO), NULL,
		    "with their own addresses, those of its own network as fd00::1");
	assert_sees("192.0.2.7", MODE(DEFAULT), MODE(AUTO), NULL, "with their own addresses");
	assert_sees("203.0.113.80", MODE(ROUTED), MODE(AUTO), NULL,
		    "with their own addresses, those of its own network as 203.0.113.1 (snat: routed)");
	assert_sees("10.0.0.2", MODE(DEFAULT), MODE(ALWAYS), NULL, "as 10.0.0.1 (snat: always)");
	assert_sees("192.0.2.7", MODE(ALWAYS), MODE(AUTO), NULL, "as this gateway (snat: always)");
	assert_sees("203.0.113.80", MODE(NEVER), MODE(ALWAYS), NULL, "with their own addresses (snat: never)");
	assert_sees("10.0.0.2", fixed, MODE(AUTO), NULL, "as 10.0.0.99 (snat: 10.0.0.99)");
	assert_sees("10.0.0.2", MODE(DEFAULT), fixed, NULL, "as 10.0.0.99 (snat: 10.0.0.99)");
	/* which is of the other family */
	assert_sees("fd00::2", MODE(DEFAULT), fixed, NULL,
		    "with their own addresses, those of its own network as fd00::1");
}

/* Where clients come in is what the forward listens on; the narrowest network is the target's. */
static void test_ways(void **state)
{
	(void)state;
	assert_sees("10.0.0.2", MODE(DEFAULT), MODE(AUTO), "lan", "as 10.0.0.1 (same network)");
	assert_sees("203.0.113.80", MODE(DEFAULT), MODE(AUTO), "lan",
		    "with their own addresses, those of its own network as 203.0.113.1");
	assert_sees("10.9.0.2", MODE(DEFAULT), MODE(AUTO), NULL, "as 10.9.9.9 (same network)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_ways),
	};
	static const char *const texts[] = {"10.9.9.9", "10.0.0.1", "203.0.113.1", "fd00::1"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ip_parse(texts[i], &addresses[i].ip);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
