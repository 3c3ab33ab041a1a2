/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Holds replies against the interface description: what it does not say must not be there, what it says must. */
#ifndef VARLINK_TYPES_H
#define VARLINK_TYPES_H

#include <ctype.h>
#include <string.h>

#include "util.h"
#include "varlink.h"

static inline const char *types_skip(const char *s)
{
	for (; isspace((unsigned char)*s) || *s == '#'; s += *s != '\0')
		if (*s == '#')
			s += strcspn(s, "\n");
	return s;
}

static inline size_t types_word(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

static inline const char *types_past(const char *s) /* the type at `s` */
{
	int depth = 0;

	s += strspn(s, "?[]");
	if (*s != '(')
		return s + types_word(s);
	do {
		if (*s == '#')
			s += strcspn(s, "\n");
		depth += (*s == '(') - (*s == ')');
	} while (*s++ && depth);
	return s;
}

/* Where KIND NAME stands in the description, after the name; NULL when it does not. */
static inline const char *types_find(const char *kind, const char *name)
{
	_cleanup_(freep) char *line = xasprintf("\n%s %s", kind, name);

	for (const char *s = varlink_description; (s = strstr(s, line)); s++)
		if (!types_word(s + strlen(line)))
			return types_skip(s + strlen(line));
	return NULL;
}

static inline void types_assert(const char *type, const json_t *value, const char *where);

static inline void types_assert_struct(const char *s, const json_t *value, const char *where)
{
	size_t known = 0;

	if (!json_is_object(value))
		fail_msg("%s is no object", where);
	for (s = types_skip(s + 1); *s && *s != ')';) {
		_cleanup_(freep) char *name = xstrndup(s, types_word(s));
		_cleanup_(freep) char *below = xasprintf("%s.%s", where, name);
		const json_t *member = json_object_get(value, name);

		s = types_skip(types_skip(s + strlen(name)) + 1);
		known += member != NULL;
		types_assert(s, member, below);
		s = types_skip(types_past(s));
		s = types_skip(s + (*s == ','));
	}
	if (known != json_object_size(value)) {
		_cleanup_(freep) char *text = json_dumps(value, 0);
		fail_msg("%s has more than the description says: %s", where, text);
	}
}

static inline void types_assert(const char *type, const json_t *value, const char *where)
{
	_cleanup_(freep) char *name = xstrndup(type, types_word(type));
	bool fits = true;

	if (*type == '?') {
		if (value)
			types_assert(type + 1, value, where);
		return;
	}
	if (!value)
		fail_msg("%s is missing", where);
	if (*type == '(') {
		types_assert_struct(type, value, where);
	} else if (*type == '[') {
		fits = json_is_array(value);
		for (size_t i = 0; i < json_array_size(value); i++)
			types_assert(type + 2, json_array_get(value, i), where);
	} else if (streq(name, "string")) {
		fits = json_is_string(value);
	} else if (streq(name, "int")) {
		fits = json_is_integer(value);
	} else if (streq(name, "bool")) {
		fits = json_is_boolean(value);
	} else {
		const char *alias = types_find("type", name);
		assert_non_null(alias);
		types_assert(alias, value, where);
	}
	if (!fits)
		fail_msg("%s is not of type %s", where, name);
}

/* The parameters of a reply of the method, or of an error. */
static inline void types_assert_reply(const char *method, const json_t *reply)
{
	const char *error = json_string_value(json_object_get(reply, "error"));
	const char *s;

	if (error && strncmp(error, "org.gwd.Gateway.", 16) != 0)
		return; /* not of this description */
	s = error ? types_find("error", error + 16) : types_find("method", method);
	assert_non_null(s);
	if (!error)
		s = types_skip(types_skip(types_past(s)) + 2); /* -> */
	types_assert(s, json_object_get(reply, "parameters"), error ? error : method);
}

#endif
