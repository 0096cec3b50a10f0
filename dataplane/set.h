/* Sets of tunnels as next hops: connections and bundles, and which of them each tunnel is in.
 *
 * Main thread. Workers see a set's buckets alone (struct tunnel_set); who may be in them and who
 * serves them is kept here. A bundle is found by what is in it and counted; its place is used again
 * only after every worker passed a quiescent point. */
#ifndef DATAPLANE_SET_H
#define DATAPLANE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dataplane;
struct sets;

struct sets *sets_new(void); /* NULL: no memory */
void sets_free(struct sets *s);

/* The tunnel's state changed: every set with it in it is told. */
void sets_tunnel_changed(struct dataplane *dp, uint32_t tunnel);
bool sets_has_tunnel(const struct dataplane *dp, uint32_t tunnel); /* any of them */
bool sets_exists(const struct dataplane *dp, uint32_t index);
/* "bundle of tunnels 1, 5", "connection 3". */
const char *sets_format(const struct dataplane *dp, uint32_t index, char *buf, size_t size);

#endif
