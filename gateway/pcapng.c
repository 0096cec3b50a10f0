#include "gateway/pcapng.h"

#include <string.h>

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
};

enum {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_FLAGS = 2, /* of a packet: its direction */
	OPTION_NAME = 2,  /* of an interface */
	OPTION_APPLICATION = 4,
	OPTION_RESOLUTION = 9, /* of times, a negative power of 10 */
	OPTION_MATCHED = 4,    /* of statistics: received */
	OPTION_LOST = 5,       /* of statistics: dropped */
};

static void put16(FILE *f, uint16_t v)
{
	fwrite(&v, sizeof(v), 1, f);
}

static void put32(FILE *f, uint32_t v)
{
	fwrite(&v, sizeof(v), 1, f);
}

/* The upper half comes first, whatever the byte order. */
static void put_time(FILE *f, uint64_t nanoseconds)
{
	put32(f, (uint32_t)(nanoseconds >> 32));
	put32(f, (uint32_t)nanoseconds);
}

static uint32_t padded(uint32_t n)
{
	return (n + 3) & ~3u;
}

static void put_padded(FILE *f, const void *p, uint32_t n)
{
	static const uint8_t zero[4];

	fwrite(p, 1, n, f);
	fwrite(zero, 1, padded(n) - n, f);
}

static void option(FILE *f, uint16_t code, const void *value, uint16_t n)
{
	put16(f, code);
	put16(f, n);
	put_padded(f, value, n);
}

static uint32_t option_bytes(uint32_t n)
{
	return 4 + padded(n);
}

static void option_end(FILE *f)
{
	put16(f, OPTION_END);
	put16(f, 0);
}

void pcapng_begin(FILE *f, const char *application)
{
	uint16_t n = (uint16_t)strlen(application);
	uint32_t total = 28 + option_bytes(n) + 4;

	put32(f, BLOCK_SECTION);
	put32(f, total);
	put32(f, 0x1a2b3c4d);
	put16(f, 1);
	put16(f, 0);
	put32(f, UINT32_MAX); /* the section's length is not known */
	put32(f, UINT32_MAX);
	option(f, OPTION_APPLICATION, application, n);
	option_end(f);
	put32(f, total);
}

void pcapng_interface(FILE *f, uint16_t link_type, const char *name, uint32_t snaplen)
{
	uint16_t n = (uint16_t)strlen(name);
	uint32_t total = 20 + option_bytes(n) + option_bytes(1) + 4;
	uint8_t resolution = 9;

	put32(f, BLOCK_INTERFACE);
	put32(f, total);
	put16(f, link_type);
	put16(f, 0);
	put32(f, snaplen);
	option(f, OPTION_NAME, name, n);
	option(f, OPTION_RESOLUTION, &resolution, 1);
	option_end(f);
	put32(f, total);
}

void pcapng_packet(FILE *f, const struct pcapng_packet *p)
{
	uint16_t n = p->comment ? (uint16_t)strlen(p->comment) : 0;
	uint32_t flags = p->out ? 2 : 1;
	uint32_t total = 32 + padded(p->caplen) + option_bytes(sizeof(flags)) +
			 (n ? option_bytes(n) : 0) + 4;

	put32(f, BLOCK_PACKET);
	put32(f, total);
	put32(f, p->interface);
	put_time(f, p->nanoseconds);
	put32(f, p->caplen);
	put32(f, p->len);
	put_padded(f, p->data, p->caplen);
	option(f, OPTION_FLAGS, &flags, sizeof(flags));
	if (n)
		option(f, OPTION_COMMENT, p->comment, n);
	option_end(f);
	put32(f, total);
}

void pcapng_statistics(FILE *f, uint64_t nanoseconds, uint64_t matched, uint64_t lost)
{
	uint32_t total = 24 + 2 * option_bytes(8) + 4;

	put32(f, BLOCK_STATISTICS);
	put32(f, total);
	put32(f, 0);
	put_time(f, nanoseconds);
	option(f, OPTION_MATCHED, &matched, sizeof(matched));
	option(f, OPTION_LOST, &lost, sizeof(lost));
	option_end(f);
	put32(f, total);
}
