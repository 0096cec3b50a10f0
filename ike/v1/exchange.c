#include "ike/v1/exchange.h"

#include "ike/v1/quick.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define DELETES	     5		       /* sends of each of a pair, unless answered */
#define HEIR_UNHEARD (12 * IKE_SECOND) /* how long its predecessor waits for a sign of the peer */
#define CALL_RENEWED 24		       /* sends of a first message before a fresh one */

struct ike_v1_blob *ike_v1_blob(struct view v)
{
	struct ike_v1_blob *b = malloc(sizeof(*b) + v.n);

	if (!b)
		return NULL;
	b->n = v.n;
	if (v.n)
		memcpy(b->b, v.p, v.n);
	return b;
}

struct view ike_v1_view(const struct ike_v1_blob *b)
{
	return b ? (struct view){ b->b, b->n } : (struct view){ NULL, 0 };
}

struct ike_chunk ike_v1_chunk(const struct ike_v1_blob *b)
{
	return b ? (struct ike_chunk){ b->b, b->n } : (struct ike_chunk){ NULL, 0 };
}

/* A call, which is repeated for as long as nobody answers. */
static bool is_call(const struct ike_v1_exchange *x)
{
	return ike_v1_is_phase1(x) && x->state == 1;
}

/* What to wait after each send of a message, the last one included. Who is sent anything but a call
 * has answered a moment ago: what is missing was lost on the way. */
static const uint8_t waits[] = { 1, 2, 3, 3, 3, 3, 3 };

static ike_time next_gap(const struct ike_v1_exchange *x)
{
	struct ike_engine *e = x->sa->engine;
	unsigned i = x->sends - 1;

	if (is_call(x) && i >= 3)
		return ike_random_between(e, 5 * IKE_SECOND, 7 * IKE_SECOND);
	return waits[i < sizeof(waits) ? i : sizeof(waits) - 1] * IKE_SECOND +
	       ike_random_between(e, 0, IKE_SECOND / 8);
}

static void transmit(struct ike_v1_exchange *x)
{
	x->sends++;
	if (is_call(x) && x->initiator)
		x->sa->tunnel->tries++;
	ike_send(x->sa->engine, &x->sa->path, x->packet);
}

static void on_timer(struct ike_engine *e, struct ike_timer *timer)
{
	struct ike_v1_exchange *x =
		(struct ike_v1_exchange *)((char *)timer - offsetof(struct ike_v1_exchange, timer));
	struct ike_sa *sa = x->sa;
	struct ike_tunnel *t = sa->tunnel;
	char peer[ADDR_STR_MAX];

	if (x->type == IKE_V1_INFORMATIONAL && x->sends >= DELETES) {
		ike_v1_close(x);
		return;
	}
	if (x->sends >= sizeof(waits) && !is_call(x)) {
		if (ike_v1_is_phase1(x))
			ike_v1_phase1_gave_up(x);
		else
			ike_v1_quick_gave_up(x);
		return;
	}
	if (is_call(x)) {
		if (x->sends >= 2 && !sa->hinted && !ike_tunnel_current(t))
			ike_tunnel_because(t, IKE_REASON_NO_ANSWER,
					   "no answer from %s after %u tries",
					   ike_tunnel_peer(t, peer), t->tries);
		if (t->conf.start == CONF_START_ON_DEMAND && !ike_tunnel_may_call(t) && !t->out) {
			ike_tunnel_because(t, IKE_REASON_WAITING,
					   "no answer from %s, and no more traffic",
					   ike_tunnel_peer(t, peer));
			ike_sa_kill(sa, false);
			return;
		}
		if (x->sends >= CALL_RENEWED) {
			ike_sa_kill(sa, false);
			ike_tunnel_call_within(t, 0, IKE_SECOND);
			return;
		}
	}
	ike_count(e, IKE_COUNT_RETRANSMITTED);
	transmit(x);
	ike_timer_set(&e->timers, &x->timer, e->now + next_gap(x));
}

