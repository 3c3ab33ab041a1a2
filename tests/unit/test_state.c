/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state database as the rest of gwd relies on it: what is acknowledged is there again after any death, what is not
 * leaves nothing, and no bad file, directory or disk goes unnoticed. Deaths are real: a child ends without closing. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "state_place.h"

#define SKIPPED 77

static void assert_fact(struct state *state, const char *key, const char *value)
{
	_cleanup_(freep) char *got = NULL;
	struct diag diag = {0};

	OK(state_get(state, key, &got, &diag));
	if (!str_same(got, value))
		fail_msg("%s is '%s', not '%s'", key, got ? got : "NULL", value ? value : "NULL");
}

/* Exit status of a child that runs `fn`. A check that fails in it says where and ends it. */
static int in_child(int (*fn)(const char *dir), const char *dir)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(dir));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			print_error("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                            \
			return 1;                                                                                      \
		}                                                                                                      \
	} while (0)

/* ---- Opening ------------------------------------------------------------------------------------ */

static void test_open_makes_directory(void **ctx)
{
	_cleanup_(freep) char *below = in_dir(ctx, "not/there"), *file = in_dir(ctx, "state.db");
	struct diag diag = {0};
	struct state *state = NULL;
	struct stat st;

	state_close(open_again(ctx));
	OK(stat(((struct place *)*ctx)->dir, &st));
	assert_int_equal(st.st_mode & 07777, 0700);
	OK(stat(file, &st));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(state_open(below, &state, &diag), -ENOENT);
	assert_null(state);
	assert_refused(&diag, DIAG_INTERNAL, "not/there: No such file or directory: make the directory above it");
	state_close(open_again(ctx));
}

static void test_second_opener_is_refused(void **ctx)
{
	struct state *first = open_again(ctx), *second = NULL;
	struct diag diag = {0};

	assert_int_equal(state_open(((struct place *)*ctx)->dir, &second, &diag), -EBUSY);
	assert_null(second);
	assert_refused(&diag, DIAG_BUSY, "another gwd is running on this state directory");
	begin(first); /* the first one did not suffer */
	commit(first);
	state_close(first);
	state_close(open_again(ctx));
}

static void test_killed_holder_lets_go(void **ctx)
{
	const char *dir = ((struct place *)*ctx)->dir;
	struct diag diag = {0};
	struct state *state = NULL;
	int fds[2], status;
	char byte;
	pid_t pid;

	OK(pipe(fds));
	pid = fork();
	if (pid == 0) {
		int r = state_open(dir, &state, &diag);

		alarm(10); /* never left behind by a test that failed */
		if (r == 0 && write(fds[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	assert_int_equal(state_open(dir, &state, &diag), -EBUSY);
	diag_free(&diag);
	OK(kill(pid, SIGKILL));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	state_close(open_again(ctx));
}

static int die_in_transaction(const char *dir)
{
	struct diag diag = {0};
	struct state *state;
	struct revision revision = {.what = (char[]){"lost"}};

	CHECK(state_open(dir, &state, &diag) == 0);
	CHECK(state_begin(state, &diag) == 0);
	CHECK(state_put_revision(state, &revision, &diag) == 0);
	for (int i = 0; i < 5000; i++) { /* more than the page cache holds: some is on disk */
		char name[32], service[1000] = "";

		snprintf(name, sizeof(name), "lost%d", i);
		memset(service, 'x', sizeof(service) - 1);
		CHECK(state_put_runtime(state, name, service, NULL, &root, &diag) == 0);
	}
	return 0;
}

static int die_after_commit(const char *dir)
{
	struct diag diag = {0};
	struct state *state;
	struct revision revision = {.what = (char[]){"kept"}};

	CHECK(state_open(dir, &state, &diag) == 0);
	CHECK(state_begin(state, &diag) == 0);
	CHECK(state_put_revision(state, &revision, &diag) == 0);
	CHECK(state_put_runtime(state, "b", "kept", NULL, &root, &diag) == 0);
	CHECK(state_put(state, "seen", "1", &diag) == 0);
	CHECK(state_commit(state, &diag) == 0);
	return 0;
}

static void test_death_is_all_or_nothing(void **ctx)
{
	const char *dir = ((struct place *)*ctx)->dir;
	struct state *state;

	assert_int_equal(in_child(die_in_transaction, dir), 0);
	state = open_again(ctx);
	assert_runtime(state, "");
	assert_int_equal(state_last_revision(state), 0);
	state_close(state);
	assert_int_equal(in_child(die_after_commit, dir), 0);
	assert_int_equal(in_child(die_in_transaction, dir), 0);
	state = open_again(ctx);
	assert_runtime(state, "b=kept ");
	assert_int_equal(state_last_revision(state), 1);
	assert_fact(state, "seen", "1");
	state_close(state);
}

/* The whole file, or nothing when there is none. */
static struct buf slurp(const char *path)
{
	struct buf buf = {0};

	if (access(path, F_OK) == 0)
		OK(file_read(path, 1u << 24, &buf));
	return buf;
}

static void patch(const char *path, off_t offset, const void *data, size_t len)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, offset), len);
}

/* The change is still in the write-ahead log when the newer version's number gets into the header (bytes 60 to 63). */
static void test_newer_version_is_left_alone(void **ctx)
{
	_cleanup_(freep) char *file = in_dir(ctx, "state.db"), *wal = in_dir(ctx, "state.db-wal");
	_cleanup_(buf_free) struct buf before = {0}, before_wal = {0}, after = {0}, after_wal = {0};
	struct diag diag = {0};
	struct state *state;

	state_close(open_again(ctx));
	assert_int_equal(in_child(die_after_commit, ((struct place *)*ctx)->dir), 0);
	patch(file, 60, "\0\0\0\143", 4);
	before = slurp(file);
	before_wal = slurp(wal);
	assert_true(before_wal.len > 0);

	state = open_again(ctx);
	assert_true(state_newer(state));
	assert_false(state_changeable(state));
	state_warn(state, &diag);
	assert_int_equal(diag.n_warnings, 1);
	assert_non_null(strstr(diag.warnings[0], "only what gwd.yaml says runs"));
	diag_free(&diag);
	assert_runtime(state, "");
	assert_fact(state, "seen", NULL);
	assert_int_equal(state_last_revision(state), 0);
	assert_int_equal(state_begin(state, &diag), -EROFS);
	assert_refused(&diag, DIAG_INTERNAL, "written by a newer gwd");
	assert_int_equal(state_put(state, "seen", "2", &diag), -EROFS);
	assert_refused(&diag, DIAG_INTERNAL, "state/state.db");
	assert_int_equal(state_put_runtime(state, "x", "y", NULL, &root, &diag), -EROFS);
	diag_free(&diag);
	state_close(state);
	after = slurp(file);
	after_wal = slurp(wal);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	assert_int_equal(before_wal.len, after_wal.len);
	assert_memory_equal(before_wal.data, after_wal.data, before_wal.len);

	patch(file, 60, "\0\0\0\4", 4);
	state = open_again(ctx);
	assert_false(state_newer(state));
	assert_runtime(state, "b=kept ");
	state_close(state);
}

/* Files of the state directory that match, the first one's name in `ret`. */
static size_t find_files(void **ctx, const char *pattern, char **ret)
{
	_cleanup_(freep) char *path = in_dir(ctx, pattern);
	glob_t found = {0};
	size_t n = 0;

	if (glob(path, 0, NULL, &found) == 0)
		n = found.gl_pathc;
	if (n)
		*ret = xstrdup(found.gl_pathv[0]);
	globfree(&found);
	return n;
}

/* The database was made and then damaged: it is kept as it is, said so, and a new one works. */
static void assert_kept_aside(void **ctx, bool with_wal)
{
	_cleanup_(freep) char *file = in_dir(ctx, "state.db"), *kept = NULL, *kept_wal = NULL;
	_cleanup_(buf_free) struct buf damaged = slurp(file), aside = {0};
	struct diag diag = {0};
	struct state *state;

	OK(state_open(((struct place *)*ctx)->dir, &state, &diag));
	assert_int_equal(diag.n, 0);
	assert_int_equal(diag.n_warnings, 1);
	assert_int_equal(find_files(ctx, "state.db.corrupt-????????T??????Z", &kept), 1);
	if (with_wal)
		assert_int_equal(find_files(ctx, "state.db.corrupt-*-wal", &kept_wal), 1);
	assert_non_null(strstr(diag.warnings[0], "state.db is damaged ("));
	assert_non_null(strstr(diag.warnings[0], kept));
	diag_free(&diag);
	state_warn(state, &diag); /* as long as the file is there */
	assert_int_equal(diag.n_warnings, 1);
	assert_non_null(strstr(diag.warnings[0], kept));
	assert_non_null(strstr(diag.warnings[0], "restore"));
	diag_free(&diag);
	aside = slurp(kept);
	assert_int_equal(damaged.len, aside.len);
	assert_memory_equal(damaged.data ? damaged.data : "", aside.data ? aside.data : "", damaged.len);
	assert_runtime(state, "");
	begin(state);
	put_runtime(state, "new", "1");
	commit(state);
	state_close(state);
	state = open_again(ctx);
	assert_runtime(state, "new=1 ");
	state_close(state);
}

/* A database of many pages. */
static char *make_big(void **ctx)
{
	char *file = in_dir(ctx, "state.db");
	struct state *state = open_again(ctx);
	struct stat st;

	begin(state);
	for (int i = 0; i < 2000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "forward%d", i);
		put_runtime(state, name, "a service that is long enough to fill some pages with two thousand");
	}
	commit(state);
	state_close(state);
	OK(stat(file, &st));
	assert_true(st.st_size > 40 * 4096);
	return file;
}

static void test_garbage_is_kept_aside(void **ctx)
{
	_cleanup_(freep) char *file = make_big(ctx);

	patch(file, 0, "this is not a database", 22);
	assert_kept_aside(ctx, false);
}

static void test_damaged_page_is_kept_aside(void **ctx)
{
	_cleanup_(freep) char *file = make_big(ctx);
	char page[4096];

	memset(page, 0x5a, sizeof(page)); /* the header and the schema are whole: only quick_check sees it */
	patch(file, 30 * 4096, page, sizeof(page));
	assert_kept_aside(ctx, false);
}

static void test_truncated_is_kept_aside(void **ctx)
{
	_cleanup_(freep) char *file = make_big(ctx);

	OK(truncate(file, 20 * 4096 + 100));
	assert_kept_aside(ctx, false);
}

/* SQLite alone would take it for a new database, and throw away the log that still has the change. */
static void test_emptied_is_kept_aside(void **ctx)
{
	_cleanup_(freep) char *file = in_dir(ctx, "state.db");

	assert_int_equal(in_child(die_after_commit, ((struct place *)*ctx)->dir), 0);
	OK(truncate(file, 0));
	assert_kept_aside(ctx, true);
}

static int open_not_writable(const char *dir)
{
	struct diag diag = {0};
	struct state *state;

	if (drop_root() < 0 || access(dir, W_OK) == 0)
		return CANNOT_DROP;
	CHECK(state_open(dir, &state, &diag) == -EACCES);
	CHECK(diag.n == 1 && diag.kind == DIAG_INTERNAL);
	CHECK(strstr(diag.mistakes[0].message, dir));
	CHECK(strstr(diag.mistakes[0].message, ": the user that gwd runs as must be able to write"));
	return 0;
}

static void test_directory_not_writable(void **ctx)
{
	const char *names[] = {"state.db", "state.lock"}, *dir = ((struct place *)*ctx)->dir;

	OK(chmod(((struct place *)*ctx)->base, 0755));
	OK(mkdir(dir, 0555));
	int r = in_child(open_not_writable, dir);

	if (r == CANNOT_DROP) {
		print_message("# test_directory_not_writable: root cannot become another user here\n");
		OK(chmod(dir, 0755));
		skip();
	}
	assert_int_equal(r, 0); /* at the lock */
	OK(chmod(dir, 0755));
	state_close(open_again(ctx));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(freep) char *path = in_dir(ctx, names[i]);

		OK(geteuid() == 0 ? chown(path, NOBODY, NOBODY) : 0);
	}
	OK(chmod(dir, 0555));
	assert_int_equal(in_child(open_not_writable, dir), 0); /* at the write-ahead log */
	OK(chmod(dir, 0755));
}

