/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cannot be done faster: the same bytes to the same kernel and disk, without anybody thinking about them. Uses the
 * daemon's own modules to make those bytes beforehand. One sample "NAME SIDE ROUND MILLISECONDS" per call.
 *
 *   limits load NAME SIDE ROUND FILE    a table of that gwd.yaml in one netlink batch, which was made before
 *   limits parse NAME SIDE ROUND FILE   reading that gwd.yaml
 *   limits dump NAME SIDE ROUND         receiving all elements of table inet gwd, parsing nothing
 *   limits add NAME SIDE ROUND COUNT DIR  COUNT times: one element, and one row by SQLite with a synced commit in DIR;
 *                                          microseconds, the median
 * It ends too soon to free what it used. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sqlite3.h>
#include <string.h>

#include "bench.h"
#include "compile.h"
#include "files.h"
#include "kernel.h"
#include "nft_put.h"
#include "nl.h"

static const char *name;
static int side;
static unsigned round_number;

static void took(double start)
{
	sample(name, side, round_number, (now() - start) * 1e3);
}

static struct config *parse(const char *path)
{
	struct diag diag = {0};
	struct documents *docs = files_read(path, NULL, 0, NULL, &diag);
	struct config *config = docs ? config_read(docs, &diag) : NULL;

	documents_freep(&docs);
	if (!config)
		die("%s: %s", path, diag.n ? diag.mistakes[0].message : "unreadable");
	return config;
}

static void send_batch(struct nl *nl, const struct nft_batch *batch)
{
	struct nl_error error;
	int r = nl_batch(nl, batch->buf.data, batch->buf.len, &error, 1);

	if (r != 0)
		die("the batch is refused: %s", strerror(r < 0 ? -r : -error.error));
}

static struct nl *netfilter(void)
{
	struct nl *nl;

	if (nl_open(NETLINK_NETFILTER, &nl) < 0)
		die("no netlink socket");
	return nl;
}

static void load(const char *path)
{
	struct ruleset *nothing = ruleset_new(), *want = compile_config(parse(path));
	struct nft_batch *in = nft_put_plan(plan_diff(nothing, want), 0);
	struct nft_batch *out = nft_put_plan(plan_diff(want, nothing), 0);
	struct nl *nl = netfilter();
	double start = now();

	send_batch(nl, in);
	took(start);
	send_batch(nl, out);
}

/* ---- Reading ---------------------------------------------------------------------------------------- */

struct set_names {
	char name[256][64];
	size_t n;
};

static int set_name_of(const struct nlattr *attr, void *ctx)
{
	struct set_names *sets = ctx;

	if (mnl_attr_get_type(attr) == NFTA_SET_NAME && sets->n < 256)
		snprintf(sets->name[sets->n++], sizeof(sets->name[0]), "%s", mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

static int on_set(const struct nlmsghdr *nlh, void *sets)
{
	mnl_attr_parse(nlh, sizeof(struct nfgenmsg), set_name_of, sets);
	return MNL_CB_OK;
}

static void ask(struct nl *nl, uint16_t type, const char *set, mnl_cb_t cb, void *ctx)
{
	_Alignas(struct nlmsghdr) char buf[512];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = NFPROTO_INET;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, RULESET_TABLE);
	if (set)
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	if (nl_talk(nl, nlh, cb, ctx) < 0)
		die("the table cannot be read");
}

static void dump(void)
{
	struct set_names sets = {0};
	struct nl *nl = netfilter();
	double start = now();

	ask(nl, NFT_MSG_GETSET, NULL, on_set, &sets);
	for (size_t i = 0; i < sets.n; i++)
		ask(nl, NFT_MSG_GETSETELEM, sets.name[i], NULL, NULL);
	took(start);
}

/* ---- One more --------------------------------------------------------------------------------------- */

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		die("%s: %s", text, sqlite3_errmsg(db));
}

static sqlite3 *database(const char *dir)
{
	sqlite3 *db;
	char path[4096];

	snprintf(path, sizeof(path), "%s/limit.db", dir);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		die("%s: %s", path, sqlite3_errmsg(db));
	sql(db, "PRAGMA journal_mode = WAL; PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL;"
		"CREATE TABLE IF NOT EXISTS forward(id INTEGER PRIMARY KEY, name TEXT, service TEXT)");
	return db;
}

/* The one service of this text, and the rest of its gwd.yaml. */
static struct config *service(const char *dir, unsigned port)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/one.yaml", dir);
	f = fopen(path, "w");
	if (!f || fprintf(f, "services: [{listen: 198.51.100.1, port: %u, to: 10.0.0.2}]\n", port) < 0 || fclose(f) < 0)
		die("%s cannot be written", path);
	return parse(path);
}

static struct nft_batch *one_element(const char *dir, unsigned port)
{
	struct ruleset *nothing = ruleset_new(), *part = ruleset_new();

	compile_forward(part, forwards_first(service(dir, port)->forwards)->forward);
	ruleset_sort(part);
	return nft_put_plan(plan_diff(nothing, part), 0);
}

/* The median of COUNT, in microseconds. */
static void add(unsigned count, const char *dir)
{
	struct ruleset *nothing = ruleset_new(), *first = compile_config(service(dir, count + 1));
	sqlite3 *db = database(dir);
	sqlite3_stmt *insert;
	struct nl *nl = netfilter();
	double *each = calloc(count, sizeof(*each));

	if (sqlite3_prepare_v2(db, "INSERT INTO forward(name, service) VALUES(?, ?)", -1, &insert, NULL) != SQLITE_OK)
		die("%s", sqlite3_errmsg(db));
	send_batch(nl, nft_put_plan(plan_diff(nothing, first), 0));
	for (unsigned i = 0; i < count; i++) {
		struct nft_batch *batch = one_element(dir, i + 1);
		double start = now();

		sql(db, "BEGIN IMMEDIATE");
		sqlite3_bind_text(insert, 1, "tcp-1234", -1, SQLITE_STATIC);
		sqlite3_bind_text(insert, 2, "{\"port\":1234,\"to\":\"10.0.0.2\"}", -1, SQLITE_STATIC);
		if (sqlite3_step(insert) != SQLITE_DONE)
			die("%s", sqlite3_errmsg(db));
		sqlite3_reset(insert);
		send_batch(nl, batch);
		sql(db, "COMMIT");
		each[i] = (now() - start) * 1e6;
	}
	send_batch(nl, nft_put_plan(plan_diff(first, nothing), 0));
	sample(name, side, round_number, median(each, count));
}

int main(int argc, char **argv)
{
	double start;

	if (argc < 5)
		die("usage: limits load|parse|dump|add NAME SIDE ROUND ...");
	name = argv[2];
	side = atoi(argv[3]);
	round_number = (unsigned)atoi(argv[4]);
	start = now();
	if (strcmp(argv[1], "load") == 0 && argc == 6)
		load(argv[5]);
	else if (strcmp(argv[1], "parse") == 0 && argc == 6)
		parse(argv[5]), took(start);
	else if (strcmp(argv[1], "dump") == 0)
		dump();
	else if (strcmp(argv[1], "add") == 0 && argc == 7)
		add((unsigned)atoi(argv[5]), argv[6]);
	else
		die("usage: limits load|parse|dump|add NAME SIDE ROUND ...");
	return 0;
}
