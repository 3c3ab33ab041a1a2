/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each test is a child that puts itself into the sandbox and then tries, with the real system calls. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "notify.h"
#include "sandbox.h"
#include "util.h"

#define EXPECTED_DENIAL ENOSYS
#define THE_END "tried it all"

/* top/{etc/{gwd.yaml,gwd.d/a.yaml,gwd.d/link.yaml},elsewhere/{real.yaml,beside},state,run/gwd.sock,other} */
static char top[] = "/tmp/gwd-sandbox.XXXXXX";
static bool has_landlock, has_seccomp;

static char *at(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
	return path;
}

static void put(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0 && write(fd, "x\n", 2) == 2);
	close(fd);
}

static int tree_new(void **state)
{
	static const char *const dirs[] = {"etc", "etc/gwd.d", "elsewhere", "state", "run"};
	static const char *const files[] = {"etc/gwd.yaml", "etc/gwd.d/a.yaml", "elsewhere/real.yaml", "elsewhere/beside",
					    "run/gwd.sock", "other"};

	(void)state;
	if (!mkdtemp(top))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(at(dirs[i]), 0755) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		put(files[i]);
	return symlink("../../elsewhere/real.yaml", at("etc/gwd.d/link.yaml"));
}

static int tree_gone(void **state)
{
	_cleanup_(freep) char *command = xasprintf("rm -rf '%s'", top);

	(void)state;
	strcpy(top + strlen(top) - 6, "XXXXXX");
	return system(command); /* NOLINT(bugprone-command-processor): our own name */
}

/* ---- A child in the sandbox ------------------------------------------------------------------------ */

/* What it wrote to stderr, the log and the findings of `body`; *ret_status as wait() has it. The caller's string. */
static char *in_sandbox(enum sandbox_mode mode, void (*before)(void), void (*body)(void), int *ret_status)
{
	struct sandbox_places places = {at("etc/gwd.yaml"), at("state"), at("run/gwd.sock")};
	struct buf said = {0};
	char chunk[512];
	ssize_t n;
	int pipes[2];

	fflush(NULL);
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		if (before)
			before();
		sandbox_begin(mode);
		sandbox_enter(mode, &places);
		body();
		dprintf(STDERR_FILENO, "%s\n", THE_END);
		_exit(0);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], chunk, sizeof(chunk))) > 0)
		buf_add(&said, chunk, (size_t)n);
	close(pipes[0]);
	waitpid(child, ret_status, 0);
	buf_add(&said, "", 0);
	return buf_take(&said);
}

static void finding(const char *what, int got, int wanted)
{
	if (got != wanted)
		dprintf(STDERR_FILENO, "WRONG: %s: %s, not %s\n", what, got ? strerror(got) : "done",
			wanted ? strerror(wanted) : "done");
}

/* 0 or the errno of open(2). */
static int opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

#define NEED_SANDBOX(what, present)                                                                                    \
	do {                                                                                                           \
		if (!(present)) {                                                                                      \
			print_message("# %s: no %s here\n", __func__, what);                                           \
			skip();                                                                                        \
		}                                                                                                      \
	} while (0)

static void assert_all_as_wanted(const char *said, int status)
{
	if (strstr(said, "WRONG") || !strstr(said, THE_END) || status != 0)
		fail_msg("status %d, and it said:\n%s", status, said);
}

/* ---- What it must still do ------------------------------------------------------------------------- */

