#include "dataplane/neighbour.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 8192 /* a power of two */

TAILQ_HEAD(host_queue, host);
LIST_HEAD(host_list, host);

/* How many hosts there are, not counting pinned ones. */
struct count {
	unsigned n, incomplete;
};

struct neighbours {
	const struct neighbour_ops *ops;
	void *ctx;
	unsigned max, n; /* n: pinned ones as well */
	struct count all;
	struct count *of; /* by interface */
	/* Every state waits equally long, so each queue is in the order of its deadlines. */
	struct host_queue queue[HOST_STATES];
	struct host_list bucket[BUCKETS];
};

static const uint64_t wait[HOST_STATES] = {
	[HOST_INCOMPLETE] = NEIGHBOUR_RETRY, [HOST_REACHABLE] = NEIGHBOUR_FRESH,
	[HOST_WATCHED] = NEIGHBOUR_WATCH,    [HOST_PROBE] = NEIGHBOUR_RETRY,
	[HOST_FAILED] = NEIGHBOUR_HOLD,
};

static struct host_list *bucket(struct neighbours *n, uint32_t interface, const struct addr *a)
{
	uint64_t lo, hi;

	memcpy(&lo, a->b, 8);
	memcpy(&hi, a->b + 8, 8);
	lo = (lo ^ hi * 31 ^ interface) * UINT64_C(0x9e3779b97f4a7c15);
	return &n->bucket[lo >> 32 & (BUCKETS - 1)];
}

struct host *neighbours_find(struct neighbours *n, uint32_t interface, const struct addr *a)
{
	struct host *h;

	LIST_FOREACH(h, bucket(n, interface, a), by_hash)
	{
		if (h->interface == interface && addr_equal(&h->addr, a))
			return h;
	}
	return NULL;
}

struct neighbours *neighbours_new(const struct neighbour_ops *ops, void *ctx, unsigned max,
				  unsigned interfaces)
{
	struct neighbours *n = calloc(1, sizeof(*n));

	if (n)
		n->of = calloc(interfaces, sizeof(*n->of));
	if (!n || !n->of) {
		free(n);
		return NULL;
	}
	n->ops = ops;
	n->ctx = ctx;
	n->max = max;
	for (unsigned i = 0; i < HOST_STATES; i++)
		TAILQ_INIT(&n->queue[i]);
	return n;
}

static void release(struct neighbours *n, struct host *h, bool send)
{
	void *packet[NEIGHBOUR_WAITING];
	unsigned k = h->n_pending;

	memcpy(packet, h->pending, sizeof(packet));
	h->n_pending = 0;
	for (unsigned i = 0; i < k; i++)
		n->ops->release(n->ctx, packet[i], send);
}

/* The newer ones are worth more (RFC 1122 §2.3.2.2). */
static void hold(struct neighbours *n, struct host *h, void *packet)
{
	void *oldest = h->pending[0];

	if (h->n_pending == NEIGHBOUR_WAITING) {
		h->n_pending--;
		memmove(h->pending, h->pending + 1, h->n_pending * sizeof(h->pending[0]));
		n->ops->release(n->ctx, oldest, false);
	}
	h->pending[h->n_pending++] = packet;
}

/* The host is counted no longer, or again: around everything that changes how. */
static void uncount(struct neighbours *n, const struct host *h)
{
	unsigned one = !h->pinned, incomplete = one && h->state == HOST_INCOMPLETE;

	n->all.n -= one;
	n->of[h->interface].n -= one;
	n->all.incomplete -= incomplete;
	n->of[h->interface].incomplete -= incomplete;
}

static void count(struct neighbours *n, const struct host *h)
{
	unsigned one = !h->pinned, incomplete = one && h->state == HOST_INCOMPLETE;

	n->all.n += one;
	n->of[h->interface].n += one;
	n->all.incomplete += incomplete;
	n->of[h->interface].incomplete += incomplete;
}

