/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the place of gwd/conntrack.c at link time. */
#include "conntrack.h"

#include <errno.h>
#include <string.h>

#include "conntrack_msg.h"
#include "fake_conntrack.h"
#include "util.h"

static struct {
	struct flow *flows;
	size_t n, capacity, lists, blocked;
	struct flow_filter last;
	int error;
	struct flow *ends; /* not told yet */
	size_t n_ends, ends_capacity;
	uint32_t ends_while; /* it is listed; 0 = none */
	bool again;
	bool listening, lost;
} fake;

int conntrack_open(struct conntrack **ret)
{
	*ret = NULL;
	return 0;
}

void conntrack_close(struct conntrack *c)
{
	(void)c;
}

int conntrack_list(struct conntrack *c, const struct flow_filter *filter, void (*each)(void *ctx, const struct flow *),
		   void *ctx)
{
	struct flow_latest latest = {0};
	bool again = fake.again;

	(void)c;
	fake.lists++;
	fake.last = *filter;
	for (size_t i = 0; i < fake.n && !fake.error; i++) {
		const struct flow *f = &fake.flows[i];

		if (!flow_passes(f, filter) || flow_again(&latest, f))
			continue;
		each(ctx, f);
		if (fake.ends_while && f->id == fake.ends_while) {
			fake_conntrack_end(f->id);
			i--;
		}
		if (again && i + 1 == fake.n) {
			again = false;
			i = SIZE_MAX;
		}
	}
	return fake.error;
}

int conntrack_ends_open(size_t buffer, struct conntrack_ends **ret)
{
	(void)buffer;
	*ret = NULL;
	return 0;
}

void conntrack_ends_close(struct conntrack_ends *e)
{
	(void)e;
	fake.listening = false;
	fake.n_ends = 0;
}

int conntrack_ends_listen(struct conntrack_ends *e, bool on)
{
	(void)e;
	fake.listening = on;
	return 0;
}

int conntrack_ends_fd(const struct conntrack_ends *e)
{
	(void)e;
	return -1;
}

bool conntrack_ends_read(struct conntrack_ends *e, void (*each)(void *ctx, const struct flow *), void *ctx)
{
	bool lost = fake.lost;

	(void)e;
	for (size_t i = 0; i < fake.n_ends; i++)
		each(ctx, &fake.ends[i]);
	fake.n_ends = 0;
	fake.lost = false;
	return lost;
}

int conntrack_cut(struct conntrack *c, const struct flow *flow, const struct ip *server, uint16_t port)
{
	(void)port;
	(void)c;
	for (size_t i = 0; i < fake.n; i++) {
		if (fake.flows[i].id != flow->id)
			continue;
		fake.blocked += !server;
		fake.n--;
		memmove(&fake.flows[i], &fake.flows[i + 1], (fake.n - i) * sizeof(*fake.flows));
		return 0;
	}
	return -ENOENT;
}

void fake_conntrack_reset(void)
{
	free(fake.flows);
	free(fake.ends);
	memset(&fake, 0, sizeof(fake));
}

void fake_conntrack_put(const struct flow *flow)
{
	fake.flows = grow(fake.flows, fake.n, &fake.capacity, sizeof(*fake.flows));
	fake.flows[fake.n++] = *flow;
}

size_t fake_conntrack_count(void)
{
	return fake.n;
}

const struct flow *fake_conntrack_flow(size_t i)
{
	return &fake.flows[i];
}

size_t fake_conntrack_lists(struct flow_filter *ret_last)
{
	if (ret_last)
		*ret_last = fake.last;
	return fake.lists;
}

size_t fake_conntrack_blocked(void)
{
	return fake.blocked;
}

void fake_conntrack_fail(int error)
{
	fake.error = error;
}

/* A connection that is there comes to its end, and that is told if somebody listens. */
void fake_conntrack_end(uint32_t id)
{
	for (size_t i = 0; i < fake.n; i++) {
		if (fake.flows[i].id != id)
			continue;
		if (fake.listening) {
			fake.ends = grow(fake.ends, fake.n_ends, &fake.ends_capacity, sizeof(*fake.ends));
			fake.ends[fake.n_ends++] = fake.flows[i];
		}
		fake.n--;
		memmove(&fake.flows[i], &fake.flows[i + 1], (fake.n - i) * sizeof(*fake.flows));
		return;
	}
}

struct flow *fake_conntrack_find(uint32_t id)
{
	for (size_t i = 0; i < fake.n; i++)
		if (fake.flows[i].id == id)
			return &fake.flows[i];
	return NULL;
}

void fake_conntrack_end_while_listed(uint32_t id)
{
	fake.ends_while = id;
}

void fake_conntrack_lose(void)
{
	fake.n_ends = 0;
	fake.lost = true;
}

bool fake_conntrack_listening(void)
{
	return fake.listening;
}

void fake_conntrack_list_again(void)
{
	fake.again = true;
}
