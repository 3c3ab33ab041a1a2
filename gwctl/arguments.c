/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Not getopt_long: it needs to know the command before it sees the options, takes abbreviations (so that a new option
 * breaks old scripts), and can suggest nothing. */
#include "arguments.h"

#include "util.h"

const struct option options[OPTION_COUNT] = {
	[OPTION_SOCKET] = {"socket", 's', TAKES_VALUE, "SOCKET",
			   "where gwd listens (or GWD_SOCKET in the environment)"},
	[OPTION_OUTPUT] = {"output", 'o', TAKES_VALUE, "table|json|yaml", "how to print (default: table)"},
	[OPTION_QUIET] = {"quiet", 'q', TAKES_NOTHING, NULL, "say nothing when all went well"},
	[OPTION_HELP] = {"help", 'h', TAKES_NOTHING, NULL, "this text; after a command, that command's"},
	[OPTION_VERSION] = {"version", 'V', TAKES_NOTHING, NULL, "print the version"},
	[OPTION_NAME] = {"name", 0, TAKES_VALUE, "NAME", "what to call it (default: made of protocol and ports)"},
	[OPTION_DESCRIPTION] = {"description", 0, TAKES_VALUE, "TEXT", "a note for people"},
	[OPTION_PROTO] = {"proto", 0, TAKES_VALUE, "tcp|udp|tcp+udp|sctp", "protocol (default: tcp)"},
	[OPTION_LISTEN] = {"listen", 0, TAKES_VALUE, "ADDR|INTERFACE",
			   "listen there alone (default: every address of the wan interfaces)"},
	[OPTION_DISABLED] = {"disabled", 0, TAKES_PERHAPS, "", "keep it, but off (set --disabled= puts it on again)"},
	[OPTION_REPLACE] = {"replace", 0, TAKES_NOTHING, NULL, "remove the runtime forwards that are in the way"},
	[OPTION_DRY_RUN] = {"dry-run", 0, TAKES_NOTHING, NULL, "say what would be done, and do nothing"},
	[OPTION_FORCE] = {"force", 0, TAKES_NOTHING, NULL, "even if it locks out a program or somebody here"},
	[OPTION_KILL] = {"kill", 0, TAKES_NOTHING, NULL, "cut its open connections, too"},
	[OPTION_SORT] = {"sort", 0, TAKES_VALUE, "name|bytes|conns",
			 "order of the rows (default: as declared, runtime last)"},
	[OPTION_NUMBER] = {"number", 'n', TAKES_VALUE, "N", "only the newest N"},
	[OPTION_REVISION] = {"revision", 0, TAKES_VALUE, "N", "compare with what `rollback N` would bring back"},
	[OPTION_FOR] = {"for", 0, TAKES_VALUE, "TIME", "end by itself after so long: 90s, 30m, 2h, 1d"},
	[OPTION_EXPIRES] = {"expires", 0, TAKES_VALUE, "TIME", "end by itself then: 2026-12-31T23:59:00Z"},
	[OPTION_ON_EXPIRY] = {"on-expiry", 0, TAKES_VALUE, "drain|cut",
			      "what open connections do at its end (default: drain, go on)"},
	[OPTION_TEMPORARY] = {"temporary", 0, TAKES_NOTHING, NULL, "until the next reboot"},
	[OPTION_HOLD] = {"hold", 0, TAKES_NOTHING, NULL, "for as long as this command runs: Ctrl-C ends it"},
	[OPTION_FROM] = {"from", 0, TAKES_VALUE, "PREFIX[,...]",
			 "who may use it (default: anyone)"},
	[OPTION_SNAT] = {"snat", 0, TAKES_VALUE, "auto|routed|always|never|ADDR",
			 "how targets see clients (default: as gwd.yaml says)"},
	[OPTION_LIMIT_CONNECTIONS] = {"limit-connections", 0, TAKES_VALUE, "N",
				      "so many at a time from each source address"},
	[OPTION_LIMIT_RATE] = {"limit-rate", 0, TAKES_VALUE, "N/UNIT",
			       "so many new ones from each source address: 20/second, 100/hour"},
	[OPTION_LOG] = {"log", 0, TAKES_PERHAPS, "", "log new connections (set --log= no more)"},
	[OPTION_BALANCE] = {"balance", 0, TAKES_VALUE, "source|round-robin|random",
			    "which target gets a client (default: source, always the same)"},
	[OPTION_NO_NAT] = {"no-nat", 0, TAKES_PERHAPS, "",
			   "let in only, to a target with a public address (set --no-nat= translates again)"},
	[OPTION_IN] = {"in", 0, TAKES_VALUE, "wan|dmz", "from where (default: open wan, close everywhere)"},
	[OPTION_CONFIRM] = {"confirm", 0, TAKES_PERHAPS, "TIME",
			    "take it back by itself after so long (default: 2m) without gwctl confirm"},
	[OPTION_HTTP] = {"http", 0, TAKES_NOTHING, NULL, "answer one HTTP request on standard input and output"},
	[OPTION_RESET] = {"reset", 0, TAKES_NOTHING, NULL, "count anew from now on"},
	[OPTION_TO] = {"to", 0, TAKES_VALUE, "ADDR", "the address that is dialled (default: where the port is forwarded)"},
	[OPTION_WAIT] = {"wait", 0, TAKES_VALUE, "TIME", "for the next such packet, and say what becomes of it: 30s"},
};

