/* The tunnel manager: what each tunnel is meant to be and what it is.
 *
 * Keeps every tunnel's operational state with its reason, logs each change, and tells the
 * dataplane which tunnels carry traffic. A tunnel's index is its number in the model
 * (conf/number.h), which it keeps; the engine and the dataplane use the same. There are holes where
 * tunnels were deleted. Main thread. */
#ifndef GATEWAY_TUNNEL_H
#define GATEWAY_TUNNEL_H

#include "conf/model.h"
#include "dataplane/dataplane.h"
#include "ike/engine.h"

#include <stdbool.h>
#include <stdint.h>

/* What the requests of gateway/prober.h found, in microseconds; 0: nothing yet. */
struct tunnel_probe {
	uint64_t sent, lost;
	bool answers;			  /* the peer did lately */
	uint64_t last, least, mean, most; /* mean: of the last ones, mostly */
};

struct tunnel {
	const struct conf_tunnel *conf; /* NULL: a hole, no tunnel has this number */
	const struct conf_vpn_connection *connection;
	uint32_t connection_index; /* its number */
	bool enabled;		   /* admin status */
	bool up;
	bool draining; /* nothing new goes into it */
	enum ike_reason reason;
	char text[512]; /* for a person; may have several lines */
	uint64_t since; /* of the last change between UP and DOWN, clock_now() */
	uint64_t ups, downs;
	uint64_t child_rekeys, ike_rekeys;
	struct tunnel_probe probe;
};

struct tunnels {
	struct dataplane *dp;
	const struct conf *conf;
	uint32_t n; /* all numbers are below; see tunnels_next() */
	struct tunnel *v;
	uint32_t room;
	uint32_t count; /* tunnels */
	bool quiet;	/* changes are not logged: the gateway stops, and takes all of them down */
};

int tunnels_new(struct tunnels **out, struct dataplane *dp, const struct conf *c, uint64_t now);
void tunnels_free(struct tunnels *t);

/* Another model, in two steps: room for its tunnels (0 or -ENOMEM), then its tunnels are these.
 * Those of both keep their state; c is referred to from then on and the old one no longer. */
int tunnels_reserve(struct tunnels *t, const struct conf *c);
void tunnels_update(struct tunnels *t, const struct conf *c, uint64_t now);

/* The tunnels in turn: for (i = tunnels_next(t, 0); i < t->n; i = tunnels_next(t, i + 1)). */
uint32_t tunnels_next(const struct tunnels *t, uint32_t from);
/* NULL: there is none of that number. */
struct tunnel *tunnels_get(const struct tunnels *t, uint32_t index);

/* What the engine said. An index that is not there is ignored. */
void tunnels_state(struct tunnels *t, uint64_t now, uint32_t index, bool up, enum ike_reason reason,
		   const char *text);
/* An SA of the tunnel took over from an older one. */
void tunnels_rekeyed(struct tunnels *t, uint32_t index, bool ike);
/* -1: no such name. */
int64_t tunnels_find(const struct tunnels *t, const char *name);
/* Counts the tunnels of the connection of that number, and those that are UP. */
void tunnels_count(const struct tunnels *t, uint32_t connection, unsigned *all, unsigned *up);
/* Can the connection take a packet: by a tunnel that is UP and not drained, or by one that the
 * packet itself brings up? */
bool tunnels_usable(const struct tunnels *t, uint32_t connection);
const char *tunnel_reason(enum ike_reason reason);		   /* for a person: "no answer" */
const char *tunnels_name(const struct tunnels *t, uint32_t index); /* NULL: no such tunnel */

#endif
