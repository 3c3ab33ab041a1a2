/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line has the file's short forms and three of its own: LISTEN before the ports, /PROTO behind them, and
 * @WEIGHT behind a target. Those are cut off here; the rest goes through the function that the file goes through. */
#include "forms.h"

#include <ctype.h>

#include "addr.h"
#include "service.h"
#include "util.h"

static const struct loc nowhere;

struct form { /* a service entry while it is put together */
	struct arena *arena;
	struct node *map;
	struct diag *diag;
};

static struct form form_new(struct arena *arena, struct diag *diag)
{
	return (struct form){.arena = arena, .map = node_map(arena, nowhere), .diag = diag};
}

static void form_set(struct form *f, const char *key, const char *text)
{
	node_set(f->arena, f->map, key, node_scalar(f->arena, nowhere, text, true));
}

/* The same said twice is fine, as `add 53/udp --proto udp`. */
static void form_set_once(struct form *f, const char *key, const char *text)
{
	const struct node *have = doc_get(f->map, key);
	if (have && !streq(have->text, text))
		diag_add(f->diag, DIAG_INVALID, nowhere, "%s is said twice: %s and %s", key, have->text, text);
	form_set(f, key, text);
}

/* "203.0.113.5:80", "eth0:80", "[2001:db8::1]:80": what is before the last colon listens. */
static const char *cut_listen(struct form *f, char *text)
{
	char *colon = strrchr(text, ':');
	if (!colon)
		return text;
	*colon = '\0';
	bool bracket = text[0] == '[';
	size_t len = strlen(text);
	if (!len || (bracket ? text[len - 1] != ']' : strchr(text, ':') != NULL))
		diag_add(f->diag, DIAG_INVALID, nowhere,
			 "'%s:%s' cannot be read; an IPv6 address with a port is [ADDR]:PORT", text, colon + 1);
	if (bracket && text[len - 1] == ']')
		text[len - 1] = '\0';
	form_set_once(f, "listen", text + bracket);
	return colon + 1;
}

/* [LISTEN:]PORTS[/PROTO] */
static void form_ports(struct form *f, const char *word)
{
	char *text = arena_strdup(f->arena, word);
	char *slash = strrchr(text, '/');
	if (slash) {
		*slash = '\0';
		if (!slash[1])
			diag_add(f->diag, DIAG_INVALID, nowhere,
				 "after the '/' of '%s' stands a protocol, as in 53/udp", word);
		form_set_once(f, "proto", slash + 1);
	}
	form_set(f, "port", cut_listen(f, text));
}

/* ADDR[:PORTS][@WEIGHT]...; weights can only be set where service_canonical has made maps of the texts. */
static struct node *form_targets(struct form *f, const char *const *words, size_t n, const char **ret_weights)
{
	struct node *list = node_list(f->arena, nowhere);
	for (size_t i = 0; i < n; i++) {
		char *text = arena_strdup(f->arena, words[i]);
		char *at = strchr(text, '@');
		if (at)
			*at++ = '\0';
		ret_weights[i] = at;
		node_append(f->arena, list, node_scalar(f->arena, nowhere, text, true));
	}
	return list;
}

static json_t *form_finish(struct form *f, const char *const *weights, size_t n)
{
	struct node *canonical = service_canonical(f->arena, f->map, f->diag);
	if (diag_failed(f->diag))
		return NULL;
	const struct node *to = doc_get(canonical, "to");
	for (size_t i = 0; i < n; i++)
		if (weights[i])
			node_set(f->arena, to->items[i], "weight", node_scalar(f->arena, nowhere, weights[i], false));
	return doc_to_json(canonical);
}

