/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which interfaces are inside and outside is the one thing here that can open a network to the world by a slip of the
 * keyboard; so an interface has one place in the file, and a second one is told together with the first. */
#include "config_settings.h"

#include "addr.h"
#include "config_gateway.h"
#include "config_service.h"
#include "config_values.h"
#include "util.h"

#define INTERFACES_MAX 1024 /* named in one file; each is compared with all */

/* ---- Values ------------------------------------------------------------------------------------- */

struct settings *settings_default(void)
{
	struct settings *s = xcalloc(1, sizeof(*s));

	s->masquerade = true;
	s->snat.mode = SNAT_AUTO;
	s->accounting = true;
	return s;
}

static void names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	names_free(s->wan, s->n_wan);
	names_free(s->lan, s->n_lan);
	names_free(s->dmz, s->n_dmz);
	openings_free(s->open, s->n_open);
	free(s);
}

void settings_freep(struct settings **s)
{
	settings_free(*s);
}

static bool names_same(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (!streq(a[i], b[i]))
			return false;
	return true;
}

bool settings_same(const struct settings *a, const struct settings *b)
{
	return a->masquerade == b->masquerade && snat_same(&a->snat, &b->snat) && a->policy == b->policy &&
	       a->table_owner == b->table_owner && a->mss_clamp == b->mss_clamp && a->accounting == b->accounting &&
	       a->offload == b->offload && a->protect == b->protect &&
	       openings_same(a->open, a->n_open, b->open, b->n_open) &&
	       names_same(a->wan, a->n_wan, b->wan, b->n_wan) && names_same(a->lan, a->n_lan, b->lan, b->n_lan) &&
	       names_same(a->dmz, a->n_dmz, b->dmz, b->n_dmz);
}

void settings_reader_free(struct settings_reader *r)
{
	for (size_t i = 0; i < r->n_named; i++)
		free(r->named[i].name);
	free(r->named);
}

/* ---- Interfaces --------------------------------------------------------------------------------- */

static bool pattern_check(const struct key *k, const struct node *value, struct diag *diag)
{
	const char *text = key_text(k, value, diag), *star;

	if (!text)
		return false;
	star = strchr(text, '*');
	if (star == text)
		diag_add(diag, DIAG_INVALID, value->loc,
			 "%s: '%s' would be any interface; name them, or what they begin "
			 "with (\"ppp*\")",
			 k->name, text);
	else if (star && star[1])
		diag_add(diag, DIAG_INVALID, value->loc, "%s: '%s': '*' may only stand at the end", k->name, text);
	else if (!ifname_plain(text))
		diag_add(diag, DIAG_INVALID, value->loc,
			 "%s: '%s' is no interface name (1 to 15 characters, without '/', ':', '\"', '\\' and blanks)",
			 k->name, text);
	else
		return true;
	return false;
}

/* Both can mean the same interface. */
static bool patterns_meet(const char *a, const char *b)
{
	size_t la = strcspn(a, "*"), lb = strcspn(b, "*");

	if (a[la] && b[lb])
		return strncmp(a, b, la < lb ? la : lb) == 0;
	if (a[la] || b[lb])
		return strncmp(a, b, a[la] ? la : lb) == 0;
	return streq(a, b);
}

static bool name_once(struct settings_reader *r, const struct key *k, const struct node *value, struct diag *diag)
{
	for (size_t i = 0; i < r->n_named; i++) {
		const struct named_interface *other = &r->named[i];

		if (!(streq(k->name, other->key) ? streq(value->text, other->name)
						 : patterns_meet(value->text, other->name)))
			continue;
		diag_add(diag, DIAG_INVALID, value->loc, "%s: '%s' is already named as '%s' in %s at %s:%u:%u", k->name,
			 value->text, other->name, other->key, other->loc.file, other->loc.line, other->loc.col);
		return false;
	}
	if (r->n_named == INTERFACES_MAX) {
		diag_add(diag, DIAG_INVALID, value->loc,
			 "%s: more than %d interfaces are not supported; use a wildcard", k->name, INTERFACES_MAX);
		return false;
	}
	r->named = grow(r->named, r->n_named, &r->capacity, sizeof(*r->named));
	r->named[r->n_named++] = (struct named_interface){k->name, xstrdup(value->text), value->loc};
	return true;
}

/* A name or a list of names; *ret is the caller's. */
static void read_names(struct settings_reader *r, const struct key *k, const struct node *value, char ***ret,
		       size_t *ret_n, struct diag *diag)
{
	size_t capacity = 0;

	for (size_t i = 0; i < items_of(value); i++) {
		const struct node *item = item_of(value, i);

		if (!pattern_check(k, item, diag) || !name_once(r, k, item, diag))
			continue;
		*ret = grow(*ret, *ret_n, &capacity, sizeof(**ret));
		(*ret)[(*ret_n)++] = xstrdup(item->text);
	}
}