static void enter(struct neighbours *n, struct host *h, enum host_state state, uint64_t now)
{
	TAILQ_REMOVE(&n->queue[h->state], h, by_state);
	uncount(n, h);
	if (h->state != state)
		h->tries = 0;
	h->state = (uint8_t)state;
	h->due = now + wait[state];
	count(n, h);
	TAILQ_INSERT_TAIL(&n->queue[state], h, by_state);
}

static void pin(struct neighbours *n, struct host *h, bool pinned)
{
	uncount(n, h);
	h->pinned = pinned;
	count(n, h);
}

void neighbours_forget(struct neighbours *n, struct host *h)
{
	release(n, h, false);
	TAILQ_REMOVE(&n->queue[h->state], h, by_state);
	uncount(n, h);
	LIST_REMOVE(h, by_hash);
	n->n--;
	free(h);
}

/* Has the interface room for one more of `own`? It gets no more than it leaves to the others, so
 * that whatever some of them take, one that has few finds room. */
static bool has_room(unsigned own, unsigned all, unsigned max)
{
	return all < max && own < max - all;
}

static struct host *make(struct neighbours *n, uint64_t now, uint32_t interface,
			 const struct addr *a, enum host_state state, bool pinned)
{
	struct host *h;

	if (!pinned && !has_room(n->of[interface].n, n->all.n, n->max))
		return NULL;
	if (!pinned && state == HOST_INCOMPLETE &&
	    !has_room(n->of[interface].incomplete, n->all.incomplete, NEIGHBOUR_INCOMPLETE))
		return NULL;
	h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->interface = interface;
	h->addr = *a;
	h->pinned = pinned;
	h->state = (uint8_t)state;
	h->due = now + wait[state];
	TAILQ_INSERT_TAIL(&n->queue[state], h, by_state);
	LIST_INSERT_HEAD(bucket(n, interface, a), h, by_hash);
	n->n++;
	count(n, h);
	return h;
}

void neighbours_free(struct neighbours *n)
{
	if (!n)
		return;
	for (unsigned i = 0; i < HOST_STATES; i++) {
		while (!TAILQ_EMPTY(&n->queue[i]))
			neighbours_forget(n, TAILQ_FIRST(&n->queue[i]));
	}
	free(n->of);
	free(n);
}

static void ask(struct neighbours *n, struct host *h, uint64_t now, enum host_state state)
{
	enter(n, h, state, now);
	if (h->tries < UINT8_MAX)
		h->tries++;
	n->ops->ask(n->ctx, h, state == HOST_PROBE);
}

void neighbours_want(struct neighbours *n, uint64_t now, uint32_t interface, const struct addr *a,
		     void *packet)
{
	struct host *h = neighbours_find(n, interface, a);
	bool fresh = !h;

	if (fresh)
		h = make(n, now, interface, a, HOST_INCOMPLETE, false);
	if (!h || h->state == HOST_FAILED) {
		if (packet)
			n->ops->release(n->ctx, packet, false);
		return;
	}
	if (packet)
		hold(n, h, packet);
	if (h->state != HOST_INCOMPLETE)
		release(n, h, true);
	else if (fresh)
		ask(n, h, now, HOST_INCOMPLETE);
}

void neighbours_pin(struct neighbours *n, uint64_t now, uint32_t interface, const struct addr *a)
{
	struct host *h = neighbours_find(n, interface, a);

	if (!h) {
		h = make(n, now, interface, a, HOST_INCOMPLETE, true);
		if (h)
			ask(n, h, now, HOST_INCOMPLETE);
		return;
	}
	pin(n, h, true);
	if (h->state == HOST_FAILED)
		ask(n, h, now, HOST_INCOMPLETE);
}

void neighbours_unpin(struct neighbours *n, uint32_t interface, const struct addr *a)
{
	struct host *h = neighbours_find(n, interface, a);

	if (!h || !h->pinned || h->watched)
		return;
	pin(n, h, false);
}

