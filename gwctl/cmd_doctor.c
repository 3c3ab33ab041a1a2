/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gwd looks at everything that runs, in pages; its targets are asked from here, and the pages looked at once more with
 * the answers. One cause may have many forwards: they are told together. */
#include <time.h>

#include "ask.h"
#include "command.h"
#include "owner.h"
#include "probe.h"
#include "remedy_lines.h"
#include "saved.h"
#include "util.h"

enum {
	ASK_SECONDS = 15, /* for all targets together; those that are left over stay unasked */
	ALIKE_MAX = 5,    /* findings of one kind that are shown */
	NAMES_MAX = 3,    /* forwards that are named of many */
};

/* ---- Pages ------------------------------------------------------------------------------------------- */

/* All pages, one behind the other, with the probes of `before` (or NULL). */
static enum status pages(struct call *call, const json_t *before, json_t *ret)
{
	json_int_t first = 0;
	do {
		json_t *asked = json_pack("{s:I}", "first", first), *reply = NULL;
		const json_t *known = json_array_get(before, json_array_size(ret));
		if (known)
			json_object_set(asked, "probes", json_object_get(known, "probes"));
		enum status status = call_method(call, "Doctor", asked, &reply);
		if (status != STATUS_DONE)
			return status;
		json_array_append_new(ret, reply);
		first = json_number(reply, "next");
	} while (first);
	return STATUS_DONE;
}

/* What was answered on one page is not asked on the next: into `known`, or out of it. */
static void share(json_t *probes, json_t *known, bool learn)
{
	size_t i;
	json_t *probe;
	json_array_foreach(probes, i, probe)
	{
		_cleanup_(freep) char *key =
			xasprintf("%s %s %lld %s", json_text(probe, "proto"), json_text(probe, "addr"),
				  (long long)json_number(probe, "port"), json_text(probe, "source"));
		json_t *answer = json_object_get(learn ? probe : known, learn ? "answer" : key);
		if (answer)
			json_object_set(learn ? known : probe, learn ? key : "answer", answer);
	}
}

static bool ask_all(json_t *pages)
{
	json_auto_t *known = json_object();
	time_t until = time(NULL) + ASK_SECONDS;
	bool any = false;
	size_t i;
	json_t *page;
	json_array_foreach(pages, i, page)
	{
		json_t *probes = json_object_get(page, "probes");
		any |= json_array_size(probes) > 0;
		share(probes, known, false);
		if (time(NULL) < until && ask_probes(probes, PROBE_SURE_MS))
			share(probes, known, true);
	}
	return any;
}

/* ---- Findings ---------------------------------------------------------------------------------------- */

struct findings {
	json_t *list;
	json_t *same; /* the first of each, by all that a person reads of it */
};

/* Forwards with the same cause are one finding, with what puts the first of them right. */
static void take(struct findings *all, json_t *one)
{
	_cleanup_(freep) char *key =
		xasprintf("%s %s %s", json_text(one, "severity"), json_text(one, "about"), json_text(one, "text"));
	json_t *name = json_object_get(one, "forward"), *found = json_object_get(all->same, key);
	if (!found) {
		found = json_copy(one);
		json_object_del(found, "forward");
		json_object_set_new(found, "forwards", json_array());
		json_object_set_new(all->same, key, found);
		json_array_append(all->list, found);
	}
	json_t *forwards = json_object_get(found, "forwards");
	const json_t *last = json_array_get(forwards, json_array_size(forwards) - 1);
	if (name && !json_equal(last, name)) /* tcp and udp of one come together */
		json_array_append(forwards, name);
}

static void take_saved(struct findings *all)
{
	json_auto_t *paths = json_array();
	size_t i;
	json_t *path;
	saved_find(paths);
	json_array_foreach(paths, i, path)
	{
		_cleanup_(freep) char *text = saved_text(json_string_value(path)),
				      *remedy = saved_remedy(json_string_value(path));
		json_auto_t *one = json_pack("{s:s, s:s, s:s, s:s}", "severity", "warning", "about", "saved", "text",
					     text, "remedy", remedy);
		take(all, one);
	}
}

static const char *const severities[] = {"error", "warning", "note"};

/* What is worst comes first. */
static json_t *sorted(const json_t *list)
{
	json_t *ret = json_array(), *one;
	for (size_t s = 0; s < ARRAY_SIZE(severities); s++) {
		size_t i;
		json_array_foreach(list, i, one)
		{
			if (streq(json_text(one, "severity"), severities[s]))
				json_array_append(ret, one);
		}
	}
	return ret;
}

