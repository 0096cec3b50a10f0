/* Arbitrary packets through a worker: frames on both ports, with and without the keys of its
 * tunnels.
 *
 * An input is a list of deeds: a kind, a choice, a length in two bytes, and that many bytes. A deed
 * gives one frame, or lets time pass, and everything that follows from it happens before the next
 * one. Promised: what leaves is a whole frame, a packet that left through a tunnel opens with its
 * keys, and no buffer is lost.
 *
 * Neighbours, sequence numbers and budgets begin anew with each input, so that one input alone does
 * again what it did after others. */
#include "tests/fuzz/fuzz.h"

#include "dataplane/core.h"
#include "dataplane/arp.h"
#include "dataplane/crypt.h"
#include "dataplane/nd.h"
#include "dataplane/neighbour.h"
#include "dataplane/packet.h"
#include "dataplane/reassemble.h"
#include "dataplane/sa.h"
#include "tests/golden/bed.h"

#include <rte_cycles.h>

#include <err.h>
#include <sched.h>
#include <string.h>

#define TUNNELS 4
#define MOST	2048 /* bytes of a deed */

enum deed {
	RAW_WAN,   /* a frame */
	RAW_LAN,   /* a frame */
	UNDERLAY,  /* an IP packet to the WAN port's MAC address */
	SEALED,	   /* an inner packet, padded and sealed as its tunnel's peer does it */
	TEXT,	   /* the same of anything that a peer could encrypt, trailer included */
	CUT,	   /* SEALED, and in two fragments */
	FROM_VLAN, /* a host's packet */
	FROM_VXLAN,
	IN_VNI,	 /* a frame inside VXLAN */
	TO_SPI,	 /* ESP to a tunnel's SPI, without the key */
	TO_IKE,	 /* a datagram to port 500 or 4500 */
	TOO_BIG, /* an ICMP error that quotes an outbound packet of a tunnel */
	TIME,	 /* passes */
	DEEDS
};

static const struct {
	enum algo_cipher cipher;
	enum algo_auth auth;
	bool udp, esn, v6;
	struct dataplane_tunnel like;
} kinds[TUNNELS] = {
	{ CIPHER_AES128_GCM, AUTH_NONE, false, false, false, { .mss_clamp = true } },
	{ CIPHER_AES256_GCM,
	  AUTH_NONE,
	  true,
	  false,
	  false,
	  { .df = DATAPLANE_DF_COPY, .mtu = 600 } },
	{ CIPHER_AES128_CBC,
	  AUTH_SHA256,
	  false,
	  true,
	  true,
	  { .mss_clamp = true, .df = DATAPLANE_DF_CLEAR } },
	{ CIPHER_CHACHA20_POLY1305, AUTH_NONE, true, false, true, { .bandwidth = 100 } },
};

static struct bed bed;
static bool late;	    /* time has passed */
static unsigned neighbours; /* after meet() */
static struct rte_mempool *pool;
static uint64_t now = NEIGHBOUR_SECOND, sequence[TUNNELS];
static struct sa *peer_seals[TUNNELS], *peer_opens[TUNNELS]; /* as the peers have them */
static struct sa *ours_in[TUNNELS];

/* ---- the bed ------------------------------------------------------------------------------ */

static struct endpoint end(const char *text)
{
	struct endpoint e = { .port = UDP_IKE_NATT };

	if (!addr_parse(&e.addr, text))
		errx(1, "%s is no address", text);
	return e;
}