void ike_v1_waits(struct ike_v1_exchange *x)
{
	struct ike_engine *e = x->sa->engine;

	ike_timer_set(&e->timers, &x->timer, e->now + next_gap(x));
}

int ike_v1_begin(struct ike_sa *sa)
{
	sa->v1 = calloc(1, sizeof(*sa->v1));
	if (!sa->v1)
		return -ENOMEM;
	sa->v1->sa = sa;
	ike_random(sa->engine, &sa->v1->probe_number, sizeof(sa->v1->probe_number));
	sa->v1->probe_number &= 0x7fffffff;
	ike_timer_init(&sa->v1->probe, ike_v1_on_probe);
	return 0;
}

struct ike_v1_exchange *ike_v1_open(struct ike_sa *sa, uint8_t type, bool initiator, uint32_t id)
{
	struct ike_v1_exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->sa = sa;
	x->type = type;
	x->initiator = initiator;
	x->id = id;
	ike_timer_init(&x->timer, on_timer);
	if (id && ike_v1_iv_exchange(sa->suite.prf, sa->suite.cipher, sa->v1->iv, id, x->iv) < 0) {
		free(x);
		return NULL;
	}
	LIST_INSERT_HEAD(&sa->v1->exchanges, x, link);
	return x;
}

void ike_v1_close(struct ike_v1_exchange *x)
{
	struct ike_engine *e = x->sa->engine;

	/* An initiator's SPI belongs to nobody yet; a responder's to its pair. */
	if (x->type == IKE_V1_QUICK && x->initiator && x->spi_in)
		e->ops->spi_free(e->ctx, x->sa->tunnel_index, x->spi_in);
	/* What the tunnel still lacks has waited for its end. */
	if (x->type == IKE_V1_QUICK && x->sa->tunnel)
		ike_tunnel_stir(x->sa->tunnel);
	LIST_REMOVE(x, link);
	ike_timer_cancel(&e->timers, &x->timer);
	ike_traffic_put(&e->traffic, x->traffic);
	ike_dh_free(x->dh);
	free(x->nonce_i);
	free(x->nonce_r);
	free(x->sa_body);
	free(x->peer_ke);
	free(x->peer_id);
	free(x->packet);
	free(x);
}

struct ike_v1_exchange *ike_v1_find(const struct ike_sa *sa, uint8_t type, uint32_t id)
{
	struct ike_v1_exchange *x;

	LIST_FOREACH(x, &sa->v1->exchanges, link)
	{
		if (x->type == type && x->id == id)
			return x;
	}
	return NULL;
}

static void close_all(struct ike_sa *sa)
{
	while (!LIST_EMPTY(&sa->v1->exchanges))
		ike_v1_close(LIST_FIRST(&sa->v1->exchanges));
	ike_v1_forget_past(sa);
	ike_timer_cancel(&sa->engine->timers, &sa->v1->probe);
}

/* A pair that another SA governs by now, but whose initiator's confirmation will never come. */
static void abandon_pair(const struct ike_v1_exchange *x)
{
	struct ike_tunnel *t = x->sa->tunnel;
	struct ike_child *c;

	if (x->type != IKE_V1_QUICK || x->initiator || !t)
		return;
	c = ike_child_by_in(t, x->spi_in);
	if (!c || c->outbound != IKE_OUTBOUND_NEVER)
		return;
	c->want_delete = true;
	ike_sa_attend(c->sa);
}

void ike_v1_forget(struct ike_sa *sa)
{
	struct ike_v1_exchange *x;

	LIST_FOREACH(x, &sa->v1->exchanges, link)
	abandon_pair(x);
	close_all(sa);
}

void ike_v1_free(struct ike_sa *sa)
{
	close_all(sa);
	free(sa->v1->seen);
	sodium_memzero(sa->v1, sizeof(*sa->v1));
	free(sa->v1);
	sa->v1 = NULL;
}

