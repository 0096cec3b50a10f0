/* All that a scrape tells, copied at its start, so that objects may come and go while it is
 * written. Owned by one scrape; main thread. */
#ifndef GATEWAY_METRICS_SNAPSHOT_H
#define GATEWAY_METRICS_SNAPSHOT_H

#include "dataplane/dataplane.h"
#include "gateway/bird_host.h"
#include "gateway/exception.h"
#include "gateway/negotiator.h"
#include "gateway/process.h"
#include "gateway/tunnel.h"
#include "routing/tables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exposition;
struct gateway;

/* Labels of an object: its name, escaped, between quotes. */
#define METRICS_LABELS_MAX (CONF_NAME_BYTES + 32)

struct metrics_tunnel {
	char labels[METRICS_LABELS_MAX];
	char *info; /* more labels, of isthmus_tunnel_info; owned */
	bool enabled, up;
	enum ike_reason reason;
	uint64_t since; /* Unix time, microseconds */
	uint64_t ups, downs, child_rekeys, ike_rekeys;
	bool probed;
	struct tunnel_probe probe;
	struct dataplane_tunnel_stats stats;
	bool has_bgp, bgp_up;
	uint64_t bgp_since; /* Unix time, seconds */
	uint64_t received, filtered, advertised;
};

struct metrics_port {
	char labels[METRICS_LABELS_MAX];
	struct dataplane_port_stats stats;
};

struct metrics_gateway {
	char labels[METRICS_LABELS_MAX];
	struct tables_quota quota;
	bool has_bgp, current;
};

struct metrics_shard {
	char labels[METRICS_LABELS_MAX];
	unsigned tunnels;
	struct exception_stats stats;
	bool has_bird, bird_up;
	uint64_t bird_starts, bird_refused, bird_resyncs, bird_lost;
	double bird_resync_seconds;
};

struct metrics_snapshot {
	unsigned n_tunnels, n_workers, n_ports, n_gateways, n_shards;
	uint32_t tunnels_room;
	struct metrics_tunnel *tunnel;
	struct dataplane_worker_stats *worker;
	char (*worker_labels)[METRICS_LABELS_MAX];
	struct dataplane_ring_stats (*ring)[DATAPLANE_RINGS]; /* by worker */
	unsigned *n_rings;
	uint32_t buffers, buffers_free;
	struct metrics_port *port;
	struct metrics_gateway *gateway;
	struct metrics_shard *shard;
	struct process_stats process;
	uint64_t started; /* Unix time, microseconds */
	char build_labels[512];
	uint64_t drop[DROP_REASON_COUNT]; /* of workers and control threads */
	struct exception_stats exception;
	uint64_t up;			  /* tunnels */
	struct negotiator_ask negotiator; /* its counters; result < 0: none */
};

/* Everything but the tunnels. *s is zero before. 0 or -ENOMEM. */
int metrics_take(struct metrics_snapshot *s, struct gateway *g);
/* `count` more of the tunnels, from the index *next on, which moves on; true: there are more. A
 * tunnel that there is no memory for is left out. */
bool metrics_take_tunnels(struct metrics_snapshot *s, struct gateway *g, uint32_t *next,
			  unsigned count);
void metrics_forget(struct metrics_snapshot *s);

/* One family of metrics: a name, and a value for each of some sort of object. */
enum metrics_of { OF_GATEWAY, OF_TUNNEL, OF_WORKER, OF_PORT, OF_BORDER_GATEWAY, OF_SHARD };
struct metrics_family {
	const char *name, *type, *help;
	enum metrics_of of;
	/* Writes the lines of the i-th object; at most METRICS_ITEM_MAX bytes. */
	void (*put)(struct exposition *x, const char *name, const struct metrics_snapshot *s,
		    unsigned i);
};
#define METRICS_ITEM_MAX 8192

#define PUT(fn)                                                                                  \
	static void fn(struct exposition *x, const char *name, const struct metrics_snapshot *s, \
		       unsigned i)

#define COUNTER "counter"
#define GAUGE	"gauge"

/* In the order in which they are written; NULL after the last. */
const struct metrics_family *metrics_family(unsigned i);
extern const struct metrics_family metrics_of_tunnels[]; /* the last of them */
extern const unsigned metrics_of_tunnels_n;
unsigned metrics_items(const struct metrics_snapshot *s, enum metrics_of of);

#endif
