/* The real dataplane between two memory ports, driven step by step from one thread: main,
 * negotiator and the workers take turns in bed_run().
 *
 * Addresses are those of generate.py's picture. Functions end the program when they fail: there is
 * nothing to test without a bed. */
#ifndef TESTS_GOLDEN_BED_H
#define TESTS_GOLDEN_BED_H

#include "dataplane/dataplane.h"
#include "tests/golden/memory_port.h"

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct worker;

enum { BED_WAN, BED_LAN, BED_PORTS };

struct bed {
	struct dataplane *dp;
	struct worker *worker; /* the first */
	struct memory_port port[BED_PORTS];
	uint32_t vpc; /* its table */
};

/* Before bed_open(): the ports' MTU, and in how large segments frames are given; 0: in one. */
extern uint16_t bed_port_mtu, bed_segment;

/* memory_mb as conf.workers'; n workers on these CPUs, each with a queue of every port. */
void bed_open(struct bed *b, unsigned memory_mb, bool hugepages, const unsigned *cpu, unsigned n);
/* The same between these devices, which have the bed's MAC addresses; nothing can be given to them
 * from here. NULL: memory ports. */
void bed_open_on(struct bed *b, const char *const device[BED_PORTS], unsigned memory_mb,
		 bool hugepages, const unsigned *cpu, unsigned n);
void bed_close(struct bed *b);

/* Tunnel n with a table of its own; the VPC's routes and its table's to `remote` lead into it, and
 * its table's other routes lead to the VPC. Ends and policies are like->'s. */
void bed_add_tunnel(struct bed *b, uint32_t n, const struct dataplane_tunnel *like,
		    const struct prefix *remote, size_t n_remote);
/* Keys by rule for sa's algorithms: byte i of the cipher's key is 1 + i, of the other 128 + i. */
void bed_keys(struct dataplane_sa *sa);
/* An SA pair with such keys. sa's algorithms, ends and selectors are the caller's; returns the
 * inbound SPI. */
uint32_t bed_add_sas(struct bed *b, struct dataplane_sa *sa, uint32_t spi_out);

/* The neighbours of setup.pcap in that folder make themselves known. */
void bed_meet(struct bed *b, const char *folder);

void bed_give(struct bed *b, unsigned port, const uint8_t *frame, size_t len);
/* Until nobody has anything left to do. */
void bed_run(struct bed *b);

#endif