static void use_files(void)
{
	char byte;
	DIR *dir;

	finding("read gwd.yaml", opened(at("etc/gwd.yaml"), O_RDONLY), 0);
	finding("read a file of gwd.d", opened(at("etc/gwd.d/a.yaml"), O_RDONLY), 0);
	finding("read what a link of gwd.d leads to", opened(at("etc/gwd.d/link.yaml"), O_RDONLY), 0);
	dir = opendir(at("etc/gwd.d"));
	finding("list gwd.d", dir && readdir(dir) ? 0 : errno, 0);
	int fd = open(at("state/state.db-wal"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	finding("make, write, sync, cut and read a file of the state",
		fd >= 0 && pwrite(fd, "xy", 2, 0) == 2 && fsync(fd) == 0 && fdatasync(fd) == 0 && ftruncate(fd, 1) == 0 &&
				pread(fd, &byte, 1, 0) == 1 ?
			0 :
			errno,
		0);
	finding("remove it", unlink(at("state/state.db-wal")) < 0 ? errno : 0, 0);
	finding("remove the socket", unlink(at("run/gwd.sock")) < 0 ? errno : 0, 0);
	finding("read a setting", opened("/proc/sys/net/ipv4/ip_forward", O_RDONLY), 0);
	/* Who may write it the kernel decides, and not the sandbox: without the capability it is EACCES there, too. */
	if (geteuid() == 0)
		finding("write a setting", opened("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_TRUNC), 0);
	finding("read random numbers", opened("/dev/urandom", O_RDONLY), 0);
}

static void use_calls(void)
{
	struct timespec now, moment = {.tv_nsec = 1};
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	finding("netlink", fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 ? 0 : errno, 0);
	finding("a Unix socket", socket(AF_UNIX, SOCK_DGRAM, 0) < 0 ? errno : 0, 0);
	notify("READY=1"); /* seen by the parent */
	char *much = malloc(64u << 20);
	finding("memory", much ? 0 : errno, 0);
	free(much);
	finding("the time", clock_gettime(CLOCK_REALTIME, &now) || nanosleep(&moment, NULL) ? errno : 0, 0);
	isatty(0);
}

static void test_everything_works(void **state)
{
	struct sockaddr_un manager = {.sun_family = AF_UNIX};
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char heard[32] = "";
	int status;

	(void)state;
	NEED_SANDBOX("Landlock or seccomp", has_landlock || has_seccomp);
	snprintf(manager.sun_path, sizeof(manager.sun_path), "%s", at("notify"));
	assert_int_equal(bind(fd, (struct sockaddr *)&manager, sizeof(manager)), 0);
	setenv("NOTIFY_SOCKET", manager.sun_path, 1);
	_cleanup_(freep) char *files = in_sandbox(SANDBOX_STRICT, NULL, use_files, &status);
	assert_all_as_wanted(files, status);
	_cleanup_(freep) char *calls = in_sandbox(SANDBOX_STRICT, NULL, use_calls, &status);
	assert_all_as_wanted(calls, status);
	assert_int_equal(recv(fd, heard, sizeof(heard), 0), strlen("READY=1"));
	unsetenv("NOTIFY_SOCKET");
	unlink(manager.sun_path);
}

/* An editor writes a new file and renames it over the old one: the sandbox must mean the directory. */
static int editor[2]; /* a socket pair: our end, its end */

static void read_later(void)
{
	char byte = 0;

	finding("tell the editor", write(editor[0], &byte, 1) == 1 && read(editor[0], &byte, 1) == 1 ? 0 : errno, 0);
	finding("read the new gwd.yaml", opened(at("etc/gwd.yaml"), O_RDONLY), 0);
	finding("read what the link leads to now", opened(at("etc/gwd.d/link.yaml"), O_RDONLY), 0);
}

static void edit(void)
{
	char byte;

	if (read(editor[1], &byte, 1) != 1)
		_exit(1);
	put("etc/new");
	put("elsewhere/new");
	if (rename(at("etc/new"), at("etc/gwd.yaml")) < 0 || rename(at("elsewhere/new"), at("elsewhere/real.yaml")) < 0)
		_exit(1);
	_exit(write(editor[1], &byte, 1) == 1 ? 0 : 1);
}

static void test_replaced_file(void **state)
{
	int status;

	(void)state;
	NEED_SANDBOX("Landlock or seccomp", has_landlock || has_seccomp);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, editor), 0);
	pid_t child = fork();
	if (child == 0)
		edit();
	_cleanup_(freep) char *said = in_sandbox(SANDBOX_STRICT, NULL, read_later, &status);
	assert_all_as_wanted(said, status);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	close(editor[0]);
	close(editor[1]);
}

/* ---- What it must not ------------------------------------------------------------------------------ */

static void try_files(void)
{
	finding("read a file elsewhere", opened(at("other"), O_RDONLY), EACCES);
	finding("read /etc/passwd", opened("/etc/passwd", O_RDONLY), EACCES);
	finding("read its own memory", opened("/proc/self/mem", O_RDONLY), EACCES);
	finding("list /", opened("/", O_RDONLY | O_DIRECTORY), EACCES);
	finding("write gwd.yaml", opened(at("etc/gwd.yaml"), O_WRONLY), EACCES);
	finding("cut gwd.yaml", opened(at("etc/gwd.yaml"), O_RDONLY | O_TRUNC), EACCES);
	finding("make a file beside gwd.yaml", opened(at("etc/new.yaml"), O_WRONLY | O_CREAT), EACCES);
	finding("write where a link leads", opened(at("elsewhere/real.yaml"), O_WRONLY), EACCES);
	finding("make a file elsewhere", opened(at("new"), O_WRONLY | O_CREAT), EACCES);
	finding("make a file in the socket's directory", opened(at("run/new"), O_WRONLY | O_CREAT), EACCES);
	finding("remove gwd.yaml", unlink(at("etc/gwd.yaml")) < 0 ? errno : 0, EACCES);
	finding("write another setting", opened("/proc/sys/kernel/core_pattern", O_WRONLY), EACCES);
}

#define ADDRESS(p) ((long)(uintptr_t)(p))

/* Each would succeed, or fail with another error, were it let through. */
static void try_calls(void)
{
	static char *const argv[] = {NULL};
	static char zeroes[256];
	const struct {
		const char *what;
		long call, args[6];
	} calls[] = {
		{"exec", SYS_execve, {ADDRESS("/nowhere"), ADDRESS(argv), ADDRESS(argv)}},
		{"exec by descriptor", SYS_execveat, {AT_FDCWD, ADDRESS("/nowhere"), ADDRESS(argv), ADDRESS(argv)}},
		{"fork", SYS_clone, {SIGCHLD}},
		{"fork the new way", SYS_clone3, {ADDRESS(zeroes), 64}},
		{"trace", SYS_ptrace, {PTRACE_ATTACH, INT32_MAX}},
		{"read another's memory", SYS_process_vm_readv, {getppid(), ADDRESS(zeroes), 0, ADDRESS(zeroes), 0}},
		{"mount", SYS_mount, {ADDRESS("none"), ADDRESS("/mnt"), ADDRESS("tmpfs")}},
		{"unmount", SYS_umount2, {ADDRESS("/nowhere")}},
		{"chroot", SYS_chroot, {ADDRESS("/nowhere")}},
		{"a namespace", SYS_unshare, {CLONE_NEWUSER}},
		{"another's namespace", SYS_setns, {-1}},
		{"bpf", SYS_bpf, {0, ADDRESS(zeroes), sizeof(zeroes)}},
		{"a ring", SYS_io_uring_setup, {1, ADDRESS(zeroes)}},
		{"a kernel module", SYS_init_module, {ADDRESS(zeroes), 0, ADDRESS("")}},
		{"open by handle", SYS_open_by_handle_at, {-1, ADDRESS(zeroes)}},
		{"IPv4", SYS_socket, {AF_INET, SOCK_STREAM}},
		{"IPv6", SYS_socket, {AF_INET6, SOCK_DGRAM}},
		{"packets", SYS_socket, {AF_PACKET, SOCK_RAW}},
		{"WireGuard's keys", SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_GENERIC}},
		{"IPsec's keys", SYS_socket, {AF_NETLINK, SOCK_RAW, NETLINK_XFRM}},
		{"a socket of the host", SYS_socket, {AF_VSOCK, SOCK_STREAM}},
		{"connect", SYS_connect, {-1, ADDRESS(zeroes), sizeof(zeroes)}},
		{"listen", SYS_listen, {-1, 1}},
		{"code in new memory", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
		{"code in old memory", SYS_mprotect, {ADDRESS(zeroes) & -4096, 4096, PROT_READ | PROT_EXEC}},
		{"a signal to the parent", SYS_kill, {getppid(), 0}},
		{"a signal to its thread", SYS_tgkill, {getppid(), getppid(), 0}},
		{"type into the terminal", SYS_ioctl, {0, TIOCSTI, ADDRESS("x")}},
		{"another user", SYS_setuid, {getuid()}},
		{"capabilities", SYS_capset, {ADDRESS(zeroes)}},
		{"rename", SYS_renameat2, {AT_FDCWD, ADDRESS("/nowhere"), AT_FDCWD, ADDRESS("/nowhere2")}},
		{"a hard link", SYS_linkat, {AT_FDCWD, ADDRESS("/nowhere"), AT_FDCWD, ADDRESS("/nowhere2")}},
		{"a directory", SYS_mkdirat, {AT_FDCWD, ADDRESS("/")}},
		{"a file in memory", SYS_memfd_create, {ADDRESS("x")}},
		{"a filter of its own", SYS_seccomp, {0}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const long *a = calls[i].args;
		long r = syscall(calls[i].call, a[0], a[1], a[2], a[3], a[4], a[5]);

		if ((calls[i].call == SYS_clone || calls[i].call == SYS_clone3) && r == 0)
			_exit(0);
		finding(calls[i].what, r < 0 ? errno : 0, EXPECTED_DENIAL);
	}
}

static void test_files_refused(void **state)
{
	int status;

	(void)state;
	NEED_SANDBOX("Landlock", has_landlock);
	_cleanup_(freep) char *said = in_sandbox(SANDBOX_ON, NULL, try_files, &status);
	assert_all_as_wanted(said, status);
}

static void test_calls_refused(void **state)
{
	int status;

	(void)state;
	NEED_SANDBOX("seccomp", has_seccomp);
	_cleanup_(freep) char *said = in_sandbox(SANDBOX_ON, NULL, try_calls, &status);
	assert_all_as_wanted(said, status);
}

static void no_new_privileges(void)
{
	finding("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : EPERM, 0);
}

static void test_off(void **state)
{
	int status;

	(void)state;
	_cleanup_(freep) char *said = in_sandbox(SANDBOX_OFF, NULL, no_new_privileges, &status);
	assert_all_as_wanted(said, status);
	assert_non_null(strstr(said, "sandbox: off, as asked"));
}

static void ask_parent(void)
{
	(void)getppid();
}

static void test_strict(void **state)
{
	int status;

	(void)state;
	NEED_SANDBOX("seccomp", has_seccomp);
	_cleanup_(freep) char *said = in_sandbox(SANDBOX_STRICT, NULL, ask_parent, &status);
	assert_non_null(strstr(said, "(getppid) is not in the list of sandbox.c"));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	_cleanup_(freep) char *lenient = in_sandbox(SANDBOX_ON, NULL, ask_parent, &status);
	assert_all_as_wanted(lenient, status);
}

/* ---- Kernels that lack one ------------------------------------------------------------------------- */

static void answer(const char *const *calls, int error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	for (; *calls; calls++)
		seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint16_t)error), seccomp_syscall_resolve_name(*calls), 0,
				       NULL);
	if (seccomp_load(filter) < 0)
		finding("a filter", EPERM, 0);
	seccomp_release(filter);
}

static void without_landlock(void)
{
	answer((const char *const[]){"landlock_create_ruleset", NULL}, EOPNOTSUPP);
}

static void files_open_calls_refused(void)
{
	finding("read a file elsewhere", opened(at("other"), O_RDONLY), 0);
	finding("IPv4", socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0, EXPECTED_DENIAL);
}

static void test_without_landlock(void **state)
{
	int status;

	(void)state;
	NEED_SANDBOX("seccomp", has_seccomp);
	_cleanup_(freep) char *said = in_sandbox(SANDBOX_ON, without_landlock, files_open_calls_refused, &status);
	assert_all_as_wanted(said, status);
	assert_non_null(strstr(said, "sandbox: no Landlock in this kernel, seccomp"));
}

static void without_seccomp(void)
{
	answer((const char *const[]){"seccomp", "prctl", NULL}, EINVAL);
}

static void files_refused_calls_open(void)
{
	finding("read a file elsewhere", opened(at("other"), O_RDONLY), EACCES);
	finding("IPv4", socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0, 0);
}

static void test_without_seccomp(void **state)
{
	int status;

	(void)state;
	NEED_SANDBOX("Landlock", has_landlock);
	NEED_SANDBOX("seccomp", has_seccomp); /* the test needs it to play a kernel that has none */
	_cleanup_(freep) char *said = in_sandbox(SANDBOX_ON, without_seccomp, files_refused_calls_open, &status);
	assert_all_as_wanted(said, status);
	assert_non_null(strstr(said, "sandbox: Landlock, no seccomp in this kernel"));
}

static void test_modes(void **state)
{
	enum sandbox_mode mode = SANDBOX_OFF;

	(void)state;
	assert_true(sandbox_mode_parse("on", &mode) && mode == SANDBOX_ON);
	assert_true(sandbox_mode_parse("strict", &mode) && mode == SANDBOX_STRICT);
	assert_true(sandbox_mode_parse("off", &mode) && mode == SANDBOX_OFF);
	assert_false(sandbox_mode_parse("", &mode) || sandbox_mode_parse("ON", &mode));
}

static void nothing(void)
{
}

/* Asked of the sandbox itself, so that a build that has none (sanitizers) skips what needs it. */
static int look(void **state)
{
	int status, r = tree_new(state);
	_cleanup_(freep) char *said = r == 0 ? in_sandbox(SANDBOX_ON, NULL, nothing, &status) : NULL;
	const char *preload = getenv("LD_PRELOAD"); /* valgrind makes calls of its own, and knows not all of ours */
	bool built = said && !strstr(said, "sanitizers") && !(preload && strstr(preload, "vgpreload"));

	has_landlock = built && syscall(SYS_landlock_create_ruleset, NULL, 0UL, 1UL) > 0;
	has_seccomp = built && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_everything_works),
		cmocka_unit_test(test_replaced_file),
		cmocka_unit_test(test_files_refused),
		cmocka_unit_test(test_calls_refused),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_without_landlock),
		cmocka_unit_test(test_without_seccomp),
	};

	return cmocka_run_group_tests(tests, look, tree_gone);
}
