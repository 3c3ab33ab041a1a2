/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that reads back as what it was printed from. Whatever some YAML reader might take for a number, a boolean or a
 * date is quoted, although ours would not: the file belongs to the user's other tools too. */
#include "config_print.h"

#include <ctype.h>
#include <strings.h>

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

/* Unicode's line breaks, the byte order mark and noncharacters: right in a text, but not as they are in YAML. */
static bool must_escape(uint32_t c)
{
	return c == 0x2028 || c == 0x2029 || c == 0xfeff || (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
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

void config_print_settings(struct buf *out, const struct settings *s)
{
	print_names(out, "wan", s->wan, s->n_wan);
	print_names(out, "lan", s->lan, s->n_lan);
	if (!s->masquerade)
		buf_printf(out, "masquerade: false\n");
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

	buf_printf(out, "{addr: \"%s\"", ip_text(&t->addr, addr));
	if (t->ports.first)
		buf_printf(out, ", port: %s", port_range_text(t->ports, text));
	buf_printf(out, ", weight: %u}", t->weight);
}

static void print_targets(struct buf *out, const struct forward *f)
{
	bool list = f->n_targets > 1;

	buf_printf(out, "    to: %s", list ? "[" : "");
	for (size_t i = 0; i < f->n_targets; i++) {
		buf_printf(out, "%s", i ? ", " : "");
		if (f->targets[i].weight == 1)
			print_address(out, &f->targets[i]);
		else
			print_weighted(out, &f->targets[i]);
	}
	buf_printf(out, "%s\n", list ? "]" : "");
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
	print_listen(out, &f->listen);
	print_ports(out, f);
	print_targets(out, f);
	if (!f->enabled)
		buf_printf(out, "    enabled: false\n");
	if (f->force)
		buf_printf(out, "    force: true\n");
}

void config_print(struct buf *out, const struct config *c)
{
	const struct forward_entry *e = forwards_first(c->forwards);

	config_print_settings(out, c->settings);
	if (e)
		buf_printf(out, "services:\n");
	for (; e; e = e->next)
		config_print_forward(out, e->forward);
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static json_t *target_json(const struct target *t)
{
	char text[ADDR_TEXT_MAX], ports[PORTS_TEXT_MAX];
	json_t *json = json_pack("{s:s}", "addr", ip_text(&t->addr, text));

	if (t->ports.first)
		json_object_set_new(json, "port", json_string(port_range_text(t->ports, ports)));
	if (t->weight != 1)
		json_object_set_new(json, "weight", json_integer(t->weight));
	return json;
}

json_t *config_forward_json(const struct forward *f)
{
	json_t *json = json_object(), *ports = json_array(), *to = json_array();
	_cleanup_(freep) char *listen = listen_text(&f->listen);
	char text[PORTS_TEXT_MAX];

	for (size_t i = 0; i < f->n_ports; i++)
		json_array_append_new(ports, json_string(port_range_text(f->ports[i], text)));
	for (size_t i = 0; i < f->n_targets; i++)
		json_array_append_new(to, target_json(&f->targets[i]));
	json_object_set_new(json, "name", json_string(f->name));
	if (f->description)
		json_object_set_new(json, "description", json_string(f->description));
	json_object_set_new(json, "proto", json_string(proto_text(f->protos)));
	if (f->listen.kind != LISTEN_ANY)
		json_object_set_new(json, "listen", json_string(listen));
	json_object_set_new(json, "ports", ports);
	json_object_set_new(json, "to", to);
	json_object_set_new(json, "enabled", json_boolean(f->enabled));
	if (f->force)
		json_object_set_new(json, "force", json_true());
	return json;
}
