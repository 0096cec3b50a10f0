/* The exception path: packets for tunnels' inner addresses to the routing shards, and back.
 *
 * Every border gateway's tunnels live in a shard, a network namespace of ours (routing/shard.h),
 * whether they speak BGP or not: there the kernel answers pings and BIRD speaks BGP. What the
 * dataplane punts as local goes into the shard's TUN; what the kernel sends out of it goes into the
 * tunnel that its addresses name. Bursts are bounded, so that a flood does not starve main's loop.
 * Main thread. */
#ifndef GATEWAY_EXCEPTION_H
#define GATEWAY_EXCEPTION_H

#include "conf/model.h"
#include "dataplane/dataplane.h"
#include "routing/shard.h"

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct exception;

#define EXCEPTION_DROPS(_)                                                                  \
	_(REFUSED, "shard-refused", "the shard's device did not take a packet for it")      \
	_(NO_TUNNEL, "shard-no-tunnel", "a shard sent a packet that belongs to no tunnel")  \
	_(TOO_BIG, "shard-too-big", "a shard sent a packet that is too big for its tunnel") \
	_(RING_FULL, "shard-ring-full", "a shard sent packets faster than the workers take them")
enum exception_drop {
#define EXCEPTION_DROP_ENUM(name, key, text) EXCEPTION_DROP_##name,
	EXCEPTION_DROPS(EXCEPTION_DROP_ENUM)
#undef EXCEPTION_DROP_ENUM
		EXCEPTION_DROP_COUNT
};
const char *exception_drop_name(enum exception_drop d);
const char *exception_drop_text(enum exception_drop d);

struct exception_stats {		 /* of one shard, or of all */
	uint64_t in_packets, in_bytes;	 /* from tunnels */
	uint64_t out_packets, out_bytes; /* into tunnels */
	uint64_t drop[EXCEPTION_DROP_COUNT];
};

/* Makes the shards that c's tunnels need, and takes the dataplane's packets from now on. On failure
 * error (error_size bytes) says what and why. */
int exception_new(struct exception **out, struct event_base *base, struct dataplane *dp,
		  const struct conf *c, char *error, size_t error_size);
void exception_free(struct exception *e); /* NULL is fine */
/* After the model changed (c is another one, the old may go): pairs that stayed are not touched. On
 * failure some of it may be done; with the model before it is as it was. */
int exception_update(struct exception *e, const struct conf *c, char *error, size_t error_size);

unsigned exception_shards(const struct exception *e);
struct shard *exception_shard(struct exception *e, unsigned shard); /* NULL: that number is free */
/* Where a border gateway (by its number) lives; SHARD_NONE: it has no tunnels. */
uint32_t exception_shard_of(const struct exception *e, uint32_t border_gateway);

void exception_stats(const struct exception *e, struct exception_stats *out);
void exception_shard_stats(const struct exception *e, unsigned shard, struct exception_stats *out);

#endif
