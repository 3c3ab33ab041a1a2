/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Manual and completions against the command table: nothing is offered that is not there, and nothing is forgotten.
 * Runs in the root of the source. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "command.h"
#include "util.h"

static const char *const completions[] = {
	"gwctl/completion/gwctl.bash",
	"gwctl/completion/_gwctl",
	"gwctl/completion/gwctl.fish",
};

static char *read_text(const char *path)
{
	struct buf text = {0};
	if (file_read(path, 1 << 20, &text) < 0)
		fail_msg("cannot read %s: run this in the root of the source", path);
	return buf_take(&text);
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* `word` stands there by itself, not as a part of a longer one. */
static bool has_word(const char *text, const char *word)
{
	for (const char *at = text; (at = strstr(at, word)); at++)
		if ((at == text || !in_word(at[-1])) && !in_word(at[strlen(word)]))
			return true;
	return false;
}

/* One line has both. */
static bool together(const char *text, const char *a, const char *b)
{
	_cleanup_(freep) char *copy = xstrdup(text);
	char *save;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (has_word(line, a) && has_word(line, b))
			return true;
	return false;
}

static void missing(const char *path, const char *what, const char *name)
{
	fail_msg("%s lacks %s%s", path, what, name);
}

static void test_manual(void **state)
{
	_cleanup_(freep) char *text = read_text("gwctl/gwctl.8");
	char line[64];
	(void)state;
	for (const struct command *c = commands; c->name; c++) {
		snprintf(line, sizeof(line), ".It Cm %s", c->name);
		bool own_line = has_word(text, line);
		snprintf(line, sizeof(line), ".Cm %s", c->name);
		if (!own_line && !has_word(text, line))
			missing("gwctl/gwctl.8", "command ", c->name);
	}
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		snprintf(line, sizeof(line), "Fl -%s", options[id].name);
		if (!has_word(text, line))
			missing("gwctl/gwctl.8", "option --", options[id].name);
		snprintf(line, sizeof(line), "Fl %c , Fl -%s", options[id].letter, options[id].name);
		if (options[id].letter && !has_word(text, line))
			missing("gwctl/gwctl.8", "the letter of --", options[id].name);
	}
}

/* Whoever reads one of them only has met every command, and in both languages the same. */
static void test_readmes(void **state)
{
	static const char *const readmes[] = {"README.md", "README.fr.md"};
	char line[64];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(readmes); i++) {
		_cleanup_(freep) char *text = read_text(readmes[i]);
		for (const struct command *c = commands; c->name; c++) {
			snprintf(line, sizeof(line), "gwctl %s", c->name);
			if (!streq(c->name, "version") && !has_word(text, line))
				missing(readmes[i], "command ", c->name);
		}
	}
}

/* "--name" in bash and zsh, "-l name" in fish. */
static void option_word(const char *path, const struct option *option, char ret[64])
{
	snprintf(ret, 64, "%s%s", strstr(path, ".fish") ? "-l " : "--", option->name);
}

static void expect_options(const char *path, const char *text, const struct command *c)
{
	char word[64];
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		option_word(path, &options[id], word);
		if ((c->options & OPTION_BIT(id)) && !together(text, c->name, word))
			fail_msg("%s: %s lacks %s", path, c->name, word);
		if ((COMMON_OPTIONS & OPTION_BIT(id)) && !has_word(text, word))
			missing(path, "option ", word);
	}
}

static void test_completions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(completions); i++) {
		_cleanup_(freep) char *text = read_text(completions[i]);
		for (const struct command *c = commands; c->name; c++) {
			if (!has_word(text, c->name))
				missing(completions[i], "command ", c->name);
			expect_options(completions[i], text, c);
		}
	}
}

/* What is refused must not be offered. */
static void test_nothing_later_is_offered(void **state)
{
	char word[64];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(completions); i++) {
		_cleanup_(freep) char *text = read_text(completions[i]);
		for (enum option_id id = 0; id < OPTION_COUNT; id++) {
			option_word(completions[i], &options[id], word);
			if (!options[id].help && has_word(text, word))
				fail_msg("%s offers %s", completions[i], word);
		}
	}
}

/* The words of a shell's command line up to the first thing that is the shell's, in `argv`; false when none are left. */
static bool shell_words(const char *line, char *argv[32], int *ret_argc)
{
	int argc = 0;
	for (;;) {
		struct buf word = {0};
		line += strspn(line, " ");
		if (!*line || strchr("|;>&(", *line) || argc == 31)
			break;
		buf_add(&word, "", 0);
		for (char quote = 0; *line && (quote || *line != ' '); line++) {
			if (*line == quote || (!quote && *line == '\''))
				quote = quote ? 0 : *line;
			else
				buf_add(&word, line, 1);
		}
		argv[argc++] = buf_take(&word);
	}
	argv[argc] = NULL;
	*ret_argc = argc;
	return argc > 0;
}

/* 2 means that gwctl did not understand it: all else that can go wrong is that no gwd and no such file is there. */
static void expect_understood(const char *example)
{
	char *argv[32];
	int argc, status;
	if (!shell_words(example, argv, &argc))
		return;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr) ||
		    !freopen("/dev/null", "r", stdin))
			_exit(99);
		_exit(commands_main(argc, argv));
	}
	waitpid(pid, &status, 0);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 2 || WEXITSTATUS(status) == 99)
		fail_msg("gwctl does not understand its own example: %s (%x)", example, (unsigned)status);
}

/* The examples of one line, separated by ; or behind a |. */
static size_t run_examples(const struct command *c, const char *line, bool first)
{
	_cleanup_(freep) char *own = xasprintf("gwctl %s", c->name);
	size_t n = 0;
	if (strncmp(line, "  ", 2) != 0)
		return 0;
	for (const char *at = line; (at = strstr(at, "gwctl ")); at++) {
		if (at != line + 2 && at[-2] != '|' && at[-2] != ';')
			continue;
		if (n++ == 0 && first && !has_word(line, own) && c->run != cmd_confirm)
			fail_msg("the first example of %s is of another", c->name);
		expect_understood(at);
	}
	return n;
}

/* Each is explained, by examples that gwctl itself understands, the first of which is of that very command. */
static void test_examples(void **state)
{
	(void)state;
	setenv("GWD_SOCKET", "/nonexistent/gwd.sock", 1);
	for (const struct command *c = commands; c->name; c++) {
		_cleanup_(freep) char *text = xstrdup(c->more);
		char *save = NULL;
		size_t n = 0;
		assert_non_null(c->run);
		assert_true(c->min <= c->max);
		if (c->run == cmd_version)
			continue;
		assert_non_null(text);
		for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			n += run_examples(c, line, n == 0);
		if (n == 0)
			fail_msg("no example for %s", c->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_readmes),
		cmocka_unit_test(test_completions),
		cmocka_unit_test(test_nothing_later_is_offered),
		cmocka_unit_test(test_examples),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
