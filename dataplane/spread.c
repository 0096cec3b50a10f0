#include "dataplane/spread.h"

#include "dataplane/packet.h"

static uint32_t liking(unsigned bucket, uint16_t tunnel)
{
	return mix32((uint64_t)mix32(tunnel + 1u) << 8 ^ bucket);
}

void spread_homes(uint8_t home[SET_BUCKETS], const uint16_t *tunnel, unsigned n)
{
	unsigned share = SET_BUCKETS / n, one_more = SET_BUCKETS % n;
	uint8_t load[DATAPLANE_SET_TUNNELS] = { 0 };

	for (unsigned b = 0; b < SET_BUCKETS; b++) {
		uint32_t best = 0;

		home[b] = UINT8_MAX;
		for (unsigned i = 0; i < n; i++) {
			uint32_t likes = liking(b, tunnel[i]);
			bool full = load[i] > share || (load[i] == share && !one_more);

			if (!full && (home[b] == UINT8_MAX || likes > best)) {
				home[b] = (uint8_t)i;
				best = likes;
			}
		}
		one_more -= load[home[b]]++ == share;
	}
}

static unsigned least(const unsigned *load, const bool *up, unsigned n)
{
	unsigned best = n;

	for (unsigned i = 0; i < n; i++) {
		if (up[i] && (best == n || load[i] < load[best]))
			best = i;
	}
	return best;
}

static unsigned most(const unsigned *load, unsigned n)
{
	unsigned best = 0;

	for (unsigned i = 1; i < n; i++) {
		if (load[i] > load[best])
			best = i;
	}
	return best;
}

/* Buckets that nobody serves go home as far as the home's share allows, the rest to whoever has
 * least. */
static void place(uint8_t serves[SET_BUCKETS], const uint8_t home[SET_BUCKETS], unsigned *load,
		  const bool *up, unsigned n)
{
	unsigned n_up = 0, above = 0, share, b, to;

	for (unsigned i = 0; i < n; i++)
		n_up += up[i];
	share = SET_BUCKETS / n_up;
	for (unsigned i = 0; i < n; i++)
		above += load[i] > share;
	for (b = 0; b < SET_BUCKETS; b++) {
		to = home[b];
		if (serves[b] || !up[to] || load[to] > share ||
		    (load[to] == share && above >= SET_BUCKETS % n_up))
			continue;
		above += load[to]++ == share;
		serves[b] = (uint8_t)(to + 1);
	}
	for (b = 0; b < SET_BUCKETS; b++) {
		if (serves[b])
			continue;
		to = least(load, up, n);
		load[to]++;
		serves[b] = (uint8_t)(to + 1);
	}
}

/* Who came back takes from those who have most, its own first. */
static void level(uint8_t serves[SET_BUCKETS], const uint8_t home[SET_BUCKETS], unsigned *load,
		  const bool *up, unsigned n)
{
	for (;;) {
		unsigned from = most(load, n), to = least(load, up, n), b, pick = SET_BUCKETS;

		if (load[from] < load[to] + 2)
			return;
		for (b = 0; b < SET_BUCKETS; b++) {
			if (serves[b] != from + 1)
				continue;
			if (pick == SET_BUCKETS || home[b] == to)
				pick = b;
			if (home[b] == to)
				break;
		}
		load[from]--;
		load[to]++;
		serves[pick] = (uint8_t)(to + 1);
	}
}

void spread_serve(uint8_t serves[SET_BUCKETS], const uint8_t home[SET_BUCKETS], const bool *up,
		  unsigned n)
{
	unsigned load[DATAPLANE_SET_TUNNELS] = { 0 };

	for (unsigned b = 0; b < SET_BUCKETS; b++) {
		if (serves[b] && !up[serves[b] - 1])
			serves[b] = 0;
		if (serves[b])
			load[serves[b] - 1]++;
	}
	if (least(load, up, n) == n)
		return;
	place(serves, home, load, up, n);
	level(serves, home, load, up, n);
}
