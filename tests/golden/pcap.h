/* Reads a classic pcap file of Ethernet frames, as generate.py writes it. */
#ifndef TESTS_GOLDEN_PCAP_H
#define TESTS_GOLDEN_PCAP_H

#include <stddef.h>
#include <stdint.h>

#define PCAP_FRAME_MAX 9216

struct pcap_frame {
	uint32_t sec, usec;
	uint32_t len;
	uint8_t bytes[PCAP_FRAME_MAX];
};

struct pcap {
	size_t n;
	struct pcap_frame *frame;
};

int pcap_read(struct pcap *p, const char *path); /* 0 or -errno; -EINVAL: not such a file */
void pcap_clear(struct pcap *p);

#endif
