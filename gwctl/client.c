/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command does one thing and ends, so plain blocking calls with the socket's own timeouts do; there is nothing a loop
 * could do in the meantime. A reply is read also when sending fails: gwd says why it cuts a client before it does. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"
#include "wire.h"

#define READ_SIZE 65536
#define PATH_LONGEST (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)
#define ALIVE_MS 1000

struct client {
	int fd;
	struct wire_in in;
	const char *held; /* what is over when it ends; NULL: it answers in time */
	char *path;
	pid_t pid; /* of who listens there */
};

static const struct loc nowhere;

static const struct { /* by the name that org.gwd.Gateway gives it */
	const char *name;
	enum diag_kind kind;
} errors[] = {
	{"Invalid", DIAG_INVALID},   {"Conflict", DIAG_CONFLICT}, {"NotFound", DIAG_NOT_FOUND},
	{"Declared", DIAG_DECLARED}, {"Denied", DIAG_DENIED},     {"Pending", DIAG_PENDING},
	{"Busy", DIAG_BUSY},         {"Kernel", DIAG_KERNEL},     {"Internal", DIAG_INTERNAL},
};

static int set_timeout(int fd, unsigned seconds)
{
	struct timeval tv = {.tv_sec = seconds};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
		return -errno;
	return 0;
}

static int explain_connect(const char *path, int error, struct diag *diag)
{
	if (error == ENOENT || error == ECONNREFUSED)
		diag_add(diag, DIAG_INTERNAL, nowhere,
			 "gwd is not running: systemctl start gwd | rc-service gwd start%s%s%s",
			 streq(path, WIRE_SOCKET_DEFAULT) ? "" : " (nobody listens at ",
			 streq(path, WIRE_SOCKET_DEFAULT) ? "" : path, streq(path, WIRE_SOCKET_DEFAULT) ? "" : ")");
	else if (error == EACCES || error == EPERM)
		diag_add(diag, DIAG_DENIED, nowhere, "permission denied: this user may not open %s; try sudo gwctl",
			 path);
	else if (error == EAGAIN)
		diag_add(diag, DIAG_BUSY, nowhere, "gwd does not take connections at %s: it is busy or stuck", path);
	else
		diag_add(diag, DIAG_INTERNAL, nowhere, "cannot reach gwd at %s: %s", path, strerror(error));
	return -error;
}

/* A descriptor, or -errno. */
static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, path, strlen(path) + 1);
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || set_timeout(fd, CLIENT_TIMEOUT) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

static pid_t listener_of(int fd)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? 0 : peer.pid;
}

int client_open(const char *path, struct client **ret, struct diag *diag)
{
	if (!*path || strlen(path) > PATH_LONGEST) {
		diag_add(diag, DIAG_INVALID, nowhere, "the path of a socket has 1 to %zu bytes: '%s'", PATH_LONGEST,
			 path);
		return -ENAMETOOLONG;
	}
	_cleanup_(closep) int fd = dial(path);
	if (fd < 0)
		return explain_connect(path, -fd, diag);
	struct client *client = xcalloc(1, sizeof(*client));
	client->path = xstrdup(path);
	client->pid = listener_of(fd);
	client->fd = take_fd(&fd);
	*ret = client;
	return 0;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	close(client->fd);
	free(client->path);
	wire_in_free(&client->in);
	free(client);
}

void client_freep(struct client **client)
{
	client_free(*client);
}

void client_hold(struct client *client, const char *over)
{
	client->held = over;
	set_timeout(client->fd, 0);
}

/* The gwd that we had: a client that says nothing is left alone by it, while one that ends takes nobody on any more. */
static bool still_there(const struct client *client)
{
	_cleanup_(closep) int fd = dial(client->path);
	struct pollfd end = {.fd = fd, .events = POLLIN};
	return fd >= 0 && listener_of(fd) == client->pid && poll(&end, 1, ALIVE_MS) == 0;
}

static int gone(const struct client *client, int error, struct diag *diag)
{
	if (client->held)
		diag_add(diag, DIAG_INTERNAL, nowhere, "%s: %s",
			 still_there(client) ? "gwd has cut us, as nobody read what it said" : "gwd has ended",
			 client->held);
	else if (error == EAGAIN)
		diag_add(diag, DIAG_BUSY, nowhere,
			 "gwd does not answer; see gwctl history for whether a change was made");
	else
		diag_add(diag, DIAG_INTERNAL, nowhere, "gwd closed the connection before it answered%s%s",
			 error ? ": " : "", error ? strerror(error) : "");
	return error ? -error : -ECONNRESET;
}

