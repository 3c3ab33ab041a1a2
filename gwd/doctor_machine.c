/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all forwards need: the file, the database, the interfaces and their zones, room to track connections, and nobody
 * who undoes what gwd does. What stops one forward is found on its way (gwd_doctor.c). */
#include "doctor.h"

#include <errno.h>
#include <time.h>

#include "gwd_drift.h"
#include "sysctl.h"
#include "why.h"

/* ---- The file and what gwd keeps -------------------------------------------------------------------- */

/* What to do about it is no plain `apply` where that was not confirmed just now, or is refused. */
static void look_differing(const struct gwd *g, const struct gwd_status *s, struct diagnosis *d)
{
	int64_t seconds;
	const struct pending *p = gwd_pending(g, &seconds);
	time_t when = (time_t)s->file_unconfirmed;
	char text[32];

	if (p && p->declared) {
		doctor_add(
			d, SEVERITY_NOTE, "file",
			xasprintf("%s differs from what runs (gwctl diff says in what), and that waits to be confirmed",
				  s->file),
			remedy_advice(xstrdup("gwctl confirm")), NULL);
		return;
	}
	if (!when) {
		doctor_add(d, SEVERITY_WARNING, "file",
			   xasprintf("%s differs from what runs: gwctl diff says in what", s->file),
			   remedy_command(xstrdup("gwctl apply")), NULL);
		return;
	}
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&when));
	doctor_add(d, SEVERITY_WARNING, "file",
		   xasprintf("%s was taken back at %s, because nobody confirmed it: what ran before runs (gwctl diff; "
			     "gwctl edit to put it right)",
			     s->file, text),
		   remedy_advice(xstrdup("gwctl apply --confirm")), NULL);
}

static void look_file(const struct gwd *g, const struct gwd_status *s, struct diagnosis *d)
{
	const struct diag *mistakes = s->file_mistakes;
	const struct mistake *first = mistakes->mistakes;

	if (diag_failed(mistakes))
		doctor_add(d, SEVERITY_ERROR, "file",
			   xasprintf("%s:%u: %s%s", first->loc.file ? first->loc.file : s->file, first->loc.line,
				     first->message,
				     g->frozen ? "; nothing was ever accepted, and gwd does nothing"
					       : "; the last state that was accepted runs"),
			   remedy_command(xstrdup("gwctl edit")), NULL);
	else if (!s->file_in_force)
		look_differing(g, s, d);
}

/* What there is to be deleted, or moved, on that file system: which, is not for a command to say. */
static struct remedy large_files(const char *path)
{
	return remedy_advice(
		xasprintf("find \"$(df -P %s | sed -n '2s/.* //p')\" -xdev -size +1000k -exec ls -l {} +", path));
}

static void look_state(const struct gwd *g, struct diagnosis *d)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *kept = NULL, *low = NULL;
	int r = state_try(g->state, &low, &diag);

	if (r < 0)
		doctor_add(d, SEVERITY_ERROR, "state",
			   xasprintf("changes are refused, because none can be stored: %s", diag.mistakes[0].message),
			   r == -ENOSPC || r == -EDQUOT ? large_files(state_path(g->state)) : (struct remedy){0}, NULL);
	if (low)
		doctor_add(d, SEVERITY_WARNING, "state", TAKE_PTR(low), large_files(state_path(g->state)), NULL);
	if (state_kept_aside(g->state, &kept))
		doctor_add(
			d, SEVERITY_WARNING, "state",
			xasprintf("the state database was damaged: what gwctl had added, turned on or off until then, "
				  "and the history, are only in %s; `grep -aoh '{\"name\":[[:print:]]*' %s* | sort "
				  "-u` shows the forwards that are, or once were",
				  kept, kept),
			remedy_command(xasprintf("mv %s* /root/", kept)), NULL);
	if (g->last_error)
		doctor_add(d, SEVERITY_ERROR, "kernel", xstrdup(g->last_error), remedy_command(xstrdup("gwctl apply")),
			   NULL);
}

