#include "conf/memory.h"

#define HEADROOM    128
#define BUFFERS_MIN 4096
/* Behind the largest packet: VXLAN or an outer header to come, ESP's trailer and ICV. */
#define AROUND 160
/* DPDK's own, and what all workers share. */
#define COMMON	    (2u << 20)
#define DESCRIPTORS 1024 /* of a device's queue: each keeps a buffer, and takes this many bytes */
#define DESCRIPTOR  96

static unsigned max(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* Descriptors of devices that keep their packets' buffers. */
static unsigned descriptors(const struct conf *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_ports; i++) {
		const struct conf_port *p = &c->port[i];
		unsigned rx = p->queues ? p->queues : c->workers.n, both = rx + c->workers.n;

		if (conf_device_is(p->device, "af_packet") || conf_device_is(p->device, "ring"))
			continue;
		n += both * DESCRIPTORS * (conf_device_is(p->device, "af_xdp") ? 2 : 1);
	}
	return n;
}

static unsigned count_tunnels(const struct conf *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_connections; i++)
		n += c->connection[i].n_tunnels;
	return n;
}

struct memory_plan memory_plan(const struct conf *c)
{
	uint64_t half = ((uint64_t)c->workers.memory_mb << 20) / 2, n = c->workers.n;
	unsigned kept = descriptors(c), buffers = max(BUFFERS_MIN, BUFFERS_MIN / 2 + kept);
	struct memory_plan p = { .room = 2048 };
	uint64_t buffer, frames, rest, least;

	for (unsigned i = 0; i < c->n_ports; i++) {
		p.room = max(p.room, c->port[i].mtu + 32u + AROUND);
		if (conf_device_is(c->port[i].device, "af_packet"))
			p.frames = c->workers.n * MEMORY_BURST; /* they are free again at once */
	}
	p.room = ((p.room + 63) & ~63u) + HEADROOM;
	buffer = p.room + MEMORY_AROUND;
	frames = (uint64_t)p.frames * (MEMORY_FRAME_ROOM + MEMORY_AROUND);
	p.buffers = max(half > frames ? (unsigned)((half - frames) / buffer) : 0, buffers);

	rest = COMMON + MEMORY_DATAGRAMS + n * MEMORY_WORKER + n * n * MEMORY_HANDOVER +
	       (uint64_t)kept * DESCRIPTOR + (uint64_t)count_tunnels(c) * MEMORY_TUNNEL;
	least = rest + frames + buffers * buffer;
	if (least < 2 * rest)
		least = 2 * rest;
	p.least_mb = (unsigned)((least + (1 << 20) - 1) >> 20);
	return p;
}
