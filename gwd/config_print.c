/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that reads back as what it was printed from. Whatever some YAML reader might take for a number, a boolean or a
 * date is quoted, although ours would not: the file belongs to the user's other tools too. */
#include "config_print.h"

#include <ctype.h>
#include <jansson.h>
#include <strings.h>

#include "jput.h"
#include "timestamp.h"

/* ---- Scalars ------------------------------------------------------------------------------------ */

/* No reader, of YAML 1.1 or 1.2, sees anything but this very text here, not inside brackets either. */
static bool is_plain(const char *s)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._+*/()-";
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
	size_t len = strlen(s);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(s, words[i]) == 0)
			return false;
	return isalpha((unsigned char)s[0]) && s[len - 1] != ' ' && !s[strspn(s, safe)];
}

static uint32_t code_point(const char *s, size_t n)
{
	uint32_t c = n == 1 ? (unsigned char)*s : (unsigned char)*s & (0x7fU >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

/* The byte order mark and noncharacters: right in a text, but not as they are in YAML. */
static bool must_escape(uint32_t c)
{
	return c == 0xfeff || (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

static void print_text(struct buf *out, const char *s)
{
	size_t len = strlen(s), n;

	if (is_plain(s)) {
		buf_add(out, s, len);
		return;
	}
	buf_add(out, "\"", 1);
	for (; len; s += n, len -= n) {
		n = utf8_char(s, len);
		n = n ? n : 1;
		if (*s == '"' || *s == '\\')
			buf_add(out, "\\", 1);
		if (must_escape(code_point(s, n)))
			buf_printf(out, "\\U%08X", code_point(s, n));
		else
			buf_add(out, s, n);
	}
	buf_add(out, "\"", 1);
}

/* ---- Words -------------------------------------------------------------------------------------- */

const char *const snat_words[SNAT_MODES] = {
	[SNAT_AUTO] = "auto", [SNAT_ROUTED] = "routed", [SNAT_ALWAYS] = "always", [SNAT_NEVER] = "never"};
const char *const balance_words[] = {
	[BALANCE_SOURCE] = "source", [BALANCE_ROUND_ROBIN] = "round-robin", [BALANCE_RANDOM] = "random"};

/* "20/second"; the caller's. */
static char *rate_text(const struct limit *l)
{
	return xasprintf("%u/%s", l->rate, limit_unit_name(l->per));
}

/* ---- YAML --------------------------------------------------------------------------------------- */

static void print_names(struct buf *out, const char *key, char *const *names, size_t n)
{
	if (!n)
		return;
	buf_printf(out, "%s: %s", key, n > 1 ? "[" : "");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s", i ? ", " : "");
		print_text(out, names[i]);
	}
	buf_printf(out, "%s\n", n > 1 ? "]" : "");
}

/* `key: value` on a line of its own, indented as the keys of a service when `service`. */
static void print_word(struct buf *out, bool service, const char *key, const char *value)
{
	buf_printf(out, "%s%s: ", service ? "    " : "", key);
	print_text(out, value);
	buf_printf(out, "\n");
}

/* As its readers expect it: an IPv4 address or prefix is plain, whatever has a colon is quoted. */
static const char *quote(uint8_t family)
{
	return family == AF_INET6 ? "\"" : "";
}

static void print_snat(struct buf *out, bool service, const struct snat *snat)
{
	char text[ADDR_TEXT_MAX];
	const char *q = quote(snat->addr.family);

	if (snat->mode == SNAT_ADDRESS)
		buf_printf(out, "%ssnat: %s%s%s\n", service ? "    " : "", q, ip_text(&snat->addr, text), q);
	else
		print_word(out, service, "snat", snat_words[snat->mode]);
}

/* One plainly, some as [..., ...]. */
static void print_prefixes(struct buf *out, const struct prefix *prefixes, size_t n, bool local)
{
	size_t total = n + local;
	char text[PREFIX_TEXT_MAX];

	buf_printf(out, "%s%s", total > 1 ? "[" : "", local ? "local" : "");
	for (size_t i = 0; i < n; i++) {
		const char *q = quote(prefixes[i].ip.family);

		buf_printf(out, "%s%s%s%s", i || local ? ", " : "", q, prefix_text(&prefixes[i], text), q);
	}
	buf_printf(out, "%s", total > 1 ? "]" : "");
}

static void print_opening(struct buf *out, const char *indent, const struct opening *o)
{
	char text[PORTS_TEXT_MAX];

	buf_printf(out, "%s    - {port: %s", indent, port_range_text(o->ports, text));
	if (o->protos != PROTO_TCP)
		buf_printf(out, ", proto: %s", proto_text(o->protos));
	if (o->n_from || o->local) {
		buf_printf(out, ", from: ");
		print_prefixes(out, o->from, o->n_from, o->local);
	}
	buf_printf(out, "%s}\n", o->in == OPENING_DMZ ? ", in: dmz" : "");
}

static void print_gateway(struct buf *out, const struct settings *s, bool extra)
{
	const char *indent = s->protect ? "" : "# ";
	bool header = false;

	for (size_t i = 0; i < s->n_open; i++) {
		if (s->open[i].extra && !extra)
			continue;
		if (!header)
			buf_printf(out, "%sgateway:\n%s  open:\n", indent, indent);
		header = true;
		print_opening(out, indent, &s->open[i]);
	}
	if (s->protect && !header)
		buf_printf(out, "gateway: {}\n");
}

void config_print_settings(struct buf *out, const struct settings *s, bool extra)
{
	static const char *const owner[] = {[OWNER_AUTO] = "auto", [OWNER_ON] = "on", [OWNER_OFF] = "off"};
	static const char *const clamp[] = {[CLAMP_AUTO] = "auto", [CLAMP_ALWAYS] = "always", [CLAMP_OFF] = "off"};

	print_names(out, "wan", s->wan, s->n_wan);
	print_names(out, "lan", s->lan, s->n_lan);
	print_names(out, "dmz", s->dmz, s->n_dmz);
	if (!s->masquerade)
		buf_printf(out, "masquerade: false\n");
	if (s->snat.mode != SNAT_AUTO)
		print_snat(out, false, &s->snat);
	if (s->policy == POLICY_EXCLUSIVE)
		buf_printf(out, "policy: exclusive\n");
	if (s->table_owner != OWNER_AUTO)
		print_word(out, false, "table_owner", owner[s->table_owner]);
	if (!s->accounting)
		buf_printf(out, "accounting: false\n");
	if (s->offload)
		buf_printf(out, "offload: true\n");
	if (s->mss_clamp != CLAMP_AUTO)
		print_word(out, false, "mss_clamp", clamp[s->mss_clamp]);
	print_gateway(out, s, extra);
}

static void print_listen(struct buf *out, const struct listen *l)
{
	_cleanup_(freep) char *text = listen_text(l);

	if (l->kind == LISTEN_ANY)
		return;
	buf_printf(out, "    listen: ");
	if (l->kind == LISTEN_ADDRESS && l->addr.family == AF_INET)
		buf_printf(out, "%s", text);
	else
		print_text(out, text);
	buf_printf(out, "\n");
}

static void print_ports(struct buf *out, const struct forward *f)
{
	char text[PORTS_TEXT_MAX];

	buf_printf(out, "    port: %s", f->n_ports > 1 ? "[" : "");
	for (size_t i = 0; i < f->n_ports; i++)
		buf_printf(out, "%s%s", i ? ", " : "", port_range_text(f->ports[i], text));
	buf_printf(out, "%s\n", f->n_ports > 1 ? "]" : "");
}

/* IPv6 always in brackets: with a port they are needed, without one they say that the last group is none. */
static void print_address(struct buf *out, const struct target *t)
{
	char addr[ADDR_TEXT_MAX], text[PORTS_TEXT_MAX];
	bool v6 = t->addr.family == AF_INET6;

	buf_printf(out, "%s%s%s", v6 ? "\"[" : "", ip_text(&t->addr, addr), v6 ? "]" : "");
	if (t->ports.first)
		buf_printf(out, ":%s", port_range_text(t->ports, text));
	buf_printf(out, "%s", v6 ? "\"" : "");
}

static void print_weighted(struct buf *out, const struct target *t)
{
	char addr[ADDR_TEXT_MAX], text[PORTS_TEXT_MAX];
	const char *q = quote(t->addr.family);

	buf_printf(out, "{addr: %s%s%s", q, ip_text(&t->addr, addr), q);
	if (t->ports.first)
		buf_printf(out, ", port: %s", port_range_text(t->ports, text));
	buf_printf(out, ", weight: %u}", t->weight);
}

static void print_targets(struct buf *out, const struct forward *f)
{
	buf_printf(out, "    to:");
	for (size_t i = 0; i < f->n_targets; i++) {
		buf_printf(out, "%s", f->n_targets > 1 ? "\n      - " : " ");
		if (f->targets[i].weight == 1)
			print_address(out, &f->targets[i]);
		else
			print_weighted(out, &f->targets[i]);
	}
	buf_printf(out, "\n");
}

static void print_limit(struct buf *out, const struct limit *l)
{
	_cleanup_(freep) char *rate = rate_text(l);

	if (!l->connections && !l->rate)
		return;
	buf_printf(out, "    limit: {");
	if (l->connections)
		buf_printf(out, "connections: %u%s", l->connections, l->rate ? ", " : "");
	buf_printf(out, "%s%s}\n", l->rate ? "rate: " : "", l->rate ? rate : "");
}

/* What few forwards say. */
static void print_options(struct buf *out, const struct forward *f)
{
	char text[TIMESTAMP_TEXT_MAX];

	if (!f->enabled)
		buf_printf(out, "    enabled: false\n");
	if (f->log)
		buf_printf(out, "    log: true\n");
	print_limit(out, &f->limit);
	if (f->expires)
		print_word(out, true, "expires", timestamp_text(f->expires, text));
	if (f->cut)
		buf_printf(out, "    on_expiry: cut\n");
	if (f->force)
		buf_printf(out, "    force: true\n");
	if (f->no_nat)
		buf_printf(out, "    nat: false\n");
	if (f->balance != BALANCE_SOURCE)
		print_word(out, true, "balance", balance_words[f->balance]);
}

void config_print_forward(struct buf *out, const struct forward *f)
{
	buf_printf(out, "  - name: ");
	print_text(out, f->name);
	if (f->description) {
		buf_printf(out, "\n    description: ");
		print_text(out, f->description);
	}
	buf_printf(out, "\n");
	if (f->protos != PROTO_TCP)
		buf_printf(out, "    proto: %s\n", proto_text(f->protos));
	if (!f->no_nat)
		print_listen(out, &f->listen);
	print_ports(out, f);
	print_targets(out, f);
	if (f->n_from) {
		buf_printf(out, "    from: ");
		print_prefixes(out, f->from, f->n_from, false);
		buf_printf(out, "\n");
	}
	if (f->snat.mode != SNAT_DEFAULT)
		print_snat(out, true, &f->snat);
	print_options(out, f);
}

void config_print(struct buf *out, const struct config *c)
{
	const struct forward_entry *e = forwards_first(c->forwards);

	config_print_settings(out, c->settings, c->settings->protect); /* no comments: it reads back as itself */
	if (e)
		buf_printf(out, "services:\n");
	for (; e; e = e->next)
		config_print_forward(out, e->forward);
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void put_target(struct buf *out, const struct target *t)
{
	char text[ADDR_TEXT_MAX], ports[PORTS_TEXT_MAX];

	jput_object(out, NULL);
	jput_text(out, "addr", ip_text(&t->addr, text));
	if (t->ports.first)
		jput_text(out, "port", port_range_text(t->ports, ports));
	if (t->weight != 1)
		jput_number(out, "weight", t->weight);
	jput_end(out, '}');
}

static void put_prefixes(struct buf *out, const char *key, const struct prefix *prefixes, size_t n)
{
	char text[PREFIX_TEXT_MAX];

	jput_list(out, key);
	for (size_t i = 0; i < n; i++)
		jput_text(out, NULL, prefix_text(&prefixes[i], text));
	jput_end(out, ']');
}

static void put_snat(struct buf *out, const struct snat *snat)
{
	char text[ADDR_TEXT_MAX];

	jput_text(out, "snat", snat->mode == SNAT_ADDRESS ? ip_text(&snat->addr, text) : snat_words[snat->mode]);
}

static void put_limit(struct buf *out, const struct limit *l)
{
	_cleanup_(freep) char *rate = l->rate ? rate_text(l) : NULL;

	if (!l->connections && !l->rate)
		return;
	jput_object(out, "limit");
	jput_nonzero(out, "connections", l->connections);
	jput_text(out, "rate", rate);
	jput_end(out, '}');
}

static void put_expires(struct buf *out, int64_t time)
{
	char text[TIMESTAMP_TEXT_MAX];

	if (time)
		jput_text(out, "expires", timestamp_text(time, text));
}

/* What few forwards say. */
static void put_options(struct buf *out, const struct forward *f)
{
	if (f->log)
		jput_bool(out, "log", true);
	put_limit(out, &f->limit);
	put_expires(out, f->expires);
	if (f->cut)
		jput_text(out, "on_expiry", "cut");
	if (f->force)
		jput_bool(out, "force", true);
	if (f->no_nat)
		jput_bool(out, "nat", false);
	if (f->balance != BALANCE_SOURCE)
		jput_text(out, "balance", balance_words[f->balance]);
}

void config_forward_json(struct buf *out, const char *key, const struct forward *f)
{
	bool listens = f->listen.kind != LISTEN_ANY && !f->no_nat;
	_cleanup_(freep) char *listen = listens ? listen_text(&f->listen) : NULL;
	char text[PORTS_TEXT_MAX];

	jput_object(out, key);
	jput_text(out, "name", f->name);
	jput_text(out, "description", f->description);
	jput_text(out, "proto", proto_text(f->protos));
	jput_text(out, "listen", listen);
	jput_list(out, "ports");
	for (size_t i = 0; i < f->n_ports; i++)
		jput_text(out, NULL, port_range_text(f->ports[i], text));
	jput_end(out, ']');
	jput_list(out, "to");
	for (size_t i = 0; i < f->n_targets; i++)
		put_target(out, &f->targets[i]);
	jput_end(out, ']');
	if (f->n_from)
		put_prefixes(out, "from", f->from, f->n_from);
	if (f->snat.mode != SNAT_DEFAULT)
		put_snat(out, &f->snat);
	jput_bool(out, "enabled", f->enabled);
	put_options(out, f);
	jput_end(out, '}');
}

static void value_text(struct buf *out, json_t *v)
{
	const char *key, *between = "";
	json_t *member;
	size_t i;

	if (json_is_integer(v))
		buf_printf(out, " %lld", (long long)json_integer_value(v));
	else if (json_is_string(v))
		buf_printf(out, " %s", json_string_value(v));
	json_array_foreach(v, i, member)
	{
		buf_printf(out, "%s", between);
		value_text(out, member);
		between = ",";
	}
	json_object_foreach(v, key, member)
	{
		buf_printf(out, "%s %s", between, key);
		value_text(out, member);
		between = ",";
	}
}

static json_t *forward_tree(const struct forward *f)
{
	_cleanup_(buf_free) struct buf text = {0};

	config_forward_json(&text, NULL, f);
	return json_loadb(text.data, text.len, 0, NULL);
}

char *config_forward_changes(const struct forward *a, const struct forward *b)
{
	static const char *const keys[] = {"description", "from",      "snat",  "log",    "limit",
					   "expires",     "on_expiry", "force", "balance"};
	json_auto_t *old = forward_tree(a), *new = forward_tree(b);
	struct buf out = {0};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *was = json_object_get(old, keys[i]), *is = json_object_get(new, keys[i]);

		if (was == is || json_equal(was, is))
			continue;
		buf_printf(&out, "%s%s%s", out.len ? "; " : "", is ? "" : "no ", keys[i]);
		value_text(&out, is);
		if (was && !json_is_boolean(was)) {
			buf_printf(&out, ", was");
			value_text(&out, was);
		}
	}
	return buf_take(&out);
}

void config_opening_json(struct buf *out, const char *key, const struct opening *o)
{
	char text[PORTS_TEXT_MAX];

	jput_object(out, key);
	jput_text(out, "in", o->in == OPENING_DMZ ? "dmz" : "wan");
	jput_text(out, "proto", proto_text(o->protos));
	jput_text(out, "ports", port_range_text(o->ports, text));
	if (o->n_from)
		put_prefixes(out, "from", o->from, o->n_from);
	if (o->local)
		jput_bool(out, "local", true);
	put_expires(out, o->expires);
	jput_end(out, '}');
}
