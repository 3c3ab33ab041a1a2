/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gwd.yaml in an editor. The copy is checked, and the change tried, before the file is touched: what ends here, ends with
 * the file as it was, and says where the text is. Questions are asked on a terminal only; without one the answer is what
 * needs no question, so that EDITOR can be a script. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "command.h"
#include "edit.h"
#include "util.h"

#define CONFIRM_DEFAULT 120

enum verdict { FINE, AGAIN, GIVE_UP };

static void interrupted(int signum)
{
	(void)signum; /* ends a question */
}

/* The first letter of the answer in lower case, `otherwise` for an empty one, 'q' when there is none. Ctrl-C counts from
 * the moment the question is seen, not only once it is waited for an answer. */
static char question(const char *text, char otherwise)
{
	struct sigaction act = {.sa_handler = interrupted}, before;
	struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};
	sigset_t interrupt, usual;
	char line[80];
	ssize_t n = -1;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, &usual);
	sigaction(SIGINT, &act, &before);
	fprintf(stderr, "%s ", text);
	if (ppoll(&terminal, 1, NULL, &usual) > 0)
		n = read(STDIN_FILENO, line, sizeof(line));
	sigaction(SIGINT, &before, NULL);
	sigprocmask(SIG_SETMASK, &usual, NULL);
	if (n <= 0)
		fputc('\n', stderr);
	if (n <= 0)
		return 'q';
	return *line == '\n' ? otherwise : (char)(*line | 0x20);
}

static bool on_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static enum verdict edit_again(void)
{
	return on_terminal() && question("Edit again? [Y/n]", 'y') == 'y' ? AGAIN : GIVE_UP;
}

/* {text, path} of the copy, under the file's name; NULL, having complained. */
static json_t *text_of(const struct edit *e)
{
	const char *slash = strrchr(e->file, '/');
	json_t *parameters = call_file(e->copy);
	if (parameters)
		json_object_set_new(parameters, "path", json_string(slash ? slash + 1 : e->file));
	return parameters;
}

/* Where the first mistake in this file is; 0 = in none of its lines. */
static unsigned faulty_line(const json_t *mistakes, const char *path)
{
	size_t i;
	json_t *m;
	json_array_foreach(mistakes, i, m) if (streq(json_text(m, "file"), path)) return (unsigned)json_number(m,
													       "line");
	return 0;
}

/* Mistakes of the text. */
static enum verdict judge(struct call *call, json_t *text, unsigned *ret_line, enum status *ret)
{
	json_auto_t *checked = NULL;
	*ret = call_method(call, "Check", json_incref(text), &checked);
	if (*ret != STATUS_DONE)
		return GIVE_UP;
	const json_t *mistakes = json_object_get(checked, "mistakes");
	if (json_array_size(mistakes)) {
		_cleanup_(freep) char *raw = json_mistakes(mistakes);
		_cleanup_(freep) char *safe = text_safe(raw);
		fprintf(stderr, "%s\n", safe);
		*ret_line = faulty_line(mistakes, json_text(text, "path"));
		*ret = STATUS_REFUSED;
		return edit_again();
	}
	return FINE;
}

/* What would run must be confirmed, in this many seconds; 0 = nothing changes. */
static unsigned confirm_time(const struct call *call, bool changes)
{
	unsigned wanted = call->arguments->confirm;
	return !changes ? 0 : wanted ? wanted : CONFIRM_DEFAULT;
}

/* What gwd would say to it, asked as bring() will: a change that must be confirmed is refused while another one waits. */
static enum verdict attempt(struct call *call, json_t *text, bool changes, enum status *ret)
{
	json_auto_t *tried = NULL;
	json_t *dry = json_copy(text);
	unsigned confirm = confirm_time(call, changes);
	json_object_set_new(dry, "dry_run", json_true());
	if (call_option(call, OPTION_FORCE))
		json_object_set_new(dry, "force", json_true());
	if (confirm)
		json_object_set_new(dry, "confirm", json_integer(confirm));
	*ret = call_method(call, "Apply", dry, &tried);
	return *ret == STATUS_DONE ? FINE : *ret == STATUS_REFUSED ? edit_again() : GIVE_UP;
}

