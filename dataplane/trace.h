/* A trace: what each phase decided about a few packets of one tunnel, SPI or prefix.
 *
 * Armed by main, which also reads it; one at a time. Each worker writes into memory of its own that
 * main gave it, and stops when it is full, so nothing waits and nothing is allocated. While no
 * trace is armed it costs a worker one test per burst. */
#ifndef DATAPLANE_TRACE_H
#define DATAPLANE_TRACE_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct dataplane;
struct trace;

#define TRACE_PACKETS_MAX 1000
#define TRACE_STEPS_MAX	  14
#define TRACE_HEAD	  64 /* bytes that are kept of a packet */

/* _(NAME, "key"): a and b of the step */
#define TRACE_EVENTS(_)                                                                          \
	_(RECEIVED, "received") /* a: port */                                                    \
	_(TAKEN, "taken") /* from another thread or once more; a: enum tag_kind, b: its value */ \
	_(ESP, "esp")	  /* a: SPI, b: sequence number's lower half */                          \
	_(SA, "sa")	  /* the SPI's; a: tunnel */                                             \
	_(DECRYPTED, "decrypted") /* a: tunnel, b: table it is looked up in */                   \
	_(PACKET, "packet")	  /* of a VPC or from us; a: table it is looked up in */         \
	_(ROUTE, "route")	  /* a: table, b: next hop */                                    \
	_(TUNNEL, "tunnel")	  /* chosen for the flow; a: tunnel */                           \
	_(ENCRYPTED, "encrypted") /* a: SPI, b: sequence number's lower half */                  \
	_(LINK, "link")		  /* a: next hop */                                              \
	_(SENT, "sent")		  /* a: port */                                                  \
	_(PUNTED, "punted")	  /* to a control thread; a: enum punt_class */                  \
	_(HANDED, "handed-over")  /* a: worker */                                                \
	_(AGAIN, "again")	  /* in fragments, which take their way anew */                  \
	_(HELD, "held")		  /* a fragment that waits, or a keepalive */                    \
	_(DROPPED, "dropped")	  /* a: enum drop_reason */

enum trace_event {
#define TRACE_EVENT_ENUM(name, key) TRACE_##name,
	TRACE_EVENTS(TRACE_EVENT_ENUM)
#undef TRACE_EVENT_ENUM
		TRACE_EVENT_COUNT
};
const char *trace_event_name(enum trace_event e);
const char *trace_punt_name(uint32_t class); /* "IKE", "BGP or BFD" */
const char *trace_tag_name(uint32_t kind);   /* "from main, to be routed" */

struct trace_step {
	uint8_t phase; /* enum worker_phase */
	uint8_t event; /* enum trace_event */
	uint16_t spare;
	uint32_t a, b;
};

struct trace_packet {
	uint64_t tsc; /* when its burst came */
	uint16_t worker;
	uint8_t n_steps;
	bool frame;	    /* first begins with an Ethernet header, else with an IP header */
	uint16_t first_len; /* bytes of the whole */
	uint16_t inner_len; /* 0: it was never seen as an inner packet */
	uint8_t first[TRACE_HEAD]; /* as it came */
	uint8_t inner[TRACE_HEAD]; /* before encryption, or decrypted */
	struct trace_step step[TRACE_STEPS_MAX];
};

struct trace_filter {
	enum { TRACE_BY_TUNNEL, TRACE_BY_SPI, TRACE_BY_PREFIX } by;
	uint32_t tunnel;
	uint32_t spi;	      /* inbound or outbound; host order */
	struct prefix prefix; /* of source or destination, inner or outer */
};

/* Main. Packets: 1..TRACE_PACKETS_MAX. -EBUSY: another trace is armed. -ENOMEM. */
int dataplane_trace_start(struct dataplane *dp, const struct trace_filter *filter, unsigned packets,
			  struct trace **out);
/* Packets recorded until now, at most those asked for. Each of them stays as it is. */
unsigned dataplane_trace_count(const struct trace *t);
/* The i-th of them, in the order of arrival among what has been recorded; valid until
 * dataplane_trace_stop(). Call it once the trace is over: a slower worker may still put one before.
 */
const struct trace_packet *dataplane_trace_packet(const struct trace *t, unsigned i);
/* Disarms it; freed when no worker uses it. NULL is fine. */
void dataplane_trace_stop(struct dataplane *dp, struct trace *t);

#endif