/* 0 also when gwd has hung up: what it said before is still to be read. */
static int send_all(struct client *client, const struct buf *out, struct diag *diag)
{
	for (size_t sent = 0; sent < out->len;) {
		ssize_t n = send(client->fd, out->data + sent, out->len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EPIPE || errno == ECONNRESET ? 0 : gone(client, errno, diag);
		sent += (size_t)n;
	}
	return 0;
}

/* Who hears the replies: of a list its rows, of anything else the parameters. */
struct hearer {
	client_each each;
	const char *list; /* NULL: none */
	reply_row row;
	void *ctx;
};

/* The reply, but for the rows that were given to who hears them; NULL when it is none. New reference. */
static json_t *read_reply(const char *text, size_t len, const struct hearer *h)
{
	_cleanup_(buf_free) struct buf rest = {0};
	if (!h->list)
		return json_loadb(text, len, 0, NULL);
	if (strlen(text) != len || !reply_rows(text, h->list, h->row, h->ctx, &rest))
		return NULL;
	return json_loadb(rest.data, rest.len, 0, NULL);
}

static int receive(struct client *client, const struct hearer *h, json_t **ret, struct diag *diag)
{
	const char *text;
	size_t len;
	int r;
	while ((r = wire_in_next(&client->in, &text, &len)) == 0) {
		char data[READ_SIZE];
		ssize_t n = recv(client->fd, data, sizeof(data), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return gone(client, n < 0 ? errno : 0, diag);
		wire_in_add(&client->in, data, (size_t)n);
	}
	json_auto_t *reply = r > 0 ? read_reply(text, len, h) : NULL;
	if (!json_is_object(reply)) {
		diag_add(diag, DIAG_INTERNAL, nowhere, "what answers is not gwd: no Varlink reply came back");
		return -EBADMSG;
	}
	*ret = TAKE_PTR(reply);
	return 0;
}

void client_mistakes(const json_t *mistakes, enum diag_kind kind, struct diag *diag)
{
	size_t i;
	json_t *given;
	json_array_foreach (mistakes, i, given) {
		const char *file = json_string_value(json_object_get(given, "file"));
		const char *message = json_string_value(json_object_get(given, "message"));
		struct loc loc = {
			.file = file ? diag_file(file) : NULL,
			.line = (uint32_t)json_integer_value(json_object_get(given, "line")),
			.col = (uint32_t)json_integer_value(json_object_get(given, "column")),
		};
		size_t before = diag->n;
		diag_add(diag, kind, loc, "%s", message ? message : "?");
		if (diag->n == before) /* gwd cuts the list where we would: the last one counts the rest */
			return;
		struct mistake *m = &diag->mistakes[before];
		m->source = xstrdup(json_string_value(json_object_get(given, "source")));
		if (message && !streq(m->message, message)) {
			free(m->message);
			m->message = xstrdup(message);
		}
	}
}

/* gwd's own errors carry their mistakes; the rest are Varlink's, and mean that the two do not fit together. */
static int refused(const char *error, const char *method, const json_t *parameters, struct diag *diag)
{
	size_t prefix = strlen(WIRE_INTERFACE ".");
	if (strncmp(error, WIRE_INTERFACE ".", prefix) == 0) {
		enum diag_kind kind = DIAG_INTERNAL;
		for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
			if (streq(errors[i].name, error + prefix))
				kind = errors[i].kind;
		client_mistakes(json_object_get(parameters, "mistakes"), kind, diag);
	} else if (streq(error, "org.varlink.service.InvalidParameter")) {
		const char *name = json_string_value(json_object_get(parameters, "parameter"));
		diag_add(diag, DIAG_INVALID, nowhere, "gwd does not take '%s' as part of %s", name ? name : "?",
			 method);
	} else if (strncmp(error, "org.varlink.service.", strlen("org.varlink.service.")) == 0) {
		diag_add(diag, DIAG_INTERNAL, nowhere,
			 "this gwd does not know %s: is it of another version than gwctl?", method);
	}
	if (!diag_failed(diag))
		diag_add(diag, DIAG_INTERNAL, nowhere, "gwd answered %s to %s", error, method);
	return -EREMOTEIO;
}

static int send_call(struct client *client, const char *method, json_t *parameters, bool more, struct diag *diag)
{
	_cleanup_(buf_free) struct buf out = {0};
	json_auto_t *call = json_pack("{s:s+, s:o}", "method", WIRE_INTERFACE ".", method, "parameters",
				      parameters ? parameters : json_object());
	if (more)
		json_object_set_new(call, "more", json_true());
	wire_out(&out, call);
	if (out.len - 1 > WIRE_MESSAGE_MAX) {
		diag_add(diag, DIAG_INVALID, nowhere, "too big to send: %zu bytes, gwd takes at most %u", out.len - 1,
			 WIRE_MESSAGE_MAX);
		return -EREMOTEIO; /* as good as refused: nothing was sent */
	}
	return send_all(client, &out, diag);
}

static int call(struct client *client, const char *method, json_t *parameters, bool more, unsigned seconds,
		const struct hearer *h, struct diag *diag)
{
	set_timeout(client->fd, seconds);
	int r = send_call(client, method, parameters, more, diag);
	for (bool continues = true; r == 0 && continues;) {
		json_auto_t *reply = NULL;
		r = receive(client, h, &reply, diag);
		if (r < 0)
			return r;
		const char *error = json_string_value(json_object_get(reply, "error"));
		const json_t *given = json_object_get(reply, "parameters");
		if (error)
			r = refused(error, method, given, diag);
		else if (h->each)
			h->each(h->ctx, given);
		continues = more && json_is_true(json_object_get(reply, "continues"));
	}
	return r;
}

int client_call(struct client *client, const char *method, json_t *parameters, bool more, unsigned seconds,
		client_each each, void *ctx, struct diag *diag)
{
	return call(client, method, parameters, more, seconds, &(struct hearer){.each = each, .ctx = ctx}, diag);
}

int client_list(struct client *client, const char *method, json_t *parameters, unsigned seconds, const char *name,
		reply_row each, void *ctx, struct diag *diag)
{
	return call(client, method, parameters, true, seconds,
		    &(struct hearer){.list = name, .row = each, .ctx = ctx}, diag);
}
