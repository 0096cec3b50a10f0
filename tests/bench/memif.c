/* The gateway's end of a run through memif, from end to end: the bench's site between two memif
 * ports, its worker's own loop on its CPU. memif.py runs it, and DPDK's testpmd at the other ends.
 *
 *     memif --folder DIR [--alg NAME[-AUTH]] [--cpu N] [--size BYTES] [--tunnels N] [--seconds S]
 *
 * Packets are encrypted: those that are sent again and again would be replayed ones to decrypt.
 * Writes DIR/feed.pcap, the packets to be sent, listens at DIR/wan and DIR/lan, says "ready", waits
 * for both links and the first packets, counts for some seconds and prints an object of JSON. */
#include "dataplane/core.h"
#include "tests/bench/median.h"
#include "tests/bench/site.h"

#include <rte_cycles.h>

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEVICE	   "net_memif%u,role=server,id=0,socket-abstract=no,socket=%s/%s,mac=02:00:00:00:0%u:01"
#define WAIT	   30	/* seconds for the other ends */
#define WARM_UP	   0.5f /* seconds of packets before they count */
#define PARTS	   5	/* of the time, whose median counts */
#define OTHERS_MAX 0.02

static const struct option options[] = { { "folder", required_argument, NULL, 'f' },
					 { "alg", required_argument, NULL, 'a' },
					 { "cpu", required_argument, NULL, 'c' },
					 { "size", required_argument, NULL, 's' },
					 { "tunnels", required_argument, NULL, 't' },
					 { "seconds", required_argument, NULL, 'n' },
					 { 0 } };

static void put(FILE *out, const void *p, size_t bytes)
{
	if (fwrite(p, bytes, 1, out) != 1)
		err(1, "feed.pcap");
}

static void write_feed(const struct feed *f, const char *folder)
{
	const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, FEED_FRAME_MAX, 1 };
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/feed.pcap", folder);
	out = fopen(path, "w");
	if (!out)
		err(1, "%s", path);
	put(out, head, sizeof(head));
	for (unsigned i = 0; i < f->n; i++) {
		const uint32_t record[] = { 0, 0, f->len[i], f->len[i] };

		put(out, record, sizeof(record));
		put(out, f->frame[i], f->len[i]);
	}
	if (fclose(out))
		err(1, "%s", path);
}

/* What main and negotiator do meanwhile. Neighbours stay as young as the site's. */
static void turn(struct dataplane *dp)
{
	static const struct dataplane_negotiator_ops none;
	struct timespec t = { 0, 1000000 };

	dataplane_main_poll(dp, 1000000);
	(void)dataplane_negotiator_poll(dp, &none, NULL);
	nanosleep(&t, NULL);
}

static uint64_t sent(const struct dataplane *dp)
{
	return ((const volatile struct worker *)dp->worker[0])->stats.tx_packets;
}

static void wait_for_packets(struct dataplane *dp, uint64_t before)
{
	uint64_t end = rte_rdtsc() + WAIT * rte_get_tsc_hz();

	while (sent(dp) == before) {
		if (rte_rdtsc() > end)
			errx(1, "no packet came through in %d seconds", WAIT);
		turn(dp);
	}
}

/* Returns the seconds that it took. */
static double live(struct dataplane *dp, double seconds)
{
	uint64_t began = rte_rdtsc(), hz = rte_get_tsc_hz();

	while ((double)(rte_rdtsc() - began) < seconds * (double)hz)
		turn(dp);
	return (double)(rte_rdtsc() - began) / (double)hz;
}

/* The worker polls all the time: what the process did not have, others had. */
static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* out: Mpps of each part of the time. others: their share of the worker's CPU. */
static void print(const struct site *s, const struct feed *f,
		  const struct dataplane_worker_stats *from,
		  const struct dataplane_worker_stats *to, double *out, double others)
{
	double cycles = 0, idle = (double)(to->idle_cycles - from->idle_cycles);
	double packets = (double)(to->tx_packets - from->tx_packets);
	double middle = median_of(out, PARTS);
	uint64_t lost = 0;

	for (unsigned i = 0; i < PHASE_COUNT; i++)
		cycles += (double)(to->phase_cycles[i] - from->phase_cycles[i]);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++) {
		uint64_t n = to->drop[i] - from->drop[i];

		lost += n;
		if (n)
			warnx("%llu packets dropped: %s", (unsigned long long)n,
			      drop_reason_name(i));
	}
	printf("{\"name\": \"memif\", \"value\": %.3f, \"unit\": \"Mpps\", \"alg\": \"%s\", "
	       "\"size\": %u, \"tunnels\": %u, \"worst\": %.3f, \"best\": %.3f, \"gbps\": %.2f, "
	       "\"lost\": %llu, \"busy\": %.3f, \"cycles\": %.1f, \"final\": %s, "
	       "\"why\": \"others had the worker's CPU for %.0f %% of the time\"}\n",
	       middle, s->alg, f->size, f->round.n, out[0], out[PARTS - 1],
	       middle * f->size * 8 / 1000, (unsigned long long)lost, cycles / (cycles + idle),
	       packets > 0 ? cycles / packets : 0, others < OTHERS_MAX ? "true" : "false",
	       100 * others);
}

static void measure(struct site *s, const struct feed *f, double seconds)
{
	struct dataplane *dp = s->bed.dp;
	struct dataplane_worker_stats from, to, last;
	uint64_t before = sent(dp);
	double out[PARTS], cpu, wall = 0;

	if (dataplane_start(dp))
		errx(1, "the worker does not start");
	printf("ready\n");
	fflush(stdout);
	wait_for_packets(dp, before);
	(void)live(dp, (double)WARM_UP);
	(void)dataplane_worker_stats(dp, 0, &from);
	last = from;
	cpu = cpu_seconds();
	for (unsigned i = 0; i < PARTS; i++) {
		double took = live(dp, seconds / PARTS);

		(void)dataplane_worker_stats(dp, 0, &to);
		out[i] = (double)(to.tx_packets - last.tx_packets) / took / 1e6;
		last = to;
		wall += took;
	}
	print(s, f, &from, &to, out, 1 - (cpu_seconds() - cpu) / wall);
}

int main(int argc, char **argv)
{
	static struct site s = { .tunnels = 1000 };
	char wan[400], lan[400];
	const char *device[BED_PORTS] = { [BED_WAN] = wan, [BED_LAN] = lan };
	const char *folder = NULL;
	unsigned cpu = 0, size = 64, seconds = 5;
	struct feed f;
	int c;

	site_algorithm(&s, "aes128gcm");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

		if (c == 'f')
			folder = optarg;
		else if (c == 'a')
			site_algorithm(&s, optarg);
		else if (c == '?')
			return 2;
		else
			*(c == 'c'   ? &cpu
			  : c == 's' ? &size
			  : c == 't' ? &s.tunnels
				     : &seconds) = number;
	}
	if (!folder || strlen(folder) > 90 || size < 64 || size > 1420 || !s.tunnels || !seconds)
		errx(2, "needs --folder, and numbers that make sense");
	snprintf(wan, sizeof(wan), DEVICE, 0, folder, "wan", 1);
	snprintf(lan, sizeof(lan), DEVICE, 1, folder, "lan", 2);
	site_open_on(&s, device, &cpu, 1);
	feed_open(&f, FEED_ENC, size, (struct feed_round){ .n = s.tunnels, .first = 1, .step = 1 },
		  &s.like, s.peer);
	write_feed(&f, folder);
	measure(&s, &f, seconds);
	feed_close(&f);
	site_close(&s);
	return 0;
}
