/* Starts a program as somebody else, in another network namespace, with few capabilities, that
 * dies with us.
 *
 * Its environment is LANG=C, and our TZ: it tells local times that we read.
 *
 * The memory of this process is not copied, however large it is: as in vfork(), the caller waits
 * until the program runs. Private to this room; main thread, whose end is the program's end. */
#ifndef ROUTING_SPAWN_H
#define ROUTING_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

struct spawn {
	const char *program; /* path */
	char *const *argv;
	int netns;  /* descriptor; -1: ours */
	int output; /* standard output and error; -1: none */
	int keep;   /* a descriptor that it inherits at the same number; -1: none */
	uid_t uid;
	gid_t gid;
	uint64_t capabilities; /* it has these, and can gain no others: 1 << CAP_... */
};

/* 0 with its pid and a descriptor of it (pidfd, close-on-exec); -errno: of the step that failed,
 * whose name is in *step. */
int spawn(const struct spawn *s, pid_t *pid, int *pidfd, const char **step);

#endif