static void add_tunnel(unsigned i)
{
	static const char *const remote[][2] = { { "192.168.1.0/24", "fd00:50:1::/64" },
						 { "192.168.2.0/24", "fd00:50:2::/64" },
						 { "192.168.3.0/24", "fd00:50:3::/64" },
						 { "192.168.4.0/24", "fd00:50:4::/64" } };
	struct dataplane_sa sa = { .tunnel = i,
				   .cipher = kinds[i].cipher,
				   .auth = kinds[i].auth,
				   .esn = kinds[i].esn,
				   .udp = kinds[i].udp,
				   .replay_window = 64,
				   .local = end(kinds[i].v6 ? "2001:db8:1::1" : "192.0.2.1"),
				   .remote = end(kinds[i].v6 ? "2001:db8:2::9" : "198.51.100.9") };
	struct dataplane_tunnel like = kinds[i].like;
	struct dataplane_sa theirs;
	struct prefix p[2];

	prefix_parse(&p[0], remote[i][0]);
	prefix_parse(&p[1], remote[i][1]);
	like.cloud_ip = sa.local.addr;
	like.customer_ip = sa.remote.addr;
	bed_add_tunnel(&bed, i, &like, p, 2);
	if (i == 1) { /* its own customer, and everything here */
		sa.n_remote = 1;
		sa.sel_remote[0] =
			(struct dataplane_selector){ prefix_first(&p[0]), prefix_last(&p[0]), 0,
						     UINT16_MAX, 0 };
	}
	theirs = sa;
	bed_keys(&theirs);
	ours_in[i] = bed.worker->slot[spi_slot(bed_add_sas(&bed, &sa, 0x1000 + i))].sa;
	/* The peer's pair: the same keys the other way round, without selectors. */
	theirs.n_remote = 0;
	theirs.local = sa.remote;
	theirs.remote = sa.local;
	theirs.spi = rte_be_to_cpu_32(ours_in[i]->spi);
	if (sa_new(&peer_seals[i], bed.dp->keys, &theirs, 0, 0))
		errx(1, "the peer's outbound SA");
	theirs.inbound = true;
	theirs.spi = 0x1000 + i;
	if (sa_new(&peer_opens[i], bed.dp->keys, &theirs, 0, 0))
		errx(1, "the peer's inbound SA");
}

static void close_all(void)
{
	for (unsigned i = 0; i < TUNNELS; i++) {
		sa_free(peer_seals[i]);
		sa_free(peer_opens[i]);
	}
	bed_close(&bed);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	cpu_set_t cpus;

	/* EAL binds us to one CPU; libFuzzer starts others of us. */
	sched_getaffinity(0, sizeof(cpus), &cpus);
	bed_open(&bed, 64, false, &(unsigned){ 0 }, 1);
	pool = bed.dp->pool;
	for (unsigned i = 0; i < TUNNELS; i++)
		add_tunnel(i);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	atexit(close_all);
	return 0;
}

/* ---- frames ------------------------------------------------------------------------------- */

static const uint8_t wan[6] = { 2, 0, 0, 0, 1, 1 }, lan[6] = { 2, 0, 0, 0, 2, 1 };
static const uint8_t vxlan[6] = { 2, 0, 0, 0, 3, 1 }, vlan[6] = { 2, 0, 0, 0, 4, 1 };
static const uint8_t other[6] = { 2, 0, 0, 0, 9, 9 };

static unsigned ether(uint8_t *f, const uint8_t *to, unsigned type)
{
	memcpy(f, to, 6);
	memcpy(f + 6, other, 6);
	put_be16(f + 12, (uint16_t)type);
	return ETH_BYTES;
}

static unsigned type_of(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
}

/* Half of the checksums in what is sent are mended, or little would get further. */
static void mend(uint8_t *ip, unsigned n, uint8_t choice)
{
	unsigned head = (ip[0] & 15) * 4u;

	if (!(choice & 0x80) || n < IP4_BYTES || ip[0] >> 4 != 4 || head < IP4_BYTES || head > n)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, ip4_sum(ip, head));
}

/* An outer header around len bytes that follow it; its bytes. */
static unsigned outer(uint8_t *ip, const struct sa *from, unsigned proto, unsigned len)
{
	bool v6 = from->flags & SA_IPV6;
	unsigned n = v6 ? IP6_BYTES : IP4_BYTES;

	memcpy(ip, from->head, n);
	if (v6) {
		put_be16(ip + 4, (uint16_t)len);
		ip[6] = (uint8_t)proto;
	} else {
		put_be16(ip + 2, (uint16_t)(n + len));
		ip[9] = (uint8_t)proto;
		put16(ip + 10, 0);
		put16(ip + 10, ip4_sum(ip, n));
	}
	return n;
}

static unsigned ports(uint8_t *udp, unsigned from, unsigned to, unsigned len)
{
	put_be16(udp, (uint16_t)from);
	put_be16(udp + 2, (uint16_t)to);
	put_be16(udp + 4, (uint16_t)(UDP_BYTES + len));
	put16(udp + 6, 0);
	return UDP_BYTES;
}

