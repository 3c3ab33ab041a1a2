/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gwd_place.h with connections, and what is told of them. */
#ifndef TRAFFIC_PLACE_H
#define TRAFFIC_PLACE_H

#include "compile.h"
#include "gwd_place.h"

/* A connection to PORT of 203.0.113.5 (or `to`) that SERVER answers, with 10 packets of 100 bytes from the client and 5
 * of 1000 to it. Ids are the caller's. */
static inline struct flow flow_to(uint32_t id, const char *to, uint16_t port, const char *server, uint16_t server_port)
{
	struct flow f = {.id = id,
			 .proto = IPPROTO_TCP,
			 .from_port = 40000,
			 .to_port = port,
			 .server_port = server_port,
			 .translated = true,
			 .counted = true,
			 .packets = {10, 5},
			 .bytes = {1000, 5000}};

	assert_true(ip_parse("198.51.100.9", &f.from));
	assert_true(ip_parse(to, &f.to));
	assert_true(ip_parse(server, &f.server));
	compile_label(f.labels);
	return f;
}

static inline void put(uint32_t id, uint16_t port, const char *server, uint16_t server_port)
{
	struct flow f = flow_to(id, "203.0.113.5", port, server, server_port);

	fake_conntrack_put(&f);
}

static inline void put_ended(uint32_t id, uint16_t port, const char *server, uint16_t server_port)
{
	put(id, port, server, server_port);
	fake_conntrack_end(id);
}

static inline void add_counts(struct buf *out, const struct traffic_target *t)
{
	const struct traffic_counts *c = &t->told;

	buf_printf(out, "%d/%d in %d:%d out %d:%d", (int)c->connections, (int)t->live, (int)c->packets[0],
		   (int)c->bytes[0], (int)c->packets[1], (int)c->bytes[1]);
}

/* "2/1 in 20:2000 out 10:10000": connections/live, packets:bytes; then " | TARGET ..." of each that anything is known of. */
static inline void assert_traffic(const char *name, const char *expected)
{
	_cleanup_(forward_view_free) struct forward_view v = {0};
	_cleanup_(buf_free) struct buf out = {0};
	_cleanup_(diag_free) struct diag diag = {0};
	char text[ADDR_TEXT_MAX];

	assert_int_equal(gwd_get(place.gwd, name, true, &v, &diag), 0);
	const struct traffic_row row = {.targets = v.traffic, .n = v.n_traffic};
	const struct traffic_target sum = traffic_sum(&row);
	add_counts(&out, &sum);
	for (size_t i = 0; i < v.n_traffic && v.n_traffic > 1; i++) {
		const struct ip *ip = &v.traffic[i].addr;

		buf_printf(&out, " | %s ", ip->family ? ip_text(ip, text) : "others");
		add_counts(&out, &v.traffic[i]);
	}
	assert_string_equal(out.data, expected);
}

#define NOTHING "0/0 in 0:0 out 0:0"
#define ONE_LIVE "1/1 in 10:1000 out 5:5000"
#define ONE_ENDED "1/0 in 10:1000 out 5:5000"

#endif
