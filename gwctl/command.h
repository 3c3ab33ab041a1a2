/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command is, and what a running one has at hand. The table of commands is looped for dispatch, for help, and by
 * the test that holds manual and completions to it. */
#ifndef COMMAND_H
#define COMMAND_H

#include <jansson.h>

#include "arguments.h"
#include "client.h"
#include "table.h"

#define GWCTL_VERSION "0.1.0"

enum status { /* exit status (INTERFACE section 4) */
	STATUS_DONE = 0,
	STATUS_REFUSED = 1, /* or failed; `check` and `diff`: something was found */
	STATUS_USAGE = 2,
	STATUS_UNREACHABLE = 3,
};

struct call { /* one command on its way */
	const struct command *command;
	const struct arguments *arguments;
	const char *const *words; /* those after the command's name */
	size_t n_words;
	const char *socket;
	bool quiet;
	struct writer *out;
	struct client *client; /* connected at the first request: a wrong file needs no daemon */
};

struct command {
	const char *name;
	const char *synopsis; /* its words, as help shows them */
	const char *summary;
	const char *more;     /* paragraphs and examples for `help COMMAND` */
	size_t min, max;      /* number of words */
	uint64_t options;     /* OPTION_BIT of those it takes, beside the general ones */
	enum status (*run)(struct call *);
};
extern const struct command commands[]; /* ends with a NULL name */

#define COMMON_OPTIONS                                                                                                 \
	(OPTION_BIT(OPTION_SOCKET) | OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_QUIET) | OPTION_BIT(OPTION_HELP) |  \
	 OPTION_BIT(OPTION_VERSION))

int commands_main(int argc, char *const *argv); /* all of gwctl; the exit status */

/* ---- What commands share (call.c) ---------------------------------------------------------------- */

static inline const char *call_option(const struct call *call, enum option_id id) /* NULL = not given */
{
	return call->arguments->values[id];
}

/* On standard error, "gwctl: " before it. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void complain_all(const struct diag *); /* our own mistakes and all warnings */
/* One whole number above zero; false, having complained, when `text` is none. */
bool call_number(const char *what, const char *text, json_int_t *ret);
bool call_text(const struct call *); /* false, having complained, when -o wants rows or objects: there are none */

/* Sends and waits; `parameters` is taken. Whatever fails is said on standard error. */
enum status call_method(struct call *, const char *method, json_t *parameters, json_t **ret);
enum status call_rows(struct call *, const char *method, json_t *parameters, client_each each, void *ctx);
/* The rows of a list as they come. */
enum status call_list(struct call *, const char *method, json_t *parameters, const char *list, reply_row each, void *ctx);
/* A change: adds the options of every change to `parameters` and prints what came of it. `ret` may be NULL. */
enum status call_change(struct call *, const char *method, json_t *parameters, json_t **ret);

/* The same, and if gwd then holds something open for us, until it or we end: `held` is called first. */
enum status call_held(struct call *, const char *method, json_t *parameters,
		      void (*held)(const struct call *, const json_t *reply));

void call_session(json_t *parameters); /* adds the login that this is typed in */

/* FILE ("-" = standard input) as {text, path}; NULL, having complained. */
json_t *call_file(const char *file);

const char *json_text(const json_t *object, const char *key); /* "" when it is no text */
json_int_t json_number(const json_t *object, const char *key); /* 0 when it is none */
char *json_lines(const json_t *array);                         /* a list of texts, one a line; NULL when empty */
/* Of the wire's ForwardTraffic, for people (cmd_traffic.c). Caller's strings. */
char *traffic_total_text(const json_t *);
char *traffic_targets_text(const json_t *);
char *traffic_missing_text(const json_t *); /* "": nothing is */

char *local_time(json_int_t seconds); /* since the epoch; the caller's, NULL when there is no such day */
char *json_mistakes(const json_t *array);                      /* a list of the wire's Mistake, as diag_text shows it */

enum status cmd_add(struct call *);
enum status cmd_set(struct call *);
enum status cmd_rm(struct call *);
enum status cmd_on(struct call *);
enum status cmd_off(struct call *);
enum status cmd_target(struct call *);
enum status cmd_open(struct call *);
enum status cmd_close(struct call *);
enum status cmd_confirm(struct call *);
enum status cmd_undo(struct call *);
enum status cmd_rollback(struct call *);
enum status cmd_ls(struct call *);
enum status cmd_show(struct call *);
enum status cmd_stats(struct call *);
enum status cmd_flows(struct call *);
enum status cmd_history(struct call *);
enum status cmd_status(struct call *);
enum status cmd_check(struct call *);
enum status cmd_diff(struct call *);
enum status cmd_apply(struct call *);
enum status cmd_edit(struct call *);
enum status cmd_export(struct call *);
enum status cmd_import(struct call *);
enum status cmd_watch(struct call *);
enum status cmd_metrics(struct call *);
enum status cmd_why(struct call *);
enum status cmd_doctor(struct call *);
enum status cmd_help(struct call *);
enum status cmd_version(struct call *);

#endif
