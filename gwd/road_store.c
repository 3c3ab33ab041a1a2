/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The database side of the road: the rows of a draft, inside the transaction that road_commit began. */
#include "road.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "config_print.h"
#include "gwd_confirm.h"
#include "gwd_expire.h"
#include "gwd_guard.h"

int road_writable(const struct gwd *g, struct diag *diag)
{
	return state_refuse(g->state, diag);
}

static int store_row(struct gwd *g, const struct row *r, const struct caller *who, struct diag *diag)
{
	_cleanup_(buf_free) struct buf service = {0};
	const char *boot;

	if (r->kind == ITEM_TARGET || r->kind == ITEM_OPENING)
		return state_put_live(g->state, r->kind, r->name, r->value, r->temporary ? g->boot : NULL, diag);
	if (r->kind == ITEM_OVERRIDE)
		return r->remove ? state_del_override(g->state, r->name, diag)
				 : state_put_override(g->state, r->name, &r->override, diag);
	if (!r->forward)
		return state_del_runtime(g->state, r->name, diag);
	config_forward_json(&service, NULL, r->forward);
	boot = r->forward->lifetime == LIFETIME_TEMPORARY ? g->boot : NULL;
	return state_put_runtime(g->state, r->name, service.data, boot, who, diag);
}

static int store_number(struct gwd *g, const char *key, int64_t value, struct diag *diag)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return state_put(g->state, key, text, diag);
}

/* Separated by blanks, which no interface has in its name. */
static int store_names(struct gwd *g, const char *key, const struct strings *names, struct diag *diag)
{
	_cleanup_(buf_free) struct buf out = {0};
	_cleanup_(freep) char *text = NULL;

	for (size_t i = 0; i < names->n; i++)
		buf_printf(&out, "%s%s", i ? " " : "", names->items[i]);
	text = buf_take(&out);
	return state_put(g->state, key, text, diag);
}

static int store_remembered(struct gwd *g, struct diag *diag)
{
	int r = store_names(g, "wan", &g->wan.last, diag);

	return r < 0 ? r : store_names(g, "outside", &g->wan.former, diag);
}

/* "HERE" of IPv6, "HERE ACCEPT_REDIRECTS" of IPv4. */
static int store_raised(struct gwd *g, size_t family, struct diag *diag)
{
	_cleanup_(freep) char *value = family == V4 ? xasprintf("%s %d", g->here, g->redirects) : xstrdup(g->here);

	return state_put(g->state, family == V4 ? "raised4" : "raised6", value, diag);
}

/* Everything that the draft writes, inside a transaction. *ret_docset: the documents in force after it. */
int road_store(struct gwd *g, const struct draft *d, const struct request_options *options, int64_t *ret_docset,
	       int64_t *ret_revision, struct diag *diag)
{
	struct revision revision = {.time = time(NULL), .who = options->who, .reverses = d->reverses};
	const struct documents *documents = d->documents ? d->documents : d->docset ? NULL : g->unstored;
	int64_t docset = d->docset ? d->docset : g->docset;
	int r = 0;

	if (documents)
		r = state_put_documents(g->state, documents, &docset, diag);
	if (r == 0 && docset != g->docset)
		r = store_number(g, "accepted", docset, diag);
	if (r == 0 && d->what && !d->unrecorded) {
		revision.docset = docset;
		revision.what = xstrdup(d->what);
		r = state_put_revision(g->state, &revision, diag);
		free(revision.what);
	}
	if (r == 0)
		r = confirm_store(g, d, options, docset, revision.id, diag);
	for (size_t i = 0; i < d->n_rows && r == 0; i++)
		r = store_row(g, &d->rows[i], &options->who, diag);
	for (size_t family = 0; family < FAMILIES && r == 0; family++)
		if (d->raises[family] || (g->store_raised && g->raised[family]))
			r = store_raised(g, family, diag);
	if (r == 0 && g->remember)
		r = store_remembered(g, diag);
	if (r == 0)
		r = guard_store(g, d, diag);
	if (r == 0 && d->seen)
		r = state_put(g->state, "seen", d->seen, diag);
	if (r == 0 && (documents || d->docset || d->unconfirmed))
		r = state_put(g->state, "unconfirmed", d->unconfirmed, diag);
	if (r == 0)
		r = expire_store(g, diag);
	*ret_docset = docset;
	*ret_revision = revision.id;
	return r;
}
