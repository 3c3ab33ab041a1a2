/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings are read and written as the files they are, under /proc/sys of the network namespace we run in: names are
 * paths with '/', so an interface called "eth0.10" needs no quoting. Everything is read before it is written, because
 * writing forwarding has side effects even when it changes nothing that we wanted changed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "sysctl.h"
#include "util.h"

#define ROOT "/proc/sys"
#define CONF6 "net/ipv6/conf"
#define SYSCTL_MAX 4096 /* bytes of one file */

static char *root; /* NULL: ROOT */

/* Every change asks for the same few values, and to open a file costs ten times what reading it does: the latest ones stay
 * open. That of an interface which is gone answers with an error for good, and is opened anew. */
enum { KEPT_MAX = 8 };
static struct kept {
	char *name;
	int fd;
} kept[KEPT_MAX];
static size_t next_kept;

void sysctl_set_root(const char *path)
{
	free(root);
	root = xstrdup(path);
	for (size_t i = 0; i < KEPT_MAX; i++) {
		if (kept[i].name)
			close(kept[i].fd);
		free(TAKE_PTR(kept[i].name));
	}
}

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", root ? root : ROOT, name);
}

static int keep_open(const char *name, size_t at)
{
	_cleanup_(freep) char *path = path_of(name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (kept[at].name)
		close(kept[at].fd);
	free(kept[at].name);
	kept[at] = (struct kept){xstrdup(name), fd};
	return 0;
}

/* Up to size - 1 bytes and a NUL: how many, or -errno. */
static ssize_t read_kept(const char *name, char *text, size_t size)
{
	size_t at = 0;
	ssize_t n = -1;
	int r;

	while (at < KEPT_MAX && !str_same(kept[at].name, name))
		at++;
	if (at < KEPT_MAX)
		n = pread(kept[at].fd, text, size - 1, 0);
	else
		at = next_kept++ % KEPT_MAX;
	if (n < 0) {
		r = keep_open(name, at);
		if (r < 0)
			return r;
		n = pread(kept[at].fd, text, size - 1, 0);
	}
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return n;
}

int sysctl_get(const char *name, int *ret)
{
	char text[32], *end;
	ssize_t n = read_kept(name, text, sizeof(text));
	long value;

	if (n < 0)
		return (int)n;
	if (n == 0 || n == sizeof(text) - 1)
		return -EBADMSG;
	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || end[strspn(end, " \t\n")] || errno || value < INT_MIN || value > INT_MAX)
		return -EBADMSG;
	*ret = (int)value;
	return 0;
}

struct port_range sysctl_local_ports(void)
{
	_cleanup_(freep) char *path = path_of("net/ipv4/ip_local_port_range");
	_cleanup_(buf_free) struct buf text = {0};
	unsigned first, last;

	if (file_read(path, SYSCTL_MAX, &text) < 0 || !text.len || sscanf(text.data, "%u %u", &first, &last) != 2 ||
	    first > last || last > UINT16_MAX)
		return (struct port_range){0};
	return (struct port_range){(uint16_t)first, (uint16_t)last};
}

char *sysctl_boot_id(void)
{
	_cleanup_(freep) char *path = path_of("kernel/random/boot_id");
	_cleanup_(buf_free) struct buf text = {0};

	if (file_read(path, SYSCTL_MAX, &text) < 0 || !text.len)
		return xstrdup("unknown");
	text.data[strcspn(text.data, "\n")] = '\0';
	return xstrdup(text.data);
}

static int write_file(const char *path, int value)
{
	_cleanup_(closep) int fd = -1;
	char text[16];
	ssize_t written;
	int n;

	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = snprintf(text, sizeof(text), "%d\n", value);
	written = write(fd, text, (size_t)n);
	if (written < 0)
		return -errno;
	return written == n ? 0 : -EIO;
}

static const char *hint(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "; gwd needs CAP_NET_ADMIN (in a systemd unit: AmbientCapabilities=CAP_NET_ADMIN)";
	case EROFS:
		return "; /proc/sys is mounted read-only (in a systemd unit: ProtectKernelTunables=no; in a container "
		       "set it on the host)";
	case ENOENT:
		return "; this kernel or namespace does not have it";
	default:
		return "";
	}
}

