/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From argv to a command and back to an exit status. Someone who typed what another tool calls it is told what it is
 * called here; nothing is guessed and run. */
#include <locale.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "lease.h"
#include "pager.h"
#include "util.h"
#include "wire.h"

static const struct {
	const char *word, *answer;
} synonyms[] = {
	{"list", "gwctl ls"},
	{"forwards", "gwctl ls"},
	{"get", "gwctl show"},
	{"info", "gwctl show, or gwctl status"},
	{"create", "gwctl add"},
	{"new", "gwctl add"},
	{"forward", "gwctl add"},
	{"delete", "gwctl rm"},
	{"del", "gwctl rm"},
	{"remove", "gwctl rm"},
	{"change", "gwctl set"},
	{"modify", "gwctl set"},
	{"update", "gwctl set"},
	{"enable", "gwctl on"},
	{"disable", "gwctl off"},
	{"reload", "gwctl apply"},
	{"load", "gwctl apply"},
	{"validate", "gwctl check"},
	{"test", "gwctl check"},
	{"compare", "gwctl diff"},
	{"revert", "gwctl undo, or gwctl rollback"},
	{"revisions", "gwctl history"},
	{"log", "gwctl history, or gwd's log: journalctl -u gwd"},
	{"logs", "gwctl history, or gwd's log: journalctl -u gwd"},
	{"dump", "gwctl export"},
	{"save", "there is nothing to save: every change is kept as it is made"},
	{"write", "there is nothing to write: every change is kept as it is made"},
	{"commit", "there is nothing to commit: every change is kept as it is made"},
	{"start", "systemctl start gwd | rc-service gwd start"},
	{"stop", "systemctl stop gwd | rc-service gwd stop (the rules stay in place)"},
	{"restart", "systemctl restart gwd | rc-service gwd restart"},
};

static const struct command *find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (streq(c->name, name))
			return c;
	return NULL;
}

static void unknown(const char *word)
{
	const char *names[64];
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(synonyms); i++) {
		if (streq(synonyms[i].word, word)) {
			complain("no command '%s': %s", word, synonyms[i].answer);
			return;
		}
	}
	for (const struct command *c = commands; c->name && n < ARRAY_SIZE(names); c++)
		names[n++] = c->name;
	const char *near = diag_nearest(word, names, n);
	if (near)
		complain("no command '%s', did you mean 'gwctl %s'?", word, near);
	else if (*word >= '0' && *word <= '9')
		complain("no command '%s', did you mean 'gwctl add %s ...'?", word, word);
	else
		complain("no command '%s': gwctl help lists them", word);
}

/* ---- help --------------------------------------------------------------------------------------- */

/* What an option means to one command alone. */
static const struct {
	const char *command;
	enum option_id id;
	const char *value, *help;
} special[] = {
	{"open", OPTION_FROM, "PREFIX[,...]|local", "who may reach it (default: anyone)"},
	{"why", OPTION_FROM, "ADDR", "who dials (default: somebody outside)"},
	{"confirm", OPTION_FORCE, NULL, "even from the login that made the change"},
};

static struct option option_of(const struct command *c, enum option_id id)
{
	struct option option = options[id];
	for (size_t i = 0; c && i < ARRAY_SIZE(special); i++) {
		if (special[i].id != id || !streq(special[i].command, c->name))
			continue;
		option.value = special[i].value;
		option.help = special[i].help;
	}
	return option;
}

static void put_option(const struct option *option)
{
	bool perhaps = option->takes == TAKES_PERHAPS;
	_cleanup_(freep) char *value = option->value && *option->value ? xasprintf(perhaps ? "[=%s]" : " %s",
										   option->value)
								       : xstrdup("");
	_cleanup_(freep) char *left = option->letter ? xasprintf("-%c, --%s%s", option->letter, option->name, value)
						     : xasprintf("    --%s%s", option->name, value);
	if (strlen(left) > 27)
		printf("  %s\n  %-27s %s\n", left, "", option->help);
	else
		printf("  %-27s %s\n", left, option->help);
}

/* `c`: NULL for those of all commands. */
static void put_options(const struct command *c)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		struct option option = option_of(c, id);
		if ((c ? c->options : COMMON_OPTIONS) & OPTION_BIT(id))
			put_option(&option);
	}
}

static void help_all(void)
{
	printf("gwctl [OPTION...] [COMMAND]\nForwards ports to the servers behind this gateway, through gwd.\n\n");
	for (const struct command *c = commands; c->name; c++) {
		_cleanup_(freep) char *left = xasprintf("%s %s", c->name, c->synopsis);
		printf("  %-42s %s\n", left, c->summary);
	}
	printf("\nWithout a command: status. Options, wherever they stand:\n");
	put_options(NULL);
	printf("\nExit status: 0 done, 1 refused or failed (check, diff: something found), 2 usage, 3 no gwd.\n"
	       "gwctl help COMMAND has examples; man gwctl, gwd.yaml has everything.\n");
}

