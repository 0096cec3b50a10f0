#include "tests/bench/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <x86intrin.h>

#define OTHERS_MAX 2.0 /* per cent of the time, and ticks of the host's a second */
#define WHOLE_MIN  0.5 /* of the pieces */

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static double tsc_ghz(void)
{
	static double ghz;
	uint64_t ns = nanoseconds(CLOCK_MONOTONIC), tsc = __rdtsc(), took = 0;

	if (ghz > 0)
		return ghz;
	while (took < 50000000)
		took = nanoseconds(CLOCK_MONOTONIC) - ns;
	ghz = (double)(__rdtsc() - tsc) / (double)took;
	return ghz;
}

/* A chain of additions takes a core cycle each. */
double machine_core_ghz(void)
{
	enum { ROUNDS = 5, TURNS = 200000, ADDS = 10 };
	uint64_t best = UINT64_MAX;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t began = __rdtsc(), took, x = round;

		for (unsigned i = 0; i < TURNS; i++)
			__asm__ volatile("add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\t"
					 "add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\t"
					 "add $1, %0\n\tadd $1, %0"
					 : "+r"(x));
		took = __rdtsc() - began;
		best = took < best ? took : best;
	}
	return tsc_ghz() * TURNS * ADDS / (double)best;
}

/* Additions that do not wait for each other: as many at once as the core can do. */
static uint64_t breadth(void)
{
	uint64_t began = __rdtsc(), a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;

	for (unsigned i = 0; i < 200; i++)
		__asm__ volatile("add $1, %0\n\tadd $1, %1\n\tadd $1, %2\n\tadd $1, %3\n\t"
				 "add $1, %4\n\tadd $1, %5\n\tadd $1, %6\n\tadd $1, %7"
				 : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g),
				   "+r"(h));
	return __rdtsc() - began;
}

bool machine_whole_core(void)
{
	static _Thread_local uint64_t best;
	uint64_t took = breadth();

	if (!best) {
		uint64_t end = __rdtsc() + (uint64_t)(tsc_ghz() * 2e8);

		for (best = took; __rdtsc() < end; best = took < best ? took : best)
			took = breadth();
	}
	best = took < best ? took : best;
	return took * 100 < best * 112;
}

void machine_read(struct machine *m)
{
	FILE *in = fopen("/proc/cpuinfo", "r");
	unsigned family = 0, model = 0;
	char line[256], vendor[16] = "unknown";

	snprintf(m->cpu, sizeof(m->cpu), "unknown CPU");
	while (in && fgets(line, sizeof(line), in) && *line != '\n') {
		sscanf(line, "vendor_id : %15s", vendor);
		sscanf(line, "cpu family : %u", &family);
		sscanf(line, "model : %u", &model);
		sscanf(line, "model name : %63[^\n]", m->cpu);
	}
	snprintf(m->model, sizeof(m->model), "%s %u/%u", vendor, family, model);
	if (in)
		fclose(in);
	m->tsc_ghz = tsc_ghz();
	m->core_ghz = machine_core_ghz();
}

uint64_t share_switches(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return (uint64_t)u.ru_nivcsw;
}

void share_read(struct share *s)
{
	FILE *in = fopen("/proc/stat", "r");
	unsigned long long steal = 0;

	if (in) {
		if (fscanf(in, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1)
			steal = 0;
		fclose(in);
	}
	s->stolen = steal;
	s->switches = share_switches();
	s->wall_ns = nanoseconds(CLOCK_MONOTONIC);
	s->cpu_ns = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

void machine_print(const struct machine *m, bool json, const char *more)
{
	printf(json ? "{\"name\": \"machine\", \"value\": %.3f, \"unit\": \"GHz\", \"cpu\": \"%s\", "
		      "\"model\": \"%s\", \"tsc_ghz\": %.3f, \"more\": \"%s\"}\n"
		    : "core %.2f GHz of %s (%s), TSC %.3f GHz; %s\n",
	       m->core_ghz, m->cpu, m->model, m->tsc_ghz, more);
	fflush(stdout);
}

void share_print(const struct share *from, const struct share *to, double whole, bool json)
{
	double wall = (double)(to->wall_ns - from->wall_ns);
	double others = 100 - 100 * (double)(to->cpu_ns - from->cpu_ns) / wall;
	double ticks = (double)(to->stolen - from->stolen) / (wall / 1e9);
	char why[300];
	int n = 0;

	*why = 0;
	if (others > OTHERS_MAX)
		n += snprintf(why + n, sizeof(why) - (size_t)n,
			      "; others had the core for %.1f %% of the time", others);
	if (ticks > OTHERS_MAX)
		n += snprintf(why + n, sizeof(why) - (size_t)n,
			      "; the machine's host took %.1f ticks a second", ticks);
	if (whole < WHOLE_MIN)
		n += snprintf(why + n, sizeof(why) - (size_t)n,
			      "; only in %.0f %% of the pieces was the core's whole width there",
			      100 * whole);
	if (json)
		printf("{\"name\": \"final\", \"value\": %s, \"unit\": \"\", \"why\": \"%s\"}\n",
		       n ? "false" : "true", n ? why + 2 : "");
	else if (n)
		printf("NOT FINAL: %s\n", why + 2);
	else
		printf("final: the core was ours, and its whole width in %.0f %% of the pieces\n",
		       100 * whole);
	fflush(stdout);
}
