/* Cycles per packet of the worker's real loop, between memory ports, on one core.
 *
 *     dataplane [--quick] [--alg NAME[-AUTH]] [--cpu N] [--cell DIR/SIZE/TUNNELS[r]]
 *
 * A cell is an algorithm, a direction, a size of inner packets and a number of tunnels. Its packets
 * are made and put into the port's ring before the clock runs; a burst of 64 goes through
 * worker_run_once(); what comes out is counted and thrown away. `cycles` is the worker's phases
 * without the ports' own receive and transmit functions, which are `port`; `bare` is IPsec-MB alone
 * for the same bytes. Each is the median of many rounds, worker and bare taking turns; rounds in
 * which the thread was put aside do not count. Prints an object of JSON a line, for report.py. */
#include "dataplane/core.h"
#include "dataplane/crypt.h"
#include "dataplane/sa.h"
#include "tests/bench/bare.h"
#include "tests/bench/feed.h"
#include "tests/bench/machine.h"
#include "tests/bench/port_cost.h"

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include <err.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 201
#define ROUNDS_MIN 9
#define TUNNELS	   10000
#define WARM_UP	   3

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define HONEST 0
#else
#define HONEST 1
#endif

struct sample {
	double phase[PHASE_COUNT]; /* without the ports' functions */
	double net, port, bare;
};

struct bench {
	struct bed bed;
	struct bare *bare;
	struct dataplane_sa like; /* algorithms */
	struct feed_tunnel *peer;
	char alg[40];
	bool quick;
	const char *only; /* "enc/64/1000r": of all cells this one; NULL: all */
	unsigned rounds, tunnels_max;
	double seconds; /* for a cell, at most: on a busy machine few rounds are undisturbed */
	double tsc_ghz;
	uint64_t counted, disturbed; /* rounds */
};

/* ---- tunnels ---------------------------------------------------------------------------- */

static void must(int rc, const char *what)
{
	if (rc)
		errx(1, "%s: %s", what, strerror(-rc));
}

/* As a real one: VPC's table, border gateway's table, connection, tunnel; and back. */
static void add_tunnels(struct bench *b)
{
	struct dataplane *dp = b->bed.dp;
	struct dataplane_tunnel t = { .cloud_ip = addr_ipv4(0xc0000201) };
	struct prefix customers = { addr_ipv4(0x0b000000), 8 }, vpc = { addr_ipv4(0xac110000), 24 };

	must(dataplane_table_add(dp, &t.table), "the border gateway's table");
	must(dataplane_route_set(dp, b->bed.vpc, &customers, nexthop(NEXTHOP_TABLE, t.table)),
	     "the VPC's route");
	must(dataplane_route_set(dp, t.table, &vpc, nexthop(NEXTHOP_TABLE, b->bed.vpc)),
	     "the way back");
	for (uint32_t n = 1; n <= b->tunnels_max; n++) {
		struct prefix p = feed_prefix(n);
		struct dataplane_sa sa = b->like;

		t.customer_ip = feed_customer(n);
		t.inner = (struct prefix){ addr_ipv4(0xa9000002 + n * 4), 30 };
		t.inner_peer = addr_ipv4(0xa9000001 + n * 4);
		must(dataplane_tunnel_add(dp, n, &t), "tunnel");
		must(dataplane_tunnel_state(dp, n, true), "tunnel's state");
		must(dataplane_connection_set(dp, n, &n, 1), "connection");
		must(dataplane_route_set(dp, t.table, &p, nexthop(NEXTHOP_CONNECTION, n)),
		     "route to a customer");
		sa.tunnel = n;
		sa.remote.addr = t.customer_ip;
		b->peer[n].spi_in = bed_add_sas(&b->bed, &sa, 0xc0de0000 + n);
	}
}

/* Neighbours answer before anything is asked of them. */
static void meet(struct bench *b)
{
	static const uint8_t wan[42] = { 2,   0, 0, 0,	 1, 1, 2, 0, 0, 0, 1,	0xfe, 8, 6,
					 0,   1, 8, 0,	 6, 4, 0, 2, 2, 0, 0,	0,    1, 0xfe,
					 192, 0, 2, 254, 2, 0, 0, 0, 1, 1, 192, 0,    2, 1 };
	static const uint8_t host[46] = { 2,	0, 0, 0,   4, 1, 2,   0,    0,	 0,  4, 0x10,
					  0x81, 0, 0, 100, 8, 6, 0,   1,    8,	 0,  6, 4,
					  0,	1, 2, 0,   0, 0, 4,   0x10, 172, 17, 0, 10,
					  0,	0, 0, 0,   0, 0, 172, 17,   0,	 1 };
	struct rte_mbuf *m;

	bed_run(&b->bed);
	bed_give(&b->bed, BED_WAN, wan, sizeof(wan));
	bed_give(&b->bed, BED_LAN, host, sizeof(host));
	bed_run(&b->bed);
	for (unsigned port = 0; port < BED_PORTS; port++)
		while (memory_port_take(&b->bed.port[port], &m, 1))
			rte_pktmbuf_free(m);
}

