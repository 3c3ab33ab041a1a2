/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may do what, for how long, and what many clients at once can do to each other. */
#include "control_peer.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>

#include "control_socket.h"
#include "log.h"

#define NOBODY 65534
#define OTHER 65533
#define SHARE (CONTROL_CLIENTS_MAX / 2) /* of one user */
#define GROUP 54321

struct server {
	struct peer_server at;
	enum access access;
	struct caller who;
	struct client *held[SHARE]; /* called "a.hold" */
	size_t n_held, n_done, n_calls;
};

static struct server server;

static void list_done(void *ctx)
{
	struct server *s = ctx;

	s->n_done++;
}

static void on_call(void *ctx, struct client *client, const char *method, json_t *parameters, bool more)
{
	struct server *s = ctx;

	(void)parameters, (void)more;
	s->n_calls++;
	s->access = client_access(client);
	s->who = *client_who(client);
	if (streq(method, "a.hold")) {
		s->held[s->n_held++] = client;
	} else if (streq(method, "a.list")) {
		client_begin(client);
		client_reply(client, true);
		client_stream(client, &(struct stream){.done = list_done, .ctx = s, .bytes = 40u << 20});
	} else {
		client_begin(client);
		client_reply(client, false);
	}
}

static int setup(void **state)
{
	(void)state;
	server = (struct server){0};
	peer_server_start(&server.at, &(struct control_handler){.call = on_call, .ctx = &server});
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	peer_server_stop(&server.at);
	return 0;
}

static bool answers(int fd)
{
	static const char call[] = "{\"method\":\"a.b\"}";

	if (!peer_send(&server.at, fd, call, sizeof(call)))
		return false;
	json_auto_t *reply = peer_receive(&server.at, fd);
	return reply && !json_object_get(reply, "error");
}

static char *stranger_says; /* on each connection; NULL = nothing */
static size_t stranger_says_len;

/* Connects `n` times as that user in the group given, and stays until `stop` is closed. Exit status 1: the last
 * connection was not left alone. The server's own sockets must not live on here. */
static void be_stranger(int n, uid_t user, gid_t group, int stop, int ready)
{
	int last = -1;
	char byte;

	for (int fd = 3; fd < 3 * CONTROL_CLIENTS_MAX; fd++)
		if (fd != stop && fd != ready)
			close(fd);
	if (setgroups(group ? 1 : 0, &group) < 0 || setgid(NOBODY) < 0 || setuid(user) < 0)
		_exit(77);
	while (n--) {
		last = peer_connect(&server.at);
		if (stranger_says && send(last, stranger_says, stranger_says_len, MSG_NOSIGNAL) < 0)
			_exit(78);
	}
	(void)!write(ready, "r", 1);
	(void)!read(stop, &byte, 1);
	_exit(peer_readable(last));
}

static pid_t stranger(int n, uid_t user, gid_t group, int *ret_stop)
{
	int stop[2], ready[2];
	char byte;

	assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(stop[1]);
		close(ready[0]);
		be_stranger(n, user, group, stop[0], ready[1]);
	}
	close(stop[0]);
	close(ready[1]);
	struct pollfd p = {.fd = ready[0], .events = POLLIN};
	while (poll(&p, 1, 0) == 0)
		peer_turn(&server.at, 1);
	bool ok = read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	*ret_stop = stop[1];
	if (!ok) { /* no other users here */
		waitpid(pid, NULL, 0);
		close(stop[1]);
		return -1;
	}
	return pid;
}

static int dismiss(pid_t pid, int stop)
{
	int status = 0;

	close(stop);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_own_uid(void **state)
{
	int fd = peer_connect(&server.at);

	(void)state;
	assert_true(answers(fd));
	assert_int_equal(server.access, ACCESS_CHANGE);
	assert_int_equal(server.who.uid, getuid());
	assert_int_equal(server.who.pid, getpid());
	close(fd);
}

/* What control_peer makes of a process of the group. */
static enum access access_of_group(gid_t group, const struct control_groups *groups)
{
	_cleanup_(diag_free) struct diag diag = {0};
	_cleanup_(freep) char *path = xasprintf("%s/other", server.at.dir);
	struct peer_server at = {0};
	struct caller who;
	int stop, fd = -1;

	memcpy(&at, &server.at, sizeof(at));
	assert_int_equal(control_socket(path, 1, &fd, &diag), 0);
	snprintf(server.at.path, sizeof(server.at.path), "%s", path);
	pid_t pid = stranger(1, NOBODY, group, &stop);
	memcpy(server.at.path, at.path, sizeof(at.path));
	unlink(path);
	if (pid < 0) {
		close(fd);
		skip();
	}
	int peer = accept(fd, NULL, NULL);
	assert_true(peer >= 0);
	enum access access = control_peer(peer, groups, &who);
	assert_int_equal(who.uid, NOBODY);
	assert_int_equal(who.pid, pid);
	close(peer);
	close(fd);
	dismiss(pid, stop);
	return access;
}

static void test_groups(void **state)
{
	const gid_t none = (gid_t)-1;

	(void)state;
	assert_int_equal(access_of_group(0, &(struct control_groups){none, none}), ACCESS_NONE);
	assert_int_equal(access_of_group(GROUP, &(struct control_groups){none, none}), ACCESS_NONE);
	assert_int_equal(access_of_group(GROUP, &(struct control_groups){none, GROUP}), ACCESS_LOOK);
	assert_int_equal(access_of_group(GROUP, &(struct control_groups){GROUP, none}), ACCESS_CHANGE);
	assert_int_equal(access_of_group(GROUP, &(struct control_groups){NOBODY, GROUP}), ACCESS_CHANGE); /* primary */
	assert_int_equal(access_of_group(GROUP, &(struct control_groups){GROUP + 1, GROUP + 2}), ACCESS_NONE);
}

static bool room_for(rlim_t files)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < files ? limit.rlim_max : files;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == files;
}

