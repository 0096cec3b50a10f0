#include "routing/bird_program.h"

#include "routing/bird_child.h"
#include "routing/bird_files.h"
#include "routing/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Port 179, raw priorities of its sockets and binding them to the device. */
#define CAPABILITIES                                                          \
	(UINT64_C(1) << CAP_NET_BIND_SERVICE | UINT64_C(1) << CAP_NET_ADMIN | \
	 UINT64_C(1) << CAP_NET_RAW)

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

static int watch(int epoll, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

int bird_process_start(struct bird_process *p, const struct bird_child_setup *setup,
		       char *const *argv, int epoll, const char **step)
{
	struct spawn s = {
		.program = setup->program,
		.argv = argv,
		.netns = setup->netns,
		.keep = bird_files_fd(setup->files),
		.uid = setup->uid,
		.gid = setup->gid,
		.capabilities = CAPABILITIES,
	};
	int pipe[2], code, status, rc;

	*p = BIRD_NO_PROCESS;
	*step = "pipe";
	if (pipe2(pipe, O_CLOEXEC) < 0)
		return -errno;
	fcntl(pipe[0], F_SETFL, O_NONBLOCK);
	s.output = pipe[1];
	p->output = pipe[0];
	rc = spawn(&s, &p->pid, &p->pidfd, step);
	close(pipe[1]);
	if (rc < 0) {
		bird_process_close(p);
		*p = BIRD_NO_PROCESS;
		return rc;
	}
	*step = "watching it";
	rc = watch(epoll, p->output);
	rc = rc < 0 ? rc : watch(epoll, p->pidfd);
	if (rc < 0) {
		bird_process_kill(p);
		bird_process_reap(p, &code, &status);
		bird_process_close(p);
	}
	return rc;
}

void bird_process_kill(const struct bird_process *p)
{
	pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
}

bool bird_process_ended(const struct bird_process *p)
{
	struct pollfd fd = { .fd = p->pidfd, .events = POLLIN };

	return p->pidfd >= 0 && poll(&fd, 1, 0) == 1;
}

int bird_process_reap(struct bird_process *p, int *code, int *status)
{
	siginfo_t info = { 0 };
	int rc = waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED) < 0 ? -errno : 0;

	*code = info.si_code;
	*status = info.si_status;
	close(p->pidfd);
	p->pidfd = -1;
	p->pid = 0;
	return rc;
}

ssize_t bird_process_read(struct bird_process *p, char *to, size_t size)
{
	ssize_t n = 0;

	if (p->output < 0)
		return -1;
	do
		n = read(p->output, to, size);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n < 0 && errno == EAGAIN)
		return 0;
	bird_process_close(p);
	return -1;
}

void bird_process_close(struct bird_process *p)
{
	if (p->output >= 0)
		close(p->output);
	p->output = -1;
}
