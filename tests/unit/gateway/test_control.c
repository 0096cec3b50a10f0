#include "gateway/control.h"

#include "gateway/command.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Commands of this test: "later" is answered when the test says so, "big N" with N bytes, "bad"
 * with an error, everything else with itself. */
static struct {
	const struct command_reader *reader;
	void *ctx;
	unsigned runs, cancelled;
	bool endless; /* "later" ends when it is cancelled, and else does not mind */
} pending;

static unsigned accepts; /* were tried */
static int shortage;	 /* errno of those; 0: they succeed */

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	accepts++;
	if (shortage == 0)
		return (int)syscall(SYS_accept4, fd, addr, len, flags);
	errno = shortage;
	return -1;
}

static int no_call; /* stands for a call under way */

struct command_call *command_run(struct gateway *g, const char *line,
				 const struct command_reader *reader, void *ctx)
{
	unsigned long n;
	char *big;

	pending.runs++;
	if (strcmp(line, "later") == 0) {
		pending.reader = reader;
		pending.ctx = ctx;
		return (struct command_call *)&no_call;
	}
	if (strcmp(line, "bad") == 0) {
		reader->done(ctx, COMMAND_REFUSED, "no\n", 3);
	} else if (strcmp(line, "what") == 0) {
		reader->done(ctx, COMMAND_WRONG, "?\n", 2);
	} else if (sscanf(line, "big %lu", &n) == 1) {
		big = malloc(n);
		memset(big, 'b', n);
		reader->done(ctx, COMMAND_DONE, big, n);
		free(big);
	} else {
		reader->done(ctx, COMMAND_DONE, line, strlen(line));
	}
	return NULL;
}

void command_cancel(struct command_call *call)
{
	assert_ptr_equal(call, &no_call);
	pending.cancelled++;
	if (pending.endless)
		pending.reader->done(pending.ctx, COMMAND_REFUSED, "", 0);
}

static struct event_base *base;
static struct control *control;

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN); /* as isthmusd does: operators may leave */
	memset(&pending, 0, sizeof(pending));
	base = event_base_new();
	return base ? control_new(&control, base, NULL, -1, NULL) : -1;
}

static int teardown(void **state)
{
	control_free(control);
	event_base_free(base);
	return 0;
}

static int attach(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	assert_int_equal(control_attach(control, fd[0]), 0);
	return fd[1];
}