/* When all places of a user are taken, its client longest without a request makes room; no other notices. Who may do
 * nothing does not push out who may, although there is no place left at all. */
static void test_thousand_idle(void **state)
{
	int fds[SHARE];

	(void)state;
	if (!room_for(2 * CONTROL_CLIENTS_MAX + 200))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = peer_connect(&server.at);
		if (i % 64 == 63)
			peer_turn(&server.at, 0);
	}
	assert_true(answers(fds[0])); /* now the second is the idlest */
	int fd = peer_connect(&server.at);
	assert_true(answers(fd));
	assert_true(peer_closed(&server.at, fds[1]));
	peer_turn(&server.at, 10);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		assert_true(i == 1 || !peer_readable(fds[i]));
	assert_true(answers(fds[2]));

	int stop, stop_other;
	pid_t pid = stranger(SHARE, NOBODY, 0, &stop);
	pid_t other = pid < 0 ? -1 : stranger(5, OTHER, 0, &stop_other);
	peer_turn(&server.at, 10);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_true(i == 1 || !peer_readable(fds[i]));
		close(fds[i]);
	}
	if (pid > 0)
		assert_int_equal(dismiss(pid, stop), 0); /* five of its older ones were */
	if (other > 0)
		assert_int_equal(dismiss(other, stop_other), 0);
	close(fd);
}

/* Who was answered, or is told what happens when it does, may be silent for as long as it likes. */
static void test_quiet(void **state)
{
	static const char list[] = "{\"method\":\"a.list\",\"more\":true}";
	int answered = peer_connect(&server.at), watching = peer_connect(&server.at);

	(void)state;
	control_set_patience(server.at.control, 60);
	assert_true(answers(answered));
	assert_true(peer_send(&server.at, watching, list, sizeof(list)));
	json_auto_t *reply = peer_receive(&server.at, watching);
	assert_non_null(reply);
	peer_turn(&server.at, 300);
	assert_false(peer_readable(answered));
	assert_false(peer_readable(watching));
	close(answered);
	close(watching);
}

/* A user who takes every place that it can get, and leaves none of them idle, stands in nobody's way but its own. */
static void test_one_user(void **state)
{
	static const char call[] = "{\"method\":\"a.hold\"}";
	int fds[SHARE], stop;

	(void)state;
	if (!room_for(2 * CONTROL_CLIENTS_MAX + 200))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = peer_connect(&server.at);
		assert_true(peer_send(&server.at, fds[i], call, sizeof(call)));
		peer_turn(&server.at, 0);
	}
	assert_int_equal(server.n_held, SHARE);
	int fd = peer_connect(&server.at);
	json_auto_t *reply = peer_receive(&server.at, fd);
	assert_string_equal(json_string_value(json_object_get(reply, "error")), "org.gwd.Gateway.Busy");
	assert_true(peer_closed(&server.at, fd));
	pid_t pid = stranger(1, NOBODY, 0, &stop);
	peer_turn(&server.at, 10);
	if (pid > 0)
		assert_int_equal(dismiss(pid, stop), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_false(peer_readable(fds[i]));
		client_begin(server.held[i]);
		client_reply(server.held[i], false);
		close(fds[i]);
	}
	close(fd);
}

static void test_thousand_strangers(void **state)
{
	int stop;

	(void)state;
	if (!room_for(2 * CONTROL_CLIENTS_MAX + 200))
		skip();
	pid_t pid = stranger(CONTROL_CLIENTS_MAX, NOBODY, 0, &stop);
	if (pid < 0)
		skip();
	int fd = peer_connect(&server.at);
	assert_true(answers(fd));
	assert_int_equal(server.access, ACCESS_CHANGE);
	close(fd);
	assert_int_equal(dismiss(pid, stop), 0); /* the newest of them is not the one to go */
}