void neighbours_watch(struct neighbours *n, uint64_t now, uint32_t interface, const struct addr *a)
{
	struct host *h;

	neighbours_pin(n, now, interface, a);
	h = neighbours_find(n, interface, a);
	if (!h || h->watched)
		return;
	h->watched = true;
	if (h->state == HOST_REACHABLE)
		enter(n, h, HOST_WATCHED, now);
}

/* A state's deadline stays as it is. */
void neighbours_unwatch(struct neighbours *n, uint32_t interface, const struct addr *a)
{
	struct host *h = neighbours_find(n, interface, a);

	if (!h || !h->watched)
		return;
	h->watched = false;
	pin(n, h, false);
}

void neighbours_heard(struct neighbours *n, uint64_t now, uint32_t interface, const struct addr *a,
		      const uint8_t mac[6], bool to_us)
{
	struct host *h = neighbours_find(n, interface, a);
	bool known, moves;

	if (!h && to_us)
		h = make(n, now, interface, a, HOST_FAILED, false);
	if (!h)
		return;
	known = host_is_known(h);
	/* Somebody else's message may move a known host, as RFC 826 has it, but proves nothing
	 * about one that did not answer. */
	if (!known && h->state == HOST_FAILED && !to_us)
		return;
	moves = !known || memcmp(h->mac, mac, sizeof(h->mac)) != 0;
	if (known && moves && now - h->moved < NEIGHBOUR_MOVE)
		return;
	enter(n, h, h->watched ? HOST_WATCHED : HOST_REACHABLE, now);
	if (moves) {
		memcpy(h->mac, mac, sizeof(h->mac));
		h->moved = now;
		n->ops->resolved(n->ctx, h);
	}
	release(n, h, true);
}

void neighbours_drop_interface(struct neighbours *n, uint32_t interface)
{
	struct host *h, *next;

	for (unsigned i = 0; i < HOST_STATES; i++) {
		for (h = TAILQ_FIRST(&n->queue[i]); h; h = next) {
			next = TAILQ_NEXT(h, by_state);
			if (h->interface == interface)
				neighbours_forget(n, h);
		}
	}
}

static void due(struct neighbours *n, struct host *h, uint64_t now)
{
	switch ((enum host_state)h->state) {
	case HOST_REACHABLE:
	case HOST_WATCHED:
		ask(n, h, now, HOST_PROBE);
		break;
	case HOST_INCOMPLETE:
		if (h->tries < NEIGHBOUR_TRIES || h->pinned) {
			ask(n, h, now, HOST_INCOMPLETE);
			break;
		}
		release(n, h, false);
		enter(n, h, HOST_FAILED, now);
		break;
	case HOST_PROBE:
		if (h->tries < NEIGHBOUR_TRIES) {
			ask(n, h, now, HOST_PROBE);
			break;
		}
		n->ops->lost(n->ctx, h);
		if (h->pinned)
			ask(n, h, now, HOST_INCOMPLETE);
		else
			neighbours_forget(n, h);
		break;
	case HOST_FAILED:
	case HOST_STATES:
		neighbours_forget(n, h);
		break;
	}
}

uint64_t neighbours_tick(struct neighbours *n, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < HOST_STATES; i++) {
		struct host *h;

		/* Whatever is done to a host puts its deadline after now. */
		while ((h = TAILQ_FIRST(&n->queue[i])) && h->due <= now)
			due(n, h, now);
	}
	for (unsigned i = 0; i < HOST_STATES; i++) {
		struct host *h = TAILQ_FIRST(&n->queue[i]);

		if (h && h->due < next)
			next = h->due;
	}
	return next;
}

unsigned neighbours_count(const struct neighbours *n)
{
	return n->n;
}

void neighbours_walk(struct neighbours *n, void (*fn)(void *ctx, struct host *h), void *ctx)
{
	struct host *h, *next;

	for (unsigned i = 0; i < HOST_STATES; i++) {
		for (h = TAILQ_FIRST(&n->queue[i]); h; h = next) {
			next = TAILQ_NEXT(h, by_state);
			fn(ctx, h);
		}
	}
}
