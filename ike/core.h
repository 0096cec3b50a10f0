/* The inside of the engine, shared by the files of ike/ that keep its state.
 *
 * Ownership: the engine owns tunnels and SAs. A tunnel lists the SAs that serve it; an SA that is
 * closing has left its tunnel. What dies during an event is only marked, and freed when the event
 * is over (ike_settle), so that no handler can see freed memory. */
#ifndef IKE_CORE_H
#define IKE_CORE_H

#include "conf/model.h"
#include "ike/engine.h"
#include "ike/gate.h"
#include "ike/map.h"
#include "ike/timer.h"

#include <sys/queue.h>

#define IKE_NONCE_BYTES	 32    /* of ours */
#define IKE_NONCE_MAX	 256   /* of a peer's */
#define IKE_MESSAGE_MAX	 65535 /* bytes */
#define IKE_CHILDREN_MAX 8     /* that a peer may add to a tunnel; as many more may replace them */

struct ike_sa;
struct ike_child;
struct ike_tunnel;
struct ike_traffic;
struct ike_v1_callers;

/* A message kept to be sent again, behind room for the non-ESP marker. */
struct ike_packet {
	struct ike_packet *next; /* its next fragment */
	size_t n;		 /* of the message */
	uint8_t bytes[];
};

struct ike_engine {
	const struct ike_ops *ops;
	void *ctx;
	ike_time now; /* of the call under way */
	struct ike_timers timers;
	struct ike_map tunnels;		 /* by index */
	struct ike_map addresses;	 /* tunnels by address pair */
	struct ike_map spis;		 /* SAs by our SPI */
	struct ike_map traffic;		 /* selectors of pairs */
	LIST_HEAD(, ike_sa) sas;	 /* all of them */
	LIST_HEAD(, ike_sa) attention;	 /* may have something to start, or are dead */
	LIST_HEAD(, ike_tunnel) stirred; /* something of theirs changed */
	unsigned half_open;
	struct ike_gate gate;
	struct ike_v1_callers *callers; /* IKEv1; NULL until there are too many */
	bool stopping;
	uint64_t counter[IKE_COUNTER_COUNT];
	uint8_t rx[IKE_MESSAGE_MAX + 1];
	uint8_t tx[4 + IKE_MESSAGE_MAX + 1];
};

void ike_random(struct ike_engine *e, void *buf, size_t len);
uint64_t ike_random_u64(struct ike_engine *e);
ike_time ike_random_between(struct ike_engine *e, ike_time low, ike_time high);
void ike_count(struct ike_engine *e, enum ike_counter c);
void ike_log(struct ike_engine *e, uint32_t tunnel, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void ike_rekeyed(struct ike_engine *e, uint32_t tunnel);
void ike_send(struct ike_engine *e, const struct ike_path *path, const struct ike_packet *p);
bool ike_path_equal(const struct ike_path *a, const struct ike_path *b);
struct ike_packet *ike_packet_new(const void *message, size_t n); /* NULL: no memory */
void ike_packet_free(struct ike_packet *p); /* with all its fragments; NULL is fine */
/* After an event: starts what can be started, reports what changed, frees what died. */
void ike_settle(struct ike_engine *e);

#endif