/* ---- one round -------------------------------------------------------------------------- */

static unsigned make_burst(struct bench *b, const struct feed *f, unsigned from,
			   struct rte_mbuf **m)
{
	unsigned n = f->n - from < BURST_MAX ? f->n - from : BURST_MAX;

	if (rte_pktmbuf_alloc_bulk(b->bed.dp->pool, m, n))
		errx(1, "no packet buffers");
	for (unsigned i = 0; i < n; i++)
		memcpy(rte_pktmbuf_append(m[i], f->len[from + i]), f->frame[from + i],
		       f->len[from + i]);
	return n;
}

static uint64_t drops(const struct worker *w)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		n += w->stats.drop[i];
	return n;
}

static void blame(const struct worker *w)
{
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		if (w->stats.drop[i])
			warnx("%llu packets dropped: %s", (unsigned long long)w->stats.drop[i],
			      drop_reason_name(i));
	errx(1, "packets were lost: the figures would mean nothing");
}

static void worker_round(struct bench *b, const struct feed *f, struct sample *s)
{
	struct memory_port *in = &b->bed.port[f->dir == FEED_ENC ? BED_LAN : BED_WAN];
	struct memory_port *out = &b->bed.port[f->dir == FEED_ENC ? BED_WAN : BED_LAN];
	struct worker *w = b->bed.worker;
	struct dataplane_worker_stats before = w->stats;
	struct rte_mbuf *m[BURST_MAX];
	uint64_t lost = drops(w);

	port_cost = (struct port_cost){ 0 };
	for (unsigned i = 0, n; i < f->n; i += n) {
		n = make_burst(b, f, i, m);
		if (memory_port_give(in, m, n) != n)
			errx(1, "port's ring is full");
		worker_run_once(w);
		if (memory_port_take(out, m, n) != n || drops(w) != lost)
			blame(w);
		rte_pktmbuf_free_bulk(m, n);
	}
	s->port = (double)(port_cost.rx + port_cost.tx) / f->n;
	s->net = -s->port;
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		s->phase[i] = (double)(w->stats.phase_cycles[i] - before.phase_cycles[i]) / f->n;
		s->net += s->phase[i];
	}
	s->phase[PHASE_RX] -= (double)port_cost.rx / f->n;
	s->phase[PHASE_TX] -= (double)port_cost.tx / f->n;
}

static void bare_round(struct bench *b, const struct feed *f, struct sample *s)
{
	struct bare_packet p[BURST_MAX];
	struct rte_mbuf *m[BURST_MAX];
	uint64_t cycles = 0;

	for (unsigned i = 0, n; i < f->n; i += n) {
		n = make_burst(b, f, i, m);
		for (unsigned k = 0; k < n; k++) {
			const struct tunnel *t = &b->bed.dp->tables.tunnel[f->tunnel[i + k]];
			const struct sa *in =
				b->bed.worker->slot[spi_slot(b->peer[f->tunnel[i + k]].spi_in)].sa;
			const struct sa *sa = f->dir == FEED_ENC ? t->out : in;

			p[k] = (struct bare_packet){
				.sa = sa,
				.text = rte_pktmbuf_mtod_offset(m[k], uint8_t *, 48),
				.bytes = sa_padded(sa, feed_bytes(f, i + k)),
			};
		}
		cycles += bare_run(b->bare, p, n, f->dir == FEED_ENC);
		rte_pktmbuf_free_bulk(m, n);
	}
	s->bare = (double)cycles / f->n;
}

/* ---- a cell ----------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Of the double at this offset in each sample. */
static double median(const struct sample *s, unsigned n, size_t offset)
{
	double v[ROUNDS_MAX];

	for (unsigned i = 0; i < n; i++)
		memcpy(&v[i], (const uint8_t *)&s[i] + offset, sizeof(v[i]));
	qsort(v, n, sizeof(v[0]), ascending);
	return v[n / 2];
}

