/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments, signals and the loop. Everything that needs no kernel (--check, --print) is done before anything is opened. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "compile.h"
#include "config_print.h"
#include "control.h"
#include "events.h"
#include "files.h"
#include "gwd.h"
#include "log.h"
#include "notify.h"
#include "purge_client.h"
#include "request.h"
#include "sandbox.h"
#include "varlink.h"
#include "wire.h"

enum { SETTLE_MS = 2000 }; /* between two tries to bring the kernel to what it refused */

enum mode { MODE_RUN, MODE_CHECK, MODE_PRINT, MODE_PRINT_RULESET, MODE_PURGE };

struct arguments {
	struct gwd_options gwd;
	const char *socket;
	enum mode mode;
	enum sandbox_mode sandbox;
};

static const char usage[] =
	"usage: gwd [-c FILE] [-s SOCKET] [-S STATE_DIR] [-v] [--sandbox=on|strict|off]     run in the foreground\n"
	"       gwd -n|--check [-c FILE]                          check the file, touch nothing\n"
	"       gwd -p|--print[=ruleset] [-c FILE]                print it in canonical form, or what is compiled of "
	"it\n"
	"       gwd --purge [-s SOCKET] [-S STATE_DIR]            remove every trace from the kernel\n"
	"       gwd -V|--version\n"
	"defaults: -c /etc/gwd/gwd.yaml (and gwd.d beside it), -s " WIRE_SOCKET_DEFAULT ", -S /var/lib/gwd\n";

/* ---- Without a kernel ------------------------------------------------------------------------------ */

static void print_ruleset(const struct config *config)
{
	_cleanup_(ruleset_freep) struct ruleset *out = compile_config(config);
	_cleanup_(buf_free) struct buf text = {0};

	ruleset_text(&text, out);
	fputs(text.data, stdout);
}

