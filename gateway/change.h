/* Another configuration for a running gateway: what differs is changed, nothing else is touched.
 *
 * A tunnel that stays as it is keeps its SAs, counters and BGP session, and loses no packet. What
 * is new comes first, then routes lead the new way, then what is gone goes; its number and its
 * places are given again only when no worker can hold it any more. Main thread. */
#ifndef GATEWAY_CHANGE_H
#define GATEWAY_CHANGE_H

#include "conf/model.h"

#include <stddef.h>
#include <stdint.h>

struct gateway;

struct change_report { /* tunnels */
	unsigned added, removed;
	unsigned rebuilt; /* negotiated anew */
	unsigned changed; /* otherwise: enabled or disabled, or only the dataplane or BGP knows */
	uint64_t micros;  /* the time that it took */
};

/* Makes a checked model the gateway's, which owns it from then on. On failure it is the caller's
 * still, error names the object and says why, and what runs is as it was. -ENOTSUP: needs a
 * restart; -ECANCELED: the gateway is stopping; others are the dataplane's or the kernel's. */
int change_apply(struct gateway *g, struct conf *c, struct change_report *report, char *error,
		 size_t error_size);

/* The negotiator let go of a tunnel that was removed. */
void change_removed(struct gateway *g, uint32_t tunnel);

int change_new(struct gateway *g); /* 0, -ENOMEM */
void change_free(struct gateway *g);

#endif
