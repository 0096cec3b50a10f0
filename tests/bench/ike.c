/* What the IKE engine costs: handshakes per second of one core, memory of an idle tunnel, and how
 * soon ten thousand tunnels are back after their peer has lost everything.
 *
 *     bench_ike [--quick] [--json] [--cpu N]
 *
 * A handshake is all messages until a tunnel is up (IKE_SA_INIT and IKE_AUTH, or Main Mode and
 * Quick Mode) with a pre-shared key, every key pair made for it; AES-128 and SHA-256. Only one
 * end's calls into its engine count, in CPU time, not the peer's; the figure is the slower end's,
 * the median of many rounds, of those that began and ended with the core's whole width if there are
 * enough. The storm is in virtual time: a fifth of all messages is lost, and the
 * engines' CPU time does not pass. */
#include "tests/bench/ike_ends.h"
#include "tests/bench/machine.h"
#include "tests/bench/median.h"
#include "tests/sim/storm.h"

#include "conf/secret.h"

#include <err.h>
#include <getopt.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS_MAX 41
#define ENOUGH	   5 /* rounds with the core's whole width, or the others have to do */
#define TUNNELS	   10000
#define LOSS	   200 /* per mille */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define HONEST 0
#else
#define HONEST 1
#endif

struct bench {
	bool json, quick;
	unsigned rounds, whole; /* all, and those with the core's whole width */
};

/* What an end took in each round; [1]: in those with the core's whole width. */
struct rounds {
	double us[2][ROUNDS_MAX];
	unsigned n[2];
};

static int number(enum conf_ike_version version)
{
	return version == CONF_IKE_V1 ? 1 : 2;
}

static void keep(struct rounds *r, bool whole, double us)
{
	r->us[0][r->n[0]++] = us;
	if (whole)
		r->us[1][r->n[1]++] = us;
}

static double middle_of(struct rounds *r)
{
	bool whole = r->n[1] >= ENOUGH;

	return median_of(r->us[whole], r->n[whole]);
}

static void handshakes(struct bench *b, enum conf_ike_version version, enum algo_dh group)
{
	unsigned rounds = b->quick ? ROUNDS_MAX / 4 : ROUNDS_MAX, n = 200;
	struct rounds took[ENDS] = { 0 };
	double us[ENDS];
	struct ends e;
	bool whole;

	ends_open(&e);
	for (unsigned round = 0; round <= rounds; round++) {
		ends_add(&e, 0, n, version, group);
		for (unsigned i = 0; i < ENDS; i++)
			e.end[i].cpu_ns = 0;
		whole = machine_whole_core();
		ends_settle(&e, n);
		whole = machine_whole_core() && whole;
		for (unsigned i = 0; i < ENDS && round; i++) /* the first one warms up */
			keep(&took[i], whole, (double)e.end[i].cpu_ns / 1000 / n);
		b->rounds += round > 0;
		b->whole += round > 0 && whole;
		ends_remove(&e, 0, n);
	}
	ends_close(&e);
	for (unsigned i = 0; i < ENDS; i++)
		us[i] = middle_of(&took[i]);
	if (b->json)
		printf("{\"name\": \"handshakes_per_core_s\", \"value\": %.0f, \"unit\": \"1/s\", "
		       "\"group\": \"%s\", \"version\": %d, \"initiator\": %.0f, "
		       "\"responder\": %.0f}\n",
		       1e6 / (us[0] > us[1] ? us[0] : us[1]), algo_dhs[group].name, number(version),
		       1e6 / us[0], 1e6 / us[1]);
	else
		printf("v%d %-10s %6.0f handshakes/s of a core: initiator %6.1f us, responder "
		       "%6.1f us\n",
		       number(version), algo_dhs[group].name, 1e6 / (us[0] > us[1] ? us[0] : us[1]),
		       us[0], us[1]);
	fflush(stdout);
}

