#include "gateway/bird_host.h"

#include "gateway/clock.h"
#include "gateway/log.h"
#include "routing/bird_files.h"
#include "routing/bird_socket.h"
#include "routing/shard.h"

#include <errno.h>
#include <event2/event.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GATHER_US (10 * 1000)  /* changes within this time are one */
#define SPACE_US  (100 * 1000) /* between two configurations */
#define RETRY_US  (250 * 1000) /* while BIRD cannot be asked */
#define AGAIN_US  CLOCK_SECOND /* after what is not BIRD's fault */

enum step { STEP_IDLE, STEP_CHECK, STEP_APPLY };

struct bird_host {
	struct bird_host_setup setup;
	struct bird_files *files;
	struct bird_child *child; /* NULL: attached */
	struct bird_socket *socket;
	struct event *timer, *child_event;
	struct event *link[BIRD_LINKS];
	unsigned n_links;
	uint64_t child_next, socket_next;
	uint64_t kill_at; /* while BIRD says nothing; UINT64_MAX: it does, or is not ours */
	bool running;	  /* inside bird_socket_run() */
	bool stopping;

	bool dirty; /* what we last wrote is not what shall be */
	uint64_t not_before;
	enum step step;
	uint64_t configured, refused;
	char error[512];
	char label[16];
};

static void step_configuration(struct bird_host *h, uint64_t now);

/* ---- events ------------------------------------------------------------------------------ */

static void arm(struct bird_host *h)
{
	uint64_t now = clock_now(), next = h->child_next;
	struct timeval tv;

	if (h->socket_next < next)
		next = h->socket_next;
	if (h->kill_at < next)
		next = h->kill_at;
	if (h->dirty && h->step == STEP_IDLE && h->not_before < next)
		next = h->not_before;
	if (next == UINT64_MAX) {
		evtimer_del(h->timer);
		return;
	}
	next = next > now ? next - now : 0;
	tv = (struct timeval){ .tv_sec = (time_t)(next / CLOCK_SECOND),
			       .tv_usec = (suseconds_t)(next % CLOCK_SECOND) };
	evtimer_add(h->timer, &tv);
}

static void on_event(evutil_socket_t fd, short what, void *ctx);

static void forget_links(struct bird_host *h)
{
	while (h->n_links > 0)
		event_free(h->link[--h->n_links]);
}

/* A descriptor may have been closed and its number used again: what was watched is forgotten first.
 */
static void watch_links(struct bird_host *h)
{
	struct pollfd fds[BIRD_LINKS];
	unsigned n = bird_socket_poll(h->socket, fds);

	forget_links(h);
	for (unsigned i = 0; i < n; i++) {
		short what = (short)((fds[i].events & POLLIN ? EV_READ : 0) |
				     (fds[i].events & POLLOUT ? EV_WRITE : 0) | EV_PERSIST);
		struct event *ev = event_new(h->setup.base, fds[i].fd, what, on_event, h);

		if (ev != NULL && event_add(ev, NULL) == 0)
			h->link[h->n_links++] = ev;
		else if (ev != NULL)
			event_free(ev);
	}
}

/* One that hangs, stopped or in an endless loop, would be waited for for ever: what it announced
 * stays with its peers until their hold time ends, and nothing is learnt. */
static void watch_silence(struct bird_host *h, uint64_t now)
{
	uint64_t most = h->setup.conf.silence * (uint64_t)CLOCK_SECOND, since;
	struct bird_stats s;
	char why[64];

	bird_stats(bird_host_bird(h), &s);
	h->kill_at = UINT64_MAX;
	if (h->child == NULL || bird_child_state(h->child) != BIRD_CHILD_RUNNING || s.up)
		return;
	since = bird_child_since(h->child) > s.heard ? bird_child_since(h->child) : s.heard;
	h->kill_at = since + most;
	if (now < h->kill_at)
		return;
	snprintf(why, sizeof(why), "no answer for %u s", h->setup.conf.silence);
	bird_child_kill(h->child, why);
	h->kill_at = UINT64_MAX; /* its end is told by its descriptor */
}

