/* What a figure was measured on, and whether something else ran there at the same time. */
#ifndef TESTS_BENCH_MACHINE_H
#define TESTS_BENCH_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct machine {
	char cpu[64], model[32];  /* model: "AuthenticAMD 25/17", vendor, family and model */
	double tsc_ghz, core_ghz; /* core: of this moment */
};

void machine_read(struct machine *m);
double machine_core_ghz(void);
/* As an object of JSON, or for a person. more: what the figures depend on besides. */
void machine_print(const struct machine *m, bool json, const char *more);

/* Other work on our core. */
struct share {
	uint64_t switches; /* times this thread was put aside */
	uint64_t wall_ns, cpu_ns;
	uint64_t stolen; /* clock ticks that the machine's host took, on all cores */
};

/* Has this thread its core's whole width at this moment? On a virtual machine the core's other
 * thread may be somebody else's, who takes up to half of what a core does in a cycle; its clock,
 * and a chain of additions, know nothing of that. Takes half a microsecond; the first call of a
 * thread a fifth of a second, in which it looks for the best that there is. */
bool machine_whole_core(void);

void share_read(struct share *s);
uint64_t share_switches(void);
/* Whether what was measured meanwhile, by this thread, is final. whole: the share of its pieces
 * that had the core's whole width. */
void share_print(const struct share *from, const struct share *to, double whole, bool json);

#endif
