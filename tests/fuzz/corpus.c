/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the fuzz targets begin: corpus TARGET GWD.YAML FILE writes what that target would read if somebody had this
 * gwd.yaml. What no gwd.yaml says (who listens, which links there are) is what the kernel says in this namespace. */
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sqlite3.h>
#include <sys/socket.h>

#include "compile.h"
#include "config_print.h"
#include "conntrack_msg.h"
#include "files.h"
#include "fuzz.h"
#include "nft_get.h"
#include "nft_put.h"
#include "request.h"

static const char *out_path;
static size_t n_out;

static void put_seed(const struct buf *seed)
{
	_cleanup_(freep) char *path = xasprintf("%s.%zu", out_path, n_out++);

	write_file(path, seed->data, seed->len);
}

/* ---- Requests --------------------------------------------------------------------------------------- */

static void add_call(struct buf *out, const char *method, json_t *parameters)
{
	_cleanup_(freep) char *name = xasprintf("org.gwd.Gateway.%s", method);
	json_auto_t *call = json_pack("{s:s, s:o, s:b}", "method", name, "parameters", parameters, "more", 1);
	_cleanup_(freep) char *text = json_dumps(call, JSON_COMPACT);

	buf_add(out, text, strlen(text) + 1);
}

/* Parameters of a method, with ' for ". */
static void add_words(struct buf *out, const char *method, const char *parameters)
{
	_cleanup_(freep) char *text = xstrdup(parameters);

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	add_call(out, method, json_loads(text, 0, NULL));
}

/* Every method at least once, about the forward that fuzz_request has. */
static void every_method(void)
{
	static const struct {
		const char *method, *parameters;
	} calls[] = {
		{"Set", "{'name':'web','changes':{'ports':['81'],'description':'x'},'confirm':60,'session':'a'}"},
		{"Confirm", "{'session':'b','force':true}"},
		{"Target", "{'name':'web','target':'192.168.1.2','state':'drained','kill':true}"},
		{"Disable", "{'name':'web','kill':true}"},
		{"Enable", "{'name':'web','dry_run':true}"},
		{"Open", "{'opening':{'ports':'22','local':true,'from':['198.51.100.0/24']},'temporary':true}"},
		{"Close", "{'ports':'22','proto':'tcp','in':'wan'}"},
		{"Add", "{'service':{'ports':['9000-9010'],'to':[{'addr':'192.168.1.3'}]},'replace':true,'temporary':true}"},
		{"Remove", "{'ports':['9000-9010'],'proto':'tcp','kill':true}"},
		{"Rollback", "{'revision':1}"},
		{"Undo", "{}"},
		{"Purge", "{}"},
	};
	static const char *const looks[] = {"List", "Status", "History", "Export", "Import", "Diff", "Check"};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		_cleanup_(buf_free) struct buf seed = {0};

		add_words(&seed, calls[i].method, calls[i].parameters);
		add_words(&seed, looks[i % ARRAY_SIZE(looks)], "{}");
		put_seed(&seed);
	}
}

static void requests(const struct documents *documents, const struct config *config)
{
	_cleanup_(buf_free) struct buf seed = {0};
	json_t *text = json_stringn(documents->items[0].text ? documents->items[0].text : "", documents->items[0].len);

	if (!documents->items[0].len)
		every_method();
	if (text)
		add_call(&seed, "Apply", json_pack("{s:o, s:s}", "text", text, "path", "other.yaml"));
	for (struct forward_entry *e = config ? forwards_first(config->forwards) : NULL; e; e = e->next) {
		_cleanup_(buf_free) struct buf service = {0};

		config_forward_json(&service, NULL, e->forward);
		add_call(&seed, "Add",
			 json_pack("{s:o, s:b, s:b}", "service", json_loads(service.data, 0, NULL), "force", 1, "hold",
				   1));
	}
	put_seed(&seed);
}

/* ---- The database ----------------------------------------------------------------------------------- */

