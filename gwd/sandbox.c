/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two layers, because neither sees what the other does: Landlock knows files, seccomp knows calls.
 *
 * A call that is not in the list is answered ENOSYS rather than with a signal: a newer libc tries newer calls first and
 * takes the older one when told that the kernel has none, and a gateway had better miss one line in its log than its
 * daemon. The kernel's log has it either way (audit type 1326); Landlock's has what that denied (type 1423, Linux 6.15).
 *
 * Landlock's numbers are written down here: they are fixed, and the header of the machine that builds gwd may be older
 * than the kernel of the one that runs it. */
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "util.h"

/* The sanitizers read /proc, start a tracer at the end and run a symbolizer: all that is denied here. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#if !defined(SANITIZED) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

bool sandbox_mode_parse(const char *text, enum sandbox_mode *ret)
{
	static const char *const names[] = {[SANDBOX_ON] = "on", [SANDBOX_STRICT] = "strict", [SANDBOX_OFF] = "off"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (streq(text, names[i])) {
			*ret = (enum sandbox_mode)i;
			return true;
		}
	}
	return false;
}

/* ---- Landlock: files ------------------------------------------------------------------------------- */

/* linux/landlock.h, LANDLOCK_ACCESS_FS_*, in the order of their bits. */
enum {
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_REG = 1 << 8,
	FS_TRUNCATE = 1 << 14,
	OF_FILES = FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE, /* what may be said of a file, and not only of a directory */

	READ = FS_READ_FILE | FS_READ_DIR,
	WRITE = READ | FS_WRITE_FILE | FS_TRUNCATE,
	KEEP = WRITE | FS_MAKE_REG | FS_REMOVE_FILE,

	RULE_PATH_BENEATH = 1,
	VERSION_PLEASE = 1 << 0,
};

/* Denied when handled and not allowed: every right of the kernel's ABI that we know. */
struct landlock_handled {
	uint64_t fs, net, scoped;
};

struct landlock_beneath {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

#ifndef SYS_landlock_create_ruleset /* the same on every architecture that libseccomp knows */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* An abstract notification socket (podman's, for one) is outside of what would be our scope. */
static bool notifies_abstract(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && path[0] == '@';
}

/* landlock(7), "ABI": how many rights of files there are from which version on, then TCP, then scopes. */
static struct landlock_handled handled_by(long abi)
{
	static const unsigned char rights[] = {0, 13, 14, 15, 15, 16};
	size_t last = ARRAY_SIZE(rights) - 1;
	struct landlock_handled all = {.fs = (1ULL << rights[abi < (long)last ? (size_t)abi : last]) - 1};

	if (abi >= 4)
		all.net = 1 << 0 | 1 << 1; /* bind and connect of TCP */
	if (abi >= 6)
		all.scoped = 1 << 1 | (notifies_abstract() ? 0 : 1 << 0); /* signals to others, abstract sockets */
	return all;
}

static void allow(int ruleset, const char *path, uint64_t access, uint64_t handled)
{
	/* Stays open: a file system may make another inode of the same directory once nobody holds it (procfs does). */
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_beneath rule = {.fd = fd};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return; /* what is not there needs no permission */
	rule.access = access & handled & (S_ISDIR(st.st_mode) ? ~0ULL : (uint64_t)OF_FILES);
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
		log_warn("sandbox: cannot allow %s: %s", path, strerror(errno));
}

static void allow_directory_of(int ruleset, const char *path, uint64_t access, uint64_t handled)
{
	_cleanup_(freep) char *copy = xstrdup(path);

	allow(ruleset, dirname(copy), access, handled);
}

/* Where a symbolic link leads its neighbours may be read too: who edits the file there may well replace it. */
static void allow_behind(int ruleset, const char *path, uint64_t handled)
{
	char real[PATH_MAX];
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && realpath(path, real))
		allow_directory_of(ruleset, real, READ, handled);
}

