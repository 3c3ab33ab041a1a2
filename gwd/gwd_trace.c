/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Static reading cannot tell what another firewall's rule makes of a packet's contents, or of how many there were: the
 * kernel can. The mark is in a table that belongs to our socket, so it is gone with this process, however that ends. */
#include "gwd_trace.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <sys/param.h>
#include <unistd.h>

#include "boottime.h"
#include "compile.h"
#include "trace.h"
#include "why.h"

enum { PATIENCE = 3000, NAME_LEN = 128 }; /* milliseconds for a packet's way, and for the answer to it */

enum way { WAY_NONE, WAY_PREROUTING, WAY_OUTPUT, WAY_INPUT, WAY_FORWARD, WAY_POSTROUTING };

static const char *const ways[] = {"", "prerouting", "output", "input", "forward", "postrouting"};

struct packet {          /* on its way */
	bool seen, open; /* ... and what the kernel tells of this id is about it */
	uint32_t id;
	enum way way;         /* the last hook that it has passed */
	struct logged header; /* as it is now */
	char base[NAME_LEN];  /* the base chain that it is in */
	bool dropped;
	uint8_t family; /* where: NFPROTO_* */
	char table[NAME_LEN], chain[NAME_LEN];
	uint64_t handle; /* 0: by policy */
};

struct tracing {
	struct trace *trace;
	int alarm;
	bool on, done;
	struct why_question question;
	unsigned seconds;
	int64_t until;
	bool answered; /* an answer is waited for */
	bool lost;     /* what was told of them, in part */
	struct compile_traced marked[COMPILE_TRACED_MAX];
	size_t n_marked;
	struct packet asked, answer;
	void (*wake)(void *ctx);
	void *ctx;
};

int tracing_open(struct gwd *g, struct diag *diag)
{
	struct tracing *t = xcalloc(1, sizeof(*t));
	int r = trace_open(&t->trace);

	g->tracing = t;
	t->alarm = r == 0 ? boottime_alarm() : -1;
	r = r == 0 && t->alarm < 0 ? t->alarm : r;
	if (r < 0)
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "cannot wait for traced packets: %s", strerror(-r));
	return r;
}

void tracing_close(struct gwd *g)
{
	if (!g->tracing)
		return;
	trace_close(g->tracing->trace);
	closep(&g->tracing->alarm);
	free(g->tracing);
}

int gwd_trace_fd(const struct gwd *g)
{
	return trace_fd(g->tracing->trace);
}

int gwd_trace_alarm_fd(const struct gwd *g)
{
	return g->tracing->alarm;
}

/* ---- Marking --------------------------------------------------------------------------------------- */

static void mark(struct tracing *t, const struct walk *w)
{
	const struct forward *f = w->entry && w->entry->active ? w->entry->forward : NULL;

	t->n_marked = 0;
	t->marked[t->n_marked++] = (struct compile_traced){
		.proto = why_proto_number(w), .from = w->asked->from, .to = w->to, .to_port = w->asked->port};
	t->answered = f && w->asked->proto == PROTO_TCP;
	for (size_t i = 0; t->answered && i < f->n_targets && t->n_marked < COMPILE_TRACED_MAX; i++)
		t->marked[t->n_marked++] = (struct compile_traced){
			.proto = IPPROTO_TCP,
			.from = f->targets[i].addr,
			.from_port = why_target_port(w, &f->targets[i]),
			.answer = true,
		};
}

static void stop(struct gwd *g)
{
	struct tracing *t = g->tracing;
	_cleanup_(diag_free) struct diag diag = {0};

	trace_listen(t->trace, false);
	boottime_alarm_set(t->alarm, 0);
	if (kernel_trace(g->kernel, NULL, &diag) < 0)
		road_failed(g, "packets are still marked for tracing", &diag);
}

static int start(struct gwd *g, struct diag *diag)
{
	_cleanup_(ruleset_freep) struct ruleset *rules = ruleset_new();
	struct tracing *t = g->tracing;
	int r;

	compile_trace(rules, t->marked, t->n_marked);
	r = trace_listen(t->trace, true);
	if (r < 0)
		diag_add(diag, DIAG_KERNEL, (struct loc){0}, "cannot hear of traced packets: %s", strerror(-r));
	else
		r = kernel_trace(g->kernel, rules, diag);
	if (r < 0)
		stop(g);
	return r;
}

