/* One ESP security association as workers see it: layout and building.
 *
 * Built by the negotiator (keys expanded there), then owned by its owner worker, which alone
 * writes it; others may read counters, a moment old. Removed from view, quiescent, wiped, freed.
 *
 *     line 0-2  cold: for control and bad packets
 *     line 3    all a packet needs to be numbered, sized and counted
 *     line 4    outbound: its way and the outer header to copy; inbound: replay window, our end
 *     line 5..  expanded keys; behind them the replay bitmap, then the selectors
 *
 * With 10,000 tunnels no line is where the last packet of its tunnel has left it, so their number
 * is what a packet costs. With AES-128-GCM and 64 bytes these are 7 here (3, 4, and five of keys),
 * and one that says where they are: the worker's slot of the SPI, or the list of outbound SAs
 * (tables.h). The window's other words are touched once in 64 packets, the tunnel not at all: what
 * it has carried is the sum of its SAs (tally.h). */
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
	/* lines 0 to 2: cold */
	uint64_t replayed, bad_icv; /* inbound; worker: rw */
	uint64_t refused;	    /* inbound; worker: rw; authentic, but not delivered */
	struct endpoint local_end, remote_end;
	uint8_t cipher, auth; /* enum algo_cipher, algo_auth */
	uint16_t n_local;     /* of n_selectors */
	uint32_t size;	      /* bytes of the whole object */
	uint16_t key_bytes;   /* of union sa_keys that this kind uses */
	uint8_t owner;	      /* worker */
	uint8_t n_selectors;  /* local, then remote */
	uint32_t path_mtu; /* outbound; worker: rw; outer packets that the way takes; 0: unknown */
	uint64_t soft_packets, soft_bytes, hard_packets, hard_bytes; /* limits; 0: none */
	struct sa *beside; /* outbound; owner worker: rw; the tunnel's next, other selectors */
	struct sa *booked; /* outbound; negotiator: rw; the tunnel's next in its book */
	struct sa *next;   /* tally.h's: the next that counts for the tunnel */

	/* line 3 */
	uint32_t spi __attribute__((aligned(SA_LINE))); /* network order */
	uint32_t tunnel;
	uint32_t salt;	    /* AEAD: bytes as they precede the IV in the nonce */
	uint16_t flags;	    /* enum sa_flags; worker: rw */
	uint8_t kind;	    /* enum crypt_kind */
	uint8_t iv_bytes;   /* on the wire */
	uint8_t icv_bytes;  /* on the wire */
	uint8_t align;	    /* payload + trailer is a multiple of this: 4 or 16 */
	uint8_t head_bytes; /* outer IP header, and UDP's with SA_UDP */
	uint8_t key_powers; /* of H that a long packet needs; 0: keys are not gcm.h's */
	union {
		/* inbound: where decrypted packets are looked up, as in burst.h; set before
		 * installing; worker: rw */
		uint32_t table;
		uint32_t mtu; /* outbound; worker: rw; inner packets that fit the way */
	};
	/* worker: rw; others read them relaxed. Inner packets and bytes, outer bytes. */
	uint64_t packets, bytes, wire_bytes;
	uint64_t ask; /* worker: rw; limit_admit() from this sequence number on */
	union {
		struct {		      /* inbound; worker: rw */
			struct replay replay; /* behind its top begins line 4 */
			uint8_t local[16];    /* our end; IPv4 in the first four bytes */
		};
		struct {		   /* outbound; worker: rw */
			uint64_t sequence; /* last one sent */
			/* line 4: where the outer packet goes, as found under `epoch` of the
			 * underlay; esp_out()'s */
			uint32_t nexthop;
			uint32_t epoch;
			uint8_t head[48]; /* IPv4/IPv6 and UDP header with lengths 0; IPv4: checksum
					     of that; UDP checksum 0, as it stays over
					     IPv4 (RFC 3948 §2.1) */
		};
	};

	/* line 5 */
	union sa_keys keys __attribute__((aligned(SA_LINE)));
} __attribute__((aligned(SA_LINE)));

static_assert(offsetof(struct sa, spi) == 3 * SA_LINE, "three cold lines");
static_assert(offsetof(struct sa, nexthop) == 4 * SA_LINE, "the numbers end line 3");
static_assert(offsetof(struct sa, replay.word) == 4 * SA_LINE, "and so does the window's top");
static_assert(offsetof(struct sa, keys) == 5 * SA_LINE, "keys follow the hot lines");

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

/* Other outer addresses or ports (NAT moved, MOBIKE): rewrites line 4 and the cold endpoints. Owner
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

/* How many packets ahead of the one that is worked on lines start to come. All of a burst at once
 * are more than the first-level cache holds and the core can wait for, and nothing is done
 * meanwhile. */
#define SA_AHEAD      8
#define SA_KEYS_AHEAD 4

/* The two hot lines. */
static inline void sa_prefetch(const struct sa *sa)
{
	rte_prefetch0(&sa->spi);
	rte_prefetch0((const uint8_t *)&sa->spi + SA_LINE);
}

/* The key lines that `bytes` of payload will touch; knows the SA's kind, so line 3 must have come.
 */
static inline void sa_prefetch_keys(const struct sa *sa, unsigned bytes)
{
	const uint8_t *k = (const uint8_t *)&sa->keys;
	/* Of IPsec-MB's GCM most is for other CPUs. */
	unsigned i = 0, end = sa->kind == CRYPT_CHACHA ? SA_LINE : 6 * SA_LINE;

	if (sa->key_powers) {
		i = offsetof(struct gcm_key, round) - 16 * gcm_powers(bytes, sa->key_powers);
		end = offsetof(struct gcm_key, round) + 16 * (11 + 2u * sa->kind);
	}
	for (i &= ~(SA_LINE - 1u); i < end; i += SA_LINE)
		rte_prefetch0(k + i);
}

#endif
