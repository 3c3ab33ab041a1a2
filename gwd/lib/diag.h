/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors with the place they come from, collected so that a user sees all of them in one run.
 * Data moves from file to kernel; only a diag travels back. */
#ifndef DIAG_H
#define DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A place in what a user wrote. `file` is borrowed and outlives every loc that names it (see diag_file);
 * NULL = no place. Lines and columns count from 1; 0 = unknown. */
struct loc {
	const char *file;
	uint32_t line, col;
};

/* What kind of refusal it is; becomes the Varlink error (INTERFACE section 5) and the exit status. */
enum diag_kind {
	DIAG_INVALID = 0, /* the text is wrong */
	DIAG_CONFLICT,    /* something else occupies it */
	DIAG_NOT_FOUND,
	DIAG_DECLARED,    /* it stands in the file; change it there */
	DIAG_DENIED,
	DIAG_BUSY,
	DIAG_PENDING,     /* it touches what is not confirmed yet */
	DIAG_KERNEL,      /* the kernel refused */
	DIAG_INTERNAL,    /* disk, database, bug */
};

struct mistake {
	struct loc loc;
	char *message; /* "web: unknown key 'prot', did you mean 'proto'?" */
	char *source;  /* the line of the file, or NULL */
};

struct diag {
	enum diag_kind kind; /* of the first mistake */
	struct mistake *mistakes;
	size_t n, capacity;
	size_t omitted; /* mistakes past DIAG_MAX; the last one then says "and N more mistakes" */
	char **warnings; /* said, but nothing is refused for them */
	size_t n_warnings, warnings_capacity, omitted_warnings;
	const char *subject; /* borrowed, NULL = none: what the next mistakes are about; "web" makes "web: ..." */
};

#define DIAG_MAX 100          /* mistakes kept, and warnings kept */
#define DIAG_MESSAGE_MAX 1024 /* bytes of one, NUL included; longer ones are cut */
#define DIAG_SOURCE_MAX 200   /* bytes of a source line that are kept */

/* Control characters and what is not UTF-8 become '?' in both. */

void diag_add(struct diag *, enum diag_kind, struct loc, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void diag_warn(struct diag *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* How many mistakes were added so far, kept or not: tells whether a step added some. */
static inline size_t diag_count(const struct diag *d)
{
	return d->n + d->omitted;
}
static inline bool diag_failed(const struct diag *d)
{
	return d->n > 0;
}

/* Fills `source` of every mistake whose loc.file is `file` from the file's text. */
void diag_attach_source(struct diag *, const char *file, const char *text, size_t len);

/* All mistakes as a terminal shows them: "file:line:col: message", source line, caret.
 * Control characters of the source are shown as '?' (tabs stay). The string is the caller's. */
char *diag_text(const struct diag *);

void diag_free(struct diag *); /* contents only; usable again afterwards */

/* Interned copy of a file name, fit for a terminal, that lives as long as the process. Bounded: past 1000 names all are
 * "(file)". */
const char *diag_file(const char *name);
/* A copy that lives until the next call: for what strangers name and nobody keeps. */
const char *diag_file_once(const char *name);

/* The candidate nearest to `word` by edit distance, or NULL when none is close (for "did you mean"). */
const char *diag_nearest(const char *word, const char *const *candidates, size_t n);

#endif
