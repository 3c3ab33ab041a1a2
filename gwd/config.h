/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the user wrote becomes what it means: key tables turn located nodes (file and socket alike) into settings
 * and forwards. Whether a text is accepted depends on the text alone. Pure. */
#ifndef CONFIG_H
#define CONFIG_H

#include "arena.h"
#include "diag.h"
#include "doc.h"
#include "forward.h"
#include "opening.h"

enum policy { POLICY_COEXIST, POLICY_EXCLUSIVE };
enum table_owner { OWNER_AUTO, OWNER_ON, OWNER_OFF };
enum mss_clamp { CLAMP_AUTO, CLAMP_ALWAYS, CLAMP_OFF };

struct settings {
	char **wan; /* names or patterns with '*'; n_wan == 0: follow the default route */
	size_t n_wan;
	char **lan;
	size_t n_lan;
	char **dmz;
	size_t n_dmz;
	bool masquerade;
	struct snat snat; /* never SNAT_DEFAULT */
	enum policy policy;
	enum table_owner table_owner;
	enum mss_clamp mss_clamp;
	bool accounting;
	bool offload;
	bool protect;         /* gwd.yaml has `gateway:`: what `open` does not name cannot be reached from wan */
	struct opening *open; /* declared ones, gwd.d's too */
	size_t n_open;
};

struct settings *settings_default(void);
void settings_free(struct settings *);
void settings_freep(struct settings **);
bool settings_same(const struct settings *, const struct settings *);
static inline bool settings_inside(const struct settings *s) /* an inside is named */
{
	return s->n_lan || s->n_dmz;
}
static inline bool settings_owned(const struct settings *s) /* nobody else is to change the table */
{
	return s->table_owner == OWNER_ON || (s->table_owner == OWNER_AUTO && s->policy == POLICY_EXCLUSIVE);
}

/* One file of the declared set: gwd.yaml first, then gwd.d's in name order. `path` is interned (diag_file) and is what
 * messages show. */
struct document {
	const char *path;
	char *text;
	size_t len;
};

struct documents {
	struct document *items; /* [0] is gwd.yaml, also when the file is absent (then text "" and len 0) */
	size_t n;
};
void documents_free(struct documents *);   /* contents only */
void documents_freep(struct documents **); /* the struct too */
uint64_t documents_hash(
	const struct documents *); /* FNV-1a 64 over texts and, but for the first, base names; lengths included */

struct config {
	struct settings *settings;
	struct forwards *forwards; /* declared ones, in order */
};
void config_free(struct config *);
void config_freep(struct config **);

/* All documents, or NULL with every mistake of all of them in `diag` (source lines attached). A service without a name
 * gets its default name after all names that are written, in any document, are taken: what is written wins. */
struct config *config_read(const struct documents *, struct diag *);

/* One canonical service (service_canonical) as it comes over the socket or out of the database. `taken` is used for
 * the default name only. A reference for the caller, or NULL plus diag. */
struct forward *config_forward(const struct node *service, const struct forwards *taken, struct diag *);

/* `old` with the keys of `changes` replaced (an empty scalar or list returns the key to its default; absent keys stay).
 * The result keeps the name unless `changes` has one, and what is ordered of targets that stay. */
struct forward *config_forward_set(const struct forward *old, const struct node *changes, struct diag *);

/* The keys that `named` (a canonical service) gives all say what `have` says: how `add` decides that a forward is
 * already there. */
bool config_forward_agrees(const struct node *named, const struct forward *have);
/* All but `expires`, which they give: how `add` decides that it is to last longer, or less. */
bool config_forward_renews(const struct node *named, const struct forward *have);

/* One opening as it comes over the socket or out of the database: {in, proto, ports, from, local, expires}, `ports` one
 * port or range; the word "local" may also stand in `from`. True: *ret is the caller's (opening_free). False: diag. */
bool config_opening(const struct node *canonical, struct opening *ret, struct diag *);

/* Documentation hook for tests: every key that gwd.yaml may have, "services.port" style, NULL-terminated. */
const char *const *config_keys(void);

#endif
