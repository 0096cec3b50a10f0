/* The BIRD of one routing shard: its configuration written, checked and taken, its process run, its
 * control socket served, all on main's event loop.
 *
 * Normally BIRD is our child in the shard's namespace. Where the operator runs it (bird.attach) we
 * write its configuration and speak to its socket only. Main thread. */
#ifndef GATEWAY_BIRD_HOST_H
#define GATEWAY_BIRD_HOST_H

#include "conf/model.h"
#include "routing/bird.h"
#include "routing/bird_child.h"
#include "routing/bird_config.h"

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct bird_host;

/* Whom BIRD runs as. Names may be asked of a server in the network, so that is done once, before
 * anybody waits for us; without an answer no BIRD of ours can be run. */
struct bird_user {
	uid_t uid;
	gid_t gid;
	char wrong[160]; /* what there is not; "": all is well */
};
void bird_user_find(struct bird_user *u, const struct conf_bird *c);

struct bird_host_setup {
	struct event_base *base;
	struct conf_bird conf;
	unsigned shard;
	int netns;		      /* the shard's */
	const struct bird_user *user; /* borrowed for the call */
	struct source_sink sink;
	/* Composes the configuration as it shall be, calls use with it and returns what that did;
	 * what it refers to need not outlive the call. */
	int (*describe)(void *ctx, unsigned shard,
			int (*use)(void *use_ctx, const struct bird_config *c), void *use_ctx);
	void *ctx;
};

/* Nothing runs before the first bird_host_change(). On failure error says what and why. */
int bird_host_new(struct bird_host **out, const struct bird_host_setup *setup, char *error,
		  size_t error_size);
void bird_host_free(struct bird_host *h); /* ends BIRD at once; NULL is fine */

/* The configuration shall be other than it is: soon, and together with what else changes. */
void bird_host_change(struct bird_host *h);
void bird_host_stop(struct bird_host *h); /* tells BIRD to end, and to tell its peers */

struct source *bird_host_source(struct bird_host *h);
struct bird *bird_host_bird(struct bird_host *h);

struct bird_host_stats {
	bool attached; /* the rest of the process is not ours to know */
	enum bird_child_state state;
	pid_t pid;	/* 0: none */
	uint64_t since; /* of the state */
	unsigned starts;
	const char *file;    /* its configuration */
	uint64_t configured; /* how often */
	uint64_t refused;    /* by BIRD, of what we wrote */
	bool pending;	     /* a configuration waits to be taken */
	const char *error;   /* the last refusal, "" none */
};
void bird_host_stats(const struct bird_host *h, struct bird_host_stats *out);

#endif
