#include "dataplane/limit.h"

#include "dataplane/sa.h"
#include "dataplane/worker.h"

#define SOFT_SHARE  16	    /* the soft end of a sequence space is a sixteenth before its end */
#define PACKET_MOST 0x10000 /* bytes of any packet */

static uint64_t end_of(const struct sa *sa)
{
	return sa->flags & SA_ESN ? UINT64_MAX : UINT32_MAX;
}

static uint64_t soft_end_of(const struct sa *sa)
{
	return end_of(sa) - end_of(sa) / SOFT_SHARE;
}

static bool reached(uint64_t limit, uint64_t used)
{
	return limit && used >= limit;
}

/* How many packets of at most `each` fit between used and the limit. */
static uint64_t room(uint64_t limit, uint64_t used, uint64_t each)
{
	if (!limit)
		return UINT64_MAX;
	return limit > used ? (limit - used) / each : 0;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Packets that may follow before anything can be reached that is not yet told. */
static uint64_t surely(const struct sa *sa, uint64_t packets, uint64_t bytes, uint64_t top)
{
	uint64_t n =
		less(room(sa->hard_packets, packets, 1), room(sa->hard_bytes, bytes, PACKET_MOST));

	if (!(sa->flags & SA_INBOUND))
		n = less(n, room(end_of(sa), top, 1));
	if (sa->flags & SA_TOLD)
		return n;
	n = less(n, less(room(sa->soft_packets, packets, 1),
			 room(sa->soft_bytes, bytes, PACKET_MOST)));
	return less(n, room(soft_end_of(sa), top, 1));
}

/* After the packet with which top was reached. */
static void set(struct sa *sa, uint64_t packets, uint64_t bytes, uint64_t top)
{
	uint64_t n = surely(sa, packets, bytes, top);

	if (!(sa->flags & SA_INBOUND)) {
		sa->ask = top > UINT64_MAX - n ? UINT64_MAX : top + n;
		return;
	}
	/* Packets that are still missing in the window come without moving its top. */
	n = n > sa->replay.window ? n - sa->replay.window : 0;
	sa->ask = n == 0 ? 0 : top > UINT64_MAX - n ? UINT64_MAX : top + n;
}

void limit_begin(struct sa *sa)
{
	set(sa, 0, 0, 0);
}

bool limit_admit(struct worker *w, struct sa *sa, uint64_t packets, uint64_t bytes, unsigned len,
		 uint64_t top)
{
	bool inbound = sa->flags & SA_INBOUND;

	if (reached(sa->hard_packets, packets) || reached(sa->hard_bytes, bytes) ||
	    (sa->hard_bytes && bytes + len > sa->hard_bytes) || (!inbound && top >= end_of(sa))) {
		if (!(sa->flags & SA_STOPPED) && worker_report(w, MESSAGE_HARD_LIMIT, sa))
			sa->flags |= SA_STOPPED;
		return false;
	}
	packets++;
	bytes += len;
	top += !inbound;
	if (!(sa->flags & SA_TOLD) &&
	    (reached(sa->soft_packets, packets) || reached(sa->soft_bytes, bytes) ||
	     top >= soft_end_of(sa)) &&
	    worker_report(w, MESSAGE_SOFT_LIMIT, sa))
		sa->flags |= SA_TOLD;
	set(sa, packets, bytes, top);
	return true;
}
