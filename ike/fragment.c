#include "ike/fragment.h"

#include "ike/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ike_fragments {
	struct ike_fragments **owner; /* where this is kept */
	struct ike_timer timer;
	uint32_t id;
	uint16_t total, have;
	uint8_t first;
	size_t bytes;
	struct {
		uint8_t *p; /* NULL: missing */
		size_t n;
	} piece[]; /* total of them */
};

bool ike_fragments_want(const struct ike_fragments *f, const struct ike_piece *piece)
{
	if (!piece->number || piece->number > piece->total || piece->total > IKE_FRAGMENTS_MAX)
		return false;
	if (!f || f->id != piece->id)
		return true;
	return piece->total == f->total ? !f->piece[piece->number - 1].p : piece->total > f->total;
}

void ike_fragments_drop(struct ike_engine *e, struct ike_fragments **f)
{
	if (!*f)
		return;
	ike_timer_cancel(&e->timers, &(*f)->timer);
	for (unsigned i = 0; i < (*f)->total; i++)
		free((*f)->piece[i].p);
	free(*f);
	*f = NULL;
}

static void on_patience(struct ike_engine *e, struct ike_timer *t)
{
	struct ike_fragments *f =
		(struct ike_fragments *)((char *)t - offsetof(struct ike_fragments, timer));

	ike_fragments_drop(e, f->owner);
}

static struct ike_fragments *begin(struct ike_engine *e, struct ike_fragments **owner,
				   const struct ike_piece *piece)
{
	struct ike_fragments *f = calloc(1, sizeof(*f) + piece->total * sizeof(f->piece[0]));

	if (!f)
		return NULL;
	f->owner = owner;
	f->id = piece->id;
	f->total = piece->total;
	ike_timer_init(&f->timer, on_patience);
	ike_timer_set(&e->timers, &f->timer, e->now + IKE_FRAGMENTS_PATIENCE);
	*owner = f;
	return f;
}

int ike_fragments_add(struct ike_engine *e, struct ike_fragments **owner,
		      const struct ike_piece *piece, struct view plain)
{
	struct ike_fragments *f = *owner;
	uint8_t *p;

	if (f && (f->id != piece->id || f->total != piece->total)) {
		ike_fragments_drop(e, owner);
		f = NULL;
	}
	if (!f)
		f = begin(e, owner, piece);
	if (!f)
		return -ENOMEM;
	p = f->bytes + plain.n <= IKE_FRAGMENTS_BYTES ? malloc(plain.n + 1) : NULL;
	if (!p) {
		ike_fragments_drop(e, owner);
		return -EMSGSIZE;
	}
	memcpy(p, plain.p, plain.n);
	f->piece[piece->number - 1].p = p;
	f->piece[piece->number - 1].n = plain.n;
	f->bytes += plain.n;
	if (piece->number == 1)
		f->first = piece->first;
	return ++f->have == f->total ? 0 : -EAGAIN;
}

size_t ike_fragments_join(struct ike_engine *e, struct ike_fragments **owner,
			  uint8_t out[IKE_FRAGMENTS_BYTES], uint8_t *first)
{
	struct ike_fragments *f = *owner;
	size_t n = 0;

	for (unsigned i = 0; i < f->total; i++) {
		memcpy(out + n, f->piece[i].p, f->piece[i].n);
		n += f->piece[i].n;
	}
	*first = f->first;
	ike_fragments_drop(e, owner);
	return n;
}

size_t ike_fragment_payload(size_t room, size_t fixed, size_t block)
{
	size_t blocks = room > fixed ? (room - fixed) / block : 0;

	return blocks * block > 1 ? blocks * block - 1 : 0;
}
