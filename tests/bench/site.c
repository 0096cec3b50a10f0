#include "tests/bench/site.h"

#include "dataplane/core.h"
#include "dataplane/crypt.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define HONEST 0
#else
#define HONEST 1
#endif

static void must(int rc, const char *what)
{
	if (rc)
		errx(1, "%s: %s", what, strerror(-rc));
}

void site_algorithm(struct site *s, const char *name)
{
	const char *dash = strchr(name, '-');
	size_t n = dash ? (size_t)(dash - name) : strlen(name);
	char cipher[40];

	snprintf(s->alg, sizeof(s->alg), "%s", name);
	snprintf(cipher, sizeof(cipher), "%.*s", (int)n, name);
	s->like = (struct dataplane_sa){
		.cipher = algo_cipher_by_name(cipher),
		.auth = dash ? algo_auth_by_name(dash + 1) : AUTH_NONE,
		.replay_window = 1024,
		.local.addr = addr_ipv4(0xc0000201),
		.remote.addr = feed_customer(0),
		.cipher_key = s->cipher_key,
		.auth_key = s->auth_key,
	};
	if (crypt_kind(s->like.cipher, s->like.auth) == CRYPT_KINDS)
		errx(2,
		     "no algorithm '%s' (such as aes128gcm, aes256gcm, chacha20poly1305, "
		     "aes128-sha1, aes256-sha256)",
		     name);
	for (unsigned i = 0; i < 64; i++) { /* as bed_add_sas() has them */
		s->cipher_key[i] = (uint8_t)(1 + i);
		s->auth_key[i] = (uint8_t)(128 + i);
	}
	s->like.cipher_key_len = (size_t)algo_ciphers[s->like.cipher].key_bytes +
				 algo_ciphers[s->like.cipher].salt_bytes;
	s->like.auth_key_len = algo_auths[s->like.auth].key_bytes;
}

/* As a real one: VPC's table, border gateway's table, connection, tunnel; and back. */
static void add_tunnels(struct site *s)
{
	struct dataplane *dp = s->bed.dp;
	struct dataplane_tunnel t = { .cloud_ip = addr_ipv4(0xc0000201) };
	struct prefix customers = { addr_ipv4(0x0b000000), 8 }, vpc = { addr_ipv4(0xac110000), 24 };

	must(dataplane_table_add(dp, &t.table), "the border gateway's table");
	must(dataplane_route_set(dp, s->bed.vpc, &customers, nexthop(NEXTHOP_TABLE, t.table)),
	     "the VPC's route");
	must(dataplane_route_set(dp, t.table, &vpc, nexthop(NEXTHOP_TABLE, s->bed.vpc)),
	     "the way back");
	for (uint32_t n = 1; n <= s->tunnels; n++) {
		struct prefix p = feed_prefix(n);
		struct dataplane_sa sa = s->like;

		t.customer_ip = feed_customer(n);
		t.inner = (struct prefix){ addr_ipv4(0xa9000002 + n * 4), 30 };
		t.inner_peer = addr_ipv4(0xa9000001 + n * 4);
		must(dataplane_tunnel_add(dp, n, &t), "tunnel");
		/* Not by load: what is measured is which worker has which. */
		dp->tables.owner[n] = (uint8_t)((n - 1) % dp->n_workers);
		must(dataplane_tunnel_state(dp, n, true), "tunnel's state");
		must(dataplane_connection_set(dp, n, &n, 1), "connection");
		must(dataplane_route_set(dp, t.table, &p, nexthop(NEXTHOP_CONNECTION, n)),
		     "route to a customer");
		sa.tunnel = n;
		sa.remote.addr = t.customer_ip;
		s->peer[n].spi_in = bed_add_sas(&s->bed, &sa, 0xc0de0000 + n);
	}
}

/* An ARP packet as the first worker would hand it to main: there may be no way to give it to the
 * port. */
static void hear(struct dataplane *dp, uint32_t interface, const uint8_t *frame, uint16_t bytes,
		 uint8_t at)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);

	if (!m)
		errx(1, "no packet buffers");
	memcpy(rte_pktmbuf_append(m, bytes), frame, bytes);
	tag_set(m, TAG_PUNT_NEIGH, at, interface);
	must(rte_ring_sp_enqueue(dp->to_main[0], m), "main's ring");
}

/* Neighbours answer before anything is asked of them. */
static void meet(struct site *s)
{
	static const uint8_t wan[42] = { 2,   0, 0, 0,	 1, 1, 2, 0, 0, 0, 1,	0xfe, 8, 6,
					 0,   1, 8, 0,	 6, 4, 0, 2, 2, 0, 0,	0,    1, 0xfe,
					 192, 0, 2, 254, 2, 0, 0, 0, 1, 1, 192, 0,    2, 1 };
	static const uint8_t host[46] = { 2,	0, 0, 0,   4, 1, 2,   0,    0,	 0,  4, 0x10,
					  0x81, 0, 0, 100, 8, 6, 0,   1,    8,	 0,  6, 4,
					  0,	1, 2, 0,   0, 0, 4,   0x10, 172, 17, 0, 10,
					  0,	0, 0, 0,   0, 0, 172, 17,   0,	 1 };
	struct dataplane *dp = s->bed.dp;
	struct rte_mbuf *m;

	bed_run(&s->bed);
	hear(dp, dp->tables.port[dp->port[BED_WAN].id].interface, wan, sizeof(wan), 14);
	hear(dp, dp->tables.port[dp->port[BED_LAN].id].vlan[100] - 1, host, sizeof(host), 18);
	bed_run(&s->bed);
	for (unsigned port = 0; port < BED_PORTS; port++)
		for (unsigned q = 0; q < s->bed.port[port].queues; q++)
			while (memory_port_take(&s->bed.port[port], q, &m, 1))
				rte_pktmbuf_free(m);
}

void site_open(struct site *s, const unsigned *cpu, unsigned n)
{
	site_open_on(s, NULL, cpu, n);
}

void site_open_on(struct site *s, const char *const device[BED_PORTS], const unsigned *cpu,
		  unsigned n)
{
	if (!HONEST)
		errx(2, "built with sanitizers or without optimisation: nothing to measure");
	s->peer = calloc(s->tunnels + 1, sizeof(*s->peer));
	if (!s->peer)
		errx(1, "no memory for tunnels");
	bed_open_on(&s->bed, device, 512, true, cpu, n);
	if (!crypt_engine_fast(s->bed.worker->crypt))
		errx(1, "%s is not the fastest engine of this CPU: the figures would mean nothing",
		     crypt_engine_name(s->bed.worker->crypt));
	meet(s);
	add_tunnels(s);
}

void site_close(struct site *s)
{
	bed_close(&s->bed);
	free(s->peer);
}

unsigned site_burst(const struct site *s, const struct feed *f, unsigned i, struct rte_mbuf **m)
{
	unsigned n = f->n - i < BURST_MAX ? f->n - i : BURST_MAX;

	if (rte_pktmbuf_alloc_bulk(s->bed.dp->pool, m, n))
		errx(1, "no packet buffers");
	for (unsigned k = 0; k < n; k++)
		memcpy(rte_pktmbuf_append(m[k], f->len[i + k]), f->frame[i + k], f->len[i + k]);
	return n;
}

uint64_t site_lost(const struct worker *w)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		n += w->stats.drop[i];
	return n;
}

void site_blame(const struct worker *w)
{
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		if (w->stats.drop[i])
			warnx("%llu packets dropped: %s", (unsigned long long)w->stats.drop[i],
			      drop_reason_name(i));
	errx(1, "packets were lost: the figures would mean nothing");
}