/* --OPTION gives `key` this value, --OPTION= the other one. */
static void form_flag(struct form *f, const struct arguments *a, enum option_id id, const char *key, bool on,
		      bool empty)
{
	const char *value = a->values[id], *name = options[id].name;
	if (!value || (!*value && !empty))
		return;
	if (*value && !streq(value, name))
		diag_add(f->diag, DIAG_INVALID, nowhere, "--%s=%s: write --%s, or --%s= to return to the default", name,
			 value, name, name);
	node_set(f->arena, f->map, key,
		 node_scalar(f->arena, nowhere, (*value != '\0') == on ? "true" : "false", false));
}

/* What one of the two leaves out stays as it is; 0 is how a number says on the wire that there is none. */
static void form_limit(struct form *f, const struct arguments *a, bool empty)
{
	const char *connections = a->values[OPTION_LIMIT_CONNECTIONS], *rate = a->values[OPTION_LIMIT_RATE];
	struct node *limit = node_map(f->arena, nowhere);
	if (connections && *connections && !connections[strspn(connections, "0")])
		diag_add(f->diag, DIAG_INVALID, nowhere,
			 "--limit-connections: expected a whole number from 1 to 1000000, not '%s'; "
			 "--limit-connections= takes the limit away",
			 connections);
	if (connections && (*connections || empty))
		node_set(f->arena, limit, "connections",
			 node_scalar(f->arena, nowhere, *connections ? connections : "0", false));
	if (rate && (*rate || empty))
		node_set(f->arena, limit, "rate", node_scalar(f->arena, nowhere, rate, true));
	if (limit->n)
		node_set(f->arena, f->map, "limit", limit);
}

/* `empty`: an option without text counts too, as a return to the default. */
static void form_options(struct form *f, const struct arguments *a, bool empty)
{
	static const struct {
		enum option_id id;
		const char *key;
	} texts[] = {{OPTION_NAME, "name"},       {OPTION_DESCRIPTION, "description"},
		     {OPTION_PROTO, "proto"},     {OPTION_LISTEN, "listen"},
		     {OPTION_FROM, "from"},       {OPTION_SNAT, "snat"},
		     {OPTION_BALANCE, "balance"}, {OPTION_EXPIRES, "expires"},
		     {OPTION_IN, "in"},           {OPTION_ON_EXPIRY, "on_expiry"}};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *value = a->values[texts[i].id];
		if (value && (*value || empty))
			form_set(f, texts[i].key, value);
	}
	form_flag(f, a, OPTION_DISABLED, "enabled", false, empty);
	form_flag(f, a, OPTION_LOG, "log", true, empty);
	form_flag(f, a, OPTION_NO_NAT, "nat", false, empty);
	form_limit(f, a, empty);
}

/* `add 192.168.0.102 80` */
static bool swapped(const char *first, const char *second)
{
	struct ip ip;
	struct port_range ports;
	return ip_parse(first, &ip) && port_range_parse(second, &ports);
}

json_t *forms_service(const struct arguments *a, const char *const *words, size_t n_words, struct diag *diag)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct form f = form_new(arena, diag);
	size_t n = n_words - 1;
	_cleanup_(freep) const char **weights = xcalloc(n_words, sizeof(*weights));
	if (n && swapped(words[0], words[1])) {
		diag_add(diag, DIAG_INVALID, nowhere, "the port comes first: gwctl add %s %s", words[1], words[0]);
		return NULL;
	}
	form_options(&f, a, false);
	form_ports(&f, words[0]);
	node_set(arena, f.map, "to", form_targets(&f, words + 1, n, weights));
	return form_finish(&f, weights, n);
}

json_t *forms_changes(const struct arguments *a, const char *const *targets, size_t n_targets, struct diag *diag)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct form f = form_new(arena, diag);
	_cleanup_(freep) const char **weights = xcalloc(n_targets + 1, sizeof(*weights));
	form_options(&f, a, true);
	if (n_targets)
		node_set(arena, f.map, "to", form_targets(&f, targets, n_targets, weights));
	return form_finish(&f, weights, n_targets);
}

static bool is_ports(const char *word)
{
	if (strpbrk(word, ":/,["))
		return true;
	while (*word && !isalpha((unsigned char)*word))
		word++;
	return !*word;
}

