#include "routing/bird_child.h"

#include "routing/bird_files.h"
#include "routing/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND	       ((uint64_t)1000000)
#define BACKOFF_FIRST  (SECOND / 10)
#define BACKOFF_MOST   (10 * SECOND)
#define STABLE	       (30 * SECOND) /* after this long an end is not its beginning's fault */
#define KILL_AFTER     (2 * SECOND)
#define CHECK_MOST     (10 * SECOND)
#define LINES_AT_ONCE  256 /* of its log in one poll */
#define LINE_MAX_BYTES 1024

/* Port 179, raw priorities of its sockets and binding them to the device. */
#define CAPABILITIES                                                          \
	(UINT64_C(1) << CAP_NET_BIND_SERVICE | UINT64_C(1) << CAP_NET_ADMIN | \
	 UINT64_C(1) << CAP_NET_RAW)

/* One that only parses. */
struct checker {
	pid_t pid;
	int pidfd, output; /* -1: none */
	uint64_t until;
	size_t len;
	char text[512]; /* what it printed; the rest is left out */
};

struct bird_child {
	struct bird_child_setup setup;
	char program[128];
	int epoll, pidfd, log;
	pid_t pid;
	enum bird_child_state state;
	uint64_t since, backoff, at; /* at: of the next start, or of SIGKILL */
	bool stopping, wanted;
	bool again; /* the next start follows an end that nobody asked for */
	unsigned starts;
	unsigned line_len;
	bool line_cut; /* the rest of a line that was too long */
	char line[LINE_MAX_BYTES];
	struct checker checker;
};

int bird_program(char *path, size_t size)
{
	static const char *const places[] = { "/usr/sbin/bird", "/usr/local/sbin/bird",
					      "/usr/bin/bird", "/sbin/bird" };

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], X_OK) != 0)
			continue;
		return snprintf(path, size, "%s", places[i]) < (int)size ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}

int bird_user(uid_t *uid, gid_t *gid)
{
	const struct passwd *pw = getpwnam("bird");

	if (!pw)
		pw = getpwnam("nobody");
	if (!pw)
		return -ENOENT;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

/* ---- state -------------------------------------------------------------------------------- */

static void change(struct bird_child *c, enum bird_child_state state, uint64_t now, const char *fmt,
		   ...) __attribute__((format(printf, 4, 5)));

static void change(struct bird_child *c, enum bird_child_state state, uint64_t now, const char *fmt,
		   ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->state = state;
	c->since = now;
	c->setup.ops->changed(c->setup.ctx, state, text);
}

static void come_back(struct bird_child *c, uint64_t now, const char *what)
{
	c->at = now + c->backoff;
	change(c, BIRD_CHILD_WAITING, now, "%s; again in %.1f s", what,
	       (double)c->backoff / SECOND);
	c->backoff = 2 * c->backoff < BACKOFF_MOST ? 2 * c->backoff : BACKOFF_MOST;
}

/* ---- its log ------------------------------------------------------------------------------ */

/* "2026-11-22 08:13:44.257 <WARN> text" */
static void say(struct bird_child *c, char *line)
{
	static const struct {
		const char *class;
		enum bird_child_level level;
	} classes[] = {
		{ "<WARN> ", BIRD_SAYS_WARNING }, { "<ERR> ", BIRD_SAYS_ERROR },
		{ "<AUTH> ", BIRD_SAYS_WARNING }, { "<FATAL> ", BIRD_SAYS_ERROR },
		{ "<BUG> ", BIRD_SAYS_ERROR },	  { "<INFO> ", BIRD_SAYS_INFO },
		{ "<RMT> ", BIRD_SAYS_INFO },
	};

	for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		const char *at = strstr(line, classes[i].class);

		if (at && at - line < 40) {
			/* Its last word is of the class "fatal", also when we asked for it. */
			c->setup.ops->said(c->setup.ctx,
					   c->stopping ? BIRD_SAYS_INFO : classes[i].level,
					   at + strlen(classes[i].class));
			return;
		}
	}
	c->setup.ops->said(c->setup.ctx, BIRD_SAYS_WARNING, line);
}

static void end_line(struct bird_child *c)
{
	c->line[c->line_len] = '\0';
	if (c->line_len > 0 && !c->line_cut)
		say(c, c->line);
	c->line_len = 0;
	c->line_cut = false;
}

static unsigned take_text(struct bird_child *c, const char *text, size_t len)
{
	unsigned lines = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n') {
			end_line(c);
			lines++;
			continue;
		}
		if (c->line_len == sizeof(c->line) - 1) {
			end_line(c);
			c->line_cut = true;
		}
		if (!c->line_cut)
			c->line[c->line_len++] = text[i] ? text[i] : '?';
	}
	return lines;
}

