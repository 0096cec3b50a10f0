#include "routing/bird_child.h"

#include "routing/bird_checker.h"
#include "routing/bird_files.h"
#include "routing/bird_program.h"

#include <errno.h>
#include <fcntl.h>
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
#define LINES_AT_ONCE  256 /* of its log in one poll */
#define LINE_MAX_BYTES 1024

struct bird_child {
	struct bird_child_setup setup;
	char program[128];
	int epoll;
	struct bird_process process; /* its output is its log */
	enum bird_child_state state;
	uint64_t since, backoff, at; /* at: of the next start, or of SIGKILL */
	bool stopping, wanted;
	bool again;	  /* the next start follows an end that nobody asked for */
	char killed[128]; /* why it was killed; "": it was not */
	unsigned starts;
	unsigned line_len;
	bool line_cut; /* the rest of a line that was too long */
	char line[LINE_MAX_BYTES];
	struct bird_checker checker;
};

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
	ssize_t n;

	for (unsigned lines = 0; lines < LINES_AT_ONCE;) {
		n = bird_process_read(&c->process, text, sizeof(text));
		if (n <= 0)
			return;
		lines += take_text(c, text, (size_t)n);
	}
}

static void close_log(struct bird_child *c)
{
	read_log(c);
	bird_process_close(&c->process);
	end_line(c);
}

/* ---- life --------------------------------------------------------------------------------- */

static void end_at_once(struct bird_child *c)
{
	int code, status;

	if (c->process.pid != 0) {
		bird_process_kill(&c->process);
		bird_process_reap(&c->process, &code, &status);
	}
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

	rc = bird_process_start(&c->process, &c->setup, argv, c->epoll, &step);
	if (rc < 0) {
		snprintf(what, sizeof(what), "cannot be started: %s: %s", step, strerror(-rc));
		come_back(c, now, what);
		return;
	}
	c->starts++;
	change(c, BIRD_CHILD_RUNNING, now, "runs as process %d", (int)c->process.pid);
}

static void ended(struct bird_child *c, uint64_t now)
{
	double age = (double)(now - c->since) / SECOND;
	int code, status;
	char what[256];

	bird_process_reap(&c->process, &code, &status);
	close_log(c);
	if (c->killed[0] != '\0')
		snprintf(what, sizeof(what), "killed after %.1f s: %s", age, c->killed);
	else if (code == CLD_EXITED)
		snprintf(what, sizeof(what), "exited with status %d after %.1f s", status, age);
	else
		snprintf(what, sizeof(what), "killed by signal %d (%s) after %.1f s", status,
			 strsignal(status), age);
	c->killed[0] = '\0';
	c->stopping = false;
	if (!c->wanted) {
		change(c, BIRD_CHILD_STOPPED, now, "%s", what);
		return;
	}
	c->again = true;
	if (now - c->since >= STABLE)
		c->backoff = BACKOFF_FIRST;
	come_back(c, now, what);
}

/* ---- face --------------------------------------------------------------------------------- */

int bird_child_new(struct bird_child **out, const struct bird_child_setup *setup)
{
	struct bird_child *c = calloc(1, sizeof(*c));
	int rc = 0;

	if (!c)
		return -ENOMEM;
	c->setup = *setup;
	c->setup.program = c->program;
	c->process = BIRD_NO_PROCESS;
	bird_checker_init(&c->checker);
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
	bird_checker_end(&c->checker);
	if (c->setup.netns >= 0)
		close(c->setup.netns);
	if (c->epoll >= 0)
		close(c->epoll);
	free(c);
}

void bird_child_start(struct bird_child *c, uint64_t now)
{
	c->wanted = true;
	c->again = c->again && c->state == BIRD_CHILD_WAITING;
	c->backoff = BACKOFF_FIRST;
	if (c->process.pid == 0)
		start(c, now);
}

void bird_child_stop(struct bird_child *c, uint64_t now)
{
	c->wanted = false;
	if (c->process.pid == 0) {
		if (c->state != BIRD_CHILD_STOPPED)
			change(c, BIRD_CHILD_STOPPED, now, "stopped");
		return;
	}
	if (!c->stopping)
		pidfd_send_signal(c->process.pidfd, SIGTERM, NULL, 0);
	c->stopping = true;
	c->at = now + KILL_AFTER;
}

void bird_child_kill(struct bird_child *c, const char *why)
{
	if (c->process.pid == 0 || c->killed[0] != '\0')
		return;
	snprintf(c->killed, sizeof(c->killed), "%s", why);
	bird_process_kill(&c->process);
}

int bird_child_check(struct bird_child *c, uint64_t now)
{
	return bird_checker_start(&c->checker, &c->setup, c->epoll, now);
}

int bird_child_fd(const struct bird_child *c)
{
	return c->epoll;
}

uint64_t bird_child_poll(struct bird_child *c, uint64_t now)
{
	uint64_t next;

	bird_checker_poll(&c->checker, &c->setup, now);
	read_log(c);
	if (bird_process_ended(&c->process))
		ended(c, now);
	if (c->state == BIRD_CHILD_WAITING && now >= c->at)
		start(c, now);
	if (c->stopping && now >= c->at) {
		bird_process_kill(&c->process);
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
	return c->process.pid;
}

uint64_t bird_child_since(const struct bird_child *c)
{
	return c->since;
}

unsigned bird_child_starts(const struct bird_child *c)
{
	return c->starts;
}