static void add_rows(struct buf *out, sqlite3 *db, const char *table)
{
	_cleanup_(freep) char *sql = xasprintf("SELECT * FROM %s", table);
	sqlite3_stmt *stmt;

	PROMISE(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		buf_printf(out, "%s%s", out->len ? "\036" : "", table);
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			const char *text = (const char *)sqlite3_column_text(stmt, i);

			buf_printf(out, "\037%s", text ? text : "-");
		}
	}
	sqlite3_finalize(stmt);
}

static struct question {
	struct arena *arena;
	const struct node *node;
} question(const char *json)
{
	_cleanup_(freep) char *text = xstrdup(json);
	struct question q = {.arena = arena_new()};

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json_auto_t *value = json_loads(text, 0, NULL);
	q.node = doc_from_json(q.arena, value);
	return q;
}

/* A little of everything that the database keeps. */
static void live(struct gwd *g)
{
	struct question service = question("{'name':'mail','ports':['25'],'to':[{'addr':'192.168.1.9'},{'addr':'192.168.1.8'}]}");
	struct question opening = question("{'ports':'22','from':['198.51.100.0/24']}");
	const struct request_options lasting = {.force = true}, waiting = {.force = true, .confirm = 60, .session = "a"};
	_cleanup_(diag_free) struct diag diag = {0};
	struct outcome outcomes[5] = {0};
	const char *first = "web";

	gwd_add(g, service.node, &lasting, &outcomes[0], &diag);
	gwd_target(g, "mail", "192.168.1.8", TARGET_DRAINED, &lasting, &outcomes[1], &diag);
	gwd_open(g, opening.node, &lasting, &outcomes[2], &diag);
	gwd_enable(g, first, false, &lasting, &outcomes[3], &diag);
	gwd_remove(g, &(struct selector){.name = "mail"}, &waiting, &outcomes[4], &diag);
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		outcome_free(&outcomes[i]);
	arena_free(service.arena);
	arena_free(opening.arena);
}

static void database(const struct documents *documents)
{
	static const char *const tables[] = {"meta",     "docset", "document", "runtime", "override",
					     "revision", "item",   "live",     "pending", "inverse"};
	_cleanup_(buf_free) struct buf rows = {0}, file = {0};
	static struct place place;
	sqlite3 *db;

	place_make(&place);
	place_clear(&place);
	write_file(place.config, documents->items[0].text ? documents->items[0].text : "", documents->items[0].len);
	PROMISE(place_start(&place));
	live(place.gwd);
	place_stop(&place);
	PROMISE(sqlite3_open(place.db, &db) == SQLITE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		add_rows(&rows, db, tables[i]);
	sqlite3_close(db);
	put_seed(&rows);
	PROMISE(file_read(place.db, 1 << 20, &file) == 0);
	put_seed(&file);
}

/* ---- Netlink ---------------------------------------------------------------------------------------- */

/* readers[] of fuzz_netlink.c */
enum { READ_TABLE, READ_FOREIGN, READ_FLOWS, READ_FACTS, READ_LINK_EVENTS, READ_LISTENERS, READ_LOG, READ_EVENTS };

static void begin_reader(struct buf *out, uint8_t reader)
{
	buf_add(out, &reader, 1);
}

static void add_message(struct buf *out, uint16_t type, const void *payload, size_t len)
{
	struct nlmsghdr nlh = {.nlmsg_len = (uint32_t)(sizeof(nlh) + len), .nlmsg_type = type};

	buf_add(out, &nlh, sizeof(nlh));
	buf_add(out, payload, len);
}

static void add_done(struct buf *out)
{
	static const int error;

	add_message(out, NLMSG_DONE, &error, sizeof(error));
}

static void add_generation(struct buf *out)
{
	const struct {
		struct nfgenmsg nfg;
		struct nlattr attr;
		uint32_t id;
	} gen = {{0}, {8, NFTA_GEN_ID}, htonl(7)};

	add_message(out, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN, &gen, sizeof(gen));
	add_done(out);
}

/* Those of one kind, as an answer; elements of one set. */
static void add_dump(struct buf *out, const struct nft_batch *batch, uint8_t kind, const char *set)
{
	for (size_t i = 1; i + 1 < batch->n; i++) {
		const struct nlmsghdr *nlh = (const void *)(batch->buf.data + batch->messages[i].offset);
		const struct nlattr *table = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg));

		if ((nlh->nlmsg_type & 0xff) == kind &&
		    (!set || streq(mnl_attr_get_str(mnl_attr_next(table)), set)))
			buf_add(out, nlh, NLMSG_ALIGN(nlh->nlmsg_len));
	}
	add_done(out);
}

