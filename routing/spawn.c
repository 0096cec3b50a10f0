#include "routing/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESCRIPTORS 65536 /* sockets of 1,000 sessions and more */

/* Shared with the child until it runs the program. */
struct birth {
	const struct spawn *s;
	pid_t parent;
	const char *step; /* that failed */
	int error;
	char *environment[3];
	char zone[128];
};

/* ---- the child, in our memory: system calls only, and none through libc that keeps state ---- */

static bool enter(struct birth *b)
{
	int null;

	b->step = "network namespace";
	if (b->s->netns >= 0 && setns(b->s->netns, CLONE_NEWNET) < 0)
		return false;
	b->step = "standard output";
	null = open("/dev/null", O_RDWR);
	if (null < 0)
		return false;
	return dup2(null, 0) >= 0 && dup2(b->s->output >= 0 ? b->s->output : null, 1) >= 0 &&
	       dup2(1, 2) >= 0;
}

static bool limit(struct birth *b)
{
	struct rlimit now, want = { DESCRIPTORS, DESCRIPTORS };

	/* As many as we may; fewer is no reason to fail. */
	if (getrlimit(RLIMIT_NOFILE, &now) == 0 && setrlimit(RLIMIT_NOFILE, &want) < 0) {
		now.rlim_cur = now.rlim_max;
		setrlimit(RLIMIT_NOFILE, &now);
	}
	umask(077);
	b->step = "working directory";
	return chdir("/") == 0;
}

static bool set_capabilities(uint64_t capabilities)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (unsigned i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)(capabilities >> 32 * i);

		data[i] = (struct __user_cap_data_struct){ word, word, word };
	}
	return syscall(SYS_capset, &head, data) == 0;
}

/* Another user with few capabilities. libc's setuid() would change every thread of ours. */
static bool become(struct birth *b)
{
	const struct spawn *s = b->s;

	b->step = "capabilities";
	for (int i = 0; prctl(PR_CAPBSET_READ, i) >= 0; i++)
		if (!(s->capabilities >> i & 1) && prctl(PR_CAPBSET_DROP, i) < 0 && errno != EPERM)
			return false;
	if (prctl(PR_SET_KEEPCAPS, 1) < 0)
		return false;
	b->step = "user and group";
	if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
		return false;
	if (syscall(SYS_setresgid, s->gid, s->gid, s->gid) < 0 ||
	    syscall(SYS_setresuid, s->uid, s->uid, s->uid) < 0)
		return false;
	b->step = "capabilities";
	if (!set_capabilities(s->capabilities))
		return false;
	for (int i = 0; i < 64; i++)
		if (s->capabilities >> i & 1 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return false;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool tie_to_parent(struct birth *b)
{
	b->step = "tie to its parent";
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return false;
	errno = ESRCH;
	return getppid() == b->parent; /* it may be dead by now */
}

static void default_signals(void)
{
	sigset_t none;

	for (int i = 1; i < SIGRTMIN; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool run(struct birth *b)
{
	b->step = "descriptors";
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ||
	    (b->s->keep >= 0 && fcntl(b->s->keep, F_SETFD, 0) < 0))
		return false;
	b->step = b->s->program;
	default_signals();
	/* libc's execve() in a build that counts coverage writes its counters first, as that user.
	 */
	syscall(SYS_execve, b->s->program, b->s->argv, b->environment);
	return false;
}

static int child(void *arg)
{
	struct birth *b = arg;

	if (!enter(b) || !limit(b) || !become(b) || !tie_to_parent(b) || !run(b))
		b->error = errno;
	return 127;
}

/* ---- the parent --------------------------------------------------------------------------- */

static int give_birth(struct birth *b, pid_t *pid)
{
	size_t size = 256 * 1024;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	sigset_t all, before;

	if (stack == MAP_FAILED)
		return -errno;
	/* No handler of ours may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	*pid = clone(child, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD, b);
	if (*pid < 0) {
		b->error = errno;
		b->step = "new process";
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	munmap(stack, size);
	if (*pid > 0 && b->error)
		waitpid(*pid, NULL, 0);
	return -b->error;
}

int spawn(const struct spawn *s, pid_t *pid, int *pidfd, const char **step)
{
	struct birth b = { .s = s, .parent = getpid(), .environment = { "LANG=C" } };
	const char *zone = getenv("TZ");
	int rc;

	if (zone && snprintf(b.zone, sizeof(b.zone), "TZ=%s", zone) < (int)sizeof(b.zone))
		b.environment[1] = b.zone;
	rc = give_birth(&b, pid);
	*step = b.step;
	if (rc < 0)
		return rc;
	*pidfd = pidfd_open(*pid, 0);
	if (*pidfd < 0) {
		rc = -errno;
		*step = "descriptor of the process";
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	return rc;
}
