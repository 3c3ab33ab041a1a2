/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One screen for the question "is all well?": what is, then what is wrong. */
#include <time.h>

#include "command.h"
#include "forms.h"
#include "lease.h"
#include "owner.h"
#include "saved.h"
#include "util.h"

static char *gwd_cell(const json_t *s)
{
	return xasprintf("%s, pid %lld", json_text(s, "version"), (long long)json_number(s, "pid"));
}

static void add_interface(struct buf *lines, const json_t *interface)
{
	size_t i;
	json_t *address;
	buf_printf(lines, "%s %s", json_text(interface, "name"), json_text(interface, "zone"));
	if (*json_text(interface, "why"))
		buf_printf(lines, " (%s)", json_text(interface, "why"));
	if (!json_is_true(json_object_get(interface, "present")))
		buf_printf(lines, ", absent");
	json_array_foreach(json_object_get(interface, "addresses"), i, address)
	{
		if (json_is_string(address))
			buf_printf(lines, "%s%s", i ? " " : ": ", json_string_value(address));
	}
	buf_printf(lines, "\n");
}

/* A host of guests has hundreds of interfaces that are neither outside nor inside, nor ever were: they are counted. */
static char *interfaces_cell(const json_t *s)
{
	struct buf lines = {0};
	size_t i, others = 0;
	json_t *interface;
	json_array_foreach(json_object_get(s, "interfaces"), i, interface)
	{
		if (streq(json_text(interface, "zone"), "none") && !*json_text(interface, "why"))
			others++;
		else
			add_interface(&lines, interface);
	}
	if (others)
		buf_printf(&lines, "%zu other%s, in no zone", others, plural(others, "s"));
	else if (lines.len)
		lines.data[--lines.len] = '\0';
	return buf_take(&lines);
}

static char *forwarding_cell(const json_t *s)
{
	return xasprintf("IPv4 %s, IPv6 %s", json_text(s, "forwarding4"), json_text(s, "forwarding6"));
}

static char *forwards_cell(const json_t *s)
{
	return xasprintf("%lld active, %lld off, %lld held", (long long)json_number(s, "active"),
			 (long long)json_number(s, "off"), (long long)json_number(s, "held"));
}

/* "tcp 22 from local (gwd.yaml:12)", "udp 53 (runtime, in 1h 59m): nothing closes this port" */
static char *openings_cell(const json_t *s)
{
	struct buf lines = {0};
	size_t i;
	json_t *row;
	json_array_foreach(json_object_get(s, "openings"), i, row)
	{
		const json_t *opening = json_object_get(row, "opening");
		bool temporary = json_is_true(json_object_get(row, "temporary"));
		_cleanup_(freep) char *text = forms_opening_text(opening), *left = NULL;
		int64_t expires;
		if (timestamp_parse(json_text(opening, "expires"), &expires))
			left = lease_left(expires - time(NULL));
		buf_printf(&lines, "%s%s (%s%s%s%s)", i ? "\n" : "", text, json_text(row, "origin"), left ? ", " : "",
			   left ? left : "",
			   !temporary ? ""
			   : left     ? ", or at reboot"
				      : ", at reboot");
		if (*json_text(row, "reason"))
			buf_printf(&lines, ": %s", json_text(row, "reason"));
	}
	return buf_take(&lines);
}

/* ---- Own ports that are reached from outside --------------------------------------------------------- */

/* gwd may not know the programs, its caller may: {program: "sshd (pid 812)"}. */
static void add_programs(json_t *listeners)
{
	size_t n = json_array_size(listeners), i;
	_cleanup_(freep) struct owner *owners = xcalloc(n, sizeof(*owners));
	json_t *listener;
	json_array_foreach(listeners, i, listener) owners[i].inode = (unsigned)json_number(listener, "inode");
	owners_find(owners, n);
	json_array_foreach(listeners, i, listener)
	{
		if (owners[i].program)
			json_object_set_new(listener, "program", json_string(owners[i].program));
		free(owners[i].program);
	}
}

