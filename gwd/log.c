/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line is built whole and written with one call, so that lines of several processes on one stderr never mix.
 * Whatever could move a terminal's cursor or begin a forged line is escaped here, whoever the text came from. */
#include "log.h"

#include "diag.h"

#include <stdbool.h>
#include <stdint.h>
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

/* Bytes of the UTF-8 character at `s` (RFC 3629), 0 = none, or one of the control characters U+0080..U+009F. */
static size_t utf8_len(const unsigned char *s)
{
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	static const uint32_t smallest[] = {0xa0, 0x800, 0x10000};

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	uint32_t c = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < smallest[len - 2] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff ? 0 : len;
}

static void escape(struct buf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t len = *s < 0x80 ? (*s >= 0x20 && *s != 0x7f) : utf8_len(s);

		if (len)
			buf_add(out, s, len);
		else
			buf_printf(out, "\\x%02x", *s);
		s += len ? len : 1;
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