json_t *forms_selector(const char *word, struct diag *diag)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct form f = form_new(arena, diag);
	if (is_ports(word))
		form_ports(&f, word);
	else
		form_set(&f, "name", word);
	return form_finish(&f, NULL, 0);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

json_t *forms_opening(const struct arguments *a, const char *word, struct diag *diag)
{
	_cleanup_(arena_freep) struct arena *arena = arena_new();
	struct form f = form_new(arena, diag);
	if (strchr(word, ':')) {
		diag_add(diag, DIAG_INVALID, nowhere,
			 "'%s': what is opened is a port, PORT[/PROTO], on every address of this gateway", word);
		return NULL;
	}
	form_options(&f, a, false);
	form_ports(&f, word);
	json_t *opening = form_finish(&f, NULL, 0);
	json_t *ports = json_object_get(opening, "ports");
	if (json_array_size(ports) == 1) {
		json_object_set(opening, "ports", json_array_get(ports, 0));
		return opening;
	}
	if (opening)
		diag_add(diag, DIAG_INVALID, nowhere, "'%s': one port or range at a time, as in 22 or 8000-8010/udp",
			 word);
	json_decref(opening);
	return NULL;
}

char *forms_opening_text(const json_t *opening)
{
	struct buf text = {0};
	size_t i;
	json_t *from;
	const json_t *all = json_object_get(opening, "from");
	bool local = json_is_true(json_object_get(opening, "local"));
	buf_printf(&text, "%s %s%s", text_of(opening, "proto"), text_of(opening, "ports"),
		   local || json_array_size(all) ? " from " : "");
	if (local)
		buf_printf(&text, "local");
	json_array_foreach(all, i, from)
		buf_printf(&text, "%s%s", i || local ? "," : "", json_is_string(from) ? json_string_value(from) : "?");
	if (streq(text_of(opening, "in"), "dmz"))
		buf_printf(&text, " in dmz");
	return buf_take(&text);
}

char *forms_address_text(const char *addr, const char *port)
{
	bool bracket = *port && strchr(addr, ':');
	return xasprintf("%s%s%s%s%s", bracket ? "[" : "", addr, bracket ? "]" : "", *port ? ":" : "", port);
}

static char *ports_text(const json_t *service)
{
	struct buf ports = {0};
	size_t i;
	json_t *port;
	json_array_foreach(json_object_get(service, "ports"), i, port)
		buf_printf(&ports, "%s%s", i ? "," : "", json_is_string(port) ? json_string_value(port) : "?");
	return buf_take(&ports);
}

char *forms_listen_text(const json_t *service)
{
	_cleanup_(freep) char *ports = ports_text(service);
	const char *listen = text_of(service, "listen");
	_cleanup_(freep) char *where = *listen ? forms_address_text(listen, ports) : xstrdup(ports);
	return xasprintf("%s %s", text_of(service, "proto"), where);
}

char *forms_targets_text(const json_t *service)
{
	struct buf targets = {0};
	_cleanup_(freep) char *dialled = ports_text(service);
	size_t i;
	json_t *target;
	json_array_foreach(json_object_get(service, "to"), i, target)
	{
		const char *port = text_of(target, "port");
		const char *shown = *port ? port : strchr(dialled, ',') ? "" : dialled;
		_cleanup_(freep) char *text = forms_address_text(text_of(target, "addr"), shown);
		json_int_t weight = json_integer_value(json_object_get(target, "weight"));
		buf_printf(&targets, "%s%s", i ? ", " : "", text);
		if (weight > 1)
			buf_printf(&targets, "@%lld", (long long)weight);
	}
	return buf_take(&targets);
}

char *forms_bytes_text(json_int_t bytes)
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes;
	int unit = -1;
	for (; value >= 999.5 && unit < 5; unit++)
		value /= 1024;
	if (unit < 0)
		return xasprintf("%lld", (long long)bytes);
	return xasprintf(value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}