static int write_proc(const char *path, const char *text)
{
	_cleanup_(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) > 0 ? 0 : -1;
}

/* Half a megabyte that only this process sees. */
static int small_disk(const char *dir)
{
	_cleanup_(freep) char *uids = xasprintf("0 %u 1", (unsigned)geteuid());
	_cleanup_(freep) char *gids = xasprintf("0 %u 1", (unsigned)getegid());
	bool as_root = geteuid() == 0;

	if (unshare(as_root ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -1;
	if (!as_root && (write_proc("/proc/self/uid_map", uids) < 0 || write_proc("/proc/self/setgroups", "deny") < 0 ||
			 write_proc("/proc/self/gid_map", gids) < 0))
		return -1;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("none", dir, "tmpfs", 0, "size=512k");
}

static int count_down(void *ctx, const char *name, const char *service, const char *boot)
{
	(void)name, (void)service, (void)boot;
	(*(int *)ctx)--;
	return 0;
}

static int fill_disk(const char *dir)
{
	char big[20000], name[32];
	struct diag diag = {0};
	struct state *state;
	int r = 0, n = 0;

	if (small_disk(dir) < 0)
		return SKIPPED;
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = 0;
	CHECK(state_open(dir, &state, &diag) == 0);
	while (r == 0 && n < 100) {
		snprintf(name, sizeof(name), "f%d", n);
		CHECK(state_begin(state, &diag) == 0);
		r = state_put_runtime(state, name, big, NULL, &root, &diag);
		if (r == 0)
			r = state_commit(state, &diag);
		n += r == 0;
	}
	state_abort(state);
	CHECK(r == -ENOSPC && n > 3);
	CHECK(diag.n == 1 && diag.kind == DIAG_INTERNAL);
	CHECK(strstr(diag.mistakes[0].message, "state.db: "));
	CHECK(strstr(diag.mistakes[0].message, "is full: free some space"));
	diag_free(&diag);
	state_close(state);
	CHECK(state_open(dir, &state, &diag) == 0); /* what was acknowledged is there, and nothing else */
	CHECK(diag.n_warnings == 0);
	CHECK(state_each_runtime(state, count_down, &n, &diag) == 0);
	CHECK(n == 0);
	state_close(state);
	return 0;
}

static void test_disk_full(void **ctx)
{
	const char *dir = ((struct place *)*ctx)->dir;
	int status;

	OK(mkdir(dir, 0700));
	status = in_child(fill_disk, dir);
	if (status == SKIPPED) {
		print_message("skipped: a small tmpfs in a mount namespace of our own is not allowed here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* ---- What is kept ------------------------------------------------------------------------------- */

static void test_facts(void **ctx)
{
	struct state *state = open_again(ctx);
	struct diag diag = {0};

	assert_fact(state, "wan", NULL);
	begin(state);
	OK(state_put(state, "wan", "eth0 ppp0", &diag));
	OK(state_put(state, "seen", "12", &diag));
	OK(state_put(state, "seen", "13", &diag));
	assert_fact(state, "seen", "13");
	commit(state);
	begin(state);
	OK(state_put(state, "wan", NULL, &diag));
	OK(state_put(state, "seen", "14", &diag));
	state_abort(state);
	state_abort(state); /* once more is no harm */
	state_close(state);
	state = open_again(ctx);
	assert_fact(state, "wan", "eth0 ppp0");
	assert_fact(state, "seen", "13");
	begin(state);
	OK(state_put(state, "wan", NULL, &diag));
	OK(state_put(state, "never", NULL, &diag));
	commit(state);
	assert_fact(state, "wan", NULL);
	state_close(state);
}

/* A caller that overlooks an error does not get half of its change. */
static void test_commit_after_error(void **ctx)
{
	struct state *state = open_again(ctx);
	struct diag diag = {0};

	begin(state);
	put_runtime(state, "a", "1");
	assert_int_equal(state_put_runtime(state, "b", NULL, NULL, &root, &diag), -EIO);
	assert_refused(&diag, DIAG_INTERNAL, "state.db: NOT NULL constraint failed: runtime.service");
	assert_int_equal(state_put_runtime(state, "c", "1", NULL, &root, &diag), -EIO);
	assert_refused(&diag, DIAG_INTERNAL, "given up after an earlier error");
	assert_int_equal(state_commit(state, &diag), -EIO);
	assert_refused(&diag, DIAG_INTERNAL, "given up after an earlier error");
	assert_runtime(state, "");
	begin(state);
	put_runtime(state, "d", "1");
	commit(state);
	assert_runtime(state, "d=1 ");
	state_close(state);
}

static int stop_at_b(void *ctx, const char *name, const char *service, const char *boot)
{
	join_runtime(ctx, name, service, boot);
	return streq(name, "b") ? 42 : 0;
}

static void test_runtime_keeps_order(void **ctx)
{
	_cleanup_(buf_free) struct buf buf = {0};
	struct state *state = open_again(ctx);
	struct diag diag = {0};

	begin(state);
	put_runtime(state, "z", "{\"é\":1}");
	put_runtime(state, "b", "2");
	put_runtime(state, "a", "3");
	put_runtime(state, "z", "4"); /* stays where it was */
	commit(state);
	assert_int_equal(state_each_runtime(state, stop_at_b, &buf, &diag), 42);
	assert_string_equal(buf.data, "z=4 b=2 ");
	begin(state);
	OK(state_del_runtime(state, "b", &diag));
	OK(state_del_runtime(state, "not there", &diag));
	put_runtime(state, "b", "5");
	commit(state);
	state_close(state);
	state = open_again(ctx);
	assert_runtime(state, "z=4 a=3 b=5 ");
	state_close(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_makes_directory),
		TEST(test_second_opener_is_refused),
		TEST(test_killed_holder_lets_go),
		TEST(test_death_is_all_or_nothing),
		TEST(test_newer_version_is_left_alone),
		TEST(test_garbage_is_kept_aside),
		TEST(test_damaged_page_is_kept_aside),
		TEST(test_truncated_is_kept_aside),
		TEST(test_emptied_is_kept_aside),
		TEST(test_directory_not_writable),
		TEST(test_disk_full),
		TEST(test_facts),
		TEST(test_commit_after_error),
		TEST(test_runtime_keeps_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
