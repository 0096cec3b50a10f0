/* A dataplane that only writes down what it is told, and tells what the test has put in. */
#ifndef TESTS_UNIT_GATEWAY_FAKE_DATAPLANE_H
#define TESTS_UNIT_GATEWAY_FAKE_DATAPLANE_H

#include "dataplane/dataplane.h"

/* Since fake_reset(), one line a call: "route 2 10.0.0.0/16 table 1\n". */
extern char fake_told[16384];
extern struct dataplane_tunnel_stats fake_tunnel_stats;
extern struct dataplane_worker_stats fake_worker_stats[3]; /* two, and the control threads */
extern struct dataplane_port_stats fake_port_stats;
extern int fake_attachment_error, fake_route_error;
extern struct dataplane_path fake_path; /* of every packet */
/* What adding this tunnel answers; 0: the usual. */
extern int fake_tunnel_error;
extern uint32_t fake_tunnel_refused;

/* What dataplane_main_register() was given last, and the last packet of dataplane_send_inner(). */
extern const struct dataplane_main_ops *fake_main_ops;
extern void *fake_main_ctx;
extern uint8_t fake_sent[2048];
extern size_t fake_sent_len;
extern uint32_t fake_sent_tunnel;
extern int fake_send_error;

void fake_reset(void);

/* What it holds now. */
struct fake_route {
	struct prefix prefix;
	uint32_t nh;
};
unsigned fake_routes(uint32_t table, struct fake_route *out, unsigned max);
const struct dataplane_attachment *fake_interface(uint32_t index); /* NULL: none */
const struct dataplane_tunnel *fake_tunnel(uint32_t index);
unsigned fake_connection(uint32_t index, const uint32_t **tunnels);
struct fake_count {
	unsigned tables, interfaces, tunnels, connections, routes;
	int holds; /* of bundles */
};
void fake_count(struct fake_count *out);

#endif