static void as_others(struct buf *seed)
{
	for (size_t i = 1; i + 4 <= seed->len; i++)
		if (memcmp(seed->data + i, RULESET_TABLE, 4) == 0)
			memcpy(seed->data + i, "nat", 4);
}

static void tables(const struct ruleset *want)
{
	static const struct {
		uint8_t reader, n, kinds[4];
	} dumps[] = {{READ_TABLE, 4, {NFT_MSG_NEWTABLE, NFT_MSG_NEWSET, NFT_MSG_NEWCHAIN, NFT_MSG_NEWRULE}},
		     {READ_FOREIGN, 3, {NFT_MSG_NEWSET, NFT_MSG_NEWCHAIN, NFT_MSG_NEWRULE}}};
	_cleanup_(ruleset_freep) struct ruleset *nothing = ruleset_new();
	_cleanup_(plan_freep) struct plan *plan = plan_diff(nothing, want);
	_cleanup_(nft_batch_freep) struct nft_batch *batch = nft_put_plan(plan, 0);
	_cleanup_(buf_free) struct buf events = {0};

	for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
		_cleanup_(buf_free) struct buf seed = {0};

		begin_reader(&seed, dumps[i].reader);
		add_generation(&seed);
		for (size_t k = 0; k < dumps[i].n; k++)
			add_dump(&seed, batch, dumps[i].kinds[k], NULL);
		for (size_t s = 0; s < want->n_sets; s++)
			if (nft_get_wants_elems(&want->sets[s]))
				add_dump(&seed, batch, NFT_MSG_NEWSETELEM, want->sets[s].name);
		add_generation(&seed);
		if (dumps[i].reader == READ_FOREIGN)
			as_others(&seed);
		put_seed(&seed);
	}
	begin_reader(&events, READ_EVENTS);
	buf_add(&events, batch->buf.data, batch->buf.len);
	add_generation(&events);
	put_seed(&events);
}

/* What the kernel answers here and now. */
static void add_answer(struct buf *out, int bus, uint16_t type, const void *payload, size_t len)
{
	_Alignas(struct nlmsghdr) char room[8192];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct mnl_socket *socket = mnl_socket_open(bus);
	ssize_t n;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	memcpy(mnl_nlmsg_put_extra_header(nlh, len), payload, len);
	PROMISE(socket && mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) > 0);
	while ((n = mnl_socket_recvfrom(socket, room, sizeof(room))) > 0) {
		buf_add(out, room, (size_t)n);
		if (((const struct nlmsghdr *)room)->nlmsg_type == NLMSG_DONE ||
		    ((const struct nlmsghdr *)room)->nlmsg_type == NLMSG_ERROR)
			break;
	}
	mnl_socket_close(socket);
}

static void links(uint8_t reader)
{
	static const struct ifinfomsg link;
	static const struct ifaddrmsg address;
	static const struct rtmsg route4 = {.rtm_family = AF_INET}, route6 = {.rtm_family = AF_INET6};
	_cleanup_(buf_free) struct buf seed = {0};

	begin_reader(&seed, reader);
	add_answer(&seed, NETLINK_ROUTE, RTM_GETLINK, &link, sizeof(link));
	add_answer(&seed, NETLINK_ROUTE, RTM_GETADDR, &address, sizeof(address));
	add_answer(&seed, NETLINK_ROUTE, RTM_GETROUTE, &route4, sizeof(route4));
	add_answer(&seed, NETLINK_ROUTE, RTM_GETROUTE, &route6, sizeof(route6));
	put_seed(&seed);
}

