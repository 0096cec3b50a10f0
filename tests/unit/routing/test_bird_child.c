/* A program of ours is started as asked, watched, started again and ended with us. */
#include "tests/unit/unit.h"

#include "routing/bird_child.h"
#include "routing/bird_files.h"
#include "routing/bird_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND	 UINT64_C(1000000)
#define PATIENCE (60 * SECOND)

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec / 1000;
}

struct bed {
	struct bird_files *files;
	struct bird_child *child;
	int netns;
	char program[64]; /* a script that plays BIRD; "" for BIRD itself */
	char said[8192];
	char changed[8192];
	char checked[600];
};

static void on_said(void *ctx, enum bird_child_level level, const char *line)
{
	struct bed *b = ctx;
	size_t n = strlen(b->said);

	snprintf(b->said + n, sizeof(b->said) - n, "%c %s\n", "EWI"[level], line);
}

static void on_changed(void *ctx, enum bird_child_state child, const char *text)
{
	struct bed *b = ctx;
	size_t n = strlen(b->changed);

	snprintf(b->changed + n, sizeof(b->changed) - n, "%d %s\n", child, text);
}

static void on_checked(void *ctx, int rc, const char *text)
{
	struct bed *b = ctx;

	snprintf(b->checked, sizeof(b->checked), "%d %s", rc, text);
}

static const struct bird_child_ops ops = { on_said, on_changed, on_checked };