static bool is_ssh(const json_t *listener)
{
	const char *program = json_text(listener, "program");
	if (!streq(json_text(listener, "proto"), "tcp"))
		return false;
	return json_number(listener, "port") == 22 || strncmp(program, "sshd ", 5) == 0 ||
	       strncmp(program, "dropbear ", 9) == 0;
}

/* A program has a socket for each address; who reads wants to know the port, once. */
static bool told_before(const json_t *listeners, size_t i, bool by_same)
{
	const json_t *listener = json_array_get(listeners, i);
	for (size_t k = 0; k < i; k++) {
		const json_t *other = json_array_get(listeners, k);
		if (json_number(other, "port") == json_number(listener, "port") &&
		    streq(json_text(other, "proto"), json_text(listener, "proto")) &&
		    (!by_same || streq(json_text(other, "program"), json_text(listener, "program"))))
			return true;
	}
	return false;
}

/* What gwd.yaml needs for all of them to be closed, but not to whoever administers it. */
static void suggest(struct buf *out, const json_t *listeners)
{
	size_t i, n = 0;
	json_t *listener;
	buf_printf(out, "\nall of them are closed, but for what is named, by this in gwd.yaml:\n  gateway:\n    open:");
	json_array_foreach(listeners, i, listener)
	{
		if (is_ssh(listener) && !told_before(listeners, i, false) && ++n)
			buf_printf(out, "\n      - {port: %lld, from: local}",
				   (long long)json_number(listener, "port"));
	}
	if (!n)
		buf_printf(out, " []");
}

static char *reachable_cell(const json_t *s)
{
	const json_t *listeners = json_object_get(s, "reachable");
	struct buf out = {0};
	size_t i;
	json_t *listener;
	if (!json_array_size(listeners))
		return xstrdup("from outside: nothing");
	buf_printf(&out, "from outside:");
	json_array_foreach(listeners, i, listener)
	{
		const char *program = json_text(listener, "program");
		if (told_before(listeners, i, true))
			continue;
		buf_printf(&out, "\n  %s %lld%s%s", json_text(listener, "proto"),
			   (long long)json_number(listener, "port"), *program ? " " : "", program);
	}
	if (!json_is_true(json_object_get(s, "protected")))
		suggest(&out, listeners);
	return buf_take(&out);
}

/* ---- The rest ---------------------------------------------------------------------------------------- */

static char *revision_cell(const json_t *s)
{
	json_int_t revision = json_number(s, "revision");
	return revision ? xasprintf("%lld", (long long)revision) : xstrdup("none yet");
}

static char *pending_cell(const json_t *s)
{
	const json_t *pending = json_object_get(s, "pending");
	_cleanup_(freep) char *left = lease_left(json_number(pending, "seconds"));
	if (json_is_true(json_object_get(pending, "taken_back")))
		return xasprintf("%s: was taken back, which cannot be stored yet: gwctl doctor", json_text(pending, "what"));
	return pending ? xasprintf("%s: taken back %s without gwctl confirm", json_text(pending, "what"), left)
		       : xstrdup("");
}

static const struct {
	const char *key, *before, *word, *many;
} counters[] = {
	{"netlink_batches", ":", "batch", "es"},
	{"netlink_messages", ",", "message", "s"},
	{"netlink_elements", ",", "element", "s"},
	{"netlink_dumps", ";", "dump", "s"},
};

static char *kernel_cell(const json_t *s)
{
	static const char *const words[][2] = {
		{"owned", ", which no other program can change"},
		{"kept", ", and gwd-keeper, which keeps connections through its loss"}};
	const char *more = "";
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		more = streq(json_text(s, "ownership"), words[i][0]) ? words[i][1] : more;
	bool table = json_is_true(json_object_get(s, "table"));
	struct buf text = {0};
	buf_printf(&text, "%s%s; sent since start", table ? "table inet gwd" : "no table: there is nothing to do",
		   table ? more : "");
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		json_int_t n = json_number(s, counters[i].key);
		buf_printf(&text, "%s %lld %s%s", counters[i].before, (long long)n, counters[i].word,
			   plural(n, counters[i].many));
	}
	buf_printf(&text, " read");
	return buf_take(&text);
}

