/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket is bound here and not by libuv, which truncates a long path in silence and hides errno. It gets its mode
 * from the umask, so that there is no moment between bind and chmod in which it has another. */
#include "control_socket.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"

#define SPARE_FDS 64 /* all that gwd opens besides clients */

static int failed(const char *path, const char *what, struct diag *diag)
{
	int error = errno;

	diag_add(diag, DIAG_INTERNAL, (struct loc){0}, "%s: %s: %s", path, what, strerror(error));
	return -error;
}

/* Nobody must be listening there; what a dead gwd left is removed. */
static int clear(const struct sockaddr_un *addr, struct diag *diag)
{
	_cleanup_(closep) int fd = -1;
	const char *path = addr->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : failed(path, "cannot look at the socket", diag);
	if (!S_ISSOCK(st.st_mode)) {
		diag_add(diag, DIAG_CONFLICT, (struct loc){0},
			 "%s: is there and is no socket; remove it, or choose another path", path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failed(path, "cannot make a socket", diag);
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN) {
		diag_add(diag, DIAG_BUSY, (struct loc){0}, "%s: another program answers there; is gwd running already?",
			 path);
		return -EADDRINUSE;
	}
	if (errno != ECONNREFUSED)
		return failed(path, "cannot tell whether the socket is in use", diag);
	return unlink(path) < 0 ? failed(path, "cannot remove the old socket", diag) : 0;
}

static int bind_at(int fd, const struct sockaddr_un *addr, struct diag *diag)
{
	_cleanup_(freep) char *copy = xstrdup(addr->sun_path);
	const char *dir = dirname(copy);
	mode_t mask = umask(022);
	int r = 0;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		r = failed(dir, "cannot make the directory of the socket", diag);
	umask(0111);
	if (!r && bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		r = failed(addr->sun_path, "cannot bind the socket", diag);
	umask(mask);
	return r;
}

int control_socket(const char *path, int backlog, int *ret_fd, struct diag *diag)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(path);

	if (!len || len >= sizeof(addr.sun_path)) {
		diag_add(diag, DIAG_INVALID, (struct loc){0},
			 "the path of the socket must have 1 to %zu bytes, this has %zu", sizeof(addr.sun_path) - 1,
			 len);
		return -ENAMETOOLONG;
	}
	memcpy(addr.sun_path, path, len);
	int r = clear(&addr, diag);
	if (r < 0)
		return r;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failed(path, "cannot make a socket", diag);
	r = bind_at(fd, &addr, diag);
	if (r == 0 && listen(fd, backlog) < 0) {
		r = failed(path, "cannot listen", diag);
		unlink(path);
	}
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

static gid_t group_id(const char *name)
{
	const struct group *group = getgrnam(name);

	return group ? group->gr_gid : (gid_t)-1;
}

void control_groups(struct control_groups *ret)
{
	ret->change = group_id("gwd");
	ret->look = group_id("gwd-read");
}

static enum access group_access(gid_t gid, const struct control_groups *groups)
{
	if (gid == (gid_t)-1)
		return ACCESS_NONE;
	return gid == groups->change ? ACCESS_CHANGE : gid == groups->look ? ACCESS_LOOK : ACCESS_NONE;
}

enum access control_peer(int fd, const struct control_groups *groups, struct caller *ret)
{
	_cleanup_(freep) gid_t *gids = NULL;
	struct ucred peer = {.uid = (uid_t)-1, .gid = (gid_t)-1};
	socklen_t len = sizeof(peer);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len); /* cannot fail on a connected Unix socket */
	*ret = (struct caller){.uid = peer.uid, .pid = peer.pid};
	if (peer.uid == 0 || peer.uid == geteuid())
		return ACCESS_CHANGE;

	enum access best = group_access(peer.gid, groups);
	len = 0; /* asks how many */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
		return best;
	gids = xmalloc(len);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &len) < 0)
		return best;
	for (size_t i = 0; i < len / sizeof(*gids); i++) {
		enum access access = group_access(gids[i], groups);
		best = access > best ? access : best;
	}
	return best;
}

size_t control_clients_allowed(void)
{
	struct rlimit limit = {0};
	rlim_t want = CONTROL_CLIENTS_MAX + SPARE_FDS;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < want) {
		limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= want)
		return CONTROL_CLIENTS_MAX;
	return limit.rlim_cur > 2 * SPARE_FDS ? limit.rlim_cur - SPARE_FDS : limit.rlim_cur / 2;
}
