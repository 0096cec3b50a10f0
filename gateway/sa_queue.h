/* SA changes on their way to the workers, in the order the engine made them.
 *
 * The engine's calls cannot wait for a full ring, and two changes of one tunnel must not overtake
 * each other: while one waits, all later ones stand behind it. Keys that wait are kept in guarded
 * memory. Negotiator thread. */
#ifndef GATEWAY_SA_QUEUE_H
#define GATEWAY_SA_QUEUE_H

#include "dataplane/dataplane.h"

#include <stdbool.h>
#include <stdint.h>

struct sa_queue;

/* failed is called for an install that waited and was then refused for another reason than a full
 * ring: the engine believes in an SA that is not there. */
struct sa_queue *sa_queue_new(struct dataplane *dp,
			      void (*failed)(void *ctx, uint32_t tunnel, int error), void *ctx);
void sa_queue_free(struct sa_queue *q);

int sa_queue_install(struct sa_queue *q, const struct dataplane_sa *sa);
int sa_queue_remove(struct sa_queue *q, uint32_t tunnel, bool inbound, uint32_t spi);
int sa_queue_move(struct sa_queue *q, uint32_t tunnel, uint32_t spi_out,
		  const struct endpoint *local, const struct endpoint *remote);

int sa_queue_refresh(struct sa_queue *q, uint32_t tunnel);

void sa_queue_flush(struct sa_queue *q);
bool sa_queue_waiting(const struct sa_queue *q);
uint64_t sa_queue_delayed(const struct sa_queue *q); /* changes that had to wait */

#endif
