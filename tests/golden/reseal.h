/* CBC's IVs are random, so no frame of ours can equal a golden one. This makes the golden frame
 * what it would be with our IV: OpenSSL opens it and seals its text again. */
#ifndef TESTS_GOLDEN_RESEAL_H
#define TESTS_GOLDEN_RESEAL_H

#include "dataplane/dataplane.h"

#include <stddef.h>
#include <stdint.h>

/* golden: an Ethernet frame of ESP by sa, its upper half of the sequence number 0; changed in
 * place. ours: a frame of the same length, whose IV is taken. */
void reseal(const struct dataplane_sa *sa, uint8_t *golden, size_t len, const uint8_t *ours);

#endif
