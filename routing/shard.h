/* A routing shard: a network namespace with one TUN device that carries the inner address pairs of
 * many tunnels, so that BGP, BFD and ping of inner addresses are the kernel's and BIRD's work.
 *
 * The namespace has no name and no mount: it lives as long as this process or a child has it open.
 * Border gateways share a shard if their inner addresses do not overlap. Main thread. */
#ifndef ROUTING_SHARD_H
#define ROUTING_SHARD_H

#include "conf/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARD_INTERFACE "isthmus0"
#define SHARD_SESSIONS	1000 /* in one shard, unless one gateway alone has more */
#define SHARD_NONE	UINT32_MAX

/* ---- which gateway lives where (pure) ---------------------------------------------------- */

struct shard_tenant { /* a border gateway */
	unsigned n_networks;
	const struct prefix *network; /* of its inner pairs (/30, /126), one a tunnel and family */
	uint32_t shard;		      /* in: where it is, or SHARD_NONE; out: where it shall be */
};

/* Assigns every tenant: one that has a place keeps it if it can (earlier tenants first), others get
 * the first shard with room and no overlap. *n_shards: one more than the highest. 0 or -ENOMEM:
 * nothing changed. A tenant that overlaps itself is taken as it is. */
int shard_assign(struct shard_tenant *tenant, unsigned n, uint32_t *n_shards);

/* ---- the namespace ----------------------------------------------------------------------- */

struct shard;

/* netns: path of a namespace that the operator made ("/run/netns/bgp"), NULL: one of our own. 0 or
 * -errno, with error naming the step that failed. The calling thread comes back to its namespace.
 */
int shard_open(struct shard **out, const char *netns, uint16_t mtu, char *error, size_t error_size);
void shard_close(struct shard *s); /* NULL is fine */

int shard_netns(const struct shard *s); /* descriptor, close-on-exec; of the shard */
int shard_fd(const struct shard *s);	/* the TUN's: one IP packet a read or write; non-blocking */

/* A tunnel's inner addresses come and go. id: what shard_find() returns. Adding the same pair again
 * only gives it another id. 0, -EEXIST: one of them is another pair's; -ENOENT. */
int shard_pair_add(struct shard *s, const struct addr *local, const struct addr *peer, uint32_t id);
int shard_pair_delete(struct shard *s, const struct addr *local, const struct addr *peer);
unsigned shard_pairs(const struct shard *s);

/* Whose tunnel a packet out of the TUN goes into: that of its source if it is one of our inner
 * addresses, else that of its destination if that is a peer's. False: neither, or no IP packet. */
bool shard_find(const struct shard *s, const uint8_t *packet, size_t len, uint32_t *id);

#endif