static const struct loc nowhere;

struct cursor { /* the command line while it is read */
	char *const *argv;
	int argc, at;
};

static enum option_id by_letter(char letter)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (options[id].letter == letter)
			return id;
	return OPTION_COUNT;
}

static enum option_id by_name(const char *name, size_t len)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (strlen(options[id].name) == len && memcmp(options[id].name, name, len) == 0)
			return id;
	return OPTION_COUNT;
}

static void unknown_name(const char *name, size_t len, struct diag *diag)
{
	_cleanup_(freep) char *word = xstrndup(name, len);
	const char *names[OPTION_COUNT];
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		names[id] = options[id].name;
	const char *near = diag_nearest(word, names, OPTION_COUNT);
	if (near)
		diag_add(diag, DIAG_INVALID, nowhere, "unknown option '--%s', did you mean '--%s'?", word, near);
	else
		diag_add(diag, DIAG_INVALID, nowhere, "unknown option '--%s'", word);
}

static const char *next_word(struct cursor *c)
{
	return c->at + 1 < c->argc ? c->argv[++c->at] : NULL;
}

static void read_long(struct cursor *c, const char *text, struct arguments *ret, struct diag *diag)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : strlen(text);
	enum option_id id = by_name(text, len);
	if (id == OPTION_COUNT) {
		unknown_name(text, len, diag);
		return;
	}
	const struct option *option = &options[id];
	if (equals && option->takes == TAKES_NOTHING)
		diag_add(diag, DIAG_INVALID, nowhere, "--%s takes no value", option->name);
	const char *value = equals ? equals + 1 : option->takes == TAKES_VALUE ? next_word(c) : "";
	if (!value)
		diag_add(diag, DIAG_INVALID, nowhere, "--%s wants a value", option->name);
	/* `--disabled` and `--disabled=` say different things: a flag's value is its name, unless it is written out */
	if (!equals && option->takes == TAKES_PERHAPS)
		value = option->name;
	ret->values[id] = value;
}

/* "-q", "-qo json", "-ojson". */
static void read_letters(struct cursor *c, const char *text, struct arguments *ret, struct diag *diag)
{
	for (; *text; text++) {
		enum option_id id = by_letter(*text);
		if (id == OPTION_COUNT) {
			diag_add(diag, DIAG_INVALID, nowhere, "unknown option '-%c'", *text);
			return;
		}
		if (options[id].takes == TAKES_NOTHING) {
			ret->values[id] = "";
			continue;
		}
		ret->values[id] = text[1] ? text + 1 : next_word(c);
		if (!ret->values[id])
			diag_add(diag, DIAG_INVALID, nowhere, "-%c wants a value", *text);
		return;
	}
}

bool arguments_parse(int argc, char *const *argv, struct arguments *ret, struct diag *diag)
{
	struct cursor c = {.argv = argv, .argc = argc, .at = 1};
	bool only_words = false;
	*ret = (struct arguments){.words = xcalloc((size_t)argc + 1, sizeof(*ret->words))};
	for (; c.at < argc; c.at++) {
		const char *text = argv[c.at];
		if (only_words || text[0] != '-' || !text[1]) /* "-" is the standard input */
			ret->words[ret->n_words++] = text;
		else if (streq(text, "--"))
			only_words = true;
		else if (text[1] == '-')
			read_long(&c, text + 2, ret, diag);
		else
			read_letters(&c, text + 1, ret, diag);
	}
	return !diag_failed(diag);
}

void arguments_free(struct arguments *a)
{
	free(a->words);
	*a = (struct arguments){0};
}
