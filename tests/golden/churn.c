/* A worker at its full speed on a thread of its own, while others do to it what a gateway's life
 * does: SAs are replaced and removed, routes come and go, a tunnel flaps, counters are read.
 * Nothing of another tunnel is lost by any of it, and of a rekeyed one neither.
 *
 * Packets go round: from the VPC into a tunnel, from the WAN port back to it as if the peer had
 * sent them (each inbound SA has the SPI and keys of its outbound one), out of the tunnel, to the
 * VPC.
 *
 *     churn FOLDER [SECONDS]
 */
#include "dataplane/core.h"
#include "dataplane/packet.h"
#include "tests/golden/bed.h"
#include "tests/golden/pcap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TUNNELS	  8
#define FLAPPING  7    /* this one loses */
#define IN_FLIGHT 2048 /* packets of the others */
#define HELD	  256  /* replaced SAs that their last packets may still be on the way for */
#define INNER_AT  18   /* in the frames that we give */

struct count {
	_Atomic uint64_t given, back;
};

static struct bed bed;
static struct count count[TUNNELS];
static _Atomic bool stop;
static unsigned seconds = 2;
static uint32_t spi[TUNNELS];

/* ---- packets, on a thread of their own ---------------------------------------------------- */

static uint64_t on_their_way(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < TUNNELS; i++)
		n += i == FLAPPING ? 0 : count[i].given - count[i].back;
	return n;
}

