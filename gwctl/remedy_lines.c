/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "remedy_lines.h"

#include "command.h"
#include "util.h"

char *remedy_lines(const json_t *object, const char *indent)
{
	const char *command = json_text(object, "remedy"), *lasting = json_text(object, "lasting"),
		   *advice = json_text(object, "advice");
	struct buf lines = {0};
	buf_printf(&lines, "%s", *command ? command : advice);
	if (*command && *advice)
		buf_printf(&lines, "\n%sor: %s", indent, advice);
	if (*lasting)
		buf_printf(&lines, "\n%sfor good: %s", indent, lasting);
	return buf_take(&lines);
}
