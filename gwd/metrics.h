/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text format of OpenMetrics 1.0, which Prometheus and others read: families with their type and help, samples with
 * labels. What is measured is the caller's business. Pure. */
#ifndef METRICS_H
#define METRICS_H

#include <stdint.h>

#include "util.h"

/* Only types that the older format of Prometheus has, too: node_exporter refuses a file with another. */
enum metric_type { METRIC_GAUGE, METRIC_COUNTER };

struct metrics {
	struct buf text;  /* so far; owned */
	const char *name; /* of the family that samples belong to */
	enum metric_type type;
};

/* All static texts. `unit` ("seconds", "bytes") is NULL or the end of `name`; a counter's name is without "_total". */
void metrics_family(struct metrics *, const char *name, enum metric_type, const char *unit, const char *help);
/* One of the latest family. Label, its value, and so on, NULL at the end. */
void metrics_sample(struct metrics *, uint64_t value, ...) __attribute__((sentinel));
void metrics_end(struct metrics *);

#endif
