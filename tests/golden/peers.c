/* What strongSwan sealed, recorded with its keys (record.py), through the worker: each packet comes
 * out of the tunnel as it went in at the peer, one hop later. */
#include "dataplane/core.h"
#include "dataplane/packet.h"
#include "dataplane/sa.h"
#include "tests/golden/bed.h"
#include "tests/golden/pcap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEERS_MAX 16
#define INNER_AT  (ETH_BYTES + IP4_BYTES + UDP_BYTES + VXLAN_BYTES + ETH_BYTES)

struct peer {
	char name[96];
	uint32_t spi;
	enum algo_cipher cipher;
	enum algo_auth auth;
	uint8_t cipher_key[64], auth_key[64];
	size_t cipher_key_len, auth_key_len;
};

static struct peer peers[PEERS_MAX];
static struct CMUnitTest tests[PEERS_MAX];
static size_t n_peers;
static struct pcap recorded;
static struct bed bed;
static struct sa *in_place;

static size_t unhex(uint8_t *to, const char *text)
{
	size_t n = 0;

	for (unsigned byte; n < 64 && sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
		to[n] = (uint8_t)byte;
	return n;
}

static void read_peers(const char *folder)
{
	char path[4096], line[512], cipher[32], auth[32], keys[2][160];
	FILE *in;

	snprintf(path, sizeof(path), "%s/peers", folder);
	in = fopen(path, "r");
	if (!in)
		err(1, "%s", path);
	while (n_peers < PEERS_MAX && fgets(line, sizeof(line), in)) {
		struct peer *p = &peers[n_peers];

		if (sscanf(line, "%31s %31s %x %159s %159s", cipher, auth, &p->spi, keys[0],
			   keys[1]) != 5 ||
		    *line == '#')
			continue;
		p->cipher = algo_cipher_by_name(cipher);
		p->auth = algo_auth_by_name(auth);
		snprintf(p->name, sizeof(p->name), "strongSwan %s %s", cipher, auth);
		p->cipher_key_len = unhex(p->cipher_key, keys[0]);
		p->auth_key_len = unhex(p->auth_key, keys[1]);
		n_peers++;
	}
	fclose(in);
	snprintf(path, sizeof(path), "%s/peers.pcap", folder);
	if (n_peers == 0 || pcap_read(&recorded, path) != 0)
		errx(1, "%s: nothing was recorded", path);
}

/* Where the recorded hosts would be: all behind the one of the bed that is known. */
static void lead_home(uint32_t tunnel)
{
	struct addr known = addr_ipv4(0xac10000a);
	struct prefix all = { .addr = addr_ipv4(0), .len = 0 };
	uint32_t nh = dataplane_route_lookup(bed.dp, bed.vpc, &known);

	assert_int_equal(nexthop_kind(nh), NEXTHOP_NEIGHBOUR);
	assert_int_equal(dataplane_route_set(bed.dp, bed.dp->tables.tunnel[tunnel].table, &all, nh),
			 0);
}

static void add_tunnel(const struct peer *p, uint32_t tunnel, const uint8_t *ip)
{
	struct dataplane_tunnel like = { .cloud_ip = addr_ipv4(get_be32(ip + 16)),
					 .customer_ip = addr_ipv4(get_be32(ip + 12)) };
	struct dataplane_sa sa = { .tunnel = tunnel,
				   .inbound = true,
				   .spi = p->spi,
				   .cipher = p->cipher,
				   .auth = p->auth,
				   .cipher_key = p->cipher_key,
				   .cipher_key_len = p->cipher_key_len,
				   .auth_key = p->auth_key,
				   .auth_key_len = p->auth_key_len,
				   .udp = true,
				   .replay_window = 64,
				   .local = { like.cloud_ip, UDP_IKE_NATT },
				   .remote = { like.customer_ip, UDP_IKE_NATT } };

	bed_add_tunnel(&bed, tunnel, &like, NULL, 0);
	lead_home(tunnel);
	/* All of them had the first SPI of a gateway; here it is one's after the other. */
	assert_int_equal(sa_new(&in_place, bed.dp->keys, &sa, 0, 0), 0);
	in_place->table = bed.dp->tables.tunnel[tunnel].table;
	bed.worker->slot[spi_slot(p->spi)] = (struct slot){ .spi = p->spi, .sa = in_place };
}

static void check(const struct pcap_frame *f)
{
	uint8_t want[PCAP_FRAME_MAX];
	struct rte_mbuf *m;

	assert_int_equal(memory_port_take(&bed.port[BED_LAN], 0, &m, 1), 1);
	memcpy(want, f->bytes + ETH_BYTES, f->len - ETH_BYTES);
	want[8]--;
	put16(want + 10, 0);
	put16(want + 10, ip4_sum(want, IP4_BYTES));
	assert_int_equal(m->data_len, INNER_AT + f->len - ETH_BYTES);
	assert_memory_equal(packet(m) + INNER_AT, want, f->len - ETH_BYTES);
	rte_pktmbuf_free(m);
}

static void opens(void **state)
{
	static const uint8_t wan[6] = { 2, 0, 0, 0, 1, 1 };
	const struct peer *p = *state;
	uint32_t tunnel = (uint32_t)(p - peers);
	unsigned n = 0;

	for (size_t i = 0; i < recorded.n; i++) {
		struct pcap_frame *f = &recorded.frame[i];

		if (f->sec != tunnel + 1)
			continue;
		if (f->usec == 1) {
			check(f);
			continue;
		}
		if (n++ == 0)
			add_tunnel(p, tunnel, f->bytes + ETH_BYTES);
		memcpy(f->bytes, wan, 6);
		bed_give(&bed, BED_WAN, f->bytes, f->len);
		bed_run(&bed);
	}
	assert_true(n >= 10);
	bed.worker->slot[spi_slot(p->spi)] = (struct slot){ .spi = spi_none(spi_slot(p->spi)) };
	sa_free(in_place);
}

int main(int argc, char **argv)
{
	struct rte_mbuf *m;
	int failed;

	if (argc != 2)
		errx(2, "usage: %s FOLDER", argv[0]);
	read_peers(argv[1]);
	bed_open(&bed, 256, false, &(unsigned){ 0 }, 1);
	bed_meet(&bed, argv[1]);
	for (unsigned port = 0; port < BED_PORTS; port++)
		while (memory_port_take(&bed.port[port], 0, &m, 1) == 1)
			rte_pktmbuf_free(m);
	for (size_t i = 0; i < n_peers; i++)
		tests[i] = (struct CMUnitTest){ peers[i].name, opens, NULL, NULL, &peers[i] };
	failed = _cmocka_run_group_tests("peers", tests, n_peers, NULL, NULL);
	pcap_clear(&recorded);
	bed_close(&bed);
	return failed;
}