int gwd_trace(struct gwd *g, const struct why_question *q, unsigned seconds, void (*wake)(void *ctx), void *ctx,
	      struct diag *diag)
{
	struct tracing *t = g->tracing;
	_cleanup_(why_free) struct why why = {0};
	struct walk w;
	int r;

	if (t->on) {
		diag_add(diag, DIAG_BUSY, (struct loc){0}, "somebody traces a packet already: try again");
		return -EBUSY;
	}
	walk_begin(&w, g, q, &why);
	if (w.to.family)
		mark(t, &w);
	walk_end(&w);
	if (!w.to.family) {
		diag_add(diag, DIAG_INVALID, (struct loc){0}, "there is no address to wait at: see gwctl why %u",
			 q->port);
		return -EINVAL;
	}
	r = start(g, diag);
	if (r < 0)
		return r;
	t->on = true;
	t->done = t->lost = false;
	t->question = *q;
	t->seconds = seconds;
	t->until = boottime_now() + (int64_t)seconds * 1000;
	t->asked = t->answer = (struct packet){0};
	t->wake = wake;
	t->ctx = ctx;
	boottime_alarm_set(t->alarm, t->until);
	return 0;
}

void gwd_trace_end(struct gwd *g)
{
	if (g->tracing->on && !g->tracing->done)
		stop(g);
	g->tracing->on = false;
}

/* ---- Following ------------------------------------------------------------------------------------- */

static void finish(struct gwd *g)
{
	struct tracing *t = g->tracing;

	stop(g);
	t->done = true;
	t->wake(t->ctx);
}

static bool is_answer(const struct tracing *t, const struct logged *l)
{
	for (size_t i = 1; i < t->n_marked; i++)
		if (ip_cmp(&t->marked[i].from, &l->from) == 0 && t->marked[i].from_port == l->from_port)
			return true;
	return false;
}

/* A packet is known by its id, which the kernel makes of its address in memory: the next one may have the same. */
static struct packet *known(struct tracing *t, uint32_t id)
{
	if (t->asked.open && t->asked.id == id)
		return &t->asked;
	return t->answer.open && t->answer.id == id ? &t->answer : NULL;
}

static bool is_again(const struct packet *p, const struct logged *l)
{
	return p->way == WAY_PREROUTING && !p->dropped && p->header.proto == l->proto &&
	       ip_cmp(&p->header.from, &l->from) == 0 && p->header.from_port == l->from_port;
}

/* A bridge shows what is for the gateway to the first hook (bridge-nf-call-iptables), before it comes there by itself: with
 * another id, and its destination may be translated already. */
static struct packet *comes_again(struct tracing *t, const struct traced *m)
{
	struct packet *p = is_again(&t->asked, &m->packet)    ? &t->asked
			   : is_again(&t->answer, &m->packet) ? &t->answer
							      : NULL;

	if (p)
		p->id = m->id;
	return p;
}

/* Another packet is marked: the first one that was asked about, the first answer behind it, or of no interest. */
static struct packet *begins(struct tracing *t, const struct traced *m)
{
	struct packet *before = known(t, m->id), *p = NULL;

	if (before)
		before->open = false;
	if (!is_answer(t, &m->packet))
		p = t->asked.seen ? NULL : &t->asked;
	else if (t->asked.way == WAY_POSTROUTING && !t->answer.seen)
		p = &t->answer;
	if (!p)
		return NULL;
	*p = (struct packet){.seen = true, .open = true, .id = m->id};
	boottime_alarm_set(t->alarm, MIN(t->until, boottime_now() + PATIENCE));
	return p;
}

static void heard(void *ctx, const struct traced *m)
{
	struct tracing *t = ctx;
	bool ours = m->family == NFPROTO_INET && streq(m->table, RULESET_TRACE);
	bool shown = ours && m->packet.from.family;
	struct packet *p = shown ? comes_again(t, m) : NULL;

	if (!p)
		p = shown && m->handle ? begins(t, m) : known(t, m->id);
	if (!p || p->dropped)
		return;
	if (m->packet.from.family) {
		p->header = m->packet;
		p->header.name = "";
		snprintf(p->base, sizeof(p->base), "%s", m->chain);
	}
	for (size_t i = WAY_PREROUTING; ours && i < ARRAY_SIZE(ways); i++)
		if (streq(ways[i], m->chain))
			p->way = (enum way)i;
	if (!m->dropped)
		return;
	p->dropped = true;
	p->family = m->family;
	p->handle = m->handle;
	snprintf(p->table, sizeof(p->table), "%s", m->table);
	snprintf(p->chain, sizeof(p->chain), "%s", m->chain);
}

