/* The tunnel manager: what each tunnel is meant to be and what it is.
 *
 * Keeps every tunnel's operational state with its reason, logs each change, and tells the
 * dataplane which tunnels carry traffic. A tunnel's index is its place when all
 * connections' tunnels are counted in the order of the file; the engine and the dataplane use the
 * same. Main thread. */
#ifndef GATEWAY_TUNNEL_H
#define GATEWAY_TUNNEL_H

#include "conf/model.h"
#include "dataplane/dataplane.h"
#include "ike/engine.h"

#include <stdbool.h>
#include <stdint.h>

struct tunnel {
	const struct conf_tunnel *conf;
	const struct conf_vpn_connection *connection;
	uint32_t connection_index;
	bool enabled; /* admin status */
	bool up;
	enum ike_reason reason;
	char text[512]; /* for a person; may have several lines */
	uint64_t since; /* of the last change between UP and DOWN, clock_now() */
	uint64_t ups, downs;
	uint64_t child_rekeys, ike_rekeys;
};

struct tunnels {
	struct dataplane *dp;
	const struct conf *conf;
	uint32_t n;
	struct tunnel *v;
	uint32_t *first; /* by connection: the index of its first tunnel */
	bool quiet;	 /* changes are not logged: the gateway stops, and takes all of them down */
};

int tunnels_new(struct tunnels **out, struct dataplane *dp, const struct conf *c, uint64_t now);
void tunnels_free(struct tunnels *t);

/* What the engine said. An index that is not there is ignored. */
void tunnels_state(struct tunnels *t, uint64_t now, uint32_t index, bool up, enum ike_reason reason,
		   const char *text);
/* -1: no such name. */
int64_t tunnels_find(const struct tunnels *t, const char *name);
/* Counts the connection's tunnels and those that are UP. */
void tunnels_count(const struct tunnels *t, uint32_t connection, unsigned *all, unsigned *up);
const char *tunnel_reason(enum ike_reason reason);		   /* for a person: "no answer" */
const char *tunnels_name(const struct tunnels *t, uint32_t index); /* NULL: no such tunnel */

#endif