static json_int_t count(const json_t *list, const char *severity)
{
	json_int_t n = 0;
	size_t i;
	json_t *one;
	json_array_foreach(list, i, one) n += streq(json_text(one, "severity"), severity);
	return n;
}

static json_t *found(const json_t *pages)
{
	json_auto_t *list = json_array(), *same = json_object();
	struct findings all = {list, same};
	size_t i, k;
	json_t *page, *one;
	json_array_foreach(pages, i, page)
	{
		json_array_foreach(json_object_get(page, "findings"), k, one) take(&all, one);
	}
	take_saved(&all);
	json_t *ret = json_pack("{s:o}", "findings", sorted(list));
	for (i = 0; i < ARRAY_SIZE(severities); i++) {
		_cleanup_(freep) char *key = xasprintf("%ss", severities[i]);
		json_object_set_new(ret, key, json_integer(count(list, severities[i])));
	}
	return ret;
}

/* ---- As people read it ------------------------------------------------------------------------------- */

/* "web: ", "17 forwards (web, ssh, mail, ...): " */
static void add_forwards(struct buf *text, const json_t *forwards)
{
	size_t n = json_array_size(forwards);
	if (n > 1)
		buf_printf(text, "%zu forwards (", n);
	for (size_t i = 0; i < n && i < NAMES_MAX; i++)
		buf_printf(text, "%s%s", i ? ", " : "", json_string_value(json_array_get(forwards, i)));
	buf_printf(text, "%s%s%s", n > NAMES_MAX ? ", ..." : "", n > 1 ? ")" : "", n ? ": " : "");
}

static void add_finding(struct buf *text, const json_t *one)
{
	_cleanup_(freep) char *what = owner_named(json_text(one, "text"));
	_cleanup_(freep) char *indent = xasprintf("%7s  %12s  ", "", ""), *remedy = remedy_lines(one, indent);
	buf_printf(text, "%s%-7s  %-12s  ", text->len ? "\n" : "", json_text(one, "severity"), json_text(one, "about"));
	add_forwards(text, json_object_get(one, "forwards"));
	buf_printf(text, "%s", what);
	if (*remedy)
		buf_printf(text, "\n%s%s", indent, remedy);
}

static size_t alike(const json_t *list, size_t end)
{
	const json_t *one = json_array_get(list, end);
	size_t n = 0;
	for (size_t i = 0; i < end; i++) {
		const json_t *other = json_array_get(list, i);
		n += streq(json_text(other, "severity"), json_text(one, "severity")) &&
		     streq(json_text(other, "about"), json_text(one, "about"));
	}
	return n;
}

static char *findings_cell(const json_t *reply)
{
	const json_t *list = json_object_get(reply, "findings");
	struct buf text = {0};
	size_t i, hidden = 0;
	json_t *one;
	json_array_foreach(list, i, one)
	{
		if (alike(list, i) < ALIKE_MAX)
			add_finding(&text, one);
		else
			hidden++;
	}
	if (hidden)
		buf_printf(&text, "\nand %zu more like these: gwctl doctor -o json has all of them", hidden);
	return text.len ? buf_take(&text) : NULL;
}

static char *sum_cell(const json_t *reply)
{
	struct buf text = {0};
	for (size_t i = 0; i < ARRAY_SIZE(severities); i++) {
		json_int_t n = count(json_object_get(reply, "findings"), severities[i]);
		if (n)
			buf_printf(&text, "%s%lld %s%s", text.len ? ", " : "", (long long)n, severities[i],
				   plural(n, "s"));
	}
	return text.len ? buf_take(&text) : xstrdup("nothing is wrong");
}

static const struct column fields[] = {{.cell = findings_cell}, {.cell = sum_cell}};

enum status cmd_doctor(struct call *call)
{
	json_auto_t *before = json_array(), *after = json_array();
	enum status status = pages(call, NULL, before);
	bool asked = status == STATUS_DONE && ask_all(before);
	if (asked)
		status = pages(call, before, after);
	if (status != STATUS_DONE)
		return status;
	json_auto_t *reply = found(asked ? after : before);
	if (!call->quiet)
		writer_object(call->out, fields, ARRAY_SIZE(fields), reply);
	return json_number(reply, "errors") ? STATUS_REFUSED : STATUS_DONE;
}
