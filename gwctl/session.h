/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which login this command was typed in: what comes over one that is still open proves nothing about a new one. */
#ifndef SESSION_H
#define SESSION_H

/* A text that no other ssh login has; NULL without ssh. Caller's string. */
char *session_find(void);

#endif
