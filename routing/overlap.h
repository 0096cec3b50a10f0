/* The overlap rule of VPC attachments: of prefixes that overlap and come from different VPCs, the
 * one propagated first is valid; the others wait until it goes.
 *
 * Precisely: in order of arrival, a claim is valid if it overlaps no earlier valid claim of another
 * attachment. Only claims that lie in one another can matter to each other, so a change is settled
 * within the widest claim around it, in time proportional to the claims there, whatever else is in
 * the table. Private to this room. */
#ifndef ROUTING_OVERLAP_H
#define ROUTING_OVERLAP_H

#include "routing/trie.h"

static inline bool overlap_is_claim(const struct rib_route *route)
{
	return route->via == RIB_VIA_ATTACHMENT && route->origin == RIB_PROPAGATED;
}

/* 0 or -ENOMEM. Not settled yet. */
int overlap_claim(struct trie *t, const struct rib_route *route, uint64_t order, struct node **at);
/* The claim goes; its node stays until trie_prune(). NULL: there is none. */
struct node *overlap_unclaim(struct trie *t, const struct rib_route *route);
/* Settles who is valid after a change at n: sets claims' overlaps, and changed of their nodes.
 * room is scratch for all claims of the table. Returns the node below which changes may be, or
 * NULL: nowhere. */
struct node *overlap_settle(struct node *n, struct claim **room);

#endif
