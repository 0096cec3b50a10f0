#include "dataplane/sa.h"

#include "dataplane/limit.h"

#include <rte_byteorder.h>
#include <rte_malloc.h>

#include <errno.h>
#include <sodium.h>
#include <string.h>

/* The soft end of a sequence space is this much before its hard end. */
#define SOFT_SHARE 16 /* one sixteenth */

#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define UDP_BYTES  8
#define TTL	   64

static size_t round_line(size_t n)
{
	return (n + SA_LINE - 1) & ~(size_t)(SA_LINE - 1);
}

static bool keys_fit(const struct dataplane_sa *from)
{
	const struct algo_cipher_info *cipher = &algo_ciphers[from->cipher];
	const struct algo_auth_info *auth = &algo_auths[from->auth];

	return from->cipher_key && from->cipher_key_len == cipher->key_bytes + cipher->salt_bytes &&
	       (cipher->aead || (from->auth_key && from->auth_key_len == auth->key_bytes));
}

size_t sa_size(const struct crypt *keys, const struct dataplane_sa *from)
{
	enum crypt_kind kind = crypt_kind(from->cipher, from->auth);
	size_t n = offsetof(struct sa, keys);

	if (kind == CRYPT_KINDS || !keys_fit(from) || from->n_local > DATAPLANE_SELECTORS ||
	    from->n_remote > DATAPLANE_SELECTORS)
		return 0;
	n += round_line(crypt_key_bytes(keys, kind));
	if (from->inbound)
		n += replay_bytes(from->replay_window);
	return round_line(n + (from->n_local + from->n_remote) * sizeof(struct sa_selector));
}

/* RFC 1071 over whole 16-bit words in network order. */
static uint16_t checksum(const uint8_t *p, size_t bytes)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The outer header of RFC 4303 §3.1.2 and, with UDP, of RFC 3948 §2.1. Don't-fragment is set, so
 * the identification may stay 0 (RFC 6864 §4.1). */
static void write_head(struct sa *sa)
{
	uint8_t *h = sa->head, *udp;
	uint8_t protocol = sa->flags & SA_UDP ? 17 : 50;

	memset(h, 0, sizeof(sa->head));
	if (sa->flags & SA_IPV6) {
		h[0] = 0x60;
		h[6] = protocol;
		h[7] = TTL;
		memcpy(h + 8, sa->local_end.addr.b, 16);
		memcpy(h + 24, sa->remote_end.addr.b, 16);
		udp = h + IPV6_BYTES;
	} else {
		h[0] = 0x45;
		h[6] = 0x40;
		h[8] = TTL;
		h[9] = protocol;
		memcpy(h + 12, sa->local_end.addr.b, 4);
		memcpy(h + 16, sa->remote_end.addr.b, 4);
		put16(h + 10, checksum(h, IPV4_BYTES));
		udp = h + IPV4_BYTES;
	}
	if (sa->flags & SA_UDP) {
		put16(udp, sa->local_end.port);
		put16(udp + 2, sa->remote_end.port);
	}
}

void sa_move(struct sa *sa, const struct endpoint *local, const struct endpoint *remote)
{
	sa->local_end = *local;
	sa->remote_end = *remote;
	if (local->addr.family == ADDR_IPV6)
		sa->flags |= SA_IPV6;
	else
		sa->flags &= (uint16_t)~SA_IPV6;
	sa->head_bytes = (uint8_t)((sa->flags & SA_IPV6 ? IPV6_BYTES : IPV4_BYTES) +
				   (sa->flags & SA_UDP ? UDP_BYTES : 0));
	if (sa->flags & SA_INBOUND) {
		memcpy(sa->local, local->addr.b, 16);
	} else {
		write_head(sa);
	}
}

static void put_selector(struct sa_selector *to, const struct dataplane_selector *from)
{
	memcpy(to->first, from->first.b, 16);
	memcpy(to->last, from->last.b, 16);
	to->port_first = from->port_first;
	to->port_last = from->port_last;
	to->protocol = from->protocol;
	to->family = from->first.family;
}

