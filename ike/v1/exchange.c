#include "ike/v1/exchange.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define REPEATS_ANSWERED 20 /* of one message */
#define REPEATS_FOR	 (60 * IKE_SECOND)
#define CALL_RENEWED	 24 /* sends of a first message before a fresh one */

enum protection { CLEAR, ENCRYPTED, EITHER };

struct step {
	uint8_t type;
	bool initiator;
	uint8_t state;
	uint8_t protection;
	uint64_t required, allowed;
	ike_v1_handler *handle;
};

#define SA     IKE_PAYLOAD_BIT(IKE_V1_SA)
#define KE     IKE_PAYLOAD_BIT(IKE_V1_KE)
#define ID     IKE_PAYLOAD_BIT(IKE_V1_ID)
#define HASH   IKE_PAYLOAD_BIT(IKE_V1_HASH)
#define NONCE  IKE_PAYLOAD_BIT(IKE_V1_NONCE)
#define NOTIFY IKE_PAYLOAD_BIT(IKE_V1_NOTIFY)
#define DELETE IKE_PAYLOAD_BIT(IKE_V1_DELETE)
#define VENDOR IKE_PAYLOAD_BIT(IKE_V1_VENDOR)
#define NAT_D  IKE_PAYLOAD_BIT(IKE_V1_NAT_D)

/* What we wait for when we have sent `state` messages of an exchange, as its initiator or not. */
static const struct step steps[] = {
	{ IKE_V1_MAIN, false, 0, CLEAR, SA, VENDOR, NULL },
	{ IKE_V1_MAIN, true, 1, CLEAR, SA, VENDOR, ike_v1_main_offered },
	{ IKE_V1_MAIN, false, 1, CLEAR, KE | NONCE, NAT_D | VENDOR, ike_v1_main_key },
	{ IKE_V1_MAIN, true, 2, CLEAR, KE | NONCE, NAT_D | VENDOR, ike_v1_main_keyed },
	{ IKE_V1_MAIN, false, 2, ENCRYPTED, ID | HASH, NOTIFY | VENDOR, ike_v1_main_authenticate },
	{ IKE_V1_MAIN, true, 3, ENCRYPTED, ID | HASH, NOTIFY | VENDOR, ike_v1_main_answered },

	{ IKE_V1_AGGRESSIVE, false, 0, CLEAR, SA | KE | NONCE | ID, VENDOR, NULL },
	{ IKE_V1_AGGRESSIVE, true, 1, CLEAR, SA | KE | NONCE | ID | HASH, NAT_D | VENDOR,
	  ike_v1_aggressive_answered },
	{ IKE_V1_AGGRESSIVE, false, 1, EITHER, HASH, NAT_D | VENDOR | NOTIFY,
	  ike_v1_aggressive_authenticate },

	{ IKE_V1_QUICK, false, 0, ENCRYPTED, HASH | SA | NONCE, KE | ID | NOTIFY,
	  ike_v1_quick_answer },
	{ IKE_V1_QUICK, true, 1, ENCRYPTED, HASH | SA | NONCE, KE | ID | NOTIFY,
	  ike_v1_quick_answered },
	{ IKE_V1_QUICK, false, 1, ENCRYPTED, HASH, NOTIFY, ike_v1_quick_confirmed },

	{ IKE_V1_INFORMATIONAL, false, 0, ENCRYPTED, HASH, NOTIFY | DELETE, ike_v1_info },
};

static const struct step *find_step(uint8_t type, bool initiator, uint8_t state)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct step *s = &steps[i];

		if (s->type == type && s->initiator == initiator && s->state == state)
			return s;
	}
	return NULL;
}

static bool admit(struct ike_v1_message *m, const struct step *s)
{
	uint64_t seen = s->required | s->allowed;
	bool encrypted = m->flags & IKE_V1_FLAG_ENCRYPTED;

	if ((s->protection == CLEAR && encrypted) || (s->protection == ENCRYPTED && !encrypted))
		return false;
	if ((m->have & s->required) != s->required ||
	    (m->repeated & (SA | KE | HASH | NONCE) & seen))
		return false;
	/* HASH covers what follows it, so it has to come first. */
	if ((s->type == IKE_V1_QUICK || s->type == IKE_V1_INFORMATIONAL) && !m->hash_first)
		return false;
	if (s->type == IKE_V1_QUICK ? m->n_id == 1 : m->n_id > 1)
		return false;
	m->have &= seen;
	if (!(seen & NOTIFY))
		m->n_notify = 0;
	if (!(seen & DELETE))
		m->n_delete = 0;
	if (!(seen & NAT_D))
		m->n_nat_d = 0;
	return true;
}