static void run(struct bird_host *h)
{
	uint64_t now = clock_now();

	if (h->child != NULL)
		h->child_next = bird_child_poll(h->child, now);
	h->running = true;
	forget_links(h);
	h->socket_next = bird_socket_run(h->socket, now);
	watch_links(h);
	h->running = false;
	watch_silence(h, now);
	step_configuration(h, now);
	arm(h);
}

static void on_event(evutil_socket_t fd, short what, void *ctx)
{
	run(ctx);
}

static void on_wake(void *ctx)
{
	struct bird_host *h = ctx;

	if (h->running || h->socket == NULL || h->timer == NULL)
		return;
	watch_links(h);
	h->socket_next = bird_deadline(bird_socket_bird(h->socket));
	arm(h);
}

/* ---- configuration ----------------------------------------------------------------------- */

static void again(struct bird_host *h, uint64_t after)
{
	h->step = STEP_IDLE;
	h->dirty = true;
	h->not_before = clock_now() + after;
	arm(h);
}

/* Nothing was said about the configuration: it is tried again. */
static void fail(struct bird_host *h, const char *what, const char *text)
{
	char error[sizeof(h->error)];

	snprintf(error, sizeof(error), "%s: %s", what, text);
	if (strcmp(error, h->error) != 0)
		log_error("bird", h->label, "%s", error);
	snprintf(h->error, sizeof(h->error), "%s", error);
	again(h, AGAIN_US);
}

static void refuse(struct bird_host *h, const char *text)
{
	h->step = STEP_IDLE;
	h->refused++;
	snprintf(h->error, sizeof(h->error), "%s", text);
	log_error("bird", h->label, "the configuration was refused, the one before stays: %s",
		  text);
}

static void on_configured(void *ctx, int error, const char *text)
{
	struct bird_host *h = ctx;

	if (error == -ECANCELED)
		return;
	h->not_before = clock_now() + SPACE_US;
	if (error == -EPIPE) { /* it starts with the new one anyway */
		again(h, RETRY_US);
		return;
	}
	if (error < 0) {
		bird_files_commit(h->files);
		refuse(h, text);
		return;
	}
	h->step = STEP_IDLE;
	h->configured++;
	h->error[0] = '\0';
	arm(h);
}

static void on_checked(void *ctx, int error, const char *text)
{
	struct bird_host *h = ctx;
	int rc;

	if (error == -ECANCELED)
		return;
	if (error == -EPIPE) {
		again(h, RETRY_US);
	} else if (error < 0) {
		bird_files_discard(h->files);
		refuse(h, text);
	} else {
		rc = bird_files_commit(h->files);
		if (rc < 0) {
			fail(h, "cannot write its configuration", strerror(-rc));
			return;
		}
		h->step = STEP_APPLY;
		if (bird_configure(bird_host_bird(h), on_configured, h) < 0)
			again(h, RETRY_US);
	}
}

/* Of one that was not running: it starts with the new one, and soon, for its end may have been the
 * old one's fault. */
static void on_checked_alone(void *ctx, int rc, const char *text)
{
	struct bird_host *h = ctx;

	if (h->stopping)
		return;
	if (rc == -EINVAL) {
		bird_files_discard(h->files);
		refuse(h, text);
		return;
	}
	if (rc < 0) {
		fail(h, h->setup.conf.program, text);
		return;
	}
	if (bird_child_pid(h->child) != 0) { /* and reads the old one, maybe at this moment */
		again(h, RETRY_US);
		return;
	}
	rc = bird_files_commit(h->files);
	if (rc < 0) {
		fail(h, "cannot write its configuration", strerror(-rc));
		return;
	}
	h->step = STEP_IDLE;
	h->configured++;
	h->error[0] = '\0';
	bird_child_start(h->child, clock_now());
}

