/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "remedy_lines.h"

#include "command.h"
#include "table.h"
#include "util.h"

char *remedy_lines(const json_t *object, const char *indent)
{
	_cleanup_(freep) char *command = text_whole(json_text(object, "remedy")),
			      *lasting = text_whole(json_text(object, "lasting"));
	const char *said = json_text(object, "advice");
	_cleanup_(freep) char *advice = strchr(said, '|') ? text_whole(said) : xstrdup(said); /* a pipe is for a shell */
	struct buf lines = {0};
	buf_printf(&lines, "%s", *command ? command : advice);
	if (*command && *advice)
		buf_printf(&lines, "\n%sor: %s", indent, advice);
	if (*lasting)
		buf_printf(&lines, "\n%sfor good: %s", indent, lasting);
	return buf_take(&lines);
}
