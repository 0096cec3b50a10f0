#include "tests/bench/machine.h"

#include <rte_cycles.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A chain of additions takes a core cycle each. */
double machine_core_ghz(double tsc_ghz)
{
	enum { ROUNDS = 5, TURNS = 200000, ADDS = 10 };
	uint64_t best = UINT64_MAX;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t began = rte_rdtsc(), took, x = round;

		for (unsigned i = 0; i < TURNS; i++)
			__asm__ volatile("add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\t"
					 "add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\t"
					 "add $1, %0\n\tadd $1, %0"
					 : "+r"(x));
		took = rte_rdtsc() - began;
		best = took < best ? took : best;
	}
	return tsc_ghz * TURNS * ADDS / (double)best;
}

/* Additions that do not wait for each other: as many at once as the core can do. */
static uint64_t breadth(void)
{
	uint64_t began = rte_rdtsc(), a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;

	for (unsigned i = 0; i < 200; i++)
		__asm__ volatile("add $1, %0\n\tadd $1, %1\n\tadd $1, %2\n\tadd $1, %3\n\t"
				 "add $1, %4\n\tadd $1, %5\n\tadd $1, %6\n\tadd $1, %7"
				 : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g),
				   "+r"(h));
	return rte_rdtsc() - began;
}

bool machine_whole_core(void)
{
	static _Thread_local uint64_t best;
	uint64_t took = breadth();

	if (!best) {
		uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 5;

		for (best = took; rte_rdtsc() < end; best = took < best ? took : best)
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
	m->tsc_ghz = (double)rte_get_tsc_hz() / 1e9;
	m->core_ghz = machine_core_ghz(m->tsc_ghz);
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
