/* The routes of one border gateway that were not learnt, and which connections' learnt routes
 * overlap those of them that lead to VPCs. Private to this room; one thread. */
#ifndef ROUTING_OWN_H
#define ROUTING_OWN_H

#include "routing/rib.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct own_rival {
	uint32_t connection;
	uint32_t routes; /* of its, that overlap */
};

struct own_prefix {
	struct prefix prefix;
	uint32_t routes; /* of ours to it; of these: */
	uint32_t to_vpc;
	uint32_t cover; /* nearest own prefix around it, OWN_NONE: none */
	struct own_rival *rival;
	uint32_t n_rivals, cap_rivals;
};
#define OWN_NONE UINT32_MAX

struct own {
	struct own_prefix *v; /* in prefix order */
	uint32_t n, cap;
};

void own_clear(struct own *o);
/* 0; 1: a new prefix, whose rivals are to be counted; -ENOMEM. */
int own_add(struct own *o, const struct rib_route *r);
void own_remove(struct own *o, const struct rib_route *r);
struct own_prefix *own_find(const struct own *o, const struct prefix *p);
/* A route that the connection's peers announce came (+1) or went (-1). True: some own prefix has a
 * rival now that had not, or the other way round. Without memory it has one less than it should. */
bool own_rival_count(struct own *o, const struct prefix *p, uint32_t connection, int by);
/* The same, for one of ours alone. */
bool own_rival_count_one(struct own_prefix *x, const struct prefix *p, uint32_t connection, int by);
bool own_has_rival(const struct own_prefix *x, uint32_t connection);

#endif
