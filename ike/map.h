/* A hash table of intrusive nodes: tunnels by index and by address pair, SAs by SPI.
 *
 * Chained and doubling; a failed growth only makes chains longer. Hashes are the caller's, spread
 * well over 64 bits. One thread. */
#ifndef IKE_MAP_H
#define IKE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct ike_node {
	struct ike_node *next;
	uint64_t hash;
};

struct ike_map {
	struct ike_node **slot;
	size_t n, cap; /* cap is 0 or a power of two */
};

int ike_map_insert(struct ike_map *m, struct ike_node *node, uint64_t hash); /* 0 or -ENOMEM */
void ike_map_remove(struct ike_map *m, struct ike_node *node);
/* All nodes of one hash: first, then next of each until NULL. */
struct ike_node *ike_map_first(const struct ike_map *m, uint64_t hash);
struct ike_node *ike_map_next(const struct ike_node *node);
/* Any node, to empty a table; NULL: none. */
struct ike_node *ike_map_any(const struct ike_map *m);
void ike_map_clear(struct ike_map *m); /* frees the table, not the nodes */

uint64_t ike_hash(const void *data, size_t len, uint64_t seed); /* for data of the operator's */

#endif
