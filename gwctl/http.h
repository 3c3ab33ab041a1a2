/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One HTTP/1 request (RFC 9112), answered on a connection that somebody else accepted: a service manager's socket, inetd.
 * Enough for what fetches metrics, and nothing more. */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_REQUEST_MAX 8192 /* bytes of the request line and the headers */

/* Reads a request from `in`. The status it deserves: 200 for GET or HEAD of `path`, or 400, 404, 405, 408 (it did not come
 * in time), 431 or 505; 0: nobody asks. *ret_head: it is HEAD, which gets no page. */
int http_read(int in, const char *path, int milliseconds, bool *ret_head);
/* Answers with `page`, and reads on until the other side has it all. False when it did not take it, within ten times
 * `milliseconds`. */
bool http_write(int out, int status, const char *type, const char *page, size_t len, bool head, int milliseconds);
const char *http_reason(int status); /* "Not Found" */

#endif