/* ---- Other programs --------------------------------------------------------------------------------- */

/* Two fight until both give in; then neither follows what happens. */
static bool look_another(const struct gwd_drift *drift, struct diagnosis *d)
{
	enum { RECENT = 600 }; /* seconds */

	if (!drift_by_gwd(&drift->culprit) || (!drift->stopped && time(NULL) - drift->time > RECENT))
		return false;
	doctor_add(d, SEVERITY_ERROR, "drift",
		   xasprintf("another gwd (pid %u) works on the same table, and each undoes what the other does (%zu "
			     "time%s so far): in a network namespace only one can run%s",
			     drift->culprit.pid, drift->repaired, plural(drift->repaired, "s"),
			     drift->stopped ? "; the table is left as it is" : ""),
		   remedy_advice(xasprintf("kill %u, then gwctl apply", drift->culprit.pid)), NULL);
	return true;
}

static void look_drift(const struct gwd_status *s, struct diagnosis *d)
{
	for (size_t i = 0; i < s->n_drift; i++) {
		const struct gwd_drift *drift = &s->drift[i];
		const struct culprit *who = &drift->culprit;

		if (!look_another(drift, d) && drift->stopped)
			doctor_add(d, SEVERITY_ERROR, "drift",
				   xasprintf("%s was put right %zu time%s, and is undone again and again%s%s: it is "
					     "left as it is",
					     streq(drift->what, "table") ? "the table of gwd" : "forwarding",
					     drift->repaired, plural(drift->repaired, "s"), *who->program ? " by " : "",
					     who->program),
				   remedy_advice(xstrdup("gwctl apply, once that program is stopped")), NULL);
	}
}

/* Those of forwards are found on their way. */
static void look_firewalls(const struct gwd_status *s, struct diagnosis *d)
{
	for (size_t i = 0; i < s->n_firewalls; i++) {
		const struct gwd_firewall *f = &s->firewalls[i];

		if (streq(f->hook, "input"))
			doctor_add(d, f->certain ? SEVERITY_ERROR : SEVERITY_WARNING, "firewalls",
				   xasprintf("%s (table %s, chain %s) %s %zu port%s of the gateway that gwd opens",
					     f->tool, f->table, f->chain, f->certain ? "drops" : "may drop", f->n,
					     plural(f->n, "s")),
				   remedy_copy(&f->remedy), NULL);
	}
}

/* ---- Interfaces and zones --------------------------------------------------------------------------- */

static const struct link *link_of(const struct gwd *g, const char *ifname)
{
	const struct facts *facts = links_facts(g->links);

	for (size_t i = 0; i < facts->n_links; i++)
		if (streq(facts->links[i].name, ifname))
			return &facts->links[i];
	return NULL;
}

static void look_interface(const struct gwd *g, const struct interface *in, struct diagnosis *d)
{
	static const char about[] = "interface";
	const struct link *l = link_of(g, in->name);
	const char *zone = zone_name(in->zone);

	if (!l)
		doctor_add(d, SEVERITY_WARNING, about, xasprintf("%s (%s) does not exist", in->name, zone),
			   remedy_advice(xasprintf("ip link set INTERFACE name %s, or its right name in gwd.yaml, "
						   "then gwctl apply",
						   in->name)),
			   NULL);
	else if (!l->up)
		doctor_add(d, SEVERITY_WARNING, about, xasprintf("%s (%s) is down", in->name, zone),
			   remedy_command(xasprintf("ip link set %s up", in->name)), NULL);
	else if (!l->carrier)
		doctor_add(d, SEVERITY_WARNING, about,
			   xasprintf("%s (%s) is without carrier: nothing is at the other end of its cable", in->name,
				     zone),
			   remedy_advice(
				   xasprintf("plug in the cable of %s, or start what is at its other end", in->name)),
			   NULL);
	if (l && !l->l3 && !l->loopback)
		doctor_add(
			d, SEVERITY_WARNING, "zone",
			xasprintf("%s is named %s in gwd.yaml, but is a port of a bridge or bond, whose zone counts%s",
				  in->name, zone,
				  in->zone == ZONE_DMZ ? ": nothing keeps the hosts behind it apart" : ""),
			remedy_command(xasprintf("ip link set %s nomaster", in->name)), NULL);
	if (in->overridden)
		doctor_add(d, SEVERITY_WARNING, "zone",
			   xasprintf("%s is named %s in gwd.yaml, but holds the default route: taken as wan", in->name,
				     zone_name(in->overridden)),
			   (struct remedy){.command = xasprintf("ip route del default dev %s", in->name),
					   .advice = xstrdup("take it out of gwd.yaml, then gwctl apply")},
			   NULL);
}