static void write_program(struct bed *b, const char *script)
{
	FILE *f;

	snprintf(b->program, sizeof(b->program), "/tmp/test_bird_child.%d", getpid());
	f = fopen(b->program, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	fclose(f);
	assert_int_equal(chmod(b->program, 0755), 0);
}

static void bed_open(struct bed *b, const char *script)
{
	struct bird_child_setup setup = { .ops = &ops, .ctx = b };
	struct bird_config empty = { .interface = "isthmus0" };
	int home;

	*b = (struct bed){ 0 };
	if (geteuid() != 0)
		skip();
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	setup.netns = b->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
	assert_int_equal(bird_user(&setup.uid, &setup.gid), 0);
	assert_int_equal(bird_files_open(&b->files, NULL, setup.uid, setup.gid), 0);
	assert_int_equal(bird_files_write(b->files, &empty), 0);
	assert_int_equal(bird_files_commit(b->files), 0);
	setup.files = b->files;
	if (script) {
		write_program(b, script);
		setup.program = b->program;
	}
	assert_int_equal(bird_child_new(&b->child, &setup), 0);
}

static void bed_close(struct bed *b)
{
	bird_child_free(b->child);
	bird_files_close(b->files);
	close(b->netns);
	if (b->program[0])
		unlink(b->program);
}

/* Runs the child's loop until done says so. */
static void until(struct bed *b, bool (*done)(const struct bed *b))
{
	uint64_t end = clock_us() + PATIENCE;

	while (!done(b)) {
		struct pollfd p = { .fd = bird_child_fd(b->child), .events = POLLIN };
		uint64_t now = clock_us(), next = bird_child_poll(b->child, now),
			 wait = SECOND / 10;

		if (now > end)
			fail_msg("waited in vain; it said:\n%s\nand was:\n%s", b->said, b->changed);
		if (next < now + wait)
			wait = next > now ? next - now : 0;
		poll(&p, 1, (int)(wait / 1000) + 1);
	}
}

static bool is_stopped(const struct bed *b)
{
	return bird_child_state(b->child) == BIRD_CHILD_STOPPED;
}

static bool started_thrice(const struct bed *b)
{
	return bird_child_starts(b->child) == 3;
}

static bool said_ready(const struct bed *b)
{
	return strstr(b->said, "ready\n") != NULL;
}

static void told_and_stopped(void **state)
{
	struct bed b;

	bed_open(&b, "trap 'echo \"2026-11-22 08:13:44 <FATAL> gone\"; exit 0' TERM\n"
		     "echo \"$@\"\n"
		     "echo '2026-11-22 08:13:44.257 <WARN> careful'\n"
		     "echo '2026-11-22 08:13:44.257 <ERR> wrong' >&2\n"
		     "printf 'no newline, ready\\n'\n"
		     "while :; do sleep 0.05; done");
	assert_int_equal(bird_child_state(b.child), BIRD_CHILD_STOPPED);
	bird_child_start(b.child, clock_us());
	assert_int_equal(bird_child_state(b.child), BIRD_CHILD_RUNNING);
	assert_true(bird_child_pid(b.child) > 0);
	until(&b, said_ready);
	bird_child_stop(b.child, clock_us());
	until(&b, is_stopped);
	assert_int_equal(bird_child_pid(b.child), 0);
	assert_non_null(strstr(b.said, "W -f -c /proc/self/fd/"));
	assert_non_null(strstr(b.said, "W careful\n"));
	assert_non_null(strstr(b.said, "E wrong\n"));
	assert_non_null(strstr(b.said, "I gone\n")); /* as it should */
	assert_non_null(strstr(b.changed, "1 runs as process "));
	assert_non_null(strstr(b.changed, "0 exited with status 0 after "));
	bed_close(&b);
}

static bool is_checked(const struct bed *b)
{
	return b->checked[0] != '\0';
}

/* Nobody waits while it thinks: asking takes no longer than starting it. */
static void asked_without_waiting(void **state)
{
	uint64_t begin;
	struct bed b;

	bed_open(&b, "echo \"$1 thinks\"; sleep 1; echo; exit 3");
	begin = clock_us();
	assert_int_equal(bird_child_check(b.child, begin), 0);
	assert_int_equal(bird_child_check(b.child, begin), -EBUSY);
	bird_child_poll(b.child, clock_us());
	assert_false(is_checked(&b));
	assert_true(clock_us() - begin < SECOND);
	until(&b, is_checked);
	assert_string_equal(b.checked, "-22 -p thinks");
	assert_int_equal(bird_child_state(b.child), BIRD_CHILD_STOPPED);
	bed_close(&b);
}

/* One that does not answer is killed when its time is over, or ours. */
static void asked_in_vain(void **state)
{
	struct bed b;

	bed_open(&b, "exec sleep 1000");
	assert_int_equal(bird_child_check(b.child, clock_us()), 0);
	bird_child_poll(b.child, clock_us() + 9 * SECOND);
	assert_false(is_checked(&b));
	bird_child_poll(b.child, clock_us() + 11 * SECOND);
	assert_true(is_checked(&b));
	assert_int_equal(atoi(b.checked), -ETIMEDOUT);
	assert_int_equal(bird_child_check(b.child, clock_us()), 0);
	bed_close(&b);
}

static bool is_waiting(const struct bed *b)
{
	return bird_child_state(b->child) == BIRD_CHILD_WAITING;
}

static void started_again_with_back_off(void **state)
{
	struct bed b;

	bed_open(&b, "echo \"$@\"; exit 3");
	bird_child_start(b.child, clock_us());
	until(&b, started_thrice);
	bird_child_stop(b.child, clock_us());
	until(&b, is_stopped);
	assert_non_null(strstr(b.said, "W -f -c /proc/self/fd/"));
	assert_non_null(strstr(b.said, "bird.ctl -R\n")); /* from the second start on */
	assert_non_null(strstr(b.changed, "2 exited with status 3 after "));
	assert_non_null(strstr(b.changed, "; again in 0.1 s\n"));
	assert_non_null(strstr(b.changed, "; again in 0.2 s\n"));
	/* Recovering from the second time on. */
	assert_null(memmem(b.said, strcspn(b.said, "\n"), "-R", 2));
	assert_non_null(strstr(b.said, "bird.ctl -R\n"));
	bed_close(&b);
}

static void killed_when_it_will_not_go(void **state)
{
	struct bed b;

	bed_open(&b, "trap '' TERM; echo ready; while :; do sleep 0.05; done");
	bird_child_start(b.child, clock_us());
	until(&b, said_ready);
	bird_child_stop(b.child, clock_us());
	until(&b, is_stopped);
	assert_non_null(strstr(b.changed, "0 killed by signal 9 (Killed) after "));
	bed_close(&b);
}

static bool said_ready_twice(const struct bed *b)
{
	const char *first = strstr(b->said, "ready\n");

	return first && strstr(first + 1, "ready\n");
}

/* One that hangs cannot be asked to end; the next one has what its peers still hold. */
static void killed_when_it_hangs(void **state)
{
	struct bed b;

	bed_open(&b, "echo \"$@\"; echo ready; while :; do sleep 0.05; done");
	bird_child_start(b.child, clock_us());
	until(&b, said_ready);
	kill(bird_child_pid(b.child), SIGSTOP);
	bird_child_kill(b.child, "no answer for 60 s");
	bird_child_kill(b.child, "twice");
	until(&b, said_ready_twice);
	assert_non_null(strstr(b.changed, "2 killed after "));
	assert_non_null(strstr(b.changed, " s: no answer for 60 s; again in 0.1 s\n"));
	assert_null(strstr(b.changed, "twice"));
	assert_non_null(strstr(b.said, "bird.ctl -R\n"));
	kill(bird_child_pid(b.child), SIGKILL); /* this end has another reason */
	while (bird_child_state(b.child) != BIRD_CHILD_WAITING)
		bird_child_poll(b.child, clock_us());
	assert_non_null(strstr(b.changed, "2 killed by signal 9 (Killed) after "));
	bed_close(&b);
}

/* What made it end may be mended: the wait is over, what its peers hold is not. */
static void started_before_its_time(void **state)
{
	struct bed b;

	bed_open(&b, "echo \"$@\"; exit 3");
	bird_child_start(b.child, clock_us());
	until(&b, started_thrice);
	until(&b, is_waiting);
	bird_child_start(b.child, clock_us());
	assert_int_equal(bird_child_state(b.child), BIRD_CHILD_RUNNING);
	b.said[0] = '\0';
	until(&b, is_waiting);
	assert_non_null(strstr(b.said, "bird.ctl -R\n"));
	assert_non_null(strstr(strrchr(b.changed, ';'), "; again in 0.1 s\n"));
	bed_close(&b);
}

/* BIRD tells since when a session is up in local time, which must be ours. */
static void has_our_time_zone(void **state)
{
	struct bed b;

	setenv("TZ", "Asia/Kolkata", 1);
	bed_open(&b, "echo \"zone $TZ, $LANG\"; echo ready; while :; do sleep 0.05; done");
	bird_child_start(b.child, clock_us());
	until(&b, said_ready);
	assert_non_null(strstr(b.said, "zone Asia/Kolkata, C\n"));
	unsetenv("TZ");
	bed_close(&b);
}

static void cannot_be_started(void **state)
{
	struct bed b;

	bed_open(&b, "exit 0");
	unlink(b.program);
	bird_child_start(b.child, clock_us());
	assert_int_equal(bird_child_state(b.child), BIRD_CHILD_WAITING);
	assert_non_null(strstr(b.changed, "2 cannot be started: /tmp/test_bird_child."));
	assert_non_null(strstr(b.changed, ": No such file or directory; again in 0.1 s\n"));
	bird_child_stop(b.child, clock_us());
	assert_int_equal(bird_child_state(b.child), BIRD_CHILD_STOPPED);
	bed_close(&b);
}

static void a_line_too_long(void **state)
{
	struct bed b;

	bed_open(&b,
		 "head -c 5000 /dev/zero | tr '\\0' x; printf '\\na\\000b\\nready\\n'; sleep 100");
	bird_child_start(b.child, clock_us());
	until(&b, said_ready);
	assert_int_equal(strspn(b.said + 2, "x"), 1023);
	assert_non_null(strstr(b.said, "x\nW a?b\nW ready\n"));
	bed_close(&b);
}

/* Another user, in the shard's namespace, with three capabilities and nothing else of ours. */
static void unprivileged(void **state)
{
	char ours[64], line[128];
	struct stat netns;
	struct bed b;
	int leak =
		fcntl(STDIN_FILENO, F_DUPFD, 200); /* not close-on-exec, and nobody else's number */

	bed_open(
		&b,
		"grep -E 'Uid|Groups|CapEff|CapBnd|NoNewPrivs' /proc/self/status\n"
		"stat -L -c 'ns %i' /proc/self/ns/net; ls /proc/$$/fd | sort -n | tr '\\n' ' '; pwd; umask\n"
		"ulimit -n; env | sort | tr '\\n' ' '; echo ready; sleep 100");
	bird_child_start(b.child, clock_us());
	until(&b, said_ready);
	assert_int_equal(fstat(b.netns, &netns), 0);
	snprintf(line, sizeof(line), "W ns %lu\n", (unsigned long)netns.st_ino);
	assert_non_null(strstr(b.said, line));
	snprintf(ours, sizeof(ours), " %d ", leak);
	assert_non_null(strstr(b.said, "W 0 1 2 "));
	assert_null(strstr(b.said, ours));
	assert_null(strstr(b.said, "Uid:\t0"));
	assert_non_null(strstr(b.said, "CapEff:\t0000000000003400\n"));
	assert_non_null(strstr(b.said, "CapBnd:\t0000000000003400\n"));
	assert_non_null(strstr(b.said, "NoNewPrivs:\t1\n"));
	assert_non_null(strstr(b.said, "W 0077\n"));
	close(leak);
	bed_close(&b);
}

static bool is_gone(pid_t pid)
{
	char path[64], text[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return true;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return strstr(text, ") Z ") != NULL;
}

/* Our process is killed: BIRD goes with it. */
static void never_orphaned(void **state)
{
	int pipe_fd[2], status;
	pid_t us, bird = 0;

	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(pipe_fd), 0);
	us = fork();
	if (us == 0) {
		struct bed b;

		bed_open(&b, NULL);
		bird_child_start(b.child, clock_us());
		bird = bird_child_pid(b.child);
		if (write(pipe_fd[1], &bird, sizeof(bird)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(pipe_fd[0], &bird, sizeof(bird)), sizeof(bird));
	assert_false(is_gone(bird));
	kill(us, SIGKILL);
	assert_int_equal(waitpid(us, &status, 0), us);
	for (uint64_t end = clock_us() + PATIENCE; !is_gone(bird); usleep(1000))
		assert_true(clock_us() < end);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

static bool bird_started(const struct bed *b)
{
	return strstr(b->said, "I Started\n") != NULL;
}

static bool bird_started_twice(const struct bed *b)
{
	const char *first = strstr(b->said, "I Started\n");

	return first && strstr(first + 1, "I Started\n");
}

static void the_real_one(void **state)
{
	struct stat socket;
	struct bed b;

	bed_open(&b, NULL);
	bird_child_start(b.child, clock_us());
	until(&b, bird_started);
	assert_int_equal(stat(bird_files_socket(b.files), &socket), 0);
	assert_true(S_ISSOCK(socket.st_mode));
	/* A crash leaves its socket; the next one takes its place. */
	kill(bird_child_pid(b.child), SIGKILL);
	until(&b, bird_started_twice);
	bird_child_stop(b.child, clock_us());
	until(&b, is_stopped);
	assert_null(strstr(b.said, "E "));
	bed_close(&b);
}

/* A test that failed left its program. */
static int sweep(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/test_bird_child.%d", getpid());
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_and_stopped),
		cmocka_unit_test(asked_without_waiting),
		cmocka_unit_test(asked_in_vain),
		cmocka_unit_test(started_again_with_back_off),
		cmocka_unit_test(killed_when_it_will_not_go),
		cmocka_unit_test(killed_when_it_hangs),
		cmocka_unit_test(started_before_its_time),
		cmocka_unit_test(cannot_be_started),
		cmocka_unit_test(has_our_time_zone),
		cmocka_unit_test(a_line_too_long),
		cmocka_unit_test(unprivileged),
		cmocka_unit_test(never_orphaned),
		cmocka_unit_test(the_real_one),
	};

	return cmocka_run_group_tests(tests, NULL, sweep);
}