static struct sample measure(struct bench *b, struct feed *f)
{
	static struct sample s[ROUNDS_MAX];
	uint64_t end = rte_rdtsc() + (uint64_t)(b->seconds * b->tsc_ghz * 1e9), switches;
	struct sample middle;
	unsigned n = 0;
	bool late;

	for (unsigned i = 0; i < WARM_UP; i++) {
		feed_make(f);
		worker_round(b, f, &s[0]);
		bare_round(b, f, &s[0]);
	}
	while (n < b->rounds) {
		late = rte_rdtsc() > end;
		if (late && n >= ROUNDS_MIN)
			break;
		feed_make(f);
		switches = share_switches();
		worker_round(b, f, &s[n]);
		bare_round(b, f, &s[n]);
		if (late || share_switches() == switches)
			n++;
		else
			b->disturbed++;
	}
	b->counted += n;
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		middle.phase[i] = median(s, n, offsetof(struct sample, phase) + i * sizeof(double));
	middle.net = median(s, n, offsetof(struct sample, net));
	middle.port = median(s, n, offsetof(struct sample, port));
	middle.bare = median(s, n, offsetof(struct sample, bare));
	return middle;
}

static void print_cell(const struct bench *b, const struct feed *f, const struct sample *s)
{
	double bytes = f->size == FEED_IMIX ? (7 * 64 + 4 * 570 + 1420) / 12.0 : f->size;
	double mpps = b->tsc_ghz * 1000 / (s->net + s->port), gbps = mpps * bytes * 8 / 1000;

	printf("{\"name\": \"dataplane\", \"value\": %.1f, \"unit\": \"cycles/packet\", "
	       "\"alg\": \"%s\", \"dir\": \"%s\", \"size\": %.0f, \"mix\": %s, \"tunnels\": %u, "
	       "\"order\": \"%s\", \"cycles\": %.1f, \"port_cycles\": %.1f, \"bare_cycles\": %.1f, "
	       "\"mpps\": %.3f, \"gbps\": %.2f, \"phases\": {",
	       s->net, b->alg, f->dir == FEED_ENC ? "enc" : "dec", bytes,
	       f->size == FEED_IMIX ? "true" : "false", f->tunnels,
	       f->random ? "random" : "round-robin", s->net, s->port, s->bare, mpps, gbps);
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		printf("%s\"%s\": %.1f", i ? ", " : "", worker_phase_name(i), s->phase[i]);
	printf("}}\n");
	fflush(stdout);
}

static void run_cell(struct bench *b, enum feed_dir dir, unsigned size, unsigned tunnels,
		     bool random)
{
	struct dataplane_sa like = b->like;
	uint8_t cipher_key[64], auth_key[64];
	struct sample s;
	struct feed f;
	char name[40];

	snprintf(name, sizeof(name), "%s/%u/%u%s", dir == FEED_ENC ? "enc" : "dec", size, tunnels,
		 random ? "r" : "");
	if (b->only && strcmp(b->only, name) != 0)
		return;
	for (unsigned i = 0; i < 64; i++) {
		cipher_key[i] = (uint8_t)(1 + i);
		auth_key[i] = (uint8_t)(128 + i);
	}
	like.cipher_key = cipher_key;
	like.cipher_key_len =
		(size_t)algo_ciphers[like.cipher].key_bytes + algo_ciphers[like.cipher].salt_bytes;
	like.auth_key = auth_key;
	like.auth_key_len = algo_auths[like.auth].key_bytes;
	feed_open(&f, dir, size, tunnels, random, &like, b->peer);
	s = measure(b, &f);
	print_cell(b, &f, &s);
	feed_close(&f);
}

/* ---- the program ------------------------------------------------------------------------ */

static void print_machine(const struct bench *b, const struct machine *m)
{
	printf("{\"name\": \"machine\", \"value\": %.3f, \"unit\": \"GHz\", \"cpu\": \"%s\", "
	       "\"model\": \"%s\", \"tsc_ghz\": %.3f, \"core_ghz\": %.3f, \"engine\": \"%s\", "
	       "\"dpdk\": \"%s\"}\n",
	       m->core_ghz, m->cpu, m->model, m->tsc_ghz, m->core_ghz, dataplane_summary(b->bed.dp),
	       rte_version());
}

