/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sample is named after its family and what its type adds, so that no caller can get the suffix wrong. Values are whole
 * numbers: there is nothing else to tell. */
#include "metrics.h"

#include <inttypes.h>

static const struct {
	const char *name, *suffix;
} types[] = {
	[METRIC_GAUGE] = {"gauge", ""},
	[METRIC_COUNTER] = {"counter", "_total"},
};

void metrics_family(struct metrics *m, const char *name, enum metric_type type, const char *unit, const char *help)
{
	m->name = name;
	m->type = type;
	buf_printf(&m->text, "# TYPE %s %s\n", name, types[type].name);
	if (unit)
		buf_printf(&m->text, "# UNIT %s %s\n", name, unit);
	buf_printf(&m->text, "# HELP %s %s\n", name, help);
}

static void put_value(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			buf_add(out, "\\n", 2);
		else if (*text == '"' || *text == '\\')
			buf_printf(out, "\\%c", *text);
		else
			buf_add(out, text, 1);
	}
}

void metrics_sample(struct metrics *m, uint64_t value, ...)
{
	const char *before = "{", *label;
	va_list ap;

	buf_printf(&m->text, "%s%s", m->name, types[m->type].suffix);
	va_start(ap, value);
	while ((label = va_arg(ap, const char *))) {
		buf_printf(&m->text, "%s%s=\"", before, label);
		put_value(&m->text, va_arg(ap, const char *));
		buf_add(&m->text, "\"", 1);
		before = ",";
	}
	va_end(ap);
	buf_printf(&m->text, "%s %" PRIu64 "\n", *before == ',' ? "}" : "", value);
}

void metrics_end(struct metrics *m)
{
	buf_printf(&m->text, "# EOF\n");
}
