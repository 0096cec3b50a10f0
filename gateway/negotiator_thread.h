/* The inside of the negotiator: the two channels' messages, and the thread's own state. */
#ifndef GATEWAY_NEGOTIATOR_THREAD_H
#define GATEWAY_NEGOTIATOR_THREAD_H

#include "gateway/channel.h"
#include "gateway/key_export.h"
#include "gateway/negotiator.h"
#include "gateway/sa_queue.h"

#include <pthread.h>
#include <stdatomic.h>

enum to_kind { TO_ADD, TO_CHANGE, TO_ENABLE, TO_DISABLE, TO_REFRESH, TO_REMOVE, TO_ASK, TO_STOP };

struct to_negotiator {
	enum to_kind kind;
	uint32_t tunnel;
	struct conf_tunnel *conf; /* the receiver's from now on */
	struct negotiator_ask *ask;
};

enum from_kind { FROM_STATE, FROM_EVENT, FROM_REKEYED, FROM_ANSWER, FROM_REMOVED, FROM_STOPPED };

struct from_negotiator {
	enum from_kind kind;
	uint32_t tunnel;
	bool up;  /* FROM_STATE */
	bool ike; /* FROM_REKEYED: the IKE SA */
	enum ike_reason reason;
	struct negotiator_ask *ask;
	char text[NEGOTIATOR_TEXT];
};

/* A tunnel that the engine has forgotten, but whose worker may hold SAs. */
struct leaving {
	uint32_t tunnel;
	bool ordered;  /* all that there is to order for it: */
	uint64_t mark; /* dataplane_order_mark() */
};

struct negotiator {
	struct dataplane *dp;
	const struct negotiator_ops *ops;
	void *ctx;
	pthread_t thread;
	struct channel *to;   /* main sends, the thread receives */
	struct channel *from; /* the other way */
	_Atomic bool quit;    /* main: w; thread: r */

	/* The thread's own. */
	struct ike_engine *engine;
	struct key_export *keys; /* NULL: they are nobody's business */
	struct sa_queue *sas;
	bool stopping, stopped;
	uint64_t send_failed, events_lost;
	uint32_t *rebuild; /* tunnels whose SA did not arrive */
	size_t n_rebuild;
	struct leaving *leaving;
	size_t n_leaving;
};

extern const struct ike_ops negotiator_engine_ops;
void negotiator_install_failed(void *ctx, uint32_t tunnel, int error); /* of the sa_queue */
void *negotiator_thread(void *arg);		    /* pthread's start: arg is the negotiator */
void negotiator_forget_conf(struct conf_tunnel *t); /* wipes and frees; NULL is fine */

#endif