/* ESP with this text, sealed by tunnel i's peer, behind an outer header. Returns the packet's
 * bytes. */
static unsigned seal(uint8_t *ip, unsigned i, const uint8_t *text, unsigned len)
{
	struct sa *sa = peer_seals[i];
	unsigned esp = ESP_BYTES + sa->iv_bytes + len, total = esp + sa->icv_bytes;
	unsigned at = outer(ip, sa, sa->flags & SA_UDP ? PROTO_UDP : PROTO_ESP,
			    total + (sa->flags & SA_UDP ? UDP_BYTES : 0));
	struct crypt_op op;

	if (sa->flags & SA_UDP)
		at += ports(ip + at, UDP_IKE_NATT, UDP_IKE_NATT, total);
	memcpy(ip + at + ESP_BYTES + sa->iv_bytes, text, len);
	op = (struct crypt_op){ .sa = sa, .esp = ip + at, .seq = ++sequence[i], .len = esp };
	crypt_seal(bed.dp->keys, &op, 1);
	return at + total;
}

/* The bytes as an inner packet with its trailer. */
static unsigned seal_packet(uint8_t *ip, unsigned i, const uint8_t *p, unsigned n, uint8_t choice)
{
	uint8_t text[MOST + 64];
	unsigned len = sa_padded(peer_seals[i], n);

	memcpy(text, p, n);
	mend(text, n, choice);
	for (unsigned k = n; k < len - 2; k++)
		text[k] = (uint8_t)(k - n + 1);
	text[len - 2] = (uint8_t)(len - 2 - n);
	text[len - 1] = n && p[0] >> 4 == 6 ? PROTO_IPV6 : PROTO_IPV4;
	return seal(ip, i, text, len);
}

static void give(unsigned port, const uint8_t *frame, unsigned len)
{
	bed_give(&bed, port, frame, len);
}

static void give_wan(uint8_t *f, unsigned len)
{
	ether(f, wan, type_of(f + ETH_BYTES));
	give(BED_WAN, f, ETH_BYTES + len);
}

/* An IPv4 packet in two pieces, the second one first if choice says so. */
static void give_cut(const uint8_t *f, unsigned len, uint8_t choice)
{
	unsigned data = len - IP4_BYTES, first = (data / 2 + choice % 64) & ~7u;
	uint8_t piece[2 * MOST];

	if (f[ETH_BYTES] >> 4 != 4 || first == 0 || first >= data)
		return;
	for (unsigned k = 0; k < 2; k++) {
		bool second = k ^ (choice >> 6 & 1);
		unsigned at = second ? first : 0, n = second ? data - first : first;
		uint8_t *ip = piece + ETH_BYTES;

		memcpy(ip, f + ETH_BYTES, IP4_BYTES);
		memcpy(ip + IP4_BYTES, f + ETH_BYTES + IP4_BYTES + at, n);
		put_be16(ip + 2, (uint16_t)(IP4_BYTES + n));
		put_be16(ip + 6, (uint16_t)(second ? at / 8 : 0x2000));
		mend(ip, IP4_BYTES + n, 0x80);
		give_wan(piece, IP4_BYTES + n);
	}
}

/* What is before a frame of len bytes in the VPC's VXLAN network. */
#define VXLAN_HEAD (ETH_BYTES + IP4_BYTES + UDP_BYTES + VXLAN_BYTES)
static void put_vxlan(uint8_t *f, unsigned len)
{
	uint8_t *ip = f + ether(f, lan, ETHERTYPE_IPV4), *udp = ip + IP4_BYTES;

	memset(ip, 0, IP4_BYTES);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)(VXLAN_HEAD - ETH_BYTES + len));
	ip[8] = 64;
	ip[9] = PROTO_UDP;
	put_be32(ip + 12, 0x0a090002);
	put_be32(ip + 16, 0x0a090001);
	mend(ip, IP4_BYTES, 0x80);
	ports(udp, 50000, UDP_VXLAN, VXLAN_BYTES + len);
	put_be32(udp + UDP_BYTES, 0x08000000);
	put_be32(udp + UDP_BYTES + 4, 1000 << 8);
}

