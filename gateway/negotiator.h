/* The negotiator: the thread that runs the IKE engine between main and the workers.
 *
 * All functions are main's. What main wants goes over one channel, what the engine says comes back
 * over another and is handed out by negotiator_receive(). Main watches negotiator_fd(), and while
 * negotiator_busy() calls negotiator_flush() every few milliseconds. */
#ifndef GATEWAY_NEGOTIATOR_H
#define GATEWAY_NEGOTIATOR_H

#include "dataplane/dataplane.h"
#include "ike/engine.h"
#include "ike/history.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#define NEGOTIATOR_TEXT 512

struct negotiator;

struct negotiator_ops {
	void (*tunnel_state)(void *ctx, uint32_t tunnel, bool up, enum ike_reason reason,
			     const char *text);
	void (*event)(void *ctx, uint32_t tunnel, const char *text); /* UINT32_MAX: no tunnel */
	/* After negotiator_remove(): none of its SAs is left anywhere. */
	void (*removed)(void *ctx, uint32_t tunnel);
	/* An SA took over from an older one: the IKE SA's, or a child's. */
	void (*rekeyed)(void *ctx, uint32_t tunnel, bool ike);
	void (*stopped)(void *ctx); /* after negotiator_stop(): every peer knows, or gave up */
};

/* cpus: where the thread may run; NULL: where its maker does. keys: where keys are exported to, for
 * debugging, from now on the negotiator's; NULL: they are not. 0 or -errno. */
struct key_export;
int negotiator_start(struct negotiator **out, struct dataplane *dp,
		     const struct negotiator_ops *ops, void *ctx, const cpu_set_t *cpus,
		     struct key_export *keys);
/* Ends the thread and wipes what it holds; tells peers nothing (negotiator_stop() does). Asks under
 * way are answered with -ECANCELED. NULL is fine. */
void negotiator_free(struct negotiator *n);

/* Each 0 or -ENOMEM; taken in the order of calls, those of a question among them. */
int negotiator_add(struct negotiator *n, uint32_t tunnel, const struct conf_tunnel *t); /* copies */
/* The tunnel is rebuilt: its peer hears that the old SAs end, and it is called if t is enabled. */
int negotiator_change(struct negotiator *n, uint32_t tunnel, const struct conf_tunnel *t);
int negotiator_enable(struct negotiator *n, uint32_t tunnel, bool enabled);
/* What only the dataplane knows of the tunnel changed: its SAs follow. */
int negotiator_refresh(struct negotiator *n, uint32_t tunnel);
int negotiator_remove(struct negotiator *n, uint32_t tunnel); /* ops->removed() follows */
void negotiator_stop(struct negotiator *n);

int negotiator_fd(const struct negotiator *n);
void negotiator_receive(struct negotiator *n);
bool negotiator_busy(const struct negotiator *n);
void negotiator_flush(struct negotiator *n);

/* ---- questions --------------------------------------------------------------------------- */

enum ask_kind {
	ASK_VIEW, /* tunnels first .. first + count - 1, and the engine's counters */
	ASK_ENABLE,
	ASK_DISABLE,
	ASK_REKEY_CHILD,
	ASK_REKEY_IKE,
	ASK_HISTORY, /* of tunnel first */
};

struct tunnel_snapshot {
	bool known;
	struct ike_tunnel_view ike;
	struct dataplane_sa_stats in[IKE_VIEW_CHILDREN], out[IKE_VIEW_CHILDREN];
};

#define ASK_TUNNELS 32 /* most in one question: a reply stays small and the engine responsive */

/* Owned by the negotiator thread from negotiator_ask() until done() runs on main, which owns it
 * again and may ask once more. */
struct negotiator_ask {
	enum ask_kind kind;
	uint32_t first, count;
	void (*done)(struct negotiator_ask *ask);
	void *ctx;

	int result;
	uint64_t now; /* when it was answered, on the clock of the views' times */
	uint64_t counter[IKE_COUNTER_COUNT];
	uint64_t sa_delayed, messages_delayed, send_failed, events_lost;
	struct tunnel_snapshot *tunnel; /* the asker's room for count of them */
	struct ike_history history;	/* a copy that main clears */
};
int negotiator_ask(struct negotiator *n, struct negotiator_ask *ask); /* 0 or -ENOMEM */

#endif
