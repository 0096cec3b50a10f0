/* Two IKE engines that talk through queues, under a clock each: the CPU time of this thread while
 * a batch of messages, or the timers, are one end's. Time is virtual and nothing gets lost. */
#ifndef TESTS_BENCH_IKE_ENDS_H
#define TESTS_BENCH_IKE_ENDS_H

#include "conf/model.h"
#include "ike/engine.h"

#include <stddef.h>
#include <stdint.h>

enum { END_INITIATOR, END_RESPONDER, ENDS };

struct ends_message {
	struct ike_path path; /* as the receiver sees it */
	size_t at, n;	      /* in the queue's bytes */
};

struct ends_queue {
	struct ends_message *message;
	size_t n, cap;
	uint8_t *bytes;
	size_t used, size;
};

struct end {
	struct ends *ends;
	unsigned index;
	struct ike_engine *engine;
	struct ends_queue in[2]; /* one is read while the other is filled */
	uint32_t next_spi;
	unsigned up;
	uint64_t cpu_ns;
};

struct ends {
	struct end end[ENDS];
	ike_time now;
	uint64_t messages;
};

void ends_open(struct ends *e);
void ends_close(struct ends *e);
/* Tunnels from, from + 1, ... at both ends; only the initiator calls. */
void ends_add(struct ends *e, uint32_t from, uint32_t n, enum conf_ike_version version,
	      enum algo_dh group);
/* Until all n tunnels are up at both ends and nothing is under way; exits if they do not come. */
void ends_settle(struct ends *e, uint32_t n);
void ends_run(struct ends *e, ike_time length);
void ends_remove(struct ends *e, uint32_t from, uint32_t n);

#endif
