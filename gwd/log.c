/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line is built whole and written with one call, so that lines of several processes on one stderr never mix.
 * Whatever could move a terminal's cursor or begin a forged line is escaped here, whoever the text came from. */
#include "log.h"

#include "diag.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "timestamp.h"
#include "util.h"

static enum log_level threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

static void escape(struct buf *out, const char *text)
{
	for (size_t n; *text; text += n ? n : 1) {
		n = text_span(text);
		if (n)
			buf_add(out, text, n);
		else
			buf_printf(out, "\\x%02x", (unsigned char)*text);
	}
}

static void add_beginning(struct buf *line, enum log_level level)
{
	struct stat st;
	char now[TIMESTAMP_TEXT_MAX];

	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		buf_printf(line, "%s ", timestamp_text(time(NULL), now));
	else if (!isatty(STDERR_FILENO))
		buf_printf(line, "<%d>", (int)level);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(buf_free) struct buf line = {0};
	va_list ap;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);

	add_beginning(&line, level);
	escape(&line, text);
	buf_add(&line, "\n", 1);
	ssize_t n = write(STDERR_FILENO, line.data, line.len);
	(void)n; /* there is nobody left to tell */
}

void log_diag(enum log_level level, const struct diag *diag)
{
	_cleanup_(freep) char *text = diag_text(diag);

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		if (*line)
			log_line(level, "%s", line);
}
