/* Workers beside each other, on real cores: does a second one double the work, what does it cost to
 * hand a packet over to its SA's owner, and what does traffic feel of SAs that come and go.
 *
 *     workers [--quick] [--alg NAME[-AUTH]] --cpus A,B
 *
 * Each worker has a lane (lane.h). What is compared takes turns. Prints an object of JSON a line,
 * for report.py. */
#include "dataplane/core.h"
#include "tests/bench/lane.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_version.h>

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TUNNELS 1000
#define SIZE	64
#define TURNS	4    /* of what is compared */
#define CHURN	1000 /* SAs a second */
/* Beyond these a figure says that it was disturbed, not how fast anything is. */
#define TWICE_MAX   2.05
#define CHEAPER_MIN (-3.0)

static void wait_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

/* ---- SAs that come and go --------------------------------------------------------------- */

static void settle(struct site *s)
{
	static const struct dataplane_negotiator_ops none;

	(void)dataplane_negotiator_poll(s->bed.dp, &none, NULL);
}

/* A pair of new SAs for the old ones, as a rekey makes it: inbound first. */
static void rekey(struct site *s, uint32_t tunnel, uint32_t spi_out)
{
	struct dataplane_sa sa = s->like;
	uint32_t old = s->peer[tunnel].spi_in;

	sa.tunnel = tunnel;
	sa.remote.addr = feed_customer(tunnel);
	sa.inbound = true;
	sa.spi = s->peer[tunnel].spi_in = dataplane_spi_alloc(s->bed.dp, tunnel);
	while (dataplane_sa_install(s->bed.dp, &sa) == -EAGAIN)
		settle(s);
	sa.inbound = false;
	sa.spi = spi_out;
	while (dataplane_sa_install(s->bed.dp, &sa) == -EAGAIN)
		settle(s);
	while (dataplane_sa_remove(s->bed.dp, tunnel, true, old) == -EAGAIN)
		settle(s);
}

/* Returns the SAs that were replaced. */
static unsigned churn(struct site *s, double seconds)
{
	uint64_t hz = rte_get_tsc_hz(), began = rte_rdtsc(), now;
	static uint32_t spi = 0xd0000000;
	unsigned n = 0;

	while ((now = rte_rdtsc()) - began < (uint64_t)(seconds * (double)hz)) {
		while ((double)n < (double)(now - began) / (double)hz * CHURN) {
			/* Every second tunnel is the first worker's. */
			rekey(s, 1 + n % TUNNELS, spi++);
			n += 2;
		}
		settle(s);
		wait_ms(1);
	}
	return n;
}

/* ---- the program ------------------------------------------------------------------------ */

struct bench {
	struct site *site;
	struct lane *lane[2];
	struct feed *feed[2]; /* for the tunnels of the lane's worker */
	unsigned ms;
	uint64_t lost; /* before anything was measured */
};

/* why_not: what speaks against it; NULL: nothing. */
static void print(const char *name, double value, const char *unit, const char *why_not,
		  const char *more)
{
	printf("{\"name\": \"%s\", \"value\": %.2f, \"unit\": \"%s\", \"final\": %s, "
	       "\"why\": \"%s\", %s}\n",
	       name, value, unit, why_not ? "false" : "true", why_not ? why_not : "", more);
	fflush(stdout);
}

static const char *doubt(bool whole, bool possible)
{
	if (!possible)
		return "it cannot be: what is compared was disturbed unlike";
	return whole ? NULL : "the cores' whole width was there too rarely";
}

static void one_alone(struct bench *b, unsigned i, struct series *to)
{
	lane_start(b->lane[i], b->feed[i], b->lane[i], to);
	lane_go(b->lane[i]);
	wait_ms(b->ms / TURNS);
	lane_finish(b->lane[i]);
}

static void both(struct bench *b, struct series *to)
{
	for (unsigned i = 0; i < 2; i++)
		lane_start(b->lane[i], b->feed[i], b->lane[i], &to[i]);
	lane_go(b->lane[0]);
	lane_go(b->lane[1]);
	wait_ms(b->ms / TURNS);
	lane_finish(b->lane[0]);
	lane_finish(b->lane[1]);
}

/* All packets are the first one's, half of them come to the second one. */
static void handing(struct bench *b, struct series *to)
{
	struct lane *owner = b->lane[0], *giver = b->lane[1];

	lane_start(owner, b->feed[0], owner, &to[0]);
	lane_start(giver, b->feed[0], owner, &to[1]);
	owner->even = giver;
	giver->even = owner;
	lane_go(owner);
	lane_go(giver);
	wait_ms(b->ms / TURNS);
	lane_finish(giver);
	lane_finish(owner);
}

static void lose_nothing(const struct bench *b)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < 2; i++)
		lost += site_lost(b->lane[i]->w);
	if (lost != b->lost)
		site_blame(b->lane[!site_lost(b->lane[0]->w)]->w);
}

