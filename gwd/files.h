/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gwd.yaml and gwd.d as they are on disk. */
#ifndef FILES_H
#define FILES_H

#include "config.h"

#define FILES_MAX (64u << 20) /* bytes of one file */

/* gwd.yaml at `path` (absent = empty) and the .yaml files of gwd.d beside it, in name order. Messages show paths relative to that
 * directory ("gwd.yaml", "gwd.d/10-web.yaml"). `text` not NULL stands in for gwd.yaml and is shown as `shown`
 * (diag_file or diag_file_once; NULL = gwd.yaml).
 * NULL plus diag when a file cannot be read. */
struct documents *files_read(const char *path, const char *text, size_t len, const char *shown, struct diag *);

#endif