uint32_t ike_v1_fresh_id(struct ike_sa *sa)
{
	uint32_t id;

	do {
		id = (uint32_t)ike_random_u64(sa->engine);
	} while (!id || ike_v1_find(sa, IKE_V1_QUICK, id));
	return id;
}

enum ike_v1_mode ike_v1_mode(const struct ike_sa *sa)
{
	if (!sa->udp)
		return IKE_V1_TUNNEL;
	return sa->v1->vendors & IKE_V1_VENDOR_NATT_RFC ? IKE_V1_UDP_TUNNEL
							: IKE_V1_UDP_TUNNEL_DRAFT;
}

/* ---- messages ---------------------------------------------------------------------------- */

void ike_v1_accept(struct ike_v1_exchange *x)
{
	memcpy(x->iv, x->iv_next, sizeof(x->iv));
	memcpy(x->seen, x->digest, sizeof(x->seen));
	x->accepted = true;
	x->repeats = 0;
	/* What answered the message before does not answer this one: where nothing will, both sides
	 * would repeat themselves to each other. */
	free(x->packet);
	x->packet = NULL;
	ike_timer_cancel(&x->sa->engine->timers, &x->timer);
}

void ike_v1_heard(struct ike_v1_exchange *x)
{
	ike_sa_heard(x->sa);
	if (x->sa->nat_remote)
		ike_sa_move(x->sa, x->from);
}

void ike_v1_build(struct ike_v1_exchange *x, struct ike_builder *b)
{
	struct ike_sa *sa = x->sa;

	ike_v1_build_begin(b, sa->engine->tx, sizeof(sa->engine->tx), sa->spi_i, sa->spi_r, x->type,
			   x->id);
}

int ike_v1_send(struct ike_v1_exchange *x, struct ike_builder *b, bool encrypted)
{
	struct ike_sa *sa = x->sa;
	struct ike_packet *packet;
	int len = ike_v1_build_finish(b, sa->suite.cipher, encrypted ? sa->keys.ei : NULL, x->iv);

	if (len < 0)
		return len;
	packet = ike_packet_new(sa->engine->tx, (size_t)len);
	if (!packet)
		return -ENOMEM;
	free(x->packet);
	x->packet = packet;
	x->state++;
	x->sends = 0;
	transmit(x);
	return 0;
}