/* Both ends of a connection believe in the Ethernet that they see; TCP is told of a narrower link between them, unless the
 * file says not to. */
static void look_mtu(const struct gwd *g, const struct interface *in, struct diagnosis *d)
{
	const struct link *l = link_of(g, in->name);

	if (in->narrow && g->world->settings->mss_clamp == CLAMP_OFF)
		doctor_add(
			d, SEVERITY_WARNING, "mtu",
			xasprintf("%s has an MTU of %u, and `mss_clamp: off` in gwd.yaml: connections hang where ICMP "
				  "is dropped on the way",
				  in->name, l ? l->mtu : 0),
			(struct remedy){.command = xasprintf("ip link set %s mtu 1500", in->name),
					.advice = xstrdup("`mss_clamp: auto` in gwd.yaml, then gwctl apply")},
			NULL);
}

static void look_interfaces(const struct gwd *g, struct diagnosis *d)
{
	for (size_t i = 0; i < g->topology->n_interfaces; i++) {
		const struct interface *in = &g->topology->interfaces[i];

		if (in->zone == ZONE_NONE)
			continue;
		look_interface(g, in, d);
		look_mtu(g, in, d);
	}
}

static void take_shared(void *ctx, const struct local_address *dmz, char *text)
{
	char ip[ADDR_TEXT_MAX];

	doctor_add(ctx, SEVERITY_WARNING, "zone", text,
		   remedy_advice(xasprintf("ip addr del %s/%u dev %s, and give it a network of its own",
					   ip_text(&dmz->ip, ip), dmz->prefix_len, dmz->ifname)),
		   NULL);
}

/* ---- Connection tracking ---------------------------------------------------------------------------- */

static void look_conntrack(const struct gwd_status *s, struct diagnosis *d)
{
	enum { FULL = 80 }; /* percent, from which it is worth a thought */
	int64_t count = s->connections, max = s->connections_max;

	if (max <= 0 || count * 100 < max * FULL)
		return;
	doctor_add(d, count < max ? SEVERITY_WARNING : SEVERITY_ERROR, "conntrack",
		   count < max ? xasprintf("the kernel tracks %d connections and may track %d: then new ones are dropped",
					   (int)count, (int)max)
			       : why_conntrack_full((int)count),
		   remedy_command(xasprintf("sysctl -w net.netfilter.nf_conntrack_max=%d",
					    (int)(max > INT32_MAX / 2 ? INT32_MAX : 2 * max))),
		   NULL);
}

void doctor_machine(struct gwd *g, struct diagnosis *d)
{
	_cleanup_(diag_free) struct diag ignored = {0};
	struct gwd_status s;

	gwd_links_event(g);
	gwd_kernel_event(g);
	if (gwd_status(g, &s, &ignored) < 0)
		return;
	look_file(g, &s, d);
	look_state(g, d);
	look_drift(&s, d);
	look_firewalls(&s, d);
	look_interfaces(g, d);
	topology_shared(g->topology, take_shared, d);
	look_conntrack(&s, d);
}
