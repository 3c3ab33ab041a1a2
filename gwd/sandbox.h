/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What gwd takes from itself for good once it runs: files outside its directories (Landlock, landlock(7)), and every
 * system call that it has no use for (seccomp, through libseccomp). What the kernel lacks is said in the log and is no
 * error: the user gwd, its one capability and no_new_privs hold all the same. For main; others only pass on what it
 * returned. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>

enum sandbox_mode {
	SANDBOX_ON,     /* a call that is not in the list fails with ENOSYS, and the kernel's log says so */
	SANDBOX_STRICT, /* it ends gwd, which names it: for tests */
	SANDBOX_OFF,    /* for debuggers */
};

enum sandbox_layer { SANDBOX_LANDLOCK = 1, SANDBOX_SECCOMP = 2 };

struct sandbox_places {
	const char *config_path; /* read: its directory and gwd.d, and where symbolic links there lead now */
	const char *state_dir;   /* read and written */
	const char *socket;      /* removed at the end */
};

bool sandbox_mode_parse(const char *text, enum sandbox_mode *ret); /* "on", "strict", "off" */
/* Before the loop is made: no new privileges, and no io_uring, whose operations no filter sees. */
void sandbox_begin(enum sandbox_mode);
/* When all is open that stays open. Logs which layers are there, and returns them: bits of enum sandbox_layer. */
unsigned sandbox_enter(enum sandbox_mode, const struct sandbox_places *);

#endif