int sa_build(struct sa *sa, const struct crypt *keys, const struct dataplane_sa *from,
	     uint16_t owner)
{
	const struct algo_cipher_info *cipher = &algo_ciphers[from->cipher];
	enum crypt_kind kind = crypt_kind(from->cipher, from->auth);
	size_t size = sa_size(keys, from);
	struct sa_selector *sel;
	unsigned i;

	if (!size || from->local.addr.family != from->remote.addr.family ||
	    from->local.addr.family == ADDR_NONE)
		return -EINVAL;
	memset(sa, 0, size);
	sa->spi = rte_cpu_to_be_32(from->spi);
	sa->tunnel = from->tunnel;
	sa->flags = (uint16_t)((from->inbound ? SA_INBOUND : 0) | (from->esn ? SA_ESN : 0) |
			       (from->udp ? SA_UDP : 0) |
			       (from->n_local + from->n_remote ? SA_SELECTORS : 0));
	sa->kind = (uint8_t)kind;
	sa->iv_bytes = cipher->iv_bytes;
	sa->icv_bytes = cipher->aead	  ? cipher->icv_bytes
			: from->icv_bytes ? from->icv_bytes
					  : algo_auths[from->auth].icv_bytes;
	sa->align = cipher->block_bytes > 4 ? cipher->block_bytes : 4;
	sa->owner = (uint8_t)owner;
	sa->key_bytes = (uint16_t)crypt_key_bytes(keys, kind);
	sa->key_powers = crypt_key_powers(keys, kind);
	sa->cipher = (uint8_t)from->cipher;
	sa->auth = (uint8_t)from->auth;
	sa->size = (uint32_t)size;
	if (cipher->salt_bytes)
		memcpy(&sa->salt, from->cipher_key + cipher->key_bytes, sizeof(sa->salt));
	sa_move(sa, &from->local, &from->remote);

	if (from->inbound)
		replay_init(&sa->replay, from->replay_window,
			    (uint64_t *)((uint8_t *)&sa->keys + round_line(sa->key_bytes)));
	sa->soft_packets = from->soft_packets;
	sa->soft_bytes = from->soft_bytes;
	sa->hard_packets = from->hard_packets;
	sa->hard_bytes = from->hard_bytes;
	limit_begin(sa);

	sa->n_local = (uint16_t)from->n_local;
	sa->n_selectors = (uint8_t)(from->n_local + from->n_remote);
	sel = (struct sa_selector *)sa_selectors(sa);
	for (i = 0; i < from->n_local; i++)
		put_selector(sel++, &from->sel_local[i]);
	for (i = 0; i < from->n_remote; i++)
		put_selector(sel++, &from->sel_remote[i]);
	for (i = 0; i < sa->n_selectors; i++)
		sa->flags |= sa_any_port(&sa_selectors(sa)[i]) ? 0 : SA_PORTS;

	crypt_expand(keys, &sa->keys, kind, from->inbound, from->cipher_key, from->auth_key);
	return 0;
}

int sa_new(struct sa **sa, const struct crypt *keys, const struct dataplane_sa *from,
	   uint16_t owner, int socket)
{
	size_t size = sa_size(keys, from);
	int rc;

	*sa = NULL;
	if (!size)
		return -EINVAL;
	*sa = rte_malloc_socket("sa", size, SA_LINE, socket);
	if (!*sa) /* better far away than nowhere */
		*sa = rte_malloc("sa", size, SA_LINE);
	if (!*sa)
		return -ENOMEM;
	rc = sa_build(*sa, keys, from, owner);
	if (rc) {
		rte_free(*sa);
		*sa = NULL;
	}
	return rc;
}

void sa_wipe(struct sa *sa)
{
	sodium_memzero(sa, sa->size);
}

void sa_free(struct sa *sa)
{
	if (!sa)
		return;
	sa_wipe(sa);
	rte_free(sa);
}
