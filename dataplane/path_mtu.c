/* What routers say about the size of our outer packets (RFC 1191, RFC 8201, RFC 4301 §8.2).
 *
 * Negotiator thread. Anybody can send such an error; it counts only if it quotes a packet of an SA
 * that is in use, which somebody off the way would have to guess 32 bits of. What it says holds for
 * that SA's life, not longer, and never goes below what every network can carry. */
#include "dataplane/core.h"
#include "dataplane/packet.h"
#include "dataplane/path_mtu.h"
#include "dataplane/sa.h"
#include "dataplane/sa_book.h"

#define ICMP_BYTES 8
#define LEAST4	   576u
#define LEAST6	   1280u

struct quote {
	struct endpoint local, remote; /* ports are not looked at */
	uint32_t spi, mtu;
};

/* The sent packet's beginning, as far as its SPI. */
static bool read_quote(struct quote *q, const uint8_t *ip, unsigned len)
{
	bool v4 = len >= IP4_BYTES && ip[0] >> 4 == 4;
	unsigned head = v4 ? (ip[0] & 15) * 4u : IP6_BYTES, proto;

	if (head < IP4_BYTES || len < head + 4 || (!v4 && ip[0] >> 4 != 6))
		return false;
	proto = v4 ? ip[9] : ip[6];
	if (v4) {
		q->local.addr = addr_ipv4(get_be32(ip + 12));
		q->remote.addr = addr_ipv4(get_be32(ip + 16));
	} else {
		q->local.addr.family = q->remote.addr.family = ADDR_IPV6;
		memcpy(q->local.addr.b, ip + 8, 16);
		memcpy(q->remote.addr.b, ip + 24, 16);
	}
	if (proto == PROTO_UDP)
		head += UDP_BYTES;
	else if (proto != PROTO_ESP)
		return false;
	if (len < head + 4)
		return false;
	q->spi = get_be32(ip + head);
	return true;
}

static bool read_error(struct quote *q, const uint8_t *ip, unsigned len)
{
	bool v4 = ip[0] >> 4 == 4;
	unsigned head = v4 ? (ip[0] & 15) * 4u : IP6_BYTES;
	const uint8_t *icmp = ip + head;

	if (!path_mtu_is_error(ip, len))
		return false;
	q->mtu = v4 ? get_be16(icmp + 6) : get_be32(icmp + 4);
	q->mtu = RTE_MAX(q->mtu, v4 ? LEAST4 : LEAST6);
	return read_quote(q, icmp + ICMP_BYTES, len - head - ICMP_BYTES);
}

/* The error's own checksum need not be right: there is nothing in it that would be believed. */
void path_mtu_take(struct dataplane *dp, struct rte_mbuf *m)
{
	struct quote q;
	struct sa *sa;

	if (!read_error(&q, packet(m), m->data_len))
		return;
	for (uint32_t tunnel = 0; tunnel < TUNNELS_MAX; tunnel++) {
		sa = *sa_book_outbound(dp->book, tunnel, q.spi);
		if (!sa || rte_be_to_cpu_32(sa->spi) != q.spi ||
		    !addr_equal(&sa->local_end.addr, &q.local.addr) ||
		    !addr_equal(&sa->remote_end.addr, &q.remote.addr))
			continue;
		(void)negotiator_order(dp, dp->tables.owner[tunnel],
				       &(struct message){ .kind = MESSAGE_SA_PATH_MTU,
							  .tunnel = tunnel,
							  .spi = q.spi,
							  .mtu = q.mtu,
							  .sa = sa });
		return;
	}
}
