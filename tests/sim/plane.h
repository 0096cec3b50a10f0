/* The fake dataplane of a node: what its engine installs, and whether it keeps to the contract. */
#ifndef TESTS_SIM_PLANE_H
#define TESTS_SIM_PLANE_H

#include "tests/sim/sim.h"

extern const struct ike_ops sim_ops; /* the context is a struct sim_node */

void sim_send(void *ctx, const struct ike_path *path, const uint8_t *data, size_t len);
/* One more packet on this SA, which may be gone afterwards. false: beyond its limit. */
bool sim_carry(struct sim_node *node, struct sim_sa *sa, enum ike_direction dir);
struct sim_sa *sim_find_inbound(struct sim_node *node, uint32_t spi);
void sim_plane_clear(struct sim_node *node);
/* Counts, and keeps the text of the first. */
void sim_violation(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
