#include "dataplane/doorbell.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int doorbell_open(struct doorbell *d)
{
	d->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	atomic_init(&d->asleep, false);
	return d->fd < 0 ? -errno : 0;
}

void doorbell_close(struct doorbell *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

void doorbell_awake(struct doorbell *d)
{
	uint64_t rung;

	atomic_store(&d->asleep, false);
	if (read(d->fd, &rung, sizeof(rung)) < 0) {
		/* Nobody rang: woken by a timer. */
	}
}

void doorbell_sleep(struct doorbell *d)
{
	atomic_store(&d->asleep, true);
	rte_smp_mb();
}

void doorbell_ring_slow(struct doorbell *d)
{
	uint64_t one = 1;

	if (atomic_exchange(&d->asleep, false) && write(d->fd, &one, sizeof(one)) < 0) {
		/* The counter is full, so the sleeper's descriptor is readable already. */
	}
}
