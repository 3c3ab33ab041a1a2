/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the place of gwd/listeners.c at link time, so that no test depends on what the machine it runs on serves. */
#include "fake_listeners.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

static struct {
	struct listeners all;
	struct peers peers;
	int error;
	unsigned asked, peers_asked;
} fake;

void listeners_free(struct listeners *l)
{
	free(l->items);
	*l = (struct listeners){0};
}

void peers_free(struct peers *p)
{
	free(p->items);
	*p = (struct peers){0};
}

void fake_listeners_reset(void)
{
	listeners_free(&fake.all);
	peers_free(&fake.peers);
	fake.error = 0;
	fake.asked = fake.peers_asked = 0;
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

/* In the order of the tests, which is that of the ports. */
void fake_connect(const char *remote, const char *local, uint16_t port, const char *ifname)
{
	struct peers *p = &fake.peers;
	struct peer new = {.port = port};
	size_t at = listeners_at(&fake.all, port);

	assert(ip_parse(remote, &new.remote) && ip_parse(local, &new.local));
	assert(at < fake.all.n && fake.all.items[at].port == port);
	snprintf(new.ifname, sizeof(new.ifname), "%s", ifname ? ifname : "");
	new.uid = fake.all.items[at].uid;
	new.inode = fake.all.items[at].inode;
	p->items = grow(p->items, p->n, &p->capacity, sizeof(*p->items));
	p->items[p->n++] = new;
}

void fake_listeners_fail(int error)
{
	fake.error = error;
}

unsigned fake_listeners_asked(void)
{
	return fake.asked;
}

unsigned fake_peers_asked(void)
{
	return fake.peers_asked;
}

int listeners_peers(struct port_range ports, struct peers *ret, struct diag *diag)
{
	struct peers found = {0};

	fake.peers_asked++;
	if (fake.error) {
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "the kernel does not say who listens: as scripted");
		return fake.error;
	}
	for (size_t i = 0; i < fake.peers.n; i++) {
		const struct peer *p = &fake.peers.items[i];

		if (p->port < ports.first || p->port > ports.last)
			continue;
		found.items = grow(found.items, found.n, &found.capacity, sizeof(*found.items));
		found.items[found.n++] = *p;
	}
	*ret = found;
	return 0;
}

static bool is_one_of(const struct peers *peers, const struct peer *p)
{
	for (size_t i = 0; i < peers->n; i++)
		if (peers->items[i].port == p->port && ip_cmp(&peers->items[i].remote, &p->remote) == 0)
			return true;
	return false;
}

int listeners_cut(const struct peers *peers, size_t *ret)
{
	struct peers *all = &fake.peers;
	size_t kept = 0;

	for (size_t i = 0; i < all->n; i++)
		if (!is_one_of(peers, &all->items[i]))
			all->items[kept++] = all->items[i];
	*ret = all->n - kept;
	all->n = kept;
	return 0;
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

void listeners_close(void)
{
}