static int write_files(void *ctx, const struct bird_config *c)
{
	struct bird_host *h = ctx;

	return bird_files_write(h->files, c);
}

/* Where none runs that could say whether it is right: before the first, and between two. */
static void ask_alone(struct bird_host *h, uint64_t now)
{
	int rc = bird_child_check(h->child, now);

	if (rc < 0)
		on_checked_alone(h, rc, strerror(-rc));
	else
		h->child_next = now; /* the answer is waited for */
}

static void step_configuration(struct bird_host *h, uint64_t now)
{
	bool runs = h->child == NULL || bird_child_pid(h->child) != 0;
	struct bird_stats s;
	int rc;

	if (!h->dirty || h->step != STEP_IDLE || now < h->not_before || h->stopping)
		return;
	bird_stats(bird_host_bird(h), &s);
	if (runs && !s.up) {
		h->not_before = now + RETRY_US;
		return;
	}
	h->dirty = false;
	rc = h->setup.describe(h->setup.ctx, h->setup.shard, write_files, h);
	if (rc < 0) {
		fail(h, "cannot write its configuration", strerror(-rc));
		return;
	}
	h->step = STEP_CHECK;
	if (!runs) {
		ask_alone(h, now);
		return;
	}
	rc = bird_check(bird_host_bird(h), bird_files_next(h->files), on_checked, h);
	if (rc < 0)
		again(h, RETRY_US);
}

void bird_host_change(struct bird_host *h)
{
	uint64_t soon = clock_now() + GATHER_US;

	if (!h->dirty && h->not_before < soon)
		h->not_before = soon;
	h->dirty = true;
	arm(h);
}

/* ---- the process ------------------------------------------------------------------------- */

static void on_said(void *ctx, enum bird_child_level level, const char *line)
{
	static const enum log_level levels[] = { [BIRD_SAYS_ERROR] = LOG_ERROR,
						 [BIRD_SAYS_WARNING] = LOG_WARNING,
						 [BIRD_SAYS_INFO] = LOG_INFO };
	struct bird_host *h = ctx;

	log_write(levels[level], "bird", h->label, "%s", line);
}

static void on_child(void *ctx, enum bird_child_state state, const char *text)
{
	struct bird_host *h = ctx;

	log_write(state == BIRD_CHILD_WAITING ? LOG_WARNING : LOG_INFO, "bird", h->label, "%s",
		  text);
}

static const struct bird_child_ops child_ops = { .said = on_said,
						 .changed = on_child,
						 .checked = on_checked_alone };

void bird_user_find(struct bird_user *u, const struct conf_bird *c)
{
	const struct passwd *user;
	const struct group *group;

	*u = (struct bird_user){ .wrong = "" };
	if (c->attach[0] != '\0')
		return;
	user = getpwnam(c->user);
	group = getgrnam(c->group);
	if (user == NULL || group == NULL) {
		snprintf(u->wrong, sizeof(u->wrong), "bird: there is no %s '%s'",
			 user == NULL ? "user" : "group", user == NULL ? c->user : c->group);
		return;
	}
	u->uid = user->pw_uid;
	u->gid = group->gr_gid;
}

static int open_child(struct bird_host *h, char *error, size_t size)
{
	const struct conf_bird *c = &h->setup.conf;
	struct bird_child_setup setup = {
		.program = c->program,
		.netns = h->setup.netns,
		.uid = h->setup.user->uid,
		.gid = h->setup.user->gid,
		.ops = &child_ops,
		.ctx = h,
	};
	int rc;

	if (h->setup.user->wrong[0] != '\0') {
		snprintf(error, size, "%s", h->setup.user->wrong);
		return -ENOENT;
	}
	rc = bird_files_open(&h->files, NULL, setup.uid, setup.gid);
	setup.files = h->files;
	if (rc == 0)
		rc = bird_child_new(&h->child, &setup);
	if (rc < 0)
		snprintf(error, size, "bird: %s: %s", c->program, strerror(-rc));
	return rc;
}