bool ike_v1_admit(struct ike_v1_message *m, uint8_t type, bool initiator, uint8_t state)
{
	const struct step *s = find_step(type, initiator, state);

	return s && admit(m, s);
}

/* ---- exchanges --------------------------------------------------------------------------- */

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

static bool is_phase1(const struct ike_v1_exchange *x)
{
	return x->type == IKE_V1_MAIN || x->type == IKE_V1_AGGRESSIVE;
}

/* How long to wait for an answer to what was sent so often; 0: no longer. */
static ike_time next_gap(const struct ike_v1_exchange *x)
{
	static const uint8_t usual[] = { 1, 2, 4, 8 };
	struct ike_engine *e = x->sa->engine;
	unsigned i = x->sends - 1;

	if (i < sizeof(usual))
		return usual[i] * IKE_SECOND + ike_random_between(e, 0, IKE_SECOND / 8);
	if (is_phase1(x) && x->state == 1)
		return ike_random_between(e, 5 * IKE_SECOND, 7 * IKE_SECOND);
	return 0;
}

static void transmit(struct ike_v1_exchange *x)
{
	x->sends++;
	if (is_phase1(x) && x->initiator && x->state == 1)
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

	if (x->done) {
		ike_v1_close(x);
		return;
	}
	if (!next_gap(x)) {
		if (is_phase1(x))
			ike_v1_phase1_gave_up(x);
		else
			ike_v1_quick_gave_up(x);
		return;
	}
	if (is_phase1(x) && x->state == 1) {
		if (x->sends >= 2 && !sa->hinted && !ike_tunnel_current(t))
			ike_tunnel_because(t, IKE_REASON_NO_ANSWER,
					   "no answer from %s after %u tries",
					   ike_tunnel_peer(t, peer), t->tries);
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

/* What only an exchange under way needs. */
static void lighten(struct ike_v1_exchange *x)
{
	ike_traffic_put(&x->sa->engine->traffic, x->traffic);
	ike_dh_free(x->dh);
	free(x->nonce_i);
	free(x->nonce_r);
	free(x->sa_body);
	free(x->peer_ke);
	free(x->peer_id);
	x->traffic = NULL;
	x->dh = NULL;
	x->nonce_i = x->nonce_r = x->sa_body = x->peer_ke = x->peer_id = NULL;
}

void ike_v1_close(struct ike_v1_exchange *x)
{
	struct ike_engine *e = x->sa->engine;

	/* An initiator's SPI belongs to nobody yet; a responder's to its pair. */
	if (x->type == IKE_V1_QUICK && x->initiator && x->spi_in && !x->done)
		e->ops->spi_free(e->ctx, x->sa->tunnel_index, x->spi_in);
	LIST_REMOVE(x, link);
	ike_timer_cancel(&e->timers, &x->timer);
	lighten(x);
	free(x->packet);
	free(x);
}

void ike_v1_finish(struct ike_v1_exchange *x)
{
	struct ike_engine *e = x->sa->engine;

	if (x->type == IKE_V1_QUICK && !x->initiator)
		ike_v1_remember(x->sa, x->id);
	x->done = true;
	lighten(x);
	ike_timer_set(&e->timers, &x->timer, e->now + REPEATS_FOR);
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

void ike_v1_forget(struct ike_sa *sa)
{
	struct ike_v1_exchange *x;

	while ((x = LIST_FIRST(&sa->v1->exchanges)))
		ike_v1_close(x);
	ike_timer_cancel(&sa->engine->timers, &sa->v1->probe);
}

void ike_v1_free(struct ike_sa *sa)
{
	ike_v1_forget(sa);
	sodium_memzero(sa->v1, sizeof(*sa->v1));
	free(sa->v1);
	sa->v1 = NULL;
}

bool ike_v1_seen(const struct ike_sa *sa, uint32_t id)
{
	for (unsigned i = 0; i < IKE_V1_SEEN_MAX; i++) {
		if (sa->v1->seen[i] == id)
			return true;
	}
	return false;
}

void ike_v1_remember(struct ike_sa *sa, uint32_t id)
{
	sa->v1->seen[sa->v1->seen_next++ % IKE_V1_SEEN_MAX] = id;
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

/* Decrypts if need be, walks, and asks the table. NULL: not allowed here. */
static const struct step *take_apart(struct ike_v1_exchange *x, struct ike_v1_message *m,
				     uint8_t *data, size_t n)
{
	struct ike_sa *sa = x->sa;
	struct ike_engine *e = sa->engine;
	const struct step *s = find_step(x->type, x->initiator, x->state);
	bool encrypted = m->flags & IKE_V1_FLAG_ENCRYPTED;
	bool sane;

	if (!s || (encrypted && (s->protection == CLEAR || !sa->keys.ei)) ||
	    (!encrypted && s->protection == ENCRYPTED)) {
		ike_count(e, IKE_COUNT_UNEXPECTED);
		return NULL;
	}
	memcpy(x->iv_next, x->iv, sizeof(x->iv_next));
	sane = (!encrypted ||
		ike_v1_decrypt(sa->suite.cipher, sa->keys.ei, x->iv, data, n, x->iv_next) == 0) &&
	       ike_v1_message_walk(m, (struct view){ data, n }, encrypted) == 0 && admit(m, s);
	if (sane)
		return s;
	if (encrypted && is_phase1(x)) {
		ike_v1_phase1_garbled(x);
	} else {
		ike_count(e, encrypted ? IKE_COUNT_BAD_ICV : IKE_COUNT_MALFORMED);
	}
	return NULL;
}

static void input_exchange(struct ike_v1_exchange *x, const struct ike_path *path,
			   struct ike_v1_message *m, uint8_t *data, size_t n)
{
	struct ike_engine *e = x->sa->engine;
	struct ike_chunk all = { data, n };
	const struct step *s;

	if (ike_sha1(&all, 1, x->digest) < 0)
		return;
	if (x->accepted && memcmp(x->digest, x->seen, sizeof(x->seen)) == 0) {
		if (!x->packet || x->repeats++ >= REPEATS_ANSWERED)
			return;
		ike_count(e, IKE_COUNT_ANSWERED_AGAIN);
		ike_send(e, path, x->packet);
		return;
	}
	if (x->done) {
		ike_count(e, IKE_COUNT_UNEXPECTED);
		return;
	}
	x->from = path;
	s = take_apart(x, m, data, n);
	if (s)
		s->handle(x, m);
}

/* The SA that a message is for, by our own cookie. */
static struct ike_sa *find_sa(struct ike_engine *e, const struct ike_message *h)
{
	struct ike_sa *sa = ike_sa_find(e, h->spi_i);

	if (sa && sa->v1 && sa->initiator && (sa->spi_r == h->spi_r || !sa->spi_r))
		return sa;
	sa = ike_sa_find(e, h->spi_r);
	return sa && sa->v1 && !sa->initiator && sa->spi_i == h->spi_i ? sa : NULL;
}

static void input_quick(struct ike_sa *sa, const struct ike_path *path, struct ike_v1_message *m,
			uint8_t *data, size_t n)
{
	struct ike_v1_exchange *x = ike_v1_find(sa, IKE_V1_QUICK, m->id), *other;
	unsigned count = 0;
	bool fresh = !x;

	LIST_FOREACH(other, &sa->v1->exchanges, link)
	count += !other->done;
	if (fresh && (!m->id || ike_v1_seen(sa, m->id) || sa->replaced)) {
		ike_count(sa->engine, IKE_COUNT_BAD_MESSAGE_ID);
		return;
	}
	if (fresh && count >= IKE_V1_QUICK_MAX) {
		ike_count(sa->engine, IKE_COUNT_TOO_MANY);
		return;
	}
	if (fresh)
		x = ike_v1_open(sa, IKE_V1_QUICK, false, m->id);
	if (!x)
		return;
	input_exchange(x, path, m, data, n);
	/* A first message that was not accepted leaves nothing. */
	if (fresh && !x->accepted)
		ike_v1_close(x);
}

static void input_info(struct ike_sa *sa, const struct ike_path *path, struct ike_v1_message *m,
		       uint8_t *data, size_t n)
{
	struct ike_v1_exchange *x;

	if (!(m->flags & IKE_V1_FLAG_ENCRYPTED)) {
		const struct ike_notify *error;

		if (ike_v1_message_walk(m, (struct view){ data, n }, false) == 0 &&
		    (error = ike_v1_message_error(m)) != NULL)
			ike_v1_phase1_hint(sa, error->type);
		else
			ike_count(sa->engine, IKE_COUNT_UNEXPECTED);
		return;
	}
	/* Before the keys are proved to be the same, it means at most that they are not. */
	if (sa->state == IKE_STATE_AUTHENTICATING) {
		ike_v1_phase1_hint(sa, V1_PAYLOAD_MALFORMED);
		return;
	}
	if (sa->state != IKE_STATE_ESTABLISHED || !m->id || ike_v1_seen(sa, m->id)) {
		ike_count(sa->engine, IKE_COUNT_BAD_MESSAGE_ID);
		return;
	}
	x = ike_v1_open(sa, IKE_V1_INFORMATIONAL, false, m->id);
	if (!x)
		return;
	input_exchange(x, path, m, data, n);
	/* What ended the SA, or left it an orphan, ended the exchange as well. */
	if (sa->state != IKE_STATE_DEAD && !sa->v1->orphaned)
		ike_v1_close(x);
}

void ike_v1_input(struct ike_engine *e, struct ike_tunnel *t, const struct ike_path *path,
		  const struct ike_message *h, uint8_t *data, size_t n)
{
	struct ike_v1_exchange *x;
	struct ike_v1_message m;
	struct ike_sa *sa;

	ike_v1_message_init(&m, h);
	if (!t || !t->enabled || e->stopping) {
		ike_count(e, IKE_COUNT_NO_TUNNEL);
		return;
	}
	sa = find_sa(e, h);
	if (!sa && !h->spi_r && h->spi_i && !h->id &&
	    (h->exchange == IKE_V1_MAIN || h->exchange == IKE_V1_AGGRESSIVE)) {
		ike_v1_phase1_answer(t, path, &m, data, n);
		return;
	}
	if (!sa || sa->tunnel != t) {
		ike_count(e, IKE_COUNT_NO_SA);
		return;
	}
	if (h->exchange == IKE_V1_INFORMATIONAL) {
		input_info(sa, path, &m, data, n);
	} else if (h->exchange == IKE_V1_QUICK && sa->state == IKE_STATE_ESTABLISHED) {
		input_quick(sa, path, &m, data, n);
	} else if ((x = ike_v1_find(sa, h->exchange, 0)) != NULL && !h->id) {
		/* The answer goes where the peer is now, once it has proved who it is. */
		if (!x->initiator && sa->state == IKE_STATE_HALF_OPEN)
			sa->path = *path;
		input_exchange(x, path, &m, data, n);
	} else {
		/* Our answer in aggressive mode, or the peer's to it, was lost. */
		x = ike_v1_find(sa, IKE_V1_AGGRESSIVE, 0);
		if (h->exchange == IKE_V1_QUICK && x && !x->done && !x->initiator && x->packet &&
		    x->repeats++ < REPEATS_ANSWERED)
			ike_send(e, &sa->path, x->packet);
		ike_count(e, IKE_COUNT_UNEXPECTED);
	}
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
			ike_v1_delete_child(sa, c->spi_in);
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
			ike_v1_quick_start(sa, c->traffic, c);
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
		if (x->type == IKE_V1_QUICK && !x->done)
			return true;
	}
	return false;
}

bool ike_v1_keep(struct ike_sa *sa)
{
	struct ike_engine *e = sa->engine;
	uint64_t packets;

	if (!sa->v1->orphaned || !e->ops->inbound_packets)
		return false;
	packets = e->ops->inbound_packets(e->ctx, sa->tunnel_index);
	if (packets == sa->inbound_seen)
		return false;
	sa->inbound_seen = packets;
	ike_timer_set(&e->timers, &sa->guard, e->now + 30 * IKE_SECOND);
	return true;
}
