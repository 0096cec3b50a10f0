/* Fixed-size messages from one thread to another: a ring, and an eventfd that wakes the reader.
 *
 * One producer, one consumer. Sending never waits: when the ring is full the message joins the
 * producer's own queue behind it, in order, and channel_flush() moves it on later. So a message
 * sent is a message that arrives, as long as the producer flushes while channel_waiting(). */
#ifndef GATEWAY_CHANNEL_H
#define GATEWAY_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel;

struct channel *channel_new(size_t message_bytes, unsigned slots); /* slots: a power of two */
void channel_free(struct channel *c); /* both threads done with it; NULL is fine */

/* producer */
int channel_send(struct channel *c, const void *message); /* 0 or -ENOMEM */
void channel_flush(struct channel *c);
bool channel_waiting(const struct channel *c);	/* some messages still stand outside the ring */
uint64_t channel_full(const struct channel *c); /* how often the ring was full */
void channel_wake(struct channel *c);		/* only the eventfd */

/* consumer */
int channel_fd(const struct channel *c);
void channel_clear(struct channel *c); /* the eventfd; before receiving, or a wake-up is lost */
bool channel_receive(struct channel *c, void *message);

#endif
