/* Writes capture files in the pcapng format (draft-ietf-opsawg-pcapng): one section of
 * little-endian blocks, times in nanoseconds. Errors are the stream's: ferror() tells. */
#ifndef GATEWAY_PCAPNG_H
#define GATEWAY_PCAPNG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PCAPNG_ETHERNET 1
#define PCAPNG_RAW_IP	101

struct pcapng_packet {
	uint32_t interface; /* in the order of pcapng_interface() */
	uint64_t nanoseconds;
	uint32_t len, caplen;
	bool out;
	const char *comment; /* NULL: none */
	const uint8_t *data;
};

void pcapng_begin(FILE *f, const char *application);
void pcapng_interface(FILE *f, uint16_t link_type, const char *name, uint32_t snaplen);
void pcapng_packet(FILE *f, const struct pcapng_packet *p);
/* At the end, for the first interface: what came of the whole capture. */
void pcapng_statistics(FILE *f, uint64_t nanoseconds, uint64_t matched, uint64_t lost);

#endif
