/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gwd follows the connection and says what to ask of the targets; they are asked from here, and gwd judges the answers. */
#include <stdio.h>

#include "ask.h"
#include "command.h"
#include "owner.h"
#include "probe.h"
#include "remedy_lines.h"
#include "util.h"

/* ---- The question ----------------------------------------------------------------------------------- */

/* PORT[/PROTO] and the options; NULL, having complained. */
static json_t *question(const struct call *call)
{
	_cleanup_(freep) char *word = xstrdup(call->words[0]);
	char *proto = strchr(word, '/');
	struct port_range ports;
	uint8_t protos = PROTO_TCP;
	if (proto)
		*proto++ = '\0';
	if (!port_range_parse(word, &ports) || ports.first != ports.last ||
	    (proto && (!proto_parse(proto, &protos) || protos & (protos - 1)))) {
		complain("'%s': why is asked of one port and protocol, as in 80 or 53/udp", call->words[0]);
		return NULL;
	}
	json_t *ret = json_pack("{s:i, s:s}", "port", (int)ports.first, "proto", proto_text(protos));
	static const enum option_id ends[] = {OPTION_FROM, OPTION_TO};
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const char *text = call_option(call, ends[i]);
		struct ip ip;
		if (!text)
			continue;
		if (!ip_parse(text, &ip)) {
			complain("why: --%s is one address, not '%s'", options[ends[i]].name, text);
			json_decref(ret);
			return NULL;
		}
		json_object_set_new(ret, options[ends[i]].name, json_string(text));
	}
	return ret;
}

/* ---- The answer ------------------------------------------------------------------------------------- */

static const char *mark(const char *verdict)
{
	return streq(verdict, "pass") ? "\u2713" : streq(verdict, "fail") ? "\u2717" : "?";
}

/* "✓ forward       web takes it: ...": one line a step. */
static char *steps_text(const json_t *reply)
{
	struct buf text = {0};
	size_t i;
	json_t *step;
	buf_printf(&text, "%s", json_text(reply, "packet"));
	json_array_foreach(json_object_get(reply, "steps"), i, step)
	{
		_cleanup_(freep) char *what = owner_named(json_text(step, "text"));
		buf_printf(&text, "\n%s %-12s  %s", mark(json_text(step, "verdict")), json_text(step, "step"), what);
	}
	return buf_take(&text);
}

/* The last lines: what to put right first. */
static char *cause_text(const json_t *reply)
{
	const json_t *cause = json_object_get(reply, "cause");
	const char *verdict = json_text(reply, "verdict");
	if (streq(verdict, "pass"))
		return xstrdup("passes");
	_cleanup_(freep) char *remedy = remedy_lines(cause, "");
	return xasprintf("%s: %s%s%s", streq(verdict, "fail") ? "does not pass" : "may not pass",
			 json_text(cause, "step"), *remedy ? ": " : "", remedy);
}

static const struct column fields[] = {{.cell = steps_text}, {.cell = cause_text}};

static enum status status_of(const json_t *reply)
{
	return streq(json_text(reply, "verdict"), "fail") ? STATUS_REFUSED : STATUS_DONE;
}

static void put(const struct call *call, const json_t *reply)
{
	if (!call->quiet)
		writer_object(call->out, fields, ARRAY_SIZE(fields), reply);
}

/* ---- Waiting for a packet --------------------------------------------------------------------------- */

struct waiting {
	struct call *call;
	const json_t *read; /* what can be read; NULL: not to be put yet */
	bool marked;
	json_t *traced;
};

static void each(void *ctx, const json_t *reply)
{
	struct waiting *w = ctx;
	if (w->marked) {
		w->traced = json_deep_copy(reply);
		return;
	}
	w->marked = true; /* from now on such a packet is seen */
	if (w->read)
		put(w->call, w->read);
	fflush(stdout);
	client_hold(w->call->client, "nothing is traced any more");
	if (!w->call->quiet)
		fprintf(stderr, "waiting for such a packet; Ctrl-C ends it\n");
}

/* What became of a packet outweighs what could be read. Takes `asked`. */
static enum status wait_for(struct call *call, json_t *asked, json_t *reply)
{
	const char *format = call_option(call, OPTION_OUTPUT);
	bool text = !format || streq(format, "table");
	struct waiting w = {.call = call, .read = text ? reply : NULL};
	json_object_set_new(asked, "wait", json_integer(call->arguments->wait));
	enum status status = call_rows(call, "Why", asked, each, &w);
	json_auto_t *traced = w.traced;
	if (status != STATUS_DONE)
		return status;
	if (!text)
		json_object_set(reply, "traced", traced);
	put(call, text ? traced : reply);
	return status_of(streq(json_text(traced, "verdict"), "may") ? reply : traced);
}

/* Further rounds are for what the kernel itself did not know for certain in the first. */
static enum status look(struct call *call, json_t *asked, json_t **reply)
{
	static const int rounds[] = {PROBE_SURE_MS, PROBE_OLD_MS, PROBE_NEW_MS};
	enum status status = call_method(call, "Why", json_incref(asked), reply);
	for (size_t i = 0; i < ARRAY_SIZE(rounds) && status == STATUS_DONE; i++) {
		if (!ask_probes(json_object_get(*reply, "probes"), rounds[i]))
			break;
		json_object_set(asked, "probes", json_object_get(*reply, "probes"));
		json_decref(TAKE_PTR(*reply));
		status = call_method(call, "Why", json_incref(asked), reply);
	}
	return status;
}

enum status cmd_why(struct call *call)
{
	json_auto_t *asked = question(call), *reply = NULL;
	if (!asked)
		return STATUS_USAGE;
	enum status status = look(call, asked, &reply);
	if (status != STATUS_DONE)
		return status;
	if (call->arguments->wait)
		return wait_for(call, json_incref(asked), reply);
	put(call, reply);
	return status_of(reply);
}
