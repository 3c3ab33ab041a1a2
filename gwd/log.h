/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line per event to stderr: to a file with the time, to a terminal as it is, to anything else with the syslog priority
 * prefix ("<6>...") that journald and supervise-daemon's logger take. Control characters never reach the log. */
#ifndef LOG_H
#define LOG_H

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_NOTE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

void log_set_level(enum log_level);
void log_line(enum log_level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Every mistake with its place and source line, a line each. */
struct diag;
void log_diag(enum log_level, const struct diag *);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_note(...) log_line(LOG_NOTE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
