#include "ike/natt.h"

#include "ike/crypto.h"

#include <string.h>

#define KEEPALIVE 0xff

int ike_natt_digest(enum algo_auth hash, uint64_t spi_i, uint64_t spi_r, const struct endpoint *e,
		    uint8_t *out)
{
	uint8_t data[8 + 8 + 16 + 2];
	struct ike_chunk in = { .p = data };
	struct writer w;

	writer_init(&w, data, sizeof(data));
	writer_u64(&w, spi_i);
	writer_u64(&w, spi_r);
	writer_bytes(&w, e->addr.b, addr_bytes(&e->addr));
	writer_u16(&w, e->port);
	in.n = w.n;
	return ike_digest(hash, &in, 1, out);
}

int ike_natt_hash(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e,
		  uint8_t out[IKE_NATT_HASH_BYTES])
{
	return ike_natt_digest(AUTH_SHA1, spi_i, spi_r, e, out);
}

bool ike_natt_hash_matches(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e,
			   struct view data)
{
	uint8_t own[IKE_NATT_HASH_BYTES];

	return data.n == sizeof(own) && ike_natt_hash(spi_i, spi_r, e, own) == 0 &&
	       memcmp(data.p, own, sizeof(own)) == 0;
}

bool ike_marker_take(struct view *datagram)
{
	static const uint8_t marker[IKE_MARKER_BYTES];

	if (datagram->n < sizeof(marker) || memcmp(datagram->p, marker, sizeof(marker)) != 0)
		return false;
	return view_skip(datagram, sizeof(marker));
}

void ike_marker_emit(struct writer *w)
{
	writer_room(w, IKE_MARKER_BYTES);
}

bool ike_is_keepalive(struct view datagram)
{
	return datagram.n == 1 && datagram.p[0] == KEEPALIVE;
}
