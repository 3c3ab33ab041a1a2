/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask.h"

#include "command.h"
#include "probe.h"
#include "util.h"

static struct probe probe_of(const json_t *asked)
{
	struct probe p = {.proto = PROTO_TCP, .port = (uint16_t)json_number(asked, "port")};
	proto_parse(json_text(asked, "proto"), &p.proto);
	ip_parse(json_text(asked, "addr"), &p.to);
	ip_parse(json_text(asked, "source"), &p.source);
	return p;
}

bool ask_probes(json_t *probes, int ms)
{
	size_t n = json_array_size(probes), n_asked = 0, i;
	_cleanup_(freep) struct probe *asked = xcalloc(n, sizeof(*asked));
	_cleanup_(freep) json_t **items = xcalloc(n, sizeof(json_t *));
	json_t *item;
	json_array_foreach(probes, i, item)
	{
		if (!streq(json_text(item, "answer"), "unasked"))
			continue;
		items[n_asked] = item;
		asked[n_asked++] = probe_of(item);
	}
	for (i = 0; i < n_asked; i += ASK_MAX)
		probe_all(asked + i, n_asked - i < ASK_MAX ? n_asked - i : ASK_MAX, ms);
	for (i = 0; i < n_asked; i++)
		json_object_set_new(items[i], "answer", json_string(probe_names[asked[i].answer]));
	return n_asked > 0;
}