static void from_vpc(bool tagged, const uint8_t *p, unsigned n, uint8_t choice)
{
	uint8_t f[MOST + 128];
	unsigned at;

	if (tagged) {
		at = ether(f, vlan, ETHERTYPE_VLAN);
		put_be16(f + at, 100);
		put_be16(f + at + 2, (uint16_t)type_of(p));
		at += VLAN_BYTES;
		memcpy(f + at, p, n);
		mend(f + at, n, choice);
		give(BED_LAN, f, at + n);
		return;
	}
	at = VXLAN_HEAD;
	ether(f + at, vxlan, type_of(p));
	memcpy(f + at + ETH_BYTES, p, n);
	mend(f + at + ETH_BYTES, n, choice);
	put_vxlan(f, ETH_BYTES + n);
	give(BED_LAN, f, at + ETH_BYTES + n);
}

static void too_big(unsigned i, const uint8_t *p, unsigned n)
{
	struct sa *sa = peer_opens[i];
	bool v6 = sa->flags & SA_IPV6;
	uint8_t f[MOST + 256] = { 0 }, *icmp, *quote;
	unsigned at =
		outer(f + ETH_BYTES, peer_seals[i], v6 ? PROTO_ICMPV6 : PROTO_ICMP, 8 + 60 + n);

	icmp = f + ETH_BYTES + at;
	icmp[0] = v6 ? 2 : 3;
	icmp[1] = v6 ? 0 : 4;
	put_be16(icmp + 6, n > 1 ? get_be16(p) : 0);
	quote = icmp + 8; /* what we sent: the peer's addresses the other way round */
	outer(quote, peer_seals[i], sa->flags & SA_UDP ? PROTO_UDP : PROTO_ESP, 100);
	memcpy(quote + (v6 ? 8 : 12), peer_seals[i]->head + (v6 ? 24 : 16), v6 ? 16 : 4);
	memcpy(quote + (v6 ? 24 : 16), peer_seals[i]->head + (v6 ? 8 : 12), v6 ? 16 : 4);
	put_be32(quote + (v6 ? IP6_BYTES : IP4_BYTES) + (sa->flags & SA_UDP ? UDP_BYTES : 0),
		 0x1000 + i);
	memcpy(quote + 60, p, n);
	give_wan(f, at + 8 + 60 + n);
}

static void act(enum deed deed, uint8_t choice, const uint8_t *p, unsigned n)
{
	uint8_t f[2 * MOST] = { 0 }, *ip = f + ETH_BYTES;
	unsigned i = choice % TUNNELS, len;

	switch (deed) {
	case RAW_WAN:
	case RAW_LAN:
		if (n)
			give(deed == RAW_WAN ? BED_WAN : BED_LAN, p, n);
		break;
	case UNDERLAY:
		memcpy(ip, p, n);
		mend(ip, n, choice);
		give_wan(f, n);
		break;
	case SEALED:
	case CUT:
		len = seal_packet(ip, i, p, n, choice);
		if (deed == SEALED)
			give_wan(f, len);
		else
			give_cut(f, len, choice >> 2);
		break;
	case TEXT:
		n &= ~(peer_seals[i]->align - 1u);
		give_wan(f, seal(ip, i, p, n));
		break;
	case FROM_VLAN:
	case FROM_VXLAN:
		if (n)
			from_vpc(deed == FROM_VLAN, p, n, choice);
		break;
	case IN_VNI:
		memcpy(f + VXLAN_HEAD, p, n);
		put_vxlan(f, n);
		give(BED_LAN, f, VXLAN_HEAD + n);
		break;
	case TO_SPI:
		len = outer(ip, peer_seals[i], PROTO_ESP, 4 + n);
		memcpy(ip + len, &ours_in[i]->spi, 4);
		memcpy(ip + len + 4, p, n);
		give_wan(f, len + 4 + n);
		break;
	case TO_IKE:
		len = outer(ip, peer_seals[i], PROTO_UDP, UDP_BYTES + n);
		len += ports(ip + len, UDP_IKE, choice & 0x40 ? UDP_IKE : UDP_IKE_NATT, n);
		memcpy(ip + len, p, n);
		give_wan(f, len + n);
		break;
	case TOO_BIG:
		too_big(i, p, n);
		break;
	case TIME:
		now += (choice + 1u) * NEIGHBOUR_SECOND / 4;
		late = true;
		break;
	case DEEDS:
		break;
	}
}