/* All that is there, but no more than a burst. */
static void read_log(struct bird_child *c)
{
	char text[4096];

	for (unsigned lines = 0; c->log >= 0 && lines < LINES_AT_ONCE;) {
		ssize_t n = read(c->log, text, sizeof(text));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(c->log);
			c->log = -1;
			return;
		}
		lines += take_text(c, text, (size_t)n);
	}
}

static void close_log(struct bird_child *c)
{
	read_log(c);
	if (c->log >= 0)
		close(c->log);
	c->log = -1;
	end_line(c);
}

/* ---- life --------------------------------------------------------------------------------- */

static int run(const struct bird_child *c, char *const *argv, pid_t *pid, int *pidfd, int *output,
	       const char **step)
{
	struct spawn s = {
		.program = c->program,
		.argv = argv,
		.netns = c->setup.netns,
		.keep = bird_files_fd(c->setup.files),
		.uid = c->setup.uid,
		.gid = c->setup.gid,
		.capabilities = CAPABILITIES,
	};
	int pipe[2], rc;

	*step = "pipe";
	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -errno;
	s.output = pipe[1];
	rc = spawn(&s, pid, pidfd, step);
	close(pipe[1]);
	if (rc < 0)
		close(pipe[0]);
	else
		*output = pipe[0];
	return rc;
}

static int watch(struct bird_child *c, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int wait_for(int pidfd, int *code, int *status)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
		return -errno;
	*code = info.si_code;
	*status = info.si_status;
	return 0;
}

static void end_at_once(struct bird_child *c)
{
	int code, status;

	if (c->pidfd >= 0) {
		pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
		wait_for(c->pidfd, &code, &status);
		close(c->pidfd);
	}
	c->pidfd = -1;
	c->pid = 0;
	close_log(c);
}

static void start(struct bird_child *c, uint64_t now)
{
	const char *current = bird_files_current(c->setup.files);
	const char *socket = bird_files_socket(c->setup.files);
	/* -R comes last: it is for another start only. */
	char *argv[] = {
		"bird", "-f", "-c", (char *)current, "-s", (char *)socket, c->again ? "-R" : NULL,
		NULL
	};
	const char *step;
	char what[160];
	int rc;

	rc = run(c, argv, &c->pid, &c->pidfd, &c->log, &step);
	if (rc == 0) {
		step = "watching it";
		fcntl(c->log, F_SETFL, O_NONBLOCK);
		rc = watch(c, c->log);
		rc = rc < 0 ? rc : watch(c, c->pidfd);
		if (rc < 0)
			end_at_once(c);
	}
	if (rc < 0) {
		c->pid = 0;
		snprintf(what, sizeof(what), "cannot be started: %s: %s", step, strerror(-rc));
		come_back(c, now, what);
		return;
	}
	c->starts++;
	change(c, BIRD_CHILD_RUNNING, now, "runs as process %d", (int)c->pid);
}

static void ended(struct bird_child *c, uint64_t now)
{
	double age = (double)(now - c->since) / SECOND;
	int code = 0, status = 0;
	char what[160];

	wait_for(c->pidfd, &code, &status);
	close(c->pidfd);
	c->pidfd = -1;
	c->pid = 0;
	close_log(c);
	if (code == CLD_EXITED)
		snprintf(what, sizeof(what), "exited with status %d after %.1f s", status, age);
	else
		snprintf(what, sizeof(what), "killed by signal %d (%s) after %.1f s", status,
			 strsignal(status), age);
	if (!c->wanted) {
		c->stopping = false;
		change(c, BIRD_CHILD_STOPPED, now, "%s", what);
		return;
	}
	c->stopping = false;
	c->again = true;
	if (now - c->since >= STABLE)
		c->backoff = BACKOFF_FIRST;
	come_back(c, now, what);
}

static bool has_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return pidfd >= 0 && poll(&p, 1, 0) == 1;
}

/* ---- asking one --------------------------------------------------------------------------- */

static void close_checker(struct checker *k)
{
	if (k->output >= 0)
		close(k->output);
	if (k->pidfd >= 0)
		close(k->pidfd);
	k->output = k->pidfd = -1;
	k->until = UINT64_MAX;
}

static void kill_checker(struct checker *k)
{
	int code, status;

	if (k->pidfd < 0)
		return;
	pidfd_send_signal(k->pidfd, SIGKILL, NULL, 0);
	wait_for(k->pidfd, &code, &status);
	close_checker(k);
}

static void read_checker(struct checker *k)
{
	char more[512];
	ssize_t n;

	while (k->output >= 0) {
		n = read(k->output, more, sizeof(more));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close(k->output);
			k->output = -1;
			return;
		}
		for (ssize_t i = 0; i < n && k->len + 1 < sizeof(k->text); i++)
			k->text[k->len++] = more[i];
	}
}

