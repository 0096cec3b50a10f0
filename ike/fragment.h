/* IKE fragmentation (RFC 7383): what the pieces of a message may cost, and how it is put together.
 *
 * Pieces come here decrypted: the ICV of each was verified first. Of one direction of an SA one
 * message at a time is collected, because its window is one. Bounded in pieces, bytes and time. */
#ifndef IKE_FRAGMENT_H
#define IKE_FRAGMENT_H

#include "ike/timer.h"
#include "ike/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IKE_FRAGMENTS_MAX      64		 /* of one message */
#define IKE_FRAGMENTS_BYTES    16384		 /* of one message, decrypted */
#define IKE_FRAGMENTS_PATIENCE (10 * IKE_SECOND) /* from the first piece on */

struct ike_fragments; /* NULL: none yet */

struct ike_piece {
	uint32_t id;	 /* of the message */
	uint16_t number; /* from 1 */
	uint16_t total;
	uint8_t first; /* payload type that number 1 begins with */
};

/* Before anything is decrypted: is this piece one that is still missing? A message cut into more
 * pieces than the one at hand takes its place: the peer has found that smaller ones get through. */
bool ike_fragments_want(const struct ike_fragments *f, const struct ike_piece *piece);
/* Keeps a piece that was wanted. *f may be replaced and is freed by its timer. 0: the message is
 * complete; -EAGAIN: not yet; -EMSGSIZE, -ENOMEM: all pieces are dropped. */
int ike_fragments_add(struct ike_engine *e, struct ike_fragments **f, const struct ike_piece *piece,
		      struct view plain);
/* Of a complete message: its bytes, and the type of its first payload. Frees *f. */
size_t ike_fragments_join(struct ike_engine *e, struct ike_fragments **f,
			  uint8_t out[IKE_FRAGMENTS_BYTES], uint8_t *first);
void ike_fragments_drop(struct ike_engine *e, struct ike_fragments **f); /* NULL is fine */

/* How many bytes of payloads go into one piece whose whole message may have `room` bytes; fixed:
 * headers, IV and ICV; block: of the cipher. 0: none. */
size_t ike_fragment_payload(size_t room, size_t fixed, size_t block);

#endif
