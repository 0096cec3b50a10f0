/* Is this box fit to be a gateway, and what keeps tunnels DOWN: in words, with the next step.
 *
 * The box is looked at through /proc, /sys and the file system only, so that it can be looked at
 * before anything runs, too. Reads files, and runs "bird --version" where this is no gateway.
 * Main thread. */
#ifndef GATEWAY_DOCTOR_H
#define GATEWAY_DOCTOR_H

#include "conf/model.h"
#include "gateway/page.h"
#include "gateway/tunnel.h"

#include <stdbool.h>

enum doctor_state { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_BAD };

/* Findings go to a page: as lines for a person, as items of an open list "checks" for JSON. */
struct doctor {
	struct page *page;
	const struct conf *conf; /* NULL: what needs a configuration is left out */
	const char *root;	 /* before every path: "" but in tests */
	bool running;		 /* this process is the gateway, with all it takes: */
	const char *bird;	 /* the version of its BIRD, "": none has answered yet */
	unsigned notes, bad;
};

void doctor_box(struct doctor *d);
/* Every tunnel that is DOWN. */
void doctor_tunnels(struct doctor *d, const struct tunnels *t);
/* One line on how it went; closes nothing. */
void doctor_verdict(struct doctor *d);

/* ---- for the checks ---------------------------------------------------------------------- */

/* What was found; next: what to do about it, NULL: nothing. */
void doctor_say(struct doctor *d, enum doctor_state state, const char *check, const char *next,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Up to size - 1 bytes of a file, without its last line end. false: it cannot be read. */
bool doctor_read(const struct doctor *d, char *to, size_t size, const char *path_fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool doctor_exists(const struct doctor *d, const char *path_fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Is number n in "0-3,8"? */
bool doctor_in_list(const char *list, unsigned n);

void doctor_cpus(struct doctor *d);   /* features, workers' CPUs, isolation, frequency */
void doctor_memory(struct doctor *d); /* huge pages, locked memory */
void doctor_ports(struct doctor *d);  /* IOMMU, drivers, queues, NUMA */
void doctor_system(struct doctor *d); /* files, BIRD, clock, limits, capabilities */

#endif
