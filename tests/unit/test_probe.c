/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe.h"

/* A listener on loopback; its port as text. */
static int open_listener(char port[8])
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_return_code(listen(fd, 1), 0);
	assert_return_code(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	snprintf(port, 8, "%u", ntohs(address.sin_port));
	return fd;
}

static void test_probe(void **state)
{
	char port[8];
	int fd = open_listener(port);
	(void)state;
	assert_int_equal(probe("127.0.0.1", port), 1);
	close(fd);
	assert_int_equal(probe("127.0.0.1", port), 0);
	assert_int_equal(probe("::1", port), 0);
	assert_int_equal(probe("", port), -EINVAL);
	assert_int_equal(probe("127.0.0.1", ""), -EINVAL);
	assert_int_equal(probe("localhost", "80"), -EINVAL); /* nobody asked us to resolve */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