static int refuse(const char *verb, const char *name, int r, struct diag *diag)
{
	_cleanup_(freep) char *path = path_of(name);

	diag_add(diag, DIAG_KERNEL, (struct loc){0}, "cannot %s %s: %s%s", verb, path, strerror(-r), hint(-r));
	return r;
}

int sysctl_set(const char *name, int value, struct diag *diag)
{
	_cleanup_(freep) char *path = path_of(name);
	_cleanup_(freep) char *verb = NULL;
	int have, r;

	r = sysctl_get(name, &have);
	if (r < 0)
		return refuse("read", name, r, diag);
	if (have == value)
		return 0;
	r = write_file(path, value);
	if (r == 0)
		return 1;
	verb = xasprintf("write %d to", value);
	return refuse(verb, name, r, diag);
}

/* One interface's accept_ra from 1 to 2. It may vanish while we look: that is no error. */
static int keep_ra(const char *ifname, struct diag *diag)
{
	_cleanup_(freep) char *name = xasprintf(CONF6 "/%s/accept_ra", ifname);
	_cleanup_(freep) char *path = path_of(name);
	int have, r;

	if (sysctl_get(name, &have) < 0 || have != 1)
		return 0;
	r = write_file(path, 2);
	return r == 0 || r == -ENOENT ? 0 : refuse("write 2 to", name, r, diag);
}

/* `default` first: an interface that comes after it starts with 2, one that came before it is in the directory. */
static int keep_ra_everywhere(struct diag *diag)
{
	_cleanup_(freep) char *path = path_of(CONF6);
	struct dirent *entry;
	DIR *dir;
	int r;

	r = keep_ra("default", diag);
	if (r < 0)
		return r;
	dir = opendir(path);
	if (!dir)
		return refuse("list", CONF6, -errno, diag);
	while (r == 0 && (entry = readdir(dir)))
		if (!streq(entry->d_name, "all")) /* which accept_ra does not heed */
			r = keep_ra(entry->d_name, diag);
	closedir(dir);
	return r;
}

static const char *forwarding_name(uint8_t family)
{
	return family == AF_INET ? "net/ipv4/ip_forward" : CONF6 "/all/forwarding";
}

int sysctl_forwarding_get(uint8_t family)
{
	int have, r;

	r = sysctl_get(forwarding_name(family), &have);
	return r < 0 ? r : have != 0;
}

int sysctl_forwarding_on(uint8_t family, struct diag *diag)
{
	int r;

	r = sysctl_forwarding_get(family);
	if (r == -ENOENT && family == AF_INET6) {
		diag_add(diag, DIAG_KERNEL, (struct loc){0},
			 "cannot forward IPv6: this kernel has no IPv6 (is ipv6.disable=1 on its command line?)");
		return r;
	}
	if (r < 0)
		return refuse("read", forwarding_name(family), r, diag);
	if (r == 1)
		return 0;
	if (family == AF_INET6) {
		r = keep_ra_everywhere(diag);
		if (r < 0)
			return r;
	}
	return sysctl_set(forwarding_name(family), 1, diag);
}

int sysctl_forwarding_off(uint8_t family, int accept_redirects, struct diag *diag)
{
	int r, back;

	r = sysctl_forwarding_get(family);
	if (r == 0 || r == -ENOENT)
		return 0;
	if (r < 0)
		return refuse("read", forwarding_name(family), r, diag);
	if (family == AF_INET6)
		return sysctl_set(forwarding_name(family), 0, diag);
	if (accept_redirects < 0)
		r = sysctl_get(SYSCTL_ACCEPT_REDIRECTS, &accept_redirects);
	if (r < 0)
		return refuse("read", SYSCTL_ACCEPT_REDIRECTS, r, diag);
	r = sysctl_set(forwarding_name(family), 0, diag);
	back = sysctl_set(SYSCTL_ACCEPT_REDIRECTS, accept_redirects, diag);
	return back < 0 ? back : r;
}

int sysctl_redirects_off(const char *ifname, struct diag *diag)
{
	_cleanup_(freep) char *name = xasprintf("net/ipv4/conf/%s/send_redirects", ifname);
	int all, one;

	all = sysctl_set("net/ipv4/conf/all/send_redirects", 0, diag);
	one = sysctl_set(name, 0, diag);
	if (all < 0 || one < 0)
		return all < 0 ? all : one;
	return all || one;
}
