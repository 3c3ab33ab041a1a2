/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The declared set as a whole: documents in, settings and forwards out. Entries are read one at a time and kept only as
 * forwards, so that memory follows what a forward needs, not what its text needed. They enter the table in two rounds,
 * those with a written name first: a default name then gives way to every written one, wherever that stands. */
#include "config.h"

#include <assert.h>

#include "config_service.h"
#include "config_settings.h"
#include "service.h"
#include "util.h"

/* ---- Values ------------------------------------------------------------------------------------- */

void documents_free(struct documents *docs)
{
	for (size_t i = 0; i < docs->n; i++)
		free(docs->items[i].text);
	free(docs->items);
	*docs = (struct documents){0};
}

void documents_freep(struct documents **docs)
{
	if (!*docs)
		return;
	documents_free(*docs);
	free(*docs);
}

static uint64_t hash_text(uint64_t hash, const char *text, size_t len)
{
	uint64_t length = len;

	hash = hash_bytes(hash, &length, sizeof(length));
	return hash_bytes(hash, text, len);
}

uint64_t documents_hash(const struct documents *docs)
{
	uint64_t hash = HASH_START;

	for (size_t i = 0; i < docs->n; i++) {
		const struct document *d = &docs->items[i];
		const char *slash = strrchr(d->path, '/');
		const char *name = i == 0 ? "" : slash ? slash + 1 : d->path; /* the first may come from anywhere */

		hash = hash_text(hash, name, strlen(name));
		hash = hash_text(hash, d->text, d->len);
	}
	return hash;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	settings_free(c->settings);
	forwards_free(c->forwards);
	free(c);
}

void config_freep(struct config **c)
{
	config_free(*c);
}

/* ---- Documents ---------------------------------------------------------------------------------- */

struct pending {                 /* an entry of `services` as read */
	struct forward *forward; /* owned; name NULL: it gets its default */
	bool sound;
};

struct reader {
	struct settings_reader settings;
	struct pending *pending;
	size_t n, capacity;
	struct arena *arena; /* of the entry being read */
	struct diag *diag;
	size_t index; /* of the entry in its document */
	char label[sizeof("services[]") + NUMBER_TEXT_MAX];
};

static void reader_free(struct reader *r)
{
	for (size_t i = 0; i < r->n; i++)
		forward_unref(r->pending[i].forward);
	free(r->pending);
	settings_reader_free(&r->settings);
	arena_free(r->arena);
}

static void read_pair(void *ctx, const struct node *key, const struct node *value)
{
	struct reader *r = ctx;

	if (streq(key->text, "services") && value->type == NODE_NULL)
		return; /* every entry commented out */
	if (r->settings.extra && !streq(key->text, "services") && !streq(key->text, "gateway") &&
	    keys_in_file(&settings_keys, key->text))
		diag_add(r->diag, DIAG_INVALID, key->loc,
			 "'%s' belongs in gwd.yaml: a file in gwd.d may hold 'services' and 'gateway' only", key->text);
	else if (!keys_in_file(&settings_keys, key->text) && keys_in_file(&service_keys, key->text))
		diag_add(r->diag, DIAG_INVALID, key->loc, "'%s' belongs in an entry of 'services', below a '- '",
			 key->text);
	else
		keys_read_one(&settings_keys, key, value, &r->settings, r->diag);
}

/* What messages about an entry begin with. */
static const char *subject(struct reader *r, const struct node *item)
{
	static const char list[] = "services[";
	const struct node *name = doc_get(item, "name");

	if (name && name->type == NODE_SCALAR && *name->text)
		return name->text;
	memcpy(r->label, list, sizeof(list) - 1);
	memcpy(number_text(r->label + sizeof(list) - 1, r->index), "]", 2);
	return r->label;
}

static void read_item(void *ctx, const struct node *item)
{
	struct reader *r = ctx;
	_cleanup_(forward_unrefp) struct forward *f = forward_new();
	size_t before = diag_count(r->diag);
	const struct node *service;
	bool sound;

	arena_reset(r->arena);
	r->diag->subject = subject(r, item);
	r->index++;
	service = service_canonical(r->arena, item, r->diag);
	if (service) {
		f->loc = item->loc;
		f->extra = r->settings.extra;
		f->protos = PROTO_TCP;
		sound = config_service_read(f, service, false, before, r->diag);
		r->pending = grow(r->pending, r->n, &r->capacity, sizeof(*r->pending));
		r->pending[r->n++] = (struct pending){TAKE_PTR(f), sound};
	}
	r->diag->subject = NULL;
}

static void read_document(struct reader *r, const struct document *d, bool extra)
{
	const struct doc_handler handler = {.pair = read_pair, .item = read_item, .streamed = "services", .ctx = r};

	r->settings.extra = extra;
	r->index = 0;
	doc_read_yaml(d->text, d->len, d->path, &handler, r->diag);
}

/* ---- The table ---------------------------------------------------------------------------------- */

static bool check_name(struct forwards *table, const struct forward *f, struct diag *diag)
{
	const struct forward_entry *other = forwards_by_name(table, f->name);

	if (!other)
		return true;
	diag_add(diag, DIAG_INVALID, f->loc, "%s: the name is taken already at %s:%u:%u", f->name,
		 other->forward->loc.file, other->forward->loc.line, other->forward->loc.col);
	return false;
}