static void listeners(void)
{
	static const struct inet_diag_req_v2 all[] = {
		{.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = UINT32_MAX},
		{.sdiag_family = AF_INET6, .sdiag_protocol = IPPROTO_TCP, .idiag_states = UINT32_MAX},
	};
	_cleanup_(closep) int fd = socket(AF_INET6, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
	_cleanup_(buf_free) struct buf seed = {0};

	PROMISE(listen(fd, 1) == 0 && listen(other, 1) == 0); /* on any port */
	begin_reader(&seed, READ_LISTENERS);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		add_answer(&seed, NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, &all[i], sizeof(all[i]));
	put_seed(&seed);
}

/* A TCP packet of IPv4, as a rule with this prefix logs it. */
static void logged(const char *prefix)
{
	static const uint8_t packet[] = {0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 203, 0, 113, 9, 192, 168, 1, 2, 0x9d, 0x78, 0, 80};
	_Alignas(struct nlmsghdr) char room[1024];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	_cleanup_(buf_free) struct buf seed = {0};

	nlh->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	mnl_attr_put_strz(nlh, NFULA_PREFIX, prefix);
	mnl_attr_put(nlh, NFULA_PAYLOAD, sizeof(packet), packet);
	begin_reader(&seed, READ_LOG);
	buf_add(&seed, nlh, nlh->nlmsg_len);
	put_seed(&seed);
}

/* One connection from outside to the forward's first target. The original tuple is what a server at the client's place
 * would send to the gateway. */
static void flow(const struct forward *f)
{
	static const struct ip client = {AF_INET, {203, 0, 113, 9}}, gateway = {AF_INET, {203, 0, 113, 5}};
	struct flow flow = {.proto = IPPROTO_TCP, .from = gateway, .from_port = f->ports[0].first, .to = client};
	_Alignas(struct nlmsghdr) char room[CONNTRACK_MSG_MAX] = {0};
	struct nlmsghdr *nlh = conntrack_msg_delete_back(room, &flow, &client, 40312);
	const struct nlattr *tuple = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg));
	_cleanup_(buf_free) struct buf seed = {0};

	flow = (struct flow){.proto = IPPROTO_TCP,
			     .from = client,
			     .to = f->targets[0].addr,
			     .from_port = 40312,
			     .to_port = f->ports[0].first,
			     .tuple_len = mnl_attr_get_payload_len(tuple)};
	memcpy(flow.tuple, mnl_attr_get_payload(tuple), flow.tuple_len);
	nlh = conntrack_msg_block(room, &flow);
	mnl_attr_put_u32(nlh, CTA_ID, 1);
	begin_reader(&seed, READ_FLOWS);
	buf_add(&seed, nlh, nlh->nlmsg_len);
	put_seed(&seed);
}

static void netlink(const struct config *config)
{
	_cleanup_(ruleset_freep) struct ruleset *want = config ? compile_config(config) : NULL;

	if (!config)
		return;
	tables(want);
	links(READ_FACTS);
	links(READ_LINK_EVENTS);
	listeners();
	for (struct forward_entry *e = forwards_first(config->forwards); e; e = e->next) {
		logged(e->forward->name);
		flow(e->forward);
	}
}

int main(int argc, char **argv)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(documents_freep) struct documents *documents = NULL;
	_cleanup_(config_freep) struct config *config = NULL;

	if (argc != 4)
		return fputs("usage: corpus request|state|netlink GWD.YAML FILE\n", stderr), 2;
	out_path = argv[3];
	documents = files_read(argv[2], NULL, 0, NULL, &diag);
	PROMISE(documents);
	config = config_read(documents, &diag);
	if (streq(argv[1], "request"))
		requests(documents, config);
	else if (streq(argv[1], "state"))
		database(documents);
	else
		netlink(config);
	return 0;
}