/* ---- what follows ------------------------------------------------------------------------- */

static void ike(void *ctx, const struct endpoint *local, const struct endpoint *remote,
		const uint8_t *data, size_t len)
{
	static volatile uint8_t last;

	PROMISE(local->addr.family == remote->addr.family);
	for (size_t i = 0; i < len; i++)
		last = data[i];
	(void)last;
}

static void used(void *ctx, uint32_t tunnel, uint32_t spi)
{
	PROMISE(tunnel < TUNNELS);
}

static void limit(void *ctx, uint32_t tunnel, uint32_t spi, bool inbound)
{
	PROMISE(!"a tunnel without limits reached one");
}

static void settle(void)
{
	static const struct dataplane_negotiator_ops ops = {
		.packet = ike, .sa_used = used, .sa_soft_limit = limit, .sa_hard_limit = limit
	};
	unsigned idle = 0;

	while (idle < 2) {
		bool busy = worker_run_once(bed.worker) > 0;

		dataplane_main_poll(bed.dp, now);
		busy |= dataplane_negotiator_poll(bed.dp, &ops, NULL);
		busy |= !rte_ring_empty(bed.worker->inject[INJECT_MAIN]);
		idle = busy ? 0 : idle + 1;
	}
}

/* A packet to a tunnel's peer opens with its keys and is whole inside. */
static void check_sealed(uint8_t *ip, unsigned len)
{
	bool v6 = ip[0] >> 4 == 6;
	unsigned at = v6 ? IP6_BYTES : IP4_BYTES, proto = v6 ? ip[6] : ip[9], total, i;
	struct crypt_op op;
	struct sa *sa;

	if (proto == PROTO_UDP && get_be16(ip + at) == UDP_IKE_NATT)
		at += UDP_BYTES;
	else if (proto != PROTO_ESP)
		return;
	i = get_be32(ip + at) - 0x1000;
	PROMISE(i < TUNNELS);
	sa = peer_opens[i];
	PROMISE(len >= at + ESP_BYTES + sa->iv_bytes + sa->icv_bytes + sa->align);
	op = (struct crypt_op){ .sa = sa,
				.esp = ip + at,
				.seq = get_be32(ip + at + 4),
				.len = len - at - sa->icv_bytes };
	crypt_open(bed.dp->keys, &op, 1);
	PROMISE(op.ok);
	ip = op.esp + ESP_BYTES + sa->iv_bytes;
	len = op.len - ESP_BYTES - sa->iv_bytes - 2u;
	PROMISE(ip[len] < sa->align && len >= ip[len]);
	len -= ip[len];
	PROMISE(ip_whole(ip, len, &total) && total == len);
}

static void check_frame(unsigned port, uint8_t *f, unsigned len)
{
	unsigned type = get_be16(f + 12), at = ETH_BYTES, total;

	PROMISE(len >= ETH_BYTES);
	if (type == ETHERTYPE_VLAN) {
		PROMISE(len >= ETH_BYTES + VLAN_BYTES);
		type = get_be16(f + 16);
		at += VLAN_BYTES;
	}
	if (type == ETHERTYPE_ARP) {
		PROMISE(len >= at + 28);
		return;
	}
	PROMISE(type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6);
	PROMISE(ip_whole(f + at, len - at, &total) && total == len - at);
	PROMISE(type == type_of(f + at));
	PROMISE(len - at <= 1500);
	if (port == BED_WAN)
		check_sealed(f + at, len - at);
}

static void check_out(void)
{
	struct rte_mbuf *m;

	for (unsigned port = 0; port < BED_PORTS; port++) {
		while (memory_port_take(&bed.port[port], 0, &m, 1) == 1) {
			uint8_t copy[MOST + 512];

			PROMISE(m->nb_segs == 1 && m->pkt_len == m->data_len);
			PROMISE(m->data_len <= MOST + 256);
			memcpy(copy, packet(m), m->data_len);
			check_frame(port, copy, m->data_len);
			rte_pktmbuf_free(m);
		}
	}
}

