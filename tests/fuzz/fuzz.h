/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzz targets share (libFuzzer, llvm.org/docs/LibFuzzer.html): a gwd over the fake kernel with files of its own, in
 * the namespaces of tests/sandbox, without which nothing runs. A broken promise ends the program by abort(). */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boottime.h"
#include "compile.h"
#include "fake_conntrack.h"
#include "fake_kernel.h"
#include "fake_listeners.h"
#include "gwd.h"
#include "log.h"
#include "sysctl.h"
#include "util.h"
#include "wallclock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define PROMISE(what)                                                                                                  \
	do {                                                                                                           \
		if (!(what)) {                                                                                         \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #what);                     \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* May go to a terminal, line by line; tabs of a source line stay. */
static inline void promise_clean(const char *text)
{
	_cleanup_(freep) char *copy = xstrdup(text);

	text_clean(copy, "\t\n");
	PROMISE(streq(copy, text));
}

static inline void write_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	PROMISE(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
}

static inline void write_text(const char *path, const char *text)
{
	write_file(path, text, strlen(text));
}

/* ---- A gwd ----------------------------------------------------------------------------------------- */

struct place {
	char *dir, *config, *state, *db, *wal;
	struct gwd_options options;
	struct gwd *gwd;
};

/* Everything as on a machine that never had a gwd, always at the same time. */
static inline void place_clear(struct place *p)
{
	static const char *const off[] = {"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"};

	wallclock_fake(1795000000);
	boottime_fake(86400000);
	for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
		_cleanup_(freep) char *path = xasprintf("%s/sys/%s", p->dir, off[i]);

		write_text(path, "0\n");
	}
	fake_kernel_reset();
	fake_listeners_reset();
	fake_conntrack_reset();
	unlink(p->config);
	unlink(p->db);
	unlink(p->wal);
}

static inline void place_make(struct place *p)
{
	static const char tree[] = "mkdir -p %s/gwd.d %s/state %s/sys/net/ipv4/conf/all %s/sys/net/ipv6/conf/all "
				   "%s/sys/net/ipv6/conf/default";
	const char *tmp = getenv("TMPDIR");

	if (!getenv("GWD_SANDBOX") || !tmp) {
		fputs("fuzz targets run in tests/sandbox: make fuzz\n", stderr);
		exit(2);
	}
	log_set_level(getenv("GWD_VERBOSE") ? LOG_DEBUG : 0);
	p->dir = xasprintf("%s/gwd-fuzz-XXXXXX", tmp);
	PROMISE(mkdtemp(p->dir));
	_cleanup_(freep) char *command = xasprintf(tree, p->dir, p->dir, p->dir, p->dir, p->dir);
	_cleanup_(freep) char *sys = xasprintf("%s/sys", p->dir);
	PROMISE(system(command) == 0);
	sysctl_set_root(sys);
	p->config = xasprintf("%s/gwd.yaml", p->dir);
	p->state = xasprintf("%s/state", p->dir);
	p->db = xasprintf("%s/state.db", p->state);
	p->wal = xasprintf("%s-wal", p->db);
	p->options = (struct gwd_options){p->config, p->state};
}

static inline bool place_start(struct place *p)
{
	_cleanup_(diag_free) struct diag diag = {0};

	p->gwd = NULL;
	return gwd_start(&p->options, &p->gwd, &diag) == 0;
}

static inline void place_stop(struct place *p)
{
	gwd_stop(p->gwd);
	p->gwd = NULL;
}

/* What runs is what a fresh start would make of the database and the file: it has nothing to do, but to adopt a table that
 * is owned. */
static inline void promise_settled(struct place *p)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(buf_free) struct buf table = {0};
	struct gwd_status status = {0};

	place_stop(p);
	buf_printf(&table, "%s", "");
	ruleset_text(&table, fake_kernel_ruleset());
	promise_clean(table.data); /* nft lists it so */
	PROMISE(place_start(p));
	PROMISE(gwd_status(p->gwd, &status, &diag) == 0);
	PROMISE(status.netlink->batches == 0 || !streq(status.ownership, "plain"));
}

#endif
