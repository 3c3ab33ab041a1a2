/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Manual and completions against the command table: nothing is offered that is not there, and nothing is forgotten.
 * Runs in the root of the source. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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
		if (c->summary ? !own_line && !has_word(text, line) : !has_word(text, c->name))
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
			if (c->summary && !has_word(text, c->name))
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
		for (const struct command *c = commands; c->name; c++) {
			snprintf(word, sizeof(word), "-a %s", c->name);
			if (!c->summary && (has_word(text, word) || together(text, c->name, "history")))
				fail_msg("%s offers %s", completions[i], c->name);
		}
	}
}

/* Every command of this version is explained, and its first example runs under its own name. */
static void test_help(void **state)
{
	char word[64];
	(void)state;
	for (const struct command *c = commands; c->name; c++) {
		assert_true(!c->summary == !c->run);
		if (!c->summary)
			continue;
		assert_true(c->min <= c->max);
		snprintf(word, sizeof(word), "gwctl %s", c->name);
		if (c->more && !has_word(c->more, word) && !strstr(c->more, "  gwctl\n"))
			fail_msg("no example for %s", c->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_completions),
		cmocka_unit_test(test_nothing_later_is_offered),
		cmocka_unit_test(test_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
