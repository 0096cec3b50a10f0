/* A point-to-point TUN device without ARP in a network namespace, and the addresses on it.
 *
 * The device is gone when its descriptor is closed. Packets are whole IP packets, without any
 * header in front. Main thread; all calls are short and synchronous. */
#ifndef ROUTING_TUN_H
#define ROUTING_TUN_H

#include "conf/addr.h"

#include <stdint.h>

struct tun {
	int fd;	     /* non-blocking; -1: none */
	int netlink; /* to the kernel, in the device's namespace */
	unsigned index;
	uint32_t sequence;
};

/* In the namespace of the calling thread, which it may leave afterwards: makes the device, brings
 * it and lo up, without IPv6's automatic addresses, and routes everything into it. 0 or -errno. */
int tun_open(struct tun *t, const char *name, uint16_t mtu);
void tun_close(struct tun *t);

/* Our address and the one address on the other side; everything else is routed into the device as
 * well. 0, -EEXIST; -EADDRNOTAVAIL: no such. */
int tun_pair_add(struct tun *t, const struct addr *local, const struct addr *peer);
int tun_pair_delete(struct tun *t, const struct addr *local, const struct addr *peer);

#endif