static bool check_free(struct forwards *table, const struct forward *f, struct diag *diag)
{
	_cleanup_(freep) char *ports = NULL, *listen = NULL;
	struct forward_entry *other;
	const struct loc *loc;

	if (!forwards_overlap(table, f, &other, 1))
		return true;
	ports = forward_ports_text(f);
	listen = f->listen.kind == LISTEN_ANY ? xstrdup("") : listen_text(&f->listen);
	loc = &other->forward->loc;
	diag_add(diag, DIAG_INVALID, f->loc, "%s%s%s%s%s %s is taken already by '%s' at %s:%u:%u",
		 f->name ? f->name : "", f->name ? ": " : "", proto_text(f->protos), *listen ? " " : "", listen, ports,
		 other->forward->name, loc->file, loc->line, loc->col);
	return false;
}

/* Unsound entries only hold their name. */
static void add_named(struct reader *r, struct forwards *table)
{
	for (size_t i = 0; i < r->n; i++) {
		struct pending *p = &r->pending[i];

		if (!p->forward->name || !check_name(table, p->forward, r->diag))
			continue;
		if (p->sound && check_free(table, p->forward, r->diag))
			forwards_add(table, p->forward, false);
		else
			forwards_add(table, p->forward, true);
	}
}

/* Written names keep their order; the others go between them. */
static void add_unnamed(struct reader *r, struct forwards *table)
{
	struct forward_entry *next = forwards_first(table);

	for (size_t i = 0; i < r->n; i++) {
		struct pending *p = &r->pending[i];

		if (next && next->forward == p->forward) {
			next = next->next;
			continue;
		}
		if (p->forward->name || !p->sound || !check_free(table, p->forward, r->diag))
			continue;
		p->forward->name = forward_default_name(p->forward, table);
		forwards_insert(table, p->forward, false, next);
	}
}

struct config *config_read(const struct documents *docs, struct diag *diag)
{
	_cleanup_(config_freep) struct config *config = xcalloc(1, sizeof(*config));
	_cleanup_(reader_free) struct reader r = {.diag = diag, .arena = arena_new()};
	size_t before = diag_count(diag);

	config->settings = settings_default();
	config->forwards = forwards_new();
	r.settings.settings = config->settings;
	for (size_t i = 0; i < docs->n; i++)
		read_document(&r, &docs->items[i], i > 0);
	settings_reader_finish(&r.settings, diag);
	add_named(&r, config->forwards);
	add_unnamed(&r, config->forwards);
	for (size_t i = 0; i < docs->n; i++)
		diag_attach_source(diag, docs->items[i].path, docs->items[i].text, docs->items[i].len);
	return diag_count(diag) > before ? NULL : TAKE_PTR(config);
}

/* ---- One service -------------------------------------------------------------------------------- */

static char *default_name(const struct forward *f, const struct forwards *taken)
{
	_cleanup_(forwards_freep) struct forwards *none = forwards_new();

	return forward_default_name(f, taken ? taken : none);
}

struct forward *config_forward(const struct node *service, const struct forwards *taken, struct diag *diag)
{
	_cleanup_(forward_unrefp) struct forward *f = forward_new();
	const struct node *name = doc_get(service, "name");
	bool sound;

	f->loc = service->loc;
	f->protos = PROTO_TCP;
	diag->subject = name && name->type == NODE_SCALAR && *name->text ? name->text : NULL;
	sound = config_service_read(f, service, false, diag_count(diag), diag);
	diag->subject = NULL;
	if (!sound)
		return NULL;
	if (!f->name)
		f->name = default_name(f, taken);
	return TAKE_PTR(f);
}

struct forward *config_forward_set(const struct forward *old, const struct node *changes, struct diag *diag)
{
	_cleanup_(forward_unrefp) struct forward *f = forward_renamed(old, old->name);
	bool sound;

	diag->subject = old->name;
	sound = config_service_read(f, changes, true, diag_count(diag), diag);
	diag->subject = NULL;
	if (!sound)
		return NULL;
	if (!f->name)
		f->name = default_name(f, NULL);
	return forward_with_states(f, old);
}

/* A copy in which a target that names the very port that is dialled no longer names it: the two mean the same. */
static struct forward *without_same_ports(const struct forward *f)
{
	struct forward *copy = forward_renamed(f, f->name);

	for (size_t i = 0; i < copy->n_targets && copy->n_ports == 1; i++) {
		struct target *t = &copy->targets[i];

		if (t->ports.first == copy->ports[0].first && t->ports.last == copy->ports[0].last)
			t->ports = (struct port_range){0};
	}
	return copy;
}

static bool agrees(const struct node *named, const struct forward *have, bool expires)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(forward_unrefp) struct forward *wanted = config_forward_set(have, named, &diag);
	_cleanup_(forward_unrefp) struct forward *a = NULL, *b = NULL;

	if (!wanted || !streq(wanted->name, have->name))
		return false;
	a = without_same_ports(wanted);
	b = without_same_ports(have);
	if (!expires)
		a->expires = b->expires;
	return forward_same(a, b);
}

bool config_forward_agrees(const struct node *named, const struct forward *have)
{
	return agrees(named, have, true);
}

bool config_forward_renews(const struct node *named, const struct forward *have)
{
	return doc_get(named, "expires") && agrees(named, have, false);
}

/* ---- Documentation ------------------------------------------------------------------------------ */

static size_t list_keys(const struct keys *keys, const char *path, const char **names, size_t n, size_t max)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct key *k = &keys->items[i];
		char *name = xasprintf("%s%s%s", path, *path ? "." : "", k->file_name ? k->file_name : k->name);

		assert(n + 1 < max);
		names[n++] = name;
		if (k->keys)
			n = list_keys(k->keys, name, names, n, max);
	}
	return n;
}

const char *const *config_keys(void)
{
	static const char *names[64];

	if (!names[0])
		list_keys(&settings_keys, "", names, 0, ARRAY_SIZE(names));
	return names;
}