/* Of the VLAN's host, to tunnel i's customer. */
static bool give(unsigned i, unsigned size)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed.dp->pool);
	uint8_t *f, *ip;

	if (!m)
		return false;
	f = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(INNER_AT + size));
	memset(f, 0, INNER_AT + size);
	memcpy(f, (uint8_t[]){ 2, 0, 0, 0, 4, 1, 2, 0, 0, 0, 4, 0x10 }, 12);
	put_be16(f + 12, ETHERTYPE_VLAN);
	put_be16(f + 14, 100);
	put_be16(f + 16, ETHERTYPE_IPV4);
	ip = f + INNER_AT;
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)size);
	ip[8] = 64;
	ip[9] = 253;
	put_be32(ip + 12, 0xac11000a);
	put_be32(ip + 16, 0xc0a8000a + (i << 8));
	put16(ip + 10, ip4_sum(ip, IP4_BYTES));
	if (memory_port_give(&bed.port[BED_LAN], 0, &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

/* What left for a peer comes back from it: ESP does not cover the addresses. */
static unsigned reflect(void)
{
	struct rte_mbuf *m[64];
	unsigned n = memory_port_take(&bed.port[BED_WAN], 0, m, 64);

	for (unsigned k = 0; k < n; k++) {
		uint8_t *f = packet(m[k]), *ip = f + ETH_BYTES, addr[4];

		memcpy(f, (uint8_t[]){ 2, 0, 0, 0, 1, 1 }, 6);
		if (get_be16(f + 12) != ETHERTYPE_IPV4 || ip[9] != PROTO_ESP) {
			rte_pktmbuf_free(m[k]); /* the gateway asks for its next hop */
			continue;
		}
		memcpy(addr, ip + 12, 4);
		memcpy(ip + 12, ip + 16, 4);
		memcpy(ip + 16, addr, 4);
		if (memory_port_give(&bed.port[BED_WAN], 0, &m[k], 1) != 1)
			errx(1, "the WAN port's ring is full");
	}
	return n;
}

/* In VXLAN, at the host behind which all customers are. */
static unsigned take(void)
{
	struct rte_mbuf *m[64];
	unsigned n = memory_port_take(&bed.port[BED_LAN], 0, m, 64);

	for (unsigned k = 0; k < n; k++) {
		const uint8_t *ip =
			packet(m[k]) + ETH_BYTES + IP4_BYTES + UDP_BYTES + VXLAN_BYTES + ETH_BYTES;

		if (m[k]->data_len > 70 && get_be32(ip + 12) == 0xac11000a)
			atomic_fetch_add(&count[ip[18] % TUNNELS].back, 1);
		rte_pktmbuf_free(m[k]);
	}
	return n;
}

static void *traffic(void *unused)
{
	unsigned next = 0;

	while (!atomic_load(&stop)) {
		for (unsigned k = 0; k < 64 && on_their_way() < IN_FLIGHT; k++, next++) {
			atomic_fetch_add(&count[next % TUNNELS].given, 1);
			if (give(next % TUNNELS, 64 + next % 7 * 200))
				continue;
			atomic_fetch_sub(&count[next % TUNNELS].given, 1);
			break;
		}
		if (!reflect() & !take())
			sched_yield();
	}
	return NULL;
}

/* ---- what happens meanwhile --------------------------------------------------------------- */

static struct dataplane_sa sa_of(unsigned i, uint32_t number, bool inbound)
{
	struct dataplane_sa sa = { .tunnel = i,
				   .spi = number,
				   .inbound = inbound,
				   .cipher = i % 2 ? CIPHER_AES128_CBC : CIPHER_AES128_GCM,
				   .auth = i % 2 ? AUTH_SHA256 : AUTH_NONE,
				   .replay_window = 4096,
				   .local = { addr_ipv4(0xc0000201), UDP_IKE_NATT },
				   .remote = { addr_ipv4(0xc6336400 + i), UDP_IKE_NATT } };

	bed_keys(&sa);
	return sa;
}

static void no_packet(void *ctx, const struct endpoint *local, const struct endpoint *remote,
		      const uint8_t *data, size_t len)
{
}

static void no_news(void *ctx, uint32_t tunnel, uint32_t number)
{
}

static void no_end(void *ctx, uint32_t tunnel, uint32_t number, bool inbound)
{
}

static void poll_threads(void)
{
	static const struct dataplane_negotiator_ops ops = { .packet = no_packet,
							     .sa_used = no_news,
							     .sa_soft_limit = no_end,
							     .sa_hard_limit = no_end };

	dataplane_main_poll(bed.dp, 1000000);
	dataplane_negotiator_poll(bed.dp, &ops, NULL);
}

static void order(int rc)
{
	if (rc)
		errx(1, "an order was refused: %s", strerror(-rc));
}

/* A new pair: the inbound one first. The old inbound SA's number is returned. */
static uint32_t replace(unsigned i)
{
	uint32_t old = spi[i];
	struct dataplane_sa sa;

	spi[i] = dataplane_spi_alloc(bed.dp, i);
	if (!spi[i])
		errx(1, "no SPI left");
	sa = sa_of(i, spi[i], true);
	order(dataplane_sa_install(bed.dp, &sa));
	sa = sa_of(i, spi[i], false);
	order(dataplane_sa_install(bed.dp, &sa));
	return old;
}

struct held {
	uint32_t spi;
	unsigned tunnel;
	uint64_t given; /* until that many of its tunnel came back */
};

/* Inbound SAs whose packets are all through. */
static void forget(struct held *held, unsigned *n)
{
	unsigned k = 0;

	for (unsigned i = 0; i < *n; i++) {
		if (count[held[i].tunnel].back < held[i].given)
			held[k++] = held[i];
		else
			order(dataplane_sa_remove(bed.dp, held[i].tunnel, true, held[i].spi));
	}
	*n = k;
}

static void change_routes(unsigned round)
{
	static const char *const more[] = { "192.168.1.0/28", "192.168.2.10/32", "10.0.0.0/8",
					    "192.168.6.0/25" };
	struct prefix p;
	uint32_t to = round / 4 % 2 ? 1 : 2;

	prefix_parse(&p, more[round % 4]);
	if (round % 8 < 4) {
		/* The same way, said more precisely. */
		if (p.addr.b[0] == 192)
			to = p.addr.b[2];
		order(dataplane_route_set(bed.dp, bed.vpc, &p, nexthop(NEXTHOP_TUNNEL, to)));
	} else {
		order(dataplane_route_delete(bed.dp, bed.vpc, &p));
	}
}

static void flap(bool up)
{
	if (up) {
		(void)replace(FLAPPING);
		order(dataplane_tunnel_state(bed.dp, FLAPPING, true));
		return;
	}
	order(dataplane_tunnel_state(bed.dp, FLAPPING, false));
	order(dataplane_sa_remove(bed.dp, FLAPPING, false, spi[FLAPPING]));
	order(dataplane_sa_remove(bed.dp, FLAPPING, true, spi[FLAPPING]));
}

/* Counters only grow. */
static void read_counters(struct dataplane_worker_stats *last,
			  struct dataplane_tunnel_stats *tunnel)
{
	struct dataplane_worker_stats now;
	struct dataplane_tunnel_stats t;

	order(dataplane_worker_stats(bed.dp, 0, &now));
	assert_true(now.rx_packets >= last->rx_packets && now.loops >= last->loops);
	order(dataplane_tunnel_stats(bed.dp, 1, &t));
	assert_true(t.out_packets >= tunnel->out_packets && t.in_packets >= tunnel->in_packets);
	*last = now;
	*tunnel = t;
}

static double since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static void nothing_of_others_is_lost(void **state)
{
	struct dataplane_worker_stats stats = { 0 };
	struct dataplane_tunnel_stats tunnel = { 0 };
	struct held held[HELD];
	unsigned n_held = 0, round = 0, rekeys = 0, flaps = 0;
	struct timespec began, ended;
	pthread_t thread;

	assert_int_equal(dataplane_start(bed.dp), 0);
	assert_int_equal(pthread_create(&thread, NULL, traffic, NULL), 0);
	clock_gettime(CLOCK_MONOTONIC, &began);
	for (; since(&began) < seconds; round++) {
		unsigned i = round % FLAPPING;

		if (n_held < HELD) {
			held[n_held].spi = replace(i);
			held[n_held].tunnel = i;
			n_held++;
			rekeys++;
		}
		/* What is given from here on goes by the new one, once the worker obeyed. */
		while (!dataplane_order_reached(bed.dp, i, dataplane_order_mark(bed.dp, i)))
			poll_threads();
		if (n_held && held[n_held - 1].tunnel == i)
			held[n_held - 1].given = count[i].given;
		forget(held, &n_held);
		change_routes(round);
		if (round % 50 == 25)
			flap(flaps++ % 2);
		read_counters(&stats, &tunnel);
		poll_threads();
	}
	/* No more is given; what is on its way arrives. */
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	while (on_their_way() && since(&ended) < 30) {
		reflect();
		take();
		poll_threads();
	}
	order(dataplane_worker_stats(bed.dp, 0, &stats));
	print_message("%u rekeys, %u flaps, %u routes, %llu packets\n", rekeys, flaps, round,
		      (unsigned long long)stats.rx_packets);
	for (unsigned i = 0; i < TUNNELS; i++) {
		assert_true(count[i].back > 0);
		if (i != FLAPPING)
			assert_int_equal(count[i].given, count[i].back);
	}
	for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
		if (stats.drop[r] && r != DROP_NO_TUNNEL_UP && r != DROP_NO_SA)
			fail_msg("%llu dropped as %s", (unsigned long long)stats.drop[r],
				 drop_reason_name(r));
	assert_true(rekeys > 20 && flaps > 0);
}

/* ---- the bed ------------------------------------------------------------------------------ */

static void add_tunnel(unsigned i)
{
	struct dataplane_sa sa = sa_of(i, 0, true);
	struct dataplane_tunnel like = { .cloud_ip = sa.local.addr, .customer_ip = sa.remote.addr };
	struct addr host = addr_ipv4(0xac10000a);
	struct prefix to = { .addr = addr_ipv4(0xc0a80000 + (i << 8)), .len = 24 };

	bed_add_tunnel(&bed, i, &like, &to, 1);
	(void)replace(i);
	/* Behind the tunnel they are in the VPC. */
	order(dataplane_route_set(bed.dp, bed.dp->tables.tunnel[i].table, &to,
				  dataplane_route_lookup(bed.dp, bed.vpc, &host)));
	order(dataplane_tunnel_state(bed.dp, i, true));
	bed_run(&bed);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_of_others_is_lost) };
	struct rte_mbuf *m;
	cpu_set_t cpus;
	int failed;

	if (argc < 2)
		errx(2, "usage: %s FOLDER [SECONDS]", argv[0]);
	if (argc > 2)
		seconds = (unsigned)strtoul(argv[2], NULL, 10);
	/* EAL binds us to one CPU; the threads of this test are not its. */
	sched_getaffinity(0, sizeof(cpus), &cpus);
	bed_open(&bed, 256, false, &(unsigned){ 0 }, 1);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	bed_meet(&bed, argv[1]);
	for (unsigned i = 0; i < TUNNELS; i++)
		add_tunnel(i);
	for (unsigned port = 0; port < BED_PORTS; port++)
		while (memory_port_take(&bed.port[port], 0, &m, 1) == 1)
			rte_pktmbuf_free(m);
	failed = cmocka_run_group_tests_name("churn", tests, NULL, NULL);
	for (unsigned port = 0; port < BED_PORTS; port++)
		while (memory_port_take(&bed.port[port], 0, &m, 1) == 1)
			rte_pktmbuf_free(m);
	bed_close(&bed);
	return failed;
}
