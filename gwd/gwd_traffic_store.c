/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Totals in the database: written now and then, because none is worth a wait for the disk. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "events.h"
#include "gwd_traffic.h"

#define KEY "traffic" /* when it was stored, from and to of each kind of what was missed, at the end "HERE" and struct living */

enum { NUMBERS = 5 }; /* of struct traffic_counts */

/* ---- Texts --------------------------------------------------------------------------------------- */

static char *target_name(const struct traffic_target *t)
{
	char text[ADDR_TEXT_MAX];

	return t->addr.family ? xasprintf("%s %u-%u", ip_text(&t->addr, text), t->ports.first, t->ports.last)
			      : xstrdup("");
}

static bool target_parse(const char *text, struct ip *ret_addr, struct port_range *ret_ports)
{
	_cleanup_(freep) char *addr = xstrndup(text, strcspn(text, " "));

	*ret_addr = (struct ip){0};
	*ret_ports = (struct port_range){0};
	if (!*text)
		return true;
	return ip_parse(addr, ret_addr) &&
	       sscanf(text + strlen(addr), " %" SCNu16 "-%" SCNu16, &ret_ports->first, &ret_ports->last) == 2;
}

/* And where it was counted, for rows are not all stored at the same time. */
static char *value_of(const struct traffic_row *row, const struct traffic_target *t, const char *here)
{
	const struct traffic_counts *c[] = {&t->ended, &t->told};
	struct buf text = {0};

	buf_printf(&text, "%" PRId64 " %" PRId64, row->since, t->seen);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		buf_printf(&text, " %" PRId64, c[i]->connections);
		for (int k = 0; k < DIRECTIONS; k++)
			buf_printf(&text, " %" PRId64 " %" PRId64, c[i]->packets[k], c[i]->bytes[k]);
	}
	buf_printf(&text, " %s", here);
	return buf_take(&text);
}

static bool counts_parse(const char **text, struct traffic_counts *ret)
{
	int end = 0;

	if (sscanf(*text, " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n", &ret->connections,
		   &ret->packets[FROM_CLIENT], &ret->bytes[FROM_CLIENT], &ret->packets[TO_CLIENT],
		   &ret->bytes[TO_CLIENT], &end) != NUMBERS)
		return false;
	*text += end;
	return true;
}

/* ---- Loading ------------------------------------------------------------------------------------- */

static void load(void *ctx, const char *name, const char *target, const char *value)
{
	const struct gwd *g = ctx;
	struct traffic_target t = {0}, *there;
	struct traffic_row *row;
	int64_t since;
	int end = 0;

	if (sscanf(value, "%" SCNd64 " %" SCNd64 "%n", &since, &t.seen, &end) != 2)
		return;
	value += end;
	if (!counts_parse(&value, &t.ended) || !counts_parse(&value, &t.told) || !target_parse(target, &t.addr, &t.ports))
		return;
	value += strspn(value, " ");
	if (!streq(value, g->here)) /* no connection comes along to another boot or network namespace */
		traffic_all_over(&t);
	row = traffic_row_make(g->ledger->traffic, name, since);
	there = traffic_target_make(row, &t.addr, t.ports);
	*there = t;
}

/* " HERE BEFORE N SUM", or nothing. */
static void load_living(const struct gwd *g, const char *text)
{
	struct living l;
	size_t len = strlen(g->here);

	if (*text++ == ' ' && strncmp(text, g->here, len) == 0 &&
	    sscanf(text + len, " %" SCNd64 " %" SCNd64 " %" SCNd64, &l.before, &l.n, &l.sum) == 3)
		g->ledger->left = l;
}

int traffic_load(struct gwd *g, struct diag *diag)
{
	struct ledger *l = g->ledger;
	struct traffic_missed *m = l->missed;
	_cleanup_(freep) char *text = NULL;
	int end = 0, r = state_get(g->state, KEY, &text, diag);

	if (r < 0)
		return r;
	if (text && sscanf(text,
			   "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n",
			   &l->stored, &m[0].from, &m[0].to, &m[1].from, &m[1].to, &m[2].from, &m[2].to, &end) == 7)
		load_living(g, text + end);
	return state_each_traffic(g->state, load, g, diag);
}

/* ---- Storing ------------------------------------------------------------------------------------- */

static int store_row(const struct gwd *g, const struct traffic_row *row, struct diag *diag)
{
	int r = state_del_traffic(g->state, row->name, diag); /* targets that became one */

	for (size_t i = 0; i < row->n && r == 0; i++) {
		_cleanup_(freep) char *target = target_name(&row->targets[i]);
		_cleanup_(freep) char *value = value_of(row, &row->targets[i], g->here);

		r = state_put_traffic(g->state, row->name, target, value, diag);
	}
	return r;
}

static int store_moment(const struct gwd *g, struct diag *diag)
{
	const struct ledger *l = g->ledger;
	struct buf text = {0};

	buf_printf(&text, "%" PRId64, (int64_t)time(NULL));
	for (size_t i = 0; i < TRAFFIC_MISSED_KINDS; i++)
		buf_printf(&text, " %" PRId64 " %" PRId64, l->missed[i].from, l->missed[i].to);
	if (l->leaving)
		buf_printf(&text, " %s %" PRId64 " %" PRId64 " %" PRId64, g->here, l->living.before, l->living.n,
			   l->living.sum);
	_cleanup_(freep) char *value = buf_take(&text);
	return state_put(g->state, KEY, value, diag);
}

static int store(struct gwd *g, struct traffic_row **rows, size_t n, struct diag *diag)
{
	struct strings *gone = traffic_gone(g->ledger->traffic);
	int r = state_begin_fleeting(g->state, diag);

	if (r < 0)
		return r;
	for (size_t i = 0; i < gone->n && r == 0; i++)
		r = state_del_traffic(g->state, gone->items[i], diag);
	for (size_t i = 0; i < n && r == 0; i++)
		r = store_row(g, rows[i], diag);
	if (r == 0)
		r = store_moment(g, diag);
	if (r == 0)
		return state_commit(g->state, diag);
	state_abort(g->state);
	return r;
}

bool traffic_store(struct gwd *g, size_t max)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) struct traffic_row **rows = NULL;
	struct traffic *t = g->ledger->traffic;
	size_t n = 0, capacity = 0;
	bool more = false;

	for (struct traffic_row *row = traffic_first(t); row && !more; row = row->next) {
		more = row->dirty && n == max;
		if (!row->dirty || more)
			continue;
		rows = grow(rows, n, &capacity, sizeof(struct traffic_row *));
		rows[n++] = row;
	}
	if (state_newer(g->state) || (!n && !traffic_gone(t)->n && g->ledger->idle && !g->ledger->leaving))
		return true;
	if (store(g, rows, n, &diag) < 0) {
		if (!g->ledger->failed)
			event_say(g->events, EVENT_PROBLEM, LOG_WARN,
				  "what passed through forwards could not be stored, and is tried again: %s",
				  diag.n ? diag.mistakes[0].message : "no database");
		g->ledger->failed = true;
		return true;
	}
	g->ledger->failed = false;
	g->ledger->idle = !more;
	strings_free(traffic_gone(t));
	for (size_t i = 0; i < n; i++)
		traffic_stored(t, rows[i]);
	return !more;
}