static void say_arp(unsigned port, bool tagged, const char *src, const char *dst)
{
	struct arp arp = { .request = true, .sender = end(src).addr, .target = end(dst).addr };
	uint8_t f[64];
	unsigned at = ether(f,
			    tagged	      ? vlan
			    : port == BED_WAN ? wan
					      : lan,
			    tagged ? ETHERTYPE_VLAN : ETHERTYPE_ARP);

	if (tagged) {
		put_be16(f + at, 100);
		put_be16(f + at + 2, ETHERTYPE_ARP);
		at += VLAN_BYTES;
	}
	memcpy(arp.sender_mac, other, 6);
	arp_write(f + at, &arp, other);
	give(port, f, at + ARP_BYTES);
}

/* Next hops and a host of each of the VPC's networks make themselves known. */
static void meet(void)
{
	struct nd nd = { .solicitation = true,
			 .src = end("2001:db8:1::fe").addr,
			 .dst = end("2001:db8:1::1").addr,
			 .target = end("2001:db8:1::1").addr,
			 .has_mac = true };
	uint8_t f[VXLAN_HEAD + ETH_BYTES + ND_BYTES];
	struct arp arp = { .request = true,
			   .sender = end("172.16.0.10").addr,
			   .target = end("172.16.0.1").addr };

	say_arp(BED_WAN, false, "192.0.2.254", "192.0.2.1");
	say_arp(BED_LAN, false, "10.9.0.2", "10.9.0.1");
	say_arp(BED_LAN, true, "172.17.0.10", "172.17.0.1");
	memcpy(nd.mac, other, 6);
	nd_write(f + ether(f, wan, ETHERTYPE_IPV6), &nd);
	give(BED_WAN, f, ETH_BYTES + ND_BYTES);
	settle();
	put_vxlan(f, ETH_BYTES + ARP_BYTES);
	ether(f + VXLAN_HEAD, vxlan, ETHERTYPE_ARP);
	memcpy(arp.sender_mac, other, 6);
	arp_write(f + VXLAN_HEAD + ETH_BYTES, &arp, other);
	give(BED_LAN, f, VXLAN_HEAD + ETH_BYTES + ARP_BYTES);
	nd.src = end("fd00:16::10").addr;
	nd.dst = nd.target = end("fd00:16::1").addr;
	put_vxlan(f, ETH_BYTES + ND_BYTES);
	ether(f + VXLAN_HEAD, vxlan, ETHERTYPE_IPV6);
	nd_write(f + VXLAN_HEAD + ETH_BYTES, &nd);
	give(BED_LAN, f, sizeof(f));
	settle();
	check_out();
}

/* As if nothing had been, and nothing may be left. */
static void begin_anew(void)
{
	struct worker *w = bed.worker;

	w->tsc += (REASSEMBLE_SECONDS + 1) * rte_get_tsc_hz();
	reassemble_expire(w);
	PROMISE(reassemble_waiting(w) == 0);
	if (late || rte_mempool_in_use_count(pool) != 0 ||
	    neighbours_count(bed.dp->neighbours) != neighbours) {
		for (unsigned i = 0; i < 8; i++) { /* until all is forgotten */
			now += NEIGHBOUR_FRESH;
			settle();
			check_out();
		}
		meet();
		neighbours = neighbours_count(bed.dp->neighbours);
		late = false;
	}
	PROMISE(rte_mempool_in_use_count(pool) == 0);
	PROMISE(rte_mempool_in_use_count(bed.dp->large) == 0);
	for (unsigned i = 0; i < PUNT_CLASSES; i++)
		w->punt.budget[i] = 16;
	for (unsigned i = 0; i < TUNNELS; i++) {
		sequence[i] = 0;
		replay_init(&ours_in[i]->replay, ours_in[i]->replay.window,
			    ours_in[i]->replay.bitmap);
		ours_in[i]->ask_in = 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin_anew();
	while (size >= 4) {
		enum deed deed = fuzz_byte(&data, &size) % DEEDS;
		uint8_t choice = fuzz_byte(&data, &size);
		unsigned n = fuzz_byte(&data, &size) << 8;

		n |= fuzz_byte(&data, &size);
		if (n > size)
			n = (unsigned)size;
		if (n > MOST - 256)
			n = MOST - 256;
		act(deed, choice, data, n);
		settle();
		check_out();
		data += n;
		size -= n;
	}
	return 0;
}