/* "repaired 3 times, last by nft (pid 812), 2m 5s ago" */
static void add_drift(struct buf *lines, const json_t *drift)
{
	bool table = streq(json_text(drift, "what"), "table");
	_cleanup_(freep) char *ago = lease_ago(time(NULL) - json_number(drift, "time"));
	_cleanup_(freep) char *who = *json_text(drift, "program")
					     ? xasprintf("%s%s (pid %lld)",
							 streq(json_text(drift, "program"), "gwd") ? "another " : "",
							 json_text(drift, "program"),
							 (long long)json_number(drift, "pid"))
					     : xstrdup("another program");
	json_int_t n = json_number(drift, "repaired");
	buf_printf(lines, "%s%s %lld time%s, last by %s, %s", lines->len ? "\n" : "",
		   table ? "repaired" : "forwarding turned on again", (long long)n, plural(n, "s"), who, ago);
	if (json_is_true(json_object_get(drift, "stopped")))
		buf_printf(lines, "\n%s, so it is left as it is: stop that program, then gwctl apply",
			   table ? "someone else manages this table" : "someone else keeps turning it off");
}

static char *drift_cell(const json_t *s)
{
	struct buf lines = {0};
	size_t i;
	json_t *drift;
	json_array_foreach(json_object_get(s, "drift"), i, drift) add_drift(&lines, drift);
	return buf_take(&lines);
}

static char *file_cell(const json_t *s)
{
	bool broken = json_array_size(json_object_get(s, "mistakes"));
	if (broken)
		return xstrdup("gwd.yaml has mistakes; the last state that was accepted runs");
	if (json_is_true(json_object_get(s, "file_in_force")))
		return xstrdup("what runs is what gwd.yaml says");
	if (json_is_true(json_object_get(json_object_get(s, "pending"), "declared")))
		return xstrdup("gwd.yaml differs from what runs, which waits to be confirmed: gwctl diff");
	if (json_number(s, "file_unconfirmed")) {
		_cleanup_(freep) char *ago = lease_ago(time(NULL) - json_number(s, "file_unconfirmed"));
		return xasprintf("gwd.yaml was taken back %s, because nobody confirmed it: gwctl edit, or gwctl apply "
				 "--confirm",
				 ago);
	}
	return xstrdup("gwd.yaml differs from what runs: gwctl diff, gwctl apply");
}

static char *mistakes_cell(const json_t *s)
{
	return json_mistakes(json_object_get(s, "mistakes"));
}

/* Of gwd itself, where something is missing: what it has is no news. */
static char *sandbox_cell(const json_t *s)
{
	const json_t *layers = json_object_get(s, "sandbox"), *layer;
	bool older = !json_is_array(layers), files = older, calls = older;
	size_t i;
	json_array_foreach(layers, i, layer)
	{
		files = files || streq(json_string_value(layer), "landlock");
		calls = calls || streq(json_string_value(layer), "seccomp");
	}
	if (files && calls)
		return xstrdup("");
	return xasprintf("gwd runs without %s%s%s", files ? "" : "Landlock", files || calls ? "" : " and ",
			 calls ? "" : "seccomp");
}