static void allow_config(int ruleset, const char *path, uint64_t handled)
{
	_cleanup_(freep) char *copy = xstrdup(path), *extra = xasprintf("%s/gwd.d", dirname(copy));
	DIR *dir = opendir(extra);
	struct dirent *entry;

	allow_directory_of(ruleset, path, READ, handled);
	allow(ruleset, extra, READ, handled); /* itself it may be a link */
	allow_behind(ruleset, path, handled);
	while (dir && (entry = readdir(dir))) {
		_cleanup_(freep) char *file = xasprintf("%s/%s", extra, entry->d_name);

		allow_behind(ruleset, file, handled);
	}
	if (dir)
		closedir(dir);
}

/* The ABI that is in force; 0 = none. */
static long restrict_files(const struct sandbox_places *places)
{
	_cleanup_(closep) int ruleset = -1;
	struct landlock_handled all;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, VERSION_PLEASE);

	if (abi < 1)
		return 0;
	all = handled_by(abi);
	/* An older kernel wants the structure without the fields it does not know, or with zeroes in them. */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (ruleset < 0)
		return 0;
	allow_config(ruleset, places->config_path, all.fs);
	allow(ruleset, places->state_dir, KEEP, all.fs);
	allow_directory_of(ruleset, places->socket, FS_REMOVE_FILE, all.fs);
	allow(ruleset, "/proc/sys/net", WRITE, all.fs);
	allow(ruleset, "/dev/urandom", READ, all.fs); /* jansson and SQLite */
	allow(ruleset, "/dev/null", READ, all.fs);    /* libuv keeps a descriptor in reserve */
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? 0 : abi;
}

/* ---- seccomp: calls -------------------------------------------------------------------------------- */

/* Seen by strace in every test, with what another libc, architecture or kernel uses in their place. Names and not
 * numbers: a name that this libseccomp or architecture does not know is passed over. */
static const char *const calls[] = {
	/* netlink and clients */
	"accept4", "bind", "getsockname", "getsockopt", "recv", "recvfrom", "recvmsg", "send", "sendmsg", "sendto",
	"setsockopt", "shutdown",
	/* files, as far as Landlock lets them */
	"access", "close", "faccessat", "faccessat2", "fchmod", "fchown", "fchown32", "fcntl", "fcntl64", "fdatasync",
	"fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64", "getdents", "getdents64", "_llseek", "lseek",
	"lstat", "lstat64", "newfstatat", "open", "openat", "pread64", "pwrite64", "read", "readv", "stat", "stat64",
	"statx", "unlink", "unlinkat", "write", "writev",
	/* the loop, time */
	"clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "epoll_ctl", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "gettimeofday", "nanosleep", "poll", "ppoll", "ppoll_time64", "time",
	"timerfd_settime", "timerfd_settime64",
	/* memory; what can be executed is there already, see below */
	"brk", "futex", "futex_time64", "madvise", "mremap", "munmap", "sysinfo",
	/* itself */
	"exit", "exit_group", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getpid", "getrandom",
	"gettid", "getuid", "getuid32", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_yield",
	"sigreturn", "uname",
};

static int permit(scmp_filter_ctx filter, const char *name, unsigned n, const struct scmp_arg_cmp *arg)
{
	int call = seccomp_syscall_resolve_name(name);

	return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, n, arg);
}

