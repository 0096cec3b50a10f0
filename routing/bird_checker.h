/* A BIRD that only parses: whether what is in next/ is right, where no running one can be asked.
 * It belongs to a struct bird_child, whose program, user and namespace it has, and whose epoll
 * waits for it. Main thread. */
#ifndef ROUTING_BIRD_CHECKER_H
#define ROUTING_BIRD_CHECKER_H

#include "routing/bird_program.h"

#include <stdint.h>

struct bird_checker {
	struct bird_process process;
	uint64_t until; /* when it is killed; UINT64_MAX: none runs */
	size_t len;
	char text[512]; /* what it printed; the rest is left out */
};

void bird_checker_init(struct bird_checker *k);
/* 0: bird_checker_poll() will tell; -EBUSY: one is asked already; other -errno. */
int bird_checker_start(struct bird_checker *k, const struct bird_child_setup *setup, int epoll,
		       uint64_t now);
/* Tells setup's checked(), once. */
void bird_checker_poll(struct bird_checker *k, const struct bird_child_setup *setup, uint64_t now);
void bird_checker_end(struct bird_checker *k); /* in silence; if there is none, nothing */

#endif