/* Tries what would change, shows it, and asks. *ret_changes: something would. */
static enum verdict show(struct call *call, json_t *text, bool *ret_changes, enum status *ret)
{
	json_auto_t *differs = NULL;
	*ret = call_method(call, "Diff", json_incref(text), &differs);
	if (*ret != STATUS_DONE)
		return GIVE_UP;
	_cleanup_(freep) char *lines = json_lines(json_object_get(differs, "changes"));
	_cleanup_(freep) char *safe = lines ? text_safe(lines) : NULL;
	*ret_changes = safe != NULL;
	enum verdict verdict = attempt(call, text, *ret_changes, ret);
	if (verdict != FINE)
		return verdict;
	if (!call->quiet)
		printf("%s\n", safe ? safe : "nothing of what runs would change");
	fflush(stdout);
	if (!on_terminal())
		return FINE;
	switch (question("Apply? [Y/n/e(dit again)]", 'y')) {
	case 'y':
		return FINE;
	case 'e':
		return AGAIN;
	default:
		*ret = STATUS_REFUSED;
		return GIVE_UP;
	}
}

static enum status stop(const struct edit *e, const char *why, enum status status)
{
	complain("%s: %s is as it was, and your text is in %s", why, e->file, e->copy);
	return status;
}

/* The editor, until what it leaves is fine or given up. */
static enum verdict work(struct call *call, const struct edit *e, bool *ret_changes, enum status *ret)
{
	unsigned line = 0;
	enum verdict verdict = AGAIN;
	while (verdict == AGAIN) {
		int status = edit_run(e, line);
		client_free(TAKE_PTR(call->client)); /* it may have been long */
		*ret = STATUS_REFUSED;
		if (status) {
			complain("the editor ended with status %d", status);
			return GIVE_UP;
		}
		if (!edit_changed(e))
			return FINE;
		json_auto_t *text = text_of(e);
		line = 0;
		verdict = text ? judge(call, text, &line, ret) : edit_again();
		if (verdict == FINE)
			verdict = show(call, text, ret_changes, ret);
	}
	return verdict;
}

/* The copy takes the file's place, and that is applied. */
static enum status bring(struct call *call, struct edit *e, bool changes)
{
	struct arguments arguments = *call->arguments;
	struct call own = *call;
	int r = edit_install(e);
	if (r < 0)
		return stop(e, r == -ESTALE ? "somebody else has changed the file meanwhile" : strerror(-r),
			    STATUS_REFUSED);
	arguments.confirm = confirm_time(call, changes);
	own.arguments = &arguments;
	enum status status = call_change(&own, "Apply", json_object(), NULL);
	call->client = own.client;
	if (status != STATUS_DONE)
		complain("%s is written, but it is not what runs: gwctl apply", e->file);
	return status;
}

static enum status edit_file(struct call *call, const char *file)
{
	_cleanup_(edit_free) struct edit e = {0};
	enum status status;
	bool changes = false;
	int r = edit_begin(file, &e);
	if (r < 0) {
		complain("cannot make a copy beside %s: %s%s", file, strerror(-r),
			 r == -EACCES ? "; try sudo gwctl edit" : "");
		return STATUS_REFUSED;
	}
	enum verdict verdict = work(call, &e, &changes, &status);
	if (!edit_changed(&e)) {
		edit_discard(&e);
		fprintf(stderr, "nothing was changed\n");
		return verdict == FINE ? STATUS_DONE : status;
	}
	return verdict == FINE ? bring(call, &e, changes) : stop(&e, "given up", status);
}

enum status cmd_edit(struct call *call)
{
	json_auto_t *now = NULL;
	enum status status = call_method(call, "Status", NULL, &now);
	if (status != STATUS_DONE)
		return status;
	const char *file = json_text(now, "file");
	if (*file)
		return edit_file(call, file);
	complain("this gwd does not say where its gwd.yaml is");
	return STATUS_REFUSED;
}