int ike_v1_hash(const struct ike_sa *sa, uint32_t id, const struct ike_chunk *prefix,
		unsigned n_prefix, struct view rest, uint8_t *out)
{
	uint8_t m_id[4] = { (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
			    (uint8_t)id };
	static const uint8_t zero;
	struct ike_chunk in[5] = { { m_id, sizeof(m_id) } };
	unsigned n = 1;

	/* HASH(3) of Quick Mode has no payloads to be over, and a zero instead. */
	if (!rest.p) {
		in[0] = (struct ike_chunk){ &zero, 1 };
		in[n++] = (struct ike_chunk){ m_id, sizeof(m_id) };
	}
	for (unsigned i = 0; i < n_prefix; i++)
		in[n++] = prefix[i];
	if (rest.p)
		in[n++] = (struct ike_chunk){ rest.p, rest.n };
	return ike_prf(sa->suite.prf, sa->keys.ai->data, sa->keys.ai->len, in, n, out);
}

bool ike_v1_hash_holds(const struct ike_sa *sa, const struct ike_v1_message *m,
		       const struct ike_chunk *prefix, unsigned n_prefix)
{
	struct view theirs = m->body[IKE_V1_HASH];
	uint8_t hash[IKE_HASH_MAX];
	size_t size = algo_auths[sa->suite.prf].out_bytes;

	return theirs.n == size &&
	       ike_v1_hash(sa, m->id, prefix, n_prefix, m->after_hash, hash) == 0 &&
	       sodium_memcmp(theirs.p, hash, size) == 0;
}

void ike_v1_hash_room(struct ike_v1_exchange *x, struct ike_builder *b)
{
	writer_room(ike_v1_build_payload(b, IKE_V1_HASH), algo_auths[x->sa->suite.prf].out_bytes);
	ike_build_end(b);
}

int ike_v1_hash_fill(struct ike_v1_exchange *x, struct ike_builder *b,
		     const struct ike_chunk *prefix, unsigned n_prefix)
{
	uint8_t *hash = b->w.p + IKE_HEADER_BYTES + 4;
	uint8_t *rest = hash + algo_auths[x->sa->suite.prf].out_bytes;

	if (b->w.failed)
		return -ENOBUFS;
	return ike_v1_hash(x->sa, x->id, prefix, n_prefix,
			   (struct view){ rest, (size_t)(b->w.p + b->w.n - rest) }, hash);
}
void ike_v1_next(struct ike_sa *sa)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_child *c, *next;

	if (sa->state != IKE_STATE_ESTABLISHED)
		return;
	for (c = TAILQ_FIRST(&t->children); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->sa != sa || !c->want_delete)
			continue;
		if (!sa->replaced)
			ike_v1_delete_child(sa, c->spi_in, c->spi_out);
		ike_v1_child_ends(c);
		ike_child_gone(c, true);
		next = TAILQ_FIRST(&t->children); /* another may have taken over */
	}
	if (sa->replaced || sa->redundant)
		return;
	if (sa->want_rekey) {
		sa->want_rekey = false;
		if (!ike_tunnel_calling(t))
			ike_v1_call(t);
	}
	TAILQ_FOREACH(c, &t->children, link)
	{
		if (c->sa == sa && c->want_rekey) {
			c->want_rekey = false;
			if (!ike_v1_pair_in_the_making(t, c->traffic, false))
				ike_v1_quick_start(sa, c->traffic, c);
			else if (!ike_v1_pair_in_the_making(t, c->traffic, true))
				ike_child_retry_rekey(c, IKE_SECOND); /* the peer's may fail */
		}
	}
	if (sa->want_child) {
		sa->want_child = false;
		ike_v1_quick_missing(sa);
	}
	if (sa->want_probe) {
		sa->want_probe = false;
		ike_v1_probe(sa);
	}
}

bool ike_v1_creating(const struct ike_sa *sa)
{
	const struct ike_v1_exchange *x;

	LIST_FOREACH(x, &sa->v1->exchanges, link)
	{
		if (x->type == IKE_V1_QUICK)
			return true;
	}
	return false;
}

bool ike_v1_keep(struct ike_sa *sa)
{
	struct ike_tunnel *t = sa->tunnel;
	struct ike_engine *e = sa->engine;
	struct ike_sa *heir;
	bool governs = false;
	struct ike_child *c;
	uint64_t packets;

	TAILQ_FOREACH(c, &t->children, link)
	governs |= c->sa == sa;
	if (ike_sa_usable(sa))
		return governs || t->out || !LIST_EMPTY(&sa->v1->exchanges);
	/* The one that is to take over may not be known to the peer yet: without this one the two
	 * of us would have none in common. */
	heir = ike_tunnel_current(t);
	if (sa->redundant && heir && heir->initiator && t->conf.ike_mode == CONF_IKE_AGGRESSIVE &&
	    heir->heard == heir->established && e->now - heir->established < HEIR_UNHEARD) {
		ike_timer_set(&e->timers, &sa->guard, e->now + IKE_SECOND);
		return true;
	}
	if (!sa->v1->orphaned || !governs || !e->ops->inbound_packets)
		return false;
	packets = e->ops->inbound_packets(e->ctx, sa->tunnel_index);
	if (packets == sa->inbound_seen)
		return false;
	sa->inbound_seen = packets;
	ike_timer_set(&e->timers, &sa->guard, e->now + 30 * IKE_SECOND);
	return true;
}