static void poll_checker(struct bird_child *c, uint64_t now)
{
	struct checker *k = &c->checker;
	int code = 0, status = 0, rc;

	if (k->pidfd < 0)
		return;
	read_checker(k);
	if (!has_ended(k->pidfd)) {
		if (now < k->until)
			return;
		kill_checker(k);
		c->setup.ops->checked(c->setup.ctx, -ETIMEDOUT, strerror(ETIMEDOUT));
		return;
	}
	rc = wait_for(k->pidfd, &code, &status);
	read_checker(k);
	close_checker(k);
	while (k->len > 0 && k->text[k->len - 1] == '\n')
		k->len--;
	k->text[k->len] = '\0';
	if (rc == 0 && (code != CLD_EXITED || status != 0))
		rc = -EINVAL;
	c->setup.ops->checked(c->setup.ctx, rc, k->text);
}

int bird_child_check(struct bird_child *c, uint64_t now)
{
	char *argv[] = { "bird", "-p", "-c", (char *)bird_files_next(c->setup.files), NULL };
	struct checker *k = &c->checker;
	const char *step;
	int rc;

	if (k->pidfd >= 0)
		return -EBUSY;
	k->len = 0;
	rc = run(c, argv, &k->pid, &k->pidfd, &k->output, &step);
	if (rc < 0) {
		k->output = k->pidfd = -1;
		return rc;
	}
	k->until = now + CHECK_MOST;
	fcntl(k->output, F_SETFL, O_NONBLOCK);
	rc = watch(c, k->output);
	rc = rc < 0 ? rc : watch(c, k->pidfd);
	if (rc < 0)
		kill_checker(k);
	return rc;
}

/* ---- face --------------------------------------------------------------------------------- */

int bird_child_new(struct bird_child **out, const struct bird_child_setup *setup)
{
	struct bird_child *c = calloc(1, sizeof(*c));
	int rc = 0;

	if (!c)
		return -ENOMEM;
	c->setup = *setup;
	c->pidfd = c->log = c->checker.pidfd = c->checker.output = -1;
	c->checker.until = UINT64_MAX;
	c->backoff = BACKOFF_FIRST;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0)
		rc = -errno;
	else if (!setup->program)
		rc = bird_program(c->program, sizeof(c->program));
	else if (snprintf(c->program, sizeof(c->program), "%s", setup->program) >=
		 (int)sizeof(c->program))
		rc = -ENAMETOOLONG;
	if (rc == 0 && setup->netns >= 0) {
		c->setup.netns = fcntl(setup->netns, F_DUPFD_CLOEXEC, 3);
		rc = c->setup.netns < 0 ? -errno : 0;
	} else {
		c->setup.netns = -1;
	}
	if (rc < 0)
		bird_child_free(c);
	else
		*out = c;
	return rc;
}

void bird_child_free(struct bird_child *c)
{
	if (!c)
		return;
	end_at_once(c);
	kill_checker(&c->checker);
	if (c->setup.netns >= 0)
		close(c->setup.netns);
	if (c->epoll >= 0)
		close(c->epoll);
	free(c);
}

void bird_child_start(struct bird_child *c, uint64_t now)
{
	c->wanted = true;
	c->again = false;
	c->backoff = BACKOFF_FIRST;
	if (c->pid == 0)
		start(c, now);
}

void bird_child_stop(struct bird_child *c, uint64_t now)
{
	c->wanted = false;
	if (c->pid == 0) {
		if (c->state != BIRD_CHILD_STOPPED)
			change(c, BIRD_CHILD_STOPPED, now, "stopped");
		return;
	}
	if (!c->stopping)
		pidfd_send_signal(c->pidfd, SIGTERM, NULL, 0);
	c->stopping = true;
	c->at = now + KILL_AFTER;
}

int bird_child_fd(const struct bird_child *c)
{
	return c->epoll;
}

uint64_t bird_child_poll(struct bird_child *c, uint64_t now)
{
	uint64_t next;

	poll_checker(c, now);
	read_log(c);
	if (has_ended(c->pidfd))
		ended(c, now);
	if (c->state == BIRD_CHILD_WAITING && now >= c->at)
		start(c, now);
	if (c->stopping && now >= c->at) {
		pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
		c->at = UINT64_MAX;
	}
	next = c->state == BIRD_CHILD_WAITING || c->stopping ? c->at : UINT64_MAX;
	return next < c->checker.until ? next : c->checker.until;
}

enum bird_child_state bird_child_state(const struct bird_child *c)
{
	return c->state;
}

pid_t bird_child_pid(const struct bird_child *c)
{
	return c->pid;
}

uint64_t bird_child_since(const struct bird_child *c)
{
	return c->since;
}

unsigned bird_child_starts(const struct bird_child *c)
{
	return c->starts;
}