static char *firewalls_cell(const json_t *s)
{
	struct buf lines = {0};
	size_t i;
	json_t *f;
	json_array_foreach(json_object_get(s, "firewalls"), i, f)
	{
		json_int_t n = json_number(f, "count");
		const char *hook = json_text(f, "hook");
		const char *what = streq(hook, "input")     ? "open port"
				   : streq(hook, "forward") ? "forward"
							    : "forward or open port";
		buf_printf(&lines, "%s%s (table %s, chain %s) %s %lld %s%s", i ? "\n" : "", json_text(f, "tool"),
			   json_text(f, "table"), json_text(f, "chain"),
			   json_is_true(json_object_get(f, "certain")) ? "drops" : "may drop", (long long)n,
			   what, plural(n, "s"));
	}
	return buf_take(&lines);
}

/* What a line ends with, behind its last colon, is what to do, and may be a command: it stays whole. */
static char *warnings_cell(const json_t *s)
{
	_cleanup_(freep) char *text = json_lines(json_object_get(s, "warnings"));
	struct buf lines = {0};
	for (char *line = text, *rest; line; line = rest) {
		char *todo = line;
		if ((rest = strchr(line, '\n')))
			*rest++ = '\0';
		for (char *colon = line; (colon = strstr(colon, ": "));)
			todo = colon += strlen(": ");
		_cleanup_(freep) char *whole = todo > line ? text_whole(todo) : xstrdup(todo);
		buf_printf(&lines, "%.*s%s%s", (int)(todo - line), line, whole, rest ? "\n" : "");
	}
	return buf_take(&lines);
}

static char *error_cell(const json_t *s)
{
	return xstrdup(json_text(s, "last_error"));
}

static const struct column fields[] = {
	{"gwd", COLUMN_TEXT, gwd_cell},
	{"interfaces", COLUMN_TEXT, interfaces_cell},
	{"forwarding", COLUMN_TEXT, forwarding_cell},
	{"forwards", COLUMN_TEXT, forwards_cell},
	{"open ports", COLUMN_TEXT, openings_cell},
	{"reachable", COLUMN_TEXT, reachable_cell},
	{"revision", COLUMN_TEXT, revision_cell},
	{"confirm", COLUMN_TEXT, pending_cell},
	{"file", COLUMN_TEXT, file_cell},
	{"mistakes", COLUMN_TEXT, mistakes_cell},
	{"kernel", COLUMN_TEXT, kernel_cell},
	{"drift", COLUMN_TEXT, drift_cell},
	{"sandbox", COLUMN_TEXT, sandbox_cell},
	{"firewalls", COLUMN_TEXT, firewalls_cell},
	{"warnings", COLUMN_TEXT, warnings_cell},
	{"last error", COLUMN_TEXT, error_cell},
};

/* The rules of old iptables are no part of nf_tables: gwd does not see them, and may not read this list either. */
static void add_legacy_warning(json_t *reply)
{
	_cleanup_(buf_free) struct buf names = {0};
	json_t *warnings = json_object_get(reply, "warnings");
	if (file_read("/proc/net/ip_tables_names", 4096, &names) < 0 || !names.len)
		return;
	for (char *p = names.data; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	json_array_append_new(warnings, json_sprintf("iptables-legacy has tables here that gwd cannot see: %s"
						     "(iptables-legacy-save shows them)",
						     names.data));
}

static void add_saved_warnings(json_t *warnings)
{
	json_auto_t *paths = json_array();
	size_t i;
	json_t *path;
	saved_find(paths);
	json_array_foreach(paths, i, path)
	{
		_cleanup_(freep) char *text = saved_text(json_string_value(path)),
				       *remedy = saved_remedy(json_string_value(path));
		json_array_append_new(warnings, json_sprintf("%s: %s", text, remedy));
	}
}

enum status cmd_status(struct call *call)
{
	json_auto_t *reply = NULL;
	enum status status = call_method(call, "Status", NULL, &reply);
	if (status != STATUS_DONE)
		return status;
	add_legacy_warning(reply);
	add_saved_warnings(json_object_get(reply, "warnings"));
	add_programs(json_object_get(reply, "reachable"));
	writer_object(call->out, fields, ARRAY_SIZE(fields), reply);
	return STATUS_DONE;
}
