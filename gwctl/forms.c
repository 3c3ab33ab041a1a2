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

/* `empty`: an option without text counts too, as a return to the default. */
static void form_options(struct form *f, const struct arguments *a, bool empty)
{
	static const enum option_id texts[] = {OPTION_NAME, OPTION_DESCRIPTION, OPTION_PROTO, OPTION_LISTEN};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *value = a->values[texts[i]];
		if (value && (*value || empty))
			form_set(f, options[texts[i]].name, value);
	}
	const char *expires = a->values[OPTION_EXPIRES], *on_expiry = a->values[OPTION_ON_EXPIRY];
	if (expires && (*expires || empty))
		form_set(f, "expires", expires);
	if (on_expiry && (*on_expiry || empty))
		form_set(f, "on_expiry", on_expiry);
	const char *disabled = a->values[OPTION_DISABLED];
	if (disabled && *disabled && !streq(disabled, options[OPTION_DISABLED].name))
		diag_add(f->diag, DIAG_INVALID, nowhere,
			 "--disabled=%s: --disabled means off, --disabled= means on", disabled);
	if (disabled && (*disabled || empty))
		node_set(f->arena, f->map, "enabled",
			 node_scalar(f->arena, nowhere, *disabled ? "false" : "true", false));
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

char *forms_address_text(const char *addr, const char *port)
{
	bool bracket = *port && strchr(addr, ':');
	return xasprintf("%s%s%s%s%s", bracket ? "[" : "", addr, bracket ? "]" : "", *port ? ":" : "", port);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static char *ports_text(const json_t *service)
{
	struct buf ports = {0};
	size_t i;
	json_t *port;
	json_array_foreach (json_object_get(service, "ports"), i, port)
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
	json_array_foreach (json_object_get(service, "to"), i, target) {
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
