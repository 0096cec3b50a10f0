/* One ESP security association as workers see it: layout and building.
 *
 * Built by the negotiator (keys expanded there), then owned by its owner worker, which alone
 * writes it; others may read counters, a moment old. Removed from view, quiescent, wiped, freed.
 *
 *     line 0    all a packet needs to be numbered, checked, sized and counted
 *     line 1    outbound: the outer header to copy; inbound: the peer it must come from
 *     line 2-3  cold: for control and bad packets
 *     line 4..  expanded keys; behind them the replay bitmap, then the selectors
 *
 * All three are in one allocation, so one base address prefetches everything. */
#ifndef DATAPLANE_SA_H
#define DATAPLANE_SA_H

#include "dataplane/crypt.h"
#include "dataplane/dataplane.h"
#include "dataplane/gcm.h"
#include "dataplane/replay.h"

#include <intel-ipsec-mb.h>
#include <rte_prefetch.h>

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define SA_LINE 64

enum sa_flags {
	SA_INBOUND = 1 << 0,
	SA_ESN = 1 << 1,
	SA_UDP = 1 << 2,       /* ESP in UDP (RFC 3948) */
	SA_IPV6 = 1 << 3,      /* outer header */
	SA_SELECTORS = 1 << 4, /* not 0/0 to 0/0: each packet must be compared */
	SA_USED = 1 << 5,      /* worker: the negotiator was told of the first packet */
	SA_TOLD = 1 << 6,      /* worker: the negotiator was told that it will soon be used up */
	SA_MSS = 1 << 7,       /* TCP's segments are kept within the tunnel's MTU */
	SA_DF_COPY = 1 << 8,   /* outer header: don't-fragment as the inner has it */
	SA_DF_CLEAR = 1 << 9,  /* never; neither of the two: always */
	SA_METER = 1 << 11,    /* the tunnel has a bandwidth */
	SA_PORTS = 1 << 12,    /* some selector names ports */
	SA_STOPPED = 1 << 10,  /* worker: the negotiator was told that it is used up */
};

#define SA_SETTINGS (SA_MSS | SA_DF_COPY | SA_DF_CLEAR | SA_METER) /* the tunnel's */
#define SA_POLICY   (SA_SELECTORS | SA_METER) /* what each packet is asked for, policy.h */

/* A range of inner addresses of one family; network order, IPv4 in the first four bytes. */
struct sa_selector {
	uint8_t first[16], last[16];
	uint16_t port_first, port_last; /* host order */
	uint8_t protocol;		/* 0: any */
	uint8_t family;			/* ADDR_IPV4 or ADDR_IPV6 */
};

/* Expanded keys, for the direction of their SA. Only key_bytes of the union are allocated. */
struct sa_cbc_keys {
	uint8_t schedule[16 * 16]; /* 15 round keys at most */
	uint8_t ipad[64];	   /* state of the hash after key ^ ipad (RFC 2104) */
	uint8_t opad[64];
};
union sa_keys {
	struct gcm_key vector;	 /* AES-GCM where gcm.h's engines run .. */
	struct gcm_key_data gcm; /* .. and where not */
	struct sa_cbc_keys cbc;
	uint8_t chacha[32];
};

struct sa {
	/* line 0 */
	uint32_t spi; /* network order */
	uint32_t tunnel;
	uint32_t salt;	     /* AEAD: bytes as they precede the IV in the nonce */
	uint16_t flags;	     /* enum sa_flags; worker: rw */
	uint8_t kind;	     /* enum crypt_kind */
	uint8_t iv_bytes;    /* on the wire */
	uint8_t icv_bytes;   /* on the wire */
	uint8_t align;	     /* payload + trailer is a multiple of this: 4 or 16 */
	uint8_t head_bytes;  /* outer IP header, and UDP's with SA_UDP */
	uint8_t owner;	     /* worker */
	uint16_t key_bytes;  /* of union sa_keys that this kind uses */
	uint8_t key_powers;  /* of H that a long packet needs; 0: keys are not gcm.h's */
	uint8_t n_selectors; /* local, then remote */
	union {
		struct replay replay; /* inbound */
		struct {
			uint64_t sequence; /* outbound: last one sent */
			uint64_t ask_out;  /* limit_admit() from here on */
			uint64_t spare;
		};
	};
	/* worker: rw; others read them relaxed. Inner packets and bytes. */
	uint64_t packets;
	uint64_t bytes;

