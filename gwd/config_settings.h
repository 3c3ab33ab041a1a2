/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of gwd.yaml's top level. For config.c only. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config.h"
#include "config_keys.h"

/* An interface or pattern that the file names, and where. */
struct named_interface {
	const char *key; /* "wan", "lan", "dmz" */
	char *name;
	struct loc loc;
};

struct settings_reader { /* the ctx of settings_keys' readers */
	struct settings *settings;
	bool extra; /* reading a file of gwd.d */
	bool lan_named;
	struct loc policy;  /* where it is said, for the rules between keys */
	struct loc gateway; /* the first one in gwd.d */
	struct named_interface *named;
	size_t n_named, capacity, open_capacity;
};
void settings_reader_free(struct settings_reader *); /* all but the settings */

extern const struct keys settings_keys;
/* The rules between the keys, once all documents are read. */
void settings_reader_finish(const struct settings_reader *, struct diag *);

#endif
