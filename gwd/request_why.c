/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The question comes in parts, and once more with what gwctl found out by itself. */
#include "request_why.h"

#include "request_json.h"

#include "jput.h"
#include "util.h"

enum { WAIT_MAX = 3600 /* seconds */ };

/* ---- The question ---------------------------------------------------------------------------------- */

/* An address that may be left out. */
static bool read_ip(const json_t *object, const char *name, struct ip *ret)
{
	const char *text = json_string_value(json_object_get(object, name));

	return !text || ip_parse(text, ret);
}

/* One protocol, tcp unless said. */
static bool read_proto(const json_t *object, uint8_t *ret)
{
	const char *text = json_string_value(json_object_get(object, "proto"));

	*ret = PROTO_TCP;
	return !text || (proto_parse(text, ret) && (*ret & (*ret - 1)) == 0);
}

static bool read_port(const json_t *object, uint16_t *ret)
{
	json_int_t port = json_integer_value(json_object_get(object, "port"));

	*ret = (uint16_t)port;
	return port >= 1 && port <= UINT16_MAX;
}

/* The parameter that is wrong, or NULL. */
static const char *read_question(const json_t *parameters, struct why_question *ret)
{
	*ret = (struct why_question){0};
	return !read_port(parameters, &ret->port)         ? "port"
	       : !read_proto(parameters, &ret->proto)     ? "proto"
	       : !read_ip(parameters, "from", &ret->from) ? "from"
	       : !read_ip(parameters, "to", &ret->to)     ? "to"
							  : NULL;
}

static bool read_answer(const json_t *object, struct probe *ret)
{
	const char *text = json_string_value(json_object_get(object, "answer"));

	for (size_t i = 0; i < ANSWERS; i++)
		if (!text || streq(text, answer_names[i])) {
			ret->answer = text ? (enum answered)i : ANSWER_UNASKED;
			return true;
		}
	return false;
}

bool request_probes_read(const json_t *list, struct probe *ret, size_t max, size_t *ret_n)
{
	*ret_n = json_array_size(list);
	if (*ret_n > max)
		return false;
	for (size_t i = 0; i < *ret_n; i++) {
		const json_t *item = json_array_get(list, i);
		struct probe *p = &ret[i];

		*p = (struct probe){0};
		if (!read_port(item, &p->port) || !read_proto(item, &p->proto) || !read_ip(item, "addr", &p->to) ||
		    !read_ip(item, "source", &p->source) || !read_answer(item, p))
			return false;
	}
	return true;
}

/* ---- The answer ------------------------------------------------------------------------------------ */

static void put_step(struct buf *out, const char *key, const struct check *c)
{
	jput_object(out, key);
	jput_text(out, "step", c->step);
	jput_text(out, "verdict", verdict_names[c->verdict]);
	jput_text(out, "text", c->text);
	request_remedy(out, &c->remedy);
	jput_end(out, '}');
}

void request_probes(struct buf *out, const struct probe *probes, size_t n)
{
	char text[ADDR_TEXT_MAX];

	jput_list(out, "probes");
	for (size_t i = 0; i < n; i++) {
		const struct probe *p = &probes[i];

		jput_object(out, NULL);
		jput_text(out, "proto", proto_text(p->proto));
		jput_text(out, "addr", ip_text(&p->to, text));
		jput_number(out, "port", p->port);
		jput_text(out, "answer", answer_names[p->answer]);
		if (p->source.family)
			jput_text(out, "source", ip_text(&p->source, text));
		jput_end(out, '}');
	}
	jput_end(out, ']');
}

static void put_answer(struct buf *out, const struct why *why)
{
	const struct check *cause = checks_cause(&why->checks);

	jput_text(out, "packet", why->packet);
	jput_text(out, "verdict", verdict_names[cause ? cause->verdict : VERDICT_PASS]);
	jput_list(out, "steps");
	for (size_t i = 0; i < why->checks.n; i++)
		put_step(out, NULL, &why->checks.items[i]);
	jput_end(out, ']');
	request_probes(out, why->probes, why->n_probes);
	if (cause)
		put_step(out, "cause", cause);
}

static void reply(struct varlink_call *call, const struct why *why)
{
	put_answer(varlink_begin(call), why);
	varlink_reply(call);
}

/* ---- A packet that is waited for ------------------------------------------------------------------- */

struct waiting {
	struct gwd *gwd;
	struct client *client;
};

static void wake(void *ctx)
{
	const struct waiting *w = ctx;

	client_wake(w->client);
}

static bool next_reply(void *ctx, struct buf *out, bool *ret_continues)
{
	const struct waiting *w = ctx;
	_cleanup_(why_free) struct why why = {0};

	*ret_continues = !gwd_traced(w->gwd, &why);
	if (!*ret_continues)
		put_answer(out, &why);
	return !*ret_continues;
}

static void end(void *ctx)
{
	struct waiting *w = ctx;

	gwd_trace_end(w->gwd);
	free(w);
}

/* The first reply says what can be read; the second what became of the packet. */
static void wait_for(struct varlink_call *call, const struct why_question *q, const struct why *why, int64_t seconds)
{
	const struct request_context *context = call->ctx;
	_cleanup_(diag_free) struct diag diag = {0};
	struct waiting *w = xmalloc(sizeof(*w));

	*w = (struct waiting){context->gwd, call->client};
	if (client_access(call->client) < ACCESS_CHANGE)
		diag_add(&diag, DIAG_DENIED, (struct loc){0}, "waiting for a packet needs the right to change things");
	else
		gwd_trace(context->gwd, q, (unsigned)seconds, wake, w, &diag);
	if (diag_failed(&diag)) {
		free(w);
		varlink_fail(call, &diag);
		return;
	}
	put_answer(client_begin(call->client), why);
	client_reply(call->client, true);
	client_stream(call->client, &(struct stream){.next = next_reply, .done = end, .ctx = w});
}

void request_why(struct varlink_call *call)
{
	const struct request_context *context = call->ctx;
	const json_t *seconds = json_object_get(call->parameters, "wait");
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(why_free) struct why why = {0};
	struct probe asked[WHY_PROBES_MAX];
	struct why_question question;
	size_t n = 0;
	const char *wrong = read_question(call->parameters, &question);

	if (!wrong && !request_probes_read(json_object_get(call->parameters, "probes"), asked, WHY_PROBES_MAX, &n))
		wrong = "probes";
	if (seconds && (json_integer_value(seconds) < 1 || json_integer_value(seconds) > WAIT_MAX))
		wrong = "wait";
	if (wrong)
		varlink_invalid_parameter(call, wrong);
	else if (seconds && !call->more)
		varlink_expected_more(call);
	else if (gwd_why(context->gwd, &question, asked, n, &why, &diag) < 0)
		varlink_fail(call, &diag);
	else if (seconds)
		wait_for(call, &question, &why, json_integer_value(seconds));
	else
		reply(call, &why);
}
