#include "gateway/channel.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct waiting {
	struct waiting *next;
	uint8_t message[];
};

struct channel {
	size_t bytes;
	unsigned mask;
	int fd;
	struct waiting *first, **last;	    /* producer */
	uint64_t full;			    /* producer */
	_Alignas(64) _Atomic unsigned head; /* producer: rw; consumer: ro */
	_Alignas(64) _Atomic unsigned tail; /* consumer: rw; producer: ro */
	uint8_t *slot;
};

struct channel *channel_new(size_t message_bytes, unsigned slots)
{
	struct channel *c = NULL;

	if (posix_memalign((void **)&c, 64, sizeof(*c)) != 0)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->bytes = message_bytes;
	c->mask = slots - 1;
	c->last = &c->first;
	c->slot = calloc(slots, message_bytes);
	c->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!c->slot || c->fd < 0) {
		channel_free(c);
		return NULL;
	}
	return c;
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	while (c->first) {
		struct waiting *w = c->first;

		c->first = w->next;
		free(w);
	}
	if (c->fd >= 0)
		close(c->fd);
	free(c->slot);
	free(c);
}

static bool push(struct channel *c, const void *message)
{
	unsigned head = atomic_load_explicit(&c->head, memory_order_relaxed);
	unsigned tail = atomic_load_explicit(&c->tail, memory_order_acquire);

	if (head - tail > c->mask)
		return false;
	memcpy(c->slot + (size_t)(head & c->mask) * c->bytes, message, c->bytes);
	atomic_store_explicit(&c->head, head + 1, memory_order_release);
	return true;
}

void channel_wake(struct channel *c)
{
	uint64_t one = 1;
	ssize_t n = write(c->fd, &one, sizeof(one));

	(void)n; /* EAGAIN: the reader is awake 2^64 times over */
}

int channel_send(struct channel *c, const void *message)
{
	struct waiting *w;

	if (!c->first && push(c, message)) {
		channel_wake(c);
		return 0;
	}
	c->full++;
	w = malloc(sizeof(*w) + c->bytes);
	if (!w)
		return -ENOMEM;
	w->next = NULL;
	memcpy(w->message, message, c->bytes);
	*c->last = w;
	c->last = &w->next;
	return 0;
}

void channel_flush(struct channel *c)
{
	bool moved = false;

	while (c->first && push(c, c->first->message)) {
		struct waiting *w = c->first;

		c->first = w->next;
		if (!c->first)
			c->last = &c->first;
		free(w);
		moved = true;
	}
	if (moved)
		channel_wake(c);
}

bool channel_waiting(const struct channel *c)
{
	return c->first != NULL;
}

uint64_t channel_full(const struct channel *c)
{
	return c->full;
}

int channel_fd(const struct channel *c)
{
	return c->fd;
}

void channel_clear(struct channel *c)
{
	uint64_t count;
	ssize_t n = read(c->fd, &count, sizeof(count));

	(void)n; /* EAGAIN: nothing to clear */
}

bool channel_receive(struct channel *c, void *message)
{
	unsigned tail = atomic_load_explicit(&c->tail, memory_order_relaxed);

	if (tail == atomic_load_explicit(&c->head, memory_order_acquire))
		return false;
	memcpy(message, c->slot + (size_t)(tail & c->mask) * c->bytes, c->bytes);
	atomic_store_explicit(&c->tail, tail + 1, memory_order_release);
	return true;
}
