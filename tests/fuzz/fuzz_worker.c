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

#include "dataplane/arp.h"
#include "dataplane/core.h"
#include "dataplane/crypt.h"
#include "dataplane/nd.h"
#include "dataplane/neighbour.h"
#include "dataplane/packet.h"
#include "dataplane/reassemble.h"
#include "tests/fuzz/deeds.h"
#include "tests/fuzz/tunnels.h"

#include <rte_cycles.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include <sched.h>
#include <stdlib.h>
#include <string.h>

static bool late;	    /* time has passed */
static unsigned neighbours; /* after meet() */
static struct rte_mempool *pool;
static uint64_t now = NEIGHBOUR_SECOND;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	cpu_set_t cpus;

	/* EAL binds us to one CPU; libFuzzer starts others of us. */
	sched_getaffinity(0, sizeof(cpus), &cpus);
	tunnels_open();
	pool = bed.dp->pool;
#ifdef __SANITIZE_ADDRESS__
	/* The dataplane is in memory that is looked through for pointers only if it is said so. */
	__lsan_register_root_region(bed.dp, sizeof(*bed.dp));
#endif
	sched_setaffinity(0, sizeof(cpus), &cpus);
	atexit(tunnels_close);
	return 0;
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
	PROMISE(type == (f[at] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4));
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
	unsigned at = frame_ether(f,
				  tagged	    ? mac_vlan
				  : port == BED_WAN ? mac_wan
						    : mac_lan,
				  tagged ? ETHERTYPE_VLAN : ETHERTYPE_ARP);

	if (tagged) {
		put_be16(f + at, 100);
		put_be16(f + at + 2, ETHERTYPE_ARP);
		at += VLAN_BYTES;
	}
	memcpy(arp.sender_mac, mac_other, 6);
	arp_write(f + at, &arp, mac_other);
	bed_give(&bed, port, f, at + ARP_BYTES);
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
	memcpy(nd.mac, mac_other, 6);
	nd_write(f + frame_ether(f, mac_wan, ETHERTYPE_IPV6), &nd);
	bed_give(&bed, BED_WAN, f, ETH_BYTES + ND_BYTES);
	settle();
	frame_vxlan(f, ETH_BYTES + ARP_BYTES);
	frame_ether(f + VXLAN_HEAD, mac_vxlan, ETHERTYPE_ARP);
	memcpy(arp.sender_mac, mac_other, 6);
	arp_write(f + VXLAN_HEAD + ETH_BYTES, &arp, mac_other);
	bed_give(&bed, BED_LAN, f, VXLAN_HEAD + ETH_BYTES + ARP_BYTES);
	nd.src = end("fd00:16::10").addr;
	nd.dst = nd.target = end("fd00:16::1").addr;
	frame_vxlan(f, ETH_BYTES + ND_BYTES);
	frame_ether(f + VXLAN_HEAD, mac_vxlan, ETHERTYPE_IPV6);
	nd_write(f + VXLAN_HEAD + ETH_BYTES, &nd);
	bed_give(&bed, BED_LAN, f, sizeof(f));
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
		w->punt.budget[i] = 16 * PUNT_PACKET;
	memset(w->punt.origin, 0, sizeof(w->punt.origin));
	for (unsigned i = 0; i < TUNNELS; i++) {
		peer_sequence[i] = 0;
		replay_init(&ours_in[i]->replay, ours_in[i]->replay.window,
			    ours_in[i]->replay.bitmap);
		ours_in[i]->ask = 0;
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
		act(deed, choice, data, n, &now);
		late |= deed == TIME;
		settle();
		check_out();
		data += n;
		size -= n;
	}
	return 0;
}
