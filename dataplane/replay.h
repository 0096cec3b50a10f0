/* Anti-replay window of one inbound SA (RFC 4303 §3.4.3, RFC 6479) and the reconstruction of
 * extended sequence numbers (RFC 4303 appendix A2.2).
 *
 * Owned by the SA's owner worker; nobody else touches it. Sequence numbers are 64-bit, host
 * order; without ESN the upper half stays 0. The bitmap is a ring of 64-bit words that is larger
 * than the window by at least one word, so that moving on clears whole words and never shifts. The
 * word that the highest number is in is kept beside it until a higher one leaves it: packets that
 * come in order, and most that do not, touch no other. */
#ifndef DATAPLANE_REPLAY_H
#define DATAPLANE_REPLAY_H

#include "dataplane/counter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define REPLAY_WINDOW_MIN 64
#define REPLAY_WINDOW_MAX 16384

struct replay {
	uint64_t top;	  /* highest number that was authenticated */
	uint64_t word;	  /* top's of the ring, which has it only when top has left it */
	uint64_t *bitmap; /* borrowed: replay_bytes() of it, zeroed by replay_init() */
	uint32_t window;  /* packets */
	uint32_t mask;	  /* words in the ring - 1; a power of two of them */
};

enum replay_verdict { REPLAY_ACCEPT, REPLAY_REPLAYED, REPLAY_TOO_OLD };

static inline uint32_t replay_clamp(uint32_t window)
{
	if (window < REPLAY_WINDOW_MIN)
		return REPLAY_WINDOW_MIN;
	return window > REPLAY_WINDOW_MAX ? REPLAY_WINDOW_MAX : window;
}

/* Bytes of the ring for a window of that many packets. */
static inline size_t replay_bytes(uint32_t window)
{
	size_t words = 2;

	while (words * 64 < (size_t)replay_clamp(window) + 64)
		words *= 2;
	return words * 8;
}

static inline void replay_init(struct replay *w, uint32_t window, uint64_t *bitmap)
{
	size_t bytes = replay_bytes(window);

	w->top = 0;
	w->window = replay_clamp(window);
	w->mask = (uint32_t)(bytes / 8 - 1);
	w->bitmap = bitmap;
	memset(bitmap, 0, bytes);
	w->word = 1; /* 0 is never sent: the first packet is number 1 */
}

/* The 64-bit number that `low` from the wire stands for: the one nearest to the window. 0, which
 * is never acceptable, if it would lie before the SA's first packet. */
static inline uint64_t replay_sequence(const struct replay *w, uint32_t low)
{
	uint64_t high = w->top >> 32;
	uint32_t top_low = (uint32_t)w->top;
	uint32_t bottom = top_low - w->window + 1; /* may wrap: the window spans two subspaces */

	if (top_low >= w->window - 1) {
		if (low < bottom)
			high++;
	} else if (low >= bottom) {
		if (high == 0)
			return 0;
		high--;
	}
	return high << 32 | low;
}

/* Where the bit of a number is that is not above top. */
static inline uint64_t *replay_word(struct replay *w, uint64_t seq)
{
	return seq / 64 == w->top / 64 ? &w->word : &w->bitmap[seq / 64 & w->mask];
}

/* Before the ICV is verified, and again before replay_commit() if packets of the same SA were
 * checked together. */
static inline enum replay_verdict replay_check(struct replay *w, uint64_t seq)
{
	if (seq > w->top)
		return REPLAY_ACCEPT;
	if (w->top - seq >= w->window)
		return REPLAY_TOO_OLD;
	return *replay_word(w, seq) >> (seq % 64) & 1 ? REPLAY_REPLAYED : REPLAY_ACCEPT;
}

/* Only after the ICV verified, and only if replay_check() accepts. */
static inline void replay_commit(struct replay *w, uint64_t seq)
{
	if (seq > w->top) {
		uint64_t from = w->top / 64, to = seq / 64;

		if (from != to) {
			w->bitmap[from & w->mask] = w->word;
			w->word = 0;
			if (to - from > w->mask)
				from = to - w->mask - 2; /* nothing of before is left */
			while (++from < to)
				w->bitmap[from & w->mask] = 0;
		}
		counter_set(&w->top, seq);
	}
	*replay_word(w, seq) |= UINT64_C(1) << (seq % 64);
}

#endif