/* Something to start BIRD with, if nothing is there yet. */
static int write_first(struct bird_host *h)
{
	const struct bird_config none = { .interface = SHARD_INTERFACE };
	int rc;

	if (access(bird_files_current(h->files), F_OK) == 0)
		return 0;
	rc = bird_files_write(h->files, &none);
	return rc < 0 ? rc : bird_files_commit(h->files);
}

static int open_attached(struct bird_host *h, char *error, size_t size)
{
	const struct conf_bird *c = &h->setup.conf;
	struct stat s;
	int rc = stat(c->run_dir, &s) < 0 ? -errno : 0;

	if (rc == 0) /* files belong to whom the directory does */
		rc = bird_files_open(&h->files, c->run_dir, s.st_uid, s.st_gid);
	if (rc == 0)
		rc = write_first(h);
	if (rc < 0)
		snprintf(error, size, "bird: run_dir '%s': %s", c->run_dir, strerror(-rc));
	return rc;
}

int bird_host_new(struct bird_host **out, const struct bird_host_setup *setup, char *error,
		  size_t error_size)
{
	struct bird_options options = { .sink = setup->sink, .wake = on_wake };
	struct bird_host *h = calloc(1, sizeof(*h));
	bool attach = setup->conf.attach[0] != '\0';
	int rc;

	snprintf(error, error_size, "bird: out of memory");
	if (h == NULL)
		return -ENOMEM;
	h->setup = *setup;
	h->child_next = h->kill_at = UINT64_MAX;
	options.wake_ctx = h;
	snprintf(h->label, sizeof(h->label), "shard-%u", setup->shard);
	rc = attach ? open_attached(h, error, error_size) : open_child(h, error, error_size);
	if (rc < 0)
		goto out;
	rc = -ENOMEM;
	h->socket = bird_socket_new(attach ? setup->conf.attach : bird_files_socket(h->files),
				    &options);
	h->timer = event_new(setup->base, -1, 0, on_event, h);
	if (h->socket == NULL || h->timer == NULL)
		goto out;
	if (h->child != NULL) {
		h->child_event = event_new(setup->base, bird_child_fd(h->child),
					   EV_READ | EV_PERSIST, on_event, h);
		if (h->child_event == NULL || event_add(h->child_event, NULL) < 0)
			goto out;
	}
	watch_links(h);
	*out = h;
	return 0;
out:
	bird_host_free(h);
	return rc;
}

void bird_host_free(struct bird_host *h)
{
	if (h == NULL)
		return;
	h->running = true; /* nobody needs to be woken */
	forget_links(h);
	if (h->child_event != NULL)
		event_free(h->child_event);
	if (h->timer != NULL)
		event_free(h->timer);
	h->timer = NULL;
	bird_socket_free(h->socket);
	bird_child_free(h->child);
	bird_files_close(h->files);
	free(h);
}

void bird_host_stop(struct bird_host *h)
{
	h->stopping = true;
	if (h->child != NULL)
		bird_child_stop(h->child, clock_now());
	run(h);
}

struct source *bird_host_source(struct bird_host *h)
{
	return bird_source(bird_socket_bird(h->socket));
}

struct bird *bird_host_bird(struct bird_host *h)
{
	return bird_socket_bird(h->socket);
}

void bird_host_stats(const struct bird_host *h, struct bird_host_stats *out)
{
	*out = (struct bird_host_stats){ .attached = h->child == NULL,
					 .file = bird_files_current(h->files),
					 .configured = h->configured,
					 .refused = h->refused,
					 .pending = h->dirty || h->step != STEP_IDLE,
					 .error = h->error };
	if (h->child == NULL)
		return;
	out->state = bird_child_state(h->child);
	out->pid = bird_child_pid(h->child);
	out->since = bird_child_since(h->child);
	out->starts = bird_child_starts(h->child);
}