/* `n` clients more with a message of so many bytes begun; how many of them were cut for it. */
static int begin_messages(int *fds, int n, size_t size)
{
	_cleanup_(freep) char *text = xmalloc(size);
	int cut = 0;

	memset(text, ' ', size);
	for (int i = 0; i < n; i++) {
		fds[i] = peer_connect(&server.at);
		bool sent = peer_send(&server.at, fds[i], text, size);
		peer_turn(&server.at, 0);
		cut += !sent || peer_readable(fds[i]);
	}
	return cut;
}

/* Together they cannot make us hold more than a small machine has; who holds little is never blamed, and who is done
 * holds nothing. */
static void test_memory(void **state)
{
	enum { BIG = 6, MIDDLE = 40, SMALL = 80 };
	int fds[BIG + MIDDLE + SMALL];

	(void)state;
	assert_in_range(begin_messages(fds, BIG, 15 << 20), 1, BIG - 2);
	assert_in_range(begin_messages(fds + BIG, MIDDLE, 1 << 20), 1, MIDDLE);
	assert_int_equal(begin_messages(fds + BIG + MIDDLE, SMALL, 50000), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	peer_turn(&server.at, 10);

	for (int i = 0; i < BIG; i++) {
		assert_int_equal(begin_messages(fds + i, 1, 15 << 20), 0);
		assert_true(answers(fds[i]));
	}
	for (int i = 0; i < BIG; i++) {
		assert_false(peer_readable(fds[i]));
		close(fds[i]);
	}
}

/* A list that nobody fetches is held for its client as a begun message is. */
static void test_memory_of_lists(void **state)
{
	static const char call[] = "{\"method\":\"a.list\",\"more\":true}";
	int fds[2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = peer_connect(&server.at);
		assert_true(peer_send(&server.at, fds[i], call, sizeof(call)));
		peer_turn(&server.at, 10);
		assert_int_equal(server.n_done, i);
	}
	close(fds[0]);
	peer_turn(&server.at, 10);
	assert_int_equal(server.n_done, 2);
	assert_int_equal(begin_messages(fds, 1, 15 << 20), 0); /* nothing of it is left in the books */
	assert_true(answers(fds[0]));
	close(fds[0]);
	close(fds[1]);
}

/* Strangers who begin messages take nothing of what those who may do something can send. */
static void test_memory_of_strangers(void **state)
{
	int fds[3], stop;

	(void)state;
	if (!room_for(2 * CONTROL_CLIENTS_MAX + 200))
		skip();
	stranger_says = xasprintf("%*s", 4000, "");
	stranger_says_len = 4000;
	pid_t pid = stranger(SHARE, NOBODY, 0, &stop);
	free(stranger_says);
	stranger_says = NULL;
	if (pid < 0)
		skip();
	for (int i = 0; i < 100; i++)
		peer_turn(&server.at, 2); /* all that was sent is taken */
	assert_int_equal(begin_messages(fds, 3, 15 << 20), 0);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_true(answers(fds[i]));
		close(fds[i]);
	}
	assert_int_equal(dismiss(pid, stop), 0);
}

/* Parsing what is long takes longer than all that a stranger may ask. */
static void test_long_of_stranger(void **state)
{
	static const char *const ends[] = {"", "}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		int stop;

		stranger_says = xasprintf("{\"method\":\"a.b\"%*s%s", 5000, "", ends[i]);
		stranger_says_len = strlen(stranger_says) + i;
		pid_t pid = stranger(1, NOBODY, 0, &stop);
		free(stranger_says);
		stranger_says = NULL;
		if (pid < 0)
			skip();
		for (int turn = 0; turn < 20; turn++)
			peer_turn(&server.at, 2);
		assert_int_equal(dismiss(pid, stop), 1);
		assert_int_equal(server.n_calls, 0);
	}
}

/* Out of file descriptors: who is in is served, who comes waits until there are some. */
static void test_no_descriptors(void **state)
{
	struct rlimit limit, few;
	int in = peer_connect(&server.at);

	(void)state;
	assert_true(answers(in));
	int late = peer_connect(&server.at);
	getrlimit(RLIMIT_NOFILE, &limit);
	few = (struct rlimit){.rlim_cur = (rlim_t)late + 1, .rlim_max = limit.rlim_max};
	log_set_level(LOG_ERROR);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	peer_turn(&server.at, 10);
	assert_true(answers(in));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(answers(late));
	log_set_level(LOG_INFO);
	close(in);
	close(late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own_uid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thousand_idle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thousand_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_of_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_of_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_of_stranger, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptors, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
