/* GET /metrics: what Prometheus scrapes (text format 0.0.4).
 *
 * A scrape takes a snapshot, tunnels a few hundred a turn of the loop, asks the negotiator for its
 * counters, and writes one family after the other, a piece at a time (gateway/http.h): no slice of
 * main's time is longer than some 1 ms, whatever the number of tunnels. Workers do nothing for it;
 * their counters are read. Main thread.
 *
 * Names: "isthmus_" and what is counted, in base units, "_total" for counters. A tunnel's series
 * have the label tunnel alone; isthmus_tunnel_info has the rest to join with. */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "conf/addr.h"

#include <stddef.h>

struct gateway;
struct metrics;

/* Listens at that address. 0 or -errno, error says what is wrong. */
int metrics_new(struct metrics **out, struct gateway *g, const struct endpoint *listen, char *error,
		size_t error_size);
void metrics_free(struct metrics *m); /* NULL is fine */
struct endpoint metrics_address(const struct metrics *m);

#endif