static void turn(void)
{
	for (unsigned i = 0; i < 8; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	turn();
}

static void expect_text(int fd, const char *want)
{
	char buf[512];
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	if (n < 0)
		n = 0;
	buf[n] = '\0';
	assert_string_equal(buf, want);
}

static void replies_are_framed(void **state)
{
	int fd = attach();

	say(fd, "show tunnels\n");
	expect_text(fd, "ok 12\nshow tunnels");
	say(fd, "bad\n");
	expect_text(fd, "error 3\nno\n");
	say(fd, "one\ntwo\n\nbad\n");
	expect_text(fd, "ok 3\none"
			"ok 3\ntwo"
			"ok 0\n"
			"error 3\nno\n");
	say(fd, "what\n");
	expect_text(fd, "wrong 2\n?\n");
	close(fd);
}

static void a_request_may_come_in_pieces(void **state)
{
	int fd = attach();

	say(fd, "sh");
	say(fd, "ow");
	expect_text(fd, "");
	say(fd, "\nne");
	expect_text(fd, "ok 4\nshow");
	say(fd, "xt\n");
	expect_text(fd, "ok 4\nnext");
	close(fd);
}

static void who_waits_holds_nobody_up(void **state)
{
	int a = attach(), b = attach();

	say(a, "later\nafter\n");
	say(b, "quick\n");
	expect_text(a, "");
	expect_text(b, "ok 5\nquick");
	pending.reader->done(pending.ctx, COMMAND_DONE, "done", 4);
	turn();
	expect_text(a, "ok 4\ndone"
		       "ok 5\nafter");
	close(a);
	close(b);
}

static void an_operator_may_leave_before_the_answer(void **state)
{
	int fd = attach();

	say(fd, "later\n");
	close(fd);
	turn();
	pending.reader->done(pending.ctx, COMMAND_DONE, "nobody reads this", 17);
	turn();
	fd = attach();
	say(fd, "x\n");
	expect_text(fd, "ok 1\nx");
	close(fd);
}

static void the_end_of_input_is_not_the_end_of_answers(void **state)
{
	int fd = attach();
	char byte;

	say(fd, "later\n");
	shutdown(fd, SHUT_WR);
	turn();
	pending.reader->done(pending.ctx, COMMAND_DONE, "yes", 3);
	turn();
	expect_text(fd, "ok 3\nyes");
	assert_int_equal(read(fd, &byte, 1), 0); /* closed by the server */
	close(fd);
}

static void a_command_may_answer_in_parts(void **state)
{
	int fd = attach();

	say(fd, "later\n");
	pending.reader->part(pending.ctx, false, "one", 3);
	turn();
	expect_text(fd, "more 3\none");
	assert_int_equal(pending.reader->unread(pending.ctx), 0);
	pending.reader->part(pending.ctx, true, "two", 3);
	assert_int_equal(pending.reader->unread(pending.ctx), strlen("page 3\ntwo"));
	pending.reader->done(pending.ctx, COMMAND_DONE, "end", 3);
	turn();
	expect_text(fd, "page 3\ntwo"
			"ok 3\nend");
	close(fd);
}

static void an_endless_command_ends_with_its_reader(void **state)
{
	int fd = attach();

	pending.endless = true;
	say(fd, "later\n");
	close(fd);
	turn();
	assert_int_equal(pending.cancelled, 1);
	fd = attach();
	say(fd, "\003\nlater\n");
	expect_text(fd, "");
	say(fd, "\003\n");
	assert_int_equal(pending.cancelled, 2);
	expect_text(fd, "error 0\n");
	close(fd);
	fd = attach();
	say(fd, "x\n");
	expect_text(fd, "ok 1\nx");
	say(fd, "later\n");
	control_free(control); /* the gateway stops */
	assert_int_equal(pending.cancelled, 3);
	assert_int_equal(control_new(&control, base, NULL, -1, NULL), 0);
	close(fd);
}

static void an_endless_line_is_refused(void **state)
{
	char big[COMMAND_LINE_MAX * 2];
	int fd = attach();

	memset(big, 'x', sizeof(big));
	assert_int_equal(write(fd, big, sizeof(big)), sizeof(big));
	turn();
	expect_text(fd, "wrong 24\nthe request is too long\n");
	assert_int_equal(pending.runs, 0);
	close(fd);
	turn();
	fd = attach();
	big[COMMAND_LINE_MAX] = '\n';
	assert_int_equal(write(fd, big, COMMAND_LINE_MAX + 1), COMMAND_LINE_MAX + 1);
	turn();
	expect_text(fd, "wrong 24\nthe request is too long\n");
	assert_int_equal(pending.runs, 0);
	close(fd);
}

static void who_does_not_read_gets_no_more(void **state)
{
	static char sink[1 << 20];
	unsigned replies = 0;
	int fd = attach();
	size_t all = 0;
	ssize_t n;

	for (unsigned i = 0; i < 20; i++)
		say(fd, "big 1000000\n");
	assert_true(pending.runs < 4);
	for (unsigned idle = 0; idle < 100; idle++) {
		while ((n = read(fd, sink, sizeof(sink))) > 0) {
			all += (size_t)n;
			idle = 0;
		}
		turn();
	}
	replies = pending.runs;
	assert_int_equal(replies, 20);
	assert_int_equal(all, 20 * (1000000 + strlen("ok 1000000\n")));
	close(fd);
}

static void the_next_operator_too_many_is_turned_away(void **state)
{
	int fd[CONTROL_OPERATORS], pair[2];

	for (unsigned i = 0; i < CONTROL_OPERATORS; i++)
		fd[i] = attach();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(control_attach(control, pair[0]), -EMFILE);
	close(pair[1]);
	for (unsigned i = 0; i < CONTROL_OPERATORS; i++)
		close(fd[i]);
	turn();
	fd[0] = attach();
	say(fd[0], "x\n");
	expect_text(fd[0], "ok 1\nx");
	close(fd[0]);
}

static void no_command_begins_when_it_closes(void **state)
{
	int fd = attach();

	say(fd, "later\nafter\n");
	assert_int_equal(pending.runs, 1);
	control_close(control);
	pending.reader->done(pending.ctx, COMMAND_DONE, "x", 1);
	turn();
	say(fd, "more\n");
	assert_int_equal(pending.runs, 1);
	expect_text(fd, "ok 1\nx");
	close(fd);
}

/* ---- the socket's place ------------------------------------------------------------------ */

static char dir[64], path[96], error[256];

static int make_dir(void **state)
{
	strcpy(dir, "/tmp/isthmus-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	error[0] = '\0';
	return 0;
}

static int remove_dir(void **state)
{
	unlink(path);
	return rmdir(dir);
}

static void the_socket_is_private(void **state)
{
	struct stat st;
	int fd;

	rmdir(dir); /* it is made again */
	fd = control_listen(path, error, sizeof(error));
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	close(fd);
}

static void a_loose_directory_is_refused(void **state)
{
	chmod(dir, 0770);
	assert_int_equal(control_listen(path, error, sizeof(error)), -EPERM);
	assert_non_null(strstr(error, "can be written by others (mode 0770); allowed: 0700"));
	chmod(dir, 0700);
}

static void a_stale_socket_is_replaced_and_a_live_one_is_not(void **state)
{
	int fd = control_listen(path, error, sizeof(error));

	assert_true(fd >= 0);
	assert_int_equal(control_listen(path, error, sizeof(error)), -EADDRINUSE);
	assert_non_null(strstr(error, "another isthmusd listens on"));
	close(fd); /* as after SIGKILL: the name stays */
	fd = control_listen(path, error, sizeof(error));
	assert_true(fd >= 0);
	close(fd);
}

static void a_file_in_its_place_is_not_touched(void **state)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	assert_int_equal(control_listen(path, error, sizeof(error)), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
}

static void a_path_too_long_is_named(void **state)
{
	char longest[200];

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(control_listen(longest, error, sizeof(error)), -ENAMETOOLONG);
}

/* Without descriptors the loop rests instead of trying again and again. */
static void who_cannot_be_taken_yet_waits(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct event_base *loop = event_base_new();
	int listener = control_listen(path, error, sizeof(error)), fd;
	struct control *c;

	signal(SIGPIPE, SIG_IGN);
	memset(&pending, 0, sizeof(pending));
	assert_int_equal(control_new(&c, loop, NULL, listener, path), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	strcpy(at.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(write(fd, "one\n", 4), 4);
	accepts = 0;
	shortage = EMFILE;
	for (unsigned i = 0; i < 100; i++)
		event_base_loop(loop, EVLOOP_NONBLOCK);
	assert_in_range(accepts, 1, 5);
	shortage = 0;
	while (pending.runs == 0)
		event_base_loop(loop, EVLOOP_ONCE);
	event_base_loop(loop, EVLOOP_NONBLOCK);
	expect_text(fd, "ok 3\none");
	close(fd);
	control_free(c);
	event_base_free(loop);
}

#define WITH_CONTROL(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
#define WITH_DIR(t)	cmocka_unit_test_setup_teardown(t, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CONTROL(replies_are_framed),
		WITH_CONTROL(a_request_may_come_in_pieces),
		WITH_CONTROL(who_waits_holds_nobody_up),
		WITH_CONTROL(an_operator_may_leave_before_the_answer),
		WITH_CONTROL(the_end_of_input_is_not_the_end_of_answers),
		WITH_CONTROL(a_command_may_answer_in_parts),
		WITH_CONTROL(an_endless_command_ends_with_its_reader),
		WITH_CONTROL(an_endless_line_is_refused),
		WITH_CONTROL(who_does_not_read_gets_no_more),
		WITH_CONTROL(the_next_operator_too_many_is_turned_away),
		WITH_CONTROL(no_command_begins_when_it_closes),
		WITH_DIR(who_cannot_be_taken_yet_waits),
		WITH_DIR(the_socket_is_private),
		WITH_DIR(a_loose_directory_is_refused),
		WITH_DIR(a_stale_socket_is_replaced_and_a_live_one_is_not),
		WITH_DIR(a_file_in_its_place_is_not_touched),
		cmocka_unit_test(a_path_too_long_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