/* In turns, so that all of it sees the same disturbance. */
static void two_workers(struct bench *b)
{
	static struct series alone[2], beside[2], handed[2];
	struct series *all[] = { &alone[0], &alone[1], &beside[0], &beside[1] };
	struct series *with_handed[] = { &alone[0], &handed[0], &handed[1] };
	const struct dataplane_worker_stats *owner = &b->lane[0]->w->stats;
	const struct dataplane_worker_stats *giver = &b->lane[1]->w->stats;
	uint64_t sent = 0, moved = 0;
	double one[2], two[2], value, share;
	char more[200];
	bool whole;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		one_alone(b, 0, &alone[0]);
		one_alone(b, 1, &alone[1]);
		both(b, beside);
		sent -= owner->esp_out_packets;
		moved -= giver->handed_over;
		handing(b, handed);
		sent += owner->esp_out_packets;
		moved += giver->handed_over;
	}
	lose_nothing(b);
	whole = series_are_whole(all, 4);
	for (unsigned i = 0; i < 2; i++) {
		one[i] = series_middle(&alone[i], whole);
		two[i] = series_middle(&beside[i], whole);
	}
	value = one[0] / two[0] + one[1] / two[1];
	snprintf(more, sizeof(more), "\"one\": [%.1f, %.1f], \"two\": [%.1f, %.1f]", one[0], one[1],
		 two[0], two[1]);
	print("two-workers", value, "times one", doubt(whole, value <= TWICE_MAX), more);

	whole = series_are_whole(with_handed, 3);
	for (unsigned i = 0; i < 2; i++)
		two[i] = series_middle(&handed[i], whole);
	one[0] = series_middle(&alone[0], whole);
	share = (double)moved / (double)sent;
	value = two[0] + share * two[1] - one[0];
	snprintf(more, sizeof(more),
		 "\"one\": %.1f, \"owner\": %.1f, \"giver\": %.1f, \"share\": %.2f", one[0], two[0],
		 two[1], share);
	print("hand-over", value, "cycles/packet", doubt(whole, value > 0), more);
}

static void busy_with_rekeys(struct bench *b)
{
	static struct series quiet, busy;
	struct series *all[] = { &quiet, &busy };
	struct lane *l = b->lane[0];
	double mean[2], value, seconds = b->ms / 1000.0 / TURNS;
	unsigned replaced = 0;
	char more[200];
	bool whole;

	for (unsigned turn = 0; turn < 2 * TURNS; turn++) {
		lane_start(l, b->feed[0], l, turn % 2 ? &busy : &quiet);
		lane_go(l);
		if (turn % 2)
			replaced += churn(b->site, seconds);
		else
			wait_ms(b->ms / TURNS);
		lane_finish(l);
		settle(b->site);
	}
	lose_nothing(b);
	whole = series_are_whole(all, 2);
	mean[0] = series_mean(&quiet, whole);
	mean[1] = series_mean(&busy, whole);
	value = 100 * (mean[1] / mean[0] - 1);
	snprintf(more, sizeof(more),
		 "\"quiet\": %.1f, \"churn\": %.1f, \"replaced_per_s\": %.0f, \"lost\": 0", mean[0],
		 mean[1], replaced / (TURNS * seconds));
	print("churn", value, "% more cycles", doubt(whole, value > CHEAPER_MIN), more);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "quick", no_argument, NULL, 'q' },
						 { "alg", required_argument, NULL, 'a' },
						 { "cpus", required_argument, NULL, 'c' },
						 { 0 } };
	static struct site s = { .tunnels = TUNNELS };
	static struct lane lane[2];
	struct bench b = { .site = &s, .ms = 2000 };
	unsigned cpu[2] = { 0, 1 };
	struct feed of[2];
	int c;

	site_algorithm(&s, "aes128gcm");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'q':
			b.ms = 600;
			break;
		case 'a':
			site_algorithm(&s, optarg);
			break;
		case 'c':
			if (sscanf(optarg, "%u,%u", &cpu[0], &cpu[1]) != 2)
				errx(2, "--cpus takes two, such as 2,3");
			break;
		default:
			return 2;
		}
	site_open(&s, cpu, 2);
	for (unsigned i = 0; i < 2; i++) {
		feed_open(&of[i], FEED_ENC, SIZE,
			  (struct feed_round){ .n = TUNNELS / 2, .first = 1 + i, .step = 2 },
			  &s.like, s.peer);
		lane[i] = (struct lane){ .site = &s, .w = s.bed.dp->worker[i], .lcore = i + 1 };
		b.lane[i] = &lane[i];
		b.feed[i] = &of[i];
		b.lost += site_lost(lane[i].w);
	}
	two_workers(&b);
	busy_with_rekeys(&b);
	for (unsigned i = 0; i < 2; i++)
		feed_close(&of[i]);
	site_close(&s);
	return 0;
}
