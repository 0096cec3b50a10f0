/* A real BIRD for tests and benchmarks: in a network namespace and a folder that go with it.
 *
 * The calling process moves into the namespace, which has a loopback and nothing else; everything
 * ends with the process. */
#ifndef TESTS_BGP_CAGE_H
#define TESTS_BGP_CAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CAGE_PORT 1790 /* BIRD's BGP */

struct cage {
	char folder[64];
	char socket[96], config[96];
	pid_t bird; /* 0: none */
};

/* false, and why on stderr: no BIRD here, or no namespaces for us. */
bool cage_enter(struct cage *c);
void cage_leave(struct cage *c); /* ends BIRD and takes the folder away */

void cage_configure(struct cage *c, const char *text); /* writes the file */
void cage_start(struct cage *c);		       /* does not wait for its socket */
void cage_kill(struct cage *c);			       /* SIGKILL, and waits */
/* Text of a configuration with sessions 0..n-1 (peers 127.0.0.(10 + i), ASN 65001 + i), of table 1;
 * malloc'd. */
char *cage_config(unsigned sessions);
/* How many routes its table 1 has, both families; 0 as well if it does not answer. Blocks. */
size_t cage_routes(const struct cage *c);
double cage_cpu(const struct cage *c); /* seconds that BIRD has had */
/* Resident memory of BIRD in KiB. */
uint64_t cage_memory(const struct cage *c);

#endif
