/* BIRD as a program: where it is, whom it runs as, and a process of it in a shard's namespace, with
 * the few capabilities that BGP needs and no way to gain others. Private to this room but for the
 * first two; main thread. */
#ifndef ROUTING_BIRD_PROGRAM_H
#define ROUTING_BIRD_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct bird_child_setup;

/* Where BIRD is, in the usual places. 0 or -ENOENT. */
int bird_program(char *path, size_t size);
/* The user that BIRD runs as: "bird" (its package makes it), else "nobody". 0 or -ENOENT. */
int bird_user(uid_t *uid, gid_t *gid);

struct bird_process {
	pid_t pid;  /* 0: none */
	int pidfd;  /* -1: none */
	int output; /* what it prints, does not block; -1: it has closed that, or there is none */
};

#define BIRD_NO_PROCESS ((struct bird_process){ .pidfd = -1, .output = -1 })

/* Runs setup's program, which is given, and has epoll wait for its descriptors. 0, or -errno of the
 * step that failed, whose name is in *step; then nothing runs. */
int bird_process_start(struct bird_process *p, const struct bird_child_setup *setup,
		       char *const *argv, int epoll, const char **step);
void bird_process_kill(const struct bird_process *p); /* SIGKILL; its end is awaited elsewhere */
bool bird_process_ended(const struct bird_process *p);
/* Waits for its end and forgets it, but not its output. 0 with waitid()'s code and status, or
 * -errno. */
int bird_process_reap(struct bird_process *p, int *code, int *status);
/* At most size bytes of its output: how many, 0: no more now, -1: no more ever. */
ssize_t bird_process_read(struct bird_process *p, char *to, size_t size);
void bird_process_close(struct bird_process *p); /* its output */

#endif
