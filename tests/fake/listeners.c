/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the place of gwd/listeners.c at link time, so that no test depends on what the machine it runs on serves. */
#include "fake_listeners.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

static struct {
	struct listeners all;
	int error;
	unsigned asked;
} fake;

void listeners_free(struct listeners *l)
{
	free(l->items);
	*l = (struct listeners){0};
}

void fake_listeners_reset(void)
{
	listeners_free(&fake.all);
	fake.error = 0;
	fake.asked = 0;
}

static int by_port(const void *a, const void *b)
{
	const struct listener *x = a, *y = b;

	return x->port - y->port;
}

void fake_listen(enum proto proto, const char *ip, uint16_t port, const char *ifname)
{
	struct listeners *l = &fake.all;
	struct listener new = {.proto = (uint8_t)proto, .port = port, .uid = 7, .inode = 1000 + (uint32_t)l->n};

	new.ip.family = strchr(ip, ':') ? AF_INET6 : AF_INET;
	if (!streq(ip, "::") && !streq(ip, "0.0.0.0"))
		assert(ip_parse(ip, &new.ip));
	snprintf(new.ifname, sizeof(new.ifname), "%s", ifname ? ifname : "");
	l->items = grow(l->items, l->n, &l->capacity, sizeof(*l->items));
	l->items[l->n++] = new;
	qsort(l->items, l->n, sizeof(*l->items), by_port);
}

void fake_listeners_fail(int error)
{
	fake.error = error;
}

unsigned fake_listeners_asked(void)
{
	return fake.asked;
}

int listeners_read(uint8_t protos, struct port_range ports, struct listeners *ret, struct diag *diag)
{
	struct listeners found = {0};

	fake.asked++;
	if (fake.error) {
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "the kernel does not say who listens: as scripted");
		return fake.error;
	}
	for (size_t i = 0; i < fake.all.n; i++) {
		const struct listener *l = &fake.all.items[i];

		if (!(l->proto & protos) || l->port < ports.first || l->port > ports.last)
			continue;
		found.items = grow(found.items, found.n, &found.capacity, sizeof(*found.items));
		found.items[found.n++] = *l;
	}
	*ret = found;
	return 0;
}

size_t listeners_at(const struct listeners *l, uint16_t port)
{
	size_t i = 0;

	while (i < l->n && l->items[i].port < port)
		i++;
	return i;
}