static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	size_t pages = 0;

	if (!f || fscanf(f, "%*u %zu", &pages) != 1)
		err(1, "/proc/self/statm");
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Both ends are in this process, and keep as much: half of the growth is one end's. */
static void memory(const struct bench *b, enum conf_ike_version version)
{
	unsigned n = TUNNELS, batch = 500;
	struct mallinfo2 heap, heap_before;
	size_t before, bytes;
	struct ends e;

	ends_open(&e);
	/* What the engines and the queues need once, they need before. */
	ends_add(&e, n, batch, version, DH_ECP256);
	ends_settle(&e, batch);
	malloc_trim(0); /* what was used before is not to serve now */
	before = resident();
	heap_before = mallinfo2();
	for (unsigned i = 0; i < n; i += batch) {
		ends_add(&e, i, batch, version, DH_ECP256);
		ends_settle(&e, i + 2 * batch);
	}
	ends_run(&e, 60 * IKE_SECOND);
	bytes = (resident() - before) / n / ENDS;
	heap = mallinfo2();
	if (b->json)
		printf("{\"name\": \"bytes_per_tunnel\", \"value\": %zu, \"unit\": \"bytes\", "
		       "\"version\": %d, \"tunnels\": %u}\n",
		       bytes, number(version), n);
	else
		printf("v%d %zu bytes resident for each of %u idle tunnels (heap in use: %zu)\n",
		       number(version), bytes, n,
		       (heap.uordblks + heap.hblkhd - heap_before.uordblks - heap_before.hblkhd) /
			       n / ENDS);
	fflush(stdout);
	ends_close(&e);
}

static void recovery(const struct bench *b, enum conf_ike_version version)
{
	unsigned n = b->quick && version == CONF_IKE_V1 ? TUNNELS / 10 : TUNNELS;
	struct storm s = storm_run(version, n, LOSS, 1);

	if (b->json)
		printf("{\"name\": \"storm_recovery_s\", \"value\": %.1f, \"unit\": \"s\", "
		       "\"version\": %d, \"tunnels\": %u, \"loss\": %.2f, \"first_up_s\": %.1f}\n",
		       s.recovery_s, number(version), n, LOSS / 1000.0, s.up_s);
	else
		printf("v%d %u tunnels, %u %% loss: all up after %.1f s, after the peer's restart "
		       "again after %.1f s\n",
		       number(version), n, LOSS / 10, s.up_s, s.recovery_s);
}

static void settle_on(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(strtoul(cpu, NULL, 10), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %s", cpu);
}

int main(int argc, char **argv)
{
	static const enum algo_dh groups[] = { DH_X25519, DH_ECP256, DH_MODP2048, DH_ECP384,
					       DH_MODP3072 };
	static const struct option options[] = { { "quick", no_argument, NULL, 'q' },
						 { "json", no_argument, NULL, 'j' },
						 { "cpu", required_argument, NULL, 'c' },
						 { 0 } };
	struct bench b = { 0 };
	struct share from, to;
	struct machine m;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'q':
			b.quick = true;
			break;
		case 'j':
			b.json = true;
			break;
		case 'c':
			settle_on(optarg);
			break;
		default:
			return 2;
		}
	if (!HONEST)
		errx(2, "built with sanitizers or without optimisation: nothing to measure");
	if (secret_init() < 0)
		errx(1, "libsodium does not start");
	machine_read(&m);
	machine_print(&m, b.json, "one end's CPU time");
	share_read(&from);
	for (unsigned i = 0; i < (b.quick ? 3 : 5); i++)
		handshakes(&b, CONF_IKE_V2, groups[i]);
	for (unsigned i = 1; i < (b.quick ? 3 : 5); i++) /* X25519 is not for IKEv1 */
		handshakes(&b, CONF_IKE_V1, groups[i]);
	share_read(&to);
	share_print(&from, &to, (double)b.whole / b.rounds, b.json);
	for (unsigned v = CONF_IKE_V2; v <= CONF_IKE_V1; v++) {
		memory(&b, (enum conf_ike_version)v);
		recovery(&b, (enum conf_ike_version)v);
	}
	return 0;
}
