/* A BIRD that we run: found, started in a shard's namespace, watched, started again, ended with us.
 *
 * It runs as `bird -f` under a user of its own, with the few capabilities that BGP needs and no way
 * to gain others, and dies with this process even if that is killed. Its log comes line by line to
 * a callback. After an end that nobody asked for it is started again, at once if it ran for a
 * while, else after a back-off from 0.1 s to 10 s; then with -R: its peers still hold our routes,
 * and it lets them until it has heard theirs (RFC 4724). At a first start nobody holds any, and
 * waiting for a peer that is not there would only keep the others uninformed.
 *
 * No event loop in here: the owner waits for bird_child_fd() and calls bird_child_poll() then, and
 * at the time that it returned. The thread that makes it must live as long as the child (main
 * does). Times are microseconds, monotonic. */
#ifndef ROUTING_BIRD_CHILD_H
#define ROUTING_BIRD_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bird_files;

enum bird_child_state {
	BIRD_CHILD_STOPPED, /* not started, or stopped on demand */
	BIRD_CHILD_RUNNING, /* the program runs; its control socket may come a moment later */
	BIRD_CHILD_WAITING, /* it ended or could not be started; it will be started again */
};

enum bird_child_level { BIRD_SAYS_ERROR, BIRD_SAYS_WARNING, BIRD_SAYS_INFO };

struct bird_child_ops {
	/* One line of its log, without time and class; what a peer sent may be in it. */
	void (*said)(void *ctx, enum bird_child_level level, const char *line);
	/* text: for a person ("killed by SIGSEGV after 12 s; again in 0.4 s"). Must not call back.
	 */
	void (*changed)(void *ctx, enum bird_child_state state, const char *text);
	/* The answer to bird_child_check(), from a later bird_child_poll(): 0; -EINVAL: refused,
	 * with BIRD's words in text; other -errno: it could not be asked. May start the child. */
	void (*checked)(void *ctx, int rc, const char *text);
};

struct bird_child_setup {
	const char *program;		/* NULL: found */
	int netns;			/* descriptor of its network namespace; -1: ours */
	const struct bird_files *files; /* current/ is what it runs with */
	uid_t uid;
	gid_t gid;
	const struct bird_child_ops *ops;
	void *ctx;
};

struct bird_child;

/* Everything of setup but files, ops and ctx is copied. Nothing runs yet. 0 or -errno. */
int bird_child_new(struct bird_child **out, const struct bird_child_setup *setup);
void bird_child_free(struct bird_child *c); /* ends it at once if it runs; NULL is fine */

/* Also ends the wait of one that is WAITING, and its back-off. */
void bird_child_start(struct bird_child *c, uint64_t now);
/* Asks it to end; it is killed if it has not after 2 s. Its end is reported as STOPPED. */
void bird_child_stop(struct bird_child *c, uint64_t now);

/* It hangs: SIGKILL, then as after an end that nobody asked for. why: for a person. */
void bird_child_kill(struct bird_child *c, const char *why);

int bird_child_fd(const struct bird_child *c);		      /* readable: call poll */
uint64_t bird_child_poll(struct bird_child *c, uint64_t now); /* next call; UINT64_MAX: none */

enum bird_child_state bird_child_state(const struct bird_child *c);
pid_t bird_child_pid(const struct bird_child *c);      /* 0: does not run */
uint64_t bird_child_since(const struct bird_child *c); /* of the state */
unsigned bird_child_starts(const struct bird_child *c);

/* Lets a BIRD of its own parse next/ of the files, as the same user: while the child does not run;
 * a running one is asked through its control socket. 0: ops->checked() will tell; -EBUSY: one is
 * asked already; other -errno: it could not be asked. */
int bird_child_check(struct bird_child *c, uint64_t now);

#endif