static void put_usage(FILE *file, const struct command *c)
{
	fprintf(file, "usage: gwctl %s%s%s%s\n", c->name, *c->synopsis ? " " : "", c->synopsis,
		c->options ? " [OPTION...]" : "");
}

static enum status help_one(const struct command *c)
{
	put_usage(stdout, c);
	printf("%s\n\n%s", c->summary, c->more ? c->more : "");
	if (c->options)
		printf("\n");
	put_options(c);
	return STATUS_DONE;
}

enum status cmd_help(struct call *call)
{
	const struct command *c = call->n_words ? find(call->words[0]) : NULL;
	if (!call_text(call))
		return STATUS_USAGE;
	if (c)
		return help_one(c);
	if (call->n_words) {
		unknown(call->words[0]);
		return STATUS_USAGE;
	}
	help_all();
	return STATUS_DONE;
}

static char *version_text(const json_t *object)
{
	return xasprintf("gwctl %s", json_text(object, "version"));
}

enum status cmd_version(struct call *call)
{
	static const struct column field = {.cell = version_text};
	json_auto_t *object = json_pack("{s:s}", "version", GWCTL_VERSION);
	writer_object(call->out, &field, 1, object);
	return STATUS_DONE;
}

/* ---- One command line --------------------------------------------------------------------------- */

static enum status check_options(const struct command *c, const struct arguments *a)
{
	enum status status = STATUS_DONE;
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		if (!a->values[id] || ((COMMON_OPTIONS | c->options) & OPTION_BIT(id)))
			continue;
		complain("%s takes no --%s: gwctl help %s", c->name, options[id].name, c->name);
		status = STATUS_USAGE;
	}
	return status;
}

static enum status check_words(const struct command *c, size_t n)
{
	if (n >= c->min && n <= c->max)
		return STATUS_DONE;
	complain("%s: too %s words", c->name, n < c->min ? "few" : "many");
	put_usage(stderr, c);
	return STATUS_USAGE;
}

static const char *socket_path(const struct arguments *a)
{
	const char *given = a->values[OPTION_SOCKET], *environment = getenv("GWD_SOCKET");
	if (given)
		return given;
	return environment && *environment ? environment : WIRE_SOCKET_DEFAULT;
}

static enum status resolve(struct arguments *a)
{
	_cleanup_(diag_free) struct diag diag = {0};
	bool fine = lease_resolve(a, time(NULL), &diag);
	complain_all(&diag);
	return fine ? STATUS_DONE : STATUS_USAGE;
}

static enum status run(const struct command *c, struct arguments *a)
{
	const char *format = a->values[OPTION_OUTPUT];
	_cleanup_(writer_freep) struct writer *out =
		writer_new(format ? format : "table", stdout, screen_of(STDOUT_FILENO));
	struct call call = {
		.command = c,
		.arguments = a,
		.words = a->words + (a->n_words > 0),
		.n_words = a->n_words - (a->n_words > 0),
		.socket = socket_path(a),
		.quiet = a->values[OPTION_QUIET],
		.out = out,
	};
	if (!out) {
		complain("-o takes table, json or yaml, not '%s'", format);
		return STATUS_USAGE;
	}
	enum status status = check_options(c, a);
	if (status == STATUS_DONE)
		status = check_words(c, call.n_words);
	if (status == STATUS_DONE)
		status = resolve(a);
	if (status == STATUS_DONE)
		status = c->run(&call);
	client_free(call.client);
	return status;
}

/* --help and --version are commands, too: of what else was typed only the command itself counts, and the general
 * options. */
static void become(struct arguments *a, const char *name, size_t keep)
{
	if (keep)
		a->words[1] = a->words[0];
	a->words[0] = name;
	a->n_words = 1 + keep;
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (!(COMMON_OPTIONS & OPTION_BIT(id)))
			a->values[id] = NULL;
}

/* The command is looked at before its options: whoever typed `gwctl list --long` is helped most by `gwctl ls`. */
static enum status dispatch(int argc, char *const *argv)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(arguments_free) struct arguments a;
	bool fine = arguments_parse(argc, argv, &a, &diag);
	if (fine && a.values[OPTION_VERSION])
		become(&a, "version", 0);
	else if (fine && a.values[OPTION_HELP])
		become(&a, "help", a.n_words > 0);
	const char *word = a.n_words ? a.words[0] : "status";
	const struct command *c = find(word);
	if (!c) {
		unknown(word);
		return STATUS_USAGE;
	}
	if (!fine) {
		complain_all(&diag);
		return STATUS_USAGE;
	}
	return run(c, &a);
}

int commands_main(int argc, char *const *argv)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8")) /* widths of characters; what comes from gwd is UTF-8 whatever LANG says */
		setlocale(LC_CTYPE, "");
	enum status status = dispatch(argc, argv);
	bool written = fflush(stdout) == 0 && !ferror(stdout);
	if (!pager_end() && status == STATUS_DONE)
		return STATUS_REFUSED;
	if (!written && status == STATUS_DONE) {
		complain("cannot write the output");
		return STATUS_REFUSED;
	}
	return (int)status;
}
