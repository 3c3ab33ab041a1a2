/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes the place of gwd/conntrack.c at link time. */
#include "conntrack.h"

#include <errno.h>
#include <string.h>

#include "fake_conntrack.h"
#include "util.h"

static struct {
	struct flow *flows;
	size_t n, capacity, lists, blocked;
	struct flow_filter last;
	int error;
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
	(void)c;
	fake.lists++;
	fake.last = *filter;
	for (size_t i = 0; i < fake.n && !fake.error; i++) {
		const struct flow *f = &fake.flows[i];

		if (f->to.family == filter->family && f->proto == filter->proto &&
		    (!filter->port || f->to_port == filter->port))
			each(ctx, f);
	}
	return fake.error;
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