/* Calls that are harmless with some arguments only. */
static int permit_some(scmp_filter_ctx filter)
{
	/* Behind other protocols of netlink are the keys of WireGuard and IPsec, for who has CAP_NET_ADMIN. */
	const struct {
		scmp_datum_t family, protocol;
	} sockets[] = {{AF_UNIX, 0},
		       {AF_NETLINK, NETLINK_ROUTE},
		       {AF_NETLINK, NETLINK_SOCK_DIAG},
		       {AF_NETLINK, NETLINK_NETFILTER}};
	/* isatty, and libuv's ways to set a descriptor up: nothing that types into a terminal. Without the size in the
	 * upper half, for glibc's TCGETS2 is not to be had from its headers. */
	const scmp_datum_t requests[] = {TCGETS, 0x542a, TIOCGWINSZ, FIONBIO, FIOCLEX, FIONREAD};
	const struct scmp_arg_cmp no_exec = {.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC};
	const struct scmp_arg_cmp itself = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid()};
	struct scmp_arg_cmp request = {.arg = 1, .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT16_MAX};
	int r = permit(filter, "mmap", 1, &no_exec);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sockets); i++) {
		const struct scmp_arg_cmp both[] = {
			{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = sockets[i].family},
			{.arg = 2, .op = SCMP_CMP_EQ, .datum_a = sockets[i].protocol}};
		r = permit(filter, "socket", ARRAY_SIZE(both), both);
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(requests); i++) {
		request.datum_b = requests[i] & UINT16_MAX;
		r = permit(filter, "ioctl", 1, &request);
	}
	if (r == 0)
		r = permit(filter, "mmap2", 1, &no_exec);
	if (r == 0)
		r = permit(filter, "mprotect", 1, &no_exec);
	if (r == 0)
		r = permit(filter, "tgkill", 1, &itself); /* abort() */
	return r == 0 ? permit(filter, "tkill", 1, &itself) : r;
}

/* Only in strict mode, where what it calls need not be safe in a handler: gwd ends here. */
static void on_denied(int signum, siginfo_t *info, void *context)
{
	_cleanup_(freep) char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), info->si_syscall);

	(void)signum;
	(void)context;
	log_error("system call %d (%s) is not in the list of sandbox.c: see CONTRIBUTING.md", info->si_syscall,
		  name ? name : "unknown");
	_exit(1);
}

static bool restrict_calls(bool strict)
{
	scmp_filter_ctx filter = seccomp_init(strict ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(ENOSYS));
	struct sigaction action = {.sa_sigaction = on_denied, .sa_flags = SA_SIGINFO};
	int r = filter ? 0 : -ENOMEM;

	if (strict)
		sigaction(SIGSYS, &action, NULL);
	if (r == 0)
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1); /* not every kernel can */
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(calls); i++)
		r = permit(filter, calls[i], 0, NULL);
	if (r == 0)
		r = permit_some(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r == 0;
}

/* ---- Both ------------------------------------------------------------------------------------------ */

/* libuv makes a ring where it can, to save a call here and there. */
static void refuse_rings(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int call = seccomp_syscall_resolve_name("io_uring_setup");

	if (filter && call != __NR_SCMP_ERROR &&
	    seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0, NULL) == 0)
		(void)seccomp_load(filter); /* sandbox_enter says when there is no seccomp */
	seccomp_release(filter);
}

void sandbox_begin(enum sandbox_mode mode)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (mode != SANDBOX_OFF && !SANITIZED)
		refuse_rings();
}

unsigned sandbox_enter(enum sandbox_mode mode, const struct sandbox_places *places)
{
	long files;
	bool filtered;

	if (mode == SANDBOX_OFF || SANITIZED) {
		log_note("sandbox: off, %s", mode == SANDBOX_OFF ? "as asked" : "this build traces itself (sanitizers)");
		return 0;
	}
	tzset(); /* reads /etc/localtime, now or never */
	files = restrict_files(places);
	filtered = restrict_calls(mode == SANDBOX_STRICT);
	if (files && filtered)
		log_info("sandbox: Landlock (ABI %ld) and seccomp%s", files, mode == SANDBOX_STRICT ? ", strict" : "");
	else
		log_note("sandbox: %s, %s", files ? "Landlock" : "no Landlock in this kernel",
			 filtered ? "seccomp" : "no seccomp in this kernel");
	return (files ? SANDBOX_LANDLOCK : 0u) | (filtered ? SANDBOX_SECCOMP : 0u);
}
