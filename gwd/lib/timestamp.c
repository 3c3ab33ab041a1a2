/* SPDX-License-Identifier: GPL-2.0-or-later */
/* strptime() takes what it likes and knows no offsets, so the form is compared character by character here; libc's
 * calendar then tells what is no day. */
#include "timestamp.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#define LATEST INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* `pattern` with digits in the places of its zeros; what follows, or NULL. */
static const char *match(const char *text, const char *pattern)
{
	for (; *pattern; pattern++, text++)
		if (*pattern == '0' ? !isdigit((unsigned char)*text) : *text != *pattern)
			return NULL;
	return text;
}

/* "Z", "+02:00", "-11:30": seconds to take away. */
static bool offset_parse(const char *text, int64_t *ret)
{
	bool minus = *text == '-';
	const char *end = match(text, minus ? "-00:00" : "+00:00");
	int hours, minutes;

	if (text[0] == 'Z' && !text[1]) {
		*ret = 0;
		return true;
	}
	if (!end || *end || sscanf(text + 1, "%2d:%2d", &hours, &minutes) != 2 || hours > 23 || minutes > 59)
		return false;
	*ret = (hours * 60 + minutes) * (minus ? -60 : 60);
	return true;
}

bool timestamp_parse(const char *text, int64_t *ret)
{
	const char *end = match(text, "0000-00-00T00:00:00");
	struct tm tm = {0}, real = {0};
	int64_t value, offset;
	time_t time;

	if (!end || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
			   &tm.tm_min, &tm.tm_sec) != 6)
		return false;
	if (*end == '.' && isdigit((unsigned char)end[1]))
		for (end++; isdigit((unsigned char)*end); end++)
			;
	if (!offset_parse(end, &offset))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	real = tm;
	time = timegm(&real); /* moves what is no date, such as February 30th, to one that is */
	if (real.tm_mon != tm.tm_mon || real.tm_hour != tm.tm_hour || real.tm_min != tm.tm_min ||
	    real.tm_sec != tm.tm_sec)
		return false;
	value = (int64_t)time - offset;
	if (value < 1 || value > LATEST)
		return false;
	*ret = value;
	return true;
}

const char *timestamp_text(int64_t value, char out[TIMESTAMP_TEXT_MAX])
{
	time_t time = (time_t)value;
	struct tm tm;

	if (!gmtime_r(&time, &tm) || !strftime(out, TIMESTAMP_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		out[0] = '\0';
	return out;
}
