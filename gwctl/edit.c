/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The copy lies beside the file, so that renameat2(2) can put it in its place in one step. Its name ends in .yaml, by which
 * editors know what it is; what begins with a dot is nobody's configuration. */
#include "edit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SUFFIX ".yaml"
#define ACCESS_LIST "system.posix_acl_access"
#define LABEL "security.selinux"
#define TEXT_MAX (64u << 20)

/* ---- Files ---------------------------------------------------------------------------------------- */

static char *directory_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	return slash ? xstrndup(file, (size_t)(slash - file) + 1) : xstrdup("./");
}

static int write_new(int fd, const struct buf *text)
{
	for (size_t done = 0; done < text->len;) {
		ssize_t n = write(fd, text->data + done, text->len - done);
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int read_before(struct edit *e)
{
	int r = file_read(e->file, TEXT_MAX, &e->before);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	return stat(e->file, &e->was) < 0 ? -errno : 0;
}

int edit_begin(const char *file, struct edit *ret)
{
	char real[PATH_MAX];
	struct edit e = {.file = xstrdup(realpath(file, real) ? real : file)};
	_cleanup_(freep) char *directory = directory_of(e.file);
	e.copy = xasprintf("%s.%s.XXXXXX" SUFFIX, directory, e.file + (strrchr(e.file, '/') ? strlen(directory) : 0));
	int r = read_before(&e);
	_cleanup_(closep) int fd = r == 0 ? mkostemps(e.copy, (int)strlen(SUFFIX), O_CLOEXEC) : -1;
	if (r == 0)
		r = fd < 0 ? -errno : write_new(fd, &e.before);
	if (r < 0) {
		if (fd >= 0)
			unlink(e.copy);
		edit_free(&e);
		return r;
	}
	*ret = e;
	return 0;
}

void edit_free(struct edit *e)
{
	free(e->file);
	free(e->copy);
	buf_free(&e->before);
	*e = (struct edit){0};
}

void edit_discard(struct edit *e)
{
	unlink(e->copy);
}

static bool says(const char *file, const struct buf *text)
{
	_cleanup_(buf_free) struct buf now = {0};
	return file_read(file, TEXT_MAX, &now) == 0 && now.len == text->len &&
	       (now.len == 0 || memcmp(now.data, text->data, now.len) == 0);
}

bool edit_changed(const struct edit *e)
{
	return !says(e->copy, &e->before);
}

/* Not those that vouch for what was written (security.ima), which would be a lie. */
static bool is_kept(const char *attribute)
{
	static const char *const kept[] = {ACCESS_LIST, LABEL, "user.", "trusted."};
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (strncmp(attribute, kept[i], strlen(kept[i])) == 0)
			return true;
	return false;
}

static int copy_attribute(const char *file, const char *name, int fd)
{
	_cleanup_(freep) char *value = NULL;
	ssize_t len = getxattr(file, name, NULL, 0);
	value = xmalloc(len > 0 ? (size_t)len : 1);
	len = len < 0 ? len : getxattr(file, name, value, (size_t)len);
	if (len >= 0 && fsetxattr(fd, name, value, (size_t)len, 0) == 0)
		return 0;
	return streq(name, LABEL) && (errno == EPERM || errno == EACCES) ? 0 : -errno; /* the directory gives one */
}

/* Access lists among them. A file system without any has none to keep. */
static int copy_attributes(const char *file, int fd)
{
	_cleanup_(freep) char *names = NULL;
	ssize_t len = listxattr(file, NULL, 0);
	if (len <= 0)
		return len < 0 && errno != ENOTSUP ? -errno : 0;
	names = xmalloc((size_t)len);
	len = listxattr(file, names, (size_t)len);
	int r = len < 0 ? -errno : 0;
	for (const char *name = names; r == 0 && name < names + len; name += strlen(name) + 1)
		r = is_kept(name) ? copy_attribute(file, name, fd) : 0;
	return r;
}

/* What it has of the directory's default list: the mode would give it life. */
static int drop_access_list(int fd)
{
	return fremovexattr(fd, ACCESS_LIST) < 0 && errno != ENODATA && errno != ENOTSUP ? -errno : 0;
}

/* Rights first, from the narrowest: nobody sees it with others. */
static int prepare(const struct edit *e)
{
	bool there = e->was.st_ino;
	_cleanup_(closep) int fd = open(e->copy, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (there && fchown(fd, e->was.st_uid, e->was.st_gid) < 0)
		return -errno;
	int r = there ? drop_access_list(fd) : 0;
	if (there && r == 0)
		r = copy_attributes(e->file, fd);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	return fchmod(fd, there ? e->was.st_mode & 07777 : 0644) < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* On a file system without the exchange, or where the call is forbidden. */
static int replace(const struct edit *e)
{
	if (e->was.st_ino ? !says(e->file, &e->before) : access(e->file, F_OK) == 0)
		return -ESTALE;
	return rename(e->copy, e->file) < 0 ? -errno : 0;
}

static int rename_as(const char *from, const char *to, unsigned how) /* renameat2(2), which musl does not have */
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, how) < 0 ? -errno : 0;
}

/* What is taken away is looked at after it was taken: between a look and a rename it could still change. */
static int exchange(const struct edit *e)
{
	unsigned how = e->was.st_ino ? RENAME_EXCHANGE : RENAME_NOREPLACE;
	int r = rename_as(e->copy, e->file, how);
	if (r == -EINVAL || r == -ENOSYS)
		return replace(e);
	if (r < 0 || !e->was.st_ino)
		return r == -ENOENT || r == -EEXIST ? -ESTALE : r;
	if (says(e->copy, &e->before))
		return unlink(e->copy) < 0 ? -errno : 0;
	r = rename_as(e->copy, e->file, how);
	return r < 0 ? r : -ESTALE;
}

int edit_install(struct edit *e)
{
	_cleanup_(freep) char *directory = directory_of(e->file);
	int r = prepare(e);
	if (r == 0)
		r = exchange(e);
	if (r < 0)
		return r;
	_cleanup_(closep) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd); /* it is in place already */
	return 0;
}

/* ---- The editor ----------------------------------------------------------------------------------- */

static const char *editor(void)
{
	const char *visual = getenv("VISUAL"), *plain = getenv("EDITOR");
	if (visual && *visual)
		return visual;
	return plain && *plain ? plain : "vi";
}

/* Ctrl-C belongs to the editor while it runs. */
int edit_run(const struct edit *e, unsigned line)
{
	_cleanup_(freep) char *command = xasprintf("%s \"$@\"", editor()), *at = xasprintf("+%u", line);
	struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit;
	int status;
	sigaction(SIGINT, &ignore, &interrupt);
	sigaction(SIGQUIT, &ignore, &quit);
	pid_t pid = fork();
	if (pid == 0) {
		sigaction(SIGINT, &interrupt, NULL);
		sigaction(SIGQUIT, &quit, NULL);
		execl("/bin/sh", "sh", "-c", command, "editor", line ? at : e->copy, line ? e->copy : NULL, NULL);
		_exit(127);
	}
	int error = errno;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGQUIT, &quit, NULL);
	if (pid < 0)
		return -error;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
