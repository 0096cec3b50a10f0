/* What is over: last messages that the peer may have missed, and message ids that are spent. */
#include "ike/v1/exchange.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define REPEATS_FOR (60 * IKE_SECOND)

static void forget_last(struct ike_v1_last *l)
{
	LIST_REMOVE(l, link);
	ike_timer_cancel(&l->sa->engine->timers, &l->timer);
	free(l->packet);
	free(l);
}

static void on_forget(struct ike_engine *e, struct ike_timer *timer)
{
	forget_last((struct ike_v1_last *)((char *)timer - offsetof(struct ike_v1_last, timer)));
}

/* Whether the peer may still miss our last message: not if it had the last word itself. */
static bool may_be_missed(const struct ike_v1_exchange *x)
{
	if (x->type == IKE_V1_INFORMATIONAL || x->refused)
		return x->packet != NULL;
	return x->type == IKE_V1_AGGRESSIVE || x->initiator != (x->type == IKE_V1_MAIN);
}

static void make_room(struct ike_v1 *v1)
{
	struct ike_v1_last *l, *oldest = NULL;
	unsigned n = 0;

	LIST_FOREACH(l, &v1->lasts, link)
	{
		oldest = l;
		n++;
	}
	if (n >= IKE_V1_LASTS_MAX)
		forget_last(oldest);
}

void ike_v1_finish(struct ike_v1_exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct ike_v1_last *l = may_be_missed(x) ? calloc(1, sizeof(*l)) : NULL;

	if (x->type == IKE_V1_QUICK && !x->initiator)
		ike_v1_remember(sa, x->id);
	if (l) {
		make_room(sa->v1);
		l->sa = sa;
		l->type = x->type;
		l->id = x->id;
		l->packet = x->packet;
		x->packet = NULL;
		memcpy(l->seen, x->seen, sizeof(l->seen));
		ike_timer_init(&l->timer, on_forget);
		ike_timer_set(&sa->engine->timers, &l->timer, sa->engine->now + REPEATS_FOR);
		LIST_INSERT_HEAD(&sa->v1->lasts, l, link);
	}
	ike_v1_close(x);
}

bool ike_v1_again(struct ike_sa *sa, uint8_t type, uint32_t id, const struct ike_path *path,
		  struct view message)
{
	struct ike_chunk all = { message.p, message.n };
	uint8_t digest[IKE_SHA1_BYTES];
	struct ike_v1_last *l;

	LIST_FOREACH(l, &sa->v1->lasts, link)
	{
		if (l->type == type && l->id == id)
			break;
	}
	if (!l || ike_sha1(&all, 1, digest) < 0 || memcmp(digest, l->seen, sizeof(digest)) != 0)
		return false;
	if (l->packet && l->repeats++ < IKE_V1_REPEATS_ANSWERED) {
		ike_count(sa->engine, IKE_COUNT_ANSWERED_AGAIN);
		ike_send(sa->engine, path, l->packet);
	}
	return true;
}

void ike_v1_forget_past(struct ike_sa *sa)
{
	while (!LIST_EMPTY(&sa->v1->lasts))
		forget_last(LIST_FIRST(&sa->v1->lasts));
}

bool ike_v1_seen(const struct ike_sa *sa, uint32_t id)
{
	const struct ike_v1 *v1 = sa->v1;

	for (unsigned i = 0; i < v1->n_seen && i < v1->seen_room; i++) {
		if (v1->seen[i] == id)
			return true;
	}
	return false;
}

/* Nothing is forgotten before a fresh SA, under which nothing of this one's can be replayed, has
 * had the time to take over. */
void ike_v1_remember(struct ike_sa *sa, uint32_t id)
{
	struct ike_v1 *v1 = sa->v1;

	if (v1->n_seen == v1->seen_room && v1->seen_room < IKE_V1_SEEN_MAX) {
		unsigned room = v1->seen_room ? 2 * v1->seen_room : IKE_V1_SEEN_MIN;
		uint32_t *more = realloc(v1->seen, room * sizeof(*more));

		if (more) {
			v1->seen = more;
			v1->seen_room = room;
		}
	}
	if (!v1->seen_room)
		return;
	v1->seen[v1->n_seen++ % v1->seen_room] = id;
	if (v1->n_seen == IKE_V1_SEEN_MAX / 2 && ike_sa_usable(sa)) {
		sa->want_rekey = true;
		ike_sa_attend(sa);
	}
}