static int look_at_file(const struct arguments *args)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(documents_freep) struct documents *docs = NULL;
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_(buf_free) struct buf yaml = {0};

	if (access(args->gwd.config_path, R_OK) < 0)
		diag_add(&diag, DIAG_INVALID, (struct loc){0}, "cannot read %s: %s", args->gwd.config_path,
			 strerror(errno));
	else
		docs = files_read(args->gwd.config_path, NULL, 0, NULL, &diag);
	config = docs ? config_read(docs, &diag) : NULL;
	if (!config) {
		_cleanup_(freep) char *text = diag_text(&diag);

		fputs(text, stderr);
		return 1;
	}
	if (args->mode == MODE_PRINT_RULESET) {
		print_ruleset(config);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	for (size_t i = 0; i < diag.n_warnings; i++)
		fprintf(stderr, "warning: %s\n", diag.warnings[i]);
	if (args->mode == MODE_PRINT) {
		config_print(&yaml, config);
		fputs(yaml.data ? yaml.data : "", stdout);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

static void print_outcome(const struct outcome *outcome, const struct diag *diag)
{
	_cleanup_(freep) char *text = diag_failed(diag) ? diag_text(diag) : NULL;

	for (size_t i = 0; i < outcome->n_messages; i++)
		puts(outcome->messages[i]);
	if (text)
		fputs(text, stderr);
}

static int purge(const struct arguments *args)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(outcome_free) struct outcome outcome = {0};
	int r = purge_client(args->socket, &outcome, &diag);

	if (r == -ENOENT) /* nobody answers there */
		r = gwd_purge_offline(&args->gwd, &outcome, &diag);
	print_outcome(&outcome, &diag);
	return r < 0 ? 1 : 0;
}

/* ---- The loop --------------------------------------------------------------------------------------- */

/* What the kernel tells us by itself. */
static const struct source {
	int (*fd)(const struct gwd *);
	void (*event)(struct gwd *);
} sources[] = {
	{gwd_links_fd, gwd_links_event},
	{gwd_kernel_fd, gwd_kernel_event},
	{gwd_alarm_fd, gwd_alarm_event},
	{gwd_confirm_fd, gwd_confirm_event},
	{gwd_connections_fd, gwd_connections_event},
	{gwd_traffic_fd, gwd_traffic_event},
	{gwd_trace_fd, gwd_trace_event},
	{gwd_trace_alarm_fd, gwd_trace_alarm_event},
};

struct daemon {
	uv_loop_t loop;
	uv_signal_t term, interrupt, hangup;
	uv_poll_t polls[ARRAY_SIZE(sources)];
	uv_timer_t watchdog, settle;
	struct gwd *gwd;
	struct control *control;
	struct varlink *varlink;
	struct request_context context;
	bool purged;
};

static void on_stop(uv_signal_t *handle, int signum)
{
	struct daemon *d = handle->data;

	event_say(gwd_events(d->gwd), EVENT_DAEMON, LOG_INFO, "stopping on %s: the rules stay in place",
		  signum == SIGINT ? "SIGINT" : "SIGTERM");
	uv_stop(&d->loop);
}

static void on_hangup(uv_signal_t *handle, int signum)
{
	struct daemon *d = handle->data;
	const struct request_options self = {.who = {getuid(), getpid()}};
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(outcome_free) struct outcome outcome = {0};

	(void)signum;
	control_settle(d->control);
	notify_reloading();
	if (gwd_apply(d->gwd, NULL, 0, NULL, &self, &outcome, &diag) < 0) {
		event_say(gwd_events(d->gwd), EVENT_PROBLEM, LOG_ERROR,
			  "the file is not applied, what runs stays: %zu mistake%s", diag.n,
			  plural(diag.n, "s"));
		log_diag(LOG_ERROR, &diag);
	}
	for (size_t i = 0; i < diag.n_warnings; i++)
		log_warn("%s", diag.warnings[i]);
	for (size_t i = outcome.changed; i < outcome.n_messages; i++) /* the first was logged when it was done */
		log_info("%s", outcome.messages[i]);
	notify("READY=1");
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct daemon *d = handle->data;

	(void)events;
	control_settle(d->control);
	sources[handle - d->polls].event(d->gwd);
	if (status < 0) /* a socket that lost messages reports an error once, and libuv stops listening to it */
		uv_poll_start(handle, UV_READABLE, on_readable);
}

static void on_watchdog(uv_timer_t *handle)
{
	(void)handle;
	notify("WATCHDOG=1");
}

static void on_settle(uv_timer_t *handle)
{
	struct daemon *d = handle->data;

	control_settle(d->control);
	gwd_settle(d->gwd);
}

static void on_purged(void *ctx)
{
	struct daemon *d = ctx;

	d->purged = true;
	uv_stop(&d->loop);
}

static void watch(struct daemon *d)
{
	uint64_t interval = notify_watchdog_interval();

	uv_signal_init(&d->loop, &d->term);
	uv_signal_init(&d->loop, &d->interrupt);
	uv_signal_init(&d->loop, &d->hangup);
	uv_timer_init(&d->loop, &d->watchdog);
	uv_timer_init(&d->loop, &d->settle);
	d->term.data = d->interrupt.data = d->hangup.data = d->settle.data = d;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		uv_poll_init(&d->loop, &d->polls[i], sources[i].fd(d->gwd));
		d->polls[i].data = d;
		uv_poll_start(&d->polls[i], UV_READABLE, on_readable);
	}
	uv_signal_start(&d->term, on_stop, SIGTERM);
	uv_signal_start(&d->interrupt, on_stop, SIGINT);
	uv_signal_start(&d->hangup, on_hangup, SIGHUP);
	uv_timer_start(&d->settle, on_settle, SETTLE_MS, SETTLE_MS);
	if (interval)
		uv_timer_start(&d->watchdog, on_watchdog, interval, interval);
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void close_loop(struct daemon *d)
{
	if (d->control)
		control_close(d->control);
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	varlink_free(d->varlink);
	gwd_stop(d->gwd);
}

/* The socket first: who cannot be asked must not touch the kernel, least of all beside another gwd. Who asks already
 * waits until the loop runs. */
static int run(const struct arguments *args)
{
	_cleanup_(diag_free) struct diag diag = {0};
	const struct sandbox_places places = {args->gwd.config_path, args->gwd.state_dir, args->socket};
	struct control_handler handler;
	struct control_turns turns;
	struct daemon d = {0};

	signal(SIGPIPE, SIG_IGN);
	sandbox_begin(args->sandbox);
	if (uv_loop_init(&d.loop) < 0)
		return 1;
	d.context = (struct request_context){.quit = on_purged, .quit_ctx = &d};
	d.varlink = varlink_new(request_methods, &d.context);
	handler = varlink_handler(d.varlink);
	if (control_open(&d.loop, args->socket, &handler, &d.control, &diag) < 0 ||
	    gwd_start(&args->gwd, &d.gwd, &diag) < 0) {
		close_loop(&d);
		log_diag(LOG_ERROR, &diag);
		return 1;
	}
	d.context.gwd = d.gwd;
	turns = request_turns;
	turns.ctx = &d.context;
	control_share(d.control, &turns);
	watch(&d);
	d.context.sandbox = sandbox_enter(args->sandbox, &places);
	notify("READY=1\nSTATUS=forwarding");
	log_info("ready: %s", args->socket);
	uv_run(&d.loop, UV_RUN_DEFAULT);
	notify("STOPPING=1");
	close_loop(&d);
	return 0;
}

/* ---- Arguments -------------------------------------------------------------------------------------- */

/* Exit status to end with, or -1 to go on. */
static int parse(int argc, char **argv, struct arguments *args)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"socket", required_argument, NULL, 's'},
		{"state", required_argument, NULL, 'S'},  {"check", no_argument, NULL, 'n'},
		{"print", optional_argument, NULL, 'p'},  {"purge", no_argument, NULL, 'P'},
		{"verbose", no_argument, NULL, 'v'},      {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},         {"sandbox", required_argument, NULL, 'B'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:s:S:npvVh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			args->gwd.config_path = optarg;
			break;
		case 's':
			args->socket = optarg;
			break;
		case 'S':
			args->gwd.state_dir = optarg;
			break;
		case 'n':
			args->mode = MODE_CHECK;
			break;
		case 'p':
			if (optarg && !streq(optarg, "ruleset"))
				return fprintf(stderr, "gwd: --print=%s: only --print=ruleset is known\n", optarg), 2;
			args->mode = optarg ? MODE_PRINT_RULESET : MODE_PRINT;
			break;
		case 'P':
			args->mode = MODE_PURGE;
			break;
		case 'B':
			if (!sandbox_mode_parse(optarg, &args->sandbox))
				return fprintf(stderr, "gwd: --sandbox=%s: on, strict or off was expected\n", optarg), 2;
			break;
		case 'v':
			log_set_level(LOG_DEBUG);
			break;
		case 'V':
			return puts("gwd " GWD_VERSION), 0;
		case 'h':
			return fputs(usage, stdout), 0;
		default:
			return fputs(usage, stderr), 2;
		}
	}
	if (optind < argc)
		return fprintf(stderr, "gwd: unexpected argument '%s'\n%s", argv[optind], usage), 2;
	return -1;
}

int main(int argc, char **argv)
{
	struct arguments args = {.gwd = {"/etc/gwd/gwd.yaml", "/var/lib/gwd"}, .socket = WIRE_SOCKET_DEFAULT};
	int status = parse(argc, argv, &args);

	if (status >= 0)
		return status;
	switch (args.mode) {
	case MODE_PURGE:
		return purge(&args);
	case MODE_RUN:
		return run(&args);
	default:
		return look_at_file(&args);
	}
}