static void read_wan(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;

	if (value->type == NODE_LIST && value->n == 0)
		diag_add(diag, DIAG_INVALID, value->loc,
			 "wan: the list is empty; leave the key out to follow the default route");
	read_names(r, k, value, &r->settings->wan, &r->settings->n_wan, diag);
}

static void read_lan(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;

	r->lan_named = items_of(value) > 0;
	read_names(r, k, value, &r->settings->lan, &r->settings->n_lan, diag);
}

static void read_dmz(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;

	read_names(r, k, value, &r->settings->dmz, &r->settings->n_dmz, diag);
}

/* ---- The rest ----------------------------------------------------------------------------------- */

static void read_version(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	const char *text = key_text(k, value, diag);

	(void)ctx;
	if (text && !streq(text, "1"))
		diag_add(diag, DIAG_INVALID, value->loc, "version: this gwd reads files of version 1, not '%s'", text);
}

static void read_masquerade(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;

	key_bool(k, value, &r->settings->masquerade, diag);
}

static void read_snat(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;

	value_snat(k, value, &r->settings->snat, diag);
}

static void read_policy(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;
	int word = key_choice(k, value, NULL, diag);

	if (word < 0)
		return;
	r->settings->policy = (enum policy)word;
	r->policy = value->loc;
}

static void read_table_owner(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;
	int word = key_choice(k, value, NULL, diag);

	if (word >= 0)
		r->settings->table_owner = (enum table_owner)word;
}

static void read_accounting(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;

	key_bool(k, value, &r->settings->accounting, diag);
}

static void read_offload(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;

	key_bool(k, value, &r->settings->offload, diag);
}

static void read_mss_clamp(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;
	int word = key_choice(k, value, NULL, diag);

	if (word >= 0)
		r->settings->mss_clamp = (enum mss_clamp)word;
}

/* gwd.yaml decides whether the gateway is protected; what gwd.d has only adds to what is open. */
static void read_gateway(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	struct settings_reader *r = ctx;

	if (!r->extra)
		r->settings->protect = true;
	else if (!r->gateway.file)
		r->gateway = value->loc;
	keys_nested(k, value, false, ctx, diag);
}

/* A list never comes here: its entries are streamed. */
static void read_services(void *ctx, const struct key *k, const struct node *value, struct diag *diag)
{
	(void)ctx;
	diag_add(diag, DIAG_INVALID, value->loc, "%s: expected a list, each entry beginning with '- '", k->name);
}

static const struct key items[] = {
	{.name = "version", .read = read_version},
	{.name = "wan", .read = read_wan},
	{.name = "lan", .read = read_lan},
	{.name = "dmz", .read = read_dmz},
	{.name = "masquerade", .read = read_masquerade},
	{.name = "snat", .read = read_snat, .words = SNAT_WORDS},
	{.name = "policy", .read = read_policy, .words = "coexist|exclusive"},
	{.name = "table_owner", .read = read_table_owner, .words = "auto|on|off"},
	{.name = "accounting", .read = read_accounting},
	{.name = "offload", .read = read_offload},
	{.name = "mss_clamp", .read = read_mss_clamp, .words = "auto|always|off"},
	{.name = "gateway", .read = read_gateway, .keys = &gateway_keys},
	{.name = "services", .read = read_services, .keys = &service_keys},
};
const struct keys settings_keys = {items, ARRAY_SIZE(items), "gwd.yaml", NULL};

static bool opens(const struct settings *s, enum opening_in in)
{
	for (size_t i = 0; i < s->n_open; i++)
		if (s->open[i].in == in)
			return true;
	return false;
}

void settings_reader_finish(const struct settings_reader *r, struct diag *diag)
{
	const struct settings *s = r->settings;

	if (s->policy == POLICY_EXCLUSIVE && !r->lan_named)
		diag_add(diag, DIAG_INVALID, r->policy,
			 "policy: exclusive needs lan: nothing that is not named there could reach the internet");
	if (r->gateway.file && !s->protect)
		diag_warn(diag, "%s:%u: 'gateway' opens ports here, but nothing closes them: gwd.yaml has no 'gateway'",
			  r->gateway.file, r->gateway.line);
	if (s->protect && !s->n_lan && !opens(s, OPENING_WAN))
		diag_warn(diag, "gateway: closes all ports of this machine to the outside and opens none: if you come "
				"in by there, add open: [{port: 22, from: local}]");
	if (opens(s, OPENING_DMZ) && !s->n_dmz)
		diag_warn(diag, "gateway: opens ports in dmz, but no dmz is named");
}