static bool ended(const struct packet *p)
{
	return p->dropped || p->way == WAY_INPUT || p->way == WAY_POSTROUTING;
}

void gwd_trace_event(struct gwd *g)
{
	struct tracing *t = g->tracing;

	t->lost |= trace_read(t->trace, heard, t);
	if (!t->on || t->done || !ended(&t->asked))
		return;
	if (t->asked.dropped || t->asked.way == WAY_INPUT || !t->answered || ended(&t->answer))
		finish(g);
}

void gwd_trace_alarm_event(struct gwd *g)
{
	struct tracing *t = g->tracing;

	boottime_alarm_set(t->alarm, 0);
	if (t->on && !t->done)
		finish(g);
}

/* ---- What came of it ------------------------------------------------------------------------------- */

/* In the tables of others as they are now; false: it is not there any more, or of a family that is not read. */
static bool find_obstacle(const struct walk *w, const struct packet *p, struct obstacle *ret)
{
	for (size_t i = 0; w->others && i < w->others->n; i++) {
		const struct foreign_table *t = &w->others->tables[i];
		const struct chain *base = ruleset_chain(t->rules, p->base), *chain = ruleset_chain(t->rules, p->chain);

		if (t->family != p->family || !streq(t->name, p->table) || !chain || !base || !base->base)
			continue;
		*ret = (struct obstacle){.table = t, .base = base};
		ret->fate = (struct fate){.dropped = BELIEF_YES, .dropped_in = chain->name, .by_policy = !p->handle};
		for (size_t k = 0; k < chain->n; k++)
			if (p->handle && chain->rules[k].handle == p->handle)
				ret->fate.rule = &chain->rules[k];
		ret->tool = foreign_tool(t, base, &ret->fate);
		return true;
	}
	return false;
}

static const char *family_name(uint8_t family)
{
	return family == NFPROTO_INET     ? "inet"
	       : family == NFPROTO_IPV4   ? "ip"
	       : family == NFPROTO_IPV6   ? "ip6"
	       : family == NFPROTO_BRIDGE ? "bridge"
					  : "netdev";
}

/* Our own refusals; the steps of `why` tell them apart. */
static void refused(struct walk *w, const char *step, const struct packet *p, const char *header)
{
	const struct forward *f = w->entry ? w->entry->forward : NULL;
	char option[64], written[64];

	if (!f || !f->limit.rate) {
		checks_add(&w->ret->checks, step, VERDICT_FAIL,
			   xasprintf("%s: dropped by gwd itself, in its chain %s", header, p->chain), NULL);
		return;
	}
	snprintf(option, sizeof(option), "--limit-rate %u/%s", 2 * f->limit.rate, limit_unit_name(f->limit.per));
	snprintf(written, sizeof(written), "`limit: {rate: %u/%s}`", 2 * f->limit.rate, limit_unit_name(f->limit.per));
	checks_add_remedy(&w->ret->checks, step, VERDICT_FAIL,
			  xasprintf("%s: dropped by gwd itself, in its chain %s: each address may open %u/%s", header,
				    p->chain, f->limit.rate, limit_unit_name(f->limit.per)),
			  why_change(f, option, written));
}

static void dropped(struct walk *w, const char *step, const struct packet *p, bool answer)
{
	_cleanup_(freep) char *header = logged_text(&p->header), *text = NULL;
	struct foreign_packet packet = {.family = p->header.to.family,
					.proto = p->header.proto,
					.to = {.ip = p->header.to, .port = p->header.to_port}};
	struct obstacle o;

	if (p->family == NFPROTO_INET && streq(p->table, RULESET_TABLE)) {
		refused(w, step, p, header);
		return;
	}
	if (!find_obstacle(w, p, &o)) {
		const char *family = family_name(p->family);

		checks_add_remedy(
			&w->ret->checks, step, VERDICT_FAIL,
			p->handle ? xasprintf("%s: dropped in table %s %s, chain %s, by the rule with handle %llu",
					      header, family, p->table, p->chain, (unsigned long long)p->handle)
				  : xasprintf("%s: dropped in table %s %s, chain %s, by its policy", header, family,
					      p->table, p->chain),
			remedy_advice(
				xasprintf("nft -a list chain %s %s %s shows its rules", family, p->table, p->chain)));
		return;
	}
	packet.translated = w->entry && !w->entry->forward->no_nat && (answer || ip_cmp(&w->to, &p->header.to) != 0);
	text = why_drop_text(&o);
	checks_add_remedy(&w->ret->checks, step, VERDICT_FAIL, xasprintf("%s: %s", header, text),
			  foreign_remedy(&o, &packet));
}