	/* line 1 */
	union {
		struct {
			uint8_t head[48]; /* IPv4/IPv6 and UDP header with lengths 0; IPv4: checksum
					     of that; UDP checksum 0, as it stays over
					     IPv4 (RFC 3948 §2.1) */
			/* worker: rw. Where the outer packet goes, as found under `epoch` of the
			 * underlay; esp_out()'s */
			uint32_t nexthop;
			uint32_t epoch;
			uint32_t mtu;	   /* inner packets that fit there */
			uint32_t path_mtu; /* outer packets that the way is known to take */
		};
		struct {
			/* network order, IPv4 in the first four bytes, ports only with SA_UDP */
			uint8_t local[16], remote[16];
			uint16_t local_port, remote_port;
			/* where decrypted packets are looked up, as in burst.h; set before
			 * installing; worker: rw */
			uint32_t table;
			uint64_t ask_in; /* limit_admit() from this sequence number on */
			uint32_t unused_in[4];
		};
	};

	/* lines 2 and 3: cold */
	uint64_t replayed, bad_icv, selector_drops; /* inbound; worker: rw */
	struct endpoint local_end, remote_end;
	uint8_t cipher, auth; /* enum algo_cipher, algo_auth */
	uint16_t n_local;     /* of n_selectors */
	uint32_t size;	      /* bytes of the whole object */
	uint64_t soft_packets, soft_bytes, hard_packets, hard_bytes; /* limits; 0: none */
	struct sa *beside; /* outbound; owner worker: rw; the tunnel's next, other selectors */
	struct sa *booked; /* outbound; negotiator: rw; the tunnel's next in its book */

	/* line 4 */
	union sa_keys keys __attribute__((aligned(SA_LINE)));
} __attribute__((aligned(SA_LINE)));

static_assert(offsetof(struct sa, bytes) + 8 == SA_LINE, "counters end line 0");
static_assert(offsetof(struct sa, head) == SA_LINE, "the header template is line 1");
static_assert(offsetof(struct sa, replayed) == 2 * SA_LINE, "cold begins with line 2");
static_assert(offsetof(struct sa, keys) == 4 * SA_LINE, "keys begin with line 4");

/* Bytes of memory, aligned to SA_LINE, for the SA that *from describes. 0: an algorithm pair or key
 * length that the dataplane does not do. `keys` expands keys and is not kept. */
size_t sa_size(const struct crypt *keys, const struct dataplane_sa *from);
/* Fills memory of sa_size() bytes. 0 or -EINVAL. */
int sa_build(struct sa *sa, const struct crypt *keys, const struct dataplane_sa *from,
	     uint16_t owner);
/* The same in memory of a NUMA socket (rte_malloc). 0, -EINVAL or -ENOMEM. */
int sa_new(struct sa **sa, const struct crypt *keys, const struct dataplane_sa *from,
	   uint16_t owner, int socket);
void sa_wipe(struct sa *sa);
void sa_free(struct sa *sa); /* wipes. NULL is fine */

/* Other outer addresses or ports (NAT moved, MOBIKE): rewrites line 1 and the cold endpoints. Owner
 * worker, between two packets. */
void sa_move(struct sa *sa, const struct endpoint *local, const struct endpoint *remote);

/* The sizes of a packet. */
static inline unsigned sa_padded(const struct sa *sa, unsigned payload)
{
	return (payload + 2 + sa->align - 1) & ~(sa->align - 1u);
}
/* Most payload that fits into `room` bytes of outer IP packet. */
static inline unsigned sa_payload_max(const struct sa *sa, unsigned room)
{
	unsigned fixed = sa->head_bytes + 8u + sa->iv_bytes + sa->icv_bytes;

	return room < fixed + sa->align ? 0 : ((room - fixed) & ~(sa->align - 1u)) - 2;
}

static inline const struct sa_selector *sa_selectors(const struct sa *sa)
{
	return (const struct sa_selector *)((const uint8_t *)sa + sa->size) - sa->n_selectors;
}

static inline bool sa_any_port(const struct sa_selector *s)
{
	return s->port_first == 0 && s->port_last == UINT16_MAX;
}

/* As soon as the SA is known: its two hot lines. */
static inline void sa_prefetch(const struct sa *sa)
{
	rte_prefetch0(sa);
	rte_prefetch0((const uint8_t *)sa + SA_LINE);
}

/* The key lines that `bytes` of payload will touch; knows the SA's kind, so line 0 must have come.
 */
static inline void sa_prefetch_keys(const struct sa *sa, unsigned bytes)
{
	const uint8_t *k = (const uint8_t *)&sa->keys;
	unsigned i = 0, end = sa->key_bytes;

	if (sa->key_powers) {
		i = offsetof(struct gcm_key, round) - 16 * gcm_powers(bytes, sa->key_powers);
		end = offsetof(struct gcm_key, round) + 16 * (11 + 2u * sa->kind);
	} else if (end > 6 * SA_LINE) {
		end = 6 * SA_LINE; /* of IPsec-MB's GCM most is for other CPUs */
	}
	for (i &= ~(SA_LINE - 1u); i < end; i += SA_LINE)
		rte_prefetch0(k + i);
}

#endif