static void print_share(const struct bench *b, const struct share *from, const struct share *to)
{
	double wall = (double)(to->wall_ns - from->wall_ns);
	double others = 100 - 100 * (double)(to->cpu_ns - from->cpu_ns) / wall;

	printf("{\"name\": \"shared\", \"value\": %.1f, \"unit\": \"%% of time\", \"alg\": \"%s\", "
	       "\"switches\": %llu, \"stolen_ticks\": %llu, \"undisturbed\": %.3f, "
	       "\"core_ghz\": %.3f, \"seconds\": %.1f}\n",
	       others, b->alg, (unsigned long long)(to->switches - from->switches),
	       (unsigned long long)(to->stolen - from->stolen),
	       (double)b->counted / (double)(b->counted + b->disturbed + 1),
	       machine_core_ghz(b->tsc_ghz), wall / 1e9);
}

static void choose_algorithm(struct bench *b, const char *name)
{
	char cipher[40];
	const char *dash = strchr(name, '-');
	size_t n = dash ? (size_t)(dash - name) : strlen(name);

	snprintf(b->alg, sizeof(b->alg), "%s", name);
	snprintf(cipher, sizeof(cipher), "%.*s", (int)n, name);
	b->like.cipher = algo_cipher_by_name(cipher);
	b->like.auth = dash ? algo_auth_by_name(dash + 1) : AUTH_NONE;
	if (crypt_kind(b->like.cipher, b->like.auth) == CRYPT_KINDS)
		errx(2,
		     "no algorithm '%s' (such as aes128gcm, aes256gcm, chacha20poly1305, "
		     "aes128-sha1, aes256-sha256)",
		     name);
}

/* The worker's loop runs in this thread: on its core, and there alone. */
static void settle_on(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %u", cpu);
}

static void run_all(struct bench *b)
{
	static const unsigned sizes[] = { 64, FEED_IMIX, 1420 };
	static const unsigned tunnels[] = { 1, 100, 1000, TUNNELS };

	for (unsigned t = 0; t < 4; t++)
		for (unsigned dir = FEED_ENC; dir <= FEED_DEC; dir++)
			for (unsigned s = 0; s < 3; s++) {
				if (tunnels[t] > b->tunnels_max ||
				    (b->quick && !b->only &&
				     (sizes[s] == FEED_IMIX || tunnels[t] == 100)))
					continue;
				run_cell(b, dir, sizes[s], tunnels[t], false);
				if (tunnels[t] == TUNNELS)
					run_cell(b, dir, sizes[s], tunnels[t], true);
			}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },	  { "json", no_argument, NULL, 'j' },
		{ "alg", required_argument, NULL, 'a' },  { "cpu", required_argument, NULL, 'c' },
		{ "cell", required_argument, NULL, 'o' }, { 0 }
	};
	static struct bench b = { .like = { .replay_window = 1024 } };
	unsigned cpu = 0;
	struct machine m;
	struct share from, to;
	int c;

	choose_algorithm(&b, "aes128gcm");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'q':
			b.quick = true;
			break;
		case 'o':
			b.only = optarg;
			break;
		case 'a':
			choose_algorithm(&b, optarg);
			break;
		case 'c':
			cpu = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	if (!HONEST)
		errx(2, "built with sanitizers or without optimisation: nothing to measure");
	b.rounds = b.quick ? 51 : ROUNDS_MAX;
	b.seconds = b.quick ? 2 : 4;
	b.tunnels_max = b.quick ? 1000 : TUNNELS;
	b.like.local.addr = addr_ipv4(0xc0000201);
	b.like.remote.addr = feed_customer(0);
	b.peer = calloc(b.tunnels_max + 1, sizeof(*b.peer));
	b.bare = bare_new();
	bed_open(&b.bed, 512, true, cpu);
	settle_on(cpu);
	if (!crypt_engine_fast(b.bed.worker->crypt))
		warnx("IPsec-MB did not choose AVX512 with VAES: these are another engine's figures");
	meet(&b);
	add_tunnels(&b);
	for (unsigned i = 0; i < BED_PORTS; i++)
		port_cost_wrap(b.bed.port[i].id);
	machine_read(&m);
	b.tsc_ghz = m.tsc_ghz;
	print_machine(&b, &m);
	share_read(&from);
	run_all(&b);
	share_read(&to);
	print_share(&b, &from, &to);
	bed_close(&b.bed);
	bare_free(b.bare);
	free(b.peer);
	return 0;
}