/* What can be read may know why no forward took it, or where the kernel left it: the first cause that is certain for this
 * very sender. Returns whether there is one. */
static bool find_cause(const struct walk *w, const struct packet *p, char **ret_step, struct remedy *ret_remedy)
{
	_cleanup_(why_free) struct why why = {0};
	struct why_question q = *w->asked;
	struct walk again = *w;
	const struct check *cause;

	q.from = p->header.from;
	walk_ask(&again, &q, NULL, &why);
	walk_on(&again);
	cause = checks_cause(&why.checks);
	if (!cause || cause->verdict != VERDICT_FAIL)
		return false;
	*ret_step = xasprintf("see step `%s`", cause->step);
	*ret_remedy = remedy_copy(&cause->remedy);
	return true;
}

static void went_astray(struct walk *w, const char *step, const struct packet *p, bool answer)
{
	_cleanup_(freep) char *header = logged_text(&p->header), *why = NULL;
	struct remedy remedy = {0};

	if (answer || !find_cause(w, p, &why, &remedy))
		why = xstrdup(p->way == WAY_INPUT ? "see the steps"
						  : "no rule of nftables drops it, so it is the kernel's routing (see the "
						    "steps), or iptables-legacy");
	checks_add_remedy(&w->ret->checks, step, VERDICT_FAIL,
			  p->way == WAY_INPUT
				  ? xasprintf("%s: comes to this gateway itself, for %s did not take it: %s", header,
					      w->entry->forward->name, why)
				  : xasprintf("%s: comes no further than hook %s: %s", header,
					      p->way ? ways[p->way] : "prerouting", why),
			  remedy);
}

static const char lost[] = "some traces were lost, for too many packets are traced here";

static void came_to(struct walk *w, const char *step, const struct packet *p, bool answer)
{
	_cleanup_(freep) char *header = logged_text(&p->header);
	bool here = p->way == WAY_INPUT, astray = here && w->entry && !answer;

	if (!astray && ended(p))
		checks_pass(&w->ret->checks, step,
			    xasprintf("%s: %s", header, here ? "comes to this gateway itself" : "leaves this gateway"));
	else if (!astray && w->gwd->tracing->lost)
		checks_add(&w->ret->checks, step, VERDICT_MAY,
			   xasprintf("%s: was seen as far as hook %s; %s", header, p->way ? ways[p->way] : "prerouting",
				     lost),
			   NULL);
	else
		went_astray(w, step, p, answer);
}

static void tell(struct walk *w, const char *step, const struct packet *p, bool answer)
{
	if (p->dropped)
		dropped(w, step, p, answer);
	else
		came_to(w, step, p, answer);
}

bool gwd_traced(struct gwd *g, struct why *ret)
{
	const struct tracing *t = g->tracing;
	struct walk w;

	if (!t->done)
		return false;
	walk_begin(&w, g, &t->question, ret);
	if (!t->asked.seen)
		checks_add(&ret->checks, "packet", VERDICT_MAY,
			   xasprintf("no such packet came in %u s%s%s", t->seconds, t->lost ? "; " : "",
				     t->lost ? lost : ""),
			   NULL);
	else
		tell(&w, "packet", &t->asked, false);
	if (t->answer.seen)
		tell(&w, "answer", &t->answer, true);
	else if (t->answered && t->asked.way == WAY_POSTROUTING && !t->asked.dropped)
		checks_add(&ret->checks, "answer", t->lost ? VERDICT_MAY : VERDICT_FAIL,
			   t->lost ? xasprintf("none was seen; %s", lost)
				   : xstrdup("none came to this gateway in time: the target is silent, or answers past it"),
			   NULL);
	walk_end(&w);
	return true;
}
